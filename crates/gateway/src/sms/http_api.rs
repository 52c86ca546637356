//! Anybody with an API over HTTP: what is asked, and what is read from the answer, by templates.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use minijinja::context;
use reqwest::Method;
use serde_json::Value;

use super::receipt::{field, shown};
use super::{FORM, InvalidReceipt, Posted, Receipt, ReceiptState, Sms, reference};
use crate::messages::{Escape, InvalidTemplate, SmsText, Template};
use crate::outside::{Answer, Outside, Request};
use crate::{Failure, FailureKind, Number, Secret};

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON: values are escaped for the inside of a string, and the quotes stand in the template.
    Json,
    /// A form: values are escaped as in a URL.
    Form,
}

/// An API by templates, in which `to` (as in +49…), `digits` (the same without plus), `text` and `from` can stand.
#[derive(Debug)]
pub struct HttpApi {
    method: Method,
    url: Template,
    headers: Vec<(String, Secret)>,
    body: Option<(BodyKind, Template)>,
    sender: String,
    reference: Option<String>,
    receipts: Option<HttpReceipts>,
}

#[derive(Debug)]
struct HttpReceipts {
    bearer: Secret,
    reference: String,
    state: String,
    delivered: Vec<String>,
    failed: Vec<String>,
}

impl HttpApi {
    /// An API that is called at a URL, in which values can stand as well.
    ///
    /// # Errors
    ///
    /// [`InvalidTemplate`] if the method or URL cannot be used.
    pub fn new(method: &str, url: &str) -> Result<Self, InvalidTemplate> {
        let method = Method::from_bytes(method.as_bytes())
            .ok()
            .filter(|method| [Method::POST, Method::PUT, Method::GET].contains(method))
            .ok_or_else(|| InvalidTemplate::new("method", "is none of POST, PUT and GET"))?;
        let url = Template::new("url".to_owned(), url.to_owned(), Escape::Form)?;
        let api = Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            sender: String::new(),
            reference: None,
            receipts: None,
        };
        let called = api.url.render(&sample())?;
        if reqwest::Url::parse(called.expose()).is_err() {
            return Err(InvalidTemplate::new("url", "makes no URL"));
        }
        Ok(api)
    }

    /// With a field in the header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.headers.push((name.into(), value));
        self
    }

    /// With a body.
    ///
    /// # Errors
    ///
    /// [`InvalidTemplate`] if it does not make JSON, or a form, of whatever is sent.
    pub fn with_body(mut self, kind: BodyKind, template: &str) -> Result<Self, InvalidTemplate> {
        let escape = match kind {
            BodyKind::Json => Escape::Json,
            BodyKind::Form => Escape::Form,
        };
        let template = Template::new("body".to_owned(), template.trim().to_owned(), escape)?;
        let made = template.render(&sample())?;
        let holds_text = match kind {
            BodyKind::Json => {
                let json: Value = serde_json::from_str(made.expose())
                    .map_err(|_| InvalidTemplate::new("body", "makes no JSON: are all the quotes there?"))?;
                holds(&json, SAMPLE_TEXT)
            }
            BodyKind::Form => form_urlencoded::parse(made.expose().as_bytes()).any(|(_, value)| value == SAMPLE_TEXT),
        };
        if !holds_text {
            return Err(InvalidTemplate::new("body", "does not hold the whole text as a value: {{ text }} is missing"));
        }
        self.body = Some((kind, template));
        Ok(self)
    }

    /// Sent by this number or name.
    #[must_use]
    pub fn with_sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = sender.into();
        self
    }

    /// Where in the answer's JSON the API's name for the message stands, as a JSON Pointer (RFC 6901).
    #[must_use]
    pub fn with_reference(mut self, pointer: impl Into<String>) -> Self {
        self.reference = Some(pointer.into());
        self
    }

    /// Takes receipts that carry this bearer token; the names of the fields that hold the API's name for the message and what
    /// became of it, and the values that say that it arrived, or never will.
    #[must_use]
    pub fn with_receipts(
        mut self,
        bearer: Secret,
        fields: (String, String),
        delivered: Vec<String>,
        failed: Vec<String>,
    ) -> Self {
        let (reference, state) = fields;
        self.receipts = Some(HttpReceipts { bearer, reference, state, delivered, failed });
        self
    }

    pub(super) async fn send(&self, outside: &Outside, sms: &Sms<'_>) -> Result<Option<String>, Failure> {
        let values = values(sms.to, sms.text, &self.sender);
        let cannot = |error: InvalidTemplate| Failure::new(FailureKind::Refused, error.to_string());
        let url = self.url.render(&values).map_err(cannot)?;
        let mut request = Request::new(self.method.clone(), url.expose())?;
        if let Some((kind, body)) = &self.body {
            let media_type = match kind {
                BodyKind::Json => "application/json",
                BodyKind::Form => FORM,
            };
            let body = body.render(&values).map_err(cannot)?;
            request = request.header("content-type", media_type)?.body(body.expose().as_bytes());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.expose())?;
        }
        self.read(&outside.send(request).await?)
    }

    fn read(&self, answer: &Answer) -> Result<Option<String>, Failure> {
        if !(200..300).contains(&answer.status) {
            return Err(Failure::of_status(answer.status, "the gateway"));
        }
        let Some(pointer) = &self.reference else { return Ok(None) };
        let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let named = said.as_ref().and_then(|said| said.pointer(pointer)).and_then(|value| match value {
            Value::String(text) => reference(text),
            Value::Number(number) => reference(&number.to_string()),
            _ => None,
        });
        named.map(Some).ok_or_else(|| {
            Failure::new(FailureKind::Unintelligible, "the gateway took the message, but did not say under which name")
        })
    }

    pub(super) fn receipt(&self, posted: &Posted<'_>) -> Result<Receipt, InvalidReceipt> {
        let rule = self.receipts.as_ref().ok_or(InvalidReceipt::None)?;
        let bearer = posted.authorization.strip_prefix("Bearer ").unwrap_or_default();
        if verify_slices_are_equal(bearer.as_bytes(), rule.bearer.expose().as_bytes()).is_err() {
            return Err(InvalidReceipt::Signature);
        }
        let fields = posted.fields()?;
        let said = field(&fields, &rule.state)?;
        let state = if rule.delivered.iter().any(|value| value == said) {
            ReceiptState::Delivered
        } else if rule.failed.iter().any(|value| value == said) {
            ReceiptState::Failed
        } else {
            ReceiptState::OnItsWay
        };
        let reference = reference(field(&fields, &rule.reference)?).ok_or(InvalidReceipt::Malformed)?;
        Ok(Receipt { reference, state, code: shown(said).filter(|_| state == ReceiptState::Failed) })
    }
}

