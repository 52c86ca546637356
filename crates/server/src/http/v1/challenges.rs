//! Challenges: asking for proof, and the proof.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::{
    Aal, AuthenticatorId, AuthenticatorKind, ChallengeId, ChallengeState, Confirmation, Requirement, SessionId,
    Timestamp, UserId,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::proof::ProofGiven;
use super::sessions::Session;
use super::{flawed, user_ref};
use crate::app::challenges::{Ask, Whom};
use crate::app::{App, Made, assertion};
use crate::http::Shared;
use crate::http::body::{Body, MaybeBody};
use crate::http::caller::{self, May};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::Id;
use crate::http::problem::Problem;

/// The most bytes of a context, as JSON.
const MAX_CONTEXT_BYTES: usize = 4 * 1024;
/// The most members of it that a person is shown.
const MOST_SHOWN: usize = 10;

/// What actions begin with that nobody asks a proof for by themselves: what people are shown for those is ours to say.
const OF_TASKS: &str = "task.";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create_challenge))
        .routes(routes!(show_challenge, cancel_challenge))
        .routes(routes!(verify_challenge))
        .routes(routes!(assert_challenge))
}

/// Ask for proof
///
/// For a session, which the proof then raises, or for a user. The answer does not tell whether there is such a user or what
/// the user has: a challenge for somebody unknown looks like any other and can only fail.
#[utoipa::path(post, path = "/v1/challenges", tag = "Challenges",
    params(("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")), request_body = NewChallenge,
    responses((status = 201, description = "The challenge", body = Challenge)))]
async fn create_challenge(
    State(app): Shared,
    may: May<caller::Challenge>,
    Making { value: new, once }: Making<NewChallenge>,
) -> Result<Response, Problem> {
    let ask = new.checked()?;
    Ok(match app.create_challenge(&may.actor, ask, once.as_ref()).await? {
        Made::New(challenge) => created(&Challenge::at(challenge, &app)),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&crate::http::problem::INTERNAL))?;
            created_before(&Challenge::at(app.challenge(&may.actor, id).await?, &app))
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
    Ok(Json(Challenge::at(app.challenge(&may.actor, id).await?, &app)))
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

/// Verify a proof
///
/// A one-time password of any of the user's authenticator apps or hardware tokens, a backup code, or the answer to a prompt. Whatever is wrong with it, with the user
/// or with how often it was tried, the answer is the same `proof-rejected`.
#[utoipa::path(post, path = "/v1/challenges/{id}/verify", tag = "Challenges", params(("id" = String, Path)),
    request_body = ProofGiven,
    responses((status = 200, description = "The proof counts, durably", body = Satisfied)))]
async fn verify_challenge(
    State(app): Shared,
    may: May<caller::Challenge>,
    Id(id): Id<ChallengeId>,
    Body { value: proof, .. }: Body<ProofGiven>,
) -> Result<Json<Satisfied>, Problem> {
    let (given, cnf) = proof.checked_with_cnf()?;
    let verified = Arc::clone(&app).verify(may.actor, id, given, cnf).await?;
    Ok(Json(Satisfied {
        challenge: Challenge::at(verified.challenge, &app),
        authenticator: ProvedAuthenticator { id: verified.authenticator_id, kind: verified.kind },
        session: verified.session.map(Session::from),
        assertion: verified.assertion,
    }))
}

/// Get the assertion of a challenge
///
/// Of one that is satisfied, for five minutes after: where the proof was given on a page or on a phone, and the answer to it went there. The
/// body may be left out.
#[utoipa::path(post, path = "/v1/challenges/{id}/assertion", tag = "Challenges", params(("id" = String, Path)),
    request_body(content = Option<NewAssertion>),
    responses((status = 200, description = "The assertion", body = Asserted)))]
async fn assert_challenge(
    State(app): Shared,
    may: May<caller::Challenge>,
    Id(id): Id<ChallengeId>,
    MaybeBody(new): MaybeBody<NewAssertion>,
) -> Result<Json<Asserted>, Problem> {
    Ok(Json(Asserted { assertion: app.assertion(&may.actor, id, new.cnf).await? }))
}

/// What the assertion is to say.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAssertion {
    /// The key that whoever shows it has to have (RFC 7800): `{"jkt": "…"}` for DPoP (RFC 9449), `{"x5t#S256": "…"}` for a client certificate
    /// (RFC 8705).
    #[schema(value_type = Option<Object>)]
    cnf: Option<Confirmation>,
}

