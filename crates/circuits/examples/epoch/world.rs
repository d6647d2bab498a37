//! A small epoch with everything that its proof is made from.

use std::collections::BTreeMap;
use std::error::Error;

use agoge_circuits::{
    ClientProver, ClientWitness, InputNote, OutputNote, ProvenTransaction, SettlementChallenges,
    SettlementStep,
};
use agoge_protocol::network::ClientProfile;
use agoge_protocol::settlement::SettledDeposit;
use agoge_protocol::{
    Address, B256, Ciphertext, Deposit, Digest, Element, EpochPublicInputs, Header, L2BlockNumber, Slot,
    Transaction, TxEffects, Withdrawal,
};
use agoge_state_transition::witness::{StateBoundary, StateStep, block_steps};
use agoge_state_transition::{
    BlockContext, BlockLimits, Fingerprint, MemoryState, evaluate_blobs, execute_txs, hash, tree,
};

/// Limbs of 62 bits, as every genesis id.
const GENESIS_ID: [u32; 4] = [11, 22, 33, 44];
const KEY: [u32; 4] = [5, 6, 7, 8];

pub(crate) struct World {
    pub(crate) genesis_id: Digest,
    pub(crate) transactions: Vec<ProvenTransaction>,
    pub(crate) state_start: StateBoundary,
    pub(crate) state_steps: Vec<StateStep>,
    pub(crate) settlement_steps: Vec<SettlementStep>,
    pub(crate) challenges: SettlementChallenges,
    start_archive: Digest,
    end_archive: Digest,
    effects: Vec<Vec<TxEffects>>,
}

fn digest(numbers: [u32; 4]) -> Digest {
    Digest(numbers.map(Element::from_u32))
}

fn ciphertexts() -> [Ciphertext; 2] {
    [Ciphertext::from_bytes(&[3; 91]), Ciphertext::from_bytes(&[4; 91])]
}

/// Blocks on a state.
struct Chain {
    state: MemoryState,
    headers: BTreeMap<L2BlockNumber, Header>,
    slot: u64,
    inbox: u64,
    state_steps: Vec<StateStep>,
    settlement_steps: Vec<SettlementStep>,
    effects: Vec<Vec<TxEffects>>,
    archive: Digest,
}

impl Chain {
    fn block(&mut self, deposits: &[Deposit], txs: &[Transaction]) -> Result<(), Box<dyn Error>> {
        self.slot += 2;
        let context = BlockContext {
            genesis_id: digest(GENESIS_ID),
            slot: Slot::new(self.slot),
            timestamp: 1_800_000_000 + 36 * self.slot,
            fee_recipient: Address::from([0xfe; 20]),
            inbox_start: self.inbox,
            limits: BlockLimits {
                txs_max: 64,
                deposits_max: 16,
                withdrawals_max: 12,
                tx_fee_min: 0,
            },
        };
        let public: Vec<_> = txs.iter().map(|tx| tx.public_inputs.clone()).collect();
        let steps = block_steps(&self.state, &self.headers, &context, deposits, &public)?;
        let executed = execute_txs(&self.state, &context, deposits, txs)?;
        assert_eq!(steps.archive, executed.archive, "two ways to the same block");
        self.state_steps.extend(steps.steps);
        for deposit in deposits {
            self.settlement_steps
                .push(SettlementStep::Deposit(SettledDeposit {
                    partial: deposit.partial,
                    value: deposit.value,
                }));
        }
        let effects: Vec<_> = txs.iter().map(Transaction::effects).collect();
        for effects in &effects {
            self.settlement_steps
                .push(SettlementStep::Transaction(Box::new(effects.clone())));
        }
        self.settlement_steps.push(SettlementStep::BlockEnd {
            header: Box::new(executed.header.clone()),
            archive: executed.archive,
        });
        self.effects.push(effects);
        self.archive = executed.archive;
        self.inbox = executed.header.inbox_end;
        self.headers.insert(executed.header.number, executed.header);
        self.state.apply(&executed.diff);
        Ok(())
    }
}

impl World {
    pub(crate) fn new(profile: ClientProfile) -> Result<Self, Box<dyn Error>> {
        let client = ClientProver::new(profile)?;
        let state = MemoryState::new();
        let state_start = StateBoundary::at_start(&state, 0)?;
        let mut chain = Chain {
            archive: state_start.archive,
            state,
            headers: BTreeMap::new(),
            slot: 0,
            inbox: 0,
            state_steps: vec![],
            settlement_steps: vec![],
            effects: vec![],
        };
        let owner = hash::owner(&digest(KEY).0);
        let randomness = [digest([1, 0, 0, 0]), digest([2, 0, 0, 0])];
        let deposits: Vec<_> = [(0, 700), (1, 300)]
            .into_iter()
            .zip(randomness)
            .map(|((index, value), randomness)| Deposit {
                index,
                partial: hash::partial(owner, randomness),
                value,
                ciphertext: Ciphertext::from_bytes(&[9; 91]),
                time: 1_800_000_000,
                inbox_hash: B256::ZERO,
            })
            .collect();
        chain.block(&deposits, &[])?;

        let spending = spending(&chain.state, &deposits, randomness)?;
        let anchor = spending.anchor;
        let transactions = [spending, of_nothing(anchor)]
            .iter()
            .map(|witness| {
                let (public_inputs, proof) = client.prove(witness)?;
                Ok(Transaction::new(public_inputs, ciphertexts(), proof)?)
            })
            .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        chain.block(&[], &transactions)?;
        chain.block(&[], &[])?;

        let number = |n: u64| Element::new(n);
        Ok(Self {
            genesis_id: digest(GENESIS_ID),
            transactions: transactions
                .iter()
                .map(|tx| ProvenTransaction {
                    public_inputs: tx.public_inputs.clone(),
                    proof: tx.proof().to_vec(),
                })
                .collect(),
            state_start,
            state_steps: chain.state_steps,
            settlement_steps: chain.settlement_steps,
            challenges: SettlementChallenges {
                alpha: [number(0x1234_5678_9abc_def0)?, number(0x0fed_cba9_8765_4321)?],
                z: [
                    number(0x11_2233_4455_6677)?,
                    number(0x88_99aa_bbcc_ddee)?,
                    number(0xff_0011)?,
                ],
            },
            start_archive: state_start.archive,
            end_archive: chain.archive,
            effects: chain.effects,
        })
    }

