//! Makes keys, and the one view of each.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeS, Serializable as _};
use vault_proto::{Provision, Refusal, Reply, Secret, View};
use zeroize::Zeroizing;

use crate::crypto;
use crate::keyring::Keyring;
use crate::{qr, seal};

const MAX_ISSUER: usize = 128;
const MAX_ACCOUNT: usize = 256;
const INFO: &[u8] = b"countersign provisioning view v1";

/// Makes a key, seals it and renders the one view of it.
pub(crate) fn provision(keyring: &Keyring, question: &Provision) -> Result<Reply, Refusal> {
    let Provision { binding, params, issuer, account, qr, recipient } = question;
    check_text(issuer, 0, MAX_ISSUER, "the issuer")?;
    check_text(account, 1, MAX_ACCOUNT, "the account")?;
    let mut key = Zeroizing::new(vec![0; params.algorithm().key_len()]);
    crypto::fill(&mut key)?;
    let blob = seal::seal_key(keyring, binding, *params, &key)?;
    let uri = otp::uri(issuer, account, &key, *params);
    let secret = otp::base32(&key);
    let view = match recipient {
        Some(recipient) => sealed_view(recipient, &uri, &secret, &binding.authenticator)?,
        None => View::Open {
            qr: qr::draw(&uri, *qr)?,
            uri: Secret(uri.as_bytes().to_vec()),
            secret: Secret(secret.as_bytes().to_vec()),
        },
    };
    Ok(Reply::Provisioned { blob, view })
}

fn check_text(text: &str, min: usize, max: usize, what: &str) -> Result<(), Refusal> {
    if text.len() < min || text.len() > max || text.chars().any(char::is_control) {
        return Err(Refusal::Malformed(format!("{what} has {min} to {max} bytes and no control characters")));
    }
    Ok(())
}

/// HPKE (RFC 9180 §6.1, base mode).
fn sealed_view(recipient: &[u8; 32], uri: &str, secret: &str, associated: &[u8]) -> Result<View, Refusal> {
    let no_key = || Refusal::Malformed("the recipient's key is no X25519 public key".to_owned());
    let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(recipient).map_err(|_| no_key())?;
    // Neither holds a character that JSON escapes: a URI is percent-encoded, Base32 is capitals and digits.
    let json = Zeroizing::new(format!(r#"{{"uri":"{uri}","secret":"{secret}"}}"#));
    let (enc, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &key,
        INFO,
        json.as_bytes(),
        associated,
    )
    .map_err(|_| no_key())?;
    Ok(View::Sealed { enc: enc.to_bytes().to_vec(), ciphertext })
}
