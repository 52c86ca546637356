//! What is kept of a run between two inputs: all of it, and as JSON.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;

use domain::{EventKind, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Changed;
use crate::Definition;

/// The version of what is kept. What was kept by another is not read.
pub const STATE_VERSION: u16 = 1;

/// Which step, and in which rounds of the loops around it: what an effect of a run is known by, the same on every attempt.
///
/// In text `step`, `step@17` or `step@17.3`, with `!undo` behind it for what undoes the step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The id of the step.
    pub step: String,
    /// The number of the item in each loop around it, the outermost first.
    pub iteration: Vec<u64>,
    /// It is undone.
    pub undo: bool,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.step)?;
        for (i, item) in self.iteration.iter().enumerate() {
            write!(f, "{}{item}", if i == 0 { '@' } else { '.' })?;
        }
        if self.undo { f.write_str("!undo") } else { Ok(()) }
    }
}

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NONE: &str = "this is no key of a step";
        let (text, undo) = text.strip_suffix("!undo").map_or((text, false), |text| (text, true));
        let (step, iteration) = match text.split_once('@') {
            Some((step, items)) => {
                let items: Result<_, _> = items.split('.').map(str::parse).collect();
                (step, items.map_err(|_| NONE)?)
            }
            None => (text, Vec::new()),
        };
        if step.is_empty() { Err(NONE) } else { Ok(Self { step: step.to_owned(), iteration, undo }) }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A run, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub(crate) version: u16,
    pub(crate) id: String,
    pub(crate) workflow: String,
    pub(crate) digest: String,
    pub(crate) started_at: Timestamp,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) depth: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) event: Option<Value>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) webhook: Option<Value>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) inputs: Map<String, Value>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) subject: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) requester: Option<String>,
    pub(crate) phase: Phase,
    /// The timer of its end, while there is one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) deadline: Option<Timer>,
    pub(crate) timers: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) nodes: BTreeMap<Key, Node>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) outputs: BTreeMap<Key, Map<String, Value>>,
    /// How many bytes `outputs` has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) kept: usize,
    /// What was done of steps that are done in parts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) parts: BTreeMap<Key, Part>,
    /// What would undo what was done, in the order in which it was.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) undo: Vec<Undo>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) undoing: Vec<Undoing>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) inbox: Vec<Signal>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) seen: BTreeSet<i64>,
    /// The highest position of those seen that are remembered no more.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) floor: i64,
    /// Why no other step begins.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) stopping: Option<Failure>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) failure: Option<Failure>,
    /// What could not be undone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) not_undone: Vec<Key>,
}

/// A million runs that wait are kept: what says nothing is left out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its steps.
    Main,
    /// What was done is undone.
    Undoing,
    /// `on_error`.
    OnError,
    /// `finally`.
    Finally,
    /// It is over.
    Over(Outcome),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Completed,
    /// A step failed, or it took too long.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl Outcome {
    /// The outcome in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timer {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
}

/// A step that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Node {
    /// An attempt is under way.
    Acting {
        attempt: u32,
        timer: Timer,
    },
    /// It is tried again later.
    Resting {
        attempt: u32,
        timer: Timer,
    },
    /// Somebody has to look at it.
    Held {
        attempt: u32,
        failure: Failure,
    },
    /// For a time, or for an event.
    Waiting {
        timer: Timer,
    },
    Approving {
        timer: Timer,
        approvers: Vec<String>,
    },
    /// `giving_up`: it was cancelled, for this reason, and its end is waited for.
    Calling {
        timer: Option<Timer>,
        giving_up: Option<Failure>,
    },
    Switch,
    Parallel {
        open: usize,
        failed: Option<(usize, Failure)>,
    },
    ForEach(Box<Loop>),
    Try {
        error: Option<Failure>,
    },
}

/// How much a loop is about: counted once, before it begins, and kept with it. What its `where` leaves out is among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// How many items its query finds.
    pub items: u64,
    /// About how many users they are.
    pub users: u64,
    /// Whether there was time to count all; there may be more of both otherwise.
    pub is_whole: bool,
    /// How many users workflows had left with nothing to prove by in their day until then, where the loop takes something from them.
    pub shut_out: u64,
}

/// How far a loop is, in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// So many ended well.
    pub done: u64,
    /// So many failed.
    pub failed: u64,
    /// So many its `where` left out.
    pub skipped: u64,
    /// Of how many in all, where they were counted.
    pub of: Option<u64>,
}

