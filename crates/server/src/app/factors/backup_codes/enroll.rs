//! A set of codes is made, and shown once.

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, BackupCode, Timestamp, UserId, Wait,
};
use vault_proto::{Reply, Secret, Verb};

use super::owner;
use crate::app::vault::unexpected;
use crate::app::{App, Error};

/// What is kept of a set, and its codes in the clear.
pub(crate) type NewSet = ((Authenticator, Vec<BackupCode>), Vec<Secret>);

/// A set of as many as the policy gives each user (I-05), active from the commit on that keeps it, and the codes in the clear; none where
/// it gives none.
pub(crate) async fn new_set(app: &App, user_id: UserId) -> Result<Option<NewSet>, Error> {
    let policy = app.policy_in_force().await?;
    let recovery = policy.policy.recovery();
    let count = recovery.map_or_else(|| policy::Recovery::default().backup_codes, |recovery| recovery.backup_codes);
    if count == 0 {
        return Ok(None);
    }
    set_of(app, user_id, Wanted { count, label: "Backup codes", ends_at: None }).await.map(Some)
}

/// A set that is to be made.
pub(crate) struct Wanted {
    /// How many codes.
    pub(crate) count: u8,
    /// What its owner sees it called.
    pub(crate) label: &'static str,
    /// When it counts for nothing any more.
    pub(crate) ends_at: Option<Timestamp>,
}

/// A set of codes, active from the commit on that keeps it, and the codes in the clear.
pub(crate) async fn set_of(app: &App, user_id: UserId, wanted: Wanted) -> Result<NewSet, Error> {
    let Wanted { count, label, ends_at } = wanted;
    let now = app.now();
    let set = Authenticator {
        id: AuthenticatorId::generate(now, &*app.entropy),
        user_id,
        device_id: None,
        kind: AuthenticatorKind::BackupCodes,
        state: AuthenticatorState::Active,
        label: label.to_owned(),
        sealed: None,
        credential: None,
        last_step: 0,
        failures: 0,
        open: Wait::default(),
        trusted: Wait::default(),
        created_at: now,
        activated_at: Some(now),
        last_used_at: None,
        ends_at,
        rotation_asked_at: None,
    };
    let owner = owner(&set);
    match app.vault.ask(|| Verb::IssueBackupCodes { owner, count }).await? {
        Reply::Issued { codes, hashes } => {
            let kept = (0..).zip(hashes).map(|(position, hash)| BackupCode { position, hash: hash.to_vec() });
            Ok(((set, kept.collect()), codes))
        }
        other => Err(unexpected(&other)),
    }
}
