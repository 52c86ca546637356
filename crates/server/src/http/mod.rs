//! The HTTP face: routes, permissions, problems, and the socket.

mod access;
mod body;
mod caller;
mod cookies;
mod docs;
mod forward_auth;
mod health;
mod idempotency_key;
mod links;
mod listen;
mod log;
mod openapi;
mod pages;
mod parameters;
mod peer;
mod problem;
mod push;
mod receipts;
mod tls;
mod v1;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware;

use crate::app::{App, Error};
pub(crate) use listen::{Listening, bind, listen};
pub(crate) use push::places as push_places;
pub(crate) use tls::fingerprint_of_file;

/// Shared by all handlers.
type Shared = State<Arc<App>>;

/// Every route, and the layers around them.
fn router(app: Arc<App>) -> Router {
    let (api, document) = openapi::routes(app.settings.movable_clock.is_some());
    api.merge(docs::routes(&document))
        .merge(pages::files())
        .merge(links::routes())
        .merge(forward_auth::routes())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn(log::around))
        .with_state(app)
}

/// Does something to its end, whether or not the caller waits for it: what has left the machine is told of.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.map_err(|error| Error::Internal(format!("a request ended early: {error}")))?
}

#[cfg(feature = "fuzz")]
pub(crate) use v1::fuzz::bodies as fuzz_bodies;

/// Reads the body of a call that starts a workflow.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz_webhook_body(bytes: &[u8]) {
    let _ = body::parse::<serde_json::Map<String, serde_json::Value>>(bytes);
}

/// Whether a cursor can be read.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz_page<K: std::str::FromStr>(cursor: &str) -> bool {
    parameters::page::<K>(None, Some(cursor)).is_ok()
}
