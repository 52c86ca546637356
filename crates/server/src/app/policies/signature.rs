//! What is signed of a policy that comes into force, and whether a row is as it was signed.
//!
//! A statement is a JSON Web Signature (RFC 7515) by a key of the vault's that signs nothing else. It says what the row says, holds the hash of
//! the files, and that of the signature before it: so no row can be changed, and none left out between two, by somebody who has the database and
//! not the vault.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use domain::{CertificateFingerprint, PolicyInForce, Timestamp};
use serde::{Deserialize, Serialize};
use vault_proto::{PublicKey, Reply, Sign, Verb};

use crate::app::vault::unexpected;
use crate::app::{App, Error};

/// The type in the header of a signature.
const TYPE: &str = "countersign-policy+jws";

/// What is said of a policy.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    policy: String,
    number: i64,
    version: String,
    /// SHA-256 of the files, in hexadecimal.
    files: String,
    /// Milliseconds since the Unix epoch, as `at`.
    enforced_since: Option<i64>,
    at: i64,
    origin: String,
    application: Option<String>,
    certificate: Option<String>,
    by: Option<String>,
    reference: Option<String>,
    /// SHA-256 of the signature of the policy before, in hexadecimal; of the first there is none.
    previous: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

impl Statement {
    fn of(policy: &PolicyInForce, files: String, previous: Option<String>) -> Self {
        Self {
            policy: policy.id.to_string(),
            number: policy.number,
            version: policy.version.clone(),
            files,
            enforced_since: policy.enforced_since.map(Timestamp::unix_millis),
            at: policy.at.unix_millis(),
            origin: policy.origin.name().to_owned(),
            application: policy.by.application_id.map(|id| id.to_string()),
            certificate: policy.by.certificate.as_ref().map(CertificateFingerprint::to_string),
            by: policy.by.name.clone(),
            reference: policy.by.reference.clone(),
            previous,
        }
    }

    /// Whether it came after this one.
    pub(super) fn follows(&self, before: &PolicyInForce) -> Result<(), String> {
        let is_next = self.previous.as_ref() == Some(&hash(before.signature.as_bytes()));
        if is_next { Ok(()) } else { Err("the one before is another one than when it was signed".to_owned()) }
    }
}

/// Whether a policy is as it was signed.
pub(super) fn check(policy: &PolicyInForce, key: &PublicKey) -> Result<(), String> {
    let statement = check_without_files(policy, key)?;
    if statement.files == hash_of_files(policy) { Ok(()) } else { Err(changed()) }
}

/// The same of one whose files were not asked for.
pub(super) fn check_without_files(policy: &PolicyInForce, key: &PublicKey) -> Result<Statement, String> {
    let statement = signed(&policy.signature, key).ok_or("its signature is not the vault's")?;
    let kept = Statement::of(policy, statement.files.clone(), statement.previous.clone());
    if kept == statement { Ok(statement) } else { Err(changed()) }
}

fn changed() -> String {
    "it was changed in the database since it was signed".to_owned()
}

/// What a signature says, if it is one by this key, of this kind (T-21).
fn signed(signature: &str, key: &PublicKey) -> Option<Statement> {
    let (message, tag) = signature.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if header.alg != "ES256" || header.typ != TYPE || header.kid != key.kid {
        return None;
    }
    // SEC 1 §2.3.3: an uncompressed point is 4, x, y.
    let point = [&[4], key.x.as_slice(), &key.y].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &decode(tag)?).ok()?;
    serde_json::from_slice(&decode(payload)?).ok()
}

pub(super) fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Their names are sorted, and both names and files are texts: the JSON is canonical (RFC 8785).
fn hash_of_files(policy: &PolicyInForce) -> String {
    hash(serde_json::to_string(&policy.files).unwrap_or_default().as_bytes())
}

impl App {
    /// What policies are signed with.
    pub(super) async fn policy_key(&self) -> Result<PublicKey, Error> {
        match self.vault.ask(|| Verb::PublicKeys).await? {
            Reply::PublicKeys(keys) => Ok(keys.policy),
            other => Err(unexpected(&other)),
        }
    }

    /// The signature over a policy that comes after `before`.
    pub(super) async fn policy_signature(
        &self,
        policy: &PolicyInForce,
        before: Option<&PolicyInForce>,
    ) -> Result<String, Error> {
        let previous = before.map(|before| hash(before.signature.as_bytes()));
        let statement = Statement::of(policy, hash_of_files(policy), previous);
        let statement = serde_json::to_vec(&statement).map_err(|error| Error::Internal(error.to_string()))?;
        let verb = || Verb::Sign(Sign::Policy { statement: statement.clone() });
        match self.vault.ask(verb).await? {
            Reply::Signed(signature) => Ok(signature),
            other => Err(unexpected(&other)),
        }
    }
}
