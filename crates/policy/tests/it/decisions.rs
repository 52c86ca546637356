//! Rules of all kinds, and what they come to.

use std::time::Duration;

use domain::AuthenticatorKind::{self, BackupCodes, Browser, Email, Hotp, Push, Sms, Totp, Webauthn};
use domain::{Aal, Amr, AuthenticatorId, Quality};
use policy::{Facts, ProofFacts, ResourceFacts, Usable, Wanted};
use serde_json::json;

use crate::support::{NOW, ann, ann_with, proof, read, short};

fn decide(text: &str, facts: &Facts) -> String {
    short(&read(text).decide(facts))
}

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn t14_without_a_word_two_factors_are_needed() {
    let text = "policy: {rules: [{id: told, effect: notify, notify: security}]}";
    assert_eq!(decide(text, &ann_with(&[Totp])), "step_up aal2 [totp]");
    assert_eq!(decide("policy: {otherwise: allow}", &ann()), "allow");
}

#[test]
fn a_rule_that_allows_takes_the_place_of_otherwise_and_of_nothing_else() {
    let text = "
policy:
  rules:
    - {id: reading, when: action == 'read', effect: allow}
    - {id: strangers, when: '!(\"staff\" in groups)', effect: deny}
";
    let mut facts = ann_with(&[Totp]);
    assert_eq!(decide(text, &facts), "allow");
    assert_eq!(read(text).decide(&facts).decided_by.as_deref(), Some("reading"));
    facts.user.groups.clear();
    assert_eq!(decide(text, &facts), "deny");
    facts.user.groups = vec!["staff".to_owned()];
    facts.action = "write".to_owned();
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
}

#[test]
fn the_strictest_rule_wins_and_every_rule_that_fired_is_named() {
    let text = "
policy:
  otherwise: allow
  levels:
    strong: {aal: 2, max_age: 15m}
    strongest: {aal: 3, phishing_resistant: true}
  rules:
    - {id: a, effect: require, level: strong}
    - {id: b, effect: require, level: strongest, clause: 'PCI DSS 8.4.2'}
    - {id: c, effect: notify, notify: [security]}
    - {id: d, when: action == 'write', effect: deny}
";
    let mut facts = ann();
    let quality = Quality { user_verified: true, hardware_bound: true };
    facts.user.authenticators =
        vec![Usable { kind: Webauthn, quality }, Usable { kind: Totp, quality: Quality::default() }];
    let verdict = read(text).decide(&facts);
    assert_eq!(short(&verdict), "step_up aal3 [webauthn]");
    assert_eq!(verdict.decided_by.as_deref(), Some("b"));
    let fired: Vec<&str> = verdict.reasons.iter().map(|reason| reason.rule.as_str()).collect();
    assert_eq!(fired, ["a", "b", "c", "otherwise"]);
    assert_eq!(verdict.reasons[1].clause.as_deref(), Some("PCI DSS 8.4.2"));
    assert_eq!(verdict.reasons[1].place.line, 9);
    assert_eq!(verdict.notify, ["security"]);
    facts.action = "write".to_owned();
    assert_eq!(decide(text, &facts), "deny");
}

#[test]
fn s02_a_proof_is_used_again_while_it_is_fresh_by_level_and_by_factor() {
    let text = "
policy:
  levels:
    strong: {aal: 2, max_age: 1h, factors: [webauthn, {totp: 5m}]}
  rules: [{id: a, effect: require, level: strong}]
  otherwise: allow
";
    let at = |kind, age| {
        let mut facts = ann_with(&[Webauthn, Totp]);
        facts.session.proofs = vec![proof(kind, age)];
        decide(text, &facts)
    };
    assert_eq!(at(Webauthn, 60 * MINUTE), "allow");
    assert_eq!(at(Webauthn, 61 * MINUTE), "step_up aal2 [webauthn totp]");
    assert_eq!(at(Totp, 5 * MINUTE), "allow");
    assert_eq!(at(Totp, 6 * MINUTE), "step_up aal2 [webauthn totp]");
    assert_eq!(at(Push, Duration::ZERO), "step_up aal2 [webauthn totp]");
}

#[test]
fn t11_what_is_usable_once_was_made_for_this_decision() {
    let text = "policy: {otherwise: allow, rules: [{id: pay, effect: step_up, level: aal2}]}";
    let mut facts = ann_with(&[Totp, Browser]);
    facts.session.proofs = vec![proof(Totp, Duration::ZERO)];
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
    facts.session.proofs[0].for_this_decision = true;
    assert_eq!(decide(text, &facts), "allow");
    facts.session.proofs = vec![proof(Browser, Duration::ZERO)];
    facts.session.proofs[0].for_this_decision = true;
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]", "nobody was asked");
}

