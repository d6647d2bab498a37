//! Blocks, transactions and faulty stores for this crate's tests.

use agoge_protocol::transaction::NullifierKey;
use agoge_protocol::{
    Address, B256, Ciphertext, Deposit, Digest, Element, L2BlockNumber, Slot, Transaction, TxEffects,
    TxPublicInputs, Withdrawal,
};

use crate::state::{NodeId, NullifierLeaf, StateReader, Tree};
use crate::{BlockContext, BlockLimits, MemoryState, hash};

pub(crate) const LIMITS: BlockLimits = BlockLimits {
    txs_max: 8,
    deposits_max: 4,
    withdrawals_max: 2,
    tx_fee_min: 1_000,
};

pub(crate) fn genesis_id() -> Digest {
    digest(7)
}

pub(crate) fn digest(seed: u32) -> Digest {
    hash::owner(&[seed, 0, 0, 0].map(Element::from_u32))
}

/// A nullifier with a chosen key.
pub(crate) fn with_key(a: u32, b: u32) -> Digest {
    Digest([a, b, 1, 2].map(Element::from_u32))
}

pub(crate) fn context(slot: u64, inbox_start: u64) -> BlockContext {
    BlockContext {
        genesis_id: genesis_id(),
        slot: Slot::new(slot),
        timestamp: 1_700_000_000 + slot * 4,
        fee_recipient: Address::repeat_byte(0xfe),
        inbox_start,
        limits: LIMITS,
    }
}

pub(crate) fn deposit(index: u64) -> Deposit {
    let partial = digest(1_000_000 + u32::try_from(index).unwrap());
    Deposit {
        index,
        partial,
        value: 5_000_000 + index,
        ciphertext: Ciphertext::from_bytes(&[3; 91]),
        time: 0,
        inbox_hash: B256::ZERO,
    }
}

/// Effects of which nothing is shared between seeds.
pub(crate) fn effects(seed: u32) -> TxEffects {
    let byte = u8::try_from(seed % 256).unwrap();
    TxEffects {
        nullifiers: [digest(4 * seed + 100), digest(4 * seed + 101)],
        commitments: [digest(4 * seed + 102), digest(4 * seed + 103)],
        fee: 1_000 + u64::from(seed),
        withdrawal: Withdrawal::default(),
        ciphertexts: [
            Ciphertext::from_bytes(&[byte; 91]),
            Ciphertext::from_bytes(&[!byte; 91]),
        ],
    }
}

pub(crate) fn withdrawing(seed: u32) -> TxEffects {
    let withdrawal = Withdrawal {
        amount: 77 + u64::from(seed),
        recipient: Address::repeat_byte(9),
    };
    TxEffects {
        withdrawal,
        ..effects(seed)
    }
}

/// A transaction with these effects.
pub(crate) fn tx(effects: &TxEffects, anchor: Digest) -> Transaction {
    tx_of(
        effects,
        genesis_id(),
        anchor,
        hash::ciphertexts(&effects.ciphertexts),
    )
}

pub(crate) fn tx_of(
    effects: &TxEffects,
    genesis_id: Digest,
    anchor: Digest,
    ciphertext_hash: Digest,
) -> Transaction {
    let TxEffects {
        nullifiers,
        commitments,
        fee,
        withdrawal,
        ciphertexts,
    } = effects.clone();
    let inputs = TxPublicInputs::new(
        genesis_id,
        anchor,
        nullifiers,
        commitments,
        fee,
        withdrawal,
        ciphertext_hash,
    )
    .unwrap();
    Transaction::new(inputs, ciphertexts, Vec::new()).unwrap()
}

/// What a faulty store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every read of this kind fails.
    Nodes,
    Counts,
    Lows,
    Anchors,
    /// Says that a tree has this many leaves.
    Count(Tree, u64),
    /// Knows no nodes.
    NoNodes,
    /// Answers this to every search in the nullifier table.
    Low(Option<(NullifierKey, NullifierLeaf)>),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("disk on fire")]
pub(crate) struct ReadFailed;

/// A state with one fault.
pub(crate) struct Faulty {
    pub(crate) inner: MemoryState,
    pub(crate) fault: Fault,
}

impl StateReader for Faulty {
    type Error = ReadFailed;

    fn node(&self, id: NodeId) -> Result<Option<Digest>, ReadFailed> {
        match self.fault {
            Fault::Nodes => Err(ReadFailed),
            Fault::NoNodes => Ok(None),
            _ => Ok(self.inner.node(id).unwrap()),
        }
    }

    fn leaf_count(&self, tree: Tree) -> Result<u64, ReadFailed> {
        match self.fault {
            Fault::Counts => Err(ReadFailed),
            Fault::Count(of, count) if of == tree => Ok(count),
            _ => Ok(self.inner.leaf_count(tree).unwrap()),
        }
    }

    fn low_leaf(&self, key: NullifierKey) -> Result<Option<(NullifierKey, NullifierLeaf)>, ReadFailed> {
        match self.fault {
            Fault::Lows => Err(ReadFailed),
            Fault::Low(answer) => Ok(answer),
            _ => Ok(self.inner.low_leaf(key).unwrap()),
        }
    }

    fn anchor(&self, note_root: Digest) -> Result<Option<L2BlockNumber>, ReadFailed> {
        match self.fault {
            Fault::Anchors => Err(ReadFailed),
            _ => Ok(self.inner.anchor(note_root).unwrap()),
        }
    }
}
