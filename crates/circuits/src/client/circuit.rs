//! The client relation as constraints.

use agoge_protocol::TxPublicInputs;
use agoge_protocol::limits::VALUE_BITS;
use agoge_protocol::network::ClientProfile;
use agoge_state_transition::hash::{NOTE, NULLIFIER, OWNER, PARTIAL, RHO};
use plonky2::field::types::Field;
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::CircuitData;

use super::values::{InputValues, Values};
use crate::gadgets::{self, DigestTarget};
use crate::profile::circuit_config;
use crate::{BoxError, Builder, C, D, F};

/// The constraints that are not wiring. Each has a test in which only this one is broken: the same values have a proof as
/// soon as it is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constraint {
    InputValueRange,
    OutputValueRange,
    FeeRange,
    WithdrawalAmountRange,
    Conservation,
    Membership,
    NullifierKeysDiffer,
    NoRecipientWithoutAmount,
    RecipientLimbs,
}

/// The circuit with everything that proving needs.
pub(super) struct ClientCircuit {
    pub(super) data: CircuitData<F, C, D>,
    targets: Values<Target>,
}

impl ClientCircuit {
    /// Builds the circuit. `omitted` leaves a constraint out, for tests; the product's circuit has all.
    pub(super) fn build(profile: ClientProfile, omitted: Option<Constraint>) -> Self {
        let mut builder = Builder::new(circuit_config(profile));
        let targets = Values::from_fn(|| builder.add_virtual_target());
        let mut relation = Relation {
            builder: &mut builder,
            omitted,
        };
        let public_inputs = relation.constrain(&targets);
        builder.register_public_inputs(&public_inputs.to_list());
        Self {
            data: builder.build::<C>(),
            targets,
        }
    }

    /// Rows of the relation itself: without blinding, padding and the hash of the public inputs.
    #[cfg(test)]
    pub(super) fn relation_rows(profile: ClientProfile) -> usize {
        let mut builder = Builder::new(circuit_config(profile));
        let targets = Values::from_fn(|| builder.add_virtual_target());
        Relation {
            builder: &mut builder,
            omitted: None,
        }
        .constrain(&targets);
        builder.num_gates()
    }

    /// The circuit's free values set to these.
    pub(super) fn assign(&self, values: &Values<F>) -> Result<PartialWitness<F>, BoxError> {
        let mut witness = PartialWitness::new();
        for (target, value) in self.targets.to_list().into_iter().zip(values.to_list()) {
            witness.set_target(target, value)?;
        }
        Ok(witness)
    }
}

/// Twin of [`TxPublicInputs`].
struct PublicInputTargets {
    genesis_id: DigestTarget,
    anchor: DigestTarget,
    nullifiers: [DigestTarget; 2],
    commitments: [DigestTarget; 2],
    fee: Target,
    withdrawal_amount: Target,
    recipient: [Target; 3],
    ciphertext_hash: DigestTarget,
}

impl PublicInputTargets {
    /// The targets in the order of [`TxPublicInputs::to_elements`].
    fn to_list(&self) -> Vec<Target> {
        let [nullifier_0, nullifier_1] = self.nullifiers;
        let [commitment_0, commitment_1] = self.commitments;
        let mut list = [
            self.genesis_id,
            self.anchor,
            nullifier_0,
            nullifier_1,
            commitment_0,
            commitment_1,
        ]
        .concat();
        list.extend([self.fee, self.withdrawal_amount]);
        list.extend(self.recipient);
        list.extend(self.ciphertext_hash);
        debug_assert_eq!(list.len(), TxPublicInputs::LEN);
        list
    }
}

/// An input note after hashing.
struct Spent {
    nullifier: DigestTarget,
    root: DigestTarget,
}

struct Relation<'a> {
    builder: &'a mut Builder,
    omitted: Option<Constraint>,
}

