//! For whoever writes a workflow: its words, what is wrong with it, and what it would have done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::Scope;
use policy::Mistake;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::flawed;
use crate::app::App;
use crate::app::workflows::{CARRIED, Checked, FOUND, Of, Over, Simulate, Simulated, made_up_event};
use crate::http::Shared;
use crate::http::body::{Body, File};
use crate::http::caller::{May, ReadWorkflows};
use crate::http::problem::Problem;

/// The furthest that the log is looked at, in days.
const MOST_DAYS: u64 = 366;
/// The most files at once.
const MOST_FILES: usize = 64;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(workflow_vocabulary))
        .routes(routes!(validate_workflows))
        .routes(routes!(simulate_workflow))
}

/// See the words of workflows
///
/// Events with their fields, actions and queries with what they take and give, what of them this server carries out, and the JSON Schema of the
/// files: what an editor of workflows offers.
#[utoipa::path(get, path = "/v1/workflows/vocabulary", tag = "Workflows",
    responses((status = 200, description = "The words", body = Vocabulary)))]
async fn workflow_vocabulary(_: May<ReadWorkflows>) -> Json<Vocabulary> {
    let carried = Carried { actions: CARRIED, queries: FOUND };
    Json(Vocabulary { words: workflow::words(), carried, schema: workflow::json_schema() })
}

/// Check workflows
///
/// Every mistake, with file, line, column and the nearest right word. Nothing is changed.
#[utoipa::path(post, path = "/v1/workflows/validate", tag = "Workflows", request_body = Drafts,
    responses((status = 200, description = "What is wrong with them", body = Validated)))]
async fn validate_workflows(
    State(app): Shared,
    _: May<ReadWorkflows>,
    File(Body { value: drafts, .. }): File<Drafts>,
) -> Result<Json<Validated>, Problem> {
    if drafts.files.len() > MOST_FILES {
        return Err(flawed("/files", format!("must be {MOST_FILES} at most")));
    }
    Ok(Json(app.check_workflows(drafts.files, drafts.beside_those_in_force).await?.into()))
}

/// Simulate a workflow
///
/// The machine that carries workflows goes through what is in the log, or one event, with effects that are made up and a clock that jumps: which runs
/// would have begun, about whom, and what they would have done. Nothing is written, sent or called. One simulation at a time, 15 seconds at most: where
/// `is_cut` is true, `until` says how far it came. It takes the scopes `events:read`, `users:read` and `authenticators:read` as well, and those
/// of what the workflow's queries find (`sessions`).
#[utoipa::path(post, path = "/v1/workflows/simulate", tag = "Workflows", request_body = NewSimulation,
    responses((status = 200, description = "What it would have done", body = Simulated)))]
async fn simulate_workflow(
    State(app): Shared,
    may: May<ReadWorkflows>,
    File(Body { value: new, .. }): File<NewSimulation>,
) -> Result<Json<Simulated>, Problem> {
    for scope in [Scope::EventsRead, Scope::UsersRead, Scope::AuthenticatorsRead] {
        may.also(scope)?;
    }
    let of = match (new.workflow, new.document) {
        (Some(name), None) => Of::Named(name),
        (None, Some(text)) => Of::Document(text),
        _ => return Err(flawed("/workflow", "either workflow or document is wanted, and not both")),
    };
    let now = app.now();
    let over = match (new.event, new.inputs, new.days) {
        (Some(event), None, None) => Over::Event(made_up_event(&event, now).map_err(|why| flawed("/event", why))?),
        (None, Some(inputs), None) => Over::ByHand(inputs),
        (None, None, days) => {
            let days = days.unwrap_or(30);
            if days == 0 || days > MOST_DAYS {
                return Err(flawed("/days", format!("must be 1 to {MOST_DAYS}")));
            }
            Over::Since(now.minus(Duration::from_hours(24 * days)))
        }
        _ => return Err(flawed("/event", "one of event, inputs and days is wanted, and not more")),
    };
    let simulate = Simulate { of, over, approve: new.approve, results: new.results };
    Ok(Json(app.simulate_workflow(&may.actor, simulate).await?))
}

/// Files that are being written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Drafts {
    /// The files by their names, 64 at most.
    files: BTreeMap<String, String>,
    /// Also looks at what goes wrong together with the workflows in force that have other names.
    #[serde(default)]
    beside_those_in_force: bool,
}

/// What is to be simulated: a workflow, over one of `days`, `event` and `inputs`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSimulation {
    /// The name of one that is in force.
    workflow: Option<String>,
    /// Or a file.
    document: Option<String>,
    /// How many days of the log, 366 at most; 30 if nothing is said.
    days: Option<u64>,
    /// Or one event, as `GET /v1/events` tells it: `kind`, `about`, `data`.
    #[schema(value_type = Option<Object>)]
    event: Option<Value>,
    /// Or what somebody fills in who starts it by hand.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Map<String, Value>>,
    /// Whether people approve; otherwise nobody answers, and the time of each approval runs out.
    #[serde(default)]
    approve: bool,
    /// What steps give, by their ids, where it is not what is made up.
    #[serde(default)]
    #[schema(value_type = Object)]
    results: BTreeMap<String, Map<String, Value>>,
}

/// The words of workflows.
#[derive(Serialize, ToSchema)]
struct Vocabulary {
    /// `events`, `actions`, `queries`, `evidence`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    words: Value,
    /// What of them this server carries out.
    carried: Carried,
    /// The JSON Schema (draft 2020-12) of the files.
    #[schema(value_type = Object)]
    schema: Value,
}

/// What a server carries out.
#[derive(Serialize, ToSchema)]
struct Carried {
    /// Actions, by name.
    actions: &'static [&'static str],
    /// Queries, by name.
    queries: &'static [&'static str],
}

/// What is wrong with files of workflows.
#[derive(Serialize, ToSchema)]
struct Validated {
    /// Whether nothing is.
    valid: bool,
    /// Every mistake and warning: `severity`, `place` with `file`, `line` and `column`, `message`, and `suggestion`, the nearest right word.
    #[schema(value_type = Vec<Object>)]
    mistakes: Vec<Mistake>,
    /// What of them this server cannot carry out, so that they could not be in force.
    beyond: Vec<String>,
    /// Those that hold.
    workflows: Vec<Draft>,
}

/// A workflow that holds.
#[derive(Serialize, ToSchema)]
struct Draft {
    /// The name of its file.
    file: String,
    /// By which it is called.
    name: String,
    /// What it is called for people.
    title: Option<String>,
    /// SHA-256 of what it says, in hexadecimal.
    digest: String,
    /// What it says, as JSON.
    #[schema(value_type = Object)]
    content: Value,
    /// How many tests stand in it.
    tests: usize,
}

impl From<Checked> for Validated {
    fn from(checked: Checked) -> Self {
        let draft = |(file, definition): &(String, workflow::Definition)| Draft {
            file: file.clone(),
            name: definition.name().to_owned(),
            title: definition.title().map(str::to_owned),
            digest: definition.digest().to_owned(),
            content: definition.content().clone(),
            tests: definition.tests(),
        };
        Self {
            valid: checked.holds(),
            workflows: checked.workflows.iter().map(draft).collect(),
            mistakes: checked.mistakes,
            beyond: checked.beyond,
        }
    }
}
