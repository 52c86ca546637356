//! What a prompt keeps of a push: the JSON in its `data`.

use domain::push::Number;
use domain::{Door, Prompt};
use serde::{Deserialize, Serialize};

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

/// Whether a prompt waits for an app to come by its link.
pub(super) fn is_link(prompt: &Prompt) -> bool {
    prompt.data.as_deref().is_some_and(|data| matches!(serde_json::from_str(data), Ok(Kept::Link)))
}
