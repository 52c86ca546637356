//! Runs that are rehearsed: the machine itself, with effects that are made up and a clock that jumps. Nothing is done.
//!
//! ```text
//! Rehearsal::begin ─► wanted? ─► act, page ─► … ─► fire, tell ─► … ─► ended
//! ```
//!
//! Whoever drives it says what actions give and what queries find, and how time goes on. That people approve or do not, and that workflows which
//! are called end well, is assumed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use domain::Timestamp;
use serde_json::{Map, Value, json};

use crate::definition::Definition;
use crate::machine::{
    Advanced, Changed, Effect, Entry, Input, Key, Node, Outcome, Refused, Run, Start, Task, Told, Verdict, What,
};
use crate::vocabulary::{Action, Kind};

/// The most inputs that one rehearsal takes: one that goes on for ever is told of.
const MAX_INPUTS: u64 = 50_000;

/// What is assumed where nobody can know.
#[derive(Debug, Clone, Default)]
pub struct Assumed {
    /// Whether people approve; otherwise nobody answers, and the time of each approval runs out.
    pub approve: bool,
    /// What steps give, by their ids, where it is not what is made up.
    pub results: BTreeMap<String, Map<String, Value>>,
}

/// A run that is rehearsed.
#[derive(Debug)]
pub struct Rehearsal {
    definition: Arc<Definition>,
    run: Run,
    now: Timestamp,
    assumed: Arc<Assumed>,
    effects: VecDeque<Effect>,
    inputs: u64,
    waits: Vec<Waited>,
    calls: Vec<(String, String)>,
    history: Vec<Entry>,
}

/// Something that a rehearsal wants to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// What an action gives: [`Rehearsal::act`].
    Act {
        /// By which step.
        key: Key,
        /// Which action.
        action: String,
        /// What is told to it.
        with: BTreeMap<String, Told>,
        /// Which attempt.
        attempt: u32,
    },
    /// A page of what a query finds: [`Rehearsal::page`].
    Page {
        /// For which loop.
        key: Key,
        /// Which query.
        query: String,
        /// What is told to it.
        with: BTreeMap<String, Told>,
        /// Which page.
        page: u64,
        /// From where.
        cursor: Option<String>,
    },
}

/// How a wait or an approval came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitEnd {
    /// Its time went by.
    Time,
    /// The event that was waited for was in the log.
    Event,
    /// People approved, as was assumed.
    Approved,
}

impl WaitEnd {
    /// The end in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "timeout",
            Self::Event => "event",
            Self::Approved => "approved",
        }
    }
}

/// A wait or an approval that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// Which step.
    pub step: String,
    /// How it ended.
    pub end: WaitEnd,
}

impl Rehearsal {
    /// Begins a run at a time.
    ///
    /// # Errors
    /// Nothing starts it, or what is told to it does not fit.
    pub fn begin(
        definition: Arc<Definition>,
        start: Start,
        now: Timestamp,
        assumed: Arc<Assumed>,
    ) -> Result<Self, Refused> {
        let Advanced { run, effects, history } = definition.begin(start, now, 0)?;
        let (waits, calls) = (Vec::new(), Vec::new());
        Ok(Self { definition, run, now, assumed, effects: effects.into(), inputs: 0, waits, calls, history })
    }

