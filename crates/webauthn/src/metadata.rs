//! What FIDO knows about models of authenticators: its Metadata Service's BLOB
//! ([MDS 3.0](https://fidoalliance.org/specs/mds/fido-metadata-service-v3.0-ps-20210518.html)), read from a file.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::Deserialize;
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::Aaguid;

/// How large a BLOB may be. FIDO's has some six million bytes.
const MAX_BLOB: usize = 64 * 1024 * 1024;

/// FIDO's root: `GlobalSign Root CA - R3`, as it is named for the service. It vouches for half the web, so the name in
/// the certificate below it counts too.
const FIDO_ROOT: &[u8] = include_bytes!("globalsign-root-r3.der");

/// Whose certificate FIDO's BLOB is signed with.
const FIDO_NAME: &str = "mds.fidoalliance.org";

/// What an authenticator's model has to have been reported as for being refused (§3.1.4).
const BROKEN: [&str; 5] = [
    "REVOKED",
    "USER_VERIFICATION_BYPASS",
    "ATTESTATION_KEY_COMPROMISE",
    "USER_KEY_REMOTE_COMPROMISE",
    "USER_KEY_PHYSICAL_COMPROMISE",
];

/// By whom a BLOB has to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataRoot<'a> {
    /// FIDO, whose root is part of this program.
    Fido,
    /// Whoever holds a certificate that this one (DER) vouches for: for a BLOB of one's own.
    Own(&'a [u8]),
}

/// Why a BLOB is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// It is no BLOB.
    #[error("not a metadata BLOB of FIDO: {0}")]
    Malformed(&'static str),
    /// Its signer is not who it should be.
    #[error("the metadata is not signed by a certificate that its root vouches for at this time: {0}")]
    Signer(String),
    /// Its signature is wrong.
    #[error("the signature of the metadata is wrong")]
    Signature,
}

/// What is known about models, by AAGUID.
#[derive(Clone)]
pub struct Metadata {
    number: u64,
    next_update: String,
    models: BTreeMap<Aaguid, Model>,
}

/// What is known about one model.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) aaguid: Aaguid,
    /// What it is called.
    pub(crate) description: String,
    /// The certificates (DER) that vouch for it.
    pub(crate) roots: Vec<Vec<u8>>,
    /// As what it was reported, if that means that it is not to be used.
    broken: Option<String>,
}

impl Metadata {
    /// Reads a BLOB, and checks who signed it, without asking anybody.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(blob: &[u8], root: MetadataRoot<'_>, now: SystemTime) -> Result<Metadata, MetadataError> {
        if blob.len() > MAX_BLOB {
            return Err(MetadataError::Malformed("too long"));
        }
        let text = std::str::from_utf8(blob).map_err(|_| MetadataError::Malformed("no text"))?.trim();
        let (signed, signature) = text.rsplit_once('.').ok_or(MetadataError::Malformed("no JWT"))?;
        let (header, payload) = signed.split_once('.').ok_or(MetadataError::Malformed("no JWT"))?;
        let header: Header = part(header)?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| MetadataError::Signature)?;
        header.check(signed.as_bytes(), &signature, root, now)?;
        let payload: Payload = part(payload)?;
        Ok(Metadata {
            number: payload.no,
            next_update: payload.next_update,
            models: payload.entries.into_iter().filter_map(Entry::model).map(|model| (model.aaguid, model)).collect(),
        })
    }

    /// The BLOB's number, which grows with each that is published.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The day from which on there is a newer one, as `YYYY-MM-DD`.
    pub fn next_update(&self) -> &str {
        &self.next_update
    }

    /// How many models are known by their AAGUID.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether no model is known.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// What a model is called.
    pub fn description(&self, aaguid: Aaguid) -> Option<&str> {
        self.models.get(&aaguid).map(|model| model.description.as_str())
    }

    /// As what a model was reported, if that means that it is not to be used.
    pub fn broken(&self, aaguid: Aaguid) -> Option<&str> {
        self.models.get(&aaguid)?.broken.as_deref()
    }

    pub(crate) fn model(&self, aaguid: Aaguid) -> Option<&Model> {
        self.models.get(&aaguid)
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").field("number", &self.number).field("models", &self.len()).finish_non_exhaustive()
    }
}

