//! Push: an app with a key of its own shows what is asked, and signs what the person says (docs/push-protocol.md, ADR 17).
//!
//! Beside what every factor has there is what only an app asks for: it enrolls by the link of an enrollment (`connect`), signs each
//! request (`device`), is woken up (`deliver`), asks what waits (`pending`), and answers (`answer`).

mod answer;
mod connect;
mod deliver;
mod device;
mod enroll;
mod kept;
mod key;
mod pending;
mod prompt;
mod prove;

use aws_lc_rs::digest;
use domain::{AuthenticatorKind, Prompt};

use super::{Against, Asked, Enrolling, Factor, HandedOver, Judgement, Prompted, Shown, Working};
use crate::app::proof::Given;
use crate::app::{Actor, App};

pub(crate) use answer::Answering;
pub(crate) use connect::Connecting;
pub(crate) use deliver::Waking;
pub(in crate::app) use deliver::tell_app;
pub(crate) use device::{AppDevice, Follower, Nonces, Signed};
pub(crate) use kept::Address;
pub(crate) use pending::state;
pub(in crate::app) use prove::is_approved;

/// See the module.
pub(crate) struct Push;

impl Factor for Push {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::Push
    }

    fn hand_over<'a>(&'a self, app: &'a App, enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(async move { Ok(enroll::hand_over(app, enrolling)) })
    }

    fn prompt<'a>(&'a self, app: &'a App, asked: &'a Asked<'a>) -> Working<'a, Prompted> {
        Box::pin(prompt::prompt(app, asked))
    }

    fn deliver<'a>(&'a self, app: &'a App, _actor: &'a Actor, prompted: &'a Prompted) -> Working<'a, ()> {
        deliver::deliver(app, prompted);
        Box::pin(async { Ok(()) })
    }

    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement> {
        Box::pin(async move { Ok(prove::judge(app, given, against)) })
    }
}

/// What the screen that asked is told of a prompt, also later: the number. A link is told of once.
pub(in crate::app) fn shown(prompt: &Prompt) -> Shown {
    let number = kept::question(prompt).map(|question| question.number.as_str().to_owned());
    Shown { number, ..Shown::default() }
}

impl App {
    /// What apps know this server by: what comes before `/authenticator` in a link.
    pub(crate) fn push_server(&self) -> &str {
        self.settings.issuer.trim_end_matches('/')
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
