//! Both servers over real sockets on loopback, spoken to in plain HTTP so that malformed requests can be made.

use std::net::SocketAddr;
use std::sync::Arc;

use agoge_protocol::network::{NetworkConfig, built_in};
use agoge_protocol::transaction::Withdrawal;
use agoge_protocol::{Address, B256, Ciphertext, Digest, Element, Epoch, Transaction, TxPublicInputs};
use agoge_supervisor::{ManualClock, Supervisor};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::fake::{ATTESTER, Fake};
use super::*;
use crate::config::{AdminConfig, RpcConfig};
use crate::query::NodeQueries as _;

struct Servers {
    addresses: RpcAddresses,
    token: String,
    fake: Fake,
    _supervisor: Supervisor,
    _dir: tempfile::TempDir,
}

async fn start() -> Servers {
    let dir = tempfile::tempdir().unwrap();
    let token_file = dir.path().join("admin.token");
    let token = AdminToken::load_or_create(&token_file).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let rpc = RpcConfig {
        listen: any,
        public: false,
        hosts: vec![],
    };
    let admin = AdminConfig {
        listen: any,
        token_file: token_file.clone(),
    };
    let network = NetworkConfig::parse(built_in("devnet").unwrap()).unwrap();
    let fake = Fake::default();
    let supervisor = Supervisor::new();
    // Epoch 2, slot 33.
    let clock = Arc::new(ManualClock::new((1_000 + 33 * 4) * 1_000));
    let context = RpcContext {
        node: fake.clone(),
        timing: network.timing(1_000),
        network,
        clock,
    };
    let admin_context = AdminContext {
        node: fake.clone(),
        spawner: supervisor.spawner(),
        reload: None,
    };
    let addresses = serve(
        &supervisor.spawner(),
        (&rpc, context),
        (&admin, token, admin_context),
    )
    .await
    .unwrap();
    let token = std::fs::read_to_string(token_file).unwrap();
    Servers {
        addresses,
        token,
        fake,
        _supervisor: supervisor,
        _dir: dir,
    }
}

/// Status and body of an HTTP exchange; the server may close while a refused body is still being written.
async fn http(address: SocketAddr, headers: &str, body: &[u8]) -> (u16, String) {
    http_at(address, "/", headers, body).await
}

async fn http_at(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let body = text
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    (status, body)
}

async fn call_with(address: SocketAddr, headers: &str, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let headers = format!("host: localhost\r\n{headers}");
    let (status, body) = http(address, &headers, request.to_string().as_bytes()).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"))
}

async fn call(servers: &Servers, method: &str, params: Value) -> Value {
    call_with(servers.addresses.rpc, "", method, params).await
}

fn raw_transaction(fee: u64) -> (String, Transaction) {
    let digest = |seed: u32| Digest([seed, seed + 1, seed + 2, seed + 3].map(Element::from_u32));
    let inputs = TxPublicInputs::new(
        digest(1),
        digest(5),
        [digest(9), digest(13)],
        [digest(20), digest(30)],
        fee,
        Withdrawal::default(),
        digest(40),
    )
    .unwrap();
    let tx = Transaction::new(inputs, [Ciphertext::from_bytes(&[0; 91]); 2], vec![1]).unwrap();
    (format!("0x{}", hex::encode(borsh::to_vec(&tx).unwrap())), tx)
}

fn raw_quote(nonce: u64) -> String {
    let mut signed = Fake::default().quotes(None)[0].signed;
    signed.quote.nonce = nonce;
    format!("0x{}", hex::encode(borsh::to_vec(&signed).unwrap()))
}

