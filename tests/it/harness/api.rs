//! A small client of the API: what is asked and what comes back, nothing hidden.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

/// Every scope but that of administrators.
pub(crate) const SCOPES: [&str; 16] = [
    "users:read",
    "users:write",
    "sessions",
    "enrollments",
    "authenticators:read",
    "authenticators:write",
    "challenges",
    "hardware_tokens",
    "events:read",
    "policies:read",
    "policies:write",
    "configuration:read",
    "configuration:write",
    "workflows:read",
    "workflows:write",
    "recovery",
];

/// A client of one server with one key.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    /// As `http://127.0.0.1:8420`.
    pub(crate) address: String,
    /// The API key that it shows.
    pub(crate) key: String,
    /// Whether it comes again where a list cannot be read just now.
    patient: bool,
    /// How far the clock was moved, in milliseconds. A server that is started again is back at the real time.
    moved: Arc<AtomicI64>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(address: &str, key: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(1024).build().unwrap();
        Self { http, address: address.to_owned(), key: key.to_owned(), patient: false, moved: Arc::default() }
    }

    /// The same client on connections of its own.
    pub(crate) fn apart(&self) -> Self {
        Self { moved: Arc::clone(&self.moved), ..Self::new(&self.address, &self.key) }
    }

    /// The same client over other connections: with TLS, say, and an identity of its own.
    pub(crate) fn over(&self, http: reqwest::Client) -> Self {
        Self { http, ..self.clone() }
    }

    /// The same client with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await.unwrap()
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(body)).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await.unwrap()
    }

    /// Asks; an error is a connection that broke, as it does when the server is killed.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer, reqwest::Error> {
        let request = self.request(method, path);
        Self::answer(if let Some(body) = body { request.json(&body) } else { request }).await
    }

    /// A request with the key on it, to be added to.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address)).bearer_auth(&self.key)
    }

    /// Sends a request.
    pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// The same client, which comes again where a list cannot be read just now.
    pub(crate) fn patient(&self) -> Self {
        Self { patient: true, ..self.clone() }
    }

    /// The answer, where a database that went away and came back has a connection to it found broken: tried again, as the answer asks for.
    async fn page(&self, path: &str) -> Answer {
        for _ in 0..if self.patient { 10 } else { 0 } {
            match self.get(path).await {
                Answer { status: 503, headers, .. } if headers.contains_key("retry-after") => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                answer => return answer,
            }
        }
        self.get(path).await
    }

    /// Everything in a list, page by page.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.page(&format!("{path}{joint}limit=500{cursor}")).await.expect(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The time on the server, milliseconds since the Unix epoch.
    pub(crate) async fn now(&self) -> i64 {
        let answer = self.post("/v1/testing/clock", json!({ "advance_millis": 0 })).await;
        if answer.status == 404 {
            // Its clock is the real one.
            return super::real_now();
        }
        time(&answer.expect(200))
    }

    /// Lets time pass on the server and in the vault.
    pub(crate) async fn advance(&self, seconds: i64) -> i64 {
        self.move_clock(json!({ "advance_millis": seconds * 1000 })).await
    }

    /// The same, to the millisecond.
    pub(crate) async fn advance_millis(&self, millis: i64) -> i64 {
        self.move_clock(json!({ "advance_millis": millis })).await
    }

    /// Sets the wall clock of server and vault wrong.
    pub(crate) async fn jump(&self, seconds: i64) -> i64 {
        self.move_clock(json!({ "jump_millis": seconds * 1000 })).await
    }

    /// Moves the clock of a server that was started again to where it was.
    pub(crate) async fn move_on(&self) {
        let moved = self.moved.swap(0, Ordering::SeqCst);
        if moved > 0 {
            self.move_clock(json!({ "advance_millis": moved })).await;
        }
    }

    async fn move_clock(&self, how: Value) -> i64 {
        let by = how.as_object().unwrap().values().filter_map(Value::as_i64).sum();
        self.moved.fetch_add(by, Ordering::SeqCst);
        time(&self.post("/v1/testing/clock", how).await.expect(200))
    }
}

/// What a clock that was asked or moved shows.
fn time(answer: &Value) -> i64 {
    millis(answer["now"].as_str().unwrap_or_else(|| panic!("no time: {answer}")))
}

impl Answer {
    /// The body as JSON; `null` where there is none.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {self}"))
    }

    /// The body, if the status is as it should be.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        self.json()
    }

    /// That it is this problem, told as RFC 9457 wants it.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, slug: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.headers.get("content-type").map(String::as_str), Some("application/problem+json"), "{self}");
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{self}");
        assert_eq!(problem["status"], status, "{self}");
        problem
    }

    /// The answer without what differs from one answer to the next by its nature.
    pub(crate) fn without_date(mut self) -> Self {
        for name in ["date", "request-id", "x-request-id"] {
            self.headers.remove(name);
        }
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

/// Milliseconds since the Unix epoch of an RFC 3339 time in UTC, by the civil calendar.
pub(crate) fn millis(text: &str) -> i64 {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap_or_else(|_| panic!("no time: {text}"));
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days since 0000-03-01, so that the leap day ends the year.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719_468;
    ((days * 24 + number(11, 13)) * 60 + number(14, 16)) * 60_000 + number(17, 19) * 1000 + number(20, 23)
}

#[test]
fn a_time_reads_as_milliseconds() {
    assert_eq!(millis("1970-01-01T00:00:00.000Z"), 0);
    assert_eq!(millis("2026-03-01T08:30:00.123Z"), 1_772_353_800_123);
}
