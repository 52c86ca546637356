//! A person's own page: what they have, what happened with it, and the changes that they may make, each behind the level that it needs
//! (T-09).

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorState, Device, Event, EventKind, PagePurpose, PageRequest, Session,
    SessionId,
};
use store::EventFilter;

use super::super::authenticators::Seen as SeenAuthenticator;
use super::super::enrollments::Lacks;
use super::super::{App, Error};
use super::{Seen, Step, Visit, Visitor, over_is_fine};

/// The most events that are shown.
const RECENT: u32 = 20;

/// What of all that happens means something to the person whose account it is.
const TELLING: &[EventKind] = &[
    EventKind::SessionRegistered,
    EventKind::SessionEnded,
    EventKind::EnrollmentConfirmed,
    EventKind::BrowserRemembered,
    EventKind::AuthenticatorVerified,
    EventKind::AuthenticatorRejected,
    EventKind::AuthenticatorSuspended,
    EventKind::AuthenticatorResumed,
    EventKind::AuthenticatorRevoked,
    EventKind::AuthenticatorLost,
];

/// What somebody has.
#[derive(Debug)]
pub(crate) struct Overview {
    /// Authenticators that are of use or could be, the oldest first.
    pub(crate) authenticators: Vec<SeenAuthenticator>,
    /// Devices.
    pub(crate) devices: Vec<Device>,
    /// Live sessions with this application, the newest first.
    pub(crate) sessions: Vec<Session>,
    /// What happened of late, the newest first.
    pub(crate) activity: Vec<Event>,
    /// The session that the page is of.
    pub(crate) session: Session,
    /// Whether something can be changed without proving more.
    pub(crate) may_change: bool,
}

/// A change that a person wants.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Another name for an authenticator.
    Rename(AuthenticatorId, String),
    /// An authenticator gone for good.
    Remove(AuthenticatorId),
    /// An authenticator that somebody else may have.
    ReportLost(AuthenticatorId),
    /// A session ended; every other one than the page's if none is named.
    SignOut(Option<SessionId>),
}

impl App {
    /// What there is to do on a person's own page: to go on with what is being enrolled, or to look and choose.
    pub(super) async fn step_of_security(&self, visit: &Visit) -> Result<Step, Error> {
        if let Some(enrolling) = self.enrolling(visit).await? {
            return Ok(enrolling);
        }
        self.overview(visit).await.map(|overview| Step::Overview(Box::new(overview)))
    }

    /// Leaves what is being enrolled, and looks at what there is.
    pub(crate) async fn overview_on_page(&self, visitor: &Visitor) -> Result<Seen, Error> {
        let mut visit = self.visit_security(visitor).await?;
        if let Some(id) = visit.page.enrollment_id {
            over_is_fine(self.cancel_enrollment(&visit.actor, id).await)?;
            let challenge = visit.page.challenge_id;
            self.advance(&mut visit, challenge, None).await?;
        }
        self.look(visit).await
    }

    /// Makes a change, or says what is to be proved first.
    pub(crate) async fn change_on_page(&self, visitor: &Visitor, wanted: Wanted) -> Result<Seen, Error> {
        let visit = self.visit_security(visitor).await?;
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        match self.lacks_to_enroll(&session).await? {
            Lacks::Nothing => {}
            Lacks::Proof => {
                let step = self.step_of_proof(&visit).await?;
                return Ok(visit.seen(step));
            }
            Lacks::FreshLogIn => return Err(super::super::enrollments::LOG_IN_AGAIN),
        }
        let actor = &visit.actor;
        match wanted {
            Wanted::Rename(id, label) => {
                self.own(&session, id).await?;
                self.rename_authenticator(actor, id, label).await?;
            }
            Wanted::Remove(id) => {
                self.own(&session, id).await?;
                self.set_authenticator_state(actor, id, AuthenticatorState::Revoked).await?;
            }
            Wanted::ReportLost(id) => {
                self.own(&session, id).await?;
                self.set_authenticator_state(actor, id, AuthenticatorState::Lost).await?;
            }
            Wanted::SignOut(id) => self.sign_out(&visit, &session, id).await?,
        }
        self.look(visit).await
    }

    async fn sign_out(&self, visit: &Visit, session: &Session, id: Option<SessionId>) -> Result<(), Error> {
        let others = self.sessions_of_user(visit, session).await?;
        let meant = others.iter().filter(|other| other.id != session.id && id.is_none_or(|id| id == other.id));
        let meant: Vec<SessionId> = meant.map(|other| other.id).collect();
        if meant.is_empty() && id.is_some() {
            return Err(Error::NotFound("session"));
        }
        for id in meant {
            match self.end_session(&visit.actor, id).await {
                Err(Error::SessionOver) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// The authenticator, if it is the person's own.
    async fn own(&self, session: &Session, id: AuthenticatorId) -> Result<Authenticator, Error> {
        let authenticator = self.store.authenticator(id).await?;
        authenticator.filter(|found| found.user_id == session.user_id).ok_or(Error::NotFound("authenticator"))
    }

    async fn visit_security(&self, visitor: &Visitor) -> Result<Visit, Error> {
        let visit = self.visit_open(visitor).await?;
        match visit.page.purpose {
            PagePurpose::Security => Ok(visit),
            PagePurpose::Challenge | PagePurpose::Enroll => {
                Err(Error::Conflict("this page is not for looking at an account"))
            }
        }
    }

    async fn overview(&self, visit: &Visit) -> Result<Overview, Error> {
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        let user = self.active_user(session.user_id).await?.id;
        let mut authenticators = self.authenticators_of(user).await?;
        let now = self.now();
        authenticators.retain(|seen| seen.authenticator.is_bound() && !seen.authenticator.has_expired(now));
        let filter = EventFilter { kinds: TELLING.to_vec(), user_id: Some(user), ..EventFilter::default() };
        let recent = PageRequest { after: None, limit: RECENT };
        Ok(Overview {
            authenticators,
            devices: self.store.devices_of(user).await?,
            sessions: self.sessions_of_user(visit, &session).await?,
            activity: self.store.events_backward(&filter, recent).await?.items,
            may_change: self.lacks_to_enroll(&session).await? == Lacks::Nothing,
            session,
        })
    }

    /// The person's sessions with the application that the page is of: an administrator's page shows no more than anybody's.
    async fn sessions_of_user(&self, visit: &Visit, session: &Session) -> Result<Vec<Session>, Error> {
        let mut sessions = self.store.sessions_of(session.user_id, self.now()).await?;
        sessions.retain(|other| other.application_id == visit.actor.application.id);
        Ok(sessions)
    }
}
