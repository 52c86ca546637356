//! Authenticators: seeing them, naming them, and the states they go through (P-09).

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, Event, EventKind, SessionId, Timestamp,
    Trust, UserId,
};
use store::{Change, Effect};
use vault_proto::Qr;

use super::enrollments::{PROVE_FIRST, Started, Wish, WishedDevice};
use super::telling::With;
use super::{Actor, App, Error, Made, Once};

/// An authenticator, and how many codes are left where it is a set of them.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The authenticator.
    pub(crate) authenticator: Authenticator,
    /// Unused backup codes.
    pub(crate) codes_left: Option<u32>,
}

/// How many expire before it is looked for more.
const AT_ONCE: u32 = 100;
const NOT_FROM_HERE: &str = "its present state does not allow that";

impl App {
    /// An authenticator.
    pub(crate) async fn authenticator(&self, id: AuthenticatorId) -> Result<Seen, Error> {
        let authenticator = self.store.authenticator(id).await?.ok_or(Error::NotFound("authenticator"))?;
        self.seen(authenticator).await
    }

    /// A user's authenticators in all states, oldest first.
    pub(crate) async fn authenticators_of(&self, user: UserId) -> Result<Vec<Seen>, Error> {
        self.user(user).await?;
        let mut seen = Vec::new();
        for authenticator in self.store.authenticators_of(user).await? {
            seen.push(self.seen(authenticator).await?);
        }
        Ok(seen)
    }

    async fn seen(&self, authenticator: Authenticator) -> Result<Seen, Error> {
        let codes_left = match authenticator.kind {
            AuthenticatorKind::BackupCodes => Some(self.store.backup_codes_left(authenticator.id).await?),
            _ => None,
        };
        Ok(Seen { authenticator, codes_left })
    }

    /// Gives an authenticator another label.
    pub(crate) async fn rename_authenticator(
        &self,
        actor: &Actor,
        id: AuthenticatorId,
        label: String,
        by: Option<Trust>,
    ) -> Result<Seen, Error> {
        let seen = self.authenticator(id).await?;
        let event = self.event(EventKind::AuthenticatorRenamed, Some(actor), about(&seen.authenticator));
        match self.commit(Change::RenameAuthenticator { id, label, by, at: self.now() }, event).await? {
            Effect::Applied => self.authenticator(id).await,
            _ if by.is_some() => Err(PROVE_FIRST),
            _ => Err(Error::NotFound("authenticator")),
        }
    }

    /// Brings an authenticator into another state. What is in it already stays in it; from being suspended by a run a person takes it over.
    pub(crate) async fn set_authenticator_state(
        &self,
        actor: &Actor,
        id: AuthenticatorId,
        to: AuthenticatorState,
        by: Option<Trust>,
    ) -> Result<Seen, Error> {
        let seen = self.authenticator(id).await?;
        // By whom it is suspended, if it is, is for the write to say.
        if seen.authenticator.state == to && to != AuthenticatorState::Suspended {
            return Ok(seen);
        }
        let (change, event) = self.authenticator_into(Some(actor), &seen.authenticator, to, by);
        match self.commit(change, event).await? {
            Effect::Applied => self.authenticator(id).await,
            _ if to == AuthenticatorState::Suspended => self.suspended_by_a_person(id).await,
            _ if to == AuthenticatorState::Active => Err(Error::Conflict(
                "it cannot be resumed: only a suspended one can, and not after a hundred wrong codes; rotate or revoke it",
            )),
            _ => Err(Error::Conflict(NOT_FROM_HERE)),
        }
    }

    /// One that a person has suspended before: that is nothing new, and not told.
    async fn suspended_by_a_person(&self, id: AuthenticatorId) -> Result<Seen, Error> {
        let seen = self.authenticator(id).await?;
        let by_runs = self.store.suspended_by(seen.authenticator.user_id).await?;
        let is_by_a_run = by_runs.iter().any(|(whose, _)| *whose == id.uuid());
        if seen.authenticator.state == AuthenticatorState::Suspended && !is_by_a_run {
            return Ok(seen);
        }
        Err(Error::Conflict(NOT_FROM_HERE))
    }