/// What no escaping gets wrong by accident.
const SAMPLE_TEXT: &str = "804319 \"is\" your\\code\n& no=more; 100% ü 例\n@example.org #804319";

fn sample() -> minijinja::Value {
    context! { to => "+4915123456789", digits => "4915123456789", text => SAMPLE_TEXT, from => "Example" }
}

fn values(to: &Number, text: &SmsText, sender: &str) -> minijinja::Value {
    context! { to => to.e164(), digits => to.digits(), text => text.expose(), from => sender }
}

/// Whether somewhere in there is this text.
fn holds(json: &Value, wanted: &str) -> bool {
    match json {
        Value::String(text) => text == wanted,
        Value::Array(values) => values.iter().any(|value| holds(value, wanted)),
        Value::Object(fields) => fields.values().any(|value| holds(value, wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> HttpApi {
        HttpApi::new("POST", "https://sms.example.org/send?to={{ digits }}").unwrap()
    }

    #[test]
    fn a_body_that_would_not_hold_every_text_is_refused_at_the_start() {
        for (kind, template) in [
            (BodyKind::Json, r#"{"to": "{{ to }}", "text": {{ text }}}"#),
            (BodyKind::Json, r#"{"to": "{{ to }}"}"#),
            (BodyKind::Json, r#"{"text": "{{ txt }}"}"#),
            (BodyKind::Json, r#"{"text": "Dear you: {{ text }}""#),
            (BodyKind::Form, "to={{ to }}"),
            (BodyKind::Form, "to={{ to }}&text="),
        ] {
            assert!(api().with_body(kind, template).is_err(), "{template}");
        }
        assert!(api().with_body(BodyKind::Json, r#"{"messages":[{"to":"{{ to }}","text":"{{ text }}"}]}"#).is_ok());
        assert!(
            api().with_body(BodyKind::Json, r#"{"text":"{{ text | safe }}"}"#).is_ok(),
            "nothing goes by unescaped"
        );
        assert!(api().with_body(BodyKind::Form, "to={{ digits }}&text={{ text }}&from={{ from }}").is_ok());
    }

    #[test]
    fn a_url_or_method_that_is_none_is_refused() {
        assert!(HttpApi::new("POST", "sms.example.org").is_err());
        assert!(HttpApi::new("DELETE", "https://sms.example.org").is_err());
        assert!(HttpApi::new("po st", "https://sms.example.org").is_err());
    }
}
