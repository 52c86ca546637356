//! Users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{AuthenticatorKind, Standing, Timestamp, UserId, UserKind, UserState};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::UserFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, external, flawed, name, present};
use crate::app::standing::StandingPatch;
use crate::app::users::{NewUser, UserPatch};
use crate::app::{App, Made, UserRef};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{May, ReadUsers, WriteUsers};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::{Id, Named, Query, page};
use crate::http::problem::{INTERNAL, NOT_FOUND, Problem};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create_user, list_users))
        .routes(routes!(find_user, upsert_user))
        .routes(routes!(show_user, update_user, erase_user))
        .routes(routes!(suspend_user))
        .routes(routes!(resume_user))
        .routes(routes!(update_standing))
}

/// Make a user known
#[utoipa::path(post, path = "/v1/users", tag = "Users", request_body = CreateUser,
    responses((status = 201, description = "The user", body = User)))]
async fn create_user(
    State(app): Shared,
    may: May<WriteUsers>,
    Making { value: new, once }: Making<CreateUser>,
) -> Result<Response, Problem> {
    let new = NewUser {
        external_id: external(&new.external_id)?,
        display_name: new.display_name.map(|text| name("/display_name", &text)).transpose()?,
        kind: new.kind.unwrap_or(UserKind::Person),
    };
    Ok(match app.create_user(&may.actor, new, once.as_ref()).await? {
        Made::New(user) => created(&User::from(user)),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&INTERNAL))?;
            created_before(&User::from(app.user(id).await?))
        }
    })
}

/// List users
#[utoipa::path(get, path = "/v1/users", tag = "Users", params(UserQuery),
    responses((status = 200, description = "Users, oldest first", body = List<User>)))]
async fn list_users(
    State(app): Shared,
    _: May<ReadUsers>,
    Query(query): Query<UserQuery>,
) -> Result<Json<List<User>>, Problem> {
    let filter = UserFilter { search: query.search, state: query.state, has: query.has };
    let page = page(query.limit, query.cursor.as_deref())?;
    Ok(Json(List::part(app.users(&filter, page).await?)))
}

/// Find a user by your own id
#[utoipa::path(get, path = "/v1/users/by-external-id/{external_id}", tag = "Users", params(("external_id" = String, Path)),
    responses((status = 200, description = "The user", body = User)))]
async fn find_user(State(app): Shared, _: May<ReadUsers>, Named(external_id): Named) -> Result<Json<User>, Problem> {
    let user = app.find_user(&UserRef::External(external(&external_id)?)).await?;
    user.map(|user| Json(User::from(user))).ok_or_else(|| Problem::new(&NOT_FOUND, "There is no such user."))
}

/// Make a user known, or change the one that is known by this id
#[utoipa::path(put, path = "/v1/users/by-external-id/{external_id}", tag = "Users", params(("external_id" = String, Path)),
    request_body = UpdateUser,
    responses((status = 200, description = "The user, changed", body = User), (status = 201, description = "The user, new", body = User)))]
async fn upsert_user(
    State(app): Shared,
    may: May<WriteUsers>,
    Named(external_id): Named,
    Body { value: patch, .. }: Body<UpdateUser>,
) -> Result<Response, Problem> {
    let (user, new) = app.upsert_user(&may.actor, external(&external_id)?, patch.checked()?).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(User::from(user))).into_response())
}

/// See a user
#[utoipa::path(get, path = "/v1/users/{id}", tag = "Users", params(("id" = String, Path)),
    responses((status = 200, description = "The user", body = User)))]
async fn show_user(State(app): Shared, _: May<ReadUsers>, Id(id): Id<UserId>) -> Result<Json<User>, Problem> {
    Ok(Json(app.user(id).await?.into()))
}

/// Change a user
#[utoipa::path(patch, path = "/v1/users/{id}", tag = "Users", params(("id" = String, Path)), request_body = UpdateUser,
    responses((status = 200, description = "The user", body = User)))]
async fn update_user(
    State(app): Shared,
    may: May<WriteUsers>,
    Id(id): Id<UserId>,
    Body { value: patch, .. }: Body<UpdateUser>,
) -> Result<Json<User>, Problem> {
    Ok(Json(app.update_user(&may.actor, id, patch.checked()?).await?.into()))
}

/// Erase a user
///
/// With devices, authenticators, sessions and every personal detail of every event. What remains is that something happened to an
/// id.
#[utoipa::path(delete, path = "/v1/users/{id}", tag = "Users", params(("id" = String, Path)),
    responses((status = 204, description = "Nothing about the user is left but bare facts about an id")))]
async fn erase_user(State(app): Shared, may: May<WriteUsers>, Id(id): Id<UserId>) -> Result<StatusCode, Problem> {
    app.erase_user(&may.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Suspend a user
#[utoipa::path(post, path = "/v1/users/{id}/suspend", tag = "Users", params(("id" = String, Path)),
    responses((status = 200, description = "The user may prove nothing until resumed", body = User)))]
