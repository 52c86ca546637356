//! Registering a new credential ([§7.1](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential)).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_cbor_2::Value;

use crate::attestation::{self, Statement};
use crate::authenticator_data::AuthenticatorData;
use crate::client_data::{self, Ceremony};
use crate::options::{self, Attachment, CreationOptions, Hint, Parameters, ResidentKey, Selection, UserVerification};
use crate::public_key::{Algorithm, PublicKey};
use crate::{
    Attestation, Challenge, Conveyance, Credential, Policy, Refusal, RegistrationResponse, RelyingParty, UserHandle,
    base64,
};

/// Who registers an authenticator.
#[derive(Debug, Clone)]
pub struct Account {
    /// What stands for the user in authenticators: an id that says nothing about them, never a name
    /// ([§14.6.1](https://www.w3.org/TR/webauthn-3/#sctn-user-handle-privacy)).
    pub handle: UserHandle,
    /// By what the account is told apart: `ana@example.org`.
    pub name: String,
    /// How the person is called: `Ana Marić`.
    pub display_name: String,
}

/// Which authenticator is wished for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Where it should be.
    pub attachment: Option<Attachment>,
    /// Whether the credential should be found without its id.
    pub resident_key: ResidentKey,
    /// What the page should speak of first.
    pub hints: Vec<Hint>,
}

/// The state of a registration between its halves: kept by the server, used once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    #[serde(with = "base64")]
    pub(crate) challenge: Challenge,
    pub(crate) rp_id: String,
    pub(crate) user_verification: UserVerification,
    pub(crate) offered: Vec<Algorithm>,
    pub(crate) resident_key: ResidentKey,
    /// The ids of what the user has already.
    pub(crate) excluded: Vec<String>,
}

/// What came of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// What is kept.
    pub credential: Credential,
    /// Where the browser says the authenticator is.
    pub attachment: Option<Attachment>,
    /// The kind of its key.
    pub algorithm: Algorithm,
}

