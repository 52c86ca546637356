//! Links: what a run lets a user do from a message, once, and for a time.

use crate::{AuthenticatorId, LinkId, RunId, SessionId, Texts, Timestamp, UserId};

/// What a run lets a user do by a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Ours.
    pub id: LinkId,
    /// The run that made it.
    pub run_id: RunId,
    /// By which workflow the run goes.
    pub workflow: String,
    /// Whom it is for.
    pub user_id: UserId,
    /// By which workflows tell links from each other.
    pub name: String,
    /// What people read on its page: what it is about, …
    pub title: Texts,
    /// … what happens by it, …
    pub message: Texts,
    /// … what stands on the button, …
    pub button: Texts,
    /// … and what they read once they pressed it.
    pub done: Option<Texts>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From here on it does nothing any more.
    pub expires_at: Timestamp,
    /// When it was followed.
    pub followed_at: Option<Timestamp>,
    /// In which session, where that was not by the link itself.
    pub session_id: Option<SessionId>,
    /// When somebody first came too late.
    pub late_at: Option<Timestamp>,
    /// Whether its run is over, so that nobody would hear of it.
    pub is_over: bool,
    /// What whoever follows it is shown, once; nothing, where it only says something to the run.
    pub gives: Option<LinkGives>,
    /// The authenticator that was made as it was followed.
    pub authenticator_id: Option<AuthenticatorId>,
}

/// What a link hands out (T-31). It is made as the link is followed, and in the clear nowhere but in the answer to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkGives {
    /// A backup code that counts once, until the link's own time is over.
    Pass,
    /// A new set of backup codes.
    BackupCodes,
}

impl LinkGives {
    /// Its name, as in JSON, events and the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::BackupCodes => "backup_codes",
        }
    }

    /// What has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pass, Self::BackupCodes].into_iter().find(|gives| gives.name() == name)
    }
}

/// What a link does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// What it says.
    Open,
    /// Nothing: it was followed before.
    Followed,
    /// Nothing: its time is over.
    Expired,
    /// Nothing: its run is.
    Over,
}

impl Link {
    /// What it does at `now`.
    pub fn state_at(&self, now: Timestamp) -> LinkState {
        if self.followed_at.is_some() {
            LinkState::Followed
        } else if now >= self.expires_at {
            LinkState::Expired
        } else if self.is_over {
            LinkState::Over
        } else {
            LinkState::Open
        }
    }
}

impl LinkState {
    /// The state's name, as in JSON and in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Followed => "followed",
            Self::Expired => "expired",
            Self::Over => "over",
        }
    }
}
