//! What bounds what people hold, from outside of a log-in: ends of authenticators, wishes to replace them, sessions that have to prove
//! again, and how a user stands.

use domain::{AuthenticatorId, SessionId, Standing, Timestamp, UserId};

use super::rest::one;
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Id, Int, Text};
use crate::set::Set;
use crate::{Change, Effect, GatewaySwitch};

pub(super) async fn write(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::LimitAuthenticator { id, ends_at } => limit(connection, *id, *ends_at).await,
        Change::AskRotation { id, at } => ask_rotation(connection, *id, *at).await,
        Change::ForgetProofs { id, from_level } => forget_proofs(connection, *id, *from_level).await,
        Change::BlockAddress { prefix, at, ends_at } => {
            one(connection, &BLOCK_ADDRESS, &[prefix.as_str().into(), (*at).into(), (*ends_at).into()]).await
        }
        Change::UnblockAddress { prefix, at } => {
            one(connection, &UNBLOCK_ADDRESS, &[prefix.as_str().into(), (*at).into()]).await
        }
        Change::SwitchGateway(switch) => {
            let GatewaySwitch { gateway, channel, at, ends_at } = switch;
            let row = [gateway.as_str().into(), channel.as_str().into(), (*at).into(), (*ends_at).into()];
            one(connection, &SWITCH_GATEWAY, &row).await
        }
        Change::EndSwitch { gateway, at } => {
            one(connection, &END_SWITCH, &[gateway.as_str().into(), (*at).into()]).await
        }
        Change::PutStanding { user_id, seen, to } => put_standing(connection, *user_id, seen, to).await,
        _ => Ok(Effect::Refused),
    }
}

/// An end is never moved further away: who gives an earlier one knows why.
static LIMIT_AUTHENTICATOR: Set = Set::new(
    &[("authenticator_id", Id), ("end_at", Int)],
    "UPDATE authenticators AS a SET ends_at = i.end_at FROM input i
     WHERE a.id = i.authenticator_id AND a.state IN ('active', 'suspended')
        AND (a.ends_at IS NULL OR a.ends_at > i.end_at)",
);

pub(super) async fn limit(
    connection: &mut Connection,
    id: AuthenticatorId,
    ends_at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &LIMIT_AUTHENTICATOR, &[id.into(), ends_at.into()]).await
}

static ASK_ROTATION: Set = Set::new(
    &[("authenticator_id", Id), ("asked_at", Int)],
    "UPDATE authenticators AS a SET rotation_asked_at = i.asked_at FROM input i
     WHERE a.id = i.authenticator_id AND a.state IN ('active', 'suspended') AND a.rotation_asked_at IS NULL",
);

async fn ask_rotation(connection: &mut Connection, id: AuthenticatorId, at: Timestamp) -> Result<Effect, Fault> {
    one(connection, &ASK_ROTATION, &[id.into(), at.into()]).await
}

/// What comes of the first factor alone is the first level, whichever it was.
static FORGET_PROOFS: Set = Set::new(
    &[("session_id", Id), ("from_level", Int)],
    "UPDATE sessions AS s SET proofs = '{}', aal = 1 FROM input i
     WHERE s.id = i.session_id AND s.ended_at IS NULL AND s.aal >= i.from_level AND s.proofs <> '{}'",
);

async fn forget_proofs(connection: &mut Connection, id: SessionId, from_level: i64) -> Result<Effect, Fault> {
    one(connection, &FORGET_PROOFS, &[id.into(), from_level.into()]).await
}

/// As many as are kept in memory at most: see `crate::Store::MOST_BLOCKED`.
static BLOCK_ADDRESS: Set = Set::new(
    &[("prefix", Text), ("now_at", Int), ("end_at", Int)],
    "INSERT INTO blocked_addresses AS b (prefix, at, ends_at) SELECT i.prefix, i.now_at, i.end_at FROM input i
     WHERE (SELECT COUNT(*) FROM blocked_addresses x WHERE x.ends_at > i.now_at) < 1000
     ON CONFLICT (prefix) DO UPDATE SET at = excluded.at, ends_at = excluded.ends_at WHERE b.ends_at < excluded.ends_at",
);

static UNBLOCK_ADDRESS: Set = Set::new(
    &[("prefix", Text), ("now_at", Int)],
    "DELETE FROM blocked_addresses WHERE prefix IN (SELECT i.prefix FROM input i)
        AND ends_at > (SELECT i2.now_at FROM input i2)",
);

static SWITCH_GATEWAY: Set = Set::new(
    &[("gateway", Text), ("channel", Text), ("now_at", Int), ("end_at", Int)],
    "INSERT INTO gateway_switches AS g (gateway, channel, at, ends_at)
     SELECT i.gateway, i.channel, i.now_at, i.end_at FROM input i WHERE true
     ON CONFLICT (gateway) DO UPDATE SET channel = excluded.channel, at = excluded.at, ends_at = excluded.ends_at
     WHERE g.ends_at < excluded.ends_at",
);

static END_SWITCH: Set = Set::new(
    &[("gateway", Text), ("now_at", Int)],
    "DELETE FROM gateway_switches WHERE gateway IN (SELECT i.gateway FROM input i)
        AND ends_at > (SELECT i2.now_at FROM input i2)",
);

static PUT_STANDING: Set = Set::new(
    &[("user_id", Id), ("seen", Text), ("new_standing", Text)],
    "UPDATE users AS u SET standing = NULLIF(i.new_standing, '') FROM input i
     WHERE u.id = i.user_id AND COALESCE(u.standing, '') = i.seen",
);

async fn put_standing(
    connection: &mut Connection,
    user: UserId,
    seen: &Standing,
    to: &Standing,
) -> Result<Effect, Fault> {
    let (seen, to) = (seen.to_text(), to.to_text());
    one(connection, &PUT_STANDING, &[user.into(), seen.as_str().into(), to.as_str().into()]).await
}

#[cfg(test)]
pub(super) static ALL: [&Set; 8] = [
    &LIMIT_AUTHENTICATOR,
    &ASK_ROTATION,
    &FORGET_PROOFS,
    &BLOCK_ADDRESS,
    &UNBLOCK_ADDRESS,
    &SWITCH_GATEWAY,
    &END_SWITCH,
    &PUT_STANDING,
];
