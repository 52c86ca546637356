//! Moving the clock: only on a server that was started for tests, on a store that was made for tests.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::flawed;
use crate::app::App;
use crate::app::testing::Move;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{Administer, May};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(move_clock))
}

/// Move the clock
///
/// Exactly one of the two is wanted.
#[utoipa::path(post, path = "/v1/testing/clock", tag = "Testing", request_body = MoveClock,
    responses((status = 200, description = "The time now", body = Now)))]
async fn move_clock(
    State(app): Shared,
    _: May<Administer>,
    Body { value: wish, .. }: Body<MoveClock>,
) -> Result<Json<Now>, Problem> {
    let by = match (wish.advance_millis, wish.jump_millis) {
        (Some(millis), None) => Move::Advance(Duration::from_millis(millis)),
        (None, Some(millis)) => Move::Jump(millis),
        _ => return Err(flawed("/advance_millis", "either advance_millis or jump_millis is wanted, and not both")),
    };
    Ok(Json(Now { now: app.move_clock(by).await? }))
}

/// How to move the clock.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveClock {
    /// So much time passes.
    advance_millis: Option<u64>,
    /// The clock is set wrong by so much; may be negative.
    jump_millis: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct Now {
    #[schema(value_type = String)]
    now: Timestamp,
}
