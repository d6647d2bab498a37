//! Proofs with something changed. Rust makes them from a seed and refuses each; the contract's tests read the same file.
//!
//! A mutation is: the number of an honest proof (1 byte), the length of the changed proof (3), the number of writes (1), and for
//! each write its place (3), its length (2) and its bytes. A place counts from the first of 24 public inputs of 8 bytes,
//! after which the proof follows.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;

use super::super::config::NODE_BYTES;
use super::super::proof::Shape;
use crate::D;

/// Bytes of an element.
const WORD: usize = 8;
/// Public inputs before the proof.
pub(super) const PUBLIC_INPUTS: usize = 24;
const MODULUS: u64 = agoge_protocol::element::MODULUS;

/// A change of an honest proof.
pub(super) struct Mutation {
    honest: usize,
    /// Of the proof after the change.
    length: usize,
    writes: Vec<(usize, Vec<u8>)>,
}

impl Mutation {
    /// Public inputs and proof after the change.
    pub(super) fn apply(&self, honest: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = honest[self.honest].clone();
        bytes.resize(PUBLIC_INPUTS * WORD + self.length, 0);
        for (place, write) in &self.writes {
            bytes[*place..place + write.len()].copy_from_slice(write);
        }
        bytes
    }

    /// Appends the mutation as the contract's tests read it.
    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        to.push(u8::try_from(self.honest).unwrap());
        to.extend(&u32::try_from(self.length).unwrap().to_be_bytes()[1..]);
        to.push(u8::try_from(self.writes.len()).unwrap());
        for (place, bytes) in &self.writes {
            to.extend(&u32::try_from(*place).unwrap().to_be_bytes()[1..]);
            to.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            to.extend(bytes);
        }
    }
}

/// A stretch of equal parts of a proof: elements or nodes.
#[derive(Clone, Copy)]
struct Field {
    start: usize,
    count: usize,
    size: usize,
}

impl Field {
    fn place(self, part: usize) -> usize {
        self.start + part * self.size
    }
}

/// Makes mutations of honest proofs of one shape.
pub(super) struct Mutator<'a> {
    honest: &'a [Vec<u8>],
    /// Fields by class: public inputs, each kind of cap, opening, leaf, path, coset, ...
    classes: Vec<Vec<Field>>,
    /// Where each query starts, and the bytes of one.
    queries: (Vec<usize>, usize),
}

impl<'a> Mutator<'a> {
    pub(super) fn new(shape: &Shape, honest: &'a [Vec<u8>]) -> Self {
        let mut at = 0;
        let mut field = |count: usize, size: usize| {
            let field = Field {
                start: at,
                count,
                size,
            };
            at += count * size;
            field
        };
        let ext = D;
        let mut classes = vec![vec![field(PUBLIC_INPUTS, WORD)]];
        for _ in 0..3 {
            classes.push(vec![field(shape.cap_nodes, NODE_BYTES)]);
        }
        let per_challenge = [
            shape.challenges,
            shape.challenges * shape.partials,
            shape.challenges * shape.quotients,
        ];
        for count in [shape.constants, shape.routed, shape.wires]
            .into_iter()
            .chain(per_challenge)
            .chain([shape.challenges])
        {
            classes.push(vec![field(ext * count, WORD)]);
        }
        for _ in &shape.arity_bits {
            classes.push(vec![field(shape.cap_nodes, NODE_BYTES)]);
        }
        classes.push(vec![field(ext * shape.coefficients, WORD)]);
        classes.push(vec![field(1, WORD)]);

        let first = classes.len();
        let mut starts = vec![];
        for _ in 0..shape.queries {
            let mut fields = vec![];
            for leaf in shape.leaves() {
                fields.push(field(leaf, WORD));
                fields.push(field(shape.path, NODE_BYTES));
            }
            for (bits, height) in shape.fold_paths() {
                fields.push(field(ext << bits, WORD));
                fields.push(field(height, NODE_BYTES));
            }
            starts.push(fields[0].start);
            classes.resize(first + fields.len(), vec![]);
            for (class, field) in classes[first..].iter_mut().zip(fields) {
                class.push(field);
            }
        }
        let size = starts[1] - starts[0];
        assert_eq!(at, honest[0].len(), "every byte is in a field");
        Self {
            honest,
            classes,
            queries: (starts, size),
        }
    }

