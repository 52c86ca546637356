//! One HTTP/1.1 connection that is kept open, with as little between request and socket as can be: client and
//! server share the machine, so what the client spends the server lacks.

use domain::push::DeviceHeader;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::failure::{Failure, describe};

/// Where requests go, and what every one of them carries.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    authority: String,
    headers: HeaderMap,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    target: Target,
    sender: SendRequest<Full<Bytes>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, whole.
    pub(crate) body: Bytes,
}

impl Target {
    /// From a URL and an API key.
    ///
    /// # Errors
    /// Where the URL is no plain HTTP one, or the key no header value.
    pub(crate) fn new(url: &str, key: &str) -> Result<Self, Failure> {
        let not_plain = || {
            Failure::usage(format!("--url: `{url}` is not like http://127.0.0.1:8420; the load test speaks plain HTTP"))
        };
        let uri: Uri = url.parse().map_err(|_| not_plain())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(not_plain)?;
        let no_key = |_| Failure::usage("--key: that is no API key");
        let host = HeaderValue::from_str(authority.as_str()).map_err(no_key)?;
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| Failure::usage("--key: that is no API key"))?;
        bearer.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(HOST, host), (AUTHORIZATION, bearer), (CONTENT_TYPE, json)]);
        let port = if authority.port().is_some() { "" } else { ":80" };
        Ok(Self { authority: format!("{authority}{port}"), headers })
    }

    /// What a request of an app carries; nothing but its signature where it says nothing.
    fn of_app(&self, signed: &str) -> Result<HeaderMap, String> {
        let mut headers = self.headers.clone();
        headers.remove(AUTHORIZATION);
        if !signed.is_empty() {
            let signed = HeaderValue::from_str(signed).map_err(|_| "the signature is no header value".to_owned())?;
            headers.insert(DeviceHeader::NAME, signed);
        }
        Ok(headers)
    }

    /// Whether it is on this machine. Loads go nowhere else.
    pub(crate) async fn is_local(&self) -> bool {
        let addresses = tokio::net::lookup_host(&self.authority).await;
        addresses.is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
    }
}

impl Wire {
    /// Opens a connection.
    ///
    /// # Errors
    /// Where nobody answers.
    pub(crate) async fn open(target: &Target) -> Result<Self, Failure> {
        let failed =
            |reason: String| Failure::unavailable(format!("{} cannot be reached ({reason})", target.authority));
        let stream = TcpStream::connect(&target.authority).await.map_err(|error| failed(describe(&error)))?;
        stream.set_nodelay(true).map_err(|error| failed(describe(&error)))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(error.to_string()))?;
        // It ends with the sender, or when the server hangs up, which the next request notices.
        tokio::spawn(connection);
        Ok(Self { target: target.clone(), sender })
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// Where the connection breaks; the next request opens another one.
    pub(crate) async fn ask(&mut self, method: Method, path: &str, body: Vec<u8>) -> Result<Answer, String> {
        let headers = self.target.headers.clone();
        Answer::whole(self.send(method, path, headers, body).await?).await
    }

    /// The same as an authenticator app, which has no API key, but signs what it asks.
    ///
    /// # Errors
    /// The same, and for a signature that is no header value.
    pub(crate) async fn ask_signed(&mut self, path: &str, signed: &str, body: Vec<u8>) -> Result<Answer, String> {
        let headers = self.target.of_app(signed)?;
        Answer::whole(self.send(Method::POST, path, headers, body).await?).await
    }

    /// Follows a stream, with the signature of an app. The connection is the stream's.
    ///
    /// # Errors
    /// The same, and where there is no stream.
    pub(crate) async fn follow_signed(self, path: &str, signed: &str) -> Result<Incoming, String> {
        let headers = self.target.of_app(signed)?;
        self.stream(path, headers).await
    }

    /// Follows a stream, with the API key. The connection is the stream's.
    ///
    /// # Errors
    /// The same.
    pub(crate) async fn follow(self, path: &str) -> Result<Incoming, String> {
        let headers = self.target.headers.clone();
        self.stream(path, headers).await
    }

    async fn stream(mut self, path: &str, headers: HeaderMap) -> Result<Incoming, String> {
        let response = self.send(Method::GET, path, headers, Vec::new()).await?;
        if response.status() == 200 {
            return Ok(response.into_body());
        }
        Err(Answer::whole(response).await?.expect(200).err().unwrap_or_default())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, String> {
        if self.sender.ready().await.is_err() {
            *self = Self::open(&self.target).await.map_err(|failure| failure.message)?;
        }
        let uri: Uri = path.parse().map_err(|_| format!("`{path}` is no path"))?;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        self.sender.send_request(request).await.map_err(|error| error.to_string())
    }

    /// `GET`.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.ask(Method::GET, path, Vec::new()).await
    }

    /// `DELETE`.
    pub(crate) async fn delete(&mut self, path: &str) -> Result<Answer, String> {
        self.ask(Method::DELETE, path, Vec::new()).await
    }

    /// `POST`.
    pub(crate) async fn post(&mut self, path: &str, body: String) -> Result<Answer, String> {
        self.ask(Method::POST, path, body.into_bytes()).await
    }
}

impl Answer {
    /// What came, with all of its body.
    async fn whole(response: Response<Incoming>) -> Result<Self, String> {
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Self { status, body })
    }

    /// Itself if it has the wanted status, else what is wrong with it.
    pub(crate) fn expect(self, status: u16) -> Result<Self, String> {
        if self.status == status {
            return Ok(self);
        }
        let problem: Option<Value> = serde_json::from_slice(&self.body).ok();
        let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned));
        let said = detail.unwrap_or_else(|| String::from_utf8_lossy(&self.body).chars().take(200).collect());
        Err(format!("{} instead of {status}: {said}", self.status))
    }

    /// Its JSON.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("the answer is not as described ({error})"))
    }
}

/// Reads a stream of server-sent events to its end: each block, and when it came.
///
/// # Errors
/// Where it breaks or is no text, and what `take` refuses.
pub(crate) async fn each_block(
    mut stream: Incoming,
    mut take: impl FnMut(&str, Instant) -> Result<(), String>,
) -> Result<(), String> {
    let mut bytes = Vec::new();
    while let Some(frame) = stream.frame().await {
        let frame = frame.map_err(|error| format!("a stream broke: {error}"))?;
        let Ok(part) = frame.into_data() else { continue };
        bytes.extend_from_slice(&part);
        let now = Instant::now();
        // Whole blocks only, so that no character is taken apart.
        let Some(end) = bytes.windows(2).rposition(|two| two == b"\n\n") else { continue };
        let rest = bytes.split_off(end + 2);
        let text = std::str::from_utf8(&bytes).map_err(|_| "a stream is not text".to_owned())?;
        text.split_terminator("\n\n").try_for_each(|block| take(block, now))?;
        bytes = rest;
    }
    Ok(())
}

/// The name and the data of a block; nothing where it is a sign of life.
pub(crate) fn named(block: &str) -> Option<(&str, &str)> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    Some((field("event: ")?, field("data: ")?))
}
