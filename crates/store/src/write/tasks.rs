//! What runs ask people, and what they say.
//!
//! Whoever decides holds the row of the run's claim before anything else, as whoever advances the run does: so a verdict is before a step of the run
//! or after it, verdicts to one task are one after the other, and each finds what came of those before.

use domain::{PageState, RunId, Task, TaskId, Timestamp, UserId};
use serde_json::json;

use super::rest::{self, one};
use super::{pages, runs};
use crate::Effect;
use crate::engine::{Connection, Fault};
use crate::people::{CloseTask, GiveVerdict};
use crate::runs::RunInput;
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};

static OPEN_TASK: Set = Set::new(
    &[
        ("id", Id),
        ("run_id", Id),
        ("step", Text),
        ("workflow", Text),
        ("user_id", Id),
        ("subject", Text),
        ("requester", Text),
        ("message", Text),
        ("quorum", Int),
        ("roles", Text),
        ("evidence", Text),
        ("excludes", Text),
        ("level", Int),
        ("digest", Blob),
        ("created_at", Int),
        ("expires_at", Int),
        ("releases", Text),
        ("lets_users", Int),
        ("lets_administrators", Int),
    ],
    "INSERT INTO tasks
        (id, run_id, step, workflow, user_id, subject, requester, message, quorum, approvals, roles, evidence, excludes,
         level, digest, state, created_at, expires_at, releases, lets_users, lets_administrators)
     SELECT i.id, i.run_id, i.step, i.workflow, i.user_id, i.subject, i.requester, i.message, i.quorum, 0, i.roles,
        i.evidence, i.excludes, i.level, i.digest, 'open', i.created_at, i.expires_at, i.releases,
        i.lets_users, i.lets_administrators
     FROM input i",
);

/// Asks people: in the commit of the step that does.
pub(super) async fn open(connection: &mut Connection, task: &Task) -> Result<Effect, Fault> {
    let (roles, evidence) = (json!(task.roles).to_string(), json!(task.evidence).to_string());
    let excludes: Vec<&str> = task.excludes.iter().map(|one| one.name()).collect();
    let excludes = json!(excludes).to_string();
    let row = [
        task.id.into(),
        task.run_id.into(),
        task.step.as_str().into(),
        task.workflow.as_str().into(),
        task.user_id.into(),
        task.subject.as_deref().into(),
        task.requester.as_deref().into(),
        task.message.as_deref().into(),
        task.quorum.into(),
        roles.as_str().into(),
        evidence.as_str().into(),
        excludes.as_str().into(),
        task.level.number().into(),
        (&task.digest).into(),
        task.created_at.into(),
        task.expires_at.into(),
        task.releases.as_deref().into(),
        task.lets.users.into(),
        task.lets.administrators.into(),
    ];
    one(connection, &OPEN_TASK, &row).await
}

static CLOSE_TASK: Set = Set::new(
    &[("run_id", Id), ("step", Text), ("to_state", Text), ("only_open", Int), ("at", Int)],
    "UPDATE tasks AS t SET state = CASE WHEN t.state = 'open' THEN i.to_state ELSE t.state END,
        closed_at = CASE WHEN t.state = 'open' THEN i.at ELSE t.closed_at END
     FROM input i WHERE t.run_id = i.run_id AND t.step = i.step AND (i.only_open = 0 OR t.state = 'open')",
);

/// Asks no more: in the commit of the step that goes on.
pub(super) async fn close(connection: &mut Connection, close: &CloseTask) -> Result<Effect, Fault> {
    let row = [
        close.run_id.into(),
        close.step.as_str().into(),
        close.to.name().into(),
        i64::from(close.only_open).into(),
        close.at.into(),
    ];
    one(connection, &CLOSE_TASK, &row).await
}

/// The run's claim, which is there until the run is over.
static HOLD_RUN: Set = Set::new(
    &[("run_id", Id)],
    "SELECT c.run_id FROM run_claims c WHERE c.run_id IN (SELECT i.run_id FROM input i) {alone}",
);

static VERDICT_OF: Set = Set::new(
    &[("task_id", Id), ("user_id", Id)],
    "SELECT v.user_id FROM task_verdicts v
     WHERE (v.task_id, v.user_id) IN (SELECT i.task_id, i.user_id FROM input i)",
);

