//! A number is read, and a code sent there.

use domain::{AuthenticatorKind, Credential};
use gateway::{InvalidNumber, Number};

use super::super::{Enrolling, HandedOver};
use crate::app::enrollments::Wish;
use crate::app::{App, Error};

/// The number, in the one form that it has (T-07), if messages go there at all (T-24).
pub(super) fn wished(app: &App, wish: &Wish) -> Result<Credential, Error> {
    let typed = wish.address.as_deref().unwrap_or_default();
    let post = app.post.as_ref().ok_or(Error::GatewayUnavailable("sms"))?;
    Number::parse(typed, post.home)
        .and_then(|number| post.countries.admit(number))
        .map(|number| Credential::Sms(number.e164().to_owned()))
        .map_err(|error| match error {
            InvalidNumber::Country => Error::CountryBlocked,
            other => Error::invalid("/address", other.to_string()),
        })
}

pub(super) async fn hand_over(app: &App, enrolling: &Enrolling<'_>) -> Result<HandedOver, Error> {
    app.code_for_enrollment(AuthenticatorKind::Sms, enrolling).await
}
