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
use domain::{Authenticator, Device, DeviceId, Enrollment, EnrollmentId, Event, EventKind, SessionId};
use store::Change;

use super::telling::With;
use super::{Actor, App, Error};
pub(crate) use start::{Started, Wish, WishedDevice};

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

    /// Tells of an attempt that was refused (P-08), and hands back why it was. What came of a defect, or of a part that does
    /// not answer, is no refusal.
    async fn refused(&self, actor: &Actor, session_id: SessionId, error: Error) -> Result<Error, Error> {
        let told = matches!(
            error,
            Error::StepUpNeeded(_) | Error::SessionOver | Error::Conflict(_) | Error::NotFound(_) | Error::Invalid(_)
        );
        if told {
            // For whom is known where the session is the caller's own: of another's nothing is to be learned.
            let session = self.own_session(actor, session_id).await.ok();
            let user_id = session.map(|session| session.user_id);
            let about = About { user_id, session_id: Some(session_id), ..About::default() };
            let event = self.event(EventKind::EnrollmentRefused, Some(actor), about);
            self.commit(Change::Tell, event.with("reason", error.to_string()).detailed(self.origin(actor))).await?;
        }
        Ok(error)
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
