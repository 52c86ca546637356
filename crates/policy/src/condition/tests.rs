use std::collections::HashMap;

use domain::{AuthenticatorKind, Quality, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use condition::{Flaw, Source, read_all};

use super::*;
use crate::facts::{Facts, Finding, ResourceFacts, Signal, Usable};

fn read_one(source: &str) -> Result<Condition, Vec<Flaw>> {
    read_all(&[Source { text: source, schema: &Words, wanted: Type::Bool }]).remove(0)
}

fn facts() -> Facts {
    let mut facts = Facts::nothing();
    facts.now = Timestamp::from_unix_millis(1_800_000_000_000);
    facts.session.authenticated_at = facts.now.minus(std::time::Duration::from_secs(90));
    facts.user.external_id = "ann".to_owned();
    facts.user.groups = vec!["staff".to_owned(), "admins".to_owned()];
    facts.user.authenticators = vec![Usable { kind: AuthenticatorKind::Totp, quality: Quality::default() }];
    facts.action = "pay".to_owned();
    let context =
        json!({"amount": 10, "rate": 0.5, "payee": "Bob", "tags": ["a", 1, null], "nested": {"deep": [1, 2]}});
    facts.context = context.as_object().cloned().unwrap();
    let properties = json!({"owner": "ann"}).as_object().cloned().unwrap();
    facts.resource = Some(ResourceFacts { kind: "invoice".to_owned(), id: "7".to_owned(), properties });
    let signal = |name: &str, value| Signal {
        name: name.to_owned().into(),
        value,
        weight: 7,
        explanation: "".into(),
        raised_at: None,
    };
    facts.signals = vec![signal("odd", Finding::Known(json!(true))), signal("lost", Finding::Unknown)];
    facts
}

fn said(source: &str) -> Result<bool, String> {
    let condition = read_one(source).map_err(|flaws| flaws[0].message.clone())?;
    condition.holds(&View::new(&facts())).map_err(|trouble| trouble.to_string())
}

#[test]
fn conditions_that_hold() {
    for source in [
        "user.external_id == 'ann' && 'admins' in groups && 'staff' in user.groups",
        "user.factors == ['totp'] && !user.service_account && size(user.factors) == 1",
        "session.age == 90 && session.age < 2 * 60 && session.level == 1 && session.proved == []",
        "action.startsWith('p') && action.endsWith('y') && action.contains('a') && action.matches('^p.y$')",
        "context.amount > 5 && context.amount < 10.5 && context.rate == 0.5 && context['payee'] == 'Bob'",
        "context.amount * 1.5 == 15.0 && context.amount / 3 == 3 && context.amount % 3 == 1 && -context.amount < 0",
        "has(context.amount) && !has(context.other) && has(context.nested.deep) && 'amount' in context",
        "context.nested.deep[1] == 2 && context.nested.deep == [1, 2] && size(context.payee) == 3",
        "resource.type == 'invoice' && resource.properties.owner == user.external_id",
        "signals.odd && !has(signals.lost) && !has(signals.never) && risk == 14",
        "groups.exists(g, g == 'admins') && groups.all(g, g != 'root') && ['a', 'b'].exists(x, x == 'b')",
        "context.tags.exists(t, t == 'a') && context.tags[2] == null",
        "action == 'x' ? false : true",
        "context.missing == 1 || true",
        "!(context.missing == 1 && false)",
        "9007199254740993 > 9007199254740992.0",
        "session.age > 60 && action in ['pay', 'refund']",
    ] {
        assert_eq!(said(source), Ok(true), "{source}");
    }
}

#[test]
fn what_cannot_be_said_is_an_error_and_never_false() {
    for source in [
        "context.missing == 1",
        "context.payee == 1",
        "context.payee != 1",
        "context.amount == '10'",
        "context.amount in ['a', 'b']",
        "context.tags.exists(t, t == 'z')",
        "signals.lost",
        "signals.never",
        "session.idle > 5",
        "context.nested.deep[5] == 1",
        "context.amount + 9223372036854775807 > 0",
        "context.amount / 0 == 1",
        "context.payee",
        "context.payee.missing == 1",
        "context.missing == 1 || false",
        "context.nested == context.nested",
    ] {
        assert!(said(source).is_err(), "{source}: {:?}", said(source));
    }
}

#[test]
fn what_is_constant_is_seen() {
    assert_eq!(read_one("1 < 2 && 'a' in ['a']").unwrap().constant(), Some(true));
    assert_eq!(read_one("1 / 0 == 1").unwrap().constant(), None);
    assert_eq!(read_one("action == 'a'").unwrap().constant(), None);
}

/// What `cel` itself says of the same facts.
fn second_opinion(source: &str) -> Option<bool> {
    let facts = facts();
    let program = cel::Program::compile(source).ok()?;
    let mut context = cel::Context::default();
    context.add_variable("context", &facts.context).ok()?;
    context.add_variable("groups", &facts.user.groups).ok()?;
    context.add_variable("action", &facts.action).ok()?;
    context.add_variable("user", HashMap::from([("external_id", &facts.user.external_id)])).ok()?;
    context.add_variable("risk", 14).ok()?;
    match program.execute(&context) {
        Ok(cel::Value::Bool(value)) => Some(value),
        _ => None,
    }
}

#[test]
fn there_is_a_second_opinion() {
    assert_eq!(
        second_opinion("context.amount == 10 && 'staff' in groups && action == 'pay' && risk == 14"),
        Some(true)
    );
    assert_eq!(second_opinion("user.external_id == 'bob'"), Some(false));
}

const NUMBERS: &[&str] = &[
    "context.amount",
    "context.rate",
    "context.nested.deep[0]",
    "risk",
    "1",
    "-3",
    "2.5",
    "14",
    "10",
    "size(groups)",
    "size(action)",
    "(risk + 1)",
    "(context.amount * 2)",
    "(risk % 4)",
    "(7 - risk)",
    "(-7 % 3)",
];
const TEXTS: &[&str] = &["context.payee", "action", "user.external_id", "'Bob'", "'pay'", "''", "'p'"];
const OTHERS: &[&str] =
    &["context.tags", "context.nested.deep", "context.missing", "groups", "null", "true", "['pay', 'x']", "[1, 2]"];

fn operand() -> impl Strategy<Value = &'static str> {
    prop_oneof![select(NUMBERS), select(TEXTS), select(OTHERS)]
}

