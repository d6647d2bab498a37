//! Bytes of JSON-RPC: encoding requests, reading bounded bodies, matching answers to requests by id.

use std::time::Duration;

use alloy::primitives::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{MESSAGE_BYTES_MAX, RpcCause};
use super::{BODY_BYTES_MAX, Call};

/// One result for each call of a request, in the order of the calls.
pub(super) type Answers = Vec<Result<Value, RpcCause>>;

pub(super) fn encode(first_id: u64, calls: &[Call]) -> Value {
    let one = |offset: usize, call: &Call| {
        let id = first_id.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX));
        json!({ "jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params })
    };
    match calls {
        [call] => one(0, call),
        _ => Value::Array(
            calls
                .iter()
                .enumerate()
                .map(|(offset, call)| one(offset, call))
                .collect(),
        ),
    }
}

/// Sends a request and reads its whole body, however it is answered.
pub(super) async fn exchange(
    http: &reqwest::Client,
    url: reqwest::Url,
    body: Value,
) -> Result<Vec<u8>, RpcCause> {
    let response = http.post(url).json(&body).send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    match status {
        429 => {
            return Err(RpcCause::RateLimited {
                retry_after: retry_after(&response),
            });
        }
        401 | 403 => return Err(RpcCause::Forbidden(status)),
        _ => {}
    }
    let is_html = response
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"));
    if is_html {
        return Err(if status >= 500 {
            RpcCause::Status(status)
        } else {
            RpcCause::Html
        });
    }
    let bytes = read_body(response, BODY_BYTES_MAX).await?;
    // Some nodes answer a JSON-RPC error with a status of 4xx or 5xx: the body decides if it is one.
    if !(200..300).contains(&status) && serde_json::from_slice::<Answer>(&bytes).is_err() {
        return Err(RpcCause::Status(status));
    }
    Ok(bytes)
}

/// Reads at most `limit` bytes of a body.
pub(crate) async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, RpcCause> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len().saturating_add(chunk.len()) > limit {
            return Err(RpcCause::BodyTooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `Retry-After` in seconds; the date form is rare and left to our own pause.
pub(crate) fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// An error of the HTTP client without the URL, which may be a secret.
pub(crate) fn unreachable(error: reqwest::Error) -> RpcCause {
    use std::error::Error as _;
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    RpcCause::Unreachable(shorten(&text))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Value,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Value,
}

/// Tells `"result": null` (an answer) from no result at all.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub(super) fn decode(first_id: u64, count: usize, bytes: &[u8]) -> Result<Answers, RpcCause> {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match start {
        Some(b'<') => return Err(RpcCause::Html),
        Some(b'[') if count != 1 => {}
        _ => {
            let answer: Answer = serde_json::from_slice(bytes).map_err(malformed)?;
            if count == 1 {
                if answer.id != json!(first_id) && answer.error.is_none() {
                    return Err(RpcCause::Malformed(format!(
                        "answer has id {}, expected {first_id}",
                        answer.id
                    )));
                }
                return one(answer).map(|answer| vec![answer]);
            }
            // A batch that is refused as a whole is answered by one error object.
            return match one(answer)? {
                Err(cause) => Err(cause),
                Ok(_) => Err(RpcCause::Malformed("one answer to a batch".to_owned())),
            };
        }
    }
    let answers: Vec<Answer> = serde_json::from_slice(bytes).map_err(malformed)?;
    let mut slots: Vec<Option<Result<Value, RpcCause>>> = (0..count).map(|_| None).collect();
    for answer in answers {
        let offset = answer
            .id
            .as_u64()
            .and_then(|id| id.checked_sub(first_id))
            .and_then(|o| usize::try_from(o).ok());
        let Some(slot) = offset.and_then(|offset| slots.get_mut(offset)) else {
            return Err(RpcCause::Malformed(format!(
                "answer with the foreign id {}",
                answer.id
            )));
        };
        if slot.is_some() {
            return Err(RpcCause::Malformed(format!("two answers with id {}", answer.id)));
        }
        *slot = Some(one(answer)?);
    }
    slots
        .into_iter()
        .map(|slot| slot.ok_or_else(|| RpcCause::Malformed("an answer of the batch is missing".to_owned())))
        .collect()
}

