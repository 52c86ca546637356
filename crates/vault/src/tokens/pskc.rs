//! Portable Symmetric Key Containers (RFC 6030): plain, or encrypted with a pre-shared key (§6.1) or a passphrase (§6.2).
//!
//! Elements are found by their names without prefixes: makers differ in which namespaces they put what into.

mod bounds;
mod locks;

use otp::{Algorithm, Params};
use roxmltree::{Document, Node, ParsingOptions};
use vault_proto::Unlock;
use zeroize::Zeroizing;

use super::csv::algorithm;
use super::reading::{Entry, Found, Reading, Unreadable, line_breaks};
use locks::Locks;

const NAMESPACE: &str = "urn:ietf:params:xml:ns:keyprov:pskc";
const MAX_NODES: u32 = 200_000;

/// Reads a container. `now` is in seconds since the Unix epoch.
pub(super) fn read(text: &str, unlock: &Unlock, now: i64, most: usize) -> Result<Vec<Entry>, Unreadable> {
    bounds::check(text)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    // The error's own words name tags and attributes of the file.
    let document = Document::parse_with_options(text, options)
        .map_err(|error| Unreadable::at(error.pos().row, "it is no well-formed XML"))?;
    let root = document.root_element();
    if root.tag_name().name() != "KeyContainer" || root.tag_name().namespace() != Some(NAMESPACE) {
        return Err(Unreadable::file("it is no Portable Symmetric Key Container of RFC 6030"));
    }
    let locks = Locks::open(root, unlock).map_err(Unreadable::file)?;
    let mut lines = Lines { text, at: 0, line: 1 };
    let packages = root.children().filter(|node| node.tag_name().name() == "KeyPackage");
    let mut entries = Vec::new();
    for package in packages {
        let line = lines.of(package);
        if entries.len() >= most {
            return Err(Unreadable::at(line, "there are more tokens in it than one file may have: split it"));
        }
        let serial = serial(package);
        let found = serial.as_ref().map_err(|why| *why).and_then(|_| found(package, &locks, now));
        entries.push(Reading { line, serial: serial.ok() }.finish(found));
    }
    Ok(entries)
}

/// Counts lines from one place to the next, so that each is passed once.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, node: Node<'_, '_>) -> u32 {
        let to = node.range().start;
        let passed = self.text.get(self.at..to).unwrap_or_default();
        self.line = self.line.saturating_add(line_breaks(passed));
        self.at = to;
        self.line
    }
}

/// The one child of this name. Two of one name are an error: readers differ in which of them they take.
fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Result<Option<Node<'a, 'i>>, &'static str> {
    let mut named = node.children().filter(|child| child.is_element() && child.tag_name().name() == name);
    match (named.next(), named.next()) {
        (found, None) => Ok(found),
        (_, Some(_)) => Err("an element that may be there once is there twice"),
    }
}

/// The one descendant at the end of this path.
fn at<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Result<Option<Node<'a, 'i>>, &'static str> {
    let mut place = Some(node);
    for name in path {
        place = match place {
            Some(node) => child(node, name)?,
            None => return Ok(None),
        };
    }
    Ok(place)
}

/// The text of an element that has nothing but text.
fn text<'a>(node: Node<'a, '_>) -> Result<&'a str, &'static str> {
    let mut children = node.children();
    match (children.next(), children.next()) {
        (None, _) => Ok(""),
        (Some(only), None) => Ok(only.text().filter(|_| only.is_text()).ok_or(NOT_TEXT)?.trim()),
        _ => Err(NOT_TEXT),
    }
}

const NOT_TEXT: &str = "a value is not plain text";

fn text_at<'a>(node: Node<'a, '_>, path: &[&str]) -> Result<Option<&'a str>, &'static str> {
    at(node, path)?.map(text).transpose()
}

/// The number that is printed on the token: that of the device, else the key's id (RFC 6030 §4.3.1).
fn serial(package: Node<'_, '_>) -> Result<String, &'static str> {
    let device = text_at(package, &["DeviceInfo", "SerialNo"])?;
    let key = child(package, "Key")?.and_then(|key| key.attribute("Id"));
    Reading::serial(device.or(key).unwrap_or_default())
}