#[tokio::test]
async fn every_public_method_answers() {
    let servers = start().await;
    let (raw, tx) = raw_transaction(1_000);
    let zero = Digest::ZERO.to_string();
    let cases = [
        ("agoge_nodeInfo", json!([]), "/tx_fee_min_gwei", json!("1000")),
        ("agoge_nodeInfo", json!(null), "/client_profile", json!("default")),
        ("agoge_tips", json!([]), "/pending/number", json!(300)),
        ("agoge_getBlock", json!([1]), "/finality", json!("finalized")),
        ("agoge_getBlock", json!([2]), "/finality", json!("proven")),
        ("agoge_getBlock", json!([3]), "/finality", json!("pending")),
        ("agoge_getBlock", json!([0]), "", json!(null)),
        ("agoge_getHeader", json!([3]), "/total_fees", json!("1000")),
        ("agoge_getHeader", json!([u64::MAX]), "", json!(null)),
        (
            "agoge_getEffects",
            json!([3]),
            "/transactions/0/withdrawal/amount",
            json!("5"),
        ),
        (
            "agoge_getBlocks",
            json!([1, 256]),
            "/255/header/number",
            json!(256),
        ),
        ("agoge_getBlocks", json!([300, 2]), "/1", json!(null)),
        ("agoge_getEffectsRange", json!([5, 64]), "/63/number", json!(68)),
        ("agoge_getEffectsRange", json!([u64::MAX, 64]), "", json!([])),
        ("agoge_sendTransaction", json!([raw]), "", json!(tx.id())),
        (
            "agoge_getTransactionStatus",
            json!([tx.id()]),
            "/status",
            json!("mined"),
        ),
        ("agoge_getNoteWitness", json!([zero]), "/index", json!(3)),
        ("agoge_committee", json!([]), "/epoch", json!(2)),
        ("agoge_committee", json!([1]), "/last_slot", json!(31)),
        ("agoge_proposer", json!([]), "/slot", json!(33)),
        ("agoge_proposer", json!([2]), "/starts_at", json!(1_008)),
        ("agoge_quotes", json!([]), "/0/basis_point_fee", json!(300)),
        ("agoge_quotes", json!([2]), "", json!([])),
        (
            "agoge_sendQuote",
            json!([raw_quote(0)]),
            "",
            json!(B256::repeat_byte(3)),
        ),
        ("agoge_epochs", json!([1, 2]), "/1/epoch", json!(2)),
        ("agoge_epochs", json!([1, 1]), "/0/claim/slashed_gwei", json!("5")),
        (
            "agoge_epochs",
            json!([1, 1]),
            "/0/claim/outcome",
            json!("defaulted"),
        ),
        ("agoge_epochs", json!([1, 1]), "/0/last_slot", json!(31)),
        (
            "agoge_epochs",
            json!([1, 1]),
            "/0/proofs/0/settled_from",
            json!(5),
        ),
        ("agoge_peers", json!([]), "/0/score", json!(-1)),
        ("agoge_duties", json!([]), "/0/reason", json!("no_proposal")),
        (
            "agoge_duties",
            json!([ATTESTER, 2]),
            "/1/reason",
            json!("too_few_attestations"),
        ),
        ("agoge_duties", json!([Address::ZERO]), "", json!([])),
    ];
    for (method, params, pointer, expected) in cases {
        let answer = call(&servers, method, params.clone()).await;
        let found = answer
            .pointer(&format!("/result{pointer}"))
            .cloned()
            .unwrap_or(Value::Null);
        assert_eq!(found, expected, "{method}{params}: {answer}");
        assert!(answer.get("error").is_none(), "{answer}");
    }
}

