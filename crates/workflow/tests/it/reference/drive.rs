//! The world around the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::{Aal, Timestamp};
use serde_json::{Map, Value, json};
use workflow::{
    Cause, Changed, Definition, Effect, Entry, Extent, Input, Key, Outcome, PAGE, Refused, Run, Start, Told, Verdict,
    What,
};

use super::{Comes, Dice, Oracle, Record};

pub(super) struct Driven {
    pub(super) record: Record,
    pub(super) taken: usize,
}

struct World<'a> {
    definition: &'a Definition,
    oracle: Oracle,
    dice: &'a mut Dice,
    now: Timestamp,
    run: Run,
    pending: Vec<Input>,
    timers: BTreeMap<u64, Timestamp>,
    /// Inputs that were taken: each comes again, some time.
    old: Vec<Input>,
    held: BTreeMap<String, u64>,
    history: Vec<Entry>,
    /// Attempts that could not be made where they were to be.
    postponed: BTreeSet<(String, u32)>,
    record: Record,
    position: i64,
    taken: usize,
}

/// Drives a run to its end.
pub(super) fn drive(
    definition: &Definition,
    oracle: Oracle,
    dice: &mut Dice,
    cancelling: bool,
) -> Result<Driven, String> {
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    let cause = Cause::Manual { roles: vec!["a".to_owned()], inputs: Map::new() };
    let start = Start { id: "run".to_owned(), cause, requester: Some("bea".to_owned()), depth: 0 };
    let begun = definition.begin(start, now, dice.next()).map_err(|refused| refused.to_string())?;
    let mut world = World {
        definition,
        oracle,
        dice,
        now,
        run: begun.run,
        pending: Vec::new(),
        timers: BTreeMap::new(),
        old: Vec::new(),
        held: BTreeMap::new(),
        history: begun.history,
        postponed: BTreeSet::new(),
        record: Record::default(),
        position: 0,
        taken: 1,
    };
    world.early_signals();
    world.carry_out(begun.effects)?;
    let mut cancel_at = cancelling.then(|| world.dice.below(40));
    while world.run.outcome().is_none() {
        if cancel_at.is_some_and(|at| world.taken > at) {
            cancel_at = None;
            world.cancel()?;
            continue;
        }
        world.round()?;
        if world.taken > 100_000 {
            return Err("this goes on for ever".to_owned());
        }
    }
    world.in_the_end()?;
    let mut record = world.record;
    world.run.outcome().map_or("", Outcome::name).clone_into(&mut record.outcome);
    let kind = |kind: workflow::FailureKind| json!(kind).as_str().unwrap_or_default().to_owned();
    record.failure = world.run.failure().map(|failure| (failure.step.clone(), kind(failure.kind)));
    record.not_undone = world.run.not_undone().iter().map(ToString::to_string).collect();
    record.not_undone.sort();
    Ok(Driven { record, taken: world.taken })
}

