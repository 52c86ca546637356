//! What an assertion says, once it is known to be one.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::jws::{Parts, Refused, TYP};
use crate::keys::Keys;
use crate::need::Level;

/// By how much two clocks may differ, in seconds: a token from further ahead is refused.
pub const LEEWAY: i64 = 5;

/// What an assertion says. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// The server that it is of.
    pub iss: String,
    /// The application that it was made for.
    pub aud: String,
    /// The user.
    pub sub: String,
    /// The session, if there was one.
    pub sid: Option<String>,
    /// The challenge (`chl_…`) or decision (`dec_…`) that it comes of.
    pub jti: String,
    /// When it was made.
    pub iat: i64,
    /// Since when it counts.
    pub nbf: i64,
    /// It counts for nothing from here on.
    pub exp: i64,
    /// When the proof was given that it rests on.
    pub auth_time: i64,
    /// The level.
    pub acr: Level,
    /// The methods (RFC 8176).
    pub amr: BTreeSet<String>,
    /// What was proved or allowed.
    pub action: String,
    /// Binds it to user, session, action and context.
    pub action_hash: String,
    /// The authenticators that an allow rests on.
    #[serde(default)]
    pub authenticators: Vec<String>,
    /// The key that whoever shows it has to have.
    pub cnf: Option<Confirmation>,
}

/// The key that an assertion is bound to (RFC 7800). A kind that is not known here is refused, and never taken for none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub enum Confirmation {
    /// One that signs each request, by its thumbprint (RFC 9449 §6.1).
    #[serde(rename = "jkt")]
    Jkt(String),
    /// A client certificate, by its SHA-256 (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    X5tS256(String),
}

/// Whose assertions are accepted, and made for whom.
#[derive(Debug, Clone)]
pub struct Expected {
    /// `iss`, to the letter.
    pub issuer: String,
    /// The applications of which `aud` is one.
    pub audiences: Vec<String>,
}

/// Checks an assertion: its form, `alg`, `typ`, signature, `iss`, `aud`, `nbf`, `iat` and `exp`. All of them have to be there. What it is enough
/// for, [`Claims::meets`] says; and that whoever shows it has the key of `cnf` is still to be seen.
///
/// # Errors
/// Why it is not accepted; [`Refused::UnknownKey`] where other keys could change that.
pub fn verify(token: &str, keys: &Keys, expected: &Expected, now: i64) -> Result<Claims, Refused> {
    let parts = Parts::read(token, TYP)?;
    if parts.header.alg != "ES256" {
        return Err(Refused::Algorithm);
    }
    // The key is one of ours or none: a token has no say in where it is.
    if parts.header.jwk.is_some() {
        return Err(Refused::Malformed);
    }
    let kid = parts.header.kid.as_deref().ok_or(Refused::Malformed)?;
    let claims: Claims = parts.verified(keys.find(kid).ok_or(Refused::UnknownKey)?)?;
    if claims.iss != expected.issuer || !expected.audiences.contains(&claims.aud) {
        return Err(Refused::Elsewhere);
    }
    let has_come = claims.nbf.max(claims.iat).max(claims.auth_time) <= now.saturating_add(LEEWAY);
    if !has_come || now >= claims.exp {
        return Err(Refused::Time);
    }
    Ok(claims)
}

impl Claims {
    /// Whether this is what was proved or allowed: the action, and everything that it was about. `context` is what was sent as `context`; with the
    /// resource in it as `countersign:resource`, where a decision named one.
    pub fn is_about(&self, action: &str, context: &Map<String, Value>) -> bool {
        let mut canonical = String::new();
        write(&Value::Object(context.clone()), &mut canonical);
        let session = self.sid.as_deref().unwrap_or_default();
        let mut hash = Context::new(&SHA256);
        for part in ["countersign action v1", &self.jti, &self.sub, session, action, &canonical] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        self.action == action && self.action_hash == BASE64URL_NOPAD.encode(hash.finish().as_ref())
    }
}

/// JSON with names in the order of their characters, and no white space.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}
