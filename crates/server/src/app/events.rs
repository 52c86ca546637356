//! Events: reading the record of what happened, and following it.

use domain::{Event, Page, PageRequest};
use store::EventFilter;
use tokio::sync::watch;

use super::{App, Error};

/// In which order events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The oldest first.
    Ascending,
    /// The newest first.
    Descending,
}

impl App {
    /// A part of the record.
    pub(crate) async fn events(
        &self,
        filter: &EventFilter,
        page: PageRequest<i64>,
        order: Order,
    ) -> Result<Page<Event, i64>, Error> {
        Ok(match order {
            Order::Ascending => self.store.events(filter, page).await?,
            Order::Descending => self.store.events_backward(filter, page).await?,
        })
    }

    /// The position of the newest event, as it changes.
    pub(crate) fn newest_event(&self) -> watch::Receiver<i64> {
        self.store.head()
    }
}
