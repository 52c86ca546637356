//! The public key of a credential, a COSE key (RFC 9052 §7, RFC 9053 §7), and signatures made with its other half.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::{Deserialize, Serialize};
use serde_cbor_2::Value;

use crate::Refusal;

/// How many bytes an RSA modulus may have: less is weak (NIST SP 800-131A), more only costs.
const RSA_BYTES: RangeInclusive<usize> = 256..=512;

/// A kind of signature ([IANA's COSE registry](https://www.iana.org/assignments/cose/cose.xhtml)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: what nearly everything makes.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256: what a TPM makes.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// Its number in COSE.
    pub const fn number(self) -> i64 {
        match self {
            Algorithm::Es256 => -7,
            Algorithm::EdDsa => -8,
            Algorithm::Es384 => -35,
            Algorithm::Rs256 => -257,
        }
    }

    fn of_number(number: i128) -> Option<Algorithm> {
        const ALL: [Algorithm; 4] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Es384, Algorithm::Rs256];
        ALL.into_iter().find(|algorithm| i128::from(algorithm.number()) == number)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es384 => "ES384",
            Algorithm::Rs256 => "RS256",
        })
    }
}

/// A public key that signatures can be checked with.
pub(crate) enum PublicKey {
    /// The point, uncompressed.
    Es256(Vec<u8>),
    /// The point, uncompressed.
    Es384(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads a COSE key.
    ///
    /// # Errors
    ///
    /// [`Refusal::Algorithm`] for one of a kind that is not known here, [`Refusal::AttestationObject`] for bytes that
    /// are none.
    pub(crate) fn parse(cose: &[u8]) -> Result<PublicKey, Refusal> {
        let Ok(Value::Map(map)) = serde_cbor_2::from_slice(cose) else { return Err(Refusal::AttestationObject) };
        let algorithm = number(&map, 3).ok_or(Refusal::AttestationObject)?;
        let algorithm = Algorithm::of_number(algorithm).ok_or(Refusal::Algorithm)?;
        Self::of_map(&map, algorithm).ok_or(Refusal::PublicKey(algorithm))
    }

    fn of_map(map: &BTreeMap<Value, Value>, algorithm: Algorithm) -> Option<PublicKey> {
        let (kind, curve) = (number(map, 1)?, number(map, -1));
        // The curve and the kind of key have to fit the algorithm (§5.8.5): an ES256 key is on P-256 and nowhere else.
        match (algorithm, kind, curve) {
            (Algorithm::Es256, 2, Some(1)) => Some(PublicKey::Es256(point(map, 32)?)),
            (Algorithm::Es384, 2, Some(2)) => Some(PublicKey::Es384(point(map, 48)?)),
            (Algorithm::EdDsa, 1, Some(6)) => Some(PublicKey::Ed25519(bytes(map, -2)?.to_vec())),
            (Algorithm::Rs256, 3, None) => {
                Some(PublicKey::Rsa { n: bytes(map, -1)?.to_vec(), e: bytes(map, -2)?.to_vec() })
            }
            _ => None,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Es256(_) => Algorithm::Es256,
            PublicKey::Es384(_) => Algorithm::Es384,
            PublicKey::Ed25519(_) => Algorithm::EdDsa,
            PublicKey::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Whether it is a key at all: a point on its curve, a modulus of 2,048 bits or more.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let parsed = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            ParsedPublicKey::new(algorithm, key).map(drop).map_err(|_| Refusal::PublicKey(self.algorithm()))
        };
        match self {
            PublicKey::Es256(point) => parsed(&ECDSA_P256_SHA256_ASN1, point),
            PublicKey::Es384(point) => parsed(&ECDSA_P384_SHA384_ASN1, point),
            PublicKey::Ed25519(key) => parsed(&ED25519, key),
            PublicKey::Rsa { n, e } => {
                let fits = RSA_BYTES.contains(&n.len()) && n.first().is_some_and(|&first| first != 0);
                // With an exponent of 1 everything is its own signature. aws-lc notices only when it verifies.
                let fits = fits && matches!(e.as_slice(), [3] | [1, 0, 1]);
                let key = PublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
                if fits && key.is_ok() { Ok(()) } else { Err(Refusal::PublicKey(Algorithm::Rs256)) }
            }
        }
    }

    /// Whether `signature` is one of `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let unparsed = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        };
        match self {
            PublicKey::Es256(point) => unparsed(&ECDSA_P256_SHA256_ASN1, point),
            PublicKey::Es384(point) => unparsed(&ECDSA_P384_SHA384_ASN1, point),
            PublicKey::Ed25519(key) => unparsed(&ED25519, key),
            PublicKey::Rsa { n, e } => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        }
        .map_err(|_| Refusal::Signature)
    }
}

fn number(map: &BTreeMap<Value, Value>, label: i128) -> Option<i128> {
    match map.get(&Value::Integer(label)) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    }
}

fn bytes(map: &BTreeMap<Value, Value>, label: i128) -> Option<&[u8]> {
    match map.get(&Value::Integer(label)) {
        Some(Value::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

/// The point of coordinates of `size` bytes each, uncompressed (SEC 1 §2.3.3).
fn point(map: &BTreeMap<Value, Value>, size: usize) -> Option<Vec<u8>> {
    let (x, y) = (bytes(map, -2)?, bytes(map, -3)?);
    (x.len() == size && y.len() == size).then(|| [&[4], x, y].concat())
}