    /// A change that leaves no proof as it was.
    pub(super) fn draw(&self, rng: &mut ChaCha12Rng) -> Mutation {
        loop {
            let honest = rng.gen_range(0..self.honest.len());
            let length = self.honest[honest].len() - PUBLIC_INPUTS * WORD;
            let mut mutation = Mutation {
                honest,
                length,
                writes: vec![],
            };
            match rng.gen_range(0..200) {
                0..6 => mutation.length -= rng.gen_range(1..=length).min(1 << rng.gen_range(0..16)),
                6..12 => mutation.length += rng.gen_range(1..100),
                12..18 => self.swap(&mut mutation, 0, rng),
                18 => self.swap_queries(&mut mutation, rng),
                19..60 => {
                    let class = rng.gen_range(1..self.classes.len());
                    self.swap(&mut mutation, class, rng);
                }
                60..80 => self.take_from_another(&mut mutation, rng),
                _ => self.change(&mut mutation, rng),
            }
            if mutation.apply(self.honest) != self.honest[honest] {
                return mutation;
            }
        }
    }

    fn part(&self, mutation: &Mutation, field: Field, part: usize) -> Vec<u8> {
        let place = field.place(part);
        self.honest[mutation.honest][place..place + field.size].to_vec()
    }

    /// Two parts of a field in each other's place.
    fn swap(&self, mutation: &mut Mutation, class: usize, rng: &mut ChaCha12Rng) {
        let field = *self.classes[class].choose(rng).unwrap();
        let (a, b) = (rng.gen_range(0..field.count), rng.gen_range(0..field.count));
        mutation.writes = vec![
            (field.place(a), self.part(mutation, field, b)),
            (field.place(b), self.part(mutation, field, a)),
        ];
    }

    /// Two queries in each other's place.
    fn swap_queries(&self, mutation: &mut Mutation, rng: &mut ChaCha12Rng) {
        let (starts, size) = &self.queries;
        let (a, b) = (*starts.choose(rng).unwrap(), *starts.choose(rng).unwrap());
        let honest = &self.honest[mutation.honest];
        mutation.writes = vec![
            (a, honest[b..b + size].to_vec()),
            (b, honest[a..a + size].to_vec()),
        ];
    }

    /// A part of another honest proof.
    fn take_from_another(&self, mutation: &mut Mutation, rng: &mut ChaCha12Rng) {
        let field = *self.classes.choose(rng).unwrap().choose(rng).unwrap();
        let place = field.place(rng.gen_range(0..field.count));
        let other = self.honest.choose(rng).unwrap();
        mutation.writes = vec![(place, other[place..place + field.size].to_vec())];
    }

    /// Another element or node.
    fn change(&self, mutation: &mut Mutation, rng: &mut ChaCha12Rng) {
        let field = *self.classes.choose(rng).unwrap().choose(rng).unwrap();
        let part = rng.gen_range(0..field.count);
        let mut bytes = self.part(mutation, field, part);
        let choice = rng.gen_range(0..6);
        if let (Ok(word), 1..) = (<[u8; WORD]>::try_from(bytes.as_slice()), choice) {
            let element = u64::from_be_bytes(word);
            let changed = match choice {
                1 => (element + 1) % MODULUS,
                2 => element.checked_sub(1).unwrap_or(MODULUS - 1),
                3 => rng.gen_range(0..MODULUS),
                // Not canonical: the same element if it is small enough, another one otherwise.
                4 => element
                    .checked_add(MODULUS)
                    .unwrap_or_else(|| rng.gen_range(MODULUS..=u64::MAX)),
                _ => 0,
            };
            bytes = changed.to_be_bytes().to_vec();
        } else {
            let bit = rng.gen_range(0..8 * field.size);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        mutation.writes = vec![(field.place(part), bytes)];
    }
}