async fn suspend_user(State(app): Shared, may: May<WriteUsers>, Id(id): Id<UserId>) -> Result<Json<User>, Problem> {
    Ok(Json(app.set_user_state(&may.actor, id, UserState::Suspended).await?.into()))
}

/// Resume a suspended user
#[utoipa::path(post, path = "/v1/users/{id}/resume", tag = "Users", params(("id" = String, Path)),
    responses((status = 200, description = "The user may prove again", body = User)))]
async fn resume_user(State(app): Shared, may: May<WriteUsers>, Id(id): Id<UserId>) -> Result<Json<User>, Problem> {
    Ok(Json(app.set_user_state(&may.actor, id, UserState::Active).await?.into()))
}

/// Change a user's groups and attributes
///
/// Rules can ask for them: `groups` beside those that a decision is told, and `user.attributes`.
#[utoipa::path(patch, path = "/v1/users/{id}/standing", tag = "Users", params(("id" = String, Path)), request_body = UpdateStanding,
    responses((status = 200, description = "The user", body = User)))]
async fn update_standing(
    State(app): Shared,
    may: May<WriteUsers>,
    Id(id): Id<UserId>,
    Body { value: patch, .. }: Body<UpdateStanding>,
) -> Result<Json<User>, Problem> {
    Ok(Json(app.change_standing(&may.actor, id, &patch.checked()?).await?.into()))
}

/// A user to make known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    /// Your own id for the user: an account number, a login name. Compared without regard to case and white space around it.
    #[schema(example = "ann@example.org")]
    external_id: String,
    /// What the user is called on screens and in an authenticator app; the external id if not said.
    display_name: Option<String>,
    /// `person` (the default) or `service`.
    #[schema(value_type = Option<String>)]
    kind: Option<UserKind>,
}

/// What to change of a user; what is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateUser {
    /// Another name; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    #[allow(clippy::option_option, reason = "null is not absent (RFC 7396)")]
    display_name: Option<Option<String>>,
    /// `person` or `service`.
    #[schema(value_type = Option<String>)]
    kind: Option<UserKind>,
}

impl UpdateUser {
    pub(super) fn checked(self) -> Result<UserPatch, Problem> {
        let display_name = match self.display_name {
            Some(Some(text)) => Some(Some(name("/display_name", &text)?)),
            other => other,
        };
        Ok(UserPatch { display_name, kind: self.kind })
    }
}

/// What to change of how a user stands; what is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateStanding {
    /// The groups that the user is in, all of them; at most 64.
    groups: Option<BTreeSet<String>>,
    /// Attributes by name, small letters, digits and `_`; null takes one away. At most 64.
    #[serde(default)]
    attributes: BTreeMap<String, Option<String>>,
}

impl UpdateStanding {
    fn checked(self) -> Result<StandingPatch, Problem> {
        if self.groups.iter().flatten().any(|group| !Standing::is_text(group)) {
            return Err(flawed("/groups", format!("have names of 1 to {} bytes that print", Standing::LONGEST)));
        }
        let fits = |(name, value): (&String, &Option<String>)| {
            Standing::is_name(name) && value.as_deref().is_none_or(Standing::is_text)
        };
        if !self.attributes.iter().all(fits) {
            return Err(flawed(
                "/attributes",
                format!(
                    "have names of small letters, digits and `_`, and values of 1 to {} bytes that print",
                    Standing::LONGEST
                ),
            ));
        }
        Ok(StandingPatch { groups: self.groups, attributes: self.attributes })
    }
}

/// Which users are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct UserQuery {
    /// Those whose external id begins with this, or whose name contains it.
    search: Option<String>,
    /// Those in this state: `active` or `suspended`.
    #[param(value_type = Option<String>)]
    state: Option<UserState>,
    /// Those that have an active authenticator of this kind.
    #[param(value_type = Option<String>)]
    has: Option<AuthenticatorKind>,
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// A person or service account.
#[derive(Serialize, ToSchema)]
struct User {
    #[schema(value_type = String, example = "usr_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: UserId,
    external_id: String,
    display_name: Option<String>,
    #[schema(value_type = String)]
    kind: UserKind,
    #[schema(value_type = String)]
    state: UserState,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// The groups that are kept here, beside those that a decision is told.
    groups: BTreeSet<String>,
    /// What else rules can ask for, by name.
    attributes: BTreeMap<String, String>,
    /// The grace period does not end before, if it was made longer.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_until: Option<Timestamp>,
}

impl From<domain::User> for User {
    fn from(user: domain::User) -> Self {
        Self {
            id: user.id,
            external_id: user.external_id.as_given().to_owned(),
            display_name: user.display_name,
            kind: user.kind,
            state: user.state,
            created_at: user.created_at,
            groups: user.standing.groups,
            attributes: user.standing.attributes,
            grace_until: user.standing.grace_until,
        }
    }
}
