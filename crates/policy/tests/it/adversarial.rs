//! Conditions that are made to break something: none takes long, whether it is refused or evaluated.

#![allow(clippy::disallowed_methods, reason = "what is measured is how long it takes")]

use std::time::{Duration, Instant};

use policy::{Facts, Policy, Vocabulary};
use serde_json::json;

use crate::support::{ann, listed};

/// Far more than any of it takes, so that a busy machine fails nothing.
const LONG: Duration = Duration::from_secs(5);

fn read(condition: &str) -> Result<Policy, String> {
    let quoted = serde_json::to_string(condition).unwrap();
    let text = format!("policy: {{otherwise: allow, rules: [{{id: a, effect: deny, when: {quoted}}}]}}");
    let began = Instant::now();
    let read = Policy::read(&[("policy.yaml", &text)], &Vocabulary::default());
    assert!(began.elapsed() < LONG, "reading took {:?}: {condition:.60}", began.elapsed());
    read.map_err(|mistakes| listed(&mistakes))
}

fn decide(policy: &Policy, facts: &Facts) {
    let began = Instant::now();
    let _ = policy.decide(facts);
    assert!(began.elapsed() < LONG, "deciding took {:?}", began.elapsed());
}

/// As much as facts may have, and more.
fn full() -> Facts {
    let mut facts = ann();
    facts.user.groups = (0..256).map(|i| format!("group-{i}-{}", "a".repeat(3000))).collect();
    facts.context.insert("list".to_owned(), json!((0..256).collect::<Vec<_>>()));
    facts.context.insert("text".to_owned(), json!("a".repeat(4000)));
    facts
}

#[test]
fn what_is_deep_or_long_is_refused() {
    let refused = [
        "(".repeat(500) + "true" + &")".repeat(500),
        "[".repeat(500) + &"]".repeat(500),
        "!".repeat(1000) + "true",
        "-".repeat(1000) + "1 == 1",
        "! ".repeat(400) + "true",
        "true || ".repeat(2000) + "true",
        "a".repeat(2000),
        "context".to_owned() + &".a".repeat(400) + " == 1",
        "context".to_owned() + &"[0]".repeat(300) + " == 1",
        "true ? ".repeat(100) + "true" + &" : true".repeat(100),
        "1".to_owned() + &" + 1".repeat(200) + " == 1",
        "groups.all(a, groups.all(b, groups.all(c, true)))".to_owned(),
        "groups.map(a, a).map(b, b).size() > 1".to_owned(),
        "[1, 2].map(a, [a, a]).size() > 1".to_owned(),
        "'a' * 1000000 == ''".to_owned(),
        "'a' + 'a' == 'aa'".to_owned(),
        "context.text.matches('(a+)+$".to_owned() + &"a?".repeat(100) + "')",
        "context.text.matches('((a{100}){100}){100}')".to_owned(),
        "context.text.matches('\\\\w{1000}')".to_owned(),
        "\u{0}".to_owned(),
        "'\u{202e}' ==".to_owned(),
        "{}".repeat(200),
        "`".repeat(100),
        "\"".repeat(101),
        "1e999999999 == 1.0".to_owned(),
        "999999999999999999999999999 == 1".to_owned(),
        "groups.exists(g, ".to_owned() + &["g == 'a'"; 60].join(" || ") + ")",
    ];
    for condition in refused {
        assert!(read(&condition).is_err(), "{condition:.60}");
    }
}

#[test]
fn what_is_taken_is_evaluated_at_once() {
    let taken = [
        "risk>5||".repeat(120) + "risk>5",
        "risk".to_owned() + &"-1".repeat(20) + " > 1",
        "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]] == [] || risk > 1".to_owned(),
        "risk > 1 || [".to_owned() + &"1,".repeat(480) + "1] == []",
        "context.text.matches('(a|aa)+$')".to_owned(),
        "context.text.matches('(a*)*b')".to_owned(),
        "groups.exists(g, g.contains('aaaaaaaaaaaaaaaab'))".to_owned(),
        "groups.all(g, g.startsWith('group') && g.endsWith('a') && size(g) > 5)".to_owned(),
        "groups.exists(g, g in context.list)".to_owned(),
        "context.list.all(x, x in context.list)".to_owned(),
        "context.list == context.list".to_owned(),
        "9223372036854775807 + 1 > 0 || 1 / 0 > 0 || 1 % 0 > 0 || -9223372036854775808 / -1 > 0".to_owned(),
        "1.0 / 0.0 > 1.0".to_owned(),
    ];
    for condition in taken {
        let policy = read(&condition).unwrap_or_else(|why| panic!("{condition:.60}: {why}"));
        decide(&policy, &full());
    }
}

#[test]
fn facts_that_are_too_large_are_not_looked_at() {
    let policy = read("has(context.x) && context.x == 1").unwrap();
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for large in [json!(vec![1; 100_000]), json!("a".repeat(100_000)), nested] {
        let mut facts = ann();
        facts.context.insert("y".to_owned(), large);
        let verdict = policy.decide(&facts);
        assert_eq!(verdict.outcome, policy::Outcome::Deny);
        assert_eq!(verdict.reasons[0].trouble.as_deref(), Some("more was sent than is looked at"));
    }
    let mut facts = ann();
    facts.user.groups = vec!["x".to_owned(); 300];
    assert_eq!(read("'y' in groups").unwrap().decide(&facts).outcome, policy::Outcome::Deny);
}
