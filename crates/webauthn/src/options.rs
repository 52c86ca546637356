//! What a browser is handed, in the standard's JSON: `PublicKeyCredential.parseCreationOptionsFromJSON` and
//! `parseRequestOptionsFromJSON` read it.

use serde::{Deserialize, Serialize};

use crate::{Challenge, base64};

/// Whether an authenticator has to verify who uses it, by a PIN or biometrics
/// ([§5.8.6](https://www.w3.org/TR/webauthn-3/#enum-userVerificationRequirement)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserVerification {
    /// A response without it is refused.
    Required,
    /// It is asked for, and what happened is told.
    #[default]
    Preferred,
    /// It is not asked for: the authenticator is a second factor only.
    Discouraged,
}

/// Whether the credential can be found without its id, as passkeys are
/// ([§5.4.6](https://www.w3.org/TR/webauthn-3/#enum-residentKeyRequirement)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResidentKey {
    /// The authenticator has to be able to.
    Required,
    /// If the authenticator can.
    #[default]
    Preferred,
    /// Better not: a security key has room for few.
    Discouraged,
}

/// Where the authenticator is ([§5.4.5](https://www.w3.org/TR/webauthn-3/#enum-attachment)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// In the device itself.
    Platform,
    /// Something that is plugged in, held to it, or a phone beside it.
    CrossPlatform,
}

/// Which kind of authenticator the page should speak of first
/// ([§5.8.7](https://www.w3.org/TR/webauthn-3/#enum-hints)). A hint and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// A security key.
    SecurityKey,
    /// What is built into the device.
    ClientDevice,
    /// A phone beside it.
    Hybrid,
}

/// How a browser may reach an authenticator ([§5.8.4](https://www.w3.org/TR/webauthn-3/#enum-transport)). Told by the
/// browser at registration, handed back as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Plugged in.
    Usb,
    /// Held to it.
    Nfc,
    /// By Bluetooth.
    Ble,
    /// A card in a reader.
    SmartCard,
    /// A phone, by a code on the screen.
    Hybrid,
    /// Built in.
    Internal,
}

impl Transport {
    /// What a browser wrote; `None` for what came after this was written.
    pub(crate) fn parse(text: &str) -> Option<Transport> {
        Some(match text {
            "usb" => Transport::Usb,
            "nfc" => Transport::Nfc,
            "ble" => Transport::Ble,
            "smart-card" => Transport::SmartCard,
            "hybrid" => Transport::Hybrid,
            "internal" => Transport::Internal,
            _ => return None,
        })
    }
}

/// A credential as a browser looks for it ([§5.8.3](https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialdescriptorjson)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id.
    #[serde(with = "base64")]
    pub id: Vec<u8>,
    /// How it may be reached; empty where nobody knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<Transport>,
}

impl Descriptor {
    /// The descriptor of a credential.
    pub fn new(id: Vec<u8>, transports: Vec<Transport>) -> Descriptor {
        Descriptor { kind: "public-key", id, transports }
    }
}

/// `PublicKeyCredentialCreationOptionsJSON` ([§5.1.8](https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialcreationoptionsjson)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    pub(crate) rp: Rp,
    pub(crate) user: User,
    #[serde(with = "base64")]
    pub(crate) challenge: Challenge,
    pub(crate) pub_key_cred_params: Vec<Parameters>,
    pub(crate) timeout: u64,
    pub(crate) exclude_credentials: Vec<Descriptor>,
    pub(crate) authenticator_selection: Selection,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) hints: Vec<Hint>,
    pub(crate) attestation: &'static str,
    pub(crate) extensions: RegistrationExtensions,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rp {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    #[serde(with = "base64")]
    pub(crate) id: Vec<u8>,
    pub(crate) name: String,
    pub(crate) display_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Parameters {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) alg: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Selection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authenticator_attachment: Option<Attachment>,
    pub(crate) resident_key: ResidentKey,
    /// What browsers of Level 1 read instead.
    pub(crate) require_resident_key: bool,
    pub(crate) user_verification: UserVerification,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistrationExtensions {
    /// Asks whether the credential became discoverable.
    pub(crate) cred_props: bool,
}

/// `PublicKeyCredentialRequestOptionsJSON` ([§5.1.9](https://www.w3.org/TR/webauthn-3/#dictdef-publickeycredentialrequestoptionsjson)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    #[serde(with = "base64")]
    pub(crate) challenge: Challenge,
    pub(crate) timeout: u64,
    pub(crate) rp_id: String,
    pub(crate) allow_credentials: Vec<Descriptor>,
    pub(crate) user_verification: UserVerification,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) hints: Vec<Hint>,
}
