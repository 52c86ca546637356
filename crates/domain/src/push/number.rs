//! The number that a person reads from one screen and types on the other: it ties the approval to who sits before the screen that
//! asked (T-15).

use serde::{Deserialize, Serialize};

use crate::Entropy;

/// How many digits such a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Digits(u8);

impl Digits {
    /// Unless configured otherwise. One try each, so who types at random is right once in a hundred prompts.
    pub const DEFAULT: Self = Self(2);
    /// The fewest.
    pub const FEWEST: u8 = 2;
    /// The most.
    pub const MOST: u8 = 6;

    /// `None` for fewer than [`Digits::FEWEST`] or more than [`Digits::MOST`].
    pub fn new(digits: u8) -> Option<Self> {
        (Self::FEWEST..=Self::MOST).contains(&digits).then_some(Self(digits))
    }

    /// How many.
    pub const fn count(self) -> u8 {
        self.0
    }
}

/// Such a number: ASCII digits, of which the first may be 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Number(String);

/// A text that is no such number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number to type has 2 to 6 digits")]
pub struct InvalidNumber;

impl Number {
    /// A random one; each is as likely as any other.
    pub fn generate(digits: Digits, entropy: &dyn Entropy) -> Self {
        let mut text = String::with_capacity(usize::from(digits.0));
        let mut byte = [0];
        while text.len() < usize::from(digits.0) {
            entropy.fill(&mut byte);
            // 250 is the largest multiple of ten in a byte: above it, some digits would come up more often.
            let [drawn] = byte;
            if drawn < 250 {
                text.push(char::from(b'0' + drawn % 10));
            }
        }
        Self(text)
    }

    /// Reads one.
    ///
    /// # Errors
    /// For anything but 2 to 6 ASCII digits.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let fits = (usize::from(Digits::FEWEST)..=usize::from(Digits::MOST)).contains(&text.len());
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        (fits && digits).then(|| Self(text.to_owned())).ok_or(InvalidNumber)
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many it has.
    pub fn digits(&self) -> usize {
        self.0.len()
    }

    /// Whether this was typed. Nothing but the same digits is the same number.
    pub fn is(&self, typed: &str) -> bool {
        self.0 == typed
    }
}

impl TryFrom<String> for Number {
    type Error = InvalidNumber;

    fn try_from(text: String) -> Result<Self, InvalidNumber> {
        Self::parse(&text)
    }
}

impl From<Number> for String {
    fn from(number: Number) -> Self {
        number.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::Counting;

    #[test]
    fn i04_there_are_two_to_six_digits() {
        for digits in 0..=u8::MAX {
            assert_eq!(Digits::new(digits).is_some(), (2..=6).contains(&digits));
        }
        for digits in 2..=6 {
            let number = Number::generate(Digits::new(digits).unwrap(), &Counting::default());
            assert_eq!(number.digits(), usize::from(digits));
            assert_eq!(Number::parse(number.as_str()), Ok(number));
        }
    }

    #[test]
    fn every_number_is_as_likely_as_any_other() {
        let entropy = Counting::default();
        let mut times = [0; 10];
        for _ in 0..125 {
            for digit in Number::generate(Digits::DEFAULT, &entropy).as_str().bytes() {
                times[usize::from(digit - b'0')] += 1;
            }
        }
        // Every byte once: those above 249 are thrown away, and of the rest each digit has 25.
        assert_eq!(times, [25; 10]);
    }

    #[test]
    fn t15_only_the_same_digits_are_the_number() {
        let number = Number::parse("07").unwrap();
        assert!(number.is("07"));
        for typed in ["7", "70", "007", "07 ", " 07", "+7", "０７", ""] {
            assert!(!number.is(typed), "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_stood_there(text in "\\PC{0,8}") {
            let number = Number::parse(&text);
            prop_assert_eq!(number.is_ok(), (2..=6).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit()));
            if let Ok(number) = number { prop_assert_eq!(number.as_str(), text); }
        }
    }
}
