//! Against a real anvil (`script/setup` installs it), mining only when told.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{
    Blob, CallError, GasPolicy, L1Client, L1Config, L1Wallet, Purpose, SecretUrl, SendOutcome, SenderHandle,
    TxRequest, VerifyError, kzg,
};
use agoge_protocol::{Address, B256, ChainEvent, L1Block, Slot, U256};
use agoge_supervisor::{CancellationToken, SystemClock};
use alloy::primitives::{Bytes, hex};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolError;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::fake::{deployment, network};

struct Anvil {
    _process: Child,
    http: reqwest::Client,
    url: String,
}

impl Anvil {
    async fn start() -> Self {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let path = root.join("lib/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
        assert!(
            path.is_file(),
            "{} is missing; hint: run script/setup",
            path.display()
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new(path)
            .args([
                "--hardfork",
                "osaka",
                "--no-mining",
                "--silent",
                "--port",
                &port.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let anvil = Self {
            _process: process,
            http: reqwest::Client::new(),
            url: format!("http://127.0.0.1:{port}"),
        };
        for _ in 0..1_200 {
            if anvil.http.post(&anvil.url).json(&json!({})).send().await.is_ok() {
                anvil.mine(1).await;
                return anvil;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("anvil does not answer");
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: Value = self
            .http
            .post(&self.url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    async fn mine(&self, count: u64) {
        for _ in 0..count {
            self.call("evm_mine", json!([])).await;
        }
    }

    async fn wait_for_pool(&self, count: u64) {
        // The first blob costs anvil and this process some seconds of CPU each, far more on a busy machine.
        for _ in 0..4_800 {
            let status = self.call("txpool_status", json!([])).await;
            let pending =
                u64::from_str_radix(status["pending"].as_str().unwrap().trim_start_matches("0x"), 16)
                    .unwrap();
            if pending == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{}", self.call("txpool_content", json!([])).await);
    }

    async fn pooled_hash(&self) -> B256 {
        let block = self.call("eth_getBlockByNumber", json!(["pending", false])).await;
        serde_json::from_value(block["transactions"][0].clone()).unwrap()
    }

    async fn client(&self) -> L1Client {
        let url = SecretUrl::parse(&self.url).unwrap();
        let mut network = network();
        network.l1.poll_interval_ms = 20;
        let config = L1Config::new(network, Some(deployment(1)), vec![url.clone()], vec![url]);
        L1Client::connect(config, Arc::new(SystemClock)).await.unwrap()
    }
}

fn key(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(number)).unwrap()
}

async fn fund(anvil: &Anvil, address: Address) {
    anvil
        .call("anvil_setBalance", json!([address, "0xde0b6b3a7640000"]))
        .await;
}

async fn start_sender(
    anvil: &Anvil,
    client: &L1Client,
    key: PrivateKeySigner,
    journal: &std::path::Path,
) -> (SenderHandle, CancellationToken) {
    fund(anvil, key.address()).await;
    let (sender, handle) = client.sender(key, journal).unwrap();
    let cancel = CancellationToken::new();
    tokio::spawn(sender.run(cancel.clone()));
    (handle, cancel)
}

fn a_blob() -> Blob {
    let mut blob = Blob::zero();
    blob.as_bytes_mut()[31] = 42;
    blob
}

fn publication(blob: &Blob, slot: u64) -> TxRequest {
    TxRequest {
        sidecar: Some(Arc::new(kzg::sidecar(std::slice::from_ref(blob)).unwrap())),
        gas: GasPolicy::Fixed(200_000),
        ..TxRequest::call(
            Address::repeat_byte(0x11),
            Bytes::new(),
            Purpose::propose(Slot::new(slot)),
        )
    }
}

#[tokio::test]
async fn a_blob_is_published_and_read_back_through_the_beacon_endpoint() {
    let anvil = Anvil::start().await;
    let client = anvil.client().await;
    let directory = tempfile::tempdir().unwrap();
    let (handle, _cancel) = start_sender(&anvil, &client, key(7), &directory.path().join("journal")).await;
    let request = publication(&a_blob(), 1);
    let hash = request.sidecar.as_ref().unwrap().versioned_hashes()[0];
    let sending = tokio::spawn(async move { handle.send(request).await });
    anvil.wait_for_pool(1).await;
    anvil.mine(1).await;
    let outcome = sending.await.unwrap().unwrap();
    let SendOutcome::Mined(tx) = outcome else {
        panic!("{outcome}")
    };
    assert!(tx.gas_used > 0 && tx.cost_wei > 0);
    let head = client.head().await.unwrap();
    assert_eq!((head.number.get(), head.hash), (tx.block_number, tx.block_hash));
    assert_eq!(client.blobs().fetch(head, hash).await, Ok(a_blob()));
    let other = client
        .blobs()
        .fetch(head, B256::repeat_byte(1))
        .await
        .unwrap_err();
    assert!(other.is_not_yet(), "{other}");
}

#[tokio::test]
async fn a_base_fee_spike_is_answered_by_a_replacement_and_a_reorg_by_the_same_bytes() {
    let anvil = Anvil::start().await;
    let client = anvil.client().await;
    let directory = tempfile::tempdir().unwrap();
    let (handle, _cancel) = start_sender(&anvil, &client, key(8), &directory.path().join("journal")).await;
    let request = publication(&a_blob(), 1);
    let address = handle.address();
    let sending = tokio::spawn(async move { handle.send(request).await.map(|outcome| (outcome, handle)) });
    anvil.wait_for_pool(1).await;
    let first = anvil.pooled_hash().await;
    anvil
        .call("anvil_setNextBlockBaseFeePerGas", json!(["0x174876e800"]))
        .await; // 100 gwei
    anvil.mine(1).await;
    assert_eq!(client.nonce(address).await.unwrap(), 0, "too cheap for the block");
    // The replacement shows up in the pool under another hash.
    let mut replacement = first;
    for _ in 0..4_800 {
        anvil
            .call("anvil_setNextBlockBaseFeePerGas", json!(["0x174876e800"]))
            .await;
        if anvil
            .call("eth_getBlockByNumber", json!(["pending", false]))
            .await["transactions"][0]
            .is_string()
        {
            replacement = anvil.pooled_hash().await;
        }
        if replacement != first {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_ne!(replacement, first);
    anvil.mine(1).await;
    let (outcome, _handle) = sending.await.unwrap().unwrap();
    let SendOutcome::Mined(tx) = outcome else {
        panic!("{outcome}")
    };
    assert_eq!(tx.hash, replacement);
    // The block is taken back and the pool is empty: the same transaction comes again.
    anvil.call("anvil_rollback", json!([1])).await;
    // The sender may be quick enough to be in the pool already, and then in this block: mining goes on until it is in one.
    let mut is_back = false;
    for _ in 0..2_400 {
        anvil.mine(1).await;
        if client.nonce(address).await.unwrap() == 1 {
            let block = anvil.call("eth_getBlockByNumber", json!(["latest", false])).await;
            assert_eq!(block["transactions"][0], json!(replacement));
            is_back = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(is_back, "the transaction did not come again");
}

#[tokio::test]
async fn a_sender_goes_on_from_its_journal_and_after_a_foreign_transaction() {
    let anvil = Anvil::start().await;
    let client = anvil.client().await;
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    let (handle, cancel) = start_sender(&anvil, &client, key(9), &journal).await;
    let request = publication(&a_blob(), 5);
    let sending = tokio::spawn({
        let (handle, request) = (handle.clone(), request.clone());
        async move { handle.send(request).await }
    });
    anvil.wait_for_pool(1).await;
    let hash = anvil.pooled_hash().await;
    cancel.cancel();
    assert!(sending.await.unwrap().is_err(), "the sender has stopped");
    // Mined while the process was down; the pool forgets nothing.
    anvil.mine(1).await;
    let (handle, _cancel) = start_sender(&anvil, &client, key(9), &journal).await;
    let outcome = handle.send(request.clone()).await.unwrap();
    assert!(
        matches!(outcome, SendOutcome::Mined(tx) if tx.hash == hash),
        "{outcome}"
    );
    assert_eq!(
        client.nonce(handle.address()).await.unwrap(),
        1,
        "one publication"
    );
    let mut other = request;
    other.calldata = Bytes::from_static(b"other");
    assert!(matches!(
        handle.send(other).await.unwrap(),
        SendOutcome::Conflict { .. }
    ));
    // Somebody else uses the key.
    let mut wallet = client.wallet(key(9));
    let foreign = TxRequest::call(
        Address::repeat_byte(0x12),
        Bytes::new(),
        Purpose::named("foreign"),
    );
    assert!(matches!(
        send(&anvil, &mut wallet, foreign).await,
        SendOutcome::Mined(_)
    ));
    let sending = tokio::spawn(async move { handle.send(publication(&a_blob(), 6)).await });
    anvil.wait_for_pool(1).await;
    anvil.mine(1).await;
    assert!(matches!(sending.await.unwrap().unwrap(), SendOutcome::Mined(_)));
}

/// Sends with a wallet while blocks are mined.
async fn send(anvil: &Anvil, wallet: &mut L1Wallet, request: TxRequest) -> SendOutcome {
    let mut sending = std::pin::pin!(wallet.send(request));
    loop {
        tokio::select! {
            outcome = &mut sending => return outcome.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(100)) => anvil.mine(1).await,
        }
    }
}

#[tokio::test]
async fn contracts_are_deployed_and_reverts_are_named_before_anything_is_sent() {
    let anvil = Anvil::start().await;
    let client = anvil.client().await;
    let mut wallet = client.wallet(key(10));
    let outcome = send(
        &anvil,
        &mut wallet,
        TxRequest::create(Bytes::from_static(&hex!("5f5ff3"))),
    )
    .await;
    assert!(
        matches!(outcome, SendOutcome::Unfunded { balance, .. } if balance.is_zero()),
        "{outcome}"
    );
    fund(&anvil, wallet.address()).await;
    // Runtime: nothing without calldata, else revert with the selector of `Rollup__NothingToPrune()`.
    let selector = hex::encode(Rollup::Rollup__NothingToPrune::SELECTOR);
    let code: Bytes = format!("0x74361560135763{selector}60e01b5f5260045ffd5b005f526015600bf3")
        .parse()
        .unwrap();
    let outcome = send(&anvil, &mut wallet, TxRequest::create(code)).await;
    let SendOutcome::Mined(tx) = outcome else {
        panic!("{outcome}")
    };
    let contract = tx.created.unwrap();
    assert!(!client.code(contract).await.unwrap().is_empty());
    let nonce = client.nonce(wallet.address()).await.unwrap();
    let request = TxRequest::call(contract, Bytes::from_static(&[1]), Purpose::named("prune"));
    let outcome = send(&anvil, &mut wallet, request.clone()).await;
    assert!(
        matches!(&outcome, SendOutcome::SimulationReverted { reason } if reason.is("Rollup__NothingToPrune")),
        "{outcome}"
    );
    assert_eq!(
        client.nonce(wallet.address()).await.unwrap(),
        nonce,
        "nothing was sent"
    );
    let refused = client.estimate_gas(wallet.address(), &request).await;
    assert!(
        matches!(&refused, Err(CallError::Reverted { reason, .. }) if reason.is("Rollup__NothingToPrune")),
        "{refused:?}"
    );
    let quiet = TxRequest::call(contract, Bytes::new(), Purpose::named("nothing"));
    let gas = client.estimate_gas(wallet.address(), &quiet).await.unwrap();
    assert!((21_000..30_000).contains(&gas), "{gas}");
    // One whose check passes and that reverts on L1 all the same is reported with the reason.
    let passing = TxRequest {
        check: Some(Bytes::new()),
        gas: GasPolicy::Fixed(100_000),
        ..request
    };
    let outcome = send(&anvil, &mut wallet, passing).await;
    assert!(
        matches!(&outcome, SendOutcome::Reverted { reason: Some(reason), .. } if reason.is("Rollup__NothingToPrune")),
        "{outcome}"
    );
    assert_eq!(client.nonce(wallet.address()).await.unwrap(), nonce + 1);
}

#[tokio::test]
async fn what_succeeds_from_the_next_block_on_is_sent_before_it() {
    let anvil = Anvil::start().await;
    let client = anvil.client().await;
    let mut wallet = client.wallet(key(11));
    fund(&anvil, wallet.address()).await;
    // Runtime: reverts in a block whose time is below the word of calldata, as an epoch's proof does before the epoch's end.
    let code = Bytes::from_static(&hex!("6b5f354210600857005b5f5ffd5f52600c6014f3"));
    let outcome = send(&anvil, &mut wallet, TxRequest::create(code)).await;
    let SendOutcome::Mined(tx) = outcome else {
        panic!("{outcome}")
    };
    let head = client.head().await.unwrap();
    // The next block's time, which an estimate at the head's would not have.
    let from = head.time + client.config().network.network.l1_slot_seconds;
    let word = Bytes::from(U256::from(from).to_be_bytes_vec());
    let request = TxRequest {
        deadline_time: Some(from + 600),
        ..TxRequest::call(tx.created.unwrap(), word, Purpose::named("from then on"))
    };
    let mut sending = std::pin::pin!(wallet.send(request));
    tokio::select! {
        outcome = &mut sending => panic!("{outcome:?}"),
        () = anvil.wait_for_pool(1) => {}
    }
    anvil.call("evm_setNextBlockTimestamp", json!([from])).await;
    anvil.mine(1).await;
    let outcome = sending.await.unwrap();
    assert!(matches!(outcome, SendOutcome::Mined(_)), "{outcome}");
}

#[tokio::test]
async fn a_rollback_is_followed_and_headers_prove_the_entropy_block() {
    let anvil = Anvil::start().await;
    let client = anvil.client().await;
    let start = client.head().await.unwrap().time;
    for index in 1..=10_u64 {
        anvil
            .call("evm_mine", json!([{ "timestamp": start + 12 * index }]))
            .await;
    }
    let (follower, mut stream) = client.follower(Vec::new()).unwrap();
    let cancel = CancellationToken::new();
    let task = tokio::spawn(follower.run(cancel.clone()));
    let mut blocks: Vec<L1Block> = Vec::new();
    let mut rollbacks = 0;
    for is_reorganised in [false, true] {
        if is_reorganised {
            anvil.call("anvil_rollback", json!([4])).await;
            for index in 7..=12_u64 {
                // Slot 8 is missed.
                anvil
                    .call(
                        "evm_mine",
                        json!([{ "timestamp": start + 12 * (index + u64::from(index > 7)) }]),
                    )
                    .await;
            }
        }
        let head = client.head().await.unwrap();
        while blocks.last() != Some(&head) {
            match tokio::time::timeout(Duration::from_secs(60), stream.next())
                .await
                .unwrap()
                .unwrap()
            {
                ChainEvent::Extended { block, .. } => {
                    assert!(blocks.last().is_none_or(|tip| tip.hash == block.parent_hash));
                    blocks.push(block);
                }
                ChainEvent::RolledBack { to } => {
                    rollbacks += 1;
                    blocks.retain(|block| block.number <= to.number);
                }
            }
        }
    }
    assert_eq!(rollbacks, 1);
    let reader = client.reader().unwrap();
    let unverified = reader
        .verify_deployment(&client.config().network)
        .await
        .unwrap_err();
    assert!(
        matches!(&unverified, VerifyError::CodeHash { name, .. } if name == "Rollup"),
        "{unverified}"
    );
    // On the block, between two, in the missed slot.
    for (time, expected) in [(start + 36, 36), (start + 37, 48), (start + 12 * 8, 12 * 9)] {
        let found = reader.entropy_block(time).await.unwrap();
        assert_eq!(found.block.time, start + expected, "{time}");
        assert_eq!(
            alloy::primitives::keccak256(&found.committee_proof.header),
            found.block.hash
        );
        assert_eq!(
            alloy::primitives::keccak256(&found.committee_proof.parent_header),
            found.block.parent_hash
        );
    }
    let late = reader.entropy_block(start + 10_000).await.unwrap_err();
    assert!(late.to_string().contains("has reached"), "{late}");
    assert!(U256::from(blocks.len()) >= U256::from(12));
    cancel.cancel();
    assert!(task.await.unwrap().is_ok());
}