/// Mostly such as can be compared.
fn operands() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        4 => (select(NUMBERS), select(NUMBERS)),
        4 => (select(TEXTS), select(TEXTS)),
        1 => (operand(), operand()),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    let sign = select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        8 => (operands(), sign).prop_map(|((a, b), sign)| format!("{a} {sign} {b}")),
        2 => (operand(), select(vec!["['pay', 'x']", "[1, 2]", "groups", "context.nested.deep"]))
            .prop_map(|(a, list)| format!("{a} in {list}")),
        1 => operand().prop_map(|a| format!("groups.exists(g, g == {a})")),
        1 => operand().prop_map(|a| format!("context.nested.deep.all(d, d < {a})")),
        1 => operands().prop_map(|(a, b)| format!("{a}.startsWith({b})")),
        1 => Just("has(context.amount)".to_owned()),
        1 => Just("has(context.missing)".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Where both say something, both say the same.
    #[test]
    fn it_is_cel(source in expression()) {
        let Ok(ours) = said(&source) else { return Ok(()) };
        if let Some(theirs) = second_opinion(&source) {
            prop_assert_eq!(ours, theirs, "{}", source);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(source in "[a-z0-9 .()\\[\\]{}'\"!&|<>=+*/%?:,-]{0,80}") {
        let _ = said(&source);
    }
}
