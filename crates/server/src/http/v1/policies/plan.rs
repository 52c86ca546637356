//! What another policy would change.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::{PolicyId, Timestamp, UserId};
use policy::Mistake;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::checked_names;
use crate::app::policies::{self, Effect};
use crate::http::Shared;
use crate::http::body::{Body, File};
use crate::http::caller::{May, ReadPolicies};
use crate::http::problem::Problem;
use crate::http::v1::flawed;

/// The furthest that decisions are looked at again, in days.
const MOST_DAYS: u64 = 366;
/// The most users that are told of; how many there are is told all the same.
const MOST_AFFECTED: usize = 10_000;

/// See what a policy would change
///
/// What it says otherwise than the one in force, and for whom of those who were decided about something else would have come of it:
/// each decision is made again by both, with what it went by at the time. Nothing is changed. Where files speak of applications, gateways,
/// branding, workflows or alerts it takes the scope `configuration:read` as well.
#[utoipa::path(post, path = "/v1/policies/plan", tag = "Policies", request_body = NewPlan,
    responses((status = 200, description = "What would change", body = Plan)))]
pub(super) async fn plan_policy(
    State(app): Shared,
    may: May<ReadPolicies>,
    File(Body { value: new, .. }): File<NewPlan>,
) -> Result<Json<Plan>, Problem> {
    checked_names(&new.files)?;
    let days = new.days.unwrap_or(30);
    if days > MOST_DAYS {
        return Err(flawed("/days", format!("must be at most {MOST_DAYS}")));
    }
    let back = (days > 0).then(|| Duration::from_hours(24 * days));
    Ok(Json(app.plan_policy(&may.actor, new.files, back, new.prune).await?.into()))
}

/// A policy that may come into force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPlan {
    /// The files by their names, 64 of 256 KiB at most: YAML, and a logo, which is an SVG as it is or a PNG in Base64.
    files: BTreeMap<String, String>,
    /// Also count what is deleted of applications of which the files say nothing, where they speak of any.
    #[serde(default)]
    prune: bool,
    /// How many days of decisions to make again, 366 at most; 0: none. 30 if not said.
    days: Option<u64>,
}

/// What would change.
#[derive(Serialize, ToSchema)]
pub(super) struct Plan {
    /// The policy in force: name it as `If-Match` to apply what was planned, and nothing else.
    #[schema(value_type = String)]
    after: PolicyId,
    /// Its place among all.
    after_number: i64,
    /// Why that cannot be trusted; null where it is as it was signed.
    trouble: Option<String>,
    /// SHA-256 of all that the planned one says: the version that it would have.
    version: String,
    /// Whether the two say the same.
    is_same: bool,
    /// What they say otherwise.
    differences: Vec<Difference>,
    /// Files whose text is not the same, also where they say the same.
    files: BTreeSet<String>,
    /// What was found in it that is no error, and what it would take from applications that is in use.
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Mistake>,
    /// Applications of which the files say nothing though they speak of others: they stay, unless `prune` is said.
    unlisted: Vec<String>,
    /// Applications that are otherwise than the policy in force said: they were changed by something else since.
    changed_since: Vec<String>,
    /// Whether it counts what is deleted of applications of which the files say nothing.
    prune: bool,
    /// What was seen of applications: say it to apply what was planned, and nothing else.
    seen: String,
    /// What would have come of it; null where no decisions were to be made again.
    replay: Option<Replay>,
    /// How far those workflows reach that would change or be withdrawn, as far as the application has the scope `workflows:read`.
    workflows: Vec<ReachedWorkflow>,
}

/// How far a workflow reaches that would change: its runs, 10,000 at most, and about how many users they are.
#[derive(Serialize, ToSchema)]
struct ReachedWorkflow {
    name: String,
    /// `changed` or `withdrawn`.
    change: &'static str,
    /// Runs that are not over: they go on by the version that they began with.
    live_runs: i64,
    live_users: i64,
    /// Runs that were started in the days that decisions are made again, or in 30.
    runs: i64,
    users: i64,
}

impl From<policies::Reached> for ReachedWorkflow {
    fn from(policies::Reached { name, change, reach }: policies::Reached) -> Self {
        let ((runs, users), (live_runs, live_users)) = (reach.started, reach.live);
        Self { name, change, live_runs, live_users, runs, users }
    }
}