    /// What the proof must say, by the protocol's own functions.
    pub(crate) fn expected(&self) -> Result<EpochPublicInputs, Box<dyn Error>> {
        let mut list = Fingerprint::new(self.challenges.alpha);
        let [mut deposits, mut withdrawals, mut transactions, mut blocks] = [0_u32; 4];
        for step in &self.settlement_steps {
            match step {
                SettlementStep::Deposit(deposit) => {
                    deposits += 1;
                    deposit
                        .partial
                        .0
                        .into_iter()
                        .for_each(|element| list.absorb(element));
                    list.absorb(Element::new(deposit.value)?);
                }
                SettlementStep::Transaction(effects) => {
                    transactions += 1;
                    let withdrawal = effects.withdrawal;
                    if withdrawal.amount > 0 {
                        withdrawals += 1;
                        let limbs = agoge_protocol::address_limbs(withdrawal.recipient);
                        limbs.into_iter().for_each(|limb| list.absorb(limb));
                        list.absorb(Element::new(withdrawal.amount)?);
                    }
                }
                SettlementStep::BlockEnd { header, archive } => {
                    blocks += 1;
                    list.absorb(Element::new(header.slot.get())?);
                    list.absorb(Element::new(header.timestamp)?);
                    let limbs = agoge_protocol::address_limbs(header.fee_recipient);
                    limbs.into_iter().for_each(|limb| list.absorb(limb));
                    list.absorb(Element::new(header.total_fees)?);
                    list.absorb(Element::new(header.inbox_end)?);
                    archive.0.into_iter().for_each(|element| list.absorb(element));
                    for count in [transactions, deposits, withdrawals] {
                        list.absorb(Element::from_u32(count));
                    }
                    (deposits, withdrawals, transactions) = (0, 0, 0);
                }
            }
        }
        list.absorb(Element::from_u32(blocks));
        Ok(EpochPublicInputs {
            genesis_id: self.genesis_id,
            start_archive: self.start_archive,
            end_archive: self.end_archive,
            alpha: self.challenges.alpha,
            fingerprint: list.value(),
            z: self.challenges.z,
            y: evaluate_blobs(self.effects.iter().map(Vec::as_slice), self.challenges.z),
        })
    }
}

/// Spends both deposits, pays a fee, withdraws.
fn spending(
    state: &MemoryState,
    deposits: &[Deposit],
    randomness: [Digest; 2],
) -> Result<ClientWitness, Box<dyn Error>> {
    let anchor = tree::root(state, agoge_state_transition::Tree::Note)?;
    let input = |index: usize| -> Result<InputNote, Box<dyn Error>> {
        let deposit = deposits.get(index).ok_or("two deposits")?;
        let path = tree::note_path(state, deposit.index)?.ok_or("the deposit is in the tree")?;
        Ok(InputNote {
            spending_key: digest(KEY).0,
            value: deposit.value,
            rho: hash::deposit_rho(digest(GENESIS_ID), deposit.index)?,
            randomness: *randomness.get(index).ok_or("two deposits")?,
            index: u32::try_from(path.index)?,
            siblings: path.siblings,
        })
    };
    Ok(ClientWitness {
        genesis_id: digest(GENESIS_ID),
        anchor,
        inputs: [input(0)?, input(1)?],
        outputs: [
            OutputNote {
                partial: digest([61, 0, 0, 0]),
                value: 600,
            },
            OutputNote {
                partial: digest([62, 0, 0, 0]),
                value: 250,
            },
        ],
        fee: 50,
        withdrawal: Withdrawal {
            amount: 100,
            recipient: Address::from([0xab; 20]),
        },
        ciphertext_hash: hash::ciphertexts(&ciphertexts()),
    })
}

/// Two dummies in, two notes of nothing out.
fn of_nothing(anchor: Digest) -> ClientWitness {
    let nothing = OutputNote {
        partial: digest([63, 0, 0, 0]),
        value: 0,
    };
    ClientWitness {
        genesis_id: digest(GENESIS_ID),
        anchor,
        inputs: [
            InputNote::dummy(digest(KEY).0, digest([71, 0, 0, 0])),
            InputNote::dummy(digest(KEY).0, digest([72, 0, 0, 0])),
        ],
        outputs: [nothing, nothing],
        fee: 0,
        withdrawal: Withdrawal::default(),
        ciphertext_hash: hash::ciphertexts(&ciphertexts()),
    }
}