fn found(package: Node<'_, '_>, locks: &Locks, now: i64) -> Result<Found, &'static str> {
    let key = child(package, "Key")?.ok_or("there is no key in it")?;
    let is_timed = match key.attribute("Algorithm").and_then(|name| name.strip_prefix(NAMESPACE)) {
        Some(":totp" | "#totp") => true,
        Some(":hotp" | "#hotp") => false,
        _ => return Err("its key is for neither HOTP nor TOTP"),
    };
    policy(key, now)?;
    let (algorithm, digits) = parameters(key)?;
    let data = child(key, "Data")?.ok_or("there is no key in it")?;
    let secret = child(data, "Secret")?.ok_or("there is no key in it")?;
    let plain = |name| text_at(data, &[name, "PlainValue"]);
    let (params, last_step) = if is_timed {
        let period = plain("TimeInterval")?.map_or(Ok(30), str::parse).map_err(|_| PERIOD)?;
        (Params::new(algorithm, digits, period).map_err(|_| PERIOD)?, 0)
    } else {
        let counter = match (child(data, "Counter")?, plain("Counter")?) {
            (None, _) => 0,
            (Some(_), Some(counter)) => Reading::counter(counter)?,
            (Some(_), None) => return Err("its counter is encrypted, which is not supported"),
        };
        (Params::counted(algorithm, digits).map_err(|_| DIGITS)?, counter)
    };
    Ok(Found { key: locks.secret(secret)?, params, last_step })
}

const DIGITS: &str = "its codes have not 6 or 8 digits";
const PERIOD: &str = "its period is not 30 or 60 seconds";

fn parameters(key: Node<'_, '_>) -> Result<(Algorithm, u8), &'static str> {
    let Some(parameters) = child(key, "AlgorithmParameters")? else { return Ok((Algorithm::Sha1, 6)) };
    let algorithm = match text_at(parameters, &["Suite"])? {
        Some(suite) => algorithm(suite).ok_or("its suite is not SHA1, SHA256 or SHA512")?,
        None => Algorithm::Sha1,
    };
    let Some(format) = child(parameters, "ResponseFormat")? else { return Ok((algorithm, 6)) };
    if format.attribute("Encoding").is_some_and(|encoding| encoding != "DECIMAL") {
        return Err("its codes are not decimal");
    }
    if format.attribute("CheckDigits").is_some_and(|check| !matches!(check, "false" | "0")) {
        return Err("its codes have a check digit, which is not supported");
    }
    match format.attribute("Length").map_or(Ok(6), str::parse) {
        Ok(digits @ (6 | 8)) => Ok((algorithm, digits)),
        _ => Err(DIGITS),
    }
}

/// What is asked of a key must be understood, or else it must not be used (RFC 6030 §5).
fn policy(key: Node<'_, '_>, now: i64) -> Result<(), &'static str> {
    let Some(policy) = child(key, "Policy")? else { return Ok(()) };
    let (mut limited, mut good_for_codes) = (false, false);
    for rule in policy.children().filter(Node::is_element) {
        match rule.tag_name().name() {
            "KeyUsage" => {
                limited = true;
                good_for_codes |= text(rule)? == "OTP";
            }
            "StartDate" if start_of(text(rule)?)? > now => return Err("its policy has not begun"),
            "ExpiryDate" if start_of(text(rule)?)? < now => return Err("its policy has ended"),
            "StartDate" | "ExpiryDate" => {}
            // The token itself asks for the PIN: nobody else sees it.
            "PINPolicy" if rule.attribute("PINUsageMode") == Some("Local") => {}
            _ => return Err("its policy asks for something that is not supported"),
        }
    }
    if limited && !good_for_codes { Err("its policy allows no one-time passwords") } else { Ok(()) }
}

/// The moment at which the day of an `xs:dateTime` begins, in UTC: what is cut off is less than a day.
fn start_of(date: &str) -> Result<i64, &'static str> {
    const WRONG: &str = "its policy has a date that is none";
    let day = date.get(..10).ok_or(WRONG)?;
    let mut parts = day.split('-').map(str::parse::<i64>);
    let (Some(Ok(year)), Some(Ok(month @ 1..=12)), Some(Ok(day @ 1..=31)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(WRONG);
    };
    // Days from civil: the year begins in March, so that its odd day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Ok(days * 86_400)
}

/// Base64 as XML has it, with spaces and line breaks anywhere.
fn base64(text: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let compact = Zeroizing::new(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>());
    data_encoding::BASE64.decode(&compact).map(Zeroizing::new).map_err(|_| "a value is no Base64")
}

#[cfg(test)]
mod tests;
