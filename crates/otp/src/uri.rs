//! `otpauth://totp/…` and `otpauth://hotp/…` URIs, as authenticator apps scan them
//! (<https://github.com/google/google-authenticator/wiki/Key-Uri-Format>).

use std::fmt;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::{Algorithm, InvalidParams, Params};

const SCHEME: &str = "otpauth://";
const MAX_URI: usize = 4096;
const MAX_KEY: usize = 128;

/// The URI of a key. An empty `issuer` is left out. Where steps are counted the counter is 0: the key of a URI is new, and no
/// code was made from it.
pub fn uri(issuer: &str, account: &str, key: &[u8], params: Params) -> Zeroizing<String> {
    // All the room it can need at once: a string that grew would leave copies of the key behind.
    let room = 128 + 6 * issuer.len() + 3 * account.len() + 2 * key.len();
    let mut uri = Zeroizing::new(String::with_capacity(room));
    uri.push_str(if params.is_counted() { "otpauth://hotp/" } else { "otpauth://totp/" });
    if !issuer.is_empty() {
        push_encoded(&mut uri, issuer);
        uri.push(':');
    }
    push_encoded(&mut uri, account);
    uri.push_str("?secret=");
    BASE32_NOPAD.encode_append(key, &mut uri);
    if !issuer.is_empty() {
        uri.push_str("&issuer=");
        push_encoded(&mut uri, issuer);
    }
    uri.push_str("&algorithm=");
    uri.push_str(params.algorithm().name());
    uri.push_str("&digits=");
    push_encoded(&mut uri, &params.digits().to_string());
    if params.is_counted() {
        uri.push_str("&counter=0");
    } else {
        uri.push_str("&period=");
        push_encoded(&mut uri, &params.period().to_string());
    }
    uri
}

/// A key in Base32 without padding (RFC 4648 §6), as people type it into an app.
pub fn base32(key: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE32_NOPAD.encode(key))
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(hex_digit(byte >> 4));
            out.push(hex_digit(byte & 15));
        }
    }
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

/// What an `otpauth://` URI says.
#[derive(Clone, PartialEq, Eq)]
pub struct Otpauth {
    /// Who asks for codes.
    pub issuer: Option<String>,
    /// Whose codes they are.
    pub account: String,
    /// The key.
    pub key: Zeroizing<Vec<u8>>,
    /// How codes are made from it.
    pub params: Params,
    /// The counter of the first code, where steps are counted; 0 otherwise.
    pub counter: u64,
}

impl fmt::Debug for Otpauth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otpauth")
            .field("issuer", &self.issuer)
            .field("account", &self.account)
            .field("params", &self.params)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

/// Why a text is no URI of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Over 4 KiB.
    #[error("the URI is too long")]
    TooLong,
    /// Another scheme.
    #[error("the URI does not begin with otpauth://")]
    Scheme,
    /// Neither `totp` nor `hotp`.
    #[error("only otpauth://totp and otpauth://hotp are understood")]
    Kind,
    /// No account in the label.
    #[error("the label is missing or names no account")]
    Label,
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("the percent-encoding is broken")]
    Encoding,
    /// The same parameter twice: apps differ in which they take.
    #[error("the parameter {0} is given twice")]
    Twice(&'static str),
    /// No `secret`, or one that is no Base32, or one of no or too many bytes.
    #[error("the secret is missing or is not Base32")]
    Secret,
    /// The issuer of the label and the one of the parameters differ.
    #[error("the label names another issuer than the parameter")]
    Issuer,
    /// `algorithm`, `digits` or `period` is out of bounds.
    #[error(transparent)]
    Params(#[from] InvalidParams),
    /// No `counter`, where steps are counted.
    #[error("the counter is missing")]
    Counter,
    /// `digits`, `period` or `counter` is no number.
    #[error("{0} is not a number")]
    Number(&'static str),
}

impl Otpauth {
    /// Reads a URI. `algorithm`, `digits` and `period` default to SHA1, 6 and 30; parameters that are not known
    /// (apps add pictures and colours) are passed over, and so are a counter of what is timed and a period of what is counted.
    ///
    /// # Errors
    /// Says what is wrong, never with any part of the text: it may hold a key.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.len() > MAX_URI {
            return Err(UriError::TooLong);
        }
        let scheme = text.get(..SCHEME.len()).ok_or(UriError::Scheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(UriError::Scheme);
        }
        let rest = text.get(SCHEME.len()..).unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, label) = path.split_once('/').ok_or(UriError::Label)?;
        let is_hotp = kind.eq_ignore_ascii_case("hotp");
        if !is_hotp && !kind.eq_ignore_ascii_case("totp") {
            return Err(UriError::Kind);
        }
        let query = Query::parse(query)?;
        let (issuer, account) = read_label(label, query.issuer)?;
        let key = read_key(query.secret.ok_or(UriError::Secret)?)?;
        let params = read_params(is_hotp, query.algorithm, query.digits, query.period)?;
        let counter = if is_hotp { query.counter.ok_or(UriError::Counter)?.parse() } else { Ok(0) };
        let counter = counter.map_err(|_| UriError::Number("counter"))?;
        Ok(Self { issuer, account, key, params, counter })
    }
}

