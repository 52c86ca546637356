//! Confirmations: the key that whoever shows an assertion has to have, beyond the assertion itself (RFC 7800).

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The key that an assertion or a session is bound to. In JSON the claim `cnf`: `{"jkt": "…"}` or `{"x5t#S256": "…"}`, one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Confirmation {
    /// A key that signs each request (DPoP, RFC 9449 §6), by its JWK thumbprint with SHA-256 (RFC 7638).
    #[serde(rename = "jkt")]
    Jkt(Thumbprint),
    /// A TLS client certificate (RFC 8705 §3.1), by the SHA-256 of its DER.
    #[serde(rename = "x5t#S256")]
    X5tS256(Thumbprint),
}

impl<'de> Deserialize<'de> for Confirmation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Members {
            jkt: Option<Thumbprint>,
            #[serde(rename = "x5t#S256")]
            x5t: Option<Thumbprint>,
        }
        match Members::deserialize(deserializer)? {
            Members { jkt: Some(jkt), x5t: None } => Ok(Self::Jkt(jkt)),
            Members { jkt: None, x5t: Some(x5t) } => Ok(Self::X5tS256(x5t)),
            _ => Err(serde::de::Error::custom("names one key, by `jkt` or by `x5t#S256`")),
        }
    }
}

/// A SHA-256; in text 43 characters of base64url without padding. It names a public key, and is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint(pub [u8; 32]);

impl Thumbprint {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong =
            || serde::de::Error::custom("a thumbprint is a SHA-256 in base64url without padding (43 characters)");
        Self::parse(&text).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_is_named_and_no_two() {
        let text = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        let thumbprint = Thumbprint::parse(text).unwrap();
        for (json, wanted) in [
            (format!(r#"{{"jkt":"{text}"}}"#), Confirmation::Jkt(thumbprint)),
            (format!(r#"{{"x5t#S256":"{text}"}}"#), Confirmation::X5tS256(thumbprint)),
        ] {
            assert_eq!(serde_json::from_str::<Confirmation>(&json).unwrap(), wanted);
            assert_eq!(serde_json::to_string(&wanted).unwrap(), json);
        }
        for refused in [
            "{}".to_owned(),
            format!(r#"{{"jkt":"{text}","x5t#S256":"{text}"}}"#),
            format!(r#"{{"jkt":"{text}="}}"#),
            format!(r#"{{"jkt":"{}"}}"#, &text[1..]),
            format!(r#"{{"kid":"{text}"}}"#),
            format!(r#""{text}""#),
        ] {
            assert!(serde_json::from_str::<Confirmation>(&refused).is_err(), "{refused}");
        }
    }
}
