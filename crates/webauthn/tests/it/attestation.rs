//! Who vouches for a model: statements with certificates, FIDO's metadata, lists of models.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};
use software_authenticator::{Authenticator, Kind, Lies, Statement};
use webauthn::{Aaguid, Attestation, Conveyance, Metadata, MetadataError, MetadataRoot, Policy, Refusal};

use crate::{ORIGIN, authenticate, now, party, register};

const MODEL: [u8; 16] = *b"software-key-001";

/// A maker of authenticators: a root, and a certificate with its key for one model.
struct Maker {
    root: Certificate,
    leaf: Certificate,
    key: KeyPair,
}

impl Maker {
    fn of(model: [u8; 16]) -> Maker {
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.distinguished_name = named("Maker's Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root_certificate = root.self_signed(&root_key).unwrap();
        let issuer = Issuer::from_params(&root, &root_key);

        // §8.2.1: who the maker is, that it is about an authenticator, and of which model.
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = named("Software Key");
        leaf.distinguished_name.push(DnType::CountryName, "DE");
        leaf.distinguished_name.push(DnType::OrganizationName, "Makers");
        leaf.distinguished_name.push(DnType::OrganizationalUnitName, "Authenticator Attestation");
        leaf.is_ca = IsCa::ExplicitNoCa;
        let model = [&[4, 16][..], &model].concat();
        leaf.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4], model)];
        let key = KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        Maker { root: root_certificate, leaf, key }
    }

    fn authenticator(&self) -> Authenticator {
        let chain = vec![self.leaf.der().to_vec()];
        let statement = Statement::Certified { chain, key: self.key.serialize_der() };
        Authenticator { statement, ..Authenticator::security_key() }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// Someone who publishes metadata.
struct Publisher {
    root: Certificate,
    leaf: Certificate,
    key: KeyPair,
}

impl Publisher {
    fn new(name: &str) -> Publisher {
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.distinguished_name = named("Publisher's Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_certificate = root.self_signed(&root_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&root, &root_key)).unwrap();
        Publisher { root: root_certificate, leaf, key }
    }

    fn blob(&self, payload: &Value) -> Vec<u8> {
        let header = json!({ "alg": "ES256", "typ": "JWT", "x5c": [BASE64.encode(self.leaf.der())] });
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(payload));
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.key.serialize_der()).unwrap();
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref())).into_bytes()
    }

    fn read(&self, payload: &Value) -> Result<Metadata, MetadataError> {
        Metadata::read(&self.blob(payload), MetadataRoot::Own(self.root.der()), now())
    }
}

fn payload(model: [u8; 16], roots: &[&Certificate], statuses: &[&str]) -> Value {
    let roots: Vec<String> = roots.iter().map(|root| BASE64.encode(root.der())).collect();
    let reports: Vec<Value> = statuses.iter().map(|status| json!({ "status": status })).collect();
    json!({
        "legalHeader": "…", "no": 42, "nextUpdate": "2026-06-01",
        "entries": [
            { "aaid": "1234#5678", "statusReports": [], "timeOfLastStatusChange": "2020-01-01" },
            {
                "aaguid": Aaguid::from_bytes(model).to_string(),
                "metadataStatement": { "description": "Software Key", "attestationRootCertificates": roots },
                "statusReports": reports,
                "timeOfLastStatusChange": "2020-01-01",
            },
        ],
    })
}

fn knowing(metadata: Metadata) -> Policy {
    Policy { attestation: Conveyance::Direct, metadata: Some(Arc::new(metadata)), ..Policy::default() }
}

fn metadata_of(maker: &Maker) -> Metadata {
    // With a root of the same name before it, as makers have who made a new one.
    let others = Maker::of(MODEL);
    let payload = payload(MODEL, &[&others.root, &maker.root], &["FIDO_CERTIFIED_L1"]);
    Publisher::new("mds.example").read(&payload).unwrap()
}

