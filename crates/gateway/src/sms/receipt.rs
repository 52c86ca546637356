//! What became of a message, as providers tell it some seconds later.

/// One receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's name for the message.
    pub reference: String,
    /// What became of it.
    pub state: ReceiptState,
    /// The provider's code for why it was not delivered: letters and digits.
    pub code: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptState {
    /// It is on its way.
    OnItsWay,
    /// It arrived.
    Delivered,
    /// It did not and will not.
    Failed,
}

/// A receipt as it came by HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Posted<'a> {
    /// The URL that it was posted to, as the provider knows it, with the query.
    pub url: &'a str,
    /// The value of the header `X-Twilio-Signature`, or of whichever the provider signs in; empty where there is none.
    pub signature: &'a str,
    /// The value of `Authorization`; empty where there is none.
    pub authorization: &'a str,
    /// Whether the body is JSON rather than a form.
    pub is_json: bool,
    /// The body; for a GET the query.
    pub body: &'a [u8],
}

/// Why a receipt is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReceipt {
    /// This provider sends none, or none was agreed upon.
    #[error("no receipts are expected of this gateway")]
    None,
    /// The signature is missing or not the provider's.
    #[error("the receipt is not signed by whom it should be")]
    Signature,
    /// It was signed too long ago.
    #[error("the receipt is too old")]
    Old,
    /// It cannot be understood.
    #[error("the receipt cannot be understood")]
    Malformed,
}

/// The most fields that are read.
const MOST_FIELDS: usize = 64;

impl Posted<'_> {
    /// Its fields, whether it is a form or a flat object of JSON.
    pub(super) fn fields(&self) -> Result<Vec<(String, String)>, InvalidReceipt> {
        let fields: Vec<(String, String)> = if self.is_json {
            let object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(self.body).map_err(|_| InvalidReceipt::Malformed)?;
            let text = |value: serde_json::Value| match value {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            object.into_iter().take(MOST_FIELDS + 1).map(|(name, value)| (name, text(value))).collect()
        } else {
            form_urlencoded::parse(self.body).into_owned().take(MOST_FIELDS + 1).collect()
        };
        if fields.len() > MOST_FIELDS { Err(InvalidReceipt::Malformed) } else { Ok(fields) }
    }
}

/// The one field of that name; two of one name are none, since it is not known which of them counts.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> Result<&'a str, InvalidReceipt> {
    let mut of_name = fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (of_name.next(), of_name.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(InvalidReceipt::Malformed),
    }
}

/// A provider's code as it can be shown.
pub(super) fn shown(code: &str) -> Option<String> {
    let is_fine =
        (1..=32).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    is_fine.then(|| code.to_owned())
}
