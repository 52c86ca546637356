//! Whose a request is, signed for the backend that gets it: so that it need not believe whoever can reach it.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Aal, Amr, ExternalId, ReturnOrigin};
use serde::Serialize;
use vault_proto::{Reply, Sign, Verb};

use super::super::assertion::Allowed;
use super::super::vault::unexpected;
use super::super::{App, Error};

/// How long an identity counts: as long as a request takes to get to its backend, and clocks differ.
const LIFETIME: Duration = Duration::from_mins(1);

/// The request that an identity is of.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The site's.
    pub(crate) origin: ReturnOrigin,
    /// Origin and path, without query.
    pub(crate) url: String,
}

/// The claims of an identity. The vault adds the header: `alg` ES256, `typ` `countersign-identity+jwt`, which no assertion has (T-21).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    sid: String,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    auth_time: i64,
    acr: Aal,
    amr: &'a BTreeSet<Amr>,
    preferred_username: &'a str,
    groups: &'a [String],
    action: &'a str,
    method: &'a str,
    url: &'a str,
}

impl App {
    /// Says whose a request is that may pass. Level, methods and time are those of the proof that it rests on.
    pub(in crate::app) async fn identity_of(
        &self,
        allowed: &Allowed<'_>,
        request: &Request,
        user: &ExternalId,
        groups: &[String],
    ) -> Result<String, Error> {
        let Allowed { decision, session, action, .. } = allowed;
        let (at, acr, amr) = allowed.proved();
        let now = self.now();
        let claims = Claims {
            iss: &self.settings.issuer,
            aud: request.origin.as_str(),
            sub: session.user_id.to_string(),
            sid: session.id.to_string(),
            jti: decision.to_string(),
            iat: now.unix_seconds(),
            nbf: now.unix_seconds(),
            exp: now.plus(LIFETIME).min(session.expires_at).unix_seconds(),
            auth_time: at.unix_seconds(),
            acr,
            amr: &amr,
            preferred_username: user.as_given(),
            groups,
            action,
            method: &request.method,
            url: &request.url,
        };
        let claims = serde_json::to_vec(&claims).map_err(|error| Error::Internal(error.to_string()))?;
        match self.vault.ask(|| Verb::Sign(Sign::Identity { claims: claims.clone() })).await? {
            Reply::Signed(identity) => Ok(identity),
            other => Err(unexpected(&other)),
        }
    }
}
