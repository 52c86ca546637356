//! Document to what it says and back, and changes that leave all else alone.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};
use workflow::{Definition, EditError, Source, write};

use crate::reference::random_yaml;
use crate::support::{LOST, read, with_steps};

/// What stands in a text beside the lines that two have in common, from the beginning and from the end.
fn between<'t>(one: &'t str, other: &'t str) -> (&'t str, &'t str) {
    let front = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let rest = one.len().min(other.len()) - front;
    let back = one.bytes().rev().zip(other.bytes().rev()).take(rest).take_while(|(a, b)| a == b).count();
    (&one[front..one.len() - back], &other[front..other.len() - back])
}

#[test]
fn what_is_written_says_the_same() {
    let definition = read(LOST);
    let text = write(definition.content());
    let again = read(&text);
    assert_eq!(again.content(), definition.content());
    assert_eq!(again.digest(), definition.digest());
    insta::assert_snapshot!(text);
}

#[test]
fn texts_in_several_languages_stay_as_they_are() {
    let steps = "- id: link\n  action: link.create # for them\n  with:\n    user: ${subject}\n    name: stop\n    title: {en: Stop, de: \"Halt: {{ event.user }}\"}\n    message:\n      zh: 停 # two lines\n      fr: |-\n        Oui\n        Non\n    button: Stop\n    valid_for: 1d";
    let text = with_steps(steps);
    let definition = read(&text);
    let again = read(&write(definition.content()));
    assert_eq!((again.content(), again.digest()), (definition.content(), definition.digest()));
    let title = &definition.content()["steps"][0]["with"]["title"];
    assert_eq!(title, &json!({ "en": "Stop", "de": "Halt: {{ event.user }}" }));
    let mut source = Source::new(text.as_str()).unwrap();
    source.set("link", "description", "For them.").unwrap();
    assert_eq!(between(&text, source.text()).0, "", "all else stays");
    let other = read(&text.replace("zh: 停", "en: 停"));
    assert_ne!(other.digest(), definition.digest());
    assert_ne!(other.outline()["steps.link"], definition.outline()["steps.link"]);
}

#[test]
fn one_step_is_changed_and_all_else_stays_byte_for_byte() {
    let mut source = Source::new(LOST).unwrap();
    source.set("tell", "retry", "{limit: 9}").unwrap();
    let (before, after) = between(LOST, source.text());
    assert_eq!((before, after), ("4, backoff: 10s, jitter: 0%", "9"));
    let mut source = Source::new(LOST).unwrap();
    source.set("suspend", "timeout", "10s").unwrap();
    assert_eq!(between(LOST, source.text()), ("", "  timeout: 10s\n  "), "a key is added");
    let mut source = Source::new(LOST).unwrap();
    source.replace_step("suspend", "id: suspend\naction: user.lock\nwith: {user: \"${subject}\"}").unwrap();
    assert!(source.text().starts_with("# What is done where a device is lost.\n"));
    assert!(
        source.text().contains(
            "steps:\n  - id: suspend\n    action: user.lock\n    with: {user: \"${subject}\"}\n  - id: tell\n"
        )
    );
    let mut source = Source::new(LOST).unwrap();
    source.insert_step_after("identity", "id: more\nwait: {for: 1h}").unwrap();
    assert_eq!(between(LOST, source.text()), ("", "more\n    wait: {for: 1h}\n  - id: "));
    source.remove_step("more").unwrap();
    assert_eq!(source.text(), LOST, "and back");
}

#[test]
fn comments_stay_where_they_are() {
    let text = "a: 1 # one\nsteps: # these\n  # before x\n  - id: x # this is x\n    wait:\n      for: 1h # an hour\n    # still x\n\n  # before y\n  - id: y\n    fail: no # why\n\n# the end\n";
    let mut source = Source::new(text).unwrap();
    source.set("x", "wait", "{for: 2h}").unwrap();
    source.set("y", "fail", "\"yes # no\"").unwrap();
    for comment in ["# one", "# these", "# before x", "# this is x", "# still x", "# before y", " # why", "# the end"] {
        assert!(source.text().contains(comment), "{comment}: {}", source.text());
    }
    source.remove_step("x").unwrap();
    assert!(source.text().contains("# before y\n  - id: y\n    fail: \"yes # no\" # why\n"), "{}", source.text());
    assert_eq!(source.remove_step("y"), Err(EditError::LastStep));
    assert_eq!(source.remove_step("z"), Err(EditError::NoSuchStep("z".to_owned())));
}

