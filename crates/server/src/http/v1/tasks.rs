//! Tasks: what runs of workflows ask people, and what these say.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::{
    Aal, ApplicationId, AuthenticatorId, ChallengeId, RunId, SessionId, ShutOut, TaskId, TaskState, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use store::TaskFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::challenges::Challenge;
use super::{List, flawed, state_named, user_ref};
use crate::app::challenges::Whom;
use crate::app::workflows::{AboutToSay, NewVerdict, People, ShownTask};
use crate::app::{App, Made};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{May, ReadWorkflows, RunWorkflows};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::{Id, Query, page};
use crate::http::problem::Problem;

/// The most roles that a person has, and the most things that they have seen.
const MOST: usize = 50;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_tasks))
        .routes(routes!(show_task))
        .routes(routes!(challenge_for_task))
        .routes(routes!(approve_task))
        .routes(routes!(reject_task))
}

/// List tasks
///
/// What runs ask people: those that are open, if no state is said.
#[utoipa::path(get, path = "/v1/tasks", tag = "Workflows", params(TaskQuery),
    responses((status = 200, description = "Tasks, the oldest first", body = List<Task>)))]
async fn list_tasks(
    State(app): Shared,
    _: May<ReadWorkflows>,
    Query(query): Query<TaskQuery>,
) -> Result<Json<List<Task>>, Problem> {
    let page = page(query.limit, query.cursor.as_deref())?;
    let state = query.state.as_deref().unwrap_or("open");
    let state = state_named(state, &TaskState::ALL, TaskState::name)?;
    let TaskQuery { role, workflow, user_id, run_id, .. } = query;
    let filter = TaskFilter { state: Some(state), role, workflow, user_id, run_id };
    let part = app.tasks(&filter, page).await?;
    let next_cursor = part.next.map(|next| next.to_string());
    let now = app.now();
    Ok(Json(List {
        items: part.items.into_iter().map(|(task, people)| Task::at(task, people, now)).collect(),
        next_cursor,
    }))
}

/// See a task
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "Workflows", params(("id" = String, Path)),
    responses((status = 200, description = "The task, and what was said to it", body = TaskShown)))]
async fn show_task(State(app): Shared, _: May<ReadWorkflows>, Id(id): Id<TaskId>) -> Result<Json<TaskShown>, Problem> {
    Ok(Json(TaskShown::at(app.task(id).await?, app.now())))
}

/// Ask for the proof that a verdict takes
///
/// From whoever is to decide: a challenge that is bound to run, step and all that is asked, and shows whom it is about. Once it is satisfied, the verdict names
/// it, within five minutes. Who may not decide is asked for none, nor who lacks the `roles` or the `evidence` that are told: no code is used up for what would
/// not count. It takes the scope `challenges`, too.
#[utoipa::path(post, path = "/v1/tasks/{id}/challenges", tag = "Workflows", params(("id" = String, Path),
        ("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")),
    request_body = NewTaskChallenge,
    responses((status = 201, description = "The challenge", body = Challenge)))]
async fn challenge_for_task(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<TaskId>,
    Making { value: new, once }: Making<NewTaskChallenge>,
) -> Result<Response, Problem> {
    may.also(domain::Scope::Challenges)?;
    let whom = match new.session_id {
        Some(id) if new.user_id.is_none() && new.external_id.is_none() => Whom::Session(id),
        Some(_) => return Err(flawed("/session_id", "stands for its user: leave user_id and external_id out")),
        None => Whom::User(user_ref(new.user_id, new.external_id.as_deref())?),
    };
    let approves = match new.verdict.as_str() {
        "approve" => true,
        "reject" => false,
        _ => return Err(flawed("/verdict", "must be approve or reject")),
    };
    let roles = new.roles.map(|roles| listed("/roles", roles)).transpose()?;
    let evidence = new.evidence.map(|evidence| listed("/evidence", evidence)).transpose()?;
    let says = AboutToSay { approves, roles, evidence };
    Ok(match app.challenge_for_task(&may.actor, id, whom, &says, once.as_ref()).await? {
        Made::New(challenge) => created(&Challenge::at(challenge, &app)),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&crate::http::problem::INTERNAL))?;
            created_before(&Challenge::at(app.challenge(&may.actor, id).await?, &app))
        }
    })
}

/// Approve
///
/// For a person, one of the users, whose roles the application vouches for. Counted once, together with the proof, which is used up by it.
#[utoipa::path(post, path = "/v1/tasks/{id}/approve", tag = "Workflows", params(("id" = String, Path)), request_body = GivenVerdict,
    responses((status = 200, description = "It counts; the task as it is then", body = TaskShown)))]
