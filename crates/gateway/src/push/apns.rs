//! Apple's push service, by token over HTTP/2
//! (<https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>).

use std::time::Duration;

use domain::Timestamp;
use serde_json::{Value, json};

use super::Note;
use super::token::{Kept, SigningKey};
use crate::outside::{Answer, Outside, Request};
use crate::{Failure, FailureKind, Fault, Secret};

/// How long a token is used: Apple wants it renewed between 20 and 60 minutes.
const USED_FOR: Duration = Duration::from_mins(45);

/// Which of Apple's two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApnsEnvironment {
    /// For apps from the store.
    Production,
    /// For apps from the developer's own machine.
    Development,
}

/// An app at Apple, by one of its team's keys.
pub struct Apns {
    team: String,
    key_id: String,
    key: SigningKey,
    topic: String,
    base: String,
    token: Kept,
}

impl Apns {
    /// From the team's id, the key's id, the key (the `.p8` file) and the app's bundle id.
    ///
    /// # Errors
    ///
    /// In words, if the key is none.
    pub fn new(
        team: impl Into<String>,
        key_id: impl Into<String>,
        key: &Secret,
        topic: impl Into<String>,
        environment: ApnsEnvironment,
    ) -> Result<Self, String> {
        let host = match environment {
            ApnsEnvironment::Production => "api.push.apple.com",
            ApnsEnvironment::Development => "api.sandbox.push.apple.com",
        };
        Ok(Self {
            team: team.into(),
            key_id: key_id.into(),
            key: SigningKey::ecdsa(key)?,
            topic: topic.into(),
            base: format!("https://{host}"),
            token: Kept::new(),
        })
    }

    /// Asks elsewhere: a stand-in.
    #[must_use]
    pub fn at(mut self, base: impl Into<String>) -> Self {
        self.base = base.into();
        self
    }

    pub(crate) async fn send(
        &self,
        outside: &Outside,
        to: &Secret,
        note: &Note,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        // It becomes a part of the path, so it is looked at first.
        let device = to.expose();
        if !(64..=200).contains(&device.len()) || !device.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Failure::new(FailureKind::Recipient(Fault::Unknown), "this is no device token of Apple's"));
        }
        let claims = json!({ "iss": self.team, "iat": now.unix_seconds() });
        let token = self.token.or_make(now, async || Ok((self.key.token(&self.key_id, &claims)?, USED_FOR))).await?;
        let mut request = Request::post(&format!("{}/3/device/{device}", self.base))?
            .http2()
            .header("authorization", &format!("bearer {}", token.expose()))?
            .header("apns-topic", &self.topic)?
            .header("apns-push-type", "alert")?
            .header("apns-priority", "10")?
            .header("apns-expiration", &now.plus(note.useful).unix_seconds().to_string())?
            .header("content-type", "application/json")?;
        if let Some(topic) = note.topic() {
            request = request.header("apns-collapse-id", topic)?;
        }
        let alert = json!({ "title": note.title, "body": note.body });
        let body = json!({
            "aps": { "alert": alert, "sound": "default", "interruption-level": "time-sensitive" },
            "countersign": note.data,
        });
        let answer = outside.send(request.body(body.to_string())).await?;
        if answer.status == 403 {
            self.token.forget().await;
        }
        read(&answer)
    }
}

fn read(answer: &Answer) -> Result<Option<String>, Failure> {
    if answer.status == 200 {
        return Ok(answer.headers.get("apns-id").and_then(|id| id.to_str().ok()).map(str::to_owned));
    }
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let reason = said.as_ref().and_then(|said| said.get("reason")).and_then(Value::as_str).unwrap_or_default();
    let (kind, what) = match (answer.status, reason) {
        (410, _) | (400, "BadDeviceToken") => {
            (FailureKind::Recipient(Fault::Gone), "says that the app is there no more")
        }
        (400, "DeviceTokenNotForTopic") => {
            (FailureKind::Recipient(Fault::Unknown), "says that the device has another app")
        }
        (413, _) => (FailureKind::Recipient(Fault::TooLarge), "says that the note is too large"),
        (403, _) => (FailureKind::Refused, "does not accept our credentials"),
        (400, "BadTopic" | "MissingTopic" | "TopicDisallowed") => {
            (FailureKind::Refused, "does not accept the app's name")
        }
        // Of one device, not of all.
        (429, "TooManyRequests") => (FailureKind::NotServed, "wants this device to be left alone for a while"),
        (status, _) => return Err(Failure::of_status(status, "Apple")),
    };
    Err(Failure::new(kind, format!("Apple {what} (HTTP {})", answer.status)))
}
