//! Backup codes: other ones in the place of those that there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::SessionId;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::authenticators::Authenticator;
use super::enrollments::{no_store, text};
use crate::app::App;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{Enroll, May};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(renew_backup_codes))
}

/// Get other backup codes
///
/// For the user of a session that is trusted as an enrollment wants it. Those before count no more, at once, on every server. The new ones
/// are shown here and nowhere else: where the answer is lost, ask again.
#[utoipa::path(post, path = "/v1/backup-codes", tag = "Authenticators", request_body = Renewal,
    responses((status = 201, description = "The new set", body = RenewedBackupCodes)))]
async fn renew_backup_codes(
    State(app): Shared,
    may: May<Enroll>,
    Body { value: renewal, .. }: Body<Renewal>,
) -> Result<Response, Problem> {
    let renewed = app.renew_backup_codes(&may.actor, renewal.session_id).await?;
    let answer = RenewedBackupCodes {
        backup_codes: renewed.codes.iter().map(text).collect(),
        authenticator: Authenticator::new(renewed.authenticator, None),
    };
    Ok(no_store((StatusCode::CREATED, Json(answer)).into_response()))
}

/// A wish for other backup codes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewal {
    /// The session that is trusted enough.
    #[schema(value_type = String)]
    session_id: SessionId,
}

/// Other backup codes.
#[derive(Serialize, ToSchema)]
struct RenewedBackupCodes {
    authenticator: Authenticator,
    /// Each usable once, never shown again.
    #[schema(value_type = Vec<String>, example = json!(["7Q3W-9K2M-X4TZ"]))]
    backup_codes: Vec<Zeroizing<String>>,
}
