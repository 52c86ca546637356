//! Keys, as COSE writes them (RFC 9053), and what they sign.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};

use crate::{Unusable, cbor};

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA of 2,048 bits, PKCS #1 v1.5, SHA-256.
    Rs256,
}

impl Kind {
    /// Its number in COSE.
    pub const fn number(self) -> i64 {
        match self {
            Kind::Es256 => -7,
            Kind::EdDsa => -8,
            Kind::Rs256 => -257,
        }
    }
}

/// A key pair.
pub(crate) enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl Key {
    pub(crate) fn generate(kind: Kind) -> Result<Key, Unusable> {
        let made = match kind {
            Kind::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Key::Es256),
            Kind::EdDsa => Ed25519KeyPair::generate().map(Key::EdDsa),
            Kind::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Key::Rs256),
        };
        made.map_err(|_| Unusable("no key could be made"))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unusable> {
        let failed = |_| Unusable("nothing could be signed");
        match self {
            Key::Es256(pair) => pair.sign(&SystemRandom::new(), message).map(|s| s.as_ref().to_vec()).map_err(failed),
            Key::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Key::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }

    /// The public half as a COSE key that says it is of the algorithm `alg`.
    pub(crate) fn cose(&self, alg: i64) -> Vec<u8> {
        let pair = |label: i64, value: Vec<u8>| (cbor::integer(label), value);
        match self {
            Key::Es256(key) => {
                // The point, uncompressed: one byte, x, y.
                let (x, y) = key.public_key().as_ref().split_at(33);
                cbor::map(&[
                    pair(1, cbor::integer(2)),
                    pair(3, cbor::integer(alg)),
                    pair(-1, cbor::integer(1)),
                    pair(-2, cbor::bytes(x.split_at(1).1)),
                    pair(-3, cbor::bytes(y)),
                ])
            }
            Key::EdDsa(key) => cbor::map(&[
                pair(1, cbor::integer(1)),
                pair(3, cbor::integer(alg)),
                pair(-1, cbor::integer(6)),
                pair(-2, cbor::bytes(key.public_key().as_ref())),
            ]),
            Key::Rs256(key) => {
                // RSAPublicKey (RFC 8017 A.1.1) of 2,048 bits ends with the modulus, two bytes about what follows, and
                // the exponent of three.
                let der = key.public_key();
                let (front, e) = der.as_ref().split_at(der.as_ref().len().saturating_sub(3));
                let n = front.get(front.len().saturating_sub(258)..front.len().saturating_sub(2)).unwrap_or_default();
                cbor::map(&[
                    pair(1, cbor::integer(3)),
                    pair(3, cbor::integer(alg)),
                    pair(-1, cbor::bytes(n)),
                    pair(-2, cbor::bytes(e)),
                ])
            }
        }
    }
}
