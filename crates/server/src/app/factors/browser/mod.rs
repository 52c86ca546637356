//! A browser that is remembered: it signs, with a key that was made in it and cannot leave it, what is to be proved (ADR 13).
//!
//! It is bound on a hosted page, after a proof, by [`crate::app::pages`], and by no enrollment; it dies with any change of what its
//! user has, in the store's commit of that change (T-25).

mod enroll;
mod prompt;
mod prove;

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use domain::AuthenticatorKind;

use super::{Against, Asked, Enrolling, Factor, HandedOver, Judgement, Prompted, Working};
use crate::app::proof::Given;
use crate::app::{App, Error};
pub(crate) use enroll::{Key, remembered};

/// See the module.
pub(crate) struct Browser;

impl Factor for Browser {
    fn kind(&self) -> AuthenticatorKind {
        AuthenticatorKind::Browser
    }

    fn is_offered(&self, app: &App) -> bool {
        lifetime(app).is_some()
    }

    fn hand_over<'a>(&'a self, _app: &'a App, _enrolling: &'a Enrolling<'a>) -> Working<'a, HandedOver> {
        Box::pin(async { Err(Error::Conflict("a browser is remembered on a page, after a proof")) })
    }

    fn prompt<'a>(&'a self, app: &'a App, asked: &'a Asked<'a>) -> Working<'a, Prompted> {
        Box::pin(async { Ok(prompt::prompt(app, asked)) })
    }

    fn judge<'a>(&'a self, app: &'a App, given: &'a Given, against: &'a Against<'a>) -> Working<'a, Judgement> {
        Box::pin(async { Ok(prove::judge(app, given, against)) })
    }
}

/// How long browsers are remembered, where they are.
pub(crate) fn lifetime(app: &App) -> Option<Duration> {
    app.settings.remembered_browsers
}

/// Fields, each with its length before it, so that no two lists of fields are the same bytes.
fn joined(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(*field);
    }
    bytes
}

/// Whether this is the signature of that key over these bytes: ECDSA with P-256 and SHA-256, as `WebCrypto` writes both (a point, and two
/// numbers of 32 bytes).
fn is_signed(public_key: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public_key).verify(bytes, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t11_no_two_lists_of_fields_are_the_same_bytes() {
        assert_ne!(joined(&[b"ab", b"c"]), joined(&[b"a", b"bc"]));
        assert_eq!(joined(&[b"a"]), [0, 0, 0, 0, 0, 0, 0, 1, b'a']);
    }
}
