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

/// An hour, in milliseconds: what workflows did is counted by hours.
const HOUR: i64 = 3600 * 1000;
/// Hours that are counted together, beside the one that goes on: so that no day, wherever it begins, has more than may be.
const HOURS: i64 = 24;

/// The hour that a time is in, and the first one that counts at that time.
pub(crate) const fn hours(at: Timestamp) -> (i64, i64) {
    let hour = at.unix_millis().div_euclid(HOUR);
    (hour, hour - HOURS)
}

static HOLD_USERS: Set = Set::new(
    &[("user_id", Id)],
    "SELECT u.id FROM users u WHERE u.id IN (SELECT i.user_id FROM input i) ORDER BY u.id {alone}",
);

/// Whether the user `u` can prove something: is not locked, and has a factor that can be used and has no end. Backup codes and remembered browsers come
/// beside one, and are none.
const CAN_PROVE: &str = "(u.state = 'active' AND EXISTS (
        SELECT 1 FROM authenticators a
        WHERE a.user_id = u.id AND a.state = 'active' AND a.ends_at IS NULL AND a.kind NOT IN ('backup_codes', 'browser')))";

static SHUT_OUT: Set =
    Set::of(&[("user_id", Id)], &["SELECT u.id FROM input i {then} users u ON u.id = i.user_id WHERE NOT ", CAN_PROVE]);

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

/// Two that count at once count one after the other.
static HOLD_BUDGET: Set = Set::new(
    &[("of_budget", Text)],
    "INSERT INTO shut_out_hours (budget, hour, users) SELECT i.of_budget, 0, 0 FROM input i WHERE i.of_budget IS NOT NULL
     ON CONFLICT (budget, hour) DO UPDATE SET users = 0",
);

/// Who was counted longer ago counts anew.
static FORGET: Set = Set::new(
    &[("user_id", Id), ("first_hour", Int)],
    "DELETE FROM shut_out_users WHERE user_id IN (
        SELECT s.user_id FROM input i {then} shut_out_users s ON s.user_id = i.user_id AND s.hour < i.first_hour)",
);

/// Each user once.
static COUNT_USERS: Set = Set::new(
    &[("user_id", Id), ("of_budget", Text), ("this_hour", Int)],
    "INSERT INTO shut_out_users (user_id, budget, hour)
     SELECT i.user_id, i.of_budget, i.this_hour FROM input i WHERE i.of_budget IS NOT NULL ON CONFLICT DO NOTHING",
);

static COUNT: Set = Set::new(
    &[("of_budget", Text), ("this_hour", Int), ("more", Int)],
    "INSERT INTO shut_out_hours (budget, hour, users)
     SELECT i.of_budget, i.this_hour, i.more FROM input i WHERE i.of_budget IS NOT NULL
     ON CONFLICT (budget, hour) DO UPDATE SET users = shut_out_hours.users + excluded.users",
);

/// Whether it stays within what is allowed. Of a day; whoever counts holds the row.
static IS_WITHIN: Set = Set::new(
    &[("of_budget", Text), ("first_hour", Int), ("most", Int)],
    "UPDATE shut_out_hours AS h SET users = 0 FROM input i
     WHERE h.budget = i.of_budget AND h.hour = 0 AND (
        SELECT COALESCE(SUM(o.users), 0) FROM shut_out_hours o
        WHERE o.budget = i.of_budget AND o.hour >= i.first_hour) <= i.most",
);

/// Who can prove again is no more counted: what is left is for others.
static GIVE_BACK: Set = Set::of(
    &[("user_id", Id)],
    &[
        "UPDATE shut_out_hours SET users = users - 1 WHERE users > 0 AND (budget, hour) IN (
        SELECT s.budget, s.hour FROM input i {then} shut_out_users s ON s.user_id = i.user_id {then} users u ON u.id = s.user_id
        WHERE ",
        CAN_PROVE,
        ")",
    ],
);

static NO_MORE_COUNTED: Set = Set::of(
    &[("user_id", Id)],
    &[
        "DELETE FROM shut_out_users WHERE user_id IN (
        SELECT u.id FROM input i {then} users u ON u.id = i.user_id WHERE ",
        CAN_PROVE,
        ")",
    ],
);

/// Counts no more who can prove again, in the transaction that lets them; their row is held.
pub(super) async fn give_back(connection: &mut Connection, user: Uuid) -> Result<(), Fault> {
    GIVE_BACK.execute(connection, Rows::of_ids([user])).await?;
    NO_MORE_COUNTED.execute(connection, Rows::of_ids([user])).await.map(drop)
}

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
    let demoted = spares.demotes.iter().filter(|one| !now.contains(&one.uuid())).count();
    if now.is_empty() && demoted == 0 {
        return Ok(true);
    }
    let many = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let is_administrator = |user: &&Uuid| spares.administrators.iter().any(|one| one.uuid() == **user);
    let more = many(now.len() + demoted);
    let administrators = many(now.iter().filter(is_administrator).count() + demoted);
    let asked = Rows::one(&[run.into(), spares.step.as_str().into(), more.into(), administrators.into()]);
    if let Some(task) = RELEASED.ids(connection, asked).await?.into_iter().min() {
        USE_RELEASE.all(connection, Rows::one(&[task.into(), more.into(), administrators.into()])).await?;
        return Ok(true);
    }
    if administrators > 0 {
        return Ok(false);
    }
    count(connection, spares, &now, at).await
}

/// Counts these users, once each. Whether they are no more than may be.
async fn count(connection: &mut Connection, spares: &Spares, users: &[Uuid], at: Timestamp) -> Result<bool, Fault> {
    let ((hour, first), budget) = (hours(at), spares.budget.as_str());
    HOLD_BUDGET.execute(connection, Rows::one(&[budget.into()])).await?;
    let (mut old, mut new) = (Rows::default(), Rows::default());
    for user in users {
        old.push(&[(*user).into(), first.into()]);
        new.push(&[(*user).into(), budget.into(), hour.into()]);
    }
    FORGET.execute(connection, old).await?;
    let more = i64::try_from(COUNT_USERS.execute(connection, new).await?).unwrap_or(i64::MAX);
    if more == 0 {
        return Ok(true);
    }
    COUNT.execute(connection, Rows::one(&[budget.into(), hour.into(), more.into()])).await?;
    Ok(one(connection, &IS_WITHIN, &[budget.into(), first.into(), spares.most.into()]).await? == Effect::Applied)
}

async fn shut_out(connection: &mut Connection, spares: &Spares) -> Result<BTreeSet<Uuid>, Fault> {
    let users = Rows::of_ids(spares.users.iter().map(|user| user.uuid()));
    Ok(SHUT_OUT.ids(connection, users).await?.into_iter().collect())
}

#[cfg(test)]
pub(super) static ALL: [&Set; 11] = [
    &HOLD_USERS,
    &SHUT_OUT,
    &RELEASED,
    &USE_RELEASE,
    &HOLD_BUDGET,
    &FORGET,
    &COUNT_USERS,
    &COUNT,
    &IS_WITHIN,
    &GIVE_BACK,
    &NO_MORE_COUNTED,
];
