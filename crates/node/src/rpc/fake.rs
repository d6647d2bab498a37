//! A node that answers from memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use agoge_protocol::chain::ClaimOutcome;
use agoge_protocol::rpc::{RpcGovernance, RpcNodeSignal, RpcRound, Signal};
use agoge_protocol::transaction::Withdrawal;
use agoge_protocol::{
    Address, B256, Ciphertext, CompactSignature, Digest, Element, Epoch, Header, L1BlockNumber,
    L2BlockNumber, Quote, SignedQuote, Slot, Transaction, TxEffects, TxId,
};
use agoge_store::{ClaimEnd, EpochClaim, EpochProof};

use crate::duties::{DutyKind, DutyOutcome, DutyRecord, MissReason};
use crate::mempool::RefuseReason;
use crate::query::{
    BlockEffects, BlockView, CommandError, CommitteeError, CommitteeView, EpochView, Instances, NodeCommands,
    NodeInfo, NodeQueries, NotRunning, NoteWitness, PeerView, QueryError, SendError, Tip, Tips, TxStatus,
};
use crate::quotes::{Kept, QuoteRefusal};
use crate::signer::AttesterKey;
use agoge_l1_client::instances::{InstanceState, InstanceView};

/// Blocks of the fake chain.
pub(super) const BLOCKS: u64 = 300;

/// Commands that the fake obeyed.
#[derive(Clone, Debug, Default)]
pub(super) struct Fake {
    /// Which instance answers; 0 is the canonical one, which is what a fresh fake is.
    pub(super) number: u32,
    /// Whether the canonical instance does not run.
    pub(super) is_down: Arc<AtomicBool>,
    pub(super) duties: Arc<Mutex<Vec<(Address, bool)>>>,
    pub(super) guard: Arc<Mutex<Option<String>>>,
    pub(super) signal: Arc<Mutex<Option<Signal>>>,
}

/// Genesis id of the second instance.
pub(super) const SECOND: Digest = Digest([Element::from_u32(1); 4]);

/// The one attester that the fake holds.
pub(super) const ATTESTER: Address = Address::repeat_byte(0xaa);

fn tip(number: u64) -> Tip {
    Tip {
        number: L2BlockNumber::new(number),
        slot: (number > 0).then_some(Slot::new(number)),
        archive: Digest::ZERO,
        note_root: Digest::ZERO,
        note_count: number,
        nullifier_root: Digest::ZERO,
        nullifier_count: 1,
        inbox_end: 0,
    }
}

fn header(number: L2BlockNumber) -> Header {
    Header {
        genesis_id: Digest::ZERO,
        number,
        slot: Slot::new(number.get()),
        timestamp: 0,
        parent_archive: Digest::ZERO,
        note_root: Digest::ZERO,
        note_count: 0,
        nullifier_root: Digest::ZERO,
        nullifier_count: 1,
        inbox_end: 0,
        settlement_hash: Digest::ZERO,
        effects_hash: Digest::ZERO,
        fee_recipient: Address::ZERO,
        total_fees: 1_000,
        tx_count: 1,
    }
}

impl NodeQueries for Fake {
    fn node_info(&self) -> NodeInfo {
        NodeInfo {
            version: "0.0.0",
            network: "devnet".into(),
            chain_id: 31_337,
            instance: self.number,
            rollup: Address::repeat_byte(1),
            rollup_version: 1,
            genesis_id: Digest::ZERO,
            genesis_time: 1_000,
            slot_seconds: 4,
            epoch_slots: 16,
            attesters: vec![(ATTESTER, true)],
            peer_id: "peer".into(),
        }
    }

    fn tips(&self) -> Tips {
        Tips {
            pending: tip(BLOCKS),
            proven: tip(2),
            finalized: tip(1),
            l1_head: None,
        }
    }

    fn block(&self, number: L2BlockNumber) -> Result<Option<BlockView>, QueryError> {
        if number.get() == 299 {
            return Err(QueryError::Storage("/secret/path is gone".into()));
        }
        Ok((1..=BLOCKS).contains(&number.get()).then(|| BlockView {
            header: header(number),
            header_hash: Digest::ZERO,
            archive: Digest::ZERO,
            block_hash: B256::repeat_byte(3),
            blob_hash: B256::repeat_byte(1),
            l1_block: L1BlockNumber::new(9),
            is_proven: number.get() <= 2,
        }))
    }