static GIVE_VERDICT: Set = Set::new(
    &[
        ("task_id", Id),
        ("user_id", Id),
        ("approves", Int),
        ("roles", Text),
        ("evidence", Text),
        ("reason", Text),
        ("level", Int),
        ("challenge_id", Id),
        ("authenticator_id", Id),
        ("session_id", Id),
        ("application_id", Id),
        ("at", Int),
    ],
    "INSERT INTO task_verdicts
        (task_id, user_id, approves, roles, evidence, reason, level, challenge_id, authenticator_id, application_id, at)
     SELECT i.task_id, i.user_id, i.approves, i.roles, i.evidence, i.reason, i.level, i.challenge_id,
        i.authenticator_id, i.application_id, i.at
     FROM input i
     WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.id = i.task_id AND COALESCE(t.state, '') = 'open' AND t.expires_at > i.at)
        AND EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id AND u.state = 'active' {share})
        AND (i.challenge_id IS NULL OR EXISTS (SELECT 1 FROM challenges c
            WHERE c.id = i.challenge_id AND c.user_id IS NOT DISTINCT FROM i.user_id AND c.state = 'satisfied' AND c.used_at IS NULL))
        AND (i.session_id IS NULL OR EXISTS (SELECT 1 FROM sessions s
            WHERE s.id = i.session_id AND s.ended_at IS NULL AND s.expires_at > i.at))
        AND (i.authenticator_id IS NULL OR EXISTS (SELECT 1 FROM authenticators a
            WHERE a.id = i.authenticator_id AND a.user_id = i.user_id AND a.state = 'active'))
     ON CONFLICT DO NOTHING",
);

/// The verdict that fills the quorum decides, and so does a no.
static COUNT_VERDICT: Set = Set::new(
    &[("task_id", Id), ("approves", Int), ("at", Int)],
    "UPDATE tasks AS t SET approvals = t.approvals + i.approves,
        state = CASE WHEN i.approves = 0 THEN 'rejected' WHEN t.approvals + 1 >= t.quorum THEN 'approved' ELSE t.state END,
        closed_at = CASE WHEN i.approves = 0 OR t.approvals + 1 >= t.quorum THEN i.at ELSE t.closed_at END
     FROM input i WHERE t.id = i.task_id AND COALESCE(t.state, '') = 'open'",
);

/// What a person says: counted once, with the proof used up, and told to the run.
pub(super) async fn decide(connection: &mut Connection, give: &GiveVerdict) -> Result<Effect, Fault> {
    let verdict = &give.verdict;
    if HOLD_RUN.ids(connection, Rows::one(&[give.run_id.into()])).await?.is_empty() {
        return Ok(Effect::Refused);
    }
    let theirs = Rows::one(&[verdict.task_id.into(), verdict.user_id.into()]);
    if !VERDICT_OF.ids(connection, theirs).await?.is_empty() {
        return Ok(Effect::Exists);
    }
    let (roles, evidence) = (json!(verdict.roles).to_string(), json!(verdict.evidence).to_string());
    let (task, approves, at) = (verdict.task_id.into(), i64::from(verdict.approves).into(), verdict.at.into());
    let row = [
        task,
        verdict.user_id.into(),
        approves,
        roles.as_str().into(),
        evidence.as_str().into(),
        verdict.reason.as_deref().into(),
        verdict.level.number().into(),
        verdict.challenge_id.into(),
        verdict.authenticator_id.into(),
        give.session_id.into(),
        verdict.application_id.into(),
        at,
    ];
    if one(connection, &GIVE_VERDICT, &row).await? == Effect::Refused {
        return Ok(Effect::Refused);
    }
    COUNT_VERDICT.all(connection, Rows::one(&[task, approves, at])).await?;
    let to = if verdict.approves { PageState::Approved } else { PageState::Rejected };
    if let Some(page) = give.page_id
        && pages::finish(connection, page, to).await? != Effect::Applied
    {
        return Err(Fault::Raced("the page of a verdict was left at the same time".to_owned()));
    }
    if let Some(challenge) = verdict.challenge_id
        && rest::use_challenge(connection, challenge, verdict.at).await? != Effect::Applied
    {
        return Err(Fault::Raced("a proof was used up by somebody else at the same time".to_owned()));
    }
    match &give.input {
        Some(input) => drop(runs::tell(connection, std::slice::from_ref(input)).await?),
        None => runs::poke(connection, give.run_id, verdict.at).await?,
    }
    Ok(Effect::Applied)
}

