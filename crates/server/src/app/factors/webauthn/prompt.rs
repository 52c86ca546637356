//! A browser is asked for a proof.

use domain::{Aal, AuthenticatorKind};

use super::super::{Asked, Prompted, Shown};
use super::{challenge, credentials, handle, json, kept, relying_party};
use crate::app::{App, Error};

/// Request options.
///
/// Whose browser it is has given a first factor where there is a session: it is told which credentials to look for. Any other is told
/// none, and looks for passkeys, the same for everybody: ids of credentials tell who has which, and a few tries would tell who is not
/// there (T-19; §14.6.2, §14.6.3).
pub(super) fn prompt(app: &App, asked: &Asked<'_>) -> Result<Prompted, Error> {
    let known = match asked.session {
        Some(_) => credentials(asked.authenticators.iter().copied()),
        None => Vec::new(),
    };
    // Beside no first factor a passkey reaches the second level only if its device looks who is there.
    let looks = asked.session.is_none() && asked.challenge.required.as_ref().is_some_and(|r| r.aal >= Some(Aal::Aal2));
    let wanted = webauthn::Asked {
        user: asked.challenge.user_id.map(handle),
        credentials: &known,
        user_verification: looks.then_some(webauthn::UserVerification::Required),
        ..webauthn::Asked::default()
    };
    let left = asked.challenge.expires_at.since(asked.now);
    let (options, state) = relying_party(app)?.begin_authentication(challenge(app), wanted, left);
    let mut prompt = app.new_prompt(AuthenticatorKind::Webauthn, asked.now, asked.challenge.expires_at);
    prompt.challenge_id = Some(asked.challenge.id);
    prompt.user_id = asked.challenge.user_id;
    prompt.data = kept(&state)?;
    let shown = Shown { webauthn: Some(json(&options)?), ..Shown::default() };
    Ok(Prompted { prompt, shown, to: None, code: None, instead: None, others: Vec::new() })
}
