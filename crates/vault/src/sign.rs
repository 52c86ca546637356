//! Assertions: JSON Web Signatures (RFC 7515) in compact form, ES256 (RFC 7518 §3.4).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use vault_proto::{PublicKey, Refusal};

/// Claims of an assertion are a few hundred bytes.
const MAX_PAYLOAD: usize = 8 * 1024;

/// A signing key with the header that goes before all that it signs. Who asks for a signature has no say in it.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    public: PublicKey,
    /// The encoded header with its dot.
    header: String,
}

impl Signer {
    /// A new key, as PKCS#8.
    pub(crate) fn generate() -> Result<Vec<u8>, Refusal> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map(|document| document.as_ref().to_vec())
            .map_err(|_| Refusal::Failed("no signing key could be made".to_owned()))
    }

    /// From PKCS#8.
    pub(crate) fn new(pkcs8: &[u8]) -> Result<Self, Refusal> {
        let broken = || Refusal::Malformed("a signing key in the keyring is broken".to_owned());
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| broken())?;
        // SEC 1 §2.3.3: an uncompressed point is 4, x, y.
        let point = key.public_key().as_ref().strip_prefix(&[4]).ok_or_else(broken)?;
        let (x, y) = point.split_at_checked(32).ok_or_else(broken)?;
        let public = PublicKey { kid: thumbprint(x, y), x: x.to_vec(), y: y.to_vec() };
        let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"countersign-assertion+jwt"}}"#, public.kid);
        let header = BASE64URL_NOPAD.encode(header.as_bytes()) + ".";
        Ok(Self { key, public, header })
    }

    /// Signs the JSON object of an assertion's claims.
    pub(crate) fn sign(&self, payload: &[u8]) -> Result<String, Refusal> {
        check_payload(payload)?;
        let mut token = String::with_capacity(self.header.len() + payload.len() * 4 / 3 + 96);
        token.push_str(&self.header);
        BASE64URL_NOPAD.encode_append(payload, &mut token);
        let signature = self
            .key
            .sign(&SystemRandom::new(), token.as_bytes())
            .map_err(|_| Refusal::Failed("signing failed".to_owned()))?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut token);
        Ok(token)
    }

    /// The public half.
    pub(crate) fn public_key(&self) -> PublicKey {
        self.public.clone()
    }
}

/// Refuses what cannot be the JSON of claims. What they say is the server's business.
pub(crate) fn check_payload(payload: &[u8]) -> Result<(), Refusal> {
    let is_object = payload.first() == Some(&b'{') && payload.last() == Some(&b'}');
    if is_object && payload.len() <= MAX_PAYLOAD && std::str::from_utf8(payload).is_ok() {
        Ok(())
    } else {
        Err(Refusal::Malformed("only a JSON object of at most 8 KiB is signed".to_owned()))
    }
}

/// The key's id: its JWK thumbprint (RFC 7638).
fn thumbprint(x: &[u8], y: &[u8]) -> String {
    let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    BASE64URL_NOPAD.encode(digest(&SHA256, jwk.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn a_signature_verifies_under_the_public_key() {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        let token = signer.sign(br#"{"sub":"x"}"#).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let public = signer.public_key();
        let point = [&[4], public.x.as_slice(), &public.y].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(message.as_bytes(), &BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap())
            .unwrap();
    }

    #[test]
    fn only_json_objects_are_signed() {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        for payload in
            [b"".as_slice(), b"[]", b"\"{}\"", b"{\"a\":\"\xff\"}", &[b"{", vec![b' '; 9000].as_slice(), b"}"].concat()]
        {
            assert!(matches!(signer.sign(payload), Err(Refusal::Malformed(_))));
        }
    }
}
