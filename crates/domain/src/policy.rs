//! Which policy is in force.

use std::collections::BTreeMap;

use crate::{PolicyId, Timestamp};

/// A policy while it was in force: from when it was loaded to when the next one was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInForce {
    /// Ours. One policy that comes into force again has another id.
    pub id: PolicyId,
    /// SHA-256 of what it says, in hexadecimal.
    pub version: String,
    /// Its files, by their names.
    pub files: BTreeMap<String, String>,
    /// Whether it has everybody have a second factor.
    pub enforces: bool,
    /// From when on.
    pub at: Timestamp,
}
