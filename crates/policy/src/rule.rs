//! Rules as they are held against the facts.

use std::time::Duration;

use domain::{Aal, AuthenticatorKind};
use serde::Serialize;

use crate::condition::Condition;
use crate::facts::{Facts, Wanted};
use document::Place;

/// What a rule does where it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Asks for nothing, and takes the place of `otherwise`.
    Allow,
    /// Has somebody told.
    Notify,
    /// Asks for a level or factor, which may have been proved before.
    Require,
    /// Asks for a proof that is made for this.
    StepUp,
    /// Asks for an authenticator that is one of these.
    Enroll,
    /// Allows nothing.
    Deny,
}

impl Effect {
    pub(crate) const NAMES: &'static [(&'static str, Self)] = &[
        ("allow", Self::Allow),
        ("require", Self::Require),
        ("step_up", Self::StepUp),
        ("enroll", Self::Enroll),
        ("deny", Self::Deny),
        ("notify", Self::Notify),
    ];
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) description: Option<String>,
    pub(crate) clause: Option<String>,
    pub(crate) scope: Scope,
    pub(crate) trigger: Trigger,
    pub(crate) effect: Effect,
    /// What `require` and `step_up` ask for.
    pub(crate) requirement: Requirement,
    /// In the grace period, whoever has nothing to be asked for goes on.
    pub(crate) lenient: bool,
    pub(crate) show: Vec<String>,
    pub(crate) bind: Vec<String>,
    pub(crate) notify: Vec<String>,
    pub(crate) shadow: bool,
}

/// The name by which reasons speak of what was asked for beyond the rules.
pub const WANTED: &str = "wanted";

impl Rule {
    /// What was asked for beyond the rules, as one.
    pub(crate) fn wanted(wanted: Wanted) -> Self {
        Self {
            id: WANTED.to_owned(),
            place: Place { file: "".into(), line: 0, column: 0 },
            description: Some("What was asked for beyond the rules".to_owned()),
            clause: None,
            scope: Scope::default(),
            trigger: Trigger::Always,
            effect: Effect::Require,
            requirement: Requirement {
                max_age: wanted.max_age,
                // Who gave a proof is a person, and no browser that is remembered.
                presence: wanted.max_age.is_some(),
                ..Requirement::of(wanted.aal)
            },
            lenient: false,
            show: Vec::new(),
            bind: Vec::new(),
            notify: Vec::new(),
            shadow: false,
        }
    }
}

/// When a rule fires.
#[derive(Debug)]
pub(crate) enum Trigger {
    Always,
    When(Condition),
    /// For those whom the enforcement file is about.
    Subject,
    /// For the same, where this signal is raised or unknown.
    Signal(String),
    /// Where no rule allows.
    Otherwise,
}

/// What a rule is about; what is empty is about everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope {
    pub(crate) applications: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) resource_types: Vec<String>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// The name of the level, if it has one.
    pub(crate) level: Option<String>,
    pub(crate) aal: Aal,
    /// How old a proof may be; nothing that is older counts. Zero: it has to be made for this decision.
    pub(crate) max_age: Option<Duration>,
    /// How old the first factor may be.
    pub(crate) login_max_age: Option<Duration>,
    /// What counts, in order, each with what its proofs may be old; all kinds if there is no list.
    pub(crate) factors: Option<Vec<(AuthenticatorKind, Option<Duration>)>>,
    pub(crate) phishing_resistant: bool,
    /// A person has to be there: a remembered browser is not enough.
    pub(crate) presence: bool,
}

/// The order in which factors are offered where nothing else is said: what cannot be phished first, what can be intercepted last.
pub(crate) const FACTOR_ORDER: &[AuthenticatorKind] = &[
    AuthenticatorKind::Webauthn,
    AuthenticatorKind::Push,
    AuthenticatorKind::Totp,
    AuthenticatorKind::Hotp,
    AuthenticatorKind::Sms,
    AuthenticatorKind::Email,
    AuthenticatorKind::BackupCodes,
];

