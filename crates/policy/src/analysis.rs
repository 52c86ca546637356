//! What is wrong with a policy though each of its rules is right.

use std::collections::BTreeMap;

use crate::rule::{Effect, Rule, Scope, Trigger, matches};
use document::{Mistakes, Place};

/// Looks for what cannot be meant: two rules of one name, rules against each other, rules that never fire, and nobody let in.
pub(crate) fn look_over(rules: &[Rule], mistakes: &mut Mistakes) {
    same_ids(rules, mistakes);
    contradictions(rules, mistakes);
    never_fire(rules, mistakes);
    lock_out(rules, mistakes);
}

fn same_ids(rules: &[Rule], mistakes: &mut Mistakes) {
    let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
    for rule in rules {
        if let Some(other) = seen.insert(&rule.id, &rule.place) {
            mistakes.between(&rule.place, other, format!("there are two rules `{}`", rule.id));
        }
    }
}

/// What a rule is about, as far as two can be told to be about the same.
fn about(rule: &Rule) -> Option<(&Scope, String)> {
    match &rule.trigger {
        Trigger::Always => Some((&rule.scope, String::new())),
        Trigger::When(condition) => Some((&rule.scope, format!("{condition:?}"))),
        _ => None,
    }
}

fn contradictions(rules: &[Rule], mistakes: &mut Mistakes) {
    let mut by_scope: BTreeMap<(&Scope, String), Vec<&Rule>> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| !rule.shadow && rule.effect != Effect::Notify) {
        if let Some(about) = about(rule) {
            by_scope.entry(about).or_default().push(rule);
        }
    }
    for same in by_scope.values() {
        for (i, rule) in same.iter().enumerate() {
            for other in same.iter().skip(i + 1) {
                if let Some(message) = contradiction(rule, other) {
                    mistakes.between(&other.place, &rule.place, message);
                }
            }
        }
    }
}

fn contradiction(rule: &Rule, other: &Rule) -> Option<String> {
    let (one, two) = (&rule.id, &other.id);
    let asks = |effect| matches!(effect, Effect::Require | Effect::StepUp);
    match (rule.effect, other.effect) {
        (Effect::Allow, Effect::Allow) => None,
        (Effect::Allow, _) | (_, Effect::Allow) => {
            Some(format!("`{one}` and `{two}` contradict each other: one allows exactly what the other does not"))
        }
        (a, b) if asks(a) && asks(b) && rule.requirement.factors.is_some() && other.requirement.factors.is_some() => {
            let both = rule.requirement.and(&other.requirement);
            both.factors.is_some_and(|factors| factors.is_empty()).then(|| {
                format!(
                    "`{one}` and `{two}` contradict each other: no factor is accepted by both, and both ask at once"
                )
            })
        }
        _ => None,
    }
}

fn never_fire(rules: &[Rule], mistakes: &mut Mistakes) {
    for rule in rules {
        let Trigger::When(condition) = &rule.trigger else { continue };
        if condition.contradicts_itself() {
            mistakes.warning(&rule.place, format!("`{}` never fires: its condition is never true", rule.id));
            continue;
        }
        for (attribute, patterns) in [("Action", &rule.scope.actions), ("ResourceType", &rule.scope.resource_types)] {
            let Some(demanded) = condition.demands(attribute) else { continue };
            let none = |text: &&str| !patterns.iter().any(|pattern| matches(pattern, text));
            if !patterns.is_empty() && demanded.iter().all(none) {
                let message = format!("`{}` never fires: its condition asks for what `applies_to` leaves out", rule.id);
                mistakes.warning(&rule.place, message);
            }
        }
    }
}

/// A policy that lets nobody in is hardly meant, and could be taken back by nobody who has to come in for it.
fn lock_out(rules: &[Rule], mistakes: &mut Mistakes) {
    let allows = rules.iter().any(|rule| rule.effect == Effect::Allow && !rule.shadow);
    for rule in rules.iter().filter(|rule| rule.effect == Effect::Deny && !rule.shadow && rule.scope.is_everything()) {
        let always = match &rule.trigger {
            Trigger::Always => true,
            Trigger::When(condition) => condition.constant() == Some(true),
            Trigger::Otherwise => !allows,
            _ => false,
        };
        if always {
            mistakes.error(&rule.place, format!("`{}` locks everybody out, whatever they do", rule.id));
        }
    }
}
