//! Lines of values (RFC 4180), in the ways in which makers of tokens send them.
//!
//! - With a first line that names the columns: `serial` and `secret`, and where they are there `type`, `algorithm`, `digits`,
//!   `period` and `counter`. The names that Entra ID's files have are understood too (`serial number`, `secret key`,
//!   `time interval`); any other column is passed over.
//! - Without one, as OATH files have it: serial, key, `HOTP` or `TOTP`, digits, period. What is missing at the end has its usual value.
//! - The log of the `YubiKey` personalisation tool: lines that begin with `OATH-HOTP`.
//!
//! Keys are in hexadecimal or Base32; commas, semicolons or tabs are between values. Empty lines and those that begin with `#` are passed over.

use otp::{Algorithm, Params};
use zeroize::Zeroizing;

use super::reading::{Entry, Found, Reading, Unreadable, key};

const MAX_LINE: usize = 2048;
const MAX_VALUES: usize = 64;

/// Values of a line. They may hold a key, and are wiped.
type Values = Vec<Zeroizing<String>>;

/// Reads lines of values.
pub(super) fn read(text: &str, most: usize) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = Vec::new();
    let mut layout = None;
    for (line, content) in (1_u32..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if content.len() > MAX_LINE {
            return Err(Unreadable::at(line, "a line has 2,048 bytes at most"));
        }
        let layout = if let Some(layout) = &layout {
            layout
        } else {
            let (first, is_header) = Layout::of(content);
            let first = layout.insert(first);
            if is_header {
                continue;
            }
            first
        };
        let values = split(content, layout.separator)
            .ok_or(Unreadable::at(line, "a quotation mark has no end, or the line has more than 64 values"))?;
        if let Some(entry) = layout.entry(line, &values) {
            if entries.len() >= most {
                return Err(Unreadable::at(line, "there are more tokens in it than one file may have: split it"));
            }
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// Where in a line what stands.
struct Layout {
    separator: char,
    columns: Columns,
}

#[derive(Default)]
struct Columns {
    serial: Option<usize>,
    secret: Option<usize>,
    kind: Option<usize>,
    algorithm: Option<usize>,
    digits: Option<usize>,
    period: Option<usize>,
    counter: Option<usize>,
    /// Only lines that begin with this are tokens.
    mark: Option<&'static str>,
}

impl Layout {
    /// The layout of a file that begins with this line, and whether the line is only there to say so.
    fn of(first: &str) -> (Self, bool) {
        let separator = [';', '\t'].into_iter().find(|separator| first.contains(*separator)).unwrap_or(',');
        let values = split(first, separator).unwrap_or_default();
        let named = Columns::named(&values);
        if named.secret.is_some() && named.serial.is_some() {
            return (Self { separator, columns: named }, true);
        }
        let starts = |mark: &str| values.first().is_some_and(|value| value.eq_ignore_ascii_case(mark));
        let columns = if starts("LOGGING START") || starts(YUBIKEY) { Columns::yubikey() } else { Columns::oath() };
        (Self { separator, columns }, false)
    }

    fn entry(&self, line: u32, values: &Values) -> Option<Entry> {
        let columns = &self.columns;
        if columns.mark.is_some_and(|mark| !values.first().is_some_and(|value| value.eq_ignore_ascii_case(mark))) {
            return None;
        }
        let value = |place: Option<usize>| {
            place.and_then(|place| values.get(place)).map(|value| value.trim()).filter(|value| !value.is_empty())
        };
        let serial = Reading::serial(value(columns.serial).unwrap_or_default());
        let found = serial.as_ref().map_err(|why| *why).and_then(|_| found(columns, &value));
        Some(Reading { line, serial: serial.ok() }.finish(found))
    }
}

const YUBIKEY: &str = "OATH-HOTP";

impl Columns {
    fn named(values: &Values) -> Self {
        let mut columns = Self::default();
        for (place, value) in values.iter().enumerate() {
            let name: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
            let column = match name.to_ascii_lowercase().as_str() {
                "serial" | "serialnumber" | "serialno" => &mut columns.serial,
                "secret" | "secretkey" | "seed" | "key" => &mut columns.secret,
                "type" => &mut columns.kind,
                "algorithm" | "hash" | "hashalgorithm" => &mut columns.algorithm,
                "digits" | "otplength" | "otplen" => &mut columns.digits,
                "period" | "timeinterval" | "timestep" => &mut columns.period,
                "counter" => &mut columns.counter,
                _ => continue,
            };
            *column = Some(place);
        }
        columns
    }

    fn oath() -> Self {
        Self { serial: Some(0), secret: Some(1), kind: Some(2), digits: Some(3), period: Some(4), ..Self::default() }
    }

    /// Kind, time, slot, public id, nothing, key, access codes, …, digits.
    fn yubikey() -> Self {
        Self { serial: Some(3), secret: Some(5), digits: Some(11), mark: Some(YUBIKEY), ..Self::default() }
    }
}

fn found<'a>(columns: &Columns, value: &impl Fn(Option<usize>) -> Option<&'a str>) -> Result<Found, &'static str> {
    let key = value(columns.secret).and_then(key).ok_or("its key is neither hexadecimal nor Base32")?;
    let algorithm = match value(columns.algorithm) {
        Some(name) => algorithm(name).ok_or("its algorithm is not SHA1, SHA256 or SHA512")?,
        None => Algorithm::Sha1,
    };
    let digits = match value(columns.digits) {
        Some(digits) => digits.parse().map_err(|_| DIGITS)?,
        None => 6,
    };
    let period = value(columns.period);
    let is_timed = match value(columns.kind) {
        Some(kind) if kind.eq_ignore_ascii_case("totp") => true,
        Some(kind) if kind.eq_ignore_ascii_case("hotp") => false,
        Some(_) => return Err("it is neither HOTP nor TOTP"),
        None => period.is_some(),
    };
    let params = if is_timed {
        let period = period.map_or(Ok(30), str::parse).map_err(|_| PERIOD)?;
        Params::new(algorithm, digits, period)
    } else {
        Params::counted(algorithm, digits)
    };
    let params = params.map_err(|wrong| match wrong {
        otp::InvalidParams::Period(_) => PERIOD,
        _ => DIGITS,
    })?;
    let counter = value(columns.counter).filter(|_| !is_timed);
    let last_step = counter.map_or(Ok(0), Reading::counter)?;
    Ok(Found { key, params, last_step })
}

