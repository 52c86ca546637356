//! Plays a test.

use std::collections::{BTreeMap, VecDeque};

use domain::{Aal, Timestamp};
use serde_json::{Map, Value, json};

use super::{Case, Happens, Outcome, TestResult};
use crate::definition::{Definition, StepKind, TriggerKind};
use crate::machine::{
    Cause, Changed, Effect, Extent, Input, Key, Outcome as RunOutcome, PAGE, Refused, Run, Start, Told, Verdict,
};

/// When tests take place.
const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);
/// The most inputs that a test may take: one that goes on for ever is told of.
const MAX_INPUTS: usize = 100_000;

pub(super) fn play(definition: &Definition, case: &Case) -> TestResult {
    let mut stage = Stage {
        definition,
        case,
        now: NOW,
        run: None,
        position: 0,
        inputs: VecDeque::new(),
        timers: BTreeMap::new(),
        steps: Vec::new(),
        told: BTreeMap::new(),
        differences: Vec::new(),
        taken: 0,
    };
    stage.play();
    let expect = &case.expect;
    let outcome = match &stage.run {
        None => "not_started",
        Some(run) => run.outcome().map_or("waiting", RunOutcome::name),
    };
    let mut differences = std::mem::take(&mut stage.differences);
    if outcome != expect.outcome {
        let why = stage.run.as_ref().and_then(Run::failure).map(|failure| format!(": {}", failure.message));
        let why = why.unwrap_or_default();
        differences.push(format!("outcome: expected {}, is {outcome}{why}", expect.outcome));
    }
    if let Some(expected) = expect.steps.as_ref().filter(|expected| **expected != stage.steps) {
        differences.push(format!("steps: expected {expected:?}, are {:?}", stage.steps));
    }
    for (step, expected) in &expect.with {
        let told = stage.told.get(step);
        for (name, value) in expected {
            let is = told.and_then(|told| told.get(name));
            if is != Some(value) {
                let is = is.map_or_else(|| "nothing".to_owned(), Value::to_string);
                differences.push(format!("with of {step}: expected {name}: {value}, is {is}"));
            }
        }
    }
    if let Some(error) = &expect.error {
        let message = stage.run.as_ref().and_then(Run::failure).map(|failure| failure.message.as_str());
        if !message.is_some_and(|message| message.contains(error.as_str())) {
            differences.push(format!("error: expected {error:?} in it, is {}", message.unwrap_or("none")));
        }
    }
    TestResult { name: case.name.clone(), place: case.place.clone(), differences, steps: stage.steps }
}

struct Stage<'a> {
    definition: &'a Definition,
    case: &'a Case,
    now: Timestamp,
    run: Option<Run>,
    position: i64,
    inputs: VecDeque<Input>,
    timers: BTreeMap<u64, Timestamp>,
    steps: Vec<String>,
    told: BTreeMap<String, Map<String, Value>>,
    differences: Vec<String>,
    taken: usize,
}

