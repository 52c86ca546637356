//! The single view: the key is made, and shown.

use domain::event::About;
use domain::{
    Application, Authenticator, Enrollment, EnrollmentId, EnrollmentState, EventKind, Scope, Sealed, Timestamp, User,
};
use store::{Change, Effect, RecordView};
use vault_proto::{Provision, Qr, Reply, Verb, View};

use super::super::proof::{self, binding};
use super::super::vault::unexpected;
use super::super::{Actor, App, Error};

/// The most bytes of a name that the vault puts into a URI, so that its picture can still be drawn.
const MOST_ISSUER: usize = 128;
/// The same for whose codes they are.
const MOST_ACCOUNT: usize = 256;

impl App {
    /// The single view: makes the key and hands it out (P-04, T-17).
    pub(crate) async fn view_enrollment(&self, actor: &Actor, id: EnrollmentId, qr: Qr) -> Result<View, Error> {
        let about = About { enrollment_id: Some(id), ..About::default() };
        let view = self.view_once(actor, id, qr).await;
        self.or_told(actor, about, view).await
    }

    async fn view_once(&self, actor: &Actor, id: EnrollmentId, qr: Qr) -> Result<View, Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let now = self.now();
        viewable(&enrollment, now)?;
        let session = self.own_session(actor, enrollment.session_id).await?;
        if !session.is_live(now) {
            return Err(Error::SessionOver);
        }
        let user = self.active_user(enrollment.user_id).await?;
        let (sealed, view) = self.provision(&enrollment, &authenticator, &user, actor, qr).await?;
        let event = self.told_of(EventKind::EnrollmentViewed, actor, &enrollment, &authenticator);
        let record = RecordView { id, authenticator_id: authenticator.id, sealed, at: self.now() };
        match self.commit(Change::RecordView(record), event).await? {
            Effect::Applied => Ok(view),
            // Another request had the view meanwhile: the key that was made here was never kept.
            _ => Err(Error::ViewGone),
        }
    }

    /// Has a key made, and its one view rendered.
    pub(super) async fn provision(
        &self,
        enrollment: &Enrollment,
        authenticator: &Authenticator,
        user: &User,
        actor: &Actor,
        qr: Qr,
    ) -> Result<(Sealed, View), Error> {
        let generation = authenticator.sealed.as_ref().map_or(0, |sealed| sealed.generation) + 1;
        let sealed = Sealed {
            blob: Vec::new(),
            algorithm: enrollment.algorithm.clone(),
            digits: enrollment.digits,
            period: enrollment.period,
            generation,
        };
        let incomplete = || Error::Internal("an enrollment cannot be read back".to_owned());
        let binding = binding(authenticator, generation).ok_or_else(incomplete)?;
        let params = proof::params(&sealed).ok_or_else(incomplete)?;
        let recipient = match enrollment.recipient_key.as_deref().map(<[u8; 32]>::try_from) {
            None => None,
            Some(Ok(key)) => Some(key),
            Some(Err(_)) => return Err(incomplete()),
        };
        let verb = || {
            Verb::Provision(Provision {
                binding,
                params,
                issuer: cut(self.issuer_shown(&actor.application), MOST_ISSUER),
                account: cut(user.name(), MOST_ACCOUNT),
                qr,
                recipient,
            })
        };
        match self.vault.ask(verb).await? {
            Reply::Provisioned { blob, view } => Ok((Sealed { blob, ..sealed }, view)),
            other => Err(unexpected(&other)),
        }
    }

    /// Who asks for codes, as authenticator apps show it. The name of an administrator's key, say from the command line,
    /// tells whoever looks at the app nothing.
    fn issuer_shown<'a>(&'a self, application: &'a Application) -> &'a str {
        match &self.settings.issuer_name {
            Some(name) => name,
            None if application.scopes.contains(&Scope::Admin) => "Countersign",
            None => &application.name,
        }
    }
}

/// As much of a text as has this many bytes of UTF-8 at most.
fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

/// Whether the view can be had now.
fn viewable(enrollment: &Enrollment, now: Timestamp) -> Result<(), Error> {
    match (enrollment.state, enrollment.state_at(now)) {
        (_, EnrollmentState::Started) => Ok(()),
        (EnrollmentState::Started, _) => Err(Error::ViewExpired),
        (EnrollmentState::Viewed | EnrollmentState::Confirmed, _) => Err(Error::ViewGone),
        _ => Err(Error::EnrollmentOver),
    }
}
