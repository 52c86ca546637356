//! What a browser answers, as its `toJSON()` gives it: parsed in shape here, judged by the ceremonies.

use std::fmt;

use serde::Deserialize;

use crate::base64;
use crate::options::{Attachment, Transport};

/// How many bytes of JSON a response may have. The largest attestation objects (a TPM's, with its certificates) have
/// some ten thousand.
const MAX_JSON: usize = 64 * 1024;

/// How long a credential id may be ([§7.1](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential), step 26).
pub(crate) const MAX_CREDENTIAL_ID: usize = 1023;

/// How long a user handle may be ([§5.4.3](https://www.w3.org/TR/webauthn-3/#dom-publickeycredentialuserentity-id)).
pub(crate) const MAX_USER_HANDLE: usize = 64;

/// A response whose JSON is not of the standard's shape: what is wrong, and never what stood there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a response of a browser: {0}")]
pub struct Unreadable(String);

/// `RegistrationResponseJSON` ([§5.1](https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson)).
#[derive(Clone)]
pub struct RegistrationResponse {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) attestation_object: Vec<u8>,
    pub(crate) transports: Vec<Transport>,
    /// What `credProps` said about the credential's being discoverable.
    pub(crate) discoverable: Option<bool>,
    pub(crate) attachment: Option<Attachment>,
}

/// `AuthenticationResponseJSON` ([§5.1](https://www.w3.org/TR/webauthn-3/#dictdef-authenticationresponsejson)).
#[derive(Clone)]
pub struct AuthenticationResponse {
    pub(crate) id: Vec<u8>,
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) user_handle: Option<Vec<u8>>,
}

impl RegistrationResponse {
    /// Reads what `PublicKeyCredential.toJSON()` gave. Members that are unknown are passed over, as the standard wants
    /// ([§5.1](https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-tojson)).
    ///
    /// # Errors
    ///
    /// For JSON of another shape, bytes that are not base64url, and sizes that no authenticator makes.
    pub fn parse(json: &str) -> Result<RegistrationResponse, Unreadable> {
        let envelope: Envelope<Attested> = read(json)?;
        let id = envelope.id()?;
        let Attested { client_data_json, attestation_object, transports } = envelope.response;
        let transports = transports.unwrap_or_default();
        Ok(RegistrationResponse {
            id,
            client_data: client_data_json,
            attestation_object,
            transports: {
                let mut known: Vec<Transport> = transports.iter().filter_map(|t| Transport::parse(t)).collect();
                known.sort_unstable();
                known.dedup();
                known
            },
            discoverable: envelope.client_extension_results.cred_props.and_then(|properties| properties.rk),
            attachment: match envelope.authenticator_attachment.as_deref() {
                Some("platform") => Some(Attachment::Platform),
                Some("cross-platform") => Some(Attachment::CrossPlatform),
                _ => None,
            },
        })
    }

    /// The id under which the credential would be kept: to see whether somebody has it already.
    pub fn credential_id(&self) -> &[u8] {
        &self.id
    }
}

impl AuthenticationResponse {
    /// Reads what `PublicKeyCredential.toJSON()` gave; see [`RegistrationResponse::parse`].
    ///
    /// # Errors
    ///
    /// For JSON of another shape, bytes that are not base64url, and sizes that no authenticator makes.
    pub fn parse(json: &str) -> Result<AuthenticationResponse, Unreadable> {
        let envelope: Envelope<Asserted> = read(json)?;
        let id = envelope.id()?;
        let Asserted { client_data_json, authenticator_data, signature, user_handle } = envelope.response;
        // Some authenticators say "nobody" where they mean "not told".
        let user_handle = user_handle.filter(|handle| !handle.is_empty());
        if user_handle.as_ref().is_some_and(|handle| handle.len() > MAX_USER_HANDLE) {
            return Err(Unreadable("userHandle is too long".to_owned()));
        }
        Ok(AuthenticationResponse { id, client_data: client_data_json, authenticator_data, signature, user_handle })
    }

    /// The id of the credential that answered: to look it up.
    pub fn credential_id(&self) -> &[u8] {
        &self.id
    }

    /// Whose credential it says it is: to look the user up who was not known when the ceremony began.
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.user_handle.as_deref()
    }
}

impl fmt::Debug for RegistrationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationResponse").field("id", &base64::encode(&self.id)).finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthenticationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationResponse").field("id", &base64::encode(&self.id)).finish_non_exhaustive()
    }
}

/// What the two responses have in common: `PublicKeyCredential`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<R> {
    id: String,
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: R,
    #[serde(default)]
    authenticator_attachment: Option<String>,
    #[serde(default)]
    client_extension_results: ExtensionResults,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attested {
    #[serde(rename = "clientDataJSON", with = "base64")]
    client_data_json: Vec<u8>,
    #[serde(with = "base64")]
    attestation_object: Vec<u8>,
    #[serde(default)]
    transports: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asserted {
    #[serde(rename = "clientDataJSON", with = "base64")]
    client_data_json: Vec<u8>,
    #[serde(with = "base64")]
    authenticator_data: Vec<u8>,
    #[serde(with = "base64")]
    signature: Vec<u8>,
    #[serde(default, with = "base64::option")]
    user_handle: Option<Vec<u8>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ExtensionResults {
    #[serde(default)]
    cred_props: Option<CredentialProperties>,
}

#[derive(Deserialize)]
struct CredentialProperties {
    #[serde(default)]
    rk: Option<bool>,
}

impl<R> Envelope<R> {
    /// The credential's id, which stands there twice.
    fn id(&self) -> Result<Vec<u8>, Unreadable> {
        let wrong = |what: &str| Err(Unreadable(what.to_owned()));
        if self.kind != "public-key" {
            return wrong("type is not public-key");
        }
        if self.id != self.raw_id {
            return wrong("id and rawId differ");
        }
        match base64::decode(&self.raw_id) {
            None => wrong("id is not base64url without padding"),
            Some(id) if id.is_empty() || id.len() > MAX_CREDENTIAL_ID => wrong("id is of no length that ids have"),
            Some(id) => Ok(id),
        }
    }
}

fn read<'a, R: Deserialize<'a>>(json: &'a str) -> Result<Envelope<R>, Unreadable> {
    if json.len() > MAX_JSON {
        return Err(Unreadable("too long".to_owned()));
    }
    // What serde says of a wrong value may repeat it; what kind of fault it is does not.
    serde_json::from_str(json).map_err(|error| {
        let at = format!("line {} column {}", error.line(), error.column());
        Unreadable(match error.classify() {
            serde_json::error::Category::Data => format!("a member is missing or of the wrong kind, near {at}"),
            _ => format!("no JSON, near {at}"),
        })
    })
}
