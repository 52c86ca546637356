//! JSON Web Signatures in compact form (RFC 7515 §7.1), as far as assertions and proofs of possession are some.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The `typ` of an assertion.
pub const TYP: &str = "countersign-assertion+jwt";

/// The longest token that is read, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Why a token is not accepted. It says nothing of what the token holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no signed token of the kind that is wanted, or a claim is missing or of the wrong type.
    #[error("it is not what is wanted here, or a part of it is missing")]
    Malformed,
    /// Its algorithm is not the one that is used.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// It is of another type.
    #[error("it is of another type")]
    Type,
    /// It is signed with a key that is not known.
    #[error("it is signed with a key that is not known")]
    UnknownKey,
    /// The signature is not right.
    #[error("its signature is wrong")]
    Signature,
    /// Somebody else made it, or it is for somebody else.
    #[error("it was made by or for somebody else")]
    Elsewhere,
    /// Its time is over, or has not come.
    #[error("its time is over, or has not come")]
    Time,
    /// It is about another request, or another token.
    #[error("it is about another request")]
    OtherRequest,
    /// The nonce is not the one that is wanted (RFC 9449 §8).
    #[error("its nonce is not the one that is wanted")]
    Nonce,
}

/// The public key of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// ECDSA on P-256 with SHA-256, ES256: x and y.
    P256([u8; 32], [u8; 32]),
    /// Ed25519.
    Ed25519([u8; 32]),
}

/// A token in its parts, the header read.
pub(crate) struct Parts<'a> {
    pub(crate) header: Header,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

/// The header (RFC 7515 §4.1).
#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) typ: String,
    pub(crate) kid: Option<String>,
    pub(crate) jwk: Option<Map<String, Value>>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// What would have a header say where its key is, or how it is to be read: no token that is accepted here has one of these.
const STRANGE: [&str; 7] = ["crit", "b64", "jku", "x5u", "x5c", "zip", "enc"];

impl<'a> Parts<'a> {
    pub(crate) fn read(token: &'a str, typ: &str) -> Result<Self, Refused> {
        if token.len() > MAX_BYTES {
            return Err(Refused::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
        if payload.contains('.') {
            return Err(Refused::Malformed);
        }
        let header: Header = json(header)?;
        if STRANGE.iter().any(|name| header.more.contains_key(*name)) {
            return Err(Refused::Malformed);
        }
        if header.typ != typ {
            return Err(Refused::Type);
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| Refused::Malformed)?;
        Ok(Self { header, signed, payload, signature })
    }

    /// What it says, if `key` signed it.
    pub(crate) fn verified<T: DeserializeOwned>(&self, key: &PublicKey) -> Result<T, Refused> {
        let right = match key {
            PublicKey::P256(x, y) => {
                let point = [&[4][..], x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(self.signed.as_bytes(), &self.signature)
            }
            PublicKey::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(self.signed.as_bytes(), &self.signature)
            }
        };
        right.map_err(|_| Refused::Signature)?;
        json(self.payload)
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, Refused> {
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}

/// 32 bytes in base64url without padding.
pub(crate) fn bytes32(text: &str) -> Option<[u8; 32]> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}