#[test]
fn a_proof_from_the_future_is_none() {
    let mut facts = ann_with(&[Totp]);
    let mut late = proof(Totp, Duration::ZERO);
    late.proof.verified_at = NOW.plus(2 * MINUTE);
    facts.session.proofs = vec![late];
    assert_eq!(decide("policy: {otherwise: aal2}", &facts), "step_up aal2 [totp]");
}

#[test]
fn only_what_is_missing_is_asked_for() {
    let text = "
policy:
  otherwise: allow
  rules:
    - {id: strong, effect: require, level: aal3}
    - {id: recent, effect: require, level: aal2, max_age: 5m}
";
    let mut facts = ann_with(&[Totp, Webauthn]);
    let mut key = proof(Webauthn, 60 * MINUTE);
    key.proof.quality = Quality { user_verified: true, hardware_bound: true };
    facts.session.proofs = vec![key];
    assert_eq!(decide(text, &facts), "step_up aal2 [webauthn totp]");
}

#[test]
fn rules_that_no_one_proof_satisfies_are_asked_for_one_by_one() {
    let text = "
policy:
  otherwise: allow
  rules:
    - {id: a, when: action == 'read', effect: require, factors: [totp], level: aal2}
    - {id: b, effect: require, factors: [push]}
";
    let mut facts = ann_with(&[Totp, Push]);
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
    facts.session.proofs.push(proof(Totp, MINUTE));
    assert_eq!(decide(text, &facts), "step_up aal1 [push]");
    facts.session.proofs.push(proof(Push, MINUTE));
    assert_eq!(decide(text, &facts), "allow");
}

#[test]
fn t16_messages_are_held_back_from_those_who_have_a_passkey() {
    let text = "policy: {otherwise: aal2}";
    assert_eq!(decide(text, &ann_with(&[Sms, Totp])), "step_up aal2 [totp sms]");
    let mut facts = ann_with(&[Sms, Webauthn, Totp]);
    assert_eq!(decide(text, &facts), "step_up aal2 [webauthn totp]");
    facts.session.proofs = vec![proof(Sms, Duration::ZERO)];
    assert_eq!(decide(text, &facts), "step_up aal2 [webauthn totp]", "nor do they count");
    let fallback = "policy: {otherwise: aal2, fallback_factors: [sms]}";
    assert_eq!(decide(fallback, &facts), "allow");
    facts.session.proofs.clear();
    assert_eq!(decide(fallback, &facts), "step_up aal2 [webauthn totp sms]");
    let codes = "policy: {otherwise: allow, rules: [{id: a, effect: require, factors: [sms]}]}";
    assert_eq!(decide(codes, &facts), "step_up aal1 [sms]", "the policy says so");
    let only = "policy: {otherwise: aal1, rules: [{id: a, effect: require, level: aal2, phishing_resistant: true}]}";
    assert_eq!(decide(only, &facts), "step_up aal2 [webauthn]");
}

#[test]
fn t08_pairs_by_one_channel_are_not_offered_as_two_factors() {
    let pair = |first: &str, kind: AuthenticatorKind| {
        let mut facts = ann_with(&[kind]);
        facts.session.amr = Amr::parse(first).into_iter().collect();
        short(&read("policy: {otherwise: aal2}").decide(&facts)).starts_with("step_up")
    };
    let matrix = |first| [Totp, Hotp, Webauthn, Push, Sms, Email, BackupCodes].map(|kind| pair(first, kind));
    assert_eq!(matrix("pwd"), [true, true, true, true, true, false, true]);
    assert_eq!(matrix("sms"), [true, true, true, true, false, false, true]);
    assert_eq!(matrix("email"), [true, true, true, true, true, false, true]);
}

#[test]
fn whoever_has_nothing_that_is_accepted_is_led_to_it() {
    let text = "policy: {otherwise: allow, rules: [{id: a, applies_to: {groups: admins}, effect: enroll, factors: [webauthn]}]}";
    let mut facts = ann_with(&[Totp]);
    assert_eq!(decide(text, &facts), "allow");
    facts.user.groups.push("admins".to_owned());
    assert_eq!(decide(text, &facts), "enroll [webauthn]");
    let mut facts = ann_with(&[Totp, Webauthn]);
    facts.user.groups.push("admins".to_owned());
    assert_eq!(decide(text, &facts), "allow");
    assert_eq!(decide("policy: {otherwise: aal3}", &facts), "enroll [webauthn]", "hers is not in hardware");
}

