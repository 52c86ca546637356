//! What starts a run, and what is told to it.

use std::sync::Arc;

use document::{Node, Yaml, one_of};
use domain::EventKind;
use serde_json::Value;

use super::Reader;
use crate::cron::Schedule;
use crate::definition::{Input, Trigger, TriggerKind};
use crate::grammar;
use crate::vocabulary::Kind;

/// The most triggers.
const MAX_TRIGGERS: usize = 20;
/// The most inputs.
const MAX_INPUTS: usize = 50;

/// The kinds of events that start a run.
pub(super) fn kinds(triggers: &[Trigger]) -> Arc<[EventKind]> {
    let kinds = triggers.iter().filter_map(|trigger| match trigger.kind {
        TriggerKind::Event(kind) => Some(kind),
        _ => None,
    });
    kinds.collect()
}

pub(super) fn has_webhook(triggers: &[Trigger]) -> bool {
    triggers.iter().any(|trigger| matches!(trigger.kind, TriggerKind::Webhook(_)))
}

impl Reader {
    pub(super) fn triggers(&mut self, node: &Node) -> Vec<Trigger> {
        let items = node.list(&mut self.mistakes);
        if items.len() > MAX_TRIGGERS {
            self.mistakes.error(&node.place, format!("a workflow has at most {MAX_TRIGGERS} triggers"));
            return Vec::new();
        }
        items.iter().filter_map(|item| self.trigger(item)).collect()
    }

    fn trigger(&mut self, node: &Node) -> Option<Trigger> {
        const ONE_OF: &[&str] = &["event", "schedule", "webhook", "manual", "workflow"];
        let fields = self.record(node, grammar::TRIGGER);
        let given: Vec<&str> = ONE_OF.iter().copied().filter(|key| fields.find(key).is_some()).collect();
        let [given] = given.as_slice() else {
            let message = format!("a trigger is one of {}", document::listed(ONE_OF));
            self.mistakes.error(&node.place, message);
            return None;
        };
        let value = fields.find(given)?;
        let zone = fields.find("time_zone");
        if let (Some(zone), true) = (zone, *given != "schedule") {
            self.mistakes.error(&zone.place, "only a schedule has a `time_zone`");
        }
        let kind = match *given {
            "event" => self.event_kind(value).map(TriggerKind::Event),
            "schedule" => {
                let zone = zone.and_then(|node| node.text(&mut self.mistakes)).unwrap_or("UTC");
                let text = value.text(&mut self.mistakes)?;
                match Schedule::parse(text, zone) {
                    Ok(schedule) => Some(TriggerKind::Schedule(schedule)),
                    Err(message) => {
                        self.mistakes.error(&value.place, message);
                        None
                    }
                }
            }
            "webhook" => {
                let fields = self.record(value, grammar::WEBHOOK);
                let secret = fields.find("secret")?;
                self.secret(secret).map(TriggerKind::Webhook)
            }
            "manual" => {
                let fields = self.record(value, grammar::MANUAL);
                let roles = fields.find("roles")?.texts(&mut self.mistakes);
                Some(TriggerKind::Manual(roles.into_iter().map(|(role, _)| role.to_owned()).collect()))
            }
            _ => {
                if value.bool(&mut self.mistakes) == Some(false) {
                    self.mistakes.error(&value.place, "leave this out, if no workflow may call it");
                }
                Some(TriggerKind::Workflow)
            }
        };
        let when = fields.find("when").and_then(|node| self.trigger_condition(node, kind.as_ref()));
        Some(Trigger { place: node.place.clone(), kind: kind?, when })
    }

    /// A trigger's condition asks about what this trigger brings, and about nothing of others.
    fn trigger_condition(&mut self, node: &Node, kind: Option<&TriggerKind>) -> Option<usize> {
        match kind? {
            TriggerKind::Event(kind) => self.scope.events = Arc::from([*kind]),
            TriggerKind::Webhook(_) => self.scope.webhook = true,
            _ => {}
        }
        let condition = self.condition(node);
        self.scope.events = Arc::default();
        self.scope.webhook = false;
        condition
    }

