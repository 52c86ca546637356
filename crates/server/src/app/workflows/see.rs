//! Seeing runs, and having them go on or end.

use domain::event::About;
use domain::{Event, EventKind, Page, PageRequest, Run, RunId, RunLine, RunState, TaskId, TaskState, Timestamp};
use serde_json::{Value, json};
use store::{Change, Effect, RunFilter, RunInput, TaskFilter};
use workflow::{Awaited, Input, Key, Progress, Run as Machine, Wait};

use super::InForce;
use super::start::{Outline, Started, of_run};
use crate::app::telling::With;
use crate::app::{Actor, App, Error};

/// A run with what can be seen of it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) run: Run,
    /// Who started it, where that was a person.
    pub(crate) requester: Option<String>,
    /// What started it: `event`, `schedule`, `webhook`, `manual` or `call`, and the event where it was one; `unknown` where this server cannot read it.
    pub(crate) cause: &'static str,
    pub(crate) event: Option<Value>,
    /// The steps that are under way.
    pub(crate) under_way: Vec<String>,
    /// Those of them that wait, and for what.
    pub(crate) waits: Vec<WaitShown>,
    /// The loops among them, and how far they are.
    pub(crate) loops: Vec<(String, Progress)>,
    /// Those that are held until somebody looks at them.
    pub(crate) held: Vec<String>,
    /// Those of them that two people have to release.
    pub(crate) held_for_people: Vec<String>,
    /// The tasks by which they do.
    pub(crate) release_tasks: Vec<TaskId>,
    /// What was to be undone and could not be.
    pub(crate) not_undone: Vec<String>,
}

/// A step that waits.
#[derive(Debug)]
pub(crate) struct WaitShown {
    pub(crate) step: String,
    pub(crate) awaited: Awaited,
    pub(crate) until: Option<Timestamp>,
    /// What people decide by, where they are waited for.
    pub(crate) task: Option<TaskId>,
}

/// What becomes of a step that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolve {
    /// It is tried again.
    Retry,
    /// It is given up.
    Discard,
}

impl App {
    /// The workflows that are in force.
    pub(crate) async fn workflows_in_force(&self) -> Result<Vec<InForce>, Error> {
        // As the store has them: this server may not have heard yet.
        self.load_workflows().await?;
        Ok(self.workflows.in_force().values().cloned().collect())
    }

    /// Runs, the newest first.
    pub(crate) async fn runs(&self, filter: &RunFilter, page: PageRequest<RunId>) -> Result<Page<Run, RunId>, Error> {
        Ok(self.store.runs(filter, page).await?)
    }

    /// A run.
    pub(crate) async fn run(&self, id: RunId) -> Result<Shown, Error> {
        let mut run = self.store.run(id).await?.ok_or(Error::NotFound("run"))?;
        // What this server cannot read of it says nothing: the rest is shown.
        let Outline { cause, requester, .. } = Outline::of(&run.cause);
        let event = match serde_json::from_str(&run.cause) {
            Ok(Started { cause: workflow::Cause::Event(event), .. }) => Some(event),
            _ => None,
        };
        let machine: Option<Machine> = match run.machine.as_deref().map(serde_json::from_str).transpose() {
            Ok(machine) => machine,
            Err(error) => {
                run.error.get_or_insert_with(|| format!("how far it is cannot be read here: {error}"));
                None
            }
        };
        let now = self.now();
        let mut release_tasks = Vec::new();
        if run.state == RunState::Held {
            let releases = self.store.releases_of_run(id, None).await?;
            let open = releases.into_iter().filter(|task| task.state_at(now) == TaskState::Open);
            release_tasks.extend(open.map(|task| task.id));
        }
        let keys = |keys: Vec<&Key>| keys.into_iter().map(Key::to_string).collect();
        let machine = machine.as_ref();
        Ok(Shown {
            requester,
            cause: cause.name(),
            event,
            under_way: keys(machine.map(|one| one.under_way().collect()).unwrap_or_default()),
            waits: match machine {
                Some(machine) if !run.state.is_over() => self.waits(&run, machine).await?,
                _ => Vec::new(),
            },
            loops: machine.into_iter().flat_map(Machine::progress).map(|(key, how)| (key.to_string(), how)).collect(),
            held: keys(machine.map(|one| one.held().collect()).unwrap_or_default()),
            held_for_people: keys(machine.map(|one| one.held_for_people().collect()).unwrap_or_default()),
            release_tasks,
            not_undone: keys(machine.map(|one| one.not_undone().iter().collect()).unwrap_or_default()),
            run,
        })
    }

