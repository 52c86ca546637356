//! What is wrong with a file, where, and what was probably meant.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A place in a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The name under which the file was handed in.
    #[serde(serialize_with = "text")]
    pub file: Arc<str>,
    /// From 1; 0 where the whole file is meant.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// Whether a file can be used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but hardly does what was meant.
    Warning,
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong, and what to do.
    pub message: String,
    /// The nearest right word, where one is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The other half of what does not go together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Place>,
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Place {
    /// Where a part of a text stands whose value begins here, `offset` characters into it, if `file` has that line of it as it is. Otherwise
    /// where the value begins.
    #[must_use]
    pub fn within(&self, file: &str, text: &str, offset: usize) -> Self {
        let before: String = text.chars().take(offset).collect();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |part| part.chars().count());
        let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let from = usize::try_from(self.line.saturating_sub(1)).unwrap_or(0);
        let found = file.lines().enumerate().skip(from).find_map(|(number, candidate)| {
            let at = candidate.find(line.trim()).filter(|_| !line.trim().is_empty())?;
            Some((number, candidate.get(..at)?.chars().count()))
        });
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        found.map_or(self.clone(), |(number, start)| Self {
            file: Arc::clone(&self.file),
            line: u32::try_from(number + 1).unwrap_or(u32::MAX),
            column: u32::try_from(start + column.saturating_sub(indent) + 1).unwrap_or(u32::MAX),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is about a file as a whole stands at no line of it.
        if self.line == 0 {
            write!(f, "{}", self.file)
        } else {
            write!(f, "{}:{}:{}", self.file, self.line, self.column)
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{}: {severity}: {}", self.place, self.message)?;
        if let Some(word) = &self.suggestion {
            write!(f, "; did you mean `{word}`?")?;
        }
        if let Some(other) = &self.other {
            write!(f, " (see {other})")?;
        }
        Ok(())
    }
}

/// Gathers mistakes, so that all of them are told and not the first alone.
#[derive(Default)]
pub struct Mistakes(Vec<Mistake>);

/// More are of no use to anybody.
const MOST: usize = 200;

impl Mistakes {
    /// An error.
    pub fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Severity::Error, place, message.into(), None, None);
    }

    /// A warning.
    pub fn warning(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Severity::Warning, place, message.into(), None, None);
    }

    /// An error about a word that is none of `known`.
    pub fn unknown<'k>(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        self.push(Severity::Error, place, message.into(), nearest(word, known), None);
    }

    /// An error with the word that was probably meant.
    pub fn suggesting(&mut self, place: &Place, message: String, suggestion: Option<String>) {
        self.push(Severity::Error, place, message, suggestion, None);
    }

    /// An error that has two places.
    pub fn between(&mut self, place: &Place, other: &Place, message: impl Into<String>) {
        self.push(Severity::Error, place, message.into(), None, Some(other.clone()));
    }

    fn push(
        &mut self,
        severity: Severity,
        place: &Place,
        message: String,
        suggestion: Option<String>,
        other: Option<Place>,
    ) {
        if self.0.len() < MOST {
            self.0.push(Mistake { severity, place: place.clone(), message, suggestion, other });
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|mistake| mistake.severity == Severity::Error)
    }

    /// Those so far, to be added to elsewhere.
    #[must_use]
    pub fn take(&mut self) -> Self {
        Self(std::mem::take(&mut self.0))
    }

    /// All of them, in the order in which a reader of the files comes by them.
    pub fn into_vec(mut self) -> Vec<Mistake> {
        self.0.sort_by(|a, b| (&a.place, a.severity, &a.message).cmp(&(&b.place, b.severity, &b.message)));
        self.0.dedup();
        self.0
    }
}

/// The word among `known` that is written most like `word`, if one is written much like it.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let near = word.chars().count().div_ceil(3).max(1);
    let distances = known.into_iter().map(|other| (distance(word, other), other));
    distances.filter(|(distance, _)| *distance <= near).min().map(|(_, other)| other.to_owned())
}

/// Characters to add, remove, replace or swap with their neighbour to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    const LONGEST: usize = 64;
    let to: Vec<char> = to.chars().take(LONGEST).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (i, a) in from.chars().take(LONGEST).enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (j, b) in to.iter().enumerate() {
            let at = |cells: &[usize], k: usize| cells.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&row, j) + usize::from(a != *b)).min(left + 1).min(at(&row, j + 1) + 1);
            if j > 0 && last == Some(*b) && to.get(j - 1) == Some(&a) {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            next.push(cost);
            left = cost;
        }
        before = std::mem::replace(&mut row, next);
        last = Some(a);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_one_that_could_have_been_meant() {
        assert_eq!(nearest("max_agee", ["max_age", "factors"]).as_deref(), Some("max_age"));
        assert_eq!(nearest("atcion", ["action", "session"]).as_deref(), Some("action"));
        assert_eq!(nearest("banana", ["action", "session"]), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
