//! Runs of workflows: seeing them, cancelling them, and what becomes of steps that are held.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::{RunId, RunLine, RunState, TaskId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::RunFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workflow::{Awaited, Progress};

use super::{List, state_named};
use crate::app::App;
use crate::app::workflows::{Resolve, Shown, WaitShown};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{May, ReadWorkflows, RunWorkflows};
use crate::http::parameters::{Id, Query, page};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_runs))
        .routes(routes!(show_run))
        .routes(routes!(list_run_steps))
        .routes(routes!(cancel_run))
        .routes(routes!(retry_step))
        .routes(routes!(discard_step))
}

/// List runs
#[utoipa::path(get, path = "/v1/runs", tag = "Workflows", params(RunQuery),
    responses((status = 200, description = "Runs, the newest first", body = List<Run>)))]
async fn list_runs(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Query(query): Query<RunQuery>,
) -> Result<Json<List<Run>>, Problem> {
    let state = query.state.as_deref().map(|name| state_named(name, &RunState::ALL, RunState::name));
    let filter = RunFilter { workflow: query.workflow, state: state.transpose()?, user_id: query.user_id };
    let page = page(query.limit, query.cursor.as_deref())?;
    Ok(Json(List::part(app.runs(&filter, page).await?)))
}

/// See a run
#[utoipa::path(get, path = "/v1/runs/{id}", tag = "Workflows", params(("id" = String, Path)),
    responses((status = 200, description = "The run", body = RunShown)))]
async fn show_run(State(app): Shared, _: May<ReadWorkflows>, Id(id): Id<RunId>) -> Result<Json<RunShown>, Problem> {
    Ok(Json(app.run(id).await?.into()))
}

/// See what happened in a run
///
/// Each step with what came of it, and each condition with the values that it asked for.
#[utoipa::path(get, path = "/v1/runs/{id}/steps", tag = "Workflows", params(("id" = String, Path), StepsQuery),
    responses((status = 200, description = "The lines of its history, in order", body = List<Line>)))]
async fn list_run_steps(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Id(id): Id<RunId>,
    Query(query): Query<StepsQuery>,
) -> Result<Json<List<Line>>, Problem> {
    let page = page(query.limit, query.cursor.as_deref())?;
    Ok(Json(List::part(app.run_history(id, page).await?)))
}

/// Cancel a run
///
/// No other step begins; what acts comes to its end, and then what was done is undone. So it may go on for a while.
#[utoipa::path(post, path = "/v1/runs/{id}/cancel", tag = "Workflows", params(("id" = String, Path)),
    responses((status = 200, description = "The run", body = RunShown)))]
async fn cancel_run(State(app): Shared, may: May<RunWorkflows>, Id(id): Id<RunId>) -> Result<Json<RunShown>, Problem> {
    Ok(Json(app.cancel_run(&may.actor, id).await?.into()))
}

/// Try a step again
///
/// One that is held.
#[utoipa::path(post, path = "/v1/runs/{id}/retry", tag = "Workflows", params(("id" = String, Path)), request_body = HeldStep,
    responses((status = 200, description = "The run", body = RunShown)))]
async fn retry_step(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<RunId>,
    Body { value: held, .. }: Body<HeldStep>,
) -> Result<Json<RunShown>, Problem> {
    Ok(Json(app.resolve_step(&may.actor, id, &held.step, Resolve::Retry).await?.into()))
}

/// Give a step up
///
/// One that is held: it has failed from then on, and the run goes on as it does after a failure.
#[utoipa::path(post, path = "/v1/runs/{id}/discard", tag = "Workflows", params(("id" = String, Path)), request_body = HeldStep,
    responses((status = 200, description = "The run", body = RunShown)))]
async fn discard_step(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<RunId>,
    Body { value: held, .. }: Body<HeldStep>,
) -> Result<Json<RunShown>, Problem> {
    Ok(Json(app.resolve_step(&may.actor, id, &held.step, Resolve::Discard).await?.into()))
}

/// Which runs are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RunQuery {
    /// Of this workflow.
    workflow: Option<String>,
    /// In this state: `queued`, `running`, `waiting`, `held`, `completed`, `failed` or `cancelled`. Those that are `held` are the dead letters.
    state: Option<String>,
    /// About this user.
    #[param(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// Which part of a history is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StepsQuery {
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// A step that is held.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HeldStep {
    /// As it stands in `held` of the run.
    #[schema(example = "tell")]
    step: String,
}

