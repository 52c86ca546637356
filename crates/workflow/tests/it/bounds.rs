//! What comes in from elsewhere, and what is made of it, is bounded: whatever is kept can be read again.

use domain::Timestamp;
use serde_json::{Value, json};
use workflow::{Advanced, Cause, Changed, Definition, Effect, FailureKind, Input, MAX_NESTING, Refused, Start, Told};

use crate::support::read;

const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

/// A workflow that a call from outside starts, with these steps.
fn called(steps: &str) -> Definition {
    read(&format!(
        "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: w}}\ntriggers: [{{webhook: {{secret: env:HOOK}}}}]\nsteps:\n{steps}"
    ))
}

const EMITS: &str = "  - {id: over, action: event.emit, with: {name: over, data: \"${webhook.body.a}\"}}\n";
const CALLS: &str = "  - {id: ask, action: http.call, with: {url: https://a.example/}}\n";

fn begin(definition: &Definition, body: Value) -> Result<Advanced, Refused> {
    let start = Start { id: "run_1".to_owned(), cause: Cause::Webhook(body), requester: None, depth: 0 };
    definition.begin(start, NOW, 1)
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

fn came_back(outputs: Value) -> Input {
    let outputs = outputs.as_object().cloned().unwrap_or_default();
    Input::Done { key: "ask".parse().unwrap(), attempt: 1, outputs, changed: Changed::Unsaid }
}

fn failure(advanced: &Advanced) -> (FailureKind, String) {
    let failure = advanced.run.failure().unwrap();
    (failure.kind, failure.message.clone())
}

fn told(advanced: &Advanced, name: &str) -> Value {
    let told = advanced.effects.iter().find_map(|effect| match effect {
        Effect::Start { with, .. } => with.get(name).cloned(),
        _ => None,
    });
    match told {
        Some(Told::Value(value)) => value,
        other => panic!("{other:?}"),
    }
}

/// Deeper than JSON is read, nobody could read the run again.
#[test]
fn w04_what_is_nested_deeper_than_can_be_read_again_comes_in_nowhere() {
    let emits = called(EMITS);
    let deep = begin(&emits, nested(MAX_NESTING)).unwrap();
    let kept = serde_json::to_string(&(&deep.run, &deep.effects)).unwrap();
    serde_json::from_str::<(workflow::Run, Vec<Effect>)>(&kept).unwrap();
    for levels in [MAX_NESTING + 1, 126] {
        let Err(Refused::Unfit(why)) = begin(&emits, nested(levels)) else { panic!("{levels} levels were taken") };
        assert!(why.contains("more than 32 lists and maps in one another"), "{why}");
    }

    let calls = called(CALLS);
    let begun = begin(&calls, json!({})).unwrap();
    let took = calls.advance(&begun.run, came_back(json!({ "body": nested(MAX_NESTING) })), NOW, 1).unwrap();
    assert_eq!(took.run.failure(), None);
    let failed = calls.advance(&begun.run, came_back(json!({ "body": nested(125) })), NOW, 1).unwrap();
    let (kind, why) = failure(&failed);
    assert_eq!(kind, FailureKind::Action);
    assert!(why.contains("`body` came back with more than 32 lists and maps"), "{why}");
}

/// One workflow tells the next, deeper each time.
#[test]
fn w04_what_a_step_wraps_is_bounded_as_well() {
    let wraps = called("  - {id: over, action: event.emit, with: {name: over, data: {b: {c: \"${webhook.body}\"}}}}\n");
    assert_eq!(begin(&wraps, nested(MAX_NESTING - 2)).unwrap().run.failure(), None);
    let (kind, why) = failure(&begin(&wraps, nested(MAX_NESTING - 1)).unwrap());
    assert_eq!(kind, FailureKind::Expression);
    assert!(why.contains("`data` comes to more than 32"), "{why}");
}

#[test]
fn w02_no_more_is_made_for_a_step_than_it_takes() {
    let large = json!({ "l": vec!["x".repeat(4000); 15] });
    let two = called(
        "  - {id: over, action: event.emit, with: {name: over, data: [\"${webhook.body.l}\", \"${webhook.body.l}\"]}}\n",
    );
    assert_eq!(begin(&two, large.clone()).unwrap().run.failure(), None);

    let many = "\"${webhook.body.l}\", ".repeat(12_000);
    let lists = called(&format!("  - {{id: over, action: event.emit, with: {{name: over, data: [{many}]}}}}\n"));
    let maps = called(&format!(
        "  - {{id: over, action: http.call, with: {{url: https://a.example/, body: {{a: [{many}]}}}}}}\n"
    ));
    let says = "{{ webhook.body.l }}".repeat(100);
    let fails = called(&format!("  - {{id: over, fail: \"{says}\"}}\n"));
    let asks =
        called(&format!("  - {{id: over, approval: {{roles: [a], exclude: [], timeout: 1h, message: \"{says}\"}}}}\n"));
    for definition in [lists, maps, fails, asks] {
        let (kind, why) = failure(&begin(&definition, large.clone()).unwrap());
        assert_eq!(kind, FailureKind::Expression);
        assert!(why.contains("more than 128 KiB, which is all that a step takes"), "{why}");
    }
}

/// The history of a run is no copy of what was sent to it.
#[test]
fn w08_a_condition_is_told_with_what_it_asked_for_and_no_more_of_it() {
    let way = called(
        "  - {id: way, switch: [{when: \"webhook.body.kind == 'lost' && has(webhook.body.all) && webhook.body.text.startsWith('x') && webhook.body.all.a == 'y'\", steps: [{id: over, fail: over}]}]}\n",
    );
    let long = "y".repeat(300);
    let body = json!({ "kind": "lost", "all": { "a": long }, "text": "xé".repeat(1000), "more": "z".repeat(60_000) });
    let begun = begin(&way, body).unwrap();
    let clauses = begun.history.iter().find_map(|entry| match &entry.what {
        workflow::What::Asked { clauses, .. } => Some(clauses),
        _ => None,
    });
    let clauses = clauses.unwrap();
    assert_eq!(json!(clauses[0].values), json!({ "webhook.body.kind": "lost" }));
    let cut = |clause: usize, name: &str| clauses[clause].values[name].as_str().unwrap().to_owned();
    assert!(cut(1, "webhook.body.all").starts_with("{\"a\":\"yyy"), "{}", cut(1, "webhook.body.all"));
    assert!(cut(2, "webhook.body.text").starts_with("xéxé"));
    for value in [cut(1, "webhook.body.all"), cut(2, "webhook.body.text"), cut(3, "webhook.body.all.a")] {
        assert!(value.ends_with("… (cut)") && value.len() < 300, "{value}");
    }

    // Many of them together are no more than a page either.
    let asks = (0..36).map(|n| format!("size(webhook.body.a{n})>0")).collect::<Vec<_>>().join("&&");
    let many = called(&format!("  - {{id: way, switch: [{{when: \"{asks}\", steps: [{{id: over, fail: over}}]}}]}}\n"));
    let body: serde_json::Map<String, Value> = (0..36).map(|n| (format!("a{n}"), json!("z".repeat(2000)))).collect();
    let begun = begin(&many, body.into()).unwrap();
    let entry = serde_json::to_string(&begun.history).unwrap();
    assert!(entry.len() < 12_000, "{}", entry.len());
    assert!(entry.contains("webhook.body.a35"), "{entry}");
}

/// T-19: what a value is, is one piece of an address, whatever it has in it.
#[test]
fn w05_t19_a_text_is_told_with_what_its_expressions_come_to() {
    let calls = called(
        "  - {id: ask, action: http.call, with: {url: \"https://a.example/of/${webhook.body.who}?n=${webhook.body.n}\", body: {a: \"${webhook.body.who} is ${webhook.body.n}, $${not}\"}}}\n",
    );
    let begun = begin(&calls, json!({ "who": "a/../b", "n": 5 })).unwrap();
    assert_eq!(told(&begun, "url"), "https://a.example/of/a%2F..%2Fb?n=5");
    assert_eq!(told(&begun, "body"), json!({ "a": "a/../b is 5, ${not}" }));
    for (who, why) in
        [(json!(".."), "no pieces of it"), (json!(""), "would be empty"), (json!(["a"]), "this is a list")]
    {
        let (kind, told) = failure(&begin(&calls, json!({ "who": who, "n": 5 })).unwrap());
        assert_eq!(kind, FailureKind::Expression);
        assert!(told.contains(why), "{told}");
    }
}

/// PostgreSQL keeps no zero characters: a service could end a run by them, with nothing undone.
#[test]
fn w05_zero_characters_that_come_back_are_replaced() {
    let calls = called(&format!(
        "{CALLS}  - {{id: told, action: event.emit, with: {{name: over, data: {{a: \"${{steps.ask.body}}\"}}}}}}\n"
    ));
    let begun = begin(&calls, json!({ "a\0": "b\0" })).unwrap();
    assert!(!serde_json::to_string(&begun.run).unwrap().contains("\\u0000"));
    let body = json!({ "x\0y": ["z\0"] });
    let next = calls.advance(&begun.run, came_back(json!({ "body": body })), NOW, 1).unwrap();
    assert_eq!(told(&next, "data"), json!({ "a": { "x\u{fffd}y": ["z\u{fffd}"] } }));
}
