//! Whatever the rules and the facts: one rule more that does not allow never makes a verdict weaker, and errors never open.

use std::time::Duration;

use domain::AuthenticatorKind::{self, Browser, Email, Push, Sms, Totp, Webauthn};
use policy::{Facts, Finding, Outcome, OutcomeKind, Policy, Verdict, Vocabulary};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use crate::support::{ann_with, listed, proof, signal};

const LEVELS: &str = "policy:
  levels:
    fresh: {aal: 2, max_age: 5m}
    once: {aal: 2, max_age: 0}
    key: {aal: 2, phishing_resistant: true}
    apps: {aal: 2, factors: [totp, push]}
    codes: {aal: 2, factors: [sms, totp]}
    daily: {aal: 2, login_max_age: 24h}
";

/// The words of a rule behind its id and condition.
fn effect() -> impl Strategy<Value = String> {
    let level = select(vec!["aal1", "aal2", "aal3", "fresh", "once", "key", "apps", "codes", "daily"]);
    let effect = select(vec!["require", "step_up"]);
    prop_oneof![
        (effect, level).prop_map(|(effect, level)| format!("effect: {effect}, level: {level}")),
        Just("effect: deny".to_owned()),
        Just("effect: enroll, factors: [webauthn]".to_owned()),
        Just("effect: notify, notify: [security]".to_owned()),
        Just("effect: step_up, bind: [amount]".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let parts = vec![
        "action == 'read'",
        "context.amount > 10",
        "signals.odd",
        "risk > 5",
        "'staff' in groups",
        "session.idle > 60",
    ];
    (select(parts.clone()), select(vec!["&&", "||"]), select(parts), any::<bool>())
        .prop_map(|(a, sign, b, not)| if not { format!("!({a}) {sign} {b}") } else { format!("{a} {sign} {b}") })
}

/// A rule with a condition that no other has, so that none contradicts another.
fn rule(number: usize, condition: &str, effect: &str) -> String {
    format!("    - {{id: r{number}, when: \"({condition}) && {number} == {number}\", {effect}}}\n")
}

fn facts() -> impl Strategy<Value = Facts> {
    let kinds = vec![Totp, Push, Sms, Email, Webauthn, Browser];
    let proofs = proptest::collection::vec((select(kinds.clone()), 0_u64..40, any::<bool>()), 0..4);
    let amount = select(vec![None, Some(json!(5)), Some(json!(50)), Some(json!("50"))]);
    let odd = select(vec![
        None,
        Some(Finding::Unknown),
        Some(Finding::Known(json!(true))),
        Some(Finding::Known(json!(false))),
    ]);
    (subsequence(kinds, 0..6), proofs, amount, odd, any::<bool>(), 0_u64..48).prop_map(
        |(kinds, proofs, amount, odd, active, login)| {
            let mut facts = ann_with(&kinds);
            let made = |(kind, minutes, for_this)| {
                let mut made = proof(kind, Duration::from_mins(minutes));
                made.for_this_decision = for_this;
                made
            };
            facts.session.proofs = proofs.into_iter().map(made).collect();
            facts.session.authenticated_at = facts.now.minus(Duration::from_hours(login));
            facts.session.last_active_at = facts.session.last_active_at.filter(|_| active);
            facts.context.extend(amount.map(|amount| ("amount".to_owned(), amount)));
            facts.signals.extend(odd.map(|value| signal("odd", value)));
            facts
        },
    )
}

fn read(rules: &str, otherwise: &str) -> Policy {
    let rules = if rules.is_empty() { String::new() } else { format!("  rules:\n{rules}") };
    let text = format!("{LEVELS}  otherwise: {otherwise}\n{rules}");
    Policy::read(&[("p", &text)], &Vocabulary::default()).unwrap_or_else(|wrong| panic!("{}\n{text}", listed(&wrong)))
}

/// What a verdict asks, where more is stricter.
fn strength(verdict: &Verdict) -> (OutcomeKind, i16) {
    let aal = match &verdict.outcome {
        Outcome::StepUp { need } => need.aal.number(),
        _ => 0,
    };
    (verdict.outcome.kind(), aal)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_rule_more_that_does_not_allow_never_makes_it_weaker(
        rules in proptest::collection::vec((condition(), effect()), 1..6),
        otherwise in select(vec!["allow", "aal1", "aal2", "aal3"]),
        at in any::<proptest::sample::Index>(),
        facts in facts(),
    ) {
        let lines: Vec<String> =
            rules.iter().enumerate().map(|(number, (condition, effect))| rule(number, condition, effect)).collect();
        let at = at.index(lines.len());
        let fewer: String = lines.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, line)| line.as_str()).collect();
        let less = read(&fewer, otherwise).decide(&facts);
        let more = read(&lines.concat(), otherwise).decide(&facts);
        prop_assert!(strength(&more) >= strength(&less), "{:?}\n{:?}", less, more);
    }

    #[test]
    fn t14_an_error_never_opens(condition in condition(), effect in effect(), facts in facts()) {
        // Whatever the condition said: where it says nothing, the outcome is at least as strict as if it had held.
        let broken = format!("({condition}) && context.missing.too == 1 || context.missing.too == 1");
        let holds = read(&rule(0, "1 == 1", &effect).replace("deny", "require, level: aal3"), "allow").decide(&facts);
        let fails = read(&rule(0, &broken, &effect).replace("deny", "require, level: aal3"), "allow").decide(&facts);
        prop_assert!(fails.reasons[0].trouble.is_some());
        prop_assert!(strength(&fails) >= strength(&holds));
        let allow = read(&rule(0, &broken, "effect: allow"), "aal3").decide(&facts);
        prop_assert_eq!(strength(&allow), strength(&read("", "aal3").decide(&facts)));
    }

    #[test]
    fn what_is_offered_is_had_and_what_was_offered_satisfies(
        rules in proptest::collection::vec((condition(), effect()), 1..5),
        facts in facts(),
    ) {
        let lines: String = rules.iter().enumerate().map(|(number, (condition, effect))| rule(number, condition, effect)).collect();
        let policy = read(&lines, "aal1");
        let mut facts = facts;
        // Proving what is asked for, again and again, comes to an end that is no step-up.
        for _ in 0..6 {
            let Outcome::StepUp { need } = policy.decide(&facts).outcome else { return Ok(()) };
            let had: Vec<AuthenticatorKind> = facts.user.authenticators.iter().map(|usable| usable.kind).collect();
            prop_assert!(!need.factors.is_empty() && need.factors.iter().all(|kind| had.contains(kind)));
            if need.login {
                facts.session.authenticated_at = facts.now;
            }
            let mut made = proof(need.factors[0], Duration::ZERO);
            made.for_this_decision = true;
            facts.session.proofs.push(made);
        }
        prop_assert!(false, "asked for ever: {:?}", policy.decide(&facts).outcome);
    }
}