/// One execution of a workflow.
#[derive(Serialize, ToSchema)]
pub(super) struct Run {
    #[schema(value_type = String, example = "run_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: RunId,
    /// Which workflow.
    workflow: String,
    /// What it goes by, to its end.
    digest: String,
    /// `queued`, `running`, `waiting`, `held`, `completed`, `failed` or `cancelled`.
    state: &'static str,
    /// Whom it is about, where that is a user.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Why it failed.
    error: Option<String>,
    /// The run that called it.
    #[schema(value_type = Option<String>)]
    called_by: Option<RunId>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    ended_at: Option<Timestamp>,
}

impl From<domain::Run> for Run {
    fn from(run: domain::Run) -> Self {
        Self {
            id: run.id,
            workflow: run.workflow,
            digest: run.digest,
            state: run.state.name(),
            user_id: run.user_id,
            error: run.error,
            called_by: run.caller.map(|(caller, _)| caller),
            created_at: run.created_at,
            ended_at: run.ended_at,
        }
    }
}

/// A run with what can be seen of it.
#[derive(Serialize, ToSchema)]
struct RunShown {
    #[serde(flatten)]
    run: Run,
    /// What started it: `event`, `schedule`, `webhook`, `manual` or `call`; `unknown` where the server that answers cannot read it.
    cause: &'static str,
    /// The event that did, with its ids and facts.
    #[schema(value_type = Option<Object>)]
    event: Option<Value>,
    /// Who started it, in the application's words.
    requester: Option<String>,
    /// The steps that are under way.
    under_way: Vec<String>,
    /// Those of them that wait, and for what.
    waits: Vec<Waiting>,
    /// The loops among them.
    loops: Vec<Loop>,
    /// Those that failed for good and are held.
    held: Vec<String>,
    /// Those of them that two people have to release, as they would leave somebody with nothing to prove by.
    held_for_people: Vec<String>,
    /// The tasks by which they do: see `/v1/tasks`.
    #[schema(value_type = Vec<String>)]
    release_tasks: Vec<TaskId>,
    /// What was to be undone and could not be.
    not_undone: Vec<String>,
}

/// A step that waits.
#[derive(Serialize, ToSchema)]
struct Waiting {
    /// Which step, with the rounds of the loops around it behind `@`.
    step: String,
    /// What it waits for: that `time` goes by, an `event`, that `people` decide, a `run` that it called, or its next attempt (`retry`).
    #[serde(rename = "for")]
    awaited: &'static str,
    /// The kind of event, where it waits for one.
    event: Option<&'static str>,
    /// Until when, where that has an end of its own.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// The task that people decide by, where it waits for them: see `/v1/tasks`.
    #[schema(value_type = Option<String>)]
    task: Option<TaskId>,
}

impl From<WaitShown> for Waiting {
    fn from(WaitShown { step, awaited, until, task }: WaitShown) -> Self {
        let event = match awaited {
            Awaited::Event(kind) => Some(kind.name()),
            _ => None,
        };
        Self { step, awaited: awaited.name(), event, until, task }
    }
}

/// How far a loop is, in items.
#[derive(Serialize, ToSchema)]
struct Loop {
    /// The step that it is.
    step: String,
    /// So many ended well.
    done: u64,
    /// So many failed.
    failed: u64,
    /// So many its `where` left out.
    skipped: u64,
    /// How many there are in all, as they were counted before it began; none if there was no time to count all.
    of: Option<u64>,
}

impl From<(String, Progress)> for Loop {
    fn from((step, progress): (String, Progress)) -> Self {
        let Progress { done, failed, skipped, of } = progress;
        Self { step, done, failed, skipped, of }
    }
}

impl From<Shown> for RunShown {
    fn from(shown: Shown) -> Self {
        Self {
            run: shown.run.into(),
            cause: shown.cause,
            event: shown.event,
            requester: shown.requester,
            under_way: shown.under_way,
            waits: shown.waits.into_iter().map(Waiting::from).collect(),
            loops: shown.loops.into_iter().map(Loop::from).collect(),
            held: shown.held,
            held_for_people: shown.held_for_people,
            release_tasks: shown.release_tasks,
            not_undone: shown.not_undone,
        }
    }
}

/// A line of a run's history.
#[derive(Serialize, ToSchema)]
struct Line {
    /// Its number, from 0.
    line: i64,
    #[schema(value_type = String)]
    at: Timestamp,
    /// At which step, with the rounds of the loops around it behind `@`.
    step: Option<String>,
    /// What happened.
    #[schema(value_type = Object)]
    entry: Value,
}

impl From<RunLine> for Line {
    fn from(line: RunLine) -> Self {
        // What stands there was written by this program.
        let entry = serde_json::from_str(&line.entry).unwrap_or_default();
        Self { line: line.line, at: line.at, step: line.step, entry }
    }
}
