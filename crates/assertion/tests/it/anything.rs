//! Whatever a stranger sends: refused, and no panic (T-33).

use assertion::dpop::{self, Request};
use assertion::{Expected, Keys, verify};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::signer::{Signer, encode};

/// JSON of some depth, with the names that mean something here among its members.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("ES256"),
            Just("EdDSA"),
            Just("dpop+jwt"),
            Just("countersign-assertion+jwt"),
            Just("EC"),
            Just("OKP"),
            Just("P-256")
        ]
        .prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("alg".to_owned()),
        Just("typ".to_owned()),
        Just("kid".to_owned()),
        Just("jwk".to_owned()),
        Just("kty".to_owned()),
        Just("crv".to_owned()),
        Just("x".to_owned()),
        Just("keys".to_owned()),
        Just("cnf".to_owned()),
        "[a-z]{1,6}",
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn is_refused(token: &str) -> bool {
    let signer = Signer::new();
    let keys = Keys::of([("one", signer.x.as_slice(), signer.y.as_slice())]);
    let expected = Expected { issuer: String::new(), audiences: vec![String::new()] };
    let request = Request { method: "GET", url: "https://a", ath: None, nonce: None };
    verify(token, &keys, &expected, 0).is_err() && dpop::verify(token, &request, 0).is_err()
}

proptest! {
    #[test]
    fn t33_no_text_is_taken_for_a_token(text in "\\PC{0,200}") {
        prop_assert!(is_refused(&text));
    }

    #[test]
    fn t33_no_parts_are_taken_for_a_token(header in any_json(), claims in any_json(), signature in prop::collection::vec(any::<u8>(), 0..80)) {
        let token = format!("{}.{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()), encode(&signature));
        prop_assert!(is_refused(&token));
    }

    #[test]
    fn t33_what_is_signed_and_says_anything_is_refused(claims in any_json()) {
        let signer = Signer::new();
        let keys = Keys::of([("one", signer.x.as_slice(), signer.y.as_slice())]);
        let expected = Expected { issuer: String::new(), audiences: vec![String::new()] };
        let header = json!({ "alg": "ES256", "kid": "one", "typ": "countersign-assertion+jwt" });
        prop_assert!(verify(&signer.sign(&header, &claims), &keys, &expected, 0).is_err());
    }

    #[test]
    fn t33_no_keys_make_the_reader_panic(json in any_json()) {
        let _ = Keys::read(json.to_string().as_bytes());
    }
}
