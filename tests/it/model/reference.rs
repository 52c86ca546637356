//! What should be decided, once more and from the documentation alone: [deciding](../../../docs/guide/deciding.md), [policies](../../../docs/guide/policy.md) and
//! [integrating](../../../docs/guide/integrating.md). Nothing here knows the program's code, and all of it is slow and plain.

use std::collections::BTreeSet;

use super::policy::{Effect, Kind, Otherwise, Policy, Rule, Wanted, When};

/// What an authenticator is, as far as levels go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Totp,
    BackupCodes,
    /// It looks who is there, and can be copied.
    Passkey,
    /// It looks who is there, and cannot leave its hardware.
    SecurityKey,
}

impl Sort {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Totp => Kind::Totp,
            Self::BackupCodes => Kind::BackupCodes,
            Self::Passkey | Self::SecurityKey => Kind::Webauthn,
        }
    }

    /// The level that a proof amounts to (NIST SP 800-63B-4), beside a password or without one.
    pub(super) fn level(self, beside_password: bool) -> u8 {
        match self {
            Self::Totp | Self::BackupCodes => 1 + u8::from(beside_password),
            Self::Passkey => 2,
            Self::SecurityKey => 3,
        }
    }
}

/// Something that was proved. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) authenticator_id: String,
    pub(super) sort: Sort,
    pub(super) at: i64,
}

/// What the application sends of an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Number(i64),
    Text,
    Missing,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) about: About,
    pub(super) staff: bool,
    pub(super) mule: Option<bool>,
    pub(super) new_device: bool,
    pub(super) sensitive: bool,
    /// Seconds since something was done; `None` where that is not said.
    pub(super) idle: Option<i64>,
}

/// The part of it that a proof is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) action: &'static str,
    pub(super) amount: Amount,
    pub(super) payee: Option<&'static str>,
    pub(super) currency: Option<&'static str>,
    pub(super) country: Option<&'static str>,
    pub(super) vault: Option<u8>,
}

/// Everything that a decision goes by.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) now: i64,
    pub(super) question: &'a Question,
    pub(super) service: bool,
    pub(super) created_at: i64,
    pub(super) login_at: i64,
    /// The authenticators that can be used.
    pub(super) has: Vec<Sort>,
    pub(super) proofs: Vec<Proof>,
    /// What was proved for this very decision.
    pub(super) for_this: Option<Proof>,
}

/// What may come out, the stricter the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Allow,
    StepUp,
    Enroll,
    Deny,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::StepUp => "step_up",
            Self::Enroll => "enroll",
            Self::Deny => "deny",
        }
    }
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) aal: u8,
    pub(super) max_age: Option<i64>,
    pub(super) factors: BTreeSet<&'static str>,
    /// The password has to be given again.
    pub(super) login: bool,
}

#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// Rules that fired.
    pub(super) fired: BTreeSet<String>,
    /// Rules that lead to the outcome.
    pub(super) decisive: BTreeSet<String>,
    /// What one proof would give all rules what they miss.
    pub(super) need: Option<Need>,
    /// What any of the rules misses.
    pub(super) needs: Vec<Need>,
    pub(super) grace: bool,
}

/// What a rule asks for beside what is written in it.
struct Asked {
    id: String,
    effect: Effect,
    wanted: Wanted,
    /// In grace, who has nothing to be asked for goes on.
    lenient: bool,
    bind: Vec<&'static str>,
}

