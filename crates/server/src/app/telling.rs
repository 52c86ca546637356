//! Making events: who did what to what, with personal details apart.

use aws_lc_rs::digest;
use domain::event::About;
use domain::{Details, Event, EventId, EventKind};
use serde_json::{Map, Value};

use super::{Actor, App};

/// The events of one commit.
#[derive(Debug, Default)]
pub(crate) struct Told(pub(crate) Vec<Event>);

impl From<Event> for Told {
    fn from(event: Event) -> Self {
        Self(vec![event])
    }
}

impl<const N: usize> From<[Event; N]> for Told {
    fn from(events: [Event; N]) -> Self {
        Self(events.into())
    }
}

impl From<Vec<Event>> for Told {
    fn from(events: Vec<Event>) -> Self {
        Self(events)
    }
}

impl App {
    /// An event at this moment, by `actor` or by itself.
    pub(crate) fn event(&self, kind: EventKind, actor: Option<&Actor>, about: About) -> Event {
        let at = self.now();
        Event {
            id: EventId::generate(at, &*self.entropy),
            position: 0,
            at,
            kind,
            application_id: actor.map(|actor| actor.application.id),
            about,
            data: Map::new(),
            details: None,
        }
    }

    /// Details with a fresh salt and the commitment that stands in the event.
    pub(crate) fn details(&self, fields: impl IntoIterator<Item = (&'static str, String)>) -> Option<Details> {
        let fields: Map<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        if fields.is_empty() {
            return None;
        }
        let salt = self.random();
        // The map is sorted by name, and its values are texts: its JSON is canonical (RFC 8785).
        let fields = Value::Object(fields);
        let commitment = commitment(&salt, &fields.to_string());
        let Value::Object(fields) = fields else { return None };
        Some(Details { fields, salt, commitment })
    }

    /// Where the request came from, as details.
    pub(crate) fn origin(&self, actor: &Actor) -> Option<Details> {
        self.details(actor.address.map(|address| ("address", address.to_string())))
    }
}

/// SHA-256 over the salt and the fields as JSON with sorted names and no white space.
fn commitment(salt: &[u8; 16], fields: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(salt);
    context.update(fields.as_bytes());
    let mut commitment = [0; 32];
    commitment.copy_from_slice(context.finish().as_ref());
    commitment
}

/// Adds facts to an event.
pub(crate) trait With: Sized {
    /// Adds one fact.
    #[must_use]
    fn with(self, name: &'static str, value: impl Into<Value>) -> Self;
    /// Adds personal details.
    #[must_use]
    fn detailed(self, details: Option<Details>) -> Self;
}

impl With for Event {
    fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(
            self.kind.fields().iter().any(|field| field.name == name),
            "`{name}` is no field of {}: say in domain::event_schema what it is",
            self.kind.name()
        );
        self.data.insert(name.to_owned(), value.into());
        self
    }

    fn detailed(mut self, details: Option<Details>) -> Self {
        self.details = details;
        self
    }
}
