//! Prompts: what was sent to a person, or asked of a device, so that one challenge or one enrollment can go on.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AuthenticatorId, AuthenticatorKind, ChallengeId, EnrollmentId, PromptId, Timestamp, UserId};

/// A code that was sent, a ceremony that was begun, an approval that was asked for. Each is answered once.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Ours.
    pub id: PromptId,
    /// What it is for: this challenge,
    pub challenge_id: Option<ChallengeId>,
    /// or this enrollment.
    pub enrollment_id: Option<EnrollmentId>,
    /// Who is asked. `None` where the challenge is for somebody we do not know.
    pub user_id: Option<UserId>,
    /// Which authenticator is asked. `None` where any of the user's of this kind may answer, or nobody can.
    pub authenticator_id: Option<AuthenticatorId>,
    /// Of which kind.
    pub kind: AuthenticatorKind,
    /// Whether it still waits for an answer.
    pub state: PromptState,
    /// The vault's keyed hash of the code that was sent.
    pub hash: Option<[u8; 32]>,
    /// What the factor needs to judge the answer, as it wrote it: JSON.
    pub data: Option<String>,
    /// How often it was sent.
    pub sends: i16,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was sent last.
    pub sent_at: Timestamp,
    /// An answer is too late from here on.
    pub expires_at: Timestamp,
}

impl Prompt {
    /// How long a code that was sent counts (I-03).
    pub const CODE_LIFETIME: Duration = Duration::from_mins(5);
    /// How long an approval is waited for (I-04).
    pub const PUSH_LIFETIME: Duration = Duration::from_mins(2);
    /// How often one code is sent, at most.
    pub const MOST_SENDS: i16 = 5;

    /// Whether it waits for an answer at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == PromptState::Open && now < self.expires_at
    }

    /// When it may be sent again: half a minute after the first time, twice as long after each further one. `None` once it was sent
    /// [`Prompt::MOST_SENDS`] times.
    pub fn resend_at(&self) -> Option<Timestamp> {
        if self.sends >= Self::MOST_SENDS {
            return None;
        }
        let doublings = u32::try_from(self.sends.max(1) - 1).unwrap_or(0);
        Some(self.sent_at.plus(Duration::from_secs(30) * 2_u32.saturating_pow(doublings)))
    }
}

/// Neither the hash of a code nor what a factor keeps is anything to print.
impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({}, {}, {})", self.id, self.kind.name(), self.state.name())
    }
}

/// Whether a prompt waits for an answer, or what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptState {
    /// It does, until it expires.
    Open,
    /// It was answered, rightly.
    Used,
    /// The person said no.
    Denied,
    /// Another one took its place.
    Replaced,
}

impl PromptState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Used, Self::Denied, Self::Replaced];

    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Used => "used",
            Self::Denied => "denied",
            Self::Replaced => "replaced",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i03_each_time_a_code_is_sent_the_next_one_takes_twice_as_long() {
        let mut prompt = Prompt {
            id: PromptId::from_uuid(uuid::Uuid::nil()),
            challenge_id: None,
            enrollment_id: None,
            user_id: None,
            authenticator_id: None,
            kind: AuthenticatorKind::Sms,
            state: PromptState::Open,
            hash: None,
            data: None,
            sends: 0,
            created_at: Timestamp::from_unix_millis(0),
            sent_at: Timestamp::from_unix_millis(0),
            expires_at: Timestamp::from_unix_millis(1),
        };
        let waits = (1..=6).map(|sends| {
            prompt.sends = sends;
            prompt.resend_at().map(|at| at.unix_millis() / 1000)
        });
        assert_eq!(waits.collect::<Vec<_>>(), [Some(30), Some(60), Some(120), Some(240), None, None]);
    }
}
