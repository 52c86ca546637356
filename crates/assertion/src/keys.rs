//! The keys that assertions are signed with, as `/.well-known/jwks.json` tells them.

use serde::Deserialize;

use crate::jws::{PublicKey, bytes32};

/// The most keys of a set. Each rotation adds one, and retiring takes them away.
const MOST: usize = 64;

/// The public halves of signing keys, by their `kid`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<(String, PublicKey)>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

/// What of a key is looked at (RFC 7517 §4, RFC 7518 §6.2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    kid: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    fn read(self) -> Option<(String, PublicKey)> {
        let is_ours = self.kty == "EC"
            && self.crv.as_deref() == Some("P-256")
            && self.alg.is_none_or(|alg| alg == "ES256")
            && self.purpose.is_none_or(|purpose| purpose == "sig");
        let (x, y) = (bytes32(&self.x?)?, bytes32(&self.y?)?);
        self.kid.filter(|_| is_ours).map(|kid| (kid, PublicKey::P256(x, y)))
    }
}

impl Keys {
    /// Reads a JSON Web Key Set (RFC 7517 §5). Keys that sign no assertion are left out; `None` where it is no set, or has more than 64 keys.
    pub fn read(json: &[u8]) -> Option<Self> {
        let set: Set = serde_json::from_slice(json).ok()?;
        (set.keys.len() <= MOST).then(|| Self(set.keys.into_iter().filter_map(Jwk::read).collect()))
    }

    /// Keys on P-256, each with its `kid`, x and y.
    pub fn of<'a>(keys: impl IntoIterator<Item = (&'a str, &'a [u8], &'a [u8])>) -> Self {
        let key = |(kid, x, y): (&str, &[u8], &[u8])| {
            Some((kid.to_owned(), PublicKey::P256(x.try_into().ok()?, y.try_into().ok()?)))
        };
        Self(keys.into_iter().filter_map(key).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is one of this name.
    pub fn has(&self, kid: &str) -> bool {
        self.find(kid).is_some()
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|(name, _)| name == kid).map(|(_, key)| key)
    }
}
