//! The step machine: a run and an input in, the run as it is then and what is to be done out.
//!
//! ```text
//! Definition::begin(Start, now, chance) ─► Advanced { run, effects, history }
//! Definition::advance(run, Input, now, chance) ─► the same, or Refused and nothing changed
//! ```
//!
//! It is a pure function: what it depends on is handed in, time and chance too. Whoever carries it keeps `run` together with the effects in one
//! commit, carries the effects out, and hands back what comes of them. An input that comes twice is refused the second time, and a refusal
//! changes nothing; so whatever was committed can be done again after a crash.
//!
//! How it fails: an error goes to the block that handles it, a `try` or an item of a loop, or else to the run. What was done since that block
//! began, and says how it is undone, is undone first, last things first. Branches that go at once all go to their end. An expression that
//! cannot be told is caught by nothing. Cancelling and the run's time-out end what waits and let what acts come to its end; and `finally` is
//! done always.

mod acting;
mod blocks;
mod loops;
mod start;
mod state;
mod waiting;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use domain::{Aal, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bounds::{cleaned, cleaned_map, without_zeros};
use crate::definition::{Definition, Excluded, StepId};
use crate::expression::Clause;

pub use start::{Cause, Start, event_json};
pub(crate) use state::Node;
use state::Timer;
pub use state::{Awaited, Extent, Failure, FailureKind, Key, Outcome, Phase, Progress, Run, STATE_VERSION, Told, Wait};

/// The most bytes that one step gives.
pub const MAX_OUTPUT: usize = 16 * 1024;
/// The most bytes that all steps under way give together, and that an event or inputs have.
pub const MAX_KEPT: usize = 128 * 1024;
/// The most signals that wait to be asked for.
pub const MAX_INBOX: usize = 64;
/// How many items of a query are asked for at once.
pub const PAGE: usize = 100;
/// How long an attempt is put off that cannot be made where it was to be.
pub const POSTPONED: Duration = Duration::from_secs(30);
/// How deep calls of workflows go.
pub const MAX_CALLS: u32 = 8;
/// The name under which what undoes an action is told which things that had changed, as a list of ids. No parameter is called so.
pub const ONLY: &str = "$only";
/// The most ids of things that one step changed and that are kept to undo it.
const MAX_CHANGED: usize = 2000;
/// How many positions of signals are remembered one by one.
const MAX_SEEN: usize = 256;

/// What happens to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// An attempt went well.
    Done {
        /// Of which step.
        key: Key,
        /// Which attempt.
        attempt: u32,
        /// What it gives.
        outputs: Map<String, Value>,
        /// What it changed.
        #[serde(default)]
        changed: Changed,
    },
    /// A part of an attempt went well, and there is more of it to be done. Numbers that parts give are added up.
    Part {
        /// Of which step.
        key: Key,
        /// Which attempt.
        attempt: u32,
        /// Which part, from 1.
        part: u32,
        /// What it gives.
        outputs: Map<String, Value>,
        /// What it changed.
        #[serde(default)]
        changed: Changed,
    },
    /// An attempt failed.
    Failed {
        /// Of which step.
        key: Key,
        /// Which attempt.
        attempt: u32,
        /// Why, for people.
        message: String,
        /// Whether another attempt could go well.
        retryable: bool,
        /// How long the next one waits at least, as whoever was asked says; not longer than the step's `longest` pause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Duration>,
    },
    /// An attempt is not made, as it would do more than may be done without people: it is held for them, whatever the file says.
    Hold {
        /// Of which step.
        key: Key,
        /// Which attempt.
        attempt: u32,
        /// Why, for people.
        message: String,
    },
    /// An attempt could not be made where it was to be, and may be elsewhere or later: it does not count as one.
    Postponed {
        /// Of which step.
        key: Key,
        /// Which attempt.
        attempt: u32,
        /// Until when it was to take, as it was asked for: by that it is told from the same attempt when it is made later.
        until: Timestamp,
        /// Why, for people.
        message: String,
    },
    /// A timer fired.
    Timer(u64),
    /// An event came of a kind that is [awaited](Definition::awaits).
    Signal {
        /// Its position in the log.
        position: i64,
        /// The event, as JSON.
        event: Value,
    },
    /// Somebody approved or not.
    Verdict {
        /// Of which step.
        key: Key,
        /// What they say.
        verdict: Verdict,
    },
    /// Who approved is nobody any more: it does not count, or the same person could do it again by another id.
    Withdrawn {
        /// Of which step.
        key: Key,
        /// Who.
        by: String,
    },
    /// What a query finds.
    Page {
        /// Of which loop.
        key: Key,
        /// Which page, as it was asked for.
        page: u64,
        /// What was found: at most [`PAGE`] items.
        items: Vec<Value>,
        /// From where it goes on; none if this is all.
        next: Option<String>,
        /// How much the loop is about, if that was counted. It is looked at with the first page.
        extent: Option<Extent>,
    },
    /// What a query finds cannot be told: the loop fails.
    NoPage {
        /// Of which loop.
        key: Key,
        /// Which page, as it was asked for.
        page: u64,
        /// Why, for people.
        message: String,
    },
    /// A run that was called is over.
    Ended {
        /// By which step.
        key: Key,
        /// How.
        outcome: Outcome,
    },
    /// The run is to be cancelled.
    Cancel {
        /// Why, for people.
        reason: String,
    },
    /// What is held is to go on.
    Retry(Key),
    /// What is held is given up.
    Discard(Key),
}

