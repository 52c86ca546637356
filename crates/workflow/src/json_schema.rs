//! The JSON Schema of workflow files, for editors: made of the same tables that the reader goes by.

use std::collections::BTreeSet;

use domain::{EventKind, LANGUAGES};
use serde_json::{Map, Value, json};

use crate::grammar::{ALERT, KINDS, Key, STEP, Shape, WORKFLOW};
use crate::reader::MAX_NAME;
use crate::vocabulary::{ACTIONS, Kind, Parameter, QUERIES};

/// The JSON Schema (draft 2020-12) of a workflow file.
///
/// It knows every key and word. What goes together, and what expressions may ask about, is for [`crate::Definition::read`] to say.
pub fn json_schema() -> Value {
    let mut whole = record(WORKFLOW);
    let events: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    let queries: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
    let about = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workflow of Countersign",
        "$defs": {
            "steps": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" } },
            "step": step(),
            "event": { "enum": events },
            "query": { "enum": queries },
            "action": { "oneOf": actions() },
            "id": id(),
            "span": span(),
            "expression": { "type": "string", "pattern": "^\\s*\\$\\{.*\\}\\s*$" },
            "messages": messages(),
            "texts": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] },
        },
    });
    extend(&mut whole, about);
    whole
}

/// The JSON Schema (draft 2020-12) of a file with a rule of alerts.
pub fn alert_json_schema() -> Value {
    let mut whole = record(ALERT);
    let mut kinds: Vec<String> = EventKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    let nouns: BTreeSet<&str> = EventKind::ALL.iter().filter_map(|kind| kind.name().split('.').next()).collect();
    kinds.extend(nouns.into_iter().map(|noun| format!("{noun}.*")));
    kinds.retain(|kind| !kind.starts_with("alert."));
    let about = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule of alerts of Countersign",
        "$defs": { "event": { "enum": kinds }, "id": id(), "span": span() },
    });
    extend(&mut whole, about);
    let several = json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/event" } });
    if let Some(events) = whole.pointer_mut("/properties/events") {
        extend(events, json!({ "anyOf": [{ "$ref": "#/$defs/event" }, several] }));
        events.as_object_mut().map(|events| events.remove("$ref"));
    }
    if let Some(z) = whole.pointer_mut("/properties/z") {
        extend(z, json!({ "type": "number" }));
    }
    whole
}

fn id() -> Value {
    json!({ "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$" })
}

fn span() -> Value {
    let units = "s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?";
    json!({ "anyOf": [{ "type": "string", "pattern": format!("^[0-9]+[_ ]?({units})$") }, { "const": 0 }] })
}

/// A message, or one for each language.
fn messages() -> Value {
    let text = json!({ "type": "string" });
    let each: Map<String, Value> = LANGUAGES.iter().map(|language| ((*language).to_owned(), text.clone())).collect();
    let several = json!({ "type": "object", "minProperties": 1, "properties": each, "additionalProperties": false });
    json!({ "anyOf": [text, several] })
}

fn extend(whole: &mut Value, with: Value) {
    if let (Some(whole), Value::Object(with)) = (whole.as_object_mut(), with) {
        whole.extend(with);
    }
}

