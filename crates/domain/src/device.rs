//! What a user holds.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, Timestamp, UserId};

/// A phone, key or browser that a user holds; an authenticator sits on one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Ours.
    pub id: DeviceId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// When it was first heard of.
    pub created_at: Timestamp,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A phone or tablet.
    Phone,
    /// A security key or hardware token.
    Key,
    /// A browser.
    Browser,
    /// Anything else.
    Other,
}

impl DeviceKind {
    /// The kind's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Key => "key",
            Self::Browser => "browser",
            Self::Other => "other",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Phone, Self::Key, Self::Browser, Self::Other].into_iter().find(|kind| kind.name() == name)
    }
}
