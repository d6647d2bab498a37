//! Value is conserved, and each Rollup has at least what it owes (`docs/protocol.md`, section 15, invariants 1 and 2).
//!
//! All ETH of a Rollup came by deposits; it leaves by pull payments and as provers' shares that ProverBonds keeps. Fees and withdrawals
//! of proven blocks become what it owes, to the wei.

use std::collections::BTreeSet;

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_protocol::rpc::RpcEffects;
use agoge_protocol::{Address, U256};

use crate::history::evidence::l1::{BondsFacts, RollupFacts};
use crate::history::finding::Finding;
use crate::history::replay::Chain;

/// Name of the check.
pub const NAME: &str = "value";
/// Wei of one gwei.
const GWEI: U256 = U256::from_limbs([1_000_000_000, 0, 0, 0]);

/// Who may be owed withdrawals of these blocks.
pub fn withdrawers(effects: &[RpcEffects]) -> BTreeSet<Address> {
    let txs = effects.iter().flat_map(|block| &block.transactions);
    txs.filter_map(|tx| tx.withdrawal)
        .map(|withdrawal| withdrawal.recipient)
        .collect()
}

/// Judges an instance's books. `effects` are all its blocks from the first, or none if no node answered.
pub fn check(
    finding: &mut Finding,
    facts: &RollupFacts,
    chain: &Chain,
    bonds: &BondsFacts,
    effects: &[RpcEffects],
) {
    let number = facts.instance.number;
    let deposited = sum(chain.deposits.iter().map(|(gwei, _)| *gwei)).saturating_mul(GWEI);
    let shares = shares(facts, bonds);
    let gone = chain.withdrawn.saturating_add(shares);
    let expected = deposited.saturating_sub(gone);
    finding.figure(
        "deposits",
        u64::try_from(chain.deposits.len()).unwrap_or(u64::MAX),
    );
    if gone > deposited {
        finding.violated(format!(
            "instance {number}: {gone} wei left, only {deposited} wei were deposited"
        ));
    }
    if facts.balance < expected {
        finding.violated(format!(
            "instance {number}: the Rollup has {} wei, its events leave {expected} wei",
            facts.balance
        ));
    } else if facts.balance > expected {
        // Nobody can keep ETH from being forced upon a contract.
        finding.count("rollups_with_a_surplus");
    }
    let owed = sum(facts.owed.values().copied());
    if owed > facts.balance {
        finding.violated(format!(
            "instance {number}: the Rollup owes {owed} wei and has {}",
            facts.balance
        ));
    }
    if effects.len() < usize::try_from(chain.proven).unwrap_or(usize::MAX) {
        finding.missing(format!(
            "instance {number}: no node told all proven blocks, so fees and withdrawals are not known"
        ));
        return;
    }
    pool(finding, number, effects);
    let settled = settled(effects, chain.proven).saturating_mul(GWEI);
    let credited = owed.saturating_add(gone);
    if settled != credited {
        finding.violated(format!(
            "instance {number}: fees and withdrawals of proven blocks are {settled} wei, credited were {credited} wei"
        ));
    }
    finding.figure("proven_blocks", chain.proven);
}

/// What a Rollup handed to ProverBonds.
fn shares(facts: &RollupFacts, bonds: &BondsFacts) -> U256 {
    sum(bonds.events.iter().filter_map(|placed| match &placed.event {
        ProverBonds::ProverBondsEvents::ShareReserved(event) if event.instance == facts.instance.rollup => {
            Some(event.amount)
        }
        _ => None,
    }))
}

/// What leaves the pool in a block, gwei.
fn outflow(block: &RpcEffects) -> U256 {
    sum(block.transactions.iter().map(|tx| {
        let withdrawn = tx.withdrawal.map_or(0, |withdrawal| withdrawal.amount);
        U256::from(tx.fee).saturating_add(U256::from(withdrawn))
    }))
}

/// No block takes more out of the pool than the blocks up to it brought in.
fn pool(finding: &mut Finding, number: u32, effects: &[RpcEffects]) {
    let (mut inside, mut taken) = (U256::ZERO, U256::ZERO);
    for block in effects {
        finding.count("blocks");
        let deposits = sum(block.deposits.iter().map(|deposit| U256::from(deposit.value)));
        inside = inside.saturating_add(deposits);
        taken = taken.saturating_add(outflow(block));
        if taken > inside {
            finding.violated(format!(
                "instance {number}: up to block {} {taken} gwei left the pool, {inside} gwei came in",
                block.number
            ));
            return;
        }
    }
}

fn settled(effects: &[RpcEffects], proven: u64) -> U256 {
    let blocks = effects.iter().filter(|block| block.number.get() <= proven);
    sum(blocks.map(outflow))
}

