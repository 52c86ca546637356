//! Telephone numbers: read once, in the one form that has no second spelling (E.164), and refused where a message would
//! cost more than a message (T-24).

use std::collections::BTreeSet;
use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, enums::Region};

/// Characters that a number may be typed with.
const LONGEST: usize = 40;

/// A number that messages can be sent to. Shows all but its last four digits as dots.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number {
    e164: String,
    calling_code: u16,
    country: Option<Country>,
}

/// A country or territory by its two letters (ISO 3166-1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

/// Which countries messages go to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Countries(BTreeSet<Country>);

/// Why a number is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumber {
    /// Without the code of a country, and there is none that numbers are of if nothing else is said.
    #[error("a number begins with + and the code of its country")]
    WithoutCountry,
    /// It is none.
    #[error("this is no telephone number")]
    NoNumber,
    /// It has too many digits, too few, or is of a range that was never given out.
    #[error("there is no such number in that country")]
    NotGivenOut,
    /// It is a number, but not one that a message would reach, or only for a price.
    #[error("messages cannot be sent to {0}")]
    Kind(&'static str),
    /// The operator does not send there.
    #[error("messages are not sent to that country")]
    Country,
}

impl Number {
    /// Reads a number as a person typed it. Without the code of a country it is one of `home`.
    ///
    /// # Errors
    ///
    /// [`InvalidNumber`], which says nothing of the digits.
    pub fn parse(typed: &str, home: Option<Country>) -> Result<Self, InvalidNumber> {
        // Letters would be read as the digits on their keys, and "ext" as an extension.
        let is_digits = typed.chars().all(|c| c.is_numeric() || c.is_whitespace() || "+＋-‐‑–().·/\u{a0}".contains(c));
        if typed.chars().count() > LONGEST || !is_digits {
            return Err(InvalidNumber::NoNumber);
        }
        let typed = typed.trim();
        if home.is_none() && !typed.starts_with(['+', '＋']) {
            return Err(InvalidNumber::WithoutCountry);
        }
        let home = home.and_then(|country| Region::try_from(country.name()).ok());
        let number = PHONE_NUMBER_UTIL.parse(typed, home).map_err(|_| InvalidNumber::NoNumber)?;
        if !number.is_valid() {
            return Err(InvalidNumber::NotGivenOut);
        }
        refuse_costly(number.get_type())?;
        let country = number.get_region_code().and_then(|region| Country::parse(region.as_region_str().as_str()).ok());
        let calling_code = u16::try_from(number.country_code).map_err(|_| InvalidNumber::NoNumber)?;
        Ok(Self { e164: number.format_as(PhoneNumberFormat::E164).into_owned(), calling_code, country })
    }

    /// The number as E.164 has it: `+` and up to 15 digits.
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// The digits without the plus.
    pub fn digits(&self) -> &str {
        self.e164.trim_start_matches('+')
    }

    /// Its country; `None` for numbers of no country.
    pub fn country(&self) -> Option<Country> {
        self.country
    }

    /// The code of its country and the next `digits` digits: the range that it was bought in, as far as that can be told.
    pub fn prefix(&self, digits: usize) -> &str {
        let code = if self.calling_code < 10 {
            1
        } else if self.calling_code < 100 {
            2
        } else {
            3
        };
        let digits = 1 + code + digits;
        self.e164.get(..digits).unwrap_or(&self.e164)
    }

    /// For people who know it anyway: `••• 4567`.
    pub fn masked(&self) -> String {
        let from = self.e164.len().saturating_sub(4);
        format!("••• {}", self.e164.get(from..).unwrap_or_default())
    }
}

