//! Transactions as people and wallets hand them over.

use std::io::Read;
use std::path::{Path, PathBuf};

use agoge_host::report::CliError;
use agoge_protocol::Transaction;
use agoge_protocol::exit::ExitCode as Exit;
use serde_json::Value;

/// Bytes of all files: several blocks of the largest transactions.
const BYTES_MAX: u64 = 128 << 20;
/// Transactions at most: what one append can hold is less.
const TRANSACTIONS_MAX: usize = 1_024;

/// Reads transactions from files, `-` being standard input: 0x hex of their encodings with white space between, or JSON with such texts (a
/// text, a list, or what `agoge-wallet --print-raw --json` prints).
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Transaction>, CliError> {
    let mut left = BYTES_MAX;
    let mut txs = Vec::new();
    for path in files {
        let text = read_text(path, left)?;
        left = left.saturating_sub(u64::try_from(text.len()).unwrap_or(u64::MAX));
        parse(&text, &mut txs).map_err(|reason| usage(format!("{}: {reason}", path.display())))?;
    }
    Ok(txs)
}

fn usage(message: String) -> CliError {
    CliError::new(Exit::Usage, "AGOGE-PRV-013", message)
        .with_hint("agoge-wallet send or withdraw with --print-raw makes a transaction")
}

fn read_text(path: &Path, max: u64) -> Result<String, CliError> {
    let mut text = String::new();
    let limit = max.saturating_add(1);
    let read = if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    let length = read.map_err(|error| usage(format!("cannot read {}: {error}", path.display())))?;
    if u64::try_from(length).is_ok_and(|length| length <= max) {
        Ok(text)
    } else {
        Err(usage(format!("the files have more than {BYTES_MAX} bytes")))
    }
}

fn parse(text: &str, txs: &mut Vec<Transaction>) -> Result<(), String> {
    if text.trim_start().starts_with(['{', '[', '"']) {
        let document = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        return collect(&document, txs);
    }
    text.split_whitespace().try_for_each(|word| push(word, txs))
}

/// The transactions of a document. Its depth is bounded by the parser.
fn collect(document: &Value, txs: &mut Vec<Transaction>) -> Result<(), String> {
    match document {
        Value::String(text) => push(text, txs),
        Value::Array(list) => list.iter().try_for_each(|entry| collect(entry, txs)),
        Value::Object(fields) => match fields.get("data").or_else(|| fields.get("raw")) {
            Some(inner) => collect(inner, txs),
            None => Err("an object without `raw`".to_owned()),
        },
        other => Err(format!("{other} is no transaction")),
    }
}

fn push(text: &str, txs: &mut Vec<Transaction>) -> Result<(), String> {
    let place = txs.len().saturating_add(1);
    if place > TRANSACTIONS_MAX {
        return Err(format!("more than {TRANSACTIONS_MAX} transactions"));
    }
    let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map_err(|error| format!("transaction {place} is no hex: {error}"))?;
    let tx = borsh::from_slice(&bytes).map_err(|error| format!("transaction {place} is none: {error}"))?;
    txs.push(tx);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::SyntheticEpoch;
    use agoge_protocol::L2BlockNumber;

    fn transactions() -> Vec<Transaction> {
        let epoch = SyntheticEpoch::without_proofs(1, 2).unwrap();
        let number = L2BlockNumber::new(2);
        let held = crate::holdings::transactions(&epoch.store().view(), number).unwrap();
        held.unwrap()
    }

    fn raw(tx: &Transaction) -> String {
        format!("0x{}", hex::encode(borsh::to_vec(tx).unwrap()))
    }

    fn parsed(text: &str) -> Result<Vec<Transaction>, String> {
        let mut txs = Vec::new();
        parse(text, &mut txs)?;
        Ok(txs)
    }

    #[test]
    fn hex_and_what_the_wallet_prints_are_read() {
        let txs = transactions();
        let [a, b] = [&txs[0], &txs[1]].map(raw);
        let printed = |raw: &str| {
            format!(r#"{{"schema":"agoge.wallet.withdraw/1","ok":true,"data":{{"id":"x","raw":"{raw}"}}}}"#)
        };
        for text in [
            format!("{a}\n{b}\n"),
            format!("  {}\t{b}", a.strip_prefix("0x").unwrap()),
            format!(r#"["{a}","{b}"]"#),
            format!("[{},{}]", printed(&a), printed(&b)),
        ] {
            assert_eq!(parsed(&text).unwrap(), txs, "{text:.80}");
        }
        assert_eq!(parsed(&printed(&b)).unwrap(), txs[1..]);
        assert_eq!(parsed(" \n").unwrap(), []);
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        let good = raw(&transactions()[0]);
        for (text, expected) in [
            (format!("{good} 0xzz"), "transaction 2 is no hex"),
            (format!("{good}00"), "transaction 1 is none"),
            (good[..good.len() - 2].to_owned(), "transaction 1 is none"),
            ("{".to_owned(), "not JSON"),
            ("{}".to_owned(), "without `raw`"),
            ("[1]".to_owned(), "1 is no transaction"),
            ("[".repeat(100_000), "not JSON"),
        ] {
            let error = parsed(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let files = [PathBuf::from("/nowhere/at/all")];
        assert_eq!(read(&files).unwrap_err().exit, Exit::Usage);
    }
}
