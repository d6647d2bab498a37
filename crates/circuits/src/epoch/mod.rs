//! Circuits that prove an epoch (`docs/protocol.md` section 16, `docs/circuits.md`).

pub(crate) mod config;
mod leaf;
pub(crate) mod merge;
#[cfg(test)]
mod probe;
pub(crate) mod stand_in;
pub(crate) mod track;
pub(crate) mod wrap;
