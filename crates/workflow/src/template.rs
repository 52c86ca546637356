//! Texts with expressions in them: messages for people, with `{{ … }}`, and what is told to actions, with `${…}`.
//!
//! What is said in them is for readers; nothing is decided by it. In the address of a call, what an expression comes to is percent-encoded: it
//! is one piece of the path or query, and never another host or another path.

use document::{Mistakes, Place};
use serde_json::Value;

use crate::bounds::{Room, without_zeros};
use crate::definition::ExpressionId;

/// The longest message, in bytes.
pub(crate) const MAX_MESSAGE: usize = 4096;

/// A text with expressions in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Expression(ExpressionId),
}

/// What a text with expressions in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people: whatever an expression comes to is said.
    Message,
    /// For an action: texts, numbers, true and false alone.
    Text,
    /// The same, in an address.
    Address,
}

/// A part of a text as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Text(String),
    Expression(&'a str),
}

/// The parts of a text with `${…}` in it; `$${` is `${` as it is. Nothing if one is not closed.
pub(crate) fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        literal.push_str(before);
        if before.ends_with('$') {
            literal.push('{');
            rest = after;
            continue;
        }
        let end = end_of_expression(after)?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(Part::Expression(after.get(..end)?.trim()));
        rest = after.get(end + 1..)?;
    }
    literal.push_str(rest);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Text(literal));
    }
    Some(parts)
}

/// Where the `}` is that closes an expression: not one in a text within it.
fn end_of_expression(text: &str) -> Option<usize> {
    let (mut quote, mut escaped, mut depth) = (None, false, 0_usize);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    None
}

impl Template {
    /// Reads a message; each expression is handed to `expression` with its place in the text.
    pub(crate) fn read(
        text: &str,
        place: &Place,
        mistakes: &mut Mistakes,
        mut expression: impl FnMut(&str) -> ExpressionId,
    ) -> Self {
        let form = Form::Message;
        if text.len() > MAX_MESSAGE {
            mistakes.error(place, format!("a message has at most {MAX_MESSAGE} bytes"));
            return Self { pieces: Vec::new(), form };
        }
        let mut pieces = Vec::new();
        let literal = |text: &str, pieces: &mut Vec<Piece>, mistakes: &mut Mistakes| {
            if text.contains("${") {
                mistakes.error(
                    place,
                    "in a message, what an expression comes to is written `{{ … }}`: `${…}` would be said as it is",
                );
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
        };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, behind)) = after.split_once("}}") else {
                mistakes.error(place, "`{{` is not closed by `}}`");
                return Self { pieces, form };
            };
            literal(before, &mut pieces, mistakes);
            pieces.push(Piece::Expression(expression(inner.trim())));
            rest = behind;
        }
        literal(rest, &mut pieces, mistakes);
        Self { pieces, form }
    }

    /// What is told to an action, of its parts.
    pub(crate) fn of(parts: Vec<Part<'_>>, form: Form, mut expression: impl FnMut(&str) -> ExpressionId) -> Self {
        let pieces = parts.into_iter().map(|part| match part {
            Part::Text(text) => Piece::Text(text),
            Part::Expression(inner) => Piece::Expression(expression(inner)),
        });
        Self { pieces: pieces.collect(), form }
    }

    /// What stands before the first expression: in an address, the host is there.
    pub(crate) fn beginning(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether it is an address, whose host stands in the file.
    pub(crate) const fn is_address(&self) -> bool {
        matches!(self.form, Form::Address)
    }

    /// The text, given what each expression comes to.
    ///
    /// # Errors
    /// The first error of `value`, something that is no part of such a text, or it takes more room than there is.
    pub(crate) fn render(
        &self,
        room: &mut Room,
        mut value: impl FnMut(ExpressionId) -> Result<Value, String>,
    ) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.pieces {
            let piece = match piece {
                Piece::Text(piece) => piece.clone(),
                Piece::Expression(id) => self.said(&text, value(*id)?)?,
            };
            room.take(piece.len())?;
            text.push_str(&piece);
        }
        if self.is_address() && goes_up(&text) {
            return Err(format!("`{}` would come to another path: `.` and `..` are no pieces of it", host_of(&text)));
        }
        Ok(without_zeros(text))
    }

    /// What an expression comes to, as it stands behind `before`.
    fn said(&self, before: &str, value: Value) -> Result<String, String> {
        let said = match (self.form, value) {
            (_, Value::String(said)) => said,
            (Form::Message, Value::Null) => String::new(),
            (Form::Text | Form::Address, value @ (Value::Array(_) | Value::Object(_) | Value::Null)) => {
                let is = match value {
                    Value::Array(_) => "a list",
                    Value::Null => "nothing",
                    _ => "a map",
                };
                return Err(format!("a text has texts, numbers, true and false in it; this is {is}"));
            }
            (_, value) => value.to_string(),
        };
        if self.form != Form::Address {
            return Ok(said);
        }
        if said.is_empty() && !before.contains(['?', '#']) {
            return Err(format!("a piece of the path at `{}` would be empty", host_of(before)));
        }
        Ok(encoded(&said))
    }
}

