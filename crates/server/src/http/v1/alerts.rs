//! Alerts: seeing them, and saying what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::{AlertId, AlertState, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::AlertFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, flawed, name, state_named};
use crate::app::App;
use crate::app::alerts::{InForce, Response, What};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{May, ReadWorkflows, RunWorkflows};
use crate::http::parameters::{Id, Named, Query, page};
use crate::http::problem::Problem;

/// The longest that something is silenced, in seconds.
const LONGEST_SILENCE: u64 = 30 * 86_400;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_alerts))
        .routes(routes!(show_alert))
        .routes(routes!(acknowledge_alert))
        .routes(routes!(silence_alert))
        .routes(routes!(resolve_alert))
        .routes(routes!(list_alert_rules))
        .routes(routes!(silence_alert_rule))
}

/// List alerts
#[utoipa::path(get, path = "/v1/alerts", tag = "Alerts", params(AlertQuery),
    responses((status = 200, description = "Alerts, the newest first", body = List<Alert>)))]
async fn list_alerts(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Query(query): Query<AlertQuery>,
) -> Result<Json<List<Alert>>, Problem> {
    let state = query.state.as_deref().map(|name| state_named(name, AlertState::ALL, AlertState::name));
    let filter = AlertFilter { rule: query.rule, state: state.transpose()?, user_id: query.user_id };
    let page = page(query.limit, query.cursor.as_deref())?;
    Ok(Json(List::part(app.alerts(&filter, page).await?)))
}

/// See an alert
#[utoipa::path(get, path = "/v1/alerts/{id}", tag = "Alerts", params(("id" = String, Path)),
    responses((status = 200, description = "The alert", body = Alert)))]
async fn show_alert(State(app): Shared, _: May<ReadWorkflows>, Id(id): Id<AlertId>) -> Result<Json<Alert>, Problem> {
    Ok(Json(app.alert(id).await?.into()))
}

/// Acknowledge an alert
///
/// Says that somebody sees to it. It stays until it resolves.
#[utoipa::path(post, path = "/v1/alerts/{id}/acknowledge", tag = "Alerts", params(("id" = String, Path)), request_body = Said,
    responses((status = 200, description = "The alert", body = Alert)))]
async fn acknowledge_alert(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<AlertId>,
    Body { value: said, .. }: Body<Said>,
) -> Result<Json<Alert>, Problem> {
    let response = response(&said.by, said.reason.as_deref(), What::Acknowledge)?;
    Ok(Json(app.respond(&may.actor, id, &response).await?.into()))
}

/// Silence an alert
///
/// For a time nothing more is raised by its rule about its group. The alert itself stays until it resolves.
#[utoipa::path(post, path = "/v1/alerts/{id}/silence", tag = "Alerts", params(("id" = String, Path)), request_body = Silence,
    responses((status = 200, description = "The alert", body = Alert)))]
async fn silence_alert(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<AlertId>,
    Body { value: silence, .. }: Body<Silence>,
) -> Result<Json<Alert>, Problem> {
    let what = What::Silence(silence.span()?);
    let response = response(&silence.by, Some(&silence.reason), what)?;
    Ok(Json(app.respond(&may.actor, id, &response).await?.into()))
}

/// Resolve an alert
///
/// Says that it is over before time does. What was counted up to now counts no more, so that only more of it raises another one.
#[utoipa::path(post, path = "/v1/alerts/{id}/resolve", tag = "Alerts", params(("id" = String, Path)), request_body = Said,
    responses((status = 200, description = "The alert", body = Alert)))]
async fn resolve_alert(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<AlertId>,
    Body { value: said, .. }: Body<Said>,
) -> Result<Json<Alert>, Problem> {
    let response = response(&said.by, said.reason.as_deref(), What::Resolve)?;
    Ok(Json(app.respond(&may.actor, id, &response).await?.into()))
}

/// List rules of alerts
///
/// Those that are in force, by name.
#[utoipa::path(get, path = "/v1/alert-rules", tag = "Alerts",
    responses((status = 200, description = "The rules", body = List<AlertRule>)))]
async fn list_alert_rules(State(app): Shared, _: May<ReadWorkflows>) -> Result<Json<List<AlertRule>>, Problem> {
    let rules = app.alert_rules_in_force().await?;
    Ok(Json(List::whole(rules.all.values().map(AlertRule::from))))
}

/// Silence a rule of alerts
///
/// For a time nothing more is raised by it, whatever the group. It counts on, and alerts that are open stay until they resolve.
#[utoipa::path(post, path = "/v1/alert-rules/{name}/silence", tag = "Alerts", params(("name" = String, Path)), request_body = Silence,
    responses((status = 200, description = "The rule", body = AlertRule)))]
async fn silence_alert_rule(
    State(app): Shared,
    may: May<RunWorkflows>,
    Named(rule): Named,
    Body { value: silence, .. }: Body<Silence>,
) -> Result<Json<AlertRule>, Problem> {
    let span = silence.span()?;
    let Response { by, reason, .. } = response(&silence.by, Some(&silence.reason), What::Silence(span))?;
    let rules = app.silence_rule(&may.actor, &rule, &by, &reason.unwrap_or_default(), span).await?;
    let found = rules.all.get(&rule).ok_or(crate::app::Error::NotFound("alert rule"))?;
    Ok(Json(AlertRule::from(found)))
}

