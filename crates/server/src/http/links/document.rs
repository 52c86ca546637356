//! What a page of a link looks like: one answer, without a script, that fetches nothing.

use aws_lc_rs::digest;
use axum::response::{Html, IntoResponse, Response};
use data_encoding::BASE64;
use domain::Timestamp;
use gateway::messages::Language;
use http::{HeaderName, HeaderValue, StatusCode, header};
use zeroize::Zeroizing;

use super::colour;
use super::words::{TIME, Words};
use crate::Brand;
use crate::app::pages::Token;

/// What all pages for people have in common, and what these have beside it.
const STYLE: &str = concat!(include_str!("../../../../../web/src/looks/base.css"), include_str!("style.css"));
/// The name of what stands in the form.
pub(super) const PRESS: &str = "press";
/// What pages call themselves where the operator says nothing.
const NAME: &str = "Countersign";

const MARK: &str = "<svg class=\"icon brand-mark\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><rect class=\"icon-ground\" width=\"24\" height=\"24\" rx=\"6\"/><path d=\"M7.5 12.5l3 3 6-7\"/></svg>";
const LOCK: &str = "<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z\"/></svg>";

/// What a page says.
pub(super) struct Said {
    pub(super) status: StatusCode,
    /// That there is nothing more to do, and how that came.
    pub(super) sign: Option<Sign>,
    pub(super) title: Text,
    pub(super) parts: Vec<Part>,
}

/// How something ended.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Good,
    Stop,
}

/// A text, by who says it, and what a workflow says with its language.
pub(super) enum Text {
    Ours(&'static str),
    Theirs(String, Language),
}

/// What stands below the title.
pub(super) enum Part {
    Says(Text),
    /// A sentence with a moment in it.
    Until(&'static str, Timestamp),
    /// What it was about.
    About(Text),
    /// What is shown once.
    Codes(Vec<Zeroizing<String>>),
    /// The button that does what the link is for, and what stands beside it in the form of this page alone.
    Press(Text, Token),
    /// The button of whoever comes too late.
    Late,
    /// Back to the link.
    Again,
}

/// Who reads a page, and what it is read in.
pub(super) struct Reader {
    pub(super) words: &'static Words,
    /// The same by its name, and what workflows are written in that say no language.
    pub(super) languages: [Language; 2],
}

/// The page of a link at `own`, the path of the link itself.
pub(super) fn page(said: &Said, reader: &Reader, own: &str, brand: &Brand) -> Response {
    let style = format!("{STYLE}{}", brand.colour.as_deref().map(colour::style).unwrap_or_default());
    let mut parts = Zeroizing::new(String::new());
    for part in &said.parts {
        reader.put(&mut parts, part, own);
    }
    let title = match &said.title {
        Text::Ours(text) => escaped(text),
        Text::Theirs(text, _) => escaped(&tamed(text)),
    };
    let name = brand.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(NAME);
    let logo = brand.logo.as_deref().filter(|logo| logo.starts_with("data:image/"));
    let logo = logo.map_or_else(
        || MARK.to_owned(),
        |logo| format!("<img class=\"brand-logo\" src=\"{}\" alt=\"\">", escaped(logo)),
    );
    let body = format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex, nofollow\">\
         <style>{style}</style></head><body><div class=\"page\"><header class=\"brand\">{logo}<span>{name}</span></header>\
         <main class=\"card{ending}\">{sign}<h1{lang}>{title}</h1>{parts}</main>\
         <footer class=\"safety\">{LOCK}<p>{safety}</p></footer></div></body></html>",
        tag = reader.words.tag,
        name = escaped(name),
        ending = if said.sign.is_some() { " ending" } else { "" },
        sign = said.sign.map(Sign::drawn).unwrap_or_default(),
        lang = reader.lang(&said.title),
        parts = *parts,
        safety = escaped(reader.words.safety),
    );
    with_headers((said.status, Html(body)).into_response(), &style, reader.words.tag)
}

fn with_headers(mut response: Response, style: &str, tag: &'static str) -> Response {
    let hash = BASE64.encode(digest::digest(&digest::SHA256, style.as_bytes()).as_ref());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(tag));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    response
}

impl Reader {
    fn put(&self, to: &mut String, part: &Part, own: &str) {
        let text = match part {
            Part::Says(text) if text.is_empty() => return,
            Part::Says(text) => format!("<p{}>{}</p>", self.lang(text), text.html()),
            Part::Until(text, at) => {
                let time = format!("<time datetime=\"{at}\">{}</time>", escaped(&self.words.moment(*at)));
                format!("<p class=\"hint\">{}</p>", escaped(text).replace(TIME, &time))
            }
            Part::About(title) => format!(
                "<dl class=\"about\"><dt>{}</dt><dd{}>{}</dd></dl>",
                escaped(self.words.about),
                self.lang(title),
                title.html()
            ),
            Part::Codes(codes) => {
                to.push_str("<ul class=\"codes\" translate=\"no\">");
                for code in codes {
                    to.extend(["<li>", &*Zeroizing::new(escaped(code)), "</li>"]);
                }
                "</ul>".to_owned()
            }
            Part::Press(text, value) => {
                let value = format!("<input type=\"hidden\" name=\"{PRESS}\" value=\"{}\">", *value.text());
                self.button(own, text, &value)
            }
            Part::Late => self.button(&format!("{own}/late"), &Text::Ours(self.words.concerns_me), ""),
            Part::Again => format!("<a class=\"button quiet\" href=\"{own}\">{}</a>", escaped(self.words.again)),
        };
        to.push_str(&text);
    }

    fn button(&self, to: &str, text: &Text, with: &str) -> String {
        let (lang, text) = (self.lang(text), text.html());
        format!("<form method=\"post\" action=\"{to}\">{with}<button class=\"button\"{lang}>{text}</button></form>")
    }

    /// What says in which language a text is, where that is another one than the page's, and which way it is written.
    fn lang(&self, text: &Text) -> String {
        match text {
            Text::Ours(_) => String::new(),
            Text::Theirs(_, language) => match Words::of(*language).tag {
                tag if tag == self.words.tag => " dir=\"auto\"".to_owned(),
                tag => format!(" lang=\"{tag}\" dir=\"auto\""),
            },
        }
    }
}

impl Text {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Theirs(text, _) if text.is_empty())
    }

    fn html(&self) -> String {
        match self {
            Self::Ours(text) => escaped(text),
            Self::Theirs(text, _) => escaped(&tamed(text)),
        }
    }
}

impl Sign {
    const fn drawn(self) -> &'static str {
        match self {
            Self::Good => {
                "<svg class=\"icon good\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M8 12.5l3 3 5.5-6.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z\"/></svg>"
            }
            Self::Stop => {
                "<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M9 9l6 6M15 9l-6 6M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z\"/></svg>"
            }
        }
    }
}

/// A text without the marks that turn around what follows them: what an input of a run says may stand in it (T-13).
fn tamed(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
