//! What a segment of the settlement track is proven from.

use std::io::{Read, Result as IoResult};

use agoge_protocol::settlement::SettledDeposit;
use agoge_protocol::{Digest, Element, Header, NotCanonical, TxEffects, address_limbs};
use agoge_state_transition::{BlobPoint, Fingerprint, Scalar, hash};
use borsh::{BorshDeserialize, BorshSerialize};

use super::UNITS;
use super::boundary::SettlementBoundary;
use crate::epoch::bytes;

/// One step of an epoch's stream.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SettlementStep {
    /// A deposit that the block under way consumes.
    Deposit(SettledDeposit),
    /// A transaction of the block under way.
    Transaction(Box<TxEffects>),
    /// The block under way ends.
    BlockEnd {
        /// Its header.
        header: Box<Header>,
        /// Archive root after it.
        archive: Digest,
    },
}

/// The challenges of an epoch (`docs/protocol.md` section 16.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettlementChallenges {
    /// Where the settlement list is evaluated.
    pub alpha: [Element; 2],
    /// Where the blobs are evaluated, limbs of 56 bits.
    pub z: [Element; Scalar::POINT_LIMBS],
}

/// A segment of the settlement track.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct SettlementInput {
    /// Where the segment starts.
    pub start: SettlementBoundary,
    /// The same in all segments of a proof.
    pub challenges: SettlementChallenges,
    /// At most as many as a leaf has units.
    pub steps: Vec<SettlementStep>,
}

impl BorshDeserialize for SettlementInput {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Ok(Self {
            start: BorshDeserialize::deserialize_reader(reader)?,
            challenges: BorshDeserialize::deserialize_reader(reader)?,
            steps: bytes::read_list(reader, UNITS)?,
        })
    }
}

/// Why a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettlementStepError {
    /// A value is not below the field modulus.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// The blobs' point is 0, which no hash gives.
    #[error("the blobs' point is 0")]
    PointIsZero,
}

impl SettlementInput {
    /// Where the segment ends.
    ///
    /// # Errors
    /// [`SettlementStepError`].
    pub fn end(&self) -> Result<SettlementBoundary, SettlementStepError> {
        let mut boundary = self.start.clone();
        for step in &self.steps {
            boundary.apply(step, &self.challenges)?;
        }
        Ok(boundary)
    }
}

impl SettlementBoundary {
    /// Takes a step: the native twin of a unit.
    ///
    /// A block's header is taken as it is; the circuit takes the header whose settlement hash, effects hash and transaction count
    /// are those of the running state, and so has another chain for a header that lies about them.
    ///
    /// # Errors
    /// [`SettlementStepError`].
    pub fn apply(
        &mut self,
        step: &SettlementStep,
        challenges: &SettlementChallenges,
    ) -> Result<(), SettlementStepError> {
        let point = BlobPoint::new(challenges.z).ok_or(SettlementStepError::PointIsZero)?;
        let mut list = Fingerprint::resume(challenges.alpha, self.fingerprint);
        match step {
            SettlementStep::Deposit(deposit) => {
                let value = Element::new(deposit.value)?;
                self.settlement = hash::deposit_step(self.settlement, deposit.partial, value);
                self.deposit_count = incremented(self.deposit_count)?;
                absorb(&mut list, deposit.partial.0.into_iter().chain([value]));
            }
            SettlementStep::Transaction(effects) => self.apply_transaction(effects, &point, &mut list)?,
            SettlementStep::BlockEnd { header, archive } => {
                let hash = hash::header(header)?;
                self.header_chain = hash::header_chain_step(self.header_chain, hash, *archive);
                let times = [Element::new(header.slot.get())?, Element::new(header.timestamp)?];
                let recipient = address_limbs(header.fee_recipient);
                let numbers = [Element::new(header.total_fees)?, Element::new(header.inbox_end)?];
                let counts = [self.tx_count, self.deposit_count, self.withdrawal_count];
                let block = times.into_iter().chain(recipient).chain(numbers);
                absorb(&mut list, block.chain(archive.0).chain(counts));
                self.blobs.end_block(&point, self.tx_count.get());
                *self = Self {
                    effects: Digest::ZERO,
                    settlement: Digest::ZERO,
                    tx_count: Element::ZERO,
                    deposit_count: Element::ZERO,
                    withdrawal_count: Element::ZERO,
                    block_count: incremented(self.block_count)?,
                    ..self.clone()
                };
            }
        }
        self.fingerprint = list.value();
        Ok(())
    }

    fn apply_transaction(
        &mut self,
        effects: &TxEffects,
        point: &BlobPoint,
        list: &mut Fingerprint,
    ) -> Result<(), SettlementStepError> {
        let ciphertexts = hash::ciphertexts(&effects.ciphertexts);
        let effects_hash = hash::tx_effects(effects, ciphertexts)?;
        self.effects = hash::effects_step(self.effects, effects_hash);
        self.blobs.add_tx(point, effects);
        self.tx_count = incremented(self.tx_count)?;
        let withdrawal = effects.withdrawal;
        if withdrawal.amount != 0 {
            let amount = Element::new(withdrawal.amount)?;
            self.settlement = hash::withdrawal_step(self.settlement, withdrawal.recipient, amount);
            self.withdrawal_count = incremented(self.withdrawal_count)?;
            absorb(
                list,
                address_limbs(withdrawal.recipient).into_iter().chain([amount]),
            );
        }
        Ok(())
    }
}

fn absorb(list: &mut Fingerprint, elements: impl IntoIterator<Item = Element>) {
    for element in elements {
        list.absorb(element);
    }
}

fn incremented(count: Element) -> Result<Element, NotCanonical> {
    Element::new(count.get().saturating_add(1))
}
