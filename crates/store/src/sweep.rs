//! What has served its time.

use std::sync::PoisonError;
use std::time::Duration;

use domain::Timestamp;
use uuid::Uuid;

use crate::engine::history::{self, OverSpan};
use crate::engine::{Connection, Dialect, Fault};
use crate::house::House;
use crate::set::Kind::{self, Id, Int};
use crate::set::{Rows, Set};
use crate::{Idempotency, StoreError};

/// How many rows go from each table at a go: a few milliseconds of the writer's time.
const SOME: i64 = 500;

/// What each of the statements below is given.
const INPUT: &[(&str, Kind)] = &[
    ("before", Id),
    ("over_at", Int),
    ("forgotten_at", Int),
    ("old_at", Int),
    ("runs_over_at", Int),
    ("runs_before", Id),
    ("at_most", Int),
];

/// `DELETE FROM` what has one of the keys `of` the first rows that are over.
macro_rules! delete {
    ($from:literal, $of:literal, $over:expr) => {
        delete!($from, $of, $over, "")
    };
    ($from:literal, $of:literal, $over:expr, $end:literal) => {
        Set::new(
            INPUT,
            concat!(
                "DELETE FROM ",
                $from,
                " IN (SELECT ",
                $of,
                " x WHERE ",
                $over,
                " LIMIT (SELECT i.at_most FROM input i))",
                $end
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

/// Runs that are over, with all that belongs to them: those for which a condition says so, and which go first. What a run asked people, its links and its history go
/// before it, however long that is; and a run, once nothing of all that is left: another server may be sweeping as well.
macro_rules! runs {
    ($over:literal, $first:literal) => {
        [
            delete!(
                "task_verdicts WHERE task_id IN (SELECT t.id FROM tasks t WHERE t.run_id",
                "x.id FROM runs",
                concat!($over, $first),
                ")"
            ),
            delete!(
                "tasks WHERE NOT EXISTS (SELECT 1 FROM task_verdicts v WHERE v.task_id = tasks.id) AND run_id",
                "x.id FROM runs",
                concat!($over, $first)
            ),
            delete!(
                "link_tokens WHERE link_id IN (SELECT l.id FROM links l WHERE l.run_id",
                "x.id FROM runs",
                concat!($over, $first),
                ")"
            ),
            delete!(
                "links WHERE NOT EXISTS (SELECT 1 FROM link_tokens k WHERE k.link_id = links.id) AND run_id",
                "x.id FROM runs",
                concat!($over, $first)
            ),
            Set::new(
                INPUT,
                concat!(
                    "DELETE FROM run_lines WHERE (run_id, line) IN (
                        SELECT l.run_id, l.line FROM runs x {then} run_lines l ON l.run_id = x.id
                        WHERE ",
                    $over,
                    $first,
                    " LIMIT (SELECT i.at_most * 10 FROM input i))"
                ),
            ),
            delete!(
                "runs WHERE id",
                "x.id FROM runs",
                concat!(
                    $over,
                    " AND NOT EXISTS (SELECT 1 FROM run_lines l WHERE l.run_id = x.id)
                      AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.run_id = x.id)
                      AND NOT EXISTS (SELECT 1 FROM links l WHERE l.run_id = x.id)",
                    $first
                )
            ),
        ]
    };
}

/// How long runs are kept, and what happened in them, once they are over.
const KEEP_RUNS: Duration = Duration::from_hours(30 * 24);

/// How much longer they may stay where their history goes with a whole partition, on PostgreSQL; what would stay longer goes in pieces.
const GRACE: Duration = Duration::from_hours(31 * 24);

/// How long after there was no history to be dropped it is looked again.
const LOOK_AT_HISTORY: Duration = Duration::from_hours(1);

/// That somebody was there stays known without their session: it is written down before the sessions go that the sweep below deletes.
static LAST_ACTIVE: Set = Set::new(
    INPUT,
    "UPDATE users AS u SET last_active_at = p.began_at FROM (
        SELECT x.user_id, MAX(x.created_at) AS began_at FROM (
            SELECT y.user_id, y.created_at FROM sessions y WHERE y.expires_at <= (SELECT i.over_at FROM input i)
            ORDER BY y.expires_at, y.id LIMIT (SELECT i2.at_most FROM input i2)) x
        GROUP BY x.user_id) p
     WHERE u.id = p.user_id AND (u.last_active_at IS NULL OR u.last_active_at < p.began_at)",
);

/// In this order: what was never proved goes with its enrollment, by which it is found.
static SWEEPS: [Set; 16] = [
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
    delete!(
        "gateway_switches WHERE gateway",
        "x.gateway FROM gateway_switches",
        "x.ends_at <= (SELECT i.over_at FROM input i) ORDER BY x.ends_at"
    ),
    // What counts is of the last day.
    delete!(
        "shut_out_users WHERE user_id",
        "x.user_id FROM shut_out_users",
        "x.hour < (SELECT i.over_at / 3600000 - 48 FROM input i) ORDER BY x.hour"
    ),
    delete!(
        "shut_out_hours WHERE (budget, hour)",
        "x.budget, x.hour FROM shut_out_hours",
        "x.hour > 0 AND x.hour < (SELECT i.over_at / 3600000 - 48 FROM input i) ORDER BY x.hour"
    ),
    // A call is known again for as long as the run that it started.
    delete!(
        "webhook_calls WHERE (workflow, id)",
        "x.workflow, x.id FROM webhook_calls",
        "x.at <= (SELECT i.old_at FROM input i) ORDER BY x.at"
    ),
    delete!(
        "alerts WHERE id",
        "x.id FROM alerts",
        "x.resolved_at <= (SELECT i.old_at FROM input i) ORDER BY x.resolved_at"
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

/// Those that ended long ago.
static RUNS_BY_END: [Set; 6] = runs!("x.ended_at <= (SELECT i.runs_over_at FROM input i)", " ORDER BY x.ended_at");

/// Those whose history was dropped with its partition; but for a few that ended later, all of them are over.
static RUNS_BY_ID: [Set; 6] = runs!(
    "x.id < (SELECT i.runs_before FROM input i) AND x.ended_at <= (SELECT i.old_at FROM input i)",
    " ORDER BY x.id"
);

impl House {
    pub(crate) async fn sweep(&self, now: Timestamp, keep: Duration) -> Result<u64, StoreError> {
        let over = self.history_that_is_over(now).await?;
        self.writer.sweep(Sweep { now, keep, over }).await
    }

    /// Where there is none, that holds for a while: what is over by then can as well go then.
    async fn history_that_is_over(&self, now: Timestamp) -> Result<Option<OverSpan>, StoreError> {
        if now < *self.looks_at_history.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(None);
        }
        let over = self.pool.ask(async |on| history::over(on, now.minus(KEEP_RUNS)).await).await?;
        if over.is_none() {
            *self.looks_at_history.lock().unwrap_or_else(PoisonError::into_inner) = now.plus(LOOK_AT_HISTORY);
        }
        Ok(over)
    }
}

/// What is deleted at a go.
#[derive(Debug)]
pub(crate) struct Sweep {
    now: Timestamp,
    /// How long what is over stays to be seen.
    keep: Duration,
    /// Goes as a whole.
    over: Option<OverSpan>,
}

impl Sweep {
    /// Deletes some of what was over, in a transaction of its own. Answers how many rows, and partitions, went.
    pub(crate) async fn run(&self, connection: &mut Connection) -> Result<u64, Fault> {
        let dropped = match &self.over {
            Some(over) => history::drop_span(connection, over).await?,
            None => false,
        };
        connection.begin().await?;
        match self.delete(connection).await {
            Ok(gone) => connection.commit().await.map(|()| gone + u64::from(dropped)),
            Err(fault) => {
                connection.rollback().await?;
                Err(fault)
            }
        }
    }

    async fn delete(&self, connection: &mut Connection) -> Result<u64, Fault> {
        let (over_at, old_at) = (self.now.minus(self.keep), self.now.minus(KEEP_RUNS));
        let forgotten_at = self.now.minus(Idempotency::LIFETIME);
        let (runs_over_at, runs_before) = match connection.dialect() {
            Dialect::Sqlite => (old_at, Uuid::nil()),
            Dialect::Postgres => (old_at.minus(GRACE), history::oldest(connection).await?),
        };
        let row = [
            least_id(over_at).into(),
            over_at.into(),
            forgotten_at.into(),
            old_at.into(),
            runs_over_at.into(),
            runs_before.into(),
            SOME.into(),
        ];
        LAST_ACTIVE.execute(connection, Rows::one(&row)).await?;
        let mut gone = 0;
        for sweep in SWEEPS.iter().chain(&RUNS_BY_END) {
            gone += sweep.execute(connection, Rows::one(&row)).await?;
        }
        if connection.dialect() == Dialect::Postgres {
            for sweep in &RUNS_BY_ID {
                gone += sweep.execute(connection, Rows::one(&row)).await?;
            }
        }
        Ok(gone)
    }
}

/// The least id of version 7 (RFC 9562 §5.7) that can be made at `at`.
pub(crate) fn least_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.unix_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
