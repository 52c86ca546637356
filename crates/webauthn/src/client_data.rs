//! What the browser says it did ([§5.8.1](https://www.w3.org/TR/webauthn-3/#dictionary-client-data)).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::Deserialize;

use crate::relying_party::RelyingParty;
use crate::{Challenge, Refusal, base64};

/// How much a browser may say. What is written today has some two hundred bytes.
const MAX_CLIENT_DATA: usize = 4 * 1024;

/// Which ceremony a browser says it took part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceremony {
    /// `navigator.credentials.create()`.
    Create,
    /// `navigator.credentials.get()`.
    Get,
}

/// `CollectedClientData`. A member that stands there twice is refused by serde; those that are unknown are passed over,
/// as the standard wants.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

/// Steps 7 to 12 of a registration and 10 to 15 of an authentication.
pub(crate) fn check(
    bytes: &[u8],
    ceremony: Ceremony,
    challenge: &Challenge,
    relying_party: &RelyingParty,
) -> Result<(), Refusal> {
    if bytes.len() > MAX_CLIENT_DATA {
        return Err(Refusal::ClientData);
    }
    let said: ClientData = serde_json::from_slice(bytes).map_err(|_| Refusal::ClientData)?;

    // Verify that the value of C.type is the string webauthn.create / webauthn.get.
    let expected = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if said.kind != expected {
        return Err(Refusal::Ceremony);
    }

    // Verify that the value of C.challenge equals the base64url encoding of options.challenge.
    let expected = base64::encode(challenge);
    if verify_slices_are_equal(said.challenge.as_bytes(), expected.as_bytes()).is_err() {
        return Err(Refusal::Challenge);
    }

    // Verify that the value of C.origin is an origin expected by the Relying Party: the same text, not the same URL.
    if !relying_party.expects(&said.origin) {
        return Err(Refusal::Origin);
    }

    // If C.crossOrigin is present and set to true, verify that the credential may be used in an iframe that is not
    // same-origin with its ancestors; if C.topOrigin is present, verify the same. No page of ours stands in one.
    if said.cross_origin == Some(true) || said.top_origin.is_some() {
        return Err(Refusal::CrossOrigin);
    }
    Ok(())
}
