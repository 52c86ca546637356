//! A browser that has subscribed, with an implementation of RFC 8188 and RFC 8291 that is not ours: Mozilla's `ece`.

use std::any::Any;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use data_encoding::BASE64URL_NOPAD;
use ece::crypto::{Cryptographer, EcKeyComponents, LocalKeyPair, RemotePublicKey};

/// A browser that has subscribed.
pub(crate) struct Subscriber {
    private: PrivateKey,
    auth: [u8; 16],
}

impl Subscriber {
    pub(crate) fn new() -> Self {
        ece::crypto::set_cryptographer(&Primitives).ok();
        Self { private: PrivateKey::generate(&ECDH_P256).unwrap(), auth: *b"0123456789abcdef" }
    }

    /// Its public key, as `PushSubscription` gives it.
    pub(crate) fn p256dh(&self) -> String {
        BASE64URL_NOPAD.encode(self.private.compute_public_key().unwrap().as_ref())
    }

    /// Its secret, as `PushSubscription` gives it.
    pub(crate) fn auth(&self) -> String {
        BASE64URL_NOPAD.encode(&self.auth)
    }

    pub(crate) fn decrypt(&self, body: &[u8]) -> Vec<u8> {
        let private: EcPrivateKeyBin<'_> = self.private.as_be_bytes().unwrap();
        let public = self.private.compute_public_key().unwrap();
        let components = EcKeyComponents::new(private.as_ref(), public.as_ref());
        ece::decrypt(&components, &self.auth, body).expect("the browser cannot decrypt")
    }
}

/// The primitives that `ece` leaves to others; what it does with them is its own.
struct Primitives;

struct Local(PrivateKey);
struct Remote(Vec<u8>);
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl RemotePublicKey for Remote {
    fn as_raw(&self) -> ece::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl LocalKeyPair for Local {
    fn pub_as_raw(&self) -> ece::Result<Vec<u8>> {
        Ok(self.0.compute_public_key().unwrap().as_ref().to_vec())
    }

    fn raw_components(&self) -> ece::Result<EcKeyComponents> {
        let private: EcPrivateKeyBin<'_> = self.0.as_be_bytes().unwrap();
        Ok(EcKeyComponents::new(private.as_ref().to_vec(), self.pub_as_raw()?))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Cryptographer for Primitives {
    fn generate_ephemeral_keypair(&self) -> ece::Result<Box<dyn LocalKeyPair>> {
        Ok(Box::new(Local(PrivateKey::generate(&ECDH_P256).unwrap())))
    }

    fn import_key_pair(&self, components: &EcKeyComponents) -> ece::Result<Box<dyn LocalKeyPair>> {
        Ok(Box::new(Local(PrivateKey::from_private_key(&ECDH_P256, components.private_key()).unwrap())))
    }

    fn import_public_key(&self, raw: &[u8]) -> ece::Result<Box<dyn RemotePublicKey>> {
        Ok(Box::new(Remote(raw.to_vec())))
    }

    fn compute_ecdh_secret(&self, remote: &dyn RemotePublicKey, local: &dyn LocalKeyPair) -> ece::Result<Vec<u8>> {
        let local = local.as_any().downcast_ref::<Local>().unwrap();
        let peer = UnparsedPublicKey::new(&ECDH_P256, remote.as_raw()?);
        Ok(agreement::agree(&local.0, peer, (), |secret| Ok(secret.to_vec())).unwrap())
    }

    fn hkdf_sha256(&self, salt: &[u8], secret: &[u8], info: &[u8], len: usize) -> ece::Result<Vec<u8>> {
        let mut output = vec![0; len];
        let prk = Salt::new(HKDF_SHA256, salt).extract(secret);
        prk.expand(&[info], Length(len)).unwrap().fill(&mut output).unwrap();
        Ok(output)
    }

    fn aes_gcm_128_encrypt(&self, _: &[u8], _: &[u8], _: &[u8]) -> ece::Result<Vec<u8>> {
        Err(ece::Error::CryptoError)
    }

    fn aes_gcm_128_decrypt(&self, key: &[u8], iv: &[u8], sealed: &[u8]) -> ece::Result<Vec<u8>> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(iv).unwrap();
        let plain = key.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| ece::Error::CryptoError)?;
        Ok(plain.to_vec())
    }

    fn random_bytes(&self, dest: &mut [u8]) -> ece::Result<()> {
        aws_lc_rs::rand::fill(dest).map_err(|_| ece::Error::CryptoError)
    }
}
