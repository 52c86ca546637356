//! Expressions of workflows: what they can ask about at which step, and what is known there.

use std::borrow::Cow;
use std::sync::Arc;

use condition::{Condition, Found, Schema, Trouble, Type};
use document::{Mistakes, Place};
use domain::{EVENT_IDS, EventKind, FieldKind};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::vocabulary::Kind;

/// A fact of a run: the path by which it is called.
pub(crate) type Fact = Arc<[Box<str>]>;

/// An expression that was understood.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) text: String,
    pub(crate) place: Place,
    pub(crate) condition: Condition<Fact>,
    /// The parts of a condition that can be told of by themselves; none if it is one.
    pub(crate) clauses: Vec<(String, Condition<Fact>)>,
}

/// What a part of a condition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// That cannot be said.
    Unknown,
}

/// Why a condition came out as it did: one of its parts, with the values of what it asks for.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Clause {
    /// As it is written.
    pub text: String,
    /// What it says.
    pub holds: Truth,
    /// What each fact in it is, as far as a person reads on: what is longer is a text that ends in `… (cut)`. What is not known is not here.
    pub values: Map<String, Value>,
}

/// The most bytes that are kept of one value that a condition asked for, and of all of them.
const MAX_VALUE: usize = 256;
const MAX_VALUES: usize = 4096;
/// What stands behind a value of which no more is kept.
const CUT: &str = "… (cut)";

/// As much of a value as is kept, and how many bytes that are about.
fn shortened(value: &Value, most: usize) -> (Value, usize) {
    let mut written = Beginning { kept: Vec::new(), most };
    if serde_json::to_writer(&mut written, value).is_ok() {
        return (value.clone(), written.kept.len());
    }
    let mut text = String::from_utf8_lossy(&written.kept).into_owned();
    if value.is_string() {
        text = text.trim_start_matches('"').to_owned();
    }
    let text = text.trim_end_matches(['\\', char::REPLACEMENT_CHARACTER]);
    (Value::from(format!("{text}{CUT}")), most)
}

/// Takes the first bytes that are written, and no more.
struct Beginning {
    kept: Vec<u8>,
    most: usize,
}

impl std::io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = self.most.saturating_sub(self.kept.len());
        self.kept.extend(bytes.iter().take(room));
        if bytes.len() > room { Err(std::io::ErrorKind::WriteZero.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is known in a run, at one of its steps.
#[derive(Debug, Default)]
pub(crate) struct Known<'a> {
    roots: Vec<(Cow<'a, str>, Cow<'a, Value>)>,
}

impl<'a> Known<'a> {
    /// Adds what is called `name`. What was added before under this name is hidden.
    pub(crate) fn add(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, Value>>) {
        self.roots.push((name.into(), value.into()));
    }

    fn at(&self, path: &[Box<str>]) -> Option<&Value> {
        let (root, rest) = path.split_first()?;
        let (_, value) = self.roots.iter().rev().find(|(name, _)| **name == **root)?;
        rest.iter().try_fold(value.as_ref(), |value, piece| value.get(&**piece))
    }
}

impl condition::Facts for Known<'_> {
    type Attribute = Fact;

    fn value(&self, fact: &Fact) -> Result<condition::Value<'_>, Trouble> {
        match self.at(fact) {
            Some(Value::Null) | None => Err(Trouble::new(format!("`{}` is not known", fact.join(".")))),
            Some(value) => condition::Value::json(value),
        }
    }
}

impl Expression {
    /// Whether it holds.
    pub(crate) fn holds(&self, known: &Known<'_>) -> Result<bool, String> {
        self.condition.holds(known).map_err(|trouble| self.failed(&trouble))
    }

    /// What it comes to.
    pub(crate) fn value(&self, known: &Known<'_>) -> Result<Value, String> {
        self.condition.value(known).map_err(|trouble| self.failed(&trouble))
    }

    fn failed(&self, trouble: &Trouble) -> String {
        format!("`{}` cannot be told: {trouble}", self.text)
    }

