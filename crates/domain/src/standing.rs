//! What is kept of a user beside who they are, and is read with each decision about them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{AuthenticatorKind, Timestamp};

/// How a user stands: groups and attributes that rules can ask about, and what is asked or thought of them for a while.
///
/// It stands in the user's own row, so that reading it costs a decision nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Standing {
    /// The groups that the user is in, beside those that an application says.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Whatever else rules are to know, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The grace period does not end before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_until: Option<Timestamp>,
    /// One of these kinds of authenticator is asked of the user.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub required: BTreeSet<AuthenticatorKind>,
    /// Until when the user is invited to enroll something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
    /// Signals of risk that were raised about the user, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<String, Raised>,
}

/// That a user is asked to enroll something. It grants nothing: whoever follows it proves what everybody proves who enrolls (T-13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// By what it is known, to be taken back.
    pub id: String,
    /// One of these is to be enrolled; any, if none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<AuthenticatorKind>,
    /// It is over from here on.
    pub expires_at: Timestamp,
}

/// A signal that was raised for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raised {
    /// Since when: a proof from before does not answer it.
    pub since: Timestamp,
    /// It is over from here on.
    pub until: Timestamp,
}

impl Standing {
    /// The most groups of a user that are kept here.
    pub const MOST_GROUPS: usize = 64;
    /// The most attributes of a user.
    pub const MOST_ATTRIBUTES: usize = 64;
    /// The most signals that are raised at once.
    pub const MOST_SIGNALS: usize = 16;
    /// The longest name or value, in bytes.
    pub const LONGEST: usize = 256;

    /// Whether a text may stand here as a group, a name or a value: not empty but for a value, not too long, and without what does not print.
    pub fn is_text(text: &str) -> bool {
        !text.trim().is_empty() && text.len() <= Self::LONGEST && !text.chars().any(char::is_control)
    }

    /// Whether a text may stand here as the name of an attribute or signal: 1 to 64 small letters, digits and `_`, as conditions write it.
    pub fn is_name(text: &str) -> bool {
        let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !text.is_empty()
            && text.len() <= 64
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text.bytes().all(shaped)
    }

    /// Whether there is no more of anything than is kept.
    pub fn is_bounded(&self) -> bool {
        self.groups.len() <= Self::MOST_GROUPS
            && self.attributes.len() <= Self::MOST_ATTRIBUTES
            && self.signals.len() <= Self::MOST_SIGNALS
    }

    /// Without what is over by now.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.signals.retain(|_, raised| raised.until > now);
        self.invitation = self.invitation.filter(|invitation| invitation.expires_at > now);
        self
    }

    /// As a row has it: nothing where nothing is kept. The same for the same, so that it can be held against what was seen.
    pub fn to_text(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        // Names, texts and numbers alone: nothing that cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_not_there() {
        let (now, later) = (Timestamp::from_unix_millis(5), Timestamp::from_unix_millis(6));
        let raised = |until| Raised { since: Timestamp::default(), until };
        let standing = Standing {
            signals: BTreeMap::from([("odd".to_owned(), raised(now)), ("other".to_owned(), raised(later))]),
            invitation: Some(Invitation { id: "i".to_owned(), kinds: BTreeSet::new(), expires_at: now }),
            ..Standing::default()
        };
        let left = standing.at(now);
        assert_eq!(left.signals.keys().collect::<Vec<_>>(), ["other"]);
        assert_eq!(left.invitation, None);
    }

    #[test]
    fn it_reads_back_and_nothing_is_nothing() {
        assert_eq!(Standing::default().to_text(), "");
        let standing = Standing {
            groups: BTreeSet::from(["staff".to_owned()]),
            required: BTreeSet::from([AuthenticatorKind::Webauthn]),
            ..Standing::default()
        };
        let read: Standing = serde_json::from_str(&standing.to_text()).unwrap();
        assert_eq!(read, standing);
    }

    #[test]
    fn names_are_as_conditions_write_them() {
        for (text, is_name) in
            [("office", true), ("a1_b", true), ("1a", false), ("A", false), ("", false), ("a.b", false)]
        {
            assert_eq!(Standing::is_name(text), is_name, "{text}");
        }
    }
}
