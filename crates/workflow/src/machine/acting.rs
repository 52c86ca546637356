//! Actions: attempts, what is between them, and what comes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Timestamp;
use serde_json::{Map, Value};

use super::blocks::size;
use super::state::{Key, Node, Part, Told, Undo};
use super::{
    Changed, Effect, Failure, FailureKind, MAX_CHANGED, MAX_KEPT, MAX_OUTPUT, Machine, ONLY, POSTPONED, Refused, What,
};
use crate::bounds::{MAX_NESTING, Room, cleaned, is_too_deep};
use crate::definition::{Argument, Doing, Retry, StepKind};
use crate::expression::Known;
use crate::reader::is_of;

impl<'a> Machine<'a> {
    pub(super) fn begin_action(&mut self, key: &Key, doing: &Doing) {
        match self.arguments(key, &doing.with) {
            Ok(with) => self.act(key, with, 1),
            Err(failure) => self.end(key, Err(failure)),
        }
    }

    /// Begins an attempt.
    pub(super) fn act(&mut self, key: &Key, with: BTreeMap<String, Told>, attempt: u32) {
        let Some(doing) = self.doing(key) else { return };
        let timer = self.timer(doing.timeout);
        self.effects.push(Effect::Start {
            key: key.clone(),
            idempotency_key: self.idempotency_key(key),
            action: doing.action.name.to_owned(),
            with,
            attempt,
            until: timer.at,
        });
        self.run.nodes.insert(key.clone(), Node::Acting { attempt, timer });
    }

