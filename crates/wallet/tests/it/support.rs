//! A chain that tests make up, and a node that serves it: truthfully or not.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use agoge_circuits::ClientProver;
use agoge_protocol::network::ClientProfile;
use agoge_protocol::rpc::{
    EFFECTS_RANGE_MAX, ErrorData, Finality, NodeInfo, RpcBlock, RpcDeposit, RpcEffects, RpcHeader,
    RpcTxEffects, Tip, Tips, TransactionStatus, TxRejection,
};
use agoge_protocol::{
    Address, B256, Digest, Element, Header, L1BlockNumber, L2BlockNumber, ShieldedAddress, Slot, Transaction,
    TxId, keccak256,
};
use agoge_state_transition::hash::{self, Output};
use agoge_wallet::book::Book;
use agoge_wallet::cipher::{self, NoteSecret};
use agoge_wallet::seed::Seed;
use agoge_wallet::transfer::{Anchor, Payee, Payment, build, choose_notes, deposit_note, needed};
use agoge_wallet::tree::NoteTree;
use jsonrpsee::server::{RpcModule, Server, ServerHandle};
use jsonrpsee::types::ErrorObjectOwned;

pub(crate) fn seed(number: u8) -> Seed {
    Seed::from_hex(&hex::encode([number; 32])).unwrap()
}

pub(crate) fn address(number: u8) -> ShieldedAddress {
    seed(number).keys().address()
}

pub(crate) fn digest(number: u32) -> Digest {
    Digest([number, 1, 2, 3].map(Element::from_u32))
}

pub(crate) fn genesis() -> Digest {
    digest(77)
}

/// Blocks with deposits and payments.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) blocks: Vec<RpcEffects>,
    pub(crate) proven: usize,
    tree: NoteTree,
    inbox: u64,
    next: u32,
    /// Tells branches apart: it is part of every block hash.
    branch: u8,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self {
            blocks: Vec::new(),
            proven: 0,
            tree: NoteTree::default(),
            inbox: 0,
            next: 1_000,
            branch: 0,
        }
    }

    /// The chain up to a block, to be continued differently.
    pub(crate) fn branch_at(&self, blocks: usize, branch: u8) -> Self {
        let mut other = Self {
            branch,
            blocks: self.blocks[..blocks].to_vec(),
            proven: self.proven.min(blocks),
            ..self.clone()
        };
        let count: usize = other
            .blocks
            .iter()
            .map(|b| b.deposits.len() + 2 * b.transactions.len())
            .sum();
        other.tree.truncate(count as u64);
        other.inbox = other.blocks.iter().map(|b| b.deposits.len() as u64).sum();
        other
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub(crate) fn deposit(&mut self, to: &ShieldedAddress, value: u64) -> RpcDeposit {
        let salt = keccak256(self.number().to_be_bytes()).0;
        let (partial, ciphertext) = deposit_note(&seed(99), to, value, salt).unwrap();
        let index = self.inbox;
        self.inbox += 1;
        RpcDeposit {
            index,
            partial,
            value,
            ciphertext,
            time: 0,
            inbox_hash: B256::ZERO,
        }
    }

    /// A stranger's payment of `values` to two addresses.
    pub(crate) fn payment(&mut self, to: [(&ShieldedAddress, u64); 2]) -> RpcTxEffects {
        let nullifiers = [digest(self.number()), digest(self.number())];
        let outputs = [Output::First, Output::Second].map(|output| {
            let (to, value) = to[output as usize];
            let number = self.number();
            let (rho, randomness) = (hash::rho(nullifiers[0], output), digest(number));
            let partial = hash::partial(to.owner, randomness);
            let commitment = hash::commitment(partial, Element::new(value).unwrap(), rho);
            let ephemeral = keccak256(number.to_be_bytes()).0;
            (
                commitment,
                cipher::seal(to, NoteSecret { value, randomness }, ephemeral).unwrap(),
            )
        });
        RpcTxEffects {
            nullifiers,
            commitments: outputs.map(|(commitment, _)| commitment),
            fee: 1_000,
            withdrawal: None,
            ciphertexts: outputs.map(|(_, ciphertext)| ciphertext),
        }
    }

    /// Appends a block and returns its effects.
    pub(crate) fn block(&mut self, deposits: Vec<RpcDeposit>, transactions: Vec<RpcTxEffects>) -> RpcEffects {
        let first_note_index = self.tree.count();
        for deposit in &deposits {
            let rho = hash::deposit_rho(genesis(), deposit.index).unwrap();
            self.tree.append(hash::commitment(
                deposit.partial,
                Element::new(deposit.value).unwrap(),
                rho,
            ));
        }
        for commitment in transactions.iter().flat_map(|tx| tx.commitments) {
            self.tree.append(commitment);
        }
        let number = self.blocks.len() as u64 + 1;
        let effects = RpcEffects {
            number: L2BlockNumber::new(number),
            slot: Slot::new(number),
            block_hash: keccak256([&[self.branch], number.to_be_bytes().as_slice()].concat()),
            note_root: self.tree.root_at(self.tree.count()),
            first_note_index,
            deposits,
            transactions,
        };
        self.blocks.push(effects.clone());
        effects
    }

    pub(crate) fn empty_blocks(&mut self, count: usize) {
        for _ in 0..count {
            self.block(Vec::new(), Vec::new());
        }
    }

    pub(crate) fn tip(&self, blocks: usize) -> Tip {
        let blocks = &self.blocks[..blocks];
        let count: usize = blocks
            .iter()
            .map(|b| b.deposits.len() + 2 * b.transactions.len())
            .sum();
        Tip {
            number: L2BlockNumber::new(blocks.len() as u64),
            slot: None,
            archive: Digest::ZERO,
            note_root: self.tree.root_at(count as u64),
            note_count: count as u64,
            nullifier_root: Digest::ZERO,
            nullifier_count: 1,
            inbox_end: blocks.iter().map(|b| b.deposits.len() as u64).sum(),
        }
    }

    /// A book that has read everything.
    pub(crate) fn book(&self, owner: &Seed) -> Book {
        let mut book = Book::new(genesis());
        for effects in &self.blocks {
            book.read(&owner.keys(), effects).unwrap();
        }
        book
    }
}

