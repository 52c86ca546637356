//! Taking an enrollment back.

use domain::{EnrollmentId, EventKind};
use store::{Change, Effect};

use super::super::{Actor, App, Error};

impl App {
    /// Takes an enrollment back.
    pub(crate) async fn cancel_enrollment(&self, actor: &Actor, id: EnrollmentId) -> Result<(), Error> {
        let (enrollment, authenticator) = self.enrollment_and_authenticator(actor, id).await?;
        let event = self.told_of(EventKind::EnrollmentCancelled, actor, &enrollment, &authenticator);
        match self.commit(Change::CancelEnrollment { id, at: self.now() }, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::EnrollmentOver),
        }
    }
}
