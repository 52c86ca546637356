//! What a session proved with an authenticator that is out of use now counts no more.
//!
//! Whoever holds a phone that was lost may be the one who raised the session with it. So in the commit that takes an
//! authenticator out of use, every session of its user forgets what it proved with it, and falls back to its first factor where
//! nothing else was proved. That is rare, and costs the logins around it nothing.

use domain::{AuthenticatorId, AuthenticatorState};

use super::outcome::{Lowered, Outcomes};
use crate::engine::{Connection, Fault};
use crate::rows::{self, Reader};
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Change, Commit};

/// The sessions of its user in which an authenticator was proved, held until they are lowered. Sessions that ended are among them,
/// or their device would go on being known by them.
static PROVED_SESSIONS: Set = Set::of(
    &[("authenticator_id", Id), ("name", Text)],
    &[
        "SELECT ",
        rows::SESSION,
        "
     FROM input i {then} sessions s
        ON s.user_id = (SELECT a.user_id FROM authenticators a WHERE a.id = i.authenticator_id)
     WHERE s.proofs LIKE '%' || i.name || '%' {hold s}",
    ],
);

static LOWER_SESSIONS: Set = Set::new(
    &[("session_id", Id), ("name", Text), ("new_aal", Int)],
    "UPDATE sessions AS s SET proofs = {without<}s.proofs{without|}i.name{without>}, aal = i.new_aal
     FROM input i WHERE s.id = i.session_id",
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
            outcomes.lowered(*index, lower(connection, authenticator).await?.into_iter());
        }
    }
    Ok(())
}

/// Has sessions forget what was proved with an authenticator. What is left decides about their level, as in
/// `domain::Session::forget`. Answers those that have not ended.
async fn lower(connection: &mut Connection, authenticator: AuthenticatorId) -> Result<Vec<Lowered>, Fault> {
    let name = rows::proof_name(authenticator);
    let row = Rows::one(&[authenticator.into(), name.as_str().into()]);
    let proved = PROVED_SESSIONS.fetch(connection, row, |row| rows::session(&mut Reader::new(row))).await?;
    let (mut input, mut lowered) = (Rows::default(), Vec::new());
    for mut session in proved {
        session.forget(authenticator);
        input.push(&[session.id.into(), name.as_str().into(), session.aal.number().into()]);
        if session.ended_at.is_none() {
            lowered.push(Lowered {
                session_id: session.id,
                device_id: session.device_id,
                authenticator_id: authenticator,
                aal: session.aal.number().into(),
            });
        }
    }
    LOWER_SESSIONS.all(connection, input).await?;
    Ok(lowered)
}

/// The authenticators that a change took out of use, if it was applied.
fn out_of_use(commit: &Commit, index: usize, outcomes: &Outcomes) -> Vec<AuthenticatorId> {
    if !outcomes.is_applied(index) {
        return Vec::new();
    }
    let of_part = |part: &Change| match part {
        Change::SetAuthenticatorState { id, to, .. } if *to != AuthenticatorState::Active => vec![*id],
        Change::ConfirmEnrollment(confirm) => confirm.replaces.into_iter().collect(),
        Change::ReplaceBackupCodes(replace) => replace.seen.into_iter().collect(),
        Change::FollowLink(follow) => follow.gives.iter().filter_map(|gives| gives.seen).collect(),
        Change::Reject(_) => outcomes.exhausted(index),
        _ => Vec::new(),
    };
    let mut gone: Vec<AuthenticatorId> = commit.change.parts().iter().flat_map(of_part).collect();
    gone.extend(outcomes.forgotten(index));
    gone
}

#[cfg(test)]
pub(super) static ALL: [&Set; 2] = [&PROVED_SESSIONS, &LOWER_SESSIONS];
