//! Runs of workflows: started, claimed, advanced.
//!
//! Whoever does something for a run has claimed it, and writes with the number of the claim in the condition: a server that was paused
//! for longer than its claim lasted finds that it writes nothing. The claim's row is written first, and held until the end of the transaction;
//! so what comes for a run meanwhile, which counts up `pokes` in the same row, is before or after all of it.

use std::collections::BTreeSet;

use domain::{Event, RunId, RunState, Timestamp, UserId};
use uuid::Uuid;

use super::hygiene;
use super::outcome::Outcomes;
use super::rest::{self, one};
use super::{Item, links, shut_out, tasks, took};
use crate::engine::{Connection, Fault, Row};
use crate::runs::{AdvanceRun, BeginRuns, Meeting, NewRun, PutWorkflows, RunInput};
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Change, Effect};

/// When a run is due that waits for another one to end.
const NEVER: i64 = i64::MAX;
/// How often a slot is tried for that was just given up.
const TRIES: usize = 3;

pub(super) async fn write(
    connection: &mut Connection,
    index: usize,
    change: &Change,
    outcomes: &mut Outcomes,
) -> Result<Effect, Fault> {
    match change {
        Change::PutWorkflows(put) => put_workflows(connection, put).await,
        Change::BeginRuns(begin) => {
            let (effect, told) = begin_runs(connection, begin).await?;
            outcomes.tell(index, told);
            Ok(effect)
        }
        Change::ClaimRuns { claim, now, until, at_most } => {
            let row = [(*claim).into(), (*now).into(), (*until).into(), i64::from(*at_most).into()];
            one(connection, &CLAIM_RUNS, &row).await
        }
        Change::RenewRuns { runs, until } => {
            let mut rows = Rows::default();
            for (id, fence) in runs {
                rows.push(&[(*id).into(), (*fence).into(), (*until).into()]);
            }
            let renewed = RENEW_RUNS.execute(connection, rows).await?;
            Ok(if renewed == 0 { Effect::Refused } else { Effect::Applied })
        }
        Change::ReleaseRuns { runs, due_at } => {
            let mut rows = Rows::default();
            for (id, fence) in runs {
                rows.push(&[(*id).into(), (*fence).into(), (*due_at).into()]);
            }
            let released = GIVE_BACK.execute(connection, rows).await?;
            Ok(if released == 0 { Effect::Refused } else { Effect::Applied })
        }
        Change::AdvanceRun(advance) => {
            let (effect, told) = advance_run(connection, advance).await?;
            outcomes.tell(index, told);
            Ok(effect)
        }
        Change::TellRun(input) => {
            let told = tell(connection, std::slice::from_ref(input)).await?;
            Ok(if told == 0 { Effect::Refused } else { Effect::Applied })
        }
        _ => Ok(Effect::Refused),
    }
}

static PUT_DOCUMENTS: Set = Set::new(
    &[("digest", Text), ("name", Text), ("file", Text), ("document", Text), ("at", Int)],
    "INSERT INTO workflow_documents (digest, name, file, document, at)
     SELECT i.digest, i.name, i.file, i.document, i.at FROM input i WHERE true ON CONFLICT DO NOTHING",
);

static PUT_WORKFLOWS: Set = Set::new(
    &[("name", Text), ("digest", Text), ("at", Int), ("since", Int), ("next_at", Int)],
    "INSERT INTO workflows AS w (name, digest, at, since, next_at, begin_at)
     SELECT i.name, i.digest, i.at, i.since, i.next_at, 0 FROM input i WHERE true
     ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, at = excluded.at,
        since = CASE WHEN excluded.since < 0 THEN w.since ELSE excluded.since END,
        next_at = CASE WHEN excluded.next_at < 0 THEN w.next_at ELSE excluded.next_at END
     WHERE w.digest <> excluded.digest",
);

/// What stays as it is where a workflow is changed; of one that was seen, which is therefore there.
const STAYS: i64 = -1;

static REMOVE_WORKFLOWS: Set =
    Set::new(&[("name", Text)], "DELETE FROM workflows WHERE name IN (SELECT i.name FROM input i)");

/// The cursor's row stands for the workflows as a whole: whoever changes them, or starts runs by them, holds it.
static HOLD_WORKFLOWS: Set =
    Set::new(&[("one", Int)], "SELECT c.one FROM workflow_cursor c WHERE c.one IN (SELECT i.one FROM input i) {alone}");

