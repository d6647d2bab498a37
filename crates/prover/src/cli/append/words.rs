//! What the command says.

use agoge_host::report::CliError;
use agoge_l1_client::{InstanceFacts, SendOutcome};
use agoge_protocol::exit::ExitCode as Exit;
use serde_json::json;

use crate::append::{AppendError, Appended, Draft, DraftError, FollowError, NotNow};
use crate::cli::Invocation;
use crate::cli::l1::not_mined;

/// The error with its code, and what to do.
pub(super) fn append_error(error: AppendError) -> CliError {
    let message = error.to_string();
    let (exit, code) = match &error {
        AppendError::NotNow(NotNow(state)) => {
            let hint = format!(
                "an append is possible from Unix time {} on; --wait SECONDS waits for it",
                state.opens_at
            );
            return CliError::new(Exit::Precondition, "AGOGE-PRV-011", message).with_hint(hint);
        }
        AppendError::Draft(DraftError::Nothing { .. } | DraftError::NoSlot { .. }) => {
            (Exit::Precondition, "AGOGE-PRV-012")
        }
        AppendError::Overtaken => (Exit::Precondition, "AGOGE-PRV-011"),
        AppendError::Declined => (Exit::Declined, "AGOGE-PRV-014"),
        AppendError::Follow(FollowError::Stuck { .. }) => {
            let hint = "L1 forgets blobs after about 18 days: name an archive with --l1-blob-archive-dir, or the data directory of a \
                        prover that has followed the instance";
            return CliError::new(Exit::TimedOut, "AGOGE-PRV-015", message).with_hint(hint);
        }
        AppendError::Prove(_) => (Exit::Failed, "AGOGE-PRV-008"),
        AppendError::Rpc(_) | AppendError::Call(_) | AppendError::Sender(_) => (Exit::Failed, "AGOGE-L1-002"),
        AppendError::Outcome(outcome) => return not_mined(outcome),
        AppendError::Draft(_)
        | AppendError::Follow(_)
        | AppendError::Store(_)
        | AppendError::TakeBack(_)
        | AppendError::Kzg(_)
        | AppendError::Lost(_) => (Exit::Failed, "AGOGE-RUN-001"),
    };
    match message.split_once("; hint: ") {
        Some((message, hint)) => CliError::new(exit, code, message).with_hint(hint),
        None => CliError::new(exit, code, message),
    }
}

/// The blocks, before they are sent.
pub(super) fn preview(facts: &InstanceFacts, draft: &Draft) -> String {
    let Draft { key, slots, .. } = draft;
    let mut lines = vec![
        format!(
            "blocks {}..{} of epoch {} (slots {}) for {}",
            key.first,
            key.last,
            key.epoch,
            slots
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            facts.contracts.rollup
        ),
        format!(
            "  {} transactions, {} deposits",
            draft.included.len(),
            draft.deposits
        ),
    ];
    let refused = draft.refused.iter();
    lines.extend(refused.map(|refused| format!("  not {}: {}", refused.id, refused.reason)));
    if !draft.left.is_empty() {
        lines.push(format!(
            "  no room for {} more: append them in the next epoch",
            draft.left.len()
        ));
    }
    lines.join("\n")
}

/// The result.
pub(super) fn tell(invocation: &Invocation, facts: &InstanceFacts, appended: &Appended) {
    let Appended { draft, tx } = appended;
    let refused: Vec<_> = draft
        .refused
        .iter()
        .map(|refused| json!({ "id": refused.id, "reason": refused.reason }))
        .collect();
    let document = json!({
        "rollup": facts.contracts.rollup,
        "genesis_id": facts.genesis_id,
        "first": draft.key.first,
        "last": draft.key.last,
        "epoch": draft.key.epoch,
        "slots": draft.slots,
        "transactions": draft.included,
        "deposits": draft.deposits,
        "refused": refused,
        "left": draft.left,
        "sent": tx.is_some(),
        "l1_tx": tx.map(|tx| tx.hash),
        "l1_block": tx.map(|tx| tx.block_number),
        "gas_used": tx.map(|tx| tx.gas_used),
        "cost_wei": tx.map(|tx| tx.cost_wei.to_string()),
    });
    invocation.data("append", &document, || {
        let end = match tx {
            Some(tx) => SendOutcome::Mined(*tx).to_string(),
            None => "dry run: nothing was proven or sent".to_owned(),
        };
        format!("{}\n{end}\n", preview(facts, draft))
    });
}
