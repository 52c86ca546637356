//! Passkeys, platform authenticators and security keys (W3C Web Authentication Level 3): what phishing cannot get past.
//!
//! What the standard says is judged by the crate `webauthn`; here is what that means for users, challenges and levels.

mod enroll;
mod prompt;
mod prove;

use ::webauthn::{RelyingParty, UserHandle};
use domain::{Authenticator, AuthenticatorKind, Credential, UserId};

use super::{Against, Asked, Enrolling, Factor, HandedOver, Judgement, Prompted, Working};
use crate::app::proof::Given;
use crate::app::{App, Error};

/// See the module.
pub(crate) struct Webauthn;

impl Factor for Webauthn {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::Webauthn
    }

    fn is_offered(&self, app: &App) -> bool {
        app.settings.relying_party.is_some()
    }

    fn hand_over<'a>(&'a self, app: &'a App, enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(async move { enroll::hand_over(app, enrolling) })
    }

    fn prompt<'a>(&'a self, app: &'a App, asked: &'a Asked<'a>) -> Working<'a, Prompted> {
        Box::pin(async move { prompt::prompt(app, asked) })
    }

    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement> {
        Box::pin(async move { prove::judge(app, given, against) })
    }
}

/// Who we are to authenticators.
fn relying_party(app: &App) -> Result<&RelyingParty, Error> {
    app.settings.relying_party.as_deref().ok_or_else(|| Error::invalid("/kind", "webauthn is not set up here"))
}

/// What stands for a user in authenticators: the bytes of our id, which say nothing about anybody.
fn handle(user: UserId) -> UserHandle {
    user.uuid().into_bytes()
}

/// What is kept of an authenticator, with the counter as it stands now: that is kept beside it, where the write can compare it.
fn credential(authenticator: &Authenticator) -> Option<::webauthn::Credential> {
    let Some(Credential::Webauthn(kept)) = &authenticator.credential else { return None };
    let credential: ::webauthn::Credential = serde_json::from_value(kept.facts.clone()).ok()?;
    Some(::webauthn::Credential { counter: u32::try_from(authenticator.last_step).ok()?, ..credential })
}

/// Whose passkey it is that answered, as it says itself: to be believed only once it is verified.
pub(crate) fn whose_passkey(given: &Given) -> Option<UserId> {
    let Given::Webauthn(_, response) = given else { return None };
    let response = ::webauthn::AuthenticationResponse::parse(&response.to_string()).ok()?;
    let handle: UserHandle = response.user_handle()?.try_into().ok()?;
    Some(UserId::from_uuid(uuid::Uuid::from_bytes(handle)))
}

/// Whether a proof with this authenticator reaches the third level beside a first factor, which every session has: its key cannot leave
/// its hardware (NIST SP 800-63B-4 §2.3).
pub(crate) fn reaches_aal3(app: &App, authenticator: &Authenticator) -> bool {
    let Some(party) = app.settings.relying_party.as_deref() else { return false };
    credential(authenticator).is_some_and(|credential| prove::quality(party, &credential, false).hardware_bound)
}

/// How well an authenticator can prove something, if the person does what its device asks for.
pub(crate) fn best_quality(app: &App, authenticator: &Authenticator) -> domain::Quality {
    let party = app.settings.relying_party.as_deref();
    let known = party.zip(credential(authenticator));
    known.map_or_else(domain::Quality::default, |(party, credential)| prove::quality(party, &credential, true))
}

/// The credentials among these authenticators.
fn credentials<'a>(authenticators: impl Iterator<Item = &'a Authenticator>) -> Vec<::webauthn::Credential> {
    authenticators.filter_map(credential).collect()
}

/// 32 bytes that nobody can foresee.
fn challenge(app: &App) -> ::webauthn::Challenge {
    let mut challenge = ::webauthn::Challenge::default();
    app.entropy.fill(&mut challenge);
    challenge
}

/// What the browser is asked with, as JSON.
fn json(options: &impl serde::Serialize) -> Result<serde_json::Value, Error> {
    serde_json::to_value(options).map_err(|error| Error::Internal(format!("options cannot be written: {error}")))
}

/// What is kept until the browser answers.
fn kept(state: &impl serde::Serialize) -> Result<Option<String>, Error> {
    let text = serde_json::to_string(state);
    text.map(Some).map_err(|error| Error::Internal(format!("a ceremony cannot be written: {error}")))
}
