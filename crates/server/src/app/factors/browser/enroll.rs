//! What is made of a browser that is to be remembered.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, BrowserCredential, Credential, Session, Wait,
};

use super::{is_signed, joined};
use crate::app::App;

/// What a browser signs to show that the key is its own.
const OWN_KEY: &[u8] = b"countersign browser key v1";

/// A browser's key, with the proof that it has the private half.
#[derive(Debug)]
pub(crate) struct Key {
    /// An uncompressed P-256 point (SEC 1 §2.3.3).
    pub(crate) public_key: Vec<u8>,
    /// Its signature over the page's token and itself.
    pub(crate) signature: Vec<u8>,
}

impl Key {
    /// Whether it was made for the page with this token.
    pub(crate) fn is_of_page(&self, token: &str) -> bool {
        let bytes = joined(&[OWN_KEY, token.as_bytes(), &self.public_key]);
        self.public_key.len() == 65 && is_signed(&self.public_key, &bytes, &self.signature)
    }
}

/// The browser, as it is kept: from now on, and for so long.
pub(crate) fn remembered(app: &App, session: &Session, key: &Key, label: String, lifetime: Duration) -> Authenticator {
    let now = app.now();
    let credential =
        BrowserCredential { public_key: BASE64URL_NOPAD.encode(&key.public_key), expires_at: now.plus(lifetime) };
    Authenticator {
        id: AuthenticatorId::generate(now, &*app.entropy),
        user_id: session.user_id,
        device_id: session.device_id,
        kind: AuthenticatorKind::Browser,
        state: AuthenticatorState::Active,
        label,
        sealed: None,
        credential: Some(Credential::Browser(credential)),
        last_step: 0,
        failures: 0,
        open: Wait::default(),
        trusted: Wait::default(),
        created_at: now,
        activated_at: Some(now),
        last_used_at: None,
        ends_at: None,
        rotation_asked_at: None,
    }
}