static WORKFLOWS: Set =
    Set::new(&[("one", Int)], "SELECT w.name, w.digest FROM input i {then} workflows w ON w.name >= '' AND i.one = 1");

/// Those that files say which come into force as a whole: with all of it, or not at all.
pub(super) async fn put_with_policy(connection: &mut Connection, put: &PutWorkflows) -> Result<Effect, Fault> {
    match put_workflows(connection, put).await? {
        Effect::Applied => Ok(Effect::Applied),
        _ => Err(Fault::Raced("other workflows came into force meanwhile".to_owned())),
    }
}

async fn put_workflows(connection: &mut Connection, put: &PutWorkflows) -> Result<Effect, Fault> {
    let one = || Rows::one(&[1_i64.into()]);
    HOLD_WORKFLOWS.fetch(connection, one(), |row| row.get::<i64>(0)).await?;
    let mut there = WORKFLOWS.fetch(connection, one(), |row| Ok((row.get(0)?, row.get(1)?))).await?;
    let mut seen: Vec<(String, String)> = put.seen.clone();
    there.sort();
    seen.sort();
    if there != seen {
        return Ok(Effect::Refused);
    }
    let (mut documents, mut workflows, mut gone) = (Rows::default(), Rows::default(), Rows::default());
    for workflow in &put.put {
        let (name, digest) = (workflow.name.as_str().into(), workflow.digest.as_str().into());
        let (file, document) = (workflow.file.as_str().into(), workflow.document.as_str().into());
        documents.push(&[digest, name, file, document, workflow.at.into()]);
        let seen =
            |names: &[String]| names.contains(&workflow.name) && seen.iter().any(|(name, _)| *name == workflow.name);
        let since = if seen(&put.same_events) { STAYS } else { workflow.since };
        let next_at = if seen(&put.same_schedules) { STAYS.into() } else { workflow.next_at.into() };
        workflows.push(&[name, digest, workflow.at.into(), since.into(), next_at]);
    }
    for (name, _) in seen.iter().filter(|(name, _)| put.put.iter().all(|workflow| workflow.name != *name)) {
        gone.push(&[name.as_str().into()]);
    }
    PUT_DOCUMENTS.execute(connection, documents).await?;
    REMOVE_WORKFLOWS.execute(connection, gone).await?;
    PUT_WORKFLOWS.execute(connection, workflows).await?;
    Ok(Effect::Applied)
}

static MOVE_CURSOR: Set = Set::new(
    &[("seen", Int), ("to_position", Int)],
    "UPDATE workflow_cursor AS c SET position = i.to_position FROM input i WHERE c.one = 1 AND c.position = i.seen",
);

static FIRE_SCHEDULE: Set = Set::new(
    &[("name", Text), ("seen_at", Int), ("fires_at", Int)],
    "UPDATE workflows AS w SET next_at = i.fires_at FROM input i WHERE w.name = i.name AND w.next_at = i.seen_at",
);

static TAKE_CALL: Set = Set::new(
    &[("workflow", Text), ("id", Text), ("at", Int)],
    "INSERT INTO webhook_calls (workflow, id, at) SELECT i.workflow, i.id, i.at FROM input i WHERE true
     ON CONFLICT DO NOTHING",
);

async fn begin_runs(connection: &mut Connection, begin: &BeginRuns) -> Result<(Effect, Vec<Event>), Fault> {
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
    insert_all(connection, &free).await?;
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

static TAKE_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text), ("run_id", Id)],
    "INSERT INTO run_slots (workflow, key, run_id) SELECT i.workflow, i.key, i.run_id FROM input i WHERE true
     ON CONFLICT DO NOTHING",
);

/// Whoever has a slot, which is not given up before the end of the transaction.
static HOLD_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text)],
    "SELECT s.run_id FROM run_slots s
     WHERE (s.workflow, s.key) IN (SELECT i.workflow, i.key FROM input i) {alone}",
);

static QUEUED: Set = Set::new(
    &[("workflow", Text), ("key", Text)],
    "SELECT r.id FROM input i {then} runs r ON r.workflow = i.workflow AND r.key = i.key AND r.state = 'queued'
     ORDER BY r.id LIMIT 100",
);