    /// What brings an authenticator into another state, and what is told of it. By a workflow where nobody asks.
    pub(in crate::app) fn authenticator_into(
        &self,
        actor: Option<&Actor>,
        authenticator: &Authenticator,
        to: AuthenticatorState,
        by: Option<Trust>,
    ) -> (Change, Event) {
        let kind = match to {
            AuthenticatorState::Active => EventKind::AuthenticatorResumed,
            AuthenticatorState::Suspended => EventKind::AuthenticatorSuspended,
            AuthenticatorState::Lost => EventKind::AuthenticatorLost,
            AuthenticatorState::Expired => EventKind::AuthenticatorExpired,
            AuthenticatorState::Pending | AuthenticatorState::Revoked => EventKind::AuthenticatorRevoked,
        };
        let event = self
            .event(kind, actor, about(authenticator))
            .with("from", authenticator.state.name())
            .with("kind", authenticator.kind.name())
            .with("reason", "requested")
            .detailed(actor.and_then(|actor| self.origin(actor)));
        (Change::SetAuthenticatorState { id: authenticator.id, to, by, at: self.now() }, event)
    }

    /// What gives an authenticator an end, and what is told of it.
    pub(in crate::app) fn authenticator_until(
        &self,
        authenticator: &Authenticator,
        ends_at: Timestamp,
    ) -> (Change, Event) {
        let event = self
            .event(EventKind::AuthenticatorLimited, None, about(authenticator))
            .with("kind", authenticator.kind.name())
            .with("expires_at", ends_at.to_string());
        (Change::LimitAuthenticator { id: authenticator.id, ends_at }, event)
    }

    /// What has the owner of an authenticator asked to replace it, and what is told of that.
    pub(in crate::app) fn authenticator_to_rotate(&self, authenticator: &Authenticator) -> (Change, Event) {
        let event = self
            .event(EventKind::AuthenticatorRotationAsked, None, about(authenticator))
            .with("kind", authenticator.kind.name());
        (Change::AskRotation { id: authenticator.id, at: self.now() }, event)
    }

    /// Has authenticators expire whose end has come. They count for nothing from that moment on; here it is told, and sessions forget them.
    pub(in crate::app) async fn expire_authenticators(&self) -> Result<(), Error> {
        loop {
            let ended = self.store.ended_authenticators(self.now(), AT_ONCE).await?;
            let last = ended.len() < AT_ONCE as usize;
            let mut any = false;
            for authenticator in ended {
                let (change, event) = self.authenticator_into(None, &authenticator, AuthenticatorState::Expired, None);
                let event = event.with("reason", "end").with("kind", authenticator.kind.name());
                any |= self.commit(change, event).await? == Effect::Applied;
            }
            if last || !any {
                return Ok(());
            }
        }
    }

    /// A new key for an authenticator; the old one counts until the new one is confirmed.
    pub(crate) async fn rotate_authenticator(
        &self,
        actor: &Actor,
        id: AuthenticatorId,
        session_id: SessionId,
        recipient_key: Option<[u8; 32]>,
        inline: Option<Qr>,
        once: Option<&Once>,
    ) -> Result<Made<Started>, Error> {
        let about = About { session_id: Some(session_id), authenticator_id: Some(id), ..About::default() };
        let wish = self.rotation(actor, id, session_id, recipient_key, inline).await;
        let wish = self.or_told(actor, about, wish).await?;
        self.start_enrollment(actor, wish, once).await
    }

    async fn rotation(
        &self,
        actor: &Actor,
        id: AuthenticatorId,
        session_id: SessionId,
        recipient_key: Option<[u8; 32]>,
        inline: Option<Qr>,
    ) -> Result<Wish, Error> {
        let old = self.authenticator(id).await?.authenticator;
        let session = self.session_in_hand(actor, session_id).await?;
        if session.user_id != old.user_id {
            return Err(Error::invalid("/session_id", "is a session of another user"));
        }
        self.is_no_token(id).await?;
        let usable = matches!(old.state, AuthenticatorState::Active | AuthenticatorState::Suspended);
        let (true, Some(device), Some(params)) =
            (usable, old.device_id, old.sealed.as_ref().and_then(super::factors::params))
        else {
            return Err(Error::Conflict("only an authenticator in use that has a key can get a new one"));
        };
        Ok(Wish {
            session_id,
            device: WishedDevice::Known(device),
            label: Some(old.label),
            kind: old.kind,
            params,
            address: None,
            serial: None,
            assigned_only: true,
            recipient_key,
            replaces: Some(id),
            inline,
        })
    }
}

fn about(authenticator: &Authenticator) -> About {
    About {
        user_id: Some(authenticator.user_id),
        device_id: authenticator.device_id,
        authenticator_id: Some(authenticator.id),
        ..About::default()
    }
}