#[tokio::test]
async fn errors_have_stable_codes_and_no_paths() {
    let servers = start().await;
    let (cheap, _) = raw_transaction(999);
    let long = format!("0x{}", "00".repeat(130_000));
    let cases = [
        ("agoge_nope", json!([]), -32_601, None),
        ("agoge_getBlock", json!([]), -32_602, Some("AGOGE-RPC-002")),
        (
            "agoge_sendQuote",
            json!(["0x00"]),
            -32_003,
            Some("AGOGE-QUOTE-001"),
        ),
        (
            "agoge_sendQuote",
            json!([raw_quote(1)]),
            -32_003,
            Some("AGOGE-QUOTE-007"),
        ),
        (
            "agoge_sendQuote",
            json!([raw_quote(2)]),
            -32_002,
            Some("AGOGE-RPC-003"),
        ),
        (
            "agoge_sendQuote",
            json!([raw_quote(3)]),
            -32_003,
            Some("AGOGE-QUOTE-006"),
        ),
        ("agoge_epochs", json!([0, 65]), -32_005, Some("AGOGE-RPC-005")),
        ("agoge_getBlock", json!(["one"]), -32_602, Some("AGOGE-RPC-002")),
        ("agoge_getBlock", json!([-1]), -32_602, Some("AGOGE-RPC-002")),
        ("agoge_getBlock", json!([1, 2]), -32_602, Some("AGOGE-RPC-002")),
        (
            "agoge_getBlock",
            json!({"number": 1}),
            -32_602,
            Some("AGOGE-RPC-002"),
        ),
        ("agoge_tips", json!([1]), -32_602, Some("AGOGE-RPC-002")),
        ("agoge_getBlock", json!([299]), -32_603, Some("AGOGE-RPC-006")),
        ("agoge_getBlocks", json!([0, 257]), -32_005, Some("AGOGE-RPC-005")),
        (
            "agoge_getEffectsRange",
            json!([0, u64::MAX]),
            -32_005,
            Some("AGOGE-RPC-005"),
        ),
        (
            "agoge_duties",
            json!([null, 1_025]),
            -32_005,
            Some("AGOGE-RPC-005"),
        ),
        (
            "agoge_sendTransaction",
            json!(["0x00"]),
            -32_003,
            Some("AGOGE-TX-001"),
        ),
        (
            "agoge_sendTransaction",
            json!([long]),
            -32_003,
            Some("AGOGE-TX-001"),
        ),
        (
            "agoge_sendTransaction",
            json!(["xyz"]),
            -32_602,
            Some("AGOGE-RPC-002"),
        ),
        (
            "agoge_sendTransaction",
            json!([cheap]),
            -32_003,
            Some("AGOGE-TX-003"),
        ),
        (
            "agoge_getNoteWitness",
            json!([format!("0x{}", "ff".repeat(32))]),
            -32_602,
            Some("AGOGE-RPC-002"),
        ),
        ("agoge_committee", json!([3]), -32_002, Some("AGOGE-RPC-003")),
        ("agoge_proposer", json!([63]), -32_001, Some("AGOGE-RPC-004")),
        ("agoge_committee", json!([4]), -32_005, Some("AGOGE-RPC-005")),
        (
            "agoge_committee",
            json!([u64::MAX]),
            -32_005,
            Some("AGOGE-RPC-005"),
        ),
        ("agoge_proposer", json!([64]), -32_005, Some("AGOGE-RPC-005")),
        ("agogeAdmin_setDuties", json!([ATTESTER, "off"]), -32_601, None),
    ];
    for (method, params, code, stable) in cases {
        let answer = call(&servers, method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
        assert_eq!(
            answer["error"]["data"]["code"].as_str(),
            stable,
            "{method}: {answer}"
        );
        assert!(!answer.to_string().contains("/secret"), "{answer}");
    }
    let capped = call(&servers, "agoge_getBlocks", json!([0, 257])).await;
    assert_eq!(capped["error"]["data"]["max"], 256, "the error names the cap");
}

#[test]
fn committees_are_told_from_twelve_epochs_back_to_the_next() {
    let network = NetworkConfig::parse(built_in("devnet").unwrap()).unwrap();
    let timing = network.timing(1_000);
    // (seconds, first epoch told, last one)
    let rows = [
        (0, 0, 1),
        (1_000, 0, 1),
        (timing.slot_start(timing.first_slot(Epoch::new(12))), 0, 13),
        (timing.slot_start(timing.first_slot(Epoch::new(20))), 8, 21),
    ];
    for (now, first, last) in rows {
        let context = RpcContext {
            node: Fake::default(),
            network: network.clone(),
            timing,
            clock: Arc::new(ManualClock::new(now * 1_000)),
        };
        for epoch in (0..40).chain([u64::MAX]) {
            let checked = context.check_epoch(Epoch::new(epoch));
            assert_eq!(checked.is_ok(), (first..=last).contains(&epoch), "{now}: {epoch}");
            let range = format!("epochs {first} to {last} ");
            assert!(
                checked.map_or_else(|e| e.message().contains(&range), |()| true),
                "{range}"
            );
        }
    }
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_the_server_lives() {
    let servers = start().await;
    let address = servers.addresses.rpc;
    let host = "host: localhost\r\n";
    let one = json!({ "jsonrpc": "2.0", "id": 1, "method": "agoge_peers", "params": [] });
    let batch = |count: usize| serde_json::to_vec(&vec![one.clone(); count]).unwrap();
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    let (status, _) = http(address, host, &vec![b' '; 11 << 20]).await;
    assert!(matches!(status, 413 | 0), "11 MiB: {status}");
    for (name, body) in [
        ("not JSON", b"{".to_vec()),
        ("invalid UTF-8", vec![b'"', 0xff, 0xfe, b'"']),
        ("deep", deep),
        ("empty", vec![]),
        ("batch of 21", batch(21)),
        ("empty batch", b"[]".to_vec()),
        ("no method", b"{\"jsonrpc\":\"2.0\",\"id\":1}".to_vec()),
        (
            "duplicate keys",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agoge_peers\",\"method\":\"agoge_tips\"}".to_vec(),
        ),
    ] {
        let (_, answer) = http(address, host, &body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{name}: {answer}"));
        // Nested brackets are a batch of one bad call.
        let answer = answer.get(0).unwrap_or(&answer);
        assert!(answer["error"]["code"].is_number(), "{name}: {answer}");
    }
    let (_, answer) = http(address, host, &batch(20)).await;
    let answers: Vec<Value> = serde_json::from_str(&answer).unwrap();
    assert_eq!(answers.len(), 20);
}

#[tokio::test]
async fn foreign_hosts_and_web_pages_are_refused() {
    let servers = start().await;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "agoge_tips" }).to_string();
    let bearer = format!("authorization: Bearer {}\r\n", servers.token);
    for (address, token) in [
        (servers.addresses.rpc, ""),
        (servers.addresses.admin, bearer.as_str()),
    ] {
        for (headers, expected) in [
            ("host: localhost\r\n", 200),
            ("host: 127.0.0.1:8700\r\n", 200),
            ("host: evil.example\r\n", 403),
            ("host: localhost.evil.example\r\n", 403),
            ("host: localhost\r\norigin: http://localhost\r\n", 403),
            ("host: localhost\r\norigin: null\r\n", 403),
        ] {
            let (status, answer) = http(address, &format!("{token}{headers}"), body.as_bytes()).await;
            assert_eq!(status, expected, "{headers}: {answer}");
        }
    }
}

#[tokio::test]
async fn admin_needs_the_token_and_obeys_with_it() {
    let servers = start().await;
    let address = servers.addresses.admin;
    let off =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "agogeAdmin_setDuties", "params": [ATTESTER, "off"] });
    let short = &servers.token[..63];
    for wrong in [
        String::new(),
        "authorization: Bearer \r\n".into(),
        format!("authorization: Bearer {short}\r\n"),
        format!("authorization: Basic {}\r\n", servers.token),
    ] {
        let (status, answer) = http(
            address,
            &format!("host: localhost\r\n{wrong}"),
            off.to_string().as_bytes(),
        )
        .await;
        assert_eq!(status, 401, "{answer}");
        assert!(!answer.contains(&servers.token));
    }
    assert!(servers.fake.duties.lock().unwrap().is_empty());
    let bearer = format!("authorization: Bearer {}\r\n", servers.token);
    let admin = |method: &'static str, params: Value| call_with(address, &bearer, method, params);
    assert_eq!(
        admin("agogeAdmin_setDuties", json!([ATTESTER, "off"])).await["result"],
        true
    );
    assert_eq!(*servers.fake.duties.lock().unwrap(), [(ATTESTER, false)]);
    assert_eq!(admin("agogeAdmin_exportGuard", json!([])).await["result"], "{}");
    assert_eq!(
        admin("agogeAdmin_importGuard", json!(["{}"])).await["result"],
        true
    );
    for (method, params, code, stable) in [
        (
            "agogeAdmin_setDuties",
            json!([Address::ZERO, "on"]),
            -32_001,
            "AGOGE-RPC-007",
        ),
        (
            "agogeAdmin_setDuties",
            json!([ATTESTER, "maybe"]),
            -32_602,
            "AGOGE-RPC-002",
        ),
        ("agogeAdmin_importGuard", json!(["x"]), -32_000, "AGOGE-RPC-008"),
        ("agogeAdmin_reloadKeys", json!([]), -32_004, "AGOGE-RPC-009"),
    ] {
        let answer = admin(method, params).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(answer["error"]["data"]["code"], stable, "{answer}");
    }
}

