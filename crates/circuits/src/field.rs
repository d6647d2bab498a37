//! Elements in plonky2's type and back.

use agoge_protocol::{Digest, Element};
use plonky2::field::types::{Field, PrimeField64};

use crate::F;

/// The same number in plonky2's type.
pub(crate) fn element(element: Element) -> F {
    F::from_canonical_u64(element.get())
}

/// The same digest in plonky2's type.
pub(crate) fn digest(digest: Digest) -> [F; 4] {
    digest.0.map(element)
}

/// The same number in the protocol's type.
pub(crate) fn native(element: F) -> Element {
    // A canonical number is below the modulus by definition.
    Element::new(element.to_canonical_u64()).unwrap_or(Element::ZERO)
}
