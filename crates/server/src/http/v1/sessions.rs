//! Sessions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::{Aal, Amr, AuthenticatorId, AuthenticatorKind, Confirmation, DeviceId, SessionId, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, flawed, user_ref};
use crate::app::sessions::LogIn;
use crate::app::{App, Made};
use crate::http::Shared;
use crate::http::caller::{May, UseSessions};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::Id;
use crate::http::problem::{INTERNAL, Problem};

/// The longest that one can count.
const LONGEST: Duration = Duration::from_hours(24 * 30);

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(register_session))
        .routes(routes!(show_session, end_session))
        .routes(routes!(list_sessions))
}

/// Register a log-in
///
/// Tell of a session after your own login, with the methods of its first factor. Its level starts at `aal1`; proofs raise it.
#[utoipa::path(post, path = "/v1/sessions", tag = "Sessions", request_body = NewSession,
    responses((status = 201, description = "The session", body = Session)))]
async fn register_session(
    State(app): Shared,
    may: May<UseSessions>,
    Making { value: new, once }: Making<NewSession>,
) -> Result<Response, Problem> {
    let log_in = new.checked()?;
    Ok(match app.register_session(&may.actor, log_in, once.as_ref()).await? {
        Made::New(session) => created(&Session::from(session)),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&INTERNAL))?;
            created_before(&Session::from(app.own_session(&may.actor, id).await?))
        }
    })
}

/// See a session
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "Sessions", params(("id" = String, Path)),
    responses((status = 200, description = "The session", body = Session)))]
async fn show_session(
    State(app): Shared,
    may: May<UseSessions>,
    Id(id): Id<SessionId>,
) -> Result<Json<Session>, Problem> {
    Ok(Json(app.own_session(&may.actor, id).await?.into()))
}

/// End a session
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "Sessions", params(("id" = String, Path)),
    responses((status = 204, description = "It counts for nothing any more")))]
async fn end_session(State(app): Shared, may: May<UseSessions>, Id(id): Id<SessionId>) -> Result<StatusCode, Problem> {
    app.end_session(&may.actor, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List a user's live sessions
#[utoipa::path(get, path = "/v1/users/{id}/sessions", tag = "Sessions", params(("id" = String, Path)),
    responses((status = 200, description = "The sessions, newest first", body = List<Session>)))]
async fn list_sessions(
    State(app): Shared,
    may: May<UseSessions>,
    Id(id): Id<UserId>,
) -> Result<Json<List<Session>>, Problem> {
    let sessions = app.sessions_of(&may.actor, id).await?;
    Ok(Json(List::whole(sessions.into_iter().map(Session::from))))
}

/// A log-in. Exactly one of `user_id` and `external_id` is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    /// Who logged in.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Who logged in, by your own id.
    external_id: Option<String>,
    /// How: RFC 8176 names of the first factor's methods, at least one.
    #[schema(value_type = Vec<String>, example = json!(["pwd"]))]
    amr: BTreeSet<Amr>,
    /// When, in RFC 3339; now if not said.
    #[schema(value_type = Option<String>)]
    authenticated_at: Option<Timestamp>,
    /// Seconds that the session counts: 8 hours if not said, 30 days at most.
    expires_in: Option<u64>,
    /// From which of the user's devices.
    #[schema(value_type = Option<String>)]
    device_id: Option<DeviceId>,
    /// The address that the user came from.
    #[schema(value_type = Option<String>)]
    address: Option<std::net::IpAddr>,
    /// The `User-Agent` that the user came with, 512 bytes at most.
    user_agent: Option<String>,
    /// The key that the client has and keeps, by its thumbprint (RFC 7638): `{"jkt": "…"}`. The session is then good for nothing without a proof of it
    /// in `Client-Proof`, and its assertions are bound to it.
    #[schema(value_type = Option<Object>)]
    cnf: Option<Confirmation>,
}

impl NewSession {
    pub(super) fn checked(self) -> Result<LogIn, Problem> {
        let user = user_ref(self.user_id, self.external_id.as_deref())?;
        if self.amr.is_empty() || self.amr.len() > 8 {
            return Err(flawed("/amr", "names the methods of the first factor, 1 to 8 of them, as [\"pwd\"]"));
        }
        let lifetime = self.expires_in.map_or(domain::Session::LIFETIME, Duration::from_secs);
        if lifetime.is_zero() || lifetime > LONGEST {
            return Err(flawed("/expires_in", format!("must be from 1 to {} seconds", LONGEST.as_secs())));
        }
        if self.user_agent.as_ref().is_some_and(|agent| agent.len() > 512) {
            return Err(flawed("/user_agent", "has more than 512 bytes"));
        }
        if matches!(self.cnf, Some(Confirmation::X5tS256(_))) {
            return Err(flawed(
                "/cnf",
                "must name a key by `jkt`: a certificate of your client's cannot be shown to us",
            ));
        }
        Ok(LogIn {
            cnf: self.cnf,
            user,
            amr: self.amr,
            authenticated_at: self.authenticated_at,
            lifetime,
            device_id: self.device_id,
            address: self.address,
            user_agent: self.user_agent,
        })
    }
}

/// An application's login session.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    #[schema(value_type = String, example = "ses_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: SessionId,
    #[schema(value_type = String)]
    user_id: UserId,
    #[schema(value_type = Option<String>)]
    device_id: Option<DeviceId>,
    /// The methods of the first factor (RFC 8176).
    #[schema(value_type = Vec<String>)]
    amr: BTreeSet<Amr>,
    /// The assurance level (NIST SP 800-63B-4): `aal1`, `aal2` or `aal3`.
    #[schema(value_type = String)]
    aal: Aal,
    /// What was proved in it, the newest of each authenticator.
    proofs: Vec<SessionProof>,
    #[schema(value_type = String)]
    authenticated_at: Timestamp,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>)]
    ended_at: Option<Timestamp>,
    /// The key that it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    cnf: Option<Confirmation>,
}

/// Something proved in a session.
#[derive(Serialize, ToSchema)]
struct SessionProof {
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    #[schema(value_type = String)]
    verified_at: Timestamp,
}

impl From<domain::Session> for Session {
    fn from(session: domain::Session) -> Self {
        let proofs = session.proofs.into_iter().map(|proof| SessionProof {
            authenticator_id: proof.authenticator_id,
            kind: proof.kind,
            verified_at: proof.verified_at,
        });
        Self {
            id: session.id,
            user_id: session.user_id,
            device_id: session.device_id,
            amr: session.amr,
            aal: session.aal,
            proofs: proofs.collect(),
            authenticated_at: session.authenticated_at,
            created_at: session.created_at,
            expires_at: session.expires_at,
            ended_at: session.ended_at,
            cnf: session.cnf,
        }
    }
}
