//! What people read: short texts with a code in them, in their language, by templates that an operator may replace.
//!
//! A template is tried with awkward values when the program starts, so that none fails, hides its code or lets a name
//! become markup on the day when it is needed.

mod language;
mod template;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use crate::Secret;

pub use language::Language;
pub use template::InvalidTemplate;
pub(crate) use template::{Escape, Template};

/// The longest text that goes out as SMS: this many messages are paid for.
const MOST_SMS_PARTS: usize = 4;

/// The parts that messages are made of, each a template of its own in each language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The text of an SMS, without the line that browsers read.
    Sms,
    /// The subject of a mail.
    MailSubject,
    /// A mail as plain text.
    MailText,
    /// A mail as HTML.
    MailHtml,
}

/// What a code message says.
#[derive(Debug, Clone)]
pub struct CodeWords<'a> {
    /// The code.
    pub code: &'a Secret,
    /// Who asks for it, as people know it.
    pub application: &'a str,
    /// Minutes for which it is good.
    pub minutes: u64,
    /// The host of the page that it is typed into: a browser offers the code there and nowhere else.
    pub host: Option<&'a str>,
}

/// The text of an SMS. Does not print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsText(Secret);

/// A mail. Does not print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailText {
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: Secret,
    /// As HTML.
    pub html: Secret,
    /// What it is written in.
    pub language: Language,
}

impl MailText {
    /// A mail that says something in plain words.
    pub fn plain(subject: &str, text: &str, language: Language) -> Self {
        let mut html = String::with_capacity(text.len() + 64);
        html.push_str("<!doctype html><meta charset=\"utf-8\"><p style=\"white-space: pre-wrap\">");
        for c in text.chars() {
            match c {
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '&' => html.push_str("&amp;"),
                c => html.push(c),
            }
        }
        html.push_str("</p>");
        Self {
            // Whatever is in it: a subject is one line.
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            text: Secret::new(text),
            html: Secret::new(html),
            language,
        }
    }
}

/// All templates.
pub struct Messages {
    templates: BTreeMap<(Part, Language), Template>,
}

impl Part {
    const ALL: [Self; 4] = [Self::Sms, Self::MailSubject, Self::MailText, Self::MailHtml];

    /// The part and language that a file is for, by its name: `sms.de.txt`, `mail.de.subject.txt`, `mail.de.txt`,
    /// `mail.de.html`.
    pub fn of_file(name: &str) -> Option<(Self, Language)> {
        let candidates = Self::ALL.into_iter().flat_map(|part| Language::ALL.map(|language| (part, language)));
        candidates.into_iter().find(|(part, language)| part.file(*language) == name)
    }

    /// The name of its file.
    pub fn file(self, language: Language) -> String {
        let language = language.name();
        match self {
            Self::Sms => format!("sms.{language}.txt"),
            Self::MailSubject => format!("mail.{language}.subject.txt"),
            Self::MailText => format!("mail.{language}.txt"),
            Self::MailHtml => format!("mail.{language}.html"),
        }
    }
}

impl SmsText {
    /// A text as it stands.
    pub fn new(text: impl Into<Secret>) -> Self {
        Self(text.into())
    }

    /// The text, for where it has to go.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// How many messages the networks make of it (3GPP TS 23.038 §4 and §6, TS 23.040 §9.2.3.24.1).
    pub fn parts(&self) -> usize {
        let text = self.expose();
        match text.chars().map(septets).sum::<Option<usize>>() {
            Some(septets) => pieces(septets, 160, 153),
            None => pieces(text.encode_utf16().count(), 70, 67),
        }
    }

    /// Whether it has characters that only UCS-2 has.
    pub(crate) fn is_unicode(&self) -> bool {
        self.expose().chars().any(|c| septets(c).is_none())
    }
}

fn pieces(length: usize, alone: usize, each: usize) -> usize {
    if length <= alone { 1 } else { length.div_ceil(each) }
}

/// How many septets a character takes in the default alphabet; `None` if it is not in there.
fn septets(c: char) -> Option<usize> {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENDED: &str = "\u{c}^{}\\[~]|€";
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENDED.contains(c) {
        Some(2)
    } else {
        None
    }
}

impl Messages {
    /// The templates that ship, with those of an operator in their places.
    ///
    /// # Errors
    ///
    /// [`InvalidTemplate`] with the name of the template that cannot be used, and why.
    pub fn new(replaced: impl IntoIterator<Item = (Part, Language, String)>) -> Result<Self, InvalidTemplate> {
        let mut sources: BTreeMap<(Part, Language), String> = BTreeMap::new();
        for language in Language::ALL {
            for (part, source) in Part::ALL.into_iter().zip(words::of(language)) {
                sources.insert((part, language), source.trim_end().to_owned());
            }
        }
        for (part, language, source) in replaced {
            sources.insert((part, language), source.trim_end().to_owned());
        }
        let mut templates = BTreeMap::new();
        for ((part, language), source) in sources {
            let escape = if part == Part::MailHtml { Escape::Html } else { Escape::None };
            templates.insert((part, language), Template::new(part.file(language), source, escape)?);
        }
        let messages = Self { templates };
        messages.try_all()?;
        Ok(messages)
    }

