//! A person's own page: what they have, what happened with it, and the changes that they may make, each behind the level that it needs
//! (T-09).

use domain::{
    ApplicationId, AuthenticatorKind, AuthenticatorState, Device, Event, EventKind, HostedPage, PagePurpose,
    PageRequest, PageState, Session, SessionId, Trust, UserId, Wanted,
};
use serde_json::Map;
use store::EventFilter;

use super::super::authenticators::Seen as SeenAuthenticator;
use super::super::enrollments::{LOG_IN_AGAIN, Lacks};
use super::super::{App, Error};
use super::{Seen, Step, Visit, Visitor, over_is_fine};

/// The most events that are shown, and the most that they are looked for among.
const RECENT: usize = 20;
const LOOKED_AT: u32 = 200;

/// What of all that happens means something to the person whose account it is.
const TELLING: &[EventKind] = &[
    EventKind::SessionRegistered,
    EventKind::SessionEnded,
    EventKind::AuthenticatorActivated,
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
    /// Whether the session has shown more than a password: only then names, addresses and what happened are told.
    pub(crate) tells_all: bool,
}

impl App {
    /// What there is to do on a person's own page: to go on with what is wanted or being enrolled, or to look and choose.
    pub(super) async fn step_of_security(&self, visit: &Visit) -> Result<Step, Error> {
        if let Some(enrolling) = self.enrolling(visit).await? {
            return Ok(enrolling);
        }
        match &visit.page.wanted {
            Some(_) if self.trust(visit).await?.is_none() => self.step_of_proof(visit).await,
            Some(Wanted::Add | Wanted::Replace(_)) => Ok(Step::Choose),
            _ => self.overview(visit).await.map(|overview| Step::Overview(Box::new(overview))),
        }
    }

    /// By what the session may change something; none where it has to prove something first.
    pub(super) async fn trust(&self, visit: &Visit) -> Result<Option<Trust>, Error> {
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        match self.lacks_to_enroll(&session).await? {
            Lacks::Nothing(trust) => Ok(Some(trust)),
            Lacks::Proof => Ok(None),
            Lacks::FreshLogIn => Err(LOG_IN_AGAIN),
        }
    }

    /// Leaves what was begun, and looks at what there is; from there, the page.
    pub(super) async fn leave_what_was_begun(&self, mut visit: Visit) -> Result<Seen, Error> {
        if let Some(id) = visit.page.enrollment_id {
            over_is_fine(self.cancel_enrollment(&visit.actor, id).await)?;
        } else if visit.page.wanted.is_none() {
            self.finish(&mut visit, PageState::Left).await?;
            return Ok(visit.seen(Step::Done));
        }
        let next = HostedPage { enrollment_id: None, wanted: None, ..visit.page.clone() };
        self.go_on(&mut visit, next).await?;
        self.look(visit).await
    }

    /// Makes a change; where something has to be proved first, afterwards.
    pub(crate) async fn change_on_page(&self, visitor: &Visitor, wanted: Wanted) -> Result<Seen, Error> {
        let mut visit = self.visit_open(visitor).await?;
        if visit.page.purpose != PagePurpose::Security {
            return Err(Error::Conflict("this page is not for looking at an account"));
        }
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        self.check(&session, &wanted).await?;
        if let Some(id) = visit.page.enrollment_id {
            over_is_fine(self.cancel_enrollment(&visit.actor, id).await)?;
        }
        let next = HostedPage { enrollment_id: None, wanted: Some(wanted), ..visit.page.clone() };
        self.go_on(&mut visit, next).await?;
        if self.trust(&visit).await?.is_none() {
            return self.look(visit).await;
        }
        self.after_proof(visit).await
    }

    /// What was wanted is done, now that enough was proved.
    pub(super) async fn after_proof(&self, mut visit: Visit) -> Result<Seen, Error> {
        let Some(wanted) = visit.page.wanted.clone() else { return self.look(visit).await };
        let trust = match wanted {
            Wanted::Add | Wanted::Replace(_) => None,
            _ => self.trust(&visit).await?,
        };
        if trust.is_none() {
            return self.look(visit).await;
        }
        // Whoever comes second finds nothing that is wanted.
        let next = HostedPage { wanted: None, ..visit.page.clone() };
        self.go_on(&mut visit, next).await?;
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        self.check(&session, &wanted).await?;
        let actor = &visit.actor;
        match wanted {
            Wanted::Add | Wanted::Replace(_) => {}
            Wanted::Rename(id, label) => drop(self.rename_authenticator(actor, id, label, trust).await?),
            Wanted::Remove(id) => {
                drop(self.set_authenticator_state(actor, id, AuthenticatorState::Revoked, trust).await?);
            }
            Wanted::ReportLost(id) => {
                drop(self.set_authenticator_state(actor, id, AuthenticatorState::Lost, trust).await?);
            }
            Wanted::BackupCodes => {
                let (_, codes) = self.replace_backup_codes(actor, session.user_id, session.id).await?;
                return Ok(visit.seen(Step::BackupCodes(codes)));
            }
            Wanted::Decide(_) => return Err(Error::Internal("a person's own page decides no task".to_owned())),
            Wanted::SignOut(id) => self.sign_out(&visit, &session, id, trust).await?,
        }
        self.look(visit).await
    }

