//! `http.call`: anybody with an address, signed as Standard Webhooks are.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use gateway::outside::{Answer, OutsideError, Request};
use serde_json::{Map, Value};
use workflow::Told;

use super::super::signing;
use super::{Errand, Given, shortened, text, unsent};
use crate::app::App;
use crate::app::workflows::inside::Fault;

impl App {
    pub(super) async fn http_call(&self, errand: &Errand) -> Given {
        let request = self.request(errand)?;
        self.ask(errand, request).await.map(|answer| read(&answer))
    }

    fn request(&self, errand: &Errand) -> Result<Request, Fault> {
        let method = text(errand, "method").unwrap_or("POST");
        let body = match errand.with.get("body") {
            Some(Told::Value(body)) => body.to_string(),
            _ => String::new(),
        };
        let mut headers: Vec<(&str, String)> = Vec::new();
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        if let Some(bearer) = self.secret(errand, "bearer")? {
            headers.push(("authorization", format!("Bearer {}", bearer.trim())));
        }
        if let Some(key) = self.secret(errand, "signing_key")? {
            let at = self.now().unix_seconds();
            headers.push(("webhook-id", errand.idempotency_key.clone()));
            headers.push(("webhook-timestamp", at.to_string()));
            headers.push(("webhook-signature", signature(&key, &errand.idempotency_key, at, &body)?));
        }
        let url = text(errand, "url").unwrap_or_default();
        let mut request = match Request::with_method(method, url) {
            Err(OutsideError::Url("none")) => {
                let url = shortened(url.split(['?', '#']).next().unwrap_or_default(), 100);
                return Err(Fault::final_one(format!("`{url}` is no URL: write it as in `https://example.com/path`")));
            }
            request => request,
        };
        for (name, value) in &headers {
            request = request.and_then(|request| request.header(name, value));
        }
        request.map(|request| request.body(body)).map_err(|error| unsent(&error))
    }
}

/// The signature of a call (Standard Webhooks, "Webhook Scheme"): over its id, its time and its body.
fn signature(key: &str, id: &str, at: i64, body: &str) -> Result<String, Fault> {
    let key = signing::key(key).map_err(|why| Fault::final_one(format!("the signing key is none: {why}")))?;
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    Ok(format!("v1,{}", BASE64.encode(tag.as_ref())))
}

fn read(answer: &Answer) -> Map<String, Value> {
    let text = String::from_utf8_lossy(&answer.body);
    let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_ref()));
    Map::from_iter([("status".to_owned(), answer.status.into()), ("body".to_owned(), body)])
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
