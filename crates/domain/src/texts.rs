//! Texts for people, in one language or in several.

use std::collections::BTreeMap;

/// The languages that people are spoken to in, by their names (ISO 639). Where a text is not in the one that somebody reads, the first of these that it is in
/// stands in for it.
pub const LANGUAGES: [&str; 5] = ["en", "de", "es", "fr", "zh"];

/// A text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Texts {
    /// One for everybody, in a language that nobody said.
    One(String),
    /// One for each of these languages, by its name.
    Each(BTreeMap<String, String>),
}

impl Texts {
    /// The text for somebody who reads these languages, what they like best first, with its language where it is known.
    pub fn read_in<'a>(&'a self, languages: &[&str]) -> (Option<&'a str>, &'a str) {
        match self {
            Self::One(text) => (None, text),
            Self::Each(texts) => {
                let mut wanted = languages.iter().chain(&LANGUAGES);
                let found = wanted.find_map(|language| texts.get_key_value(*language)).or_else(|| texts.iter().next());
                found.map_or((None, ""), |(language, text)| (Some(language), text))
            }
        }
    }

    /// Whether it is this one text for everybody.
    pub fn is(&self, text: &str) -> bool {
        matches!(self, Self::One(one) if one == text)
    }
}

impl From<&str> for Texts {
    fn from(text: &str) -> Self {
        Self::One(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(texts: &[(&str, &str)]) -> Texts {
        Texts::Each(texts.iter().map(|(language, text)| ((*language).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn a_text_is_read_in_the_language_that_is_liked_best() {
        let texts = each(&[("de", "Halt"), ("fr", "Stop"), ("zh", "停")]);
        assert_eq!(texts.read_in(&["fr", "de"]), (Some("fr"), "Stop"));
        assert_eq!(texts.read_in(&["en", "zh"]), (Some("zh"), "停"));
        assert_eq!(texts.read_in(&["en", "es"]), (Some("de"), "Halt"), "the first of ours");
        assert_eq!(texts.read_in(&[]), (Some("de"), "Halt"));
        assert_eq!(each(&[]).read_in(&["en"]), (None, ""));
    }

    #[test]
    fn one_text_is_for_everybody() {
        assert_eq!(Texts::from("Stop").read_in(&["de"]), (None, "Stop"));
    }
}
