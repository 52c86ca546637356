//! What has served its time.

use std::time::Duration;

use domain::Timestamp;
use uuid::Uuid;

use crate::engine::{Connection, Fault};
use crate::house::House;
use crate::set::Kind::{self, Id, Int};
use crate::set::{Rows, Set};
use crate::{Idempotency, StoreError};

/// How many rows go from each table at a go: a few milliseconds of the writer's time.
const SOME: i64 = 500;

/// What each of the statements below is given.
const INPUT: &[(&str, Kind)] =
    &[("before", Id), ("over_at", Int), ("forgotten_at", Int), ("runs_over_at", Int), ("at_most", Int)];

/// `DELETE FROM` what has one of the keys `of` the first rows that are over.
macro_rules! delete {
    ($from:literal, $of:literal, $over:expr) => {
        Set::new(
            INPUT,
            concat!(
                "DELETE FROM ",
                $from,
                " IN (SELECT ",
                $of,
                " x WHERE ",
                $over,
                " LIMIT (SELECT i.at_most FROM input i))"
            ),
        )
    };
}

/// Keyed by the time that it was made, so that the oldest come first without an index of their own; what is over by now
/// was made before.
macro_rules! over_by_id {
    () => {
        "x.id < (SELECT i.before FROM input i) AND x.expires_at <= (SELECT i.over_at FROM input i) ORDER BY x.id"
    };
}

/// What makes a run over, and which go first.
macro_rules! over_runs {
    () => {
        "x.ended_at <= (SELECT i.runs_over_at FROM input i) ORDER BY x.ended_at"
    };
}

/// How long runs are kept, and what happened in them, once they are over.
const KEEP_RUNS: Duration = Duration::from_hours(30 * 24);

/// That somebody was there stays known without their session: it is written down before the sessions go that the sweep below deletes.
static LAST_ACTIVE: Set = Set::new(
    &[("before", Id), ("over_at", Int), ("forgotten_at", Int), ("runs_over_at", Int), ("at_most", Int)],
    "UPDATE users AS u SET last_active_at = p.began_at FROM (
        SELECT x.user_id, MAX(x.created_at) AS began_at FROM (
            SELECT y.user_id, y.created_at FROM sessions y WHERE y.expires_at <= (SELECT i.over_at FROM input i)
            ORDER BY y.expires_at, y.id LIMIT (SELECT i2.at_most FROM input i2)) x
        GROUP BY x.user_id) p
     WHERE u.id = p.user_id AND (u.last_active_at IS NULL OR u.last_active_at < p.began_at)",
);

