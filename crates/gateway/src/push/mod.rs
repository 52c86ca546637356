//! Push: a nudge to a device that something waits for it. What waits is fetched by the device itself, and is not in here.

mod apns;
mod encrypt;
mod fcm;
mod services;
mod token;
mod web_push;
mod words;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

pub use apns::{Apns, ApnsEnvironment};
pub use encrypt::SubscriptionKeys;
pub use fcm::Fcm;
pub use services::{InvalidPushService, PushServices};
pub use web_push::{Subscription, Vapid, VapidClaims, WebPush};

use crate::Secret;
use crate::messages::Language;

/// A device, by the service that reaches it. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub enum PushTarget {
    /// A browser's subscription (RFC 8030).
    WebPush(Subscription),
    /// A registration token of Firebase Cloud Messaging.
    Fcm(Secret),
    /// A device token of Apple's push service, in hex digits.
    Apns(Secret),
}

/// What is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What a phone shows by itself, without asking the app: no names, no amounts, since the services of others carry it. A browser's
    /// worker finds its own words, and is sent none.
    pub title: String,
    /// One more line.
    pub body: String,
    /// What the app needs to fetch the rest: ids.
    pub data: Map<String, Value>,
    /// How long it is of use.
    pub useful: Duration,
    /// A later note of the same topic takes the place of this one: up to 32 letters, digits, `-` and `_`.
    pub topic: Option<String>,
}

impl Note {
    /// That something may wait, in the words of a language.
    pub fn that_something_waits(language: Language, data: Map<String, Value>, useful: Duration) -> Self {
        let (title, body) = words::something_waits(language);
        Self { title: title.to_owned(), body: body.to_owned(), data, useful, topic: None }
    }

    /// The topic, if it is one that every service takes.
    fn topic(&self) -> Option<&str> {
        let is_fine = |topic: &&str| {
            (1..=32).contains(&topic.len()) && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        self.topic.as_deref().filter(is_fine)
    }
}

impl PushTarget {
    /// Which service reaches it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::WebPush(_) => "web_push",
            Self::Fcm(_) => "fcm",
            Self::Apns(_) => "apns",
        }
    }
}

impl fmt::Debug for PushTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}
