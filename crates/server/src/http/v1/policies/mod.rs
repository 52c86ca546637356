//! Policies: what is in force, what was, and another one that comes.

mod explain;
mod export;
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use domain::{ApplicationId, CertificateFingerprint, PolicyAuthor, PolicyId, Scope, Timestamp};
use http::request::Parts;
use http::{HeaderValue, header};
use policy::{Mistake, Picture};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, flawed};
use crate::app::App;
use crate::app::applications::Credential;
use crate::app::policies::{Applied, Apply, Looked, Revert, Seen};
use crate::http::Shared;
use crate::http::body::{Body, File};
use crate::http::caller::{May, ReadPolicies, WritePolicies};
use crate::http::parameters::{Id, Query, page};
use crate::http::problem::{POLICY_CHANGED, PRECONDITION_REQUIRED, Problem};

/// The longest name and reference of an author, in characters, and name of a file, in bytes.
const LONGEST: usize = 256;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_policies))
        .routes(routes!(show_policy_in_force, apply_policy))
        .routes(routes!(export::export_policy))
        .routes(routes!(show_policy))
        .routes(routes!(revert_policy))
        .routes(routes!(plan::plan_policy))
        .routes(routes!(explain::explain_policy))
}

/// List policies
///
/// Those that are and were in force, without their files. `trouble` says of each that is not as it was signed why.
#[utoipa::path(get, path = "/v1/policies", tag = "Policies", params(PolicyQuery),
    responses((status = 200, description = "Policies, the newest first", body = List<Policy>)))]
async fn list_policies(
    State(app): Shared,
    _: May<ReadPolicies>,
    Query(query): Query<PolicyQuery>,
) -> Result<Json<List<Policy>>, Problem> {
    let page = page(query.limit, query.cursor.as_deref())?;
    Ok(Json(List::part(app.policy_history(page).await?)))
}

/// See the policy in force
///
/// With its files. Its `ETag` is what another one that is to come after it names as `If-Match`.
#[utoipa::path(get, path = "/v1/policies/current", tag = "Policies",
    responses((status = 200, description = "The policy and its files", body = PolicyWithFiles)))]
async fn show_policy_in_force(State(app): Shared, may: May<ReadPolicies>) -> Result<Response, Problem> {
    let policy = app.policy_as_kept().await?;
    let id = policy.policy.id;
    Ok(tagged(id, PolicyWithFiles::shown_to(&may, policy)))
}

/// Put a policy into force
///
/// On every server, with the next decision. Its files are taken as a whole: one mistake in them, and nothing is changed. What they say of
/// applications holds with the next request; it takes the scope `configuration:write`, and every scope that an application which
/// changes has or gets.
#[utoipa::path(put, path = "/v1/policies/current", tag = "Policies", params(Matching), request_body = NewPolicy,
    responses((status = 200, description = "The policy that is in force now", body = AppliedPolicy)))]
async fn apply_policy(
    State(app): Shared,
    may: May<WritePolicies>,
    matching: IfMatch,
    File(Body { value: new, .. }): File<NewPolicy>,
) -> Result<Response, Problem> {
    let NewPolicy { files, by, reference, seen, force, prune, allow_lock_out } = new;
    checked_names(&files)?;
    let (by, after) = (author(&may, by, reference)?, matching.policy()?);
    let seen = Seen { as_planned: seen, whatever: force };
    let applied = app.apply_policy(&may.actor, Apply { files, after, by, seen, prune, allow_lock_out }).await?;
    Ok(tagged(applied.policy.id, AppliedPolicy::shown_to(&may, applied)))
}

/// See a policy
#[utoipa::path(get, path = "/v1/policies/{id}", tag = "Policies", params(("id" = String, Path)),
    responses((status = 200, description = "The policy and its files", body = PolicyWithFiles)))]
async fn show_policy(
    State(app): Shared,
    may: May<ReadPolicies>,
    Id(id): Id<PolicyId>,
) -> Result<Json<PolicyWithFiles>, Problem> {
    Ok(Json(PolicyWithFiles::shown_to(&may, app.policy_version(id).await?)))
}

/// Put a policy back into force
///
/// One that was there before. It is another entry of the list: nothing of that is ever taken back. Where its files say something else of
/// applications than what there is, it takes what a plan of them saw (`seen`), or `force`.
#[utoipa::path(post, path = "/v1/policies/{id}/revert", tag = "Policies", params(("id" = String, Path), Matching),
    request_body = RevertPolicy,
    responses((status = 200, description = "The policy that is in force now", body = AppliedPolicy)))]