#[test]
fn the_maker_vouches_for_its_model() {
    let maker = Maker::of(MODEL);
    let metadata = metadata_of(&maker);
    assert_eq!((metadata.number(), metadata.next_update(), metadata.len()), (42, "2026-06-01", 1));
    let party = party(knowing(metadata));
    let mut key = maker.authenticator();
    let done = register(&party, &mut key, ORIGIN, &Lies::default()).unwrap();
    assert_eq!(*done.attestation(), Attestation::Verified("Software Key".to_owned()));
    authenticate(&party, &mut key, &done.credential, &Lies::default()).unwrap();
}

#[test]
fn a_root_may_be_the_certificate_itself() {
    let maker = Maker::of(MODEL);
    let others = Maker::of(MODEL);
    let payload = payload(MODEL, &[&others.root, &maker.leaf], &[]);
    let metadata = Publisher::new("mds.example").read(&payload).unwrap();
    let done = register(&party(knowing(metadata)), &mut maker.authenticator(), ORIGIN, &Lies::default()).unwrap();
    assert_eq!(*done.attestation(), Attestation::Verified("Software Key".to_owned()));
}

#[test]
fn a_certificate_of_nobody_known_proves_nothing() {
    let maker = Maker::of(MODEL);
    let done = register(&party(Policy::default()), &mut maker.authenticator(), ORIGIN, &Lies::default()).unwrap();
    assert_eq!(*done.attestation(), Attestation::Unknown);
}

#[test]
fn t32_a_known_model_with_a_certificate_of_somebody_else_is_refused() {
    let party = party(knowing(metadata_of(&Maker::of(MODEL))));
    let done = register(&party, &mut Maker::of(MODEL).authenticator(), ORIGIN, &Lies::default());
    assert_eq!(done.map(drop), Err(Refusal::AttestationStatement));
}

#[test]
fn t32_a_certificate_of_another_model_is_refused() {
    let maker = Maker::of(*b"another model!!!");
    let done = register(&party(Policy::default()), &mut maker.authenticator(), ORIGIN, &Lies::default());
    assert_eq!(done.map(drop), Err(Refusal::AttestationStatement));
}

#[test]
fn t32_a_makers_statement_with_any_field_wrong_is_refused() {
    let maker = Maker::of(MODEL);
    let party = party(knowing(metadata_of(&maker)));
    for lies in [
        Lies { statement_signature: Some(vec![]), ..Lies::default() },
        Lies { statement_signature: Some(vec![1; 70]), ..Lies::default() },
        Lies { statement_alg: Some(-65535), ..Lies::default() },
        Lies { format: Some("fido-u2f".to_owned()), ..Lies::default() },
        Lies { format: Some("tpm".to_owned()), ..Lies::default() },
        Lies { format: Some("none".to_owned()), ..Lies::default() },
    ] {
        let done = register(&party, &mut maker.authenticator(), ORIGIN, &lies);
        assert_eq!(done.map(drop), Err(Refusal::AttestationStatement), "{lies:?}");
    }
    // Signed with another key than the certificate's; with a certificate that is none; with an Ed25519 key, the
    // statement about which nothing here can check.
    let foreign =
        Statement::Certified { chain: vec![maker.leaf.der().to_vec()], key: Maker::of(MODEL).key.serialize_der() };
    let garbled = Statement::Certified { chain: vec![vec![0x30, 0]], key: maker.key.serialize_der() };
    for statement in [foreign, garbled] {
        let mut key = Authenticator { statement, ..Authenticator::security_key() };
        let done = register(&party, &mut key, ORIGIN, &Lies::default());
        assert_eq!(done.map(drop), Err(Refusal::AttestationStatement));
    }
    let mut key = Authenticator { kinds: vec![Kind::EdDsa], ..maker.authenticator() };
    let done = register(&crate::party(Policy::default()), &mut key, ORIGIN, &Lies::default());
    assert_eq!(done.map(drop), Err(Refusal::AttestationStatement));
}

