//! Loops over what a query finds: page by page, so that a run over millions is no larger than one over hundreds.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::blocks::{is_within, size};
use super::state::{Extent, Key, Loop, Node, Owner, Run};
use super::{Effect, Failure, FailureKind, Machine, PAGE, Refused, What};
use crate::definition::{Definition, ForEach, StepKind};

/// The most bytes of an item.
const MAX_ITEM: usize = 2048;

impl<'a> Machine<'a> {
    pub(super) fn begin_loop(&mut self, key: &Key, each: &ForEach) {
        match self.arguments(key, &each.with) {
            Ok(with) => {
                let state = Loop { with, next_at: self.now, ..Loop::default() };
                self.run.nodes.insert(key.clone(), Node::ForEach(Box::new(state)));
                self.go_round(key);
            }
            Err(failure) => self.end(key, Err(failure)),
        }
    }

    fn each(&self, key: &Key) -> Option<&'a ForEach> {
        match &self.definition.step(self.step_of(key)?)?.kind {
            StepKind::ForEach(each) => Some(each),
            _ => None,
        }
    }

    fn state(&mut self, key: &Key) -> Option<&mut Loop> {
        match self.run.nodes.get_mut(key) {
            Some(Node::ForEach(state)) => Some(state),
            _ => None,
        }
    }

    pub(super) fn page(
        &mut self,
        key: &Key,
        page: u64,
        items: Vec<Value>,
        next: Option<String>,
        extent: Option<Extent>,
    ) -> Result<(), Refused> {
        let limit = self.each(key).and_then(|each| each.limit).or(self.definition.limits.subjects);
        let share = self.each(key).and_then(|each| each.canary);
        let Some(state) = self.state(key).filter(|state| state.asked == Some(page)) else {
            return Err(Refused::NotAwaited);
        };
        if items.len() > PAGE || items.iter().any(|item| !item.is_object() || item.to_string().len() > MAX_ITEM) {
            return self.no_page(key, page, "more was found, or a larger item, than is taken at once".to_owned());
        }
        state.asked = None;
        state.exhausted = next.is_none();
        state.cursor = next;
        if page == 1 {
            state.extent = extent;
            // Of how many it is the share is known now, or else one has to do.
            let total = state.total();
            let of = |share: u32| total.map_or(1, |total| total.saturating_mul(share.into()).div_ceil(100).max(1));
            state.canary = share.map(of);
        }
        let before = state.next.saturating_add(u64::try_from(state.queue.len()).unwrap_or(u64::MAX));
        let found = before.saturating_add(u64::try_from(items.len()).unwrap_or(u64::MAX));
        let all = found.max(state.extent.map_or(0, |extent| extent.items));
        state.queue.extend(items);
        if let Some(limit) = limit.filter(|limit| all > *limit) {
            let failure = Failure::at(key, FailureKind::Loop, format!("it finds more than {limit}"));
            self.give_up_loop(key, failure);
        }
        self.go_round(key);
        Ok(())
    }

    /// What there is to go through cannot be told: what is under way comes to its end, and the loop has failed.
    pub(super) fn no_page(&mut self, key: &Key, page: u64, message: String) -> Result<(), Refused> {
        let Some(state) = self.state(key).filter(|state| state.asked == Some(page)) else {
            return Err(Refused::NotAwaited);
        };
        state.asked = None;
        self.give_up_loop(key, Failure::at(key, FailureKind::Loop, message));
        self.go_round(key);
        Ok(())
    }

    /// Begins what can begin now, asks for more if there is none, and ends if that was all.
    pub(super) fn go_round(&mut self, key: &Key) {
        let Some(each) = self.each(key) else { return };
        while let Some(turn) = self.turn(key, each) {
            match turn {
                Turn::Item(number, item) => self.begin_item(key, each, number, item),
                Turn::Ask => {
                    let Some(state) = self.state(key) else { return };
                    state.pages += 1;
                    state.asked = Some(state.pages);
                    let (page, with, cursor) = (state.pages, state.with.clone(), state.cursor.clone());
                    let query = each.query.name.to_owned();
                    self.effects.push(Effect::Query { key: key.clone(), query, with, page, cursor });
                    return;
                }
                Turn::Later(at) => {
                    let timer = self.timer_at(at);
                    if let Some(state) = self.state(key) {
                        state.timer = Some(timer);
                    }
                    return;
                }
                Turn::End(ended) => {
                    self.end(key, ended);
                    return;
                }
            }
        }
    }

    /// What a loop does next; nothing if something has to come first.
    fn turn(&mut self, key: &Key, each: &ForEach) -> Option<Turn> {
        let (now, stopping) = (self.now, self.run.stopping.clone());
        let state = self.state(key)?;
        if let Some(failure) = stopping.or_else(|| state.failure.clone()) {
            return state.active.is_empty().then_some(Turn::End(Err(failure)));
        }
        let full = state.active.len() >= usize::try_from(each.batch).unwrap_or(usize::MAX);
        if state.held || full || state.timer.is_some() {
            return None;
        }
        let canary_under_way =
            state.canary.is_some_and(|first| state.next >= first && state.done + state.failed + state.skipped < first);
        if canary_under_way {
            return None;
        }
        if state.queue.is_empty() {
            return match (state.exhausted, state.asked) {
                (true, _) if state.active.is_empty() => {
                    let outputs = json!({ "done": state.done, "failed": state.failed, "skipped": state.skipped });
                    Some(Turn::End(Ok(outputs.as_object().cloned().unwrap_or_default())))
                }
                (false, None) => Some(Turn::Ask),
                _ => None,
            };
        }
        if each.rate.is_some() && state.next_at > now {
            return Some(Turn::Later(state.next_at));
        }
        let item = state.queue.pop_front()?;
        let number = state.next;
        state.next += 1;
        Some(Turn::Item(number, item))
    }

    fn begin_item(&mut self, key: &Key, each: &ForEach, number: u64, item: Value) {
        if let Some(state) = self.state(key) {
            state.active.insert(number, item);
        }
        let mut iteration = key.iteration.clone();
        iteration.push(number);
        let inside = Key { step: self.first_of(each), iteration: iteration.clone(), undo: false };
        let kept = match each.keep {
            Some(keep) => match self.definition.expression(keep) {
                Some(keep) => keep.holds(&self.known(&inside)),
                None => Ok(false),
            },
            None => Ok(true),
        };
        let now = self.now;
        let Some(state) = self.state(key) else { return };
        match kept {
            Ok(true) => {
                if let Some(rate) = each.rate {
                    let pause = rate.per / rate.number.max(1);
                    // What was not used lately may be used at once, as much as one batch of it.
                    let earliest = now.minus(pause.saturating_mul(each.batch.saturating_sub(1)));
                    state.next_at = state.next_at.max(earliest).plus(pause.max(Duration::from_millis(1)));
                }
                self.begin_block(each.body, iteration);
            }
            Ok(false) => {
                state.active.remove(&number);
                state.skipped += 1;
            }
            Err(message) => {
                state.active.remove(&number);
                state.failure = Some(Failure::at(key, FailureKind::Expression, message));
            }
        }
    }

    fn first_of(&self, each: &ForEach) -> String {
        let first = self.definition.block(each.body).first().and_then(|id| self.definition.step(*id));
        first.map(|step| step.id.clone()).unwrap_or_default()
    }

    /// The steps of an item have ended.
    pub(super) fn item_over(&mut self, key: &Key, item: u64, ended: Result<(), Failure>) {
        let Some(each) = self.each(key) else { return };
        let mut iteration = key.iteration.clone();
        iteration.push(item);
        match ended {
            Ok(()) => {
                // What an item did can be undone for as long as the item is under way, and no longer.
                self.take_undo(|undo| is_within(self.definition, each.body, &iteration, undo));
                if let Some(state) = self.state(key) {
                    state.done += 1;
                }
                self.forget(key, item);
            }
            Err(failure) if failure.kind.is_caught() && self.run.stopping.is_none() => {
                let undo = self.take_undo(|undo| is_within(self.definition, each.body, &iteration, undo));
                self.undo(Owner::Item(key.clone(), item), undo, failure);
            }
            Err(failure) => {
                // The run as a whole undoes this.
                if let Some(state) = self.state(key) {
                    state.failed += 1;
                    state.failure = state.failure.take().or(Some(failure));
                }
                self.forget(key, item);
            }
        }
    }

    /// An item failed, and what it did was undone.
    pub(super) fn item_failed(&mut self, key: &Key, item: u64, _failure: Failure) {
        if let Some(state) = self.state(key) {
            state.failed += 1;
        }
        self.forget(key, item);
    }

    /// Drops what an item gave, looks whether too many have failed, and goes on.
    fn forget(&mut self, key: &Key, item: u64) {
        let mut iteration = key.iteration.clone();
        iteration.push(item);
        let body = self.each(key).map(|each| each.body);
        let definition = self.definition;
        let mut freed = 0;
        self.run.outputs.retain(|other, outputs| {
            let of_item = body.is_some_and(|body| is_within(definition, body, &iteration, other));
            freed += if of_item { size(outputs) } else { 0 };
            !of_item
        });
        self.run.kept = self.run.kept.saturating_sub(freed);
        if let Some(state) = self.state(key) {
            state.active.remove(&item);
        }
        self.judge(key);
        self.go_round(key);
    }

    /// Whether too many items have failed.
    fn judge(&mut self, key: &Key) {
        let breaker = self.each(key).and_then(|each| each.breaker);
        let Some(state) = self.state(key) else { return };
        let canary = state.canary.filter(|first| state.done + state.failed + state.skipped <= *first);
        let (done, failed) = (state.done - state.forgiven.0, state.failed - state.forgiven.1);
        let too_many = breaker.is_some_and(|breaker| {
            let ended = done + failed;
            ended >= breaker.after && failed * 100 > ended * u64::from(breaker.failures)
        });
        let message = match (canary, too_many) {
            (Some(_), _) if failed > 0 => "one of those that go first failed",
            (_, true) => "too many failed",
            _ => return,
        };
        let hold = breaker.is_some_and(|breaker| breaker.hold);
        if state.held || state.failure.is_some() {
            return;
        }
        let failure = Failure::at(key, FailureKind::Loop, message);
        if !hold || self.run.stopping.is_some() {
            self.give_up_loop(key, failure);
            return;
        }
        self.effects.push(Effect::Hold { key: key.clone(), message: failure.message.clone() });
        self.tell(Some(key), What::Held(failure));
        if let Some(state) = self.state(key) {
            state.held = true;
        }
    }

    fn give_up_loop(&mut self, key: &Key, failure: Failure) {
        if let Some(state) = self.state(key) {
            state.failure = state.failure.take().or(Some(failure));
            state.timer = None;
            state.queue.clear();
        }
    }

    pub(super) fn loop_timer(&mut self, key: &Key) {
        if let Some(state) = self.state(key) {
            state.timer = None;
        }
        self.go_round(key);
    }

    pub(super) fn loop_goes_on(&mut self, key: &Key) {
        if let Some(state) = self.state(key) {
            state.held = false;
            state.forgiven = (state.done, state.failed);
        }
        self.go_round(key);
    }

    pub(super) fn loop_given_up(&mut self, key: &Key) {
        let failure = Failure::at(key, FailureKind::Loop, "it was given up");
        if let Some(state) = self.state(key) {
            state.held = false;
        }
        self.give_up_loop(key, failure);
        self.go_round(key);
    }
}

enum Turn {
    Item(u64, Value),
    Ask,
    Later(domain::Timestamp),
    End(Result<Map<String, Value>, Failure>),
}

impl Run {
    /// How much each loop around a step is about, and whether it goes through all that its query finds.
    pub fn extents_around(&self, definition: &Definition, key: &Key) -> Vec<(Extent, bool)> {
        let mut around = Vec::new();
        let mut at = definition.step_named(&key.step).map(|(id, _)| id);
        while let Some(parent) = at.and_then(|id| definition.around(id)) {
            if let Some(step) = definition.step(parent)
                && let StepKind::ForEach(each) = &step.kind
            {
                let iteration = key.iteration.get(..step.loops).unwrap_or_default().to_vec();
                let looping = Key { step: step.id.clone(), iteration, undo: false };
                if let Some(Node::ForEach(state)) = self.nodes.get(&looping) {
                    around.extend(state.extent.map(|extent| (extent, each.keep.is_none())));
                }
            }
            at = Some(parent);
        }
        around
    }
}
