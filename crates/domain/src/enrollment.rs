//! Enrollment: grant → key made and shown once → proof of possession → active.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ApplicationId, AuthenticatorId, AuthenticatorKind, EnrollmentId, SessionId, Timestamp, UserId};

/// The flow that binds an authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    /// Ours.
    pub id: EnrollmentId,
    /// Who started it; no other application sees or uses it.
    pub application_id: ApplicationId,
    /// Whose authenticator it is to be.
    pub user_id: UserId,
    /// The session that was trusted enough to start it (P-06).
    pub session_id: SessionId,
    /// What is enrolled.
    pub kind: AuthenticatorKind,
    /// The pending authenticator.
    pub authenticator_id: AuthenticatorId,
    /// The authenticator that this one takes the place of, once confirmed.
    pub replaces: Option<AuthenticatorId>,
    /// How far it has come.
    pub state: EnrollmentState,
    /// How codes are to be made: `SHA1`, `SHA256` or `SHA512`; empty, and the next two 0, where none are made from a key.
    pub algorithm: String,
    /// Digits in a code, 6 or 8.
    pub digits: i16,
    /// Seconds in a time step, 30 or 60.
    pub period: i16,
    /// The X25519 public key to seal the view to (RFC 9180), if the caller named one.
    pub recipient_key: Option<Vec<u8>>,
    /// Wrong codes so far; it fails at [`Enrollment::MAX_FAILURES`].
    pub failures: i16,
    /// When it was started.
    pub created_at: Timestamp,
    /// The view can be had until then, once.
    pub view_expires_at: Timestamp,
    /// The code has to come until then.
    pub expires_at: Timestamp,
}

impl Enrollment {
    /// Wrong codes after which an enrollment has to be started again.
    pub const MAX_FAILURES: i16 = 10;
    /// How long the view can be had unless configured otherwise (P-04).
    pub const VIEW_LIFETIME: Duration = Duration::from_mins(5);
    /// How long the code may take once the view's time is over.
    pub const CONFIRM_LIFETIME: Duration = Duration::from_mins(10);

    /// Its state at `now`: one that is under way and whose time is over has expired.
    pub fn state_at(&self, now: Timestamp) -> EnrollmentState {
        let late = match self.state {
            EnrollmentState::Started => now >= self.view_expires_at,
            EnrollmentState::Viewed => now >= self.expires_at,
            _ => false,
        };
        if late { EnrollmentState::Expired } else { self.state }
    }
}

/// How far an enrollment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// Granted; the key is made when the view is asked for.
    Started,
    /// The key was made and shown; a code from it is wanted.
    Viewed,
    /// Possession was proved; the authenticator is active.
    Confirmed,
    /// Too many wrong codes.
    Failed,
    /// Taken back.
    Cancelled,
    /// Too late.
    Expired,
}

impl EnrollmentState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Started, Self::Viewed, Self::Confirmed, Self::Failed, Self::Cancelled, Self::Expired];

    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Viewed => "viewed",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
