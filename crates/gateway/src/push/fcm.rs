//! Firebase Cloud Messaging, HTTP v1 (<https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>).

use std::time::Duration;

use domain::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Note;
use super::token::{Kept, SigningKey};
use crate::outside::{Answer, Outside, Request};
use crate::{Failure, FailureKind, Fault, Secret};

const API: &str = "https://fcm.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A project at Firebase, by one of its service accounts.
pub struct Fcm {
    project: String,
    account: String,
    key_id: String,
    key: SigningKey,
    token_uri: String,
    base: String,
    token: Kept,
}

/// The file that Google hands out for a service account, as far as it is of use.
#[derive(Deserialize)]
struct ServiceAccount {
    project_id: String,
    client_email: String,
    private_key_id: String,
    private_key: String,
    token_uri: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

impl Fcm {
    /// From the JSON file of a service account.
    ///
    /// # Errors
    ///
    /// In words, if that is none.
    pub fn new(service_account: &Secret) -> Result<Self, String> {
        let account: ServiceAccount = serde_json::from_str(service_account.expose())
            .map_err(|_| "is no JSON file of a service account, as Google hands it out".to_owned())?;
        Ok(Self {
            key: SigningKey::rsa(&account.private_key.into())?,
            project: account.project_id,
            account: account.client_email,
            key_id: account.private_key_id,
            token_uri: account.token_uri,
            base: API.to_owned(),
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
        let token = self.token.or_make(now, async || self.granted(outside, now).await).await?;
        let url = format!("{}/v1/projects/{}/messages:send", self.base, self.project);
        let request = Request::post(&url)?
            .header("authorization", &format!("Bearer {}", token.expose()))?
            .header("content-type", "application/json")?
            .body(message(to, note).to_string());
        let answer = outside.send(request).await?;
        if answer.status == 401 {
            self.token.forget().await;
        }
        read(&answer)
    }

    /// An access token, against an assertion of our own (RFC 7523).
    async fn granted(&self, outside: &Outside, now: Timestamp) -> Result<(Secret, Duration), Failure> {
        let issued = now.unix_seconds();
        let claims =
            json!({ "iss": self.account, "scope": SCOPE, "aud": self.token_uri, "iat": issued, "exp": issued + 3600 });
        let assertion = self.key.token(&self.key_id, &claims)?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT)
            .append_pair("assertion", assertion.expose())
            .finish();
        let request =
            Request::post(&self.token_uri)?.header("content-type", "application/x-www-form-urlencoded")?.body(form);
        let answer = outside.send(request).await?;
        if answer.status != 200 {
            let failure = Failure::of_status(answer.status, "Google's token endpoint");
            // It is we who are not known there, never the recipient.
            let kind = if answer.status < 500 { FailureKind::Refused } else { failure.kind };
            return Err(Failure { kind, ..failure });
        }
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| Failure::new(FailureKind::Unintelligible, "Google's token endpoint answered no token"))?;
        // A minute less, for the way there.
        let good_for = Duration::from_secs(granted.expires_in.clamp(61, 3600) - 60);
        Ok((granted.access_token.into(), good_for))
    }
}

fn message(to: &Secret, note: &Note) -> Value {
    let seconds = format!("{}s", note.useful.as_secs());
    let mut android = json!({ "priority": "HIGH", "ttl": seconds });
    if let (Some(topic), Some(android)) = (note.topic(), android.as_object_mut()) {
        android.insert("collapse_key".to_owned(), topic.into());
    }
    json!({ "message": {
        "token": to.expose(),
        "notification": { "title": note.title, "body": note.body },
        // Its values are texts.
        "data": { "countersign": Value::Object(note.data.clone()).to_string() },
        "android": android,
    } })
}

fn read(answer: &Answer) -> Result<Option<String>, Failure> {
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let text = |pointer: &str| said.as_ref().and_then(|said| said.pointer(pointer)).and_then(Value::as_str);
    if answer.status == 200 {
        return Ok(text("/name").map(str::to_owned));
    }
    let details = said.as_ref().and_then(|said| said.pointer("/error/details")).and_then(Value::as_array);
    let code = details.and_then(|details| details.iter().find_map(|detail| detail.get("errorCode")?.as_str()));
    let (kind, what) = match code.or_else(|| text("/error/status")).unwrap_or_default() {
        // Its token was taken back, or belongs to somebody else.
        "UNREGISTERED" | "SENDER_ID_MISMATCH" | "NOT_FOUND" => {
            (FailureKind::Recipient(Fault::Gone), "says that the app is there no more")
        }
        // Whoever registered may have sent anything for a token: that must not tell against the service.
        "INVALID_ARGUMENT" => (FailureKind::Recipient(Fault::Unknown), "says that this is no token of a device"),
        "QUOTA_EXCEEDED" | "RESOURCE_EXHAUSTED" => (FailureKind::Unable, "has too much to do"),
        "THIRD_PARTY_AUTH_ERROR" => (FailureKind::Refused, "does not accept our credentials"),
        _ => return Err(Failure::of_status(answer.status, "Firebase")),
    };
    Err(Failure::new(kind, format!("Firebase {what} (HTTP {})", answer.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_service_account_is_refused_without_being_quoted() {
        let refused = Fcm::new(&"{\"private_key\": \"hush\"}".into()).err().unwrap();
        assert!(!refused.contains("hush"), "{refused}");
        let file = json!({ "project_id": "p", "client_email": "a", "private_key_id": "k", "private_key": "hush", "token_uri": "https://x.example" });
        let refused = Fcm::new(&file.to_string().into()).err().unwrap();
        assert!(!refused.contains("hush"), "{refused}");
    }
}
