//! Finding what there is to do, claiming it, and keeping what is claimed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Event, RunId, RunState};
use store::{BeginRuns, Change, ClaimedRun, Effect, FirstClaim, NewRun};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Workflows;
use super::carry::{NotCarried, carry};
use crate::app::{App, Error};

/// Runs that have something to do and are carried at the same time by one server.
const MOST_AT_ONCE: usize = 256;
/// With those that do nothing but wait for somebody outside.
const MOST_IN_ALL: usize = 768;
/// How long a run is left alone of whose workflow as many wait for somebody outside as may.
const LATER: Duration = Duration::from_secs(10);
/// How long a run is left alone that this server cannot carry, so that another one takes it up.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How long a claim lasts. Whoever is paused for longer writes nothing any more, and another server goes on.
const LEASE: Duration = Duration::from_secs(15);
/// How often claims are renewed.
const RENEW: Duration = Duration::from_secs(4);
/// How often it is looked for what became due, or what another server left.
const LOOK: Duration = Duration::from_millis(250);
/// How often it is looked whether there are workflows at all.
const IDLE: Duration = Duration::from_secs(2);

/// Carries runs until the task is ended.
pub(crate) async fn work(app: Arc<App>) {
    let mut under_way = JoinSet::new();
    let mut renew = tokio::time::interval(RENEW);
    let room = Room(&app.workflows.begun);
    loop {
        while under_way.try_join_next().is_some() {}
        carry_begun(&app, &mut under_way);
        // Half of the room is for runs that begin meanwhile.
        let left = how_many_more(&app, &under_way);
        let wanted = left.div_ceil(2);
        room.is(left - wanted);
        let mut found = 0;
        if wanted > 0 && !app.workflows.is_idle() {
            let claiming = claim(&app, wanted);
            tokio::pin!(claiming);
            let claimed = loop {
                tokio::select! {
                    claimed = &mut claiming => break claimed,
                    () = app.workflows.begun.came.notified() => carry_begun(&app, &mut under_way),
                }
            };
            match claimed {
                Ok(claimed) => {
                    found = claimed.len();
                    let (later, claimed): (Vec<_>, Vec<_>) = claimed
                        .into_iter()
                        .partition(|claimed| app.workflows.outside.is_full_of(&claimed.run.workflow));
                    give_back(&app, later.iter().map(|claimed| (claimed.run.id, claimed.fence)).collect(), LATER).await;
                    for run in claimed {
                        under_way.spawn(carried(Arc::clone(&app), run));
                    }
                }
                Err(error) => tracing::warn!(%error, "what runs have to do could not be looked for; trying again"),
            }
        }
        if found == wanted && wanted > 0 {
            continue;
        }
        carry_begun(&app, &mut under_way);
        let left = how_many_more(&app, &under_way);
        room.is(left);
        let look = if app.workflows.is_idle() { IDLE } else { LOOK };
        tokio::select! {
            () = app.workflows.due.notified() => {}
            () = app.workflows.begun.came.notified() => {}
            () = tokio::time::sleep(look) => {}
            _ = under_way.join_next(), if left == 0 => {}
            _ = renew.tick() => keep(&app).await,
        }
    }
}

/// How many more can be carried.
fn how_many_more(app: &App, under_way: &JoinSet<()>) -> usize {
    let promised = app.workflows.begun.promised.load(Ordering::Relaxed);
    let all = under_way.len().saturating_add(promised);
    let busy = all.saturating_sub(app.workflows.outside.all());
    MOST_AT_ONCE.saturating_sub(busy).min(MOST_IN_ALL.saturating_sub(all))
}

/// Runs that something is to be done for, claimed.
async fn claim(app: &App, at_most: usize) -> Result<Vec<ClaimedRun>, Error> {
    let now = app.now();
    if app.store.next_run_due().await?.is_none_or(|due| due > now) {
        return Ok(Vec::new());
    }
    let claim = app.store.claim_id(app.random());
    let at_most = u32::try_from(at_most).unwrap_or(u32::MAX);
    let change = Change::ClaimRuns { claim, now, until: now.plus(LEASE), at_most };
    if app.commit(change, Vec::new()).await? != Effect::Applied {
        return Ok(Vec::new());
    }
    let claimed = app.store.claimed_runs(claim).await?;
    app.workflows.are_claimed(&claimed);
    Ok(claimed)
}

impl Workflows {
    fn are_claimed(&self, claimed: &[ClaimedRun]) {
        let mut all = self.claimed();
        for run in claimed {
            let fence = all.entry(run.run.id).or_insert(run.fence);
            // What was claimed anew meanwhile stays so.
            *fence = run.fence.max(*fence);
        }
    }

    /// Takes room for as many of these runs as there is.
    fn promise(&self, runs: &[NewRun]) -> Promise<'_> {
        let is_full = runs.iter().any(|new| self.outside.is_full_of(&new.run.workflow));
        let wanted = if is_full { 0 } else { runs.iter().filter(|new| new.meets_nobody()).count() };
        let took = |room: usize| Some(room.saturating_sub(wanted));
        let room = self.begun.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, took);
        let count = room.unwrap_or_else(|room| room).min(wanted);
        self.begun.promised.fetch_add(count, Ordering::Relaxed);
        Promise { begun: &self.begun, count }
    }
}

