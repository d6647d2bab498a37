//! Committee sampling and the proposer's schedule, equal to the contracts' (`docs/protocol.md` section 12).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;

use crate::{Digest, Epoch, Slot, Timing};

/// Fewer validators than seats: no committee, nobody may propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the validator set has {found} members, the committee needs {needed}")]
pub struct SetTooSmall {
    /// Validators in the set.
    pub found: usize,
    /// Seats.
    pub needed: usize,
}

/// Seed of an epoch after the genesis epochs: from the previous-randao value of its entropy block.
pub fn seed(genesis_id: Digest, epoch: Epoch, prevrandao: B256) -> B256 {
    first_12_bytes(keccak256(
        (genesis_id.to_b256(), U256::from(epoch.get()), prevrandao).abi_encode(),
    ))
}

/// Seed of the genesis epochs (`0..=set_lag`).
pub fn genesis_seed(chain_id: u64, rollup: Address) -> B256 {
    first_12_bytes(keccak256(
        ("genesis".to_owned(), U256::from(chain_id), rollup).abi_encode_params(),
    ))
}

/// A seed is no longer than this, so that a Rollup keeps it in one word with what it was for.
fn first_12_bytes(hash: B256) -> B256 {
    hash & B256::right_padding_from(&[0xff; 12])
}

/// Draws `committee_size` distinct indices below `set_size`: a partial Fisher-Yates shuffle.
///
/// # Errors
/// [`SetTooSmall`].
pub fn sample_indices(seed: B256, set_size: usize, committee_size: usize) -> Result<Vec<usize>, SetTooSmall> {
    if set_size < committee_size {
        return Err(SetTooSmall {
            found: set_size,
            needed: committee_size,
        });
    }
    // Positions whose content differs from their own index.
    let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
    let mut drawn = Vec::with_capacity(committee_size);
    for position in 0..committee_size {
        let random = U256::from_be_bytes(keccak256((seed, U256::from(position)).abi_encode()).0);
        let remaining = set_size.saturating_sub(position);
        let offset = random.checked_rem(U256::from(remaining)).unwrap_or_default();
        // The remainder is below `remaining`, hence below `usize::MAX`.
        let chosen = position.saturating_add(usize::try_from(offset).unwrap_or(0));
        let here = moved.get(&position).copied().unwrap_or(position);
        drawn.push(moved.get(&chosen).copied().unwrap_or(chosen));
        moved.insert(chosen, here);
    }
    Ok(drawn)
}

/// The committee of an epoch and who proposes when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    /// Epoch it serves.
    pub epoch: Epoch,
    /// Attester addresses in committee order.
    pub members: Vec<Address>,
}

impl Committee {
    /// Samples the committee from the frozen, ordered set.
    ///
    /// # Errors
    /// [`SetTooSmall`].
    pub fn sample(
        epoch: Epoch,
        seed: B256,
        set: &[Address],
        committee_size: usize,
    ) -> Result<Self, SetTooSmall> {
        let indices = sample_indices(seed, set.len(), committee_size)?;
        let members = indices
            .into_iter()
            .filter_map(|index| set.get(index).copied())
            .collect();
        Ok(Self { epoch, members })
    }

    /// Position of the slot's proposer: the committee rotates, one slot each.
    pub fn proposer_index(&self, timing: &Timing, slot: Slot) -> Option<usize> {
        let in_epoch = usize::try_from(timing.slot_in_epoch(slot)).ok()?;
        in_epoch.checked_rem(self.members.len())
    }

    /// The slot's proposer; `None` for a slot of another epoch.
    pub fn proposer(&self, timing: &Timing, slot: Slot) -> Option<Address> {
        if timing.epoch_of(slot) != self.epoch {
            return None;
        }
        self.members.get(self.proposer_index(timing, slot)?).copied()
    }

    /// Position of a member.
    pub fn index_of(&self, attester: Address) -> Option<u16> {
        self.members
            .iter()
            .position(|member| *member == attester)
            .and_then(|i| u16::try_from(i).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_distinct_and_of_the_right_size() {
        for (n, c) in [(16, 16), (17, 16), (128, 16), (1, 1)] {
            let mut indices = sample_indices(B256::repeat_byte(7), n, c).unwrap();
            indices.sort_unstable();
            indices.dedup();
            assert_eq!(indices.len(), c);
            assert!(indices.iter().all(|i| *i < n));
        }
        assert_eq!(
            sample_indices(B256::ZERO, 15, 16),
            Err(SetTooSmall {
                found: 15,
                needed: 16
            })
        );
    }

    #[test]
    fn every_member_is_drawn_about_equally_often() {
        // 2,000 draws of 16 of 48: expected 666.7 each; the chi-square bound for 47 degrees of freedom at p = 0.001 is 82.7.
        let mut counts = [0_u32; 48];
        for number in 0..2_000_u32 {
            for index in sample_indices(keccak256(number.to_be_bytes()), 48, 16).unwrap() {
                counts[index] += 1;
            }
        }
        let expected = 2_000.0 * 16.0 / 48.0;
        let chi_square: f64 = counts
            .iter()
            .map(|c| (f64::from(*c) - expected).powi(2) / expected)
            .sum();
        assert!(chi_square < 82.7, "{chi_square}");
    }
}
