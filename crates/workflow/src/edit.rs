//! Changing a file and leaving alone all of it that is not changed: comments, order, layout, byte for byte.
//!
//! A change is made in the text. Then the text is read again, and has to say what the file said before but for the change; if it does not,
//! nothing is changed. So a layout that this does not understand is refused, and never spoilt.

mod write;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use document::{Key, Mistake, Mistakes, Node, Place, Yaml, parse};
use serde_json::{Map, Value};

pub use write::write;

/// A workflow's file as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    text: String,
}

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// There is no step of this id.
    NoSuchStep(String),
    /// What is to be put in is no YAML.
    Unreadable(Vec<Mistake>),
    /// A block has at least one step.
    LastStep,
    /// The file is laid out in a way in which this could not be changed alone.
    Layout,
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchStep(id) => write!(f, "there is no step `{id}`"),
            Self::Unreadable(_) => f.write_str("what is to be put in is no YAML"),
            Self::LastStep => f.write_str("a block has at least one step"),
            Self::Layout => f.write_str("the file is laid out in a way in which this cannot be changed alone"),
        }
    }
}

impl std::error::Error for EditError {}

/// Where a step stands in the text.
struct Found {
    /// From its dash, or its brace, to its end.
    range: Range<usize>,
    /// How far its dash is indented; none where it stands in braces.
    indent: Option<usize>,
    node: Node,
    /// Whether it is the only one of its block.
    alone: bool,
}

impl Source {
    /// A file's text, which has to be YAML. Whether it is a workflow is for [`crate::Definition::read`] to say.
    ///
    /// # Errors
    /// It is none.
    pub fn new(text: impl Into<String>) -> Result<Self, Vec<Mistake>> {
        let text = text.into();
        tree(&text)?;
        Ok(Self { text })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says, as JSON.
    pub fn content(&self) -> Value {
        tree(&self.text).map(|node| node.json()).unwrap_or_default()
    }

    /// Puts another step in the place of one. `step` is a map in YAML, without a dash.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn replace_step(&mut self, id: &str, step: &str) -> Result<(), EditError> {
        let (found, new) = (self.find(id)?, readable(step)?);
        let text = self.laid_out(&found, step, &new);
        let expected = changed(self.content(), id, &mut |steps, at| {
            if let Some(old) = steps.get_mut(at) {
                *old = new.clone();
            }
        });
        self.splice(found.range, &text, &expected)
    }