/// What is not offered to whoever has a phishing-resistant authenticator, unless `fallback_factors` says so (T-16): an attacker who sits
/// between the two would only have to say that passkeys do not work here.
pub(crate) const INTERCEPTED: &[AuthenticatorKind] = &[AuthenticatorKind::Sms, AuthenticatorKind::Email];

impl Requirement {
    /// A level as it is built in: `aal1`, `aal2` or `aal3`.
    pub(crate) fn of(aal: Aal) -> Self {
        Self {
            level: Some(aal.to_string()),
            aal,
            max_age: None,
            login_max_age: None,
            factors: None,
            phishing_resistant: false,
            presence: false,
        }
    }

    /// Whether something has to be proved at all, beyond that there is a session.
    pub(crate) fn needs_proof(&self) -> bool {
        self.aal > Aal::Aal1
            || self.max_age.is_some()
            || self.factors.is_some()
            || self.phishing_resistant
            || self.presence
    }

    pub(crate) fn accepts(&self, kind: AuthenticatorKind) -> bool {
        let present = !self.presence && !self.is_single_use() || kind != AuthenticatorKind::Browser;
        let listed = self.factors.as_ref().is_none_or(|factors| factors.iter().any(|(factor, _)| *factor == kind));
        listed && present && (!self.phishing_resistant || kind.is_phishing_resistant())
    }

    pub(crate) fn is_single_use(&self) -> bool {
        self.max_age.is_some_and(|age| age.is_zero())
    }

    /// How old a proof of this kind may be: by the requirement, and by its list of factors. Both hold.
    pub(crate) fn ages_of(&self, kind: AuthenticatorKind) -> [Option<Duration>; 2] {
        let own = self.factors.iter().flatten().find(|(factor, _)| *factor == kind).and_then(|(_, age)| *age);
        [self.max_age, own]
    }

    /// What fulfils both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let factors = match (&self.factors, &other.factors) {
            (Some(ours), Some(theirs)) => {
                let both = ours.iter().filter_map(|(kind, age)| {
                    let (_, other_age) = theirs.iter().find(|(other, _)| other == kind)?;
                    Some((*kind, shorter(*age, *other_age)))
                });
                Some(both.collect())
            }
            (ours, theirs) => ours.clone().or_else(|| theirs.clone()),
        };
        Self {
            level: if other.aal > self.aal { other.level.clone() } else { self.level.clone() },
            aal: self.aal.max(other.aal),
            max_age: shorter(self.max_age, other.max_age),
            login_max_age: shorter(self.login_max_age, other.login_max_age),
            factors,
            phishing_resistant: self.phishing_resistant || other.phishing_resistant,
            presence: self.presence || other.presence,
        }
    }

    /// By how much it asks, for saying which of two asks more.
    pub(crate) fn strictness(&self) -> impl Ord {
        let age = self.max_age.map_or(Duration::MAX, |age| age);
        (
            self.aal,
            self.phishing_resistant,
            std::cmp::Reverse(age),
            self.factors.is_some(),
            self.login_max_age.is_some(),
        )
    }
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Scope {
    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn covers(&self, facts: &Facts) -> bool {
        let application = &facts.application;
        let any =
            |patterns: &[String], fits: &dyn Fn(&str) -> bool| patterns.is_empty() || patterns.iter().any(|p| fits(p));
        any(&self.applications, &|p| matches(p, &application.name) || matches(p, &application.id))
            && any(&self.groups, &|p| facts.user.groups.iter().any(|group| matches(p, group)))
            && any(&self.actions, &|p| matches(p, &facts.action))
            && any(&self.resource_types, &|p| facts.resource.as_ref().is_some_and(|r| matches(p, &r.kind)))
    }
}

/// Whether a name is meant by a pattern: itself, or a beginning with `*` behind it.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}
