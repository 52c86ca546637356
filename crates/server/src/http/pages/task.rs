//! Deciding what a run asks, on a page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{Aal, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::browser::FromPage;
use crate::app::{App, pages};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::v1::flawed;
use crate::http::v1::tasks::{listed, reasoned};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(decide_on_page))
}

/// Decide a task
///
/// Where it takes a proof the answer is the step `prove`, for this verdict and no other; it is said once that is proved.
#[utoipa::path(post, path = "/pages/task/decide", tag = "Pages in the browser", security(()), request_body = Decide,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What is to be proved, or where the browser may go back to", body = Object)))]
async fn decide_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: decide, .. }: Body<Decide>,
) -> Result<Response, Problem> {
    let approves = match decide.verdict.as_str() {
        "approve" => true,
        "reject" => false,
        _ => return Err(flawed("/verdict", "must be approve or reject")),
    };
    let evidence = listed("/evidence", decide.evidence)?;
    let said = pages::Said { approves, evidence, reason: reasoned(decide.reason)? };
    Ok(answer(&app, app.decide_on_page(&visitor, said).await?).await)
}

/// What somebody says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decide {
    /// `approve` or `reject`.
    #[schema(example = "approve")]
    verdict: String,
    /// What they have seen, of what the task asks for.
    #[serde(default)]
    evidence: Vec<String>,
    /// Why, in their words; kept with the task.
    reason: Option<String>,
}

/// What a run asks, as who decides sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct Asked {
    /// `open`, or what came of it: `approved`, `rejected`, `timeout` or `cancelled`.
    state: &'static str,
    workflow: String,
    step: String,
    /// The step that the run may do once this is approved, where that would leave people with nothing to prove by.
    releases: Option<String>,
    /// Whom the run is about: as you call them, or, where that is no user, in the words of the workflow.
    about: Option<String>,
    /// What they are called on screens, where that is something else.
    display_name: Option<String>,
    /// What people are told.
    message: Option<String>,
    /// Who started it, in the same way.
    requester: Option<String>,
    /// What whoever approves has to have seen.
    evidence: Vec<String>,
    /// The level that a verdict takes.
    #[schema(value_type = String)]
    level: Aal,
    /// How many have to approve.
    quorum: i16,
    /// How many did.
    approvals: i16,
    /// Nobody decides from here on.
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl Asked {
    pub(super) fn at(asked: pages::Asked, now: Timestamp) -> Self {
        let pages::Asked { task, people } = asked;
        let (about, display_name) = match people.about {
            Some(about) => (Some(about.external_id), about.display_name),
            None => (task.subject.clone(), None),
        };
        Self {
            state: task.state_at(now).name(),
            workflow: task.workflow,
            step: task.step,
            releases: task.releases,
            message: task.message,
            about,
            display_name,
            requester: people.requester.map(|requester| requester.external_id).or(task.requester),
            evidence: task.evidence,
            level: task.level,
            quorum: task.quorum,
            approvals: task.approvals,
            expires_at: task.expires_at,
        }
    }
}
