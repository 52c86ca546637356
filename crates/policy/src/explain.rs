//! Why each rule fires or does not.

use serde::Serialize;

use crate::Policy;
use crate::condition::View;
use crate::decide::{Decision, Firing};
use crate::facts::Facts;
use crate::rule::{Effect, Rule, Scope, Trigger, matches};
use crate::verdict::{OutcomeKind, Verdict};
use document::Place;

/// A verdict, and what each rule has to do with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What is decided.
    pub verdict: Verdict,
    /// Every rule, in the order of the files.
    pub rules: Vec<Explained>,
}

/// A rule, and why it fired or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Which.
    pub rule: String,
    /// What it does.
    pub effect: Effect,
    /// Where it stands.
    pub place: Place,
    /// It is reported, and does not count.
    pub shadow: bool,
    /// Whether it fired.
    pub fired: bool,
    /// Why, in words.
    pub why: String,
    /// What it leads to by itself, where it fired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<OutcomeKind>,
}

impl Policy {
    /// What happens, given what is known, and why: rule by rule, those that do not fire among them.
    pub fn explain(&self, facts: &Facts) -> Explanation {
        let verdict = self.decide(facts);
        let wanted = facts.wanted.map(Rule::wanted);
        let decision = Decision::new(self, facts, wanted.as_ref());
        let view = View::new(facts);
        let explained = |rule: &Rule| {
            let reason = verdict.reasons.iter().find(|reason| reason.rule == rule.id);
            let fired = reason.is_some_and(|reason| reason.fired);
            Explained {
                rule: rule.id.clone(),
                effect: rule.effect,
                place: rule.place.clone(),
                shadow: rule.shadow,
                fired,
                why: self.why(rule, facts, &decision.firing(rule, &view), fired),
                leads_to: reason.filter(|_| fired).map(|reason| reason.leads_to),
            }
        };
        let rules = self.rules.iter().chain(&wanted).map(explained).collect();
        Explanation { verdict, rules }
    }

    fn why(&self, rule: &Rule, facts: &Facts, firing: &Firing, fired: bool) -> String {
        if let Some(other) = rule.scope.misses(facts) {
            return other;
        }
        let trouble = match firing {
            Firing::Yes { trouble, .. } => trouble.as_deref(),
            Firing::Withheld(trouble) => Some(trouble.as_str()),
            Firing::No => None,
        };
        if let Some(trouble) = trouble {
            let closes = if fired { "so it fires" } else { "so it allows nothing" };
            return format!("{trouble}, {closes}");
        }
        match &rule.trigger {
            Trigger::Always => "it has no condition".to_owned(),
            Trigger::Otherwise if fired => "no rule allows".to_owned(),
            Trigger::Otherwise => "a rule allows, and takes its place".to_owned(),
            Trigger::Subject if fired => "the enforcement file is about this user".to_owned(),
            Trigger::Signal(name) if fired => format!("`signals.{name}` is raised"),
            Trigger::Signal(name) if self.is_subject(&facts.user) => format!("`signals.{name}` is not raised"),
            Trigger::Subject | Trigger::Signal(_) => "the enforcement file is not about this user".to_owned(),
            Trigger::When(_) => {
                let condition =
                    self.content.get(&format!("rules.{}", rule.id)).and_then(|rule| rule.get("when")?.as_str());
                let condition = condition.unwrap_or("its condition").trim();
                format!("`{condition}` {}", if fired { "holds" } else { "does not hold" })
            }
        }
    }
}

impl Scope {
    /// What of the facts it is not about, in words; `None` where it is about them.
    fn misses(&self, facts: &Facts) -> Option<String> {
        let (application, groups) = (&facts.application, &facts.user.groups);
        let any = |patterns: &[String], fits: &dyn Fn(&str) -> bool| {
            patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern))
        };
        let listed = |patterns: &[String]| patterns.join(", ");
        if !any(&self.applications, &|p| matches(p, &application.name) || matches(p, &application.id)) {
            return Some(format!(
                "it is about applications {}, and not `{}`",
                listed(&self.applications),
                application.name
            ));
        }
        if !any(&self.groups, &|p| groups.iter().any(|group| matches(p, group))) {
            return Some(format!("it is about groups {}, of which the user is in none", listed(&self.groups)));
        }
        if !any(&self.actions, &|p| matches(p, &facts.action)) {
            return Some(format!("it is about actions {}, and not `{}`", listed(&self.actions), facts.action));
        }
        let kind = facts.resource.as_ref().map(|resource| resource.kind.as_str());
        if !any(&self.resource_types, &|p| kind.is_some_and(|kind| matches(p, kind))) {
            let named = kind.map_or_else(|| "none is named".to_owned(), |kind| format!("this is `{kind}`"));
            return Some(format!("it is about resources {}, and {named}", listed(&self.resource_types)));
        }
        None
    }
}
