//! Who signs in these tests: whatever header and claims are wanted.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

pub(crate) struct Signer {
    key: EcdsaKeyPair,
    pub(crate) x: Vec<u8>,
    pub(crate) y: Vec<u8>,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let point = key.public_key().as_ref();
        let (x, y) = (point[1..33].to_vec(), point[33..].to_vec());
        Self { key, x, y }
    }

    pub(crate) fn jwk(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": encode(&self.x), "y": encode(&self.y) })
    }

    pub(crate) fn jkt(&self) -> String {
        // serde_json writes names in their order, as RFC 7638 §3.3 wants it.
        assertion::sha256(self.jwk().to_string().as_bytes())
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}

/// A proof of possession by an Ed25519 key.
pub(crate) fn by_ed25519(alg: &str, claims: &Value) -> String {
    let key = Ed25519KeyPair::generate().unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref()) });
    let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk });
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature.as_ref()))
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