    /// The SMS with a code. Its last line is what browsers read (<https://wicg.github.io/sms-one-time-codes/>).
    ///
    /// # Errors
    ///
    /// [`InvalidTemplate`], which what was tried at the start should not give.
    pub fn sms(&self, language: Language, words: &CodeWords<'_>) -> Result<SmsText, InvalidTemplate> {
        let text = self.render(Part::Sms, language, words)?;
        let code = words.code.expose();
        let text = match words.host {
            Some(host) => Secret::new(format!("{}\n\n@{host} #{code}", text.expose())),
            None => text,
        };
        Ok(SmsText(text))
    }

    /// The mail with a code.
    ///
    /// # Errors
    ///
    /// As [`Self::sms`].
    pub fn mail(&self, language: Language, words: &CodeWords<'_>) -> Result<MailText, InvalidTemplate> {
        let subject = self.render(Part::MailSubject, language, words)?;
        Ok(MailText {
            // Whatever an application is called: a subject is one line.
            subject: subject.expose().split_whitespace().collect::<Vec<_>>().join(" "),
            text: self.render(Part::MailText, language, words)?,
            html: self.render(Part::MailHtml, language, words)?,
            language,
        })
    }

    fn render(&self, part: Part, language: Language, words: &CodeWords<'_>) -> Result<Secret, InvalidTemplate> {
        let Some(template) = self.templates.get(&(part, language)) else {
            return Err(InvalidTemplate::new(part.file(language), "is missing"));
        };
        template.render(&minijinja::context! {
            code => words.code.expose(),
            application => words.application,
            minutes => words.minutes,
        })
    }

    /// Tries every template with values that are hard to get right.
    fn try_all(&self) -> Result<(), InvalidTemplate> {
        const CODE: &str = "804319";
        let code = Secret::new(CODE);
        for application in ["Example", "<script>A&\"B'{{ code }}</script>", "例の銀行"] {
            let words = CodeWords { code: &code, application, minutes: 5, host: Some("login.example.org") };
            for (part, language) in self.templates.keys() {
                let rendered = self.render(*part, *language, &words)?;
                if let Some(why) = objection(*part, rendered.expose(), CODE) {
                    return Err(InvalidTemplate::new(part.file(*language), why));
                }
            }
        }
        Ok(())
    }
}

