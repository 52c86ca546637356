//! Carrying a run that is claimed, step by step, until it waits or is over.
//!
//! Each step is one commit: what the run is then, what it does to our own data, what is told of it, and what of its inbox it took. What is
//! done outside is done before that commit, and again after a crash, with the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::event::About;
use domain::{Event, EventKind, Run, RunId, RunLine, RunState, TaskState, Timestamp};
use serde_json::{Map, Value, json};
use store::{AdvanceRun, Change, ClaimedRun, Commit, Effect as Written, NewRun, Release, RunInput, Spares, StoreError};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;
use workflow::{
    Action, Advanced, Cause, Changed, Definition, Effect, Entry, Input, Key, Outcome, Reach, Refused, Run as Machine,
    Start, Told, What,
};

use super::blast::{TAKING, spares, stands_in_the_way};
use super::held::LEFT_TO_IT;
use super::inside::{Fault, Own};
use super::outside::Errand;
use super::releases::{decided, released_by};
use super::start::{Started, of_run};
use crate::app::telling::With;
use crate::app::{App, Error};

/// When a run is due that waits for another one of its kind to end, or for what has no time.
const NEVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);
/// How often what a run does to our own data is worked out anew, where it changes meanwhile.
const TRIES: u32 = 5;
/// How often it is looked what came for a run while something is done for it.
const LOOK: Duration = Duration::from_secs(1);
/// The longest text that is kept of why a run failed, in characters.
const LONGEST: usize = 1000;

/// Why a run that is claimed was not carried.
pub(super) enum NotCarried {
    /// What it goes by is beyond this server.
    Unread(Error),
    Error(Error),
}

