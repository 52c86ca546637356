//! The few operations that everything here is made of, on aws-lc-rs.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use vault_proto::Refusal;
use zeroize::Zeroizing;

/// A key of 32 bytes; wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Random bytes from the operating system's generator, by way of aws-lc's.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Refusal> {
    rand::fill(bytes).map_err(|_| Refusal::Failed("no random bytes".to_owned()))
}

/// Lets the generator set itself up, which looks for a device once: to be done while files can still be opened.
pub(crate) fn warm_up() -> Result<(), Refusal> {
    random::<32>().map(drop)
}

/// A random array.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Refusal> {
    let mut bytes = Zeroizing::new([0; N]);
    fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// Derives a key for one use: HMAC-SHA-256 as a pseudorandom function of the use's label.
pub(crate) fn derive(key: &[u8], label: &str) -> Key {
    let mut derived = Zeroizing::new([0; 32]);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), label.as_bytes());
    derived.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    derived
}

/// A key of AES-256-GCM, as it is used: expanded once.
pub(crate) fn aead_key(key: &Key) -> Result<LessSafeKey, Refusal> {
    UnboundKey::new(&AES_256_GCM, key.as_slice())
        .map(LessSafeKey::new)
        .map_err(|_| Refusal::Failed("a data key is of the wrong length".to_owned()))
}

/// Appends a random nonce, and `plaintext` sealed under it.
///
/// A random nonce of 96 bits is good for 2^32 messages a key (NIST SP 800-38D §8.3): data keys are rotated long
/// before.
pub(crate) fn seal(key: &LessSafeKey, associated: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let nonce = *random::<NONCE_LEN>()?;
    out.reserve(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plaintext);
    let sealed = out.get_mut(start..).and_then(|text| {
        key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), text).ok()
    });
    let tag = sealed.ok_or(Refusal::Failed("sealing failed".to_owned()))?;
    out.extend_from_slice(tag.as_ref());
    Ok(())
}

/// Opens what [`seal`] appended. `None` where key or associated data are others, or anything was changed.
pub(crate) fn open(key: &LessSafeKey, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut text = Zeroizing::new(sealed.to_vec());
    let opened =
        key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated), text.as_mut_slice()).ok()?.len();
    text.truncate(opened);
    Some(text)
}

/// Byte strings one after the other, each with its length before it: no two lists come out the same.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<u8>);

impl Fields {
    pub(crate) fn new(label: &str) -> Self {
        Self(Vec::with_capacity(192)).with(label.as_bytes())
    }

    pub(crate) fn with(mut self, field: &[u8]) -> Self {
        // A field is bounded by its frame, so its length fits.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(field);
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let one = Fields::new("l").with(b"ab").with(b"c");
        let other = Fields::new("l").with(b"a").with(b"bc");
        assert_ne!(one.as_bytes(), other.as_bytes());
    }

    #[test]
    fn what_is_sealed_opens_only_with_its_key_and_its_place() {
        let key = aead_key(&derive(b"root", "a")).unwrap();
        let other = aead_key(&derive(b"root", "b")).unwrap();
        let mut sealed = Vec::new();
        seal(&key, b"here", b"secret", &mut sealed).unwrap();
        assert_eq!(open(&key, b"here", &sealed).unwrap().as_slice(), b"secret");
        assert!(open(&key, b"there", &sealed).is_none());
        assert!(open(&other, b"here", &sealed).is_none());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(open(&key, b"here", &changed).is_none());
            assert!(open(&key, b"here", &sealed[..place]).is_none());
        }
    }
}
