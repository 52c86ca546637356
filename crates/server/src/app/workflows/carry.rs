//! Carrying a run that is claimed, step by step, until it waits or is over.
//!
//! Each step is one commit: what the run is then, what it does to our own data, what is told of it, and what of its inbox it took. Items of loops that are
//! under way share one. What is done outside is done before that commit, and again after a crash, with the same key.

mod acting;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{Run, RunState, ShutOut, TaskState, Timestamp};
use store::{ClaimedRun, Effect as Written, NewRun, Release, RunInput, Spares};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;
use workflow::{Action, Cause, Definition, Effect, Entry, Input, Key, Outcome, Reach, Run as Machine, Start, What};

use super::held::LEFT_TO_IT;
use super::inside::Own;
use super::outside::PartDone;
use super::releases::{decided, released_by};
use super::start::{Outline, Started};
use crate::app::{App, Error};

/// When a run is due that waits for another one of its kind to end, or for what has no time.
const NEVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);
/// How often what a run does to our own data is worked out anew, where it changes meanwhile.
const TRIES: u32 = 5;
/// How often it is looked what came for a run while something is done for it.
const LOOK: Duration = Duration::from_secs(1);
/// Why a step failed of which the store does not take what came.
const NOT_KEPT: &str = "what came of a step cannot be kept in the database";
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
    let ClaimedRun { run, fence, pokes, begins_at } = claimed;
    let app = Arc::clone(app);
    let (Kept { started, machine, pending }, unread) = match Kept::of(&run) {
        Ok(kept) => (kept, None),
        Err(unread) => (Kept::nothing(&run), Some(unread)),
    };
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
        parts: mpsc::unbounded_channel(),
        ended: None,
        begun: BTreeMap::new(),
    };
    let ended = match unread {
        None => carrier.go().await,
        Some(unread) => carrier.cannot_be_read(unread).await?,
    };
    let ended = match ended {
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

/// What is kept of a run, read.
struct Kept {
    started: Started,
    machine: Option<Machine>,
    pending: Vec<Effect>,
}

/// Why what is kept of a run cannot be read.
struct Unread {
    why: String,
    /// Whether nobody else can either: it is nested deeper than JSON is read, or no JSON. Otherwise another version of this program may have
    /// written it.
    by_nobody: bool,
}

impl Kept {
    fn of(run: &Run) -> Result<Self, Unread> {
        let unread = |what: &str, error: &serde_json::Error| Unread {
            why: format!("{what} cannot be read: {error}"),
            by_nobody: !error.is_data(),
        };
        let machine = run.machine.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            started: serde_json::from_str(&run.cause).map_err(|error| unread("what started it", &error))?,
            machine: machine.map_err(|error| unread("how far it is", &error))?,
            pending: serde_json::from_str(&run.pending).map_err(|error| unread("what it was to do", &error))?,
        })
    }

    /// All that is left of a run that cannot be read.
    fn nothing(run: &Run) -> Self {
        let Outline { requester, depth, .. } = Outline::of(&run.cause);
        let started = Started { requester, ..Started::by(Cause::Schedule, depth) };
        Self { started, machine: None, pending: Vec::new() }
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
    /// Where it is told what of that is done already.
    parts: (mpsc::UnboundedSender<PartDone>, mpsc::UnboundedReceiver<PartDone>),
    /// How something outside ended of which parts are to be written first.
    ended: Option<(Key, Input)>,
    /// Whether a step of it is held, or was since it was claimed: there may be tasks that release steps.
    was_held: bool,
    /// When steps began that began here.
    begun: BTreeMap<Key, Timestamp>,
}

