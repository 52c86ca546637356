//! Assertions: what a right proof yields, for a resource server to verify by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Aal, ActionHash, Amr, Challenge, Timestamp};
use serde::Serialize;

use super::Error;

/// How long an assertion counts.
const LIFETIME: Duration = Duration::from_mins(5);

/// The claims of an assertion (RFC 7519; `acr`, `amr` and `auth_time` as in OpenID Connect Core §2, method names as in
/// RFC 8176). The vault adds the header: `alg` ES256, `typ` `countersign-assertion+jwt`.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: String,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    auth_time: i64,
    acr: Aal,
    amr: &'a BTreeSet<Amr>,
    action: &'a str,
    action_hash: String,
}

/// The claims that a proof for `challenge` at `now` yields, as JSON.
pub(crate) fn claims(
    issuer: &str,
    challenge: &Challenge,
    now: Timestamp,
    aal: Aal,
    amr: &BTreeSet<Amr>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(user) = challenge.user_id else { return Ok(None) };
    let claims = Claims {
        iss: issuer,
        aud: challenge.application_id.to_string(),
        sub: user.to_string(),
        sid: challenge.session_id.map(|session| session.to_string()),
        jti: challenge.id.to_string(),
        iat: now.unix_seconds(),
        nbf: now.unix_seconds(),
        exp: now.plus(LIFETIME).unix_seconds(),
        auth_time: now.unix_seconds(),
        acr: aal,
        amr,
        action: &challenge.action,
        action_hash: encode(challenge.action_hash),
    };
    serde_json::to_vec(&claims).map(Some).map_err(|error| Error::Internal(error.to_string()))
}

/// An action hash in text: base64url without padding (RFC 4648 §5).
pub(crate) fn encode(hash: ActionHash) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&hash.0)
}
