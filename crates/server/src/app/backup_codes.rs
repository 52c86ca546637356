//! Other backup codes in the place of those that there are (I-05).

use domain::event::About;
use domain::{AuthenticatorKind, EventKind, SessionId, UserId};
use store::{Change, Effect, RenewBackupCodes};
use vault_proto::Secret;

use super::enrollments::{LOG_IN_AGAIN, Lacks, PROVE_FIRST};
use super::factors::new_set;
use super::telling::With;
use super::{Actor, App, Error};

/// A set that was made, and its codes in the clear, for the one answer that shows them.
#[derive(Debug)]
pub(crate) struct Renewed {
    /// The set.
    pub(crate) authenticator: domain::Authenticator,
    /// The codes.
    pub(crate) codes: Vec<Secret>,
}

impl App {
    /// A new set for the user of this session, which has to be trusted enough to bind something (T-09). The set that there was counts no
    /// more from the same commit on.
    pub(crate) async fn renew_backup_codes(&self, actor: &Actor, session_id: SessionId) -> Result<Renewed, Error> {
        let about = About { session_id: Some(session_id), ..About::default() };
        let renewed = self.renew(actor, session_id).await;
        self.or_told(actor, about, renewed).await
    }

    async fn renew(&self, actor: &Actor, session_id: SessionId) -> Result<Renewed, Error> {
        let session = self.own_session(actor, session_id).await?;
        match self.lacks_to_enroll(&session).await? {
            Lacks::Nothing => {}
            Lacks::Proof => return Err(PROVE_FIRST),
            Lacks::FreshLogIn => return Err(LOG_IN_AGAIN),
        }
        let existing = self.store.authenticators_of(session.user_id).await?;
        if !existing.iter().any(|a| a.is_bound() && a.kind != AuthenticatorKind::BackupCodes) {
            return Err(Error::Conflict("backup codes stand in for an authenticator: enroll one first"));
        }
        let before = existing.iter().find(|a| a.is_bound() && a.kind == AuthenticatorKind::BackupCodes).map(|a| a.id);
        let ((set, codes), shown) = new_set(self, session.user_id).await?;
        let about_set = |authenticator_id, user_id: UserId| About {
            user_id: Some(user_id),
            session_id: Some(session_id),
            authenticator_id,
            ..About::default()
        };
        let mut events = vec![
            self.event(EventKind::BackupCodesRenewed, Some(actor), about_set(Some(set.id), set.user_id))
                .detailed(self.origin(actor)),
        ];
        if before.is_some() {
            let revoked = self.event(EventKind::AuthenticatorRevoked, Some(actor), about_set(before, set.user_id));
            events.push(revoked.with("reason", "replaced"));
        }
        let renewal = RenewBackupCodes { set: set.clone(), codes, replaces: before };
        match self.commit(Change::RenewBackupCodes(Box::new(renewal)), events).await? {
            Effect::Applied => Ok(Renewed { authenticator: set, codes: shown }),
            _ => Err(Error::Conflict("the backup codes were renewed at the same time: try again")),
        }
    }
}
