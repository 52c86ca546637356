//! What bounds the values that come to a run from elsewhere, and those that it makes of them.
//!
//! Whatever is kept of a run is read again as JSON, and that reads 128 levels: a value that is nested deeper than [`MAX_NESTING`] comes in
//! nowhere. And text that a database does not keep is no text: a zero character becomes U+FFFD.

use serde_json::{Map, Value};

/// How many lists and maps may stand in one another in a value that comes from elsewhere.
pub const MAX_NESTING: usize = 32;
/// The most bytes that are made for one step of what stands in the file: what is told to it, and its messages.
pub const MAX_MADE: usize = 128 * 1024;

/// Whether lists and maps stand in one another deeper than is taken.
pub fn is_too_deep(value: &Value) -> bool {
    is_deeper_than(value, MAX_NESTING)
}

/// No deeper than it is asked for.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let below = |value: &Value| levels == 0 || is_deeper_than(value, levels - 1);
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(below),
        Value::Object(entries) => levels == 0 || entries.values().any(below),
        _ => false,
    }
}

/// A text with U+FFFD for each zero character: PostgreSQL keeps none.
pub fn without_zeros(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// Whether a zero character stands in it anywhere. Hardly ever, so that nothing is put together anew for want of one.
fn has_zeros(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_zeros),
        Value::Object(entries) => map_has_zeros(entries),
        _ => false,
    }
}

fn map_has_zeros(entries: &Map<String, Value>) -> bool {
    entries.iter().any(|(name, value)| name.contains('\0') || has_zeros(value))
}

/// The same of every text in a value.
pub(crate) fn cleaned(value: Value) -> Value {
    if !has_zeros(&value) {
        return value;
    }
    match value {
        Value::String(text) => Value::String(without_zeros(text)),
        Value::Array(items) => items.into_iter().map(cleaned).collect(),
        Value::Object(entries) => Value::Object(cleaned_map(entries)),
        other => other,
    }
}

/// The same of a map, its keys among them.
pub(crate) fn cleaned_map(entries: Map<String, Value>) -> Map<String, Value> {
    if !map_has_zeros(&entries) {
        return entries;
    }
    entries.into_iter().map(|(name, value)| (without_zeros(name), cleaned(value))).collect()
}

/// How much more may be made for a step. It is counted as it is made, so that nothing is made that is then too much.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Room {
    /// All that there is for a step.
    pub(crate) const fn of_step() -> Self {
        Self(MAX_MADE)
    }

    /// Takes room for so many bytes.
    ///
    /// # Errors
    /// There is not as much.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), String> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| {
            format!(
                "what is told to the step comes to more than {} KiB, which is all that a step takes",
                MAX_MADE / 1024
            )
        })?;
        Ok(())
    }

    /// Takes room for a value.
    ///
    /// # Errors
    /// There is not as much.
    pub(crate) fn take_value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.take(8),
            Value::String(text) => self.take(text.len() + 2),
            Value::Array(items) => {
                self.take(2)?;
                items.iter().try_for_each(|item| self.take_value(item))
            }
            Value::Object(entries) => {
                self.take(2)?;
                entries.iter().try_for_each(|(name, value)| {
                    self.take(name.len() + 4)?;
                    self.take_value(value)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
    }

    #[test]
    fn values_are_nested_as_deep_as_that_and_no_deeper() {
        assert!(!is_too_deep(&json!("a")));
        assert!(!is_too_deep(&nested(MAX_NESTING)));
        assert!(is_too_deep(&nested(MAX_NESTING + 1)));
        assert!(is_too_deep(&json!([1, { "a": nested(MAX_NESTING) }])));
    }

    #[test]
    fn zero_characters_are_replaced_wherever_they_stand() {
        assert_eq!(
            cleaned(json!({"a\0": ["b\0c", {"d": "\0"}, 5]})),
            json!({"a\u{fffd}": ["b\u{fffd}c", {"d": "\u{fffd}"}, 5]})
        );
    }
}
