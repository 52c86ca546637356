//! Where a hosted page may lead back to: origins that an application registered, and URLs within them.
//!
//! What is read here is what a browser would read, or it is refused: host and port are of a few characters, so that no other
//! parser finds another host in the same text (RFC 3986 §3.2, WHATWG URL).

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

/// An origin (RFC 6454 §4): scheme, host and port, in one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReturnOrigin(String);

/// A URL within an origin, without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnUrl {
    origin: ReturnOrigin,
    /// What follows the origin: path and query.
    rest: String,
}

/// Why a text is no origin or URL that a page could lead back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReturn {
    /// Another scheme, or plain HTTP to another machine.
    #[error("must begin with https://, or with http:// where the host is loopback (localhost, 127.0.0.1, [::1])")]
    Scheme,
    /// Something that is no host in lower ASCII, or a wildcard, or somebody's name before it.
    #[error("must name one host after the scheme, in ASCII, without user name and without wildcard")]
    Host,
    /// A port that is none.
    #[error("must have a port from 1 to 65535, or none")]
    Port,
    /// More than an origin.
    #[error("must end after host and port: an origin has no path, query or fragment")]
    NotBare,
    /// A character that has no place in a URL, a fragment, or too many of them.
    #[error(
        "must be a URL of at most 2048 ASCII characters, without white space, quotation marks, backslash and fragment"
    )]
    Shape,
}

impl ReturnOrigin {
    /// Reads an origin, as `https://shop.example` or `http://localhost:3000`.
    ///
    /// # Errors
    /// [`InvalidReturn`] says what is wanted.
    pub fn parse(text: &str) -> Result<Self, InvalidReturn> {
        match split(text)? {
            (origin, "") => Ok(origin),
            _ => Err(InvalidReturn::NotBare),
        }
    }

    /// The origin, as a browser says it in `Origin`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReturnOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ReturnUrl {
    /// The most bytes of one.
    const LONGEST: usize = 2048;

    /// Reads a URL.
    ///
    /// # Errors
    /// [`InvalidReturn`] says what is wanted.
    pub fn parse(text: &str) -> Result<Self, InvalidReturn> {
        let (origin, rest) = split(text)?;
        let fits = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte);
        if text.len() > Self::LONGEST || !rest.bytes().all(fits) {
            return Err(InvalidReturn::Shape);
        }
        let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        Ok(Self { origin, rest })
    }

    /// Whose it is.
    pub fn origin(&self) -> &ReturnOrigin {
        &self.origin
    }

    /// The URL with further parameters, percent-encoded (RFC 3986 §2.1), in the order that they are given in.
    #[must_use]
    pub fn with_parameters<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut url = self.to_string();
        let mut joint = if self.rest.contains('?') { '&' } else { '?' };
        for (name, value) in parameters {
            url.push(joint);
            url.push_str(name);
            url.push('=');
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    url.push(char::from(byte));
                } else {
                    let _ = write!(url, "%{byte:02X}");
                }
            }
            joint = '&';
        }
        url
    }
}

impl fmt::Display for ReturnUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.rest)
    }
}

/// The origin that a text begins with, and the rest of it.
fn split(text: &str) -> Result<(ReturnOrigin, &str), InvalidReturn> {
    let (scheme, after) = text.split_once("://").ok_or(InvalidReturn::Scheme)?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err(InvalidReturn::Scheme),
    };
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    // In brackets there are colons that begin no port.
    let port_at = authority.rfind(':').filter(|colon| !authority.get(*colon..).unwrap_or_default().contains(']'));
    let (host, port) = match port_at {
        Some(colon) => (authority.get(..colon).unwrap_or_default(), authority.get(colon + 1..)),
        None => (authority, None),
    };
    let host = host.to_ascii_lowercase();
    if authority.contains('@') || !is_host(&host) {
        return Err(InvalidReturn::Host);
    }
    if !secure && !is_loopback(&host) {
        return Err(InvalidReturn::Scheme);
    }
    let port = port.map(parse_port).transpose()?.filter(|port| *port != if secure { 443 } else { 80 });
    let scheme = if secure { "https" } else { "http" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Ok((ReturnOrigin(format!("{scheme}://{host}{port}")), rest))
}