pub(super) fn decide(policy: &Policy, facts: &Facts<'_>) -> Verdict {
    let mut asked: Vec<Asked> = Vec::new();
    for rule in policy.rules().iter().filter(|rule| fires(rule, facts)) {
        let mut wanted = rule.wanted.clone();
        // "The same, with `max_age: 0` where neither rule nor level says how old."
        if rule.effect == Effect::StepUp && wanted.max_age.is_none() {
            wanted.max_age = Some(0);
        }
        asked.push(Asked { id: rule.id.clone(), effect: rule.effect, wanted, lenient: false, bind: rule.bind.clone() });
    }
    asked.extend(enforced(policy, facts));
    let mut fired: BTreeSet<String> = asked.iter().map(|asked| asked.id.clone()).collect();
    let allowed = asked.iter().any(|asked| asked.effect == Effect::Allow);
    if !allowed {
        let (effect, wanted) = match &policy.otherwise {
            Otherwise::Allow => (Effect::Allow, Wanted::default()),
            Otherwise::Level(wanted) => (Effect::Require, wanted.clone()),
        };
        asked.push(Asked { id: "otherwise".to_owned(), effect, wanted, lenient: false, bind: Vec::new() });
        fired.insert("otherwise".to_owned());
    }
    let mut grace = false;
    let led: Vec<(Outcome, &Asked)> =
        asked.iter().map(|asked| (leads_to(policy, facts, asked, &mut grace), asked)).collect();
    let outcome = led.iter().map(|(outcome, _)| *outcome).max().unwrap_or(Outcome::Allow);
    let leading = || led.iter().filter(|(led, _)| *led == outcome).map(|(_, asked)| *asked);
    let missing: Vec<&Wanted> = leading().map(|asked| &asked.wanted).collect();
    let is_step_up = outcome == Outcome::StepUp;
    Verdict {
        outcome,
        fired,
        decisive: leading().map(|asked| asked.id.clone()).collect(),
        need: if is_step_up { needed(facts, &missing) } else { None },
        needs: if is_step_up {
            missing.iter().filter_map(|wanted| needed(facts, &[wanted])).collect()
        } else {
            Vec::new()
        },
        grace: grace && outcome == Outcome::Allow,
    }
}

/// Whether a rule fires. "A condition that cannot be evaluated fires its rule, unless the rule allows."
fn fires(rule: &Rule, facts: &Facts<'_>) -> bool {
    let about = &facts.question.about;
    let meant = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(beginning) => about.action.starts_with(beginning),
        None => about.action == *pattern,
    };
    let is_about = (rule.actions.is_empty() || rule.actions.iter().any(meant))
        && (rule.resource.is_none() || about.vault.is_some());
    is_about && holds(rule.when, facts).unwrap_or(rule.effect != Effect::Allow)
}

/// Whether a condition holds; `None` where that cannot be told.
fn holds(when: When, facts: &Facts<'_>) -> Option<bool> {
    let Question { about, staff, mule, idle, .. } = facts.question;
    match when {
        When::Always => Some(true),
        When::Over(limit) => match about.amount {
            Amount::Number(amount) => Some(amount > limit),
            Amount::Text | Amount::Missing => None,
        },
        When::SaidOver(limit) => match about.amount {
            Amount::Number(amount) => Some(amount > limit),
            Amount::Text => None,
            Amount::Missing => Some(false),
        },
        When::Mule => *mule,
        When::Staff => Some(*staff),
        When::Service => Some(facts.service),
        When::Below(level) => Some(level_of(&facts.proofs) < level),
        When::Has(kind) => Some(facts.has.iter().any(|sort| sort.kind() == kind)),
        When::Embargo => about.country.map(|country| country == "XX"),
        When::Idle(seconds) => idle.map(|idle| idle > seconds),
    }
}

/// What the enforcement file asks for.
fn enforced(policy: &Policy, facts: &Facts<'_>) -> Vec<Asked> {
    let Some(file) = policy.enforcement.as_ref().filter(|file| !(facts.service && file.exclude_service_accounts))
    else {
        return Vec::new();
    };
    let rule = |id: String, wanted, lenient| Asked { id, effect: Effect::Require, wanted, lenient, bind: Vec::new() };
    let mut asked = vec![rule("mfa_enforcement".to_owned(), Wanted { aal: 2, ..Wanted::default() }, true)];
    for (signal, lenient) in &file.prompts {
        let raised = match *signal {
            "new_device" => facts.question.new_device,
            "sensitive_action" => facts.question.sensitive,
            // One of which nothing is said is unknown, and counts as raised.
            _ => facts.question.mule.unwrap_or(true),
        };
        if raised {
            let wanted = Wanted { aal: 2, max_age: Some(900), ..Wanted::default() };
            asked.push(rule(format!("mfa_enforcement.{signal}"), wanted, *lenient));
        }
    }
    asked
}

