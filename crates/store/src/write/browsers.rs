//! Browsers that are remembered, and forgotten as soon as anything else of their user's changes (T-25).

use std::collections::HashMap;

use domain::{AuthenticatorId, DeviceId, UserId, UserState};
use uuid::Uuid;

use super::enroll::{CREATE_AUTHENTICATORS, HOLD_USERS, authenticator_rows};
use super::outcome::{Forgotten, Outcomes};
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Id, Int};
use crate::set::{Rows, Set};
use crate::{Change, Commit, Effect, RememberBrowser};

static MAY_REMEMBER: Set = Set::new(
    &[("user_id", Id), ("session_id", Id), ("challenge_id", Id), ("proved", Id), ("at", Int)],
    "SELECT u.id FROM input i {then} users u ON u.id = i.user_id {then} sessions s ON s.id = i.session_id
        {then} challenges c ON c.id = i.challenge_id
     WHERE u.state = 'active'
        AND s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > i.at AND s.aal >= 2
        AND c.session_id = s.id AND c.state = 'satisfied'
        AND EXISTS (SELECT 1 FROM authenticators p WHERE p.user_id = u.id AND p.id = i.proved AND p.state = 'active'
            AND p.kind NOT IN ('browser', 'backup_codes', 'email'))
        AND (SELECT count(*) FROM authenticators b WHERE b.user_id = u.id AND b.kind = 'browser'
            AND b.state IN ('active', 'suspended') AND b.expires_at > i.at) < {most_browsers}",
);

pub(super) async fn remember(connection: &mut Connection, new: &RememberBrowser) -> Result<Effect, Fault> {
    let user = new.browser.user_id;
    // Whoever changes a credential of the user meanwhile, on another server, waits until this is committed, and forgets it then.
    HOLD_USERS.ids(connection, Rows::of_ids([user.uuid()])).await?;
    let row = [user.into(), new.session_id.into(), new.challenge_id.into(), new.proved.into(), new.at.into()];
    if MAY_REMEMBER.ids(connection, Rows::one(&row)).await?.is_empty() {
        return Ok(Effect::Refused);
    }
    CREATE_AUTHENTICATORS.all(connection, authenticator_rows([&new.browser])).await?;
    Ok(Effect::Applied)
}

/// Whose an authenticator is, if it is anything but a browser: one that is taken back says nothing of the others.
static OWNERS: Set = Set::new(
    &[("authenticator_id", Id)],
    "SELECT a.id, a.user_id FROM input i {then} authenticators a ON a.id = i.authenticator_id
     WHERE a.kind <> 'browser'",
);

static FORGET_BROWSERS: Set = Set::new(
    &[("user_id", Id)],
    "UPDATE authenticators AS a SET state = 'revoked' FROM input i
     WHERE a.user_id = i.user_id AND a.kind = 'browser' AND a.state IN ('active', 'suspended')
     RETURNING {a.}id, {a.}user_id, {a.}device_id",
);

/// Forgets the browsers of those whose credentials the changes of a round changed.
pub(super) async fn forget(
    connection: &mut Connection,
    commits: &[&Commit],
    places: &[usize],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let (mut by_authenticator, mut by_user) = (Vec::new(), HashMap::new());
    for index in places.iter().copied().filter(|index| outcomes.is_applied(*index)) {
        for part in commits.get(index).map_or(&[][..], |commit| commit.change.parts()) {
            match part {
                Change::ConfirmEnrollment(confirm) => {
                    by_user.insert(confirm.user_id.uuid(), index);
                }
                Change::ReplaceBackupCodes(replace) => {
                    by_user.insert(replace.set.user_id.uuid(), index);
                }
                Change::FollowLink(follow) => {
                    by_user.extend(follow.gives.iter().map(|gives| (gives.set.user_id.uuid(), index)));
                }
                Change::SetUserState { id, to: UserState::Suspended } => {
                    by_user.insert(id.uuid(), index);
                }
                Change::SetAuthenticatorState { id, .. } => by_authenticator.push((id.uuid(), index)),
                Change::Reject(_) => {
                    by_authenticator.extend(outcomes.exhausted(index).into_iter().map(|id| (id.uuid(), index)));
                }
                _ => {}
            }
        }
    }
    let asked = Rows::of_ids(by_authenticator.iter().map(|(id, _)| *id));
    let owners = OWNERS.fetch(connection, asked, |row| Ok((row.get::<Uuid>(0)?, row.get::<Uuid>(1)?))).await?;
    for (authenticator, user) in owners {
        if let Some((_, index)) = by_authenticator.iter().find(|(id, _)| *id == authenticator) {
            by_user.insert(user, *index);
        }
    }
    let forgotten = FORGET_BROWSERS
        .fetch(connection, Rows::of_ids(by_user.keys().copied()), |row| {
            Ok(Forgotten {
                authenticator_id: AuthenticatorId::from_uuid(row.get(0)?),
                user_id: UserId::from_uuid(row.get(1)?),
                device_id: row.get::<Option<Uuid>>(2)?.map(DeviceId::from_uuid),
            })
        })
        .await?;
    for browser in forgotten {
        if let Some(index) = by_user.get(&browser.user_id.uuid()) {
            outcomes.forgot(*index, browser);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) static ALL: [&Set; 3] = [&MAY_REMEMBER, &OWNERS, &FORGET_BROWSERS];
