//! Assertions: what a right proof yields, for a resource server to verify by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Aal, ActionHash, Amr, Challenge, ChallengeId, DecisionId, Proof, Satisfaction, Session, Timestamp};
use serde::Serialize;

use vault_proto::{Reply, Sign, Verb};

use super::vault::unexpected;
use super::{Actor, App, Error};

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

/// What is asserted of a decision.
pub(super) struct Allowed<'a> {
    /// To whom.
    pub(super) application: domain::ApplicationId,
    /// Which decision.
    pub(super) decision: DecisionId,
    /// Of which session.
    pub(super) session: &'a Session,
    /// What it may do.
    pub(super) action: &'a str,
    /// What that is bound to.
    pub(super) hash: ActionHash,
    /// The proof that it rests on; the first factor alone where there is none.
    pub(super) proof: Option<&'a Proof>,
}

/// The claims that a proof for `challenge` at `now` yields, as JSON.
pub(crate) fn claims(
    issuer: &str,
    challenge: &Challenge,
    now: Timestamp,
    aal: Aal,
    amr: &BTreeSet<Amr>,
) -> Result<Option<Vec<u8>>, Error> {
    claims_at(issuer, challenge, now, now, aal, amr)
}

/// The claims of a proof that was given at `proved`, made at `now`.
fn claims_at(
    issuer: &str,
    challenge: &Challenge,
    proved: Timestamp,
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
        auth_time: proved.unix_seconds(),
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

impl App {
    /// The assertion that something may be done, signed. Its level, methods and time are those of the proof that it rests on.
    pub(super) async fn assertion_of(&self, allowed: &Allowed<'_>) -> Result<String, Error> {
        let Allowed { application, decision, session, action, hash, proof } = allowed;
        let now = self.now();
        let proofs: &[Proof] = proof.map_or(&[], std::slice::from_ref);
        let claims = Claims {
            iss: &self.settings.issuer,
            aud: application.to_string(),
            sub: session.user_id.to_string(),
            sid: Some(session.id.to_string()),
            jti: decision.to_string(),
            iat: now.unix_seconds(),
            nbf: now.unix_seconds(),
            exp: now.plus(LIFETIME).min(session.expires_at).unix_seconds(),
            auth_time: proof.map_or(session.authenticated_at, |proof| proof.verified_at).unix_seconds(),
            acr: Aal::reached(&session.amr, proofs),
            amr: &Session::methods(&session.amr, proofs),
            action,
            action_hash: encode(*hash),
        };
        let claims = serde_json::to_vec(&claims).map_err(|error| Error::Internal(error.to_string()))?;
        self.signed(Some(claims)).await
    }

    /// The assertion of a proof for `challenge` at `now`, signed: for proofs that the vault does not find right itself.
    pub(super) async fn signed_assertion(
        &self,
        challenge: &Challenge,
        now: Timestamp,
        aal: Aal,
        amr: &BTreeSet<Amr>,
    ) -> Result<String, Error> {
        self.signed(claims(&self.settings.issuer, challenge, now, aal, amr)?).await
    }

    async fn signed(&self, claims: Option<Vec<u8>>) -> Result<String, Error> {
        let claims = claims.ok_or_else(|| Error::Internal("an assertion about nobody".to_owned()))?;
        let verb = || Verb::Sign(Sign::Assertion { claims: claims.clone() });
        match self.vault.ask(verb).await? {
            Reply::Signed(assertion) => Ok(assertion),
            other => Err(unexpected(&other)),
        }
    }

    /// The assertion of a challenge that was satisfied a moment ago: for an application that did not give the proof itself, because
    /// that was given on a page or on a phone.
    pub(crate) async fn assertion(&self, actor: &Actor, id: ChallengeId) -> Result<String, Error> {
        let challenge = self.challenge(actor, id).await?;
        let Some(Satisfaction { at, aal, amr, .. }) = &challenge.satisfied else {
            return Err(Error::Conflict("the challenge is not satisfied: there is nothing to assert"));
        };
        let now = self.now();
        if now.since(*at) > Challenge::ASSERTION_LIFETIME {
            return Err(Error::ChallengeOver);
        }
        self.signed(claims_at(&self.settings.issuer, &challenge, *at, now, *aal, amr)?).await
    }
}
