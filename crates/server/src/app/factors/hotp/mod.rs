//! Codes of a device that counts them (RFC 4226): an authenticator app, or a hardware token whose key was imported.
//!
//! A code says nothing of which kind made it, so those that are typed are judged together with those of [`super::totp`].

mod enroll;
mod prove;

use domain::AuthenticatorKind;

use super::{Against, Enrolling, Factor, HandedOver, Judgement, Working, totp};
use crate::app::App;
use crate::app::proof::Given;
pub(crate) use enroll::{assign, token_binding};

/// See the module.
pub(crate) struct Hotp;

impl Factor for Hotp {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::Hotp
    }

    fn hand_over<'a>(&'a self, app: &'a App, enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(totp::hand_over(app, enrolling))
    }

    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement> {
        Box::pin(prove::judge(app, given, against))
    }
}
