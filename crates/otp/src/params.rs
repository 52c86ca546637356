//! How codes are made: algorithm, number of digits, and what makes each of them another: time or a counter.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::code::{Code, hotp_with};

/// How codes are made from a key: 6 or 8 digits, steps of 30 or 60 seconds (TOTP) or steps that are counted (HOTP).
/// Nothing else can be constructed or deserialized.
///
/// Steps only grow, and each is good once. A step of TOTP is the number of periods since the epoch; one of HOTP is its
/// counter and 1, so that 0 always means that none was used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Params {
    algorithm: Algorithm,
    digits: u8,
    /// 0 where steps are counted.
    period: u16,
}

impl Params {
    /// SHA-1, six digits, thirty seconds: what every authenticator app knows.
    pub const COMMON: Self = Self { algorithm: Algorithm::Sha1, digits: 6, period: 30 };

    /// Parameters of TOTP: 6 or 8 `digits` and a `period` of 30 or 60 seconds.
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

    /// Parameters of HOTP: 6 or 8 `digits`, and steps that are counted.
    ///
    /// # Errors
    /// Names what is out of bounds.
    pub const fn counted(algorithm: Algorithm, digits: u8) -> Result<Self, InvalidParams> {
        match digits {
            6 | 8 => Ok(Self { algorithm, digits, period: 0 }),
            _ => Err(InvalidParams::Digits(digits)),
        }
    }

    /// Whether steps are counted (HOTP) rather than timed.
    pub const fn is_counted(self) -> bool {
        self.period == 0
    }

    /// The HMAC.
    pub const fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// Digits of a code.
    pub const fn digits(self) -> u8 {
        self.digits
    }

    /// Seconds of a step; 0 where steps are counted.
    pub const fn period(self) -> u16 {
        self.period
    }

    /// The step that a moment lies in (RFC 6238 §4.2, with T0 = 0); 0 where steps are counted.
    pub fn step_at(self, unix_seconds: i64) -> i64 {
        unix_seconds.checked_div_euclid(i64::from(self.period)).unwrap_or(0)
    }

    /// The code of a step. Where steps are counted that is the code of the counter before it (RFC 4226 §5.3).
    pub fn code(self, key: &[u8], step: i64) -> Code {
        hotp_with(&self.hmac_key(key), self.moving_factor(step), self.digits)
    }

    /// The newest step within `drift` steps of `around`, either way, whose code is `code`. For steps that are timed.
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

    /// The nearest of the `look_ahead` + 1 steps after `last_step` whose code is `code` (RFC 4226 §7.2 and §7.4, `s`); or
    /// `last_step` itself, if only that one's is, so that a code that is sent twice can be told from a guess.
    ///
    /// The nearest, since a device has most likely got no further, and a step taken too far ahead would leave it behind. What a
    /// code of six digits that comes again further on is worth to somebody who saw it is what any guess is worth.
    ///
    /// Every step of the window is computed and compared, whatever the outcome, so that the time taken tells nothing about it.
    pub fn next_step(self, key: &[u8], code: &Code, last_step: i64, look_ahead: u8) -> Option<i64> {
        let key = self.hmac_key(key);
        let (mut matched, mut nearest) = (Choice::from(0), 0_i64);
        let ahead = (1..=i64::from(look_ahead) + 1).rev();
        for offset in [0].into_iter().chain(ahead) {
            let step = last_step.saturating_add(offset);
            let hit = exists(step) & hotp_with(&key, self.moving_factor(step), self.digits).ct_eq(code);
            nearest.conditional_assign(&step, hit);
            matched |= hit;
        }
        bool::from(matched).then_some(nearest)
    }

    /// The first step of the nearest pair in a row, both after `last_step` and the first at most `window` after it, whose codes
    /// are `first` and `second` (RFC 4226 §7.4). A step that was used is in no pair: two codes that somebody saw bring nothing
    /// back (T-06).
    ///
    /// Every step of the window is computed and compared, as with [`next_step`](Self::next_step).
    pub fn resynchronized(self, key: &[u8], [first, second]: [&Code; 2], last_step: i64, window: u16) -> Option<i64> {
        let key = self.hmac_key(key);
        let (mut matched, mut nearest) = (Choice::from(0), 0_i64);
        let mut next_is_second = Choice::from(0);
        for offset in (1..=i64::from(window) + 1).rev() {
            let step = last_step.saturating_add(offset);
            let code = hotp_with(&key, self.moving_factor(step), self.digits);
            let hit = exists(step) & code.ct_eq(first) & next_is_second;
            nearest.conditional_assign(&step, hit);
            matched |= hit;
            next_is_second = code.ct_eq(second);
        }
        bool::from(matched).then_some(nearest)
    }

