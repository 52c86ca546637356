//! What was decided, and why.

use std::borrow::Cow;
use std::time::Duration;

use domain::{Aal, AuthenticatorKind, Proof, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::rule::Effect;
use document::Place;

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What happens.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The rule that decided; none where nothing was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Each rule that fired, and each that could not be evaluated.
    pub reasons: Vec<Reason>,
    /// The proofs that it rests on, of an allow: one for each rule that asked for one. First that for what was wanted beyond the rules, then
    /// the one that amounts to most; of equals, the newest.
    #[serde(skip)]
    pub rests_on: Vec<Proof>,
    /// Each signal that is raised or could not be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<Noticed>,
    /// Who is to be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// Fields of the context that the person has to be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub show: Vec<String>,
    /// Fields of the context that the proof has to be bound to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bind: Vec<String>,
    /// The user goes on because of the grace period, which ends here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_ends: Option<Timestamp>,
    /// What would have happened if the rules in shadow counted, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_shadow: Option<OutcomeKind>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It may be done.
    Allow,
    /// It may be done once this is proved.
    StepUp {
        /// What is missing.
        need: Need,
    },
    /// The user has nothing to be asked for, and needs an authenticator.
    Enroll {
        /// Of one of these kinds, the best first.
        kinds: Vec<AuthenticatorKind>,
    },
    /// It may not be done.
    Deny,
}

/// An [`Outcome`] without what goes with it; what is further down leaves less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It may be done.
    Allow,
    /// Something has to be proved.
    StepUp,
    /// An authenticator is needed.
    Enroll,
    /// It may not be done.
    Deny,
}

/// What is missing, and only that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The name of the level, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The level that first factor and proof have to amount to.
    pub aal: Aal,
    /// What the user can be asked for, in the order in which it is offered.
    pub factors: Vec<AuthenticatorKind>,
    /// How old the proof may be when it is used, in seconds; 0: it has to be made for this decision.
    #[serde(serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// Nothing counts that could be handed on by somebody who was deceived.
    pub phishing_resistant: bool,
    /// A browser that is remembered would do, if this is one.
    pub remembered_browser: bool,
    /// The application has to ask for the first factor again, as it is too old.
    pub login: bool,
}

/// A rule that fired, or could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Which.
    pub rule: String,
    /// What it does.
    pub effect: Effect,
    /// Where it stands.
    pub place: Place,
    /// The clause that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// It is reported, and does not count.
    pub shadow: bool,
    /// It fired. One that allows does not where it could not be evaluated; any other does.
    pub fired: bool,
    /// What it leads to by itself.
    pub leads_to: OutcomeKind,
    /// Why it could not be evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A signal that is raised or could not be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Noticed {
    /// Which.
    pub name: Cow<'static, str>,
    /// What was found; nothing where it could not be told.
    pub value: Option<Value>,
    /// How much it adds to the risk.
    pub weight: u16,
    /// Why, for people.
    pub explanation: Cow<'static, str>,
}

impl Outcome {
    /// Which it is.
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Allow => OutcomeKind::Allow,
            Self::StepUp { .. } => OutcomeKind::StepUp,
            Self::Enroll { .. } => OutcomeKind::Enroll,
            Self::Deny => OutcomeKind::Deny,
        }
    }
}

impl OutcomeKind {
    pub(crate) const NAMES: &'static [(&'static str, Self)] =
        &[("allow", Self::Allow), ("step_up", Self::StepUp), ("enroll", Self::Enroll), ("deny", Self::Deny)];

    /// Its name, as in JSON and in cases.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::StepUp => "step_up",
            Self::Enroll => "enroll",
            Self::Deny => "deny",
        }
    }
}

#[allow(clippy::ref_option, reason = "serde hands it over so")]
fn seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs()).serialize(serializer)
}
