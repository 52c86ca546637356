//! The log of events; making room, and letting go of what is old.

use domain::{Event, EventKind, Page, PageRequest, Timestamp, UserId};

use crate::read::events;
use crate::read::events::Order;
use crate::{EventFilter, Store, StoreError};

#[allow(clippy::missing_errors_doc, reason = "all fail alike, which the type says once")]
impl Store {
    /// Events in the order of their positions, after `page.after`. `Expired` if some of those are not kept any more; after 0
    /// come all that are kept.
    pub async fn events(&self, filter: &EventFilter, page: PageRequest<i64>) -> Result<Page<Event, i64>, StoreError> {
        self.0.pool.ask(async |on| events::events(on, filter, Order::Forward, page).await).await
    }

    /// Whom events of these kinds are about, after one position and up to another not far from it. `Expired` as above.
    pub async fn concerned(&self, kinds: &[EventKind], after: i64, to: i64) -> Result<Vec<UserId>, StoreError> {
        self.0.quick.ask(async |on| events::concerned(on, kinds, after, to).await).await
    }

    /// Events in reverse order, before `page.after`: the newest first. `Expired` as above.
    pub async fn events_backward(
        &self,
        filter: &EventFilter,
        page: PageRequest<i64>,
    ) -> Result<Page<Event, i64>, StoreError> {
        self.0.pool.ask(async |on| events::events(on, filter, Order::Backward, page).await).await
    }

    /// The position of the newest event; changes as events are committed, here or by another server.
    pub fn head(&self) -> tokio::sync::watch::Receiver<i64> {
        self.0.head.subscribe()
    }

    /// Sees to it that there is room for the events to come: to be called now and then. Nothing fails without it, but a commit
    /// may have to wait for it. Answers whether there was something to do.
    pub async fn make_room(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.0.writer.make_room(now).await
    }

    /// Removes some of the oldest events, of those that happened before `before`, and commits `told` with it, to which it adds
    /// the positions of the `first` and the `last` event removed. To be called until it answers 0: how many were removed. With
    /// PostgreSQL events go with their whole partition, at most a month later.
    pub async fn expire_events(&self, before: Timestamp, told: Event) -> Result<u64, StoreError> {
        self.0.expire_events(before, told).await
    }

    /// Deletes what has served its time, a bounded amount at a go: challenges, enrollments, pages, sign-ins and sessions that were over for `keep`,
    /// forgotten idempotency keys. Answers how many rows went.
    pub async fn sweep(&self, now: Timestamp, keep: std::time::Duration) -> Result<u64, StoreError> {
        self.0.sweep(now, keep).await
    }
}