#[derive(Default)]
struct Query<'a> {
    secret: Option<&'a str>,
    issuer: Option<&'a str>,
    algorithm: Option<&'a str>,
    digits: Option<&'a str>,
    period: Option<&'a str>,
    counter: Option<&'a str>,
}

impl<'a> Query<'a> {
    fn parse(text: &'a str) -> Result<Self, UriError> {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (slot, name) = match name {
                "secret" => (&mut query.secret, "secret"),
                "issuer" => (&mut query.issuer, "issuer"),
                "algorithm" => (&mut query.algorithm, "algorithm"),
                "digits" => (&mut query.digits, "digits"),
                "period" => (&mut query.period, "period"),
                "counter" => (&mut query.counter, "counter"),
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(UriError::Twice(name));
            }
        }
        Ok(query)
    }
}

/// The issuer, from the parameter or the label's part before the colon, and the account. Some apps write the
/// label's colon as `%3A`; then only the parameter can tell the issuer apart from the account.
fn read_label(label: &str, issuer: Option<&str>) -> Result<(Option<String>, String), UriError> {
    let issuer = issuer.map(decode).transpose()?.filter(|issuer| !issuer.is_empty());
    let (issuer, account) = if let Some((prefix, account)) = label.split_once(':') {
        let prefix = decode(prefix)?;
        if issuer.as_ref().is_some_and(|issuer| *issuer != prefix) {
            return Err(UriError::Issuer);
        }
        (Some(prefix).filter(|prefix| !prefix.is_empty()), decode(account)?)
    } else {
        let label = decode(label)?;
        let stripped = issuer.as_ref().and_then(|issuer| label.strip_prefix(issuer.as_str())?.strip_prefix(':'));
        let account = stripped.map(str::to_owned);
        (issuer, account.unwrap_or(label))
    };
    if account.is_empty() { Err(UriError::Label) } else { Ok((issuer, account)) }
}

fn read_key(text: &str) -> Result<Zeroizing<Vec<u8>>, UriError> {
    let text = Zeroizing::new(text.trim_end_matches('=').to_ascii_uppercase());
    let key = BASE32_NOPAD.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| UriError::Secret)?;
    if key.is_empty() || key.len() > MAX_KEY { Err(UriError::Secret) } else { Ok(key) }
}

fn read_params(
    is_hotp: bool,
    algorithm: Option<&str>,
    digits: Option<&str>,
    period: Option<&str>,
) -> Result<Params, UriError> {
    let common = Params::COMMON;
    let algorithm = match algorithm {
        Some(name) => Algorithm::from_name(&name.to_ascii_uppercase()).ok_or(InvalidParams::Algorithm)?,
        None => common.algorithm(),
    };
    let digits = digits.map_or(Ok(common.digits()), |text| text.parse().map_err(|_| UriError::Number("digits")))?;
    if is_hotp {
        return Ok(Params::counted(algorithm, digits)?);
    }
    let period = period.map_or(Ok(common.period()), |text| text.parse().map_err(|_| UriError::Number("period")))?;
    Ok(Params::new(algorithm, digits, period)?)
}

