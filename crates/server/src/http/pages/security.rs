//! A person's own page: what they have, and the changes that they may make.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{
    Aal, AuthenticatorId, AuthenticatorKind, AuthenticatorState, DeviceId, DeviceKind, EventKind, SessionId, Timestamp,
    Wanted,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::browser::FromPage;
use super::{Nothing, answer};
use crate::app::enrollments::own_label;
use crate::app::pages;
use crate::app::{App, authenticators};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::v1::name;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(add_on_page))
        .routes(routes!(replace_on_page))
        .routes(routes!(renew_backup_codes_on_page))
        .routes(routes!(rename_on_page))
        .routes(routes!(remove_on_page))
        .routes(routes!(report_lost_on_page))
        .routes(routes!(sign_out_on_page))
}

/// Add an authenticator
///
/// Where the session has to prove something first the answer is the step `prove`, and the proof's is what was wanted. So it is with each
/// change. `cancel` leaves what was begun.
#[utoipa::path(post, path = "/pages/security/add", tag = "Pages in the browser", security(()), request_body = Nothing,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What can be enrolled, or what is to be proved first", body = Object)))]
async fn add_on_page(State(app): Shared, FromPage(visitor): FromPage, _: Body<Nothing>) -> Result<Response, Problem> {
    Ok(answer(&app, app.change_on_page(&visitor, Wanted::Add).await?).await)
}

/// Replace an authenticator
///
/// By the one that is enrolled next; the old one counts until then.
#[utoipa::path(post, path = "/pages/security/replace", tag = "Pages in the browser", security(()), request_body = ChangeOwn,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What can be enrolled, or what is to be proved first", body = Object)))]
async fn replace_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: change, .. }: Body<ChangeOwn>,
) -> Result<Response, Problem> {
    Ok(answer(&app, app.change_on_page(&visitor, Wanted::Replace(change.authenticator_id)).await?).await)
}

/// Get other backup codes
///
/// Shown with the answer and nowhere else; those before count no more.
#[utoipa::path(post, path = "/pages/security/backup-codes", tag = "Pages in the browser", security(()), request_body = Nothing,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "The codes, or what is to be proved first", body = Object)))]
async fn renew_backup_codes_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    _: Body<Nothing>,
) -> Result<Response, Problem> {
    Ok(answer(&app, app.change_on_page(&visitor, Wanted::BackupCodes).await?).await)
}

/// Give an authenticator another name
#[utoipa::path(post, path = "/pages/security/rename", tag = "Pages in the browser", security(()), request_body = RenameOwn,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is now, or what is to be proved first", body = Object)))]
async fn rename_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: rename, .. }: Body<RenameOwn>,
) -> Result<Response, Problem> {
    let wanted = Wanted::Rename(rename.authenticator_id, name("/label", &rename.label)?);
    Ok(answer(&app, app.change_on_page(&visitor, wanted).await?).await)
}

/// Remove an authenticator
///
/// For good, at once, with what sessions proved with it.
#[utoipa::path(post, path = "/pages/security/remove", tag = "Pages in the browser", security(()), request_body = ChangeOwn,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is now, or what is to be proved first", body = Object)))]
async fn remove_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: change, .. }: Body<ChangeOwn>,
) -> Result<Response, Problem> {
    Ok(answer(&app, app.change_on_page(&visitor, Wanted::Remove(change.authenticator_id)).await?).await)
}

/// Report an authenticator lost
///
/// It can never be used again.
#[utoipa::path(post, path = "/pages/security/lost", tag = "Pages in the browser", security(()), request_body = ChangeOwn,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is now, or what is to be proved first", body = Object)))]
async fn report_lost_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: change, .. }: Body<ChangeOwn>,
) -> Result<Response, Problem> {
    Ok(answer(&app, app.change_on_page(&visitor, Wanted::ReportLost(change.authenticator_id)).await?).await)
}

/// Sign out elsewhere
///
/// Ends one session, or every other than the one that this page is of.
#[utoipa::path(post, path = "/pages/security/sign-out", tag = "Pages in the browser", security(()), request_body = SignOut,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is now, or what is to be proved first", body = Object)))]
async fn sign_out_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: sign_out, .. }: Body<SignOut>,
) -> Result<Response, Problem> {
    Ok(answer(&app, app.change_on_page(&visitor, Wanted::SignOut(sign_out.session_id)).await?).await)
}

