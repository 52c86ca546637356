//! Conditions: what is asked of the facts, in the Common Expression Language.
//!
//! The language is CEL's and so is the parser; what is kept of it is small enough to be counted. It has attributes with types, comparisons,
//! arithmetic on numbers, a few functions on texts and lists, and `exists` and `all` over one list. There is nothing in it that grows: no text
//! or list is made, and no loop stands in another. So what a condition costs at most is known when it is read, and its evaluation
//! allocates nothing (ADR 15).
//!
//! Where CEL shrugs, this is strict: comparing a text with a number is no `false` but an error, and so is whatever is missing. What an
//! error means is for whoever asks to say, and it never means less.
//!
//! Which facts there are is said by a [`Schema`], and what is known of them by [`Facts`]: a policy asks about sessions, a workflow about events.

mod check;
mod evaluate;
mod schema;

use std::thread;

pub use evaluate::{Facts, TOO_MUCH, Trouble, Value};
pub use schema::{Attribute, Found, Schema, Type};

/// The longest condition, in bytes.
pub const MAX_BYTES: usize = 1024;
/// The longest list that anything is looked for in.
pub const MAX_LIST: usize = 256;
/// The longest text that is looked at, in bytes.
pub const MAX_TEXT: usize = 4096;
/// How deep brackets may stand in one another.
const MAX_BRACKETS: usize = 16;
/// How many signs may stand before one value.
const MAX_SIGNS: usize = 8;
/// The parser is recursive, and a chain of operators is as deep for it as it is long. What is left of a condition is not.
const STACK: usize = 32 * 1024 * 1024;

/// A condition that was understood, or another expression, about attributes of the kind `A`.
#[derive(Debug)]
pub struct Condition<A> {
    expr: check::Expr<A>,
    cost: u32,
    kind: Type,
    constant: Option<bool>,
}

/// What is to be understood.
#[derive(Debug)]
pub struct Source<'a, S> {
    /// As it is written.
    pub text: &'a str,
    /// What it can ask about.
    pub schema: &'a S,
    /// What it has to come to: [`Type::Bool`] for a condition.
    pub wanted: Type,
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where in it, in characters.
    pub offset: usize,
    /// What is wrong, and what to do.
    pub message: String,
    /// The nearest right word, where one is near.
    pub suggestion: Option<String>,
}

impl Flaw {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), suggestion: None }
    }
}

/// What reading one of them comes to.
pub type Read<A> = Result<Condition<A>, Vec<Flaw>>;

/// Understands conditions, on a thread of its own for their sake.
pub fn read_all<S>(sources: &[Source<'_, S>]) -> Vec<Read<S::Attribute>>
where
    S: Schema + Sync,
    S::Attribute: Send,
{
    if sources.is_empty() {
        return Vec::new();
    }
    let failed = |message: &str| sources.iter().map(|_| Err(vec![Flaw::new(0, message)])).collect();
    thread::scope(|scope| {
        let reading = thread::Builder::new()
            .name("conditions".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || sources.iter().map(read).collect());
        match reading.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(conditions)) => conditions,
            Ok(Err(_)) => failed("the conditions could not be read: one of them breaks the parser"),
            Err(_) => failed("the conditions could not be read: there is no memory for it"),
        }
    })
}