    /// Puts a step behind another.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn insert_step_after(&mut self, id: &str, step: &str) -> Result<(), EditError> {
        let (found, new) = (self.find(id)?, readable(step)?);
        let text = self.laid_out(&found, step, &new);
        let end = found.range.end;
        let text = match found.indent {
            Some(indent) => {
                let line_end =
                    if self.text.get(..end).is_some_and(|before| before.ends_with('\n')) { "" } else { "\n" };
                format!("{line_end}{}{text}", " ".repeat(indent))
            }
            None => format!(", {text}"),
        };
        let expected = changed(self.content(), id, &mut |steps, at| steps.insert(at + 1, new.clone()));
        self.splice(end..end, &text, &expected)
    }

    /// Takes a step out.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn remove_step(&mut self, id: &str) -> Result<(), EditError> {
        let found = self.find(id)?;
        if found.alone {
            return Err(EditError::LastStep);
        }
        let mut range = found.range;
        if let Some(indent) = found.indent {
            range.start = range.start.saturating_sub(indent);
        } else {
            let after = self.text.get(range.end..).unwrap_or_default();
            let before = self.text.get(..range.start).unwrap_or_default();
            if let Some(rest) = after.trim_start().strip_prefix(',') {
                range.end = self.text.len() - rest.trim_start_matches(' ').len();
            } else if let Some(rest) = before.trim_end().strip_suffix(',') {
                range.start = rest.len();
            }
        }
        let expected = changed(self.content(), id, &mut |steps, at| drop(steps.remove(at)));
        self.splice(range, "", &expected)
    }

    /// Sets a key of a step: to a value in YAML that stands on one line.
    ///
    /// # Errors
    /// See [`EditError`].
    pub fn set(&mut self, id: &str, key: &str, value: &str) -> Result<(), EditError> {
        let (found, new) = (self.find(id)?, readable(value)?);
        let Yaml::Map(entries) = &found.node.yaml else { return Err(EditError::Layout) };
        let expected = changed(self.content(), id, &mut |steps, at| {
            if let Some(step) = steps.get_mut(at).and_then(Value::as_object_mut) {
                step.insert(key.to_owned(), new.clone());
            }
        });
        if found.indent.is_none() {
            let mut step = found.node.json();
            if let Some(step) = step.as_object_mut() {
                step.insert(key.to_owned(), new);
            }
            return self.splice(found.range, &step.to_string(), &expected);
        }
        let value = value.trim();
        if let Some((at, _)) = entries.iter().find(|(entry, _)| entry.name == key) {
            let (range, comment) = self.value_of(at, &found.range).ok_or(EditError::Layout)?;
            return self.splice(range, &format!(" {value}{comment}"), &expected);
        }
        let column = entries.first().map_or(1, |(key, _)| key.place.column);
        let pad = " ".repeat(usize::try_from(column).unwrap_or(1).saturating_sub(1));
        let end = found.range.end;
        let line_end = if self.text.get(..end).is_some_and(|before| before.ends_with('\n')) { "" } else { "\n" };
        self.splice(end..end, &format!("{line_end}{pad}{key}: {value}\n"), &expected)
    }

    /// A step as it stands where another one stands.
    fn laid_out(&self, found: &Found, step: &str, new: &Value) -> String {
        let Some(indent) = found.indent else { return new.to_string() };
        let pad = " ".repeat(indent + 2);
        let mut text = String::new();
        for (i, line) in step.trim_end().lines().enumerate() {
            match (i, line.trim().is_empty()) {
                (0, _) => text.push_str("- "),
                (_, false) => text.push_str(&pad),
                (_, true) => {}
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if found.range.end == self.text.len() && !self.text.ends_with('\n') {
            text.pop();
        }
        text
    }

    /// Where the value of a key stands, from behind its colon, and the comment at the end of its line.
    fn value_of(&self, key: &Key, within: &Range<usize>) -> Option<(Range<usize>, String)> {
        let start = offset(&self.text, &key.place)?;
        let line = self.text.get(start..)?.lines().next()?;
        let colon = line.find(':')?;
        let column = usize::try_from(key.place.column).ok()?.saturating_sub(1);
        let rest = line.get(colon + 1..)?;
        let inside = self.text.get(start + line.len()..within.end)?;
        let deeper = |line: &str| {
            let indent = line.len() - line.trim_start().len();
            indent > column || indent == column && line.trim_start().starts_with("- ")
        };
        let first_end = start + line.len();
        let (mut end, mut at) = (first_end, first_end);
        for (number, line) in inside.split_inclusive('\n').enumerate() {
            at += line.len();
            // The first one is the end of the key's own line.
            let said = line.trim();
            if number == 0 || said.is_empty() || said.starts_with('#') {
                continue;
            }
            if !deeper(line) {
                break;
            }
            end = at - (line.len() - line.trim_end_matches(['\r', '\n']).len());
        }
        let comment = if end == first_end { comment_of(rest) } else { "" };
        Some((start + colon + 1..end, comment.to_owned()))
    }

    fn find(&self, id: &str) -> Result<Found, EditError> {
        let root = tree(&self.text).map_err(|_| EditError::Layout)?;
        let (node, alone) = step_in(&root, id).ok_or_else(|| EditError::NoSuchStep(id.to_owned()))?;
        let at = offset(&self.text, &node.place).ok_or(EditError::Layout)?;
        let rest = self.text.get(at..).unwrap_or_default();
        if rest.starts_with('{') {
            let end = closing_brace(rest).ok_or(EditError::Layout)?;
            return Ok(Found { range: at..at + end, indent: None, node: node.clone(), alone });
        }
        let before = self.text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let lead = before.get(line_start..).unwrap_or_default();
        let dash = lead.rfind("- ").ok_or(EditError::Layout)?;
        if !lead.chars().all(|c| c == ' ' || c == '-') {
            return Err(EditError::Layout);
        }
        let mut end = at + rest.split_inclusive('\n').next().map_or(0, str::len);
        let mut scanned = end;
        for line in self.text.get(end..).unwrap_or_default().split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            if !line.trim().is_empty() && indent <= dash {
                break;
            }
            scanned += line.len();
            if !line.trim().is_empty() {
                end = scanned;
            }
        }
        Ok(Found { range: line_start + dash..end, indent: Some(dash), node: node.clone(), alone })
    }

    /// Changes the text, if it says what is expected then.
    fn splice(&mut self, range: Range<usize>, with: &str, expected: &Value) -> Result<(), EditError> {
        let with = if self.text.contains("\r\n") { with.replace('\n', "\r\n") } else { with.to_owned() };
        let mut text = self.text.clone();
        if text.get(range.clone()).is_none() {
            return Err(EditError::Layout);
        }
        text.replace_range(range, &with);
        match tree(&text) {
            Ok(node) if node.json() == *expected => {
                self.text = text;
                Ok(())
            }
            _ => Err(EditError::Layout),
        }
    }
}