#[test]
fn no_method_takes_or_returns_keys() {
    let network = NetworkConfig::parse(built_in("devnet").unwrap()).unwrap();
    let context = RpcContext {
        node: Fake::default(),
        timing: network.timing(0),
        network,
        clock: Arc::new(ManualClock::new(0)),
    };
    let admin = AdminContext {
        node: Fake::default(),
        spawner: Supervisor::new().spawner(),
        reload: None,
    };
    let mut names: Vec<_> = super::public::module(context).unwrap().method_names().collect();
    names.extend(super::admin::module(admin).unwrap().method_names());
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "agogeAdmin_exportGuard",
            "agogeAdmin_importGuard",
            "agogeAdmin_reloadKeys",
            "agogeAdmin_setDuties",
            "agogeAdmin_setPayload",
            "agoge_committee",
            "agoge_duties",
            "agoge_epochs",
            "agoge_getBlock",
            "agoge_getBlocks",
            "agoge_getEffects",
            "agoge_getEffectsRange",
            "agoge_getHeader",
            "agoge_getNoteWitness",
            "agoge_getTransactionStatus",
            "agoge_governance",
            "agoge_instances",
            "agoge_nodeInfo",
            "agoge_peers",
            "agoge_proposer",
            "agoge_quotes",
            "agoge_sendQuote",
            "agoge_sendTransaction",
            "agoge_tips",
        ],
        "a new method must not take or return private or viewing keys"
    );
}

