//! The words of workflows as JSON, for whoever offers them: the builder, editors.

use domain::{EVENT_IDS, EventKind, FieldKind, LANGUAGES};
use serde_json::{Value, json};

use crate::vocabulary::{ACTIONS, EVIDENCE, Kind, Parameter, QUERIES, Reach};

/// Events with their fields, actions and queries with what they take and give, evidence, and the languages that a text for people may be in.
pub fn words() -> Value {
    let events = EventKind::ALL.iter().map(|kind| {
        let fields = kind.fields().iter().map(|field| json!({ "name": field.name, "kind": of_field(field.kind), "may_be_missing": kind.may_lack(field.name) }));
        let ids = if kind.concerns_users() { EVENT_IDS } else { &[] };
        json!({ "name": kind.name(), "ids": ids, "data": fields.collect::<Vec<_>>() })
    });
    let actions = ACTIONS.iter().map(|action| {
        json!({
            "name": action.name, "does": action.does, "reach": of_reach(action.reach),
            "takes": takes(action.takes), "gives": gives(action.gives),
            "emits": action.emits.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        })
    });
    let queries = QUERIES.iter().map(|query| {
        json!({ "name": query.name, "finds": query.finds, "takes": takes(query.takes), "gives": gives(query.gives) })
    });
    let evidence = EVIDENCE.iter().map(|(name, level)| json!({ "name": name, "proves": level }));
    json!({
        "events": events.collect::<Vec<_>>(),
        "actions": actions.collect::<Vec<_>>(),
        "queries": queries.collect::<Vec<_>>(),
        "evidence": evidence.collect::<Vec<_>>(),
        "languages": LANGUAGES,
    })
}

fn takes(parameters: &[Parameter]) -> Vec<Value> {
    let one = |parameter: &Parameter| {
        let mut one =
            json!({ "name": parameter.name, "kind": of_kind(parameter.kind), "required": parameter.required });
        if let (Kind::Word(words), Some(one)) = (parameter.kind, one.as_object_mut()) {
            one.insert("words".to_owned(), json!(words));
        }
        one
    };
    parameters.iter().map(one).collect()
}

fn gives(given: &[(&str, Kind)]) -> Vec<Value> {
    given.iter().map(|(name, kind)| json!({ "name": name, "kind": of_kind(*kind) })).collect()
}

const fn of_reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Inside => "inside",
        Reach::Outside => "outside",
    }
}

const fn of_field(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Bool => "bool",
        FieldKind::Number => "number",
        FieldKind::Text => "text",
        FieldKind::Texts => "texts",
    }
}

const fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Address => "address",
        Kind::Number => "number",
        Kind::Bool => "bool",
        Kind::Texts => "texts",
        Kind::Name => "name",
        Kind::User => "user",
        Kind::Span => "span",
        Kind::Time => "time",
        Kind::Level => "level",
        Kind::Message => "message",
        Kind::Messages => "messages",
        Kind::Secret => "secret",
        Kind::Word(_) => "word",
        Kind::Any => "any",
    }
}