    /// What the steps of a run wait for.
    async fn waits(&self, run: &Run, machine: &Machine) -> Result<Vec<WaitShown>, Error> {
        // Where it goes by a document that this server cannot read, the rest is shown.
        let Ok(definition) = self.definition(&run.digest).await else { return Ok(Vec::new()) };
        let waits: Vec<_> = machine.waits(&definition).collect();
        let mut tasks = Vec::new();
        if waits.iter().any(|wait| wait.awaited == Awaited::People) {
            let open = TaskFilter { run_id: Some(run.id), state: Some(TaskState::Open), ..TaskFilter::default() };
            tasks =
                self.store.tasks(&open, PageRequest { after: None, limit: PageRequest::<TaskId>::MAX }).await?.items;
        }
        let as_shown = |wait: Wait<'_>| {
            let step = wait.key.to_string();
            let task = tasks.iter().find(|task| task.releases.is_none() && task.step == step).map(|task| task.id);
            WaitShown { step, awaited: wait.awaited, until: wait.until, task }
        };
        Ok(waits.into_iter().map(as_shown).collect())
    }

    /// What happened in a run, in order.
    pub(crate) async fn run_history(&self, id: RunId, page: PageRequest<i64>) -> Result<Page<RunLine, i64>, Error> {
        self.store.run(id).await?.ok_or(Error::NotFound("run"))?;
        Ok(self.store.run_lines(id, page).await?)
    }

    /// Has a run cancelled. What it began it undoes; that takes its time.
    pub(crate) async fn cancel_run(&self, actor: &Actor, id: RunId) -> Result<Shown, Error> {
        let run = self.going(id).await?;
        let reason = format!("{} cancelled it", actor.application.name);
        let event = self.instructed(actor, &run, "cancel");
        self.tell_run(id, &Input::Cancel { reason }, event).await?;
        self.run(id).await
    }

    /// Has a step that is held tried again, or given up.
    pub(crate) async fn resolve_step(
        &self,
        actor: &Actor,
        id: RunId,
        step: &str,
        how: Resolve,
    ) -> Result<Shown, Error> {
        let run = self.going(id).await?;
        let shown = self.run(id).await?;
        if !shown.held.iter().any(|held| held == step) {
            return Err(Error::Conflict("no such step of it is held"));
        }
        let key: Key = step.parse().map_err(|why: &str| Error::invalid("/step", why))?;
        let (what, input) = match how {
            Resolve::Retry => ("retry", Input::Retry(key)),
            Resolve::Discard => ("discard", Input::Discard(key)),
        };
        let event = self.instructed(actor, &run, what).with("step", step);
        self.tell_run(id, &input, event).await?;
        self.run(id).await
    }

    fn instructed(&self, actor: &Actor, run: &Run, what: &'static str) -> Event {
        let event = of_run(self.event(EventKind::RunInstructed, Some(actor), About::default()), run, 0);
        event.with("reason", what).detailed(self.origin(actor))
    }

    async fn going(&self, id: RunId) -> Result<Run, Error> {
        let run = self.store.run(id).await?.ok_or(Error::NotFound("run"))?;
        if run.state.is_over() { Err(OVER) } else { Ok(run) }
    }

    async fn tell_run(&self, run_id: RunId, input: &Input, event: Event) -> Result<(), Error> {
        let now = self.now();
        // Sorted by time, behind what came before.
        let id = RunId::generate(now, &*self.entropy).uuid();
        let told = RunInput { run_id, id, input: json!(input).to_string(), at: now };
        match self.commit(Change::TellRun(told), event).await? {
            Effect::Applied => {
                self.workflows.due.notify_one();
                Ok(())
            }
            _ => Err(OVER),
        }
    }
}

const OVER: Error = Error::Conflict("the run is over");
