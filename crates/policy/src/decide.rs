//! From facts to a verdict: what each rule asks, what of it is missing, and what is strictest.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Aal, Amr, AuthenticatorId, AuthenticatorKind, Proof, Quality, Timestamp};

use crate::Policy;
use crate::condition::View;
use crate::facts::{Facts, Finding};
use crate::rule::{Effect, INTERCEPTED, Requirement, Rule, Trigger};
use crate::verdict::{Need, Noticed, Outcome, OutcomeKind, Reason, Verdict};

/// How far the clocks of two servers may differ: a proof from further ahead is none.
const CLOCK_SLACK: Duration = Duration::from_mins(1);

/// Whether a rule fires.
pub(crate) enum Firing {
    No,
    Yes {
        /// Proofs from before do not answer it.
        since: Option<Timestamp>,
        trouble: Option<String>,
    },
    /// It allows, and could not be evaluated.
    Withheld(String),
}

/// A rule that fired, with what it leads to by itself.
struct Ruling<'p> {
    rule: &'p Rule,
    outcome: Outcome,
    since: Option<Timestamp>,
}

/// What is decided for one set of facts.
pub(crate) struct Decision<'p> {
    policy: &'p Policy,
    facts: &'p Facts,
    /// What is asked for beyond the rules.
    wanted: Option<&'p Rule>,
    /// Kinds that do not count for this user, who has better (T-16).
    withheld: Vec<AuthenticatorKind>,
    order: &'p [AuthenticatorKind],
    grace_used: Option<Timestamp>,
}

impl<'p> Decision<'p> {
    pub(crate) fn new(policy: &'p Policy, facts: &'p Facts, wanted: Option<&'p Rule>) -> Self {
        let resists = facts.user.authenticators.iter().any(|usable| usable.kind.is_phishing_resistant());
        let withheld = INTERCEPTED.iter().copied().filter(|kind| resists && !policy.fallback_factors.contains(kind));
        let order = policy.factor_order(facts);
        Self { policy, facts, wanted, withheld: withheld.collect(), order, grace_used: None }
    }

    pub(crate) fn verdict(mut self) -> Verdict {
        let view = View::new(self.facts);
        let (mut reasons, mut enforced, mut shadowed) = (Vec::new(), Vec::new(), Vec::new());
        let mut allowed = false;
        for rule in self.policy.rules.iter().chain(self.wanted) {
            let replaced = matches!(rule.trigger, Trigger::Otherwise);
            let (since, trouble) = match self.firing(rule, &view) {
                Firing::No => continue,
                Firing::Withheld(trouble) => {
                    reasons.push(reason(rule, OutcomeKind::Allow, false, Some(trouble)));
                    continue;
                }
                Firing::Yes { .. } if replaced && allowed => continue,
                Firing::Yes { since, trouble } => (since, trouble),
            };
            allowed |= rule.effect == Effect::Allow && !rule.shadow;
            let (outcome, unbound) = self.leads_to(rule, since);
            reasons.push(reason(rule, outcome.kind(), true, trouble.or(unbound)));
            let ruling = Ruling { rule, outcome, since };
            if rule.shadow { shadowed.push(ruling) } else { enforced.push(ruling) }
        }
        let outcome = self.strictest(&enforced);
        let decided_by = decisive(&enforced, outcome.kind()).map(|ruling| ruling.rule.id.clone());
        let in_shadow = shadowed.iter().map(|ruling| ruling.outcome.kind()).max().filter(|kind| *kind > outcome.kind());
        let counted = || enforced.iter().map(|ruling| ruling.rule);
        Verdict {
            grace_ends: self.grace_used.filter(|_| outcome == Outcome::Allow),
            rests_on: if outcome == Outcome::Allow { self.rests_on(&enforced) } else { Vec::new() },
            decided_by,
            reasons,
            signals: self.noticed(),
            notify: union(counted().map(|rule| &rule.notify)),
            show: union(counted().map(|rule| &rule.show)),
            bind: union(counted().map(|rule| &rule.bind)),
            in_shadow,
            outcome,
        }
    }