/// Something that the two say otherwise.
#[derive(Serialize, ToSchema)]
pub(super) struct Difference {
    /// `rules.large-payments`, say.
    what: String,
    /// What the one in force says; null where it is silent.
    before: Option<Value>,
    /// What the planned one says; null where it is silent.
    after: Option<Value>,
}

/// What would have come of it.
#[derive(Serialize, ToSchema)]
struct Replay {
    /// From when on decisions were looked at.
    #[schema(value_type = String)]
    since: Timestamp,
    /// There were more than could be looked at: `since` is later than was wanted.
    is_cut: bool,
    /// How many were made again.
    decisions: u64,
    /// How many could not be, as nothing is kept of what they went by.
    unrecorded: u64,
    /// About how many users they were.
    users: u64,
    /// How many users there are of each effect: `locked_out`, `refused`, `enroll`, `asked`, `eased`. Each counts once, as what is worst for them.
    counts: BTreeMap<&'static str, u64>,
    /// Who, the hardest hit first; 10,000 at most.
    affected: Vec<Affected>,
    administrators: Administrators,
    /// Why it is not applied unless `allow_lock_out` is said; null where it may be.
    locks_out: Option<String>,
}

/// Those whom `administrators` of either policy names.
#[derive(Serialize, ToSchema)]
struct Administrators {
    /// How many of them could do something.
    seen: u64,
    /// How many of those would be denied all of it.
    locked_out: u64,
}

/// Somebody for whom something else would have come of it.
#[derive(Serialize, ToSchema)]
struct Affected {
    #[schema(value_type = String)]
    user_id: UserId,
    external_id: Option<String>,
    /// `locked_out`, `refused`, `enroll`, `asked` or `eased`.
    effect: &'static str,
    /// In how many decisions.
    decisions: u64,
    /// The newest of them: what was to be done, what was decided, what would be, and by which rule.
    example: Example,
}

/// A decision of which something else would have come.
#[derive(Serialize, ToSchema)]
struct Example {
    decision: String,
    #[schema(value_type = String)]
    at: Timestamp,
    action: String,
    before: &'static str,
    after: &'static str,
    rule: Option<String>,
}

impl From<policies::Plan> for Plan {
    fn from(plan: policies::Plan) -> Self {
        let differences: Vec<Difference> = plan.differences.into_iter().map(Difference::from).collect();
        Self {
            after: plan.before.id,
            after_number: plan.before.number,
            trouble: plan.trouble,
            version: plan.version,
            is_same: differences.is_empty(),
            differences,
            files: plan.files,
            warnings: plan.warnings,
            prune: plan.prune,
            unlisted: plan.applications.unlisted,
            changed_since: plan.applications.changed_since,
            seen: plan.applications.seen,
            replay: plan.replay.map(Replay::from),
            workflows: plan.workflows.into_iter().map(ReachedWorkflow::from).collect(),
        }
    }
}

impl From<policies::Difference> for Difference {
    fn from(policies::Difference { what, before, after }: policies::Difference) -> Self {
        Self { what, before, after }
    }
}

impl From<policies::Replay> for Replay {
    fn from(replay: policies::Replay) -> Self {
        Self {
            since: replay.since,
            is_cut: replay.is_cut,
            decisions: replay.decisions,
            unrecorded: replay.unrecorded,
            users: replay.users,
            counts: Effect::ALL.into_iter().map(|effect| (effect.name(), replay.count(effect))).collect(),
            administrators: Administrators {
                seen: replay.administrators,
                locked_out: replay.administrators_locked_out,
            },
            locks_out: replay.locks_out(),
            affected: replay.affected.into_iter().take(MOST_AFFECTED).map(Affected::from).collect(),
        }
    }
}

impl From<policies::Affected> for Affected {
    fn from(affected: policies::Affected) -> Self {
        let policies::Example { decision, at, action, before, after, rule } = affected.example;
        Self {
            user_id: affected.user_id,
            external_id: affected.external_id,
            effect: affected.effect.name(),
            decisions: affected.decisions,
            example: Example { decision, at, action, before: before.name(), after: after.name(), rule },
        }
    }
}