/// Runs that were claimed as they were started, on their way to whoever carries them.
#[derive(Default)]
pub(super) struct Begun {
    runs: Mutex<Vec<ClaimedRun>>,
    /// That there are some.
    came: Notify,
    /// How many more can be carried here.
    room: AtomicUsize,
    /// How many there is a place kept for while they are written.
    promised: AtomicUsize,
}

/// Places that are kept for runs while they are written.
struct Promise<'a> {
    begun: &'a Begun,
    count: usize,
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        self.begun.promised.fetch_sub(self.count, Ordering::Relaxed);
    }
}

impl Begun {
    fn runs(&self) -> MutexGuard<'_, Vec<ClaimedRun>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_over(&self, claimed: Vec<ClaimedRun>) {
        self.runs().extend(claimed);
        self.came.notify_one();
    }

    fn take(&self) -> Vec<ClaimedRun> {
        std::mem::take(&mut *self.runs())
    }
}

/// There is room for runs that begin for as long as somebody carries them here.
struct Room<'a>(&'a Begun);

impl Room<'_> {
    fn is(&self, room: usize) {
        self.0.room.store(room, Ordering::Relaxed);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.is(0);
    }
}

fn carry_begun(app: &Arc<App>, under_way: &mut JoinSet<()>) {
    for run in app.workflows.begun.take() {
        under_way.spawn(carried(Arc::clone(app), run));
    }
}

impl App {
    /// Starts runs. What there is room for here is claimed in the same commit: nobody has to look for it, and it takes its first step a commit earlier.
    pub(super) async fn begin_runs(&self, mut begin: BeginRuns, told: Vec<Event>) -> Result<Effect, Error> {
        let promise = self.workflows.promise(&begin.runs);
        let at_most = promise.count;
        if at_most > 0 {
            begin.claim =
                Some(FirstClaim { claim: self.store.claim_id(self.random()), until: self.now().plus(LEASE), at_most });
        }
        let claimed = begin.claimed();
        let effect = self.commit(Change::BeginRuns(Box::new(begin)), told).await?;
        if effect == Effect::Applied {
            self.workflows.are_claimed(&claimed);
            self.workflows.begun.hand_over(claimed);
            self.workflows.due.notify_one();
        }
        Ok(effect)
    }
}

async fn carried(app: Arc<App>, claimed: ClaimedRun) {
    let (id, fence) = (claimed.run.id, claimed.fence);
    let held = Held { app: Arc::clone(&app), id, fence };
    match carry(&app, claimed).await {
        Ok(()) => {}
        Err(NotCarried::Unread(error)) => {
            tracing::warn!(%error, run = %id, "this server cannot carry a run; it is left to another one");
            give_back(&app, vec![(id, fence)], ELSEWHERE).await;
        }
        Err(NotCarried::Error(error)) => {
            tracing::warn!(%error, run = %id, "a run could not go on; it is tried again once the claim on it is over");
        }
    }
    drop(held);
}

/// A run is claimed here. However it comes to its end, the claim is renewed no longer than that.
struct Held {
    app: Arc<App>,
    id: RunId,
    fence: i64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.app.workflows.claimed();
        if all.get(&self.id) == Some(&self.fence) {
            all.remove(&self.id);
        }
        if std::thread::panicking() {
            tracing::error!(run = %self.id, "carrying a run failed unexpectedly: this is a defect");
        }
    }
}

/// Gives runs back for which nothing was done. What another server has claimed since is left to it.
async fn give_back(app: &App, runs: Vec<(RunId, i64)>, after: Duration) {
    if runs.is_empty() {
        return;
    }
    for (id, _) in &runs {
        app.workflows.claimed().remove(id);
    }
    let due_at = app.now().plus(after);
    if let Err(error) = app.commit(Change::ReleaseRuns { runs, due_at }, Vec::new()).await {
        tracing::warn!(%error, "runs could not be given back; they are taken up once the claims on them are over");
    }
}

/// Renews what is claimed here. What another server has claimed since is left to it.
async fn keep(app: &App) {
    app.workflows.held.forget_old(app.now());
    let runs: Vec<(RunId, i64)> = app.workflows.claimed().iter().map(|(id, fence)| (*id, *fence)).collect();
    if runs.is_empty() {
        return;
    }
    let until = app.now().plus(LEASE);
    if let Err(error) = app.commit(Change::RenewRuns { runs, until }, Vec::new()).await {
        tracing::warn!(%error, "the claims on runs could not be renewed; trying again");
    }
}

/// Tells how many runs are under way.
pub(crate) async fn measure(app: &App) {
    if app.workflows.is_idle() {
        return;
    }
    match app.store.runs_under_way().await {
        Ok(counts) => {
            for state in RunState::ALL.into_iter().filter(|state| !state.is_over()) {
                let count = counts.get(&state).copied().unwrap_or(0);
                let count = i32::try_from(count).unwrap_or(i32::MAX);
                metrics::gauge!("countersign_runs", "state" => state.name()).set(f64::from(count));
            }
        }
        Err(error) => tracing::warn!(%error, "the runs could not be counted; trying again later"),
    }
}
