//! What a prompt keeps of a push: the JSON in its `data`.

use domain::push::Number;
use domain::{Authenticator, AuthenticatorId, Credential, Door, Prompt, PushCredential};
use gateway::push::{PushTarget, Subscription, SubscriptionKeys};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is waited for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    /// An app, by the link of an enrollment. The prompt's hash is that of the link's token.
    Link,
    /// An answer. The prompt's hash is that of the answer, once there is one.
    Question(Box<Question>),
}

/// What an app is asked.
#[derive(Serialize, Deserialize)]
pub(super) struct Question {
    /// The number on the other screen.
    pub(super) number: Number,
    /// What the app is told, and signs.
    pub(super) text: String,
    /// Whether it was asked for by the trusted door.
    #[serde(default)]
    trusted: bool,
    /// The app that is connecting, where this is its first question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<NewApp>,
}

/// An app whose authenticator does not count yet.
#[derive(Serialize, Deserialize)]
pub(super) struct NewApp {
    /// Its key, base64url.
    pub(super) public_key: String,
}

/// How an app is woken up: the JSON in `delivery` of its credential.
#[derive(Serialize, Deserialize)]
pub(super) struct Reach {
    /// When the app said so, in milliseconds, by its signature: what is older counts no more.
    pub(super) at: i64,
    /// Where it is reached, if it is.
    pub(super) to: Option<Address>,
    /// Whether it was reached once, until its push service said that it is there no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) gone: bool,
}

/// Where an app is reached while it is closed. Does not print: whoever has it can send.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Address {
    /// A browser's subscription (RFC 8030).
    WebPush {
        /// Where its push service takes what is for it.
        endpoint: String,
        /// The browser's public key, base64url.
        p256dh: String,
        /// The browser's secret, base64url.
        auth: String,
    },
    /// A registration token of Firebase Cloud Messaging.
    Fcm(String),
    /// A device token of Apple's push service.
    Apns(String),
}

impl Address {
    /// As the gateway takes it; `None` where the browser's keys are none.
    pub(super) fn target(&self) -> Option<PushTarget> {
        Some(match self {
            Self::WebPush { endpoint, p256dh, auth } => PushTarget::WebPush(Subscription {
                endpoint: endpoint.as_str().into(),
                keys: SubscriptionKeys::parse(p256dh, auth)?,
            }),
            Self::Fcm(token) => PushTarget::Fcm(token.as_str().into()),
            Self::Apns(token) => PushTarget::Apns(token.as_str().into()),
        })
    }
}

impl Reach {
    pub(super) fn to_json(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }

    /// How an app is woken up, as far as it has ever said.
    pub(super) fn of(credential: &PushCredential) -> Option<Self> {
        serde_json::from_value(credential.delivery.clone()?).ok()
    }

    /// Whether an app was reached once, and is no more.
    pub(super) fn is_lost(authenticator: &Authenticator) -> bool {
        let Some(Credential::Push(credential)) = &authenticator.credential else { return false };
        Self::of(credential).is_some_and(|reach| reach.gone)
    }
}

impl Question {
    pub(super) fn new(number: Number, text: String, door: Door) -> Self {
        Self { number, text, trusted: door == Door::Trusted, app: None }
    }

    /// By which door it was asked for.
    pub(super) fn door(&self) -> Door {
        if self.trusted { Door::Trusted } else { Door::Open }
    }
}

impl Kept {
    pub(super) fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// What a prompt asks an app; `None` where it waits for an app to come.
pub(super) fn question(prompt: &Prompt) -> Option<Box<Question>> {
    match serde_json::from_str(prompt.data.as_deref()?).ok()? {
        Kept::Question(question) => Some(question),
        Kept::Link => None,
    }
}

/// What a prompt keeps when another authenticator is asked in the place of the one that was: the same question, addressed to that.
pub(super) fn moved(prompt: &Prompt, from: AuthenticatorId, to: AuthenticatorId) -> Option<String> {
    let mut question = question(prompt)?;
    // The ids stand at the beginning of the text, before anything that others have a say in.
    let member = |id: AuthenticatorId| format!("\"authenticator_id\":\"{id}\"");
    let text = question.text.replacen(&member(from), &member(to), 1);
    (text != question.text).then_some(())?;
    question.text = text;
    Kept::Question(question).to_json()
}

/// Whether a prompt waits for an app to come by its link.
pub(super) fn is_link(prompt: &Prompt) -> bool {
    prompt.data.as_deref().is_some_and(|data| matches!(serde_json::from_str(data), Ok(Kept::Link)))
}