    /// Each part with what it says.
    pub(crate) fn why(&self, known: &Known<'_>) -> Vec<Clause> {
        let mut left = MAX_VALUES;
        let mut value = |(fact, fields): (&Fact, Vec<&str>)| {
            let found = fields.iter().try_fold(known.at(fact)?, |value, field| value.get(*field))?;
            let name = fact.iter().map(|piece| &**piece).chain(fields).collect::<Vec<_>>().join(".");
            let (kept, size) = shortened(found, MAX_VALUE.min(left));
            left = left.saturating_sub(size);
            Some((name, kept))
        };
        let mut clause = |text: &str, condition: &Condition<Fact>| Clause {
            text: text.to_owned(),
            holds: match condition.holds(known) {
                Ok(true) => Truth::True,
                Ok(false) => Truth::False,
                Err(_) => Truth::Unknown,
            },
            values: condition.asked().into_iter().filter_map(&mut value).collect(),
        };
        if self.clauses.is_empty() {
            return vec![clause(&self.text, &self.condition)];
        }
        self.clauses.iter().map(|(text, condition)| clause(text, condition)).collect()
    }
}

/// What a step gives, or an item of a loop has: names and kinds.
pub(crate) type Outputs = Vec<(&'static str, Kind)>;

/// What expressions can ask about at a place in a workflow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// The kinds of events that start the workflow.
    pub(crate) events: Arc<[EventKind]>,
    /// The kind of the event that is waited for here.
    pub(crate) arrived: Option<EventKind>,
    pub(crate) webhook: bool,
    pub(crate) inputs: Arc<[(String, Kind)]>,
    /// Whether what the run is about is known here.
    pub(crate) running: bool,
    pub(crate) error: bool,
    /// The items of the loops around, the innermost last.
    pub(crate) items: Vec<(String, &'static [(&'static str, Kind)])>,
    /// The steps that may have ended before, with what they give.
    pub(crate) steps: Vec<(Arc<str>, Outputs)>,
}

const EVENT: &[(&str, Type)] =
    &[("kind", Type::Text), ("at", Type::Text), ("application", Type::Text), ("position", Type::Number)];
const RUN: &[(&str, Type)] = &[("id", Type::Text), ("started_at", Type::Text), ("workflow", Type::Text)];
const ERROR: &[(&str, Type)] = &[("step", Type::Text), ("message", Type::Text), ("kind", Type::Text)];

