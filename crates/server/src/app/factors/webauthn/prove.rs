//! What a browser answered is judged.

use domain::{Credential, Prompt, Quality, WebauthnCredential};
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::Used;
use webauthn::{
    Attestation, AuthenticationResponse, Conveyance, Refusal, Registered, RegistrationResponse, RelyingParty,
};

use super::super::{Against, Judgement, Right};
use super::{credential, handle, relying_party};
use crate::app::proof::Given;
use crate::app::{App, Error};

/// Judges an answer to creation or to request options, whichever were asked with.
pub(super) fn judge(app: &App, given: &Given, against: &Against<'_>) -> Result<Judgement, Error> {
    let Given::Webauthn(_, response) = given else { return Ok(Judgement::Wrong("another_kind")) };
    let Some(prompt) = against.prompt else { return Ok(Judgement::Wrong("wrong")) };
    let party = relying_party(app)?;
    let response = response.to_string();
    let judged = if prompt.enrollment_id.is_some() {
        registered(app, party, prompt, &response)
    } else {
        authenticated(party, prompt, &response, against)
    };
    Ok(judged.map_or_else(
        |refusal| {
            tracing::info!(prompt = %prompt.id, "a WebAuthn response was refused: {refusal}");
            Judgement::Wrong(reason(&refusal))
        },
        Judgement::Right,
    ))
}

/// Why an answer does not count: it cannot be read, or was read and refused.
#[derive(Debug, thiserror::Error)]
enum No {
    #[error("{0}")]
    Unreadable(#[from] webauthn::Unreadable),
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("what was asked cannot be read back")]
    Forgotten,
    #[error("none of the user's credentials answered")]
    NoneOfTheirs,
}

/// In a word for the event. All that says that somebody tries something counts as a guess, and so does what only may: of one word for
/// each reason the log of the server keeps the longer one.
fn reason(no: &No) -> &'static str {
    match no {
        No::Refused(Refusal::Cloned) => "cloned",
        No::Refused(Refusal::ModelUnproven | Refusal::ModelForbidden | Refusal::ModelBroken(_) | Refusal::Synced) => {
            "not_permitted"
        }
        No::Refused(Refusal::Excluded) => "registered_already",
        _ => "wrong",
    }
}

fn registered(app: &App, party: &RelyingParty, prompt: &Prompt, response: &str) -> Result<Right, No> {
    let response = RegistrationResponse::parse(response)?;
    let state = read_back(prompt)?;
    let Registered { credential, .. } = party.finish_registration(&state, &response, app.now().into())?;
    let quality = quality(party, &credential, credential.user_verified);
    let kept = WebauthnCredential { id: encode(&credential.id), facts: facts(&credential)? };
    let used = Used::Prompt(prompt.id, step(credential.counter));
    let credential = Some(Credential::Webauthn(Box::new(kept)));
    Ok(Right { index: 0, used, quality, credential, assertion: None })
}

fn authenticated(party: &RelyingParty, prompt: &Prompt, response: &str, against: &Against<'_>) -> Result<Right, No> {
    let response = AuthenticationResponse::parse(response)?;
    let state = read_back(prompt)?;
    let known = against.authenticators.iter().enumerate();
    let mut known = known.filter_map(|(index, authenticator)| Some((index, authenticator, credential(authenticator)?)));
    let (index, authenticator, credential) =
        known.find(|(_, _, credential)| credential.id == response.credential_id()).ok_or(No::NoneOfTheirs)?;
    let done = party.finish_authentication(&state, &response, &handle(authenticator.user_id), &credential)?;
    let quality = quality(party, &credential, done.user_verified);
    let used = Used::Prompt(prompt.id, step(done.counter));
    Ok(Right { index, used, quality, credential: None, assertion: None })
}

/// How well it was proved (NIST SP 800-63B-4 §2.3, §3.1.7). That a key cannot leave its hardware is believed where nobody asked for
/// a proof of that; where one was asked for, only with it.
pub(super) fn quality(party: &RelyingParty, credential: &webauthn::Credential, user_verified: bool) -> Quality {
    let believed = match party.policy().attestation {
        Conveyance::None => true,
        Conveyance::Direct => matches!(credential.attestation, Attestation::Verified(_)),
    };
    Quality { user_verified, hardware_bound: believed && !credential.backup_eligible }
}

/// The counter as the write compares it; authenticators that count nothing have none.
fn step(counter: u32) -> Option<i64> {
    (counter > 0).then_some(i64::from(counter))
}

fn read_back<T: DeserializeOwned>(prompt: &Prompt) -> Result<T, No> {
    prompt.data.as_deref().and_then(|data| serde_json::from_str(data).ok()).ok_or(No::Forgotten)
}

fn facts(credential: &webauthn::Credential) -> Result<Value, No> {
    serde_json::to_value(credential).map_err(|_| No::Forgotten)
}

fn encode(id: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(id)
}
