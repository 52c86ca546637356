//! Assertions: what a right proof or an allow yields, for a resource server to verify by itself, or to ask about ([`super::introspect`]).

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{
    Aal, ActionHash, Amr, ApplicationId, AuthenticatorId, Challenge, ChallengeId, Confirmation, DecisionId, Proof,
    Satisfaction, Session, SessionId, Timestamp, UserId,
};
use serde::Serialize;

use vault_proto::{Reply, Sign, Verb};

use super::possession::bound_to;
use super::vault::unexpected;
use super::{Actor, App, Error};

/// How long an assertion counts.
const LIFETIME: Duration = Duration::from_mins(5);

/// The claims of an assertion (RFC 7519; `acr`, `amr` and `auth_time` as in OpenID Connect Core §2, method names as in
/// RFC 8176, `cnf` as in RFC 7800). The vault adds the header: `alg` ES256, `typ` `countersign-assertion+jwt`.
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
    /// The authenticators that an allow rests on. A proof's own is that of the challenge, which `jti` names.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authenticators: &'a [AuthenticatorId],
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// What is asserted: of whom, to whom, and what it rests on.
pub(super) struct Asserted<'a> {
    /// The challenge or the decision that it is of.
    id: String,
    audience: ApplicationId,
    user: UserId,
    session: Option<SessionId>,
    /// When the session ends, and with it the assertion.
    until: Option<Timestamp>,
    action: &'a str,
    hash: ActionHash,
    proved: Proved<'a>,
    authenticators: &'a [AuthenticatorId],
    cnf: Option<Confirmation>,
}

/// What was proved, and when.
#[derive(Clone, Copy)]
pub(super) struct Proved<'a> {
    /// The time of the proof, or of the first factor where there is none.
    pub(super) at: Timestamp,
    /// The level that it amounts to.
    pub(super) aal: Aal,
    /// The methods.
    pub(super) amr: &'a BTreeSet<Amr>,
}

/// What is asserted of a decision.
pub(super) struct Allowed<'a> {
    /// To whom.
    pub(super) application: ApplicationId,
    /// Which decision.
    pub(super) decision: DecisionId,
    /// Of which session.
    pub(super) session: &'a Session,
    /// What it may do.
    pub(super) action: &'a str,
    /// What that is bound to.
    pub(super) hash: ActionHash,
    /// The proofs that it rests on, the one first that level, methods and time are of. The first factor alone where there is none.
    pub(super) proofs: &'a [Proof],
    /// The key that whoever shows it has to have.
    pub(super) cnf: Option<Confirmation>,
}

impl Allowed<'_> {
    /// When it was proved, to which level and how: what is said of it, to whomever.
    pub(super) fn proved(&self) -> (Timestamp, Aal, BTreeSet<Amr>) {
        let (session, leading) = (self.session, self.proofs.get(..1).unwrap_or_default());
        let at = leading.first().map_or(session.authenticated_at, |proof| proof.verified_at);
        (at, Aal::reached(&session.amr, leading), Session::methods(&session.amr, leading))
    }
}

impl<'a> Asserted<'a> {
    /// A proof for a challenge, in its session if there is one. `None` where there is nobody to assert anything of.
    pub(super) fn of_proof(
        challenge: &'a Challenge,
        session: Option<&Session>,
        proved: Proved<'a>,
        cnf: Option<Confirmation>,
    ) -> Option<Self> {
        Some(Self {
            id: challenge.id.to_string(),
            audience: challenge.application_id,
            user: challenge.user_id?,
            session: challenge.session_id,
            until: session.map(|session| session.expires_at),
            action: &challenge.action,
            hash: challenge.action_hash,
            proved,
            authenticators: &[],
            cnf,
        })
    }

    /// The claims as JSON, made at `now`: the one place where an assertion is put together.
    pub(super) fn claims(&self, issuer: &str, now: Timestamp) -> Result<Vec<u8>, Error> {
        let end = now.plus(LIFETIME);
        let claims = Claims {
            iss: issuer,
            aud: self.audience.to_string(),
            sub: self.user.to_string(),
            sid: self.session.map(|session| session.to_string()),
            jti: self.id.clone(),
            iat: now.unix_seconds(),
            nbf: now.unix_seconds(),
            exp: self.until.map_or(end, |until| end.min(until)).unix_seconds(),
            auth_time: self.proved.at.unix_seconds(),
            acr: self.proved.aal,
            amr: self.proved.amr,
            action: self.action,
            action_hash: encode(self.hash),
            authenticators: self.authenticators,
            cnf: self.cnf,
        };
        serde_json::to_vec(&claims).map_err(|error| Error::Internal(error.to_string()))
    }
}

/// An action hash in text: base64url without padding (RFC 4648 §5).
pub(crate) fn encode(hash: ActionHash) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&hash.0)
}

impl App {
    /// The assertion that something may be done, signed. Its level, methods and time are those of the proof that it rests on.
    pub(super) async fn assertion_of(&self, allowed: &Allowed<'_>) -> Result<String, Error> {
        let Allowed { application, decision, session, action, hash, proofs, cnf } = allowed;
        let (at, aal, amr) = allowed.proved();
        let authenticators: Vec<AuthenticatorId> = proofs.iter().map(|proof| proof.authenticator_id).collect();
        let proved = Proved { at, aal, amr: &amr };
        let asserted = Asserted {
            id: decision.to_string(),
            audience: *application,
            user: session.user_id,
            session: Some(session.id),
            until: Some(session.expires_at),
            action,
            hash: *hash,
            proved,
            authenticators: &authenticators,
            cnf: *cnf,
        };
        self.signed(asserted.claims(&self.settings.issuer, self.now())?).await
    }

    /// An assertion, signed: for proofs that the vault does not find right itself.
    pub(super) async fn signed_assertion(&self, asserted: Option<&Asserted<'_>>) -> Result<String, Error> {
        let asserted = asserted.ok_or_else(|| Error::Internal("an assertion about nobody".to_owned()))?;
        self.signed(asserted.claims(&self.settings.issuer, self.now())?).await
    }

    async fn signed(&self, claims: Vec<u8>) -> Result<String, Error> {
        let verb = || Verb::Sign(Sign::Assertion { claims: claims.clone() });
        match self.vault.ask(verb).await? {
            Reply::Signed(assertion) => Ok(assertion),
            other => Err(unexpected(&other)),
        }
    }

    /// The assertion of a challenge that was satisfied a moment ago: for an application that did not give the proof itself, because
    /// that was given on a page or on a phone. Not where its session ended since.
    pub(crate) async fn assertion(
        &self,
        actor: &Actor,
        id: ChallengeId,
        cnf: Option<Confirmation>,
    ) -> Result<String, Error> {
        let challenge = self.challenge(actor, id).await?;
        let Some(Satisfaction { at, aal, amr, .. }) = &challenge.satisfied else {
            return Err(Error::Conflict("the challenge is not satisfied: there is nothing to assert"));
        };
        let now = self.now();
        if now.since(*at) > Challenge::ASSERTION_LIFETIME {
            return Err(Error::ChallengeOver);
        }
        let session = match challenge.session_id {
            Some(id) => Some(self.own_session(actor, id).await?),
            None => None,
        };
        if session.as_ref().is_some_and(|session| !session.is_live(now)) {
            return Err(Error::SessionOver);
        }
        let cnf = bound_to(session.as_ref(), cnf)?;
        let proved = Proved { at: *at, aal: *aal, amr };
        self.signed_assertion(Asserted::of_proof(&challenge, session.as_ref(), proved, cnf).as_ref()).await
    }
}
