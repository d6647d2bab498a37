//! Every constraint with values that break only it.
