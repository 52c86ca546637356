//! Who we are to passkeys and security keys, as it is configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use webauthn::{
    Aaguid, Conveyance, Metadata, MetadataRoot, Policy, RelyingParty, Settings, UserVerification, id_and_origin,
};

use crate::StartError;

/// Who we are to passkeys and security keys, and what is asked of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Webauthn {
    /// The relying party ids, the one under which credentials are registered first. The domain of the public URL if not said.
    pub rp_ids: Vec<String>,
    /// The origins of the pages on which people use them. That of the public URL if not said.
    pub origins: Vec<String>,
    /// Whether they have to verify who uses them: `required`, `preferred` or `discouraged`.
    pub user_verification: Option<UserVerification>,
    /// Whether they are asked to prove their model: `none` or `direct`.
    pub attestation: Option<Conveyance>,
    /// The models that are allowed; all if not said.
    pub allow_aaguids: Vec<String>,
    /// The models that are not.
    pub deny_aaguids: Vec<String>,
    /// Whether keys that can be copied to other devices are refused.
    pub hardware_bound_only: bool,
    /// FIDO's metadata about models, as a file.
    pub mds_blob: Option<PathBuf>,
    /// The root that vouches for whoever signed it (DER), where that is not FIDO.
    pub mds_root: Option<PathBuf>,
}

/// A setting by the name that it has in the configuration, of those that the standard names.
pub fn webauthn_policy<T: for<'de> Deserialize<'de>>(name: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

impl Webauthn {
    /// The relying party that is described; `None` where nothing is said and the public URL is one at which browsers know no WebAuthn.
    pub(crate) fn relying_party(
        &self,
        public_url: &str,
        name: &str,
        now: SystemTime,
    ) -> Result<Option<RelyingParty>, StartError> {
        let (mut ids, mut origins) = (self.rp_ids.clone(), self.origins.clone());
        let own = origins.first().map_or_else(|| id_and_origin(public_url), |origin| id_and_origin(origin));
        match own {
            Some((id, origin)) => {
                if ids.is_empty() {
                    ids.push(id);
                }
                if origins.is_empty() {
                    origins.push(origin);
                }
            }
            None if ids.is_empty() && origins.is_empty() => return Ok(None),
            None => {}
        }
        let policy = Policy {
            user_verification: self.user_verification.unwrap_or_default(),
            attestation: self.attestation.unwrap_or_default(),
            allow: models(&self.allow_aaguids)?,
            deny: models(&self.deny_aaguids)?,
            hardware_bound_only: self.hardware_bound_only,
            metadata: self.metadata(now)?.map(Arc::new),
        };
        let party = RelyingParty::new(Settings { name: name.to_owned(), ids, origins, policy });
        party.map(Some).map_err(|error| StartError::Webauthn(error.to_string()))
    }

    fn metadata(&self, now: SystemTime) -> Result<Option<Metadata>, StartError> {
        let Some(path) = &self.mds_blob else { return Ok(None) };
        let root = self.mds_root.as_deref().map(read).transpose()?;
        let root = root.as_deref().map_or(MetadataRoot::Fido, MetadataRoot::Own);
        let metadata = Metadata::read(&read(path)?, root, now)
            .map_err(|error| StartError::Webauthn(format!("{}: {error}", path.display())))?;
        tracing::info!(
            number = metadata.number(),
            models = metadata.len(),
            next_update = metadata.next_update(),
            "FIDO's metadata is read"
        );
        Ok(Some(metadata))
    }
}

fn models(texts: &[String]) -> Result<std::collections::BTreeSet<Aaguid>, StartError> {
    let model = |text: &String| text.parse().map_err(|error| StartError::Webauthn(format!("`{text}`: {error}")));
    texts.iter().map(model).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    std::fs::read(path).map_err(|error| StartError::Webauthn(format!("{} cannot be read ({error})", path.display())))
}
