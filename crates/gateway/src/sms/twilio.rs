//! Twilio: `POST /2010-04-01/Accounts/{Sid}/Messages.json` (<https://www.twilio.com/docs/messaging/api/message-resource>).

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use serde::Deserialize;

use super::receipt::{field, shown};
use super::{FORM, InvalidReceipt, Posted, Receipt, ReceiptState, Sms, form, reference};
use crate::outside::{Answer, Outside, Request};
use crate::{Failure, FailureKind, Fault, Secret};

/// Where the API is.
const API: &str = "https://api.twilio.com";

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TwilioSender {
    /// A number or an alphanumeric sender id.
    From(String),
    /// A messaging service, which chooses among its senders.
    MessagingService(String),
}

/// An account at Twilio.
#[derive(Debug)]
pub struct Twilio {
    account: String,
    key: Option<(String, Secret)>,
    auth_token: Secret,
    sender: TwilioSender,
    base: String,
    callback: Option<String>,
}

#[derive(Deserialize)]
struct Taken {
    sid: String,
}

#[derive(Deserialize)]
struct Refusal {
    code: Option<u32>,
}

impl Twilio {
    /// An account, with its token and who sends.
    pub fn new(account: impl Into<String>, auth_token: Secret, sender: TwilioSender) -> Self {
        Self { account: account.into(), key: None, auth_token, sender, base: API.to_owned(), callback: None }
    }

    /// Asks with an API key of its own rather than the account's token, which then only checks receipts.
    #[must_use]
    pub fn with_key(mut self, sid: impl Into<String>, secret: Secret) -> Self {
        self.key = Some((sid.into(), secret));
        self
    }

    /// Asks elsewhere: a region's edge, or a stand-in.
    #[must_use]
    pub fn at(mut self, base: impl Into<String>) -> Self {
        self.base = base.into();
        self
    }

    /// Has receipts posted to this URL.
    #[must_use]
    pub fn with_receipts_to(mut self, url: impl Into<String>) -> Self {
        self.callback = Some(url.into());
        self
    }

    pub(super) async fn send(&self, outside: &Outside, sms: &Sms<'_>) -> Result<Option<String>, Failure> {
        let useful = sms.useful.as_secs().clamp(1, 36_000).to_string();
        let mut fields = vec![("To", sms.to.e164()), ("Body", sms.text.expose()), ("ValidityPeriod", &useful)];
        fields.push(match &self.sender {
            TwilioSender::From(from) => ("From", from),
            TwilioSender::MessagingService(sid) => ("MessagingServiceSid", sid),
        });
        fields.extend(self.callback.as_deref().map(|url| ("StatusCallback", url)));
        let (user, password) = match &self.key {
            Some((sid, secret)) => (sid, secret),
            None => (&self.account, &self.auth_token),
        };
        let basic = Secret::new(format!("Basic {}", BASE64.encode(format!("{user}:{}", password.expose()).as_bytes())));
        let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", self.base, self.account);
        let request = Request::post(&url)?
            .header("authorization", basic.expose())?
            .header("content-type", FORM)?
            .header("accept", "application/json")?
            .body(form(fields));
        read(&outside.send(request).await?)
    }

    pub(super) fn receipt(&self, posted: &Posted<'_>) -> Result<Receipt, InvalidReceipt> {
        let fields = posted.fields()?;
        if !self.signed(posted.url, &fields, posted.signature) {
            return Err(InvalidReceipt::Signature);
        }
        let state = match field(&fields, "MessageStatus")? {
            "delivered" | "read" => ReceiptState::Delivered,
            "undelivered" | "failed" | "canceled" => ReceiptState::Failed,
            _ => ReceiptState::OnItsWay,
        };
        let reference = reference(field(&fields, "MessageSid")?).ok_or(InvalidReceipt::Malformed)?;
        Ok(Receipt { reference, state, code: field(&fields, "ErrorCode").ok().and_then(shown) })
    }

    /// Whether Twilio signed this (<https://www.twilio.com/docs/usage/security#validating-requests>): HMAC-SHA-1, with the
    /// account's token as key, of the URL and the fields, sorted by name.
    fn signed(&self, url: &str, fields: &[(String, String)], signature: &str) -> bool {
        let Ok(signature) = BASE64.decode(signature.as_bytes()) else { return false };
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort();
        // A field that is there twice with one value counts once, as in Twilio's own libraries.
        sorted.dedup();
        let mut text = url.to_owned();
        for (name, value) in sorted {
            text.push_str(name);
            text.push_str(value);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.auth_token.expose().as_bytes());
        hmac::verify(&key, text.as_bytes(), &signature).is_ok()
    }
}

fn read(answer: &Answer) -> Result<Option<String>, Failure> {
    if (200..300).contains(&answer.status) {
        let taken: Option<Taken> = serde_json::from_slice(&answer.body).ok();
        return taken.and_then(|taken| reference(&taken.sid)).map(Some).ok_or_else(|| {
            Failure::new(FailureKind::Unintelligible, "Twilio took the message, but did not say under which name")
        });
    }
    let code = serde_json::from_slice::<Refusal>(&answer.body).ok().and_then(|refusal| refusal.code);
    Err(code.and_then(of_code).unwrap_or_else(|| Failure::of_status(answer.status, "Twilio")))
}

/// What Twilio's codes say, as far as it matters to what is done next (<https://www.twilio.com/docs/api/errors>).
fn of_code(code: u32) -> Option<Failure> {
    let (kind, what) = match code {
        21211 | 21214 | 21217 | 21401 => (FailureKind::Recipient(Fault::Unknown), "says that there is no such number"),
        21614 => (FailureKind::Recipient(Fault::Unknown), "says that the number is no mobile phone's"),
        21610 => (FailureKind::Recipient(Fault::Blocked), "says that the recipient wants no messages from this sender"),
        21408 | 21612 | 60410 | 30450 => (FailureKind::NotServed, "does not send there"),
        20003 | 20404 => (FailureKind::Refused, "does not accept our credentials"),
        21212 | 21603 | 21606 | 21659 | 21701 | 21703 => (FailureKind::Refused, "does not accept the sender"),
        20429 | 30001 => (FailureKind::Unable, "has too much to do"),
        20500 | 20503 => (FailureKind::Unable, "is out of order"),
        _ => return None,
    };
    Some(Failure::new(kind, format!("Twilio {what} (error {code})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twilio(token: &str) -> Twilio {
        Twilio::new("AC1", token.into(), TwilioSender::From("+15550001111".to_owned()))
    }

    /// The example of Twilio's own documentation.
    #[test]
    fn a_signature_is_checked_as_twilio_documents_it() {
        let fields: Vec<(String, String)> = [
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", "+14158675309"),
            ("Caller", "+14158675309"),
            ("CallSid", "CA1234567890ABCDE"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        assert!(twilio("12345").signed(url, &fields, signature));
        assert!(!twilio("12346").signed(url, &fields, signature));
        assert!(!twilio("12345").signed("https://mycompany.com/myapp.php?foo=1&bar=3", &fields, signature));
        assert!(!twilio("12345").signed(url, &fields[1..], signature));
        assert!(!twilio("12345").signed(url, &fields, ""));
    }
}
