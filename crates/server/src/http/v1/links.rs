//! Links of runs, for the pages on which an application shows a person what concerns them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{LinkId, RunId, SessionId, Texts, Timestamp, UserId};
use gateway::messages::Language;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::List;
use super::enrollments::{no_store, text};
use crate::app::App;
use crate::app::workflows::Followed;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{HandOver, May, UseSessions};
use crate::http::parameters::{Id, Query, page};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_links)).routes(routes!(follow_link)).routes(routes!(hand_over_link))
}

/// List the links of a user
///
/// What runs of workflows let this user do: that they were not the one who asked for a recovery, say. Their addresses are in messages alone.
#[utoipa::path(get, path = "/v1/links", tag = "Workflows", params(LinkQuery),
    responses((status = 200, description = "Links, the newest first", body = List<Link>)))]
async fn list_links(
    State(app): Shared,
    may: May<UseSessions>,
    Query(query): Query<LinkQuery>,
) -> Result<Json<List<Link>>, Problem> {
    let part = app.links_of(query.user_id, page(query.limit, query.cursor.as_deref())?).await?;
    let items = part.items.into_iter().map(|link| Link::of(link, &app, may.actor.language)).collect();
    Ok(Json(List { items, next_cursor: part.next.map(|next| next.to_string()) }))
}

/// Follow a link in a session
///
/// In the place of the message: in a session of the user's own that has reached AAL2. It counts as the link does, once.
#[utoipa::path(post, path = "/v1/links/{id}/follow", tag = "Workflows", params(("id" = String, Path),
        ("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")),
    request_body = FollowInSession,
    responses((status = 200, description = "It was followed", body = Link)))]
async fn follow_link(
    State(app): Shared,
    may: May<UseSessions>,
    Id(id): Id<LinkId>,
    Body { value: follow, .. }: Body<FollowInSession>,
) -> Result<Json<Link>, Problem> {
    let link = app.follow_link_in_session(&may.actor, id, follow.session_id).await?;
    Ok(Json(Link::of(link, &app, may.actor.language)))
}

/// Hand over what a link gives
///
/// For whoever sees its user in person: the pass or the backup codes that its page would show, this once. The application vouches for who that is, a user
/// here who is active and not the one it is for.
#[utoipa::path(post, path = "/v1/links/{id}/hand-over", tag = "Workflows", params(("id" = String, Path)), request_body = InPerson,
    responses((status = 200, description = "What it gives", body = HandedOver)))]
async fn hand_over_link(
    State(app): Shared,
    may: May<HandOver>,
    Id(id): Id<LinkId>,
    Body { value: InPerson { person }, .. }: Body<InPerson>,
) -> Result<Response, Problem> {
    let Followed { link, codes } = app.hand_over_link(&may.actor, id, &person).await?;
    let codes = codes.iter().map(text).collect();
    Ok(no_store(Json(HandedOver { link: Link::of(link, &app, may.actor.language), codes }).into_response()))
}

/// Whose links are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LinkQuery {
    /// Of this user.
    #[param(value_type = String)]
    user_id: UserId,
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

/// In which session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FollowInSession {
    /// The user's session.
    #[schema(value_type = String)]
    session_id: SessionId,
}

/// By whom something is handed over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InPerson {
    /// Who: the id or the `external_id` of a user.
    #[schema(max_length = 256)]
    person: String,
}

/// What was handed over.
#[derive(Serialize, ToSchema)]
struct HandedOver {
    link: Link,
    /// The codes, this once. A pass is one; it counts until `expires_at` of the link.
    #[schema(value_type = Vec<String>)]
    codes: Vec<zeroize::Zeroizing<String>>,
}

/// What a run lets a user do.
#[derive(Serialize, ToSchema)]
struct Link {
    #[schema(value_type = String, example = "lnk_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: LinkId,
    /// The run that made it.
    #[schema(value_type = String)]
    run_id: RunId,
    workflow: String,
    #[schema(value_type = String)]
    user_id: UserId,
    /// What the workflow calls it.
    name: String,
    /// For people, in the language that `Accept-Language` says where the workflow has it in that: what it is about, …
    title: String,
    /// … what happens by it, …
    message: String,
    /// … and what stands on the button.
    button: String,
    /// What it hands out, if it does: `pass` or `backup_codes`.
    gives: Option<&'static str>,
    /// `open`, `followed`, `expired`, or `over` where its run is.
    state: &'static str,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>)]
    followed_at: Option<Timestamp>,
}

impl Link {
    /// As it is now, for somebody who reads this.
    fn of(link: domain::Link, app: &App, reads: Option<Language>) -> Self {
        let (now, languages) = (app.now(), app.languages(reads).map(Language::name));
        let read = |texts: &Texts| texts.read_in(&languages).1.to_owned();
        Self {
            state: link.state_at(now).name(),
            id: link.id,
            run_id: link.run_id,
            workflow: link.workflow,
            user_id: link.user_id,
            name: link.name,
            title: read(&link.title),
            message: read(&link.message),
            button: read(&link.button),
            gives: link.gives.map(domain::LinkGives::name),
            created_at: link.created_at,
            expires_at: link.expires_at,
            followed_at: link.followed_at,
        }
    }
}
