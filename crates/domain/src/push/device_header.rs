//! `Countersign-Device`: who sends a request, when, and its signature.
//!
//! `ath_0197…;t=1764086400000;n=Zm9vYmFyYmF6cXV4cXV1eA;s=…`, in this order and without white space.

use std::time::Duration;

use crate::{AuthenticatorId, Timestamp};

/// The header, read but not believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceHeader<'a> {
    /// Who says to be sending.
    pub authenticator: AuthenticatorId,
    /// When it was signed.
    pub at: Timestamp,
    /// What makes it unlike any other: 16 bytes, base64url.
    pub nonce: &'a str,
    /// The signature, base64url.
    pub signature: &'a str,
}

/// A header of another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must read: id;t=milliseconds;n=nonce;s=signature")]
pub struct InvalidDeviceHeader;

impl<'a> DeviceHeader<'a> {
    /// The header's name.
    pub const NAME: &'static str = "countersign-device";

    /// How far the time may be from the server's.
    pub const WINDOW: Duration = Duration::from_mins(1);

    /// Base64url characters of 16 bytes.
    const NONCE_LENGTH: usize = 22;
    /// Base64url characters of 64 bytes.
    const SIGNATURE_LENGTH: usize = 86;

    /// Reads one.
    ///
    /// # Errors
    /// For any other shape.
    pub fn parse(text: &'a str) -> Result<Self, InvalidDeviceHeader> {
        let mut parts = text.split(';');
        let mut next = |name: &str| parts.next().and_then(|part| part.strip_prefix(name)).ok_or(InvalidDeviceHeader);
        let (id, at, nonce, signature) = (next("")?, next("t=")?, next("n=")?, next("s=")?);
        if parts.next().is_some() || !is_text(nonce, Self::NONCE_LENGTH) || !is_text(signature, Self::SIGNATURE_LENGTH)
        {
            return Err(InvalidDeviceHeader);
        }
        Ok(Self {
            authenticator: id.parse().map_err(|_| InvalidDeviceHeader)?,
            at: millis(at).ok_or(InvalidDeviceHeader)?,
            nonce,
            signature,
        })
    }

    /// Whether it was signed about now.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let apart = now.unix_millis().abs_diff(self.at.unix_millis());
        u128::from(apart) <= Self::WINDOW.as_millis()
    }
}

fn is_text(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// One spelling for one time: it is signed as a number, and must be the same text again.
fn millis(text: &str) -> Option<Timestamp> {
    let millis: i64 = text.parse().ok()?;
    (millis >= 0 && millis.to_string() == text).then(|| Timestamp::from_unix_millis(millis))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "Zm9vYmFyYmF6cXV4cXV1eA";

    fn header(id: &str, at: &str, nonce: &str, signature: &str) -> String {
        format!("{id};t={at};n={nonce};s={signature}")
    }

    #[test]
    fn one_spelling_is_read() {
        let id = AuthenticatorId::from_uuid(uuid::Uuid::from_u128(7)).to_string();
        let signature = "A".repeat(86);
        let text = header(&id, "1764086400000", NONCE, &signature);
        let read = DeviceHeader::parse(&text).unwrap();
        assert_eq!((read.authenticator.to_string(), read.nonce, read.signature), (id.clone(), NONCE, &*signature));
        assert_eq!(read.at.unix_millis(), 1_764_086_400_000);
        for wrong in [
            header("usr_00000000000000000000000000000007", "1", NONCE, &signature),
            header(&id, "01", NONCE, &signature),
            header(&id, "+1", NONCE, &signature),
            header(&id, "-1", NONCE, &signature),
            header(&id, "1.0", NONCE, &signature),
            header(&id, "99999999999999999999", NONCE, &signature),
            header(&id, "1", "short", &signature),
            header(&id, "1", NONCE, &signature.replacen('A', "=", 1)),
            format!("{text};"),
            format!(" {text}"),
            text.replace(';', "; "),
            String::new(),
        ] {
            assert_eq!(DeviceHeader::parse(&wrong), Err(InvalidDeviceHeader), "{wrong}");
        }
    }

    #[test]
    fn a_minute_either_way_is_about_now() {
        let text = header("ath_00000000000000000000000000000007", "100000", NONCE, &"A".repeat(86));
        let read = DeviceHeader::parse(&text).unwrap();
        for (now, fresh) in [(39_999, false), (40_000, true), (160_000, true), (160_001, false), (i64::MAX, false)] {
            assert_eq!(read.is_fresh(Timestamp::from_unix_millis(now)), fresh, "{now}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,200}") {
            let _ = DeviceHeader::parse(&text);
        }
    }
}
