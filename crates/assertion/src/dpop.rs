//! Proofs of possession: that whoever sends a request has a key (DPoP, RFC 9449).

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::jws::{Parts, PublicKey, Refused, bytes32};
use crate::sha256;

/// The `typ` of a proof.
const TYP: &str = "dpop+jwt";
/// How old a proof may be, in seconds. It serves one request, which is sent as soon as it is signed.
pub const LIFETIME: i64 = 60;
/// How far ahead the clock of whoever signed it may be, in seconds.
const AHEAD: i64 = 5;
/// The longest `jti`, in bytes.
const LONGEST_JTI: usize = 256;
/// Members of a JSON Web Key that make it a secret (RFC 7518 §6): whoever sends one of them has given the key away.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The request that a proof is to be of.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its method, `GET` say.
    pub method: &'a str,
    /// Its URL as whoever sends it knows it. Query and fragment are left out of account (RFC 9449 §4.3).
    pub url: &'a str,
    /// The hash of the token that it is shown with, if there is one: [`sha256`].
    pub ath: Option<&'a str>,
    /// The nonce that it has to have, if one was asked for.
    pub nonce: Option<&'a str>,
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Possession {
    /// The key that signed, by its thumbprint (RFC 7638).
    pub jkt: String,
    /// Names the proof under that key. The same a second time is a replay, and is to be refused until [`Possession::until`].
    pub jti: String,
    /// The proof is too old from here on, in seconds since the Unix epoch.
    pub until: i64,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
    nonce: Option<String>,
}

/// Checks a proof by RFC 9449 §4.3: `typ`, algorithm (ES256 or EdDSA with Ed25519), key, signature, `htm`, `htu`, `iat`, `ath`, `nonce`. That it
/// was not used before is for the caller to see to, and that the key is the one that is wanted.
///
/// # Errors
/// Why it is not accepted.
pub fn verify(proof: &str, request: &Request<'_>, now: i64) -> Result<Possession, Refused> {
    let parts = Parts::read(proof, TYP)?;
    if parts.header.kid.is_some() {
        return Err(Refused::Malformed);
    }
    let (key, jkt) = key(&parts.header.alg, parts.header.jwk.as_ref().ok_or(Refused::Malformed)?)?;
    let claims: Claims = parts.verified(&key)?;
    if claims.jti.is_empty() || claims.jti.len() > LONGEST_JTI {
        return Err(Refused::Malformed);
    }
    let wanted = canonical(request.url).ok_or(Refused::OtherRequest)?;
    if claims.htm != request.method || canonical(&claims.htu).as_ref() != Some(&wanted) {
        return Err(Refused::OtherRequest);
    }
    if request.ath.is_some() && claims.ath.as_deref() != request.ath {
        return Err(Refused::OtherRequest);
    }
    if request.nonce.is_some_and(|nonce| claims.nonce.as_deref() != Some(nonce)) {
        return Err(Refused::Nonce);
    }
    let until = claims.iat.saturating_add(LIFETIME);
    if claims.iat > now.saturating_add(AHEAD) || now >= until {
        return Err(Refused::Time);
    }
    Ok(Possession { jkt, jti: claims.jti, until })
}

/// The key of a header with its thumbprint, if it goes with the algorithm.
fn key(alg: &str, jwk: &Map<String, Value>) -> Result<(PublicKey, String), Refused> {
    if PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
        return Err(Refused::Malformed);
    }
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = |name: &str| bytes32(text(name)).ok_or(Refused::Malformed);
    // The members of a thumbprint in the order of their names (RFC 7638 §3.2), each as it is written canonically.
    match (alg, text("kty"), text("crv")) {
        ("ES256", "EC", "P-256") => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let [ex, ey] = [x, y].map(|part| BASE64URL_NOPAD.encode(&part));
            let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{ex}","y":"{ey}"}}"#);
            Ok((PublicKey::P256(x, y), sha256(jwk.as_bytes())))
        }
        // RFC 8037 §2, §3.1; the second name is that of RFC 9864 §2.2.
        ("EdDSA" | "Ed25519", "OKP", "Ed25519") => {
            let x = bytes("x")?;
            let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, BASE64URL_NOPAD.encode(&x));
            Ok((PublicKey::Ed25519(x), sha256(jwk.as_bytes())))
        }
        ("ES256" | "EdDSA" | "Ed25519", ..) => Err(Refused::Malformed),
        _ => Err(Refused::Algorithm),
    }
}

/// A URL without query and fragment, scheme and host in small letters, and without the port that its scheme has anyway (RFC 3986 §6.2.2,
/// §6.2.3).
fn canonical(url: &str) -> Option<String> {
    let url = url.split(['?', '#']).next()?;
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let scheme = scheme.to_ascii_lowercase();
    let authority = authority.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let host = authority.strip_suffix(default).unwrap_or(&authority);
    let path = if path.is_empty() { "/" } else { path };
    (!host.is_empty() && !host.contains('@')).then(|| format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_by_what_they_name() {
        let same = |one: &str, other: &str| canonical(one).is_some() && canonical(one) == canonical(other);
        assert!(same("https://API.example.org:443", "https://api.example.org/"));
        assert!(same("http://api.example.org:80/a?b=c#d", "HTTP://api.example.org/a"));
        assert!(!same("https://api.example.org/a", "https://api.example.org/A"));
        assert!(!same("https://api.example.org/a", "https://api.example.org/a/"));
        assert!(!same("https://api.example.org:8443/a", "https://api.example.org/a"));
        assert!(!same("http://api.example.org/a", "https://api.example.org/a"));
        for none in ["", "/a", "https://", "ftp://a/b", "https://user@a/b"] {
            assert_eq!(canonical(none), None, "{none}");
        }
    }
}
