//! What runs ask people, and what these said.

use std::fmt::Write as _;

use domain::{
    Aal, ApplicationId, AuthenticatorId, ChallengeId, Excludes, Page, PageRequest, RunId, ShutOut, Task, TaskId,
    TaskState, TaskVerdict, UserId,
};
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use super::lists::{cut, limit};
use crate::TaskFilter;
use crate::engine::{Arg, Connection, Fault};
use crate::rows::Reader;

const TASK: &str = "t.id, t.run_id, t.step, t.workflow, t.user_id, t.subject, t.requester, t.message, t.quorum, t.approvals, t.roles, \
    t.evidence, t.excludes, t.level, t.digest, t.state, t.created_at, t.expires_at, t.closed_at, t.releases, \
    t.lets_users, t.lets_administrators, t.used_users, t.used_administrators";

fn task(row: &mut Reader<'_, '_>) -> Result<Task, Fault> {
    Ok(Task {
        id: row.id(TaskId::from_uuid)?,
        run_id: row.id(RunId::from_uuid)?,
        step: row.next()?,
        workflow: row.next()?,
        user_id: row.maybe_id(UserId::from_uuid)?,
        subject: row.next()?,
        requester: row.next()?,
        message: row.next()?,
        quorum: row.small()?,
        approvals: row.small()?,
        roles: list(row)?,
        evidence: list(row)?,
        excludes: list::<String>(row)?.iter().filter_map(|name| Excludes::from_name(name)).collect(),
        level: level(row)?,
        digest: row.bytes()?,
        state: row.named(TaskState::from_name)?,
        created_at: row.time()?,
        expires_at: row.time()?,
        closed_at: row.maybe_time()?,
        releases: row.next()?,
        lets: shut_out(row)?,
        used: shut_out(row)?,
    })
}

fn shut_out(row: &mut Reader<'_, '_>) -> Result<ShutOut, Fault> {
    Ok(ShutOut { users: row.next()?, administrators: row.next()? })
}

fn list<T: DeserializeOwned>(row: &mut Reader<'_, '_>) -> Result<Vec<T>, Fault> {
    let text: String = row.next()?;
    serde_json::from_str(&text).map_err(|error| Fault::Damaged(format!("a list of a task cannot be read: {error}")))
}

fn level(row: &mut Reader<'_, '_>) -> Result<Aal, Fault> {
    Aal::from_number(row.small()?).ok_or_else(|| Fault::Damaged("a task has an unknown level".to_owned()))
}

pub(crate) async fn one(connection: &mut Connection, of: TaskId) -> Result<Option<Task>, Fault> {
    let sql = format!("SELECT {TASK} FROM tasks t WHERE t.id = $1");
    Ok(connection.fetch(&sql, &[Arg::Id(of.uuid())], |row| task(&mut Reader::new(row))).await?.pop())
}

/// What a step of a run asks people.
pub(crate) async fn of_step(connection: &mut Connection, run: RunId, step: &str) -> Result<Option<Task>, Fault> {
    let sql = format!("SELECT {TASK} FROM tasks t WHERE t.run_id = $1 AND t.step = $2 AND t.releases IS NULL");
    let args = [Arg::Id(run.uuid()), Arg::Text(step)];
    Ok(connection.fetch(&sql, &args, |row| task(&mut Reader::new(row))).await?.pop())
}

/// The tasks by which people release steps of a run, the oldest first: of one step, if that is said.
pub(crate) async fn releases(connection: &mut Connection, run: RunId, step: Option<&str>) -> Result<Vec<Task>, Fault> {
    let mut sql = format!("SELECT {TASK} FROM tasks t WHERE t.run_id = $1 AND t.releases IS NOT NULL");
    let mut args = vec![Arg::Id(run.uuid())];
    if let Some(step) = step {
        sql.push_str(" AND t.releases = $2");
        args.push(Arg::Text(step));
    }
    sql.push_str(" ORDER BY t.id");
    connection.fetch(&sql, &args, |row| task(&mut Reader::new(row))).await
}

/// What was said to a task, in order.
pub(crate) async fn verdicts(connection: &mut Connection, of: TaskId) -> Result<Vec<TaskVerdict>, Fault> {
    let sql = "SELECT v.task_id, v.user_id, v.approves, v.roles, v.evidence, v.reason, v.level, v.challenge_id, v.authenticator_id,
            v.application_id, v.at
        FROM task_verdicts v WHERE v.task_id = $1 ORDER BY v.at, v.user_id";
    let read = |row: &mut Reader<'_, '_>| -> Result<TaskVerdict, Fault> {
        Ok(TaskVerdict {
            task_id: row.id(TaskId::from_uuid)?,
            user_id: row.id(UserId::from_uuid)?,
            approves: row.next::<i64>()? == 1,
            roles: list(row)?,
            evidence: list(row)?,
            reason: row.next()?,
            level: level(row)?,
            challenge_id: row.maybe_id(ChallengeId::from_uuid)?,
            authenticator_id: row.maybe_id(AuthenticatorId::from_uuid)?,
            application_id: row.id(ApplicationId::from_uuid)?,
            at: row.time()?,
        })
    };
    connection.fetch(sql, &[Arg::Id(of.uuid())], |row| read(&mut Reader::new(row))).await
}

/// The oldest first: it waits the longest.
pub(crate) async fn list_of(
    connection: &mut Connection,
    filter: &TaskFilter,
    page: PageRequest<TaskId>,
) -> Result<Page<Task, TaskId>, Fault> {
    let mut sql = format!("SELECT {TASK} FROM tasks t WHERE t.id > $1");
    let mut args = vec![Arg::Id(page.after.map_or(Uuid::nil(), TaskId::uuid)), limit(page.limit)];
    let conditions = [
        ("t.state", filter.state.map(|state| Arg::Text(state.name()))),
        ("t.workflow", filter.workflow.as_deref().map(Arg::Text)),
        ("t.user_id", filter.user_id.map(|user| Arg::Id(user.uuid()))),
        ("t.run_id", filter.run_id.map(|run| Arg::Id(run.uuid()))),
    ];
    for (column, value) in conditions {
        if let Some(value) = value {
            args.push(value);
            let _ = write!(sql, " AND {column} = ${}", args.len());
        }
    }
    // A role as it stands in the list, with its quotes: a quote within another one has a backslash before it.
    let role = filter.role.as_ref().map(|role| json!(role).to_string());
    if let Some(role) = &role {
        args.push(Arg::Text(role));
        let _ = write!(sql, " AND replace(t.roles, ${}, '') <> t.roles", args.len());
    }
    sql.push_str(" ORDER BY t.id LIMIT $2");
    let items = connection.fetch(&sql, &args, |row| task(&mut Reader::new(row))).await?;
    Ok(cut(items, page.limit, |task| task.id))
}
