//! Messages for people: a text with expressions in `{{ … }}`. What is said in them is for readers; nothing is decided by it.

use document::{Mistakes, Place};
use serde_json::Value;

use crate::bounds::{Room, without_zeros};
use crate::definition::ExpressionId;

/// The longest message, in bytes.
pub(crate) const MAX_MESSAGE: usize = 4096;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Expression(ExpressionId),
}

impl Template {
    /// Reads a message; each expression is handed to `expression` with its place in the text.
    pub(crate) fn read(
        text: &str,
        place: &Place,
        mistakes: &mut Mistakes,
        mut expression: impl FnMut(&str) -> ExpressionId,
    ) -> Self {
        if text.len() > MAX_MESSAGE {
            mistakes.error(place, format!("a message has at most {MAX_MESSAGE} bytes"));
            return Self(Vec::new());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, behind)) = after.split_once("}}") else {
                mistakes.error(place, "`{{` is not closed by `}}`");
                return Self(pieces);
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Expression(expression(inner.trim())));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Self(pieces)
    }

    /// The message, given what each expression comes to.
    ///
    /// # Errors
    /// The first error of `value`, or the message takes more room than there is.
    pub(crate) fn render(
        &self,
        room: &mut Room,
        mut value: impl FnMut(ExpressionId) -> Result<Value, String>,
    ) -> Result<String, String> {
        let mut text = String::new();
        let mut push = |piece: &str| {
            room.take(piece.len())?;
            text.push_str(piece);
            Ok::<_, String>(())
        };
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => push(piece)?,
                Piece::Expression(id) => match value(*id)? {
                    Value::String(value) => push(&value)?,
                    Value::Null => {}
                    other => push(&other.to_string())?,
                },
            }
        }
        Ok(without_zeros(text))
    }
}