impl Stage<'_> {
    fn play(&mut self) {
        let cause = self.cause();
        let start = Start { id: "run_1".to_owned(), cause, requester: self.case.given.requester.clone(), depth: 0 };
        match self.definition.begin(start, self.now, 0) {
            Ok(advanced) => {
                self.run = Some(advanced.run);
                self.carry_out(advanced.effects);
            }
            Err(refused) => {
                if self.case.expect.outcome != "not_started" {
                    self.differences.push(format!("nothing begins: {refused}"));
                }
                return;
            }
        }
        self.go_on();
        for happens in &self.case.then {
            self.happens(happens);
            self.go_on();
        }
    }

    fn cause(&self) -> Cause {
        let given = &self.case.given;
        if let Some(event) = &given.event {
            let mut event = event.clone();
            if let Some(event) = event.as_object_mut() {
                event.insert("position".to_owned(), 0.into());
                event.insert("at".to_owned(), json!(self.now));
            }
            return Cause::Event(event);
        }
        if let Some(body) = &given.webhook {
            return Cause::Webhook(body.clone());
        }
        let mut inputs = given.inputs.clone().unwrap_or_default();
        // What nobody may see is no part of a run, and of no test of one.
        let _ = self.definition.take_secrets(&mut inputs);
        for trigger in &self.definition.triggers {
            match &trigger.kind {
                TriggerKind::Manual(roles) if given.requester.is_some() => {
                    return Cause::Manual { roles: roles.clone(), inputs };
                }
                TriggerKind::Workflow if given.requester.is_none() => return Cause::Call { inputs },
                TriggerKind::Schedule(_) if given.inputs.is_none() && given.requester.is_none() => {
                    return Cause::Schedule;
                }
                _ => {}
            }
        }
        Cause::Call { inputs }
    }

    /// Hands in what is there to be handed in, until the run waits.
    fn go_on(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            let _ = self.take(input);
            if self.taken > MAX_INPUTS {
                self.differences.push("this goes on for ever".to_owned());
                self.inputs.clear();
            }
        }
    }

    fn take(&mut self, input: Input) -> Result<(), Refused> {
        self.taken += 1;
        let Some(run) = &self.run else { return Ok(()) };
        let advanced = self.definition.advance(run, input, self.now, u64::try_from(self.taken).unwrap_or(0))?;
        self.run = Some(advanced.run);
        self.carry_out(advanced.effects);
        Ok(())
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Start { key, with, attempt, .. } => self.act(key, &with, attempt),
                Effect::SetTimer { timer, at } => drop(self.timers.insert(timer, at)),
                Effect::Query { key, page, cursor, .. } => {
                    let items = self.case.items.get(&key.step).cloned().unwrap_or_default();
                    let from = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
                    let next = from + PAGE;
                    let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
                    let extent = Some(Extent { items: count, users: count, is_whole: true, shut_out: 0 });
                    let more = (next < items.len()).then(|| next.to_string());
                    let items = items.into_iter().skip(from).take(PAGE).collect();
                    self.inputs.push_back(Input::Page { key, page, items, next: more, extent });
                }
                Effect::Call { key, .. } => {
                    let failed = matches!(self.result(&key, 1), Outcome::Fails(_));
                    let outcome = if failed { RunOutcome::Failed } else { RunOutcome::Completed };
                    self.inputs.push_back(Input::Ended { key, outcome });
                }
                Effect::CancelCall(key) => {
                    self.inputs.push_back(Input::Ended { key, outcome: RunOutcome::Cancelled });
                }
                _ => {}
            }
        }
    }

    fn act(&mut self, key: Key, with: &BTreeMap<String, Told>, attempt: u32) {
        let undo = if key.undo { "undo " } else { "" };
        let name = format!("{undo}{}", Key { undo: false, ..key.clone() });
        if attempt == 1 {
            self.steps.push(name.clone());
        }
        let told = with.iter().map(|(name, told)| {
            let value = match told {
                Told::Value(value) => value.clone(),
                Told::Secret(reference) => json!({ "secret": reference }),
            };
            (name.clone(), value)
        });
        self.told.insert(name, told.collect());
        self.inputs.push_back(match self.result(&key, attempt) {
            Outcome::Gives(outputs) => Input::Done { key, attempt, outputs, changed: Changed::Unsaid },
            Outcome::Fails(message) => Input::Failed { key, attempt, message, retryable: true, after: None },
        });
    }

    /// What an attempt comes to: the last that is said holds for all behind it.
    fn result(&self, key: &Key, attempt: u32) -> Outcome {
        let name = if key.undo { format!("undo {}", key.step) } else { key.step.clone() };
        let outcomes = self.case.results.get(&name).map(Vec::as_slice).unwrap_or_default();
        let at = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        outcomes.get(at).or(outcomes.last()).cloned().unwrap_or(Outcome::Gives(Map::new()))
    }

    fn happens(&mut self, happens: &Happens) {
        let taken = match happens {
            Happens::Advance(by) => {
                self.advance(self.now.plus(*by));
                Ok(())
            }
            Happens::Event(event) => {
                self.position += 1;
                let mut event = event.clone();
                if let Some(event) = event.as_object_mut() {
                    event.insert("position".to_owned(), self.position.into());
                    event.insert("at".to_owned(), json!(self.now));
                }
                self.take(Input::Signal { position: self.position, event })
            }
            Happens::Verdict { step, approves, by, roles, evidence, level } => {
                let key = step.parse().unwrap_or(Key { step: step.clone(), iteration: Vec::new(), undo: false });
                let asked = self.definition.step_named(&key.step).map(|(_, step)| &step.kind);
                let (asked_roles, asked_evidence, asked_level) = match asked {
                    Some(StepKind::Approval(asked)) => (asked.roles.clone(), asked.evidence.clone(), asked.level),
                    _ => (Vec::new(), Vec::new(), Aal::Aal1),
                };
                let verdict = Verdict {
                    by: by.clone(),
                    approves: *approves,
                    roles: roles.clone().unwrap_or(asked_roles),
                    evidence: evidence.clone().unwrap_or(asked_evidence),
                    level: level.unwrap_or(asked_level),
                };
                self.take(Input::Verdict { key, verdict })
            }
            Happens::Cancel => self.take(Input::Cancel { reason: "the test says so".to_owned() }),
            Happens::Retry(step) | Happens::Discard(step) => {
                let key = step.parse().unwrap_or(Key { step: step.clone(), iteration: Vec::new(), undo: false });
                self.take(if matches!(happens, Happens::Retry(_)) { Input::Retry(key) } else { Input::Discard(key) })
            }
        };
        // One verdict that is refused is often what a test shows: the run goes on without it.
        if let Err(refused) = taken
            && !matches!(refused, Refused::NotAllowed(_))
        {
            self.differences.push(format!("{happens:?} is not taken: {refused}"));
        }
    }

    /// Moves the clock, and fires what is due on the way there, each at its time.
    fn advance(&mut self, to: Timestamp) {
        while let Some((timer, at)) =
            self.timers.iter().map(|(timer, at)| (*timer, *at)).min_by_key(|(timer, at)| (*at, *timer))
        {
            if at > to || self.taken > MAX_INPUTS {
                break;
            }
            self.timers.remove(&timer);
            self.now = self.now.max(at);
            let _ = self.take(Input::Timer(timer));
            self.go_on();
        }
        self.now = to;
    }
}
