//! Texts for people in a column: one as it is, and those in several languages as JSON behind a character that no text begins with.

use domain::Texts;

/// The record separator, as it stands before JSON in JSON text sequences (RFC 7464).
const EACH: char = '\u{1e}';

pub(crate) fn written(texts: &Texts) -> String {
    match texts {
        Texts::One(text) => text.trim_start_matches(EACH).to_owned(),
        Texts::Each(texts) => format!("{EACH}{}", serde_json::json!(texts)),
    }
}

pub(crate) fn read(text: String) -> Texts {
    let each = text.strip_prefix(EACH).and_then(|json| serde_json::from_str(json).ok());
    each.map_or(Texts::One(text), Texts::Each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let each =
            [("de", "Halt \u{1e}\"{"), ("zh", "停")].map(|(language, text)| (language.to_owned(), text.to_owned()));
        for texts in [Texts::from(""), Texts::from("{\"de\": \"Halt\"}"), Texts::Each(each.into())] {
            assert_eq!(read(written(&texts)), texts);
        }
    }

    /// A text may have come from outside, by an input of a run.
    #[test]
    fn t13_one_text_is_never_taken_for_several() {
        let text = "\u{1e}\u{1e}{\"de\":\"Halt\"}";
        assert_eq!(read(written(&Texts::from(text))), Texts::from("{\"de\":\"Halt\"}"));
    }
}
