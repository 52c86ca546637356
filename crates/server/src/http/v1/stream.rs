//! Events as they happen, as server-sent events (WHATWG HTML §9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use domain::PageRequest;
use futures_util::Stream;
use http::HeaderMap;
use serde::Deserialize;
use store::EventFilter;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::events::{Event, kinds};
use super::flawed;
use crate::app::App;
use crate::app::events::Order;
use crate::http::Shared;
use crate::http::caller::{May, ReadEvents};
use crate::http::parameters::Query;
use crate::http::problem::Problem;

/// Events that are read at a time.
const PAGE: u32 = 100;
/// A comment is sent this often, so that whatever is between does not take the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The longest that a stream goes on without a look at whether its reader still may.
const LOOK: Duration = Duration::from_secs(2);

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(follow_events))
}

/// Follow events
///
/// As server-sent events: `id` is the position, `event` the kind, `data` the event. Goes on after `after` or the
/// `Last-Event-ID` header; from now on if neither is said. Every event comes once and in order. The stream ends within seconds
/// once its key is revoked or ends, or the application loses the scope.
/// 410 `events-expired` where some of those after it are not kept any more: an open stream ends, and learns so when it
/// connects again.
#[utoipa::path(get, path = "/v1/events/stream", tag = "Events", params(StreamQuery),
    responses((status = 200, description = "Events, as they happen", content_type = "text/event-stream", body = String)))]
async fn follow_events(
    State(app): Shared,
    may: May<ReadEvents>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Problem> {
    let filter = EventFilter { kinds: kinds(query.kind.as_deref())?, ..EventFilter::default() };
    let newest = app.newest_event();
    let after = match (query.after, headers.get("last-event-id")) {
        (Some(after), _) => after,
        (None, Some(id)) => id
            .to_str()
            .ok()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| flawed("last-event-id", "must be the id of an event of this stream"))?,
        (None, None) => *newest.borrow(),
    };
    app.events(&EventFilter::default(), PageRequest { after: Some(after), limit: 1 }, Order::Ascending).await?;
    let following =
        Following { app, may, looked: Instant::now(), filter, newest, after, ready: Vec::new().into_iter() };
    let stream = futures_util::stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// One reader of the stream.
struct Following {
    app: Arc<App>,
    may: May<ReadEvents>,
    /// When there was last a look at whether it still may.
    looked: Instant,
    filter: EventFilter,
    newest: watch::Receiver<i64>,
    after: i64,
    ready: std::vec::IntoIter<domain::Event>,
}

impl Following {
    /// The next event; `None` when the reader may follow no more, the server stops or the store fails. Upon the latter the
    /// reader connects again, and upon the first learns why not.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            // A reader that takes what is ready slowly is looked at too.
            if self.looked.elapsed() >= LOOK {
                self.look().await?;
            }
            if let Some(event) = self.ready.next() {
                return as_sse(event.into());
            }
            let newest = *self.newest.borrow_and_update();
            if newest > self.after {
                self.look().await?;
                let page = PageRequest { after: Some(self.after), limit: PAGE };
                let page = self.app.events(&self.filter, page, Order::Ascending).await.ok()?;
                // Where events of other kinds end the page, go on after the newest one that was looked at.
                self.after = match (page.next, page.items.last()) {
                    (Some(next), _) => next,
                    (None, Some(last)) => last.position.max(newest),
                    (None, None) => newest,
                };
                self.ready = page.items.into_iter();
            } else if let Ok(changed) = timeout(LOOK, self.newest.changed()).await {
                changed.ok()?;
            }
        }
    }

    /// A key that was revoked, or an application that lost the scope, follows nothing any more.
    async fn look(&mut self) -> Option<()> {
        self.looked = Instant::now();
        self.may.still_holds(&self.app).await.then_some(())
    }
}

fn as_sse(event: Event) -> Option<sse::Event> {
    sse::Event::default().id(event.position.to_string()).event(event.kind.name()).json_data(event).ok()
}

/// Which events are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StreamQuery {
    /// Those after this position; 0 for all there are.
    after: Option<i64>,
    /// Of these kinds, separated by commas; `run.*` for all that begin so.
    kind: Option<String>,
}