    /// Whether what is named is the person's own.
    async fn check(&self, session: &Session, wanted: &Wanted) -> Result<(), Error> {
        let (Wanted::Replace(id) | Wanted::Rename(id, _) | Wanted::Remove(id) | Wanted::ReportLost(id)) = wanted else {
            return Ok(());
        };
        let authenticator = self.store.authenticator(*id).await?;
        let own = authenticator.filter(|found| found.user_id == session.user_id && found.is_bound());
        own.map(drop).ok_or(Error::NotFound("authenticator"))
    }

    async fn sign_out(
        &self,
        visit: &Visit,
        session: &Session,
        id: Option<SessionId>,
        by: Option<Trust>,
    ) -> Result<(), Error> {
        let others = self.sessions_of_user(visit, session).await?;
        let meant = others.iter().filter(|other| other.id != session.id && id.is_none_or(|id| id == other.id));
        let meant: Vec<SessionId> = meant.map(|other| other.id).collect();
        if meant.is_empty() && id.is_some() {
            return Err(Error::NotFound("session"));
        }
        for id in meant {
            match self.end_session(&visit.actor, id, by).await {
                Err(Error::SessionOver) => {}
                other => other?,
            }
        }
        Ok(())
    }

    async fn overview(&self, visit: &Visit) -> Result<Overview, Error> {
        let session = self.own_session(&visit.actor, visit.session_id()?).await?;
        let user = self.active_user(session.user_id).await?.id;
        let mut authenticators = self.authenticators_of(user).await?;
        let now = self.now();
        authenticators.retain(|seen| seen.authenticator.is_bound() && !seen.authenticator.has_expired(now));
        let may_change = matches!(self.lacks_to_enroll(&session).await?, Lacks::Nothing(_));
        let tells_all = may_change || has_proved(&session);
        let mut devices = self.store.devices_of(user).await?;
        devices.retain(|device| tells_all || session.device_id == Some(device.id));
        Ok(Overview {
            authenticators,
            devices,
            sessions: self.sessions_of_user(visit, &session).await?,
            activity: if tells_all { self.activity(visit, user).await? } else { Vec::new() },
            may_change,
            tells_all,
            session,
        })
    }

    /// What happened of late, as far as it came by the application that the page is of: what others do is not its business.
    async fn activity(&self, visit: &Visit, user: UserId) -> Result<Vec<Event>, Error> {
        let filter = EventFilter { kinds: TELLING.to_vec(), user_id: Some(user), ..EventFilter::default() };
        let recent = PageRequest { after: None, limit: LOOKED_AT };
        let own = Some(visit.actor.application.id);
        let events = self.store.events_backward(&filter, recent).await?.items.into_iter();
        Ok(events.filter_map(|event| as_told(event, own)).take(RECENT).collect())
    }

    /// The person's sessions with the application that the page is of: an administrator's page shows no more than anybody's.
    async fn sessions_of_user(&self, visit: &Visit, session: &Session) -> Result<Vec<Session>, Error> {
        let mut sessions = self.store.sessions_of(session.user_id, self.now()).await?;
        sessions.retain(|other| other.application_id == visit.actor.application.id);
        Ok(sessions)
    }
}

/// Whether a session has shown more than a password. That its browser is remembered is not more: whoever sits at it has that too.
fn has_proved(session: &Session) -> bool {
    session.proofs.iter().any(|proof| proof.kind != AuthenticatorKind::Browser)
}

/// What is told of an event on a page of the application `own`. Where another one did it, only that something has changed that the person
/// has, and that all their applications share.
fn as_told(event: Event, own: Option<ApplicationId>) -> Option<Event> {
    if event.application_id == own {
        return Some(event);
    }
    let is_shared = !matches!(
        event.kind,
        EventKind::SessionRegistered
            | EventKind::SessionEnded
            | EventKind::AuthenticatorVerified
            | EventKind::AuthenticatorRejected
    );
    is_shared.then(|| Event { data: Map::new(), details: None, ..event })
}
