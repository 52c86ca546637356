//! What a run is by now is written, with what happened in it.

use domain::event::About;
use domain::{Event, EventKind, RunId, RunLine, RunState};
use serde_json::{Map, json};
use store::{AdvanceRun, Change, Commit, Effect as Written, RunInput, StoreError};
use uuid::Uuid;
use workflow::{Advanced, Effect, Entry, Input, Key, Refused, Run as Machine, What};

use super::{Beside, Carrier, NOT_KEPT, Stop, outcome_of, pending, shortened, state_of};
use crate::app::Error;
use crate::app::telling::With;
use crate::app::workflows::inside::Own;
use crate::app::workflows::start::of_run;

impl Carrier {
    /// Has something happen to the run, in a commit. What the run does not take changes nothing in it.
    pub(super) async fn advance(&mut self, input: Input, beside: Beside) -> Result<(), Stop> {
        match self.try_advance(input, beside).await? {
            Written::Applied => Ok(()),
            _ => Err(Stop::Lost),
        }
    }

    pub(super) async fn try_advance(&mut self, input: Input, beside: Beside) -> Result<Written, Stop> {
        let Some(machine) = &self.machine else { return Ok(Written::Refused) };
        let advanced = match self.definition.advance(machine, input.clone(), self.app.now(), self.chance()) {
            Ok(advanced) => Some(advanced),
            Err(Refused::OtherVersion) => {
                return Err(Stop::Error(Error::Internal(Refused::OtherVersion.to_string())));
            }
            Err(refused) => {
                tracing::debug!(run = %self.run.id, %refused, "a run did not take what came for it");
                self.forget(&input);
                // Nothing of what it would have done is done.
                return self.write(None, Beside { own: Own::default(), spares: None, ..beside }).await;
            }
        };
        let (taken, outside) = (beside.taken.clone(), beside.own.changes.is_empty());
        match self.write(advanced, beside).await {
            Err(Stop::NotTaken(why)) => self.failed_instead(input, outside, taken, why).await,
            written => written,
        }
    }

    /// The store does not take what came of a step: it has failed by that, so that what was done is undone, and somebody hears of it.
    async fn failed_instead(
        &mut self,
        input: Input,
        outside: bool,
        taken: Vec<Uuid>,
        why: String,
    ) -> Result<Written, Stop> {
        let (Input::Done { key, attempt, changed, .. } | Input::Part { key, attempt, changed, .. }) = input else {
            return Err(Stop::NotTaken(why));
        };
        let Some(machine) = &self.machine else { return Err(Stop::NotTaken(why)) };
        tracing::error!(run = %self.run.id, step = %key, why, "the store does not take what came of a step: it has failed");
        // What was done outside is done, whatever becomes of what it gave. What was to be done to our own data was not.
        let part = machine.parts(&key) + 1;
        let done = Input::Part { key: key.clone(), attempt, part, outputs: Map::new(), changed };
        let failed = Input::Failed { key, attempt, message: NOT_KEPT.to_owned(), retryable: false, after: None };
        let mut advanced = Advanced { run: machine.clone(), effects: Vec::new(), history: Vec::new() };
        for input in outside.then_some(done).into_iter().chain([failed]) {
            let next = self.definition.advance(&advanced.run, input, self.app.now(), self.chance());
            let Ok(next) = next else { return Err(Stop::NotTaken(why)) };
            advanced.run = next.run;
            advanced.effects.extend(next.effects);
            advanced.history.extend(next.history);
        }
        self.write(Some(advanced), Beside { taken, ..Beside::default() }).await
    }

    /// What a refused input answers is not asked for again.
    pub(super) fn forget(&mut self, input: &Input) {
        self.pending.retain(|effect| match (effect, input) {
            (Effect::Start { key, attempt, .. }, Input::Done { key: of, attempt: answered, .. })
            | (Effect::Start { key, attempt, .. }, Input::Failed { key: of, attempt: answered, .. })
            | (Effect::Start { key, attempt, .. }, Input::Hold { key: of, attempt: answered, .. })
            | (Effect::Start { key, attempt, .. }, Input::Part { key: of, attempt: answered, .. })
            | (Effect::Start { key, attempt, .. }, Input::Postponed { key: of, attempt: answered, .. }) => {
                key != of || attempt != answered
            }
            (Effect::Query { key, .. }, Input::Page { key: of, .. } | Input::NoPage { key: of, .. })
            | (Effect::Call { key, .. }, Input::Ended { key: of, .. }) => key != of,
            _ => true,
        });
    }

    pub(super) async fn commit(&mut self, advanced: Option<Advanced>, beside: Beside) -> Result<(), Stop> {
        match self.write(advanced, beside).await? {
            Written::Applied => Ok(()),
            _ => Err(Stop::Lost),
        }
    }

