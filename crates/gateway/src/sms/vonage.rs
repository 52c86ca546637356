//! Vonage: `POST /sms/json` of its SMS API (<https://developer.vonage.com/en/api/sms>).

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER_PERMISSIVE;
use domain::Timestamp;
use serde::Deserialize;

use super::receipt::{field, shown};
use super::{FORM, InvalidReceipt, Posted, Receipt, ReceiptState, Sms, form, reference};
use crate::outside::{Answer, Outside, Request};
use crate::{Failure, FailureKind, Fault, Secret};

/// Where the API is.
const API: &str = "https://rest.nexmo.com";

/// How old a signed receipt may be.
const OLDEST: Duration = Duration::from_mins(10);

/// How an account signs its webhooks. The older ones with MD5 and SHA-1 are not among these: choose one of these in the
/// dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VonageSignature {
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-512.
    Sha512,
}

/// An account at Vonage.
#[derive(Debug)]
pub struct Vonage {
    key: String,
    secret: Secret,
    sender: String,
    base: String,
    callback: Option<String>,
    signing: Option<(Secret, VonageSignature)>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    status: String,
    #[serde(rename = "message-id", default)]
    id: String,
}

impl Vonage {
    /// An account, with its secret and who sends: a number without plus, or an alphanumeric sender id.
    pub fn new(key: impl Into<String>, secret: Secret, sender: impl Into<String>) -> Self {
        Self { key: key.into(), secret, sender: sender.into(), base: API.to_owned(), callback: None, signing: None }
    }

    /// Asks elsewhere: a region's API, or a stand-in.
    #[must_use]
    pub fn at(mut self, base: impl Into<String>) -> Self {
        self.base = base.into();
        self
    }

    /// Has receipts posted to this URL, signed with the account's signature secret. Without these none is believed.
    #[must_use]
    pub fn with_receipts_to(mut self, url: impl Into<String>, secret: Secret, signature: VonageSignature) -> Self {
        self.callback = Some(url.into());
        self.signing = Some((secret, signature));
        self
    }

    pub(super) async fn send(&self, outside: &Outside, sms: &Sms<'_>) -> Result<Option<String>, Failure> {
        // Milliseconds, between 20 seconds and a week.
        let useful = sms.useful.as_millis().clamp(20_000, 604_800_000).to_string();
        let mut fields = vec![
            ("api_key", self.key.as_str()),
            ("api_secret", self.secret.expose()),
            ("from", &self.sender),
            ("to", sms.to.digits()),
            ("text", sms.text.expose()),
            ("type", if sms.text.is_unicode() { "unicode" } else { "text" }),
            ("ttl", &useful),
        ];
        if let Some(url) = &self.callback {
            fields.extend([("status-report-req", "1"), ("callback", url)]);
        }
        let request = Request::post(&format!("{}/sms/json", self.base))?
            .header("content-type", FORM)?
            .header("accept", "application/json")?
            .body(form(fields));
        read(&outside.send(request).await?)
    }

    pub(super) fn receipt(&self, posted: &Posted<'_>, now: Timestamp) -> Result<Receipt, InvalidReceipt> {
        let (secret, signature) = self.signing.as_ref().ok_or(InvalidReceipt::None)?;
        let fields = posted.fields()?;
        if !signed(secret, *signature, &fields) {
            return Err(InvalidReceipt::Signature);
        }
        let seconds: i64 = field(&fields, "timestamp")?.parse().map_err(|_| InvalidReceipt::Malformed)?;
        let at = Timestamp::from_unix_millis(seconds.saturating_mul(1000));
        if now.since(at) > OLDEST || at.since(now) > OLDEST {
            return Err(InvalidReceipt::Old);
        }
        let state = match field(&fields, "status")? {
            "delivered" => ReceiptState::Delivered,
            "expired" | "failed" | "rejected" => ReceiptState::Failed,
            _ => ReceiptState::OnItsWay,
        };
        let reference = reference(field(&fields, "messageId")?).ok_or(InvalidReceipt::Malformed)?;
        let code = field(&fields, "err-code").ok().filter(|code| *code != "0").and_then(shown);
        Ok(Receipt { reference, state, code })
    }
}

/// Whether Vonage signed this (<https://developer.vonage.com/en/getting-started/concepts/signing-messages>): an HMAC of
/// `&name=value` of each field but `sig`, sorted by name, with `_` for each `&` and `=` in a value.
fn signed(secret: &Secret, signature: VonageSignature, fields: &[(String, String)]) -> bool {
    let Ok(given) = field(fields, "sig") else { return false };
    let Ok(given) = HEXLOWER_PERMISSIVE.decode(given.as_bytes()) else { return false };
    let mut sorted: Vec<_> = fields.iter().filter(|(name, _)| name != "sig").collect();
    sorted.sort();
    let mut text = String::new();
    for (name, value) in sorted {
        text.extend(["&", name, "=", &value.replace(['&', '='], "_")]);
    }
    let algorithm = match signature {
        VonageSignature::Sha256 => hmac::HMAC_SHA256,
        VonageSignature::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::verify(&hmac::Key::new(algorithm, secret.expose().as_bytes()), text.as_bytes(), &given).is_ok()
}

/// Vonage answers 200 whatever happens, and a status for each piece that the text was cut into.
fn read(answer: &Answer) -> Result<Option<String>, Failure> {
    if !(200..300).contains(&answer.status) {
        return Err(Failure::of_status(answer.status, "Vonage"));
    }
    let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
    let messages = said.map(|said| said.messages).unwrap_or_default();
    if let Some(bad) = messages.iter().find(|message| message.status != "0") {
        return Err(of_status(&bad.status));
    }
    messages.first().and_then(|message| reference(&message.id)).map(Some).ok_or_else(|| {
        Failure::new(FailureKind::Unintelligible, "Vonage answered something in which there is no message")
    })
}

/// What Vonage's statuses say (<https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms>).
fn of_status(status: &str) -> Failure {
    let (kind, what) = match status {
        "1" | "10" => (FailureKind::Unable, "has too much to do"),
        "4" | "8" | "11" | "14" | "32" => (FailureKind::Refused, "does not accept our credentials"),
        "5" => (FailureKind::Unable, "is out of order"),
        "7" => (FailureKind::Recipient(Fault::Blocked), "says that the number is barred"),
        "9" => (FailureKind::Refused, "wants to be paid first"),
        "15" => (FailureKind::Refused, "does not accept the sender"),
        "3" | "6" | "22" | "29" => (FailureKind::NotServed, "does not send there"),
        "33" => (FailureKind::Recipient(Fault::Unknown), "says that the number is out of use"),
        _ => (FailureKind::NotServed, "does not accept what it was asked"),
    };
    let status = shown(status).unwrap_or_default();
    Failure::new(kind, format!("Vonage {what} (status {status})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_values_are_no_separators_in_what_is_signed() {
        let secret = Secret::new("s3cret");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
        let tag = hmac::sign(&key, b"&messageId=a_b_c&timestamp=1");
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let sig = HEXLOWER_PERMISSIVE.encode(tag.as_ref());
        let fields = vec![field("timestamp", "1"), field("sig", &sig.to_uppercase()), field("messageId", "a&b=c")];
        assert!(signed(&secret, VonageSignature::Sha256, &fields));
        assert!(!signed(&secret, VonageSignature::Sha512, &fields));
        let mut twice = fields.clone();
        twice.push(field("sig", &sig));
        assert!(!signed(&secret, VonageSignature::Sha256, &twice));
        let mut other = fields;
        other[0].1 = "2".to_owned();
        assert!(!signed(&secret, VonageSignature::Sha256, &other));
    }
}
