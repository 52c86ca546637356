//! Events: the record of what happened.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use data_encoding::BASE64URL_NOPAD;
use domain::event::About;
use domain::{ApplicationId, AuthenticatorId, EventId, EventKind, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::EventFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, flawed, stream};
use crate::app::App;
use crate::app::events::Order;
use crate::http::Shared;
use crate::http::caller::{May, ReadEvents};
use crate::http::parameters::{Query, page};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_events)).merge(stream::routes())
}

/// List events
///
/// 410 `events-expired` where some of the events to go on from are not kept any more.
#[utoipa::path(get, path = "/v1/events", tag = "Events", params(EventQuery),
    responses((status = 200, description = "Events, oldest first unless `order=desc`", body = List<Event>)))]
async fn list_events(
    State(app): Shared,
    _: May<ReadEvents>,
    Query(query): Query<EventQuery>,
) -> Result<Json<List<Event>>, Problem> {
    let order = match query.order {
        Some(QueryOrder::Desc) => Order::Descending,
        Some(QueryOrder::Asc) | None => Order::Ascending,
    };
    let page = page(query.limit, query.cursor.as_deref())?;
    let filter = EventFilter {
        kinds: kinds(query.kind.as_deref())?,
        user_id: query.user_id,
        authenticator_id: query.authenticator_id,
        since: query.since,
        until: query.until,
    };
    Ok(Json(List::part(app.events(&filter, page, order).await?)))
}

/// The kinds that a comma-separated list names; `run.*` names all that begin so.
pub(super) fn kinds(names: Option<&str>) -> Result<Vec<EventKind>, Problem> {
    let parse = |name: &str| {
        EventKind::from_name(name.trim()).ok_or_else(|| {
            flawed("kind", format!("there are no `{}` events: names are as in the list at /docs", name.trim()))
        })
    };
    let mut kinds = Vec::new();
    for name in names.into_iter().flat_map(|names| names.split(',')) {
        match name.trim().strip_suffix('*').filter(|beginning| beginning.ends_with('.')) {
            Some(beginning) => {
                let before = kinds.len();
                kinds.extend(EventKind::ALL.iter().filter(|kind| kind.name().starts_with(beginning)));
                if kinds.len() == before {
                    parse(name)?;
                }
            }
            None => kinds.push(parse(name)?),
        }
    }
    Ok(kinds)
}

/// Which events are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct EventQuery {
    /// Of these kinds, separated by commas; `run.*` for all that begin so.
    kind: Option<String>,
    /// About this user.
    #[param(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// About this authenticator.
    #[param(value_type = Option<String>)]
    authenticator_id: Option<AuthenticatorId>,
    /// Not before, in RFC 3339.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Before, in RFC 3339.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// `asc` (the default) or `desc`.
    #[param(value_type = Option<String>)]
    order: Option<QueryOrder>,
    /// At most this many, from 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// Where to go on.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum QueryOrder {
    Asc,
    Desc,
}

/// One fact.
#[derive(Serialize, ToSchema)]
pub(super) struct Event {
    #[schema(value_type = String, example = "evt_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: EventId,
    /// Its place among all events, from 1, without gaps.
    pub(super) position: i64,
    #[schema(value_type = String)]
    at: Timestamp,
    /// What happened: `noun.verb`.
    #[schema(value_type = String, example = "authenticator.verified")]
    pub(super) kind: EventKind,
    /// Which application asked for it.
    #[schema(value_type = Option<String>)]
    application_id: Option<ApplicationId>,
    /// Which things it concerns, by `user`, `device`, `authenticator`, `session`, `enrollment`, `challenge`.
    #[schema(value_type = Object)]
    about: About,
    /// Further facts.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
    /// What tells about a person; null where there is nothing, or where it was erased.
    details: Option<Details>,
}

/// What tells about a person, with what it is checked by.
#[derive(Serialize, ToSchema)]
struct Details {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
    /// SHA-256 over salt and details, base64url: what remains in the record when they are erased.
    commitment: String,
}

impl From<domain::Event> for Event {
    fn from(event: domain::Event) -> Self {
        Self {
            id: event.id,
            position: event.position,
            at: event.at,
            kind: event.kind,
            application_id: event.application_id,
            about: event.about,
            data: event.data,
            details: event.details.map(|details| Details {
                fields: details.fields,
                commitment: BASE64URL_NOPAD.encode(&details.commitment),
            }),
        }
    }
}