fn response(by: &str, reason: Option<&str>, what: What) -> Result<Response, Problem> {
    let by = name("/by", by)?;
    let reason = reason.map(str::trim);
    if reason.is_some_and(|reason| !(1..=LONGEST_REASON).contains(&reason.chars().count())) {
        return Err(flawed("/reason", format!("must have 1 to {LONGEST_REASON} characters")));
    }
    Ok(Response { by, reason: reason.map(str::to_owned), what })
}

/// Which alerts are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct AlertQuery {
    /// Of this rule.
    rule: Option<String>,
    /// In this state: `open`, `acknowledged` or `resolved`.
    state: Option<String>,
    /// About this user.
    #[param(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// Somebody says something about an alert.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    /// Who, in your words; kept with the alert.
    by: String,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
}

/// Somebody silences an alert.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Silence {
    /// Who, in your words; kept with the alert.
    by: String,
    /// Why.
    reason: String,
    /// For how long, in seconds; 30 days at most.
    #[schema(example = 3600)]
    seconds: u64,
}

impl Silence {
    fn span(&self) -> Result<Duration, Problem> {
        if (1..=LONGEST_SILENCE).contains(&self.seconds) {
            return Ok(Duration::from_secs(self.seconds));
        }
        Err(flawed("/seconds", format!("must be from 1 to {LONGEST_SILENCE}, which is 30 days")))
    }
}

/// More events of a kind than there should be.
#[derive(Serialize, ToSchema)]
struct Alert {
    #[schema(value_type = String, example = "alr_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: AlertId,
    /// By which rule.
    rule: String,
    /// What the rule said then.
    digest: String,
    /// `low`, `medium` or `high`.
    severity: &'static str,
    /// `open`, `acknowledged` or `resolved`.
    state: &'static str,
    /// By what the rule tells groups apart: `user`, `application`, `data.gateway`; null if it does not.
    by: Option<String>,
    /// Which group it is about; `*` stands for all beyond the fifty that have an alert of this rule.
    group: String,
    /// Whom it is about, where groups are users.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Which bound was passed: `above`, `unusual` for this hour of the week, or `overflow`, as more groups than have alerts of their own passed one.
    bound: &'static str,
    /// How many events there were, at most, since it was raised.
    count: i64,
    /// How many there may be.
    limit: i64,
    /// How many there are in such an hour as a rule, where that is what it was held against.
    usual: Option<i64>,
    /// The position of the event that was one too many.
    position: i64,
    #[schema(value_type = String)]
    raised_at: Timestamp,
    /// When it resolves by itself, if no more comes.
    #[schema(value_type = String)]
    resolves_at: Timestamp,
    /// Who sees to it.
    acknowledged: Option<WasSaid>,
    /// Who silenced it last.
    silenced: Option<WasSaid>,
    /// Until when nothing more is raised about its group.
    #[schema(value_type = Option<String>)]
    silenced_until: Option<Timestamp>,
    /// Who resolved it; nobody, if it did by itself.
    resolved: Option<WasSaid>,
}

/// What somebody said.
#[derive(Serialize, ToSchema)]
struct WasSaid {
    /// Who, in the application's words; null where it happened by itself.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
    #[schema(value_type = String)]
    at: Timestamp,
}

impl From<domain::Said> for WasSaid {
    fn from(said: domain::Said) -> Self {
        Self { by: said.by, reason: said.reason, at: said.at }
    }
}

impl From<domain::Alert> for Alert {
    fn from(alert: domain::Alert) -> Self {
        Self {
            id: alert.id,
            rule: alert.rule,
            digest: alert.digest,
            severity: alert.severity.name(),
            state: alert.state.name(),
            by: alert.by,
            group: alert.group,
            user_id: alert.user_id,
            bound: alert.bound.name(),
            count: alert.count,
            limit: alert.limit,
            usual: alert.usual,
            position: alert.position,
            raised_at: alert.raised_at,
            resolves_at: alert.resolves_at,
            acknowledged: alert.acknowledged.map(WasSaid::from),
            silenced: alert.silenced.map(WasSaid::from),
            silenced_until: alert.silenced_until,
            resolved: alert.resolved.map(WasSaid::from),
        }
    }
}

/// A rule that is in force.
#[derive(Serialize, ToSchema)]
struct AlertRule {
    /// By which it is called.
    name: String,
    /// What it is called for people.
    title: Option<String>,
    /// SHA-256 of what it says, in hexadecimal: the same however its file is laid out or commented.
    digest: String,
    /// The name of its file.
    file: String,
    /// What stands in it.
    document: String,
    /// From when on it is in force.
    #[schema(value_type = String)]
    at: Timestamp,
    /// The kinds of events that it counts.
    events: Vec<&'static str>,
    /// `low`, `medium` or `high`.
    severity: &'static str,
    /// Until when nothing is raised by it.
    #[schema(value_type = Option<String>)]
    silenced_until: Option<Timestamp>,
    /// Who silenced it last.
    silenced: Option<WasSaid>,
}

impl From<&InForce> for AlertRule {
    fn from(InForce { row, rule }: &InForce) -> Self {
        Self {
            name: row.name.clone(),
            title: rule.title().map(str::to_owned),
            digest: row.digest.clone(),
            file: row.file.clone(),
            document: row.document.clone(),
            at: row.at,
            events: rule.events().iter().map(|kind| kind.name()).collect(),
            severity: rule.severity().name(),
            silenced_until: row.silenced_until,
            silenced: row.silenced.clone().map(WasSaid::from),
        }
    }
}
