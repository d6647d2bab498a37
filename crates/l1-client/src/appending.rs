//! Whether anyone may append blocks together with their proof to an instance (`docs/protocol.md` 16.7), and if not, from when on.

use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::network::Proving;
use agoge_protocol::{Address, Epoch, Timing};
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;

use crate::call::{At, CallError};
use crate::client::L1Client;
use crate::reader::{RollupReader, Tips};
use crate::revert::RevertReason;
use crate::simulate::Simulation;

/// What the contract says to an append at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Openness {
    /// It looks at the blocks.
    Open,
    /// The instance is not open to all yet.
    Closed,
    /// The epoch's one append was made.
    Appended,
    /// Blocks of a committee from before the instance was open wait for their proof.
    Unproven,
}

/// An instance as who wants to append to it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendState {
    /// What the contract says.
    pub openness: Openness,
    /// Its tips, after a prune that is due.
    pub tips: Tips,
    /// Unix seconds from which an append may succeed, as far as is known now; the time of the look when it is open.
    pub opens_at: u64,
}

impl L1Client {
    /// Asks an instance, as an L1 block of `time` (Unix seconds) on top of the head would, whether `prover` could append to it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn append_state(
        &self,
        rollup: &RollupReader,
        prover: Address,
        timing: &Timing,
        time: u64,
    ) -> Result<AppendState, CallError> {
        let openness = self.openness(rollup.contracts().rollup, prover, time).await?;
        let tips = rollup.tips_at(At::Latest, time).await?;
        let rules = &self.config.network.proving;
        let opens_at = match openness {
            Openness::Open => time,
            Openness::Closed => {
                let listed = rollup.instances(At::Latest).await?;
                opening(rules, timing, &tips, &listed, rollup.contracts().rollup)
            }
            Openness::Appended => {
                let epoch = timing.slot_at(time).map(|slot| timing.epoch_of(slot));
                timing.epoch_start(epoch.unwrap_or(Epoch::new(0)).next())
            }
            // Proven before, or pruned then.
            Openness::Unproven => {
                let epoch = timing.epoch_of(tips.first_unproven_slot);
                timing.epoch_start(later(epoch, rules.proof_window_epochs).next())
            }
        };
        Ok(AppendState {
            openness,
            tips,
            opens_at,
        })
    }

    /// The contract looks at who may append before it looks at the blocks, so an append of nothing tells.
    async fn openness(&self, rollup: Address, prover: Address, time: u64) -> Result<Openness, CallError> {
        let nothing = Rollup::proposeProvenCall {
            _prover: prover,
            _settlement: Bytes::new(),
            _commitments: Bytes::new(),
            _evaluation: Bytes::new(),
            _proof: Bytes::new(),
        };
        let mut look = Simulation::call(prover, rollup, nothing.abi_encode().into());
        look.time = Some(time);
        let reason = match self.simulate(&look).await {
            Ok(_) => return Ok(Openness::Open),
            Err(CallError::Reverted { reason, .. }) => reason,
            Err(error) => return Err(error),
        };
        let known = [
            ("Rollup__NotOpen", Openness::Closed),
            ("Rollup__AlreadyAppended", Openness::Appended),
            ("Rollup__UnprovenBlocks", Openness::Unproven),
            ("Statement__NoBlocks", Openness::Open),
        ];
        match known.into_iter().find(|(name, _)| reason.is(name)) {
            Some((_, openness)) => Ok(openness),
            None => Err(unexpected(reason)),
        }
    }
}

const fn unexpected(reason: RevertReason) -> CallError {
    CallError::Reverted {
        function: Rollup::proposeProvenCall::SIGNATURE,
        reason,
    }
}

/// First second in which an instance that is closed now is open, by its contract's two rules. `listed` is the Registry's list, oldest first.
fn opening(
    rules: &Proving,
    timing: &Timing,
    tips: &Tips,
    listed: &[(Address, Epoch)],
    rollup: Address,
) -> u64 {
    let mut after = listed.iter().skip_while(|(other, _)| *other != rollup);
    let activation = after.next().map_or(Epoch::new(0), |(_, activation)| *activation);
    let superseded = after
        .next()
        .map(|(_, successor)| later(*successor, rules.proof_window_epochs));
    let last_slot = if tips.pending == tips.proven {
        tips.first_unproven_slot
    } else {
        tips.pending_slot
    };
    let last_active = timing.epoch_of(last_slot).max(activation);
    let stalled = later(last_active, rules.stall_epochs);
    timing.epoch_start(superseded.map_or(stalled, |superseded| superseded.min(stalled)))
}

const fn later(epoch: Epoch, epochs: u64) -> Epoch {
    Epoch::new(epoch.get().saturating_add(epochs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::network::{NetworkConfig, built_in};
    use agoge_protocol::{L2BlockNumber, Slot};

    const OLD: Address = Address::repeat_byte(1);
    const NEW: Address = Address::repeat_byte(2);

    /// Epochs from their first second on: P = 4, stall = 8.
    fn opens(listed: &[(Address, Epoch)], pending: u64, slots: (u64, u64)) -> u64 {
        let network = NetworkConfig::parse(built_in("devnet").unwrap()).unwrap();
        assert_eq!(
            (network.proving.proof_window_epochs, network.proving.stall_epochs),
            (4, 8)
        );
        let timing = network.timing(1_000);
        let (pending_slot, first_unproven_slot) = slots;
        let tips = Tips {
            pending: L2BlockNumber::new(pending),
            proven: L2BlockNumber::new(5),
            pending_slot: Slot::new(pending_slot),
            proven_slot: Slot::new(5),
            first_unproven_slot: Slot::new(first_unproven_slot),
            pending_inbox_end: 0,
            proven_inbox_end: 0,
        };
        let start = opening(&network.proving, &timing, &tips, listed, OLD);
        let epoch = timing.epoch_of(timing.slot_at(start).unwrap());
        assert_eq!(timing.epoch_start(epoch), start);
        epoch.get()
    }

    #[test]
    fn a_superseded_instance_opens_a_proof_window_after_its_successors_activation() {
        let epoch_slots = NetworkConfig::parse(built_in("devnet").unwrap())
            .unwrap()
            .protocol
            .epoch_slots;
        let listed = [(OLD, Epoch::new(0)), (NEW, Epoch::new(10))];
        let last = epoch_slots * 9;
        assert_eq!(opens(&listed, 5, (0, last)), 14);
        // Without a block for long it stalled before that.
        assert_eq!(opens(&listed, 5, (0, epoch_slots * 3)), 11);
    }

    #[test]
    fn a_stalled_instance_opens_by_the_last_block_of_a_committee_or_its_activation() {
        let epoch_slots = NetworkConfig::parse(built_in("devnet").unwrap())
            .unwrap()
            .protocol
            .epoch_slots;
        let alone = [(OLD, Epoch::new(6))];
        assert_eq!(
            opens(&alone, 5, (epoch_slots * 20, epoch_slots * 2)),
            14,
            "no committee's block"
        );
        assert_eq!(
            opens(&alone, 6, (epoch_slots * 20, epoch_slots * 19)),
            28,
            "the newest is unproven"
        );
    }
}