async fn approve_task(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<TaskId>,
    Body { value: given, .. }: Body<GivenVerdict>,
) -> Result<Json<TaskShown>, Problem> {
    let shown = app.give_verdict(&may.actor, id, given.checked(true)?).await?;
    Ok(Json(TaskShown::at(shown, app.now())))
}

/// Reject
///
/// As approving, but that nothing has to have been seen. One is enough.
#[utoipa::path(post, path = "/v1/tasks/{id}/reject", tag = "Workflows", params(("id" = String, Path)), request_body = GivenVerdict,
    responses((status = 200, description = "It counts; the task as it is then", body = TaskShown)))]
async fn reject_task(
    State(app): Shared,
    may: May<RunWorkflows>,
    Id(id): Id<TaskId>,
    Body { value: given, .. }: Body<GivenVerdict>,
) -> Result<Json<TaskShown>, Problem> {
    let shown = app.give_verdict(&may.actor, id, given.checked(false)?).await?;
    Ok(Json(TaskShown::at(shown, app.now())))
}

/// Which tasks are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TaskQuery {
    /// In this state: `open`, if not said, `approved`, `rejected`, `timeout` or `cancelled`.
    state: Option<String>,
    /// That this role may decide.
    role: Option<String>,
    /// Of runs of this workflow.
    workflow: Option<String>,
    /// Of runs about this user.
    #[param(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Of this run.
    #[param(value_type = Option<String>)]
    run_id: Option<RunId>,
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// Who is to prove something for a verdict. Exactly one of `session_id`, `user_id` and `external_id` is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTaskChallenge {
    /// The session of whoever decides.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// Who decides.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Who decides, by your own id.
    external_id: Option<String>,
    /// What they are about to say: `approve` or `reject`. The proof counts for no other.
    #[schema(example = "approve")]
    verdict: String,
    /// The roles that they have, to have them looked at before anything is proved.
    roles: Option<Vec<String>>,
    /// What they have seen, to have it looked at before anything is proved.
    evidence: Option<Vec<String>>,
}

/// What somebody says. Exactly one of `user_id` and `external_id` is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GivenVerdict {
    /// Who decides.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Who decides, by your own id.
    external_id: Option<String>,
    /// The roles that they have.
    #[serde(default)]
    roles: Vec<String>,
    /// What they have seen, of what the task asks for.
    #[serde(default)]
    evidence: Vec<String>,
    /// Why, in their words; kept with the task.
    reason: Option<String>,
    /// The challenge that they satisfied for it. It can be left out where the task's level is `aal1`.
    #[schema(value_type = Option<String>)]
    challenge_id: Option<ChallengeId>,
}

impl GivenVerdict {
    fn checked(self, approves: bool) -> Result<NewVerdict, Problem> {
        let who = user_ref(self.user_id, self.external_id.as_deref())?;
        let (roles, evidence) = (listed("/roles", self.roles)?, listed("/evidence", self.evidence)?);
        let (reason, challenge_id) = (reasoned(self.reason)?, self.challenge_id);
        Ok(NewVerdict { who, approves, roles, evidence, reason, challenge_id, page: None })
    }
}

/// A list of roles or of what was seen.
pub(in crate::http) fn listed(pointer: &'static str, list: Vec<String>) -> Result<Vec<String>, Problem> {
    if list.len() > MOST {
        return Err(flawed(pointer, format!("must be {MOST} at most")));
    }
    Ok(list)
}

/// Why somebody says what they say, if they say that.
pub(in crate::http) fn reasoned(reason: Option<String>) -> Result<Option<String>, Problem> {
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(flawed("/reason", format!("must have {LONGEST_REASON} characters at most")));
    }
    Ok(reason)
}

/// What a run asks people.
#[derive(Serialize, ToSchema)]
struct Task {
    #[schema(value_type = String, example = "tsk_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: TaskId,
    /// The run that asks.
    #[schema(value_type = String)]
    run_id: RunId,
    workflow: String,
    /// By which step, with the rounds of the loops around it behind `@`.
    step: String,
    /// The step that the run may do once this is approved, in every round, where that would leave people with nothing to prove by; none where the
    /// workflow asks by itself.
    releases: Option<String>,
    /// How many users that step may leave so once this is approved, in all rounds together; none where the workflow asks by itself.
    lets: Option<UsersLeft>,
    /// How many of these it has left so by now; none where the workflow asks by itself.
    used: Option<UsersLeft>,
    /// `open`, `approved`, `rejected`, `timeout` or `cancelled`.
    state: &'static str,
    /// Whom the run is about, where that is a user.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// Whom the run is about, as people know them: show it to whoever decides, ahead of the message. Null where that is no user.
    about: Option<Person>,
    /// Whom or what it is about, in the words of the workflow.
    subject: Option<String>,
    /// What people are told, in the words of the workflow and of whoever started it.
    message: Option<String>,
    /// Who started it: by their id, or, where that is no user, in the words in which they were told.
    requester: Option<String>,
    /// Who started it, as people know them. Null where that is no user.
    asked_by: Option<Person>,
    /// Who may decide: people with one of these roles.
    roles: Vec<String>,
    /// Who may not, whatever their roles: `subject`, whom the run is about, and `requester`, who started it.
    exclude: Vec<&'static str>,
    /// What whoever approves has to have seen.
    evidence: Vec<String>,
    /// The level that whoever decides has to prove, for this very task.
    #[schema(value_type = String)]
    level: Aal,
    /// How many have to approve.
    quorum: i16,
    /// How many did.
    approvals: i16,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// Nobody decides from here on.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>)]
    closed_at: Option<Timestamp>,
}

