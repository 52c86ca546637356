//! Who sends what is under `/pages/`: a script of our own pages, for one page, in one browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use domain::TokenHash;
use gateway::messages::Language;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::app::App;
use crate::app::pages::{Token, Visitor};
use crate::http::caller::{is_origin_of, language, user_agent};
use crate::http::cookies::named;
use crate::http::peer::Peer;
use crate::http::problem::{CROSS_SITE, Problem};
use crate::http::v1::flawed;

/// Which page is meant, by the token in its link. A browser lets no other site's page set a header of this name without asking
/// first (CORS), and is never answered; and what is typed on one page cannot be taken for another that is open in the same browser.
const HEADER: HeaderName = HeaderName::from_static("x-countersign-page");
/// What the cookie's name begins with. Browsers take one of a name that begins so from this host alone, over TLS or on loopback, for all
/// of its paths (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-countersign-page-";

/// Proof that a request was sent by a page of ours, in a browser that shows what it keeps for that page.
pub(super) struct FromPage(pub(super) Visitor);

impl FromRequestParts<Arc<App>> for FromPage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_own(&parts.headers, &app.settings.issuer) {
            return Err(Problem::of(&CROSS_SITE));
        }
        let named = parts.headers.get(&HEADER).and_then(|value| Token::parse(value.to_str().ok()?));
        let token = named.ok_or_else(|| flawed(HEADER.as_str(), "must be the token in the page's link"))?;
        let browser = cookie(&parts.headers, &cookie_name(token.hash()));
        let peer = parts.extensions.get::<Peer>().copied();
        let address = peer.map(|peer| peer.origin(&parts.headers, &app.settings.trusted_proxies));
        let language = language(&parts.headers);
        let user_agent = user_agent(&parts.headers);
        Ok(Self(Visitor { token, browser, address, language, user_agent }))
    }
}

/// Proof that a request was sent by our page for signing in, before there is one of its own. [`HEADER`] names none, and is there all the same.
pub(super) struct FromSignIn {
    pub(super) address: Option<IpAddr>,
    pub(super) language: Option<Language>,
}

impl FromRequestParts<Arc<App>> for FromSignIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_own(&parts.headers, &app.settings.issuer) {
            return Err(Problem::of(&CROSS_SITE));
        }
        let peer = parts.extensions.get::<Peer>().copied();
        let address = peer.map(|peer| peer.origin(&parts.headers, &app.settings.trusted_proxies));
        Ok(Self { address, language: language(&parts.headers) })
    }
}

/// Whether a script of our own origin sent this. The header says that it was a script; where it is from, browsers say in
/// `Sec-Fetch-Site`, those before 2023 in `Origin`, and let no page write either. What says neither is no browser, and has nothing
/// to do here.
fn is_own(headers: &HeaderMap, own: &str) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let origin = headers.get(header::ORIGIN).map(|origin| is_origin_of(origin.as_bytes(), own));
    let said = site.is_some() || origin.is_some();
    headers.contains_key(&HEADER) && said && site.is_none_or(|site| site == b"same-origin") && origin.unwrap_or(true)
}

fn cookie_name(token: TokenHash) -> String {
    let start = token.0.first_chunk::<8>().map_or(0, |start| u64::from_be_bytes(*start));
    format!("{COOKIE}{start:016x}")
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<Token> {
    named(headers, name).next().and_then(|value| Token::parse(std::str::from_utf8(value).ok()?))
}

/// The cookie that makes a browser the page's, for as long as the page is there.
pub(super) fn keep(page: TokenHash, browser: &Token, seconds: i64) -> Option<HeaderValue> {
    let name = cookie_name(page);
    let text = browser.text();
    let text = text.as_str();
    let cookie = format!("{name}={text}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict");
    let mut value = HeaderValue::from_str(&cookie).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        is_own(&map, "https://mfa.example.org")
    }

    #[test]
    fn t26_only_our_own_scripts_are_heard() {
        let page = ("x-countersign-page", "1");
        let (here, origin) = (("sec-fetch-site", "same-origin"), ("origin", "https://mfa.example.org"));
        assert!(own(&[page, here, origin]) && own(&[page, here]) && own(&[page, origin]));
        assert!(!own(&[here, origin]), "a form can send this");
        assert!(!own(&[page]), "nothing says where it is from");
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!own(&[page, ("sec-fetch-site", site), origin]), "{site}");
        }
        for from in ["null", "https://evil.example", "http://mfa.example.org", "https://mfa.example.org:8443"] {
            assert!(!own(&[page, here, ("origin", from)]) && !own(&[page, ("origin", from)]), "{from}");
        }
    }

    #[test]
    fn t12_a_browser_is_known_by_the_cookie_of_that_page() {
        let (page, browser) = (TokenHash([7; 32]), Token::parse(&"A".repeat(43)).unwrap());
        let kept = keep(page, &browser, 600).unwrap();
        let kept = kept.to_str().unwrap();
        assert!(kept.ends_with("; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Strict"), "{kept}");
        let mut headers = HeaderMap::new();
        let pair = kept.split(';').next().unwrap();
        headers.append(header::COOKIE, HeaderValue::from_bytes(format!("gr\u{fc}n=b; {pair}; c").as_bytes()).unwrap());
        assert_eq!(cookie(&headers, &cookie_name(page)).map(|token| token.hash()), Some(browser.hash()));
        assert!(cookie(&headers, &cookie_name(TokenHash([8; 32]))).is_none());
    }
}