/// Starts a run, or has it wait, or neither. Answers what is told of it.
async fn begin_run(connection: &mut Connection, new: &NewRun) -> Result<Event, Fault> {
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

static INSERT_RUNS: Set = Set::new(
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

static INSERT_CLAIMS: Set = Set::new(
    &[("run_id", Id), ("due_at", Int)],
    "INSERT INTO run_claims (run_id, due_at, fence, pokes) SELECT i.run_id, i.due_at, 0, 0 FROM input i",
);

static INSERT_AWAITS: Set = Set::new(
    &[("kind", Text), ("user_id", Id), ("run_id", Id), ("since", Int)],
    "INSERT INTO run_awaits (kind, user_id, run_id, since) SELECT i.kind, i.user_id, i.run_id, i.since FROM input i",
);

/// Keeps runs of a workflow apart in time, where it says how many may begin.
static PACE: Set = Set::new(
    &[("name", Text), ("now_at", Int), ("pace", Int)],
    "UPDATE workflows AS w
     SET begin_at = CASE WHEN w.begin_at > i.now_at THEN w.begin_at ELSE i.now_at END + i.pace
     FROM input i WHERE w.name = i.name",
);

static BEGINS_AT: Set =
    Set::new(&[("name", Text)], "SELECT w.begin_at FROM workflows w WHERE w.name IN (SELECT i.name FROM input i)");

async fn insert(connection: &mut Connection, new: &NewRun, state: RunState) -> Result<(), Fault> {
    let due_at = if state == RunState::Queued {
        NEVER
    } else {
        begins_at(connection, &new.run.workflow, new.pace, new.run.created_at).await?
    };
    insert_as(connection, &[(new, state, due_at)]).await
}

/// Those that nothing stands in the way of.
async fn insert_all(connection: &mut Connection, all: &[&NewRun]) -> Result<(), Fault> {
    let rows: Vec<_> = all.iter().map(|new| (*new, RunState::Running, new.run.created_at.unix_millis())).collect();
    insert_as(connection, &rows).await
}

async fn insert_as(connection: &mut Connection, all: &[(&NewRun, RunState, i64)]) -> Result<(), Fault> {
    let (mut runs, mut claims, mut awaits) = (Rows::default(), Rows::default(), Rows::default());
    for (new, state, due_at) in all {
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
            if *state == RunState::Queued { 0 } else { *due_at }.into(),
        ]);
        claims.push(&[run.id.into(), (*due_at).into()]);
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
async fn begins_at(connection: &mut Connection, workflow: &str, pace: i64, now: Timestamp) -> Result<i64, Fault> {
    if pace > 0 {
        let name = workflow.into();
        PACE.execute(connection, Rows::one(&[name, now.into(), pace.into()])).await?;
        let next = BEGINS_AT.fetch(connection, Rows::one(&[name]), |row| row.get::<i64>(0)).await?;
        return Ok(next.first().map_or(now.unix_millis(), |next| next - pace));
    }
    Ok(now.unix_millis())
}

static CLAIM_RUNS: Set = Set::new(
    &[("claim_id", Id), ("now_at", Int), ("until_at", Int), ("at_most", Int)],
    ", picked(run_id) AS (
        SELECT x.run_id FROM run_claims x WHERE x.due_at <= (SELECT i2.now_at FROM input i2)
        ORDER BY x.due_at LIMIT (SELECT i3.at_most FROM input i3) {skip})
     UPDATE run_claims AS c SET claim = i.claim_id, fence = c.fence + 1, due_at = i.until_at
     FROM input i WHERE c.run_id IN (SELECT i4.run_id FROM picked i4)",
);

static RENEW_RUNS: Set = Set::new(
    &[("run_id", Id), ("fence", Int), ("until_at", Int)],
    "UPDATE run_claims AS c SET due_at = i.until_at FROM input i
     WHERE c.run_id = i.run_id AND c.fence = i.fence AND c.claim IS NOT NULL AND c.due_at < i.until_at",
);

static GIVE_BACK: Set = Set::new(
    &[("run_id", Id), ("fence", Int), ("give_back_at", Int)],
    "UPDATE run_claims AS c SET claim = NULL, due_at = i.give_back_at FROM input i
     WHERE c.run_id = i.run_id AND c.fence = i.fence AND c.claim IS NOT NULL",
);

/// Holds claims' rows, of those that are still the last ones.
static HOLD_CLAIMS: Set = Set::new(
    &[("of_run", Id), ("by_fence", Int)],
    "UPDATE run_claims AS c SET fence = i.by_fence FROM input i
     WHERE c.run_id = i.of_run AND c.fence = i.by_fence AND c.claim IS NOT NULL
     RETURNING run_id",
);

static RELEASE_CLAIMS: Set = Set::new(
    &[("run_id", Id), ("fence", Int), ("due_at", Int), ("pokes", Int), ("now_at", Int)],
    "UPDATE run_claims AS c SET claim = NULL, due_at = CASE WHEN c.pokes = i.pokes THEN i.due_at ELSE i.now_at END
     FROM input i WHERE c.run_id = i.run_id AND c.fence = i.fence",
);

/// Most steps leave a run where it was: what nothing but `state` and `ended_at` are found by is not written anew for them.
static ADVANCE_RUNS: Set = Set::new(
    &[("run_id", Id), ("to_machine", Text), ("to_pending", Text), ("to_error", Text), ("more", Int)],
    "UPDATE runs AS r
     SET machine = i.to_machine, pending = i.to_pending, error = i.to_error, lines = r.lines + i.more
     FROM input i WHERE r.id = i.run_id AND r.ended_at IS NULL",
);

/// That it may begin is not for the run itself to say.
static MOVE_RUNS: Set = Set::new(
    &[
        ("run_id", Id),
        ("to_state", Text),
        ("to_machine", Text),
        ("to_pending", Text),
        ("to_error", Text),
        ("more", Int),
        ("over_at", Int),
    ],
    "UPDATE runs AS r
     SET state = CASE WHEN i.to_state = 'queued' THEN r.state ELSE i.to_state END, machine = i.to_machine, pending = i.to_pending, error = i.to_error,
        lines = r.lines + i.more, ended_at = i.over_at
     FROM input i WHERE r.id = i.run_id AND r.ended_at IS NULL",
);

static INSERT_LINES: Set = Set::new(
    &[("run_id", Id), ("line", Int), ("at", Int), ("step", Text), ("entry", Text)],
    "INSERT INTO run_lines (run_id, line, at, step, entry)
     SELECT i.run_id, i.line, i.at, i.step, i.entry FROM input i",
);

static TAKE_INPUTS: Set = Set::new(
    &[("run_id", Id), ("id", Id)],
    "DELETE FROM run_inbox WHERE (run_id, id) IN (SELECT i.run_id, i.id FROM input i)",
);

async fn advance_run(connection: &mut Connection, advance: &AdvanceRun) -> Result<(Effect, Vec<Event>), Fault> {
    if hold(connection, std::iter::once(advance)).await?.is_empty() {
        return Ok((Effect::Refused, Vec::new()));
    }
    let before = match &advance.spares {
        Some(spares) => shut_out::before(connection, spares).await?,
        None => BTreeSet::new(),
    };
    for change in &advance.changes {
        if write_own(connection, change).await? != Effect::Applied {
            // Something of it may be written already: with all of it undone, it is refused as a whole.
            return Err(Fault::Raced("what a run does to our own data was not as it was seen".to_owned()));
        }
    }
    if let Some(spares) = &advance.spares
        && !shut_out::may_stay(connection, advance.id, spares, &before, advance.at).await?
    {
        return Err(Fault::Raced("a run would leave people with nothing to prove by".to_owned()));
    }
    go_on(connection, &[advance]).await?;
    let mut told = Vec::new();
    for call in &advance.calls {
        told.push(begin_run(connection, call).await?);
    }
    tell(connection, &advance.inputs).await?;
    Ok((Effect::Applied, told))
}

/// Whether nothing is written beside what a run is itself.
pub(super) fn is_by_itself(advance: &AdvanceRun) -> bool {
    advance.changes.is_empty() && advance.calls.is_empty() && advance.inputs.is_empty()
}

/// Many runs that go on by themselves.
pub(super) async fn advance_all(
    connection: &mut Connection,
    items: &[Item<'_, AdvanceRun>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let held = hold(connection, items.iter().map(|(_, advance)| *advance)).await?;
    let held = took(items, held, |advance| advance.id.uuid());
    go_on(connection, &held.iter().map(|(_, advance)| *advance).collect::<Vec<_>>()).await?;
    outcomes.all(&held, &Effect::Applied);
    Ok(())
}

async fn hold(connection: &mut Connection, advances: impl Iterator<Item = &AdvanceRun>) -> Result<Vec<Uuid>, Fault> {
    let mut claims = Rows::default();
    for advance in advances {
        claims.push(&[advance.id.into(), advance.fence.into()]);
    }
    HOLD_CLAIMS.ids(connection, claims).await
}

/// Writes what runs are now, whose claims are held.
async fn go_on(connection: &mut Connection, advances: &[&AdvanceRun]) -> Result<(), Fault> {
    let (mut stay, mut moved) = (Rows::default(), Rows::default());
    let (mut lines, mut taken) = (Rows::default(), Rows::default());
    let (mut over, mut released) = (Vec::new(), Rows::default());
    for advance in advances {
        let id = advance.id.into();
        let is_over = advance.state.is_over();
        let (machine, pending) = (advance.machine.as_deref().into(), advance.pending.as_str().into());
        let (error, more) = (advance.error.as_deref().into(), i64::try_from(advance.lines.len()).unwrap_or(0).into());
        if advance.state == advance.was && !is_over {
            stay.push(&[id, machine, pending, error, more]);
        } else {
            let ended_at = is_over.then_some(advance.at).into();
            moved.push(&[id, advance.state.name().into(), machine, pending, error, more, ended_at]);
        }
        for line in &advance.lines {
            let (step, entry) = (line.step.as_deref().into(), line.entry.as_str().into());
            lines.push(&[id, line.line.into(), line.at.into(), step, entry]);
        }
        for input in &advance.taken {
            taken.push(&[id, (*input).into()]);
        }
        if is_over {
            over.push((advance.id, advance.at));
        } else if let Some(release) = advance.release {
            released.push(&[id, advance.fence.into(), release.due_at.into(), release.pokes.into(), advance.at.into()]);
        }
    }
    ADVANCE_RUNS.all(connection, stay).await?;
    MOVE_RUNS.all(connection, moved).await?;
    INSERT_LINES.all(connection, lines).await?;
    TAKE_INPUTS.execute(connection, taken).await?;
    RELEASE_CLAIMS.all(connection, released).await?;
    end(connection, &over).await
}

/// What a run does to our own data: by the same statements as everybody.
async fn write_own(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::SetUserState { id, to } => rest::set_user_state(connection, *id, *to).await,
        Change::SetAuthenticatorState { id, to, by, at } => {
            rest::set_authenticator_state(connection, *id, *to, *by, *at).await
        }
        Change::EndSession { id, by, at } => rest::end_session(connection, *id, *by, *at).await,
        Change::CancelEnrollment { id, .. } => rest::cancel_enrollment(connection, *id).await,
        Change::LimitAuthenticator { .. }
        | Change::AskRotation { .. }
        | Change::ForgetProofs { .. }
        | Change::BlockAddress { .. }
        | Change::SwitchGateway(_)
        | Change::EndSwitch { .. }
        | Change::PutStanding { .. } => hygiene::write(connection, change).await,
        Change::OpenTask(task) => tasks::open(connection, task).await,
        Change::CloseTask(close) => tasks::close(connection, close).await,
        Change::CreateLink(link) => links::create(connection, link).await,
        Change::WithdrawLink { id, at } => links::withdraw(connection, *id, *at).await,
        _ => Ok(Effect::Refused),
    }
}

static REMOVE_CLAIM: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM run_claims WHERE run_id IN (SELECT i.run_id FROM input i)");
static REMOVE_INBOX: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM run_inbox WHERE run_id IN (SELECT i.run_id FROM input i)");
static REMOVE_AWAITS: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM run_awaits WHERE run_id IN (SELECT i.run_id FROM input i)");

/// Their slots, of those that have them, are held until the end of the transaction.
static SLOTS_OF: Set = Set::new(
    &[("run_id", Id)],
    "SELECT s.run_id, s.workflow, s.key FROM run_slots s
     WHERE (s.workflow, s.key) IN (SELECT r.workflow, r.key FROM input i {then} runs r ON r.id = i.run_id)
        AND s.run_id IN (SELECT i.run_id FROM input i) {alone}",
);

static GIVE_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text), ("to_run", Id)],
    "UPDATE run_slots AS s SET run_id = i.to_run FROM input i WHERE s.workflow = i.workflow AND s.key = i.key",
);

