//! Who a view is sealed to: a browser or backend with a key pair of its own (RFC 9180, P-05).

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use serde_json::{Value, json};

type X25519 = X25519HkdfSha256;

/// A file of tokens, sealed as docs/guide/hardware-tokens.md says.
pub(crate) fn sealed_tokens(import_key: &str, lines: &str) -> Value {
    let key = BASE64URL_NOPAD.decode(import_key.as_bytes()).unwrap();
    let key = <X25519 as Kem>::PublicKey::from_bytes(&key).unwrap();
    // Lines of values, with nothing that opens them.
    let plain = [&[2, 0, 0, 0], lines.as_bytes()].concat();
    let (enc, ciphertext) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519>(
        &OpModeS::Base,
        &key,
        b"countersign token file v1",
        &plain,
        &[],
    )
    .unwrap();
    let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    json!({ "key": import_key, "enc": text(&enc.to_bytes()), "ciphertext": text(&ciphertext) })
}

/// A key pair that views are sealed to.
pub(crate) struct Recipient {
    private: <X25519 as Kem>::PrivateKey,
    public: <X25519 as Kem>::PublicKey,
}

impl Recipient {
    pub(crate) fn new() -> Self {
        let (private, public) = X25519::gen_keypair();
        Self { private, public }
    }

    /// As `recipient_key` wants it.
    pub(crate) fn public_key(&self) -> String {
        BASE64URL_NOPAD.encode(&self.public.to_bytes())
    }

    /// What a sealed view says: `{"uri": …, "secret": …}`.
    pub(crate) fn open(&self, sealed: &Value, authenticator_id: &str) -> Value {
        let member = |name: &str| BASE64URL_NOPAD.decode(sealed[name].as_str().unwrap().as_bytes()).unwrap();
        let encapsulated = <X25519 as Kem>::EncappedKey::from_bytes(&member("enc")).unwrap();
        let bound_to = HEXLOWER.decode(authenticator_id.strip_prefix("ath_").unwrap().as_bytes()).unwrap();
        let plain = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            b"countersign provisioning view v1",
            &member("ciphertext"),
            &bound_to,
        );
        serde_json::from_slice(&plain.expect("it opens for its recipient")).unwrap()
    }
}
