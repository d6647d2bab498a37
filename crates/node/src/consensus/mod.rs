//! What this node's validators decide in a slot: a state machine `step(now, input) -> outputs` without I/O (`docs/protocol.md` section 13).
//!
//! ```text
//! proposer   Waiting -> Building -> Built -> SigningProposal -> Collecting -> SigningPublication -> Publishing -> done
//!               ^---------'-----------'  the tip moved and nothing is signed: build again
//! attester   Held -> Executing -> Verified (each own key: Idle -> Signing -> Done) | Refused
//! ```
//!
//! The actor in `runtime` carries inputs in and outputs out; tests and simulations do the same by hand. The machine asks for signatures, it
//! never makes them: the signing guard may refuse, and then the duty is missed, not retried with other content.

mod attester;
mod collection;
mod input;
mod machine;
mod output;
mod proposer;
mod slot;
mod window;

pub use input::{BuildFailed, ChainView, Input, Offer, PublishFailed, SignRefused, Source, TipView};
pub use machine::Validators;
pub use output::{Evidence, Output, Publication, SignKind, SignRequest, Verdict};
pub use window::Rules;
pub(crate) use window::next_l1_time;
