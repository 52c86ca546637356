//! Receipts: what SMS gateways tell of messages that they carried. They know no API key of ours, and sign instead.

use std::sync::Arc;

use axum::extract::{Request, State};
use gateway::sms::Posted;
use http::{StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use super::body::MAX_BYTES;
use super::parameters::Named;
use super::problem::{Problem, TIMEOUT, TOO_LARGE, UNAUTHENTICATED};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(take_receipt))
}

/// Tell what became of a message
///
/// For gateways alone: the body is whatever the gateway sends, a form or JSON, and is believed if the gateway signed it.
#[utoipa::path(post, path = "/receipts/{gateway}", tag = "Operation", security(()),
    params(("gateway" = String, Path, description = "The gateway's name in the configuration")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 204, description = "It was taken")))]
async fn take_receipt(State(app): Shared, Named(gateway): Named, request: Request) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Problem::of(&TOO_LARGE)),
        Err(_) => return Err(Problem::new(&TIMEOUT, "The body did not arrive whole.")),
    };
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("{}/receipts/{gateway}{query}", app.settings.issuer);
    let posted = Posted {
        url: &url,
        signature: text("x-twilio-signature"),
        authorization: text(header::AUTHORIZATION.as_str()),
        is_json: text(header::CONTENT_TYPE.as_str()).starts_with("application/json"),
        body: &body,
    };
    match app.take_receipt(&gateway, &posted).await? {
        Some(()) => Ok(StatusCode::NO_CONTENT),
        None => Err(Problem::new(&UNAUTHENTICATED, "The receipt is not signed by the gateway, or too long ago.")),
    }
}
