//! Runs of workflows: claimed by one, advanced by whoever has the last claim, started once. What is shared is here: making runs, claiming them, and
//! writing what came of a step.

mod begin;
mod claims;
mod gone;
mod inbox;
mod shut_out;
mod steps;
mod workflows;

use domain::event::About;
use domain::*;
use store::*;
use uuid::Uuid;

use crate::home::*;

pub(crate) fn run(user: Option<UserId>, key: Option<&str>) -> Run {
    Run {
        id: RunId::generate(START, &Counter),
        workflow: "lost".to_owned(),
        digest: "d1".to_owned(),
        state: RunState::Running,
        user_id: user,
        key: key.map(str::to_owned),
        cause: "{}".to_owned(),
        machine: None,
        pending: "[]".to_owned(),
        error: None,
        caller: None,
        lines: 0,
        created_at: START,
        ended_at: None,
    }
}

pub(crate) fn new(run: Run, meeting: Meeting) -> NewRun {
    let of = |kind| event(kind, About { user_id: run.user_id, ..About::default() });
    NewRun {
        meeting,
        pace: 0,
        started: of(EventKind::RunStarted),
        skipped: of(EventKind::RunSkipped),
        awaits: vec![EventKind::AuthenticatorActivated, EventKind::GatewayUp],
        since: 5,
        run,
    }
}

pub(crate) async fn begin(store: &Store, runs: Vec<NewRun>) -> Effect {
    commit(store, Change::BeginRuns(Box::new(BeginRuns { runs, ..BeginRuns::default() }))).await
}

/// Starts a run, and answers its id.
pub(crate) async fn started(store: &Store, user: Option<UserId>, key: Option<&str>, meeting: Meeting) -> RunId {
    let run = run(user, key);
    let id = run.id;
    assert_eq!(begin(store, vec![new(run, meeting)]).await, Effect::Applied);
    id
}

pub(crate) async fn claim(store: &Store, now: Timestamp, until: Timestamp) -> Vec<ClaimedRun> {
    let claim = Uuid::from_bytes({
        let mut bytes = [0; 16];
        Counter.fill(&mut bytes);
        bytes
    });
    commit(store, Change::ClaimRuns { claim, now, until, at_most: 100 }).await;
    store.claimed_runs(claim).await.unwrap()
}

pub(crate) fn advance(claimed: &ClaimedRun) -> AdvanceRun {
    AdvanceRun {
        id: claimed.run.id,
        fence: claimed.fence,
        unless_poked: None,
        was: claimed.run.state,
        state: RunState::Running,
        machine: Some("{}".to_owned()),
        pending: "[]".to_owned(),
        error: None,
        at: after(1),
        release: None,
        taken: Vec::new(),
        lines: Vec::new(),
        changes: Vec::new(),
        spares: None,
        calls: Vec::new(),
        inputs: Vec::new(),
    }
}

pub(crate) fn over(claimed: &ClaimedRun) -> AdvanceRun {
    AdvanceRun { state: RunState::Completed, ..advance(claimed) }
}

pub(crate) async fn write(store: &Store, advance: AdvanceRun) -> Effect {
    commit(store, Change::AdvanceRun(Box::new(advance))).await
}

pub(crate) async fn state(store: &Store, id: RunId) -> RunState {
    store.run(id).await.unwrap().unwrap().state
}