impl Task {
    fn at(task: domain::Task, people: People, now: Timestamp) -> Self {
        let of_release = |so_many: ShutOut| task.releases.is_some().then(|| UsersLeft::from(so_many));
        Self {
            state: task.state_at(now).name(),
            lets: of_release(task.lets),
            used: of_release(task.used),
            id: task.id,
            run_id: task.run_id,
            workflow: task.workflow,
            step: task.step,
            releases: task.releases,
            user_id: task.user_id,
            about: people.about.map(Person::from),
            subject: task.subject,
            message: task.message,
            requester: task.requester,
            asked_by: people.requester.map(Person::from),
            roles: task.roles,
            exclude: task.excludes.iter().map(|one| one.name()).collect(),
            evidence: task.evidence,
            level: task.level,
            quorum: task.quorum,
            approvals: task.approvals,
            created_at: task.created_at,
            expires_at: task.expires_at,
            closed_at: task.closed_at,
        }
    }
}

/// A user, as people know them.
#[derive(Serialize, ToSchema)]
struct Person {
    #[schema(value_type = String)]
    user_id: UserId,
    /// Your own id for them.
    external_id: String,
    /// What they are called on screens, where that is something else.
    display_name: Option<String>,
}

impl From<crate::app::workflows::Person> for Person {
    fn from(person: crate::app::workflows::Person) -> Self {
        let crate::app::workflows::Person { user_id, external_id, display_name } = person;
        Self { user_id, external_id, display_name }
    }
}

/// So many users who are left with nothing to prove by.
#[derive(Serialize, ToSchema)]
struct UsersLeft {
    /// How many, in all.
    #[schema(example = 7)]
    users: i64,
    /// How many of them are administrators.
    #[schema(example = 0)]
    administrators: i64,
}

impl From<ShutOut> for UsersLeft {
    fn from(so_many: ShutOut) -> Self {
        Self { users: so_many.users, administrators: so_many.administrators }
    }
}

/// A task, and what was said to it.
#[derive(Serialize, ToSchema)]
struct TaskShown {
    #[serde(flatten)]
    task: Task,
    /// What people said, in order.
    verdicts: Vec<TaskVerdict>,
}

impl TaskShown {
    fn at(shown: ShownTask, now: Timestamp) -> Self {
        let verdicts = shown.verdicts.into_iter().map(TaskVerdict::from).collect();
        Self { task: Task::at(shown.task, shown.people, now), verdicts }
    }
}

/// What one person said to a task.
#[derive(Serialize, ToSchema)]
struct TaskVerdict {
    #[schema(value_type = String)]
    user_id: UserId,
    /// `approve` or `reject`.
    verdict: &'static str,
    /// The roles that the application vouched for.
    roles: Vec<String>,
    /// What they said they had seen.
    evidence: Vec<String>,
    reason: Option<String>,
    /// The level that they proved.
    #[schema(value_type = String)]
    level: Aal,
    /// By which challenge.
    #[schema(value_type = Option<String>)]
    challenge_id: Option<ChallengeId>,
    /// With which authenticator.
    #[schema(value_type = Option<String>)]
    authenticator_id: Option<AuthenticatorId>,
    /// By which application.
    #[schema(value_type = String)]
    application_id: ApplicationId,
    #[schema(value_type = String)]
    at: Timestamp,
}

impl From<domain::TaskVerdict> for TaskVerdict {
    fn from(verdict: domain::TaskVerdict) -> Self {
        Self {
            user_id: verdict.user_id,
            verdict: if verdict.approves { "approve" } else { "reject" },
            roles: verdict.roles,
            evidence: verdict.evidence,
            reason: verdict.reason,
            level: verdict.level,
            challenge_id: verdict.challenge_id,
            authenticator_id: verdict.authenticator_id,
            application_id: verdict.application_id,
            at: verdict.at,
        }
    }
}
