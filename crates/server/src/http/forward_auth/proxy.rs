//! What a proxy says of a request, and whether it may.
//!
//! Each thing is said once or not at all: of two headers of one name, the proxy and we might believe another one each.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use domain::{ChallengeId, ReturnOrigin};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri, header};

use super::super::caller::{language, user_agent};
use super::super::cookies::named;
use super::super::peer::Peer;
use super::super::problem::{PROXY_UNKNOWN, Problem, REQUEST_REFUSED};
use crate::app::App;
use crate::app::forward_auth::{Asked, Request, Target, Visitor};
use crate::app::pages::Token;
use crate::sites::{Site, within};

/// What a site's proxy shows.
const KEY: &str = "x-countersign-key";
/// What a browser keeps that is signed in. Browsers take a cookie of a name that begins so from this host alone, over TLS or on loopback
/// (RFC 6265bis §4.1.3.2).
pub(super) const BROWSER: &str = "__Host-countersign";
/// What a browser keeps that was sent to the login.
pub(super) const STATE: &str = "__Host-countersign-state";
/// What was proved on a page a moment ago.
pub(super) const PROVED: &str = "__Host-countersign-proved";

/// How a proxy says what the request was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    ByHeaders,
    /// It is the request itself, below a path of ours.
    ByItself,
}

/// Proof that a request came from a site's proxy.
pub(super) struct FromProxy {
    site: String,
    peer: Peer,
    method: http::Method,
    uri: Uri,
    headers: HeaderMap,
}

/// What is needed to lead a browser on from a request.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) origin: ReturnOrigin,
    /// Where the browser goes on afterwards: path and query.
    pub(super) to: String,
    /// Whether it is a window that asks, rather than a script.
    pub(super) navigates: bool,
}

impl FromRequestParts<Arc<App>> for FromProxy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| unknown())?;
        let name = params.iter().find(|(key, _)| *key == "site").map(|(_, value)| value.to_owned());
        let site = name.as_deref().and_then(|name| app.settings.sites.named(name)).ok_or_else(unknown)?;
        let peer = parts.extensions.get::<Peer>().copied().ok_or_else(unknown)?;
        let key = match once(&parts.headers, KEY) {
            Ok(key) => key.map(str::as_bytes),
            Err(Doubled) => return Err(unknown()),
        };
        if !site.trusts(key, peer.certificate.as_ref()) {
            tracing::warn!(site = site.name, address = %peer.address, "somebody asked who is not this site's proxy");
            return Err(unknown());
        }
        let (site, headers) = (site.name.clone(), parts.headers.clone());
        Ok(Self { site, peer, method: parts.method.clone(), uri: parts.uri.clone(), headers })
    }
}