static LEAVE_SLOT: Set = Set::new(
    &[("workflow", Text), ("key", Text)],
    "DELETE FROM run_slots WHERE (workflow, key) IN (SELECT i.workflow, i.key FROM input i)",
);

static PACE_OF: Set =
    Set::new(&[("run_id", Id)], "SELECT r.pace FROM runs r WHERE r.id IN (SELECT i.run_id FROM input i)");

static LET_BEGIN: Set = Set::new(
    &[("run_id", Id), ("may_begin_at", Int)],
    "UPDATE runs AS r SET state = 'running', begins_at = i.may_begin_at
     FROM input i WHERE r.id = i.run_id AND r.state = 'queued'",
);

/// Of one that waited for its turn, and is due from now on.
static NOW_DUE: Set = Set::new(
    &[("run_id", Id), ("may_begin_at", Int)],
    "UPDATE run_claims AS c SET pokes = c.pokes + 1, due_at = CASE WHEN c.claim IS NULL THEN i.may_begin_at ELSE c.due_at END
     FROM input i WHERE c.run_id = i.run_id",
);

/// Runs are over: nothing comes for them any more, and whoever waited for one begins.
async fn end(connection: &mut Connection, over: &[(RunId, Timestamp)]) -> Result<(), Fault> {
    let runs = || Rows::of_ids(over.iter().map(|(id, _)| id.uuid()));
    for removed in [&REMOVE_CLAIM, &REMOVE_INBOX, &REMOVE_AWAITS] {
        removed.execute(connection, runs()).await?;
    }
    let read = |row: &Row<'_>| Ok((row.get::<Uuid>(0)?, row.get::<String>(1)?, row.get::<String>(2)?));
    for (id, workflow, key) in SLOTS_OF.fetch(connection, runs(), read).await? {
        let slot = [workflow.as_str().into(), key.as_str().into()];
        match QUEUED.ids(connection, Rows::one(&slot)).await?.into_iter().find(|next| *next != id) {
            Some(next) => {
                let [name, key] = slot;
                let at = over.iter().find(|(of, _)| of.uuid() == id).map_or_else(Timestamp::default, |(_, at)| *at);
                GIVE_SLOT.all(connection, Rows::one(&[name, key, next.into()])).await?;
                let pace = PACE_OF.fetch(connection, Rows::of_ids([next]), |row| row.get::<i64>(0)).await?;
                let pace = pace.first().copied().unwrap_or(0);
                let begins_at = begins_at(connection, &workflow, pace, at).await?;
                LET_BEGIN.all(connection, Rows::one(&[next.into(), begins_at.into()])).await?;
                NOW_DUE.execute(connection, Rows::one(&[next.into(), begins_at.into()])).await?;
            }
            None => LEAVE_SLOT.all(connection, Rows::one(&slot)).await?,
        }
    }
    Ok(())
}