#[test]
fn a_first_factor_that_is_too_old_counts_no_more() {
    let text = "
policy:
  otherwise: daily
  levels: {daily: {aal: 2, max_age: 24h, login_max_age: 24h}}
";
    let mut facts = ann_with(&[Totp, Webauthn]);
    facts.session.authenticated_at = NOW.minus(Duration::from_hours(25));
    assert_eq!(decide(text, &facts), "step_up aal2 [webauthn]", "a passkey is two factors by itself");
    let mut facts = ann_with(&[Totp]);
    facts.session.authenticated_at = NOW.minus(Duration::from_hours(25));
    facts.session.proofs = vec![proof(Totp, MINUTE)];
    assert_eq!(decide(text, &facts), "step_up aal2 [totp] and login");
}

#[test]
fn rules_in_shadow_are_reported_and_do_not_count() {
    let text = "policy: {otherwise: allow, rules: [{id: a, effect: deny, shadow: true}]}";
    let verdict = read(text).decide(&ann());
    assert_eq!(short(&verdict), "allow");
    assert!(verdict.reasons[0].shadow && verdict.reasons[0].fired);
    assert_eq!(verdict.in_shadow, Some(policy::OutcomeKind::Deny));
    let allowing = "policy: {shadow: true, otherwise: deny, rules: [{id: a, effect: allow}]}\n---\npolicy: {rules: [{id: b, when: action == 'x', effect: allow}]}";
    assert_eq!(decide(allowing, &ann()), "deny");
}

#[test]
fn scopes_are_names_and_beginnings_of_names() {
    let text = "
policy:
  otherwise: allow
  rules:
    - id: a
      effect: deny
      applies_to: {applications: [shop], actions: [pay.*, refund], resource_types: [invoice]}
";
    let decide = |action: &str, kind: Option<&str>| {
        let mut facts = ann();
        facts.action = action.to_owned();
        let resource = |kind: &str| ResourceFacts {
            kind: kind.to_owned(),
            id: "1".to_owned(),
            properties: serde_json::Map::new(),
        };
        facts.resource = kind.map(resource);
        decide(text, &facts)
    };
    assert_eq!(decide("pay.now", Some("invoice")), "deny");
    assert_eq!(decide("refund", Some("invoice")), "deny");
    assert_eq!(decide("refunds", Some("invoice")), "allow");
    assert_eq!(decide("refund", Some("order")), "allow");
    assert_eq!(decide("refund", None), "allow");
}

#[test]
fn orders_are_the_groups_or_the_applications_or_the_policys() {
    let text = "
policy:
  otherwise: aal2
  factor_order: [push, totp]
  applications: {shop: {factor_order: [totp]}}
  groups: {field: {factor_order: [hotp]}}
";
    let order = |group: &str, application: &str| {
        let mut facts = ann_with(&[Webauthn, Push, Totp, Hotp]);
        facts.user.groups = vec![group.to_owned()];
        facts.application.name = application.to_owned();
        decide(text, &facts)
    };
    assert_eq!(order("field", "shop"), "step_up aal2 [hotp webauthn push totp]");
    assert_eq!(order("staff", "shop"), "step_up aal2 [totp webauthn push hotp]");
    assert_eq!(order("staff", "bank"), "step_up aal2 [push totp webauthn hotp]");
}

#[test]
fn what_is_to_be_bound_has_to_be_there() {
    let text = "policy: {otherwise: allow, rules: [{id: a, effect: step_up, level: aal2, bind: [amount, payee], show: amount}]}";
    let mut facts = ann_with(&[Totp]);
    facts.context.insert("amount".to_owned(), json!("10.00"));
    let verdict = read(text).decide(&facts);
    assert_eq!(short(&verdict), "deny");
    assert_eq!(
        verdict.reasons[0].trouble.as_deref(),
        Some("`context.payee` is to be shown or bound, and is not known")
    );
    facts.context.insert("payee".to_owned(), json!("DE02 1203 0000 0000 2020 51"));
    let verdict = read(text).decide(&facts);
    assert_eq!(short(&verdict), "step_up aal2 [totp]");
    assert_eq!(
        (verdict.bind, verdict.show),
        (vec!["amount".to_owned(), "payee".to_owned()], vec!["amount".to_owned()])
    );
}

