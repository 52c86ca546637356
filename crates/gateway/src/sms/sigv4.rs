//! Signature Version 4 of Amazon's APIs, for one `POST` with a body.
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>)

use aws_lc_rs::{digest, hmac};
use data_encoding::HEXLOWER;
use domain::Timestamp;

use crate::Secret;

/// The key that signs.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: Secret,
}

/// What is signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// The path, encoded.
    pub(super) path: &'a str,
    /// The query, in its canonical form.
    pub(super) query: &'a str,
    /// The header's fields, names in small letters, sorted; `x-amz-date` among them.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// `20150830T123600Z`.
pub(super) fn date(now: Timestamp) -> String {
    // 2015-08-30T12:36:00.000Z without what the format leaves out.
    let text = now.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

/// The value of `Authorization`.
pub(super) fn authorization(signed: &Signed<'_>, key: &Key, date: &str) -> String {
    let day = date.get(..8).unwrap_or_default();
    let fields = signed.headers.iter().flat_map(|(name, value)| [name, ":", value.trim(), "\n"]).collect::<String>();
    let names = signed.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let Signed { method, path, query, body, region, service, .. } = signed;
    let canonical = format!("{method}\n{path}\n{query}\n{fields}\n{names}\n{}", hash(body));
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(canonical.as_bytes()));
    let first = Secret::new(format!("AWS4{}", key.secret.expose()));
    let mut signing = mac(first.expose().as_bytes(), day);
    for part in [*region, *service, "aws4_request"] {
        signing = mac(signing.as_ref(), part);
    }
    let signature = HEXLOWER.encode(mac(signing.as_ref(), &text).as_ref());
    format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", key.id)
}

fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of Amazon's documentation.
    #[test]
    fn a_request_is_signed_as_in_amazons_example() {
        let date = date(serde_json::from_str("\"2015-08-30T12:36:00Z\"").unwrap());
        assert_eq!(date, "20150830T123600Z");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", date.as_str()),
        ];
        let signed = Signed {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &headers,
            body: b"",
            region: "us-east-1",
            service: "iam",
        };
        let key = Key { id: "AKIDEXAMPLE".to_owned(), secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into() };
        assert_eq!(
            authorization(&signed, &key, &date),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }
}
