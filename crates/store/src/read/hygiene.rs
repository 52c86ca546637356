//! What is looked through by itself: every authenticator and every user, page by page, by their ids.

use domain::{Authenticator, AuthenticatorId, Page, PageRequest, Timestamp, User, UserId};
use uuid::Uuid;

use super::lists::{cut, limit};
use crate::engine::{Arg, Connection, Fault};
use crate::rows::{self, Reader};
use crate::set::spell;
use crate::{ActiveUser, GatewaySwitch};

/// Those in use, by id, which is by when they were made.
pub(crate) async fn authenticators_in_use(
    connection: &mut Connection,
    page: PageRequest<AuthenticatorId>,
) -> Result<Page<Authenticator, AuthenticatorId>, Fault> {
    let sql = spell(
        connection.dialect(),
        &format!(
            "SELECT {} FROM authenticators a WHERE a.id > $1 AND a.state IN ('active', 'suspended')
             ORDER BY a.id LIMIT $2",
            rows::AUTHENTICATOR
        ),
    );
    let args = [Arg::Id(page.after.map_or(Uuid::nil(), AuthenticatorId::uuid)), limit(page.limit)];
    let items = connection.fetch(&sql, &args, |row| rows::authenticator(&mut Reader::new(row))).await?;
    Ok(cut(items, page.limit, |authenticator| authenticator.id))
}

/// Active ones whose end has come, those first that ended first.
pub(crate) async fn ended_authenticators(
    connection: &mut Connection,
    now: Timestamp,
    at_most: u32,
) -> Result<Vec<Authenticator>, Fault> {
    let sql = spell(
        connection.dialect(),
        &format!(
            "SELECT {} FROM authenticators a WHERE a.ends_at IS NOT NULL AND a.ends_at <= $1 AND a.state = 'active'
             ORDER BY a.ends_at LIMIT $2",
            rows::AUTHENTICATOR
        ),
    );
    let args = [Arg::Int(now.unix_millis()), Arg::Int(at_most.into())];
    connection.fetch(&sql, &args, |row| rows::authenticator(&mut Reader::new(row))).await
}

/// Addresses and prefixes that are refused at `now`, with when that ends.
pub(crate) async fn blocked_addresses(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<(String, Timestamp)>, Fault> {
    let sql = "SELECT prefix, ends_at FROM blocked_addresses WHERE ends_at > $1 ORDER BY prefix";
    let read = |row: &crate::engine::Row<'_>| Ok((row.get(0)?, Timestamp::from_unix_millis(row.get(1)?)));
    connection.fetch(sql, &[Arg::Int(now.unix_millis())], read).await
}

/// Users, oldest first, with when there last was something of theirs: two looks into an index for each.
pub(crate) async fn active_users(
    connection: &mut Connection,
    page: PageRequest<UserId>,
) -> Result<Page<ActiveUser, UserId>, Fault> {
    let sql = spell(
        connection.dialect(),
        &format!(
            "SELECT {}, u.last_active_at,
                (SELECT MAX(a.last_used_at) FROM authenticators a WHERE a.user_id = u.id),
                (SELECT MAX(s.created_at) FROM sessions s WHERE s.user_id = u.id),
                (SELECT COUNT(*) FROM authenticators b WHERE b.user_id = u.id AND b.state = 'active')
             FROM users u WHERE u.id > $1 ORDER BY u.id LIMIT $2",
            rows::USER
        ),
    );
    let args = [Arg::Id(page.after.map_or(Uuid::nil(), UserId::uuid)), limit(page.limit)];
    let items = connection.fetch(&sql, &args, |row| active_user(&mut Reader::new(row))).await?;
    Ok(cut(items, page.limit, |one| one.user.id))
}

fn active_user(row: &mut Reader<'_, '_>) -> Result<ActiveUser, Fault> {
    let user: User = rows::user(row)?;
    let (before, proved_at, began) = (row.maybe_time()?, row.maybe_time()?, row.maybe_time()?);
    let authenticators: i64 = row.next()?;
    let last_active_at = [before, proved_at, began].into_iter().flatten().fold(user.created_at, Timestamp::max);
    Ok(ActiveUser { user, last_active_at, has_authenticator: authenticators > 0 })
}

/// The gateways that are switched away from at `now`, by name.
pub(crate) async fn gateway_switches(connection: &mut Connection, now: Timestamp) -> Result<Vec<GatewaySwitch>, Fault> {
    let sql = "SELECT gateway, channel, at, ends_at FROM gateway_switches WHERE ends_at > $1 ORDER BY gateway";
    connection
        .fetch(sql, &[Arg::Int(now.unix_millis())], |row| {
            let mut row = Reader::new(row);
            Ok(GatewaySwitch { gateway: row.next()?, channel: row.next()?, at: row.time()?, ends_at: row.time()? })
        })
        .await
}