/// A name, an IPv4 address, or an IPv6 address in brackets in its one spelling (RFC 5952).
fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == inner);
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is an address to a browser, in whatever spelling: only the plain one is taken.
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with(|first: char| first.is_ascii_digit());
    host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<Ipv4Addr>().is_ok())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn parse_port(text: &str) -> Result<u16, InvalidReturn> {
    let digits = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().map_err(|_| InvalidReturn::Port) } else { Err(InvalidReturn::Port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, one) in [
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example:443", "https://shop.example"),
            ("https://shop.example:8443", "https://shop.example:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://shop.localhost", "http://shop.localhost"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(ReturnOrigin::parse(text).map(|origin| origin.to_string()), Ok(one.to_owned()), "{text}");
        }
    }

    #[test]
    fn t26_what_is_more_or_less_than_an_origin_is_refused() {
        for (text, why) in [
            ("shop.example", InvalidReturn::Scheme),
            ("http://shop.example", InvalidReturn::Scheme),
            ("http://localhost.shop.example", InvalidReturn::Scheme),
            ("http://128.0.0.1", InvalidReturn::Scheme),
            ("javascript://shop.example", InvalidReturn::Scheme),
            ("https://", InvalidReturn::Host),
            ("https://*.shop.example", InvalidReturn::Host),
            ("https://ana@shop.example", InvalidReturn::Host),
            ("https://ana:x@shop.example", InvalidReturn::Host),
            ("https://shop.example\\@evil.example", InvalidReturn::Host),
            ("https://bücher.example", InvalidReturn::Host),
            ("https://shop..example", InvalidReturn::Host),
            ("https://0x7f.1", InvalidReturn::Host),
            ("https://2130706433", InvalidReturn::Host),
            ("https://[::0:1]", InvalidReturn::Host),
            ("https://shop.example:0", InvalidReturn::Port),
            ("https://shop.example:", InvalidReturn::Port),
            ("https://shop.example:99999", InvalidReturn::Port),
            ("https://shop.example/", InvalidReturn::NotBare),
            ("https://shop.example?x", InvalidReturn::NotBare),
            ("https://shop.example#x", InvalidReturn::NotBare),
        ] {
            assert_eq!(ReturnOrigin::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn t26_a_url_is_of_the_origin_that_a_browser_would_find() {
        let url = ReturnUrl::parse("https://Shop.example:443/back?a=b").unwrap();
        assert_eq!(url.origin().as_str(), "https://shop.example");
        assert_eq!(url.to_string(), "https://shop.example/back?a=b");
        assert_eq!(ReturnUrl::parse("https://shop.example").unwrap().to_string(), "https://shop.example/");
        assert_eq!(ReturnUrl::parse("https://shop.example?a").unwrap().to_string(), "https://shop.example/?a");
        for text in [
            "https://shop.example/#x",
            "https://shop.example/a b",
            "https://shop.example/\\x",
            "https://shop.example/\u{e9}",
        ] {
            assert_eq!(ReturnUrl::parse(text), Err(InvalidReturn::Shape), "{text}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(2048));
        assert_eq!(ReturnUrl::parse(&long), Err(InvalidReturn::Shape));
    }

    #[test]
    fn parameters_are_added_and_cannot_be_mistaken() {
        let url = ReturnUrl::parse("https://shop.example/back").unwrap();
        assert_eq!(
            url.with_parameters([("state", "a&b=ü"), ("page", "p")]),
            "https://shop.example/back?state=a%26b%3D%C3%BC&page=p"
        );
        let url = ReturnUrl::parse("https://shop.example/back?x=1").unwrap();
        assert_eq!(url.with_parameters([("page", "p")]), "https://shop.example/back?x=1&page=p");
    }
}
