//! The bytes that the app signs.
//!
//! Each message is a list of fields, and each field is its length (eight bytes, big-endian) and its bytes: no two different lists
//! give the same bytes. The first field says which message of which version it is, so that a signature on one is none on another.
//! The second is the server's address, so that what was signed for one server is nothing to another.

use super::prompt::Answer;
use crate::{AuthenticatorId, Timestamp};

/// How long a public key is: an uncompressed P-256 point (SEC 1 §2.3.3).
pub const PUBLIC_KEY_LENGTH: usize = 65;

/// How long a signature is: ECDSA's r and s, 32 bytes each, big-endian, one after the other (IEEE P1363).
pub const SIGNATURE_LENGTH: usize = 64;

/// What a new app signs to show that it has the key that it brings.
#[derive(Debug, Clone, Copy)]
pub struct Enroll<'a> {
    /// The part of the link before `/authenticator`.
    pub server: &'a str,
    /// SHA-256 of the link's token.
    pub token_hash: &'a [u8; 32],
    /// The app's key.
    pub public_key: &'a [u8; PUBLIC_KEY_LENGTH],
    /// What its owner will know it by.
    pub name: &'a str,
}

/// What the app signs with every other request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The server's address, as in the link.
    pub server: &'a str,
    /// In capitals.
    pub method: &'a str,
    /// As in the request's first line, without what comes before it in `server`.
    pub path: &'a str,
    /// SHA-256 of the body's bytes, also where there are none.
    pub body_hash: &'a [u8; 32],
    /// Who signs.
    pub authenticator: AuthenticatorId,
    /// When, in milliseconds.
    pub at: Timestamp,
    /// Random, and never used again.
    pub nonce: &'a str,
}

/// What the app signs to answer a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The server's address, as in the link.
    pub server: &'a str,
    /// SHA-256 of the prompt's text, byte by byte as it was received: with it everything that stands in it is signed, what was
    /// asked and what was shown (T-11).
    pub prompt_hash: &'a [u8; 32],
    /// The answer.
    pub answer: Answer<'a>,
}

impl Enroll<'_> {
    /// What is signed.
    pub fn bytes(&self) -> Vec<u8> {
        joined(&[
            b"countersign push enroll v1",
            self.server.as_bytes(),
            self.token_hash,
            self.public_key,
            self.name.as_bytes(),
        ])
    }
}

impl Request<'_> {
    /// What is signed.
    pub fn bytes(&self) -> Vec<u8> {
        joined(&[
            b"countersign push request v1",
            self.server.as_bytes(),
            self.method.as_bytes(),
            self.path.as_bytes(),
            self.body_hash,
            self.authenticator.to_string().as_bytes(),
            self.at.unix_millis().to_string().as_bytes(),
            self.nonce.as_bytes(),
        ])
    }
}

impl Answered<'_> {
    /// What is signed. Without a number, its field is there and empty.
    pub fn bytes(&self) -> Vec<u8> {
        joined(&[
            b"countersign push answer v1",
            self.server.as_bytes(),
            self.prompt_hash,
            self.answer.name().as_bytes(),
            self.answer.number().unwrap_or_default().as_bytes(),
        ])
    }
}

fn joined(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(fields.iter().map(|field| field.len() + 8).sum());
    for field in fields {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(*field);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ATH: AuthenticatorId = AuthenticatorId::from_uuid(uuid::Uuid::nil());

    fn request(method: &str, path: &str, body_hash: [u8; 32], at: i64, nonce: &str) -> Vec<u8> {
        let at = Timestamp::from_unix_millis(at);
        Request { server: "https://a.example", method, path, body_hash: &body_hash, authenticator: ATH, at, nonce }
            .bytes()
    }

    #[test]
    fn a_field_is_its_length_and_its_bytes() {
        assert_eq!(joined(&[b"ab", b""]), [0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn t11_no_field_can_be_changed_for_another() {
        let (server, other) = ("https://a.example", "https://b.example");
        let approve = Answered { server, prompt_hash: &[1; 32], answer: Answer::Approve("42") };
        let bytes = approve.bytes();
        for changed in [
            Answered { server: other, ..approve },
            Answered { prompt_hash: &[2; 32], ..approve },
            Answered { answer: Answer::Approve("24"), ..approve },
            Answered { answer: Answer::Deny, ..approve },
            Answered { answer: Answer::Fraud, ..approve },
        ] {
            assert_ne!(changed.bytes(), bytes);
        }
    }

    proptest! {
        #[test]
        fn different_fields_are_different_bytes(
            one in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..6),
            other in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..6),
        ) {
            let bytes = |fields: &[Vec<u8>]| joined(&fields.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(bytes(&one) == bytes(&other), one == other);
        }

        #[test]
        fn nothing_moves_between_method_path_and_nonce(
            one in ("[A-Z/]{0,4}", "[A-Z/]{0,4}", "[A-Z/]{0,4}"),
            other in ("[A-Z/]{0,4}", "[A-Z/]{0,4}", "[A-Z/]{0,4}"),
            times in (any::<i64>(), any::<i64>()),
        ) {
            let first = request(&one.0, &one.1, [0; 32], times.0, &one.2);
            let second = request(&other.0, &other.1, [0; 32], times.1, &other.2);
            prop_assert_eq!(first == second, one == other && times.0 == times.1);
        }
    }
}