impl From<Error> for NotCarried {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Carries a run as far as it goes now.
pub(super) async fn carry(app: &Arc<App>, claimed: ClaimedRun) -> Result<(), NotCarried> {
    let definition = match app.definition(&claimed.run.digest).await {
        Ok(definition) => definition,
        Err(error @ Error::Internal(_)) => return Err(NotCarried::Unread(error)),
        Err(error) => return Err(error.into()),
    };
    let broken =
        |what: &str, error: serde_json::Error| Error::Internal(format!("{what} of a run cannot be read: {error}"));
    let machine = claimed.run.machine.as_deref().map(serde_json::from_str).transpose();
    let machine = machine.map_err(|error| broken("the state", error))?;
    let pending = serde_json::from_str(&claimed.run.pending).map_err(|error| broken("what is to be done", error))?;
    let started = serde_json::from_str(&claimed.run.cause).map_err(|error| broken("the cause", error))?;
    let ClaimedRun { run, fence, pokes, begins_at } = claimed;
    let app = Arc::clone(app);
    let mut carrier = Carrier {
        app,
        definition,
        was: run.state,
        was_held: run.state == RunState::Held,
        run,
        started,
        machine,
        pending,
        fence,
        pokes,
        begins_at,
        unwritten: Vec::new(),
        flying: JoinSet::new(),
        foreseen: BTreeMap::new(),
        begun: BTreeMap::new(),
    };
    let ended = match carrier.go().await {
        // What it was to write is taken neither now nor later: it ends, rather than that it is tried for ever.
        Err(Stop::NotTaken(why)) => carrier.cannot_be_kept(&why).await,
        ended => ended,
    };
    match ended {
        Ok(()) | Err(Stop::Lost) => Ok(()),
        Err(Stop::NotTaken(why)) => Err(Error::Internal(why).into()),
        Err(Stop::Error(error)) => Err(error.into()),
    }
}

/// Why a run is not carried on.
pub(super) enum Stop {
    /// Somebody else has claimed it, or it is gone.
    Lost,
    /// The store does not take what was to be written, and never will.
    NotTaken(String),
    Error(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

struct Carrier {
    app: Arc<App>,
    definition: Arc<Definition>,
    run: Run,
    /// How far the run is in the store.
    was: RunState,
    started: Started,
    machine: Option<Machine>,
    /// What the run asked for and has not got yet.
    pending: Vec<Effect>,
    fence: i64,
    pokes: i64,
    begins_at: Timestamp,
    /// What happened before the first commit.
    unwritten: Vec<Entry>,
    /// What is done outside just now.
    flying: JoinSet<(Key, Input)>,
    /// Whether a step of it is held, or was since it was claimed: there may be tasks that release steps.
    was_held: bool,
    /// About how many users the loops are that take something from them, by the steps that do. It is forgotten with the claim, and then each step is
    /// guarded by itself.
    foreseen: BTreeMap<String, u64>,
    /// When steps began that began here.
    begun: BTreeMap<Key, Timestamp>,
}

/// What goes into a commit beside the run itself.
#[derive(Default)]
struct Beside {
    own: Own,
    spares: Option<Spares>,
    taken: Vec<Uuid>,
    calls: Vec<NewRun>,
    inputs: Vec<RunInput>,
    release: Option<Release>,
}

impl Carrier {
    async fn go(&mut self) -> Result<(), Stop> {
        let mut under_way: BTreeSet<String> = BTreeSet::new();
        let mut looked = Instant::now();
        loop {
            if self.run.state.is_over() {
                self.app.workflows.held.forget(self.run.id);
                return Ok(());
            }
            if self.machine.is_none() {
                if !self.begin().await? {
                    return Ok(());
                }
                continue;
            }
            self.set_off(&mut under_way);
            if looked.elapsed() >= LOOK {
                // However much there is to do: who cancels the run is heard.
                looked = Instant::now();
                self.take_inbox().await?;
            } else if let Some(effect) = self.next_inside() {
                self.do_inside(effect).await?;
            } else if let Some(timer) = self.due_timer() {
                // What came before the time was over counts, also where it was not looked at yet.
                if !self.take_inbox().await? {
                    self.fire(timer).await?;
                }
            } else if self.take_inbox().await? {
                // What came may have more to be done.
            } else if self.flying.is_empty() {
                if self.rest().await? {
                    return Ok(());
                }
            } else if let Some((key, input)) = self.answer().await {
                under_way.remove(&key.to_string());
                self.advance(input, Beside::default()).await?;
            }
        }
    }

    /// What comes back from outside, if anything does soon. Whoever waits for that alone takes no place of others.
    async fn answer(&mut self) -> Option<(Key, Input)> {
        let app = Arc::clone(&self.app);
        let _waiting = app.workflows.outside.one_more(&self.run.workflow);
        match tokio::time::timeout(LOOK, self.flying.join_next()).await {
            Ok(Some(Ok(came))) => Some(came),
            _ => None,
        }
    }

    /// Ends the run as failed, with nothing of what it was to write.
    async fn cannot_be_kept(&mut self, why: &str) -> Result<(), Stop> {
        tracing::error!(run = %self.run.id, why, "the store does not take what a run was to write: it has failed");
        self.machine = None;
        self.unwritten.clear();
        self.flying.abort_all();
        self.over(Outcome::Failed, Some("what came of a step cannot be kept in the database".to_owned())).await
    }

    /// Begins the run, if it may. Whether it did.
    async fn begin(&mut self) -> Result<bool, Stop> {
        // What came since the claim is not seen to here: with the pokes of the claim, the run is due again for it.
        let inbox = self.app.store.run_instructions(self.run.id).await?;
        let cancelled = inbox.iter().any(|(_, input)| matches!(serde_json::from_str(input), Ok(Input::Cancel { .. })));
        if cancelled {
            self.over(Outcome::Cancelled, None).await?;
            return Ok(false);
        }
        let is_young = || self.app.now().since(self.run.created_at) < LEFT_TO_IT;
        if self.started.held && !self.app.workflows.held.has(self.run.id) && is_young() {
            // It is for the server that took what nobody may see, which looks for it at once.
            let release = Some(Release { due_at: self.app.now().plus(LOOK), pokes: self.pokes });
            self.commit(None, Beside { release, ..Beside::default() }).await?;
            return Ok(false);
        }
        if self.run.state == RunState::Queued || self.begins_at > self.app.now() {
            // What comes for it meanwhile begins it no earlier.
            let due_at = if self.run.state == RunState::Queued { NEVER } else { self.begins_at };
            let release = Some(Release { due_at, pokes: self.pokes });
            self.commit(None, Beside { release, ..Beside::default() }).await?;
            return Ok(false);
        }
        let Started { cause, requester, depth, .. } = self.started.clone();
        let start = Start { id: self.run.id.to_string(), cause, requester, depth };
        match self.definition.begin(start, self.app.now(), self.chance()) {
            Ok(advanced) => {
                metrics::counter!("countersign_runs_started_total", "workflow" => self.run.workflow.clone())
                    .increment(1);
                // Where nothing but our own data is asked for, its first step is its first commit: until then it has not begun, and nothing was done.
                let alone = |effect: &Effect| is_inside_action(effect) || matches!(effect, Effect::SetTimer { .. });
                if advanced.effects.iter().any(is_inside_action) && advanced.effects.iter().all(alone) {
                    self.pending = pending(&self.pending, advanced.effects, Some(&advanced.run));
                    self.machine = Some(advanced.run);
                    self.unwritten = advanced.history;
                } else {
                    self.commit(Some(advanced), Beside::default()).await?;
                }
                Ok(true)
            }
            Err(refused) => {
                self.over(Outcome::Failed, Some(refused.to_string())).await?;
                Ok(false)
            }
        }
    }

    /// Ends a run that never began.
    async fn over(&mut self, outcome: Outcome, error: Option<String>) -> Result<(), Stop> {
        self.run.state = state_of(outcome);
        self.run.error = error.map(|error| shortened(&error));
        self.commit(None, Beside::default()).await
    }

    /// Sends off what is to be done outside and is not under way.
    fn set_off(&mut self, under_way: &mut BTreeSet<String>) {
        for effect in &self.pending {
            let Effect::Start { key, idempotency_key, action, with, attempt, until } = effect else { continue };
            let outside = Action::named(action).is_some_and(|action| action.reach == Reach::Outside);
            if outside && under_way.insert(key.to_string()) {
                let errand = Errand {
                    run: self.run.id,
                    action: action.clone(),
                    with: with.clone(),
                    idempotency_key: idempotency_key.clone(),
                    patience: until.since(self.app.now()),
                    gives: false,
                    is_last: self.definition.is_last_attempt(key, *attempt),
                    tokens: Vec::new(),
                };
                let (app, key, attempt, until) = (Arc::clone(&self.app), key.clone(), *attempt, *until);
                self.flying.spawn(async move {
                    let input = match app.run_errand(errand).await {
                        Ok(outputs) => Input::Done { key: key.clone(), attempt, outputs, changed: Changed::Unsaid },
                        Err(Fault { message, here: false, .. }) => {
                            tracing::warn!(step = %key, message, "a step is put off until a server can do it");
                            Input::Postponed { key: key.clone(), attempt, until, message: shortened(&message) }
                        }
                        Err(fault) => Input::Failed {
                            key: key.clone(),
                            attempt,
                            message: shortened(&fault.message),
                            retryable: fault.again,
                            after: fault.after,
                        },
                    };
                    (key, input)
                });
            }
        }
    }

    /// The next thing to do that takes no more than our own data.
    fn next_inside(&self) -> Option<Effect> {
        let inside = |effect: &&Effect| {
            is_inside_action(effect)
                || matches!(effect, Effect::Query { .. } | Effect::Call { .. } | Effect::CancelCall(_))
        };
        self.pending.iter().find(inside).cloned()
    }

    async fn do_inside(&mut self, effect: Effect) -> Result<(), Stop> {
        match effect {
            Effect::Start { key, action, with, attempt, .. } => self.act(key, &action, &with, attempt).await,
            Effect::Query { key, query, with, page, cursor } => {
                if page == 1 {
                    self.foresee(&key, &query, &with).await?;
                }
                let input = match self.app.items_of(&query, &with, cursor.as_deref()).await? {
                    Ok(found) => Input::Page { key, page, items: found.items, next: found.next, total: None },
                    Err(fault) => Input::NoPage { key, page, message: shortened(&fault.message) },
                };
                self.advance(input, Beside::default()).await
            }
            Effect::Call { key, workflow, inputs, depth, .. } => self.call(key, &workflow, inputs, depth).await,
            Effect::CancelCall(key) => {
                self.pending.retain(|effect| !matches!(effect, Effect::CancelCall(of) if *of == key));
                let Some(called) = self.app.store.called_run(self.run.id, &key.to_string()).await? else {
                    // It was erased with its user: nobody else tells of its end.
                    let input = Input::Ended { key, outcome: Outcome::Cancelled };
                    return self.advance(input, Beside::default()).await;
                };
                let reason = format!("{}, which called it, does not want it any more", self.run.id);
                let input = self.input(called, self.run.id.uuid(), &Input::Cancel { reason });
                self.commit(None, Beside { inputs: vec![input], ..Beside::default() }).await?;
                self.app.workflows.due.notify_one();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Counts whom a loop is about that takes something from people, before it begins.
    async fn foresee(&mut self, key: &Key, query: &str, with: &BTreeMap<String, Told>) -> Result<(), Stop> {
        let (steps, is_all) = self.definition.in_loop(&key.step, TAKING);
        if steps.is_empty() {
            return Ok(());
        }
        let steps: Vec<String> = steps.into_iter().map(str::to_owned).collect();
        let (users, is_whole) = self.app.foreseen(query, with).await?;
        self.unwritten.retain(|entry| !matches!(entry.what, What::Foreseen { .. }));
        let what = What::Foreseen { users, is_whole };
        self.unwritten.push(Entry { at: self.app.now(), key: Some(key.clone()), what });
        // What its condition leaves out is not known before.
        self.foreseen.extend(steps.into_iter().filter(|_| is_all).map(|step| (step, users)));
        Ok(())
    }

    /// Does something to our own data, in one commit with the step.
    async fn act(&mut self, key: Key, action: &str, with: &BTreeMap<String, Told>, attempt: u32) -> Result<(), Stop> {
        for _ in 0..TRIES {
            let (own, outputs) = match self.app.own_of(&self.run, action, with).await? {
                Ok(done) => done,
                Err(fault) => {
                    let (message, retryable) = (shortened(&fault.message), fault.again);
                    let input = Input::Failed { key, attempt, message, retryable, after: fault.after };
                    return self.advance(input, Beside::default()).await;
                }
            };
            let spares = spares(&self.app, &key, &own).await?;
            if let Some(spares) = &spares
                && let Some(why) =
                    stands_in_the_way(&self.app, &self.run, spares, &own, self.foreseen.get(&key.step).copied()).await?
            {
                let input = Input::Hold { key, attempt, message: shortened(&why) };
                return self.advance(input, Beside::default()).await;
            }
            let own = self.told_of_the_run(own);
            let changed = own.changed();
            let input = if own.is_full() {
                // The rest of it is done in another commit: as long as it is not, the step is not done.
                let part = self.machine.as_ref().map_or(0, |machine| machine.parts(&key)) + 1;
                Input::Part { key: key.clone(), attempt, part, outputs, changed }
            } else {
                Input::Done { key: key.clone(), attempt, outputs, changed }
            };
            match self.try_advance(input, Beside { own, spares, ..Beside::default() }).await? {
                Written::Applied => return Ok(()),
                // What it does was not as it was seen: it is worked out anew.
                _ => self.look_for_pokes().await?,
            }
        }
        let message = "what it is about changed again and again".to_owned();
        self.advance(Input::Failed { key, attempt, message, retryable: true, after: None }, Beside::default()).await
    }

    /// What the run does tells how many runs led to it, so that they do not start each other without end; and what it says of its own is about
    /// whom it is about, and is erased with them.
    fn told_of_the_run(&self, mut own: Own) -> Own {
        for event in &mut own.events {
            event.data.insert("depth".to_owned(), self.started.depth.into());
            if event.kind == EventKind::EventEmitted {
                event.about.user_id = self.run.user_id;
            }
        }
        own
    }

    async fn call(&mut self, key: Key, workflow: &str, inputs: Map<String, Value>, depth: u32) -> Result<(), Stop> {
        let in_force = self.app.workflows.in_force();
        let requester = self.started.requester.clone();
        let started = Started { requester, ..Started::by(Cause::Call { inputs }, depth) };
        let since = *self.app.store.head().borrow();
        let new = in_force.get(workflow).and_then(|called| self.app.new_run(called, &started, None, since).ok());
        let Some(mut new) = new else {
            return self.advance(Input::Ended { key, outcome: Outcome::Failed }, Beside::default()).await;
        };
        new.run.caller = Some((self.run.id, key.to_string()));
        // Somebody waits for its end: it waits for its turn, rather than that it is left out.
        if matches!(new.meeting, store::Meeting::Drop | store::Meeting::Coalesce) {
            new.meeting = store::Meeting::Queue;
        }
        self.pending.retain(|effect| !matches!(effect, Effect::Call { key: of, .. } if *of == key));
        self.commit(None, Beside { calls: vec![new], ..Beside::default() }).await?;
        self.app.workflows.due.notify_one();
        Ok(())
    }

    fn due_timer(&self) -> Option<u64> {
        let (timer, at) = self.machine.as_ref()?.next_timer()?;
        (at <= self.app.now()).then_some(timer)
    }

    /// Has a timer fire. Where something came meanwhile that it is too late for, that is looked at first.
    async fn fire(&mut self, timer: u64) -> Result<(), Stop> {
        match self.try_advance(Input::Timer(timer), Beside::default()).await? {
            Written::Applied => Ok(()),
            _ => self.look_for_pokes().await,
        }
    }

    /// Takes what came for the run. Whether there was anything.
    async fn take_inbox(&mut self) -> Result<bool, Stop> {
        self.look_for_pokes().await?;
        let inbox = self.app.store.run_inbox(self.run.id).await?;
        for (id, input) in &inbox {
            let beside = Beside { taken: vec![*id], ..Beside::default() };
            match serde_json::from_str(input) {
                Ok(input) => match self.advance(input, beside).await {
                    Err(Stop::NotTaken(why)) => {
                        tracing::error!(why, run = %self.run.id, "what came for a run cannot be kept, and is left out");
                        self.commit(None, Beside { taken: vec![*id], ..Beside::default() }).await?;
                    }
                    taken => taken?,
                },
                Err(error) => {
                    tracing::error!(%error, run = %self.run.id, "what came for a run cannot be read, and is left out");
                    self.commit(None, beside).await?;
                }
            }
            if self.run.state.is_over() {
                break;
            }
        }
        Ok(!inbox.is_empty())
    }

    /// How often something has come by now, before it is looked what: so that what comes later is noticed as the claim is given back.
    async fn look_for_pokes(&mut self) -> Result<(), Stop> {
        self.pokes = self.app.store.run_pokes(self.run.id, self.fence).await?.ok_or(Stop::Lost)?;
        Ok(())
    }

    /// Gives the claim back until something is due. Whether that is so: nothing to do may be left.
    async fn rest(&mut self) -> Result<bool, Stop> {
        if self.go_by_releases().await? {
            return Ok(false);
        }
        let Some(machine) = &self.machine else { return Ok(true) };
        let due_at = machine.next_timer().map_or(NEVER, |(_, at)| at);
        let held = machine.held().next().is_some();
        self.run.state = if held { RunState::Held } else { RunState::Waiting };
        let release = Some(Release { due_at, pokes: self.pokes });
        self.commit(None, Beside { release, ..Beside::default() }).await?;
        Ok(true)
    }

    /// Has a step that is held for people go on, or gives it up, once they said so. Whether there was one.
    async fn go_by_releases(&mut self) -> Result<bool, Stop> {
        let held: Vec<Key> = self.machine.iter().flat_map(Machine::held_for_people).cloned().collect();
        for key in held {
            let releases = self.app.store.releases_of_run(self.run.id, Some(&released_by(&key))).await?;
            let Some(task) = decided(&releases) else { continue };
            let own = self.app.told_of_release(task, &key, self.started.depth);
            let input = if task.state == TaskState::Approved { Input::Retry(key) } else { Input::Discard(key) };
            self.advance(input, Beside { own, ..Beside::default() }).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What the run asks people by this, and asks no more.
    async fn asks(&mut self, after: Option<&Machine>, history: &[Entry], effects: &[Effect]) -> Result<Own, Error> {
        let (run, depth) = (&self.run, self.started.depth);
        let mut own = self.app.asked(run, depth, after, effects).await?;
        self.was_held |= history.iter().any(|entry| matches!(entry.what, What::Held(_)));
        if self.was_held {
            own.and(self.app.asked_to_release(run, depth, after, history).await?);
            own.and(self.app.released_otherwise(run, depth, self.machine.as_ref(), after).await?);
        }
        Ok(own)
    }

    /// Has something happen to the run, in a commit. What the run does not take changes nothing in it.
    async fn advance(&mut self, input: Input, beside: Beside) -> Result<(), Stop> {
        match self.try_advance(input, beside).await? {
            Written::Applied => Ok(()),
            _ => Err(Stop::Lost),
        }
    }

    async fn try_advance(&mut self, input: Input, beside: Beside) -> Result<Written, Stop> {
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
        self.write(advanced, beside).await
    }

    /// What a refused input answers is not asked for again.
    fn forget(&mut self, input: &Input) {
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

    async fn commit(&mut self, advanced: Option<Advanced>, beside: Beside) -> Result<(), Stop> {
        match self.write(advanced, beside).await? {
            Written::Applied => Ok(()),
            _ => Err(Stop::Lost),
        }
    }

    /// Writes the run as it is then. As long as that is not written, it is here as it was.
    async fn write(&mut self, advanced: Option<Advanced>, beside: Beside) -> Result<Written, Stop> {
        let now = self.app.now();
        let (machine, history, effects) = match advanced {
            Some(Advanced { run, effects, history }) => (Some(run), history, effects),
            None => (self.machine.clone(), Vec::new(), Vec::new()),
        };
        let history: Vec<Entry> = self.unwritten.iter().cloned().chain(history).collect();
        let mut own = beside.own;
        own.and(self.asks(machine.as_ref(), &history, &effects).await?);
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

    fn lines(&self, history: &[Entry]) -> Vec<RunLine> {
        let line = |(place, entry): (usize, &Entry)| RunLine {
            line: self.run.lines + i64::try_from(place).unwrap_or(0),
            at: entry.at,
            step: entry.key.as_ref().map(Key::to_string),
            entry: json!(entry.what).to_string(),
        };
        history.iter().enumerate().map(line).collect()
    }

    /// What is told of a run: its steps and its end. Why something failed may tell of people, and stands apart.
    fn told(&self, history: &[Entry], state: RunState, error: Option<&str>) -> Vec<Event> {
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
    fn time(&mut self, history: &[Entry]) {
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

    fn count(&self, state: RunState, history: &[Entry]) {
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

    fn input(&self, run_id: RunId, id: Uuid, input: &Input) -> RunInput {
        RunInput { run_id, id, input: json!(input).to_string(), at: self.app.now() }
    }

    fn chance(&self) -> u64 {
        u64::from_ne_bytes(self.app.random())
    }
}

/// What is still to be done: of what was, and of what is new, as far as the run waits for it.
fn pending(before: &[Effect], new: Vec<Effect>, machine: Option<&Machine>) -> Vec<Effect> {
    let Some(machine) = machine.filter(|machine| machine.outcome().is_none()) else { return Vec::new() };
    let mut pending: Vec<Effect> = before.to_vec();
    for effect in new {
        match &effect {
            Effect::Start { key, .. } | Effect::Query { key, .. } | Effect::Call { key, .. } => {
                pending.retain(|other| key_of(other) != Some(key));
                pending.push(effect);
            }
            Effect::CancelCall(_) => pending.push(effect),
            // Timers stand in the run, and which events it is told of was said as it was started.
            _ => {}
        }
    }
    pending.retain(|effect| key_of(effect).is_none_or(|key| machine.acts(key)));
    pending
}

/// Whether something is to be done to our own data.
fn is_inside_action(effect: &Effect) -> bool {
    match effect {
        Effect::Start { action, .. } => Action::named(action).is_none_or(|action| action.reach == Reach::Inside),
        _ => false,
    }
}

/// By which step something is to be done.
fn key_of(effect: &Effect) -> Option<&Key> {
    match effect {
        Effect::Start { key, .. } | Effect::Query { key, .. } | Effect::Call { key, .. } => Some(key),
        _ => None,
    }
}

const fn state_of(outcome: Outcome) -> RunState {
    match outcome {
        Outcome::Completed => RunState::Completed,
        Outcome::Failed => RunState::Failed,
        Outcome::Cancelled => RunState::Cancelled,
    }
}

const fn outcome_of(state: RunState) -> Outcome {
    match state {
        RunState::Completed => Outcome::Completed,
        RunState::Cancelled => Outcome::Cancelled,
        _ => Outcome::Failed,
    }
}

/// What is kept of a text from elsewhere: PostgreSQL takes no zero characters.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_called_run_is_gone_reads_as_its_end() {
        let key: Key = "each@3".parse().unwrap();
        let told: Input = serde_json::from_str(&RunInput::gone(&key.to_string())).unwrap();
        assert_eq!(told, Input::Ended { key, outcome: Outcome::Cancelled });
    }
}