    /// What a key does, or what undoes it.
    fn doing(&self, key: &Key) -> Option<&'a Doing> {
        match &self.definition.step(self.step_of(key)?)?.kind {
            StepKind::Action(action) if key.undo => action.undo.as_ref(),
            StepKind::Action(action) => Some(&action.does),
            _ => None,
        }
    }

    /// What is told again at another attempt is worked out again, of the same facts: it is the same.
    fn with(&self, key: &Key) -> Result<BTreeMap<String, Told>, Failure> {
        if key.undo {
            let undoing = self.run.undoing.iter().find(|undoing| undoing.current.key == *key);
            return Ok(undoing.map(|undoing| undoing.current.with.clone()).unwrap_or_default());
        }
        match self.doing(key) {
            Some(doing) => self.arguments(key, &doing.with),
            None => Ok(BTreeMap::new()),
        }
    }

    /// What is told to an action.
    pub(super) fn arguments(
        &self,
        key: &Key,
        arguments: &[(String, Argument)],
    ) -> Result<BTreeMap<String, Told>, Failure> {
        let known = self.known(key);
        let mut room = Room::of_step();
        let told = arguments.iter().map(|(name, argument)| {
            let told = match argument {
                Argument::Secret(secret) => Ok(Told::Secret(secret.reference().to_owned())),
                argument => {
                    self.argument(argument, &known, &mut room).and_then(|value| fitting(name, value)).map(Told::Value)
                }
            };
            told.map(|told| (name.clone(), told))
        });
        told.collect::<Result<_, String>>().map_err(|message| Failure::at(key, FailureKind::Expression, message))
    }

    fn argument(&self, argument: &Argument, known: &Known<'_>, room: &mut Room) -> Result<Value, String> {
        match argument {
            Argument::Literal(value) => {
                room.take_value(value)?;
                Ok(value.clone())
            }
            Argument::Expression(id) => {
                let value = self.value(*id, known)?;
                room.take_value(&value)?;
                Ok(value)
            }
            Argument::Message(message) => message.render(room, |id| self.value(id, known)).map(Value::from),
            // The reader lets secrets stand in no list or map.
            Argument::Secret(_) => Err("a secret is no part of a value".to_owned()),
            Argument::List(items) => items.iter().map(|item| self.argument(item, known, room)).collect(),
            Argument::Map(entries) => {
                let entries = entries.iter().map(|(name, item)| {
                    room.take(name.len() + 4)?;
                    Ok((name.clone(), self.argument(item, known, room)?))
                });
                entries.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
        }
    }

    /// An attempt went well. Each has the same key and is about the same thing: that an earlier one went well after all does as well.
    pub(super) fn done(
        &mut self,
        key: &Key,
        attempt: u32,
        outputs: Map<String, Value>,
        changed: Changed,
    ) -> Result<(), Refused> {
        let last = match self.run.nodes.get(key) {
            Some(Node::Acting { attempt, .. } | Node::Resting { attempt, .. } | Node::Held { attempt, .. }) => *attempt,
            _ => return Err(Refused::NotAwaited),
        };
        if attempt == 0 || attempt > last {
            return Err(Refused::NotAwaited);
        }
        if key.undo {
            self.undo_ended(key, None);
            return Ok(());
        }
        let (outputs, changed) = match self.run.parts.remove(key) {
            Some(part) => (added(part.outputs, outputs), part.changed.and(changed)),
            None => (outputs, changed),
        };
        // It is done, whatever becomes of what it gives.
        self.run.parts.insert(key.clone(), Part { parts: 0, outputs: Map::new(), changed });
        let ended = self.fitting_outputs(key, outputs);
        self.end(key, ended);
        Ok(())
    }

    /// A part of an attempt went well. It is done, whether or not the attempt is over by now.
    pub(super) fn part_done(
        &mut self,
        key: &Key,
        attempt: u32,
        part: u32,
        outputs: Map<String, Value>,
        changed: Changed,
    ) -> Result<(), Refused> {
        match self.run.nodes.get(key) {
            Some(
                Node::Acting { attempt: last, .. }
                | Node::Resting { attempt: last, .. }
                | Node::Held { attempt: last, .. },
            ) if (1..=*last).contains(&attempt) => {}
            _ => return Err(Refused::NotAwaited),
        }
        let before = self.run.parts.remove(key);
        if part != before.as_ref().map_or(0, |before| before.parts) + 1 {
            self.run.parts.extend(before.map(|before| (key.clone(), before)));
            return Err(Refused::NotAwaited);
        }
        let done = match before {
            Some(before) => Part {
                parts: part,
                outputs: added(before.outputs, outputs),
                changed: before.changed.and(self.worth_keeping(key, changed)),
            },
            None => Part { parts: part, outputs, changed: self.worth_keeping(key, changed) },
        };
        self.run.parts.insert(key.clone(), done);
        Ok(())
    }

    /// Which things a part changed is of no use where nothing undoes it.
    fn worth_keeping(&self, key: &Key, changed: Changed) -> Changed {
        if !key.undo && self.undoing(key).is_some() { changed } else { Changed::These(Vec::new()) }
    }

    /// What undoes an action.
    fn undoing(&self, key: &Key) -> Option<&'a Doing> {
        match &self.definition.step(self.step_of(key)?)?.kind {
            StepKind::Action(action) => action.undo.as_ref(),
            _ => None,
        }
    }

    /// Keeps what would undo an action, if there is anything to undo: of what it changed, and of nothing else.
    pub(super) fn keep_undo(&mut self, key: &Key, changed: Changed) -> Result<(), Failure> {
        let Some(undo) = self.undoing(key).filter(|_| !key.undo) else { return Ok(()) };
        let undo_key = Key { undo: true, ..key.clone() };
        let only = match changed {
            Changed::These(ids) if ids.is_empty() => return Ok(()),
            Changed::These(ids) if ids.len() > MAX_CHANGED => {
                self.was_not_undone(undo_key);
                return Ok(());
            }
            Changed::These(ids) => {
                self.doing(key).filter(|does| undo.action.undoes == Some(does.action.name)).map(|_| ids)
            }
            Changed::Unsaid => None,
        };
        match self.arguments(key, &undo.with) {
            Ok(mut with) => {
                with.extend(only.map(|ids| (ONLY.to_owned(), Told::Value(ids.into()))));
                self.run.undo.push(Undo { key: undo_key, with });
                Ok(())
            }
            Err(failure) => {
                self.was_not_undone(undo_key);
                Err(failure)
            }
        }
    }

    /// What an action gives, as far as it says that it does.
    fn fitting_outputs(&self, key: &Key, mut outputs: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
        let gives = self.doing(key).map_or(&[][..], |doing| doing.action.gives);
        outputs.retain(|name, value| !value.is_null() && gives.iter().any(|(given, _)| given == name));
        let wrong = |message: String| Err(Failure::at(key, FailureKind::Action, message));
        for (name, kind) in gives {
            if outputs.get(*name).is_some_and(|value| !is_of(value, *kind)) {
                return wrong(format!("`{name}` came back, and is not {}", kind.called()));
            }
            if outputs.get(*name).is_some_and(is_too_deep) {
                return wrong(format!("`{name}` came back with more than {MAX_NESTING} lists and maps in one another"));
            }
        }
        let size = size(&outputs);
        if size > MAX_OUTPUT || self.run.kept + size > MAX_KEPT {
            return wrong(format!("{size} bytes came back, which is more than is kept"));
        }
        Ok(outputs)
    }

    /// An attempt failed. Another one could go well after `again`, if at all.
    pub(super) fn failed(
        &mut self,
        key: &Key,
        attempt: u32,
        message: String,
        again: Option<Duration>,
    ) -> Result<(), Refused> {
        match self.run.nodes.get(key) {
            Some(Node::Acting { attempt: current, .. }) if *current == attempt => {
                self.attempt_failed(key, attempt, message, again);
                Ok(())
            }
            _ => Err(Refused::NotAwaited),
        }
    }

    /// An attempt would do more than may be done without people.
    pub(super) fn hold(&mut self, key: &Key, attempt: u32, message: String) -> Result<(), Refused> {
        match self.run.nodes.get(key) {
            Some(Node::Acting { attempt: current, .. }) if *current == attempt => {}
            _ => return Err(Refused::NotAwaited),
        }
        let failure = Failure::at(key, FailureKind::ShutOut, message);
        if key.undo || self.run.stopping.is_none() {
            self.held(key, attempt, failure);
        } else {
            self.given_up(key, failure);
        }
        Ok(())
    }

    fn held(&mut self, key: &Key, attempt: u32, failure: Failure) {
        self.effects.push(Effect::Hold { key: key.clone(), message: failure.message.clone() });
        self.tell(Some(key), What::Held(failure.clone()));
        self.run.nodes.insert(key.clone(), Node::Held { attempt, failure });
    }

    /// An attempt could not be made here: the same one is made later, by whoever has the run then.
    pub(super) fn postponed(
        &mut self,
        key: &Key,
        attempt: u32,
        until: Timestamp,
        message: String,
    ) -> Result<(), Refused> {
        match self.run.nodes.get(key) {
            Some(Node::Acting { attempt: current, timer }) if *current == attempt && timer.at == until => {}
            _ => return Err(Refused::NotAwaited),
        }
        if !key.undo && self.run.stopping.is_some() {
            self.given_up(key, Failure::at(key, FailureKind::Action, message));
            return Ok(());
        }
        let timer = self.timer(POSTPONED);
        self.tell(Some(key), What::Postponed { attempt, message, again_at: timer.at });
        self.run.nodes.insert(key.clone(), Node::Resting { attempt: attempt.saturating_sub(1), timer });
        Ok(())
    }

    /// An attempt did not come back in time. What it did or not is not known: so it is asked for again, with the same key.
    pub(super) fn attempt_over(&mut self, key: &Key) {
        let Some(Node::Acting { attempt, .. }) = self.run.nodes.get(key) else { return };
        let attempt = *attempt;
        let within = self.doing(key).map_or(0, |doing| doing.timeout.as_secs());
        self.attempt_failed(key, attempt, format!("it did not come back within {within} s"), Some(Duration::ZERO));
    }

    fn attempt_failed(&mut self, key: &Key, attempt: u32, message: String, again: Option<Duration>) {
        let Some(retry) = self.doing(key).map(|doing| doing.retry) else { return };
        let goes_on = key.undo || self.run.stopping.is_none();
        if let (Some(after), true, true) = (again, goes_on, attempt < retry.limit) {
            let pause = pause(&retry, attempt, self.chance ^ self.run.timers).max(after.min(retry.longest));
            let timer = self.timer(pause);
            self.tell(Some(key), What::AttemptFailed { attempt, message, again_at: timer.at });
            self.run.nodes.insert(key.clone(), Node::Resting { attempt, timer });
            return;
        }
        let failure = Failure::at(key, FailureKind::Action, message);
        if retry.hold && goes_on {
            self.held(key, attempt, failure);
            return;
        }
        self.given_up(key, failure);
    }

    fn given_up(&mut self, key: &Key, failure: Failure) {
        if key.undo {
            self.undo_ended(key, Some(failure));
        } else {
            self.end(key, Err(failure));
        }
    }

    pub(super) fn another_attempt(&mut self, key: &Key) {
        let attempt = match self.run.nodes.get(key) {
            Some(Node::Resting { attempt, .. } | Node::Held { attempt, .. }) => attempt.saturating_add(1),
            _ => return,
        };
        match self.with(key) {
            Ok(with) => self.act(key, with, attempt),
            Err(failure) => self.given_up(key, failure),
        }
    }

    /// What is held goes on.
    pub(super) fn retry(&mut self, key: &Key) -> Result<(), Refused> {
        match self.run.nodes.get(key) {
            Some(Node::Held { .. }) => self.another_attempt(key),
            Some(Node::ForEach(each)) if each.held => self.loop_goes_on(key),
            _ => return Err(Refused::NotAwaited),
        }
        Ok(())
    }

    /// What is held is given up.
    pub(super) fn discard(&mut self, key: &Key) -> Result<(), Refused> {
        match self.run.nodes.get(key) {
            Some(Node::Held { failure, .. }) => {
                let failure = failure.clone();
                self.given_up(key, failure);
            }
            Some(Node::ForEach(each)) if each.held => self.loop_given_up(key),
            _ => return Err(Refused::NotAwaited),
        }
        Ok(())
    }
}

