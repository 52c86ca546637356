//! What a workflow says, piece by piece: what two versions differ in is what these differ in, wherever it stands.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::definition::Definition;

impl Definition {
    /// What it says, by piece: `triggers`, `steps` (their order), `steps.tell`, `limits` …. What stands in blocks of a step are the ids of its steps.
    pub fn outline(&self) -> BTreeMap<String, Value> {
        let mut pieces = BTreeMap::new();
        for (name, value) in self.content.as_object().into_iter().flatten() {
            // What is made up for a test may look like steps.
            let value = if name == "tests" { value.clone() } else { taken_apart(value, &mut pieces) };
            pieces.insert(name.clone(), value);
        }
        pieces
    }
}

/// A value, with the ids of steps where steps stood; these are pieces of their own.
fn taken_apart(value: &Value, pieces: &mut BTreeMap<String, Value>) -> Value {
    match value {
        Value::Array(items) if is_block(items) => {
            let ids = items.iter().filter_map(|step| {
                let id = step.get("id")?.as_str()?;
                let said = taken_apart_members(step.as_object()?, pieces);
                pieces.insert(format!("steps.{id}"), said);
                Some(Value::from(id))
            });
            ids.collect::<Vec<_>>().into()
        }
        Value::Array(items) => items.iter().map(|item| taken_apart(item, pieces)).collect(),
        Value::Object(members) => taken_apart_members(members, pieces),
        other => other.clone(),
    }
}

fn taken_apart_members(members: &Map<String, Value>, pieces: &mut BTreeMap<String, Value>) -> Value {
    let mut said = Map::new();
    for (name, value) in members {
        // What is told to an action may look like anything.
        let value = if name == "with" { value.clone() } else { taken_apart(value, pieces) };
        said.insert(name.clone(), value);
    }
    Value::Object(said)
}

fn is_block(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get("id").is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s11_a_workflow_is_told_step_by_step_wherever_they_stand() {
        let text = "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {name: w}\ntriggers: [{workflow: true}]\nsteps:\n  - id: a\n    switch:\n      - when: run.id == 'x'\n        steps: [{id: b, action: event.emit, with: {name: n, data: {list: [{id: c}]}}}]\ntests:\n  - name: none is a step\n    given: {event: user.created}\n    items: {a: [{id: d}]}\n    expect: {outcome: not_started}\n";
        let pieces = Definition::read("w.yaml", text).unwrap().outline();
        assert_eq!(pieces.get("steps"), Some(&json!(["a"])));
        assert_eq!(pieces.get("steps.a").unwrap()["switch"][0]["steps"], json!(["b"]));
        assert_eq!(pieces.get("steps.b").unwrap()["with"]["data"]["list"][0]["id"], "c");
        assert!(!pieces.contains_key("steps.c") && !pieces.contains_key("steps.d"), "{pieces:#?}");
        assert_eq!(pieces.get("tests").unwrap()[0]["items"]["a"][0]["id"], "d");
    }
}
