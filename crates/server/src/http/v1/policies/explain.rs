//! What would happen to somebody, and why.

use axum::Json;
use axum::extract::State;
use domain::{SessionId, UserId};
use policy::{Finding, Signal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::policies::{self, Supposed, Who};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{May, ReadPolicies};
use crate::http::problem::Problem;
use crate::http::v1::challenges::{checked_action, checked_context};
use crate::http::v1::decisions::{OwnSignal, Resource, checked_groups};
use crate::http::v1::{flawed, user_ref};

/// Explain what would happen
///
/// To a session as it is, or to a user who has just logged in with a password and of whom nothing was noticed but what `signals` says. It
/// is decided by the policy in force, and each rule says why it fires or not. Nothing is written, and nobody is asked for anything.
#[utoipa::path(post, path = "/v1/policies/explain", tag = "Policies", request_body = NewExplanation,
    responses((status = 200, description = "What would be decided, and why", body = Explanation)))]
pub(super) async fn explain_policy(
    State(app): Shared,
    _: May<ReadPolicies>,
    Body { value: new, .. }: Body<NewExplanation>,
) -> Result<Json<Explanation>, Problem> {
    Ok(Json(app.explain(new.checked()?).await?.into()))
}

/// What somebody would do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewExplanation {
    /// Which session: this, or one of the next two.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// Which user.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Which user, by the application's name.
    external_id: Option<String>,
    /// What would be done.
    action: String,
    /// With what.
    resource: Option<Resource>,
    /// What it is about; 4 KiB at most.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: Map<String, Value>,
    /// The groups that the user is in, 64 at most.
    #[serde(default)]
    groups: Vec<String>,
    /// What is supposed to be noticed; 16 at most.
    #[serde(default)]
    signals: Vec<OwnSignal>,
    /// By which application, by its name or id; a session has its own.
    application: Option<String>,
}

impl NewExplanation {
    fn checked(self) -> Result<Supposed, Problem> {
        let who = match (self.session_id, self.user_id, self.external_id.as_deref()) {
            (Some(session), None, None) => Who::Session(session),
            (None, user, external) => Who::User(user_ref(user, external)?),
            _ => return Err(flawed("/session_id", "either a session or a user is wanted, and not both")),
        };
        let action = checked_action(self.action)?;
        let resource = self.resource.map(Resource::checked).transpose()?;
        checked_context(&self.context, resource.as_ref().map(|resource| &resource.properties))?;
        checked_groups(&self.groups)?;
        let signals = OwnSignal::all_checked(self.signals)?;
        let Self { context, groups, application, .. } = self;
        Ok(Supposed { who, action, resource, context, groups, signals, application })
    }
}

/// What would be decided, and why.
#[derive(Serialize, ToSchema)]
pub(super) struct Explanation {
    /// The policy by which it would be: its place among all.
    policy: i64,
    /// Its version, as the list of policies has it: SHA-256 in hexadecimal.
    version: String,
    #[schema(value_type = String)]
    user_id: UserId,
    external_id: String,
    /// What the user could be asked for.
    has: Vec<&'static str>,
    /// What was proved in the session.
    proved: Vec<&'static str>,
    /// What is noticed: by name, null where it could not be told.
    #[schema(value_type = Object)]
    signals: Map<String, Value>,
    /// What is decided: as a decision answers it.
    #[schema(value_type = Object)]
    verdict: policy::Verdict,
    /// Every rule, whether it fires, and why.
    #[schema(value_type = Vec<Object>)]
    rules: Vec<policy::Explained>,
}

impl From<policies::Explained> for Explanation {
    fn from(explained: policies::Explained) -> Self {
        let facts = explained.facts;
        let signal = |signal: &Signal| {
            let value = match &signal.value {
                Finding::Unknown => Value::Null,
                Finding::Known(value) => value.clone(),
            };
            (signal.name.to_string(), value)
        };
        Self {
            policy: explained.number,
            version: explained.version,
            user_id: explained.user.id,
            external_id: explained.user.external_id.as_given().to_owned(),
            has: facts.user.authenticators.iter().map(|usable| usable.kind.name()).collect(),
            proved: facts.session.proofs.iter().map(|facts| facts.proof.kind.name()).collect(),
            signals: facts.signals.iter().map(signal).collect(),
            verdict: explained.explanation.verdict,
            rules: explained.explanation.rules,
        }
    }
}