/// A step that waits, for what, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait<'a> {
    /// The step.
    pub key: &'a Key,
    /// For what.
    pub awaited: Awaited,
    /// Until when, where that has an end of its own.
    pub until: Option<Timestamp>,
}

/// What a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// That time goes by.
    Time,
    /// An event of this kind.
    Event(EventKind),
    /// That people decide.
    People,
    /// The end of a run that it called.
    Run,
    /// Its next attempt.
    Retry,
}

impl Awaited {
    /// What it is in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Event(_) => "event",
            Self::People => "people",
            Self::Run => "run",
            Self::Retry => "retry",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Loop {
    pub(crate) with: BTreeMap<String, Told>,
    /// Which page is waited for, from 1; none if none is.
    pub(crate) asked: Option<u64>,
    pub(crate) pages: u64,
    pub(crate) cursor: Option<String>,
    pub(crate) exhausted: bool,
    pub(crate) queue: VecDeque<Value>,
    pub(crate) active: BTreeMap<u64, Value>,
    /// The number of the next item.
    pub(crate) next: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// How much it is about, where that was counted.
    pub(crate) extent: Option<Extent>,
    /// How many go first.
    pub(crate) canary: Option<u64>,
    /// When the next item may begin.
    pub(crate) next_at: Timestamp,
    pub(crate) timer: Option<Timer>,
    /// What ended before somebody looked at it is not held against it again: done and failed by then.
    pub(crate) forgiven: (u64, u64),
    pub(crate) held: bool,
    pub(crate) failure: Option<Failure>,
}

/// What is told to an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// A value.
    Value(Value),
    /// Where a secret is: `env:NAME` or `file:PATH`. Whoever carries the action out looks there, and tells nobody.
    Secret(String),
}

/// What was done of a step so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// How many parts there were.
    pub(crate) parts: u32,
    pub(crate) outputs: Map<String, Value>,
    pub(crate) changed: Changed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) key: Key,
    pub(crate) with: BTreeMap<String, Told>,
}