impl Scope {
    fn roots(&self) -> Vec<Cow<'_, str>> {
        let mut roots: Vec<Cow<'_, str>> = self.items.iter().map(|(name, _)| name.into()).collect();
        let there = [
            ("event", !self.events.is_empty()),
            ("webhook", self.webhook),
            ("arrived", self.arrived.is_some()),
            ("inputs", !self.inputs.is_empty()),
            ("steps", !self.steps.is_empty()),
            ("run", self.running),
            ("subject", self.running),
            ("requester", self.running),
            ("error", self.error),
        ];
        roots.extend(there.iter().filter(|(_, there)| *there).map(|(name, _)| Cow::from(*name)));
        roots
    }

    /// What stands behind `path`: a fact, a record, or nothing.
    fn event<'s>(kinds: &[EventKind], rest: &[&str]) -> Answer<'s> {
        let users = kinds.iter().any(|kind| kind.concerns_users());
        let ids = if users { EVENT_IDS } else { &[] };
        match rest {
            [] => {
                let own = EVENT.iter().map(|(name, _)| *name).chain(ids.iter().copied()).chain(["data"]);
                Answer::Record(own.map(Cow::from).collect())
            }
            ["data", rest @ ..] => {
                let fields = kinds.iter().flat_map(|kind| kind.fields());
                let mut named: Vec<(&str, Type)> = fields.map(|field| (field.name, in_event(field.kind))).collect();
                // Of events that call two things by one name, it could be either.
                for at in 0..named.len() {
                    let Some((name, kind)) = named.get(at).copied() else { continue };
                    if named.iter().any(|(other, another)| *other == name && *another != kind) {
                        named.iter_mut().filter(|(other, _)| *other == name).for_each(|(_, kind)| *kind = Type::Any);
                    }
                }
                Answer::among(&named, rest)
            }
            _ => {
                let mut named = EVENT.to_vec();
                named.extend(ids.iter().map(|id| (*id, Type::Text)));
                named.push(("data", Type::Map));
                Answer::among(&named, rest)
            }
        }
    }

    fn answer(&self, path: &[&str]) -> Answer<'_> {
        let Some((root, rest)) = path.split_first() else { return Answer::Record(self.roots()) };
        if let Some((_, fields)) = self.items.iter().rev().find(|(name, _)| name == root) {
            return Answer::among(&typed(fields), rest);
        }
        match *root {
            "event" if !self.events.is_empty() => Self::event(&self.events, rest),
            "arrived" if self.arrived.is_some() => Self::event(self.arrived.as_slice(), rest),
            "webhook" if self.webhook => Answer::among(&[("body", Type::Map)], rest),
            "run" if self.running => Answer::among(RUN, rest),
            "error" if self.error => Answer::among(ERROR, rest),
            "subject" | "requester" if self.running => {
                if rest.is_empty() {
                    Answer::Fact(Type::Text)
                } else {
                    Answer::Within
                }
            }
            "inputs" if !self.inputs.is_empty() => {
                let named: Vec<(&str, Type)> = self
                    .inputs
                    .iter()
                    .filter_map(|(name, kind)| Some((name.as_str(), kind.in_conditions()?)))
                    .collect();
                match rest {
                    [] => Answer::Record(self.inputs.iter().map(|(name, _)| name.as_str().into()).collect()),
                    [name] => match named.iter().find(|(known, _)| known == name) {
                        Some((_, kind)) => Answer::Fact(*kind),
                        None => Answer::Nothing(self.inputs.iter().map(|(name, _)| name.as_str().into()).collect()),
                    },
                    _ => Answer::Within,
                }
            }
            "steps" if !self.steps.is_empty() => match rest {
                [] => Answer::Record(self.steps.iter().map(|(id, _)| Cow::from(&**id)).collect()),
                [id, rest @ ..] => match self.steps.iter().find(|(known, _)| **known == **id) {
                    Some((_, outputs)) => Answer::among(&typed(outputs), rest),
                    None => Answer::Nothing(self.steps.iter().map(|(id, _)| Cow::from(&**id)).collect()),
                },
            },
            _ if rest.is_empty() => Answer::Nothing(self.roots()),
            _ => Answer::Within,
        }
    }
}

enum Answer<'s> {
    Fact(Type),
    Record(Vec<Cow<'s, str>>),
    Within,
    Nothing(Vec<Cow<'s, str>>),
}

impl Answer<'_> {
    fn among<'s>(fields: &[(&'s str, Type)], rest: &[&str]) -> Answer<'s> {
        let names = || fields.iter().map(|(name, _)| Cow::from(*name)).collect();
        match rest {
            [] => Answer::Record(names()),
            [name] => match fields.iter().find(|(known, _)| known == name) {
                Some((_, kind)) => Answer::Fact(*kind),
                None => Answer::Nothing(names()),
            },
            _ => Answer::Within,
        }
    }
}

fn typed(fields: &[(&'static str, Kind)]) -> Vec<(&'static str, Type)> {
    fields.iter().filter_map(|(name, kind)| Some((*name, kind.in_conditions()?))).collect()
}

const fn in_event(kind: FieldKind) -> Type {
    match kind {
        FieldKind::Bool => Type::Bool,
        FieldKind::Number => Type::Number,
        FieldKind::Text => Type::Text,
        FieldKind::Texts => Type::Texts,
    }
}

impl Schema for Scope {
    type Attribute = Fact;

    fn find(&self, path: &[&str]) -> Found<'_, Fact> {
        match self.answer(path) {
            Answer::Fact(kind) => Found::Attribute(path.iter().map(|piece| Box::from(*piece)).collect(), kind),
            Answer::Record(names) => Found::Record(names),
            Answer::Within => Found::Within,
            Answer::Nothing(names) => Found::Nothing(names),
        }
    }
}

/// An expression as it stands in the file, before it is known what it can ask about.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) place: Place,
    pub(crate) wanted: Type,
    pub(crate) scope: Scope,
    /// Whether it stands in a text that is told to an action: no list and no map does.
    pub(crate) in_text: bool,
}

