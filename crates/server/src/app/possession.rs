//! Possession: that whoever uses a session still has the key that it was bound to when it was registered (S-09). A session that was stolen without
//! it can be read and ended, and is good for nothing else.

use std::sync::Arc;

use ::assertion::dpop::{self, Request};
use domain::event::About;
use domain::{Confirmation, EventKind, Session, SessionId};
use store::{Change, Effect, Idempotency};
use tokio::sync::OnceCell;

use super::telling::With;
use super::{Actor, App, Error};

/// What a request shows of the key of the session that it is about.
#[derive(Debug, Clone)]
pub(crate) enum Possession {
    /// Nothing.
    None,
    /// A proof that the client signed for the application (RFC 9449).
    Shown(Arc<Shown>),
    /// It was seen to before: where the page was made on which this happens, say.
    Established,
}

/// A proof of possession, and the request to the application that it was made for.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) proof: String,
    /// The hash of the token that it came with, where it came with one.
    pub(crate) ath: Option<String>,
    /// Whose key it shows, or why it shows none: it is looked at once for a request, whatever is done in it.
    pub(crate) found: OnceCell<Result<String, &'static str>>,
}

impl App {
    /// A session of this application's that is about to be used: where it is bound to a key, that was shown.
    pub(crate) async fn session_in_hand(&self, actor: &Actor, id: SessionId) -> Result<Session, Error> {
        let session = self.own_session(actor, id).await?;
        self.check_possession(actor, &session).await?;
        Ok(session)
    }

    /// Refuses a session that is bound to a key which was not shown.
    pub(super) async fn check_possession(&self, actor: &Actor, session: &Session) -> Result<(), Error> {
        let Some(cnf) = session.cnf else { return Ok(()) };
        let reason = match &actor.possession {
            Possession::Established => return Ok(()),
            Possession::None => "absent",
            Possession::Shown(shown) => {
                match shown.found.get_or_try_init(|| self.key_found(actor, session, shown)).await? {
                    Ok(jkt) if is_named(cnf, jkt) => return Ok(()),
                    Ok(_) => "another_key",
                    Err(reason) => *reason,
                }
            }
        };
        let event = self
            .event(EventKind::SessionKeyRefused, Some(actor), about(session))
            .with("reason", reason)
            .detailed(self.origin(actor));
        self.commit(Change::Tell, event).await?;
        Err(Error::KeyNotShown)
    }

    /// Looks at a proof, and uses it up if it is good and of the session's key: it serves once, on whichever server.
    async fn key_found(
        &self,
        actor: &Actor,
        session: &Session,
        shown: &Shown,
    ) -> Result<Result<String, &'static str>, Error> {
        let now = self.now();
        let request = Request { method: &shown.method, url: &shown.url, ath: shown.ath.as_deref(), nonce: None };
        let Ok(possession) = dpop::verify(&shown.proof, &request, now.unix_seconds()) else {
            return Ok(Err("invalid"));
        };
        if !session.cnf.is_some_and(|cnf| is_named(cnf, &possession.jkt)) {
            return Ok(Err("another_key"));
        }
        let name = ::assertion::sha256(format!("{} {}", possession.jkt, possession.jti).as_bytes());
        let once = Idempotency {
            application_id: actor.application.id,
            // No caller's own key has such a character.
            key: format!("client-proof·{name}"),
            request_hash: [0; 32],
            resource: session.id.to_string(),
            at: now,
        };
        let event = self.event(EventKind::SessionKeyShown, Some(actor), about(session)).detailed(self.origin(actor));
        match self.commit_once(Change::Tell, event, Some(once)).await? {
            Effect::Applied => Ok(Ok(possession.jkt)),
            _ => Ok(Err("replayed")),
        }
    }
}

/// What an assertion of a session is bound to: the session's own key, where it has one.
pub(super) fn bound_to(session: Option<&Session>, wanted: Option<Confirmation>) -> Result<Option<Confirmation>, Error> {
    match (session.and_then(|session| session.cnf), wanted) {
        (Some(own), Some(other)) if own != other => {
            Err(Error::invalid("/cnf", "is another key than the one that the session is bound to: leave it out"))
        }
        (own, wanted) => Ok(own.or(wanted)),
    }
}

fn is_named(cnf: Confirmation, jkt: &str) -> bool {
    matches!(cnf, Confirmation::Jkt(thumbprint) if thumbprint.to_string() == jkt)
}

fn about(session: &Session) -> About {
    About {
        user_id: Some(session.user_id),
        device_id: session.device_id,
        session_id: Some(session.id),
        ..About::default()
    }
}
