//! What is around every request: one line in the log, measurements, a time-out, and headers that make browsers careful.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, header};
use metrics::{Counter, Histogram};
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
    measure(route, status_class(status), took);
    tracing::info!(
        target: "countersign::request",
        method = method.as_str(),
        route,
        status = status.as_u16(),
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    );
}

/// What is counted of a route.
struct Meters {
    requests: HashMap<&'static str, Counter>,
    seconds: Histogram,
}

/// Counts a request. Each thread keeps what it found once: looking a meter up by its labels costs more than counting.
fn measure(route: &str, status: &'static str, took: Duration) {
    thread_local! {
        static METERS: RefCell<HashMap<Box<str>, Meters>> = RefCell::default();
    }
    METERS.with_borrow_mut(|meters| {
        // There are as many as there are routes.
        if !meters.contains_key(route) {
            let seconds = metrics::histogram!("countersign_request_seconds", "route" => route.to_owned());
            meters.insert(route.into(), Meters { requests: HashMap::new(), seconds });
        }
        let Some(Meters { requests, seconds }) = meters.get_mut(route) else { return };
        seconds.record(took.as_secs_f64());
        let counter =
            || metrics::counter!("countersign_requests_total", "route" => route.to_owned(), "status" => status);
        requests.entry(status).or_insert_with(counter).increment(1);
    });
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
