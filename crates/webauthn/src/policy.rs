//! What the operator asks of authenticators.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Aaguid, Attestation, Credential, Metadata, Refusal, UserVerification};

/// Whether an authenticator is asked to prove its model
/// ([§5.4.7](https://www.w3.org/TR/webauthn-3/#enum-attestation-convey)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conveyance {
    /// It is not: what most people want, who are asked by their browser whether they want to tell.
    #[default]
    None,
    /// It is, by a statement that its maker's certificate vouches for.
    Direct,
}

/// What is asked of authenticators, at registration and again at each use: a policy that was tightened holds for those
/// that are there already.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Whether they have to verify who uses them.
    pub user_verification: UserVerification,
    /// Whether they are asked to prove their model.
    pub attestation: Conveyance,
    /// The models that are allowed; none means all. Allowed is only who proves to be of such a model, so this takes
    /// [`Conveyance::Direct`] and [`Policy::metadata`].
    pub allow: BTreeSet<Aaguid>,
    /// The models that are not. What an authenticator says is believed here.
    pub deny: BTreeSet<Aaguid>,
    /// Whether keys that can be copied to other devices are refused.
    pub hardware_bound_only: bool,
    /// What FIDO knows about models: who vouches for them, and which were broken.
    pub metadata: Option<Arc<Metadata>>,
}

impl Policy {
    /// Whether the policy lets this credential be used.
    ///
    /// # Errors
    ///
    /// Which rule forbids it.
    pub fn permits(&self, credential: &Credential) -> Result<(), Refusal> {
        let aaguid = credential.aaguid;
        if self.deny.contains(&aaguid) {
            return Err(Refusal::ModelForbidden);
        }
        if let Some(status) = self.metadata.as_ref().and_then(|metadata| metadata.broken(aaguid)) {
            return Err(Refusal::ModelBroken(status.to_owned()));
        }
        if !self.allow.is_empty() {
            if !matches!(credential.attestation, Attestation::Verified(_)) {
                return Err(Refusal::ModelUnproven);
            }
            if !self.allow.contains(&aaguid) {
                return Err(Refusal::ModelForbidden);
            }
        }
        if self.hardware_bound_only && credential.backup_eligible {
            return Err(Refusal::Synced);
        }
        Ok(())
    }
}
