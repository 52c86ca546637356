//! One workflow: what it says, what it said before, and why it did not start.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::{Scope, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::workflows::Workflow;
use super::{List, external, flawed};
use crate::app::workflows::{InForce, Version, WhyNot};
use crate::app::{App, UserRef};
use crate::http::Shared;
use crate::http::caller::{May, ReadWorkflows};
use crate::http::parameters::{Named, Query};
use crate::http::problem::Problem;

/// The furthest that events are looked at, in days.
const MOST_DAYS: u64 = 366;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show_workflow)).routes(routes!(list_workflow_versions)).routes(routes!(why_not))
}

/// See a workflow
#[utoipa::path(get, path = "/v1/workflows/{name}", tag = "Workflows", params(("name" = String, Path)),
    responses((status = 200, description = "The workflow that is in force by this name", body = WorkflowShown)))]
async fn show_workflow(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Named(name): Named,
) -> Result<Json<WorkflowShown>, Problem> {
    Ok(Json(app.workflow_in_force(&name).await?.into()))
}

/// List the versions of a workflow
///
/// Each that came into force, and when it was withdrawn, as far as the log goes back.
#[utoipa::path(get, path = "/v1/workflows/{name}/versions", tag = "Workflows", params(("name" = String, Path)),
    responses((status = 200, description = "Versions, the newest first; 100 at most", body = List<Version>)))]
async fn list_workflow_versions(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Named(name): Named,
) -> Result<Json<List<Version>>, Problem> {
    Ok(Json(List::whole(app.workflow_versions(&name).await?)))
}

/// Say why a workflow did not start
///
/// For each event about a user that could have started it: what each part of the condition said, with the values that it asked for, and what came of it.
/// It takes the scope `events:read` as well.
#[utoipa::path(get, path = "/v1/workflows/{name}/why-not", tag = "Workflows", params(("name" = String, Path), WhyNotQuery),
    responses((status = 200, description = "What came of each event", body = WhyNot)))]
async fn why_not(
    State(app): Shared,
    may: May<ReadWorkflows>,
    Named(name): Named,
    Query(query): Query<WhyNotQuery>,
) -> Result<Json<WhyNot>, Problem> {
    may.also(Scope::EventsRead)?;
    let days = query.days.unwrap_or(30);
    if days == 0 || days > MOST_DAYS {
        return Err(flawed("days", format!("must be 1 to {MOST_DAYS}")));
    }
    let user = match query.user.parse::<UserId>() {
        Ok(id) => UserRef::Id(id),
        Err(_) => UserRef::External(external(&query.user)?),
    };
    Ok(Json(app.why_not_started(&name, &user, Duration::from_hours(24 * days)).await?))
}

/// Of whom.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WhyNotQuery {
    /// The user: by id, or by what the application calls them.
    user: String,
    /// How many days of events, 366 at most; 30 if not said.
    days: Option<u64>,
}

/// A workflow that is in force, as a whole.
#[derive(Serialize, ToSchema)]
struct WorkflowShown {
    #[serde(flatten)]
    workflow: Workflow,
    /// What it says, as JSON.
    #[schema(value_type = Object)]
    content: Value,
    /// The kinds of events that its steps wait for.
    awaits: Vec<&'static str>,
    /// The workflows that it calls.
    calls: Vec<String>,
}

impl From<InForce> for WorkflowShown {
    fn from(found: InForce) -> Self {
        let definition = Arc::clone(&found.definition);
        Self {
            workflow: found.into(),
            content: definition.content().clone(),
            awaits: definition.awaits().into_iter().map(domain::EventKind::name).collect(),
            calls: definition.calls().map(str::to_owned).collect(),
        }
    }
}
