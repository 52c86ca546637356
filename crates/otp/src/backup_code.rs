//! The shape of backup codes: what a person writes down and types from paper.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Crockford's Base32: no I, L, O or U, so that none is taken for another digit or letter.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS: usize = 12;
const MAX_TEXT: usize = 64;

/// A backup code: 60 bits, as `XXXX-XXXX-XXXX`. It does not print, and wipes itself.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BackupCode(u64);

impl BackupCode {
    /// Random bits of a code.
    pub const BITS: u32 = 60;

    /// The code of the low 60 bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << Self::BITS) - 1))
    }

    /// The 60 bits.
    pub const fn bits(&self) -> u64 {
        self.0
    }

    /// The code that a person typed: in either case, with or without hyphens and spaces, with O for 0 and I or L for 1.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let (mut bits, mut symbols) = (Zeroizing::new(0_u64), 0);
        for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            *bits = (*bits << 5) | value(byte)?;
            symbols += 1;
            if symbols > SYMBOLS {
                return None;
            }
        }
        (symbols == SYMBOLS).then_some(Self(*bits))
    }

    /// The canonical form, `XXXX-XXXX-XXXX`.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SYMBOLS + 2));
        for place in 0..SYMBOLS {
            if matches!(place, 4 | 8) {
                text.push('-');
            }
            text.push(symbol(self.0 >> (5 * (SYMBOLS - 1 - place))));
        }
        text
    }
}

fn symbol(bits: u64) -> char {
    let index = usize::try_from(bits & 31).unwrap_or_default();
    ALPHABET.get(index).copied().map_or('0', char::from)
}

fn value(byte: u8) -> Option<u64> {
    let canonical = match byte.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let place = ALPHABET.iter().position(|symbol| *symbol == canonical)?;
    u64::try_from(place).ok()
}

impl ConstantTimeEq for BackupCode {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for BackupCode {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for BackupCode {}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_comes_to_one_form() {
        let code = BackupCode::parse("01AB-CDEF-GHJK").unwrap();
        for same in ["01abcdefghjk", "O1AB CDEF GHJK", "oiab-cdef-ghjk", "0LAB-CDEFGHJK", " 01AB-CDEF-GHJK "] {
            assert_eq!(BackupCode::parse(same), Some(code.clone()), "{same}");
        }
        assert_eq!(code.text().as_str(), "01AB-CDEF-GHJK");
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = ["", "01AB-CDEF-GHJ", "01AB-CDEF-GHJKM", "U1AB-CDEF-GHJK", "01AB_CDEF_GHJK", "01AB-CDEF-GHJ"];
        for text in refused {
            assert_eq!(BackupCode::parse(text), None, "{text}");
        }
        assert_eq!(BackupCode::parse(&format!("01AB-CDEF-GHJK{}", "-".repeat(64))), None);
    }

    #[test]
    fn a_backup_code_does_not_print() {
        assert_eq!(format!("{:?}", BackupCode::from_bits(5)), "BackupCode(…)");
    }
}