type Refusal = (TxRejection, &'static str);

/// What a node answers.
pub(crate) struct Answers {
    pub(crate) chain: Chain,
    /// Says so instead of the chain's tip.
    pub(crate) claimed_tip: Option<u64>,
    /// Answers no effects at all.
    pub(crate) withholds: bool,
    /// Changes effects before they leave.
    pub(crate) lie: Option<fn(&mut RpcEffects)>,
    pub(crate) info: NodeInfo,
    pub(crate) statuses: HashMap<TxId, TransactionStatus>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) taken: Vec<Transaction>,
    /// Mines a transaction as soon as it is taken.
    pub(crate) mines: bool,
    /// Methods called, in order.
    pub(crate) calls: Vec<String>,
}

/// A node on the loopback.
pub(crate) struct FakeNode {
    answers: Arc<Mutex<Answers>>,
    address: SocketAddr,
    _handle: ServerHandle,
}

impl FakeNode {
    pub(crate) async fn start(chain: Chain) -> Self {
        let info = NodeInfo {
            version: "0".into(),
            network: "devnet".into(),
            chain_id: 31_337,
            instance: 1,
            rollup: Address::repeat_byte(1),
            rollup_version: 1,
            genesis_id: genesis(),
            genesis_time: 0,
            slot_seconds: 4,
            epoch_slots: 4,
            client_profile: ClientProfile::Testing,
            tx_fee_min_gwei: 1_000,
            peer_id: String::new(),
        };
        let answers = Arc::new(Mutex::new(Answers {
            chain,
            claimed_tip: None,
            withholds: false,
            lie: None,
            info,
            statuses: HashMap::new(),
            refusal: None,
            taken: Vec::new(),
            mines: false,
            calls: Vec::new(),
        }));
        let server = Server::builder().build("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let handle = server.start(module(answers.clone()));
        Self {
            answers,
            address,
            _handle: handle,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> agoge_wallet::node::Node {
        agoge_wallet::node::Node::new(&self.url()).unwrap()
    }

    pub(crate) fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap()
    }

    pub(crate) fn calls_of(&self, method: &str) -> usize {
        self.answers().calls.iter().filter(|call| *call == method).count()
    }
}

fn refused(code: &str, message: &str) -> ErrorObjectOwned {
    let data = ErrorData {
        code: code.to_owned(),
        hint: None,
        max: None,
    };
    ErrorObjectOwned::owned(-32_000, message.to_owned(), Some(data))
}

fn module(answers: Arc<Mutex<Answers>>) -> RpcModule<Mutex<Answers>> {
    let mut module = RpcModule::from_arc(answers);
    module
        .register_method("agoge_nodeInfo", move |_, answers, _| {
            enter(answers, "agoge_nodeInfo");
            Ok::<_, ErrorObjectOwned>(answers.lock().unwrap().info.clone())
        })
        .unwrap();
    module
        .register_method("agoge_tips", move |_, answers, _| {
            enter(answers, "agoge_tips");
            let answers = answers.lock().unwrap();
            let chain = &answers.chain;
            let mut pending = chain.tip(chain.blocks.len());
            if let Some(number) = answers.claimed_tip {
                pending.number = L2BlockNumber::new(number);
            }
            let proven = chain.tip(chain.proven);
            Ok::<_, ErrorObjectOwned>(Tips {
                pending,
                proven,
                finalized: proven,
                l1: None,
            })
        })
        .unwrap();
    module
        .register_method("agoge_getBlock", move |params, answers, _| {
            enter(answers, "agoge_getBlock");
            let number: u64 = params.one().unwrap();
            let answers = answers.lock().unwrap();
            let index = usize::try_from(number).unwrap().wrapping_sub(1);
            answers.chain.blocks.get(index).map(block)
        })
        .unwrap();
    module
        .register_method("agoge_getEffectsRange", move |params, answers, _| {
            enter(answers, "agoge_getEffectsRange");
            let (from, count): (u64, u64) = params.parse().unwrap();
            if count > EFFECTS_RANGE_MAX {
                return Err(refused("AGOGE-RPC-005", "too many effects"));
            }
            let answers = answers.lock().unwrap();
            let mut batch: Vec<RpcEffects> = answers
                .chain
                .blocks
                .iter()
                .filter(|block| !answers.withholds && (from..from + count).contains(&block.number.get()))
                .cloned()
                .collect();
            if let Some(lie) = answers.lie {
                batch.iter_mut().for_each(lie);
            }
            Ok(batch)
        })
        .unwrap();
    module
        .register_method("agoge_getTransactionStatus", move |params, answers, _| {
            enter(answers, "agoge_getTransactionStatus");
            let id: TxId = params.one().unwrap();
            let status = answers.lock().unwrap().statuses.get(&id).cloned();
            Ok::<_, ErrorObjectOwned>(status.unwrap_or(TransactionStatus::Unknown))
        })
        .unwrap();
    module
        .register_method("agoge_sendTransaction", move |params, answers, _| {
            enter(answers, "agoge_sendTransaction");
            let raw: String = params.one().unwrap();
            let bytes = hex::decode(raw.strip_prefix("0x").unwrap()).unwrap();
            let tx: Transaction =
                borsh::from_slice(&bytes).map_err(|e| refused("AGOGE-TX-001", &e.to_string()))?;
            let mut answers = answers.lock().unwrap();
            if let Some((rejection, message)) = answers.refusal {
                return Err(refused(rejection.code(), message));
            }
            let id = tx.id();
            let status = if answers.mines {
                let effects = RpcTxEffects::from(&tx.effects());
                TransactionStatus::Mined {
                    number: answers.chain.block(Vec::new(), vec![effects]).number,
                }
            } else {
                TransactionStatus::Queued
            };
            answers.statuses.insert(id, status);
            answers.taken.push(tx);
            Ok(id)
        })
        .unwrap();
    module
}

fn enter(answers: &Mutex<Answers>, method: &str) {
    answers.lock().unwrap().calls.push(method.to_owned());
}

fn block(effects: &RpcEffects) -> RpcBlock {
    let header = Header {
        genesis_id: genesis(),
        number: effects.number,
        slot: effects.slot,
        timestamp: 0,
        parent_archive: Digest::ZERO,
        note_root: effects.note_root,
        note_count: 0,
        nullifier_root: Digest::ZERO,
        nullifier_count: 1,
        inbox_end: 0,
        settlement_hash: Digest::ZERO,
        effects_hash: Digest::ZERO,
        fee_recipient: Address::ZERO,
        total_fees: 0,
        tx_count: 0,
    };
    RpcBlock {
        header: RpcHeader::new(&header, Digest::ZERO),
        block_hash: effects.block_hash,
        blob_hash: B256::ZERO,
        archive: Digest::ZERO,
        l1_block: L1BlockNumber::new(1),
        finality: Finality::Pending,
    }
}

/// A chain whose blocks each have deposits of these values for seed 1.
pub(crate) fn rich(blocks: &[&[u64]]) -> Chain {
    let mut chain = Chain::new();
    for values in blocks {
        let deposits = values
            .iter()
            .map(|value| chain.deposit(&address(1), *value))
            .collect();
        chain.block(deposits, Vec::new());
    }
    chain
}

/// The testing profile's prover.
pub(crate) fn prover() -> &'static ClientProver {
    static PROVER: LazyLock<ClientProver> =
        LazyLock::new(|| ClientProver::new(ClientProfile::Testing).unwrap());
    &PROVER
}

pub(crate) fn payment(to: u8, amount: u64) -> Payment {
    Payment {
        to: Payee::Shielded(address(to)),
        amount,
        fee: 1_000,
    }
}

/// A withdrawal to an L1 account.
pub(crate) fn withdrawal(to: Address, amount: u64) -> Payment {
    Payment {
        to: Payee::L1(to),
        ..payment(1, amount)
    }
}

/// An L1 account.
pub(crate) fn account(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// Seed 1 pays, under the root of the last block.
pub(crate) fn pay(book: &Book, payment: Payment) -> Transaction {
    let notes = choose_notes(book, 0, needed(payment).unwrap()).unwrap();
    build(&seed(1), book, genesis(), anchor(book), &notes, payment, prover()).unwrap()
}

pub(crate) fn anchor(book: &Book) -> Anchor {
    let note_count = book.tree().count();
    Anchor {
        note_root: book.tree().root_at(note_count),
        note_count,
    }
}
