//! The API, version 1: one module a resource. In each, top down: the operations, then what goes in and comes out.

mod alerts;
mod applications;
mod authenticators;
mod blocked_addresses;
mod challenges;
pub(super) mod decisions;
mod devices;
mod doctor;
pub(super) mod enrollments;
mod events;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod gateway_switches;
mod hardware_tokens;
mod introspection;
mod keys;
mod links;
pub(super) mod pages;
mod policies;
pub(super) mod prompts;
pub(super) mod proof;
mod runs;
mod sessions;
mod sign_ins;
mod stream;
pub(super) mod tasks;
mod testing;
mod users;
mod webhooks;
mod workflow_drafts;
mod workflow_shown;
mod workflow_stats;
mod workflows;

use std::sync::Arc;

use domain::Page;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::app::{App, Flaw, UserRef};

use super::problem::Problem;

/// Every operation. Those that move the clock only where that is wanted.
pub(super) fn routes(movable_clock: bool) -> OpenApiRouter<Arc<App>> {
    let routes = OpenApiRouter::new()
        .merge(applications::routes())
        .merge(users::routes())
        .merge(devices::routes())
        .merge(sessions::routes())
        .merge(enrollments::routes())
        .merge(authenticators::routes())
        .merge(blocked_addresses::routes())
        .merge(gateway_switches::routes())
        .merge(challenges::routes())
        .merge(decisions::routes())
        .merge(introspection::routes())
        .merge(policies::routes())
        .merge(prompts::routes())
        .merge(pages::routes())
        .merge(sign_ins::routes())
        .merge(hardware_tokens::routes())
        .merge(workflows::routes())
        .merge(webhooks::routes())
        .merge(workflow_drafts::routes())
        .merge(workflow_shown::routes())
        .merge(runs::routes())
        .merge(alerts::routes())
        .merge(tasks::routes())
        .merge(links::routes())
        .merge(events::routes())
        .merge(keys::routes())
        .merge(doctor::routes());
    if movable_clock { routes.merge(testing::routes()) } else { routes }
}

/// A part of a list.
#[derive(Serialize, ToSchema)]
struct List<T> {
    /// The entries.
    items: Vec<T>,
    /// What to send as `cursor` for the next part; null at the end.
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A whole list.
    fn whole(items: impl IntoIterator<Item = T>) -> Self {
        Self { items: items.into_iter().collect(), next_cursor: None }
    }

    /// A part of one.
    fn part<D, K: ToString>(page: Page<D, K>) -> Self
    where
        T: From<D>,
    {
        let next_cursor = page.next.map(|next| next.to_string());
        Self { items: page.items.into_iter().map(T::from).collect(), next_cursor }
    }
}

/// Tells a member that is null from one that is not there.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A flaw at this place.
pub(super) fn flawed(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::invalid(vec![Flaw { pointer: pointer.to_owned(), detail: detail.into() }])
}

/// The state of this name, of all that there are.
pub(super) fn state_named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, Problem> {
    all.iter().copied().find(|state| name(*state) == text).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|state| name(*state)).collect();
        flawed("state", format!("must be one of {}", names.join(", ")))
    })
}

/// A name that people read: 1 to 100 characters, none of them a control character.
pub(super) fn name(pointer: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let length = text.chars().count();
    if (1..=100).contains(&length) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(flawed(pointer, "must have 1 to 100 characters, none of them a control character"))
    }
}

/// A user by exactly one of the two ids.
fn user_ref(id: Option<domain::UserId>, external_id: Option<&str>) -> Result<UserRef, Problem> {
    match (id, external_id) {
        (Some(id), None) => Ok(UserRef::Id(id)),
        (None, Some(text)) => external(text).map(UserRef::External),
        _ => Err(flawed("/user_id", "either user_id or external_id is wanted, and not both")),
    }
}

/// The application's id for a user.
fn external(text: &str) -> Result<domain::ExternalId, Problem> {
    domain::ExternalId::parse(text).map_err(|error| flawed("/external_id", error.to_string()))
}

/// A 32-byte key in base64url without padding.
pub(super) fn key_bytes(pointer: &str, text: &str) -> Result<[u8; 32], Problem> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| flawed(pointer, "must be 32 bytes in base64url without padding (RFC 4648 §5)"))
}