fn tree(text: &str) -> Result<Node, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let file: Arc<str> = "workflow".into();
    let documents = parse(&file, text, &mut mistakes);
    let first = documents.into_iter().next();
    match first {
        Some(first) if !mistakes.has_errors() => Ok(first),
        _ => {
            mistakes.error(&Place { file, line: 0, column: 0 }, "there is no workflow in this");
            Err(mistakes.into_vec())
        }
    }
}

fn readable(step: &str) -> Result<Value, EditError> {
    tree(step).map(|node| node.json()).map_err(EditError::Unreadable)
}

/// The step of an id, and whether it is alone in its list. Tests are no steps.
fn step_in<'n>(node: &'n Node, id: &str) -> Option<(&'n Node, bool)> {
    match &node.yaml {
        Yaml::List(items) => items.iter().find_map(|item| {
            let Yaml::Map(entries) = &item.yaml else { return step_in(item, id) };
            let is_it = entries
                .iter()
                .any(|(key, value)| key.name == "id" && matches!(&value.yaml, Yaml::Text(text) if text == id));
            if is_it { Some((item, items.len() == 1)) } else { step_in(item, id) }
        }),
        Yaml::Map(entries) => {
            entries.iter().filter(|(key, _)| key.name != "tests").find_map(|(_, value)| step_in(value, id))
        }
        _ => None,
    }
}

/// What a document says once the list that a step stands in was changed.
fn changed(mut content: Value, id: &str, change: &mut dyn FnMut(&mut Vec<Value>, usize)) -> Value {
    fn go(value: &mut Value, id: &str, change: &mut dyn FnMut(&mut Vec<Value>, usize)) -> bool {
        match value {
            Value::Array(items) => {
                let at = items.iter().position(|item| item.get("id").and_then(Value::as_str) == Some(id));
                if let Some(at) = at {
                    change(items, at);
                    return true;
                }
                items.iter_mut().any(|item| go(item, id, change))
            }
            Value::Object(entries) => {
                let entries: &mut Map<String, Value> = entries;
                entries.iter_mut().filter(|(key, _)| *key != "tests").any(|(_, value)| go(value, id, change))
            }
            _ => false,
        }
    }
    go(&mut content, id, change);
    content
}

/// A place as an offset in bytes.
fn offset(text: &str, place: &Place) -> Option<usize> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..)?;
    let within: usize = rest.chars().take(column).map(char::len_utf8).sum();
    Some(before + within)
}

/// Where the brace closes that a text begins with.
fn closing_brace(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some('"'), _) if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The comment at the end of a line, with the space before it.
fn comment_of(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') if before == ' ' => quote = Some(character),
            (None, '#') if before == ' ' => {
                let start = line.get(..at).map_or(at, |before| before.trim_end().len());
                return line.get(start..).unwrap_or_default();
            }
            _ => {}
        }
        before = character;
    }
    ""
}
