//! How a run goes from step to step, what becomes of failures, and how it ends.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::state::{Key, Node, Outcome, Owner, Phase, Undo, Undoing};
use super::{Closed, Effect, Ended, Failure, FailureKind, Machine, Next, Refused, What};
use crate::bounds::Room;
use crate::definition::{BlockId, Definition, ExpressionId, Step, StepId, StepKind};
use crate::expression::Known;

/// How many keys of what could not be undone are kept.
const MAX_NOT_UNDONE: usize = 1000;

impl Machine<'_> {
    pub(super) fn begin_block(&mut self, block: BlockId, iteration: Vec<u64>) {
        match self.definition.block(block).first() {
            Some(first) => self.next.push_back(Next::Begin(*first, iteration)),
            None => self.next.push_back(Next::BlockOver(block, iteration, Ok(()))),
        }
    }

    pub(super) fn begin_step(&mut self, id: StepId, iteration: Vec<u64>) {
        let Some(step) = self.definition.step(id) else { return };
        if let Some(failure) = self.run.stopping.clone() {
            self.next.push_back(Next::BlockOver(step.block, iteration, Err(failure)));
            return;
        }
        let key = self.key(id, &iteration);
        self.tell(Some(&key), What::StepBegan);
        match &step.kind {
            StepKind::Action(action) => self.begin_action(&key, &action.does),
            StepKind::Switch(branches) => match self.way(&key, branches) {
                Ok(Some(block)) => {
                    self.run.nodes.insert(key, Node::Switch);
                    self.begin_block(block, iteration);
                }
                Ok(None) => self.end(&key, Ok(Map::new())),
                Err(failure) => self.end(&key, Err(failure)),
            },
            StepKind::Parallel(blocks) => {
                self.run.nodes.insert(key, Node::Parallel { open: blocks.len(), failed: None });
                for block in blocks {
                    self.begin_block(*block, iteration.clone());
                }
            }
            StepKind::ForEach(each) => self.begin_loop(&key, each),
            StepKind::Wait(wait) => self.begin_wait(&key, wait),
            StepKind::Approval(approval) => self.begin_approval(&key, approval),
            StepKind::Call(call) => self.begin_call(&key, call),
            StepKind::Try { body, .. } => {
                self.run.nodes.insert(key, Node::Try { error: None });
                self.begin_block(*body, iteration);
            }
            StepKind::Fail(message) => {
                let known = self.known(&key);
                let said = message.render(&mut Room::of_step(), |id| self.value(id, &known));
                let failure = match said {
                    Ok(message) => Failure::at(&key, FailureKind::Explicit, message),
                    Err(message) => Failure::at(&key, FailureKind::Expression, message),
                };
                self.end(&key, Err(failure));
            }
        }
    }

    /// The first way whose condition holds.
    fn way(&mut self, key: &Key, branches: &[crate::definition::Branch]) -> Result<Option<BlockId>, Failure> {
        for branch in branches {
            let Some(when) = branch.when else { return Ok(Some(branch.block)) };
            if self.asked(key, when, None)? {
                return Ok(Some(branch.block));
            }
        }
        Ok(None)
    }

    /// Whether a condition holds; told in the history with its parts.
    pub(super) fn asked(&mut self, key: &Key, id: ExpressionId, arrived: Option<&Value>) -> Result<bool, Failure> {
        let mut known = self.known(key);
        if let Some(event) = arrived {
            known.add("arrived", Cow::Owned(event.clone()));
        }
        let Some(expression) = self.definition.expression(id) else { return Ok(false) };
        let clauses = expression.why(&known);
        let holds = expression.holds(&known);
        self.tell(Some(key), What::Asked { holds: holds == Ok(true), clauses });
        holds.map_err(|message| Failure::at(key, FailureKind::Expression, message))
    }

    pub(super) fn value(&self, id: ExpressionId, known: &Known<'_>) -> Result<Value, String> {
        match self.definition.expression(id) {
            Some(expression) => expression.value(known),
            None => Err("there is no such expression".to_owned()),
        }
    }

    pub(super) fn step_ended(&mut self, id: StepId, iteration: Vec<u64>, ended: Ended) {
        let Some(step) = self.definition.step(id) else { return };
        let key = self.key(id, &iteration);
        let failure = ended.map(|outputs| self.keep(&key, outputs));
        // What failed may have been done in part.
        let failure = match self.run.parts.remove(&key) {
            Some(part) => failure.and(self.keep_undo(&key, part.changed)).err(),
            None => failure.err(),
        };
        match &failure {
            None => self.tell(Some(&key), What::StepDone),
            Some(failure) => self.tell(Some(&key), What::StepFailed(failure.clone())),
        }
        let over = |ended| Next::BlockOver(step.block, iteration.clone(), ended);
        let next = match (failure, self.definition.block(step.block).get(step.index + 1)) {
            (Some(failure), _) => over(Err(failure)),
            (None, Some(next)) => Next::Begin(*next, iteration),
            (None, None) => over(Ok(())),
        };
        self.next.push_back(next);
    }

    /// Keeps what a step gave.
    fn keep(&mut self, key: &Key, outputs: Map<String, Value>) {
        if !outputs.is_empty() {
            self.run.kept += size(&outputs);
            self.run.outputs.insert(key.clone(), outputs);
        }
    }

    pub(super) fn block_over(&mut self, block: BlockId, iteration: Vec<u64>, ended: Result<(), Failure>) {
        let parent = self.definition.blocks.get(block).and_then(|block| block.parent);
        let Some(parent) = parent else {
            self.phase_over(ended);
            return;
        };
        let Some(step) = self.definition.step(parent) else { return };
        if let StepKind::ForEach(_) = &step.kind {
            let mut around = iteration;
            let Some(item) = around.pop() else { return };
            let key = self.key(parent, &around);
            self.item_over(&key, item, ended);
            return;
        }
        let key = self.key(parent, &iteration);
        match &step.kind {
            StepKind::Parallel(blocks) => {
                let place = blocks.iter().position(|other| *other == block).unwrap_or(usize::MAX);
                let Some(Node::Parallel { open, failed }) = self.run.nodes.get_mut(&key) else { return };
                *open = open.saturating_sub(1);
                // Of several, one that nothing catches is told of, and else the first in the document, in whatever order they failed.
                let rank = |place: usize, failure: &Failure| (failure.kind.is_caught(), place);
                if let Err(failure) = ended
                    && failed.as_ref().is_none_or(|(other, told)| rank(place, &failure) < rank(*other, told))
                {
                    *failed = Some((place, failure));
                }
                if *open == 0 {
                    let failed = failed.take();
                    self.end(&key, failed.map_or_else(|| Ok(Map::new()), |(_, failure)| Err(failure)));
                }
            }
            StepKind::Try { body, .. } if *body == block => match ended {
                Err(failure) if failure.kind.is_caught() && self.run.stopping.is_none() => {
                    let owner = Owner::Try(key.clone());
                    let undo = self.take_undo(|undo| is_within(self.definition, *body, &key.iteration, undo));
                    self.undo(owner, undo, failure);
                }
                ended => self.end(&key, ended.map(|()| Map::new())),
            },
            _ => self.end(&key, ended.map(|()| Map::new())),
        }
    }

    /// Takes what `which` says from what would be undone, the last things last.
    pub(super) fn take_undo(&mut self, which: impl Fn(&Key) -> bool) -> Vec<Undo> {
        let undo = std::mem::take(&mut self.run.undo);
        let (taken, left) = undo.into_iter().partition(|undo| which(&undo.key));
        self.run.undo = left;
        taken
    }

    /// Undoes things, the last one first, and goes on with `owner`.
    pub(super) fn undo(&mut self, owner: Owner, mut left: Vec<Undo>, failure: Failure) {
        let Some(current) = left.pop() else {
            self.undone(owner, failure);
            return;
        };
        let (key, with) = (current.key.clone(), current.with.clone());
        self.run.undoing.push(Undoing { owner, left, current, failure });
        self.tell(Some(&key), What::StepBegan);
        self.act(&key, with, 1);
    }

    /// Goes on after something was undone, or could not be.
    pub(super) fn undo_ended(&mut self, key: &Key, failed: Option<Failure>) {
        self.run.nodes.remove(key);
        self.run.parts.remove(key);
        match failed {
            None => self.tell(Some(key), What::StepDone),
            Some(failure) => {
                self.was_not_undone(key.clone());
                self.tell(Some(key), What::StepFailed(failure));
            }
        }
        let Some(at) = self.run.undoing.iter().position(|undoing| undoing.current.key == *key) else { return };
        let undoing = self.run.undoing.remove(at);
        self.undo(undoing.owner, undoing.left, undoing.failure);
    }

    /// The history tells of all; a run over millions keeps those that came first.
    pub(super) fn was_not_undone(&mut self, key: Key) {
        if self.run.not_undone.len() < MAX_NOT_UNDONE {
            self.run.not_undone.push(key);
        }
    }

    fn undone(&mut self, owner: Owner, failure: Failure) {
        match owner {
            Owner::Run => self.after_undoing(),
            Owner::Item(key, item) => self.item_failed(&key, item, failure),
            Owner::Try(key) => {
                if let Some(stopping) = self.run.stopping.clone() {
                    self.end(&key, Err(stopping));
                    return;
                }
                let Some(StepKind::Try { catch, .. }) =
                    self.step_of(&key).and_then(|id| self.definition.step(id)).map(|step| &step.kind)
                else {
                    return;
                };
                if let Some(Node::Try { error }) = self.run.nodes.get_mut(&key) {
                    *error = Some(failure);
                }
                self.begin_block(*catch, key.iteration);
            }
        }
    }

    fn phase_over(&mut self, ended: Result<(), Failure>) {
        // A run that was to stop has stopped, however its last step came out.
        let ended = self.run.stopping.take().map_or(ended, Err);
        self.run.deadline = None;
        match self.run.phase {
            Phase::Main => match ended {
                Ok(()) => self.finally(),
                Err(failure) => {
                    self.run.failure = Some(failure.clone());
                    self.go_on_to(Phase::Undoing);
                    let undo = self.take_undo(|_| true);
                    self.undo(Owner::Run, undo, failure);
                }
            },
            Phase::OnError => self.finally(),
            Phase::Finally => self.finish(),
            Phase::Undoing | Phase::Over(_) => {}
        }
    }

    fn after_undoing(&mut self) {
        let cancelled = self.run.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Cancelled);
        match self.definition.on_error.filter(|_| !cancelled) {
            Some(block) => {
                self.go_on_to(Phase::OnError);
                self.run.deadline = Some(self.timer(self.definition.limits.duration));
                self.begin_block(block, Vec::new());
            }
            None => self.finally(),
        }
    }

    fn finally(&mut self) {
        self.run.undo.clear();
        match self.definition.finally {
            Some(block) => {
                self.go_on_to(Phase::Finally);
                self.begin_block(block, Vec::new());
            }
            None => self.finish(),
        }
    }

    fn finish(&mut self) {
        let outcome = match &self.run.failure {
            None => Outcome::Completed,
            Some(failure) if failure.kind == FailureKind::Cancelled => Outcome::Cancelled,
            Some(_) => Outcome::Failed,
        };
        self.run.outputs.clear();
        self.run.inbox.clear();
        self.run.seen.clear();
        self.go_on_to(Phase::Over(outcome));
        self.effects.push(Effect::Finish(outcome));
    }

    fn go_on_to(&mut self, phase: Phase) {
        self.run.phase = phase;
        self.tell(None, What::Phase { phase });
    }

    pub(super) fn cancel(&mut self, reason: String) -> Result<(), Refused> {
        if !matches!(self.run.phase, Phase::Main | Phase::OnError) {
            return Err(Refused::NotAllowed("this run is at its end already"));
        }
        if self.run.stopping.is_some() {
            return Err(Refused::NotAwaited);
        }
        self.stop(&Failure { step: None, kind: FailureKind::Cancelled, message: reason });
        Ok(())
    }

    /// Lets no other step begin, ends what waits, and lets what acts come to its end.
    pub(super) fn stop(&mut self, failure: &Failure) {
        self.tell(None, What::Stopping(failure.clone()));
        self.run.stopping = Some(failure.clone());
        let waiting: Vec<Key> = self.run.nodes.keys().filter(|key| !key.undo).cloned().collect();
        for key in waiting {
            match self.run.nodes.get_mut(&key) {
                Some(Node::Approving { .. }) => {
                    self.effects.push(Effect::Close { key: key.clone(), closed: Closed::Cancelled });
                    self.end(&key, Err(failure.clone()));
                }
                Some(Node::Resting { .. } | Node::Held { .. } | Node::Waiting { .. }) => {
                    self.end(&key, Err(failure.clone()));
                }
                Some(Node::Calling { .. }) => self.give_up_call(&key, failure.clone()),
                Some(Node::ForEach(_)) => self.go_round(&key),
                _ => {}
            }
        }
    }

    /// What is known at a step.
    pub(super) fn known(&self, key: &Key) -> Known<'static> {
        let mut known = Known::default();
        let run = &self.run;
        let facts = [
            ("event", run.event.clone()),
            ("webhook", run.webhook.clone()),
            ("inputs", Some(Value::Object(run.inputs.clone()))),
            ("subject", run.subject.clone().map(Value::from)),
            ("requester", run.requester.clone().map(Value::from)),
            ("run", Some(json!({ "id": run.id, "started_at": run.started_at, "workflow": run.workflow }))),
            ("steps", Some(self.given(key))),
            ("error", self.error_at(key)),
        ];
        for (name, fact) in facts {
            if let Some(fact) = fact {
                known.add(name, Cow::Owned(fact));
            }
        }
        let mut at = self.step_of(key);
        let mut items = Vec::new();
        while let Some(parent) = at.and_then(|id| self.definition.around(id)) {
            if let Some(Step { kind: StepKind::ForEach(each), loops, .. }) = self.definition.step(parent) {
                let around = key.iteration.get(..*loops).unwrap_or_default();
                let item = key.iteration.get(*loops);
                if let (Some(Node::ForEach(state)), Some(item)) = (self.run.nodes.get(&self.key(parent, around)), item)
                {
                    items.extend(state.active.get(item).map(|value| (each.name.clone(), value.clone())));
                }
            }
            at = Some(parent);
        }
        for (name, value) in items {
            known.add(name, Cow::Owned(value));
        }
        known
    }

    /// What the steps gave that a step can ask.
    fn given(&self, key: &Key) -> Value {
        let visible = self.run.outputs.iter().filter(|(other, _)| key.iteration.starts_with(&other.iteration));
        let given: Map<String, Value> =
            visible.map(|(other, outputs)| (other.step.clone(), Value::Object(outputs.clone()))).collect();
        Value::Object(given)
    }

    /// The failure that the blocks around a step handle.
    fn error_at(&self, key: &Key) -> Option<Value> {
        let as_fact = |failure: &Failure| json!({ "step": failure.step.clone().unwrap_or_default(), "message": failure.message, "kind": failure.kind.name() });
        let mut at = self.step_of(key);
        while let Some(parent) = at.and_then(|id| self.definition.around(id)) {
            let loops = self.definition.step(parent).map_or(0, |step| step.loops);
            let around = key.iteration.get(..loops).unwrap_or_default();
            if let Some(Node::Try { error: Some(failure) }) = self.run.nodes.get(&self.key(parent, around)) {
                return Some(as_fact(failure));
            }
            at = Some(parent);
        }
        (self.run.phase == Phase::OnError).then(|| self.run.failure.as_ref().map(as_fact)).flatten()
    }
}

/// Whether what is undone stands in a block, in the same rounds of loops.
pub(super) fn is_within(definition: &Definition, block: BlockId, iteration: &[u64], undo: &Key) -> bool {
    let parent = |at: &BlockId| definition.step(definition.blocks.get(*at)?.parent?).map(|step| step.block);
    let start = definition.step_named(&undo.step).map(|(_, step)| step.block);
    std::iter::successors(start, parent).any(|at| at == block) && undo.iteration.starts_with(iteration)
}

/// How many bytes outputs have, about.
pub(super) fn size(outputs: &Map<String, Value>) -> usize {
    outputs.iter().map(|(name, value)| name.len() + value.to_string().len()).sum()
}
