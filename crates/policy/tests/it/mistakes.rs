//! What is wrong is told: all of it, with its place, and what was probably meant.

use std::fmt::Write as _;

use insta::assert_snapshot;
use policy::{MAX_FILE_BYTES, MAX_FILES, MAX_RULES, Policy, Vocabulary};

use crate::support::{listed, mistakes};

#[test]
fn unknown_keys_wrong_types_and_wrong_words() {
    assert_snapshot!(mistakes(
        "
mfa_enforcement:
  all_user: true
  grace_period: 30
  exclude_service_accounts: maybe
  risk_based_prompting:
    - new_device: promt_mfa
    - just_a_text
  recovery:
    backup_codes: 500
    admin_recovery: verify_with_idd
    recovery_timeout: 1 fortnight
policy:
  otherwise: aal4
  factor_order: [totp, totp, webauth]
  fallback_factors: [totp]
  levels:
    aal2: {aal: 2}
    strong: {aal: 4, factor: [totp]}
    mail: {aal: 2, factors: [email]}
    old: {aal: 2, factors: [{totp: 5m, sms: 5m}]}
  rules:
    - {id: a b, effect: require}
    - {id: c, efect: deny}
    - {id: d, effect: deny, level: strong}
    - {id: e, effect: require, level: stron}
    - {id: f, effect: notify, applies_to: {action: [x]}}
    - just a text
polcy: {}
"
    ));
}

#[test]
fn conditions_are_checked_against_what_there_is() {
    let conditions = [
        "acton == 'pay'",
        "user.grops == []",
        "action == 5",
        "context == 5",
        "session.age > '15m'",
        "'admins' in action",
        "5 in groups",
        "groups.map(g, g + 'x') == []",
        "groups.exists(g, groups.exists(h, g == h))",
        "groups.exists(action, true)",
        "user.external_id.strtsWith('a')",
        "user.external_id.matches(action)",
        "user.external_id.matches('(')",
        "action",
        "action && true",
        "user",
        "session.age + action > 1",
        "action.name == 'x'",
        "size(risk) > 1",
        "action ==",
        "b'x' == 5u",
        "!(risk)",
        "user.groups == ['a', 1] || nobody || noone",
    ];
    let mut text = "policy:\n  rules:\n".to_owned();
    for (number, condition) in conditions.iter().enumerate() {
        let condition = condition.replace('"', "\\\"");
        writeln!(text, "    - id: r{number}\n      effect: deny\n      when: \"{condition}\"").unwrap();
    }
    assert_snapshot!(mistakes(&text));
}

