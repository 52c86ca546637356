//! Assertions: each part changed in turn.

use assertion::{Claims, Confirmation, Expected, Keys, Lacking, Level, Need, Refusal, Refused, Scheme, verify};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::signer::{Signer, encode};

const NOW: i64 = 1_800_000_000;

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "one", "typ": "countersign-assertion+jwt" })
}

fn claims() -> Value {
    json!({
        "iss": "https://mfa.example.org", "aud": "app_1", "sub": "usr_1", "sid": "ses_1", "jti": "dec_1",
        "iat": NOW, "nbf": NOW, "exp": NOW + 300, "auth_time": NOW - 100,
        "acr": "aal2", "amr": ["mfa", "otp", "pwd"], "action": "pay", "action_hash": "h",
        "authenticators": ["ath_1"],
    })
}

fn expected() -> Expected {
    Expected { issuer: "https://mfa.example.org".to_owned(), audiences: vec!["app_0".to_owned(), "app_1".to_owned()] }
}

fn keys(signer: &Signer) -> Keys {
    Keys::of([("one", signer.x.as_slice(), signer.y.as_slice())])
}

fn with(mut value: Value, name: &str, to: Value) -> Value {
    value[name] = to;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

fn judged(signer: &Signer, token: &str) -> Result<Claims, Refused> {
    verify(token, &keys(signer), &expected(), NOW)
}

#[test]
fn t21_an_assertion_as_it_should_be_is_accepted() {
    let signer = Signer::new();
    let said = judged(&signer, &signer.sign(&header(), &claims())).unwrap();
    assert_eq!((said.acr, said.sid.as_deref(), said.cnf), (Level::Aal2, Some("ses_1"), None));
    // Without what need not be there, and with what is not known.
    let bare = without(without(claims(), "sid"), "authenticators");
    assert!(judged(&signer, &signer.sign(&header(), &with(bare, "new", json!(1)))).is_ok());
    let bound = with(claims(), "cnf", json!({ "jkt": "k" }));
    assert_eq!(judged(&signer, &signer.sign(&header(), &bound)).unwrap().cnf, Some(Confirmation::Jkt("k".to_owned())));
}

#[test]
fn t21_each_changed_part_of_an_assertion_is_refused() {
    let signer = Signer::new();
    let cases = [
        (with(header(), "alg", json!("none")), claims(), Refused::Algorithm),
        (with(header(), "alg", json!("HS256")), claims(), Refused::Algorithm),
        (with(header(), "alg", json!("ES384")), claims(), Refused::Algorithm),
        (with(header(), "alg", json!("es256")), claims(), Refused::Algorithm),
        (with(header(), "typ", json!("JWT")), claims(), Refused::Type),
        (with(header(), "typ", json!("at+jwt")), claims(), Refused::Type),
        (without(header(), "typ"), claims(), Refused::Malformed),
        (with(header(), "kid", json!("two")), claims(), Refused::UnknownKey),
        (without(header(), "kid"), claims(), Refused::Malformed),
        (with(header(), "crit", json!(["exp"])), claims(), Refused::Malformed),
        (with(header(), "b64", json!(false)), claims(), Refused::Malformed),
        (with(header(), "jku", json!("https://evil.example")), claims(), Refused::Malformed),
        (with(header(), "jwk", signer.jwk()), claims(), Refused::Malformed),
        (header(), with(claims(), "iss", json!("https://mfa.example.org/")), Refused::Elsewhere),
        (header(), with(claims(), "aud", json!("app_2")), Refused::Elsewhere),
        (header(), with(claims(), "aud", json!(["app_1"])), Refused::Malformed),
        (header(), with(claims(), "exp", json!(NOW)), Refused::Time),
        (header(), with(claims(), "exp", json!("never")), Refused::Malformed),
        (header(), with(claims(), "nbf", json!(NOW + 6)), Refused::Time),
        (header(), with(claims(), "iat", json!(NOW + 6)), Refused::Time),
        (header(), with(claims(), "auth_time", json!(NOW + 6)), Refused::Time),
        (header(), with(claims(), "acr", json!("aal9")), Refused::Malformed),
        (header(), with(claims(), "amr", json!("otp")), Refused::Malformed),
        // A binding of a kind that is not known is none that can be seen to.
        (header(), with(claims(), "cnf", json!({ "kid": "x" })), Refused::Malformed),
        (header(), with(claims(), "cnf", json!({})), Refused::Malformed),
    ];
    for (header, claims, wanted) in cases {
        assert_eq!(judged(&signer, &signer.sign(&header, &claims)), Err(wanted), "{header} {claims}");
    }
    let required =
        ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "auth_time", "acr", "amr", "action", "action_hash"];
    for name in required {
        let token = signer.sign(&header(), &without(claims(), name));
        assert_eq!(judged(&signer, &token), Err(Refused::Malformed), "without {name}");
    }
}