/// The header of a JWS (RFC 7515 §4.1). Where certificates could be had from elsewhere (`x5u`) is not read.
#[derive(Deserialize)]
struct Header {
    alg: String,
    x5c: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    no: u64,
    next_update: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    aaguid: Option<String>,
    #[serde(default)]
    metadata_statement: Option<MetadataStatement>,
    #[serde(default)]
    status_reports: Vec<StatusReport>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataStatement {
    #[serde(default)]
    description: String,
    #[serde(default)]
    attestation_root_certificates: Vec<String>,
}

#[derive(Deserialize)]
struct StatusReport {
    status: String,
}

impl Header {
    /// Checks the signature, and that the root vouches for whoever made it (§3.2).
    fn check(
        &self,
        signed: &[u8],
        signature: &[u8],
        root: MetadataRoot<'_>,
        now: SystemTime,
    ) -> Result<(), MetadataError> {
        let chain: Option<Vec<CertificateDer<'_>>> = self.x5c.iter().map(|text| certificate(text)).collect();
        let chain = chain.ok_or(MetadataError::Malformed("its certificates cannot be read"))?;
        let Some((leaf, others)) = chain.split_first() else {
            return Err(MetadataError::Malformed("it has no certificate"));
        };
        let unknown = |error: webpki::Error| MetadataError::Signer(error.to_string());
        let leaf = EndEntityCert::try_from(leaf).map_err(unknown)?;

        let root_der = CertificateDer::from(match root {
            MetadataRoot::Fido => FIDO_ROOT,
            MetadataRoot::Own(der) => der,
        });
        let anchors = [anchor_from_trusted_cert(&root_der).map_err(unknown)?];
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(since);
        let usage = KeyUsage::server_auth();
        leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, others, time, usage, None, None)
            .map_err(unknown)?;
        if root == MetadataRoot::Fido {
            let name = ServerName::try_from(FIDO_NAME).map_err(|_| MetadataError::Malformed("its name"))?;
            leaf.verify_is_valid_for_subject_name(&name).map_err(unknown)?;
        }

        let right = match self.alg.as_str() {
            "RS256" => leaf.verify_signature(algorithms::RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok(),
            "ES256" => {
                let key = leaf.subject_public_key_info();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.as_ref()).verify(signed, signature).is_ok()
            }
            _ => return Err(MetadataError::Malformed("its algorithm is neither RS256 nor ES256")),
        };
        if right { Ok(()) } else { Err(MetadataError::Signature) }
    }
}

impl Entry {
    /// What is kept of it; `None` for those of UAF and U2F, which have no AAGUID.
    fn model(self) -> Option<Model> {
        let aaguid = self.aaguid?.parse().ok()?;
        let broken = self.status_reports.into_iter().map(|report| report.status);
        let broken = broken.into_iter().find(|status| BROKEN.contains(&status.as_str()));
        let (description, roots) = self.metadata_statement.map_or_else(Default::default, |statement| {
            let roots = statement.attestation_root_certificates;
            (statement.description, roots.iter().filter_map(|text| certificate(text)).map(|der| der.to_vec()).collect())
        });
        Some(Model { aaguid, description, roots, broken })
    }
}

/// A certificate as JSON has it: Base64 of DER, broken into lines by some.
fn certificate(text: &str) -> Option<CertificateDer<'static>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(&text).ok().map(CertificateDer::from)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, MetadataError> {
    let json = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| MetadataError::Malformed("no JWT"))?;
    serde_json::from_slice(&json).map_err(|_| MetadataError::Malformed("a member is missing or of the wrong kind"))
}
