//! Gateways that workflows switch away from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::List;
use crate::app::App;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{May, ReadWorkflows, RunWorkflows};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_gateway_switches)).routes(routes!(end_gateway_switch))
}

/// List gateways that are switched away from
///
/// Those that workflows have used after all others of their channel (`gateway.switch`), each until a time.
#[utoipa::path(get, path = "/v1/gateway-switches", tag = "Workflows",
    responses((status = 200, description = "By the gateway's name", body = List<GatewaySwitch>)))]
async fn list_gateway_switches(
    State(app): Shared,
    _: May<ReadWorkflows>,
) -> Result<Json<List<GatewaySwitch>>, Problem> {
    let switches = app.gateway_switches().await?.into_iter().map(|one| GatewaySwitch {
        gateway: one.gateway,
        channel: one.channel,
        since: one.at,
        until: one.ends_at,
    });
    Ok(Json(List::whole(switches)))
}

/// Use a gateway as before
#[utoipa::path(post, path = "/v1/gateway-switches/end", tag = "Workflows", request_body = EndSwitch,
    responses((status = 204, description = "It is used as before")))]
async fn end_gateway_switch(
    State(app): Shared,
    may: May<RunWorkflows>,
    Body { value: EndSwitch { gateway }, .. }: Body<EndSwitch>,
) -> Result<StatusCode, Problem> {
    app.end_switch(&may.actor, &gateway).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A gateway that is used after all others of its channel.
#[derive(Serialize, ToSchema)]
struct GatewaySwitch {
    /// Its name in the configuration.
    #[schema(example = "main")]
    gateway: String,
    /// `sms` or `email`.
    channel: String,
    #[schema(value_type = String)]
    since: Timestamp,
    #[schema(value_type = String)]
    until: Timestamp,
}

/// Which one is used as before.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndSwitch {
    /// As it is listed.
    #[schema(example = "main", max_length = 256)]
    gateway: String,
}
