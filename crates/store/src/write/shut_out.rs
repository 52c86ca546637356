//! That no run leaves an administrator, or too many users, with nothing to prove anything with, unless two people let it.
//!
//! The users' rows are held first, so that whoever else changes what they have waits: what is found after the changes is what will be.

use std::collections::BTreeSet;

use domain::{RunId, Timestamp};
use uuid::Uuid;

use super::rest::one;
use crate::Effect;
use crate::engine::{Connection, Fault};
use crate::runs::Spares;
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};

/// How long what workflows did is counted together, in milliseconds.
pub(crate) const DAY: i64 = 24 * 3600 * 1000;

static HOLD_USERS: Set = Set::new(
    &[("user_id", Id)],
    "SELECT u.id FROM users u WHERE u.id IN (SELECT i.user_id FROM input i) ORDER BY u.id {alone}",
);

/// Those who can prove nothing: locked, or without a factor that can be used and has no end. Backup codes and remembered browsers come beside one, and are none.
static SHUT_OUT: Set = Set::new(
    &[("user_id", Id)],
    "SELECT u.id FROM input i {then} users u ON u.id = i.user_id
     WHERE u.state <> 'active' OR NOT EXISTS (
        SELECT 1 FROM authenticators a
        WHERE a.user_id = u.id AND a.state = 'active' AND a.ends_at IS NULL AND a.kind NOT IN ('backup_codes', 'browser'))",
);

/// By what people approved that the run does this step to so many.
static RELEASED: Set = Set::new(
    &[("run_id", Id), ("step", Text), ("users", Int), ("administrators", Int)],
    "SELECT t.id FROM input i {then} tasks t ON t.run_id = i.run_id AND t.releases = i.step AND COALESCE(t.state, '') = 'approved'
        AND t.used_users + i.users <= t.lets_users AND t.used_administrators + i.administrators <= t.lets_administrators",
);

/// What they let is used up by it. Whoever is here holds the run's claim: nobody else uses its tasks.
static USE_RELEASE: Set = Set::new(
    &[("task_id", Id), ("users", Int), ("administrators", Int)],
    "UPDATE tasks AS t
     SET used_users = t.used_users + i.users, used_administrators = t.used_administrators + i.administrators
     FROM input i WHERE t.id = i.task_id",
);

/// Counts on, if it stays within what is allowed; from nothing where a day is over.
static COUNT: Set = Set::new(
    &[("at", Int), ("day_before", Int), ("more", Int), ("most", Int)],
    "UPDATE shut_outs AS s
     SET users = CASE WHEN s.since <= i.day_before THEN i.more ELSE s.users + i.more END,
        since = CASE WHEN s.since <= i.day_before THEN i.at ELSE s.since END
     FROM input i
     WHERE s.one = 1 AND CASE WHEN s.since <= i.day_before THEN i.more ELSE s.users + i.more END <= i.most",
);

/// Who can prove nothing before anything is changed; nobody else changes that until the end of the transaction.
pub(super) async fn before(connection: &mut Connection, spares: &Spares) -> Result<BTreeSet<Uuid>, Fault> {
    HOLD_USERS.ids(connection, Rows::of_ids(spares.users.iter().map(|user| user.uuid()))).await?;
    shut_out(connection, spares).await
}

/// Whether what was changed may stay.
pub(super) async fn may_stay(
    connection: &mut Connection,
    run: RunId,
    spares: &Spares,
    before: &BTreeSet<Uuid>,
    at: Timestamp,
) -> Result<bool, Fault> {
    let now: Vec<Uuid> =
        shut_out(connection, spares).await?.into_iter().filter(|user| !before.contains(user)).collect();
    if now.is_empty() {
        return Ok(true);
    }
    let many = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let is_administrator = |user: &&Uuid| spares.administrators.iter().any(|one| one.uuid() == **user);
    let (more, administrators) = (many(now.len()), many(now.iter().filter(is_administrator).count()));
    let asked = Rows::one(&[run.into(), spares.step.as_str().into(), more.into(), administrators.into()]);
    if let Some(task) = RELEASED.ids(connection, asked).await?.into_iter().min() {
        USE_RELEASE.all(connection, Rows::one(&[task.into(), more.into(), administrators.into()])).await?;
        return Ok(true);
    }
    if administrators > 0 {
        return Ok(false);
    }
    let day_before = at.unix_millis().saturating_sub(DAY);
    let row = [at.into(), day_before.into(), more.into(), spares.most.into()];
    Ok(one(connection, &COUNT, &row).await? == Effect::Applied)
}

async fn shut_out(connection: &mut Connection, spares: &Spares) -> Result<BTreeSet<Uuid>, Fault> {
    let users = Rows::of_ids(spares.users.iter().map(|user| user.uuid()));
    Ok(SHUT_OUT.ids(connection, users).await?.into_iter().collect())
}

#[cfg(test)]
pub(super) static ALL: [&Set; 5] = [&HOLD_USERS, &SHUT_OUT, &RELEASED, &USE_RELEASE, &COUNT];