/// Another name for an authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameOwn {
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
    /// What its owner calls it from now on.
    label: String,
}

/// A change to an authenticator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeOwn {
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
}

/// Sessions to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOut {
    /// Which; every other one if not said.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
}

/// What a person has.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    authenticators: Vec<Own>,
    devices: Vec<OwnDevice>,
    /// Those with the application that the page is of, the newest first.
    sessions: Vec<OwnSession>,
    /// What happened of late, the newest first.
    activity: Vec<Happened>,
    /// Whether something can be changed without proving more.
    may_change: bool,
    /// Whether all is told. Where the session has shown a password and no more, there are no names, addresses and times of use, no other
    /// devices and no activity.
    tells_all: bool,
}

/// An authenticator of one's own.
#[derive(Serialize, ToSchema)]
struct Own {
    #[schema(value_type = String)]
    id: AuthenticatorId,
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    /// `active` or `suspended`.
    #[schema(value_type = String)]
    state: AuthenticatorState,
    /// What its owner calls it, if anything.
    label: Option<String>,
    /// Where codes go, with most of it hidden.
    to: Option<String>,
    /// Unused backup codes.
    codes_left: Option<u32>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Timestamp>,
    /// When it counts for nothing any more, for a browser that is remembered.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

/// A device of one's own.
#[derive(Serialize, ToSchema)]
struct OwnDevice {
    #[schema(value_type = String)]
    id: DeviceId,
    name: String,
    #[schema(value_type = String)]
    kind: DeviceKind,
    /// Whether the page's session is on it.
    current: bool,
}

/// A session of one's own.
#[derive(Serialize, ToSchema)]
struct OwnSession {
    #[schema(value_type = String)]
    id: SessionId,
    /// Whether it is the one that the page is of.
    current: bool,
    #[schema(value_type = String)]
    aal: Aal,
    #[schema(value_type = Option<String>)]
    device_id: Option<DeviceId>,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
struct Happened {
    #[schema(value_type = String)]
    at: Timestamp,
    #[schema(value_type = String)]
    kind: EventKind,
    #[schema(value_type = Option<String>)]
    authenticator_id: Option<AuthenticatorId>,
    /// What is known of it.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
    /// Where from.
    address: Option<String>,
}

impl From<pages::Overview> for Overview {
    fn from(overview: pages::Overview) -> Self {
        let session = overview.session;
        let devices = overview.devices.into_iter().map(|device| OwnDevice {
            current: session.device_id == Some(device.id),
            id: device.id,
            name: device.name,
            kind: device.kind,
        });
        let sessions = overview.sessions.into_iter().map(|other| OwnSession {
            current: other.id == session.id,
            id: other.id,
            aal: other.aal,
            device_id: other.device_id,
            created_at: other.created_at,
        });
        let activity = overview.activity.into_iter().map(|event| Happened {
            at: event.at,
            kind: event.kind,
            authenticator_id: event.about.authenticator_id,
            address: event.details.and_then(|details| details.fields.get("address")?.as_str().map(str::to_owned)),
            data: event.data,
        });
        Self {
            authenticators: overview
                .authenticators
                .into_iter()
                .map(|seen| Own::told(seen, overview.tells_all))
                .collect(),
            devices: devices.collect(),
            sessions: sessions.collect(),
            activity: activity.collect(),
            may_change: overview.may_change,
            tells_all: overview.tells_all,
        }
    }
}

impl Own {
    fn told(seen: authenticators::Seen, all: bool) -> Self {
        let authenticator = seen.authenticator;
        let expires_at = authenticator.expires_at();
        Self {
            id: authenticator.id,
            kind: authenticator.kind,
            state: authenticator.state,
            to: authenticator.credential.as_ref().filter(|_| all).and_then(domain::Credential::masked),
            label: own_label(authenticator.kind, authenticator.label).filter(|_| all),
            codes_left: seen.codes_left.filter(|_| all),
            created_at: authenticator.created_at,
            expires_at,
            last_used_at: authenticator.last_used_at.filter(|_| all),
        }
    }
}