/// A signed token.
#[derive(Serialize, ToSchema)]
struct Asserted {
    /// Says what was proved (RFC 7519, ES256); the keys are at `/.well-known/jwks.json`.
    assertion: String,
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
    /// What the proof is for: 1 to 64 letters, digits, `.`, `_`, `:` or `-`, not beginning with `task.`. `login` if not said.
    action: Option<String>,
    /// What the action is about, amount and payee say: bound to the proof by the action hash, and not kept but for what is shown. At most 4 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: Map<String, Value>,
    /// The members of the context that the person is shown on pages and phones, 10 at most: texts, numbers or truth values.
    #[serde(default)]
    shown: Vec<String>,
    /// What is asked of the proof. Any that is right counts if not said.
    required: Option<Required>,
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
        let action = checked_action(self.action.unwrap_or_else(|| "login".to_owned()))?;
        if action.starts_with(OF_TASKS) {
            let why = "`task.` is for what is asked of people: POST /v1/tasks/{id}/challenges asks for the proof of a verdict";
            return Err(flawed("/action", why));
        }
        checked_context(&self.context, None)?;
        let longest = domain::Challenge::LONGEST_LIFETIME;
        let lifetime = self.expires_in.map_or(domain::Challenge::LIFETIME, Duration::from_secs);
        if lifetime.is_zero() || lifetime > longest {
            return Err(flawed("/expires_in", format!("must be from 1 to {} seconds", longest.as_secs())));
        }
        checked_shown(&self.shown)?;
        let required = self.required.map(Requirement::from);
        Ok(Ask { whom, action, shown: self.shown, context: self.context, required, lifetime })
    }
}

pub(super) fn checked_action(action: String) -> Result<String, Problem> {
    let shaped = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if !(1..=64).contains(&action.len()) || !action.bytes().all(shaped) {
        return Err(flawed("/action", "must have 1 to 64 letters, digits, `.`, `_`, `:` or `-`"));
    }
    Ok(action)
}

/// What is bound to a proof, in two parts: not too large.
pub(super) fn checked_context(context: &Map<String, Value>, more: Option<&Map<String, Value>>) -> Result<(), Problem> {
    let written =
        |part: &Map<String, Value>| if part.is_empty() { 0 } else { Value::Object(part.clone()).to_string().len() };
    if written(context) + more.map_or(0, written) > MAX_CONTEXT_BYTES {
        return Err(flawed("/context", "has more than 4 KiB"));
    }
    Ok(())
}

pub(super) fn checked_shown(shown: &[String]) -> Result<(), Problem> {
    if shown.len() > MOST_SHOWN {
        return Err(flawed("/shown", format!("names more than {MOST_SHOWN} members")));
    }
    Ok(())
}

/// What is asked of a proof, beyond that it is one.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Required {
    /// The level that it amounts to beside the first factor, at least: `aal1`, `aal2` or `aal3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    aal: Option<Aal>,
    /// The kinds of authenticator of which one counts. Any where there is none; text messages and e-mail count for whoever has a passkey
    /// where they are named (T-16).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    kinds: BTreeSet<AuthenticatorKind>,
    /// Only a passkey or a security key counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    phishing_resistant: bool,
}

impl From<Required> for Requirement {
    fn from(Required { aal, kinds, phishing_resistant }: Required) -> Self {
        Self { aal, kinds, phishing_resistant }
    }
}

impl From<Requirement> for Required {
    fn from(Requirement { aal, kinds, phishing_resistant }: Requirement) -> Self {
        Self { aal, kinds, phishing_resistant }
    }
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
    /// What may be given as proof, the strongest first; the same for everybody.
    methods: Vec<&'static str>,
    /// What the person is shown of the context.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    shown: Map<String, Value>,
    /// What is asked of the proof, beyond that it is one.
    required: Option<Required>,
    /// What it was satisfied by.
    #[serde(skip_serializing_if = "Option::is_none")]
    satisfied_by: Option<ProvedAuthenticator>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl Challenge {
    pub(super) fn at(challenge: domain::Challenge, app: &App) -> Self {
        let now = app.now();
        let methods = app.offered_for(&challenge).map(AuthenticatorKind::name).collect();
        Self {
            id: challenge.id,
            state: challenge.state_at(now),
            action_hash: assertion::encode(challenge.action_hash),
            action: challenge.action,
            session_id: challenge.session_id,
            methods,
            shown: challenge.shown,
            required: challenge.required.map(Required::from),
            satisfied_by: challenge
                .satisfied
                .as_ref()
                .map(|satisfied| ProvedAuthenticator { id: satisfied.authenticator_id, kind: satisfied.kind }),
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
