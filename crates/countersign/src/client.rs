//! The API's client, as the command line uses it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::cli::Connection;
use crate::config::{DATA, Environment};
use crate::failure::{Failure, Reason, describe};

/// Where the supervisor leaves the key of the first start, in the data folder.
pub(crate) const KEY_FILE: &str = "administrator.key";
/// Where the supervisor leaves its address, in the data folder.
pub(crate) const ADDRESS_FILE: &str = "address";

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
}

/// An answer that is not the wanted one.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// RFC 9457 problem details.
    Problem(Problem),
    /// No answer that makes sense.
    Transport(Failure),
}

/// What the server says went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The last part of its `type`: `proof-rejected`, `not-found` …
    pub(crate) slug: String,
    /// In words.
    pub(crate) detail: String,
}

/// The folder in which a server that was started from here keeps its data.
pub(crate) fn data_folder(environment: &Environment) -> PathBuf {
    PathBuf::from(environment.get("COUNTERSIGN_DATA").unwrap_or(DATA))
}

/// The API key that was given, or the one of the first start if it is there.
///
/// # Errors
/// Where the key is said to be somewhere and cannot be read.
pub(crate) fn api_key(given: Option<&str>, environment: &Environment) -> Result<Option<String>, Failure> {
    match given {
        Some(key) => dereference(key, environment).map(Some),
        None => Ok(read_trimmed(&data_folder(environment).join(KEY_FILE)).ok().filter(|text| !text.is_empty())),
    }
}

impl Client {
    /// Finds address and key, in the order: flag, environment, data folder.
    ///
    /// # Errors
    /// Where the address is no URL, or the named key or CA cannot be read. A missing key is no error
    /// yet: the server says so where it wants one.
    pub(crate) fn find(connection: &Connection, environment: &Environment) -> Result<Self, Failure> {
        let data = data_folder(environment);
        let left_behind = |file: &str| read_trimmed(&data.join(file)).ok().filter(|text| !text.is_empty());
        let url = connection.url.clone().or_else(|| left_behind(ADDRESS_FILE));
        let url = url.unwrap_or_else(|| "http://127.0.0.1:8420".to_owned());
        let base = Url::parse(&url)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| Failure::usage(format!("--url: `{url}` is no URL, like https://mfa.example.com")))?;
        let key = api_key(connection.key.as_deref(), environment)?;
        Ok(Self { http: transport(&base, connection.ca.as_deref())?, base, key })
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// `GET`.
    pub(crate) async fn get(&self, path: &[&str]) -> Result<Value, Refusal> {
        self.send(Method::GET, path, &[], None).await
    }

