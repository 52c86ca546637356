//! What a browser is asked to sign.

use data_encoding::BASE64URL_NOPAD;
use domain::{AuthenticatorKind, Prompt};

use super::super::{Asked, Prompted, Shown};
use super::joined;
use crate::app::App;

/// What a proof begins with.
const PROOF: &[u8] = b"countersign browser proof v1";

/// Bytes that are good for one prompt of one challenge, and so for one session, action and context (T-11). Whoever is asked, or nobody,
/// there are such bytes (T-19).
pub(super) fn prompt(app: &App, asked: &Asked<'_>) -> Prompted {
    let mut prompt = app.new_prompt(AuthenticatorKind::Browser, asked.now, asked.challenge.expires_at);
    let bytes = joined(&[
        PROOF,
        prompt.id.to_string().as_bytes(),
        asked.challenge.id.to_string().as_bytes(),
        &asked.challenge.action_hash.0,
    ]);
    let text = BASE64URL_NOPAD.encode(&bytes);
    // Without a session there is no first factor that it could stand beside.
    let browser = asked.session.and(asked.authenticators.first());
    prompt = Prompt {
        challenge_id: Some(asked.challenge.id),
        user_id: asked.challenge.user_id,
        authenticator_id: browser.map(|browser| browser.id),
        data: Some(text.clone()),
        ..prompt
    };
    let shown = Shown { sign: Some(text), ..Shown::default() };
    Prompted { prompt, shown, to: None, code: None, instead: None, others: Vec::new() }
}
