//! Who carries a run: claims, renewed, given back and held.

use domain::Timestamp;
use uuid::Uuid;

use crate::engine::{Connection, Dialect, Fault};
use crate::runs::AdvanceRun;
use crate::set::Kind::{Id, Int};
use crate::set::{Rows, Set};
use crate::{Claimant, Effect};

pub(super) static CLAIM_RUNS: Set = Set::new(
    &[("claim_id", Id), ("now_at", Int), ("until_at", Int), ("at_most", Int)],
    ", picked(run_id) AS (
        SELECT x.run_id FROM run_claims x WHERE x.due_at <= (SELECT i2.now_at FROM input i2)
        ORDER BY x.due_at LIMIT (SELECT i3.at_most FROM input i3) {skip})
     UPDATE run_claims AS c SET claim = i.claim_id, fence = c.fence + 1, due_at = i.until_at
     FROM input i WHERE c.run_id IN (SELECT i4.run_id FROM picked i4)",
);

pub(super) static RENEW_RUNS: Set = Set::new(
    &[("run_id", Id), ("fence", Int), ("until_at", Int)],
    "UPDATE run_claims AS c SET due_at = i.until_at FROM input i
     WHERE c.run_id = i.run_id AND c.fence = i.fence AND c.claim IS NOT NULL AND c.due_at < i.until_at",
);

pub(super) static GIVE_BACK: Set = Set::new(
    &[("run_id", Id), ("fence", Int), ("give_back_at", Int)],
    "UPDATE run_claims AS c SET claim = NULL, due_at = i.give_back_at FROM input i
     WHERE c.run_id = i.run_id AND c.fence = i.fence AND c.claim IS NOT NULL",
);

/// What whoever was here before has claimed is over: nobody else has this database, and they are no more.
static LET_GO: Set = Set::new(
    &[("now_at", Int)],
    "UPDATE run_claims AS c SET claim = NULL, due_at = i.now_at FROM input i WHERE c.claim IS NOT NULL",
);

pub(crate) async fn let_go(connection: &mut Connection, now: Timestamp) -> Result<(), Fault> {
    LET_GO.execute(connection, Rows::one(&[now.into()])).await.map(drop)
}

/// The same of somebody whose lock can be had: they are gone. Until this is committed they do not come back either.
pub(super) static LET_GO_OF: Set = Set::new(
    &[("key", Int), ("first_claim", Id), ("last_claim", Id), ("now_at", Int)],
    ", gone(first_claim, last_claim, now_at) AS MATERIALIZED (
        SELECT i.first_claim, i.last_claim, i.now_at FROM input i WHERE pg_try_advisory_xact_lock_shared(i.key))
     UPDATE run_claims AS c SET claim = NULL, due_at = g.now_at
     FROM gone g WHERE c.claim >= g.first_claim AND c.claim <= g.last_claim",
);

pub(super) async fn let_go_of(connection: &mut Connection, of: &[Claimant], now: Timestamp) -> Result<Effect, Fault> {
    // Nobody else has the file.
    if connection.dialect() == Dialect::Sqlite {
        return Ok(Effect::Refused);
    }
    let mut rows = Rows::default();
    for claimant in of {
        let (first, last) = claimant.claims();
        rows.push(&[claimant.key().into(), first.into(), last.into(), now.into()]);
    }
    let let_go = LET_GO_OF.execute(connection, rows).await?;
    Ok(if let_go == 0 { Effect::Refused } else { Effect::Applied })
}

/// Holds claims' rows, of those that are still the last ones, and for whose runs nothing came since it was looked at, where that matters.
pub(super) static HOLD_CLAIMS: Set = Set::new(
    &[("of_run", Id), ("by_fence", Int), ("seen_pokes", Int)],
    "UPDATE run_claims AS c SET fence = i.by_fence FROM input i
     WHERE c.run_id = i.of_run AND c.fence = i.by_fence AND c.claim IS NOT NULL
        AND c.pokes = COALESCE(i.seen_pokes, c.pokes)
     RETURNING run_id",
);

pub(super) async fn hold(
    connection: &mut Connection,
    advances: impl Iterator<Item = &AdvanceRun>,
) -> Result<Vec<Uuid>, Fault> {
    let mut claims = Rows::default();
    for advance in advances {
        claims.push(&[advance.id.into(), advance.fence.into(), advance.unless_poked.into()]);
    }
    HOLD_CLAIMS.ids(connection, claims).await
}

pub(super) static RELEASE_CLAIMS: Set = Set::new(
    &[("run_id", Id), ("fence", Int), ("due_at", Int), ("pokes", Int), ("now_at", Int)],
    "UPDATE run_claims AS c SET claim = NULL, due_at = CASE WHEN c.pokes = i.pokes THEN i.due_at ELSE i.now_at END
     FROM input i WHERE c.run_id = i.run_id AND c.fence = i.fence",
);
