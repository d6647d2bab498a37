//! Reporting an equivocation to Staking.

use agoge_contract_bindings::staking::Staking;
use agoge_protocol::equivocation::{Equivocation, MessageKind, SignedHashes};
use agoge_protocol::{Address, B256, U256};
use alloy::sol_types::SolCall;

use crate::revert::RevertReason;
use crate::sender::{GasPolicy, Purpose, TxRequest};

/// Largest gas limit of a slashing: some ten storage slots are new, and an ejection moves a seat.
const SLASH_GAS_MAX: u64 = 2_000_000;

/// Slashes for an equivocation; the sender of the transaction is the reporter.
pub fn slash(staking: Address, equivocation: &Equivocation) -> TxRequest {
    let [first, second] = equivocation.messages.map(message);
    let call = Staking::slashCall {
        _evidence: Staking::Evidence {
            instance: equivocation.instance,
            genesisId: equivocation.genesis_id.to_b256(),
            slot: U256::from(equivocation.slot.get()),
            kind: match equivocation.kind {
                MessageKind::Proposal => 0,
                MessageKind::Attestation => 1,
            },
            first,
            second,
        },
    };
    TxRequest {
        gas: GasPolicy::Estimate { max: SLASH_GAS_MAX },
        ..TxRequest::call(staking, call.abi_encode().into(), Purpose::named("slash"))
    }
}

/// Whether a refusal of `slash` means that nothing is left to take: it was reported before, or the stake is gone or a newer one.
pub fn is_slashing_over(reason: &RevertReason) -> bool {
    [
        "Staking__AlreadySlashed",
        "Staking__WrongStatus",
        "Staking__BeforeActivation",
    ]
    .into_iter()
    .any(|name| reason.is(name))
}

fn message(hashes: SignedHashes) -> Staking::SignedMessage {
    let (r, vs) = hashes.signature.as_bytes().split_at(32);
    Staking::SignedMessage {
        blockHash: hashes.block_hash,
        bodyHash: hashes.body_hash,
        r: B256::from_slice(r),
        vs: B256::from_slice(vs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::{CompactSignature, Digest, Slot};
    use alloy::sol_types::SolError;

    #[test]
    fn every_field_stands_where_the_contract_reads_it() {
        let mut bytes = [1; 64];
        bytes[32..].fill(2);
        let hashes = |block| SignedHashes {
            block_hash: B256::repeat_byte(block),
            body_hash: B256::repeat_byte(9),
            signature: CompactSignature::from_bytes(bytes),
        };
        let equivocation = Equivocation {
            instance: Address::repeat_byte(3),
            genesis_id: Digest::ZERO,
            slot: Slot::new(77),
            kind: MessageKind::Attestation,
            messages: [hashes(4), hashes(5)],
        };
        let request = slash(Address::repeat_byte(6), &equivocation);
        assert_eq!(request.to, Some(Address::repeat_byte(6)));
        let sent = Staking::slashCall::abi_decode(&request.calldata)
            .unwrap()
            ._evidence;
        assert_eq!(
            (sent.instance, sent.slot, sent.kind),
            (Address::repeat_byte(3), U256::from(77), 1)
        );
        assert_eq!(
            (sent.first.blockHash, sent.second.blockHash),
            (B256::repeat_byte(4), B256::repeat_byte(5))
        );
        assert_eq!(
            (sent.first.r, sent.second.vs),
            (B256::repeat_byte(1), B256::repeat_byte(2))
        );
    }

    #[test]
    fn only_what_can_never_be_taken_is_over() {
        let reverted = |error: Vec<u8>| is_slashing_over(&RevertReason::decode(&error.into()));
        let status = Staking::Staking__WrongStatus {
            attester: Address::ZERO,
            actual: 0,
        };
        assert!(reverted(status.abi_encode()));
        let before = Staking::Staking__BeforeActivation {
            slot: U256::ONE,
            attester: Address::ZERO,
        };
        assert!(reverted(before.abi_encode()));
        assert!(!reverted(Staking::Staking__InvalidSignature {}.abi_encode()));
        assert!(
            !reverted(Vec::new()),
            "out of gas, or a provider that drops the data"
        );
    }
}
