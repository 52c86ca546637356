//! Rules of alerts: which events are counted, in which groups, and how many are too many.
//!
//! ```text
//! file ── AlertRule::read ──► AlertRule ── group_of(event), Counter::count ──► Counter, and whether that is too many
//! ```
//!
//! As with workflows, nothing here does I/O or knows the time. docs/guide/alerts.md is the guide to the files.

mod counter;
mod reader;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub use counter::{Baseline, Counter, Excess, HOUR, WEEKS};
use domain::{AlertSeverity, Event, EventKind};

use serde_json::{Value, json};

use crate::expression::{Expression, Known};
use crate::machine::event_json;

/// The longest name of a group, in characters: what is longer is cut.
const LONGEST_GROUP: usize = 100;
/// What stands for the groups beyond those that have an alert of their own. No group of events is called so.
pub const OTHERS: &str = "*";

/// A rule that was understood.
#[derive(Debug)]
pub struct AlertRule {
    name: String,
    title: Option<String>,
    digest: String,
    events: Vec<EventKind>,
    when: Option<Expression>,
    by: Option<By>,
    bounds: Bounds,
    severity: AlertSeverity,
}

/// How many events are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The time in which they are counted.
    pub window: Duration,
    /// More than so many in that time.
    pub above: Option<u64>,
    /// So many standard deviations more in an hour, in thousandths, than in such an hour as a rule.
    pub z: Option<u64>,
    /// With `z`, no fewer than so many in an hour.
    pub at_least: u64,
    /// How long it has to be as it should be until an alert is over.
    pub cool_down: Duration,
}

/// What tells groups of events apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// One of the ids that events are about.
    Id(&'static str),
    /// The application that asked.
    Application,
    /// A fact of the event.
    Data(String),
}

impl AlertRule {
    /// By which it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is called for people.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// SHA-256 of what it says, in hexadecimal: the same however its file is laid out or commented.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The kinds of events that it counts.
    pub fn events(&self) -> &[EventKind] {
        &self.events
    }

    /// What it says, piece by piece.
    pub fn outline(&self) -> Value {
        let Bounds { window, above, z, at_least, cool_down } = self.bounds;
        json!({
            "title": self.title,
            "events": self.events.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            "when": self.when.as_ref().map(|when| when.text.as_str()),
            "by": self.by(),
            "window": window.as_secs(),
            "above": above,
            "z": z.map(|z| json!(z).as_f64().unwrap_or_default() / 1000.0),
            "at_least": z.map(|_| at_least),
            "cool_down": cool_down.as_secs(),
            "severity": self.severity.name(),
        })
    }

    /// How many are too many.
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// How bad that is.
    pub const fn severity(&self) -> AlertSeverity {
        self.severity
    }

    /// By what it tells groups apart, as it is written; nothing if it does not.
    pub fn by(&self) -> Option<String> {
        self.by.as_ref().map(|by| match by {
            By::Id(name) => (*name).to_owned(),
            By::Application => "application".to_owned(),
            By::Data(name) => format!("data.{name}"),
        })
    }

    /// Whether groups are users.
    pub fn is_by_user(&self) -> bool {
        self.by == Some(By::Id("user"))
    }

    /// In which group an event is counted, if it is: the empty one where it says nothing of that, or groups are not told apart. An event of which
    /// the condition cannot be told is counted: better an alert too many.
    pub fn group_of(&self, event: &Event) -> Option<String> {
        if !self.events.contains(&event.kind) {
            return None;
        }
        let json = event_json(event);
        if let Some(when) = &self.when {
            let mut known = Known::default();
            known.add("event", Cow::Borrowed(&json));
            if when.holds(&known) == Ok(false) {
                return None;
            }
        }
        let value = match &self.by {
            None => None,
            Some(By::Id(name)) => json.get(*name),
            Some(By::Application) => json.get("application"),
            Some(By::Data(name)) => json.get("data").and_then(|data| data.get(name)),
        };
        let text = match value {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let text = network_of(&text).unwrap_or(text);
        Some(if text == OTHERS { format!("\"{OTHERS}\"") } else { text.chars().take(LONGEST_GROUP).collect() })
    }
}

/// The network of an address: whoever has one has all of a /24, or of a /48 of IPv6, and would be as many groups as they like.
fn network_of(text: &str) -> Option<String> {
    match text.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Some(format!("{}/24", Ipv4Addr::new(a, b, c, 0)))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Some(format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
        }
    }
}
