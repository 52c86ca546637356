//! The name by which an application knows a user.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::UserId;

/// An application's own id for a user: an account number, a login name, an e-mail address.
///
/// Kept as it was given and compared by [`ExternalId::key`], so that `Ann@example.org ` and
/// `ann@example.org` are one user with one failure budget (T-07).
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalId {
    given: String,
    key: String,
}

/// Why a text cannot be an external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExternalId {
    /// Nothing is left once white space is taken away.
    #[error("an external id must not be empty")]
    Empty,
    /// Longer than [`ExternalId::MAX_BYTES`].
    #[error("an external id has at most 256 bytes of UTF-8")]
    TooLong,
    /// Has control characters or characters that nobody can see.
    #[error("an external id has no control characters and no invisible ones")]
    Invisible,
}

impl ExternalId {
    /// The most bytes of UTF-8 that an external id may have, as given and as compared.
    pub const MAX_BYTES: usize = 256;

    /// Checks `given` and derives what it is compared by: Unicode NFKC, lower case, trimmed.
    ///
    /// # Errors
    /// [`InvalidExternalId`] says what is wrong with it.
    pub fn parse(given: &str) -> Result<Self, InvalidExternalId> {
        if given.len() > Self::MAX_BYTES {
            return Err(InvalidExternalId::TooLong);
        }
        if given.chars().any(invisible) {
            return Err(InvalidExternalId::Invisible);
        }
        // Lower-casing can leave what NFKC would compose again, so the folding is repeated until it stands still.
        let mut key = fold(given);
        for _ in 0..3 {
            key = fold(&key);
        }
        match key.len() {
            0 => Err(InvalidExternalId::Empty),
            length if length > Self::MAX_BYTES => Err(InvalidExternalId::TooLong),
            _ => Ok(Self { given: given.trim().to_owned(), key }),
        }
    }

    /// As the application wrote it, without white space around it.
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// Whether it reads as an id of a user of ours: nobody is to be called so who is not that user.
    pub fn is_like_an_id(&self) -> bool {
        self.key.parse::<UserId>().is_ok()
    }

    /// What it is compared and found by.
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn fold(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Control characters, and format characters (Unicode category Cf) that change nothing that can be seen.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalId({:?})", self.given)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(given: &str) -> Option<String> {
        ExternalId::parse(given).ok().map(|id| id.key)
    }

    #[test]
    fn t07_variants_of_one_name_share_one_key() {
        let want = key("ann@example.org");
        for variant in [
            "ANN@example.org",
            " ann@example.org ",
            "Ann@Example.ORG",
            "ａｎｎ@example.org",
            "\u{212a}".replace('\u{212a}', "ann@example.org").as_str(),
        ] {
            assert_eq!(key(variant), want, "{variant}");
        }
        assert_eq!(key("\u{212a}elvin"), key("kelvin"), "the Kelvin sign is a k");
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for bad in ["", "   ", "ann\u{200b}", "ann\0", "a\nb", "\u{feff}ann"] {
            assert!(ExternalId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(ExternalId::parse(&"x".repeat(257)), Err(InvalidExternalId::TooLong));
    }

    #[test]
    fn t31_what_reads_as_an_id_of_ours_is_known_however_it_is_written() {
        let like = |given: &str| ExternalId::parse(given).unwrap().is_like_an_id();
        for id in ["usr_0197a3c05b7c7d3e8f6a1b2c3d4e5f60", " USR_0197A3C05B7C7D3E8F6A1B2C3D4E5F60 "] {
            assert!(like(id), "{id:?}");
        }
        for other in ["usr_1", "ann", "ses_0197a3c05b7c7d3e8f6a1b2c3d4e5f60", "0197a3c05b7c7d3e8f6a1b2c3d4e5f60"] {
            assert!(!like(other), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn t07_the_key_of_a_key_is_itself(text in "\\PC{1,60}") {
            if let Ok(id) = ExternalId::parse(&text) {
                prop_assert_eq!(key(id.key()), Some(id.key().to_owned()));
            }
        }
    }
}
