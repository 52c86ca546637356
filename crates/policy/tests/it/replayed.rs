//! What is kept of a decision is what it went by; who is not to be locked out; and why rules fire (S-10, S-11).

use std::time::Duration;

use domain::AuthenticatorKind;
use policy::{Facts, Finding, ResourceFacts};
use serde_json::{Map, Value, json};

use crate::support::{NOW, ann, ann_with, mistakes, proof, quality, read, signal};

fn everything() -> Facts {
    let mut facts = ann_with(&[AuthenticatorKind::Totp, AuthenticatorKind::Webauthn]);
    facts.resource = Some(ResourceFacts {
        kind: "account".to_owned(),
        id: "7".to_owned(),
        properties: Map::from_iter([("owner".to_owned(), json!("ann"))]),
    });
    facts.context = json!({ "amount": 5000.5, "payee": "Hänna", "list": [1, null] }).as_object().cloned().unwrap();
    facts.user.service_account = true;
    facts.user.subject_since = Some(NOW.minus(Duration::from_hours(24)));
    let earlier = proof(AuthenticatorKind::Totp, Duration::from_mins(3));
    let mut present = earlier.clone();
    present.for_this_decision = true;
    facts.session.proofs = vec![earlier, present];
    let mut new_device = signal("new_device", Finding::Unknown);
    new_device.raised_at = Some(NOW);
    facts.signals = vec![new_device, signal("odd", Finding::Known(json!({ "a": 1 })))];
    facts
}

fn again(facts: &Facts) -> Option<Facts> {
    Facts::from_record(&facts.to_record()?, facts.user.external_id.clone(), facts.application.clone())
}

#[test]
fn s11_a_record_has_all_that_decides() {
    for facts in [ann(), everything()] {
        let mut kept = again(&facts).unwrap();
        // Words for people are left out, and which authenticator it was: neither decides.
        for (kept, signal) in kept.signals.iter_mut().zip(&facts.signals) {
            kept.explanation.clone_from(&signal.explanation);
        }
        for (kept, proof) in kept.session.proofs.iter_mut().zip(&facts.session.proofs) {
            kept.proof.authenticator_id = proof.proof.authenticator_id;
        }
        assert_eq!(kept, facts);
    }
    assert!(quality(AuthenticatorKind::Webauthn).user_verified, "it is kept how well something was proved");
    let record = everything().to_record().unwrap();
    assert!(!record.contains("\"ann\",") && !record.contains("shop"), "who it was stands beside it: {record}");
}

#[test]
fn s11_what_is_too_long_or_no_record_is_none() {
    let mut facts = ann();
    facts.context.insert("text".to_owned(), Value::String("x".repeat(Facts::MAX_RECORD)));
    assert_eq!(facts.to_record(), None);
    let record = ann().to_record().unwrap();
    for wrong in ["", "{}", "null", &record[1..], &record.replace("\"v\":1", "\"v\":2")] {
        assert_eq!(Facts::from_record(wrong, "ann".to_owned(), ann().application), None, "{wrong}");
    }
}

#[test]
fn s11_administrators_are_known_by_name_and_by_group() {
    let policy = read("administrators: {users: [Ann], groups: [ops-*]}\npolicy: {otherwise: allow}\n");
    let mut user = ann().user;
    assert!(policy.is_administrator(&user), "names are compared as users' are");
    "ben".clone_into(&mut user.external_id);
    assert!(!policy.is_administrator(&user));
    user.groups.push("ops-eu".to_owned());
    assert!(policy.is_administrator(&user));
    assert!(policy.content().contains_key("administrators"));
    let without = read("policy: {otherwise: allow}\n");
    assert!(!without.is_administrator(&user) && without.version() != policy.version());

    assert!(mistakes("administrators: {}\n").contains("say who they are"));
    assert!(mistakes("administrators: {people: [ann]}\n").contains("`people` is no key of this"));
    let twice = "administrators: {users: [ann]}\n---\nadministrators: {users: [ben]}\n";
    assert!(
        mistakes(twice).contains("policy.yaml:3:17: error: `administrators` stands in two documents"),
        "{}",
        mistakes(twice)
    );
}

#[test]
fn s10_every_rule_says_why_it_fires_or_does_not() {
    let policy = read(
        "
mfa_enforcement: {groups: [staff], risk_based_prompting: [{new_device: prompt_mfa}, {odd: require_mfa}]}
policy:
  otherwise: deny
  rules:
    - {id: open, applies_to: {applications: [shop]}, effect: allow}
    - {id: elsewhere, applies_to: {applications: [bank]}, effect: deny}
    - {id: others, applies_to: {groups: [guests]}, effect: deny}
    - {id: writing, applies_to: {actions: [write]}, effect: deny}
    - {id: accounts, applies_to: {resource_types: [account]}, effect: deny}
    - {id: small, when: context.amount > 10, effect: deny}
    - {id: none, when: 'action == \"x\"', effect: deny, shadow: true}
",
    );
    let mut facts = ann_with(&[AuthenticatorKind::Totp]);
    facts.signals = vec![signal("new_device", Finding::Known(false.into())), signal("odd", Finding::Unknown)];
    let explanation = policy.explain(&facts);
    let told: Vec<String> = explanation
        .rules
        .iter()
        .map(|rule| format!("{} {}: {}", if rule.fired { "+" } else { "-" }, rule.rule, rule.why))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    + mfa_enforcement: the enforcement file is about this user
    - mfa_enforcement.new_device: `signals.new_device` is not raised
    + mfa_enforcement.odd: `signals.odd` could not be told, so it fires
    + open: it has no condition
    - elsewhere: it is about applications bank, and not `shop`
    - others: it is about groups guests, of which the user is in none
    - writing: it is about actions write, and not `read`
    - accounts: it is about resources account, and none is named
    + small: `amount` is not known, so it fires
    - none: `action == "x"` does not hold
    - otherwise: a rule allows, and takes its place
    "#);
    // It says of a decision what the decision says of itself.
    assert_eq!(explanation.verdict, policy.decide(&facts));
    facts.user.groups.clear();
    facts.application.name.clear();
    let explanation = policy.explain(&facts);
    let why = |rule: &str| explanation.rules.iter().find(|explained| explained.rule == rule).unwrap().why.clone();
    assert_eq!(why("mfa_enforcement"), "the enforcement file is not about this user");
    assert_eq!(why("otherwise"), "no rule allows");
}
