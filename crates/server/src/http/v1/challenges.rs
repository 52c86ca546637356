//! Challenges: asking for proof, and the proof.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::{AuthenticatorId, AuthenticatorKind, ChallengeId, ChallengeState, SessionId, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sessions::Session;
use super::{flawed, user_ref};
use crate::app::challenges::{Ask, Whom};
use crate::app::{App, Made, assertion};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{self, May};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::Id;
use crate::http::problem::Problem;

/// The most bytes of a context, as JSON.
const MAX_CONTEXT_BYTES: usize = 4 * 1024;

/// What may be given as proof; the same for everybody.
pub(in crate::http) const METHODS: &[&str] = &["totp", "backup_codes"];

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create_challenge))
        .routes(routes!(show_challenge, cancel_challenge))
        .routes(routes!(verify_challenge))
}

/// Ask for proof
///
/// For a session, which the proof then raises, or for a user. The answer does not tell whether there is such a user or what
/// the user has: a challenge for somebody unknown looks like any other and can only fail.
#[utoipa::path(post, path = "/v1/challenges", tag = "Challenges", request_body = NewChallenge,
    responses((status = 201, description = "The challenge", body = Challenge)))]
async fn create_challenge(
    State(app): Shared,
    may: May<caller::Challenge>,
    Making { value: new, once }: Making<NewChallenge>,
) -> Result<Response, Problem> {
    let ask = new.checked()?;
    Ok(match app.create_challenge(&may.actor, ask, once.as_ref()).await? {
        Made::New(challenge) => created(&Challenge::at(challenge, app.now())),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&crate::http::problem::INTERNAL))?;
            created_before(&Challenge::at(app.challenge(&may.actor, id).await?, app.now()))
        }
    })
}

/// See a challenge
#[utoipa::path(get, path = "/v1/challenges/{id}", tag = "Challenges", params(("id" = String, Path)),
    responses((status = 200, description = "The challenge", body = Challenge)))]
async fn show_challenge(
    State(app): Shared,
    may: May<caller::Challenge>,
    Id(id): Id<ChallengeId>,
) -> Result<Json<Challenge>, Problem> {
    Ok(Json(Challenge::at(app.challenge(&may.actor, id).await?, app.now())))
}

/// Take a challenge back
#[utoipa::path(delete, path = "/v1/challenges/{id}", tag = "Challenges", params(("id" = String, Path)),
    responses((status = 204, description = "It wants no proof any more")))]
async fn cancel_challenge(
    State(app): Shared,
    may: May<caller::Challenge>,
    Id(id): Id<ChallengeId>,
) -> Result<StatusCode, Problem> {
    app.cancel_challenge(&may.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Verify a code
///
/// A one-time password of any of the user's authenticator apps, or a backup code. Whatever is wrong with a code, with the user
/// or with how often it was tried, the answer is the same `proof-rejected`.
#[utoipa::path(post, path = "/v1/challenges/{id}/verify", tag = "Challenges", params(("id" = String, Path)),
    request_body = CodeProof,
    responses((status = 200, description = "The proof counts, durably", body = Satisfied)))]
async fn verify_challenge(
    State(app): Shared,
    may: May<caller::Challenge>,
    Id(id): Id<ChallengeId>,
    Body { value: proof, .. }: Body<CodeProof>,
) -> Result<Json<Satisfied>, Problem> {
    let now = app.now();
    let verified = app.verify(may.actor, id, &proof.code).await?;
    Ok(Json(Satisfied {
        challenge: Challenge::at(verified.challenge, now),
        authenticator: ProvedAuthenticator { id: verified.authenticator_id, kind: verified.kind },
        session: verified.session.map(Session::from),
        assertion: verified.assertion,
    }))
}

/// A wish for proof. Exactly one of `session_id`, `user_id` and `external_id` is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewChallenge {
    /// The session to raise.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// The user to ask.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// The user to ask, by your own id.
    external_id: Option<String>,
    /// What the proof is for: 1 to 64 letters, digits, `.`, `_`, `:` or `-`. `login` if not said.
    action: Option<String>,
    /// What the action is about, amount and payee say: bound to the proof by the action hash, and not kept. At most 4 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: Map<String, Value>,
    /// Seconds to answer in: 300 if not said, 3600 at most.
    expires_in: Option<u64>,
}

impl NewChallenge {
    pub(super) fn checked(self) -> Result<Ask, Problem> {
        let whom = match self.session_id {
            Some(id) if self.user_id.is_none() && self.external_id.is_none() => Whom::Session(id),
            Some(_) => return Err(flawed("/session_id", "stands for its user: leave user_id and external_id out")),
            None => Whom::User(user_ref(self.user_id, self.external_id.as_deref())?),
        };
        let action = self.action.unwrap_or_else(|| "login".to_owned());
        let shaped = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if !(1..=64).contains(&action.len()) || !action.bytes().all(shaped) {
            return Err(flawed("/action", "must have 1 to 64 letters, digits, `.`, `_`, `:` or `-`"));
        }
        if !self.context.is_empty() && Value::Object(self.context.clone()).to_string().len() > MAX_CONTEXT_BYTES {
            return Err(flawed("/context", "has more than 4 KiB"));
        }
        let longest = domain::Challenge::LONGEST_LIFETIME;
        let lifetime = self.expires_in.map_or(domain::Challenge::LIFETIME, Duration::from_secs);
        if lifetime.is_zero() || lifetime > longest {
            return Err(flawed("/expires_in", format!("must be from 1 to {} seconds", longest.as_secs())));
        }
        Ok(Ask { whom, action, context: self.context, lifetime })
    }
}

/// What a person typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeProof {
    /// The code, 6 or 8 digits, or a backup code.
    #[schema(example = "287082")]
    pub(in crate::http) code: String,
}

/// One request for proof.
#[derive(Serialize, ToSchema)]
pub(super) struct Challenge {
    #[schema(value_type = String, example = "chl_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: ChallengeId,
    /// `open`, `satisfied`, `failed`, `expired` or `cancelled`.
    #[schema(value_type = String)]
    state: ChallengeState,
    action: String,
    /// Binds the proof to user, session, action and context: SHA-256 in base64url.
    action_hash: String,
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// What may be given as proof; the same for everybody.
    methods: &'static [&'static str],
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl Challenge {
    fn at(challenge: domain::Challenge, now: Timestamp) -> Self {
        Self {
            id: challenge.id,
            state: challenge.state_at(now),
            action_hash: assertion::encode(challenge.action_hash),
            action: challenge.action,
            session_id: challenge.session_id,
            methods: METHODS,
            created_at: challenge.created_at,
            expires_at: challenge.expires_at,
        }
    }
}

/// What a right proof yields.
#[derive(Serialize, ToSchema)]
struct Satisfied {
    /// The challenge, satisfied.
    challenge: Challenge,
    /// What was proved.
    authenticator: ProvedAuthenticator,
    /// The session, raised; null where the challenge was for a user.
    session: Option<Session>,
    /// A signed token that says so (RFC 7519, ES256); the keys are at `/.well-known/jwks.json`.
    assertion: String,
}

/// What was proved.
#[derive(Serialize, ToSchema)]
struct ProvedAuthenticator {
    #[schema(value_type = String)]
    id: AuthenticatorId,
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
}
