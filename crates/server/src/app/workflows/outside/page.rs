//! `notify.page`: whoever is on call, by `PagerDuty` and what speaks as it does.

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::{Errand, Given, post, shortened, text};
use crate::app::App;

/// Where `PagerDuty` takes events (developer.pagerduty.com, "Send an event").
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// The most characters of a summary there.
const LONGEST: usize = 1024;
/// The most characters of a key by which two events are one.
const LONGEST_KEY: usize = 255;

impl App {
    pub(super) async fn page_on_call(&self, errand: &Errand) -> Given {
        let key = self.need_secret(errand, "routing_key")?;
        let url = text(errand, "url").unwrap_or(PAGERDUTY);
        let message = text(errand, "message").unwrap_or_default();
        let severity = text(errand, "severity").unwrap_or("error");
        let said = trigger(key.trim(), &errand.idempotency_key, message, severity, &self.settings.issuer);
        let answer = self.ask(errand, post(url, &said)?).await?;
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let reference = answer
            .get("dedup_key")
            .and_then(Value::as_str)
            .map_or_else(|| once(&errand.idempotency_key), str::to_owned);
        Ok(Map::from_iter([("reference".to_owned(), shortened(&reference, LONGEST_KEY).into())]))
    }
}

/// An event that has somebody paged. Another one with the same key pages nobody again.
fn trigger(routing_key: &str, key: &str, message: &str, severity: &str, issuer: &str) -> Value {
    json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": once(key),
        "client": "Countersign",
        "payload": { "summary": shortened(message, LONGEST), "source": issuer, "severity": severity },
    })
}

/// By what two attempts are one page.
fn once(key: &str) -> String {
    if key.chars().count() <= LONGEST_KEY {
        return key.to_owned();
    }
    HEXLOWER.encode(digest::digest(&digest::SHA256, key.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_pagerduty_takes_and_the_same_at_each_attempt() {
        let said = trigger("R1", "run_1/tell", &"x".repeat(2000), "critical", "https://mfa.example.com");
        assert_eq!((&said["routing_key"], &said["event_action"]), (&json!("R1"), &json!("trigger")));
        assert_eq!((&said["dedup_key"], &said["payload"]["severity"]), (&json!("run_1/tell"), &json!("critical")));
        assert_eq!(said["payload"]["summary"].as_str().unwrap().chars().count(), 1024);
        assert_eq!(said["payload"]["source"], "https://mfa.example.com");
        let long = "k".repeat(300);
        assert_eq!(once(&long).len(), 64);
        assert_ne!(once(&long), once(&"k".repeat(301)));
    }
}
