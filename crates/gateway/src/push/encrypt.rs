//! Encryption of what is pushed to a browser, so that its push service carries what it cannot read (RFC 8291, RFC 8188).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use data_encoding::BASE64URL_NOPAD;

/// Bytes of a record, as its header has it: one record holds everything.
const RECORD: u32 = 4096;

/// Bytes that everything is filled up to, so that its length tells nothing.
const FILLED: usize = 1024;

/// The longest plain text: what a push service has to take (RFC 8030 §7.2) without header, tag and delimiter.
pub(super) const LONGEST: usize = 3993;

/// The keys of a subscription: the browser's public key and its authentication secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionKeys {
    public: [u8; 65],
    auth: [u8; 16],
}

impl SubscriptionKeys {
    /// From `p256dh` and `auth` as the browser's `PushSubscription` gives them: base64url, padded or not. `None` if they are not
    /// a point of P-256 and 16 bytes.
    pub fn parse(p256dh: &str, auth: &str) -> Option<Self> {
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok();
        let public: [u8; 65] = decode(p256dh)?.try_into().ok()?;
        let auth = decode(auth)?.try_into().ok()?;
        // Whether it is on the curve is known once it is used.
        let probe = PrivateKey::generate(&ECDH_P256).ok()?;
        agreement::agree(&probe, UnparsedPublicKey::new(&ECDH_P256, public), Unspecified, |_| Ok(())).ok()?;
        Some(Self { public, auth })
    }

    /// Encrypts, with a key and salt of this message alone.
    pub(super) fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut salt = [0; 16];
        aws_lc_rs::rand::fill(&mut salt)?;
        self.seal_with(&PrivateKey::generate(&ECDH_P256)?, salt, plain, FILLED)
    }

    fn seal_with(
        &self,
        private: &PrivateKey,
        salt: [u8; 16],
        plain: &[u8],
        filled: usize,
    ) -> Result<Vec<u8>, Unspecified> {
        let public = private.compute_public_key()?;
        let mut info = b"WebPush: info\0".to_vec();
        info.extend_from_slice(&self.public);
        info.extend_from_slice(public.as_ref());
        let peer = UnparsedPublicKey::new(&ECDH_P256, self.public);
        let input: [u8; 32] = agreement::agree(private, peer, Unspecified, |shared| {
            expand(&Salt::new(HKDF_SHA256, &self.auth).extract(shared), &info)
        })?;
        let both = Salt::new(HKDF_SHA256, &salt).extract(&input);
        let key: [u8; 16] = expand(&both, b"Content-Encoding: aes128gcm\0")?;
        let nonce: [u8; 12] = expand(&both, b"Content-Encoding: nonce\0")?;

        let mut sealed = salt.to_vec();
        sealed.extend_from_slice(&RECORD.to_be_bytes());
        sealed.push(u8::try_from(public.as_ref().len()).map_err(|_| Unspecified)?);
        sealed.extend_from_slice(public.as_ref());

        // The delimiter of the last record, then zeros (RFC 8188 §2).
        let mut record = plain.to_vec();
        record.push(2);
        record.resize(record.len().max(filled), 0);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)?;
        sealed.append(&mut record);
        Ok(sealed)
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(from: &Prk, info: &[u8]) -> Result<[u8; N], Unspecified> {
    let mut output = [0; N];
    from.expand(&[info], Length(N))?.fill(&mut output)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8291 §5 and appendix A.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let keys = SubscriptionKeys::parse(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        )
        .unwrap();
        let private = BASE64URL_NOPAD.decode(b"yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw").unwrap();
        let private = PrivateKey::from_private_key(&ECDH_P256, &private).unwrap();
        let salt = BASE64URL_NOPAD.decode(b"DGv6ra1nlYgDCS1FRnbzlw").unwrap().try_into().unwrap();
        let sealed = keys.seal_with(&private, salt, b"When I grow up, I want to be a watermelon", 0).unwrap();
        assert_eq!(
            BASE64URL_NOPAD.encode(&sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK\
             6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let good = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let auth = "BTBZMqHH6r4Tts7J_aSIgg";
        assert!(SubscriptionKeys::parse(good, auth).is_some());
        assert!(SubscriptionKeys::parse(&format!("{good}="), &format!("{auth}==")).is_some());
        assert!(SubscriptionKeys::parse(good, "BTBZ").is_none());
        assert!(SubscriptionKeys::parse(&good[..80], auth).is_none());
        // Of the right length, and not on the curve.
        let off = BASE64URL_NOPAD.encode(&[4; 65]);
        assert!(SubscriptionKeys::parse(&off, auth).is_none());
    }

    #[test]
    fn short_texts_have_one_length() {
        let keys = SubscriptionKeys::parse(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        )
        .unwrap();
        assert_eq!(keys.seal(b"a").unwrap().len(), keys.seal(&[b'a'; 1000]).unwrap().len());
        assert!(keys.seal(&[0; LONGEST]).unwrap().len() <= 4096);
    }
}
