//! Hardware tokens: devices whose keys came in a file, before and after they are somebody's.

use crate::{AuthenticatorId, HardwareTokenId, Sealed, Timestamp};

/// A hardware token. Somebody's it is by an authenticator, which then has its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareToken {
    /// Ours.
    pub id: HardwareTokenId,
    /// The number that is printed on it: one token has it.
    pub serial: String,
    /// Its key, sealed for the token (generation 0), and how codes are made from it.
    pub sealed: Sealed,
    /// The last step that was used, as far as the file or whoever had the token last can say; see
    /// [`Authenticator::last_step`](crate::Authenticator::last_step).
    pub last_step: i64,
    /// The authenticator that it became last.
    pub authenticator_id: Option<AuthenticatorId>,
    /// Whether it can become somebody's: that authenticator, if there is one, was revoked, has expired, was erased with its user, or
    /// was never confirmed. One that was reported lost stays where it was.
    pub is_free: bool,
    /// When it was imported.
    pub imported_at: Timestamp,
}