impl RelyingParty {
    /// Begins a registration: what the browser is handed, and what is kept until it answers.
    ///
    /// `known` are the credentials that the user has: their authenticators are asked not to register once more.
    /// `lifetime` is how long the browser should wait.
    pub fn begin_registration(
        &self,
        challenge: Challenge,
        account: Account,
        wishes: Wishes,
        known: &[Credential],
        lifetime: Duration,
    ) -> (CreationOptions, Registration) {
        let offered = offered(&self.policy);
        let user_verification = self.policy.user_verification;
        let state = Registration {
            challenge,
            rp_id: self.id().to_owned(),
            user_verification,
            offered: offered.clone(),
            resident_key: wishes.resident_key,
            excluded: known.iter().map(|credential| base64::encode(&credential.id)).collect(),
        };
        let options = CreationOptions {
            rp: options::Rp { id: self.id().to_owned(), name: self.name.clone() },
            user: options::User { id: account.handle.to_vec(), name: account.name, display_name: account.display_name },
            challenge,
            pub_key_cred_params: offered
                .iter()
                .map(|algorithm| Parameters { kind: "public-key", alg: algorithm.number() })
                .collect(),
            timeout: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX),
            exclude_credentials: known.iter().map(Credential::descriptor).collect(),
            authenticator_selection: Selection {
                authenticator_attachment: wishes.attachment,
                resident_key: wishes.resident_key,
                require_resident_key: wishes.resident_key == ResidentKey::Required,
                user_verification,
            },
            hints: wishes.hints,
            attestation: match self.policy.attestation {
                Conveyance::None => "none",
                Conveyance::Direct => "direct",
            },
            extensions: options::RegistrationExtensions { cred_props: true },
        };
        (options, state)
    }

    /// Ends a registration: judges what the browser answered.
    ///
    /// Whether another user has a credential of this id is for whoever keeps them (step 27): ids are unique among all.
    ///
    /// # Errors
    ///
    /// Why it does not count.
    pub fn finish_registration(
        &self,
        state: &Registration,
        response: &RegistrationResponse,
        now: SystemTime,
    ) -> Result<Registered, Refusal> {
        // 5–12: the client data.
        client_data::check(&response.client_data, Ceremony::Create, &state.challenge, self)?;
        // 13: Let hash be the result of computing a hash over response.clientDataJSON using SHA-256.
        let client_data_hash = digest::digest(&digest::SHA256, &response.client_data);

        // 14: Perform CBOR decoding on the attestationObject.
        let object = AttestationObject::parse(&response.attestation_object)?;
        let data = AuthenticatorData::parse(object.authenticator_data())?;

        // 15–19: relying party, user presence, user verification, backup flags.
        let id = self.known(&state.rp_id).ok_or(Refusal::RelyingParty)?;
        data.check(&id.hash, state.user_verification)?;
        let attested = data.credential.as_ref().ok_or(Refusal::AttestationObject)?;

        // 20: Verify that the "alg" parameter in the credential public key matches one of options.pubKeyCredParams.
        let public_key = PublicKey::parse(attested.public_key)?;
        let algorithm = public_key.algorithm();
        if !state.offered.contains(&algorithm) {
            return Err(Refusal::Algorithm);
        }
        public_key.check()?;

        // Not a step, as authenticators are asked to see to it: what the user has is not registered once more.
        if attested.id != response.id {
            return Err(Refusal::CredentialId);
        }
        if state.excluded.contains(&base64::encode(&response.id)) {
            return Err(Refusal::Excluded);
        }

        // 21–25: the attestation statement, and who vouches for it.
        let statement =
            Statement { object: &object, data: &data, public_key: &public_key, hash: client_data_hash.as_ref() };
        let attestation = attestation::judge(&statement, state, response, id, self.policy.metadata.as_deref(), now)?;

        // 26 was taken with the authenticator data. 27 is for whoever keeps credentials. 28, 29: what is kept.
        let credential = Credential {
            id: response.id.clone(),
            rp_id: state.rp_id.clone(),
            public_key: attested.public_key.to_vec(),
            counter: data.counter,
            aaguid: attested.aaguid,
            transports: response.transports.clone(),
            user_verified: data.user_verified(),
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
            discoverable: match state.resident_key {
                ResidentKey::Required => Some(true),
                _ => response.discoverable,
            },
            attestation,
        };
        self.policy.permits(&credential)?;
        Ok(Registered { credential, attachment: response.attachment, algorithm })
    }
}

impl Registered {
    /// Who vouches for the authenticator's model.
    pub fn attestation(&self) -> &Attestation {
        &self.credential.attestation
    }
}

/// The kinds of keys that are asked for, the best first. What the library cannot check the statement of is not asked
/// for where statements are.
fn offered(policy: &Policy) -> Vec<Algorithm> {
    match policy.attestation {
        Conveyance::None => vec![Algorithm::Es256, Algorithm::EdDsa, Algorithm::Es384, Algorithm::Rs256],
        Conveyance::Direct => vec![Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256],
    }
}

/// An attestation object ([§6.5.4](https://www.w3.org/TR/webauthn-3/#sctn-generating-an-attestation-object)).
pub(crate) struct AttestationObject {
    map: BTreeMap<Value, Value>,
}

impl AttestationObject {
    fn parse(bytes: &[u8]) -> Result<AttestationObject, Refusal> {
        let Ok(Value::Map(map)) = serde_cbor_2::from_slice(bytes) else { return Err(Refusal::AttestationObject) };
        let object = AttestationObject { map };
        let whole = object.text("fmt").is_some() && object.statement().is_some() && object.bytes("authData").is_some();
        if whole { Ok(object) } else { Err(Refusal::AttestationObject) }
    }

    /// Its format.
    pub(crate) fn format(&self) -> &str {
        self.text("fmt").unwrap_or_default()
    }

    /// The statement's members.
    pub(crate) fn statement(&self) -> Option<&BTreeMap<Value, Value>> {
        match self.map.get(&Value::Text("attStmt".to_owned())) {
            Some(Value::Map(statement)) => Some(statement),
            _ => None,
        }
    }

    /// The authenticator data, to the byte.
    pub(crate) fn authenticator_data(&self) -> &[u8] {
        self.bytes("authData").unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.map.get(&Value::Text(name.to_owned())) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.map.get(&Value::Text(name.to_owned())) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }
}
