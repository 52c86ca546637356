//! The one HTTP client with which the program speaks to others: it reaches no inside address that was not allowed (T-23),
//! follows nobody elsewhere, waits only so long and reads only so much.

mod address;
mod resolve;

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, StatusCode, Url};

pub use address::{Allowed, InvalidAllowed, is_public};
use resolve::{Guarded, Inside};
pub use resolve::{Resolve, SystemResolver};

/// How long is waited, and how much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the answer was read.
    pub total: Duration,
    /// Bytes of the answer's body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(4), total: Duration::from_secs(10), body: 64 << 10 }
    }
}

/// What the client is made of.
pub struct Setup {
    /// What may be reached although it is inside.
    pub allowed: Allowed,
    /// How names become addresses.
    pub names: Arc<dyn Resolve>,
    /// Limits.
    pub limits: Limits,
    /// Certificates (PEM) of authorities that are trusted besides the system's.
    pub authorities: Vec<Vec<u8>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            allowed: Allowed::default(),
            names: Arc::new(SystemResolver),
            limits: Limits::default(),
            authorities: Vec::new(),
        }
    }
}

/// The client. Cheap to clone; connections are kept and used again.
#[derive(Clone)]
pub struct Outside {
    either: Client,
    http2: Client,
    names: Arc<dyn Resolve>,
    allowed: Arc<Allowed>,
    limits: Limits,
}

/// One request. Does not print: it holds keys and codes.
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
    http2: bool,
}

/// What was answered.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header's fields.
    pub headers: HeaderMap,
    /// The body, at most as long as the limit.
    pub body: Vec<u8>,
}

/// Why nothing was answered. Says nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The URL cannot be called.
    #[error("the URL is {0}")]
    Url(&'static str),
    /// A header's name or value cannot be sent.
    #[error("the header `{0}` holds what no header may hold")]
    Header(String),
    /// It leads to where nothing may be sent.
    #[error("{host} leads to {address}, which is not out on the internet and not among what is allowed")]
    Inside {
        /// Who was to be called.
        host: String,
        /// Where that leads.
        address: IpAddr,
    },
    /// It leads to a port that nothing may be sent to.
    #[error("port {port} of {host} is not among what is allowed: it is at other ports")]
    Port {
        /// Who was to be called.
        host: String,
        /// At which port.
        port: u16,
    },
    /// The answer leads elsewhere.
    #[error("the answer ({0}) leads elsewhere, and is not followed")]
    Redirected(u16),
    /// No connection.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// Who was called.
        host: String,
        /// The innermost reason.
        why: String,
    },
    /// It took too long.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// Who was called.
        host: String,
    },
    /// The answer is larger than what is read.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// Who was called.
        host: String,
        /// What is read.
        limit: usize,
    },
}

impl Outside {
    /// Whether the operator named this host, or a network that this address is in, as one that may be called inside, at this port; at any, where
    /// none is known.
    pub fn names(&self, host: &str, port: Option<u16>) -> bool {
        match port {
            Some(port) => self.allowed.names_at(host, port),
            None => self.allowed.names_somewhere(host),
        }
    }

