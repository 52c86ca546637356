//! How workflows do.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::RunState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, flawed};
use crate::app::App;
use crate::app::workflows;
use crate::http::Shared;
use crate::http::caller::{May, ReadWorkflows};
use crate::http::parameters::{Named, Query};
use crate::http::problem::Problem;

/// An hour, if nothing is said.
const WINDOW: u64 = 3600;
/// As long as runs are kept.
const LONGEST: u64 = 30 * 86_400;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(stats_of_workflows)).routes(routes!(stats_of_workflow))
}

/// See how workflows do
///
/// Those that are in force, or were withdrawn and have runs that are not over, by name, from the newest 1,000 runs of each.
#[utoipa::path(get, path = "/v1/workflow-stats", tag = "Workflows", params(StatsQuery),
    responses((status = 200, description = "How each does", body = List<WorkflowStats>)))]
async fn stats_of_workflows(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Query(query): Query<StatsQuery>,
) -> Result<Json<List<WorkflowStats>>, Problem> {
    let all = app.stats_of_workflows(query.window()?).await?;
    Ok(Json(List::whole(all.into_iter().map(WorkflowStats::from))))
}

/// See how a workflow does
///
/// From its newest 5,000 runs, and step by step from the newest 300 of them.
#[utoipa::path(get, path = "/v1/workflows/{name}/stats", tag = "Workflows", params(("name" = String, Path), StatsQuery),
    responses((status = 200, description = "How it does", body = WorkflowStats)))]
async fn stats_of_workflow(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Named(name): Named,
    Query(query): Query<StatsQuery>,
) -> Result<Json<WorkflowStats>, Problem> {
    Ok(Json(app.stats_of_workflow(&name, query.window()?).await?.into()))
}

/// Which time is looked at.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StatsQuery {
    /// Runs that were started in the last so many seconds: 3600 if not said, 2592000 at most.
    window: Option<u64>,
}

impl StatsQuery {
    fn window(&self) -> Result<Duration, Problem> {
        let seconds = self.window.unwrap_or(WINDOW);
        if (1..=LONGEST).contains(&seconds) {
            Ok(Duration::from_secs(seconds))
        } else {
            Err(flawed("window", format!("must be from 1 to {LONGEST}")))
        }
    }
}

/// How a workflow does.
#[derive(Serialize, ToSchema)]
struct WorkflowStats {
    /// Which.
    workflow: String,
    /// Runs that were started in the time that is looked at.
    started: u64,
    /// Of them, those that ended as they should.
    completed: u64,
    /// Of them, those that failed.
    failed: u64,
    /// Of them, those that were cancelled.
    cancelled: u64,
    /// Whether these are all; else there were more, and these are the newest.
    is_whole: bool,
    /// Runs that wait for their turn now, whenever they were started; as below, no more than 10,000 are counted.
    queued: i64,
    /// Runs that go on.
    running: i64,
    /// Runs that wait.
    waiting: i64,
    /// Dead letters: runs with a step that failed for good, which wait for somebody.
    held: i64,
    /// How long runs took that are over; null where there are none.
    run_seconds: Option<Shares>,
    /// Step by step; empty where workflows are listed.
    steps: Vec<StepStats>,
}

/// How long something took, in seconds.
#[derive(Serialize, ToSchema)]
struct Shares {
    /// A half took no longer.
    p50: f64,
    /// 95 of 100 took no longer.
    p95: f64,
    /// 99 of 100 took no longer.
    p99: f64,
}

/// How a step does.
#[derive(Serialize, ToSchema)]
struct StepStats {
    /// Which.
    step: String,
    /// How often it ended well.
    completed: u64,
    /// How often it failed.
    failed: u64,
    /// How often an attempt failed that was followed by another one.
    tried_again: u64,
    /// How often it failed for good and was held.
    held: u64,
    /// How long it took, with its waits and its attempts; null where it never ended.
    seconds: Option<Shares>,
    /// Why it failed last.
    failure: Option<String>,
}

impl From<workflows::WorkflowStats> for WorkflowStats {
    fn from(stats: workflows::WorkflowStats) -> Self {
        let of = |state| stats.started.get(&state).copied().unwrap_or(0);
        let now = |state| stats.live.get(&state).copied().unwrap_or(0);
        Self {
            started: stats.started.values().sum(),
            completed: of(RunState::Completed),
            failed: of(RunState::Failed),
            cancelled: of(RunState::Cancelled),
            is_whole: stats.is_whole,
            queued: now(RunState::Queued),
            running: now(RunState::Running),
            waiting: now(RunState::Waiting),
            held: now(RunState::Held),
            run_seconds: stats.run_seconds.map(Shares::from),
            steps: stats.steps.into_iter().map(StepStats::from).collect(),
            workflow: stats.workflow,
        }
    }
}

impl From<workflows::Shares> for Shares {
    fn from(workflows::Shares { p50, p95, p99 }: workflows::Shares) -> Self {
        Self { p50, p95, p99 }
    }
}

impl From<workflows::StepStats> for StepStats {
    fn from(stats: workflows::StepStats) -> Self {
        Self {
            step: stats.step,
            completed: stats.completed,
            failed: stats.failed,
            tried_again: stats.tried_again,
            held: stats.held,
            seconds: stats.seconds.map(Shares::from),
            failure: stats.failure,
        }
    }
}
