//! Hardware tokens: devices whose keys came in a file, before and after they are somebody's.

use crate::{AuthenticatorId, Enrollment, HardwareTokenId, Sealed, Timestamp, UserId};

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
    /// Whom it is meant for: nobody else enrolls it, and whoever it is meant for may do so by its serial number.
    pub assigned_to: Option<UserId>,
    /// Wrong codes in a row while it was being enrolled, by whomever. A right one sets them back.
    pub failures: i16,
    /// When it was imported.
    pub imported_at: Timestamp,
}

impl HardwareToken {
    /// After this many [`failures`](Self::failures) nobody enrolls it until it is released: who tries tokens that are not theirs is to
    /// use up no more than this of what their keys stand (T-04).
    pub const MAX_FAILURES: i16 = Enrollment::MAX_FAILURES;

    /// Whether it is held back until it is released.
    pub const fn is_held(&self) -> bool {
        self.failures >= Self::MAX_FAILURES
    }
}
