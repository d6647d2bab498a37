//! How many blocks one log request covers: halved when a provider refuses, grown again slowly.

use crate::rpc::RpcCause;

/// The current width of log requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogRange {
    blocks: u64,
    max: u64,
}

impl LogRange {
    pub(super) fn new(max: u64) -> Self {
        let max = max.max(1);
        Self { blocks: max, max }
    }

    /// At least 1.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks
    }

    pub(super) fn accepted(&mut self) {
        self.blocks = self.blocks.saturating_add(self.blocks.div_ceil(2)).min(self.max);
    }

    /// Whether a smaller request is worth a try. What the provider suggests is taken; growing back to it is not tried again.
    pub(super) fn refused(&mut self, cause: &RpcCause) -> bool {
        if !cause.wants_smaller_range() || self.blocks <= 1 {
            return false;
        }
        let half = self.blocks / 2;
        let suggested = suggestion(cause).filter(|blocks| (1..self.blocks).contains(blocks));
        self.blocks = suggested.unwrap_or(half).max(1);
        self.max = self.max.min(self.blocks.saturating_mul(2));
        true
    }
}

/// The width of `[0x1, 0x2a]` in a provider's text.
fn suggestion(cause: &RpcCause) -> Option<u64> {
    let RpcCause::Refused { message, .. } = cause else {
        return None;
    };
    let (_, rest) = message.split_once('[')?;
    let (range, _) = rest.split_once(']')?;
    let (first, last) = range.split_once(',')?;
    let number = |text: &str| u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok();
    number(last)?.checked_sub(number(first)?)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str) -> RpcCause {
        RpcCause::Refused {
            code: -32_005,
            message: message.to_owned(),
            data: None,
        }
    }

    #[test]
    fn ranges_shrink_to_one_and_follow_suggestions() {
        let mut range = LogRange::new(2_000);
        assert!(range.refused(&refusal("block range too large")));
        assert_eq!(range.blocks(), 1_000);
        assert!(range.refused(&refusal(
            "query returned more than 10000 results. Try with this block range [0x10, 0x1F]."
        )));
        assert_eq!(range.blocks(), 16);
        range.accepted();
        assert_eq!(range.blocks(), 24);
        for _ in 0..10 {
            range.accepted();
        }
        assert_eq!(
            range.blocks(),
            32,
            "grows to twice what was accepted after a refusal"
        );
        while range.blocks() > 1 {
            assert!(range.refused(&refusal("limited to a 5 range")));
        }
        assert!(
            !range.refused(&refusal("limited to a 5 range")),
            "one block is the least"
        );
        assert!(!LogRange::new(10).refused(&refusal("method not found")));
        assert!(!LogRange::new(10).refused(&RpcCause::Html));
    }
}