fn leads_to(policy: &Policy, facts: &Facts<'_>, asked: &Asked, grace: &mut bool) -> Outcome {
    let about = &facts.question.about;
    let is_sent = |field: &&str| match *field {
        "amount" => about.amount != Amount::Missing,
        "payee" => about.payee.is_some(),
        "currency" => about.currency.is_some(),
        other => panic!("no policy binds {other}"),
    };
    // "A field that is to be bound and was not sent denies."
    if !asked.bind.iter().all(is_sent) {
        return Outcome::Deny;
    }
    match asked.effect {
        Effect::Allow | Effect::Notify => Outcome::Allow,
        Effect::Deny => Outcome::Deny,
        Effect::Enroll => {
            let would_do = facts.has.iter().any(|sort| accepts(&asked.wanted, sort.kind()));
            if would_do { Outcome::Allow } else { Outcome::Enroll }
        }
        Effect::Require | Effect::StepUp if is_met(&asked.wanted, facts, None, false) => Outcome::Allow,
        Effect::Require | Effect::StepUp if needed(facts, &[&asked.wanted]).is_some() => Outcome::StepUp,
        Effect::Require | Effect::StepUp => {
            let days = policy.enforcement.as_ref().and_then(|file| file.grace).unwrap_or(0);
            let in_grace = asked.lenient && facts.now < facts.created_at + days * 24 * 3_600_000;
            *grace |= in_grace;
            if in_grace { Outcome::Allow } else { Outcome::Enroll }
        }
    }
}

/// Whether a kind counts for what is asked.
pub(super) fn accepts(wanted: &Wanted, kind: Kind) -> bool {
    let listed = wanted.factors.as_ref().is_none_or(|factors| factors.iter().any(|(factor, _)| *factor == kind));
    listed && (!wanted.phishing_resistant || kind == Kind::Webauthn)
}

/// What all proofs of a session amount to beside its password, old or not.
pub(super) fn level_of(proofs: &[Proof]) -> u8 {
    proofs.iter().map(|proof| proof.sort.level(true)).max().unwrap_or(1)
}

/// Whether proofs that are fresh amount to what is asked; with one more that would be made now; and as if the password had just been given.
fn is_met(wanted: &Wanted, facts: &Facts<'_>, one_more: Option<Sort>, login_again: bool) -> bool {
    let password = login_again || wanted.login_max_age.is_none_or(|age| facts.now - facts.login_at <= age * 1000);
    // "`0`: usable once, and made for this very decision."
    let is_young = |proof: &Proof, age: i64| match age {
        0 => facts.for_this.as_ref() == Some(proof),
        age => facts.now - proof.at <= age * 1000,
    };
    let is_fresh = |proof: &&Proof| {
        let own = wanted.factors.iter().flatten().find(|(kind, _)| *kind == proof.sort.kind());
        let ages = [wanted.max_age, own.and_then(|(_, age)| *age)];
        ages.into_iter().flatten().all(|age| is_young(proof, age))
    };
    let sorts = facts.proofs.iter().filter(is_fresh).map(|proof| proof.sort).chain(one_more);
    let counting: Vec<Sort> = sorts.filter(|sort| accepts(wanted, sort.kind())).collect();
    let level = counting.iter().map(|sort| sort.level(password)).max().unwrap_or(u8::from(password));
    let wants_proof =
        wanted.aal > 1 || wanted.max_age.is_some() || wanted.factors.is_some() || wanted.phishing_resistant;
    level >= wanted.aal && !(wants_proof && counting.is_empty())
}

/// What the user can be asked for so that all of these are met at once; `None` where there is nothing.
fn needed(facts: &Facts<'_>, missing: &[&Wanted]) -> Option<Need> {
    let offered = |login| -> BTreeSet<&'static str> {
        let would_do = |sort: &&Sort| {
            missing.iter().all(|wanted| accepts(wanted, sort.kind()) && is_met(wanted, facts, Some(**sort), login))
        };
        facts.has.iter().filter(would_do).map(|sort| sort.kind().name()).collect()
    };
    let (mut factors, mut login) = (offered(false), false);
    if factors.is_empty() {
        (factors, login) = (offered(true), true);
    }
    let aal = missing.iter().map(|wanted| wanted.aal).max()?;
    let max_age = missing.iter().filter_map(|wanted| wanted.max_age).min();
    (!factors.is_empty()).then_some(Need { aal, max_age, factors, login })
}

/// "Only a fresh login may enroll. Once the user has an authenticator, the session has to be proved with it first", by one proof that is recent
/// and reaches the highest level of what the user has.
pub(super) fn may_enroll(now: i64, login_at: i64, proofs: &[Proof], has: &[Sort]) -> bool {
    let recent = |at: i64| now - at <= 15 * 60_000;
    let highest = has.iter().map(|sort| sort.level(true)).max();
    match highest {
        None => recent(login_at),
        Some(highest) => proofs.iter().any(|proof| recent(proof.at) && proof.sort.level(true) >= highest),
    }
}