    pub(super) fn event_kind(&mut self, node: &Node) -> Option<EventKind> {
        let text = node.text(&mut self.mistakes)?;
        let found = EventKind::from_name(text);
        if found.is_none() {
            let names = EventKind::ALL.iter().map(|kind| kind.name());
            self.mistakes.unknown(&node.place, format!("there is no event `{text}`"), text, names);
        }
        found
    }

    pub(super) fn inputs(&mut self, node: &Node) -> Vec<Input> {
        let entries = node.entries(&mut self.mistakes);
        if entries.len() > MAX_INPUTS {
            self.mistakes.error(&node.place, format!("a workflow has at most {MAX_INPUTS} inputs"));
        }
        let mut inputs = Vec::new();
        for (key, value) in entries {
            let fields = self.record(value, grammar::INPUT);
            let kind = fields.find("type").and_then(|node| {
                let text = node.text(&mut self.mistakes)?;
                one_of(text, &node.place, "type", Kind::INPUTS, &mut self.mistakes)
            });
            let required = fields.find("required").and_then(|node| node.bool(&mut self.mistakes)).unwrap_or(false);
            let label = fields.find("label").and_then(|node| node.text(&mut self.mistakes)).map(str::to_owned);
            let default = fields.find("default").map(|node| (node.json(), &node.place));
            let secret = fields.find("secret").and_then(|node| node.bool(&mut self.mistakes)).unwrap_or(false);
            if secret && (kind != Some(Kind::Text) || default.is_some()) {
                self.mistakes.error(&value.place, "what is secret is a `text`, and has no `default`");
            }
            if let (Some((value, place)), Some(kind)) = (&default, kind)
                && !is_of(value, kind)
            {
                self.mistakes.error(place, format!("expected {}", kind.called()));
            }
            let default = default.map(|(value, _)| value);
            inputs.extend(kind.map(|kind| Input { name: key.name.clone(), kind, required, default, label, secret }));
        }
        inputs
    }
}

/// The inputs as far as conditions ask about them; what is wrong with them is told by [`Reader::inputs`].
pub(super) fn input_kinds(node: &Node) -> Arc<[(String, Kind)]> {
    let Yaml::Map(entries) = &node.yaml else { return Arc::default() };
    let seen = entries.iter().filter(|(_, value)| !is_secret(value));
    let kinds = seen.map(|(key, value)| {
        let Yaml::Map(fields) = &value.yaml else { return (key.name.clone(), Kind::Any) };
        let named = fields.iter().find(|(field, _)| field.name == "type").map(|(_, node)| &node.yaml);
        let Some(Yaml::Text(name)) = named else { return (key.name.clone(), Kind::Any) };
        let kind = Kind::INPUTS.iter().find(|(word, _)| word == name).map_or(Kind::Any, |(_, kind)| *kind);
        (key.name.clone(), kind)
    });
    kinds.collect()
}

/// The names of those that nobody may see.
pub(super) fn secret_inputs(node: &Node) -> Arc<[String]> {
    let Yaml::Map(entries) = &node.yaml else { return Arc::default() };
    entries.iter().filter(|(_, value)| is_secret(value)).map(|(key, _)| key.name.clone()).collect()
}

fn is_secret(input: &Node) -> bool {
    let Yaml::Map(fields) = &input.yaml else { return false };
    fields.iter().any(|(field, node)| field.name == "secret" && matches!(node.yaml, Yaml::Bool(true)))
}

/// Whether a value is of a kind.
pub(crate) fn is_of(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Number | Kind::Span => value.is_number(),
        Kind::Bool => value.is_boolean(),
        Kind::Texts => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        Kind::Any => true,
        Kind::Secret => false,
        _ => value.is_string(),
    }
}
