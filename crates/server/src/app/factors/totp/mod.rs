//! Codes of an authenticator app, made from a key and the time (RFC 6238).

mod enroll;
mod prove;

use domain::{Authenticator, AuthenticatorKind, Sealed};
use otp::Params;
use vault_proto::Binding;

use super::{Against, Enrolling, Factor, HandedOver, Judgement, Working};
use crate::app::App;
use crate::app::proof::Given;

pub(super) use enroll::hand_over;
pub(super) use prove::candidate;

/// See the module.
pub(crate) struct Totp;

impl Factor for Totp {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::Totp
    }

    fn hand_over<'a>(&'a self, app: &'a App, enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(hand_over(app, enrolling))
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

/// How codes are made from a sealed key. Those that are counted have no period.
pub(crate) fn params(sealed: &Sealed) -> Option<Params> {
    let algorithm = otp::Algorithm::from_name(&sealed.algorithm)?;
    let digits = u8::try_from(sealed.digits).ok()?;
    match u16::try_from(sealed.period).ok()? {
        0 => Params::counted(algorithm, digits).ok(),
        period => Params::new(algorithm, digits, period).ok(),
    }
}
