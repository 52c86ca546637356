//! What an operator should know.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::app::doctor::Check;
use crate::http::Shared;
use crate::http::caller::{Administer, May};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(examine))
}

/// Look at the health and protection of this server
#[utoipa::path(get, path = "/v1/doctor", tag = "Operation",
    responses((status = 200, description = "Each thing that was looked at", body = Findings)))]
async fn examine(State(app): Shared, _: May<Administer>) -> Json<Findings> {
    Json(Findings { checks: app.doctor().await })
}

#[derive(Serialize, ToSchema)]
struct Findings {
    checks: Vec<Check>,
}
