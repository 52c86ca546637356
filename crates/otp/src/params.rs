//! How codes are made: algorithm, number of digits, length of a step.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::code::{Code, hotp_with};

/// How codes are made from a key: 6 or 8 digits, steps of 30 or 60 seconds. Nothing else can be constructed or
/// deserialized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Params {
    algorithm: Algorithm,
    digits: u8,
    period: u16,
}

impl Params {
    /// SHA-1, six digits, thirty seconds: what every authenticator app knows.
    pub const COMMON: Self = Self { algorithm: Algorithm::Sha1, digits: 6, period: 30 };

    /// Parameters of 6 or 8 `digits` and a `period` of 30 or 60 seconds.
    ///
    /// # Errors
    /// Names what is out of bounds.
    pub const fn new(algorithm: Algorithm, digits: u8, period: u16) -> Result<Self, InvalidParams> {
        match (digits, period) {
            (6 | 8, 30 | 60) => Ok(Self { algorithm, digits, period }),
            (6 | 8, _) => Err(InvalidParams::Period(period)),
            _ => Err(InvalidParams::Digits(digits)),
        }
    }

    /// The HMAC.
    pub const fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// Digits of a code.
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// Seconds of a step.
    pub const fn period(self) -> u16 {
        self.period
    }

    /// The step that a moment lies in (RFC 6238 §4.2, with T0 = 0).
    pub fn step_at(self, unix_seconds: i64) -> i64 {
        unix_seconds.div_euclid(i64::from(self.period))
    }

    /// The code of a step.
    pub fn code(self, key: &[u8], step: i64) -> Code {
        hotp_with(&self.hmac_key(key), step.cast_unsigned(), self.digits)
    }

    /// The newest step within `drift` steps of `around`, either way, whose code is `code`.
    ///
    /// Every step of the window is computed and compared, whatever the outcome, so that the time taken tells
    /// nothing about it.
    pub fn matching_step(self, key: &[u8], code: &Code, around: i64, drift: u8) -> Option<i64> {
        let key = self.hmac_key(key);
        let (mut matched, mut newest) = (Choice::from(0), 0_i64);
        for offset in -i64::from(drift)..=i64::from(drift) {
            let step = around.saturating_add(offset);
            let hit = hotp_with(&key, step.cast_unsigned(), self.digits).ct_eq(code);
            newest.conditional_assign(&step, hit);
            matched |= hit;
        }
        bool::from(matched).then_some(newest)
    }

    fn hmac_key(self, key: &[u8]) -> hmac::Key {
        hmac::Key::new(self.algorithm.hmac(), key)
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::COMMON
    }
}

/// What [`Params`] look like before they are checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    algorithm: Algorithm,
    digits: u8,
    period: u16,
}

impl TryFrom<Unchecked> for Params {
    type Error = InvalidParams;

    fn try_from(raw: Unchecked) -> Result<Self, InvalidParams> {
        Self::new(raw.algorithm, raw.digits, raw.period)
    }
}

impl From<Params> for Unchecked {
    fn from(params: Params) -> Self {
        Self { algorithm: params.algorithm, digits: params.digits, period: params.period }
    }
}

/// Why parameters are not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParams {
    /// Neither 6 nor 8 digits.
    #[error("digits must be 6 or 8, not {0}")]
    Digits(u8),
    /// Neither 30 nor 60 seconds.
    #[error("period must be 30 or 60 seconds, not {0}")]
    Period(u16),
    /// No such algorithm.
    #[error("algorithm must be SHA1, SHA256 or SHA512")]
    Algorithm,
}

/// The HMAC that codes are made with (RFC 6238 §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC-SHA-1: what every authenticator app knows.
    #[serde(rename = "SHA1")]
    Sha1,
    /// HMAC-SHA-256.
    #[serde(rename = "SHA256")]
    Sha256,
    /// HMAC-SHA-512.
    #[serde(rename = "SHA512")]
    Sha512,
}

impl Algorithm {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// The name that `otpauth://` URIs and the API use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// The algorithm of a [`name`](Self::name), in capitals.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Bytes of a key: as many as the HMAC gives (RFC 6238 §5.1).
    pub const fn key_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    pub(crate) const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = InvalidParams;

    fn from_str(name: &str) -> Result<Self, InvalidParams> {
        Self::from_name(name).ok_or(InvalidParams::Algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"12345678901234567890";

    #[test]
    fn only_the_parameters_that_apps_know_are_accepted() {
        for digits in 0..=u8::MAX {
            for period in [0, 1, 15, 29, 30, 31, 59, 60, 61, 90, u16::MAX] {
                let made = Params::new(Algorithm::Sha1, digits, period);
                assert_eq!(made.is_ok(), matches!(digits, 6 | 8) && matches!(period, 30 | 60));
            }
        }
    }

    #[test]
    fn the_newest_matching_step_of_the_window_is_found_and_none_outside() {
        let params = Params::COMMON;
        let now = 57_000_000;
        for offset in -4..=4_i64 {
            let code = params.code(KEY, now + offset);
            let found = params.matching_step(KEY, &code, now, 2);
            assert_eq!(found, (offset.abs() <= 2).then_some(now + offset), "offset {offset}");
        }
    }

    #[test]
    fn where_two_steps_share_a_code_the_newest_counts() {
        // By search: the first pair of neighbouring steps with one code.
        let params = Params::COMMON;
        let step = (0..20_000_000_i64)
            .find(|step| bool::from(params.code(KEY, *step).ct_eq(&params.code(KEY, step + 1))))
            .unwrap();
        assert_eq!(params.matching_step(KEY, &params.code(KEY, step), step, 1), Some(step + 1));
    }

    #[test]
    fn a_code_of_another_length_matches_nothing() {
        let eight = Params::new(Algorithm::Sha1, 8, 30).unwrap();
        assert_eq!(Params::COMMON.matching_step(KEY, &eight.code(KEY, 1), 1, 2), None);
    }

    #[test]
    fn steps_are_counted_from_the_epoch_and_before_it() {
        let params = Params::COMMON;
        for (seconds, step) in [(0, 0), (29, 0), (30, 1), (59, 1), (1_111_111_109, 37_037_036), (-1, -1), (-31, -2)] {
            assert_eq!(params.step_at(seconds), step);
        }
    }
}
