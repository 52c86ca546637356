//! What each kind of file is read into, and what is asked of it.

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use otp::Params;
use vault_proto::RefusedToken;
use zeroize::Zeroizing;

use crate::seal::KEY_BYTES;

const MAX_SERIAL: usize = 64;
/// A counter that nobody gets to by pressing a button, and far below where the guard stops counting.
const MAX_COUNTER: i64 = 1 << 31;

/// A token as its file has it. It does not print.
pub(crate) struct Token {
    pub(crate) line: u32,
    pub(crate) serial: String,
    pub(crate) key: Zeroizing<Vec<u8>>,
    pub(crate) params: Params,
    pub(crate) last_step: i64,
}

/// A token of a file, or why it is not taken.
pub(crate) type Entry = Result<Token, RefusedToken>;

/// Why a file cannot be read at all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    line: Option<u32>,
    why: &'static str,
}

impl Unreadable {
    pub(crate) fn file(why: &'static str) -> Self {
        Self { line: None, why }
    }

    pub(crate) fn at(line: u32, why: &'static str) -> Self {
        Self { line: Some(line), why }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(self.why),
        }
    }
}

/// What a file says of one token. What is wrong with it is said in fixed words, so that no part of a key can get into them.
pub(crate) struct Reading {
    pub(crate) line: u32,
    pub(crate) serial: Option<String>,
}

impl Reading {
    /// A serial number as it is printed on a token.
    pub(crate) fn serial(text: &str) -> Result<String, &'static str> {
        let text = text.trim();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() {
            return Err("it has no serial number");
        }
        if !is_plain || text.len() > MAX_SERIAL {
            return Err("a serial number has 1 to 64 visible ASCII characters");
        }
        Ok(text.to_owned())
    }

    /// The next value of a counter, as the last step that counts as used.
    pub(crate) fn counter(text: &str) -> Result<i64, &'static str> {
        match text.trim().parse() {
            Ok(counter @ 0..=MAX_COUNTER) => Ok(counter),
            _ => Err("its counter is not a number from 0 to 2,147,483,648"),
        }
    }

    pub(crate) fn finish(self, token: Result<Found, &'static str>) -> Entry {
        let Self { line, serial } = self;
        let refused = |serial, why: &str| Err(RefusedToken { line, serial, why: why.to_owned() });
        match (token, serial) {
            (Err(why), serial) => refused(serial, why),
            (Ok(_), None) => refused(None, "it has no serial number"),
            (Ok(Found { key, .. }), serial) if !KEY_BYTES.contains(&key.len()) => {
                refused(serial, "its key has not 16 to 64 bytes (RFC 4226 §4)")
            }
            (Ok(Found { key, params, last_step }), Some(serial)) => Ok(Token { line, serial, key, params, last_step }),
        }
    }
}

/// What was found of a token beside its serial number.
pub(crate) struct Found {
    pub(crate) key: Zeroizing<Vec<u8>>,
    pub(crate) params: Params,
    pub(crate) last_step: i64,
}

/// How many lines end in a text.
pub(crate) fn line_breaks(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

/// A key in hexadecimal or Base32. What is both is taken for hexadecimal: of Base32 keys one in 10^11 has no other letters.
pub(crate) fn key(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let compact = Zeroizing::new(text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')).collect::<Vec<u8>>());
    if let Ok(key) = HEXLOWER_PERMISSIVE.decode(&compact) {
        return Some(Zeroizing::new(key));
    }
    let capitals = Zeroizing::new(compact.to_ascii_uppercase());
    let bare = capitals.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    BASE32_NOPAD.decode(capitals.get(..bare)?).ok().map(Zeroizing::new)
}