static INSERT_INPUTS: Set = Set::new(
    &[("run_id", Id), ("id", Id), ("input", Text)],
    "INSERT INTO run_inbox (run_id, id, input) SELECT i.run_id, i.id, i.input FROM input i
     WHERE EXISTS (SELECT 1 FROM run_claims c WHERE c.run_id = i.run_id) ON CONFLICT DO NOTHING",
);

/// First, and held until the end of the transaction: a run that ends meanwhile has ended before, and nothing comes for it any more.
static POKE: Set = Set::new(
    &[("run_id", Id), ("now_at", Int)],
    "UPDATE run_claims AS c SET pokes = c.pokes + 1,
        due_at = CASE WHEN c.claim IS NULL AND c.due_at > i.now_at THEN i.now_at ELSE c.due_at END
     FROM input i WHERE c.run_id = i.run_id",
);

/// Has a run looked at by whoever carries it, for something that stands elsewhere.
pub(super) async fn poke(connection: &mut Connection, run: RunId, at: Timestamp) -> Result<(), Fault> {
    POKE.execute(connection, Rows::one(&[run.into(), at.into()])).await.map(drop)
}

/// Has something come for runs. Answers for how many: those that are over are not among them.
pub(super) async fn tell(connection: &mut Connection, inputs: &[RunInput]) -> Result<u64, Fault> {
    let mut there = 0;
    for input in inputs {
        // One by one: two of them may be for the same run.
        let poked = POKE.execute(connection, Rows::one(&[input.run_id.into(), input.at.into()])).await?;
        if poked > 0 {
            let row = [input.run_id.into(), input.id.into(), input.input.as_str().into()];
            INSERT_INPUTS.execute(connection, Rows::one(&row)).await?;
        }
        there += poked;
    }
    Ok(there)
}