impl Written {
    /// The facts that it asks of events that may lack them, without asking first whether they are there.
    fn unsure(&self, condition: &Condition<Fact>) -> Vec<(String, EventKind)> {
        let asked = condition.attributes().into_iter().filter_map(|fact| {
            let kinds: &[EventKind] = match fact.first().map(|root| &**root) {
                Some("event") => &self.scope.events,
                Some("arrived") => self.scope.arrived.as_slice(),
                _ => &[],
            };
            let [_, data, name] = &**fact else { return None };
            let kind = kinds.iter().find(|kind| &**data == "data" && kind.may_lack(name))?;
            Some((fact.join("."), *kind))
        });
        asked.filter(|(fact, _)| !self.text.contains(&format!("has({fact})"))).collect()
    }
}

/// The most steps that all expressions of a workflow together may take.
const MAX_COST: u32 = 500_000;

/// Understands all expressions of a file. One that was not is told of, and stands for nothing.
pub(crate) fn understand(written: &[Written], file: &str, mistakes: &mut Mistakes) -> Vec<Option<Expression>> {
    let parts: Vec<Vec<&str>> = written
        .iter()
        .map(|one| if one.wanted == Type::Bool { condition::clauses(&one.text) } else { Vec::new() })
        .map(|clauses| if clauses.len() > 1 { clauses } else { Vec::new() })
        .collect();
    let mut sources = Vec::new();
    for (one, clauses) in written.iter().zip(&parts) {
        sources.push(condition::Source { text: &one.text, schema: &one.scope, wanted: one.wanted });
        sources.extend(clauses.iter().map(|text| condition::Source { text, schema: &one.scope, wanted: Type::Bool }));
    }
    let mut read = condition::read_all(&sources).into_iter();
    let mut cost = 0_u32;
    let mut understood = Vec::new();
    for (one, clauses) in written.iter().zip(&parts) {
        let whole = read.next();
        let clauses: Vec<_> = clauses.iter().map(|text| Some(((*text).to_owned(), read.next()?.ok()?))).collect();
        let condition = match whole {
            Some(Ok(condition)) => condition,
            Some(Err(flaws)) => {
                for mut flaw in flaws {
                    match flaw.message.as_str() {
                        "there is no `item`" => flaw.message.push_str(": it is what a loop is at, and this is in none"),
                        "there is no `steps`" => flaw.message.push_str(": no step can have ended by then"),
                        _ => {}
                    }
                    let place = one.place.within(file, &one.text, flaw.offset);
                    mistakes.suggesting(&place, flaw.message, flaw.suggestion);
                }
                understood.push(None);
                continue;
            }
            None => continue,
        };
        let kind = condition.kind();
        if one.in_text && !matches!(kind, Type::Text | Type::Number | Type::Bool | Type::Any) {
            let message = format!("a text has texts, numbers, true and false in it; this is {}", kind.called());
            mistakes.error(&one.place.within(file, &one.text, 0), message);
        }
        for (fact, kind) in one.unsure(&condition) {
            let message = format!(
                "`{fact}` is not in every `{}`, and where it is missing nothing can be told: ask `has({fact})` first",
                kind.name()
            );
            mistakes.warning(&one.place.within(file, &one.text, 0), message);
        }
        cost = cost.saturating_add(condition.cost());
        if cost > MAX_COST {
            mistakes.error(&one.place, "all expressions together cost too much from here on");
        }
        let clauses = clauses.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default();
        let (text, place) = (one.text.clone(), one.place.clone());
        understood.push(Some(Expression { text, place, condition, clauses }));
    }
    understood
}