#[test]
fn what_stands_in_braces_is_changed_there() {
    let text = "steps: [{id: x, fail: \"}\"}, {id: y, fail: b}] # flow\n";
    let mut source = Source::new(text).unwrap();
    source.set("y", "fail", "c").unwrap();
    assert_eq!(source.text(), "steps: [{id: x, fail: \"}\"}, {\"fail\":\"c\",\"id\":\"y\"}] # flow\n");
    source.remove_step("y").unwrap();
    assert_eq!(source.text(), "steps: [{id: x, fail: \"}\"}] # flow\n");
    source.insert_step_after("x", "id: z\nfail: z").unwrap();
    assert_eq!(source.text(), "steps: [{id: x, fail: \"}\"}, {\"fail\":\"z\",\"id\":\"z\"}] # flow\n");
    source.remove_step("x").unwrap();
    assert_eq!(source.text(), "steps: [{\"fail\":\"z\",\"id\":\"z\"}] # flow\n");
}

/// The ids of all steps.
fn ids(content: &Value) -> Vec<String> {
    match content {
        Value::Array(items) => items.iter().flat_map(ids).collect(),
        Value::Object(entries) => {
            let own = entries.get("id").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(entries.values().flat_map(ids)).collect()
        }
        _ => Vec::new(),
    }
}

fn at<'v>(content: &'v Value, id: &str) -> Option<&'v Value> {
    match content {
        Value::Array(items) => items.iter().find_map(|item| at(item, id)),
        Value::Object(entries) if entries.get("id").is_some_and(|found| found == id) => Some(content),
        Value::Object(entries) => entries.values().find_map(|value| at(value, id)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn random_documents_say_the_same_once_they_are_written(seed in any::<u64>()) {
        let text = random_yaml(seed);
        let content = Source::new(text.as_str()).unwrap().content();
        let again = Source::new(write(&content)).unwrap().content();
        prop_assert_eq!(&again, &content);
    }

    /// Comments are strewn over a random document; a step is changed and changed back; and nothing else ever moves.
    #[test]
    fn random_steps_are_changed_alone(seed in any::<u64>(), which in any::<prop::sample::Index>(), strew in 1..5_usize) {
        let plain = random_yaml(seed);
        let mut commented = String::new();
        for (number, line) in plain.lines().enumerate() {
            if number % strew == 0 {
                let indent = line.len() - line.trim_start().len();
                let _ = writeln!(commented, "{}# {number}", " ".repeat(indent));
            }
            let _ = writeln!(commented, "{line}{}", if number % (strew + 1) == 0 { " # and" } else { "" });
        }
        let ids = ids(&Source::new(plain.as_str()).unwrap().content());
        let id = which.get(&ids);
        let mut source = Source::new(commented.as_str()).unwrap();
        let before = source.content();
        let step = at(&before, id).unwrap().clone();
        source.set(id, "description", "new").unwrap();
        let mut expected = step;
        expected["description"] = json!("new");
        let after = source.content();
        prop_assert_eq!(at(&after, id), Some(&expected));
        let (gone, _) = between(&commented, source.text());
        prop_assert_eq!(gone, "", "nothing but one line was added");
        let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("# ")).count();
        prop_assert_eq!(comments(&commented), comments(source.text()));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9 \n:{}\\[\\]\"'#$-]{0,200}", id in "[a-z]", value in "[a-z{}:# \"]{0,8}") {
        let _ = Definition::read("w", &text);
        if let Ok(mut source) = Source::new(text) {
            let before = source.text().to_owned();
            if source.set(&id, "k", &value).is_err() {
                prop_assert_eq!(source.text(), before);
            }
        }
    }
}
