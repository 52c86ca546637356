//! Authenticators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{AuthenticatorId, AuthenticatorKind, AuthenticatorState, DeviceId, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::enrollments::{Picture, ViewWhen, inline, no_store, started, text};
use super::{List, flawed, key_bytes, name};
use crate::app::App;
use crate::app::authenticators::Seen;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{Enroll, May, ReadAuthenticators, WriteAuthenticators};
use crate::http::idempotency_key::Making;
use crate::http::parameters::Id;
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_authenticators))
        .routes(routes!(replace_backup_codes))
        .routes(routes!(show_authenticator, rename_authenticator))
        .routes(routes!(suspend_authenticator))
        .routes(routes!(resume_authenticator))
        .routes(routes!(revoke_authenticator))
        .routes(routes!(report_lost_authenticator))
        .routes(routes!(resynchronize_authenticator))
        .routes(routes!(rotate_authenticator))
}

/// List a user's authenticators
#[utoipa::path(get, path = "/v1/users/{id}/authenticators", tag = "Authenticators", params(("id" = String, Path)),
    responses((status = 200, description = "The authenticators in all states, oldest first", body = List<Authenticator>)))]
async fn list_authenticators(
    State(app): Shared,
    _: May<ReadAuthenticators>,
    Id(id): Id<UserId>,
) -> Result<Json<List<Authenticator>>, Problem> {
    Ok(Json(List::whole(app.authenticators_of(id).await?.into_iter().map(Authenticator::from))))
}

/// Make another set of backup codes
///
/// For a session that could enroll: recent, and in which an authenticator of the user's was proved. The old set is worth nothing from
/// then on, and sessions forget what was proved with it. The codes are shown here and nowhere else.
#[utoipa::path(post, path = "/v1/users/{id}/backup-codes", tag = "Authenticators", params(("id" = String, Path),
        ("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")),
    request_body = NewBackupCodes,
    responses((status = 200, description = "The new set", body = NewSet)))]
async fn replace_backup_codes(
    State(app): Shared,
    may: May<Enroll>,
    Id(user): Id<UserId>,
    Body { value: NewBackupCodes { session_id }, .. }: Body<NewBackupCodes>,
) -> Result<Response, Problem> {
    let (set, codes) = app.replace_backup_codes(&may.actor, user, session_id).await?;
    let left = u32::try_from(codes.len()).unwrap_or(u32::MAX);
    let answer =
        NewSet { authenticator: Authenticator::new(set, Some(left)), backup_codes: codes.iter().map(text).collect() };
    Ok(no_store(Json(answer).into_response()))
}

/// See an authenticator
#[utoipa::path(get, path = "/v1/authenticators/{id}", tag = "Authenticators", params(("id" = String, Path)),
    responses((status = 200, description = "The authenticator", body = Authenticator)))]
async fn show_authenticator(
    State(app): Shared,
    _: May<ReadAuthenticators>,
    Id(id): Id<AuthenticatorId>,
) -> Result<Json<Authenticator>, Problem> {
    Ok(Json(app.authenticator(id).await?.into()))
}

/// Rename an authenticator
#[utoipa::path(patch, path = "/v1/authenticators/{id}", tag = "Authenticators", params(("id" = String, Path)),
    request_body = Rename,
    responses((status = 200, description = "The authenticator", body = Authenticator)))]
async fn rename_authenticator(
    State(app): Shared,
    may: May<WriteAuthenticators>,
    Id(id): Id<AuthenticatorId>,
    Body { value: rename, .. }: Body<Rename>,
) -> Result<Json<Authenticator>, Problem> {
    let label = name("/label", &rename.label)?;
    Ok(Json(app.rename_authenticator(&may.actor, id, label, None).await?.into()))
}

/// Suspend an authenticator
#[utoipa::path(post, path = "/v1/authenticators/{id}/suspend", tag = "Authenticators", params(("id" = String, Path)),
    responses((status = 200, description = "It cannot be used until resumed", body = Authenticator)))]
async fn suspend_authenticator(
    State(app): Shared,
    may: May<WriteAuthenticators>,
    Id(id): Id<AuthenticatorId>,
) -> Result<Json<Authenticator>, Problem> {
    Ok(Json(app.set_authenticator_state(&may.actor, id, AuthenticatorState::Suspended, None).await?.into()))
}

/// Resume a suspended authenticator
///
/// Not one that was suspended for a hundred wrong codes in a row: that one has to be bound anew (NIST SP 800-63B-4 §3.2.2).
#[utoipa::path(post, path = "/v1/authenticators/{id}/resume", tag = "Authenticators", params(("id" = String, Path)),
    responses((status = 200, description = "It can be used again", body = Authenticator)))]
async fn resume_authenticator(
    State(app): Shared,
    may: May<WriteAuthenticators>,
    Id(id): Id<AuthenticatorId>,
) -> Result<Json<Authenticator>, Problem> {
    Ok(Json(app.set_authenticator_state(&may.actor, id, AuthenticatorState::Active, None).await?.into()))
}

/// Revoke an authenticator
#[utoipa::path(post, path = "/v1/authenticators/{id}/revoke", tag = "Authenticators", params(("id" = String, Path)),
    responses((status = 200, description = "It is gone for good, at once, on every server", body = Authenticator)))]
async fn revoke_authenticator(
    State(app): Shared,
    may: May<WriteAuthenticators>,
    Id(id): Id<AuthenticatorId>,
) -> Result<Json<Authenticator>, Problem> {
    Ok(Json(app.set_authenticator_state(&may.actor, id, AuthenticatorState::Revoked, None).await?.into()))
}

