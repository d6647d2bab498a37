//! The nouns and rules of Agoge: slots, epochs, headers, transactions, effects, attestations, sampling, parameters. Pure.