impl Relation<'_> {
    fn constrain(&mut self, values: &Values<Target>) -> PublicInputTargets {
        let [input_0, input_1] = &values.inputs;
        let spent = [self.spend(input_0), self.spend(input_1)];
        let [nullifier_0, nullifier_1] = spent.each_ref().map(|note| note.nullifier);
        let [output_0, output_1] = &values.outputs;
        let one = self.builder.one();
        let zero = self.builder.zero();
        let commitments = [(output_0, zero), (output_1, one)].map(|(output, index)| {
            let rho = gadgets::hash(self.builder, RHO, &with_last(nullifier_0, index));
            commit(self.builder, output.partial, output.value, rho)
        });

        self.ranges(values);
        self.conservation(values);
        for (input, note) in values.inputs.iter().zip(&spent) {
            self.membership(input.value, note.root, values.anchor);
        }
        self.nullifier_keys_differ(nullifier_0, nullifier_1, values.key_witness);
        self.no_recipient_without_amount(values);

        PublicInputTargets {
            genesis_id: values.genesis_id,
            anchor: values.anchor,
            nullifiers: [nullifier_0, nullifier_1],
            commitments,
            fee: values.fee,
            withdrawal_amount: values.withdrawal_amount,
            recipient: values.recipient,
            ciphertext_hash: values.ciphertext_hash,
        }
    }

    /// Adds constraints, unless they are the omitted ones.
    fn enforce(&mut self, constraint: Constraint, constrain: impl FnOnce(&mut Builder)) {
        if self.omitted != Some(constraint) {
            constrain(self.builder);
        }
    }

    /// Owner, commitment, nullifier and root of an input. One key target feeds both owner and nullifier, and one commitment
    /// target both nullifier and path.
    fn spend(&mut self, note: &InputValues<Target>) -> Spent {
        let builder = &mut *self.builder;
        let owner = gadgets::hash(builder, OWNER, &note.spending_key);
        let partial = gadgets::hash(builder, PARTIAL, &pair(owner, note.randomness));
        let commitment = commit(builder, partial, note.value, note.rho);
        let nullifier = gadgets::hash(builder, NULLIFIER, &pair(note.spending_key, commitment));
        let root = gadgets::merkle_root(builder, commitment, &note.index_bits, &note.siblings);
        Spent { nullifier, root }
    }

    fn ranges(&mut self, values: &Values<Target>) {
        for input in &values.inputs {
            self.enforce(Constraint::InputValueRange, |b| {
                gadgets::assert_bits(b, input.value, VALUE_BITS)
            });
        }
        for output in &values.outputs {
            self.enforce(Constraint::OutputValueRange, |b| {
                gadgets::assert_bits(b, output.value, VALUE_BITS)
            });
        }
        self.enforce(Constraint::FeeRange, |b| {
            gadgets::assert_bits(b, values.fee, VALUE_BITS)
        });
        self.enforce(Constraint::WithdrawalAmountRange, |b| {
            gadgets::assert_bits(b, values.withdrawal_amount, VALUE_BITS);
        });
        self.enforce(Constraint::RecipientLimbs, |b| {
            gadgets::assert_address_limbs(b, &values.recipient)
        });
    }

    /// Values in = values out + fee + withdrawal. At most four terms below 2^60, so neither side reaches `p`.
    fn conservation(&mut self, values: &Values<Target>) {
        self.enforce(Constraint::Conservation, |builder| {
            let inputs = builder.add_many(values.inputs.iter().map(|input| input.value));
            let outputs = values.outputs.iter().map(|output| output.value);
            let outputs = builder.add_many(outputs.chain([values.fee, values.withdrawal_amount]));
            builder.connect(inputs, outputs);
        });
    }

    /// `value * (root - anchor) = 0` in each element: an input of value 0 may stand anywhere.
    fn membership(&mut self, value: Target, root: DigestTarget, anchor: DigestTarget) {
        self.enforce(Constraint::Membership, |builder| {
            for (root, anchor) in root.into_iter().zip(anchor) {
                let difference = builder.sub(root, anchor);
                let product = builder.mul(value, difference);
                builder.assert_zero(product);
            }
        });
    }

    /// `x * a + y * b = 1` for the differences a, b of the key elements: no x, y do it when both are 0.
    fn nullifier_keys_differ(&mut self, first: DigestTarget, second: DigestTarget, witness: [Target; 2]) {
        self.enforce(Constraint::NullifierKeysDiffer, |builder| {
            let mut sum = builder.zero();
            // `witness` has as many elements as a key, so `zip` takes the key of each nullifier.
            for ((first, second), factor) in first.into_iter().zip(second).zip(witness) {
                let difference = builder.sub(first, second);
                sum = builder.mul_add(difference, factor, sum);
            }
            let one = builder.one();
            builder.connect(sum, one);
        });
    }

    /// `(1 - amount * inverse) * limb = 0` for each limb: with amount 0 that is `limb = 0`, whatever the inverse.
    fn no_recipient_without_amount(&mut self, values: &Values<Target>) {
        self.enforce(Constraint::NoRecipientWithoutAmount, |builder| {
            let one = builder.one();
            let is_zero = builder.arithmetic(
                F::NEG_ONE,
                F::ONE,
                values.withdrawal_amount,
                values.amount_inverse,
                one,
            );
            for limb in values.recipient {
                let product = builder.mul(is_zero, limb);
                builder.assert_zero(product);
            }
        });
    }
}

/// `H(NOTE; partial, value, rho)`.
fn commit(builder: &mut Builder, partial: DigestTarget, value: Target, rho: DigestTarget) -> DigestTarget {
    let ([p0, p1, p2, p3], [r0, r1, r2, r3]) = (partial, rho);
    gadgets::hash(builder, NOTE, &[p0, p1, p2, p3, value, r0, r1, r2, r3])
}

fn pair(a: DigestTarget, b: DigestTarget) -> [Target; 8] {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a, b);
    [a0, a1, a2, a3, b0, b1, b2, b3]
}

fn with_last(digest: DigestTarget, last: Target) -> [Target; 5] {
    let [d0, d1, d2, d3] = digest;
    [d0, d1, d2, d3, last]
}
