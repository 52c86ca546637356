//! Tokens by which a push service knows us: JSON Web Tokens of our own (RFC 7519), and a place to keep the one in use.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64URL_NOPAD;
use domain::Timestamp;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{Failure, FailureKind, Secret};

/// A key that signs tokens.
pub(super) enum SigningKey {
    /// RS256.
    Rsa(RsaKeyPair),
    /// ES256.
    Ecdsa(EcdsaKeyPair),
}

impl SigningKey {
    /// From PKCS #8 in PEM.
    pub(super) fn rsa(pem: &Secret) -> Result<Self, String> {
        RsaKeyPair::from_pkcs8(der(pem)?.secret_pkcs8_der())
            .map(Self::Rsa)
            .map_err(|error| format!("is no RSA key: {error}"))
    }

    /// From PKCS #8 in PEM, as Apple hands it out.
    pub(super) fn ecdsa(pem: &Secret) -> Result<Self, String> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der(pem)?.secret_pkcs8_der())
            .map(Self::Ecdsa)
            .map_err(|error| format!("is no key of P-256: {error}"))
    }

    /// A signed token.
    pub(super) fn token(&self, key_id: &str, claims: &Value) -> Result<Secret, Failure> {
        let algorithm = match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_) => "ES256",
        };
        let header = serde_json::json!({ "alg": algorithm, "typ": "JWT", "kid": key_id }).to_string();
        let encode = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
        let signed = format!("{}.{}", encode(header), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).map(|()| signature)
            }
            Self::Ecdsa(key) => key.sign(&random, signed.as_bytes()).map(|signature| signature.as_ref().to_vec()),
        };
        let signature = signature.map_err(|_| Failure::new(FailureKind::Refused, "a token cannot be signed"))?;
        Ok(Secret::new(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))))
    }
}

fn der(pem: &Secret) -> Result<PrivatePkcs8KeyDer<'static>, String> {
    PrivatePkcs8KeyDer::from_pem_slice(pem.expose().as_bytes())
        .map_err(|_| "holds no private key (PKCS #8, PEM)".to_owned())
}

/// The token in use.
pub(super) struct Kept(Mutex<Option<(Secret, Timestamp)>>);

impl Kept {
    pub(super) const fn new() -> Self {
        Self(Mutex::const_new(None))
    }

    /// The token in use, or a new one where that is no longer good. Those who ask at the same time wait for one.
    pub(super) async fn or_make(
        &self,
        now: Timestamp,
        make: impl AsyncFnOnce() -> Result<(Secret, Duration), Failure>,
    ) -> Result<Secret, Failure> {
        let mut kept = self.0.lock().await;
        if let Some((token, until)) = &*kept
            && now < *until
        {
            return Ok(token.clone());
        }
        let (token, good_for) = make().await?;
        *kept = Some((token.clone(), now.plus(good_for)));
        Ok(token)
    }

    /// Drops the token in use: the service does not take it any more.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
