//! API clients, their keys and what they may do.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, ApplicationId, ReturnOrigin, Timestamp};

/// An API client, with its scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Ours.
    pub id: ApplicationId,
    /// What its operators call it; also the issuer that authenticator apps show, unless another is configured.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// TLS client certificates that stand for it (P-07), by the SHA-256 of their DER.
    pub certificates: BTreeSet<CertificateFingerprint>,
    /// Where hosted pages may lead back to.
    pub return_origins: BTreeSet<ReturnOrigin>,
    /// Counts its changes, from 1: a change is made to the version that was seen, or not at all.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// One key of an API client. The key itself is shown once and stored as its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Ours; also stands in the key's text, so that a leaked key can be found and revoked.
    pub id: ApiKeyId,
    /// Whose it is.
    pub application_id: ApplicationId,
    /// SHA-256 of the whole key. A key has 256 random bits, so a plain hash is enough.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// It opens nothing from here on; rotation sets it for the old key.
    pub expires_at: Option<Timestamp>,
}

/// SHA-256 of an API key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// SHA-256 of a certificate's DER; in text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateFingerprint(pub [u8; 32]);

impl CertificateFingerprint {
    /// Reads 64 hex digits, in either case, with or without colons as `openssl x509 -fingerprint` prints them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u32> = text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [high, low] => u8::try_from(high * 16 + low).ok(),
                _ => None,
            })
            .collect();
        (digits.len() == 64).then(|| bytes.try_into().ok().map(Self))?
    }
}

impl fmt::Display for CertificateFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CertificateFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One thing that an application may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Everything, for every application: what an administrator's key has.
    #[serde(rename = "admin")]
    Admin,
    /// See users and devices.
    #[serde(rename = "users:read")]
    UsersRead,
    /// Create, change, suspend and erase users and devices.
    #[serde(rename = "users:write")]
    UsersWrite,
    /// Register, see and end sessions.
    #[serde(rename = "sessions")]
    Sessions,
    /// Enroll authenticators.
    #[serde(rename = "enrollments")]
    Enrollments,
    /// See authenticators.
    #[serde(rename = "authenticators:read")]
    AuthenticatorsRead,
    /// Rename, suspend, resume, revoke, report lost and rotate authenticators.
    #[serde(rename = "authenticators:write")]
    AuthenticatorsWrite,
    /// Ask for proof and verify it.
    #[serde(rename = "challenges")]
    Challenges,
    /// See, import and remove hardware tokens.
    #[serde(rename = "hardware_tokens")]
    HardwareTokens,
    /// See events.
    #[serde(rename = "events:read")]
    EventsRead,
    /// See policies, what they would change, and what would happen by them.
    #[serde(rename = "policies:read")]
    PoliciesRead,
    /// Put policies into force.
    #[serde(rename = "policies:write")]
    PoliciesWrite,
    /// See what files say of applications, gateways and branding, and what they would change of them.
    #[serde(rename = "configuration:read")]
    ConfigurationRead,
    /// Put applications, gateways and branding into force by files.
    #[serde(rename = "configuration:write")]
    ConfigurationWrite,
    /// See workflows, and what their runs did and do.
    #[serde(rename = "workflows:read")]
    WorkflowsRead,
    /// Start runs, cancel them, say what becomes of steps that are held, decide tasks, see to alerts, end switches of gateways, and, with
    /// policies, put workflows and rules of alerts into force.
    #[serde(rename = "workflows:write")]
    WorkflowsWrite,
    /// See what recoveries hand out, to give it to people in person.
    #[serde(rename = "recovery")]
    Recovery,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 17] = [
        Self::Admin,
        Self::UsersRead,
        Self::UsersWrite,
        Self::Sessions,
        Self::Enrollments,
        Self::AuthenticatorsRead,
        Self::AuthenticatorsWrite,
        Self::Challenges,
        Self::HardwareTokens,
        Self::EventsRead,
        Self::PoliciesRead,
        Self::PoliciesWrite,
        Self::ConfigurationRead,
        Self::ConfigurationWrite,
        Self::WorkflowsRead,
        Self::WorkflowsWrite,
        Self::Recovery,
    ];

    /// The scope's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::Sessions => "sessions",
            Self::Enrollments => "enrollments",
            Self::AuthenticatorsRead => "authenticators:read",
            Self::AuthenticatorsWrite => "authenticators:write",
            Self::Challenges => "challenges",
            Self::HardwareTokens => "hardware_tokens",
            Self::EventsRead => "events:read",
            Self::PoliciesRead => "policies:read",
            Self::PoliciesWrite => "policies:write",
            Self::ConfigurationRead => "configuration:read",
            Self::ConfigurationWrite => "configuration:write",
            Self::WorkflowsRead => "workflows:read",
            Self::WorkflowsWrite => "workflows:write",
            Self::Recovery => "recovery",
        }
    }

    /// The scope of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p07_a_fingerprint_reads_as_openssl_prints_it() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(CertificateFingerprint::parse(&colons), CertificateFingerprint::parse(&plain));
        assert_eq!(CertificateFingerprint::parse(&plain).map(|f| f.to_string()), Some(plain.clone()));
        for wrong in ["", "ab", &plain[1..], &format!("{plain}ab"), &plain.replace('a', "g")] {
            assert_eq!(CertificateFingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
