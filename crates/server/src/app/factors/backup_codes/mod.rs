//! Codes on paper, each usable once (I-05; NIST SP 800-63B-4 §3.1.2, look-up secrets).

mod enroll;
mod prove;

use domain::{Authenticator, AuthenticatorKind};
use vault_proto::CodeOwner;

use super::{Against, Enrolling, Factor, HandedOver, Judgement, Working};
use crate::app::proof::Given;
use crate::app::{App, Error};
pub(crate) use enroll::{NewSet, Wanted, new_set, set_of};

/// See the module.
pub(crate) struct BackupCodes;

impl Factor for BackupCodes {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::BackupCodes
    }

    fn hand_over<'a>(&'a self, _app: &'a App, _enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(async { Err(Error::Conflict("backup codes come with the first authenticator")) })
    }

    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement> {
        Box::pin(prove::judge(app, given, against))
    }
}

fn owner(authenticator: &Authenticator) -> CodeOwner {
    CodeOwner { user: authenticator.user_id.uuid().into_bytes(), authenticator: authenticator.id.uuid().into_bytes() }
}
