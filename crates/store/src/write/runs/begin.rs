//! Runs are started, wait for another to end, or are not started.

use domain::{Event, RunId, RunState, Timestamp, UserId};
use uuid::Uuid;

use super::inbox::tell;
use crate::Effect;
use crate::engine::{Connection, Fault};
use crate::runs::{BeginRuns, FIRST_FENCE, FirstClaim, Meeting, NewRun, RunInput};
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};
use crate::write::rest::one;

/// When a run is due that waits for another one to end.
const NEVER: i64 = i64::MAX;
/// How often a slot is tried for that was just given up.
const TRIES: usize = 3;

pub(super) static MOVE_CURSOR: Set = Set::new(
    &[("seen", Int), ("to_position", Int)],
    "UPDATE workflow_cursor AS c SET position = i.to_position FROM input i WHERE c.one = 1 AND c.position = i.seen",
);

pub(super) static FIRE_SCHEDULE: Set = Set::new(
    &[("name", Text), ("seen_at", Int), ("fires_at", Int)],
    "UPDATE workflows AS w SET next_at = i.fires_at FROM input i WHERE w.name = i.name AND w.next_at = i.seen_at",
);

pub(super) static TAKE_CALL: Set = Set::new(
    &[("workflow", Text), ("id", Text), ("at", Int)],
    "INSERT INTO webhook_calls (workflow, id, at) SELECT i.workflow, i.id, i.at FROM input i WHERE true
     ON CONFLICT DO NOTHING",
);

pub(super) async fn begin_runs(connection: &mut Connection, begin: &BeginRuns) -> Result<(Effect, Vec<Event>), Fault> {
    if let Some((seen, to)) = begin.cursor
        && one(connection, &MOVE_CURSOR, &[seen.into(), to.into()]).await? == Effect::Refused
    {
        return Ok((Effect::Refused, Vec::new()));
    }
    if let Some((name, seen, next)) = &begin.schedule
        && one(connection, &FIRE_SCHEDULE, &[name.as_str().into(), (*seen).into(), (*next).into()]).await?
            == Effect::Refused
    {
        return Ok((Effect::Refused, Vec::new()));
    }
    if let Some(call) = &begin.call
        && one(connection, &TAKE_CALL, &[call.workflow.as_str().into(), call.id.as_str().into(), call.at.into()])
            .await?
            == Effect::Refused
    {
        return Ok((Effect::Refused, Vec::new()));
    }
    let (free, others): (Vec<&NewRun>, Vec<&NewRun>) = begin.runs.iter().partition(|new| new.meets_nobody());
    let (claimed, unclaimed) = free.split_at(begin.claim.map_or(0, |claim| claim.at_most).min(free.len()));
    let claimed = claimed.iter().map(|new| Beginning::at_once(new, begin.claim));
    insert_all(connection, claimed.chain(unclaimed.iter().map(|new| Beginning::at_once(new, None)))).await?;
    let mut told: Vec<Event> = free.into_iter().map(|new| new.started.clone()).collect();
    for new in others {
        told.push(begin_run(connection, new).await?);
    }
    tell(connection, &begin.inputs).await?;
    Ok((Effect::Applied, told))
}

/// What a new run meets.
enum Met {
    Nobody,
    Another,
}

pub(super) static TAKE_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text), ("run_id", Id)],
    "INSERT INTO run_slots (workflow, key, run_id) SELECT i.workflow, i.key, i.run_id FROM input i WHERE true
     ON CONFLICT DO NOTHING",
);

/// Whoever has a slot, which is not given up before the end of the transaction.
pub(super) static HOLD_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text)],
    "SELECT s.run_id FROM run_slots s
     WHERE (s.workflow, s.key) IN (SELECT i.workflow, i.key FROM input i) {alone}",
);

pub(super) static QUEUED: Set = Set::new(
    &[("workflow", Text), ("key", Text)],
    "SELECT r.id FROM input i {then} {each<}runs r{each|}r.workflow = i.workflow AND r.key = i.key AND r.state = 'queued'{each>r}
     ORDER BY r.id LIMIT 100",
);

/// Starts a run, or has it wait, or neither. Answers what is told of it.
pub(super) async fn begin_run(connection: &mut Connection, new: &NewRun) -> Result<Event, Fault> {
    let met = meet(connection, new).await?;
    let state = match met {
        Met::Nobody => RunState::Running,
        Met::Another => {
            let Some(key) = &new.run.key else { return Ok(new.skipped.clone()) };
            let slot = || Rows::one(&[new.run.workflow.as_str().into(), key.as_str().into()]);
            match &new.meeting {
                Meeting::Drop => return Ok(new.skipped.clone()),
                Meeting::Coalesce if !QUEUED.ids(connection, slot()).await?.is_empty() => {
                    return Ok(new.skipped.clone());
                }
                Meeting::Replace { input } => {
                    let mut earlier = QUEUED.ids(connection, slot()).await?;
                    earlier.extend(HOLD_SLOT.ids(connection, slot()).await?);
                    let inputs = earlier.into_iter().map(|id| RunInput {
                        run_id: RunId::from_uuid(id),
                        id: new.run.id.uuid(),
                        input: input.clone(),
                        at: new.run.created_at,
                    });
                    tell(connection, &inputs.collect::<Vec<_>>()).await?;
                    RunState::Queued
                }
                Meeting::Queue | Meeting::Coalesce => RunState::Queued,
            }
        }
    };
    insert(connection, new, state).await?;
    Ok(new.started.clone())
}

