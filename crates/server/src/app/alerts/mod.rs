//! Alerts: which rules are in force, counting events by them, and what becomes of what is raised.
//!
//! ```text
//! events ─► follow: group, count, hold against bounds ─► one commit: counters, cursor, alerts and what is told of them
//! people ─► respond: acknowledge, silence, resolve ────┘
//! ```
//!
//! Everything that is known stands in the store. Whoever writes any of it has read the cursor before what the write goes by, and has it in
//! the condition of the write: so each event is counted once, whichever server dies, and two that count the same raise one alert. An alert
//! does nothing by itself; workflows are started by what is told of it.

mod follow;
mod force;
mod respond;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::event::About;
use domain::{Alert, AlertRuleInForce, Event, EventKind};
use workflow::AlertRule;

use super::App;
use crate::app::Actor;
use crate::app::telling::With;
pub(crate) use follow::{follow, measure};
pub(crate) use respond::{Response, What};

/// What is known of rules here. All of it can be had from the store again.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    in_force: RwLock<Arc<Rules>>,
    /// Whether a folder of this server's says which there are.
    in_a_folder: bool,
}

/// The rules that are in force, and what was seen last of how often anything was changed.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// By name.
    pub(crate) all: BTreeMap<String, InForce>,
    /// Whether some are not understood here: who counts moves on for all of them, so that this server does not.
    pub(crate) lacks: bool,
    pub(crate) turn: Option<i64>,
}

/// A rule that is in force.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) row: AlertRuleInForce,
    pub(crate) rule: AlertRule,
}

impl Alerts {
    /// Of a server whose folder says which rules there are, or not.
    pub(crate) fn new(in_a_folder: bool) -> Self {
        Self { in_a_folder, ..Self::default() }
    }

    pub(crate) const fn are_in_a_folder(&self) -> bool {
        self.in_a_folder
    }

    pub(crate) fn in_force(&self) -> Arc<Rules> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, rules: Rules) {
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}

impl App {
    /// What is told of an alert.
    fn of_alert(&self, kind: EventKind, actor: Option<&Actor>, alert: &Alert) -> Event {
        let about = About { user_id: alert.user_id, ..About::default() };
        let event = self.event(kind, actor, about);
        let event = event.with("alert", alert.id.to_string()).with("rule", alert.rule.as_str());
        let event = event.with("severity", alert.severity.name()).with("bound", alert.bound.name());
        let event = event.with("count", alert.count).with("limit", alert.limit);
        match &alert.by {
            Some(by) => event.with("by", by.as_str()).with("group", alert.group.as_str()),
            None => event,
        }
    }
}
