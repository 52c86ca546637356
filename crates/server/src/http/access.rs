//! The OpenID AuthZEN Authorization API 1.0: the same decisions, as policy enforcement points of others ask for them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use super::body::Body;
use super::caller::{self, May};
use super::problem::Problem;
use super::v1::decisions::{Decision, NewDecision};
use super::v1::flawed;
use crate::app::{Actor, App, Error};

/// The most evaluations in a batch.
const MOST: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(evaluate)).routes(routes!(evaluate_many)).routes(routes!(configuration))
}

/// Evaluate access
///
/// As the OpenID AuthZEN Authorization API 1.0 has it. The subject is a session: `{"type": "session", "id": "ses_…"}`. `decision` is true for
/// `allow` alone; `context` says what else there is to know, as `decide` answers it.
#[utoipa::path(post, path = "/access/v1/evaluation", tag = "Decisions",
    params(("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")), request_body = Evaluation,
    responses((status = 200, description = "Whether it is allowed, and why", body = Evaluated)))]
async fn evaluate(
    State(app): Shared,
    may: May<caller::Decide>,
    Body { value, .. }: Body<Evaluation>,
) -> Result<Json<Evaluated>, Problem> {
    Ok(Json(evaluated(&app, &may.actor, value, "").await?))
}

/// Evaluate access, many at a time
///
/// What is said beside `evaluations` holds for each that does not say otherwise; 50 at most.
#[utoipa::path(post, path = "/access/v1/evaluations", tag = "Decisions",
    params(("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")), request_body = Evaluations,
    responses((status = 200, description = "Each of them, in their order", body = EvaluatedMany)))]
async fn evaluate_many(
    State(app): Shared,
    may: May<caller::Decide>,
    Body { value, .. }: Body<Evaluations>,
) -> Result<Json<EvaluatedMany>, Problem> {
    let Evaluations { common, evaluations, options } = value;
    if evaluations.is_empty() || evaluations.len() > MOST {
        return Err(flawed("/evaluations", format!("are from 1 to {MOST}")));
    }
    let until = match options.evaluations_semantic.as_str() {
        "" | "execute_all" => None,
        "deny_on_first_deny" => Some(false),
        "permit_on_first_permit" => Some(true),
        _ => {
            let known = "execute_all, deny_on_first_deny or permit_on_first_permit";
            return Err(flawed("/options/evaluations_semantic", format!("is {known}")));
        }
    };
    let mut all = Vec::with_capacity(evaluations.len());
    for (index, one) in evaluations.into_iter().enumerate() {
        let one = evaluated(&app, &may.actor, one.over(&common), &format!("/evaluations/{index}")).await?;
        let last = until == Some(one.decision);
        all.push(one);
        if last {
            break;
        }
    }
    Ok(Json(EvaluatedMany { evaluations: all }))
}

/// Where access is evaluated
///
/// The metadata of the OpenID AuthZEN Authorization API 1.0, §9.
#[utoipa::path(get, path = "/.well-known/authzen-configuration", tag = "Decisions", security(()),
    responses((status = 200, description = "The addresses", body = Object)))]
async fn configuration(State(app): Shared) -> Json<Value> {
    let issuer = app.settings.issuer.trim_end_matches('/');
    Json(json!({
        "policy_decision_point": issuer,
        "access_evaluation_endpoint": format!("{issuer}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{issuer}/access/v1/evaluations"),
    }))
}

async fn evaluated(app: &App, actor: &Actor, wanted: Evaluation, at: &str) -> Result<Evaluated, Problem> {
    let (session, new) = wanted.read(at)?;
    match app.decide(actor, new.checked(session)?).await {
        Ok(decision) => {
            let decision = Decision::at(decision, app);
            Ok(Evaluated { decision: decision.is_allow(), context: json!(decision) })
        }
        // The subject may do nothing, and there is nothing wrong with the question.
        Err(error @ (Error::NotFound(_) | Error::SessionOver | Error::KeyNotShown)) => {
            let problem = Problem::from(error);
            Ok(Evaluated { decision: false, context: json!({ "outcome": "deny", "problem": problem }) })
        }
        Err(error) => Err(error.into()),
    }
}

/// A question.
#[derive(Clone, Default, Deserialize, ToSchema)]
pub(crate) struct Evaluation {
    /// The session.
    #[schema(value_type = Option<Object>)]
    subject: Option<Subject>,
    /// What it wants to do.
    #[schema(value_type = Option<Object>)]
    action: Option<Action>,
    /// With what.
    #[schema(value_type = Option<Object>)]
    resource: Option<Value>,
    /// What else there is to say; `decide`'s `context`.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
}

#[derive(Clone, Deserialize)]
struct Subject {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    /// `groups`, `signals`, `last_active_at`, `shown`, `address`, `user_agent`, `challenge_id`, `acr_values`, `max_age` and `cnf`, as `decide` takes them.
    #[serde(default)]
    properties: Map<String, Value>,
}

#[derive(Clone, Deserialize)]
struct Action {
    name: String,
    /// Part of what the action is about.
    #[serde(default)]
    properties: Map<String, Value>,
}

/// Questions.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Evaluations {
    #[serde(flatten)]
    #[schema(inline)]
    common: Evaluation,
    evaluations: Vec<Evaluation>,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize, ToSchema)]
struct Options {
    /// `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`.
    #[serde(default)]
    evaluations_semantic: String,
}

/// An answer.
#[derive(Serialize, ToSchema)]
struct Evaluated {
    /// Whether it is allowed.
    decision: bool,
    /// As `decide` answers.
    #[schema(value_type = Object)]
    context: Value,
}

/// Answers.
#[derive(Serialize, ToSchema)]
struct EvaluatedMany {
    evaluations: Vec<Evaluated>,
}

impl Evaluation {
    /// This, where it says something, and else what is common to all.
    fn over(self, common: &Self) -> Self {
        Self {
            subject: self.subject.or_else(|| common.subject.clone()),
            action: self.action.or_else(|| common.action.clone()),
            resource: self.resource.or_else(|| common.resource.clone()),
            context: self.context.or_else(|| common.context.clone()),
        }
    }

    fn read(self, at: &str) -> Result<(SessionId, NewDecision), Problem> {
        let wanted = |member: &str| flawed(&format!("{at}/{member}"), "is wanted");
        let subject = self.subject.ok_or_else(|| wanted("subject"))?;
        let action = self.action.ok_or_else(|| wanted("action"))?;
        if subject.kind != "session" {
            return Err(flawed(&format!("{at}/subject/type"), "must be `session`: decisions are about sessions"));
        }
        let session = subject
            .id
            .parse()
            .map_err(|_| flawed(&format!("{at}/subject/id"), "must be the id of a session, `ses_…`"))?;
        let mut context = self.context.unwrap_or_default();
        for (name, value) in action.properties {
            context.entry(name).or_insert(value);
        }
        let mut members = subject.properties;
        members.retain(|name, _| SUBJECT.contains(&name.as_str()));
        members.insert("action".to_owned(), action.name.into());
        members.insert("context".to_owned(), context.into());
        members.insert("resource".to_owned(), self.resource.unwrap_or_default());
        let new = serde_json::from_value(Value::Object(members))
            .map_err(|error| flawed(at, format!("does not fit what `decide` takes: {error}")))?;
        Ok((session, new))
    }
}

/// The properties of a subject that mean something here; others may be there for others.
const SUBJECT: [&str; 10] = [
    "groups",
    "signals",
    "last_active_at",
    "shown",
    "challenge_id",
    "address",
    "user_agent",
    "acr_values",
    "max_age",
    "cnf",
];