pub(super) fn sum(values: impl Iterator<Item = U256>) -> U256 {
    values.fold(U256::ZERO, U256::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::evidence::wire::Instance;
    use crate::history::finding::Verdict;
    use crate::history::replay::tests::{GENESIS, grown, placed, proven};
    use agoge_protocol::rpc::{RpcDeposit, RpcTxEffects, RpcWithdrawal};
    use agoge_protocol::{B256, Ciphertext, Digest, L2BlockNumber, Slot, Timing};
    use std::collections::BTreeMap;

    const ROLLUP: Address = Address::repeat_byte(1);

    struct Scene {
        facts: RollupFacts,
        chain: Chain,
        bonds: BondsFacts,
        effects: Vec<RpcEffects>,
    }

    /// A deposit of 100 gwei; the one proven block takes a fee of 3 and a withdrawal of 20 out. Of the fee, 1 is a reserved share; the
    /// withdrawal was pulled.
    fn scene() -> Scene {
        let mut chain = grown(&[1, 2]);
        let proof = proven(&chain, 1, 1);
        chain.apply(&proof);
        chain.deposits.push((U256::from(100), B256::ZERO));
        chain.withdrawn = U256::from(20) * GWEI;
        let share = ProverBonds::ShareReserved {
            instance: ROLLUP,
            epoch: U256::ZERO,
            prover: Address::ZERO,
            blocks: U256::ONE,
            amount: GWEI,
        };
        let deposit = RpcDeposit {
            index: 0,
            partial: Digest::ZERO,
            value: 100,
            ciphertext: Ciphertext::from_bytes(&[0; 91]),
            time: 0,
            inbox_hash: B256::ZERO,
        };
        let tx = RpcTxEffects {
            nullifiers: [Digest::ZERO; 2],
            commitments: [Digest::ZERO; 2],
            fee: 3,
            withdrawal: Some(RpcWithdrawal {
                amount: 20,
                recipient: Address::repeat_byte(7),
            }),
            ciphertexts: [Ciphertext::from_bytes(&[0; 91]); 2],
        };
        let block = |number, deposits, transactions| RpcEffects {
            number: L2BlockNumber::new(number),
            slot: Slot::new(number),
            block_hash: B256::ZERO,
            note_root: Digest::ZERO,
            first_note_index: 0,
            deposits,
            transactions,
        };
        Scene {
            facts: RollupFacts {
                instance: Instance {
                    number: 1,
                    chain_id: 31_337,
                    rollup: ROLLUP,
                    genesis_id: Digest::ZERO,
                },
                timing: Timing {
                    genesis_time: 0,
                    slot_seconds: 4,
                    epoch_slots: 8,
                    set_lag: 2,
                    entropy_lag: 1,
                },
                genesis_archive: GENESIS,
                committee_size: 4,
                events: Vec::new(),
                sets: BTreeMap::new(),
                tips: (2, 1),
                records: BTreeMap::new(),
                balance: U256::from(79) * GWEI,
                owed: BTreeMap::from([(Address::repeat_byte(4), U256::from(2) * GWEI)]),
            },
            chain,
            bonds: BondsFacts {
                events: vec![placed(1, ProverBonds::ProverBondsEvents::ShareReserved(share))],
                ..BondsFacts::default()
            },
            effects: vec![block(1, vec![deposit], vec![tx]), block(2, vec![], vec![])],
        }
    }

    fn judged(scene: &Scene) -> Finding {
        let mut finding = Finding::new(NAME);
        check(
            &mut finding,
            &scene.facts,
            &scene.chain,
            &scene.bonds,
            &scene.effects,
        );
        finding
    }

    #[test]
    fn books_that_balance_pass_and_a_surplus_is_only_told() {
        let mut scene = scene();
        assert_eq!(judged(&scene).verdict, Verdict::Pass, "{:?}", judged(&scene));
        scene.facts.balance += U256::ONE;
        let finding = judged(&scene);
        assert_eq!(finding.verdict, Verdict::Pass);
        assert_eq!(finding.figures["rollups_with_a_surplus"], 1);
        assert_eq!(withdrawers(&scene.effects), [Address::repeat_byte(7)].into());
    }

    #[test]
    fn a_wei_that_is_missing_or_credited_too_much_or_made_in_the_pool_is_found() {
        let cases: [(&str, fn(&mut Scene)); 4] = [
            ("balance", |scene| scene.facts.balance -= U256::ONE),
            ("credit", |scene| {
                scene.facts.owed.insert(Address::ZERO, U256::ONE);
            }),
            ("no credit", |scene| scene.facts.owed.clear()),
            ("pool", |scene| scene.effects[0].deposits[0].value = 22),
        ];
        for (what, spoil) in cases {
            let mut scene = scene();
            spoil(&mut scene);
            assert_eq!(judged(&scene).verdict, Verdict::Fail, "{what}");
        }
    }

    #[test]
    fn without_the_blocks_conservation_is_unknown() {
        let mut scene = scene();
        scene.effects.clear();
        assert_eq!(judged(&scene).verdict, Verdict::Unknown);
    }
}
