//! Waits, approvals and calls.

use domain::{EventKind, Timestamp};
use serde_json::{Map, Value, json};

use super::state::{Key, Node, Outcome, Signal, Told};
use super::{
    Closed, Effect, Failure, FailureKind, MAX_CALLS, MAX_INBOX, MAX_OUTPUT, MAX_SEEN, Machine, Refused, Task, Verdict,
    What,
};
use crate::bounds::{Room, is_too_deep};
use crate::definition::{Approval, Call, Excluded, InVain, StepKind, Wait};

impl Machine<'_> {
    pub(super) fn begin_wait(&mut self, key: &Key, wait: &Wait) {
        let until = match wait {
            Wait::For(span) => self.now.plus(*span),
            Wait::Event { kind, timeout, .. } => {
                match self.take_from_inbox(key, *kind) {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(failure) => return self.end(key, Err(failure)),
                }
                let until = self.now.plus(*timeout);
                self.effects.push(Effect::Await { key: key.clone(), event: kind.name().to_owned(), until });
                until
            }
            Wait::Until(id) => {
                let at = self.value(*id, &self.known(key));
                let read = at.and_then(|at| {
                    serde_json::from_value::<Timestamp>(at.clone()).map_err(|_| format!("{at} is no time"))
                });
                match read {
                    Ok(at) if at > self.now => at,
                    Ok(_) => return self.end(key, Ok(Map::new())),
                    Err(message) => {
                        let failure = Failure::at(key, FailureKind::Expression, message);
                        return self.end(key, Err(failure));
                    }
                }
            }
        };
        let timer = self.timer_at(until);
        self.run.nodes.insert(key.clone(), Node::Waiting { timer });
    }

    /// The timer of a wait or an approval fired.
    pub(super) fn waited(&mut self, key: &Key) {
        let step = self.step_of(key).and_then(|id| self.definition.step(id));
        let (in_vain, given) = match step.map(|step| &step.kind) {
            Some(StepKind::Wait(Wait::Event { in_vain, .. })) => (*in_vain, json!({ "outcome": "timeout" })),
            Some(StepKind::Approval(approval)) => {
                self.effects.push(Effect::Close { key: key.clone(), closed: Closed::Timeout });
                (approval.on_timeout, json!({ "outcome": "timeout", "approvers": [] }))
            }
            _ => return self.end(key, Ok(Map::new())),
        };
        let failure = Failure::at(key, FailureKind::Timeout, "it was waited for in vain");
        self.in_vain(key, in_vain, given, failure);
    }

    fn in_vain(&mut self, key: &Key, in_vain: InVain, given: Value, failure: Failure) {
        let ended = match (in_vain, given) {
            (InVain::Continue, Value::Object(outputs)) => Ok(outputs),
            _ => Err(failure),
        };
        self.end(key, ended);
    }

    /// An event came that is awaited, now or later: whoever waits for it takes it. Else it lies in the inbox, if a wait may yet begin that wants
    /// it; where that is full, the oldest makes room.
    pub(super) fn signal(&mut self, position: i64, event: Value) -> Result<(), Refused> {
        if position <= self.run.floor || self.run.seen.contains(&position) {
            return Err(Refused::NotAwaited);
        }
        let kind = event.get("kind").and_then(Value::as_str).and_then(EventKind::from_name);
        let Some(kind) = kind.filter(|kind| self.definition.awaits().contains(kind)) else {
            return Err(Refused::NotAwaited);
        };
        if event.to_string().len() > MAX_OUTPUT {
            return Err(Refused::TooMuch("this event is too large"));
        }
        if is_too_deep(&event) {
            return Err(Refused::TooMuch("this event has too many lists and maps in one another"));
        }
        self.run.seen.insert(position);
        while self.run.seen.len() > MAX_SEEN {
            self.run.floor = self.run.seen.pop_first().unwrap_or(self.run.floor);
        }
        let waiting: Vec<Key> = self
            .run
            .nodes
            .iter()
            .filter(|(_, node)| matches!(node, Node::Waiting { .. }))
            .map(|(key, _)| key.clone())
            .collect();
        let signal = Signal { position, event };
        for key in waiting {
            let step = self.step_of(&key).and_then(|id| self.definition.step(id));
            if step.and_then(crate::definition::Step::awaits) != Some(kind) {
                continue;
            }
            match self.wants(&key, &signal) {
                Ok(true) => {
                    self.arrived(&key, &signal);
                    return Ok(());
                }
                Ok(false) => {}
                Err(failure) => self.end(&key, Err(failure)),
            }
        }
        if self.may_yet_await(kind) {
            let at = self.run.inbox.partition_point(|other| other.position < position);
            self.run.inbox.insert(at, signal);
        }
        while self.run.inbox.len() > MAX_INBOX {
            let oldest = self.run.inbox.remove(0);
            self.tell(None, What::Dropped { position: oldest.position });
        }
        Ok(())
    }

    /// Whether a wait for events of a kind may begin that has not yet. One in no loop begins once.
    fn may_yet_await(&self, kind: EventKind) -> bool {
        let steps = self.definition.steps.iter().enumerate().filter(|(_, step)| step.awaits() == Some(kind));
        let mut begun = steps.map(|(id, step)| {
            let key = self.key(id, &[]);
            step.loops == 0 && (self.run.nodes.contains_key(&key) || self.run.outputs.contains_key(&key))
        });
        begun.any(|begun| !begun)
    }

    /// Takes the first event of the inbox that a wait is for, and ends the wait.
    fn take_from_inbox(&mut self, key: &Key, kind: EventKind) -> Result<bool, Failure> {
        let signals: Vec<Signal> = self.run.inbox.clone();
        for signal in signals {
            if signal.event.get("kind").and_then(Value::as_str) == Some(kind.name()) && self.wants(key, &signal)? {
                self.run.inbox.retain(|other| other.position != signal.position);
                self.arrived(key, &signal);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an event of the right kind is what a wait is for.
    fn wants(&mut self, key: &Key, signal: &Signal) -> Result<bool, Failure> {
        match self.step_of(key).and_then(|id| self.definition.step(id)).map(|step| &step.kind) {
            Some(StepKind::Wait(Wait::Event { keep: Some(keep), .. })) => self.asked(key, *keep, Some(&signal.event)),
            Some(StepKind::Wait(Wait::Event { keep: None, .. })) => Ok(true),
            _ => Ok(false),
        }
    }

    fn arrived(&mut self, key: &Key, signal: &Signal) {
        self.tell(Some(key), What::Arrived { position: signal.position });
        let outputs = json!({ "outcome": "event", "event": signal.event });
        self.end(key, Ok(outputs.as_object().cloned().unwrap_or_default()));
    }

    pub(super) fn begin_approval(&mut self, key: &Key, approval: &Approval) {
        let known = self.known(key);
        let mut room = Room::of_step();
        let message = approval.message.as_ref();
        let message = message.map(|message| message.render(&mut room, |id| self.value(id, &known))).transpose();
        let message = match message {
            Ok(message) => message,
            Err(message) => {
                let failure = Failure::at(key, FailureKind::Expression, message);
                return self.end(key, Err(failure));
            }
        };
        let timer = self.timer(approval.timeout);
        let task = Task {
            quorum: approval.quorum,
            roles: approval.roles.clone(),
            excludes: approval.excludes.clone(),
            evidence: approval.evidence.clone(),
            level: approval.level,
            message,
            until: timer.at,
        };
        self.effects.push(Effect::Ask { key: key.clone(), task });
        self.run.nodes.insert(key.clone(), Node::Approving { timer, approvers: Vec::new() });
    }

    pub(super) fn verdict(&mut self, key: &Key, verdict: Verdict) -> Result<(), Refused> {
        let Some(Node::Approving { approvers, .. }) = self.run.nodes.get(key) else { return Err(Refused::NotAwaited) };
        let Some(StepKind::Approval(approval)) =
            self.step_of(key).and_then(|id| self.definition.step(id)).map(|step| &step.kind)
        else {
            return Err(Refused::NotAwaited);
        };
        let excluded = |who: &Excluded| match who {
            Excluded::Subject => self.run.subject.as_ref() == Some(&verdict.by),
            Excluded::Requester => self.run.requester.as_ref() == Some(&verdict.by),
        };
        if approval.excludes.iter().any(excluded) {
            return Err(Refused::NotAllowed("who a run is about, or who started it, does not approve it"));
        }
        if !verdict.roles.iter().any(|role| approval.roles.contains(role)) {
            return Err(Refused::NotAllowed("this takes another role"));
        }
        if verdict.level < approval.level {
            return Err(Refused::NotAllowed("this takes a proof of a higher level"));
        }
        if approvers.contains(&verdict.by) {
            return Err(Refused::NotAwaited);
        }
        if !verdict.approves {
            self.tell(Some(key), What::Rejected { by: verdict.by });
            self.effects.push(Effect::Close { key: key.clone(), closed: Closed::Rejected });
            let failure = Failure::at(key, FailureKind::Rejected, "it was not approved");
            self.in_vain(key, approval.on_reject, json!({ "outcome": "rejected", "approvers": [] }), failure);
            return Ok(());
        }
        if !approval.evidence.iter().all(|seen| verdict.evidence.contains(seen)) {
            return Err(Refused::NotAllowed("not all that has to be seen was"));
        }
        self.tell(Some(key), What::Approved { by: verdict.by.clone() });
        let Some(Node::Approving { approvers, .. }) = self.run.nodes.get_mut(key) else { return Ok(()) };
        approvers.push(verdict.by);
        if approvers.len() >= approval.quorum {
            let outputs = json!({ "outcome": "approved", "approvers": approvers });
            self.effects.push(Effect::Close { key: key.clone(), closed: Closed::Approved });
            self.end(key, Ok(outputs.as_object().cloned().unwrap_or_default()));
        }
        Ok(())
    }

    pub(super) fn verdict_withdrawn(&mut self, key: &Key, by: &str) -> Result<(), Refused> {
        let Some(Node::Approving { approvers, .. }) = self.run.nodes.get_mut(key) else {
            return Err(Refused::NotAwaited);
        };
        approvers.retain(|approver| approver != by);
        Ok(())
    }

    pub(super) fn begin_call(&mut self, key: &Key, call: &Call) {
        if self.run.depth >= MAX_CALLS {
            let failure = Failure::at(key, FailureKind::Call, "workflows call each other too deep");
            return self.end(key, Err(failure));
        }
        let inputs = match self.arguments(key, &call.with) {
            Ok(told) => told.into_iter().filter_map(|(name, told)| match told {
                Told::Value(value) => Some((name, value)),
                Told::Secret(_) => None,
            }),
            Err(failure) => return self.end(key, Err(failure)),
        };
        let inputs: Map<String, Value> = inputs.collect();
        let timer = self.timer(call.timeout);
        self.effects.push(Effect::Call {
            key: key.clone(),
            idempotency_key: self.idempotency_key(key),
            workflow: call.workflow.clone(),
            inputs,
            depth: self.run.depth + 1,
        });
        self.run.nodes.insert(key.clone(), Node::Calling { timer: Some(timer), giving_up: None });
    }

    pub(super) fn call_ended(&mut self, key: &Key, outcome: Outcome) -> Result<(), Refused> {
        let Some(Node::Calling { giving_up, .. }) = self.run.nodes.get(key) else { return Err(Refused::NotAwaited) };
        let ended = match (giving_up.clone(), outcome) {
            (Some(failure), _) => Err(failure),
            (None, Outcome::Completed) => Ok(Map::from_iter([("outcome".to_owned(), Value::from(outcome.name()))])),
            (None, _) => {
                let message = format!("the workflow that was called ended as {}", outcome.name());
                Err(Failure::at(key, FailureKind::Call, message))
            }
        };
        self.end(key, ended);
        Ok(())
    }

    /// A call took too long.
    pub(super) fn call_over(&mut self, key: &Key) {
        let failure = Failure::at(key, FailureKind::Timeout, "the workflow that was called took too long");
        self.give_up_call(key, failure);
    }

    /// Has the run that was called cancelled. What it began it undoes itself, and its end is waited for.
    pub(super) fn give_up_call(&mut self, key: &Key, failure: Failure) {
        if let Some(Node::Calling { timer, giving_up }) = self.run.nodes.get_mut(key) {
            *timer = None;
            if giving_up.is_none() {
                self.effects.push(Effect::CancelCall(key.clone()));
            }
            *giving_up = Some(failure);
        }
    }
}
