//! The plonky2 statements, their public-input layouts and verifier data.
