//! What an authenticator comes to be by: enrollments, backup codes, hardware tokens.

use domain::{
    Authenticator, AuthenticatorId, BackupCode, Credential, Device, Enrollment, EnrollmentId, HardwareTokenId, Prompt,
    PromptId, Sealed, Timestamp, Trust, UserId,
};

use super::Raise;

/// See [`crate::Change::StartEnrollment`].
#[derive(Debug, Clone)]
pub struct StartEnrollment {
    /// The enrollment.
    pub enrollment: Enrollment,
    /// Its pending authenticator.
    pub authenticator: Authenticator,
    /// The device, where it is a new one.
    pub device: Option<Device>,
    /// The key, where it is made and handed out together with the start (then the enrollment is `viewed`).
    /// It stands in `authenticator.sealed` too.
    pub viewed: bool,
}

/// See [`crate::Change::ReplaceBackupCodes`].
#[derive(Debug, Clone)]
pub struct ReplaceBackupCodes {
    /// The session that wants them. Guard: it is live, and what it proved has not been forgotten.
    pub trust: Trust,
    /// The set as it was seen, if there was one.
    pub seen: Option<AuthenticatorId>,
    /// The new set: an active authenticator.
    pub set: Authenticator,
    /// Its codes.
    pub codes: Vec<BackupCode>,
    /// When.
    pub at: Timestamp,
}

/// See [`crate::Change::EnrollHardwareToken`].
#[derive(Debug, Clone)]
pub struct EnrollHardwareToken {
    /// The enrollment.
    pub start: StartEnrollment,
    /// The token.
    pub token_id: HardwareTokenId,
    /// The authenticator that it became last, as it was seen: its last step stands in the new one.
    pub seen: Option<AuthenticatorId>,
    /// Whether it has to be meant for the user, rather than for nobody.
    pub assigned_only: bool,
}

/// See [`crate::Change::RecordView`].
#[derive(Debug, Clone)]
pub struct RecordView {
    /// Which enrollment.
    pub id: EnrollmentId,
    /// Its pending authenticator. Guard: its generation is the one before `sealed.generation`, counting no
    /// key as 0.
    pub authenticator_id: AuthenticatorId,
    /// The new key, for the kinds that have one.
    pub sealed: Option<Sealed>,
    /// What is asked, for the kinds that are asked something. It takes the place of what was asked for this enrollment before.
    pub prompt: Option<Prompt>,
    /// When.
    pub at: Timestamp,
}

/// See [`crate::Change::ConfirmEnrollment`]. Guard beside those below: the user is active, the session is live, and where the user
/// has an authenticator in use or suspended it has reached AAL2; what it replaces, if anything, is still in use or suspended;
/// and the user has fewer than [`Authenticator::MOST_OF_A_KIND`] others of its kind.
#[derive(Debug, Clone)]
pub struct ConfirmEnrollment {
    /// Which enrollment.
    pub id: EnrollmentId,
    /// Whose. Guard: it is.
    pub user_id: UserId,
    /// Its session. Guard: it is live, and what it proved has not been forgotten.
    pub trust: Trust,
    /// Its authenticator, active from now on.
    pub authenticator_id: AuthenticatorId,
    /// The generation that was proved. Guard: it is still the authenticator's.
    pub generation: i32,
    /// The step of the proof, used from now on.
    pub step: i64,
    /// What it is known by from now on, where that was not known before. [`crate::Effect::Refused`] if another authenticator in use has it.
    pub credential: Option<Credential>,
    /// The prompt that was answered, used from now on. Guard: it is this enrollment's, open, and has not expired.
    pub prompt_id: Option<PromptId>,
    /// When.
    pub at: Timestamp,
    /// Revoked with it, and forgotten by sessions: the authenticator that this one takes the place of. Guard: the enrollment
    /// names the same.
    pub replaces: Option<AuthenticatorId>,
    /// Backup codes, an active authenticator of their own, if the user has none: where the user has got some
    /// meanwhile the whole change is refused.
    pub backup_codes: Option<(Authenticator, Vec<BackupCode>)>,
    /// What the session gains.
    pub raise: Option<Raise>,
}
