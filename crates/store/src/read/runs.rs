//! Workflows and their runs.

use std::collections::BTreeMap;

use domain::{
    EventKind, Page, PageRequest, Run, RunId, RunLine, RunState, Task, TaskState, Timestamp, UserId, WorkflowInForce,
};
use uuid::Uuid;

use super::lists::{cut, limit, newest_first};
use crate::engine::{Arg, Connection, Fault};
use crate::rows::Reader;
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};
use crate::write::hours;
use crate::{Claimant, ClaimedRun, HeldBy, Leeway, RunFilter, RunInput};

/// Every document that a run may go by: the columns of one that is in force.
const IN_FORCE: &str = "SELECT w.name, w.digest, d.file, d.document, w.at, w.since, w.next_at
    FROM workflows w JOIN workflow_documents d ON d.digest = w.digest ORDER BY w.name";

const RUN: &str = "r.id, r.workflow, r.digest, r.state, r.user_id, r.key, r.cause, r.machine, r.pending, r.error, r.caller, r.caller_key, \
    r.lines, r.created_at, r.ended_at";

/// The same without what is only for whoever goes on with it.
const RUN_HEAD: &str = "r.id, r.workflow, r.digest, r.state, r.user_id, r.key, r.cause, NULL, '[]', r.error, r.caller, r.caller_key, \
    r.lines, r.created_at, r.ended_at";

fn run(row: &mut Reader<'_, '_>) -> Result<Run, Fault> {
    Ok(Run {
        id: row.id(RunId::from_uuid)?,
        workflow: row.next()?,
        digest: row.next()?,
        state: row.named(RunState::from_name)?,
        user_id: row.maybe_id(UserId::from_uuid)?,
        key: row.next()?,
        cause: row.next()?,
        machine: row.next()?,
        pending: row.next()?,
        error: row.next()?,
        caller: row.maybe_id(RunId::from_uuid)?.zip(row.next::<Option<String>>()?),
        lines: row.next()?,
        created_at: row.time()?,
        ended_at: row.maybe_time()?,
    })
}

pub(crate) async fn in_force(connection: &mut Connection) -> Result<Vec<WorkflowInForce>, Fault> {
    let read = |row: &mut Reader<'_, '_>| -> Result<WorkflowInForce, Fault> {
        Ok(WorkflowInForce {
            name: row.next()?,
            digest: row.next()?,
            file: row.next()?,
            document: row.next()?,
            at: row.time()?,
            since: row.next()?,
            next_at: row.maybe_time()?,
        })
    };
    connection.fetch(IN_FORCE, &[], |row| read(&mut Reader::new(row))).await
}

pub(crate) async fn documents(connection: &mut Connection) -> Result<Vec<String>, Fault> {
    let sql = "SELECT d.digest FROM workflow_documents d ORDER BY d.digest";
    connection.fetch(sql, &[], |row| row.get(0)).await
}

pub(crate) async fn document(connection: &mut Connection, digest: &str) -> Result<Option<(String, String)>, Fault> {
    let sql = "SELECT d.file, d.document FROM workflow_documents d WHERE d.digest = $1";
    Ok(connection.fetch(sql, &[Arg::Text(digest)], |row| Ok((row.get(0)?, row.get(1)?))).await?.pop())
}

pub(crate) async fn cursor(connection: &mut Connection) -> Result<i64, Fault> {
    let found = connection.fetch("SELECT c.position FROM workflow_cursor c", &[], |row| row.get(0)).await?;
    found.first().copied().ok_or_else(|| Fault::Damaged("the cursor of workflows is missing".to_owned()))
}

/// The claims come first, before what came for their runs is looked at: what comes in between has counted up `pokes`.
pub(crate) async fn claimed(connection: &mut Connection, claim: Uuid) -> Result<Vec<ClaimedRun>, Fault> {
    let sql = format!(
        "SELECT c.fence, c.pokes, r.begins_at, {RUN} FROM run_claims c JOIN runs r ON r.id = c.run_id WHERE c.claim = $1"
    );
    let read = |row: &mut Reader<'_, '_>| -> Result<ClaimedRun, Fault> {
        Ok(ClaimedRun { fence: row.next()?, pokes: row.next()?, begins_at: row.time()?, run: run(row)? })
    };
    connection.fetch(&sql, &[Arg::Id(claim)], |row| read(&mut Reader::new(row))).await
}