impl Input {
    /// As it can be kept in every database: what came back from elsewhere has no zero characters.
    fn cleaned(self) -> Self {
        match self {
            Self::Done { key, attempt, outputs, changed } => {
                Self::Done { key, attempt, outputs: cleaned_map(outputs), changed }
            }
            Self::Part { key, attempt, part, outputs, changed } => {
                Self::Part { key, attempt, part, outputs: cleaned_map(outputs), changed }
            }
            Self::Failed { key, attempt, message, retryable, after } => {
                Self::Failed { key, attempt, message: without_zeros(message), retryable, after }
            }
            Self::Signal { position, event } => Self::Signal { position, event: cleaned(event) },
            Self::Page { key, page, items, next, extent } => {
                Self::Page { key, page, items: items.into_iter().map(cleaned).collect(), next, extent }
            }
            other => other,
        }
    }
}

/// What an action changed, by ids: what undoes it undoes that and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// That is not known: what undoes it is told as it stands in the workflow.
    #[default]
    Unsaid,
    /// These. Where there are none, there is nothing to undo.
    These(Vec<String>),
}

impl Changed {
    /// With what another part changed.
    fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::These(mut ids), Self::These(more)) => {
                ids.extend(more);
                Self::These(ids)
            }
            _ => Self::Unsaid,
        }
    }
}

/// What somebody says who was asked to approve. That they are who they are was proved before, and the proof is signed over run, step and input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Who.
    pub by: String,
    /// Yes or no.
    pub approves: bool,
    /// The roles that they have.
    pub roles: Vec<String>,
    /// What they say they have seen.
    pub evidence: Vec<String>,
    /// The level that they proved.
    pub level: Aal,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Carry an action out, and hand back [`Input::Done`] or [`Input::Failed`].
    Start {
        /// Of which step.
        key: Key,
        /// Run, step and round: the same on every attempt, so that whoever is asked twice can see it.
        idempotency_key: String,
        /// Which action.
        action: String,
        /// What is told to it.
        with: BTreeMap<String, Told>,
        /// Which attempt.
        attempt: u32,
        /// Until when it may take; later it counts as failed.
        until: Timestamp,
    },
    /// Hand back [`Input::Timer`] at a time. A timer that is not waited for any more does no harm.
    SetTimer {
        /// Its number.
        timer: u64,
        /// When.
        at: Timestamp,
    },
    /// An event of this kind is waited for.
    Await {
        /// By which step.
        key: Key,
        /// Its kind.
        event: String,
        /// Until when.
        until: Timestamp,
    },
    /// Ask people, and hand back [`Input::Verdict`].
    Ask {
        /// By which step.
        key: Key,
        /// What they are asked.
        task: Task,
    },
    /// Ask people no more.
    Close {
        /// By which step they were asked.
        key: Key,
        /// What came of it.
        closed: Closed,
    },
    /// Find a page of items, and hand back [`Input::Page`].
    Query {
        /// For which loop.
        key: Key,
        /// Which query.
        query: String,
        /// What is told to it.
        with: BTreeMap<String, Told>,
        /// Which page, from 1.
        page: u64,
        /// From where; none at the beginning.
        cursor: Option<String>,
    },
    /// Start another workflow, and hand back [`Input::Ended`].
    Call {
        /// By which step.
        key: Key,
        /// Run, step and round: a run that this started before is that run.
        idempotency_key: String,
        /// Which workflow.
        workflow: String,
        /// What is told to it.
        inputs: Map<String, Value>,
        /// How deep it is then.
        depth: u32,
    },
    /// Cancel the run that a step called. Its end is still waited for.
    CancelCall(Key),
    /// Something failed for good, and is held: put it on the list of dead letters.
    Hold {
        /// What.
        key: Key,
        /// Why.
        message: String,
    },
    /// The run is over.
    Finish(Outcome),
}

/// What came of what people were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// Enough approved.
    Approved,
    /// Somebody did not.
    Rejected,
    /// The time was over.
    Timeout,
    /// The run went another way: it was cancelled, or took too long as a whole.
    Cancelled,
}

