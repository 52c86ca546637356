//! Starting over, with a new key.

use domain::event::About;
use domain::{DeviceId, Enrollment, EnrollmentId, EventKind};
use store::{Change, Effect};

use super::super::telling::With;
use super::super::{Actor, App, Error};
use super::trust::trusted_enough;

impl App {
    /// Starts over with a new key, while the session still counts.
    pub(crate) async fn retry_enrollment(
        &self,
        actor: &Actor,
        id: EnrollmentId,
    ) -> Result<(Enrollment, Option<DeviceId>), Error> {
        let about = About { enrollment_id: Some(id), ..About::default() };
        let again = self.start_over(actor, id).await;
        self.or_told(actor, about, again).await
    }

    async fn start_over(&self, actor: &Actor, id: EnrollmentId) -> Result<(Enrollment, Option<DeviceId>), Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let session = self.session_in_hand(actor, enrollment.session_id).await?;
        let now = self.now();
        self.active_user(enrollment.user_id).await?;
        let existing = self.store.authenticators_of(enrollment.user_id).await?;
        trusted_enough(self, &session, &existing, now)?;
        self.is_no_token(authenticator.id).await?;
        let view_expires_at = now.plus(self.settings.view_lifetime);
        let expires_at = view_expires_at.plus(Enrollment::CONFIRM_LIFETIME);
        let event = self.told_of(EventKind::EnrollmentStarted, actor, &enrollment, &authenticator).with("again", true);
        let change = Change::RetryEnrollment { id, at: now, view_expires_at, expires_at };
        match self.commit(change, event).await? {
            Effect::Applied => self.enrollment(actor, id).await,
            _ => Err(Error::EnrollmentOver),
        }
    }
}
