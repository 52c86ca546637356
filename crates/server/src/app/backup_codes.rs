//! Another set of backup codes, and when there are few left (I-05).

use domain::event::About;
use domain::{Authenticator, AuthenticatorId, AuthenticatorKind, EventKind, SessionId, UserId};
use store::{Change, Effect, ReplaceBackupCodes, Used};
use vault_proto::Secret;

use super::enrollments::trusted_enough;
use super::factors::new_set;
use super::telling::With;
use super::{Actor, App, Error};

/// Left in a set when it is said that there are few.
const FEW: usize = 3;

impl App {
    /// Another set for a user, in a session that could bind an authenticator. The old set is worth nothing from then on.
    pub(crate) async fn replace_backup_codes(
        &self,
        actor: &Actor,
        user: UserId,
        session_id: SessionId,
    ) -> Result<(Authenticator, Vec<Secret>), Error> {
        let about = About { user_id: Some(user), session_id: Some(session_id), ..About::default() };
        let replaced = self.replace_codes(actor, user, session_id).await;
        self.or_told(actor, about, replaced).await
    }

    async fn replace_codes(
        &self,
        actor: &Actor,
        user: UserId,
        session_id: SessionId,
    ) -> Result<(Authenticator, Vec<Secret>), Error> {
        let session = self.session_in_hand(actor, session_id).await?;
        if session.user_id != user {
            return Err(Error::invalid("/session_id", "is a session of another user"));
        }
        let now = self.now();
        self.active_user(user).await?;
        let existing = self.store.authenticators_of(user).await?;
        let trust = trusted_enough(self, &session, &existing, now)?;
        let seen = existing.iter().find(|a| a.kind == AuthenticatorKind::BackupCodes && a.is_bound()).map(|a| a.id);
        let Some(((set, codes), shown)) = new_set(self, user).await? else {
            return Err(Error::Conflict("the policy gives no backup codes (`recovery.backup_codes: 0`)"));
        };
        let of = |authenticator_id: AuthenticatorId| About {
            user_id: Some(user),
            session_id: Some(session_id),
            authenticator_id: Some(authenticator_id),
            ..About::default()
        };
        let mut events = vec![
            self.event(EventKind::AuthenticatorActivated, Some(actor), of(set.id))
                .with("kind", set.kind.name())
                .detailed(self.origin(actor)),
        ];
        events.extend(seen.map(|old| {
            let revoked = self.event(EventKind::AuthenticatorRevoked, Some(actor), of(old));
            revoked.with("kind", set.kind.name()).with("reason", "replaced")
        }));
        let replace = ReplaceBackupCodes { trust, seen, set: set.clone(), codes, at: now };
        match self.commit(Change::ReplaceBackupCodes(Box::new(replace)), events).await? {
            Effect::Applied => Ok((set, shown)),
            _ => Err(Error::Conflict(
                "backup codes stand beside an authenticator that is in use: enroll one first, or try again",
            )),
        }
    }

    /// What is told when a code is used and few are left.
    pub(crate) fn few_left(
        &self,
        actor: &Actor,
        set: &Authenticator,
        used: Used,
        before: usize,
    ) -> Option<domain::Event> {
        let left = before.saturating_sub(1);
        let about = About { user_id: Some(set.user_id), authenticator_id: Some(set.id), ..About::default() };
        (matches!(used, Used::BackupCode(_)) && left <= FEW)
            .then(|| self.event(EventKind::BackupCodesLow, Some(actor), about).with("left", left))
    }
}