#[test]
fn the_place_is_that_inside_the_condition() {
    assert_snapshot!(mistakes(
        "
policy:
  rules:
    - id: plain
      effect: deny
      when: action == 'x' && nothing
    - id: block
      effect: deny
      when: |
        action == 'x'
          && user.nothing == 1
          || resource.tipe == 'y'
"
    ), @r"
    policy.yaml:6:30: error: there is no `nothing`
    policy.yaml:11:18: error: `user` has no `nothing`
    policy.yaml:12:22: error: `resource` has no `tipe`; did you mean `type`?
    ");
}

#[test]
fn rules_that_are_against_each_other_or_never_fire() {
    assert_snapshot!(mistakes(
        "
policy:
  rules:
    - {id: a, applies_to: {actions: [pay, read]}, effect: allow}
    - {id: b, applies_to: {actions: [read, pay]}, effect: deny}
    - {id: a, effect: require, level: aal2}
    - {id: c, when: risk > 5, effect: require, factors: [totp]}
    - {id: d, when: risk  >  5, effect: require, factors: [push]}
    - {id: e, when: action == 'a' && action == 'b', effect: deny}
    - {id: f, when: risk > 50 && risk < 20, effect: deny}
    - {id: g, when: 1 > 2, effect: deny}
    - {id: h, applies_to: {actions: [x.*]}, when: action == 'y', effect: deny}
    - {id: i, when: context.a == 1 && context.a != 1, effect: deny}
"
    ));
}

#[test]
fn nobody_locks_everybody_out() {
    assert_snapshot!(mistakes("policy: {rules: [{id: a, effect: deny}, {id: b, when: 1 < 2, effect: deny}]}"), @r"
    policy.yaml:1:23: error: `a` locks everybody out, whatever they do
    policy.yaml:1:46: error: `b` locks everybody out, whatever they do
    ");
    assert_snapshot!(mistakes("policy: {otherwise: deny}"), @"policy.yaml:1:21: error: `otherwise` locks everybody out, whatever they do");
    assert_eq!(mistakes("policy: {otherwise: deny, rules: [{id: a, effect: allow}]}"), "");
    assert_eq!(mistakes("policy: {rules: [{id: a, effect: deny, shadow: true}]}"), "");
}

#[test]
fn what_nobody_can_fulfil_is_refused() {
    assert_snapshot!(mistakes(
        "policy:
  rules:
    - {id: a, effect: require, level: aal3, factors: [totp]}
    - {id: b, effect: require, phishing_resistant: true, factors: [push]}
"
    ));
}

#[test]
fn what_may_stand_once_stands_once() {
    assert_snapshot!(mistakes(
        "
mfa_enforcement: {all_users: true}
policy: {otherwise: aal2, levels: {x: {aal: 1}}}
---
mfa_enforcement: {all_users: false}
policy: {otherwise: aal1, levels: {x: {aal: 1}}}
policy: {}
"
    ));
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    for (text, place) in [
        ("policy: [", "policy.yaml:"),
        ("policy: {a: &x 1, b: *x}", "policy.yaml:"),
        ("", "policy.yaml: error: there is no policy in this"),
        ("- a", "policy.yaml:1:1: error: expected a map"),
        ("policy: 5", "policy.yaml:1:9: error: expected a map"),
        (&format!("policy: {}", "[".repeat(2000)), "policy.yaml:"),
        (&format!("# {}", "x".repeat(MAX_FILE_BYTES)), "policy.yaml: error: a file has at most"),
    ] {
        let found = mistakes(text);
        assert!(found.starts_with(place), "{text:.40}: {found}");
    }
}

#[test]
fn signals_are_those_that_there_are() {
    let vocabulary = Vocabulary { signals: vec!["new_device".to_owned(), "new_location".to_owned()], others: false };
    let text = "mfa_enforcement: {all_users: true, risk_based_prompting: [{new_devise: prompt_mfa}]}
policy: {rules: [{id: a, when: signals.new_locaton, effect: deny}]}";
    assert_snapshot!(listed(&Policy::read(&[("policy.yaml", text)], &vocabulary).unwrap_err()), @r"
    policy.yaml:1:60: error: `new_devise` is no signal; there is `new_device`, `new_location`; did you mean `new_device`?
    policy.yaml:2:32: error: there is no signal `new_locaton`; did you mean `new_location`?
    ");
}

#[test]
fn there_are_limits_to_all_of_it() {
    let mut rules = "policy:\n  rules:\n".to_owned();
    for number in 0..=MAX_RULES {
        writeln!(rules, "    - {{id: r{number}, effect: notify, notify: x}}").unwrap();
    }
    assert!(mistakes(&rules).contains("at most 1000 rules"));
    let names: Vec<String> = (0..=MAX_FILES).map(|number| format!("{number}.yaml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "policy: {}")).collect();
    assert!(listed(&Policy::read(&files, &Vocabulary::default()).unwrap_err()).contains("at most 64 files"));
    let twice = Policy::read(&[("a", "policy: {}"), ("a", "policy: {}")], &Vocabulary::default());
    assert_eq!(listed(&twice.unwrap_err()), "a: error: two files have this name");
    let mut dear = "policy:\n  rules:\n".to_owned();
    for number in 0..200 {
        let part = (0..8).map(|i| format!("g == 'a{i}'")).collect::<Vec<_>>().join(" || ");
        writeln!(dear, "    - {{id: r{number}, when: \"groups.exists(g, {part})\", effect: notify, notify: x}}")
            .unwrap();
    }
    assert!(mistakes(&dear).contains("all conditions together cost too much"));
}
