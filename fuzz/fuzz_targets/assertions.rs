//! Assertions, proofs of possession and sets of keys, as resource servers read them.
//!
//! Behind a first byte that is 1 or 2, the rest is what the holder of a key that is known signs, header and payload apart by a zero: so
//! that what is behind the signature is reached, too.
#![no_main]

use std::sync::LazyLock;

use assertion::{Expected, Keys, dpop};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;

const NOW: i64 = 1_800_000_000;

static OURS: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));
static CLIENT: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key"));
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let point = OURS.public_key().as_ref();
    Keys::of([("k1", &point[1..33], &point[33..])])
});

fn signed(header: &[u8], payload: &[u8], sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(payload));
    let signature = BASE64URL_NOPAD.encode(&sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn is_an_assertion(token: &str) -> bool {
    let expected = Expected { issuer: "https://mfa.example.org".to_owned(), audiences: vec!["app_1".to_owned()] };
    let Ok(claims) = assertion::verify(token, &KEYS, &expected, NOW) else { return false };
    assert!(claims.iss == expected.issuer && claims.aud == "app_1" && claims.exp > NOW);
    claims.is_about(&claims.action, &serde_json::Map::new());
    true
}

fn is_a_proof(proof: &str) -> bool {
    let request = dpop::Request { method: "GET", url: "https://api.example.org/pay", ath: None, nonce: None };
    let Ok(possession) = dpop::verify(proof, &request, NOW) else { return false };
    assert!(!possession.jti.is_empty() && possession.until > NOW);
    true
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (kind, rest) = bytes.split_first().map_or((0, bytes), |(kind, rest)| (*kind, rest));
    let zero = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let (header, payload) = (&rest[..zero], rest.get(zero + 1..).unwrap_or_default());
    let random = aws_lc_rs::rand::SystemRandom::new();
    match kind {
        1 => {
            let token = signed(header, payload, |text| OURS.sign(&random, text).expect("a signature").as_ref().to_vec());
            // What counts does so for what was signed alone, and as nothing else.
            if is_an_assertion(&token) {
                assert!(!is_an_assertion(&format!("A{token}")) && !is_a_proof(&token));
            }
        }
        2 => {
            let proof = signed(header, payload, |text| CLIENT.sign(text).as_ref().to_vec());
            assert!(!is_an_assertion(&proof));
            is_a_proof(&proof);
        }
        _ => {
            let text = String::from_utf8_lossy(rest);
            assert!(!is_an_assertion(&text));
            is_a_proof(&text);
            let _ = Keys::read(rest);
        }
    }
});
