//! Endpoints that fail, lie about their chain, or leak.

use std::sync::Arc;

use agoge_l1_client::{ClientError, EntropyError, L1Client, RpcCause};
use agoge_protocol::{B256, keccak256};
use agoge_supervisor::SystemClock;
use alloy::consensus::Header;

use crate::fake::{FakeL1, Fault, config, connect};

#[tokio::test]
async fn every_fault_of_the_first_endpoint_is_covered_by_the_second() {
    let (first, second) = (FakeL1::start(5).await, FakeL1::start(9).await);
    let faults = [
        Fault::RateLimited,
        Fault::ServerError,
        Fault::Html,
        Fault::HalfJson,
        Fault::HugeBody,
        Fault::WrongId,
    ];
    for fault in faults {
        let client = connect(&[&first.url, &second.url]).await;
        first.edit(|chain| chain.faults.push_back(fault));
        assert_eq!(client.head().await.unwrap().number.get(), 8, "{fault:?}");
        assert_eq!(
            client.head().await.unwrap().number.get(),
            8,
            "stays with what worked"
        );
    }
}

#[tokio::test]
async fn a_single_endpoint_is_asked_again_after_a_pause() {
    let l1 = FakeL1::start(5).await;
    let client = connect(&[&l1.url]).await;
    l1.edit(|chain| chain.faults.push_back(Fault::RateLimited));
    assert_eq!(client.head().await.unwrap().number.get(), 4);
}

#[tokio::test]
async fn endpoints_of_another_chain_are_refused_with_the_reason() {
    let (right, wrong) = (FakeL1::start(5).await, FakeL1::start(5).await);
    wrong.edit(|chain| chain.chain_id = 1);
    for urls in [vec![&wrong.url], vec![&right.url, &wrong.url]] {
        let error = L1Client::connect(config(&urls, Vec::new()), Arc::new(SystemClock))
            .await
            .unwrap_err();
        assert!(error.is_wrong_chain(), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("serves chain 1, expected 31337") && text.contains("hint"),
            "{text}"
        );
        assert!(!text.contains("secret-key"), "{text}");
    }
    assert!(matches!(
        L1Client::connect(config(&[], Vec::new()), Arc::new(SystemClock)).await,
        Err(ClientError::Endpoints { found: 0 })
    ));
}

#[tokio::test]
async fn an_unreachable_endpoint_is_named_without_its_key() {
    let closed = agoge_l1_client::SecretUrl::parse("http://127.0.0.1:9/v3/secret-key").unwrap();
    let error = L1Client::connect(config(&[&closed], Vec::new()), Arc::new(SystemClock))
        .await
        .unwrap_err();
    let ClientError::Rpc(rpc) = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(rpc.cause, RpcCause::Unreachable(_)), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("127.0.0.1:9") && !text.contains("secret-key"),
        "{text}"
    );
    // One that is down does not keep the others from working.
    let l1 = FakeL1::start(5).await;
    assert_eq!(
        connect(&[&closed, &l1.url])
            .await
            .head()
            .await
            .unwrap()
            .number
            .get(),
        4
    );
}

#[tokio::test]
async fn headers_with_the_fields_of_amsterdam_are_rebuilt_to_their_hash() {
    let l1 = FakeL1::start(5).await;
    let header = Header {
        number: 9_000_000,
        timestamp: 1_791_294_816,
        base_fee_per_gas: Some(7),
        withdrawals_root: Some(B256::repeat_byte(1)),
        blob_gas_used: Some(131_072),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::repeat_byte(2)),
        requests_hash: Some(B256::repeat_byte(3)),
        block_access_list_hash: Some(B256::repeat_byte(4)),
        slot_number: Some(11_296_768),
        ..Header::default()
    };
    let hash = header.hash_slow();
    let mut json = serde_json::to_value(&header).unwrap();
    json["hash"] = serde_json::json!(hash);
    json["fieldOfTheNextFork"] = serde_json::json!("0x1");
    l1.edit(|chain| chain.header = Some((hash, json.clone())));
    let reader = connect(&[&l1.url]).await.reader().unwrap();
    let raw = reader.raw_header(hash).await.unwrap();
    assert_eq!(
        (keccak256(&raw), raw.as_ref()),
        (hash, alloy::rlp::encode(&header).as_slice())
    );
    // A field that this version does not know of, or a lie, cannot be proven to L1 and is told.
    json["slotNumber"] = serde_json::json!("0x1");
    l1.edit(|chain| chain.header = Some((hash, json)));
    assert_eq!(
        reader.raw_header(hash).await,
        Err(EntropyError::HeaderMismatch { hash })
    );
}