    /// Writes the run as it is then. As long as that is not written, it is here as it was.
    pub(super) async fn write(&mut self, advanced: Option<Advanced>, beside: Beside) -> Result<Written, Stop> {
        let now = self.app.now();
        let (machine, history, effects) = match advanced {
            Some(Advanced { run, effects, history }) => (Some(run), history, effects),
            None => (self.machine.clone(), Vec::new(), Vec::new()),
        };
        let history: Vec<Entry> = self.unwritten.iter().cloned().chain(history).collect();
        let mut own = beside.own;
        own.and(self.asks(machine.as_ref(), &history, &effects, beside.lets).await?);
        let pending = pending(&self.pending, effects, machine.as_ref());
        let state = match machine.as_ref().and_then(Machine::outcome) {
            Some(outcome) => state_of(outcome),
            None if beside.release.is_none() && !self.run.state.is_over() && machine.is_some() => RunState::Running,
            None => self.run.state,
        };
        let failure = machine.as_ref().and_then(Machine::failure).map(|failure| shortened(&failure.message));
        let error = failure.or_else(|| self.run.error.clone());
        let mut inputs = beside.inputs;
        if let (true, Some((caller, key))) = (state.is_over(), &self.run.caller)
            && let Ok(key) = key.parse()
        {
            inputs.push(self.input(*caller, self.run.id.uuid(), &Input::Ended { key, outcome: outcome_of(state) }));
        }
        let mut events = own.events;
        events.extend(self.told(&history, state, error.as_deref()));
        let text = |value: serde_json::Result<String>| {
            value.map_err(|error| Stop::Error(Error::Internal(format!("a run cannot be written: {error}"))))
        };
        let lines = self.lines(&history);
        let many = i64::try_from(lines.len()).unwrap_or(0);
        let told_parent = state.is_over() && self.run.caller.is_some();
        let advance = AdvanceRun {
            id: self.run.id,
            fence: self.fence,
            unless_poked: beside.unless_poked.then_some(self.pokes),
            was: self.was,
            state,
            machine: machine.as_ref().map(serde_json::to_string).map(text).transpose()?,
            pending: text(serde_json::to_string(&pending))?,
            error: error.clone(),
            at: now,
            release: beside.release,
            taken: beside.taken,
            lines,
            changes: own.changes,
            spares: beside.spares,
            calls: beside.calls,
            inputs,
        };
        let change = Change::AdvanceRun(Box::new(advance));
        let written = match self.app.commit_counted(Commit { change, events, idempotency: None }).await {
            Err(StoreError::Refused(why)) => return Err(Stop::NotTaken(why)),
            written => written.map_err(Error::from)?,
        };
        if written == Written::Applied {
            self.unwritten.clear();
            self.machine = machine;
            self.pending = pending;
            (self.run.state, self.was) = (state, state);
            self.run.error = error;
            self.run.lines += many;
            self.time(&history);
            self.count(state, &history);
            if told_parent {
                self.app.workflows.due.notify_one();
            }
        }
        Ok(written)
    }

    pub(super) fn lines(&self, history: &[Entry]) -> Vec<RunLine> {
        let line = |(place, entry): (usize, &Entry)| RunLine {
            line: self.run.lines + i64::try_from(place).unwrap_or(0),
            at: entry.at,
            step: entry.key.as_ref().map(Key::to_string),
            entry: json!(entry.what).to_string(),
        };
        history.iter().enumerate().map(line).collect()
    }

    /// What is told of a run: its steps and its end. Why something failed may tell of people, and stands apart.
    pub(super) fn told(&self, history: &[Entry], state: RunState, error: Option<&str>) -> Vec<Event> {
        let event = |kind| of_run(self.app.event(kind, None, About::default()), &self.run, self.started.depth);
        let mut events = Vec::new();
        for entry in history {
            let (kind, failure) = match &entry.what {
                What::StepDone => (EventKind::StepCompleted, None),
                What::StepFailed(failure) => (EventKind::StepFailed, Some(failure)),
                What::Held(failure) => (EventKind::RunHeld, Some(failure)),
                _ => continue,
            };
            let told = event(kind);
            let told = match &entry.key {
                Some(key) => told.with("step", key.to_string()),
                None => told,
            };
            events.push(match failure {
                Some(failure) => told
                    .with("reason", json!(failure.kind))
                    .detailed(self.app.details([("message", shortened(&failure.message))])),
                None => told,
            });
        }
        let end = match state {
            RunState::Completed => EventKind::RunCompleted,
            RunState::Failed => EventKind::RunFailed,
            RunState::Cancelled => EventKind::RunCancelled,
            _ => return events,
        };
        let message = error.map(|error| ("message", error.to_owned()));
        events.push(event(end).detailed(self.app.details(message)));
        events
    }

    /// How long steps took that began and ended here. Those that another server goes on with, or that begin again after a wait, are not measured:
    /// the history has them all.
    pub(super) fn time(&mut self, history: &[Entry]) {
        for entry in history {
            let Some(key) = &entry.key else { continue };
            match &entry.what {
                What::StepBegan => drop(self.begun.insert(key.clone(), entry.at)),
                What::StepDone | What::StepFailed(_) => {
                    if let Some(began) = self.begun.remove(key) {
                        let (workflow, step) = (self.run.workflow.clone(), key.step.clone());
                        metrics::histogram!("countersign_step_seconds", "workflow" => workflow, "step" => step)
                            .record(entry.at.since(began));
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn count(&self, state: RunState, history: &[Entry]) {
        let workflow = || self.run.workflow.clone();
        let of = |what: fn(&What) -> bool| u64::try_from(history.iter().filter(|entry| what(&entry.what)).count());
        let steps = [
            ("completed", of(|what| matches!(what, What::StepDone))),
            ("failed", of(|what| matches!(what, What::StepFailed(_)))),
            ("held", of(|what| matches!(what, What::Held(_)))),
        ];
        for (outcome, count) in steps {
            if let Some(count) = count.ok().filter(|count| *count > 0) {
                metrics::counter!("countersign_steps_total", "workflow" => workflow(), "outcome" => outcome)
                    .increment(count);
            }
        }
        if state.is_over() {
            metrics::counter!("countersign_runs_ended_total", "workflow" => workflow(), "outcome" => state.name())
                .increment(1);
            let took = self.app.now().since(self.run.created_at);
            metrics::histogram!("countersign_run_seconds", "workflow" => workflow()).record(took);
        }
    }

    pub(super) fn input(&self, run_id: RunId, id: Uuid, input: &Input) -> RunInput {
        RunInput { run_id, id, input: json!(input).to_string(), at: self.app.now() }
    }
}
