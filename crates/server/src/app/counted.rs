//! Counting what is told, for Prometheus.

use std::cell::RefCell;
use std::collections::HashMap;

use domain::{Event, EventKind};
use metrics::Counter;

/// Meters, by what they count. Each thread keeps what it found once: looking a meter up by its labels costs more than counting.
#[derive(Default)]
struct Meters {
    kinds: HashMap<EventKind, Counter>,
    outcomes: HashMap<Box<str>, Counter>,
}

/// What is to be counted of events, once they are written.
pub(super) struct Uncounted {
    kinds: Vec<EventKind>,
    /// What decisions came to: a word of ours.
    outcomes: Vec<Box<str>>,
}

impl Uncounted {
    /// Of events that are about to be written.
    pub(super) fn of(events: &[Event]) -> Self {
        let decisions = events.iter().filter(|event| event.kind == EventKind::DecisionMade);
        let outcomes = decisions.filter_map(|event| Some(event.data.get("outcome")?.as_str()?.into()));
        Self { kinds: events.iter().map(|event| event.kind).collect(), outcomes: outcomes.collect() }
    }

    /// They are written.
    pub(super) fn count(self) {
        thread_local! {
            static METERS: RefCell<Meters> = RefCell::default();
        }
        METERS.with_borrow_mut(|meters| {
            for kind in self.kinds {
                let meter = || metrics::counter!("countersign_events_total", "kind" => kind.name());
                meters.kinds.entry(kind).or_insert_with(meter).increment(1);
            }
            for outcome in self.outcomes {
                let label = outcome.clone();
                let meter = || metrics::counter!("countersign_decisions_total", "outcome" => label.into_string());
                meters.outcomes.entry(outcome).or_insert_with(meter).increment(1);
            }
        });
    }
}
