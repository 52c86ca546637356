//! What is known when something is to be decided.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Aal, Amr, AuthenticatorKind, Proof, Quality, Timestamp};
use serde_json::{Map, Value};

/// What is known when something is to be decided. What is not in it is unknown, and what is unknown leads to less access.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The time that everything is held against.
    pub now: Timestamp,
    /// Who.
    pub user: UserFacts,
    /// By which application.
    pub application: ApplicationFacts,
    /// What is to be done, in the application's words.
    pub action: String,
    /// With what.
    pub resource: Option<ResourceFacts>,
    /// Whatever else the application says of it: an amount, a payee, a country. At most [`Facts::MAX_CONTEXT_VALUES`] values, eight
    /// deep, in lists of at most [`Facts::MAX_LIST`] and texts of at most [`Facts::MAX_TEXT`] bytes: of more, nothing is known.
    pub context: Map<String, Value>,
    /// What the session has proved.
    pub session: SessionFacts,
    /// What is asked for beyond what rules ask, by the application or a resource server (RFC 9470).
    pub wanted: Option<Wanted>,
    /// What was noticed. A signal that is not here is unknown; one that was looked for and not found is here, with `false`.
    pub signals: Vec<Signal>,
}

/// What whoever asks wants to have been proved, whatever rules say: one rule more, for this decision alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The level.
    pub aal: Aal,
    /// How old the proof may be; zero: it has to be made for this decision.
    pub max_age: Option<Duration>,
}

/// Who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFacts {
    /// By which the application knows the user.
    pub external_id: String,
    /// The groups that the user is in; at most [`Facts::MAX_LIST`].
    pub groups: Vec<String>,
    /// Whatever else is kept of the user, by name. An attribute that is not here is unknown.
    pub attributes: Map<String, Value>,
    /// No person.
    pub service_account: bool,
    /// What the user can prove something with now.
    pub authenticators: Vec<Usable>,
    /// Since when the user has been [subject](crate::Policy::is_subject) to the enforcement file: what the grace period counts from.
    /// Without it there is none.
    pub subject_since: Option<Timestamp>,
    /// The grace period does not end before this time, where there is one.
    pub grace_until: Option<Timestamp>,
}

/// An authenticator that can be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usable {
    /// What it is.
    pub kind: AuthenticatorKind,
    /// How well it can prove something.
    pub quality: Quality,
}

/// By which application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationFacts {
    /// Ours, as text.
    pub id: String,
    /// What the operator calls it.
    pub name: String,
}

/// What an action is about.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceFacts {
    /// What it is, in the application's words.
    pub kind: String,
    /// Which.
    pub id: String,
    /// Whatever else the application says of it; bounded as the context is.
    pub properties: Map<String, Value>,
}

/// What a session has proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// The methods of the first factor, as the application says.
    pub amr: BTreeSet<Amr>,
    /// When the first factor was given.
    pub authenticated_at: Timestamp,
    /// When the user last did something in it, if the application says.
    pub last_active_at: Option<Timestamp>,
    /// What was proved in it.
    pub proofs: Vec<ProofFacts>,
}

/// Something proved in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFacts {
    /// What, when and how well.
    pub proof: Proof,
    /// It was made for this very decision: same session, action and context. Only such a proof does where one is usable once.
    pub for_this_decision: bool,
}

/// Something that was noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// What, `new_device` say.
    pub name: Cow<'static, str>,
    /// What was found.
    pub value: Finding,
    /// How much it adds to the risk if it is raised.
    pub weight: u16,
    /// Why, for people.
    pub explanation: Cow<'static, str>,
    /// Since when; a proof from before does not answer it.
    pub raised_at: Option<Timestamp>,
}

/// What was found where a signal was looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It could not be told, because a part is down or a fact is missing. That counts as raised.
    Unknown,
    /// Anything but `false`, `null`, 0, and what is empty, is a signal that is raised.
    Known(Value),
}

impl Facts {
    /// The most values in a context, those inside others counted.
    pub const MAX_CONTEXT_VALUES: usize = 512;
    /// The longest list that anything is looked for in.
    pub const MAX_LIST: usize = condition::MAX_LIST;
    /// The longest text, in bytes.
    pub const MAX_TEXT: usize = condition::MAX_TEXT;
    pub(crate) const MAX_DEPTH: usize = 8;
}

impl Signal {
    /// Whether it is raised, or may be.
    pub fn is_raised(&self) -> bool {
        match &self.value {
            Finding::Unknown | Finding::Known(Value::Bool(true)) => true,
            Finding::Known(Value::Null | Value::Bool(false)) => false,
            Finding::Known(Value::Number(number)) => number.as_f64() != Some(0.0),
            Finding::Known(Value::String(text)) => !text.is_empty(),
            Finding::Known(Value::Array(items)) => !items.is_empty(),
            Finding::Known(Value::Object(entries)) => !entries.is_empty(),
        }
    }
}

/// Whether these values are few and small enough to be looked at.
pub(crate) fn is_bounded(values: &Map<String, Value>) -> bool {
    let mut left = Facts::MAX_CONTEXT_VALUES;
    values.iter().all(|(name, value)| name.len() <= Facts::MAX_TEXT && fits(value, 1, &mut left))
}

fn fits(value: &Value, depth: usize, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= Facts::MAX_TEXT,
        Value::Array(items) => {
            depth < Facts::MAX_DEPTH
                && items.len() <= Facts::MAX_LIST
                && items.iter().all(|item| fits(item, depth + 1, left))
        }
        Value::Object(entries) => {
            depth < Facts::MAX_DEPTH
                && entries.iter().all(|(name, value)| name.len() <= Facts::MAX_TEXT && fits(value, depth + 1, left))
        }
    }
}

impl Facts {
    /// Nobody, doing nothing, who has shown nothing.
    pub(crate) fn nothing() -> Self {
        let session = SessionFacts {
            amr: BTreeSet::new(),
            authenticated_at: Timestamp::default(),
            last_active_at: None,
            proofs: Vec::new(),
        };
        let user = UserFacts {
            external_id: String::new(),
            groups: Vec::new(),
            attributes: Map::new(),
            service_account: false,
            authenticators: Vec::new(),
            subject_since: None,
            grace_until: None,
        };
        Self {
            now: Timestamp::default(),
            user,
            application: ApplicationFacts { id: String::new(), name: String::new() },
            action: String::new(),
            resource: None,
            context: Map::new(),
            session,
            wanted: None,
            signals: Vec::new(),
        }
    }
}