/// How often something had come for a run, if it is claimed by this number.
pub(crate) async fn pokes(connection: &mut Connection, of: RunId, fence: i64) -> Result<Option<i64>, Fault> {
    let sql = "SELECT c.pokes FROM run_claims c WHERE c.run_id = $1 AND c.fence = $2 AND c.claim IS NOT NULL";
    let args = [Arg::Id(of.uuid()), Arg::Int(fence)];
    Ok(connection.fetch(sql, &args, |row| row.get(0)).await?.pop())
}

pub(crate) async fn inbox(connection: &mut Connection, of: RunId) -> Result<Vec<(Uuid, String)>, Fault> {
    let sql = "SELECT b.id, b.input FROM run_inbox b WHERE b.run_id = $1 ORDER BY b.id LIMIT 100";
    connection.fetch(sql, &[Arg::Id(of.uuid())], |row| Ok((row.get(0)?, row.get(1)?))).await
}

/// What people and other runs have for a run: what no event is. Events come first by their ids, and may be many.
pub(crate) async fn instructions(connection: &mut Connection, of: RunId) -> Result<Vec<(Uuid, String)>, Fault> {
    let sql = "SELECT b.id, b.input FROM run_inbox b WHERE b.run_id = $1 AND b.id > $2 ORDER BY b.id LIMIT 100";
    let args = [Arg::Id(of.uuid()), Arg::Id(RunInput::id_of_event(i64::MAX))];
    connection.fetch(sql, &args, |row| Ok((row.get(0)?, row.get(1)?))).await
}

pub(crate) async fn next_due(connection: &mut Connection) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT c.due_at FROM run_claims c ORDER BY c.due_at LIMIT 1";
    Ok(connection.fetch(sql, &[], |row| Reader::new(row).time()).await?.pop())
}

/// One claim of each whose lock can be had: they are gone. Nothing, where the own one can be had too: then it is the database that was. Of each who
/// has claimed anything one row is looked at, and the next one is looked for behind the last claim that they could have.
static GONE: Set = Set::new(
    &[("own_key", Int), ("first_claim", Id), ("last_claim", Id)],
    ", seen(claim) AS (
        SELECT (SELECT c.claim FROM run_claims c WHERE c.claim >= i.first_claim AND c.claim <= i.last_claim
            ORDER BY c.claim LIMIT 1)
        FROM input i WHERE NOT pg_try_advisory_xact_lock_shared(i.own_key)
        UNION ALL
        SELECT (SELECT c.claim FROM run_claims c
            WHERE c.claim > (left(s.claim::text, 18) || '-ffff-ffffffffffff')::uuid AND c.claim <= i.last_claim
            ORDER BY c.claim LIMIT 1)
        FROM seen s, input i WHERE s.claim IS NOT NULL),
     claimants(claim, key) AS MATERIALIZED (
        SELECT s.claim, ('x' || left(translate(s.claim::text, '-', ''), 16))::bit(64)::bigint FROM seen s
        WHERE s.claim IS NOT NULL)
     SELECT t.claim FROM claimants t WHERE pg_try_advisory_xact_lock_shared(t.key)",
);

/// What only servers that share a database ask.
#[cfg(test)]
pub(crate) static OF_MANY_SERVERS: [&Set; 1] = [&GONE];

/// Who has claimed runs and is gone, as the one sees it that asks.
pub(crate) async fn gone_claimants(connection: &mut Connection, own: Claimant) -> Result<Vec<Claimant>, Fault> {
    let (first, last) = Claimant::all_claims();
    let claims = GONE.ids(connection, Rows::one(&[own.key().into(), first.into(), last.into()])).await?;
    Ok(claims.into_iter().filter_map(Claimant::of).collect())
}