/// What is told, as it can be kept.
fn fitting(name: &str, value: Value) -> Result<Value, String> {
    if is_too_deep(&value) {
        return Err(format!("`{name}` comes to more than {MAX_NESTING} lists and maps in one another"));
    }
    Ok(cleaned(value))
}

/// What parts give: numbers are added up, and of anything else the last one is meant.
fn added(before: Map<String, Value>, more: Map<String, Value>) -> Map<String, Value> {
    let mut all = before;
    for (name, value) in more {
        let sum =
            all.get(&name).and_then(Value::as_u64).zip(value.as_u64()).map(|(one, other)| one.saturating_add(other));
        all.insert(name, sum.map_or(value, Value::from));
    }
    all
}

/// How long after an attempt that failed the next one is: twice as long each time, and by chance a little more.
fn pause(retry: &Retry, attempt: u32, chance: u64) -> Duration {
    let doubled = retry.backoff.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    let pause = doubled.min(retry.longest);
    let most = pause.saturating_mul(retry.jitter) / 100;
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    pause + Duration::from_millis(mixed(chance) % most.saturating_add(1))
}

/// Spreads a number's bits over all of it (`SplitMix64`, Steele, Lea and Flood 2014).
const fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_a_little_longer_by_chance() {
        let second = Duration::from_secs(1);
        let retry = Retry { limit: 9, backoff: second, longest: second * 60, jitter: 20, hold: false };
        for (attempt, least) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60)] {
            for chance in 0..100 {
                let pause = pause(&retry, attempt, chance);
                assert!(pause >= second * least && pause <= second * least * 12 / 10, "{attempt}: {pause:?}");
            }
        }
    }
}