fn record(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut schema = shape(key.shape);
            extend(&mut schema, json!({ "description": key.says }));
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn shape(shape: Shape) -> Value {
    let defined = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    match shape {
        Shape::Text | Shape::Message => json!({ "type": "string" }),
        Shape::Exactly(text) => json!({ "const": text }),
        Shape::Id => defined("id"),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Int(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Shape::Span => defined("span"),
        Shape::Rate => json!({ "type": "string", "pattern": "^[0-9]+ */ *(s|m|h|d)$" }),
        Shape::Percent => json!({ "type": "string", "pattern": "^[0-9]{1,3} *%$" }),
        Shape::Condition => json!({ "type": ["string", "boolean"] }),
        Shape::Value => defined("expression"),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Texts => defined("texts"),
        Shape::Arguments => json!({ "type": "object" }),
        Shape::MapOf(keys) => json!({ "type": "object", "additionalProperties": record(keys) }),
        Shape::Record(keys) => record(keys),
        Shape::ListOf(keys) => json!({ "type": "array", "minItems": 1, "items": record(keys) }),
        Shape::Steps => defined("steps"),
        Shape::Event => defined("event"),
        Shape::Action => defined("action"),
        Shape::Query => defined("query"),
        Shape::Anything => json!({}),
    }
}

fn actions() -> Vec<Value> {
    ACTIONS.iter().map(|action| json!({ "const": action.name, "description": action.does })).collect()
}

/// A step is exactly one of the kinds, with the keys that go with it.
fn step() -> Value {
    let mut step = record(STEP);
    let kinds: Vec<Value> = KINDS
        .iter()
        .map(|(kind, others)| {
            let allowed = ["id", "description", kind].into_iter().chain(others.iter().copied());
            let allowed: Map<String, Value> = allowed.map(|key| (key.to_owned(), true.into())).collect();
            json!({ "required": [kind], "properties": allowed, "additionalProperties": false })
        })
        .collect();
    let arguments: Vec<Value> = ACTIONS
        .iter()
        .map(|action| {
            json!({
                "if": { "properties": { "action": { "const": action.name } }, "required": ["action"] },
                "then": { "properties": { "with": parameters(action.takes) } },
            })
        })
        .collect();
    extend(&mut step, json!({ "oneOf": kinds, "allOf": arguments }));
    step
}

fn parameters(takes: &[Parameter]) -> Value {
    let properties: Map<String, Value> =
        takes.iter().map(|parameter| (parameter.name.to_owned(), parameter_schema(parameter.kind))).collect();
    let required: Vec<&str> = takes.iter().filter(|parameter| parameter.required).map(|p| p.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn parameter_schema(kind: Kind) -> Value {
    let or_expression = |schema: Value| json!({ "anyOf": [schema, { "$ref": "#/$defs/expression" }] });
    match kind {
        Kind::Text | Kind::Address | Kind::User | Kind::Time | Kind::Message => json!({ "type": "string" }),
        Kind::Messages => json!({ "$ref": "#/$defs/messages" }),
        Kind::Name => {
            json!({ "type": "string", "pattern": "^[a-z][a-z0-9_]*(\\.[a-z0-9_]+)*$", "maxLength": MAX_NAME })
        }
        Kind::Number => or_expression(json!({ "type": "number" })),
        Kind::Bool => or_expression(json!({ "type": "boolean" })),
        Kind::Texts => or_expression(json!({ "$ref": "#/$defs/texts" })),
        Kind::Span => json!({ "$ref": "#/$defs/span" }),
        Kind::Level => json!({ "enum": ["aal1", "aal2", "aal3"] }),
        Kind::Secret => json!({
            "type": "object",
            "properties": { "secret": { "type": "string", "pattern": "^(env:[A-Za-z0-9_]+|file:/.*|input:[a-z][a-z0-9_]*)$" } },
            "required": ["secret"],
            "additionalProperties": false,
        }),
        Kind::Word(words) => or_expression(json!({ "enum": words })),
        Kind::Any => json!({}),
    }
}

/// The words of workflows as tables, for the guide.
pub fn tables() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("### Actions\n\n| action | | `with` | gives | effect |\n|---|---|---|---|---|\n");
    let listed = |parameters: &[Parameter]| {
        let names = parameters.iter().map(|p| format!("`{}`{}", p.name, if p.required { "" } else { "?" }));
        names.collect::<Vec<_>>().join(", ")
    };
    let given =
        |gives: &[(&str, Kind)]| gives.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    for action in ACTIONS {
        let reach = if action.reach == crate::vocabulary::Reach::Inside { "inside" } else { "outside" };
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {reach} |",
            action.name,
            action.does,
            listed(action.takes),
            given(action.gives)
        );
    }
    text.push_str("\n### Queries\n\n| query | | `with` | each item has |\n|---|---|---|---|\n");
    for query in QUERIES {
        let _ =
            writeln!(text, "| `{}` | {} | {} | {} |", query.name, query.finds, listed(query.takes), given(query.gives));
    }
    text.push_str("\n### Events\n\n| event | `data` |\n|---|---|\n");
    for kind in EventKind::ALL {
        let sure = |name: &str| if kind.may_lack(name) { "?" } else { "" };
        let fields = kind.fields().iter().map(|field| format!("`{}`{}", field.name, sure(field.name)));
        let fields = fields.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "| `{}` | {fields} |", kind.name());
    }
    text
}
