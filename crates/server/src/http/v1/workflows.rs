//! Workflows: which are in force, and starting a run by hand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workflow::TriggerKind;

use super::runs::Run;
use super::{List, flawed, name, workflow_stats};
use crate::app::workflows::{ByHand, InForce};
use crate::app::{App, Made};
use crate::http::Shared;
use crate::http::caller::{May, ReadWorkflows, RunWorkflows};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::Named;
use crate::http::problem::Problem;

/// The most roles that a person has.
const MOST_ROLES: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_workflows)).routes(routes!(start_run)).merge(workflow_stats::routes())
}

/// List workflows
///
/// Those that are in force, by name.
#[utoipa::path(get, path = "/v1/workflows", tag = "Workflows",
    responses((status = 200, description = "The workflows", body = List<Workflow>)))]
async fn list_workflows(State(app): Shared, _: May<ReadWorkflows>) -> Result<Json<List<Workflow>>, Problem> {
    Ok(Json(List::whole(app.workflows_in_force().await?.into_iter().map(Workflow::from))))
}

/// Start a run
///
/// For a person, whom the application vouches for. The workflow has a trigger `manual` that names one of the roles. The application needs the scopes
/// of what the workflow does, too: `users:write` where it locks users, say. Two requests with one `Idempotency-Key` are one if they say the same but for
/// inputs that nobody may see.
#[utoipa::path(post, path = "/v1/workflows/{name}/runs", tag = "Workflows", params(("name" = String, Path)), request_body = NewRun,
    responses((status = 201, description = "The run", body = Run)))]
async fn start_run(
    State(app): Shared,
    may: May<RunWorkflows>,
    Named(workflow): Named,
    Making { value: new, once }: Making<NewRun>,
) -> Result<Response, Problem> {
    let (found, scopes) = app.workflow_to_start(&workflow)?;
    scopes.iter().try_for_each(|scope| may.also(*scope))?;
    let requester = name("/requester", &new.requester)?;
    if new.roles.len() > MOST_ROLES {
        return Err(flawed("/roles", format!("must be {MOST_ROLES} at most")));
    }
    let by_hand = ByHand { requester, roles: new.roles, inputs: new.inputs };
    // What nobody may see is part of the body: of the request the key alone goes on, and what is kept with it is made of the rest.
    let key = once.map(|once| once.key);
    Ok(match app.start_run(&may.actor, &found, by_hand, key.as_deref()).await? {
        Made::New(run) => created(&Run::from(run)),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&crate::http::problem::INTERNAL))?;
            created_before(&Run::from(app.run(id).await?.run))
        }
    })
}

/// A run that a person starts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRun {
    /// Who: our id of a user, or what you call them, which is kept as the id; or in your words, where that is no user.
    requester: String,
    /// The roles that they have.
    #[serde(default)]
    roles: Vec<String>,
    /// What they fill in, by the names of the workflow's inputs. A user is named by our id or by yours.
    #[serde(default)]
    #[schema(value_type = Object)]
    inputs: Map<String, Value>,
}

/// A workflow that is in force.
#[derive(Serialize, ToSchema)]
pub(super) struct Workflow {
    /// By which it is called.
    name: String,
    /// What it is called for people.
    title: Option<String>,
    /// SHA-256 of what it says, in hexadecimal: the same however its file is laid out or commented. A run goes by one to its end.
    digest: String,
    /// The name of its file.
    file: String,
    /// What stands in it.
    document: String,
    /// From when on it is in force.
    #[schema(value_type = String)]
    at: Timestamp,
    /// What starts it: kinds of events, `schedule`, `manual`, `workflow`.
    triggers: Vec<String>,
    /// When its schedule fires next, if it has one.
    #[schema(value_type = Option<String>)]
    next_at: Option<Timestamp>,
}

impl From<InForce> for Workflow {
    fn from(InForce { row, definition }: InForce) -> Self {
        let trigger = |kind: &TriggerKind| match kind {
            TriggerKind::Event(kind) => kind.name().to_owned(),
            TriggerKind::Schedule(_) => "schedule".to_owned(),
            TriggerKind::Webhook(_) => "webhook".to_owned(),
            TriggerKind::Manual(_) => "manual".to_owned(),
            TriggerKind::Workflow => "workflow".to_owned(),
        };
        Self {
            title: definition.title().map(str::to_owned),
            triggers: definition.triggers().iter().map(|one| trigger(&one.kind)).collect(),
            name: row.name,
            digest: row.digest,
            file: row.file,
            document: row.document,
            at: row.at,
            next_at: row.next_at,
        }
    }
}