const DIGITS: &str = "its codes have not 6 or 8 digits";
const PERIOD: &str = "its period is not 30 or 60 seconds";

/// `SHA1`, `sha-256`, `HmacSHA512` …
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_uppercase();
    Algorithm::from_name(plain.strip_prefix("HMAC").unwrap_or(&plain))
}

/// The values of a line. A value in quotation marks may hold the separator, and two of them for one. `None` for what is none.
fn split(line: &str, separator: char) -> Option<Values> {
    let mut values = Values::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        if values.len() >= MAX_VALUES {
            return None;
        }
        let (value, after) = match text.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => quoted_value(quoted, separator)?,
            None => match text.split_once(separator) {
                Some((value, after)) => (Zeroizing::new(value.trim().to_owned()), Some(after)),
                None => (Zeroizing::new(text.trim().to_owned()), None),
            },
        };
        values.push(value);
        rest = after;
    }
    Some(values)
}

/// The value that began with a quotation mark, and what follows its separator.
fn quoted_value(text: &str, separator: char) -> Option<(Zeroizing<String>, Option<&str>)> {
    // All the room it can need at once.
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        value.push_str(part);
        if let Some(more) = after.strip_prefix('"') {
            value.push('"');
            rest = more;
            continue;
        }
        let after = after.trim_start_matches(' ');
        return match after.strip_prefix(separator) {
            Some(next) => Some((value, Some(next))),
            None if after.is_empty() => Some((value, None)),
            None => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Token;

    const HEX: &str = "3132333435363738393031323334353637383930";
    const BASE32: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn tokens(text: &str) -> Vec<Token> {
        read(text, 10).unwrap().into_iter().map(|entry| entry.unwrap_or_else(|why| panic!("{why:?}"))).collect()
    }

    fn one(text: &str) -> (String, Params, i64) {
        let mut tokens = tokens(text);
        let (Some(token), None) = (tokens.pop(), tokens.pop()) else { panic!("{text}: not one token") };
        assert_eq!(token.key.as_slice(), b"12345678901234567890", "{text}");
        (token.serial, token.params, token.last_step)
    }

    fn counted(digits: u8) -> Params {
        Params::counted(Algorithm::Sha1, digits).unwrap()
    }

    #[test]
    fn each_makers_lines_are_read() {
        let timed = |algorithm, digits, period| Params::new(algorithm, digits, period).unwrap();
        for (text, serial, params, last_step) in [
            (format!("F100,{HEX}"), "F100", counted(6), 0),
            (format!("F100, {HEX}, HOTP, 8"), "F100", counted(8), 0),
            (format!("F100;{HEX};totp;6;60"), "F100", timed(Algorithm::Sha1, 6, 60), 0),
            (format!("F100\t{HEX}"), "F100", counted(6), 0),
            (format!("serial,secret\r\nF100,{BASE32}\r\n"), "F100", counted(6), 0),
            (format!("Serial,Secret,Counter\nF100,{HEX},42"), "F100", counted(6), 42),
            (
                format!("serial,secret,type,algorithm,digits,period\nF100,{HEX},totp,SHA-256,8,60"),
                "F100",
                timed(Algorithm::Sha256, 8, 60),
                0,
            ),
            (
                format!(
                    "upn,serial number,secret key,time interval,manufacturer,model\nana@example.org,F100,{BASE32},30,Acme,T1"
                ),
                "F100",
                timed(Algorithm::Sha1, 6, 30),
                0,
            ),
            (
                format!(
                    "LOGGING START,11/12/2013 6:55 PM\nYubico OTP,11/12/2013 6:55 PM,1,vv,ab,d2,,,0,0,0,0\nOATH-HOTP,11/12/2013 6:56 PM,1,cccccccccccc,,{HEX},,,0,0,0,8,0,0"
                ),
                "cccccccccccc",
                counted(8),
                0,
            ),
            (format!("\u{23}made by hand\n\nF100,\"{HEX}\",\"HOTP\""), "F100", counted(6), 0),
        ] {
            assert_eq!(one(&text), (serial.to_owned(), params, last_step), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_serial_and_without_the_key() {
        let secret = "ABCDEF0123456789ABCDEF01";
        for (text, line, serial, why) in [
            (format!("F100,{secret}"), 1, Some("F100"), "16 to 64 bytes"),
            ("F100,not-a-key!".to_owned(), 1, Some("F100"), "neither hexadecimal nor Base32"),
            ("F100".to_owned(), 1, Some("F100"), "neither hexadecimal nor Base32"),
            (format!("\n\n,{HEX}"), 3, None, "no serial number"),
            (format!("F\u{e4}100,{HEX}"), 1, None, "visible ASCII"),
            (format!("F100,{HEX},OCRA"), 1, Some("F100"), "neither HOTP nor TOTP"),
            (format!("F100,{HEX},HOTP,7"), 1, Some("F100"), "6 or 8 digits"),
            (format!("F100,{HEX},HOTP,six"), 1, Some("F100"), "6 or 8 digits"),
            (format!("F100,{HEX},TOTP,6,45"), 1, Some("F100"), "30 or 60 seconds"),
            (format!("serial,secret,algorithm\nF100,{HEX},MD5"), 2, Some("F100"), "SHA1, SHA256 or SHA512"),
            (format!("serial,secret,counter\nF100,{HEX},-1"), 2, Some("F100"), "counter"),
            (format!("serial,secret,counter\nF100,{HEX},2147483649"), 2, Some("F100"), "counter"),
        ] {
            let refused = read(&text, 10).unwrap().pop().unwrap().err().unwrap();
            assert_eq!((refused.line, refused.serial.as_deref()), (line, serial), "{text}");
            assert!(refused.why.contains(why), "{text}: {}", refused.why);
            assert!(!refused.why.contains(&secret[..6]));
        }
    }

    #[test]
    fn t33_there_is_an_end_to_everything() {
        let line = format!("F100,{HEX}\n");
        assert!(read(&line.repeat(10), 10).is_ok());
        for text in [line.repeat(11), format!("F100,{}", "A".repeat(3000)), format!("F100,\"{HEX}"), ",".repeat(65)] {
            assert!(read(&text, 10).is_err(), "{text:.40}");
        }
    }
}
