//! Which policy is in force, and which ones were.

use std::collections::BTreeMap;

use crate::{ApplicationId, CertificateFingerprint, PolicyId, Timestamp};

/// A policy while it was in force: from when it was put there to when the next one was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInForce {
    /// Ours. One policy that comes into force again has another id.
    pub id: PolicyId,
    /// Its place among all, from 1, without gaps. The one with the highest is in force.
    pub number: i64,
    /// SHA-256 of all that its files say, in hexadecimal; in rows of earlier releases, of what they say beside workflows and alerts.
    pub version: String,
    /// Its files, by their names; none where only what is said of it was asked for.
    pub files: BTreeMap<String, String>,
    /// Since when there has been one without interruption that has everybody have a second factor: grace periods count from then. `None`
    /// where this one has not.
    pub enforced_since: Option<Timestamp>,
    /// From when on.
    pub at: Timestamp,
    /// How it came there.
    pub origin: PolicyOrigin,
    /// Who put it there.
    pub by: PolicyAuthor,
    /// The vault's signature over all of this and over the signature of the one before.
    pub signature: String,
}

/// Who put a policy into force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyAuthor {
    /// Which application asked for it; `None` where the server did so by itself.
    pub application_id: Option<ApplicationId>,
    /// By which certificate that was known, if it was by one.
    pub certificate: Option<CertificateFingerprint>,
    /// Who it was, in the application's words.
    pub name: Option<String>,
    /// What for: a commit, a message.
    pub reference: Option<String>,
}

/// How a policy came into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyOrigin {
    /// There was no other.
    BuiltIn,
    /// It stood in the folder that a server was started with.
    Folder,
    /// It was applied.
    Applied,
    /// It was in force before, and was put back.
    Reverted,
}

impl PolicyOrigin {
    const ALL: [Self; 4] = [Self::BuiltIn, Self::Folder, Self::Applied, Self::Reverted];

    /// Its name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Folder => "folder",
            Self::Applied => "applied",
            Self::Reverted => "reverted",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.name() == name)
    }
}