/// Report an authenticator lost
#[utoipa::path(post, path = "/v1/authenticators/{id}/report-lost", tag = "Authenticators", params(("id" = String, Path)),
    responses((status = 200, description = "It can never be used again", body = Authenticator)))]
async fn report_lost_authenticator(
    State(app): Shared,
    may: May<WriteAuthenticators>,
    Id(id): Id<AuthenticatorId>,
) -> Result<Json<Authenticator>, Problem> {
    Ok(Json(app.set_authenticator_state(&may.actor, id, AuthenticatorState::Lost, None).await?.into()))
}

/// Find a device again that counts its codes
///
/// For `hotp`, when codes are refused because too many were made and not used: with two codes that the device gave one after the
/// other. Neither may have been used. Wrong ones are counted as any wrong code is, and refused in the same words.
#[utoipa::path(post, path = "/v1/authenticators/{id}/resynchronize", tag = "Authenticators", params(("id" = String, Path)),
    request_body = TwoCodes,
    responses((status = 200, description = "Its next code counts", body = Authenticator)))]
async fn resynchronize_authenticator(
    State(app): Shared,
    may: May<WriteAuthenticators>,
    Id(id): Id<AuthenticatorId>,
    Body { value: TwoCodes { codes }, .. }: Body<TwoCodes>,
) -> Result<Json<Authenticator>, Problem> {
    let [first, second] = codes.as_slice() else { return Err(flawed("/codes", "are two")) };
    Ok(Json(app.resynchronize(may.actor, id, [first.as_str(), second.as_str()]).await?.into()))
}

/// Give an authenticator a new key
///
/// Starts an enrollment on the same device; the old key counts until the new one is confirmed.
#[utoipa::path(post, path = "/v1/authenticators/{id}/rotate", tag = "Authenticators", params(("id" = String, Path),
        ("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")),
    request_body = Rotate,
    responses((status = 201, description = "The enrollment of the new key", body = Object)))]
async fn rotate_authenticator(
    State(app): Shared,
    may: May<Enroll>,
    Id(id): Id<AuthenticatorId>,
    Making { value: rotate, once }: Making<Rotate>,
) -> Result<Response, Problem> {
    let recipient = rotate.recipient_key.map(|key| key_bytes("/recipient_key", &key)).transpose()?;
    let inline = inline(rotate.view, rotate.qr)?;
    let made = app.rotate_authenticator(&may.actor, id, rotate.session_id, recipient, inline, once.as_ref()).await?;
    started(&app, &may.actor, made).await
}

/// Another label.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    /// What its owner calls it.
    label: String,
}

/// A wish for another set of backup codes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBackupCodes {
    /// A session of the user's that is trusted enough.
    #[schema(value_type = String)]
    session_id: SessionId,
}

/// A set of backup codes that was made.
#[derive(Serialize, ToSchema)]
struct NewSet {
    authenticator: Authenticator,
    /// The codes, this once.
    #[schema(value_type = Vec<String>)]
    backup_codes: Vec<zeroize::Zeroizing<String>>,
}

/// Two codes in a row.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TwoCodes {
    /// Both, in the order in which the device gave them.
    #[schema(value_type = Vec<String>)]
    codes: Vec<zeroize::Zeroizing<String>>,
}

/// A wish for a new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotate {
    /// A session of the authenticator's user that is trusted enough.
    #[schema(value_type = String)]
    session_id: SessionId,
    /// An X25519 public key, base64url, to seal the view to.
    recipient_key: Option<String>,
    /// As when enrolling.
    view: Option<ViewWhen>,
    /// As when enrolling.
    qr: Option<Picture>,
}

/// One factor bound to one user and one device.
#[derive(Serialize, ToSchema)]
pub(super) struct Authenticator {
    #[schema(value_type = String, example = "ath_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: AuthenticatorId,
    #[schema(value_type = String)]
    user_id: UserId,
    #[schema(value_type = Option<String>)]
    device_id: Option<DeviceId>,
    /// `totp` or `backup_codes`.
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    /// `pending`, `active`, `suspended`, `expired`, `lost` or `revoked`.
    #[schema(value_type = String)]
    state: AuthenticatorState,
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digits: Option<i16>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<i16>,
    /// Unused backup codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    codes_left: Option<u32>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    activated_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Timestamp>,
    /// When it counts for nothing any more, if it has an end: a browser that is remembered, and what was given one.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// When its owner was asked to replace it, if that is so.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_asked_at: Option<Timestamp>,
}

impl Authenticator {
    pub(super) fn new(authenticator: domain::Authenticator, codes_left: Option<u32>) -> Self {
        let expires_at = authenticator.expires_at();
        let sealed = authenticator.sealed;
        Self {
            id: authenticator.id,
            user_id: authenticator.user_id,
            device_id: authenticator.device_id,
            kind: authenticator.kind,
            state: authenticator.state,
            label: authenticator.label,
            digits: sealed.as_ref().map(|sealed| sealed.digits),
            period: sealed.as_ref().map(|sealed| sealed.period).filter(|period| *period > 0),
            algorithm: sealed.map(|sealed| sealed.algorithm),
            codes_left,
            created_at: authenticator.created_at,
            activated_at: authenticator.activated_at,
            last_used_at: authenticator.last_used_at,
            expires_at,
            rotation_asked_at: authenticator.rotation_asked_at,
        }
    }
}

impl From<Seen> for Authenticator {
    fn from(seen: Seen) -> Self {
        Self::new(seen.authenticator, seen.codes_left)
    }
}
