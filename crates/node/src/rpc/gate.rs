//! Who gets as far as JSON: no browser page, and on the admin port only the holder of the token.

use std::pin::Pin;
use std::task::{Context, Poll};

use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use tower::{Layer, Service};

use super::token::AdminToken;

/// Layer that refuses requests with an `Origin` and, where a token is set, those without it.
#[derive(Clone, Debug, Default)]
pub(super) struct GateLayer {
    pub(super) token: Option<AdminToken>,
}

/// See [`GateLayer`].
#[derive(Clone, Debug)]
pub(super) struct Gate<S> {
    inner: S,
    token: Option<AdminToken>,
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gate {
            inner,
            token: self.token.clone(),
        }
    }
}

impl<S> Gate<S> {
    fn refusal<B>(&self, request: &HttpRequest<B>) -> Option<(u16, &'static str)> {
        let headers = request.headers();
        if headers.contains_key("origin") {
            return Some((403, "requests from web pages are refused\n"));
        }
        let token = self.token.as_ref()?;
        let bearer = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        if bearer.is_some_and(|given| token.matches(given)) {
            None
        } else {
            Some((
                401,
                "the admin token is needed: Authorization: Bearer <content of the token file>\n",
            ))
        }
    }
}

impl<S, B> Service<HttpRequest<B>> for Gate<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        match self.refusal(&request) {
            None => Box::pin(self.inner.call(request)),
            Some((status, text)) => Box::pin(async move {
                let mut response = HttpResponse::new(HttpBody::from(text));
                // Both numbers are status codes.
                *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
                Ok(response)
            }),
        }
    }
}
