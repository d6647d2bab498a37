//! Blob sources: both names of a block, both encodings, every way to say "none", and lies.

use std::sync::Arc;

use agoge_l1_client::{Blob, L1Client, SecretUrl, SourceFailure, kzg};
use agoge_protocol::limits::BLOB_BYTES;
use agoge_protocol::network::BeaconId;
use agoge_protocol::{B256, L1Block, L1BlockNumber};
use agoge_supervisor::SystemClock;
use alloy::primitives::hex;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::fake::{FakeL1, config, listen};

#[derive(Clone, Copy, Debug)]
enum Beacon {
    Json,
    Octets,
    /// Every blob of the block although one was asked for.
    Unfiltered,
    NotFound,
    Gone,
    Empty,
    Custody,
    RateLimited,
    Html,
    Lying,
    Short,
    Huge,
}

fn blob(byte: u8) -> Blob {
    let mut blob = Blob::zero();
    blob.as_bytes_mut()[31] = byte;
    blob
}

async fn beacon(
    State((kind, id)): State<(Beacon, &'static str)>,
    Path(asked): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    assert_eq!(
        query,
        [(
            "versioned_hashes".to_owned(),
            kzg::versioned_hash(&blob(1)).unwrap().to_string()
        )]
    );
    if asked != id {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({ "code": 404, "message": "block not found" })),
        )
            .into_response();
    }
    let hex = |blob: &Blob| hex::encode_prefixed(blob.as_bytes());
    let data = |blobs: Vec<String>| {
        Json(json!({ "execution_optimistic": false, "finalized": false, "data": blobs })).into_response()
    };
    match kind {
        Beacon::Json => data(vec![hex(&blob(1))]),
        Beacon::Unfiltered => data(vec![hex(&blob(2)), hex(&blob(1)), hex(&blob(3))]),
        Beacon::Octets => (
            [(header::CONTENT_TYPE, "application/octet-stream")],
            blob(1).as_bytes().to_vec(),
        )
            .into_response(),
        Beacon::NotFound => StatusCode::NOT_FOUND.into_response(),
        Beacon::Gone => StatusCode::GONE.into_response(),
        Beacon::Empty => data(Vec::new()),
        Beacon::Custody => {
            let text = "{\"code\":404,\"message\":\"node does not custody enough data columns to reconstruct blobs\"}";
            (StatusCode::NOT_FOUND, text).into_response()
        }
        Beacon::RateLimited => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3")]).into_response(),
        Beacon::Html => ([(header::CONTENT_TYPE, "text/html")], "<html>").into_response(),
        Beacon::Lying => data(vec![hex(&blob(9))]),
        Beacon::Short => data(vec!["0x00".to_owned()]),
        Beacon::Huge => vec![b' '; 80 * BLOB_BYTES * 2].into_response(),
    }
}

async fn serve(kind: Beacon, id: &'static str) -> SecretUrl {
    let router = axum::Router::new()
        .route("/key/eth/v1/beacon/blobs/{id}", get(beacon))
        .with_state((kind, id));
    listen(router, "/key").await
}

async fn client(naming: BeaconId, beacons: Vec<SecretUrl>, archive: Option<&std::path::Path>) -> L1Client {
    let l1 = FakeL1::start(1).await;
    let mut config = config(&[&l1.url], beacons);
    config.network.network.beacon_id = naming;
    config.network.network.beacon_genesis_time = 1_000;
    config.network.network.l1_slot_seconds = 12;
    config.blob_archive = archive.map(std::path::Path::to_owned);
    L1Client::connect(config, Arc::new(SystemClock)).await.unwrap()
}

fn block() -> L1Block {
    let number = L1BlockNumber::new(77);
    L1Block {
        number,
        hash: B256::ZERO,
        parent_hash: B256::ZERO,
        time: 1_000 + 12 * 80 + 3,
        prevrandao: B256::ZERO,
    }
}

#[tokio::test]
async fn blobs_are_found_by_slot_and_by_number_in_both_encodings() {
    let hash = kzg::versioned_hash(&blob(1)).unwrap();
    for (naming, id) in [(BeaconId::Slot, "80"), (BeaconId::L1Number, "77")] {
        for kind in [Beacon::Json, Beacon::Octets, Beacon::Unfiltered] {
            let client = client(naming, vec![serve(kind, id).await], None).await;
            let found = client.blobs().fetch(block(), hash).await;
            assert_eq!(found, Ok(blob(1)), "{naming:?} {kind:?}");
        }
    }
}

#[tokio::test]
async fn what_a_source_lacks_is_told_from_what_it_does_wrong() {
    let hash = kzg::versioned_hash(&blob(1)).unwrap();
    let cases = [
        (Beacon::NotFound, true, "does not have it"),
        (Beacon::Gone, true, "does not have it"),
        (Beacon::Empty, true, "does not have it"),
        (Beacon::Custody, false, "--supernode"),
        (Beacon::RateLimited, false, "limited"),
        (Beacon::Html, false, "web page"),
        (Beacon::Lying, false, "another hash"),
        (Beacon::Short, false, "found 1"),
        (Beacon::Huge, false, "larger than"),
    ];
    for (kind, is_not_yet, text) in cases {
        let bad = serve(kind, "77").await;
        let error = client(BeaconId::L1Number, vec![bad.clone()], None)
            .await
            .blobs()
            .fetch(block(), hash)
            .await
            .unwrap_err();
        assert_eq!(error.is_not_yet(), is_not_yet, "{kind:?}");
        assert!(
            error.to_string().contains(text) && !error.to_string().contains("/key"),
            "{kind:?}: {error}"
        );
        // The next source is asked, whatever the first did.
        let both = client(
            BeaconId::L1Number,
            vec![bad, serve(Beacon::Octets, "77").await],
            None,
        )
        .await;
        assert_eq!(both.blobs().fetch(block(), hash).await, Ok(blob(1)), "{kind:?}");
    }
    let none = client(BeaconId::L1Number, Vec::new(), None)
        .await
        .blobs()
        .fetch(block(), hash)
        .await
        .unwrap_err();
    assert!(!none.is_not_yet() && none.to_string().contains("hint"), "{none}");
}

#[tokio::test]
async fn fetched_blobs_are_archived_and_read_back_and_damage_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let hash = kzg::versioned_hash(&blob(1)).unwrap();
    let online = client(
        BeaconId::L1Number,
        vec![serve(Beacon::Json, "77").await],
        Some(directory.path()),
    )
    .await;
    online.blobs().fetch(block(), hash).await.unwrap();
    let offline = client(BeaconId::L1Number, Vec::new(), Some(directory.path())).await;
    assert_eq!(offline.blobs().fetch(block(), hash).await, Ok(blob(1)));
    let files: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files, [directory.path().join(format!("{hash}.blob"))]);
    std::fs::write(&files[0], blob(2).as_bytes()).unwrap();
    let error = offline.blobs().fetch(block(), hash).await.unwrap_err();
    assert!(
        matches!(error.sources.as_slice(), [(_, SourceFailure::WrongBlob { .. })]),
        "{error}"
    );
    std::fs::write(&files[0], [0; 100]).unwrap();
    assert!(offline.blobs().fetch(block(), hash).await.is_err());
}
