//! A document that nobody wrote before, the builder's say.

use std::fmt::Write as _;

use serde_json::Value;

use crate::grammar::{APPROVAL, CASE, FOR_EACH, INPUT, METADATA, STEP, TEST, TRIGGER, WAIT, WORKFLOW};

/// Writes what a document says as YAML: keys in the order of the guide, steps as blocks. What is read of it says the same.
pub fn write(content: &Value) -> String {
    let mut text = String::new();
    block(content, 0, &mut text);
    text
}

/// Where a key stands: in the order of the tables, and else as the alphabet has it.
fn rank(key: &str) -> usize {
    // `steps` stands behind `when` in a way, and before `on_error` in a workflow.
    let before = WORKFLOW.iter().take_while(|known| known.name != "steps");
    let tables = [STEP, METADATA, CASE, FOR_EACH, TRIGGER, WAIT, APPROVAL, INPUT, TEST, WORKFLOW];
    let known = before.chain(tables.into_iter().flatten());
    known.map(|known| known.name).position(|known| known == key).unwrap_or(usize::MAX)
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let mut keys: Vec<&String> = entries.keys().collect();
            keys.sort_by_key(|key| (rank(key), key.as_str()));
            for (key, value) in keys.into_iter().filter_map(|key| Some((key, entries.get(key)?))) {
                let _ = write!(text, "{pad}{}:", scalar(&Value::from(key.as_str())));
                inner(value, indent, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inside = String::new();
                match item {
                    Value::Object(entries) if !entries.is_empty() => block(item, indent + 2, &mut inside),
                    Value::Array(items) if !items.is_empty() => block(item, indent + 2, &mut inside),
                    _ => {
                        let _ = writeln!(inside, "{}", scalar(item));
                    }
                }
                let _ = write!(text, "{pad}- {}", inside.trim_start_matches(' '));
            }
        }
        _ => {
            let _ = writeln!(text, "{pad}{}", scalar(value));
        }
    }
}

fn inner(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        _ => {
            let _ = writeln!(text, " {}", scalar(value));
        }
    }
}

/// A value on one line. What could be read as anything but this text stands in quotes.
fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.clone() } else { value.to_string() }
}