async fn revert_policy(
    State(app): Shared,
    may: May<WritePolicies>,
    Id(to): Id<PolicyId>,
    matching: IfMatch,
    Body { value: new, .. }: Body<RevertPolicy>,
) -> Result<Response, Problem> {
    let by = author(&may, new.by, new.reference)?;
    let after = matching.policy()?;
    let seen = Seen { as_planned: new.seen, whatever: new.force };
    let revert = Revert { to, after, by, seen, allow_lock_out: new.allow_lock_out };
    let applied = app.revert_policy(&may.actor, revert).await?;
    Ok(tagged(applied.policy.id, AppliedPolicy::shown_to(&may, applied)))
}

/// Which part of the list is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PolicyQuery {
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// The policy that another one is to come after.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the OpenAPI document is made of it")]
struct Matching {
    /// The `ETag` of the policy in force. Without it the answer is 428 (RFC 6585 §3).
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// What `If-Match` says. It is looked at after all else that is wrong with a request (RFC 9110 §13.2.1).
struct IfMatch(Option<HeaderValue>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(header::IF_MATCH).cloned()))
    }
}

impl IfMatch {
    /// The policy that it names (§13.1.1).
    fn policy(&self) -> Result<PolicyId, Problem> {
        let named = self.0.as_ref().ok_or_else(|| Problem::of(&PRECONDITION_REQUIRED))?;
        let named = named.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
        // What is no ETag of ours is that of no policy that is in force.
        named.ok_or_else(|| Problem::of(&POLICY_CHANGED))
    }
}

/// Refuses what `countersign config` would take for no file of a policy, or could not write out again: what nobody sees there counts nowhere.
fn checked_names(files: &BTreeMap<String, String>) -> Result<(), Problem> {
    let is_shaped = |name: &str| {
        let of_workflow = name.strip_prefix("workflows/").or_else(|| name.strip_prefix("alerts/"));
        let name = of_workflow.unwrap_or(name);
        let is_plain = !name.starts_with('.') && !name.contains(['/', '\\']) && !name.chars().any(char::is_control);
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        is_plain
            && name.len() <= LONGEST
            && (matches!(ending, Some("yaml" | "yml")) || (of_workflow.is_none() && Picture::of_file(name).is_some()))
    };
    files.keys().find(|name| !is_shaped(name)).map_or(Ok(()), |name| {
        let detail = format!(
            "`{name}` is no name of a file here: they are called *.yaml, *.yml, *.svg, *.png, workflows/*.yaml or alerts/*.yaml, and begin with no dot"
        );
        Err(flawed("/files", detail))
    })
}

fn tagged(id: PolicyId, body: impl Serialize) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{id}\""));
    let mut response = Json(body).into_response();
    response.headers_mut().extend(tag.ok().map(|tag| (header::ETAG, tag)));
    response
}

fn author(may: &May<WritePolicies>, name: Option<String>, reference: Option<String>) -> Result<PolicyAuthor, Problem> {
    for (pointer, text) in [("/by", &name), ("/reference", &reference)] {
        let shaped = |text: &String| text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if text.as_ref().is_some_and(|text| text.is_empty() || !shaped(text)) {
            let detail = format!("must have 1 to {LONGEST} characters, none of them a control character");
            return Err(flawed(pointer, detail));
        }
    }
    let certificate = match may.credential() {
        Credential::Certificate(fingerprint) => Some(fingerprint),
        Credential::Key(_) => None,
    };
    Ok(PolicyAuthor { application_id: Some(may.actor.application.id), certificate, name, reference })
}

/// A policy that is to come into force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPolicy {
    /// The files by their names (`*.yaml`, `*.yml`, `*.svg`, `*.png`), 64 of 256 KiB at most: YAML, and a logo, which is an SVG as it is or a PNG in Base64.
    files: BTreeMap<String, String>,
    /// Who applies it, in your words; kept for as long as the policy.
    by: Option<String>,
    /// What for: a commit, a message.
    reference: Option<String>,
    /// What a plan saw of applications (`seen`): only where they are as they were. Wanted where the files change any: 428
    /// `applications-unseen`.
    seen: Option<String>,
    /// Without `seen`: whatever the applications are now.
    #[serde(default)]
    force: bool,
    /// Also delete applications of which the files say nothing, where they speak of any.
    #[serde(default)]
    prune: bool,
    /// Also where it locks out everybody, or every administrator, by what was decided lately.
    #[serde(default)]
    allow_lock_out: bool,
}

