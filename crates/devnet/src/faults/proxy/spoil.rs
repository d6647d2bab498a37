//! What a bad endpoint does to a request or to an answer.

use rand::Rng;
use rand::seq::SliceRandom;
use serde_json::Value;

/// Block tags that name a head which a stale endpoint does not have.
const HEAD_TAGS: [&str; 2] = ["latest", "pending"];
/// A hash and everything longer, with its `0x`: what a lie changes.
const LIE_LENGTH_MIN: usize = 66;

/// Flips one bit.
pub(super) fn flip_bit(bytes: &mut [u8], rng: &mut impl Rng) {
    if bytes.is_empty() {
        return;
    }
    let position = rng.gen_range(0..bytes.len());
    if let Some(byte) = bytes.get_mut(position) {
        *byte ^= 1_u8 << rng.gen_range(0..8);
    }
}

/// Asks for the block `head` where the request asks for the head.
pub(super) fn pin_head(request: &mut Value, head: u64) {
    match request {
        // Several calls in one request.
        Value::Array(calls) => calls.iter_mut().for_each(|call| pin_head(call, head)),
        Value::Object(call) => {
            if let Some(params) = call.get_mut("params") {
                replace_tags(params, &format!("{head:#x}"));
            }
        }
        _ => {}
    }
}

fn replace_tags(value: &mut Value, block: &str) {
    match value {
        Value::String(text) if HEAD_TAGS.contains(&text.as_str()) => block.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| replace_tags(value, block)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace_tags(value, block)),
        _ => {}
    }
}

/// Changes one digit of one hash, data field or blob, so that the answer still reads well. `false` if there is none.
pub(super) fn lie(answer: &mut Value, rng: &mut impl Rng) -> bool {
    let mut texts = Vec::new();
    collect(answer, &mut texts);
    // By position, since only one of them can be borrowed for a change.
    let count = texts.len();
    let Some(chosen) = (0..count).collect::<Vec<_>>().choose(rng).copied() else {
        return false;
    };
    let Some(text) = texts.into_iter().nth(chosen) else {
        return false;
    };
    let position = rng.gen_range(2..text.len());
    let old = text.get(position..position.saturating_add(1)).unwrap_or_default();
    let new = if old == "0" { "1" } else { "0" };
    text.replace_range(position..position.saturating_add(1), new);
    true
}

fn collect<'a>(value: &'a mut Value, texts: &mut Vec<&'a mut String>) {
    match value {
        Value::String(text) if text.len() >= LIE_LENGTH_MIN && is_hex(text) => texts.push(text),
        Value::Array(values) => values.iter_mut().for_each(|value| collect(value, texts)),
        Value::Object(fields) => fields.values_mut().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

fn is_hex(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use serde_json::json;

    use super::*;

    #[test]
    fn exactly_one_bit_changes() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut bytes = [0_u8; 64];
        flip_bit(&mut bytes, &mut rng);
        assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        flip_bit(&mut [], &mut rng);
    }

    #[test]
    fn only_heads_are_pinned() {
        let mut request = json!([
            {"id": 1, "method": "eth_getBlockByNumber", "params": ["latest", false]},
            {"id": 2, "method": "eth_getLogs", "params": [{"fromBlock": "0x1", "toBlock": "latest"}]},
            {"id": "latest", "method": "eth_getBlockByNumber", "params": ["finalized", false]},
        ]);
        pin_head(&mut request, 26);
        let pinned = json!([
            {"id": 1, "method": "eth_getBlockByNumber", "params": ["0x1a", false]},
            {"id": 2, "method": "eth_getLogs", "params": [{"fromBlock": "0x1", "toBlock": "0x1a"}]},
            {"id": "latest", "method": "eth_getBlockByNumber", "params": ["finalized", false]},
        ]);
        assert_eq!(request, pinned);
    }

    #[test]
    fn a_lie_changes_one_digit_of_a_hash_and_nothing_short() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let hash = format!("0x{}", "ab".repeat(32));
        let honest = json!({"id": 1, "result": {"number": "0x1a", "hash": hash}});
        let mut told = honest.clone();
        assert!(lie(&mut told, &mut rng));
        assert_eq!(told["result"]["number"], honest["result"]["number"]);
        let different = told["result"]["hash"]
            .as_str()
            .unwrap()
            .chars()
            .zip(hash.chars())
            .filter(|(a, b)| a != b)
            .count();
        assert_eq!(different, 1);
        assert!(!lie(&mut json!({"result": "0x1a"}), &mut rng));
    }
}