/// Something is undone before it goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undoing {
    pub(crate) owner: Owner,
    /// The next one is the last.
    pub(crate) left: Vec<Undo>,
    pub(crate) current: Undo,
    pub(crate) failure: Failure,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Owner {
    Run,
    Try(Key),
    Item(Key, u64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signal {
    pub(crate) position: i64,
    pub(crate) event: Value,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// At which step; none where it was the run as a whole.
    pub step: Option<String>,
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// For people.
    pub message: String,
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An action failed at every attempt.
    Action,
    /// An expression could not be told. Nothing catches that: it says that the workflow is wrong.
    Expression,
    /// Something was waited for in vain.
    Timeout,
    /// Somebody did not approve.
    Rejected,
    /// It would have left people with nothing to prove by, and was not let.
    ShutOut,
    /// A workflow that was called failed.
    Call,
    /// Too many items of a loop failed, or there were too many.
    Loop,
    /// A step `fail`.
    Explicit,
    /// The run took too long.
    Deadline,
    /// The run was cancelled.
    Cancelled,
}

impl Failure {
    pub(crate) fn at(key: &Key, kind: FailureKind, message: impl Into<String>) -> Self {
        Self { step: Some(key.step.clone()), kind, message: message.into() }
    }
}

impl FailureKind {
    /// Whether `catch`, or a loop over items, goes on after it.
    pub(crate) const fn is_caught(self) -> bool {
        !matches!(self, Self::Expression | Self::Deadline | Self::Cancelled)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Expression => "expression",
            Self::Timeout => "timeout",
            Self::Rejected => "rejected",
            Self::ShutOut => "shut_out",
            Self::Call => "call",
            Self::Loop => "loop",
            Self::Explicit => "explicit",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Run {
    /// Ours.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which workflow.
    pub fn workflow(&self) -> &str {
        &self.workflow
    }

    /// The digest of the definition that it began with, and goes by to its end.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whom it is about.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Who started it, where that was a person.
    pub fn requester(&self) -> Option<&str> {
        self.requester.as_deref()
    }

    /// The events that it waited for and that came, as far as steps to come may see them.
    pub fn arrived(&self) -> impl Iterator<Item = &Value> {
        let arrived = |outputs: &&Map<String, Value>| outputs.get("outcome").is_some_and(|outcome| outcome == "event");
        self.outputs.values().filter(arrived).filter_map(|outputs| outputs.get("event"))
    }

    /// How far it is.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// How it ended, if it did.
    pub const fn outcome(&self) -> Option<Outcome> {
        match self.phase {
            Phase::Over(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Why it failed, if it did.
    pub const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What was to be undone and could not be.
    pub fn not_undone(&self) -> &[Key] {
        &self.not_undone
    }

    /// The steps that are under way.
    pub fn under_way(&self) -> impl Iterator<Item = &Key> {
        self.nodes.keys()
    }

    /// Whether something is done for a step just now, or is to be found out: what an effect began is still waited for.
    pub fn acts(&self, key: &Key) -> bool {
        match self.nodes.get(key) {
            Some(Node::Acting { .. } | Node::Calling { .. }) => true,
            Some(Node::ForEach(each)) => each.asked.is_some(),
            _ => false,
        }
    }

    /// How many parts of a step are done already.
    pub fn parts(&self, key: &Key) -> u32 {
        self.parts.get(key).map_or(0, |part| part.parts)
    }

    /// The names of what they gave.
    pub fn given_in_parts(&self, key: &Key) -> impl Iterator<Item = &str> {
        self.parts.get(key).into_iter().flat_map(|part| part.outputs.keys().map(String::as_str))
    }

    /// How many calls deep it is: 0 for one that no workflow called.
    pub const fn depth(&self) -> u32 {
        self.depth
    }

    /// The steps that are held for somebody to look at.
    pub fn held(&self) -> impl Iterator<Item = &Key> {
        let held = |node: &Node| match node {
            Node::Held { .. } => true,
            Node::ForEach(each) => each.held,
            _ => false,
        };
        self.nodes.iter().filter(move |(_, node)| held(node)).map(|(key, _)| key)
    }

    /// Those of them that wait for people to let them: what they would do leaves somebody with nothing to prove by.
    pub fn held_for_people(&self) -> impl Iterator<Item = &Key> {
        let held = |node: &Node| matches!(node, Node::Held { failure, .. } if failure.kind == FailureKind::ShutOut);
        self.nodes.iter().filter(move |(_, node)| held(node)).map(|(key, _)| key)
    }

    /// When its next timer is due.
    pub fn next_timer(&self) -> Option<(u64, Timestamp)> {
        let timers = self.nodes.values().filter_map(Node::timer).chain(self.deadline);
        timers.map(|timer| (timer.at, timer.number)).min().map(|(at, number)| (number, at))
    }

    /// The steps that wait for something; `definition` is what the run goes by.
    pub fn waits<'a>(&'a self, definition: &'a Definition) -> impl Iterator<Item = Wait<'a>> {
        self.nodes.iter().filter_map(|(key, node)| {
            let awaited = match node {
                Node::Waiting { .. } => definition.awaited_by(&key.step).map_or(Awaited::Time, Awaited::Event),
                Node::Approving { .. } => Awaited::People,
                Node::Calling { .. } => Awaited::Run,
                Node::Resting { .. } => Awaited::Retry,
                _ => return None,
            };
            Some(Wait { key, awaited, until: node.timer().map(|timer| timer.at) })
        })
    }

    /// The loops that are under way, and how far they are.
    pub fn progress(&self) -> impl Iterator<Item = (&Key, Progress)> {
        self.nodes.iter().filter_map(|(key, node)| match node {
            Node::ForEach(each) => {
                let Loop { done, failed, skipped, .. } = **each;
                Some((key, Progress { done, failed, skipped, of: each.total() }))
            }
            _ => None,
        })
    }
}

impl Loop {
    /// How many items there are, if they were all counted.
    pub(crate) fn total(&self) -> Option<u64> {
        self.extent.filter(|extent| extent.is_whole).map(|extent| extent.items)
    }
}

impl Node {
    pub(crate) fn timer(&self) -> Option<Timer> {
        match self {
            Self::Acting { timer, .. }
            | Self::Resting { timer, .. }
            | Self::Waiting { timer }
            | Self::Approving { timer, .. } => Some(*timer),
            Self::Calling { timer, .. } => *timer,
            Self::ForEach(each) => each.timer,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_from_their_text() {
        for text in ["tell", "tell@0", "tell@17.3", "tell!undo", "tell@17.3!undo"] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for wrong in ["", "@1", "tell@", "tell@a", "!undo"] {
            assert!(wrong.parse::<Key>().is_err(), "{wrong}");
        }
    }
}