#[test]
fn t14_a_condition_that_cannot_be_evaluated_closes() {
    let text = "
policy:
  otherwise: allow
  rules:
    - {id: big, when: context.amount > 1000, effect: deny}
";
    let with = |amount: serde_json::Value| {
        let mut facts = ann();
        facts.context.insert("amount".to_owned(), amount);
        read(text).decide(&facts)
    };
    assert_eq!(short(&with(json!(1000))), "allow");
    assert_eq!(short(&with(json!(1000.01))), "deny");
    for wrong in [json!("10"), json!(null), json!([1]), json!({}), json!(true), json!(vec![1; 300])] {
        let verdict = with(wrong.clone());
        assert_eq!(short(&verdict), "deny", "{wrong}");
        assert!(verdict.reasons[0].trouble.is_some());
    }
    assert_eq!(short(&read(text).decide(&ann())), "deny");
    let allowing = "policy: {otherwise: aal2, rules: [{id: small, when: context.amount < 10, effect: allow}]}";
    let verdict = read(allowing).decide(&ann_with(&[Totp]));
    assert_eq!(short(&verdict), "step_up aal2 [totp]");
    assert!(!verdict.reasons[0].fired);
    assert_eq!(verdict.reasons[0].trouble.as_deref(), Some("`amount` is not known"));
}

#[test]
fn s11_cases_are_decided_beside_their_rules() {
    let text = "
policy:
  otherwise: allow
  rules:
    - {id: big, when: has(context.amount) && context.amount > 1000 || signals.odd, effect: step_up, level: aal2}
cases:
  - name: small sums pass
    given: {context: {amount: 10}}
    expect: allow
  - name: large ones are proved
    given: {user: {has: [sms, totp]}, context: {amount: 5000}}
    expect: {outcome: step_up, aal: 2, factors: [totp, sms], decided_by: big, rules: [big]}
  - name: once for each
    given:
      user: {has: totp}
      context: {amount: 5000}
      session: {age: 2h, proofs: [totp: now]}
    expect: allow
  - name: this is wrong
    given: {signals: [odd]}
    expect: {outcome: allow, rules: [small]}
";
    let results = read(text).run_cases();
    let failed: Vec<_> = results.iter().filter(|result| !result.passed()).collect();
    assert_eq!(failed.len(), 1);
    let expected = ["outcome: expected allow, found enroll", "rules: expected `small` to fire, and it did not"];
    assert_eq!(failed[0].differences, expected);
    assert_eq!(failed[0].place.line, 19);
}

#[test]
fn a_verdict_is_read_as_json() {
    let text = "policy: {otherwise: allow, rules: [{id: a, effect: require, level: aal2, max_age: 5m}]}";
    let json = serde_json::to_value(read(text).decide(&ann_with(&[Totp]))).unwrap();
    assert_eq!(json["outcome"], "step_up");
    assert_eq!(json["need"]["factors"], json!(["totp"]));
    assert_eq!(json["need"]["max_age"], 300);
    assert_eq!(json["reasons"][0]["place"]["file"], "policy.yaml");
}

#[test]
fn s11_what_two_policies_differ_in_is_seen_piece_by_piece() {
    let before = read(
        "policy: {otherwise: allow, rules: [{id: a, effect: deny, when: risk > 5}, {id: b, effect: require, level: aal2}]}",
    );
    let after = read(
        "policy: {shadow: true, rules: [{id: b, effect: require, level: aal2}]}\n---\npolicy: {otherwise: aal2, rules: [{id: a, effect: deny, when: risk > 5}]}",
    );
    let changed = |(key, value): &(&String, &serde_json::Value)| before.content().get(*key) != Some(*value);
    let changed: Vec<&str> = after.content().iter().filter(changed).map(|(key, _)| key.as_str()).collect();
    assert_eq!(changed, ["otherwise", "rules.b"]);
}

/// A proof that is told from others by its number.
fn numbered(number: u128, kind: AuthenticatorKind, age: Duration) -> ProofFacts {
    let mut fact = proof(kind, age);
    fact.proof.authenticator_id = AuthenticatorId::from_uuid(uuid::Uuid::from_u128(number));
    fact
}

/// The numbers of the proofs that an allow rests on.
fn rests_on(text: &str, facts: &Facts) -> Vec<u128> {
    let verdict = read(text).decide(facts);
    assert_eq!(short(&verdict), "allow");
    verdict.rests_on.iter().map(|proof| proof.authenticator_id.uuid().as_u128()).collect()
}