/// The outer error is about the endpoint, the inner one about the call.
fn one(answer: Answer) -> Result<Result<Value, RpcCause>, RpcCause> {
    match (answer.error, answer.result) {
        (Some(error), _) => {
            if is_rate_limit(&error) {
                return Err(RpcCause::RateLimited { retry_after: None });
            }
            let data = revert_data(&error.data);
            Ok(Err(RpcCause::Refused {
                code: error.code,
                message: shorten(&error.message),
                data,
            }))
        }
        (None, Some(result)) => Ok(Ok(result)),
        (None, None) => Err(RpcCause::Malformed("neither result nor error".to_owned())),
    }
}

/// Providers limit requests with -32005, 429 and -32029, and -32005 also stands for log limits.
fn is_rate_limit(error: &ErrorObject) -> bool {
    let text = error.message.to_lowercase();
    matches!(error.code, 429 | -32_029)
        || [
            "rate limit",
            "too many requests",
            "requests per second",
            "compute units per second",
            "request limit",
            "throughput",
        ]
        .iter()
        .any(|part| text.contains(part))
}

/// Revert data as geth (`data`), anvil (`data`) and Parity's heirs (`data: "Reverted 0x.."`) give it, or nested in an object.
fn revert_data(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(text) => {
            let hex = text.strip_prefix("Reverted ").unwrap_or(text);
            hex.starts_with("0x").then(|| hex.parse().ok()).flatten()
        }
        Value::Object(fields) => match fields.get("data") {
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn malformed(error: serde_json::Error) -> RpcCause {
    RpcCause::Malformed(shorten(&error.to_string()))
}

/// Cuts a text from outside to [`MESSAGE_BYTES_MAX`] bytes.
pub(crate) fn shorten(text: &str) -> String {
    let mut end = text.len().min(MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_matched_by_id() {
        let cases: [(&str, usize, &str, Option<&str>); 9] = [
            (
                "in order",
                2,
                r#"[{"id":7,"result":1},{"id":8,"result":2}]"#,
                None,
            ),
            (
                "out of order",
                2,
                r#"[{"id":8,"result":2},{"id":7,"result":1}]"#,
                None,
            ),
            (
                "foreign id",
                2,
                r#"[{"id":7,"result":1},{"id":9,"result":2}]"#,
                Some("foreign id"),
            ),
            (
                "twice",
                2,
                r#"[{"id":7,"result":1},{"id":7,"result":2}]"#,
                Some("two answers"),
            ),
            ("missing", 2, r#"[{"id":7,"result":1}]"#, Some("missing")),
            ("wrong single id", 1, r#"{"id":1,"result":1}"#, Some("expected 7")),
            ("half JSON", 1, r#"{"id":7,"resu"#, Some("malformed")),
            ("a web page", 1, " <html>", Some("web page")),
            (
                "batch refused",
                2,
                r#"{"id":null,"error":{"code":-32600,"message":"no batches"}}"#,
                Some("no batches"),
            ),
        ];
        for (name, count, body, expected) in cases {
            let answers = decode(7, count, body.as_bytes());
            match expected {
                Some(text) => assert!(answers.unwrap_err().to_string().contains(text), "{name}"),
                None => assert_eq!(answers.unwrap(), [Ok(json!(1)), Ok(json!(2))], "{name}"),
            }
        }
        assert_eq!(
            decode(7, 1, br#"{"id":7,"result":null}"#).unwrap(),
            [Ok(Value::Null)]
        );
    }

    #[test]
    fn limits_and_reverts_are_told_apart() {
        let refusal = |message: &str, code: i64| {
            let body = json!({ "id": 7, "error": { "code": code, "message": message, "data": "0x1234" } })
                .to_string();
            decode(7, 1, body.as_bytes())
        };
        assert_eq!(
            refusal("compute units per second exceeded", 429),
            Err(RpcCause::RateLimited { retry_after: None })
        );
        let texts = [
            (
                -32_005,
                "query returned more than 10000 results. Try with this block range [0x1, 0x2].",
            ),
            (
                -32_602,
                "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
            ),
            (-32_614, "eth_getLogs is limited to a 5 range"),
            (-32_000, "exceed maximum block range: 50000"),
            (-32_600, "block range is too wide"),
        ];
        for (code, text) in texts {
            let Ok(answers) = refusal(text, code) else {
                panic!("{text}: an answer about the call")
            };
            let [Err(cause)] = answers.as_slice() else {
                panic!("{text}")
            };
            assert!(cause.wants_smaller_range(), "{text}");
            assert!(
                matches!(cause, RpcCause::Refused { data: Some(data), .. } if data.len() == 2),
                "{text}"
            );
        }
        assert_eq!(shorten(&"ä".repeat(400)).len(), MESSAGE_BYTES_MAX);
    }
}