fn read<S: Schema>(source: &Source<'_, S>) -> Read<S::Attribute> {
    is_readable(source.text).map_err(|flaw| vec![flaw])?;
    let program = cel::Program::compile(source.text).map_err(|errors| {
        let flaw = |error: &cel::ParseError| Flaw::new(offset(source.text, error.pos), said(&error.msg));
        // Behind a character that means nothing, the parser is lost.
        match errors.errors.iter().find(|error| error.msg.contains(UNREAD)) {
            Some(unread) => vec![flaw(unread)],
            None => errors.errors.iter().take(8).map(flaw).collect(),
        }
    })?;
    let checked = check::check(program.expression(), program.source_info(), source.schema, source.wanted);
    let mut condition = checked.map_err(|flaws| quoted(source.text, flaws))?;
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

/// Where a word that is nothing is compared, a text was meant.
fn quoted(text: &str, mut flaws: Vec<Flaw>) -> Vec<Flaw> {
    for flaw in flaws.iter_mut().filter(|flaw| flaw.suggestion.is_none()) {
        let Some(word) = flaw.message.strip_prefix("there is no `").and_then(|word| word.strip_suffix('`')) else {
            continue;
        };
        let before: String = text.chars().take(flaw.offset).collect();
        let before = before.trim_end();
        if before.ends_with("==") || before.ends_with("!=") {
            flaw.suggestion = Some(format!("\"{word}\""));
        }
    }
    flaws
}

/// What the parser says of a character that stands for nothing.
const UNREAD: &str = "token recognition error at: ";

/// The parser's message without what only those who wrote it understand.
fn said(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    if let Some(unread) = message.strip_prefix(UNREAD) {
        let unread = unread.trim_matches('\'').trim();
        return match unread {
            "=" => "`=` is nothing here: that two things are the same is `==`".to_owned(),
            "$" => "`$` is nothing here: a condition stands as it is, without `${…}`".to_owned(),
            _ => format!("`{unread}` is nothing here"),
        };
    }
    match message.split_once(" expecting ") {
        Some((said, _)) => format!("this does not read on here: {said}"),
        None => message.to_owned(),
    }
}

/// The parts of a condition that stand beside `&&` and `||`, outermost first: what can be told of by itself when somebody asks why.
///
/// Each is a condition. Where a condition is put together in another way, it is one part.
pub fn clauses(text: &str) -> Vec<&str> {
    let text = text.trim();
    let mut parts = Vec::new();
    let (mut depth, mut quote, mut escaped, mut start) = (0_usize, None, false, 0);
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '?') if depth == 0 => return vec![text],
            (None, '&' | '|') if depth == 0 && characters.peek().is_some_and(|(_, next)| *next == character) => {
                parts.extend(text.get(start..at));
                characters.next();
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    if let [_] = parts.as_slice() {
        return vec![text];
    }
    parts.into_iter().map(str::trim).collect()
}

impl<A: Attribute> Condition<A> {
    /// Whether it holds.
    ///
    /// # Errors
    /// That cannot be said: something that it asks for is not known, or is of another kind.
    pub fn holds<F: Facts<Attribute = A>>(&self, facts: &F) -> Result<bool, Trouble> {
        evaluate::holds(facts, &self.expr)
    }

    /// What it comes to, whatever that is.
    ///
    /// # Errors
    /// As for [`Condition::holds`].
    pub fn value<F: Facts<Attribute = A>>(&self, facts: &F) -> Result<serde_json::Value, Trouble> {
        evaluate::json_of(facts, &self.expr)
    }

    /// What it costs at most, in steps.
    pub const fn cost(&self) -> u32 {
        self.cost
    }

    /// What it comes to, as far as that is known before there are facts.
    pub const fn kind(&self) -> Type {
        self.kind
    }

    /// What it always says, if it does not depend on the facts.
    pub const fn constant(&self) -> Option<bool> {
        self.constant
    }

    /// The facts that it asks for, in the order in which they stand in it.
    pub fn attributes(&self) -> Vec<&A> {
        self.asked().into_iter().map(|(attribute, _)| attribute).collect()
    }

    /// The same, each with the fields within it that are asked for, from the outside in.
    pub fn asked(&self) -> Vec<(&A, Vec<&str>)> {
        let mut found = Vec::new();
        check::asked(&self.expr, &mut found);
        found
    }

    /// Whether no facts can fulfil it, as far as that can be seen: it asks one attribute to be two things.
    pub fn contradicts_itself(&self) -> bool {
        self.constant == Some(false) || check::contradicts_itself(&self.expr)
    }

    /// The least whole number that it asks an attribute, as it prints for debugging, to be, if it is fulfilled by no smaller one.
    pub fn at_least(&self, attribute: &str) -> Option<i64> {
        check::at_least(&self.expr, attribute)
    }

    /// The texts that it asks an attribute, as it prints for debugging, to be one of, if it is fulfilled by no other.
    pub fn demands(&self, attribute: &str) -> Option<Vec<&str>> {
        check::demands(&self.expr, attribute)
    }
}

#[cfg(test)]
mod tests {
    use super::clauses;

    #[test]
    fn clauses_are_what_stands_beside_and_and_or() {
        assert_eq!(clauses("a == 1 && b || !c"), ["a == 1", "b", "!c"]);
        assert_eq!(clauses("(a && b) || c in ['&&', \"||\"]"), ["(a && b)", "c in ['&&', \"||\"]"]);
        assert_eq!(clauses(" a == 'it\\'s && so' "), ["a == 'it\\'s && so'"]);
        assert_eq!(clauses("a && b ? c : d"), ["a && b ? c : d"]);
    }
}
