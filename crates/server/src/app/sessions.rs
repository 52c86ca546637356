//! Sessions: the application's log-ins, registered with us.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use domain::event::About;
use domain::{Aal, Amr, Confirmation, DeviceId, Event, EventKind, Proof, Session, SessionId, Timestamp, Trust, UserId};
use store::{Change, Effect, RegisterSession};

use super::blocked::NO_SESSION;
use super::risk::Source;
use super::telling::With;
use super::{Actor, App, Error, Made, Once, UserRef};

/// A log-in to register.
#[derive(Debug)]
pub(crate) struct LogIn {
    /// Who logged in.
    pub(crate) user: UserRef,
    /// How.
    pub(crate) amr: BTreeSet<Amr>,
    /// When; now if not said.
    pub(crate) authenticated_at: Option<Timestamp>,
    /// How long the session counts.
    pub(crate) lifetime: Duration,
    /// From which device.
    pub(crate) device_id: Option<DeviceId>,
    /// From which address, as the application saw it.
    pub(crate) address: Option<IpAddr>,
    /// With which program, as the application saw it.
    pub(crate) user_agent: Option<String>,
    /// The key that the session is bound to.
    pub(crate) cnf: Option<Confirmation>,
}

/// A session that begins here, by a proof.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// How long it counts.
    pub(crate) lifetime: Duration,
    /// With which program.
    pub(crate) user_agent: Option<String>,
}

/// How far an application's clock may be ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

impl App {
    /// Registers a log-in.
    pub(crate) async fn register_session(
        &self,
        actor: &Actor,
        log_in: LogIn,
        once: Option<&Once>,
    ) -> Result<Made<Session>, Error> {
        let now = self.now();
        if self.is_blocked(log_in.address) {
            return Err(NO_SESSION);
        }
        let user = self.find_user(&log_in.user).await?.ok_or(Error::NotFound("user"))?;
        let authenticated_at = match log_in.authenticated_at {
            Some(at) if at > now.plus(CLOCK_SKEW) => {
                return Err(Error::invalid("/authenticated_at", "lies ahead: check the clocks of both servers"));
            }
            at => at.unwrap_or(now).min(now),
        };
        if let Some(device) = log_in.device_id {
            self.device(device).await.ok().filter(|d| d.user_id == user.id).ok_or_else(|| {
                Error::invalid("/device_id", "is no device of this user: register it first, or leave it out")
            })?;
        }
        let session = Session {
            id: SessionId::generate(now, &*self.entropy),
            application_id: actor.application.id,
            user_id: user.id,
            device_id: log_in.device_id,
            amr: log_in.amr,
            aal: Aal::Aal1,
            proofs: Vec::new(),
            authenticated_at,
            created_at: now,
            expires_at: now.plus(log_in.lifetime),
            ended_at: None,
            cnf: log_in.cnf,
        };
        let risk = self.begin_to_watch(&session, Source::new(log_in.address, log_in.user_agent.as_deref())).await?;
        let event = self.registered(actor, &session, log_in.address, log_in.user_agent);
        let record = Once::record(once, actor, session.id, now);
        let change = Change::RegisterSession(Box::new(RegisterSession { session: session.clone(), risk }));
        let effect = self.commit_once(change, event, record).await?;
        Once::made(once, effect, session, Error::Conflict("the user is suspended, or was erased just now"))
    }

    /// The session that a proof begins, of whoever gave it, and what is told of it. It is written with the proof. It has no first factor
    /// beside that: whoever counted the passkey as one, too, would take a touch of it for two.
    pub(super) async fn begun_by(
        &self,
        actor: &Actor,
        user_id: UserId,
        proof: &Proof,
        aal: Aal,
        beginning: &Beginning,
    ) -> Result<(RegisterSession, Event), Error> {
        let at = proof.verified_at;
        if self.is_blocked(actor.address) {
            return Err(NO_SESSION);
        }
        let session = Session {
            id: SessionId::generate(at, &*self.entropy),
            application_id: actor.application.id,
            user_id,
            device_id: None,
            amr: BTreeSet::new(),
            aal,
            proofs: vec![proof.clone()],
            authenticated_at: at,
            created_at: at,
            expires_at: at.plus(beginning.lifetime),
            ended_at: None,
            cnf: None,
        };
        let source = Source::new(actor.address, beginning.user_agent.as_deref());
        let risk = self.begin_to_watch(&session, source).await?;
        let event = self.registered(actor, &session, actor.address, beginning.user_agent.clone());
        Ok((RegisterSession { session, risk }, event))
    }

    /// That a session was registered, and from where it began.
    fn registered(
        &self,
        actor: &Actor,
        session: &Session,
        address: Option<IpAddr>,
        user_agent: Option<String>,
    ) -> Event {
        let details = [("address", address.map(|address| address.to_string())), ("user_agent", user_agent)];
        let details = details.into_iter().filter_map(|(name, value)| Some((name, value?)));
        self.event(EventKind::SessionRegistered, Some(actor), about(session))
            .with("amr", session.amr.iter().map(Amr::name).collect::<Vec<_>>())
            .detailed(self.details(details))
    }

    /// A session of this application's, live or not.
    pub(crate) async fn own_session(&self, actor: &Actor, id: SessionId) -> Result<Session, Error> {
        let session = self.store.session(id).await?;
        session.filter(|s| s.application_id == actor.application.id).ok_or(Error::NotFound("session"))
    }

    /// The live sessions of a user with this application; an administrator sees those with every application.
    pub(crate) async fn sessions_of(&self, actor: &Actor, user: UserId) -> Result<Vec<Session>, Error> {
        self.user(user).await?;
        let mut sessions = self.store.sessions_of(user, self.now()).await?;
        let all = actor.application.scopes.contains(&domain::Scope::Admin);
        sessions.retain(|session| all || session.application_id == actor.application.id);
        Ok(sessions)
    }

    /// Ends a session.
    pub(crate) async fn end_session(&self, actor: &Actor, id: SessionId, by: Option<Trust>) -> Result<(), Error> {
        let session = self.own_session(actor, id).await?;
        let (change, event) = self.session_over(Some(actor), &session, by);
        match self.commit(change, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::SessionOver),
        }
    }

    /// What has a session prove again that has reached this level, and what is told of it.
    pub(in crate::app) fn session_to_prove(&self, session: &Session, from: Aal) -> (Change, Event) {
        let aal = Aal::reached(&session.amr, &[]);
        let event = self.event(EventKind::SessionLowered, None, about(session)).with("aal", aal.number());
        (Change::ForgetProofs { id: session.id, from_level: from.number().into() }, event)
    }

    /// What ends a session, and what is told of it. By a workflow where nobody asks.
    pub(in crate::app) fn session_over(
        &self,
        actor: Option<&Actor>,
        session: &Session,
        by: Option<Trust>,
    ) -> (Change, Event) {
        let event = self.event(EventKind::SessionEnded, actor, about(session)).with("reason", "requested");
        let event = event.detailed(actor.and_then(|actor| self.origin(actor)));
        (Change::EndSession { id: session.id, by, at: self.now() }, event)
    }
}

fn about(session: &Session) -> About {
    About {
        user_id: Some(session.user_id),
        device_id: session.device_id,
        session_id: Some(session.id),
        ..About::default()
    }
}
