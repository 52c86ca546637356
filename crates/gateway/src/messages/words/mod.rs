//! The words that ship, in each language: SMS, subject, mail as text, mail as HTML.

use super::Language;

macro_rules! of_language {
    ($name:literal) => {
        [
            include_str!(concat!("sms.", $name, ".txt")),
            include_str!(concat!("mail.", $name, ".subject.txt")),
            include_str!(concat!("mail.", $name, ".txt")),
            include_str!(concat!("mail.", $name, ".html")),
        ]
    };
}

/// The four templates of a language, in the order of [`super::Part::ALL`].
pub(super) fn of(language: Language) -> [&'static str; 4] {
    match language {
        Language::En => of_language!("en"),
        Language::De => of_language!("de"),
        Language::Es => of_language!("es"),
        Language::Fr => of_language!("fr"),
        Language::Zh => of_language!("zh"),
    }
}
