//! Enrollment: grant → key made and shown once → proof of possession → active. A module for each operation.
//!
//! The key is made when its view is asked for, not when the enrollment starts, so the vault needs no verb that opens a key
//! in order to show it.

mod cancel;
mod confirm;
mod retry;
mod start;
mod trust;
mod view;

use domain::event::About;
use domain::{Authenticator, Device, DeviceId, Enrollment, EnrollmentId, Event, EventKind, Prompt};
use store::Change;

use super::factors::Shown;
use super::telling::With;
use super::{Actor, App, Error};
pub(crate) use start::{Started, Wish, WishedDevice, own_label};
pub(crate) use trust::{LOG_IN_AGAIN, Lacks};
pub(super) use trust::{PROVE_FIRST, trusted_enough};
pub(super) use view::prompt_change;

/// What an enrollment hands over.
#[derive(Debug)]
pub(crate) enum View {
    /// The one view of a key.
    Key(vault_proto::View),
    /// What is sent or asked, and what is told of it.
    Prompt(Box<Prompt>, Shown),
}

impl App {
    /// An enrollment of this application's, with the device that it is for.
    pub(crate) async fn enrollment(
        &self,
        actor: &Actor,
        id: EnrollmentId,
    ) -> Result<(Enrollment, Option<DeviceId>), Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        Ok((enrollment, authenticator.device_id))
    }

    async fn enrollment_and_authenticator(
        &self,
        actor: &Actor,
        id: EnrollmentId,
    ) -> Result<(Enrollment, Authenticator), Error> {
        let enrollment = self.store.enrollment(id).await?;
        let enrollment =
            enrollment.filter(|e| e.application_id == actor.application.id).ok_or(Error::NotFound("enrollment"))?;
        let authenticator = self.store.authenticator(enrollment.authenticator_id).await?;
        Ok((enrollment, authenticator.ok_or(Error::NotFound("enrollment"))?))
    }

    /// Hands on what came of an attempt, and tells of it where it was refused (P-08). `about` is what the caller named.
    pub(super) async fn or_told<T>(&self, actor: &Actor, about: About, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome
            && is_refusal(error)
        {
            let event = self.event(EventKind::EnrollmentRefused, Some(actor), self.for_whom(about).await?);
            let event = event.with("reason", error.to_string()).detailed(self.origin(actor));
            self.commit(Change::Tell, event).await?;
        }
        outcome
    }

    /// Whom an attempt was about, also where what was named is another application's or over: the caller learns nothing of it, and
    /// what is kept about a person goes when the person is erased.
    async fn for_whom(&self, mut about: About) -> Result<About, Error> {
        if let Some(id) = about.enrollment_id
            && let Some(enrollment) = self.store.enrollment(id).await?
        {
            about.user_id = Some(enrollment.user_id);
            about.session_id = Some(enrollment.session_id);
            about.authenticator_id = Some(enrollment.authenticator_id);
        } else if let Some(id) = about.session_id
            && let Some(session) = self.store.session(id).await?
        {
            about.user_id = Some(session.user_id);
        } else if let Some(id) = about.authenticator_id
            && let Some(authenticator) = self.store.authenticator(id).await?
        {
            about.user_id = Some(authenticator.user_id);
        }
        Ok(about)
    }

    /// An event of an enrollment: who, for whom, from where; never the key (P-08).
    fn told(&self, kind: EventKind, actor: &Actor, enrollment: &Enrollment, device: &Device) -> Event {
        let about = About {
            user_id: Some(enrollment.user_id),
            device_id: Some(device.id),
            authenticator_id: Some(enrollment.authenticator_id),
            session_id: Some(enrollment.session_id),
            enrollment_id: Some(enrollment.id),
            ..About::default()
        };
        self.event(kind, Some(actor), about).detailed(self.origin(actor))
    }

    /// That an enrollment is taken back by nobody who asks.
    pub(in crate::app) fn enrollment_cancelled(&self, enrollment: &Enrollment) -> Event {
        let about = About {
            user_id: Some(enrollment.user_id),
            authenticator_id: Some(enrollment.authenticator_id),
            session_id: Some(enrollment.session_id),
            enrollment_id: Some(enrollment.id),
            ..About::default()
        };
        self.event(EventKind::EnrollmentCancelled, None, about)
    }

    fn told_of(&self, kind: EventKind, actor: &Actor, enrollment: &Enrollment, authenticator: &Authenticator) -> Event {
        let about = About {
            user_id: Some(enrollment.user_id),
            device_id: authenticator.device_id,
            authenticator_id: Some(authenticator.id),
            session_id: Some(enrollment.session_id),
            enrollment_id: Some(enrollment.id),
            ..About::default()
        };
        self.event(kind, Some(actor), about).detailed(self.origin(actor))
    }
}

/// What came of a defect, or of a part that does not answer, is no refusal; and a wrong code is told of by itself.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::StepUpNeeded(_)
            | Error::SessionOver
            | Error::EnrollmentOver
            | Error::ViewGone
            | Error::ViewExpired
            | Error::Conflict(_)
            | Error::NotFound(_)
            | Error::Invalid(_)
    )
}