    /// What it wants to know before it goes on; nothing where it waits or is over.
    pub fn wanted(&mut self) -> Option<Wanted> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Start { key, action, with, attempt, .. } => {
                    return Some(Wanted::Act { key, action, with, attempt });
                }
                Effect::Query { key, query, with, page, cursor, .. } => {
                    return Some(Wanted::Page { key, query, with, page, cursor });
                }
                Effect::Call { key, workflow, .. } => {
                    self.calls.push((key.step.clone(), workflow));
                    self.take(Input::Ended { key, outcome: Outcome::Completed });
                }
                Effect::CancelCall(key) => self.take(Input::Ended { key, outcome: Outcome::Cancelled }),
                Effect::Ask { key, task } if self.assumed.approve => self.approve(&key, &task),
                _ => {}
            }
        }
        None
    }

    /// An action went well.
    pub fn act(&mut self, key: Key, attempt: u32, outputs: Map<String, Value>) {
        let outputs = self.assumed.results.get(&key.step).cloned().unwrap_or(outputs);
        self.take(Input::Done { key, attempt, outputs, changed: Changed::default() });
    }

    /// An action would have failed.
    pub fn fail(&mut self, key: Key, attempt: u32, message: String) {
        self.take(Input::Failed { key, attempt, message, retryable: false, after: None });
    }

    /// A page of what a query finds.
    pub fn page(&mut self, key: Key, page: u64, items: Vec<Value>, next: Option<String>) {
        self.take(Input::Page { key, page, items, next, extent: None });
    }

    /// What a query was to find cannot be told.
    pub fn no_page(&mut self, key: Key, page: u64, message: String) {
        self.take(Input::NoPage { key, page, message });
    }

    /// An event came that it may wait for.
    pub fn tell(&mut self, position: i64, event: Value, at: Timestamp) {
        self.now = self.now.max(at);
        self.take(Input::Signal { position, event });
    }

    /// It is cancelled.
    pub fn cancel(&mut self, reason: String, at: Timestamp) {
        self.now = self.now.max(at);
        self.take(Input::Cancel { reason });
    }

    /// When it goes on by itself; never where it is over, or held for somebody.
    pub fn due(&self) -> Option<Timestamp> {
        self.run.next_timer().filter(|_| !self.is_at_rest()).map(|(_, at)| at)
    }

    /// Moves its clock to where it goes on by itself.
    pub fn fire(&mut self) {
        let Some((number, at)) = self.run.next_timer() else { return };
        self.now = self.now.max(at);
        let step = self.run.nodes.iter().find_map(|(key, node)| {
            let is_it = node.timer().is_some_and(|timer| timer.number == number);
            let waits = matches!(node, Node::Waiting { .. } | Node::Approving { .. });
            (is_it && waits).then(|| key.step.clone())
        });
        self.waits.extend(step.map(|step| Waited { step, end: WaitEnd::Time }));
        self.take(Input::Timer(number));
    }

    /// Whether nothing comes of it any more: it is over, held for somebody, or goes on for ever.
    pub fn is_at_rest(&self) -> bool {
        self.run.outcome().is_some() || self.is_held() || self.is_endless()
    }

    /// Whether it went on for longer than is looked at.
    pub const fn is_endless(&self) -> bool {
        self.inputs >= MAX_INPUTS
    }

    /// Whether it waits for somebody to look at what failed.
    pub fn is_held(&self) -> bool {
        self.run.held().next().is_some()
    }

    /// The run, as it is now.
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// Its clock.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The waits and approvals that came to their end since this was asked last.
    pub fn take_waits(&mut self) -> Vec<Waited> {
        std::mem::take(&mut self.waits)
    }

    /// The workflows that were called since this was asked last, by the step that did.
    pub fn take_calls(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.calls)
    }

    /// What happened since this was asked last.
    pub fn take_history(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.history)
    }

    fn take(&mut self, input: Input) {
        self.inputs += 1;
        // What is refused changes nothing: it came for what is over by now.
        let Ok(advanced) = self.definition.advance(&self.run, input, self.now, self.inputs) else { return };
        self.run = advanced.run;
        self.effects.extend(advanced.effects);
        for entry in &advanced.history {
            if let (What::Arrived { .. }, Some(key)) = (&entry.what, &entry.key) {
                self.waits.push(Waited { step: key.step.clone(), end: WaitEnd::Event });
            }
        }
        self.history.extend(advanced.history);
    }

    fn approve(&mut self, key: &Key, task: &Task) {
        for number in 1..=task.quorum {
            let verdict = Verdict {
                by: format!("somebody {number}"),
                approves: true,
                roles: task.roles.clone(),
                evidence: task.evidence.clone(),
                level: task.level,
            };
            self.take(Input::Verdict { key: key.clone(), verdict });
        }
        self.waits.push(Waited { step: key.step.clone(), end: WaitEnd::Approved });
    }
}

