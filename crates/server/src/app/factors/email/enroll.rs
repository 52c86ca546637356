//! An address is read, and a code sent there.

use domain::{AuthenticatorKind, Credential};
use gateway::mail::MailAddress;

use super::super::{Enrolling, HandedOver};
use crate::app::enrollments::Wish;
use crate::app::{App, Error};

/// The address, in one spelling as far as there is one (T-07).
pub(super) fn wished(_app: &App, wish: &Wish) -> Result<Credential, Error> {
    MailAddress::parse(wish.address.as_deref().unwrap_or_default())
        .map(|address| Credential::Email(address.as_text().to_owned()))
        .map_err(|error| Error::invalid("/address", error.to_string()))
}

pub(super) async fn hand_over(app: &App, enrolling: &Enrolling<'_>) -> Result<HandedOver, Error> {
    app.code_for_enrollment(AuthenticatorKind::Email, enrolling).await
}
