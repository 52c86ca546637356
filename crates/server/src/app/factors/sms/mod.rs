//! Codes by text message (I-03): restricted, since numbers are taken over and messages read (NIST SP 800-63B-4 §3.1.3.3).

mod enroll;
mod prompt;
mod prove;

use domain::{AuthenticatorKind, Credential};

use super::{Against, Asked, Enrolling, Factor, HandedOver, Judgement, Prompted, Working};
use crate::app::enrollments::Wish;
use crate::app::proof::Given;
use crate::app::{Actor, App, Error};

/// See the module.
pub(crate) struct Sms;

impl Factor for Sms {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::Sms
    }

    fn is_offered(&self, app: &App) -> bool {
        app.post.as_ref().is_some_and(|post| post.sends(self.kind()))
    }

    fn wished(&self, app: &App, wish: &Wish) -> Result<Option<Credential>, Error> {
        enroll::wished(app, wish).map(Some)
    }

    fn hand_over<'a>(&'a self, app: &'a App, enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(enroll::hand_over(app, enrolling))
    }

    fn prompt<'a>(&'a self, app: &'a App, asked: &'a Asked<'a>) -> Working<'a, Prompted> {
        Box::pin(prompt::prompt(app, asked))
    }

    fn deliver<'a>(&'a self, app: &'a App, actor: &'a Actor, prompted: &'a Prompted) -> Working<'a, ()> {
        Box::pin(prompt::deliver(app, actor, prompted))
    }

    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement> {
        Box::pin(prove::judge(app, given, against))
    }
}
