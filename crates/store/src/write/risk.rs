//! What signals of risk go by: bytes that the store does not look into.

use super::rest::one;
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int};
use crate::set::Set;
use crate::{Change, Effect};

/// One write, whichever comes first: of two that saw the same version, or none, the second changes nothing.
static PUT_HISTORY: Set = Set::new(
    &[("user_id", Id), ("version", Int), ("history", Blob)],
    "INSERT INTO risk_histories (user_id, version, history)
     SELECT i.user_id, i.version, i.history FROM input i
     WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id {share})
     ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, history = excluded.history
     WHERE risk_histories.version = excluded.version - 1",
);

static PUT_SESSION_RISK: Set = Set::new(
    &[("session_id", Id), ("seen", Blob), ("new_risk", Blob)],
    "UPDATE sessions AS s SET risk = i.new_risk FROM input i WHERE s.id = i.session_id AND s.risk = i.seen",
);

/// Writes what is remembered of a user, or kept with a session.
pub(super) async fn put(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::PutRiskHistory { user_id, seen, history } => {
            let version = seen.saturating_add(1);
            one(connection, &PUT_HISTORY, &[(*user_id).into(), version.into(), history.into()]).await
        }
        Change::PutSessionRisk { id, seen, risk } => {
            one(connection, &PUT_SESSION_RISK, &[(*id).into(), seen.into(), risk.into()]).await
        }
        _ => Ok(Effect::Refused),
    }
}

#[cfg(test)]
pub(super) static ALL: [&Set; 2] = [&PUT_HISTORY, &PUT_SESSION_RISK];
