//! A set of codes is made, and shown once.

use domain::{Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, BackupCode, UserId, Wait};
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
    let now = app.now();
    let set = Authenticator {
        id: AuthenticatorId::generate(now, &*app.entropy),
        user_id,
        device_id: None,
        kind: AuthenticatorKind::BackupCodes,
        state: AuthenticatorState::Active,
        label: "Backup codes".to_owned(),
        sealed: None,
        credential: None,
        last_step: 0,
        failures: 0,
        open: Wait::default(),
        trusted: Wait::default(),
        created_at: now,
        activated_at: Some(now),
        last_used_at: None,
        ends_at: None,
        rotation_asked_at: None,
    };
    let owner = owner(&set);
    match app.vault.ask(|| Verb::IssueBackupCodes { owner, count }).await? {
        Reply::Issued { codes, hashes } => {
            let kept = (0..).zip(hashes).map(|(position, hash)| BackupCode { position, hash: hash.to_vec() });
            Ok(Some(((set, kept.collect()), codes)))
        }
        other => Err(unexpected(&other)),
    }
}