static AWAITING: Set = Set::new(
    &[("place", Int), ("kind", Text), ("user_id", Id), ("position", Int)],
    "SELECT i.place, a.run_id FROM input i {then} run_awaits a
        ON a.kind = i.kind AND a.user_id = i.user_id AND a.since < i.position",
);

/// The runs that each of some events is to be told to, by the place of the event. A run about a user is told of events about that user, and of
/// kinds that are about nobody; a run about nobody, of all.
pub(crate) async fn awaiting(
    connection: &mut Connection,
    events: &[(EventKind, Option<UserId>, i64)],
) -> Result<Vec<(usize, RunId)>, Fault> {
    let mut rows = Rows::default();
    for (place, (kind, user, position)) in events.iter().enumerate() {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        for about in user.map(UserId::uuid).into_iter().chain([Uuid::nil()]) {
            rows.push(&[place.into(), kind.name().into(), about.into(), (*position).into()]);
        }
    }
    let found = AWAITING.fetch(connection, rows, |row| Ok((row.get::<i64>(0)?, row.get::<Uuid>(1)?))).await?;
    let found = found.into_iter().filter_map(|(place, run)| Some((usize::try_from(place).ok()?, run)));
    Ok(found.map(|(place, run)| (place, RunId::from_uuid(run))).collect())
}

pub(crate) async fn one(connection: &mut Connection, of: RunId) -> Result<Option<Run>, Fault> {
    let sql = format!("SELECT {RUN} FROM runs r WHERE r.id = $1");
    Ok(connection.fetch(&sql, &[Arg::Id(of.uuid())], |row| run(&mut Reader::new(row))).await?.pop())
}

pub(crate) async fn called(connection: &mut Connection, by: RunId, key: &str) -> Result<Option<RunId>, Fault> {
    let sql = "SELECT r.id FROM runs r WHERE r.caller = $1 AND r.caller_key = $2";
    let args = [Arg::Id(by.uuid()), Arg::Text(key)];
    Ok(connection.fetch(sql, &args, |row| Reader::new(row).id(RunId::from_uuid)).await?.pop())
}

/// By the run's id, which says when it was made: on PostgreSQL, in one partition.
const LINES: &str = "SELECT l.line, l.at, l.step, l.entry FROM run_lines l WHERE l.run_id = $1 AND l.line > $2 ORDER BY l.line LIMIT $3";

pub(crate) async fn lines(
    connection: &mut Connection,
    of: RunId,
    page: PageRequest<i64>,
) -> Result<Page<RunLine, i64>, Fault> {
    let args = [Arg::Id(of.uuid()), Arg::Int(page.after.unwrap_or(-1)), limit(page.limit)];
    let read = |row: &mut Reader<'_, '_>| -> Result<RunLine, Fault> {
        Ok(RunLine { line: row.next()?, at: row.time()?, step: row.next()?, entry: row.next()? })
    };
    let items = connection.fetch(LINES, &args, |row| read(&mut Reader::new(row))).await?;
    Ok(cut(items, page.limit, |line| line.line))
}

/// The newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    filter: &RunFilter,
    page: PageRequest<RunId>,
) -> Result<Page<Run, RunId>, Fault> {
    let sql = format!("SELECT {RUN_HEAD} FROM runs r");
    let wanted = [
        ("workflow", filter.workflow.as_deref().map(Arg::Text)),
        ("state", filter.state.map(|state| Arg::Text(state.name()))),
        ("user_id", filter.user_id.map(|user| Arg::Id(user.uuid()))),
    ];
    newest_first(connection, &sql, "r", &wanted, &page, (RunId::uuid, |run: &Run| run.id), run).await
}

/// How many runs are in each of the states that are not the end.
pub(crate) async fn under_way(connection: &mut Connection) -> Result<BTreeMap<RunState, i64>, Fault> {
    let mut counts = BTreeMap::new();
    for state in RunState::ALL.into_iter().filter(|state| !state.is_over()) {
        let sql = "SELECT count(*) FROM runs r WHERE r.state = $1";
        let found = connection.fetch(sql, &[Arg::Text(state.name())], |row| row.get::<i64>(0)).await?;
        counts.insert(state, found.first().copied().unwrap_or(0));
    }
    Ok(counts)
}

