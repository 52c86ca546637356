//! What runs do elsewhere: HTTP calls and messages. At least once, each time with the same key, and never within a transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use domain::{AuthenticatorKind, AuthenticatorState, UserId};
use gateway::messages::MailText;
use gateway::outside::{Answer, OutsideError, Request};
use gateway::{Delivery, Outcome};
use serde_json::{Map, Value};
use workflow::Told;

use super::inside::Fault;
use crate::app::App;

/// Something to do elsewhere.
pub(super) struct Errand {
    pub(super) action: String,
    pub(super) with: BTreeMap<String, Told>,
    /// Run, step and round: the same at each attempt.
    pub(super) idempotency_key: String,
    /// How long it may take.
    pub(super) patience: Duration,
}

/// What a signing key of Standard Webhooks begins with.
const WHSEC: &str = "whsec_";

impl App {
    /// Does something elsewhere. Answers what it gives.
    pub(super) async fn run_errand(&self, errand: Errand) -> Result<Map<String, Value>, Fault> {
        let patience = errand.patience;
        let errand = self.with_links(errand).await?;
        let done = async {
            match errand.action.as_str() {
                "http.call" => self.http_call(&errand).await,
                "notify.mail" => self.mail(&errand).await,
                other => Err(Fault::final_one(format!("this version cannot carry `{other}` out"))),
            }
        };
        match tokio::time::timeout(patience, done).await {
            Ok(done) => done,
            Err(_) => Err(Fault::for_now("it did not come back in time")),
        }
    }

    async fn http_call(&self, errand: &Errand) -> Result<Map<String, Value>, Fault> {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        let request = self.request(errand)?;
        match post.gateways().outside().send(request).await {
            Ok(answer) => answered(&answer),
            Err(error @ (OutsideError::Unreachable { .. } | OutsideError::TimedOut { .. })) => {
                Err(Fault::for_now(error.to_string()))
            }
            Err(error) => Err(Fault::final_one(error.to_string())),
        }
    }

    fn request(&self, errand: &Errand) -> Result<Request, Fault> {
        let wrong = |error: OutsideError| Fault::final_one(error.to_string());
        let method = text(errand, "method").unwrap_or("POST");
        let body = match errand.with.get("body") {
            Some(Told::Value(body)) => body.to_string(),
            _ => String::new(),
        };
        let mut request = Request::with_method(method, text(errand, "url").unwrap_or_default()).map_err(wrong)?;
        request = request.header("idempotency-key", &errand.idempotency_key).map_err(wrong)?;
        if !body.is_empty() {
            request = request.header("content-type", "application/json").map_err(wrong)?;
        }
        if let Some(bearer) = self.secret(errand, "bearer")? {
            request = request.header("authorization", &format!("Bearer {bearer}")).map_err(wrong)?;
        }
        if let Some(key) = self.secret(errand, "signing_key")? {
            let at = self.now().unix_seconds();
            let signature = signature(key, &errand.idempotency_key, at, &body)?;
            request = request.header("webhook-id", &errand.idempotency_key).map_err(wrong)?;
            request = request.header("webhook-timestamp", &at.to_string()).map_err(wrong)?;
            request = request.header("webhook-signature", &signature).map_err(wrong)?;
        }
        Ok(request.body(body))
    }

    async fn mail(&self, errand: &Errand) -> Result<Map<String, Value>, Fault> {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        let user = text(errand, "user").unwrap_or_default();
        let user: UserId = user.parse().map_err(|_| Fault::final_one(format!("`{user}` is no id of a user")))?;
        let authenticators =
            self.store.authenticators_of(user).await.map_err(|error| Fault::for_now(error.to_string()))?;
        let mailbox = authenticators
            .iter()
            .filter(|one| one.kind == AuthenticatorKind::Email && one.state == AuthenticatorState::Active)
            .max_by_key(|one| one.last_used_at);
        let mailbox = mailbox.ok_or_else(|| Fault::final_one("the user has no mailbox that was proved"))?;
        let (subject, message) =
            (text(errand, "subject").unwrap_or_default(), text(errand, "message").unwrap_or_default());
        let mail = MailText::plain(subject, message, post.language);
        match post.notify(mailbox, &mail, self.now()).await {
            Ok(delivery) => delivered(delivery),
            Err(refused) => Err(Fault::for_now(format!(
                "a budget for mail is used up ({}), until {}",
                refused.why.name(),
                refused.until
            ))),
        }
    }

    /// The secret that an action takes by this name.
    fn secret(&self, errand: &Errand, name: &str) -> Result<Option<&str>, Fault> {
        match errand.with.get(name) {
            Some(Told::Secret(reference)) => match self.workflows.secrets.get(reference) {
                Some(secret) => Ok(Some(secret.as_str())),
                // A server that was started before the file that names it, or in another place.
                None => Err(Fault::not_here(format!("{reference} is not known to this server: start it anew with it"))),
            },
            _ => Ok(None),
        }
    }
}

/// The signature of a call (Standard Webhooks, "Webhook Scheme"): over its id, its time and its body.
fn signature(key: &str, id: &str, at: i64, body: &str) -> Result<String, Fault> {
    let key = match key.trim().strip_prefix(WHSEC) {
        Some(encoded) => BASE64
            .decode(encoded.as_bytes())
            .map_err(|_| Fault::final_one("the signing key is none: `whsec_` is followed by base64"))?,
        None => key.trim().as_bytes().to_vec(),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &zeroize::Zeroizing::new(key));
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    Ok(format!("v1,{}", BASE64.encode(tag.as_ref())))
}

fn answered(answer: &Answer) -> Result<Map<String, Value>, Fault> {
    let status = answer.status;
    match status {
        200..=299 => {
            let text = String::from_utf8_lossy(&answer.body);
            let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_ref()));
            Ok(Map::from_iter([("status".to_owned(), status.into()), ("body".to_owned(), body)]))
        }
        408 | 425 | 429 | 500..=599 => Err(Fault::for_now(format!("the answer was {status}"))),
        _ => Err(Fault::final_one(format!("the answer was {status}"))),
    }
}

fn delivered(delivery: Delivery) -> Result<Map<String, Value>, Fault> {
    match delivery.outcome {
        Outcome::Sent { gateway, reference } => {
            let reference = reference.map(|reference| ("reference".to_owned(), reference.into()));
            Ok([("gateway".to_owned(), gateway.into())].into_iter().chain(reference).collect())
        }
        Outcome::Undeliverable(fault) => Err(Fault::final_one(format!("the mailbox cannot be reached: {fault:?}"))),
        Outcome::Unavailable { .. } => Err(Fault::for_now("no gateway can send mail now")),
    }
}

fn text<'a>(errand: &'a Errand, name: &str) -> Option<&'a str> {
    match errand.with.get(name) {
        Some(Told::Value(Value::String(text))) => Some(text),
        _ => None,
    }
}

fn nobody() -> Fault {
    Fault::final_one("this server can call nobody: it has no certificates of authorities")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn calls_are_signed_as_standard_webhooks_are() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(signature("whsec_%", "a", 1, "").is_err());
    }
}
