//! What is kept of an authenticator.

use serde::{Deserialize, Serialize};

use crate::options::{Descriptor, Transport};
use crate::{Aaguid, Attestation, Authenticated, base64};

/// A credential record ([§4](https://www.w3.org/TR/webauthn-3/#credential-record)): what is kept of an authenticator
/// from its registration on. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The id under which the authenticator finds the key.
    #[serde(with = "base64")]
    pub id: Vec<u8>,
    /// The relying party for which it was registered, and alone can be used.
    pub rp_id: String,
    /// The public key, a COSE key.
    #[serde(with = "base64")]
    pub public_key: Vec<u8>,
    /// The signature counter at the last use; 0 for authenticators that count nothing.
    pub counter: u32,
    /// The model, as the authenticator says; whether that is proven, `attestation` tells.
    pub aaguid: Aaguid,
    /// How the authenticator may be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<Transport>,
    /// Whether its user was verified at registration.
    pub user_verified: bool,
    /// Whether the key can be copied to other devices: a passkey that is synced, or could be.
    pub backup_eligible: bool,
    /// Whether it is known to be copied, as of the last use.
    pub backed_up: bool,
    /// Whether it is found without its id; `None` where the browser did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discoverable: Option<bool>,
    /// Who vouches for the model.
    pub attestation: Attestation,
}

impl Credential {
    /// How a browser looks for it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.id.clone(), self.transports.clone())
    }

    /// The credential after it was used.
    #[must_use]
    pub fn after(&self, use_of_it: &Authenticated) -> Credential {
        Credential { counter: use_of_it.counter, backed_up: use_of_it.backed_up, ..self.clone() }
    }
}