async fn meet(connection: &mut Connection, new: &NewRun) -> Result<Met, Fault> {
    let Some(key) = &new.run.key else { return Ok(Met::Nobody) };
    let (workflow, key) = (new.run.workflow.as_str().into(), key.as_str().into());
    for _ in 0..TRIES {
        if one(connection, &TAKE_SLOT, &[workflow, key, new.run.id.into()]).await? == Effect::Applied {
            return Ok(Met::Nobody);
        }
        // Who has it may be giving it up, on another server.
        if !HOLD_SLOT.ids(connection, Rows::one(&[workflow, key])).await?.is_empty() {
            return Ok(Met::Another);
        }
    }
    Err(Fault::Collided("a slot was taken and given up again and again".to_owned()))
}

pub(super) static INSERT_RUNS: Set = Set::new(
    &[
        ("id", Id),
        ("workflow", Text),
        ("digest", Text),
        ("state", Text),
        ("user_id", Id),
        ("key", Text),
        ("cause", Text),
        ("caller", Id),
        ("caller_key", Text),
        ("created_at", Int),
        ("pace", Int),
        ("begins_at", Int),
    ],
    "INSERT INTO runs
        (id, workflow, digest, state, user_id, key, cause, pending, caller, caller_key, lines, created_at, pace, begins_at)
     SELECT i.id, i.workflow, i.digest, i.state, i.user_id, i.key, i.cause, '[]', i.caller, i.caller_key, 0, i.created_at,
        i.pace, i.begins_at
     FROM input i",
);

pub(super) static INSERT_CLAIMS: Set = Set::new(
    &[("run_id", Id), ("claim_id", Id), ("due_at", Int), ("fence", Int)],
    "INSERT INTO run_claims (run_id, claim, due_at, fence, pokes)
     SELECT i.run_id, i.claim_id, i.due_at, i.fence, 0 FROM input i",
);

pub(super) static INSERT_AWAITS: Set = Set::new(
    &[("kind", Text), ("user_id", Id), ("run_id", Id), ("since", Int)],
    "INSERT INTO run_awaits (kind, user_id, run_id, since) SELECT i.kind, i.user_id, i.run_id, i.since FROM input i",
);

/// Keeps runs of a workflow apart in time, where it says how many may begin.
pub(super) static PACE: Set = Set::new(
    &[("name", Text), ("now_at", Int), ("pace", Int)],
    "UPDATE workflows AS w
     SET begin_at = CASE WHEN w.begin_at > i.now_at THEN w.begin_at ELSE i.now_at END + i.pace
     FROM input i WHERE w.name = i.name",
);

pub(super) static BEGINS_AT: Set =
    Set::new(&[("name", Text)], "SELECT w.begin_at FROM workflows w WHERE w.name IN (SELECT i.name FROM input i)");

async fn insert(connection: &mut Connection, new: &NewRun, state: RunState) -> Result<(), Fault> {
    let due_at = if state == RunState::Queued {
        NEVER
    } else {
        begins_at(connection, &new.run.workflow, new.pace, new.run.created_at).await?
    };
    insert_all(connection, [Beginning { new, state, due_at, claim: None }]).await
}

/// A run as it begins.
struct Beginning<'a> {
    new: &'a NewRun,
    state: RunState,
    due_at: i64,
    claim: Option<FirstClaim>,
}

impl<'a> Beginning<'a> {
    /// One that nothing stands in the way of.
    const fn at_once(new: &'a NewRun, claim: Option<FirstClaim>) -> Self {
        Self { new, state: RunState::Running, due_at: new.run.created_at.unix_millis(), claim }
    }
}

async fn insert_all<'a>(
    connection: &mut Connection,
    all: impl IntoIterator<Item = Beginning<'a>>,
) -> Result<(), Fault> {
    let (mut runs, mut claims, mut awaits) = (Rows::default(), Rows::default(), Rows::default());
    for Beginning { new, state, due_at, claim } in all {
        let run = &new.run;
        let (caller, caller_key) = match &run.caller {
            Some((caller, key)) => (Some(*caller), Some(key.as_str())),
            None => (None, None),
        };
        runs.push(&[
            run.id.into(),
            run.workflow.as_str().into(),
            run.digest.as_str().into(),
            state.name().into(),
            run.user_id.into(),
            run.key.as_deref().into(),
            run.cause.as_str().into(),
            caller.into(),
            caller_key.into(),
            run.created_at.into(),
            new.pace.into(),
            if state == RunState::Queued { 0 } else { due_at }.into(),
        ]);
        // Claimed, it is due for others once the claim is over.
        let (due_at, fence) = claim.map_or((due_at, 0), |claim| (claim.until.unix_millis(), FIRST_FENCE));
        claims.push(&[run.id.into(), claim.map(|claim| claim.claim).into(), due_at.into(), fence.into()]);
        for kind in &new.awaits {
            let user = run.user_id.filter(|_| kind.concerns_users()).map_or(Uuid::nil(), UserId::uuid);
            awaits.push(&[kind.name().into(), user.into(), run.id.into(), new.since.into()]);
        }
    }
    INSERT_RUNS.all(connection, runs).await?;
    INSERT_CLAIMS.all(connection, claims).await?;
    INSERT_AWAITS.all(connection, awaits).await
}

/// When a run begins that nothing stands in the way of.
pub(super) async fn begins_at(
    connection: &mut Connection,
    workflow: &str,
    pace: i64,
    now: Timestamp,
) -> Result<i64, Fault> {
    if pace > 0 {
        let name = workflow.into();
        PACE.execute(connection, Rows::one(&[name, now.into(), pace.into()])).await?;
        let next = BEGINS_AT.fetch(connection, Rows::one(&[name]), |row| row.get::<i64>(0)).await?;
        return Ok(next.first().map_or(now.unix_millis(), |next| next - pace));
    }
    Ok(now.unix_millis())
}
