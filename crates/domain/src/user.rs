//! People and service accounts.

use serde::{Deserialize, Serialize};

use crate::{ExternalId, Standing, Timestamp, UserId};

/// A person or service account, known to the application by its external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Ours.
    pub id: UserId,
    /// The application's.
    pub external_id: ExternalId,
    /// What the user is called on screens and in an authenticator app; the external id where there is none.
    pub display_name: Option<String>,
    /// Person or service account.
    pub kind: UserKind,
    /// Whether the user may prove anything.
    pub state: UserState,
    /// When the user was first heard of.
    pub created_at: Timestamp,
    /// What decisions go by beside.
    pub standing: Standing,
}

impl User {
    /// What the user is called on screens and in an authenticator app.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().unwrap_or(self.external_id.as_given())
    }
}

/// Person or service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Somebody who can hold a phone.
    Person,
    /// A program.
    Service,
}

/// Whether the user may prove anything. An erased user has no row, only events about an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// May.
    Active,
    /// May not, until resumed; authenticators are kept.
    Suspended,
}

impl UserKind {
    /// The kind's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Person, Self::Service].into_iter().find(|kind| kind.name() == name)
    }
}

impl UserState {
    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Suspended].into_iter().find(|state| state.name() == name)
    }
}
