//! What has served its time.

use std::time::Duration;

use domain::Timestamp;
use uuid::Uuid;

use crate::engine::{Arg, Connection, Fault};
use crate::house::House;
use crate::set::Kind::{Id, Int};
use crate::set::{Rows, Set};
use crate::{Idempotency, StoreError};

/// How many rows go from each table at a go: a few milliseconds of the writer's time.
const SOME: i64 = 500;

/// Challenges and enrollments are keyed by the time that they were made, so that the oldest come first without an
/// index of their own; what is over by now was made before.
static SWEEP_CHALLENGES: Set = Set::new(
    &[("before", Id), ("over_at", Int), ("at_most", Int)],
    "DELETE FROM challenges WHERE id IN (
        SELECT c.id FROM challenges c
        WHERE c.id < (SELECT i.before FROM input i) AND c.expires_at <= (SELECT i.over_at FROM input i)
        ORDER BY c.id LIMIT (SELECT i.at_most FROM input i))",
);

/// What was never proved goes with its enrollment.
static SWEEP_PENDING: Set = Set::new(
    &[("before", Id), ("over_at", Int), ("at_most", Int)],
    "DELETE FROM authenticators WHERE state = 'pending' AND id IN (
        SELECT e.authenticator_id FROM enrollments e
        WHERE e.id < (SELECT i.before FROM input i) AND e.expires_at <= (SELECT i.over_at FROM input i)
        ORDER BY e.id LIMIT (SELECT i.at_most FROM input i))",
);

static SWEEP_ENROLLMENTS: Set = Set::new(
    &[("before", Id), ("over_at", Int), ("at_most", Int)],
    "DELETE FROM enrollments WHERE id IN (
        SELECT e.id FROM enrollments e
        WHERE e.id < (SELECT i.before FROM input i) AND e.expires_at <= (SELECT i.over_at FROM input i)
        ORDER BY e.id LIMIT (SELECT i.at_most FROM input i))",
);

/// A session that was ended is kept until its time would have been over, too.
static SWEEP_SESSIONS: Set = Set::new(
    &[("before", Id), ("over_at", Int), ("at_most", Int)],
    "DELETE FROM sessions WHERE id IN (
        SELECT s.id FROM sessions s WHERE s.expires_at <= (SELECT i.over_at FROM input i)
        ORDER BY s.expires_at LIMIT (SELECT i.at_most FROM input i))",
);

static SWEEP_IDEMPOTENCY: Set = Set::new(
    &[("forgotten_at", Int), ("at_most", Int)],
    "DELETE FROM idempotency WHERE (application_id, key) IN (
        SELECT n.application_id, n.key FROM idempotency n WHERE n.at <= (SELECT i.forgotten_at FROM input i)
        ORDER BY n.at LIMIT (SELECT i.at_most FROM input i))",
);

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
    let row = |before| Rows::one(&[Arg::Id(before), over_at.into(), SOME.into()]);
    let mut gone = SWEEP_CHALLENGES.execute(connection, row(least_id(over_at))).await?;
    // In this order: the second finds by the enrollments what the third takes away.
    SWEEP_PENDING.execute(connection, row(least_id(over_at))).await?;
    gone += SWEEP_ENROLLMENTS.execute(connection, row(least_id(over_at))).await?;
    gone += SWEEP_SESSIONS.execute(connection, row(Uuid::nil())).await?;
    let forgotten = Rows::one(&[now.minus(Idempotency::LIFETIME).into(), SOME.into()]);
    gone += SWEEP_IDEMPOTENCY.execute(connection, forgotten).await?;
    Ok(gone)
}

/// The least id of version 7 (RFC 9562 §5.7) that can be made at `at`.
fn least_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.unix_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