/// What people are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// How many have to approve.
    pub quorum: usize,
    /// Who may.
    pub roles: Vec<String>,
    /// Who may not.
    pub excludes: Vec<Excluded>,
    /// What they have to have seen.
    pub evidence: Vec<String>,
    /// What they have to prove.
    pub level: Aal,
    /// What they are told.
    pub message: Option<String>,
    /// Until when.
    pub until: Timestamp,
}

/// A line of a run's history. It holds no secrets and nothing that was told to actions; but conditions are told with the values that they ask
/// for, and messages of failures with what came back, so it is to be kept where it can be erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// At which step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum What {
    /// The run began.
    Began,
    /// A step began.
    StepBegan,
    /// A step ended well.
    StepDone,
    /// A step failed.
    StepFailed(Failure),
    /// An attempt failed, and there is another one.
    AttemptFailed {
        /// Which attempt.
        attempt: u32,
        /// Why.
        message: String,
        /// When the next one is.
        again_at: Timestamp,
    },
    /// An attempt could not be made where it was to be: it is made later.
    Postponed {
        /// Which attempt.
        attempt: u32,
        /// Why.
        message: String,
        /// When.
        again_at: Timestamp,
    },
    /// Something failed for good, and is held.
    Held(Failure),
    /// Before a loop that takes something from people began, they were counted.
    Foreseen {
        /// How many it is about at most: what its `where` leaves out is among them.
        users: u64,
        /// Whether there was time to count all.
        is_whole: bool,
    },
    /// A condition was looked at.
    Asked {
        /// Whether it held.
        holds: bool,
        /// Its parts.
        clauses: Vec<Clause>,
    },
    /// An event that was waited for came.
    Arrived {
        /// Its position.
        position: i64,
    },
    /// An event that nobody had waited for yet made room for later ones: more came than are kept.
    Dropped {
        /// Its position.
        position: i64,
    },
    /// Somebody approved.
    Approved {
        /// Who.
        by: String,
    },
    /// Somebody did not approve.
    Rejected {
        /// Who.
        by: String,
    },
    /// No other step begins.
    Stopping(Failure),
    /// The run went on to this.
    Phase {
        /// What it does now.
        phase: Phase,
    },
}

/// A run after an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Advanced {
    /// As it is now.
    pub run: Run,
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// What happened.
    pub history: Vec<Entry>,
}