    /// A client.
    ///
    /// # Errors
    ///
    /// In words, if the system has no certificates of authorities or one that was given is none.
    pub fn new(setup: Setup) -> Result<Self, String> {
        let allowed = Arc::new(setup.allowed);
        let mut authorities = Vec::new();
        for pem in &setup.authorities {
            let read = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| innermost(&error))?;
            authorities.extend(read);
        }
        let builder = || -> ClientBuilder {
            let guarded = Guarded { names: Arc::clone(&setup.names), allowed: Arc::clone(&allowed) };
            Client::builder()
                .dns_resolver(guarded)
                .redirect(reqwest::redirect::Policy::none())
                // A proxy from the environment would resolve names itself.
                .no_proxy()
                .referer(false)
                // What is sent twice arrives twice: whoever asked decides about that.
                .retry(reqwest::retry::never())
                .connect_timeout(setup.limits.connect)
                .timeout(setup.limits.total)
                .pool_idle_timeout(Duration::from_mins(1))
                .user_agent(concat!("Countersign/", env!("CARGO_PKG_VERSION")))
                .tls_certs_merge(authorities.iter().cloned())
        };
        let either = builder().build().map_err(|error| innermost(&error))?;
        let http2 = builder().http2_prior_knowledge().build().map_err(|error| innermost(&error))?;
        Ok(Self { either, http2, names: setup.names, allowed, limits: setup.limits })
    }

    /// An address of a host that is not called by HTTP. It was looked at: connect to it, and resolve nothing again.
    ///
    /// # Errors
    ///
    /// [`OutsideError::Inside`] if one of its addresses is, [`OutsideError::Unreachable`] if there is none.
    pub async fn address(&self, host: &str) -> Result<IpAddr, OutsideError> {
        let unreachable = |why: String| OutsideError::Unreachable { host: host.to_owned(), why };
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => match tokio::time::timeout(self.limits.connect, self.names.resolve(host)).await {
                Ok(found) => found.map_err(|error| unreachable(error.to_string()))?,
                Err(_) => return Err(OutsideError::TimedOut { host: host.to_owned() }),
            },
        };
        if let Some(&address) = addresses.iter().find(|address| !self.allowed.permits(host, **address)) {
            return Err(OutsideError::Inside { host: host.to_owned(), address });
        }
        addresses.first().copied().ok_or_else(|| unreachable("it has no address".to_owned()))
    }

    /// Sends a request, and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// [`OutsideError`]. A status that tells of an error is an answer, and no error here.
    pub async fn send(&self, request: Request) -> Result<Answer, OutsideError> {
        let host = self.check(&request.url)?;
        let client = if request.http2 { &self.http2 } else { &self.either };
        let sent = client.request(request.method, request.url).headers(request.headers).body(request.body).send().await;
        let mut response = sent.map_err(|error| failed(&host, &error))?;
        // What was connected to, once more: this cannot differ from what was permitted, and closes the door if it ever does.
        if let Some(peer) = response.remote_addr()
            && !self.allowed.permits(&host, peer.ip())
        {
            return Err(OutsideError::Inside { host, address: peer.ip() });
        }
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(OutsideError::Redirected(status.as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&host, &error))? {
            if body.len() + chunk.len() > self.limits.body {
                return Err(OutsideError::TooLarge { host, limit: self.limits.body });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: status.as_u16(), headers: std::mem::take(response.headers_mut()), body })
    }

    /// Whether a URL may be called as it stands, before any name is resolved. Answers its host.
    ///
    /// # Errors
    ///
    /// [`OutsideError::Url`] and [`OutsideError::Inside`].
    pub fn check(&self, url: &Url) -> Result<String, OutsideError> {
        let host = url.host_str().ok_or(OutsideError::Url("without a host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutsideError::Url("with a name or password in it: give those as such"));
        }
        // An address in the URL is not resolved, so it is looked at here.
        let address = host.parse::<IpAddr>().ok();
        if let Some(address) = address
            && !self.allowed.permits(&host, address)
        {
            return Err(OutsideError::Inside { host, address });
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if !self.allowed.permits_port(&host, port) {
            return Err(OutsideError::Port { host, port });
        }
        let is_allowed = self.allowed.names_at(&host, port);
        match url.scheme() {
            "https" => Ok(host),
            "http" if is_allowed => Ok(host),
            "http" => Err(OutsideError::Url(
                "not encrypted: plain HTTP goes only to hosts that are allowed by name or address",
            )),
            _ => Err(OutsideError::Url("of a scheme other than https")),
        }
    }
}

impl Request {
    /// A request to a URL.
    ///
    /// # Errors
    ///
    /// [`OutsideError::Url`] if that is none.
    pub fn new(method: Method, url: &str) -> Result<Self, OutsideError> {
        let url = Url::parse(url).map_err(|_| OutsideError::Url("none"))?;
        Ok(Self { method, url, headers: HeaderMap::new(), body: Vec::new(), http2: false })
    }

    /// A request with the method of this name.
    ///
    /// # Errors
    ///
    /// As [`Self::new`], and [`OutsideError::Header`] where there is no such method.
    pub fn with_method(method: &str, url: &str) -> Result<Self, OutsideError> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| OutsideError::Header(method.to_owned()))?;
        Self::new(method, url)
    }

    /// A `POST`.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn post(url: &str) -> Result<Self, OutsideError> {
        Self::new(Method::POST, url)
    }

    /// The host that is called, as it is read here; brackets of an address left out.
    pub fn host(&self) -> Option<&str> {
        let host = self.url.host_str()?;
        Some(host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host))
    }

    /// The port that it goes to.
    pub fn port(&self) -> Option<u16> {
        self.url.port_or_known_default()
    }

    /// With a field in the header.
    ///
    /// # Errors
    ///
    /// [`OutsideError::Header`] if the name or value holds what it may not.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, OutsideError> {
        let wrong = || OutsideError::Header(name.to_owned());
        let named = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        self.headers.insert(named, value);
        Ok(self)
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// By HTTP/2 from the first byte on.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

fn failed(host: &str, error: &reqwest::Error) -> OutsideError {
    let host = host.to_owned();
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(Inside { host, address }) = error.downcast_ref() {
            return OutsideError::Inside { host: host.clone(), address: *address };
        }
        source = error.source();
    }
    if error.is_timeout() {
        return OutsideError::TimedOut { host };
    }
    OutsideError::Unreachable { host, why: innermost(error) }
}

/// What is at the bottom of an error: above it stands the URL, which tells too much.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, allowed: &[&str]) -> Result<String, OutsideError> {
        let setup = Setup { allowed: Allowed::parse(allowed.iter().copied()).unwrap(), ..Setup::default() };
        Outside::new(setup).unwrap().check(&Url::parse(url).unwrap())
    }

    #[test]
    fn t23_an_address_inside_is_known_in_every_spelling() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fe80::1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://127。0。0。1/",
        ] {
            assert!(matches!(check(url, &[]), Err(OutsideError::Inside { .. })), "{url} may be called");
        }
        assert!(check("https://8.8.8.8/", &[]).is_ok());
    }

    #[test]
    fn t23_where_a_port_is_said_another_one_is_not_called() {
        let check = |url: &str| check(url, &["radius.internal:1812", "127.0.0.1:8080"]);
        assert!(check("http://radius.internal:1812/").is_ok() && check("http://127.0.0.1:8080/").is_ok());
        for url in ["https://radius.internal/", "http://radius.internal:22/", "https://127.0.0.1/"] {
            assert!(matches!(check(url), Err(OutsideError::Port { .. })), "{url}");
        }
    }

    #[test]
    fn plain_http_goes_only_to_what_is_allowed() {
        assert!(matches!(check("http://example.org/", &[]), Err(OutsideError::Url(_))));
        assert!(matches!(check("http://8.8.8.8/", &[]), Err(OutsideError::Url(_))));
        assert!(check("http://sms.internal/", &["sms.internal"]).is_ok());
        assert!(check("http://127.0.0.1:8080/", &["127.0.0.0/8"]).is_ok());
        assert!(matches!(check("file:///etc/passwd", &[]), Err(OutsideError::Url(_))));
        assert!(matches!(check("ftp://example.org/", &["example.org"]), Err(OutsideError::Url(_))));
        assert!(matches!(check("https://a:b@example.org/", &[]), Err(OutsideError::Url(_))));
    }
}
