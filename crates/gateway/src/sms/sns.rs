//! Amazon SNS: the action `Publish` (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).

use domain::Timestamp;

use super::receipt::shown;
use super::sigv4::{self, Key, Signed};
use super::{FORM, Sms, form, reference};
use crate::outside::{Answer, Outside, Request};
use crate::{Failure, FailureKind, Fault, Secret};

/// An account at Amazon.
#[derive(Debug)]
pub struct Sns {
    key: Key,
    session: Option<Secret>,
    region: String,
    sender: Option<String>,
    base: String,
}

impl Sns {
    /// An account by one of its access keys, in a region such as `eu-central-1`.
    pub fn new(key: impl Into<String>, secret: Secret, region: impl Into<String>) -> Self {
        let region = region.into();
        let base = format!("https://sns.{region}.amazonaws.com");
        Self { key: Key { id: key.into(), secret }, session: None, region, sender: None, base }
    }

    /// With the token that belongs to a key that is lent for a while.
    #[must_use]
    pub fn with_session(mut self, token: Secret) -> Self {
        self.session = Some(token);
        self
    }

    /// Sent by an alphanumeric sender id, or by a number of the account's that begins with `+`.
    #[must_use]
    pub fn with_sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Asks elsewhere: an endpoint in the operator's own network, or a stand-in.
    #[must_use]
    pub fn at(mut self, base: impl Into<String>) -> Self {
        self.base = base.into();
        self
    }

    pub(super) async fn send(
        &self,
        outside: &Outside,
        sms: &Sms<'_>,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        let body = self.body(sms);
        let request = Request::post(&format!("{}/", self.base))?;
        let host = match (request.url().host_str(), request.url().port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let date = sigv4::date(now);
        let mut headers = vec![("content-type", FORM), ("host", &host), ("x-amz-date", &date)];
        headers.extend(self.session.as_ref().map(|token| ("x-amz-security-token", token.expose())));
        let signed = Signed {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.expose().as_bytes(),
            region: &self.region,
            service: "sns",
        };
        let mut request = request.header("authorization", &sigv4::authorization(&signed, &self.key, &date))?;
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(name, value)?;
        }
        read(&outside.send(request.body(body.expose().as_bytes())).await?)
    }

    fn body(&self, sms: &Sms<'_>) -> Secret {
        let mut fields = vec![
            ("Action", "Publish"),
            ("Version", "2010-03-31"),
            ("PhoneNumber", sms.to.e164()),
            ("Message", sms.text.expose()),
            // Such that it is worth the better routes.
            ("MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "Transactional"),
        ];
        if let Some(sender) = &self.sender {
            let name = if sender.starts_with('+') { "AWS.MM.SMS.OriginationNumber" } else { "AWS.SNS.SMS.SenderID" };
            fields.extend([
                ("MessageAttributes.entry.2.Name", name),
                ("MessageAttributes.entry.2.Value.DataType", "String"),
                ("MessageAttributes.entry.2.Value.StringValue", sender),
            ]);
        }
        Secret::new(form(fields))
    }
}

fn read(answer: &Answer) -> Result<Option<String>, Failure> {
    let text = String::from_utf8_lossy(&answer.body);
    if (200..300).contains(&answer.status) {
        return element(&text, "MessageId").and_then(reference).map(Some).ok_or_else(|| {
            Failure::new(FailureKind::Unintelligible, "SNS answered something in which there is no message")
        });
    }
    let code = element(&text, "Code").and_then(shown);
    Err(code.and_then(|code| of_code(&code)).unwrap_or_else(|| Failure::of_status(answer.status, "SNS")))
}

/// The text of an element of which there is one, in the small XML that SNS answers.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
}

/// What the codes of SNS say (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors>).
fn of_code(code: &str) -> Option<Failure> {
    let (kind, what) = match code {
        "Throttling" | "ThrottledException" | "Throttled" | "KMSThrottling" => {
            (FailureKind::Unable, "has too much to do")
        }
        "InternalError" | "InternalFailure" | "ServiceUnavailable" => (FailureKind::Unable, "is out of order"),
        "OptedOut" | "OptedOutException" => {
            (FailureKind::Recipient(Fault::Blocked), "says that the recipient wants no messages")
        }
        "AuthorizationError"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "InvalidSecurity"
        | "ExpiredToken"
        | "AccessDenied" => (FailureKind::Refused, "does not accept our credentials"),
        "InvalidParameter" | "InvalidParameterValue" => (FailureKind::NotServed, "does not send to this number"),
        _ => return None,
    };
    Some(Failure::new(kind, format!("SNS {what} ({code})")))
}