/// Whether an address says its host before any expression, so that none can be another one.
pub(crate) fn says_its_host(beginning: &str) -> bool {
    without_scheme(beginning).is_some_and(|rest| rest.find(['/', '?', '#', '\\']).is_some_and(|end| end > 0))
}

/// Whether this is an address at all.
pub(crate) fn is_address(text: &str) -> bool {
    without_scheme(text).is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
}

fn without_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))
}

fn host_of(address: &str) -> &str {
    let rest = without_scheme(address).unwrap_or(address);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// All but the unreserved characters percent-encoded (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// Whether a piece of the path is `.` or `..`, which whoever reads the address takes for another path, also percent-encoded (WHATWG URL §4.1).
fn goes_up(address: &str) -> bool {
    let rest = without_scheme(address).unwrap_or(address);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    path.split(['/', '\\']).skip(1).any(|piece| matches!(piece.to_lowercase().replace("%2e", ".").as_str(), "." | ".."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(text: &str, form: Form, value: &Value) -> Result<String, String> {
        let template = Template::of(parts(text).unwrap(), form, |_| 0);
        template.render(&mut Room::of_step(), |_| Ok(value.clone()))
    }

    #[test]
    fn what_stands_in_braces_is_an_expression_and_nothing_else_is() {
        let text = |text: &str| Part::Text(text.to_owned());
        assert_eq!(parts("a"), Some(vec![text("a")]));
        assert_eq!(parts(""), Some(vec![text("")]));
        assert_eq!(parts("${ a }"), Some(vec![Part::Expression("a")]));
        assert_eq!(parts("a${b}c${d}"), Some(vec![text("a"), Part::Expression("b"), text("c"), Part::Expression("d")]));
        assert_eq!(
            parts("${a == \"}\" ? '{' : \"\\\"}\"}!"),
            Some(vec![Part::Expression("a == \"}\" ? '{' : \"\\\"}\""), text("!")])
        );
        assert_eq!(parts("$${a} costs $5 {b}"), Some(vec![text("${a} costs $5 {b}")]));
        assert_eq!(parts("${a"), None);
    }

    /// T-19: no value is another host or another path.
    #[test]
    fn w05_t19_a_value_in_an_address_stays_one_piece_of_it() {
        let at = |value: &str| rendered("https://a.example/users/${x}/keys?by=${x}", Form::Address, &json!(value));
        assert_eq!(at("usr_1").unwrap(), "https://a.example/users/usr_1/keys?by=usr_1");
        assert_eq!(at("a/../b?c#d@e:é").unwrap().matches("a%2F..%2Fb%3Fc%23d%40e%3A%C3%A9").count(), 2);
        for value in [".", "..", ""] {
            assert!(at(value).is_err(), "{value}");
        }
        assert!(rendered("https://a.example/x/.${x}/y", Form::Address, &json!(".")).is_err());
        assert!(rendered("https://a.example/x/%2e${x}/y", Form::Address, &json!(".")).is_err());
        assert_eq!(
            rendered("https://a.example/?q=${x}", Form::Address, &json!("..")).unwrap(),
            "https://a.example/?q=.."
        );
        assert_eq!(rendered("https://a.example/${x}", Form::Address, &json!(5)).unwrap(), "https://a.example/5");
        for host in ["https://${x}/", "https://a${x}", "https://a.example${x}/", "${x}/a", "ftp://a/", "https:///a"] {
            let pieces = parts(host).unwrap();
            let template = Template::of(pieces, Form::Address, |_| 0);
            assert!(!says_its_host(template.beginning()), "{host}");
        }
        assert!(says_its_host("https://a.example/") && says_its_host("http://a.example:80?q="));
    }

    #[test]
    fn a_text_has_no_lists_and_maps_in_it_and_a_message_has() {
        assert_eq!(rendered("a ${x}", Form::Text, &json!(true)).unwrap(), "a true");
        assert!(rendered("a ${x}", Form::Text, &json!(["b"])).unwrap_err().contains("a list"));
        assert_eq!(rendered("a ${x}", Form::Message, &json!(["b"])).unwrap(), "a [\"b\"]");
    }
}