    /// `GET` with a query.
    pub(crate) async fn find_in(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, Refusal> {
        self.send(Method::GET, path, query, None).await
    }

    /// `POST`.
    pub(crate) async fn post(&self, path: &[&str], body: Value) -> Result<Value, Refusal> {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// `PATCH`.
    pub(crate) async fn patch(&self, path: &[&str], body: Value) -> Result<Value, Refusal> {
        self.send(Method::PATCH, path, &[], Some(body)).await
    }

    /// `PUT`, after what has this `ETag`.
    pub(crate) async fn put_after(&self, path: &[&str], tag: &str, body: Value) -> Result<Value, Refusal> {
        self.send_after(Method::PUT, path, tag, body).await
    }

    /// `POST`, after what has this `ETag`.
    pub(crate) async fn post_after(&self, path: &[&str], tag: &str, body: Value) -> Result<Value, Refusal> {
        self.send_after(Method::POST, path, tag, body).await
    }

    async fn send_after(&self, method: Method, path: &[&str], tag: &str, body: Value) -> Result<Value, Refusal> {
        let request = self.request(method, path, &[]).header("if-match", format!("\"{tag}\""));
        self.answer(request.timeout(PATIENCE).json(&body)).await
    }

    /// `DELETE`.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Value, Refusal> {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn stream(&self, path: &[&str], query: &[(&str, String)]) -> Result<reqwest::Response, Refusal> {
        let request = self.request(Method::GET, path, query).header("accept", "text/event-stream");
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<Value>,
    ) -> Result<Value, Refusal> {
        let mut request = self.request(method, path, query).timeout(PATIENCE);
        if let Some(body) = &body {
            request = request.json(body);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Refusal> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        response.json().await.map_err(|_| Refusal::Transport(self.stranger()))
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    async fn refusal(&self, response: reqwest::Response) -> Refusal {
        let status = response.status().as_u16();
        let Ok(problem) = response.json::<Value>().await else { return Refusal::Transport(self.stranger()) };
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("type").is_empty() {
            return Refusal::Transport(self.stranger());
        }
        let fields = problem.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(|error| {
            let pointer = error.get("pointer")?.as_str()?.trim_start_matches('/');
            Some(format!("{pointer}: {}", error.get("detail")?.as_str()?))
        });
        let fields: Vec<String> = fields.collect();
        let detail = if text("detail").is_empty() { text("title") } else { text("detail") };
        Refusal::Problem(Problem {
            status,
            slug: text("type").rsplit('/').next().unwrap_or_default().to_owned(),
            detail: if fields.is_empty() { detail.to_owned() } else { fields.join("; ") },
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Refusal {
        let url = self.url();
        let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
        let cause = chain.last().map(ToString::to_string).unwrap_or_default();
        Refusal::Transport(Failure::unavailable(if error.is_timeout() {
            format!("{url} did not answer within {} s", PATIENCE.as_secs())
        } else if cause.contains("refused") {
            format!("no server answers at {url}: start one with `countersign serve`, or name another with --url")
        } else if cause.contains("certificate") || cause.contains("UnknownIssuer") {
            format!("the certificate of {url} is not trusted ({cause}): name its CA with --ca")
        } else {
            format!("{url} cannot be reached ({})", cause.split(" (os error").next().unwrap_or_default())
        }))
    }

    fn stranger(&self) -> Failure {
        Failure::unavailable(format!("what answers at {} is no Countersign server: check --url", self.url()))
    }
}

impl Refusal {
    /// Whether it is that something is not there which these words name.
    pub(crate) fn is_about(&self, what: &str) -> bool {
        matches!(self, Self::Problem(problem) if problem.slug == "not-found" && problem.detail.contains(what))
    }

    /// Whether it is the problem of this name.
    pub(crate) fn is(&self, slug: &str) -> bool {
        matches!(self, Self::Problem(problem) if problem.slug == slug)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Transport(failure) => failure,
            Refusal::Problem(problem) => match problem.status {
                401 => Self::new(
                    Reason::NotPermitted,
                    "the server wants a valid API key: give one with --key or COUNTERSIGN_KEY, \
                     or run this where the server's data folder is; where the administrator's is lost, \
                     `countersign administrator recover` makes another",
                ),
                403 if problem.slug == "forbidden" => Self::new(Reason::NotPermitted, problem.detail),
                500.. => Self::unavailable(problem.detail),
                _ => Self::no(problem.detail),
            },
        }
    }
}

fn transport(base: &Url, ca: Option<&Path>) -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none());
    let builder = match (base.scheme(), ca) {
        // The system's certificates take milliseconds to load, and some machines have none.
        ("http", _) => builder.tls_certs_only([]),
        (_, None) => builder,
        (_, Some(path)) => builder.tls_certs_merge(certificates(path)?),
    };
    builder.build().map_err(|error| {
        Failure::configuration(format!("TLS cannot be set up ({error}): name the server's CA with --ca"))
    })
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, Failure> {
    let text = std::fs::read(path)
        .map_err(|error| Failure::configuration(format!("{} cannot be read ({})", path.display(), describe(&error))))?;
    let certificates =
        reqwest::Certificate::from_pem_bundle(&text).ok().filter(|certificates| !certificates.is_empty());
    certificates.ok_or_else(|| Failure::configuration(format!("{} holds no certificate in PEM", path.display())))
}

fn dereference(key: &str, environment: &Environment) -> Result<String, Failure> {
    if let Some(name) = key.strip_prefix("env:") {
        let value = environment.get(name).map(|value| value.trim().to_owned());
        return value.ok_or_else(|| Failure::usage(format!("--key: the environment variable {name} is not set")));
    }
    if let Some(path) = key.strip_prefix("file:") {
        return read_trimmed(Path::new(path))
            .map_err(|error| Failure::usage(format!("--key: {path} cannot be read ({})", describe(&error))));
    }
    Ok(key.to_owned())
}

fn read_trimmed(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned())
}

/// The text at a JSON pointer (RFC 6901); empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What stands under a name; `null` where there is nothing.
pub(crate) fn at<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// The items of a list answer.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