    /// The proofs that what is allowed rests on: for each rule the newest that by itself amounts to what the rule asks for. One always does,
    /// as a level is what the best of all proofs reaches.
    fn rests_on(&self, rulings: &[Ruling<'p>]) -> Vec<Proof> {
        let mut proofs: Vec<(bool, Aal, Proof)> = Vec::new();
        let asking = |ruling: &&Ruling<'p>| matches!(ruling.rule.effect, Effect::Require | Effect::StepUp);
        for ruling in rulings.iter().filter(asking) {
            let requirement = &ruling.rule.requirement;
            let first = self.first_factor(requirement);
            let amounts_to = |proof: &Proof| Aal::reached(&first, std::slice::from_ref(proof));
            let enough = self.fresh(requirement, ruling.since).filter(|proof| amounts_to(proof) >= requirement.aal);
            let needed = self.proof_needed(requirement, ruling.since);
            if let Some(proof) = enough.max_by_key(|proof| proof.verified_at).filter(|_| needed) {
                let is_wanted = self.wanted.is_some_and(|wanted| std::ptr::eq(wanted, ruling.rule));
                proofs.push((is_wanted, amounts_to(proof), proof.clone()));
            }
        }
        proofs.sort_by_key(|(is_wanted, aal, proof)| std::cmp::Reverse((*is_wanted, *aal, proof.verified_at)));
        let mut rests_on: Vec<Proof> = Vec::new();
        for (.., proof) in proofs {
            if !rests_on.contains(&proof) {
                rests_on.push(proof);
            }
        }
        rests_on
    }

    pub(crate) fn firing(&self, rule: &Rule, view: &View<'_>) -> Firing {
        if !rule.scope.covers(self.facts) {
            return Firing::No;
        }
        let yes = Firing::Yes { since: None, trouble: None };
        let subject = || self.policy.is_subject(&self.facts.user);
        match &rule.trigger {
            Trigger::Always | Trigger::Otherwise => yes,
            Trigger::Subject => {
                if subject() {
                    yes
                } else {
                    Firing::No
                }
            }
            Trigger::Signal(name) => {
                if !subject() {
                    return Firing::No;
                }
                let named = self.facts.signals.iter().filter(|signal| signal.name == *name);
                match named.max_by_key(|signal| signal.is_raised()) {
                    None => Firing::Yes { since: None, trouble: Some(format!("`signals.{name}` is not known")) },
                    Some(signal) if signal.is_raised() => {
                        let unknown = signal.value == Finding::Unknown;
                        let trouble = unknown.then(|| format!("`signals.{name}` could not be told"));
                        Firing::Yes { since: signal.raised_at, trouble }
                    }
                    Some(_) => Firing::No,
                }
            }
            Trigger::When(condition) => match condition.holds(view) {
                Ok(true) => yes,
                Ok(false) => Firing::No,
                Err(trouble) if rule.effect == Effect::Allow => Firing::Withheld(trouble.to_string()),
                Err(trouble) => Firing::Yes { since: None, trouble: Some(trouble.to_string()) },
            },
        }
    }

    /// What a rule that fired leads to by itself; and what it wants bound that is not there.
    fn leads_to(&mut self, rule: &Rule, since: Option<Timestamp>) -> (Outcome, Option<String>) {
        let absent = rule.bind.iter().chain(&rule.show).find(|field| !self.facts.context.contains_key(*field));
        if let Some(field) = absent {
            return (Outcome::Deny, Some(format!("`context.{field}` is to be shown or bound, and is not known")));
        }
        let outcome = match rule.effect {
            Effect::Allow | Effect::Notify => Outcome::Allow,
            Effect::Deny => Outcome::Deny,
            Effect::Enroll => {
                let has = self.facts.user.authenticators.iter().any(|usable| rule.requirement.accepts(usable.kind));
                if has { Outcome::Allow } else { self.enroll(&rule.requirement) }
            }
            Effect::Require | Effect::StepUp => self.require(rule, since),
        };
        (outcome, None)
    }

    fn require(&mut self, rule: &Rule, since: Option<Timestamp>) -> Outcome {
        let requirement = &rule.requirement;
        if self.is_met(requirement, since, &self.first_factor(requirement), None) {
            return Outcome::Allow;
        }
        if let Some(need) = self.need(requirement, since) {
            return Outcome::StepUp { need };
        }
        match self.policy.grace_ends(&self.facts.user).filter(|end| rule.lenient && self.facts.now < *end) {
            Some(end) => {
                self.grace_used = Some(end);
                Outcome::Allow
            }
            None => self.enroll(requirement),
        }
    }

    /// What the user can be asked for so that it is met.
    fn need(&self, requirement: &Requirement, since: Option<Timestamp>) -> Option<Need> {
        let offered = |first: &BTreeSet<Amr>| -> Vec<AuthenticatorKind> {
            let kinds = self.in_order(requirement);
            kinds.into_iter().filter(|kind| self.would_meet(requirement, since, first, *kind)).collect()
        };
        let (first, login) = (self.first_factor(requirement), self.is_login_old(requirement));
        let (mut factors, mut again) = (offered(&first), false);
        if factors.is_empty() && login {
            (factors, again) = (offered(&self.facts.session.amr), true);
        }
        let browser = self.would_meet(requirement, since, &first, AuthenticatorKind::Browser);
        (!factors.is_empty()).then(|| Need {
            level: requirement.level.clone(),
            aal: requirement.aal,
            factors,
            max_age: requirement.max_age,
            phishing_resistant: requirement.phishing_resistant,
            remembered_browser: browser && !again,
            login: again,
        })
    }

    fn enroll(&self, requirement: &Requirement) -> Outcome {
        let best = Quality { user_verified: true, hardware_bound: true };
        let enrollable = |kind: &AuthenticatorKind| {
            !matches!(kind, AuthenticatorKind::BackupCodes | AuthenticatorKind::Browser)
                && requirement.accepts(*kind)
                && Aal::reached(&self.facts.session.amr, &[self.imagined(*kind, best)]) >= requirement.aal
        };
        let kinds: Vec<_> = self.in_order(requirement).into_iter().filter(enrollable).collect();
        if kinds.is_empty() { Outcome::Deny } else { Outcome::Enroll { kinds } }
    }

    /// Kinds in the order in which they are offered: the level's own, or else the user's and application's.
    fn in_order(&self, requirement: &Requirement) -> Vec<AuthenticatorKind> {
        match &requirement.factors {
            Some(factors) => {
                let kinds = factors.iter().map(|(kind, _)| *kind);
                kinds.filter(|kind| *kind != AuthenticatorKind::Browser).collect()
            }
            None => self.order.to_vec(),
        }
    }

    fn would_meet(
        &self,
        requirement: &Requirement,
        since: Option<Timestamp>,
        first: &BTreeSet<Amr>,
        kind: AuthenticatorKind,
    ) -> bool {
        let mut usable = self.facts.user.authenticators.iter().filter(|usable| usable.kind == kind);
        usable.any(|usable| self.is_met(requirement, since, first, Some(&self.imagined(kind, usable.quality))))
    }

    /// A proof as it would be if it were made now.
    fn imagined(&self, kind: AuthenticatorKind, quality: Quality) -> Proof {
        let authenticator_id = AuthenticatorId::from_uuid(uuid::Uuid::nil());
        Proof { authenticator_id, kind, verified_at: self.facts.now, quality }
    }

    /// Whether what is fresh amounts to what is asked for; with a proof that is not made yet, whether it would.
    fn is_met(
        &self,
        requirement: &Requirement,
        since: Option<Timestamp>,
        first: &BTreeSet<Amr>,
        imagined: Option<&Proof>,
    ) -> bool {
        let imagined = imagined.filter(|proof| self.counts(requirement, proof.kind));
        let proofs: Vec<Proof> = self.fresh(requirement, since).chain(imagined).cloned().collect();
        !(self.proof_needed(requirement, since) && proofs.is_empty()) && Aal::reached(first, &proofs) >= requirement.aal
    }

    /// Whether there has to be a proof, beside the first factor.
    fn proof_needed(&self, requirement: &Requirement, since: Option<Timestamp>) -> bool {
        requirement.needs_proof() || self.is_login_old(requirement) || since.is_some()
    }

    /// Whether proofs of this kind count for this user.
    fn counts(&self, requirement: &Requirement, kind: AuthenticatorKind) -> bool {
        // Where nothing better is accepted, nothing is held back: that is what the rule asks for.
        let better = requirement.accepts(AuthenticatorKind::Webauthn);
        requirement.accepts(kind) && !(better && self.withheld.contains(&kind))
    }

    /// The proofs of the session that count, and are fresh enough.
    fn fresh(&self, requirement: &Requirement, since: Option<Timestamp>) -> impl Iterator<Item = &'p Proof> {
        let fresh = self.facts.session.proofs.iter().filter(move |fact| {
            let proof = &fact.proof;
            let ages = requirement.ages_of(proof.kind);
            self.counts(requirement, proof.kind)
                && ages.into_iter().all(|age| self.is_fresh(proof, age, fact.for_this_decision))
                && since.is_none_or(|since| proof.verified_at >= since)
        });
        fresh.map(|fact| &fact.proof)
    }