/// Why an input is not taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The run goes by another definition.
    OtherDefinition,
    /// The run was kept by another version of this program.
    OtherVersion,
    /// The run is over.
    Over,
    /// Nothing waits for this: it came before, or too late.
    NotAwaited,
    /// A timer is not due yet.
    Early {
        /// When it is.
        at: Timestamp,
    },
    /// This is more than a run takes.
    TooMuch(&'static str),
    /// Whoever says this may not, or what they say is not enough.
    NotAllowed(&'static str),
    /// What is told to it does not fit.
    Unfit(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherDefinition => f.write_str("the run goes by another definition"),
            Self::OtherVersion => f.write_str("the run was kept by another version of this program"),
            Self::Over => f.write_str("the run is over"),
            Self::NotAwaited => f.write_str("nothing waits for this"),
            Self::Early { at } => write!(f, "this timer is due at {at}"),
            Self::TooMuch(what) => write!(f, "this is more than a run takes: {what}"),
            Self::NotAllowed(why) => f.write_str(why),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Refused {}

impl Definition {
    /// What becomes of a run as something happens to it. `chance` is a random number; that it is another one each time is all that is asked.
    ///
    /// # Errors
    /// The input is not taken; the run is as it was.
    pub fn advance(&self, run: &Run, input: Input, now: Timestamp, chance: u64) -> Result<Advanced, Refused> {
        if run.version != STATE_VERSION {
            return Err(Refused::OtherVersion);
        }
        if run.digest != self.digest {
            return Err(Refused::OtherDefinition);
        }
        if run.outcome().is_some() {
            return Err(Refused::Over);
        }
        let mut machine = Machine::new(self, run.clone(), now, chance);
        machine.take(input)?;
        machine.settle();
        Ok(Advanced { run: machine.run, effects: machine.effects, history: machine.history })
    }
}

/// What a step came to.
type Ended = Result<Map<String, Value>, Failure>;

/// What is still to be done within one input.
enum Next {
    Begin(StepId, Vec<u64>),
    Ended(StepId, Vec<u64>, Ended),
    /// A block came to its end, with the failure of its last step, if it failed.
    BlockOver(crate::definition::BlockId, Vec<u64>, Result<(), Failure>),
}

struct Machine<'a> {
    definition: &'a Definition,
    run: Run,
    now: Timestamp,
    chance: u64,
    effects: Vec<Effect>,
    history: Vec<Entry>,
    next: VecDeque<Next>,
}

impl<'a> Machine<'a> {
    fn new(definition: &'a Definition, run: Run, now: Timestamp, chance: u64) -> Self {
        let (effects, history, next) = (Vec::new(), Vec::new(), VecDeque::new());
        Self { definition, run, now, chance, effects, history, next }
    }

    fn take(&mut self, input: Input) -> Result<(), Refused> {
        match input.cleaned() {
            Input::Done { key, attempt, outputs, changed } => self.done(&key, attempt, outputs, changed),
            Input::Part { key, attempt, part, outputs, changed } => {
                self.part_done(&key, attempt, part, outputs, changed)
            }
            Input::Failed { key, attempt, message, retryable, after } => {
                self.failed(&key, attempt, message, retryable.then_some(after.unwrap_or_default()))
            }
            Input::Hold { key, attempt, message } => self.hold(&key, attempt, message),
            Input::Postponed { key, attempt, until, message } => self.postponed(&key, attempt, until, message),
            Input::Timer(number) => self.fired(number),
            Input::Signal { position, event } => self.signal(position, event),
            Input::Verdict { key, verdict } => self.verdict(&key, verdict),
            Input::Withdrawn { key, by } => self.verdict_withdrawn(&key, &by),
            Input::Page { key, page, items, next, extent } => self.page(&key, page, items, next, extent),
            Input::NoPage { key, page, message } => self.no_page(&key, page, message),
            Input::Ended { key, outcome } => self.call_ended(&key, outcome),
            Input::Cancel { reason } => self.cancel(reason),
            Input::Retry(key) => self.retry(&key),
            Input::Discard(key) => self.discard(&key),
        }
    }

    /// Goes on until something is waited for. Each round begins or ends a step, and there are only so many.
    fn settle(&mut self) {
        while let Some(next) = self.next.pop_front() {
            match next {
                Next::Begin(step, iteration) => self.begin_step(step, iteration),
                Next::Ended(step, iteration, ended) => self.step_ended(step, iteration, ended),
                Next::BlockOver(block, iteration, ended) => self.block_over(block, iteration, ended),
            }
        }
    }

    fn fired(&mut self, number: u64) -> Result<(), Refused> {
        let due = |timer: Option<Timer>| timer.filter(|timer| timer.number == number);
        if let Some(timer) = due(self.run.deadline) {
            self.is_due(timer)?;
            self.run.deadline = None;
            let message = "the run took longer than it may".to_owned();
            self.stop(&Failure { step: None, kind: FailureKind::Deadline, message });
            return Ok(());
        }
        let found = self.run.nodes.iter().find_map(|(key, node)| Some((key.clone(), due(node.timer())?)));
        let Some((key, timer)) = found else { return Err(Refused::NotAwaited) };
        self.is_due(timer)?;
        match self.run.nodes.get(&key) {
            Some(Node::Acting { .. }) => self.attempt_over(&key),
            Some(Node::Resting { .. }) => self.another_attempt(&key),
            Some(Node::ForEach(_)) => self.loop_timer(&key),
            Some(Node::Calling { .. }) => self.call_over(&key),
            _ => self.waited(&key),
        }
        Ok(())
    }

    fn is_due(&self, timer: Timer) -> Result<(), Refused> {
        if timer.at > self.now { Err(Refused::Early { at: timer.at }) } else { Ok(()) }
    }

    fn timer(&mut self, after: Duration) -> Timer {
        self.timer_at(self.now.plus(after))
    }

    fn timer_at(&mut self, at: Timestamp) -> Timer {
        self.run.timers += 1;
        let timer = Timer { number: self.run.timers, at };
        self.effects.push(Effect::SetTimer { timer: timer.number, at });
        timer
    }

    fn tell(&mut self, key: Option<&Key>, what: What) {
        self.history.push(Entry { at: self.now, key: key.cloned(), what });
    }

    fn key(&self, step: StepId, iteration: &[u64]) -> Key {
        let id = self.definition.step(step).map(|step| step.id.clone()).unwrap_or_default();
        Key { step: id, iteration: iteration.to_vec(), undo: false }
    }

    fn idempotency_key(&self, key: &Key) -> String {
        format!("{}/{key}", self.run.id)
    }

    /// The step of a key that is not about undoing.
    fn step_of(&self, key: &Key) -> Option<StepId> {
        self.definition.step_named(&key.step).map(|(id, _)| id)
    }

    /// Goes on from a step that has come to its end.
    fn end(&mut self, key: &Key, ended: Ended) {
        self.run.nodes.remove(key);
        if let Some(step) = self.step_of(key) {
            self.next.push_back(Next::Ended(step, key.iteration.clone(), ended));
        }
    }
}
