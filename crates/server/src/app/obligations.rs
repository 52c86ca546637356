//! What is asked of a user beside what a decision needs: to replace an authenticator, or to enroll one. It stops nobody; whoever asks for
//! decisions leads people there.

use std::collections::BTreeSet;

use domain::{Authenticator, AuthenticatorId, AuthenticatorKind, Standing, Timestamp};

/// Something that a user is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obligation {
    /// Replace this authenticator.
    Rotate {
        authenticator_id: AuthenticatorId,
        kind: AuthenticatorKind,
        /// It counts for nothing from then on.
        until: Option<Timestamp>,
    },
    /// Have one of these kinds; of any kind, if none is named.
    Enroll {
        kinds: BTreeSet<AuthenticatorKind>,
        /// The invitation is over then.
        until: Option<Timestamp>,
    },
}

/// What is asked of a user at `now`.
pub(crate) fn obligations(standing: &Standing, authenticators: &[Authenticator], now: Timestamp) -> Vec<Obligation> {
    let usable = || authenticators.iter().filter(|one| one.is_usable(now));
    let has_one_of = |kinds: &BTreeSet<AuthenticatorKind>| usable().any(|one| kinds.contains(&one.kind));
    let mut asked: Vec<Obligation> = usable()
        .filter(|one| one.rotation_asked_at.is_some())
        .map(|one| Obligation::Rotate { authenticator_id: one.id, kind: one.kind, until: one.expires_at() })
        .collect();
    if !standing.required.is_empty() && !has_one_of(&standing.required) {
        asked.push(Obligation::Enroll { kinds: standing.required.clone(), until: None });
    }
    if let Some(invitation) = standing.invitation.as_ref().filter(|invitation| invitation.expires_at > now) {
        let done = if invitation.kinds.is_empty() {
            usable().any(|one| one.kind.is_binding())
        } else {
            has_one_of(&invitation.kinds)
        };
        if !done {
            asked.push(Obligation::Enroll { kinds: invitation.kinds.clone(), until: Some(invitation.expires_at) });
        }
    }
    asked
}

/// The groups that a user is in: those that the application says, and those that are kept.
pub(crate) fn groups_of(said: Vec<String>, standing: &Standing) -> Vec<String> {
    let mut groups = said;
    for group in &standing.groups {
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    groups
}