#[test]
fn t32_only_models_that_are_allowed_and_proven_are_taken() {
    let maker = Maker::of(MODEL);
    let allow = |model: [u8; 16]| Policy { allow: [Aaguid::from_bytes(model)].into(), ..knowing(metadata_of(&maker)) };
    let allowing = party(allow(MODEL));
    register(&allowing, &mut maker.authenticator(), ORIGIN, &Lies::default()).unwrap();
    // The same model, as its owner says.
    for statement in [Statement::None, Statement::SelfSigned] {
        let mut key = Authenticator { statement, ..Authenticator::security_key() };
        let done = register(&allowing, &mut key, ORIGIN, &Lies::default());
        assert_eq!(done.map(drop), Err(Refusal::ModelUnproven));
    }
    let done = register(&party(allow([1; 16])), &mut maker.authenticator(), ORIGIN, &Lies::default());
    assert_eq!(done.map(drop), Err(Refusal::ModelForbidden));
}

#[test]
fn t32_models_that_are_denied_are_refused_from_then_on() {
    let lax = party(Policy::default());
    let strict = party(Policy { deny: [Aaguid::from_bytes(MODEL)].into(), ..Policy::default() });
    let mut key = Authenticator::security_key();
    let done = register(&strict, &mut key, ORIGIN, &Lies::default());
    assert_eq!(done.map(drop), Err(Refusal::ModelForbidden));
    let mut key = Authenticator::security_key();
    let credential = register(&lax, &mut key, ORIGIN, &Lies::default()).unwrap().credential;
    assert_eq!(strict.policy().permits(&credential), Err(Refusal::ModelForbidden));
}

#[test]
fn t32_models_that_were_broken_are_refused() {
    let maker = Maker::of(MODEL);
    for status in [
        "REVOKED",
        "USER_VERIFICATION_BYPASS",
        "ATTESTATION_KEY_COMPROMISE",
        "USER_KEY_REMOTE_COMPROMISE",
        "USER_KEY_PHYSICAL_COMPROMISE",
    ] {
        let payload = payload(MODEL, &[&maker.root], &["FIDO_CERTIFIED", status, "UPDATE_AVAILABLE"]);
        let party = party(knowing(Publisher::new("mds.example").read(&payload).unwrap()));
        // Proven or only said: an authenticator that was broken may say anything.
        for mut key in [maker.authenticator(), Authenticator::security_key()] {
            let done = register(&party, &mut key, ORIGIN, &Lies::default());
            assert_eq!(done.map(drop), Err(Refusal::ModelBroken(status.to_owned())));
        }
    }
}

#[test]
fn metadata_of_somebody_else_is_not_believed() {
    let (ours, theirs) = (Publisher::new("mds.example"), Publisher::new("mds.fidoalliance.org"));
    let payload = payload(MODEL, &[], &[]);
    let blob = ours.blob(&payload);
    assert!(matches!(
        Metadata::read(&blob, MetadataRoot::Own(theirs.root.der()), now()),
        Err(MetadataError::Signer(_))
    ));
    assert!(matches!(Metadata::read(&blob, MetadataRoot::Fido, now()), Err(MetadataError::Signer(_))));

    // Before its certificate and long after it; one bit of what is signed; no JWT at all.
    let at = |seconds: u64| std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for time in [at(0), at(200_000_000_000)] {
        let read = Metadata::read(&blob, MetadataRoot::Own(ours.root.der()), time);
        assert!(matches!(read, Err(MetadataError::Signer(_))));
    }
    let mut changed = blob.clone();
    let middle = blob.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    assert!(Metadata::read(&changed, MetadataRoot::Own(ours.root.der()), now()).is_err());
    for text in [&b""[..], b"a.b.c", b"..", b"e30.e30.e30", b"\xff"] {
        assert!(Metadata::read(text, MetadataRoot::Own(ours.root.der()), now()).is_err());
    }
}

#[test]
fn metadata_without_signature_or_by_an_algorithm_of_choice_is_not_believed() {
    let publisher = Publisher::new("mds.example");
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let certificate = BASE64.encode(publisher.leaf.der());
    for alg in ["none", "HS256", "RS256", "ES384", ""] {
        let header = json!({ "alg": alg, "x5c": [certificate] });
        for signature in ["", "AAAA"] {
            let blob = format!("{}.{}.{signature}", part(&header), part(&payload(MODEL, &[], &[])));
            let read = Metadata::read(blob.as_bytes(), MetadataRoot::Own(publisher.root.der()), now());
            assert!(read.is_err(), "{alg}");
        }
    }
}