/// In this order: what was never proved goes with its enrollment, by which it is found.
static SWEEPS: [Set; 19] = [
    delete!("challenges WHERE id", "x.id FROM challenges", over_by_id!()),
    delete!("authenticators WHERE state = 'pending' AND id", "x.authenticator_id FROM enrollments", over_by_id!()),
    delete!("enrollments WHERE id", "x.id FROM enrollments", over_by_id!()),
    // What was bound for a while only.
    delete!(
        "authenticators WHERE id",
        "x.id FROM authenticators",
        "x.expires_at <= (SELECT i.over_at FROM input i) ORDER BY x.expires_at"
    ),
    delete!("prompts WHERE id", "x.id FROM prompts", over_by_id!()),
    delete!("pages WHERE id", "x.id FROM pages", over_by_id!()),
    delete!(
        "sign_ins WHERE id",
        "x.id FROM sign_ins",
        "x.expires_at <= (SELECT i.over_at FROM input i) ORDER BY x.expires_at"
    ),
    // A session that was ended is kept until its time would have been over, too.
    delete!(
        "sessions WHERE id",
        "x.id FROM sessions",
        "x.expires_at <= (SELECT i.over_at FROM input i) ORDER BY x.expires_at, x.id"
    ),
    delete!(
        "blocked_addresses WHERE prefix",
        "x.prefix FROM blocked_addresses",
        "x.ends_at <= (SELECT i.over_at FROM input i) ORDER BY x.ends_at"
    ),
    // What a run asked people, its links and its history go before it, however long that is; and a run, once nothing of all that is left: another
    // server may be sweeping as well.
    Set::new(
        INPUT,
        concat!(
            "DELETE FROM task_verdicts WHERE task_id IN (SELECT t.id FROM tasks t WHERE t.run_id IN (SELECT x.id FROM runs x WHERE ",
            over_runs!(),
            " LIMIT (SELECT i.at_most FROM input i)))"
        ),
    ),
    Set::new(
        INPUT,
        concat!(
            "DELETE FROM tasks WHERE id IN (SELECT t.id FROM tasks t WHERE t.run_id IN (SELECT x.id FROM runs x WHERE ",
            over_runs!(),
            " LIMIT (SELECT i.at_most FROM input i)) AND NOT EXISTS (SELECT 1 FROM task_verdicts v WHERE v.task_id = t.id))"
        ),
    ),
    Set::new(
        INPUT,
        concat!(
            "DELETE FROM link_tokens WHERE link_id IN (SELECT l.id FROM links l WHERE l.run_id IN (SELECT x.id FROM runs x WHERE ",
            over_runs!(),
            " LIMIT (SELECT i.at_most FROM input i)))"
        ),
    ),
    Set::new(
        INPUT,
        concat!(
            "DELETE FROM links WHERE id IN (SELECT l.id FROM links l WHERE l.run_id IN (SELECT x.id FROM runs x WHERE ",
            over_runs!(),
            " LIMIT (SELECT i.at_most FROM input i)) AND NOT EXISTS (SELECT 1 FROM link_tokens k WHERE k.link_id = l.id))"
        ),
    ),
    Set::new(
        INPUT,
        "DELETE FROM run_lines WHERE (run_id, line) IN (
            SELECT l.run_id, l.line FROM runs x {then} run_lines l ON l.run_id = x.id
            WHERE x.ended_at <= (SELECT i.runs_over_at FROM input i)
            ORDER BY x.ended_at LIMIT (SELECT i.at_most * 10 FROM input i))",
    ),
    delete!(
        "runs WHERE id",
        "x.id FROM runs",
        "x.ended_at <= (SELECT i.runs_over_at FROM input i) AND NOT EXISTS (SELECT 1 FROM run_lines l WHERE l.run_id = x.id)
            AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.run_id = x.id) AND NOT EXISTS (SELECT 1 FROM links l WHERE l.run_id = x.id)
         ORDER BY x.ended_at"
    ),
    // A call is known again for as long as the run that it started.
    delete!(
        "webhook_calls WHERE (workflow, id)",
        "x.workflow, x.id FROM webhook_calls",
        "x.at <= (SELECT i.runs_over_at FROM input i) ORDER BY x.at"
    ),
    delete!(
        "alerts WHERE id",
        "x.id FROM alerts",
        "x.resolved_at <= (SELECT i.runs_over_at FROM input i) ORDER BY x.resolved_at"
    ),
    // Of nothing of which anything matters any more.
    delete!(
        "alert_groups WHERE (rule, member)",
        "x.rule, x.member FROM alert_groups",
        "x.idle_at <= (SELECT i.over_at FROM input i) ORDER BY x.idle_at"
    ),
    delete!(
        "idempotency WHERE (application_id, key)",
        "x.application_id, x.key FROM idempotency",
        "x.at <= (SELECT i.forgotten_at FROM input i) ORDER BY x.at"
    ),
];

impl House {
    pub(crate) async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<u64, StoreError> {
        self.writer.sweep(now, keep).await
    }
}

/// Deletes some of what was over for `keep` at `now`, in a transaction of its own.
pub(crate) async fn sweep(connection: &mut Connection, now: Timestamp, keep: Duration) -> Result<u64, Fault> {
    connection.begin().await?;
    match sweep_within(connection, now, keep).await {
        Ok(gone) => connection.commit().await.map(|()| gone),
        Err(fault) => {
            connection.rollback().await?;
            Err(fault)
        }
    }
}

async fn sweep_within(connection: &mut Connection, now: Timestamp, keep: Duration) -> Result<u64, Fault> {
    let over_at = now.minus(keep);
    let forgotten_at = now.minus(Idempotency::LIFETIME);
    let row = [least_id(over_at).into(), over_at.into(), forgotten_at.into(), now.minus(KEEP_RUNS).into(), SOME.into()];
    LAST_ACTIVE.execute(connection, Rows::one(&row)).await?;
    let mut gone = 0;
    for sweep in &SWEEPS {
        gone += sweep.execute(connection, Rows::one(&row)).await?;
    }
    Ok(gone)
}

/// The least id of version 7 (RFC 9562 §5.7) that can be made at `at`.
pub(crate) fn least_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.unix_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
