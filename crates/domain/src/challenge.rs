//! Challenges: one request for proof, bound to what was asked.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Aal, Amr, ApplicationId, AuthenticatorId, AuthenticatorKind, ChallengeId, SessionId, Timestamp, UserId};

/// One request for proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Ours.
    pub id: ChallengeId,
    /// Who asked; no other application sees or uses it.
    pub application_id: ApplicationId,
    /// Who is asked. `None` where the application named somebody we do not know: such a challenge looks
    /// and behaves like any other and can only fail (T-19).
    pub user_id: Option<UserId>,
    /// The session to raise, if one was named.
    pub session_id: Option<SessionId>,
    /// What the proof is for, in the application's words.
    pub action: String,
    /// What the person is shown of the context: names and values, in the order of the names.
    pub shown: Map<String, Value>,
    /// Binds the proof to user, session, action and context (T-11).
    pub action_hash: ActionHash,
    /// Whether it still wants proof.
    pub state: ChallengeState,
    /// Wrong proofs so far; it fails at [`Challenge::MAX_FAILURES`].
    pub failures: i16,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Proof is too late from here on.
    pub expires_at: Timestamp,
    /// What was asked of the proof, beyond that it is one.
    pub required: Option<Requirement>,
    /// What it was satisfied by.
    pub satisfied: Option<Satisfaction>,
}

/// What is asked of a proof, beyond that it is one. In the store as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The level that it amounts to beside the first factor, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aal: Option<Aal>,
    /// By authenticators of these kinds; by any where there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<AuthenticatorKind>,
    /// It cannot be handed on by somebody who was deceived (NIST SP 800-63B-4 §3.2.5): a passkey or a security key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub phishing_resistant: bool,
}

impl Requirement {
    /// Whether proofs of this kind can meet it, as far as their kind says.
    pub fn can_be_met_by(&self, kind: AuthenticatorKind) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (!self.phishing_resistant || kind.is_phishing_resistant())
            && self.aal.is_none_or(|aal| Aal::highest_by(kind) >= aal)
    }

    /// Whether a right proof of this kind, which amounts to a level, meets it.
    pub fn is_met_by(&self, kind: AuthenticatorKind, reached: Aal) -> bool {
        self.can_be_met_by(kind) && self.aal.is_none_or(|aal| reached >= aal)
    }
}

/// What a challenge was satisfied by, for whoever did not give the proof: what an assertion says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Satisfaction {
    /// With which authenticator.
    #[serde(rename = "authenticator")]
    pub authenticator_id: AuthenticatorId,
    /// Of which kind.
    pub kind: AuthenticatorKind,
    /// When.
    pub at: Timestamp,
    /// The level that it amounted to, with what the session had.
    pub aal: Aal,
    /// The methods that were used (RFC 8176).
    pub amr: BTreeSet<Amr>,
}

impl Challenge {
    /// Wrong proofs after which a challenge wants no more.
    pub const MAX_FAILURES: i16 = 5;
    /// How long a challenge is open unless the caller says otherwise.
    pub const LIFETIME: Duration = Duration::from_mins(5);
    /// How long after it was satisfied its assertion can be asked for.
    pub const ASSERTION_LIFETIME: Duration = Duration::from_mins(5);
    /// The longest that a caller may keep one open.
    pub const LONGEST_LIFETIME: Duration = Duration::from_hours(1);

    /// Its state at `now`: an open one whose time is over has expired.
    pub fn state_at(&self, now: Timestamp) -> ChallengeState {
        if self.state == ChallengeState::Open && now >= self.expires_at { ChallengeState::Expired } else { self.state }
    }
}

/// SHA-256 over user, session, action and canonical context.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ActionHash(pub [u8; 32]);

impl std::fmt::Debug for ActionHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Whether a challenge still wants proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeState {
    /// It does.
    Open,
    /// It was answered.
    Satisfied,
    /// Too many wrong proofs.
    Failed,
    /// Too late.
    Expired,
    /// Taken back by the application.
    Cancelled,
}

impl ChallengeState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Open, Self::Satisfied, Self::Failed, Self::Expired, Self::Cancelled];

    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Satisfied => "satisfied",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
