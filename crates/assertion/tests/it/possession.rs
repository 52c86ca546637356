//! Proofs of possession: each part changed in turn (RFC 9449 §4.3).

use assertion::dpop::{LIFETIME, Request, verify};
use assertion::{Refused, sha256};
use serde_json::{Value, json};

use crate::signer::{Signer, by_ed25519};

const NOW: i64 = 1_800_000_000;
const URL: &str = "https://api.example.org/payments";

fn claims() -> Value {
    json!({ "jti": "one", "htm": "POST", "htu": URL, "iat": NOW, "ath": sha256(b"token") })
}

fn request() -> Request<'static> {
    // SHA-256 of `token`.
    let ath = Some("PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A");
    Request { method: "POST", url: "https://api.example.org:443/payments?a=b", ath, nonce: None }
}

fn header(signer: &Signer) -> Value {
    json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": signer.jwk() })
}

fn with(mut value: Value, name: &str, to: Value) -> Value {
    value[name] = to;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn s09_a_proof_shows_the_key_that_signed() {
    let signer = Signer::new();
    let shown = verify(&signer.sign(&header(&signer), &claims()), &request(), NOW).unwrap();
    assert_eq!((shown.jkt, shown.jti.as_str(), shown.until), (signer.jkt(), "one", NOW + LIFETIME));
    for alg in ["EdDSA", "Ed25519"] {
        assert!(verify(&by_ed25519(alg, &claims()), &request(), NOW).is_ok(), "{alg}");
    }
    assert_eq!(verify(&by_ed25519("ES256", &claims()), &request(), NOW), Err(Refused::Malformed));
}

/// RFC 7638 §3.1 has no key on P-256; RFC 9449 §6.1 has one, with the thumbprint that goes with the proof of §4.1.
#[test]
fn s09_the_proof_of_rfc_9449_is_accepted_in_its_time() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let request = Request { method: "POST", url: "https://server.example.com/token", ath: None, nonce: None };
    let shown = verify(proof, &request, 1_562_262_616).unwrap();
    assert_eq!(shown.jkt, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn s09_each_changed_part_of_a_proof_is_refused() {
    let signer = Signer::new();
    let header = header(&signer);
    let secret = |name: &str| with(header.clone(), "jwk", with(signer.jwk(), name, json!("AAAA")));
    let cases = [
        (with(header.clone(), "typ", json!("JWT")), claims(), Refused::Type),
        (without(header.clone(), "typ"), claims(), Refused::Malformed),
        (with(header.clone(), "alg", json!("none")), claims(), Refused::Algorithm),
        (with(header.clone(), "alg", json!("HS256")), claims(), Refused::Algorithm),
        (with(header.clone(), "alg", json!("EdDSA")), claims(), Refused::Malformed),
        (without(header.clone(), "jwk"), claims(), Refused::Malformed),
        (with(header.clone(), "jwk", Signer::new().jwk()), claims(), Refused::Signature),
        (with(header.clone(), "kid", json!("x")), claims(), Refused::Malformed),
        (with(header.clone(), "crit", json!([])), claims(), Refused::Malformed),
        (secret("d"), claims(), Refused::Malformed),
        (secret("k"), claims(), Refused::Malformed),
        (secret("oth"), claims(), Refused::Malformed),
        (header.clone(), with(claims(), "htm", json!("GET")), Refused::OtherRequest),
        (header.clone(), with(claims(), "htm", json!("post")), Refused::OtherRequest),
        (header.clone(), with(claims(), "htu", json!("https://api.example.org/other")), Refused::OtherRequest),
        (
            header.clone(),
            with(claims(), "htu", json!("https://api.example.org.evil.example/payments")),
            Refused::OtherRequest,
        ),
        (header.clone(), with(claims(), "htu", json!("http://api.example.org/payments")), Refused::OtherRequest),
        (header.clone(), with(claims(), "htu", json!("/payments")), Refused::OtherRequest),
        (header.clone(), with(claims(), "ath", json!(sha256(b"another"))), Refused::OtherRequest),
        (header.clone(), without(claims(), "ath"), Refused::OtherRequest),
        (header.clone(), with(claims(), "iat", json!(NOW - LIFETIME)), Refused::Time),
        (header.clone(), with(claims(), "iat", json!(NOW + 6)), Refused::Time),
        (header.clone(), with(claims(), "jti", json!("")), Refused::Malformed),
        (header.clone(), with(claims(), "jti", json!("x".repeat(257))), Refused::Malformed),
    ];
    for (header, claims, wanted) in cases {
        assert_eq!(verify(&signer.sign(&header, &claims), &request(), NOW), Err(wanted), "{header} {claims}");
    }
    for name in ["jti", "htm", "htu", "iat"] {
        let proof = signer.sign(&header, &without(claims(), name));
        assert_eq!(verify(&proof, &request(), NOW), Err(Refused::Malformed), "without {name}");
    }
}

#[test]
fn s09_a_nonce_that_is_wanted_has_to_be_there() {
    let signer = Signer::new();
    let wanted = Request { nonce: Some("n-1"), ..request() };
    let proof = |claims: &Value| verify(&signer.sign(&header(&signer), claims), &wanted, NOW);
    assert_eq!(proof(&claims()), Err(Refused::Nonce));
    assert_eq!(proof(&with(claims(), "nonce", json!("n-2"))), Err(Refused::Nonce));
    assert!(proof(&with(claims(), "nonce", json!("n-1"))).is_ok());
}
