//! The app's public key, and whether something is signed with it. ECDSA on P-256 with SHA-256, r and s of fixed length, and nothing
//! else: no algorithm is ever read from what is checked (T-21).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use data_encoding::BASE64URL_NOPAD;
use domain::push::signed::{PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH};

/// A point on the curve that is not infinity.
#[derive(Clone)]
pub(crate) struct AppKey {
    point: [u8; PUBLIC_KEY_LENGTH],
    parsed: ParsedPublicKey,
}

impl AppKey {
    /// Reads one as the app sends it: an uncompressed point, base64url. `None` for whatever is none.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Self::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()?)
    }

    /// The same from its bytes.
    pub(crate) fn new(point: [u8; PUBLIC_KEY_LENGTH]) -> Option<Self> {
        // Compressed and hybrid points, and keys wrapped in DER, would be other spellings of the same key.
        let uncompressed = point.first() == Some(&0x04);
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
        uncompressed.then_some(Self { point, parsed })
    }

    /// As it is kept.
    pub(crate) fn point(&self) -> &[u8; PUBLIC_KEY_LENGTH] {
        &self.point
    }

    /// Whether `signature`, as the app sends it, is this key's on `message`.
    pub(crate) fn signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(bytes) = BASE64URL_NOPAD.decode(signature.as_bytes()) else { return false };
        bytes.len() == SIGNATURE_LENGTH && self.parsed.verify_sig(message, &bytes).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest;
    use data_encoding::HEXLOWER;
    use domain::Timestamp;
    use domain::push::signed::{Answered, Enroll, Request};
    use domain::push::{Answer, DeviceHeader};
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../../../docs/push-protocol/vectors.json")).unwrap()
    }

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().unwrap_or_else(|| panic!("{name}"))
    }

    fn sha256(text: &str) -> [u8; 32] {
        digest::digest(&digest::SHA256, text.as_bytes()).as_ref().try_into().unwrap()
    }

    fn check(key: &AppKey, vector: &Value, built: &[u8]) {
        assert_eq!(HEXLOWER.encode(built), text(vector, "signed"));
        assert!(key.signed(built, text(vector, "signature")));
    }

    #[test]
    fn an_enrollment_is_signed_as_documented() {
        let vectors = vectors();
        let key = AppKey::from_text(text(&vectors, "public_key")).unwrap();
        let enroll = &vectors["enroll"];
        let token_hash = sha256(text(enroll, "token"));
        assert_eq!(HEXLOWER.encode(&token_hash), text(enroll, "token_sha256"));
        let (server, name) = (text(&vectors, "server"), text(enroll, "name"));
        let built = Enroll { server, token_hash: &token_hash, public_key: key.point(), name };
        check(&key, enroll, &built.bytes());
    }

    #[test]
    fn requests_are_signed_as_documented() {
        let vectors = vectors();
        let key = AppKey::from_text(text(&vectors, "public_key")).unwrap();
        for vector in vectors["requests"].as_array().unwrap() {
            let header = DeviceHeader::parse(text(vector, "header")).unwrap();
            assert_eq!(header.authenticator.to_string(), text(vector, "authenticator_id"));
            assert_eq!(header.at, Timestamp::from_unix_millis(vector["at"].as_i64().unwrap()));
            let body_hash = sha256(text(vector, "body"));
            assert_eq!(HEXLOWER.encode(&body_hash), text(vector, "body_sha256"));
            let built = Request {
                server: text(&vectors, "server"),
                method: text(vector, "method"),
                path: text(vector, "path"),
                body_hash: &body_hash,
                authenticator: header.authenticator,
                at: header.at,
                nonce: header.nonce,
            };
            assert_eq!(header.signature, text(vector, "signature"));
            check(&key, vector, &built.bytes());
        }
    }

    #[test]
    fn answers_are_signed_as_documented() {
        let vectors = vectors();
        let key = AppKey::from_text(text(&vectors, "public_key")).unwrap();
        let prompt_hash = sha256(text(&vectors["prompt"], "text"));
        assert_eq!(HEXLOWER.encode(&prompt_hash), text(&vectors["prompt"], "sha256"));
        for vector in vectors["answers"].as_array().unwrap() {
            let answer = Answer::from_parts(text(vector, "answer"), vector["number"].as_str()).unwrap();
            let built = Answered { server: text(&vectors, "server"), prompt_hash: &prompt_hash, answer };
            check(&key, vector, &built.bytes());
        }
    }

    #[test]
    fn t21_what_is_to_be_refused_is_refused() {
        let vectors = vectors();
        let key = AppKey::from_text(text(&vectors, "public_key")).unwrap();
        for vector in vectors["refused"].as_array().unwrap() {
            let message = HEXLOWER.decode(text(vector, "signed").as_bytes()).unwrap();
            assert!(!key.signed(&message, text(vector, "signature")), "{}", text(vector, "why"));
        }
    }

    #[test]
    fn t21_a_key_is_a_point_on_the_curve_in_one_spelling() {
        let vectors = vectors();
        let good = *AppKey::from_text(text(&vectors, "public_key")).unwrap().point();
        let with = |at: usize, byte: u8| {
            let mut point = good;
            point[at] = byte;
            AppKey::new(point)
        };
        assert!(with(0, 0x04).is_some());
        for first in [0x00, 0x02, 0x03, 0x06, 0x07] {
            assert!(with(0, first).is_none(), "{first}");
        }
        assert!(with(64, good[64] ^ 1).is_none(), "not on the curve");
        assert!(AppKey::new([0; 65]).is_none(), "infinity");
        let text = text(&vectors, "public_key");
        for other in [format!("{text}="), format!("{text}AA"), text.replacen('B', "b", 1), String::new()] {
            assert!(AppKey::from_text(&other).is_none(), "{other}");
        }
    }
}