static ERASE_VERDICTS_OF_RUN: Set = Set::new(
    &[("run_id", Id)],
    "DELETE FROM task_verdicts WHERE task_id IN (SELECT t.id FROM tasks t WHERE t.run_id IN (SELECT i.run_id FROM input i))",
);

static ERASE_TASKS_OF_RUN: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM tasks WHERE run_id IN (SELECT i.run_id FROM input i)");

static ERASE_VERDICTS_BY: Set =
    Set::new(&[("user_id", Id)], "DELETE FROM task_verdicts WHERE user_id IN (SELECT i.user_id FROM input i)");

/// Erases what these runs asked, and what was said to it.
pub(super) async fn erase_of_runs(connection: &mut Connection, runs: &[RunId]) -> Result<(), Fault> {
    let of = || Rows::of_ids(runs.iter().map(|run| run.uuid()));
    ERASE_VERDICTS_OF_RUN.execute(connection, of()).await?;
    ERASE_TASKS_OF_RUN.execute(connection, of()).await.map(drop)
}

static APPROVED_BY: Set = Set::new(
    &[("user_id", Id)],
    "SELECT t.id, t.run_id, t.step, t.releases, v.at FROM input i
        {then} task_verdicts v ON v.user_id = i.user_id {then} tasks t ON t.id = v.task_id
     WHERE v.approves = 1 AND COALESCE(t.state, '') = 'open' ORDER BY t.run_id, t.id",
);

static WITHDRAW_APPROVALS_BY: Set = Set::new(
    &[("user_id", Id)],
    "UPDATE tasks AS t SET approvals = t.approvals - 1
     WHERE t.id IN (SELECT v.task_id FROM input i {then} task_verdicts v ON v.user_id = i.user_id WHERE v.approves = 1)
        AND COALESCE(t.state, '') = 'open'",
);

/// What somebody approved that is open.
struct Approved {
    task: TaskId,
    run: RunId,
    step: String,
    releases: Option<String>,
    at: Timestamp,
}

async fn approved_by(connection: &mut Connection, user: UserId) -> Result<Vec<Approved>, Fault> {
    let approved = APPROVED_BY.fetch(connection, Rows::one(&[user.into()]), |row| {
        Ok(Approved {
            task: TaskId::from_uuid(row.get(0)?),
            run: RunId::from_uuid(row.get(1)?),
            step: row.get(2)?,
            releases: row.get(3)?,
            at: Timestamp::from_unix_millis(row.get(4)?),
        })
    });
    approved.await
}

/// Erases what a person said. What they approved and is still asked does not count any more: made anew under another id, they could approve it a second
/// time. Of the rest it is known to the run that it was said, and counted.
pub(super) async fn erase_by_user(connection: &mut Connection, user: UserId) -> Result<(), Fault> {
    let seen = approved_by(connection, user).await?;
    if !seen.is_empty() {
        // As whoever decides does, before the task.
        HOLD_RUN.ids(connection, Rows::of_ids(seen.iter().map(|one| one.run.uuid()))).await?;
        WITHDRAW_APPROVALS_BY.execute(connection, Rows::one(&[user.into()])).await?;
        for Approved { task, run: run_id, step, releases, at } in approved_by(connection, user).await? {
            // Whether a step is released a run sees by the task itself.
            if releases.is_none() {
                let id = RunInput::id_of_withdrawn(task, user, at);
                runs::tell(connection, &[RunInput { run_id, id, input: RunInput::withdrawn(&step, user), at }]).await?;
            }
        }
    }
    ERASE_VERDICTS_BY.execute(connection, Rows::one(&[user.into()])).await.map(drop)
}

#[cfg(test)]
pub(super) static ALL: [&Set; 11] = [
    &OPEN_TASK,
    &CLOSE_TASK,
    &HOLD_RUN,
    &VERDICT_OF,
    &GIVE_VERDICT,
    &COUNT_VERDICT,
    &ERASE_VERDICTS_OF_RUN,
    &ERASE_TASKS_OF_RUN,
    &ERASE_VERDICTS_BY,
    &APPROVED_BY,
    &WITHDRAW_APPROVALS_BY,
];
