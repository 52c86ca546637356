//! What the keys in a container are encrypted with, and what shows that they were not changed.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, pbkdf2};
use roxmltree::Node;
use vault_proto::Unlock;
use zeroize::Zeroizing;

use super::{at, base64, child, text, text_at};

/// Some half a second of work.
const MAX_ITERATIONS: u32 = 1_000_000;
const MAX_SALT: usize = 1024;
const MAX_CIPHERTEXT: usize = 1024;
const IV: usize = 16;

const PBKDF2: &str = "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2";

/// What opens the keys of a container; nothing where they are not encrypted.
pub(super) struct Locks(Option<Lock>);

struct Lock {
    key: Zeroizing<Vec<u8>>,
    /// `None` where the container names no method: then no key of it can be trusted.
    mac: Option<hmac::Key>,
}

impl Locks {
    /// The locks of a container, with what was given to open them.
    pub(super) fn open(root: Node<'_, '_>, unlock: &Unlock) -> Result<Self, &'static str> {
        let named = child(root, "EncryptionKey")?;
        let derived = named.map(|key| child(key, "DerivedKey")).transpose()?.flatten();
        let key = match (named, derived, unlock) {
            (None, _, Unlock::Nothing) => return Ok(Self(None)),
            // Else whoever swaps the file for one of their own keys would go unnoticed.
            (None, ..) => return Err("its keys are not encrypted, yet a key was given"),
            (Some(_), Some(derived), Unlock::Passphrase(passphrase)) => derive(derived, &passphrase.0)?,
            (Some(_), Some(_), _) => return Err("its keys are encrypted with a passphrase: give that"),
            (Some(_), None, Unlock::PreSharedKey(key)) => Zeroizing::new(key.0.clone()),
            (Some(_), None, _) => return Err("its keys are encrypted with a pre-shared key: give that"),
        };
        let mac = child(root, "MACMethod")?.map(|method| mac_key(method, &key)).transpose()?;
        Ok(Self(Some(Lock { key, mac })))
    }

    /// The key of a token.
    pub(super) fn secret(&self, secret: Node<'_, '_>) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let plain = child(secret, "PlainValue")?;
        let encrypted = child(secret, "EncryptedValue")?;
        match (&self.0, plain, encrypted) {
            (None, Some(plain), None) => base64(text(plain)?),
            (None, _, Some(_)) => Err("its key is encrypted, and the file does not say how"),
            (Some(lock), None, Some(encrypted)) => {
                let sealed = Sealed::of(encrypted)?;
                let mac = text_at(secret, &["ValueMAC"])?.ok_or("its key has no MAC, without which it may be any")?;
                let with =
                    lock.mac.as_ref().ok_or("the file names no MAC method, without which its keys may be any")?;
                hmac::verify(with, &sealed.bytes, &base64(mac)?)
                    .map_err(|_| "its key is not what its MAC is of: the file was changed, or another key was given")?;
                sealed.open(&lock.key)
            }
            (Some(_), Some(_), _) => Err("its key is not encrypted, while those of the file are"),
            (_, None, None) => Err("there is no key in it"),
        }
    }
}

/// The key for MACs: one that is encrypted like the others, else the others' own, as drafts of the RFC had it.
fn mac_key(method: Node<'_, '_>, key: &[u8]) -> Result<hmac::Key, &'static str> {
    let algorithm = match method.attribute("Algorithm") {
        Some("http://www.w3.org/2000/09/xmldsig#hmac-sha1" | "http://www.w3.org/2001/04/xmldsig-more#hmac-sha1") => {
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY
        }
        Some("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256") => hmac::HMAC_SHA256,
        Some("http://www.w3.org/2001/04/xmldsig-more#hmac-sha384") => hmac::HMAC_SHA384,
        Some("http://www.w3.org/2001/04/xmldsig-more#hmac-sha512") => hmac::HMAC_SHA512,
        _ => return Err("its MAC method is not HMAC with SHA-1, SHA-256, SHA-384 or SHA-512"),
    };
    Ok(match child(method, "MACKey")? {
        Some(sealed) => hmac::Key::new(algorithm, &Sealed::of(sealed)?.open(key)?),
        None => hmac::Key::new(algorithm, key),
    })
}

