//! Who vouches for an authenticator's model ([§8](https://www.w3.org/TR/webauthn-3/#sctn-defined-attestation-formats)).

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_cbor_2::Value;
use webauthn_rs_core::attestation::verify_attestation_ca_chain;
use webauthn_rs_core::proto::{
    AttestationCaListBuilder, AuthenticatorAttestationResponseRaw, ParsedAttestationData, RegisterPublicKeyCredential,
    RegistrationState,
};

use crate::authenticator_data::AuthenticatorData;
use crate::metadata::Model;
use crate::options::UserVerification;
use crate::public_key::{Algorithm, PublicKey};
use crate::registration::AttestationObject;
use crate::relying_party::Id;
use crate::{Metadata, Refusal, Registration, RegistrationResponse, base64};

/// Who vouches for an authenticator's model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attestation {
    /// Nobody.
    None,
    /// The credential's own key, which proves no model.
    #[serde(rename = "self")]
    SelfSigned,
    /// A certificate about whose issuer nothing is known here.
    Unknown,
    /// The maker, by a certificate that FIDO's metadata lists; the model as it is called there.
    Verified(String),
}

/// A statement with what it is about.
pub(crate) struct Statement<'a> {
    pub(crate) object: &'a AttestationObject,
    pub(crate) data: &'a AuthenticatorData<'a>,
    pub(crate) public_key: &'a PublicKey,
    /// The hash of the client data.
    pub(crate) hash: &'a [u8],
}

/// Steps 21 to 25 of a registration: whether the statement holds, and who vouches for it.
pub(crate) fn judge(
    statement: &Statement<'_>,
    state: &Registration,
    response: &RegistrationResponse,
    id: &Id,
    metadata: Option<&Metadata>,
    now: SystemTime,
) -> Result<Attestation, Refusal> {
    let members = statement.object.statement().ok_or(Refusal::AttestationObject)?;
    let leaf = certificate(members);
    let ours = match (statement.object.format(), leaf) {
        ("none", _) if members.is_empty() => Attestation::None,
        ("none", _) => return Err(Refusal::AttestationStatement),
        ("packed", None) => statement.self_signed(members)?,
        // The library goes by the certificate's key, and does not look at what the statement says it was signed with.
        ("packed", Some(_)) if !names_algorithm(members) => return Err(Refusal::AttestationStatement),
        _ => Attestation::Unknown,
    };
    // What the library knows nothing of was judged above, or cannot be.
    if statement.public_key.algorithm() == Algorithm::EdDsa {
        return if ours == Attestation::Unknown { Err(Refusal::AttestationStatement) } else { Ok(ours) };
    }
    let theirs = library(state, response, id)?;
    let (Attestation::Unknown, Some(leaf)) = (&ours, leaf) else { return Ok(ours) };

    let aaguid = statement.data.credential.as_ref().map(|credential| credential.aaguid);
    let Some(model) = aaguid.and_then(|aaguid| metadata?.model(aaguid)) else { return Ok(Attestation::Unknown) };
    // A model whose makers are known, with a certificate of somebody else: not that model.
    if vouched(leaf, &theirs, model, now) {
        Ok(Attestation::Verified(model.description.clone()))
    } else {
        Err(Refusal::AttestationStatement)
    }
}

impl Statement<'_> {
    /// [§8.2](https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation), self attestation.
    fn self_signed(&self, members: &BTreeMap<Value, Value>) -> Result<Attestation, Refusal> {
        let member = |name: &str| members.get(&Value::Text(name.to_owned()));
        // Validate that alg matches the algorithm of the credentialPublicKey in authenticatorData.
        let number = i128::from(self.public_key.algorithm().number());
        let (Some(Value::Integer(alg)), Some(Value::Bytes(signature))) = (member("alg"), member("sig")) else {
            return Err(Refusal::AttestationStatement);
        };
        if *alg != number || members.len() != 2 {
            return Err(Refusal::AttestationStatement);
        }
        // Verify that sig is a valid signature over the concatenation of authenticatorData and clientDataHash.
        let message = [self.object.authenticator_data(), self.hash].concat();
        self.public_key.verify(&message, signature).map_err(|_| Refusal::AttestationStatement)?;
        Ok(Attestation::SelfSigned)
    }
}

/// Whether a statement says that it was signed with something that is known here.
fn names_algorithm(members: &BTreeMap<Value, Value>) -> bool {
    let known = [Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256];
    let named = members.get(&Value::Text("alg".to_owned()));
    known.iter().any(|algorithm| named == Some(&Value::Integer(i128::from(algorithm.number()))))
}