    fn effects(&self, number: L2BlockNumber) -> Result<Option<BlockEffects>, QueryError> {
        let effects = TxEffects {
            nullifiers: [Digest::ZERO; 2],
            commitments: [Digest::ZERO; 2],
            fee: 1_000,
            withdrawal: Withdrawal {
                amount: 5,
                recipient: Address::ZERO,
            },
            ciphertexts: [Ciphertext::from_bytes(&[7; 91]); 2],
        };
        Ok(Some(BlockEffects {
            number,
            first_note_index: 4,
            deposits: vec![],
            transactions: vec![effects],
        }))
    }

    async fn send_transaction(&self, tx: Transaction) -> Result<TxId, SendError> {
        let fee = tx.public_inputs.fee();
        if fee < 1_000 {
            return Err(RefuseReason::FeeTooLow {
                minimum: 1_000,
                found: fee,
            }
            .into());
        }
        Ok(tx.id())
    }

    fn tx_status(&self, id: TxId) -> Result<TxStatus, QueryError> {
        Ok(if id.0.is_zero() {
            TxStatus::Unknown
        } else {
            TxStatus::Mined {
                number: L2BlockNumber::new(7),
            }
        })
    }

    fn note_witness(&self, commitment: Digest) -> Result<Option<NoteWitness>, QueryError> {
        Ok((commitment == Digest::ZERO).then(|| NoteWitness {
            anchor: Digest::ZERO,
            block: L2BlockNumber::new(2),
            is_proven: true,
            index: 3,
            siblings: vec![Digest::ZERO; 32],
        }))
    }

    async fn committee(&self, epoch: Epoch) -> Result<CommitteeView, CommitteeError> {
        if epoch.get() > 2 {
            return Err(CommitteeError::NotYetKnown { epoch });
        }
        Ok(CommitteeView {
            epoch,
            first_slot: Slot::new(epoch.get() * 16),
            members: vec![ATTESTER; 16],
        })
    }

    async fn proposer(&self, slot: Slot) -> Result<Address, CommitteeError> {
        if slot.get() > 47 {
            let epoch = Epoch::new(slot.get() / 16);
            return Err(CommitteeError::SetTooSmall {
                epoch,
                found: 3,
                needed: 16,
            });
        }
        Ok(ATTESTER)
    }

    fn quotes(&self, epoch: Option<Epoch>) -> Vec<Kept> {
        let quote = Quote {
            instance: Address::repeat_byte(1),
            epoch: Epoch::new(1),
            end_archive: Digest::ZERO,
            valid_until_slot: Slot::new(40),
            bond_amount_gwei: 1_000,
            prover: Address::repeat_byte(2),
            basis_point_fee: 300,
            nonce: 0,
        };
        let signed = SignedQuote {
            quote,
            signature: CompactSignature::from_bytes([0; 64]),
        };
        let digest = B256::repeat_byte(3);
        let is_wanted = epoch.is_none_or(|epoch| epoch == quote.epoch);
        is_wanted.then_some(Kept { digest, signed }).into_iter().collect()
    }

    async fn send_quote(&self, quote: SignedQuote) -> Result<B256, QuoteRefusal> {
        match quote.quote.nonce {
            0 => Ok(B256::repeat_byte(3)),
            1 => Err(QuoteRefusal::Known),
            2 => Err(QuoteRefusal::Busy),
            _ => Err(QuoteRefusal::WrongArchive {
                epoch: quote.quote.epoch,
            }),
        }
    }

    fn epoch(&self, epoch: Epoch) -> Result<EpochView, QueryError> {
        let prover = Address::repeat_byte(2);
        let number = L2BlockNumber::new;
        let l1_block = L1BlockNumber::new(9);
        Ok(EpochView {
            epoch,
            is_over: true,
            blocks: Some((number(3), number(9))),
            end_archive: Some(Digest::ZERO),
            proven_blocks: 7,
            claim: Some(EpochClaim {
                epoch,
                prover,
                basis_point_fee: 300,
                bond_wei: 5_000_000_001,
                quote_digest: B256::ZERO,
                l1_block,
                deadline: Some(Slot::new(50)),
                end: Some(ClaimEnd {
                    outcome: ClaimOutcome::Defaulted,
                    slashed_wei: 5_000_000_001,
                    rescued_wei: 2_500_000_000,
                    l1_block,
                }),
            }),
            proofs: vec![EpochProof {
                epoch,
                prover,
                from: number(3),
                to: number(9),
                settled_from: number(5),
                l1_block,
            }],
        })
    }

