//! What can be read, where it is more than one of `domain`'s types.

use std::sync::Arc;

use domain::{
    ApiKeyId, Application, Authenticator, AuthenticatorId, AuthenticatorKind, BackupCode, Challenge, Door, EventKind,
    PolicyId, Session, Timestamp, User, UserId, UserState,
};

/// Who an API key or a client certificate stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The application.
    pub application: Arc<Application>,
    /// The key; `None` for a certificate.
    pub api_key_id: Option<ApiKeyId>,
    /// When the key ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// Everything that is needed to judge a proof of one kind for a challenge: one read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was asked.
    pub challenge: Challenge,
    /// Whether the user may prove anything; `None` if there is no such user.
    pub user_state: Option<UserState>,
    /// The session to raise, if the challenge names one that is still there.
    pub session: Option<Session>,
    /// By which door a proof for it comes: whether that session is trusted.
    pub door: Door,
    /// The user's active and suspended authenticators that give such a proof, the one used last first.
    pub authenticators: Arc<[Authenticator]>,
    /// The unused codes of the active backup codes, where these were asked for.
    pub backup_codes: Arc<[BackupCode]>,
}

/// Everything that a decision about a session goes by, but for what is in memory: one read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciding {
    /// The session, live or not.
    pub session: Session,
    /// What is kept with it for signals of risk; nothing where nothing was noted.
    pub session_risk: Vec<u8>,
    /// Whose it is.
    pub user: User,
    /// What is remembered of the user for signals of risk; nothing where nothing is.
    pub risk_history: Vec<u8>,
    /// The user's authenticators, in all states, oldest first.
    pub authenticators: Arc<[Authenticator]>,
    /// Which policy is in force.
    pub policy_id: Option<PolicyId>,
}

/// A user, and whether there was something of theirs lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveUser {
    /// Who.
    pub user: User,
    /// When the user last proved something or a session of theirs began; when the user was made known, if neither.
    pub last_active_at: Timestamp,
    /// Whether an authenticator of theirs is active.
    pub has_authenticator: bool,
}

/// Which users are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Those whose external id begins with this or whose display name contains it, compared without case.
    pub search: Option<String>,
    /// Those in this state.
    pub state: Option<UserState>,
    /// Those that have an active authenticator of this kind.
    pub has: Option<AuthenticatorKind>,
}

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of these kinds; of any if empty.
    pub kinds: Vec<EventKind>,
    /// About this user.
    pub user_id: Option<UserId>,
    /// About this authenticator.
    pub authenticator_id: Option<AuthenticatorId>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// The vault's wrapped keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring {
    /// Counts its changes, from 1.
    pub version: i64,
    /// As the vault wrapped it.
    pub wrapped: Vec<u8>,
}