/// A policy that is to come back into force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevertPolicy {
    /// Who wants it back, in your words; kept for as long as the policy.
    by: Option<String>,
    /// What for.
    reference: Option<String>,
    /// What a plan of its files saw of applications (`seen`): only where they are as they were. Wanted where the files change any: 428
    /// `applications-unseen`.
    seen: Option<String>,
    /// Without `seen`: whatever the applications are now.
    #[serde(default)]
    force: bool,
    /// Also where it locks out everybody, or every administrator, by what was decided lately.
    #[serde(default)]
    allow_lock_out: bool,
}

/// A policy that is or was in force.
#[derive(Serialize, ToSchema)]
struct Policy {
    #[schema(value_type = String, example = "pol_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: PolicyId,
    /// Its place among all, from 1.
    number: i64,
    /// SHA-256 of all that its files say, also of workflows and alerts, in hexadecimal: the same however they are laid out or commented.
    version: String,
    /// Since when.
    #[schema(value_type = String)]
    at: Timestamp,
    /// `applied`, `reverted`, `folder` or `built_in`.
    origin: &'static str,
    /// Which application put it there; null where the server did so by itself.
    #[schema(value_type = Option<String>)]
    application_id: Option<ApplicationId>,
    /// By which certificate that was known, if it was by one.
    certificate: Option<String>,
    /// Who it was, in the application's words.
    by: Option<String>,
    /// What for.
    reference: Option<String>,
    /// The vault's signature: a JWS (RFC 7515) over all of this, the files, and the signature of the policy before.
    signature: String,
    /// Why it cannot be trusted; null where it is as it was signed.
    trouble: Option<String>,
}

impl From<Looked> for Policy {
    fn from(Looked { policy, trouble }: Looked) -> Self {
        Self {
            id: policy.id,
            number: policy.number,
            version: policy.version,
            at: policy.at,
            origin: policy.origin.name(),
            application_id: policy.by.application_id,
            certificate: policy.by.certificate.as_ref().map(CertificateFingerprint::to_string),
            by: policy.by.name,
            reference: policy.by.reference,
            signature: policy.signature,
            trouble,
        }
    }
}

/// A policy with its files.
#[derive(Serialize, ToSchema)]
struct PolicyWithFiles {
    #[serde(flatten)]
    policy: Policy,
    /// By their names.
    files: BTreeMap<String, String>,
    /// The names of files that are left out: what they say of applications, gateways, branding, workflows and alerts takes the scope `configuration:read`.
    left_out: BTreeSet<String>,
}

impl PolicyWithFiles {
    fn shown_to(may: &May<ReadPolicies>, mut looked: Looked) -> Self {
        let (files, left_out) = shown_files(may, std::mem::take(&mut looked.policy.files));
        Self { policy: looked.into(), files, left_out }
    }
}

/// The files that the application may see, and the names of those that it may not.
fn shown_files(
    may: &May<ReadPolicies>,
    mut files: BTreeMap<String, String>,
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    if may.has(Scope::ConfigurationRead) {
        return (files, BTreeSet::new());
    }
    let left_out = policy::settings_files(&files);
    files.retain(|name, _| !left_out.contains(name));
    (files, left_out)
}

/// A policy that was put into force.
#[derive(Serialize, ToSchema)]
struct AppliedPolicy {
    policy: Policy,
    /// Whether another one was in force before.
    is_new: bool,
    /// What was found in it that is no error, and what something else had changed of applications since, which is gone.
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Mistake>,
    applications: AppliedApplications,
}

/// What became of applications with a policy, by their names.
#[derive(Serialize, ToSchema)]
struct AppliedApplications {
    /// Those that were made. They have no key yet.
    created: Vec<String>,
    /// Those that were changed.
    updated: Vec<String>,
    /// Those that were deleted.
    deleted: Vec<String>,
    /// What of them was otherwise before; empty where the scope `configuration:read` is lacking.
    differences: Vec<plan::Difference>,
}

impl AppliedPolicy {
    fn shown_to(may: &May<WritePolicies>, Applied { policy, is_new, warnings, applications }: Applied) -> Self {
        let [created, updated, deleted] = applications.names();
        let differences = applications.differences().filter(|_| may.has(Scope::ConfigurationRead));
        let differences = differences.map(plan::Difference::from).collect();
        let applications = AppliedApplications { created, updated, deleted, differences };
        Self { policy: Looked { policy, trouble: None }.into(), is_new, warnings, applications }
    }
}