    fn peers(&self) -> Vec<PeerView> {
        vec![PeerView {
            id: "peer".into(),
            address: "/ip4/127.0.0.1/tcp/1".into(),
            score: -1,
        }]
    }

    fn duties(&self, attester: Option<Address>, limit: usize) -> Result<Vec<DutyRecord>, QueryError> {
        let reasons = [
            MissReason::NoProposal,
            MissReason::TooFewAttestations {
                found: 10,
                needed: 11,
            },
        ];
        let record = |reason| DutyRecord {
            attester: ATTESTER,
            slot: Slot::new(5),
            kind: DutyKind::Attest,
            outcome: DutyOutcome::Missed { reason },
        };
        let is_ours = attester.is_none_or(|attester| attester == ATTESTER);
        Ok(reasons
            .into_iter()
            .map(record)
            .filter(|_| is_ours)
            .take(limit)
            .collect())
    }
}

impl Instances for Fake {
    type Queries = Self;

    fn canonical(&self) -> Result<Self, NotRunning> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(NotRunning::Down {
                number: 1,
                reason: "disk is full".into(),
            });
        }
        Ok(self.clone())
    }

    fn instance(&self, genesis_id: Digest) -> Result<Self, NotRunning> {
        if genesis_id != SECOND {
            return Err(NotRunning::Unknown { genesis_id });
        }
        Ok(Self {
            number: 2,
            ..self.clone()
        })
    }

    fn instances(&self) -> Vec<InstanceView> {
        let view = |number, state| InstanceView {
            number,
            rollup: Address::repeat_byte(1),
            activation: Epoch::new(u64::from(number) - 1),
            state,
            is_canonical: number == 1,
            identity: None,
            problem: None,
        };
        let known = InstanceView {
            identity: Some((SECOND, 2)),
            ..view(2, InstanceState::Idle)
        };
        let unknown = InstanceView {
            problem: Some("version 3".into()),
            ..view(3, InstanceState::Unknown)
        };
        vec![view(1, InstanceState::Active), known, unknown]
    }

    async fn governance(&self) -> Result<RpcGovernance, String> {
        let signal = *self.signal.lock().unwrap();
        if signal.is_none() {
            return Err("https://secret.endpoint is away".into());
        }
        Ok(RpcGovernance {
            round: RpcRound {
                number: 3,
                instance: Address::repeat_byte(1),
                first_slot: Slot::new(48),
                last_slot: Slot::new(63),
                quorum_signals: 9,
                signals: vec![],
            },
            proposals: vec![],
            signal: signal.map(|signal| RpcNodeSignal {
                payload: signal.payload,
                actions_hash: signal.actions_hash,
                is_signalled: true,
                reason: None,
            }),
        })
    }
}

impl NodeCommands for Fake {
    async fn set_duties(&self, attester: Address, is_on: bool) -> Result<(), CommandError> {
        if attester != ATTESTER {
            return Err(CommandError::UnknownAttester { attester });
        }
        self.duties.lock().unwrap().push((attester, is_on));
        Ok(())
    }

    async fn replace_keys(&self, _keys: Vec<AttesterKey>) -> Result<(), CommandError> {
        Ok(())
    }

    async fn export_guard(&self) -> Result<String, CommandError> {
        Ok("{}".into())
    }

    async fn import_guard(&self, json: String) -> Result<(), CommandError> {
        if json != "{}" {
            return Err(CommandError::Guard("not an interchange".into()));
        }
        *self.guard.lock().unwrap() = Some(json);
        Ok(())
    }

    async fn set_signal(&self, signal: Option<Signal>) -> Result<(), CommandError> {
        if signal.is_some_and(|signal| signal.actions_hash.is_zero()) {
            return Err(CommandError::Payload {
                reason: "its actions hash to 0x11".into(),
            });
        }
        *self.signal.lock().unwrap() = signal;
        Ok(())
    }
}