static LIVE_RUNS_OF_USER: Set = Set::new(
    &[("user_id", Id)],
    "SELECT r.id, r.caller, r.caller_key FROM input i {then} runs r ON r.user_id = i.user_id
     WHERE r.ended_at IS NULL ORDER BY r.id",
);

/// Before any of them ends: a slot is handed on to none that is erased as well.
static WITHDRAW_QUEUED: Set = Set::new(
    &[("user_id", Id)],
    "UPDATE runs SET state = 'cancelled' WHERE state = 'queued' AND user_id IN (SELECT i.user_id FROM input i)",
);

static RUNS_OF_USER: Set =
    Set::new(&[("user_id", Id)], "SELECT r.id FROM input i {then} runs r ON r.user_id = i.user_id");

static ERASE_LINES: Set = Set::new(
    &[("user_id", Id)],
    "DELETE FROM run_lines WHERE run_id IN (SELECT r.id FROM runs r WHERE r.user_id IN (SELECT i.user_id FROM input i))",
);

static ERASE_RUNS: Set =
    Set::new(&[("user_id", Id)], "DELETE FROM runs WHERE user_id IN (SELECT i.user_id FROM input i)");

/// Erases the runs about a user; whoever does something for one finds that it is gone, and whoever called one, that it was cancelled.
pub(super) async fn erase_of_user(connection: &mut Connection, user: UserId) -> Result<(), Fault> {
    let of_user = || Rows::one(&[user.into()]);
    let live = LIVE_RUNS_OF_USER
        .fetch(connection, of_user(), |row| Ok((row.get(0)?, row.get::<Option<Uuid>>(1)?, row.get(2)?)))
        .await?;
    WITHDRAW_QUEUED.execute(connection, of_user()).await?;
    for (run, caller, key) in live {
        let at = Timestamp::default();
        end(connection, &[(RunId::from_uuid(run), at)]).await?;
        if let (Some(caller), Some(key)) = (caller, key) {
            let (run_id, key): (_, String) = (RunId::from_uuid(caller), key);
            tell(connection, &[RunInput { run_id, id: run, input: RunInput::gone(&key), at }]).await?;
        }
    }
    let all: Vec<RunId> = RUNS_OF_USER.ids(connection, of_user()).await?.into_iter().map(RunId::from_uuid).collect();
    tasks::erase_of_runs(connection, &all).await?;
    tasks::erase_by_user(connection, user).await?;
    links::erase_of_runs(connection, &all).await?;
    links::erase_of_user(connection, user).await?;
    ERASE_LINES.execute(connection, of_user()).await?;
    ERASE_RUNS.execute(connection, of_user()).await.map(drop)
}