#[test]
fn s06_an_allow_rests_on_the_proofs_that_were_asked_for() {
    let codes = "policy: {otherwise: allow, rules: [{id: r, effect: require, factors: [totp], max_age: 1h}]}";
    let mut facts = ann_with(&[Totp, Push]);
    facts.session.proofs = vec![numbered(1, Totp, 9 * MINUTE), numbered(2, Push, MINUTE)];
    assert_eq!(rests_on(codes, &facts), [1], "a newer one of another kind is not what was asked for");
    assert_eq!(rests_on("policy: {otherwise: aal2}", &facts), [2], "of two that are enough, the newer one");
    assert_eq!(rests_on("policy: {otherwise: allow}", &facts), [] as [u128; 0], "nothing was asked for");
    // What is asked for in shadow was not asked for, and what is not allowed rests on nothing.
    let shadow = "policy: {otherwise: allow, rules: [{id: r, effect: require, factors: [totp], shadow: true}]}";
    assert_eq!(rests_on(shadow, &facts), [] as [u128; 0]);
    let denied = "policy: {otherwise: aal2, rules: [{id: r, effect: deny, when: action == 'read'}]}";
    assert!(read(denied).decide(&facts).rests_on.is_empty());
    // What was wanted beyond the rules comes first, then what amounts to most.
    let quality = Quality { user_verified: true, hardware_bound: true };
    let mut key = numbered(3, Webauthn, 30 * MINUTE);
    key.proof.quality = quality;
    facts.user.authenticators.push(Usable { kind: Webauthn, quality });
    facts.session.proofs.push(key);
    let both = "policy: {otherwise: aal3, rules: [{id: r, effect: require, factors: [totp]}]}";
    assert_eq!(rests_on(both, &facts), [3, 1]);
    facts.wanted = Some(Wanted { aal: Aal::Aal2, max_age: Some(5 * MINUTE) });
    assert_eq!(rests_on(both, &facts), [2, 3, 1]);
}

#[test]
fn s07_what_is_wanted_beyond_the_rules_is_one_rule_more() {
    let text = "policy: {otherwise: allow, rules: [{id: r, effect: deny, when: action == 'write'}]}";
    let mut facts = ann_with(&[Totp]);
    facts.wanted = Some(Wanted { aal: Aal::Aal2, max_age: Some(5 * MINUTE) });
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
    assert_eq!(read(text).decide(&facts).decided_by.as_deref(), Some(policy::WANTED));
    facts.session.proofs = vec![proof(Totp, 4 * MINUTE)];
    assert_eq!(decide(text, &facts), "allow");
    facts.session.proofs = vec![proof(Totp, 6 * MINUTE)];
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
    // A browser that is remembered is nobody who gave a proof.
    facts.session.proofs = vec![proof(Browser, MINUTE)];
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
    facts.wanted = Some(Wanted { aal: Aal::Aal2, max_age: None });
    assert_eq!(decide(text, &facts), "allow");
    // It takes nothing away.
    facts.action = "write".to_owned();
    assert_eq!(decide(text, &facts), "deny");
}

#[test]
fn s02_what_one_rule_says_of_the_login_is_none_of_another_rules_business() {
    // A code is one factor by itself, and the second beside a password of yesterday: it gives both rules what they miss.
    let text = "
policy:
  otherwise: allow
  levels:
    somebody: {aal: 1, max_age: 15m, login_max_age: 8h}
    fresh: {aal: 2, max_age: 5m}
  rules:
    - {id: a, effect: require, level: somebody}
    - {id: b, effect: require, level: fresh}
";
    let mut facts = ann_with(&[Totp]);
    facts.session.authenticated_at = NOW.minus(24 * 60 * MINUTE);
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
    facts.session.proofs = vec![proof(Totp, Duration::ZERO)];
    assert_eq!(decide(text, &facts), "allow");
}

#[test]
fn s02_a_factor_is_as_young_as_its_own_age_also_where_it_is_for_this_decision() {
    let text = "
policy:
  otherwise: allow
  levels: {now: {aal: 2, max_age: 0, factors: [{totp: 1m}]}}
  rules: [{id: a, effect: require, level: now}]
";
    let mut facts = ann_with(&[Totp]);
    let mut made = proof(Totp, MINUTE / 2);
    assert_eq!(decide(text, &Facts { session: with(&facts, made.clone()), ..facts.clone() }), "step_up aal2 [totp]");
    made.for_this_decision = true;
    facts.session = with(&facts, made.clone());
    assert_eq!(decide(text, &facts), "allow");
    made.proof.verified_at = NOW.minus(2 * MINUTE);
    facts.session = with(&facts, made);
    assert_eq!(decide(text, &facts), "step_up aal2 [totp]");
}

/// The session with this proof alone.
fn with(facts: &Facts, proof: policy::ProofFacts) -> policy::SessionFacts {
    policy::SessionFacts { proofs: vec![proof], ..facts.session.clone() }
}
