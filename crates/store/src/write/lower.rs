//! What a session proved with an authenticator that is out of use now counts no more.
//!
//! Whoever holds a phone that was lost may be the one who raised the session with it. So in the commit that takes an
//! authenticator out of use, every session of its user forgets what it proved with it, and falls back to its first factor where
//! nothing else was proved. That is rare, and costs the logins around it nothing.

use domain::{AuthenticatorId, AuthenticatorState, SessionId};
use uuid::Uuid;

use super::outcome::{Lowered, Outcomes};
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Id, Text};
use crate::set::{Rows, Set};
use crate::{Change, Commit};

/// Every proof amounts to the same level, so what is left of it where some are left is the level as it was
/// (`domain::Aal::reached`). Sessions that ended forget too, or their device would go on being known by them.
static LOWER_SESSIONS: Set = Set::new(
    &[("authenticator_id", Id), ("name", Text)],
    "UPDATE sessions AS s
     SET proofs = {without<}s.proofs{without|}i.name{without>},
        aal = CASE WHEN {without<}s.proofs{without|}i.name{without>} = '{}' THEN 1 ELSE s.aal END
     FROM input i
     WHERE s.user_id = (SELECT a.user_id FROM authenticators a WHERE a.id = i.authenticator_id)
        AND s.proofs LIKE '%' || i.name || '%'
     RETURNING {s.}id, {s.}device_id, {s.}aal, {s.}ended_at",
);

/// Lowers the sessions of those whose authenticators the changes of a round took out of use. One authenticator at a time:
/// two of them may have raised the same session.
pub(super) async fn sessions(
    connection: &mut Connection,
    commits: &[&Commit],
    places: &[usize],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    for index in places {
        for authenticator in commits.get(*index).map_or_else(Vec::new, |commit| out_of_use(commit, *index, outcomes)) {
            let name = authenticator.uuid().simple().to_string();
            let row = Rows::one(&[authenticator.into(), name.as_str().into()]);
            let lowered = LOWER_SESSIONS.fetch(connection, row, |row| {
                let (id, device): (Uuid, Option<Uuid>) = (row.get(0)?, row.get(1)?);
                let lowered = Lowered {
                    session_id: SessionId::from_uuid(id),
                    device_id: device.map(domain::DeviceId::from_uuid),
                    authenticator_id: authenticator,
                    aal: row.get(2)?,
                };
                Ok((lowered, row.get::<Option<i64>>(3)?.is_none()))
            });
            let told =
                lowered.await?.into_iter().filter_map(|(lowered, has_not_ended)| has_not_ended.then_some(lowered));
            outcomes.lowered(*index, told);
        }
    }
    Ok(())
}

/// The authenticators that a change took out of use, if it was applied.
fn out_of_use(commit: &Commit, index: usize, outcomes: &Outcomes) -> Vec<AuthenticatorId> {
    if !outcomes.is_applied(index) {
        return Vec::new();
    }
    match &commit.change {
        Change::SetAuthenticatorState { id, to, .. } if *to != AuthenticatorState::Active => vec![*id],
        Change::ConfirmEnrollment(confirm) => confirm.replaces.into_iter().collect(),
        Change::Reject(_) => outcomes.exhausted(index),
        _ => Vec::new(),
    }
}

#[cfg(test)]
pub(super) static ALL: [&Set; 1] = [&LOWER_SESSIONS];
