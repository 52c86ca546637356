//! What is checked of a request, whichever framework it comes by.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use assertion::dpop::{self, Request};
use assertion::{Claims, Confirmation, Expected, Need, Refusal, Refused, Scheme, verify};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::keys::{KeyStore, Unavailable};
use crate::layer::Layer;
use crate::replays::Replays;
use crate::source::Source;

/// The time, in seconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// This machine's clock.
pub fn system_clock() -> Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the clock of programs that have no other; it is handed in, and tests hand in theirs"
    )]
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Whose assertions are accepted, and by whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Countersign's `public_url`, as in `iss`.
    pub issuer: String,
    /// The applications whose assertions are accepted, by their id: `app_…`.
    pub audiences: Vec<String>,
    /// Where clients reach this resource server, `https://api.example.org`: what proofs of possession name (RFC 9449 §4.2, `htu`). It is set, and
    /// never taken from a request.
    pub origin: String,
}

/// The certificate that the client of this connection proved to have, as DER: put among the request's extensions by whoever ends TLS. Never take it
/// from a header that anybody can set.
#[derive(Debug, Clone)]
pub struct ClientCertificate(pub Vec<u8>);

/// What the assertion of a request says: among its extensions once it was let in.
#[derive(Debug, Clone)]
pub struct ClaimsOf(pub Arc<Claims>);

/// An answer to who is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 401, with these values of `WWW-Authenticate`.
    Unauthorized(Vec<String>),
    /// 503: the keys of assertions are not known just now. Nobody is let in.
    Unavailable,
}

/// Lets in whoever shows an assertion that is good enough. One for a program: it knows the keys, and which proofs of possession were seen.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    expected: Expected,
    origin: String,
    keys: Arc<KeyStore>,
    replays: Replays,
    clock: Clock,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("expected", &self.0.expected).field("origin", &self.0.origin).finish()
    }
}

impl Guard {
    /// A guard that knows nothing yet: keys are fetched for the first assertion.
    pub fn new(settings: Settings, source: impl Source, clock: Clock) -> Self {
        let Settings { issuer, audiences, origin } = settings;
        Self(Arc::new(Inner {
            expected: Expected { issuer, audiences },
            origin: origin.trim_end_matches('/').to_owned(),
            keys: Arc::new(KeyStore::new(source)),
            replays: Replays::default(),
            clock,
        }))
    }

    /// A layer that lets in whoever has what is needed.
    pub fn layer(&self, need: Need) -> Layer {
        Layer::new(self.clone(), need)
    }

    /// Checks a request by its head.
    ///
    /// # Errors
    /// What to answer instead.
    pub async fn check(&self, parts: &Parts, need: &Need) -> Result<Claims, Answer> {
        let Some((scheme, token)) = shown(&parts.headers) else {
            return Err(refused(Refusal::None, Scheme::Bearer, need));
        };
        let now = (self.0.clock)();
        let claims = match self.claims(token, now).await? {
            Ok(claims) => claims,
            Err(error) => return Err(refused(Refusal::Token(error), scheme, need)),
        };
        self.possession(&claims, scheme, token, parts, need, now)
            .and_then(|()| claims.meets(need, now).map_err(Refusal::Lacking))
            .map_err(|refusal| {
                let bound = matches!(claims.cnf, Some(Confirmation::Jkt(_)));
                refused(refusal, if bound { Scheme::Dpop } else { scheme }, need)
            })?;
        Ok(claims)
    }

    async fn claims(&self, token: &str, now: i64) -> Result<Result<Claims, Refused>, Answer> {
        let inner = &self.0;
        let keys = inner.keys.present(now);
        match verify(token, &keys, &inner.expected, now) {
            Err(Refused::UnknownKey) => {
                let keys = inner.keys.others(&keys, now).await.map_err(|Unavailable| Answer::Unavailable)?;
                Ok(verify(token, &keys, &inner.expected, now))
            }
            known => Ok(known),
        }
    }

    /// Whether whoever shows it has the key that it is bound to.
    fn possession(
        &self,
        claims: &Claims,
        scheme: Scheme,
        token: &str,
        parts: &Parts,
        need: &Need,
        now: i64,
    ) -> Result<(), Refusal> {
        match (&claims.cnf, scheme) {
            (None, Scheme::Bearer) if !need.bound => Ok(()),
            (Some(Confirmation::X5tS256(wanted)), Scheme::Bearer) => {
                let shown = parts.extensions.get::<ClientCertificate>();
                let is_it = shown.is_some_and(|certificate| assertion::sha256(&certificate.0) == *wanted);
                if is_it { Ok(()) } else { Err(Refusal::Unbound) }
            }
            (Some(Confirmation::Jkt(wanted)), Scheme::Dpop) => {
                let proof = one(&parts.headers, "dpop").ok_or(Refusal::Proof(Refused::Malformed))?;
                let url = format!("{}{}", self.0.origin, parts.uri.path());
                let ath = assertion::sha256(token.as_bytes());
                let request = Request { method: parts.method.as_str(), url: &url, ath: Some(&ath), nonce: None };
                let possession = dpop::verify(proof, &request, now).map_err(Refusal::Proof)?;
                if possession.jkt != *wanted {
                    return Err(Refusal::Unbound);
                }
                if self.0.replays.is_first(&possession, now) { Ok(()) } else { Err(Refusal::Replayed) }
            }
            // One that is bound is never taken without its key, and one that is not is not taken for one that is.
            _ => Err(Refusal::Unbound),
        }
    }
}

/// The token of a request and how it is shown. Two of them are none.
fn shown(headers: &HeaderMap) -> Option<(Scheme, &str)> {
    let (name, token) = one(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    let scheme = if name.eq_ignore_ascii_case("bearer") {
        Scheme::Bearer
    } else if name.eq_ignore_ascii_case("dpop") {
        Scheme::Dpop
    } else {
        return None;
    };
    Some((scheme, token.trim()))
}

/// The value of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn refused(refusal: Refusal, scheme: Scheme, need: &Need) -> Answer {
    let mut values = vec![refusal.challenge(scheme, need)];
    if scheme == Scheme::Bearer && need.bound {
        values.push(refusal.challenge(Scheme::Dpop, need));
    }
    Answer::Unauthorized(values)
}

impl Answer {
    /// As a response, without a body: all that there is to say is in its head.
    pub fn response<B: Default>(self) -> http::Response<B> {
        let mut response = http::Response::new(B::default());
        match self {
            Self::Unauthorized(values) => {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                for value in values {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        response.headers_mut().append(header::WWW_AUTHENTICATE, value);
                    }
                }
            }
            Self::Unavailable => {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
