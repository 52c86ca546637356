//! Addresses that are refused for a while.

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
    OpenApiRouter::new().routes(routes!(list_blocked_addresses)).routes(routes!(unblock_address))
}

/// List blocked addresses
///
/// Those that workflows have refused (`risk.block_address`): no session begins there, and decisions about what is asked from there deny.
#[utoipa::path(get, path = "/v1/blocked-addresses", tag = "Workflows",
    responses((status = 200, description = "Addresses and prefixes", body = List<BlockedAddress>)))]
async fn list_blocked_addresses(
    State(app): Shared,
    _: May<ReadWorkflows>,
) -> Result<Json<List<BlockedAddress>>, Problem> {
    let blocked = app.blocked_addresses().await?;
    Ok(Json(List::whole(blocked.into_iter().map(|(address, until)| BlockedAddress { address, until }))))
}

/// Unblock an address
#[utoipa::path(post, path = "/v1/blocked-addresses/unblock", tag = "Workflows", request_body = Unblock,
    responses((status = 204, description = "It is blocked no more")))]
async fn unblock_address(
    State(app): Shared,
    may: May<RunWorkflows>,
    Body { value: unblock, .. }: Body<Unblock>,
) -> Result<StatusCode, Problem> {
    app.unblock_address(&may.actor, &unblock.address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An address or prefix that is refused.
#[derive(Serialize, ToSchema)]
struct BlockedAddress {
    /// As a prefix.
    #[schema(example = "203.0.113.7/32")]
    address: String,
    #[schema(value_type = String)]
    until: Timestamp,
}

/// Which one is refused no more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Unblock {
    /// As it is listed.
    #[schema(example = "203.0.113.7/32")]
    address: String,
}