/// PBKDF2 (RFC 8018 §5.2) as RFC 6030 §6.2 has it.
fn derive(derived: Node<'_, '_>, passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let method = child(derived, "KeyDerivationMethod")?.ok_or(NO_METHOD)?;
    if method.attribute("Algorithm") != Some(PBKDF2) {
        return Err(NO_METHOD);
    }
    let parameters = child(method, "PBKDF2-params")?.ok_or(NO_METHOD)?;
    let salt = base64(text_at(parameters, &["Salt", "Specified"])?.ok_or(NO_METHOD)?)?;
    let iterations = text_at(parameters, &["IterationCount"])?.and_then(|count| count.parse().ok());
    let iterations = iterations.filter(|count| *count <= MAX_ITERATIONS).and_then(NonZeroU32::new);
    let iterations = iterations.ok_or("its passphrase is to be hashed 1 to 1,000,000 times")?;
    let length = text_at(parameters, &["KeyLength"])?.map_or(Ok(16), str::parse).ok();
    let length = length.filter(|length| matches!(length, 16 | 24 | 32));
    let length = length.ok_or("its encryption key has not 16, 24 or 32 bytes")?;
    // An attribute, as the schema of PKCS #5 has it, or a text, as some write it.
    let hash =
        child(parameters, "PRF")?.map(|prf| prf.attribute("Algorithm").map_or_else(|| text(prf), Ok)).transpose()?;
    let hash = match hash {
        None | Some("") => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(name) if name.ends_with("hmac-sha1") => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(name) if name.ends_with("hmac-sha256") => pbkdf2::PBKDF2_HMAC_SHA256,
        Some(name) if name.ends_with("hmac-sha512") => pbkdf2::PBKDF2_HMAC_SHA512,
        Some(_) => return Err("its passphrase is hashed in a way that is not supported"),
    };
    if salt.len() > MAX_SALT {
        return Err("its salt is too long");
    }
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(hash, iterations, &salt, passphrase, &mut key);
    Ok(key)
}

const NO_METHOD: &str = "its passphrase is not hashed with PBKDF2";

/// A value that is encrypted (XML Encryption 1.1 §5.2, block ciphers in CBC mode).
struct Sealed {
    algorithm: &'static Algorithm,
    /// Initialisation vector and ciphertext: what the MAC is of.
    bytes: Zeroizing<Vec<u8>>,
}

impl Sealed {
    fn of(node: Node<'_, '_>) -> Result<Self, &'static str> {
        let method = child(node, "EncryptionMethod")?.and_then(|method| method.attribute("Algorithm"));
        let algorithm = match method.and_then(|name| name.strip_prefix("http://www.w3.org/2001/04/xmlenc#")) {
            Some("aes128-cbc") => &AES_128,
            Some("aes192-cbc") => &AES_192,
            Some("aes256-cbc") => &AES_256,
            _ => return Err("a value is not encrypted with AES in CBC mode"),
        };
        let value = at(node, &["CipherData", "CipherValue"])?.ok_or("an encrypted value is missing")?;
        let bytes = base64(text(value)?)?;
        if bytes.len() > MAX_CIPHERTEXT {
            return Err("an encrypted value is too long");
        }
        Ok(Self { algorithm, bytes })
    }

    fn open(&self, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        const WRONG: &str = "a value does not open: another key was given, or the file was changed";
        let key = UnboundCipherKey::new(self.algorithm, key)
            .and_then(PaddedBlockDecryptingKey::cbc_iso10126)
            .map_err(|_| "the key that was given is of another length than its encryption wants")?;
        let (iv, sealed) = self.bytes.split_first_chunk::<IV>().ok_or(WRONG)?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let opened = key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from(iv))).map_err(|_| WRONG)?.len();
        text.truncate(opened);
        Ok(text)
    }
}
