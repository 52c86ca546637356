//! Whom a workflow would leave with nothing to prove anything with.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, ExternalId, UserId};

use crate::app::{App, Error};

/// The most users of whom it is looked up what they have left.
const MOST: usize = 10_000;

/// Whether an authenticator is a factor that somebody can prove something with now. Backup codes and browsers that are remembered come beside
/// one, and are none.
pub(super) fn is_usable(authenticator: &Authenticator) -> bool {
    let is_factor = !matches!(authenticator.kind, AuthenticatorKind::BackupCodes | AuthenticatorKind::Browser);
    authenticator.state == AuthenticatorState::Active && is_factor
}

/// The users who could prove nothing any more: those who would be locked, and those whose last usable factor would be taken.
pub(super) async fn shut_out(
    app: &App,
    lost: &BTreeMap<UserId, BTreeSet<AuthenticatorId>>,
    locked: &BTreeSet<UserId>,
) -> Result<BTreeSet<UserId>, Error> {
    let mut shut_out = locked.clone();
    for (user, gone) in lost.iter().filter(|(_, gone)| !gone.is_empty()).take(MOST) {
        let all = app.store.authenticators_of(*user).await?;
        let had = all.iter().any(is_usable);
        let has = all.iter().any(|one| is_usable(one) && !gone.contains(&one.id));
        if had && !has {
            shut_out.insert(*user);
        }
    }
    Ok(shut_out)
}

/// What the application calls those of the users whom the policy names as administrators. Those whom it names by their groups are known only where
/// something is decided, and are not among them.
pub(super) async fn administrators_among(app: &App, users: &BTreeSet<UserId>) -> Result<Vec<String>, Error> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let mut among = Vec::new();
    for (id, name) in administrators(app).await? {
        if users.contains(&id) {
            among.push(name);
        }
    }
    Ok(among)
}

/// The users whom the policy in force names as administrators, by what the application calls them.
pub(super) async fn administrators(app: &App) -> Result<Vec<(UserId, String)>, Error> {
    let known = app.policy_in_force().await?;
    let mut administrators = Vec::new();
    for name in known.policy.administrator_names() {
        let Ok(id) = ExternalId::parse(name) else { continue };
        if let Some(user) = app.store.user_by_external_id(&id).await? {
            administrators.push((user.id, user.external_id.as_given().to_owned()));
        }
    }
    Ok(administrators)
}