/// The first of the certificates in a statement: the authenticator's own.
fn certificate(members: &BTreeMap<Value, Value>) -> Option<&[u8]> {
    match members.get(&Value::Text("x5c".to_owned())) {
        Some(Value::Array(chain)) => match chain.first() {
            Some(Value::Bytes(leaf)) => Some(leaf),
            _ => None,
        },
        _ => None,
    }
}

/// The library's judgement of the whole registration, for what its statement conveys.
fn library(state: &Registration, response: &RegistrationResponse, id: &Id) -> Result<ParsedAttestationData, Refusal> {
    let registration = RegisterPublicKeyCredential {
        id: base64::encode(&response.id),
        raw_id: response.id.clone(),
        response: AuthenticatorAttestationResponseRaw {
            attestation_object: response.attestation_object.clone(),
            client_data_json: response.client_data.clone(),
            transports: None,
        },
        type_: "public-key".to_owned(),
        extensions: webauthn_rs_core::proto::RegistrationExtensionsClientOutputs::default(),
    };
    let state = library_state(state).ok_or(Refusal::AttestationStatement)?;
    let registered = id.library.register_credential(&registration, &state, None);
    registered.map(|credential| credential.attestation.data).map_err(|_| Refusal::AttestationStatement)
}

/// The state that the library would have kept. It has no other door for a challenge that was handed in; what it writes
/// it also reads, and a test holds that the members are still these.
pub(crate) fn library_state(state: &Registration) -> Option<RegistrationState> {
    let algorithms: Vec<&str> = state.offered.iter().filter_map(|algorithm| library_name(*algorithm)).collect();
    let json = serde_json::json!({
        "policy": match state.user_verification {
            UserVerification::Required => "required",
            UserVerification::Preferred => "preferred",
            UserVerification::Discouraged => "discouraged",
        },
        "exclude_credentials": state.excluded,
        "challenge": base64::encode(&state.challenge),
        "credential_algorithms": algorithms,
        "require_resident_key": false,
        "authenticator_attachment": null,
        "extensions": { "credProps": true },
        "allow_synchronised_authenticators": true,
    });
    serde_json::from_value(json).ok()
}

fn library_name(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Es256 => Some("ES256"),
        Algorithm::Es384 => Some("ES384"),
        Algorithm::Rs256 => Some("RS256"),
        // It has the name, and no signatures of it.
        Algorithm::EdDsa => None,
    }
}

/// Whether one of the model's roots vouches for the certificate. A root may be the certificate itself.
fn vouched(leaf: &[u8], data: &ParsedAttestationData, model: &Model, now: SystemTime) -> bool {
    model.roots.iter().any(|root| {
        root == leaf || {
            // One at a time: among several, the library tries the first of the issuer's name alone.
            let mut list = AttestationCaListBuilder::new();
            let known = list.insert_device_der(root, model.aaguid.uuid(), model.description.clone(), BTreeMap::new());
            known.is_ok() && matches!(verify_attestation_ca_chain(data, &list.build(), now), Ok(Some(_)))
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use webauthn_rs_core::WebauthnCore;

    use super::*;
    use crate::{Algorithm, ResidentKey};

    #[test]
    fn the_librarys_state_has_the_members_that_the_library_writes() {
        let library = WebauthnCore::new_unsafe_experts_only(
            "n",
            "example.org",
            vec![url::Url::parse("https://example.org").unwrap()],
            std::time::Duration::from_mins(1),
            None,
            None,
        );
        let builder = library.new_challenge_register_builder(&[1; 16], "ana", "Ana").unwrap();
        let (_, theirs) = library.generate_challenge_register(builder).unwrap();
        let ours = Registration {
            challenge: [7; 32],
            rp_id: "example.org".to_owned(),
            user_verification: UserVerification::Required,
            offered: vec![Algorithm::Es256, Algorithm::EdDsa, Algorithm::Es384, Algorithm::Rs256],
            resident_key: ResidentKey::Preferred,
            excluded: vec!["AQID".to_owned()],
        };
        let ours = library_state(&ours).unwrap();
        let members = |state: &RegistrationState| match serde_json::to_value(state).unwrap() {
            Value::Object(members) => members,
            other => panic!("{other}"),
        };
        let (theirs, ours) = (members(&theirs), members(&ours));
        assert_eq!(theirs.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
        assert_eq!(ours["challenge"], base64::encode(&[7; 32]));
        assert_eq!(ours["exclude_credentials"], serde_json::json!(["AQID"]));
        assert_eq!(ours["credential_algorithms"], serde_json::json!(["ES256", "ES384", "RS256"]));
        assert_eq!(ours["policy"], "required");
    }
}
