//! What an authenticator is known by, for the kinds that have no key of ours: a public key, a number, a mailbox.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AuthenticatorKind, Timestamp};

/// What an authenticator without a key of ours is known by. None of it is secret; numbers and mailboxes are personal, and go with
/// their user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A public key credential (W3C Web Authentication Level 3 §4).
    Webauthn(Box<WebauthnCredential>),
    /// The key of an app that approves.
    Push(Box<PushCredential>),
    /// A phone number, E.164.
    Sms(String),
    /// A mailbox (RFC 5321 §4.1.2).
    Email(String),
    /// The key of a browser that is remembered.
    Browser(BrowserCredential),
}

/// A public key credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebauthnCredential {
    /// The credential's id, base64url: no two authenticators in use have the same.
    pub id: String,
    /// What verifying takes, as `server::app::factors::webauthn` made it.
    pub facts: Value,
}

/// The key of an app that approves.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushCredential {
    /// The device's public key: an uncompressed P-256 point (SEC 1 §2.3.3), base64url.
    pub public_key: String,
    /// How prompts reach it while it does not ask, as `server::app::factors::push` made it.
    pub delivery: Option<Value>,
}

/// The key of a browser that is remembered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserCredential {
    /// The browser's public key: an uncompressed P-256 point (SEC 1 §2.3.3), base64url.
    pub public_key: String,
    /// It counts for nothing from here on.
    pub expires_at: Timestamp,
}

impl Credential {
    /// The kind of authenticator that has such.
    pub const fn kind(&self) -> AuthenticatorKind {
        match self {
            Self::Webauthn(_) => AuthenticatorKind::Webauthn,
            Self::Push(_) => AuthenticatorKind::Push,
            Self::Sms(_) => AuthenticatorKind::Sms,
            Self::Email(_) => AuthenticatorKind::Email,
            Self::Browser(_) => AuthenticatorKind::Browser,
        }
    }

    /// Where codes go, with most of it hidden: enough for its owner to know which it is. `None` where no codes go anywhere.
    pub fn masked(&self) -> Option<String> {
        match self {
            Self::Webauthn(_) | Self::Push(_) | Self::Browser(_) => None,
            Self::Sms(number) => {
                let last = number.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect::<String>();
                Some(format!("•••{last}"))
            }
            Self::Email(mailbox) => {
                let (local, domain) = mailbox.rsplit_once('@')?;
                let first: String = local.chars().take(1).collect();
                Some(format!("{first}•••@{domain}"))
            }
        }
    }

    /// What no other authenticator in use may have, whoever's it is. Numbers and mailboxes may be shared.
    pub fn unique_id(&self) -> Option<&str> {
        match self {
            Self::Webauthn(credential) => Some(&credential.id),
            Self::Push(credential) => Some(&credential.public_key),
            Self::Browser(credential) => Some(&credential.public_key),
            Self::Sms(_) | Self::Email(_) => None,
        }
    }

    /// When it counts for nothing any more, for the kinds that have an end.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Browser(credential) => Some(credential.expires_at),
            Self::Webauthn(_) | Self::Push(_) | Self::Sms(_) | Self::Email(_) => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.kind().name())
    }
}
