//! What is offered for inclusion: first offers, replacements, limits.

use agoge_protocol::U256;
use borsh::{BorshDeserialize, BorshSerialize};

/// Gas of one blob (EIP-4844).
const GAS_PER_BLOB: u128 = 131_072;

/// Fee caps of a transaction, wei per gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Fees {
    pub(crate) max_fee: u128,
    pub(crate) tip: u128,
    /// Zero without a blob.
    pub(crate) blob_fee: u128,
}

/// Fees of the chain at its head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Market {
    pub(crate) base_fee: u128,
    /// Blob base fee of the next block.
    pub(crate) blob_base_fee: u128,
    pub(crate) tip: u128,
}

/// Limits of the network file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeePolicy {
    pub(crate) headroom_percent: u64,
    pub(crate) cost_max: U256,
}

impl Fees {
    /// First offer. The blob fee floor of base/8 is EIP-7918's reserve price with room to double.
    pub(super) fn first(market: &Market, policy: &FeePolicy, is_blob: bool) -> Self {
        let headroom = u128::from(policy.headroom_percent.max(100));
        let max_fee = (market.base_fee.saturating_mul(headroom) / 100).saturating_add(market.tip);
        let blob_fee = if is_blob {
            market
                .blob_base_fee
                .saturating_mul(2)
                .max(market.base_fee / 8)
                .max(1)
        } else {
            0
        };
        Self {
            max_fee,
            tip: market.tip,
            blob_fee,
        }
    }

    /// The least offer that every pool takes as a replacement: all fees doubled for blobs, an eighth more otherwise.
    pub(super) fn replacement(self, is_blob: bool) -> Self {
        let more = |fee: u128| {
            if is_blob {
                fee.saturating_mul(2)
            } else {
                fee.saturating_add(fee.div_ceil(8)).saturating_add(1)
            }
        };
        Self {
            max_fee: more(self.max_fee),
            tip: more(self.tip),
            blob_fee: more(self.blob_fee) * u128::from(is_blob),
        }
    }

    /// The higher of both, fee by fee.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            max_fee: self.max_fee.max(other.max_fee),
            tip: self.tip.max(other.tip),
            blob_fee: self.blob_fee.max(other.blob_fee),
        }
    }

    /// Most that a transaction with so many blobs can cost, wei.
    pub(super) fn cost(&self, gas_limit: u64, blobs: u64) -> U256 {
        let blob_gas = U256::from(GAS_PER_BLOB).saturating_mul(U256::from(blobs));
        U256::from(self.max_fee)
            .saturating_mul(U256::from(gas_limit))
            .saturating_add(U256::from(self.blob_fee).saturating_mul(blob_gas))
    }

    /// A first offer brought under the limit by giving up headroom, as long as the next block could still take it.
    ///
    /// # Errors
    /// The least cost of an offer that the next block could take.
    pub(super) fn within(
        self,
        market: &Market,
        policy: &FeePolicy,
        gas_limit: u64,
        blobs: u64,
    ) -> Result<Self, U256> {
        if self.cost(gas_limit, blobs) <= policy.cost_max {
            return Ok(self);
        }
        let least = Self {
            max_fee: market.base_fee.saturating_add(1),
            tip: 1,
            ..self
        };
        let cost = least.cost(gas_limit, blobs);
        let Some(room) = policy
            .cost_max
            .checked_sub(Self { max_fee: 0, ..self }.cost(gas_limit, blobs))
        else {
            return Err(cost);
        };
        let max_fee =
            u128::try_from(room.checked_div(U256::from(gas_limit)).unwrap_or_default()).unwrap_or(u128::MAX);
        if max_fee < least.max_fee {
            return Err(cost);
        }
        Ok(Self {
            max_fee,
            tip: self.tip.min(max_fee.saturating_sub(market.base_fee)).max(1),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKET: Market = Market {
        base_fee: 100,
        blob_base_fee: 3,
        tip: 10,
    };

    fn policy(cost_max: u64) -> FeePolicy {
        FeePolicy {
            headroom_percent: 200,
            cost_max: U256::from(cost_max),
        }
    }

    #[test]
    fn first_offers_have_headroom_and_the_blob_reserve() {
        let fees = Fees::first(&MARKET, &policy(0), true);
        assert_eq!(
            fees,
            Fees {
                max_fee: 210,
                tip: 10,
                blob_fee: 12
            }
        );
        assert_eq!(Fees::first(&MARKET, &policy(0), false).blob_fee, 0);
        let calm = Market {
            base_fee: 0,
            blob_base_fee: 0,
            tip: 1,
        };
        assert_eq!(Fees::first(&calm, &policy(0), true).blob_fee, 1);
    }

    #[test]
    fn replacements_beat_every_pools_rule() {
        let fees = Fees {
            max_fee: 8,
            tip: 1,
            blob_fee: 5,
        };
        assert_eq!(
            fees.replacement(true),
            Fees {
                max_fee: 16,
                tip: 2,
                blob_fee: 10
            }
        );
        assert_eq!(
            fees.replacement(false),
            Fees {
                max_fee: 10,
                tip: 3,
                blob_fee: 0
            }
        );
    }

    #[test]
    fn headroom_is_given_up_before_inclusion_is() {
        let fees = Fees::first(&MARKET, &policy(0), false);
        assert_eq!(fees.within(&MARKET, &policy(210_000), 1_000, 0), Ok(fees));
        let tight = fees.within(&MARKET, &policy(105_000), 1_000, 0).unwrap();
        assert_eq!((tight.max_fee, tight.tip), (105, 5));
        assert_eq!(
            fees.within(&MARKET, &policy(100_000), 1_000, 0),
            Err(U256::from(101_000))
        );
        let blob = Fees::first(&MARKET, &policy(0), true);
        assert!(blob.within(&MARKET, &policy(105_000), 1_000, 1).is_err());
    }
}