/// An answer of the server to a call at a path.
async fn call_at(servers: &Servers, path: &str, method: &str) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] });
    let body = request.to_string();
    let (status, body) = http_at(
        servers.addresses.rpc,
        path,
        "host: localhost\r\n",
        body.as_bytes(),
    )
    .await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn the_path_names_the_instance_and_the_root_is_the_canonical_one() {
    let servers = start().await;
    let second = format!("/instances/{}", super::fake::SECOND);
    let number = |answer: &Value| answer["result"]["instance"].as_u64();
    assert_eq!(number(&call_at(&servers, "/", "agoge_nodeInfo").await), Some(0));
    assert_eq!(
        number(&call_at(&servers, &second, "agoge_nodeInfo").await),
        Some(2)
    );
    let code = |answer: &Value| answer["error"]["data"]["code"].clone();
    for path in [
        format!("/instances/{}", Digest::ZERO),
        "/instances".into(),
        "/x".into(),
    ] {
        let answer = call_at(&servers, &path, "agoge_tips").await;
        assert_eq!(code(&answer), "AGOGE-RPC-010", "{path}: {answer}");
        assert!(answer["error"]["data"]["hint"].is_string(), "{answer}");
    }
    servers
        .fake
        .is_down
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let answer = call_at(&servers, "/", "agoge_tips").await;
    assert_eq!(code(&answer), "AGOGE-RPC-011", "{answer}");
    assert!(answer.to_string().contains("disk is full"), "{answer}");
    assert_eq!(
        number(&call_at(&servers, &second, "agoge_nodeInfo").await),
        Some(2)
    );
    let listed = call_at(&servers, "/", "agoge_instances").await;
    let states: Vec<_> = listed["result"].as_array().unwrap().iter().collect();
    assert_eq!(states[0]["state"], "active");
    assert_eq!(
        (&states[1]["state"], &states[1]["rollup_version"]),
        (&json!("idle"), &json!(2))
    );
    assert_eq!(
        (&states[2]["state"], &states[2]["reason"]),
        (&json!("unknown"), &json!("version 3"))
    );
    assert_eq!(states[2]["genesis_id"], Value::Null);
}

#[tokio::test]
async fn a_payload_is_set_and_cleared_behind_the_token_only_and_told_to_everybody() {
    let servers = start().await;
    let bearer = format!("authorization: Bearer {}\r\n", servers.token.trim());
    let admin = |params: Value| {
        let (address, bearer) = (servers.addresses.admin, bearer.clone());
        async move { call_with(address, &bearer, "agogeAdmin_setPayload", params).await }
    };
    let answer = call(&servers, "agoge_governance", json!([])).await;
    assert_eq!(answer["error"]["data"]["code"], "AGOGE-RPC-003", "{answer}");
    assert!(!answer.to_string().contains("secret"), "{answer}");
    let payload = Address::repeat_byte(0x77);
    let hash = B256::repeat_byte(0x11);
    let good = json!([{ "payload": payload, "actionsHash": hash }]);
    assert_eq!(admin(good.clone()).await["result"], true);
    let governance = call(&servers, "agoge_governance", json!([])).await["result"].clone();
    assert_eq!(governance["signal"]["payload"], json!(payload));
    assert_eq!(governance["signal"]["is_signalled"], true);
    assert_eq!(governance["round"]["quorum_signals"], 9);
    for (params, code) in [
        (json!([]), "AGOGE-RPC-002"),
        (json!(["0x77"]), "AGOGE-RPC-002"),
        (json!([{ "payload": payload }]), "AGOGE-RPC-002"),
        (
            json!([{ "payload": payload, "actionsHash": hash, "x": 1 }]),
            "AGOGE-RPC-002",
        ),
        (
            json!([{ "payload": payload, "actionsHash": B256::ZERO }]),
            "AGOGE-RPC-008",
        ),
        (json!([null, null]), "AGOGE-RPC-002"),
    ] {
        let answer = admin(params).await;
        assert_eq!(answer["error"]["data"]["code"], code, "{answer}");
        assert!(servers.fake.signal.lock().unwrap().is_some(), "{answer}");
    }
    let unknown = call(&servers, "agogeAdmin_setPayload", good).await;
    assert_eq!(unknown["error"]["code"], -32_601, "not on the public port");
    assert_eq!(admin(json!([null])).await["result"], true);
    assert!(servers.fake.signal.lock().unwrap().is_none());
}
