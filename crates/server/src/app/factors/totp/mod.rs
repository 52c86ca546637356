//! Codes of an authenticator app, made from a key and the time (RFC 6238).

mod enroll;
mod prove;

use domain::{Authenticator, AuthenticatorKind, Sealed};
use otp::Params;
use vault_proto::Binding;

use super::{Against, Enrolling, Factor, HandedOver, Judgement, Working};
use crate::app::App;
use crate::app::proof::Given;

/// See the module.
pub(crate) struct Totp;

impl Factor for Totp {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::Totp
    }

    fn hand_over<'a>(&'a self, app: &'a App, enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(enroll::hand_over(app, enrolling))
    }

    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement> {
        Box::pin(prove::judge(app, given, against))
    }
}

/// Whose key it is, as the vault binds it (P-02).
pub(crate) fn binding(authenticator: &Authenticator, generation: i32) -> Option<Binding> {
    Some(Binding {
        user: authenticator.user_id.uuid().into_bytes(),
        device: authenticator.device_id?.uuid().into_bytes(),
        authenticator: authenticator.id.uuid().into_bytes(),
        generation: u32::try_from(generation).ok()?,
    })
}

/// How codes are made from a sealed key.
pub(crate) fn params(sealed: &Sealed) -> Option<Params> {
    Params::new(
        otp::Algorithm::from_name(&sealed.algorithm)?,
        u8::try_from(sealed.digits).ok()?,
        u16::try_from(sealed.period).ok()?,
    )
    .ok()
}