/// How many users are left with nothing to prove by, of a budget, in the day before a time.
pub(crate) async fn shut_out(connection: &mut Connection, budget: &str, at: Timestamp) -> Result<i64, Fault> {
    let sql = "SELECT CAST(COALESCE(SUM(h.users), 0) AS BIGINT) FROM shut_out_hours h
        WHERE h.budget = $1 AND h.hour >= $2";
    let args = [Arg::Text(budget), Arg::Int(hours(at).1)];
    let users = connection.fetch(sql, &args, |row| row.get::<i64>(0)).await?;
    Ok(users.first().copied().unwrap_or(0))
}

/// How far workflows may still go at a time, and whether people let a step of a run go further.
pub(crate) async fn leeway(
    connection: &mut Connection,
    run: RunId,
    step: &str,
    budget: &str,
    at: Timestamp,
) -> Result<Leeway, Fault> {
    let shut_out = shut_out(connection, budget, at).await?;
    let tasks = super::tasks::releases(connection, run, Some(step)).await?;
    let is_any = |state| tasks.iter().any(|task| task.state_at(at) == state);
    let approved = tasks.iter().filter(|task| task.state == TaskState::Approved);
    let released = approved.map(Task::still_lets).collect();
    Ok(Leeway { shut_out, released, is_asked: is_any(TaskState::Open) })
}

/// Which runs hold a user, and authenticators of theirs, suspended.
pub(crate) async fn suspended_by(connection: &mut Connection, user: UserId) -> Result<Vec<(Uuid, HeldBy)>, Fault> {
    let sql = "SELECT u.id, u.suspended_by FROM users u WHERE u.id = $1 AND u.suspended_by IS NOT NULL
        UNION ALL
        SELECT a.id, a.suspended_by FROM authenticators a WHERE a.user_id = $1 AND a.suspended_by IS NOT NULL";
    let read = |row: &crate::engine::Row<'_>| Ok((row.get::<Uuid>(0)?, HeldBy::of(row.get::<Uuid>(1)?)));
    connection.fetch(sql, &[user.into()], read).await
}

/// How many users there are.
pub(crate) async fn population(connection: &mut Connection) -> Result<i64, Fault> {
    let found = connection.fetch("SELECT count(*) FROM users u", &[], |row| row.get::<i64>(0)).await?;
    Ok(found.first().copied().unwrap_or(0))
}

#[cfg(test)]
pub(crate) static ALL: [&Set; 1] = [&AWAITING];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{history, postgres};
    use crate::sweep::least_id;

    const MONTH: i64 = 30 * 86_400_000;

    /// W-11: however many months of history there are, who looks for a run's looks into one of them.
    #[tokio::test]
    async fn w11_history_is_looked_for_in_one_partition() {
        let url = throwaway_postgres::Cluster::shared().unwrap().database().unwrap();
        let source = postgres::Source::parse(&url).unwrap();
        let mut connection = source.connection().await.unwrap();
        assert!(crate::schema::migrate(&mut connection, crate::schema::PATIENCE).await.is_ok());
        for month in [700, 702, 704] {
            let now = Timestamp::from_unix_millis(month * MONTH);
            assert!(history::make_room(&mut connection, now).await.unwrap());
        }
        let of = least_id(Timestamp::from_unix_millis(703 * MONTH + 1));
        connection.script(&format!("PREPARE lines (uuid, bigint, bigint) AS {LINES}")).await.unwrap();
        let explain = format!("EXPLAIN (COSTS OFF) EXECUTE lines ('{of}', -1, 50)");
        let plan = connection.fetch(&explain, &[], |row| row.get::<String>(0)).await.unwrap().join("\n");
        assert!(plan.contains("Subplans Removed: 6"), "of seven: {plan}");
        assert_eq!(plan.matches("Scan").count(), plan.matches("Index Scan using run_lines_").count(), "{plan}");
    }
}
