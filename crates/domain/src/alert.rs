//! Alerts, as they are kept: when one is raised is for the crate `workflow` to say, which reads their rules.

use crate::{AlertId, Timestamp, UserId};

/// A rule that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRuleInForce {
    /// By which it is called.
    pub name: String,
    /// SHA-256 of what it says, in hexadecimal.
    pub digest: String,
    /// The name of its file.
    pub file: String,
    /// What stands in it.
    pub document: String,
    /// From when on.
    pub at: Timestamp,
    /// Events up to this position are not counted by it.
    pub since: i64,
    /// Until when nothing is raised by it.
    pub silenced_until: Option<Timestamp>,
    /// Who has silenced it last, and when.
    pub silenced: Option<Said>,
}

/// How far events were counted, and how often alerts were changed beside. Whoever changes anything about alerts has seen it, and moves it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertCursor {
    /// Up to which position events were counted.
    pub position: i64,
    /// Counts up with each change that is not by an event.
    pub turn: i64,
}

/// What was counted of one group of a rule's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertGroup {
    /// Which rule.
    pub rule: String,
    /// By what its events are of one group; empty where all are, and for those that say nothing of it.
    pub group: String,
    /// What was counted: JSON, which the crate `workflow` reads and writes.
    pub counter: String,
    /// Until when nothing is raised about it.
    pub silenced_until: Option<Timestamp>,
    /// When nothing of it matters any more.
    pub idle_at: Timestamp,
}

/// More events of a kind than there should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Ours.
    pub id: AlertId,
    /// By which rule.
    pub rule: String,
    /// The digest of the rule as it was then.
    pub digest: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// By what the rule tells groups apart, if it does: `user`, `application`, `data.gateway` …
    pub by: Option<String>,
    /// Which group it is about.
    pub group: String,
    /// Whom it is about, where groups are users.
    pub user_id: Option<UserId>,
    /// What became of it.
    pub state: AlertState,
    /// Which bound was passed.
    pub bound: AlertBound,
    /// How many events there were, at most, since it was raised.
    pub count: i64,
    /// How many there may be.
    pub limit: i64,
    /// How many there are in such an hour as a rule, where that is what it was held against.
    pub usual: Option<i64>,
    /// The position of the event that was one too many.
    pub position: i64,
    /// When it was raised: the time of that event.
    pub raised_at: Timestamp,
    /// When it resolves by itself, if nothing more is counted.
    pub resolves_at: Timestamp,
    /// Who has seen it, in the application's words, and when.
    pub acknowledged: Option<Said>,
    /// Who has silenced it last, and when.
    pub silenced: Option<Said>,
    /// Until when nothing more is raised about its group.
    pub silenced_until: Option<Timestamp>,
    /// Who resolved it, if not time, and when.
    pub resolved: Option<Said>,
}

/// What somebody did, in the application's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who; nobody where it happened by itself.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$variant_doc])* $variant,)* }

        impl $type {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, as in JSON and in the store.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    )*};
}

names! {
    /// What became of an alert.
    AlertState {
        /// Nobody has looked at it yet.
        Open = "open",
        /// Somebody sees to it.
        Acknowledged = "acknowledged",
        /// It is over.
        Resolved = "resolved",
    }

    /// Which bound was passed.
    AlertBound {
        /// A number that was said.
        Above = "above",
        /// What is usual at this hour of the week.
        Unusual = "unusual",
        /// How many alerts of one rule are open at a time: it stands for the groups beyond.
        Overflow = "overflow",
    }

    /// How bad it is.
    AlertSeverity {
        /// To be looked at some day.
        Low = "low",
        /// To be looked at today.
        Medium = "medium",
        /// To be looked at now.
        High = "high",
    }
}