/// What goes into a commit beside the run itself.
#[derive(Default)]
struct Beside {
    own: Own,
    /// Only where nothing came for the run since that was looked at.
    unless_poked: bool,
    spares: Option<Spares>,
    taken: Vec<Uuid>,
    calls: Vec<NewRun>,
    inputs: Vec<RunInput>,
    release: Option<Release>,
    /// To how many users people are asked to let the step that this holds.
    lets: ShutOut,
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
                if !self.act_together().await? {
                    self.do_inside(effect).await?;
                }
            } else if let Some(timer) = self.due_timer() {
                // What came before the time was over counts, also where it was not looked at yet.
                if !self.take_inbox().await? {
                    self.fire(timer).await?;
                }
            } else if self.take_inbox().await? {
                // What came may have more to be done.
            } else if self.flying.is_empty() && self.ended.is_none() && self.parts.1.is_empty() {
                if self.rest().await? {
                    return Ok(());
                }
            } else if let Some((key, input)) = self.answer().await {
                if !matches!(input, Input::Part { .. }) {
                    under_way.remove(&key.to_string());
                }
                self.advance(input, Beside::default()).await?;
            }
        }
    }

    /// What comes back from outside, if anything does soon: what is done of it before how it ended. Whoever waits for that alone takes no place of others.
    async fn answer(&mut self) -> Option<(Key, Input)> {
        let app = Arc::clone(&self.app);
        let _waiting = app.workflows.outside.one_more(&self.run.workflow);
        if self.ended.is_none() {
            let next = async {
                tokio::select! {
                    part = self.parts.1.recv() => part,
                    Some(ended) = self.flying.join_next() => { self.ended = ended.ok(); None }
                }
            };
            if let Ok(Some(part)) = tokio::time::timeout(LOOK, next).await {
                return Some(self.part_done(part));
            }
        }
        match self.parts.1.try_recv() {
            Ok(part) => Some(self.part_done(part)),
            Err(_) => self.ended.take(),
        }
    }

    /// Ends a run that cannot be read, where nobody else can read it either, or where it is cancelled. Nothing of it is undone: what it did is not known.
    async fn cannot_be_read(&mut self, Unread { why, by_nobody }: Unread) -> Result<Result<(), Stop>, NotCarried> {
        if by_nobody {
            tracing::error!(run = %self.run.id, why, "what is kept of a run cannot be read: it has failed");
            return Ok(self.over(Outcome::Failed, Some(why)).await);
        }
        match self.is_cancelled().await {
            Ok(true) => Ok(self.over(Outcome::Cancelled, Some(why)).await),
            Ok(false) => Err(NotCarried::Unread(Error::Internal(why))),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether somebody cancelled the run, and it has not heard yet.
    async fn is_cancelled(&self) -> Result<bool, Error> {
        let inbox = self.app.store.run_instructions(self.run.id).await?;
        Ok(inbox.iter().any(|(_, input)| matches!(serde_json::from_str(input), Ok(Input::Cancel { .. }))))
    }

    /// Ends the run as failed, with nothing of what it was to write.
    async fn cannot_be_kept(&mut self, why: &str) -> Result<(), Stop> {
        tracing::error!(run = %self.run.id, why, "the store does not take what a run was to write: it has failed");
        self.machine = None;
        self.unwritten.clear();
        self.flying.abort_all();
        self.over(Outcome::Failed, Some(NOT_KEPT.to_owned())).await
    }

    /// Begins the run, if it may. Whether it did.
    async fn begin(&mut self) -> Result<bool, Stop> {
        // What came since the claim is not seen to here: with the pokes of the claim, the run is due again for it.
        if self.is_cancelled().await? {
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

    fn due_timer(&self) -> Option<u64> {
        let (timer, at) = self.machine.as_ref()?.next_timer()?;
        (at <= self.app.now()).then_some(timer)
    }

    /// Has a timer fire. Where something came meanwhile that it is too late for, that is looked at first.
    async fn fire(&mut self, timer: u64) -> Result<(), Stop> {
        match self.try_advance(Input::Timer(timer), Beside { unless_poked: true, ..Beside::default() }).await? {
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
    async fn asks(
        &mut self,
        after: Option<&Machine>,
        history: &[Entry],
        effects: &[Effect],
        lets: ShutOut,
    ) -> Result<Own, Error> {
        let (run, depth) = (&self.run, self.started.depth);
        let mut own = self.app.asked(run, depth, after, effects).await?;
        self.was_held |= history.iter().any(|entry| matches!(entry.what, What::Held(_)));
        if self.was_held {
            own.and(self.app.asked_to_release(run, depth, after, history, lets).await?);
            own.and(self.app.released_otherwise(run, depth, self.machine.as_ref(), after).await?);
        }
        Ok(own)
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
        assert_eq!(told, Input::Ended { key: key.clone(), outcome: Outcome::Cancelled });
        let by = domain::UserId::from_uuid(Uuid::from_u128(7));
        let told: Input = serde_json::from_str(&RunInput::withdrawn(&key.to_string(), by)).unwrap();
        assert_eq!(told, Input::Withdrawn { key, by: by.to_string() });
    }
}
