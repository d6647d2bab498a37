//! As much of HTTP/1.1 as an L1 client and its endpoint need, on a bare socket: the faults are in what a library would never send.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a request's head at most.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Bytes of a request's body at most: a raw blob transaction has less.
const BODY_BYTES_MAX: usize = 4 << 20;
/// Header lines of a request at most.
const HEADERS_MAX: usize = 64;

/// A request, as far as it is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) content_type: Option<String>,
    pub(super) accept: Option<String>,
    pub(super) body: Vec<u8>,
    /// Whether the client wants to send another one on this connection.
    pub(super) is_kept_alive: bool,
}

/// An answer, as far as it is passed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) content_type: String,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// An answer of this proxy's own.
    pub(super) fn own(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: "text/plain".to_owned(),
            retry_after: None,
            body: body.as_bytes().to_vec(),
        }
    }

    /// Its bytes on the wire.
    pub(super) fn encode(&self, is_kept_alive: bool) -> Vec<u8> {
        let connection = if is_kept_alive { "keep-alive" } else { "close" };
        let retry_after = self
            .retry_after
            .map(|seconds| format!("retry-after: {seconds}\r\n"))
            .unwrap_or_default();
        // The reason phrase may be empty.
        let head = format!(
            "HTTP/1.1 {} \r\ncontent-type: {}\r\ncontent-length: {}\r\n{retry_after}connection: {connection}\r\n\r\n",
            self.status,
            self.content_type,
            self.body.len()
        );
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it.
    pub(super) async fn write(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        is_kept_alive: bool,
    ) -> Result<()> {
        stream.write_all(&self.encode(is_kept_alive)).await?;
        stream.flush().await
    }
}

/// Reads the next request; `None` when the client has closed the connection.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Request>> {
    let mut bytes = Vec::new();
    let (mut request, length, head) = loop {
        if let Some(parsed) = parse_head(&bytes)? {
            break parsed;
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(invalid("a request head of more than 16 KiB"));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return if bytes.is_empty() {
                Ok(None)
            } else {
                Err(ErrorKind::UnexpectedEof.into())
            };
        }
    };
    if length > BODY_BYTES_MAX {
        return Err(invalid("a request body of more than 4 MiB"));
    }
    let mut body = bytes.split_off(head);
    // Clients of L1 wait for an answer before they send the next request.
    if body.len() > length {
        return Err(invalid("a second request before the first was answered"));
    }
    let missing = length.saturating_sub(body.len());
    let read = body.len();
    body.resize(length, 0);
    let tail = body.get_mut(read..).unwrap_or_default();
    debug_assert_eq!(tail.len(), missing);
    stream.read_exact(tail).await?;
    request.body = body;
    Ok(Some(request))
}

/// The request without its body, the body's length, and the head's; `None` while it is incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) =
        parsed.parse(bytes).map_err(|error| invalid(&error.to_string()))?
    else {
        return Ok(None);
    };
    let header = |name: &str| {
        parsed
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .and_then(|header| std::str::from_utf8(header.value).ok())
            .map(str::to_owned)
    };
    if header("transfer-encoding").is_some() {
        return Err(invalid("a request in chunks"));
    }
    let length = match header("content-length") {
        Some(length) => length.parse().map_err(|_| invalid("its content-length"))?,
        None => 0,
    };
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        content_type: header("content-type"),
        accept: header("accept"),
        body: Vec::new(),
        is_kept_alive: !header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
    };
    Ok(Some((request, length, head)))
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_in_pieces_is_read_whole() {
        let (mut client, mut server) = tokio::io::duplex(7);
        let sent = tokio::spawn(async move {
            client
                .write_all(b"POST /a?b HTTP/1.1\r\nContent-Length: 4\r\nHost: x\r\n\r\nbody")
                .await
                .unwrap();
        });
        let request = read(&mut server).await.unwrap().unwrap();
        sent.await.unwrap();
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/a?b")
        );
        assert_eq!(request.body, b"body");
        assert!(request.is_kept_alive);
        assert_eq!(read(&mut server).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_request_is_an_error() {
        let cases: [&[u8]; 5] = [
            b"\x16\x03\x01 no http\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nb",
        ];
        for mut bytes in cases {
            read(&mut bytes).await.unwrap_err();
        }
    }
}