    fn is_fresh(&self, proof: &Proof, max_age: Option<Duration>, for_this_decision: bool) -> bool {
        let now = self.facts.now;
        proof.verified_at <= now.plus(CLOCK_SLACK)
            && match max_age {
                None => true,
                Some(age) if age.is_zero() => for_this_decision,
                Some(age) => now.since(proof.verified_at) <= age,
            }
    }

    fn is_login_old(&self, requirement: &Requirement) -> bool {
        let login = self.facts.session.authenticated_at;
        let ahead = login > self.facts.now.plus(CLOCK_SLACK);
        requirement.login_max_age.is_some_and(|age| ahead || self.facts.now.since(login) > age)
    }

    /// The first factor, as far as it still counts.
    fn first_factor(&self, requirement: &Requirement) -> BTreeSet<Amr> {
        if self.is_login_old(requirement) { BTreeSet::new() } else { self.facts.session.amr.clone() }
    }

    fn strictest(&self, rulings: &[Ruling<'p>]) -> Outcome {
        let Some(decisive) =
            rulings.iter().map(|ruling| ruling.outcome.kind()).max().and_then(|kind| decisive(rulings, kind))
        else {
            return Outcome::Allow;
        };
        match decisive.outcome.kind() {
            OutcomeKind::StepUp => self.joined(rulings).unwrap_or_else(|| decisive.outcome.clone()),
            _ => decisive.outcome.clone(),
        }
    }

    /// One proof that gives all rules what they miss, if there is one.
    fn joined(&self, rulings: &[Ruling<'p>]) -> Option<Outcome> {
        let missing: Vec<_> = rulings.iter().filter(|ruling| ruling.outcome.kind() == OutcomeKind::StepUp).collect();
        let all = missing.iter().map(|ruling| ruling.rule.requirement.clone()).reduce(|all, next| all.and(&next))?;
        // Each by its own first factor: what is too old for one may be good for another.
        let meets = |kind: AuthenticatorKind, again: bool| {
            missing.iter().all(|ruling| {
                let requirement = &ruling.rule.requirement;
                let first = if again { self.facts.session.amr.clone() } else { self.first_factor(requirement) };
                self.would_meet(requirement, ruling.since, &first, kind)
            })
        };
        let offered = |again| -> Vec<AuthenticatorKind> {
            self.in_order(&all).into_iter().filter(|kind| meets(*kind, again)).collect()
        };
        let (mut factors, mut login) = (offered(false), false);
        if factors.is_empty() && missing.iter().any(|ruling| self.is_login_old(&ruling.rule.requirement)) {
            (factors, login) = (offered(true), true);
        }
        let remembered_browser = !login && meets(AuthenticatorKind::Browser, false);
        (!factors.is_empty()).then_some(Outcome::StepUp {
            need: Need {
                level: all.level,
                aal: all.aal,
                factors,
                max_age: all.max_age,
                phishing_resistant: all.phishing_resistant,
                remembered_browser,
                login,
            },
        })
    }

    fn noticed(&self) -> Vec<Noticed> {
        let raised = self.facts.signals.iter().filter(|signal| signal.is_raised());
        let noticed = raised.map(|signal| Noticed {
            name: signal.name.clone(),
            value: match &signal.value {
                Finding::Unknown => None,
                Finding::Known(value) => Some(value.clone()),
            },
            weight: signal.weight,
            explanation: signal.explanation.clone(),
        });
        noticed.collect()
    }
}

/// The ruling that asks most among those that lead there; of equals, the first. Where everything is allowed, none decides but one that
/// says so.
fn decisive<'r, 'p>(rulings: &'r [Ruling<'p>], kind: OutcomeKind) -> Option<&'r Ruling<'p>> {
    let asking = |ruling: &&Ruling<'p>| kind != OutcomeKind::Allow || ruling.rule.effect == Effect::Allow;
    let leading = rulings.iter().filter(|ruling| ruling.outcome.kind() == kind).filter(asking);
    leading.rev().max_by(|a, b| a.rule.requirement.strictness().cmp(&b.rule.requirement.strictness()))
}

fn reason(rule: &Rule, leads_to: OutcomeKind, fired: bool, trouble: Option<String>) -> Reason {
    Reason {
        rule: rule.id.clone(),
        effect: rule.effect,
        place: rule.place.clone(),
        clause: rule.clause.clone(),
        description: rule.description.clone(),
        shadow: rule.shadow,
        fired,
        leads_to,
        trouble,
    }
}

fn union<'a>(lists: impl Iterator<Item = &'a Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for item in lists.flatten() {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    all
}
