//! Calls from outside that start workflows. Whoever calls knows no API key of ours, and signs instead (Standard Webhooks).

use std::sync::Arc;

use axum::extract::{Request, State};
use http::StatusCode;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::workflows::Call;
use crate::http::Shared;
use crate::http::body::{MAX_BYTES, parse, whole};
use crate::http::parameters::Named;
use crate::http::peer::Peer;
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(call_workflow))
}

/// Call a workflow
///
/// For whoever has the secret of a trigger `webhook`, and no API key: signed as Standard Webhooks are. A call whose `webhook-id` came before
/// starts nothing again. The body is a JSON object, `webhook.body` of the run.
#[utoipa::path(post, path = "/v1/webhooks/{workflow}", tag = "Workflows", security(()),
    params(("workflow" = String, Path, description = "The workflow's name"),
        ("webhook-id" = String, Header, description = "Its own, the same each time that this call is tried: up to 256 characters, and no `.`"),
        ("webhook-timestamp" = String, Header, description = "When it was sent, in seconds of Unix time: within five minutes"),
        ("webhook-signature" = String, Header, description = "`v1,` and HMAC-SHA256 in base64, over id, time and body; several with spaces between them")),
    request_body(content = Object),
    responses((status = 202, description = "It was taken")))]
async fn call_workflow(State(app): Shared, Named(workflow): Named, request: Request) -> Result<StatusCode, Problem> {
    let peer = request.extensions().get::<Peer>().copied();
    let from = peer.map(|peer| peer.origin(request.headers(), &app.settings.trusted_proxies));
    let headers = request.headers().clone();
    let body = whole(request, MAX_BYTES).await?;
    // One that is there twice could be read in two ways.
    let text = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().unwrap_or_default(),
            _ => "",
        }
    };
    let call = Call {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        body: &body,
    };
    let accepted = app.accept_webhook(&workflow, &call, from)?;
    let body: Map<String, Value> = parse(&body)?;
    app.take_webhook(accepted, body).await?;
    Ok(StatusCode::ACCEPTED)
}
