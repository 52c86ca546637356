//! One-time passwords.

use std::fmt;

use aws_lc_rs::hmac;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Algorithm;

/// The fewest digits of a code.
pub const MIN_DIGITS: usize = 6;
/// The most digits of a code.
pub const MAX_DIGITS: usize = 10;

/// Text longer than this is no code, however many spaces it has.
const MAX_TEXT: usize = 64;

/// A one-time password: 6 to 10 ASCII digits. It does not print, and wipes itself.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Code {
    /// The digits, then zero bytes, so that codes of different lengths differ.
    padded: [u8; MAX_DIGITS],
    len: u8,
}

impl Code {
    /// The code that a person typed. ASCII spaces between digits are passed over (apps show `123 456`); any
    /// other character, digits of other scripts among them, is refused, so that one code has one form (T-06).
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let framed = bytes.first()?.is_ascii_digit() && bytes.last()?.is_ascii_digit();
        if !framed || bytes.len() > MAX_TEXT {
            return None;
        }
        let mut code = Self { padded: [0; MAX_DIGITS], len: 0 };
        for byte in bytes.iter().filter(|byte| **byte != b' ') {
            if !byte.is_ascii_digit() {
                return None;
            }
            *code.padded.get_mut(usize::from(code.len))? = *byte;
            code.len += 1;
        }
        (usize::from(code.len) >= MIN_DIGITS).then_some(code)
    }

    /// A number below 10^`digits` with its leading zeros. `digits` is held between 6 and 10.
    pub fn from_number(number: u64, digits: u8) -> Self {
        let len = digits.clamp(6, 10);
        let mut padded = [0; MAX_DIGITS];
        let mut rest = number;
        for digit in padded.iter_mut().take(usize::from(len)).rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        Self { padded, len }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The digits, in ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        self.padded.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// How many digits.
    pub fn digits(&self) -> usize {
        usize::from(self.len)
    }
}

impl ConstantTimeEq for Code {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.padded.ct_eq(&other.padded)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// The HOTP value of a counter (RFC 4226 §5.3), with `digits` held between 6 and 10.
pub fn hotp(algorithm: Algorithm, key: &[u8], counter: u64, digits: u8) -> Code {
    hotp_with(&hmac::Key::new(algorithm.hmac(), key), counter, digits)
}

pub(crate) fn hotp_with(key: &hmac::Key, counter: u64, digits: u8) -> Code {
    let mac = hmac::sign(key, &counter.to_be_bytes());
    let number = u64::from(truncate(mac.as_ref()));
    Code::from_number(number % 10_u64.pow(u32::from(digits.clamp(6, 10))), digits)
}

/// Dynamic truncation (RFC 4226 §5.3): 31 bits from where the last nibble points to.
fn truncate(mac: &[u8]) -> u32 {
    let offset = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
    let word = mac.get(offset..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
    u32::from_be_bytes(word) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t06_a_code_has_one_form() {
        for same in ["123456", "123 456", "1 2 3 4 5 6", "12  3456"] {
            assert_eq!(Code::parse(same).unwrap().as_str(), "123456");
        }
        let refused = [
            "",
            " ",
            "12345",
            "12345678901",
            " 123456",
            "123456 ",
            "123\t456",
            "123\n456",
            "123-456",
            "+123456",
            "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}",
            "12345\u{ff16}",
            "٠١٢٣٤٥",
            "123\u{a0}456",
            "123\u{2009}456",
            "12345a",
            "0x1234",
            "123456\0",
            "1.2e06",
        ];
        for text in refused {
            assert_eq!(Code::parse(text), None, "{text:?}");
        }
        assert_eq!(Code::parse(&format!("1{}23456", " ".repeat(60))), None);
    }

    #[test]
    fn leading_zeros_stay() {
        assert_eq!(Code::from_number(7, 6).as_str(), "000007");
        assert_eq!(Code::from_number(7, 8).as_str(), "00000007");
        assert_ne!(Code::parse("000007"), Code::parse("0000007"));
    }

    #[test]
    fn a_code_does_not_print() {
        assert_eq!(format!("{:?}", Code::parse("123456").unwrap()), "Code(…)");
    }
}
