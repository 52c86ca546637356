//! How workflows do: what their latest runs came to. No more is read than is said, however many runs there were.

use domain::{RunId, RunState, Timestamp};

use crate::engine::{Arg, Connection, Fault};
use crate::rows::Reader;
use crate::set::Kind::Id;
use crate::set::{Rows, Set};
use crate::stats::{RunReach, RunSample, StepLine};
use crate::sweep::least_id;

/// More than these of one state are not counted.
const MOST_COUNTED: i64 = 10_000;

/// The runs of a workflow that were started since a time, the newest first, `at_most` so many.
pub(crate) async fn runs_since(
    connection: &mut Connection,
    workflow: &str,
    since: Timestamp,
    at_most: u32,
) -> Result<Vec<RunSample>, Fault> {
    let sql = "SELECT r.id, r.state, r.created_at, r.ended_at FROM runs r
        WHERE r.workflow = $1 AND r.id >= $2 ORDER BY r.id DESC LIMIT $3";
    let args = [Arg::Text(workflow), Arg::Id(least_id(since)), Arg::Int(at_most.into())];
    let read = |row: &mut Reader<'_, '_>| -> Result<RunSample, Fault> {
        Ok(RunSample {
            id: row.id(RunId::from_uuid)?,
            state: row.named(RunState::from_name)?,
            created_at: row.time()?,
            ended_at: row.maybe_time()?,
        })
    };
    connection.fetch(sql, &args, |row| read(&mut Reader::new(row))).await
}

/// How many runs of a workflow were started since a time, and how many of those are not over; each with about how many users. 10,000 at most.
pub(crate) async fn reach(connection: &mut Connection, workflow: &str, since: Timestamp) -> Result<RunReach, Fault> {
    let count = "SELECT count(*), count(DISTINCT found.user_id) FROM";
    let started = format!(
        "{count} (SELECT r.user_id FROM runs r WHERE r.workflow = $1 AND r.id >= $2 ORDER BY r.id DESC LIMIT $3) AS found"
    );
    let live = format!(
        "{count} (SELECT r.user_id FROM runs r WHERE r.workflow = $1 AND r.ended_at IS NULL LIMIT $2) AS found"
    );
    let read = |row: &crate::engine::Row<'_>| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?));
    let args = [Arg::Text(workflow), Arg::Id(least_id(since)), Arg::Int(MOST_COUNTED)];
    let started = connection.fetch(&started, &args, read).await?.pop().unwrap_or_default();
    let args = [Arg::Text(workflow), Arg::Int(MOST_COUNTED)];
    let live = connection.fetch(&live, &args, read).await?.pop().unwrap_or_default();
    Ok(RunReach { started, live })
}

/// How many runs of a workflow are in each of the states that are not the end, ten thousand at most.
pub(crate) async fn live(connection: &mut Connection, workflow: &str) -> Result<Vec<(RunState, i64)>, Fault> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM runs r
        WHERE r.workflow = $1 AND r.state = $2 AND r.ended_at IS NULL LIMIT $3) AS found";
    let mut counts = Vec::new();
    for state in RunState::ALL.into_iter().filter(|state| !state.is_over()) {
        let args = [Arg::Text(workflow), Arg::Text(state.name()), Arg::Int(MOST_COUNTED)];
        let found = connection.fetch(sql, &args, |row| row.get::<i64>(0)).await?;
        counts.push((state, found.first().copied().unwrap_or(0)));
    }
    Ok(counts)
}

/// The workflows that have runs which are not over, by name: of each name one look into the index, however many runs it has.
pub(crate) async fn with_live(connection: &mut Connection) -> Result<Vec<String>, Fault> {
    let sql = "WITH RECURSIVE found(name) AS (
            SELECT min(r.workflow) FROM runs r WHERE r.ended_at IS NULL
            UNION ALL
            SELECT (SELECT min(r.workflow) FROM runs r WHERE r.ended_at IS NULL AND r.workflow > found.name)
            FROM found WHERE found.name IS NOT NULL)
        SELECT found.name FROM found WHERE found.name IS NOT NULL";
    connection.fetch(sql, &[], |row| row.get::<String>(0)).await
}

static STEP_LINES: Set = Set::new(
    &[("run_id", Id)],
    "SELECT l.run_id, l.at, l.step, l.entry FROM input i {then} run_lines l ON l.run_id = i.run_id AND l.line < 400
     WHERE l.step IS NOT NULL ORDER BY l.run_id, l.line",
);

/// What happened at the steps of some runs, in order: of each the first four hundred lines.
pub(crate) async fn step_lines(connection: &mut Connection, runs: &[RunId]) -> Result<Vec<StepLine>, Fault> {
    let read = |row: &mut Reader<'_, '_>| -> Result<StepLine, Fault> {
        Ok(StepLine { run_id: row.id(RunId::from_uuid)?, at: row.time()?, step: row.next()?, entry: row.next()? })
    };
    let ids = Rows::of_ids(runs.iter().map(|run| run.uuid()));
    STEP_LINES.fetch(connection, ids, |row| read(&mut Reader::new(row))).await
}

#[cfg(test)]
pub(crate) static ALL: [&Set; 1] = [&STEP_LINES];
