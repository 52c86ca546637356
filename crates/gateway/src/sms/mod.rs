//! SMS: several providers behind one type, each by its own API.

mod http_api;
mod receipt;
mod sigv4;
mod sns;
mod twilio;
mod vonage;

pub use http_api::{BodyKind, HttpApi};
pub use receipt::{InvalidReceipt, Posted, Receipt, ReceiptState};
pub use sns::Sns;
pub use twilio::{Twilio, TwilioSender};
pub use vonage::{Vonage, VonageSignature};

use std::time::Duration;

use domain::Timestamp;

use crate::messages::SmsText;
use crate::outside::Outside;
use crate::{Failure, Number};

/// One SMS.
#[derive(Debug, Clone, Copy)]
pub struct Sms<'a> {
    /// To whom.
    pub to: &'a Number,
    /// What.
    pub text: &'a SmsText,
    /// How long it is of use: a network that cannot deliver it in that time need not.
    pub useful: Duration,
}

/// Who is asked to send SMS.
#[derive(Debug)]
pub enum SmsProvider {
    /// Twilio.
    Twilio(Twilio),
    /// Vonage, by its SMS API.
    Vonage(Vonage),
    /// Amazon SNS.
    Sns(Sns),
    /// Anybody with an API over HTTP.
    HttpApi(HttpApi),
}

impl SmsProvider {
    /// Asks for one SMS to be sent. Answers the provider's name for it, by which receipts speak of it.
    pub(crate) async fn send(
        &self,
        outside: &Outside,
        sms: &Sms<'_>,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        match self {
            Self::Twilio(twilio) => twilio.send(outside, sms).await,
            Self::Vonage(vonage) => vonage.send(outside, sms).await,
            Self::Sns(sns) => sns.send(outside, sms, now).await,
            Self::HttpApi(api) => api.send(outside, sms).await,
        }
    }

    /// Reads a receipt that came by HTTP, if it is from this provider indeed.
    ///
    /// # Errors
    ///
    /// [`InvalidReceipt`].
    pub fn receipt(&self, posted: &Posted<'_>, now: Timestamp) -> Result<Receipt, InvalidReceipt> {
        match self {
            Self::Twilio(twilio) => twilio.receipt(posted),
            Self::Vonage(vonage) => vonage.receipt(posted, now),
            // Amazon writes what became of a message into the account's own log.
            Self::Sns(_) => Err(InvalidReceipt::None),
            Self::HttpApi(api) => api.receipt(posted),
        }
    }

    /// What kind it is, for people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Twilio(_) => "twilio",
            Self::Vonage(_) => "vonage",
            Self::Sns(_) => "sns",
            Self::HttpApi(_) => "http",
        }
    }
}

/// The body of a form.
fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

/// The media type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// A reference as a provider gave it, if it is one that can be kept: short, and without anything that is not written.
fn reference(text: &str) -> Option<String> {
    let is_fine = !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic());
    is_fine.then(|| text.to_owned())
}
