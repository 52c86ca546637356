//! Conditions: what a rule asks of the facts, in the Common Expression Language.
//!
//! The language is CEL's and so is the parser; what is kept of it is small enough to be counted. It has attributes with types, comparisons,
//! arithmetic on numbers, a few functions on texts and lists, and `exists` and `all` over one list. There is nothing in it that grows: no text
//! or list is made, and no loop stands in another. So what a condition costs at most is known when it is read, and its evaluation
//! allocates nothing (ADR 15).
//!
//! Where CEL shrugs, this is strict: comparing a text with a number is no `false` but an error, and so is whatever is missing. What an
//! error means is the rule's to say, and it never means less.

mod check;
mod evaluate;
mod schema;

use std::collections::BTreeSet;
use std::thread;

pub(crate) use evaluate::{Trouble, View};

/// The longest condition, in bytes.
pub const MAX_BYTES: usize = 1024;
/// How deep brackets may stand in one another.
const MAX_BRACKETS: usize = 16;
/// How many signs may stand before one value.
const MAX_SIGNS: usize = 8;
/// The parser is recursive, and a chain of operators is as deep for it as it is long. What is left of a condition is not.
const STACK: usize = 32 * 1024 * 1024;

/// A condition that was understood.
#[derive(Debug)]
pub(crate) struct Condition {
    expr: check::Expr,
    /// What it costs at most, in steps.
    pub(crate) cost: u32,
    /// The signals that it speaks of.
    pub(crate) signals: BTreeSet<String>,
    /// What it always says, if it does not depend on the facts.
    pub(crate) constant: Option<bool>,
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Where in it, in characters.
    pub(crate) offset: usize,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

impl Flaw {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), suggestion: None }
    }
}

/// Understands conditions, on a thread of its own for their sake.
pub(crate) fn read_all(sources: &[&str]) -> Vec<Result<Condition, Vec<Flaw>>> {
    if sources.is_empty() {
        return Vec::new();
    }
    let failed = |message: &str| sources.iter().map(|_| Err(vec![Flaw::new(0, message)])).collect();
    thread::scope(|scope| {
        let reading = thread::Builder::new()
            .name("conditions".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || sources.iter().map(|source| read(source)).collect());
        match reading.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(conditions)) => conditions,
            Ok(Err(_)) => failed("the conditions could not be read: one of them breaks the parser"),
            Err(_) => failed("the conditions could not be read: there is no memory for it"),
        }
    })
}

fn read(source: &str) -> Result<Condition, Vec<Flaw>> {
    is_readable(source).map_err(|flaw| vec![flaw])?;
    let program = cel::Program::compile(source).map_err(|errors| {
        let flaws = errors.errors.iter().map(|error| Flaw::new(offset(source, error.pos), said(&error.msg)));
        flaws.take(8).collect::<Vec<_>>()
    })?;
    let mut condition = check::check(program.expression(), program.source_info())?;
    if condition.cost > check::MAX_COST {
        return Err(vec![Flaw::new(
            0,
            "this condition costs too much: it has too many parts inside `exists` or `all`",
        )]);
    }
    if check::is_constant(&condition.expr) {
        condition.constant = evaluate::constant(&condition.expr);
    }
    Ok(condition)
}

/// Whether the parser can be trusted with it.
fn is_readable(source: &str) -> Result<(), Flaw> {
    if source.len() > MAX_BYTES {
        return Err(Flaw::new(0, format!("a condition has at most {MAX_BYTES} bytes; this one has {}", source.len())));
    }
    let (mut depth, mut signs) = (0_usize, 0_usize);
    for (offset, character) in source.chars().enumerate() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        signs = match character {
            '!' | '-' => signs + 1,
            ' ' | '(' => signs,
            _ => 0,
        };
        if depth > MAX_BRACKETS {
            return Err(Flaw::new(offset, format!("brackets stand at most {MAX_BRACKETS} deep in one another")));
        }
        if signs > MAX_SIGNS {
            return Err(Flaw::new(offset, "too many signs in a row"));
        }
    }
    Ok(())
}

/// The parser's line and column as an offset.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let before: usize = source.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum();
    before + usize::try_from(column).unwrap_or(1).saturating_sub(1)
}

/// The parser's message without what only those who wrote it understand.
fn said(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    match message.split_once(" expecting ") {
        Some((said, _)) => format!("this does not read on here: {said}"),
        None => message.to_owned(),
    }
}

impl Condition {
    /// Whether it holds.
    pub(crate) fn holds(&self, view: &View<'_>) -> Result<bool, Trouble> {
        view.holds(&self.expr)
    }

    /// Whether no facts can fulfil it, as far as that can be seen: it asks one attribute to be two things.
    pub(crate) fn contradicts_itself(&self) -> bool {
        self.constant == Some(false) || check::contradicts_itself(&self.expr)
    }

    /// The texts that it asks an attribute to be one of, if it is fulfilled by no other.
    pub(crate) fn demands(&self, path: &str) -> Option<Vec<&str>> {
        check::demands(&self.expr, path)
    }
}

#[cfg(test)]
mod tests;
