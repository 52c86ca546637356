//! What is around every request: one line in the log, measurements, a time-out, and headers that make browsers careful.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, header};
use tokio::time::Instant;

use super::problem::{Problem, TIMEOUT};

/// The longest that a request may take. A stream of events begins within it and goes on after it.
const LONGEST: Duration = Duration::from_secs(30);

/// What browsers are told wherever nothing else is said.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Lets the request through, and tells of it.
pub(super) async fn around(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answer = tokio::time::timeout(LONGEST, next.run(request)).await;
    let mut response = answer.unwrap_or_else(|_| Problem::of(&TIMEOUT).into_response());
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    tell(&method, route.as_ref().map_or("unmatched", MatchedPath::as_str), &response, begun.elapsed());
    response
}

fn tell(method: &Method, route: &str, response: &Response, took: Duration) {
    let status = response.status();
    let route: std::sync::Arc<str> = route.into();
    let labels = [("route", metrics::SharedString::from(route.clone())), ("status", status_class(status).into())];
    metrics::counter!("countersign_requests_total", &labels).increment(1);
    metrics::histogram!("countersign_request_seconds", "route" => route.clone()).record(took.as_secs_f64());
    tracing::info!(
        target: "countersign::request",
        method = method.as_str(),
        route = &*route,
        status = status.as_u16(),
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    );
}

fn status_class(status: http::StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
