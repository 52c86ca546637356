//! Typed ids: a [`UserId`] is no [`AuthenticatorId`], and neither compiles in the other's place.
//!
//! In text an id is a prefix that names its type and the 32 lower-case hex digits of a UUID version 7
//! (RFC 9562 §5.7), so that ids sort by the time they were made: `usr_0197a3c0…`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Entropy, Timestamp};

/// A text that is no id of the wanted type. Says which shape is wanted, never what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of this type looks like `{prefix}` followed by 32 lower-case hex digits")]
pub struct InvalidId {
    /// The prefix that the wanted type has.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What an id of this type begins with in text.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, sorted by `now` and otherwise random.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(now, entropy))
            }

            /// The id with this UUID inside, as the store and the vault know it.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text, $prefix).map(Self).ok_or(InvalidId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A person or service account.
    UserId = "usr_";
    /// What a user holds: a phone, a key, a browser.
    DeviceId = "dev_";
    /// One factor bound to one user and one device.
    AuthenticatorId = "ath_";
    /// The flow that binds an authenticator.
    EnrollmentId = "enr_";
    /// The application's login session.
    SessionId = "ses_";
    /// One request for proof.
    ChallengeId = "chl_";
    /// Something that was sent or asked so that a challenge or an enrollment can go on.
    PromptId = "prm_";
    /// A hardware token that was imported.
    HardwareTokenId = "tok_";
    /// A hosted page.
    PageId = "pag_";
    /// A browser that is signed in at a site behind a proxy.
    SignInId = "sgn_";
    /// An answer to whether a session may do something.
    DecisionId = "dec_";
    /// A policy while it was in force.
    PolicyId = "pol_";
    /// One execution of a workflow.
    RunId = "run_";
    /// What people are asked by a run.
    TaskId = "tsk_";
    /// What a run lets a user do from a message.
    LinkId = "lnk_";
    /// An API client.
    ApplicationId = "app_";
    /// One key of an API client.
    ApiKeyId = "key_";
    /// One fact.
    EventId = "evt_";
}

/// Only the canonical spelling is an id: one id, one text, so that no alias escapes a comparison.
fn parse(text: &str, prefix: &str) -> Option<Uuid> {
    let hex = text.strip_prefix(prefix)?;
    let canonical = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    canonical.then(|| Uuid::try_parse(hex).ok())?
}

fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(now.unix_millis().unsigned_abs(), &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Counting;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = UserId::generate(Timestamp::from_unix_millis(1_700_000_000_000), &Counting::default());
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("usr_"));
        assert_eq!(id.to_string().len(), 36);
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let entropy = Counting::default();
        let earlier = UserId::generate(Timestamp::from_unix_millis(1_000), &entropy);
        let later = UserId::generate(Timestamp::from_unix_millis(2_000), &entropy);
        assert!(earlier < later);
    }

    #[test]
    fn only_the_canonical_spelling_is_an_id() {
        let id = UserId::generate(Timestamp::from_unix_millis(0x00ab_cdef), &Counting::default()).to_string();
        let upper = id.to_uppercase().replace("USR_", "usr_");
        let hyphens =
            format!("usr_{}", UserId::from_str(&id).unwrap_or_else(|e| unreachable!("{e}")).uuid().hyphenated());
        for wrong in
            [id.replace("usr_", "ath_"), id.replace("usr_", ""), upper, hyphens, format!("{id} "), String::new()]
        {
            assert!(wrong.parse::<UserId>().is_err(), "{wrong}");
        }
    }
}