impl FromProxy {
    pub(super) fn site<'a>(&self, app: &'a App) -> Option<&'a Site> {
        app.settings.sites.named(&self.site)
    }

    /// The request that the proxy asks about.
    pub(super) fn request(&self, app: &App, told: Told) -> Result<(Asked, Page), Problem> {
        let (method, host, target) = match told {
            Told::ByHeaders => {
                (self.header("x-forwarded-method")?, "x-forwarded-host", self.header("x-forwarded-uri")?)
            }
            Told::ByItself => (self.method.as_str(), header::HOST.as_str(), self.below()?),
        };
        let is_method = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
        if !(1..=32).contains(&method.len()) || !method.bytes().all(is_method) {
            return Err(refuse("its method is none"));
        }
        let target = Target::parse(target).ok_or_else(|| refuse("its path could be read in several ways"))?;
        let origin = self.origin_by(app, host)?;
        let written = target.raw().split('?').next().unwrap_or_default();
        let request = Request { method: method.to_owned(), url: format!("{origin}{written}"), origin: origin.clone() };
        let to = self.afterwards(&origin, method, &target);
        let proved = self.cookie(PROVED)?.and_then(|id| id.parse::<ChallengeId>().ok());
        let page = Page { origin, to, navigates: self.navigates() };
        Ok((Asked { visitor: self.visitor(app)?, request, target, proved }, page))
    }

    /// The browser, whatever it asks.
    pub(super) fn visitor(&self, app: &App) -> Result<Visitor, Problem> {
        // It showed its key: what it says of where the request is from is believed, and what others said before as far as they are.
        let mut trusted = app.settings.trusted_proxies.clone();
        trusted.push(self.peer.address.ip().to_canonical());
        Ok(Visitor {
            browser: self.token(BROWSER)?,
            address: Some(self.peer.origin(&self.headers, &trusted)),
            user_agent: user_agent(&self.headers),
            language: language(&self.headers),
        })
    }

    /// The origin of the site that the browser is at.
    pub(super) fn origin(&self, app: &App) -> Result<ReturnOrigin, Problem> {
        self.origin_by(app, "x-forwarded-host")
    }

    fn origin_by(&self, app: &App, host: &str) -> Result<ReturnOrigin, Problem> {
        let scheme = match self.header("x-forwarded-proto")? {
            "https" | "wss" => "https",
            "http" | "ws" => "http",
            _ => return Err(refuse("its scheme is none")),
        };
        let origin = ReturnOrigin::parse(&format!("{scheme}://{}", self.header(host)?)).ok();
        let site = self.site(app).ok_or_else(unknown)?;
        origin.filter(|origin| site.has(origin)).ok_or_else(|| refuse("it is not to one of the site's origins"))
    }

    /// Whether a script of the site itself sent this, or its user by hand.
    pub(super) fn is_own(&self, origin: &ReturnOrigin) -> bool {
        let said = self.headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
        let site = self.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        (said.is_some() || site.is_some())
            && said.is_none_or(|said| said == origin.as_str().as_bytes())
            && site.is_none_or(|site| site == b"same-origin")
    }

    /// Whether it is a window that asks: it can be led elsewhere.
    pub(super) fn navigates(&self) -> bool {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        match text("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => text(header::ACCEPT.as_str()).is_some_and(|accepted| accepted.contains("text/html")),
        }
    }

    /// A token that the browser keeps.
    pub(super) fn token(&self, name: &str) -> Result<Option<Token>, Problem> {
        Ok(self.cookie(name)?.and_then(Token::parse))
    }

    /// A cookie. What cannot be read is none; of two of one name it is not known which one is ours.
    fn cookie(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut found = named(&self.headers, name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(refuse("it has two cookies of one name")),
            (value, None) => Ok(value.and_then(|value| std::str::from_utf8(value).ok())),
        }
    }

    fn header(&self, name: &str) -> Result<&str, Problem> {
        match once(&self.headers, name) {
            Ok(Some(value)) if !value.is_empty() => Ok(value),
            _ => Err(refuse(&format!("its proxy has to say `{name}` exactly once"))),
        }
    }

    /// What is asked for below our own path.
    fn below(&self) -> Result<&str, Problem> {
        let target = self.uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
        let start = format!("/forward-auth/{}/ext-authz", self.site);
        target.strip_prefix(&start).ok_or_else(|| refuse("its path cannot be told"))
    }

    /// Where the browser goes once everything is as it should be. A form that was sent cannot be sent again by us: then it is where the
    /// form was.
    fn afterwards(&self, origin: &ReturnOrigin, method: &str, target: &Target) -> String {
        if matches!(method, "GET" | "HEAD") {
            return encoded(target.raw());
        }
        let before = self.headers.get(header::REFERER).and_then(|referer| referer.to_str().ok());
        let rest = before.and_then(|referer| referer.strip_prefix(origin.as_str()));
        rest.filter(|rest| within(origin, rest).is_some()).unwrap_or("/").to_owned()
    }
}

/// With what browsers leave as it is and URLs do not have (RFC 3986 §2) encoded.
fn encoded(target: &str) -> String {
    use std::fmt::Write as _;
    target.bytes().fold(String::with_capacity(target.len()), |mut text, byte| {
        if b"\"<>\\^`{|}".contains(&byte) {
            let _ = write!(text, "%{byte:02X}");
        } else {
            text.push(char::from(byte));
        }
        text
    })
}

struct Doubled;

/// A header that is there once, or not.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Doubled> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Doubled),
        (Some(_), Some(_)) => Err(Doubled),
    }
}

pub(super) fn unknown() -> Problem {
    Problem::of(&PROXY_UNKNOWN)
}

fn refuse(why: &str) -> Problem {
    Problem::new(&REQUEST_REFUSED, format!("The request is not let through: {why}."))
}