#[test]
fn t21_each_changed_byte_of_an_assertion_is_refused() {
    let signer = Signer::new();
    let token = signer.sign(&header(), &claims());
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(judged(&signer, &changed).is_err(), "byte {at}");
    }
    let other = Signer::new();
    assert_eq!(judged(&signer, &other.sign(&header(), &claims())), Err(Refused::Signature));
    for form in [
        String::new(),
        "..".to_owned(),
        format!("{token}="),
        format!("{token}.x"),
        token.rsplit_once('.').unwrap().0.to_owned(),
        format!("{}.", token.rsplit_once('.').unwrap().0),
        "A".repeat(20_000),
    ] {
        assert!(judged(&signer, &form).is_err(), "{form}");
    }
    // Two of one name: nobody knows which counts.
    let text = claims().to_string();
    let twice = format!("{},\"exp\":{}}}", &text[..text.len() - 1], NOW + 9000);
    assert_eq!(judged(&signer, &signer.sign_text(&header().to_string(), &twice)), Err(Refused::Malformed));
}

#[test]
fn t21_the_public_key_is_no_shared_secret() {
    let signer = Signer::new();
    let point = [&[4], signer.x.as_slice(), signer.y.as_slice()].concat();
    for secret in [point.as_slice(), signer.jwk().to_string().as_bytes()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let header = with(header(), "alg", json!("HS256")).to_string();
        let input = format!("{}.{}", encode(header.as_bytes()), encode(claims().to_string().as_bytes()));
        let token = format!("{input}.{}", encode(hmac::sign(&key, input.as_bytes()).as_ref()));
        assert_eq!(judged(&signer, &token), Err(Refused::Algorithm));
    }
}

#[test]
fn t21_keys_that_sign_no_assertion_are_left_out() {
    let signer = Signer::new();
    let key = |more: Value| {
        let mut key = signer.jwk();
        key["kid"] = json!("one");
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Keys::read(json!({ "keys": [key] }).to_string().as_bytes()).unwrap().has("one")
    };
    assert!(key(json!({})) && key(json!({ "alg": "ES256", "use": "sig" })));
    for other in [
        json!({ "alg": "HS256" }),
        json!({ "use": "enc" }),
        json!({ "crv": "P-384" }),
        json!({ "kty": "oct" }),
        json!({ "x": "AAAA" }),
    ] {
        assert!(!key(other.clone()), "{other}");
    }
    assert_eq!(Keys::read(b"[]"), None);
    let many: Vec<Value> = (0..65).map(|_| signer.jwk()).collect();
    assert_eq!(Keys::read(json!({ "keys": many }).to_string().as_bytes()), None);
}

/// RFC 9470: what is good and not enough is told apart, and what would be enough is said.
#[test]
fn s07_what_is_lacking_is_said_as_rfc_9470_has_it() {
    let signer = Signer::new();
    let said = judged(&signer, &signer.sign(&header(), &claims())).unwrap();
    let need = Need { level: Some(Level::Aal2), max_age: Some(100), ..Need::default() };
    assert_eq!(said.meets(&need, NOW), Ok(()));
    assert_eq!(said.meets(&need, NOW + 6), Err(Lacking::Age));
    let higher = Need { level: Some(Level::Aal3), ..need.clone() };
    assert_eq!(said.meets(&higher, NOW), Err(Lacking::Level));
    let method = Need { amr: vec!["hwk".to_owned()], ..need.clone() };
    assert_eq!(said.meets(&method, NOW), Err(Lacking::Method));
    let action = Need { action: Some("other".to_owned()), ..need.clone() };
    assert_eq!(said.meets(&action, NOW), Err(Lacking::Action));

    assert_eq!(
        Refusal::Lacking(Lacking::Age).challenge(Scheme::Bearer, &need),
        "Bearer error=\"insufficient_user_authentication\", error_description=\"more recent authentication is required\", \
         acr_values=\"aal2 aal3\", max_age=\"100\""
    );
    assert_eq!(
        Refusal::Token(Refused::Time).challenge(Scheme::Dpop, &Need::default()),
        "DPoP error=\"invalid_token\", error_description=\"the assertion is not accepted: its time is over, or has not come\", \
         algs=\"ES256 EdDSA\""
    );
    assert_eq!(Refusal::None.challenge(Scheme::Bearer, &Need::default()), "Bearer");
}

/// The hash as the server makes it: the same parts, whatever the order of names.
#[test]
fn s05_an_assertion_is_about_what_was_asked_and_nothing_else() {
    let signer = Signer::new();
    let context = json!({ "payee": "Hanna \"H\" Weiß", "amount": 5000, "list": [1, { "b": null, "a": true }] });
    let canonical = r#"{"amount":5000,"list":[1,{"a":true,"b":null}],"payee":"Hanna \"H\" Weiß"}"#;
    let mut bytes = Vec::new();
    for part in ["countersign action v1", "dec_1", "usr_1", "ses_1", "pay", canonical] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    let token = signer.sign(&header(), &with(claims(), "action_hash", json!(assertion::sha256(&bytes))));
    let said = judged(&signer, &token).unwrap();
    let context = context.as_object().unwrap();
    assert!(said.is_about("pay", context));
    assert!(!said.is_about("payout", context));
    let mut other = context.clone();
    other["amount"] = json!(5001);
    assert!(!said.is_about("pay", &other));
}