#[cfg(test)]
pub(super) static ALL: [&Set; 40] = [
    &PUT_DOCUMENTS,
    &PUT_WORKFLOWS,
    &REMOVE_WORKFLOWS,
    &HOLD_WORKFLOWS,
    &WORKFLOWS,
    &MOVE_CURSOR,
    &FIRE_SCHEDULE,
    &TAKE_SLOT,
    &HOLD_SLOT,
    &QUEUED,
    &INSERT_RUNS,
    &INSERT_CLAIMS,
    &INSERT_AWAITS,
    &PACE,
    &BEGINS_AT,
    &CLAIM_RUNS,
    &RENEW_RUNS,
    &GIVE_BACK,
    &HOLD_CLAIMS,
    &RELEASE_CLAIMS,
    &ADVANCE_RUNS,
    &MOVE_RUNS,
    &INSERT_LINES,
    &TAKE_INPUTS,
    &REMOVE_CLAIM,
    &REMOVE_INBOX,
    &REMOVE_AWAITS,
    &SLOTS_OF,
    &GIVE_SLOT,
    &LEAVE_SLOT,
    &PACE_OF,
    &LET_BEGIN,
    &NOW_DUE,
    &INSERT_INPUTS,
    &POKE,
    &LIVE_RUNS_OF_USER,
    &WITHDRAW_QUEUED,
    &RUNS_OF_USER,
    &ERASE_LINES,
    &ERASE_RUNS,
];