/// What speaks against a text that was made for a try.
fn objection(part: Part, text: &str, code: &str) -> Option<&'static str> {
    match part {
        Part::MailSubject if text.contains(code) => Some("shows the code: a subject is read over people's shoulders"),
        Part::MailSubject if text.trim().is_empty() => Some("is empty"),
        Part::MailSubject => None,
        _ if !text.contains(code) => Some("does not show the code"),
        Part::Sms if text.lines().any(|line| line.trim_start().starts_with('@')) => {
            Some("has a line that begins with @: that is how browsers find the code, and is added by itself")
        }
        Part::Sms if SmsText::new(text).parts() > MOST_SMS_PARTS => Some("is longer than four messages"),
        Part::MailHtml if text.contains("<script") => Some("lets the name of an application become markup"),
        _ => None,
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.templates.keys().map(|(part, language)| part.file(*language))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'a>(code: &'a Secret, application: &'a str) -> CodeWords<'a> {
        CodeWords { code, application, minutes: 5, host: Some("login.example.org") }
    }

    #[test]
    fn an_sms_ends_with_the_line_that_browsers_read() {
        let messages = Messages::new([]).unwrap();
        let code = Secret::new("012345");
        for language in Language::ALL {
            let sms = messages.sms(language, &words(&code, "Example")).unwrap();
            assert_eq!(sms.expose().lines().last(), Some("@login.example.org #012345"), "{language:?}");
            assert!(sms.expose().lines().next().unwrap().contains("012345"));
        }
        let bare = CodeWords { host: None, ..words(&code, "Example") };
        assert!(!messages.sms(Language::En, &bare).unwrap().expose().contains('@'));
    }

    #[test]
    fn what_ships_is_one_message_in_latin_letters_and_two_at_most_in_others() {
        let messages = Messages::new([]).unwrap();
        let code = Secret::new("012345");
        for language in Language::ALL {
            let sms = messages.sms(language, &words(&code, "Example Bank")).unwrap();
            let most = if language == Language::Zh { 2 } else { 1 };
            assert!(sms.parts() <= most, "{language:?}: {} parts: {}", sms.parts(), sms.expose());
            assert_eq!(sms.is_unicode(), language == Language::Zh, "{}", sms.expose());
        }
    }

    #[test]
    fn the_name_of_an_application_is_no_markup_and_no_template() {
        let messages = Messages::new([]).unwrap();
        let code = Secret::new("012345");
        let mail = messages.mail(Language::En, &words(&code, "<b>A</b>\r\nBcc: x@y {{ code }}")).unwrap();
        assert!(!mail.html.expose().contains("<b>A"), "{}", mail.html.expose());
        assert!(!mail.subject.contains(['\r', '\n']));
        assert!(mail.subject.contains("{{ code }}"), "{}", mail.subject);
    }

    #[test]
    fn the_code_is_in_no_subject_and_prints_nowhere() {
        let messages = Messages::new([]).unwrap();
        let code = Secret::new("012345");
        for language in Language::ALL {
            let mail = messages.mail(language, &words(&code, "Example")).unwrap();
            assert!(!format!("{mail:?}").contains("012345"));
            assert!(mail.text.expose().contains("012345") && mail.html.expose().contains("012345"));
            let sms = messages.sms(language, &words(&code, "Example")).unwrap();
            assert!(!format!("{sms:?} {:?}", words(&code, "Example")).contains("012345"));
        }
    }

    #[test]
    fn plain_words_become_no_markup_and_a_subject_is_one_line() {
        let mail = MailText::plain("Your\r\nBcc: x@y", "1 < 2 & <script>\nnext", Language::En);
        assert_eq!(mail.subject, "Your Bcc: x@y");
        assert_eq!(mail.text.expose(), "1 < 2 & <script>\nnext");
        assert!(mail.html.expose().contains("1 &lt; 2 &amp; &lt;script&gt;\nnext"), "{}", mail.html.expose());
    }

    #[test]
    fn a_template_of_the_operators_takes_the_place_of_ours() {
        let own = (Part::Sms, Language::De, "Ihr {{ application }}-Code: {{ code }}\n".to_owned());
        let messages = Messages::new([own]).unwrap();
        let code = Secret::new("012345");
        let sms = messages.sms(Language::De, &words(&code, "Example")).unwrap();
        assert_eq!(sms.expose(), "Ihr Example-Code: 012345\n\n@login.example.org #012345");
        assert!(messages.sms(Language::En, &words(&code, "Example")).unwrap().expose().contains("Example"));
    }

    #[test]
    fn a_template_that_would_fail_one_day_fails_at_the_start() {
        let wrong = [
            (Part::Sms, "{{ code"),
            (Part::Sms, "{{ cod }}"),
            (Part::Sms, "your code"),
            (Part::Sms, "{{ code }}\n@evil.example #{{ code }}"),
            (Part::Sms, "{{ code }}{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}"),
            (Part::Sms, "{{ code }} {% include 'x' %}"),
            (Part::MailSubject, "{{ code }} is your code"),
            (Part::MailSubject, ""),
            (Part::MailHtml, "<p>{{ code }} {{ application | safe }}</p>"),
            (Part::MailText, "{{ code }} {{ application.name.x }}"),
        ];
        for (part, source) in wrong {
            let refused = Messages::new([(part, Language::Fr, source.to_owned())]).unwrap_err();
            assert_eq!(refused.template, part.file(Language::Fr), "{source}");
        }
        let long = format!("{{{{ code }}}} {}", "x".repeat(700));
        assert!(Messages::new([(Part::Sms, Language::En, long)]).is_err());
    }

    #[test]
    fn a_file_is_known_by_its_name() {
        assert_eq!(Part::of_file("mail.de.subject.txt"), Some((Part::MailSubject, Language::De)));
        assert_eq!(Part::of_file("sms.zh.txt"), Some((Part::Sms, Language::Zh)));
        assert_eq!(Part::of_file("sms.it.txt"), None);
        assert_eq!(Part::of_file("../sms.de.txt"), None);
    }

    #[test]
    fn messages_are_counted_as_networks_do() {
        let parts = |text: &str| SmsText::new(text).parts();
        assert_eq!(parts(&"a".repeat(160)), 1);
        assert_eq!(parts(&"a".repeat(161)), 2);
        assert_eq!(parts(&"€".repeat(80)), 1);
        assert_eq!(parts(&"€".repeat(81)), 2);
        assert_eq!(parts(&"你".repeat(70)), 1);
        assert_eq!(parts(&"你".repeat(71)), 2);
        assert_eq!(parts(&"😀".repeat(36)), 2);
    }
}