impl World<'_> {
    fn round(&mut self) -> Result<(), String> {
        // A crash: what was in memory is gone, and what was kept reads back as it was.
        if self.dice.one_in(4) {
            let text = serde_json::to_string(&self.run).map_err(|error| error.to_string())?;
            let back: Run = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            if back != self.run {
                return Err("it does not read back as it was".to_owned());
            }
            self.run = back;
        }
        // What came long ago comes again.
        if self.dice.one_in(4) && !self.old.is_empty() {
            let at = self.dice.below(self.old.len());
            let input = self.old[at].clone();
            self.refused(input)?;
        }
        if self.pending.is_empty() {
            return self.fire();
        }
        // A timer that is not due yet.
        if self.dice.one_in(8)
            && let Some((timer, at)) = self.timers.iter().find(|(_, at)| **at > self.now)
        {
            match self.definition.advance(&self.run, Input::Timer(*timer), self.now, 1) {
                Err(Refused::Early { at: due }) if due == *at => {}
                Err(Refused::NotAwaited) => {}
                other => return Err(format!("a timer that is not due: {other:?}")),
            }
        }
        let at = self.dice.below(self.pending.len());
        let input = self.pending.swap_remove(at);
        self.take(input)
    }

    /// The next timer, once nothing else is there to happen.
    fn fire(&mut self) -> Result<(), String> {
        let next = self.timers.iter().map(|(timer, at)| (*at, *timer)).min();
        let Some((at, timer)) = next else {
            return Err(format!("nothing is there to happen: {:?}", self.run.under_way().collect::<Vec<_>>()));
        };
        self.timers.remove(&timer);
        self.now = self.now.max(at);
        match self.definition.advance(&self.run, Input::Timer(timer), self.now, 0) {
            Err(Refused::NotAwaited) => Ok(()),
            _ => self.take(Input::Timer(timer)),
        }
    }

    fn take(&mut self, input: Input) -> Result<(), String> {
        let chance = self.dice.next();
        let advanced = self.definition.advance(&self.run, input.clone(), self.now, chance);
        let advanced = advanced.map_err(|refused| format!("{input:?} is refused: {refused}"))?;
        // A crash before anything was kept: it is done again, and comes out the same.
        if self.dice.one_in(6) {
            let again = self.definition.advance(&self.run, input.clone(), self.now, chance);
            if again.as_ref() != Ok(&advanced) {
                return Err(format!("{input:?} comes out otherwise the second time"));
            }
        }
        self.run = advanced.run;
        self.taken += 1;
        self.history.extend(advanced.history);
        if !matches!(input, Input::Retry(_) | Input::Discard(_)) {
            if self.dice.one_in(5) {
                self.refused(input.clone())?;
            }
            self.old.push(input);
        }
        self.carry_out(advanced.effects)
    }

    fn refused(&self, input: Input) -> Result<(), String> {
        match self.definition.advance(&self.run, input.clone(), self.now, 0) {
            Err(_) => Ok(()),
            Ok(_) => Err(format!("{input:?} is taken a second time")),
        }
    }

    fn cancel(&mut self) -> Result<(), String> {
        match self.definition.advance(&self.run, Input::Cancel { reason: "so".to_owned() }, self.now, 0) {
            Ok(_) => self.take(Input::Cancel { reason: "so".to_owned() }),
            Err(Refused::NotAllowed(_)) => Ok(()),
            Err(other) => Err(format!("cancelling is refused: {other}")),
        }
    }

    /// Events that come before anybody waits for them.
    fn early_signals(&mut self) {
        let steps: Vec<String> = self.definition.steps().map(|(id, _)| id.to_owned()).collect();
        for step in steps {
            if self.oracle.arrives(&step) && self.dice.one_in(4) && self.awaits(&step) {
                self.position += 1;
                let event = event(&step, "x");
                self.pending.push(Input::Signal { position: self.position, event });
            }
        }
    }

    /// Whether a step waits for events, in no loop.
    fn awaits(&self, step: &str) -> bool {
        let text = self.definition.content().to_string();
        text.contains(&format!("arrived.data.kind == \\\"{step}\\\" && arrived.data.reason == \\\"x\\\""))
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each kind of effect")]
    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), String> {
        for effect in effects {
            match effect {
                Effect::Start { key, with, attempt, idempotency_key, until, .. } => {
                    if idempotency_key != format!("run/{key}") {
                        return Err(format!("{key} is known by {idempotency_key}"));
                    }
                    let body = match with.get("body") {
                        Some(Told::Value(body)) => body.clone(),
                        _ => Value::Null,
                    };
                    let known = (key.to_string(), attempt);
                    let again = self.postponed.remove(&known);
                    if self
                        .record
                        .attempts
                        .insert(known.clone(), body.clone())
                        .is_some_and(|before| !again || before != body)
                    {
                        return Err(format!("attempt {attempt} of {key} begins twice"));
                    }
                    if self.dice.one_in(12) && self.run_goes_on() {
                        self.postponed.insert(known);
                        let message = "not here".to_owned();
                        self.take(Input::Postponed { key, attempt, until, message })?;
                        continue;
                    }
                    match self.oracle.attempt(&key.to_string(), attempt) {
                        Comes::Done(status) => {
                            let outputs = status.map(|status| ("status".to_owned(), json!(status)));
                            let outputs = outputs.into_iter().collect();
                            let id = || vec![key.to_string()];
                            let changed = match self.oracle.changes(&key.to_string()) {
                                true if self.dice.one_in(2) => Changed::Unsaid,
                                true => Changed::These(id()),
                                false => Changed::These(Vec::new()),
                            };
                            self.in_parts(&key, attempt)?;
                            self.pending.push(Input::Done { key, attempt, outputs, changed });
                        }
                        Comes::Fails { again: retryable } => {
                            self.pending.push(Input::Failed {
                                key,
                                attempt,
                                message: "no".to_owned(),
                                retryable,
                                after: None,
                            });
                        }
                        Comes::Silent => {}
                    }
                }
                Effect::SetTimer { timer, at } => drop(self.timers.insert(timer, at)),
                Effect::Await { key, .. } => self.signal_for(&key),
                Effect::Ask { key, .. } => {
                    let approves = self.oracle.approves(&key.to_string());
                    self.pending.extend(approves.map(|approves| {
                        let roles = vec!["a".to_owned()];
                        let by = "ann".to_owned();
                        let verdict = Verdict { by, approves, roles, evidence: Vec::new(), level: Aal::Aal2 };
                        Input::Verdict { key, verdict }
                    }));
                }
                Effect::Query { key, page, cursor, .. } => {
                    let all = self.oracle.items(&key.to_string());
                    let from = cursor.map_or(0, |cursor| cursor.parse().unwrap());
                    let to = all.min(from + PAGE);
                    let items = (from..to).map(|n| json!({"id": format!("{}-{n}", key.step), "aal": n % 3})).collect();
                    let next = (to < all).then(|| to.to_string());
                    let extent = Some(Extent { items: all as u64, users: all as u64, is_whole: true, shut_out: 0 });
                    self.pending.push(Input::Page { key, page, items, next, extent });
                }
                Effect::Call { key, .. } => {
                    let completes = self.oracle.call_completes(&key.to_string());
                    let outcome = if completes { Outcome::Completed } else { Outcome::Failed };
                    self.pending.push(Input::Ended { key, outcome });
                }
                Effect::Hold { key, .. } => {
                    let times = self.held.entry(key.to_string()).or_default();
                    let again = self.oracle.retries(&key.to_string(), *times);
                    *times += 1;
                    self.pending.push(if again { Input::Retry(key) } else { Input::Discard(key) });
                }
                Effect::Close { .. } | Effect::CancelCall(_) | Effect::Finish(_) => {}
            }
        }
        // What ended because the run was to stop is asked about no more.
        if self.history.iter().any(|entry| matches!(entry.what, What::Stopping(_))) {
            let (definition, run, now) = (self.definition, &self.run, self.now);
            self.pending.retain(|input| {
                !matches!(definition.advance(run, input.clone(), now, 0), Err(Refused::NotAwaited | Refused::Over))
            });
        }
        Ok(())
    }

    /// What is done in parts changed something in each, or in none of them.
    fn in_parts(&mut self, key: &Key, attempt: u32) -> Result<(), String> {
        if !self.dice.one_in(6) {
            return Ok(());
        }
        for part in 1..=self.dice.below(3) {
            let ids = if self.oracle.changes(&key.to_string()) { vec![format!("{key}-{part}")] } else { Vec::new() };
            let (key, part) = (key.clone(), u32::try_from(part).unwrap_or(1));
            self.take(Input::Part { key, attempt, part, outputs: Map::new(), changed: Changed::These(ids) })?;
        }
        Ok(())
    }

    /// Whether it was not told to stop: who cannot do something then gives it up.
    fn run_goes_on(&self) -> bool {
        !self.history.iter().any(|entry| matches!(entry.what, What::Stopping(_)))
    }

    fn signal_for(&mut self, key: &Key) {
        // What came early is in the inbox, or still on its way: it comes once.
        let on_its_way = |input: &Input| matches!(input, Input::Signal { event, .. } if event["data"]["kind"] == key.step.as_str() && event["data"]["reason"] == "x");
        if !self.oracle.arrives(&key.to_string()) || self.pending.iter().any(on_its_way) {
            return;
        }
        self.position += 1;
        let of = match key.iteration.last() {
            Some(number) => format!("{}-{number}", self.loop_around(&key.step)),
            None => "x".to_owned(),
        };
        self.pending.push(Input::Signal { position: self.position, event: event(&key.step, &of) });
    }

    /// The id of the loop that a step stands in.
    fn loop_around(&self, step: &str) -> String {
        fn find(value: &Value, step: &str, around: Option<&str>) -> Option<String> {
            match value {
                Value::Array(items) => items.iter().find_map(|item| find(item, step, around)),
                Value::Object(entries) => {
                    if entries.get("id").and_then(Value::as_str) == Some(step) {
                        return around.map(str::to_owned);
                    }
                    let around = if entries.contains_key("for_each") { entries["id"].as_str() } else { around };
                    entries.values().find_map(|value| find(value, step, around))
                }
                _ => None,
            }
        }
        find(self.definition.content(), step, None).unwrap_or_default()
    }

    /// What has to hold of every history.
    fn in_the_end(&self) -> Result<(), String> {
        if self.run.under_way().count() > 0 {
            return Err("it is over, and something is under way".to_owned());
        }
        let mut done: Vec<&Key> = Vec::new();
        let mut undone: Vec<&Key> = Vec::new();
        for entry in &self.history {
            match (&entry.what, &entry.key) {
                (What::StepDone, Some(key)) if !key.undo => done.push(key),
                (What::StepBegan, Some(key)) if key.undo => {
                    if undone.contains(&key) {
                        return Err(format!("{key} is done twice"));
                    }
                    undone.push(key);
                }
                _ => {}
            }
        }
        for (i, key) in undone.iter().enumerate() {
            let place =
                |key: &Key| done.iter().position(|done| done.step == key.step && done.iteration == key.iteration);
            let Some(here) = place(key) else { return Err(format!("{key} was never done")) };
            // What is undone one after the other goes backward.
            if let Some(next) = undone.get(i + 1)
                && self.is_at_once(key, next)
                && place(next).is_some_and(|next| next > here)
            {
                return Err(format!("{key} is undone before {next}, which was done later"));
            }
        }
        let cancelled = self.history.iter().any(
            |entry| matches!(&entry.what, What::Stopping(failure) if failure.kind == workflow::FailureKind::Cancelled),
        );
        let in_main =
            !self.history.iter().any(|entry| matches!(entry.what, What::Phase { phase: workflow::Phase::OnError }));
        if cancelled && in_main && self.run.outcome() != Some(Outcome::Cancelled) {
            return Err(format!("it was cancelled, and ended as {:?}", self.run.outcome()));
        }
        Ok(())
    }

    /// Whether two things were undone by the run as a whole.
    fn is_at_once(&self, one: &Key, other: &Key) -> bool {
        let began = |key: &Key| {
            self.history
                .iter()
                .position(|entry| matches!(entry.what, What::StepBegan) && entry.key.as_ref() == Some(key))
        };
        let phase =
            self.history.iter().position(|entry| matches!(entry.what, What::Phase { phase: workflow::Phase::Undoing }));
        let after = self
            .history
            .iter()
            .skip(phase.unwrap_or(usize::MAX))
            .position(|entry| matches!(entry.what, What::Phase { phase } if phase != workflow::Phase::Undoing));
        let Some(phase) = phase else { return false };
        let end = after.map_or(usize::MAX, |after| phase + after);
        [one, other].into_iter().all(|key| began(key).is_some_and(|at| at > phase && at < end))
    }
}

fn event(step: &str, of: &str) -> Value {
    json!({"kind": "authenticator.revoked", "user": "usr_1", "data": {"kind": step, "reason": of}})
}

/// What two records differ in.
pub(super) fn difference(driven: &Record, expected: &Record) -> String {
    let mut text = format!(
        "driven {} {:?} {:?}\nexpected {} {:?} {:?}\n",
        driven.outcome, driven.failure, driven.not_undone, expected.outcome, expected.failure, expected.not_undone
    );
    for (key, told) in &driven.attempts {
        if expected.attempts.get(key) != Some(told) {
            let _ = writeln!(text, "driven alone: {key:?} {told}");
        }
    }
    for (key, told) in &expected.attempts {
        if driven.attempts.get(key) != Some(told) {
            let _ = writeln!(text, "expected alone: {key:?} {told}");
        }
    }
    text
}