impl Action {
    /// What it is made up to give where it is not carried out: of each kind something that holds nothing.
    pub fn made_up(&self) -> Map<String, Value> {
        let made_up = |name: &str, kind: Kind| match kind {
            Kind::Number | Kind::Span if name == "status" => json!(200),
            Kind::Number | Kind::Span => json!(1),
            Kind::Bool => json!(true),
            Kind::Texts => json!([]),
            Kind::Any => json!({}),
            _ => json!("made up"),
        };
        self.gives.iter().map(|(name, kind)| ((*name).to_owned(), made_up(name, *kind))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::machine::Cause;

    const FILE: &str = r#"
apiVersion: countersign/v1
kind: Workflow
metadata: {name: w}
triggers:
  - event: authenticator.lost
    when: event.data.reason != "workflow"
subject: ${event.user}
steps:
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
  - id: back
    wait: {event: authenticator.activated, where: arrived.user == subject, timeout: 2h, on_timeout: continue}
  - id: asked
    approval: {roles: [helpdesk], timeout: 1d, on_timeout: continue}
  - id: which
    switch:
      - when: steps.asked.outcome == "approved"
        steps:
          - {id: unlock, action: user.unlock, with: {user: "${subject}"}}
"#;

    fn rehearse(approve: bool, back: bool) -> (Vec<String>, Vec<Waited>, Rehearsal) {
        let definition = Arc::new(Definition::read("w.yaml", FILE).unwrap());
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let event =
            |kind: &str| json!({ "kind": kind, "user": "usr_7", "position": 1, "data": { "reason": "requested" } });
        let start = Start {
            id: "run_1".to_owned(),
            cause: Cause::Event(event("authenticator.lost")),
            requester: None,
            depth: 0,
        };
        let assumed = Arc::new(Assumed { approve, ..Assumed::default() });
        let mut rehearsal = Rehearsal::begin(definition, start, now, assumed).unwrap();
        let mut done = Vec::new();
        let mut told = !back;
        loop {
            while let Some(wanted) = rehearsal.wanted() {
                let Wanted::Act { key, action, attempt, .. } = wanted else { panic!("{wanted:?}") };
                done.push(key.step.clone());
                rehearsal.act(key, attempt, Action::named(&action).unwrap().made_up());
            }
            if !std::mem::replace(&mut told, true) {
                rehearsal.tell(2, event("authenticator.activated"), now.plus(Duration::from_mins(5)));
            } else if rehearsal.due().is_some() {
                rehearsal.fire();
            } else {
                let waits = rehearsal.take_waits();
                return (done, waits, rehearsal);
            }
        }
    }

    fn waits(waits: &[Waited]) -> Vec<(&str, &str)> {
        waits.iter().map(|waited| (waited.step.as_str(), waited.end.name())).collect()
    }

    #[test]
    fn w10_a_rehearsal_goes_to_its_end_by_what_is_assumed() {
        let (done, waited, rehearsal) = rehearse(true, true);
        assert_eq!(done, ["lock", "unlock"]);
        assert_eq!(waits(&waited), [("back", "event"), ("asked", "approved")]);
        assert_eq!(rehearsal.run().outcome(), Some(Outcome::Completed));

        let (done, waited, rehearsal) = rehearse(false, false);
        assert_eq!(done, ["lock"]);
        assert_eq!(waits(&waited), [("back", "timeout"), ("asked", "timeout")]);
        let took = rehearsal.now().since(Timestamp::from_unix_millis(1_800_000_000_000));
        assert_eq!(took, Duration::from_hours(26), "two hours and a day, none of which went by");
    }

    #[test]
    fn w09_what_is_held_for_people_waits_until_they_let_it_and_can_be_given_up() {
        let definition = Definition::read("w.yaml", FILE).unwrap();
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let event = json!({ "kind": "authenticator.lost", "user": "usr_7", "data": { "reason": "requested" } });
        let start = Start { id: "run_1".to_owned(), cause: Cause::Event(event), requester: None, depth: 0 };
        let begun = definition.begin(start, now, 0).unwrap();
        let key: Key = "lock".parse().unwrap();
        let hold = |attempt| Input::Hold { key: key.clone(), attempt, message: "who lets it?".to_owned() };
        // The file says nothing of `then: hold`.
        let waits = definition.advance(&begun.run, hold(1), now, 0).unwrap();
        assert_eq!(waits.run.held_for_people().collect::<Vec<_>>(), [&key]);
        assert_eq!(definition.advance(&waits.run, hold(1), now, 0), Err(Refused::NotAwaited), "once");
        let again = definition.advance(&waits.run, Input::Retry(key.clone()), now, 0).unwrap();
        let second = again.effects.iter().any(|effect| matches!(effect, Effect::Start { attempt: 2, .. }));
        assert!(second, "{:?}", again.effects);
        assert_eq!(again.run.held().count(), 0);
        let over = definition.advance(&waits.run, Input::Discard(key.clone()), now, 0).unwrap();
        assert_eq!(over.run.outcome(), Some(Outcome::Failed));
        assert_eq!(over.run.failure().map(|failure| failure.message.as_str()), Some("who lets it?"));
    }
}
