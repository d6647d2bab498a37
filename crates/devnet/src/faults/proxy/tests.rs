//! Every behaviour as a client sees it, in front of an endpoint that always answers the same.

use super::*;

const HASH: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

/// An endpoint whose head is block 26 at the first question and one later at each further one; it answers other calls with what it was asked.
async fn endpoint() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut head = 26;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            while let Ok(Some(request)) = http::read(&mut stream).await {
                let call: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                let answer = if call["method"] == "eth_blockNumber" {
                    head += 1;
                    json!({"result": format!("{:#x}", head - 1)})
                } else {
                    json!({"result": {"asked": call["params"], "path": request.target, "hash": HASH}})
                };
                let response = Response {
                    content_type: "application/json".to_owned(),
                    ..Response::own(200, &answer.to_string())
                };
                response.write(&mut stream, false).await.unwrap();
                break;
            }
        }
    });
    (url, server)
}

async fn ask(proxy: &L1Proxy) -> reqwest::Result<reqwest::Response> {
    let call = json!({"method": "eth_getBlockByNumber", "params": ["latest"]});
    reqwest::Client::new()
        .post(format!("{}/path?query", proxy.url()))
        .timeout(Duration::from_millis(600))
        .json(&call)
        .send()
        .await
}

#[tokio::test]
async fn each_behaviour_is_what_a_client_sees() {
    let (url, _endpoint) = endpoint().await;
    let proxy = L1Proxy::start(&url).await.unwrap();

    let healthy = ask(&proxy).await.unwrap().text().await.unwrap();
    let expected = json!({"result": {"asked": ["latest"], "path": "/path?query", "hash": HASH}});
    assert_eq!(serde_json::from_str::<Value>(&healthy).unwrap(), expected);

    proxy.behave(Behaviour::Delay { ms: 200 });
    let start = std::time::Instant::now();
    assert_eq!(ask(&proxy).await.unwrap().text().await.unwrap(), healthy);
    assert!(start.elapsed() >= Duration::from_millis(200));

    proxy.behave(Behaviour::Refuse);
    assert!(!ask(&proxy).await.unwrap_err().is_timeout());
    proxy.behave(Behaviour::Hang);
    assert!(ask(&proxy).await.unwrap_err().is_timeout());
    proxy.behave(Behaviour::Cut);
    let cut = async { ask(&proxy).await?.text().await };
    assert!(!cut.await.unwrap_err().is_timeout());

    proxy.behave(Behaviour::Garble);
    let garbled = ask(&proxy).await.unwrap().bytes().await.unwrap();
    let different = garbled.iter().zip(healthy.bytes()).filter(|(a, b)| **a != *b);
    assert_eq!((garbled.len(), different.count()), (healthy.len(), 1));
    proxy.behave(Behaviour::Truncate);
    let half = ask(&proxy).await.unwrap().text().await.unwrap();
    assert_eq!(half, healthy[..healthy.len() / 2]);

    proxy.behave(Behaviour::RateLimit { seconds: 7 });
    let limited = ask(&proxy).await.unwrap();
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    proxy.behave(Behaviour::Unavailable);
    assert_eq!(ask(&proxy).await.unwrap().status(), 503);

    proxy.behave(Behaviour::Lie);
    let lie: Value = ask(&proxy).await.unwrap().json().await.unwrap();
    assert_ne!(lie["result"]["hash"], HASH);
    assert_eq!(lie["result"]["asked"], expected["result"]["asked"]);
}

#[tokio::test]
async fn a_stale_endpoint_stays_where_it_was() {
    let (url, _endpoint) = endpoint().await;
    let proxy = L1Proxy::start(&url).await.unwrap();
    let asked = async || ask(&proxy).await.unwrap().json::<Value>().await.unwrap()["result"]["asked"].clone();
    proxy.behave(Behaviour::Stale);
    assert_eq!(asked().await, json!(["0x1a"]));
    assert_eq!(asked().await, json!(["0x1a"]));
    proxy.behave(Behaviour::Healthy);
    assert_eq!(asked().await, json!(["latest"]));
    // The next fault takes the head of its own time.
    proxy.behave(Behaviour::Stale);
    assert_eq!(asked().await, json!(["0x1b"]));
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_a_bad_gateway() {
    let gone = format!("http://127.0.0.1:{}", crate::anvil::free_port().unwrap());
    let proxy = L1Proxy::start(&gone).await.unwrap();
    assert_eq!(ask(&proxy).await.unwrap().status(), 502);
}