    /// What the HMAC is of (RFC 4226 §5.1).
    const fn moving_factor(self, step: i64) -> u64 {
        if self.is_counted() { step.saturating_sub(1).cast_unsigned() } else { step.cast_unsigned() }
    }

    fn hmac_key(self, key: &[u8]) -> hmac::Key {
        hmac::Key::new(self.algorithm.hmac(), key)
    }
}

/// Whether there is such a counted step, and one after it: the first is 1.
fn exists(step: i64) -> Choice {
    Choice::from(u8::from(0 < step && step < i64::MAX))
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
        match raw.period {
            0 => Self::counted(raw.algorithm, raw.digits),
            period => Self::new(raw.algorithm, raw.digits, period),
        }
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
    fn i02_of_a_counter_the_digits_are_all_there_is_to_choose() {
        for digits in 0..=u8::MAX {
            assert_eq!(Params::counted(Algorithm::Sha1, digits).is_ok(), matches!(digits, 6 | 8));
        }
        let counted = Params::counted(Algorithm::Sha1, 6).unwrap();
        assert!(counted.is_counted() && !Params::COMMON.is_counted());
        assert_eq!((counted.period(), counted.step_at(1_700_000_000)), (0, 0));
    }

    #[test]
    fn i02_codes_are_found_ahead_and_none_behind() {
        let params = Params::counted(Algorithm::Sha1, 6).unwrap();
        for last_step in [0, 1, 5] {
            for step in 1..30_i64 {
                let found = params.next_step(KEY, &params.code(KEY, step), last_step, 10);
                let wanted = step == last_step || (last_step < step && step <= last_step + 11);
                assert_eq!(found, wanted.then_some(step), "step {step} after {last_step}");
            }
        }
        // The code before the first step, of counter 2^64 - 1, is of no step.
        assert_eq!(params.next_step(KEY, &params.code(KEY, 0), 0, 10), None);
        assert_eq!(params.next_step(KEY, &params.code(KEY, 1), i64::MAX, 10), None);
        assert_eq!(params.next_step(KEY, &params.code(KEY, 1), i64::MIN, 10), None);
    }

    #[test]
    fn i02_where_steps_share_a_code_the_nearest_unused_one_counts() {
        // By search: the first two of eleven steps in a row with one code.
        let params = Params::counted(Algorithm::Sha1, 6).unwrap();
        let codes: Vec<_> = (1..200_000_i64).map(|step| params.code(KEY, step)).collect();
        let (first, later) = (0..codes.len() - 10)
            .find_map(|first| Some((first, (first + 1..first + 10).find(|later| codes[*later] == codes[first])?)))
            .unwrap();
        let step = |place: usize| i64::try_from(place).unwrap() + 1;
        assert_eq!(params.next_step(KEY, &codes[first], step(first) - 1, 10), Some(step(first)));
        // Once it was used, the later one is as good as any.
        assert_eq!(params.next_step(KEY, &codes[first], step(first), 10), Some(step(later)));
    }

    #[test]
    fn t06_two_codes_in_a_row_are_found_and_none_that_was_used() {
        let params = Params::counted(Algorithm::Sha1, 6).unwrap();
        let pair = |first, second| {
            let (first, second) = (params.code(KEY, first), params.code(KEY, second));
            move |last_step, window| params.resynchronized(KEY, [&first, &second], last_step, window)
        };
        assert_eq!(pair(1, 2)(0, 100), Some(1));
        assert_eq!(pair(100, 101)(0, 100), Some(100));
        assert_eq!(pair(101, 102)(0, 100), None, "outside of the window");
        assert_eq!(pair(41, 42)(40, 100), Some(41));
        assert_eq!(pair(40, 41)(40, 100), None, "the first one was used");
        assert_eq!(pair(39, 40)(40, 100), None, "both were used");
        assert_eq!(pair(50, 52)(40, 100), None, "not in a row");
        assert_eq!(pair(51, 50)(40, 100), None, "the wrong way round");
        assert_eq!(pair(50, 50)(40, 100), None, "one code twice");
        assert_eq!(pair(0, 1)(0, 100), None, "before the first step");
        assert_eq!(pair(0, 1)(-5, 100), None, "before the first step");
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
