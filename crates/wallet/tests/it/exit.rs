//! Leaving an old pool: which notes leave together, and the program that appends their transactions.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use agoge_protocol::exit::ExitCode;
use agoge_wallet::exit::{AppendCall, Extent, Leaving, ProverError, plan};
use agoge_wallet::transfer::{Payee, Payment, build};

use crate::cli::{Home, NOBODY};
use crate::support::{account, anchor, genesis, pay, prover, rich, seed, withdrawal};

const FEE: u64 = 2;

fn planned(leaving: &[Leaving]) -> Vec<(Vec<u64>, u64)> {
    let values = |leaving: &Leaving| leaving.notes.iter().map(|note| note.value).collect();
    leaving
        .iter()
        .map(|leaving| (values(leaving), leaving.amount))
        .collect()
}

#[test]
fn everything_leaves_two_notes_at_a_time_if_it_is_worth_the_fee() {
    // The last block is not proven.
    let chain = rich(&[&[10, 1, 300], &[40, 1], &[9_000]]);
    let book = chain.book(&seed(1));
    let all = |proven, max| planned(&plan(&book, proven, FEE, Extent::All, max).0);
    assert_eq!(
        all(5, 64),
        [(vec![300, 40], 338), (vec![10, 1], 9)],
        "1 alone is not worth 2"
    );
    assert_eq!(all(6, 64)[0], (vec![9_000, 300], 9_298));
    assert_eq!(all(5, 1), [(vec![300, 40], 338)]);
    assert_eq!(all(0, 64), []);
    let (none, uncovered) = plan(&book, 5, 1_000, Extent::All, 64);
    assert!(none.is_empty());
    assert_eq!(uncovered, 0);
}

#[test]
fn an_amount_leaves_exactly_or_what_lacks_is_told() {
    let chain = rich(&[&[10, 300, 40, 30]]);
    let book = chain.book(&seed(1));
    let some = |amount| {
        let (leaving, uncovered) = plan(&book, 4, FEE, Extent::Gwei(amount), 64);
        (planned(&leaving), uncovered)
    };
    assert_eq!(some(100), (vec![(vec![300, 40], 100)], 0));
    assert_eq!(some(338), (vec![(vec![300, 40], 338)], 0));
    assert_eq!(some(339), (vec![(vec![300, 40], 338), (vec![30, 10], 1)], 0));
    assert_eq!(some(376), (vec![(vec![300, 40], 338), (vec![30, 10], 38)], 0));
    assert_eq!(some(377).1, 1);
    assert_eq!(some(0), (vec![], 0), "an earlier try has made all of it");
}

#[test]
fn what_is_planned_can_be_proven_together_and_spends_each_note_once() {
    let chain = rich(&[&[10_000, 20_000, 30_000]]);
    let mut book = chain.book(&seed(1));
    // A payment that is under way keeps its note.
    let earlier = pay(&book, withdrawal(account(7), 8_000));
    book.add_sent(&earlier).unwrap();
    let (leaving, _) = plan(&book, 3, 1_000, Extent::All, 64);
    assert_eq!(planned(&leaving), [(vec![30_000, 20_000], 49_000)]);
    let payment = Payment {
        to: Payee::L1(account(9)),
        amount: leaving[0].amount,
        fee: 1_000,
    };
    let notes = &leaving[0].notes;
    let tx = build(
        &seed(1),
        &book,
        genesis(),
        anchor(&book),
        notes,
        payment,
        prover(),
    )
    .unwrap();
    assert_eq!(tx.public_inputs.withdrawal().amount, 49_000);
    book.add_sent(&tx).unwrap();
    assert_eq!(book.spendable().count(), 0);
}

/// A program that stands in for the prover.
fn script(dir: &Path, text: &str) -> AppendCall {
    let path = dir.join("prover");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    AppendCall {
        program: Some(path),
        rollup: account(1),
        transactions: PathBuf::from("txs"),
        flags: vec![("--wait", "5".to_owned())],
        extra: vec!["--dry".to_owned()],
    }
}

#[tokio::test]
async fn the_provers_answer_and_its_refusal_are_understood() {
    let dir = tempfile::tempdir().unwrap();
    let tx = format!("0x{}", "01".repeat(32));
    let good = script(
        dir.path(),
        &format!(
            r#"[ "$*" = "append --json --yes --rollup {} --transactions txs --wait 5 --dry" ] || exit 2
echo '{{"schema":"agoge.prover.append/1","ok":true,"data":{{"first":7,"last":8,"transactions":["{tx}"],"refused":[],"left":[],"l1_tx":"{tx}"}}}}'"#,
            account(1)
        ),
    );
    let report = good.run().await.unwrap();
    assert_eq!((report.first.get(), report.last.get()), (7, 8));

    let bad = script(
        dir.path(),
        r#"echo '{"schema":"agoge.error/1","ok":false,"error":{"code":"AGOGE-PRV-011","message":"somebody was first","hint":null}}'; exit 3"#,
    );
    let error = bad.run().await.unwrap_err();
    assert_eq!(error.to_string(), "agoge-prover append: somebody was first");
    assert!(matches!(error, ProverError::Refused { exit: Some(3), .. }));

    let nothing = script(dir.path(), "exit 0").run().await.unwrap_err();
    assert!(matches!(nothing, ProverError::Answer(_)), "{nothing}");
    let missing = AppendCall {
        program: Some(dir.path().join("nowhere")),
        ..good
    };
    let error = missing.run().await.unwrap_err();
    assert!(
        error.to_string().contains("hint: name the agoge-prover program"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_wrong_by_itself_is_said_before_anybody_is_asked() {
    let home = Home::new(NOBODY);
    let account = [
        "--rpc-url",
        NOBODY,
        "--keystore",
        "key.json",
        "--network",
        "devnet",
    ];
    let with = |args: &[&'static str]| -> Vec<&'static str> {
        ["exit"]
            .into_iter()
            .chain(args.iter().copied())
            .chain(account)
            .collect()
    };
    let zero = "0x0000000000000000000000000000000000000000";
    for args in [with(&["--to", zero]), with(&["--amount", "0ether"])] {
        let error = home.run(&args).await.error(ExitCode::Usage as i32);
        assert!(!error["message"].to_string().contains("node"), "{error}");
    }
}