/// Premium and shared-cost numbers are what toll fraud earns with; the others take no messages.
fn refuse_costly(kind: PhoneNumberType) -> Result<(), InvalidNumber> {
    match kind {
        PhoneNumberType::Mobile
        | PhoneNumberType::FixedLineOrMobile
        // Many a number that takes messages is listed as one of these.
        | PhoneNumberType::FixedLine
        | PhoneNumberType::VoIP
        | PhoneNumberType::PersonalNumber => Ok(()),
        PhoneNumberType::PremiumRate => Err(InvalidNumber::Kind("premium-rate numbers")),
        PhoneNumberType::SharedCost => Err(InvalidNumber::Kind("shared-cost numbers")),
        PhoneNumberType::TollFree => Err(InvalidNumber::Kind("toll-free numbers")),
        PhoneNumberType::Pager => Err(InvalidNumber::Kind("pagers")),
        PhoneNumberType::UAN => Err(InvalidNumber::Kind("company numbers")),
        PhoneNumberType::VoiceMail => Err(InvalidNumber::Kind("voice mail")),
        PhoneNumberType::Unknown => Err(InvalidNumber::Kind("numbers of that kind")),
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// A text that names no country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no country: two capital letters are wanted, as in DE")]
pub struct InvalidCountry(String);

impl Country {
    /// From two letters.
    ///
    /// # Errors
    ///
    /// [`InvalidCountry`] if no numbers are known of such a country.
    pub fn parse(name: &str) -> Result<Self, InvalidCountry> {
        let wrong = || InvalidCountry(name.to_owned());
        let &[a, b] = name.as_bytes() else { return Err(wrong()) };
        let country = Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]);
        let region = Region::try_from(country.name()).map_err(|_| wrong())?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(region).map(|_| country).ok_or_else(wrong)
    }

    /// The two letters.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Countries {
    /// Those of the list.
    ///
    /// # Errors
    ///
    /// [`InvalidCountry`] with the first that is none.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidCountry> {
        names.into_iter().map(Country::parse).collect::<Result<_, _>>().map(Self)
    }

    /// The number, if messages go to its country. One of no country (a satellite, say) is of none of the list.
    ///
    /// # Errors
    ///
    /// [`InvalidNumber::Country`].
    pub fn admit(&self, number: Number) -> Result<Number, InvalidNumber> {
        match number.country {
            Some(country) if self.0.contains(&country) => Ok(number),
            _ => Err(InvalidNumber::Country),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether messages go nowhere.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(typed: &str) -> Result<String, InvalidNumber> {
        Number::parse(typed, None).map(|number| number.e164)
    }

    fn at_home(typed: &str, home: &str) -> Result<String, InvalidNumber> {
        Number::parse(typed, Some(Country::parse(home).unwrap())).map(|number| number.e164)
    }

    #[test]
    fn t07_every_spelling_of_a_number_is_the_same_number() {
        for typed in [
            "+4915123456789",
            "+49 151 23456789",
            "+49 (0)151 23456789",
            "+49-151-2345-6789",
            "+49.151.23456789",
            " +49 151 2345 6789 ",
            "＋４９１５１２３４５６７８９",
            "+٤٩١٥١٢٣٤٥٦٧٨٩",
        ] {
            assert_eq!(parse(typed).as_deref(), Ok("+4915123456789"), "{typed}");
        }
        assert_eq!(at_home("0151 23456789", "DE").as_deref(), Ok("+4915123456789"));
        assert_eq!(at_home("0049 151 23456789", "DE").as_deref(), Ok("+4915123456789"));
        assert_eq!(at_home("+1 202 456 1111", "DE").as_deref(), Ok("+12024561111"));
    }

    #[test]
    fn t24_what_costs_more_than_a_message_is_refused() {
        for (typed, home) in [("0900 1234567", "DE"), ("0906 1234567", "GB"), ("+1 900 234 5678", "US")] {
            assert!(matches!(at_home(typed, home), Err(InvalidNumber::Kind(_))), "{typed}: {:?}", at_home(typed, home));
        }
        assert_eq!(at_home("0800 1234567", "DE"), Err(InvalidNumber::Kind("toll-free numbers")));
    }

    #[test]
    fn t24_short_numbers_are_none() {
        for (typed, home) in [("110", "DE"), ("911", "US"), ("86753", "US"), ("+49110", "DE"), ("22100", "DE")] {
            assert!(at_home(typed, home).is_err(), "{typed} was taken");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for typed in [
            "",
            "+",
            "+49",
            "+999123456789",
            "+491512345678901234567",
            "+1 800 FLOWERS",
            "+4915123456789 ext 5",
            "+4915123456789;phone-context=x",
            "tel:+4915123456789",
            "+49151\u{0}23456789",
            "+4915123456789,+4915123456780",
            "ana@example.org",
        ] {
            assert!(parse(typed).is_err(), "{typed:?} was taken as {:?}", parse(typed));
        }
        assert_eq!(parse("0151 23456789"), Err(InvalidNumber::WithoutCountry));
    }

    #[test]
    fn t24_messages_go_to_the_countries_of_the_list_alone() {
        let countries = Countries::parse(["DE", "us"]).unwrap();
        let admit = |typed| countries.admit(Number::parse(typed, None).unwrap()).map(|number| number.e164);
        assert!(admit("+49 151 23456789").is_ok());
        assert!(admit("+1 202 456 1111").is_ok());
        // Of the same calling code, and another country.
        assert_eq!(admit("+1 416 555 0123").map(|_| ()), Err(InvalidNumber::Country));
        assert_eq!(admit("+1 876 555 0123").map(|_| ()), Err(InvalidNumber::Country));
        assert_eq!(admit("+44 7400 123456").map(|_| ()), Err(InvalidNumber::Country));
        // A satellite is in no country.
        assert_eq!(admit("+881 6 123 45678").map(|_| ()), Err(InvalidNumber::Country));
    }

    #[test]
    fn a_country_has_two_letters_and_numbers() {
        for name in ["D", "DEU", "XX", "", "49", "ZZ", "ä"] {
            assert!(Countries::parse([name]).is_err(), "{name}");
        }
    }

    #[test]
    fn a_prefix_is_the_country_and_so_many_digits() {
        let number = |typed| Number::parse(typed, None).unwrap();
        assert_eq!(number("+49 151 23456789").prefix(3), "+49151");
        assert_eq!(number("+1 202 456 1111").prefix(3), "+1202");
        assert_eq!(number("+372 5123 4567").prefix(3), "+372512");
    }

    #[test]
    fn a_number_does_not_print() {
        let number = Number::parse("+49 151 23456789", None).unwrap();
        assert_eq!(format!("{number:?}"), "••• 6789");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_a_number_or_none(typed in "\\PC{0,50}", home in prop::option::of("[A-Z]{2}")) {
            let home = home.and_then(|home| Country::parse(&home).ok());
            if let Ok(number) = Number::parse(&typed, home) {
                let again = Number::parse(number.e164(), None).unwrap();
                prop_assert_eq!(again, number);
            }
        }

        #[test]
        fn digits_are_a_number_or_none(typed in "[+＋]?[-0-9 ().٠-٩]{0,30}", home in prop::option::of("[A-Z]{2}")) {
            let home = home.and_then(|home| Country::parse(&home).ok());
            if let Ok(number) = Number::parse(&typed, home) {
                prop_assert!(number.digits().len() <= 15);
                prop_assert_eq!(&Number::parse(number.e164(), None).unwrap(), &number);
            }
        }
    }
}