fn decode(text: &str) -> Result<String, UriError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = rest.next().and_then(hex_value).ok_or(UriError::Encoding)?;
            let low = rest.next().and_then(hex_value).ok_or(UriError::Encoding)?;
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| UriError::Encoding)
}

fn hex_value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_reads_as_apps_want_it() {
        let made = uri("Ex & Co", "ada@example.org", b"12345678901234567890", Params::COMMON);
        assert_eq!(
            made.as_str(),
            "otpauth://totp/Ex%20%26%20Co:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Ex%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn i02_a_uri_of_a_counter_reads_as_apps_want_it() {
        let params = Params::counted(Algorithm::Sha1, 6).unwrap();
        let made = uri("", "ada", b"12345678901234567890", params);
        assert_eq!(
            made.as_str(),
            "otpauth://hotp/ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA1&digits=6&counter=0"
        );
        let read = Otpauth::parse("otpauth://hotp/a?secret=MFRGG&counter=42&period=15").unwrap();
        assert_eq!((read.params, read.counter), (params, 42));
        let timed = Otpauth::parse("otpauth://totp/a?secret=MFRGG&counter=42").unwrap();
        assert_eq!((timed.params, timed.counter), (Params::COMMON, 0));
    }

    #[test]
    fn uris_of_other_houses_are_read() {
        let read =
            Otpauth::parse("otpauth://totp/Example:alice@google.com?secret=JBSWY3DPEHPK3PXP&issuer=Example").unwrap();
        assert_eq!((read.issuer.as_deref(), read.account.as_str()), (Some("Example"), "alice@google.com"));
        assert_eq!(read.key.as_slice(), b"Hello!\xde\xad\xbe\xef");
        let read = Otpauth::parse("otpauth://TOTP/Big%3Aalice?secret=jbswy3dpehpk3pxp&issuer=Big&image=x").unwrap();
        assert_eq!((read.issuer.as_deref(), read.account.as_str()), (Some("Big"), "alice"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let cases = [
            ("https://totp/a?secret=AA", UriError::Scheme),
            ("otp", UriError::Scheme),
            ("otpauth://ocra/a?secret=MFRGG&counter=0", UriError::Kind),
            ("otpauth://hotp/a?secret=MFRGG", UriError::Counter),
            ("otpauth://hotp/a?secret=MFRGG&counter=-1", UriError::Number("counter")),
            ("otpauth://hotp/a?secret=MFRGG&counter=18446744073709551616", UriError::Number("counter")),
            ("otpauth://hotp/a?secret=MFRGG&counter=0&digits=7", UriError::Params(InvalidParams::Digits(7))),
            ("otpauth://totp", UriError::Label),
            ("otpauth://totp/?secret=MFRGG", UriError::Label),
            ("otpauth://totp/a", UriError::Secret),
            ("otpauth://totp/a?secret=", UriError::Secret),
            ("otpauth://totp/a?secret=0189", UriError::Secret),
            ("otpauth://totp/a?secret=MFRGG&secret=MFRGG", UriError::Twice("secret")),
            ("otpauth://totp/%4?secret=MFRGG", UriError::Encoding),
            ("otpauth://totp/%FF?secret=MFRGG", UriError::Encoding),
            ("otpauth://totp/A:b?secret=MFRGG&issuer=C", UriError::Issuer),
            ("otpauth://totp/a?secret=MFRGG&digits=7", UriError::Params(InvalidParams::Digits(7))),
            ("otpauth://totp/a?secret=MFRGG&digits=six", UriError::Number("digits")),
            ("otpauth://totp/a?secret=MFRGG&period=999999", UriError::Number("period")),
            ("otpauth://totp/a?secret=MFRGG&algorithm=MD5", UriError::Params(InvalidParams::Algorithm)),
        ];
        for (text, error) in cases {
            assert_eq!(Otpauth::parse(text), Err(error), "{text}");
        }
        assert_eq!(Otpauth::parse(&"x".repeat(5000)), Err(UriError::TooLong));
    }

    #[test]
    fn a_read_uri_does_not_print_its_key() {
        let read = Otpauth::parse("otpauth://totp/a?secret=JBSWY3DPEHPK3PXP").unwrap();
        assert!(!format!("{read:?}").contains("72, 101"), "{read:?}");
    }
}
