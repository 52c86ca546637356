//! T-32: each field said wrong, in both ceremonies.

use proptest::prelude::*;
use software_authenticator::{
    ATTESTED_CREDENTIAL, Authenticator, BACKED_UP, BACKUP_ELIGIBLE, EXTENSIONS, Kind, Lies, Statement, USER_PRESENT,
    USER_VERIFIED,
};
use webauthn::{Algorithm, AuthenticationResponse, Policy, Refusal, RegistrationResponse, UserVerification};

use crate::{ANA, BEN, ORIGIN, authenticate, creation, now, party, register, registered, request};

/// Lies about client data, which are the same in both ceremonies.
fn about_client_data() -> Vec<(Lies, Refusal)> {
    let origins = [
        "https://login.example.org.evil.example",
        "https://evil.example",
        "http://login.example.org",
        "https://login.example.org:444",
        "https://login.example.org/",
        "https://LOGIN.example.org",
        "https://ana@login.example.org",
        "https://sub.login.example.org",
        "https://example.org",
        "null",
        "",
    ];
    let mut lies: Vec<(Lies, Refusal)> =
        origins.map(|origin| (Lies { origin: Some(origin.to_owned()), ..Lies::default() }, Refusal::Origin)).into();
    let kinds = ["webauthn.other", "payment.get", "webauthn.Get", "WEBAUTHN.CREATE", ""];
    lies.extend(kinds.map(|kind| (Lies { kind: Some(kind.to_owned()), ..Lies::default() }, Refusal::Ceremony)));
    let challenges = [vec![], vec![0; 32], vec![9; 31], vec![9; 33], vec![7; 31], vec![7; 33]];
    lies.extend(challenges.map(|c| (Lies { challenge: Some(c), ..Lies::default() }, Refusal::Challenge)));
    lies.push((Lies { cross_origin: true, ..Lies::default() }, Refusal::CrossOrigin));
    let top = Some("https://evil.example".to_owned());
    lies.push((Lies { cross_origin: true, top_origin: top.clone(), ..Lies::default() }, Refusal::CrossOrigin));
    lies.push((Lies { top_origin: top, ..Lies::default() }, Refusal::CrossOrigin));
    let texts = [&b""[..], b"{}", b"[]", b"no json", b"{\"type\":\"webauthn.get\"}", b"\xff\xfe"];
    lies.extend(texts.map(|text| (Lies { client_data: Some(text.to_vec()), ..Lies::default() }, Refusal::ClientData)));
    let twice =
        br#"{"type":"webauthn.get","type":"webauthn.create","challenge":"","origin":"https://login.example.org"}"#;
    lies.push((Lies { client_data: Some(twice.to_vec()), ..Lies::default() }, Refusal::ClientData));
    let long = format!(r#"{{"type":"webauthn.get","challenge":"","origin":"","more":"{}"}}"#, "x".repeat(5_000));
    lies.push((Lies { client_data: Some(long.into_bytes()), ..Lies::default() }, Refusal::ClientData));
    lies
}

/// Lies about authenticator data, which are the same in both ceremonies.
fn about_authenticator_data() -> Vec<(Lies, Refusal)> {
    let rp_ids = ["evil.example", "login.example.org", "old.example", "", "https://example.org"];
    let mut lies: Vec<(Lies, Refusal)> =
        rp_ids.map(|id| (Lies { rp_id: Some(id.to_owned()), ..Lies::default() }, Refusal::RelyingParty)).into();
    lies.push((Lies { flipped: USER_PRESENT, ..Lies::default() }, Refusal::UserAbsent));
    lies.push((Lies { flipped: BACKED_UP, ..Lies::default() }, Refusal::BackupFlags));
    // Each of these makes the rest mean something else.
    lies.push((Lies { flipped: EXTENSIONS, ..Lies::default() }, Refusal::AuthenticatorData));
    lies.push((Lies { flipped: ATTESTED_CREDENTIAL, ..Lies::default() }, Refusal::AuthenticatorData));
    lies.push((Lies { after_data: vec![0], ..Lies::default() }, Refusal::AuthenticatorData));
    lies.push((Lies { after_data: vec![0xa0], ..Lies::default() }, Refusal::AuthenticatorData));
    lies.push((Lies { extensions: vec![0x01], ..Lies::default() }, Refusal::AuthenticatorData));
    lies.push((Lies { extensions: vec![0xa1, 0x61], ..Lies::default() }, Refusal::AuthenticatorData));
    lies
}

fn required() -> Policy {
    Policy { user_verification: UserVerification::Required, ..Policy::default() }
}

#[test]
fn t32_a_registration_with_any_field_wrong_is_refused() {
    let party = party(required());
    let mut all = about_client_data();
    all.extend(about_authenticator_data());
    let get = Some("webauthn.get".to_owned());
    all.push((Lies { kind: get, ..Lies::default() }, Refusal::Ceremony));
    all.push((Lies { flipped: USER_VERIFIED, ..Lies::default() }, Refusal::UserUnverified));
    all.push((Lies { after_object: vec![0], ..Lies::default() }, Refusal::AttestationObject));
    all.push((Lies { outer_id: Some(vec![1; 32]), ..Lies::default() }, Refusal::CredentialId));
    all.push((Lies { statement_extra: true, ..Lies::default() }, Refusal::AttestationStatement));
    for format in ["fido-u2f", "tpm", "android-key", "android-safetynet", "apple", "packed", "compound", "", "None"] {
        let lies = Lies { format: Some(format.to_owned()), ..Lies::default() };
        all.push((lies, Refusal::AttestationStatement));
    }
    for alg in [-8, -35, -257, -36] {
        let refusal = match alg {
            -8 => Refusal::PublicKey(Algorithm::EdDsa),
            -35 => Refusal::PublicKey(Algorithm::Es384),
            -257 => Refusal::PublicKey(Algorithm::Rs256),
            _ => Refusal::Algorithm,
        };
        all.push((Lies { alg: Some(alg), ..Lies::default() }, refusal));
    }
    for (lies, refusal) in all {
        let done = register(&party, &mut Authenticator::security_key(), ORIGIN, &lies);
        assert_eq!(done.map(drop), Err(refusal), "{lies:?}");
    }
}

#[test]
fn t32_public_keys_that_are_none_are_refused() {
    let party = party(Policy::default());
    let es256 = |x: u8, y: u8| [&hex("a501020326200121 5820")[..], &[x; 32], &hex("225820"), &[y; 32]].concat();
    let rsa = |n: Vec<u8>, e: &str| {
        let length = u16::try_from(n.len()).unwrap().to_be_bytes();
        [&hex("a401030339010020 59")[..], &length, &n, &hex(e)].concat()
    };
    let keys = [
        // Not on the curve, the point at infinity, coordinates that are cut.
        (es256(1, 2), Refusal::PublicKey(Algorithm::Es256)),
        (es256(0, 0), Refusal::PublicKey(Algorithm::Es256)),
        (
            [&hex("a501020326200121 581f")[..], &[1; 31], &hex("225820"), &[2; 32]].concat(),
            Refusal::PublicKey(Algorithm::Es256),
        ),
        // P-256 said to be P-384's, a key of 1,024 bits, an exponent of 1.
        (
            [&hex("a501020326200221 5820")[..], &[1; 32], &hex("225820"), &[2; 32]].concat(),
            Refusal::PublicKey(Algorithm::Es256),
        ),
        (rsa(vec![0xff; 128], "2143010001"), Refusal::PublicKey(Algorithm::Rs256)),
        (rsa(vec![0xff; 256], "214101"), Refusal::PublicKey(Algorithm::Rs256)),
        // No algorithm at all.
        (hex("a10102"), Refusal::AttestationObject),
        (hex("80"), Refusal::AuthenticatorData),
        (vec![], Refusal::AuthenticatorData),
    ];
    for (key, refusal) in keys {
        let lies = Lies { public_key: Some(key.clone()), ..Lies::default() };
        let done = register(&party, &mut Authenticator::security_key(), ORIGIN, &lies);
        assert_eq!(done.map(drop), Err(refusal), "{key:02x?}");
    }
}

#[test]
fn t32_a_statement_of_its_own_key_with_any_field_wrong_is_refused() {
    let party = party(Policy::default());
    for kind in [Kind::Es256, Kind::EdDsa, Kind::Rs256] {
        let lies = [
            Lies { statement_alg: Some(-65535), ..Lies::default() },
            Lies { statement_alg: Some(if kind == Kind::Es256 { -257 } else { -7 }), ..Lies::default() },
            Lies { statement_signature: Some(vec![]), ..Lies::default() },
            Lies { statement_signature: Some(vec![1; 64]), ..Lies::default() },
            Lies { statement_extra: true, ..Lies::default() },
            Lies { format: Some("none".to_owned()), ..Lies::default() },
        ];
        for lies in lies {
            let mut key =
                Authenticator { kinds: vec![kind], statement: Statement::SelfSigned, ..Authenticator::security_key() };
            let done = register(&party, &mut key, ORIGIN, &lies);
            assert_eq!(done.map(drop), Err(Refusal::AttestationStatement), "{kind:?} {lies:?}");
        }
    }
}

#[test]
fn t32_an_assertion_with_any_field_wrong_is_refused() {
    let party = party(required());
    for kind in [Kind::Es256, Kind::EdDsa, Kind::Rs256] {
        let mut key = Authenticator { kinds: vec![kind], ..Authenticator::security_key() };
        let credential = registered(&party, &mut key);
        let mut all = about_client_data();
        all.extend(about_authenticator_data());
        let create = Some("webauthn.create".to_owned());
        all.push((Lies { kind: create, ..Lies::default() }, Refusal::Ceremony));
        all.push((Lies { flipped: USER_VERIFIED, ..Lies::default() }, Refusal::UserUnverified));
        all.push((Lies { flipped: BACKUP_ELIGIBLE, ..Lies::default() }, Refusal::BackupEligibilityChanged));
        all.push((Lies { flipped: BACKUP_ELIGIBLE | BACKED_UP, ..Lies::default() }, Refusal::BackupEligibilityChanged));
        all.push((Lies { counter: Some(0), ..Lies::default() }, Refusal::Cloned));
        all.push((Lies { counter: Some(1), ..Lies::default() }, Refusal::Cloned));
        all.push((Lies { user_handle: Some(BEN.to_vec()), ..Lies::default() }, Refusal::UserHandle));
        all.push((Lies { user_handle: Some(ANA[..15].to_vec()), ..Lies::default() }, Refusal::UserHandle));
        all.push((Lies { credential_id: Some(vec![1; 32]), ..Lies::default() }, Refusal::Unasked));
        for signature in [vec![], vec![0], vec![0; 64], vec![0; 256], hex("3006020100020100"), hex("3006020101020101")]
        {
            all.push((Lies { signature: Some(signature), ..Lies::default() }, Refusal::Signature));
        }
        for (lies, refusal) in all {
            let done = authenticate(&party, &mut key, &credential, &lies);
            assert_eq!(done, Err(refusal), "{kind:?} {lies:?}");
        }
        // And it was for the lies.
        authenticate(&party, &mut key, &credential, &Lies::default()).unwrap();
    }
}

#[test]
fn t32_an_answer_to_another_challenge_or_of_another_key_is_refused() {
    let party = party(Policy::default());
    let (mut mine, mut others) = (Authenticator::security_key(), Authenticator::security_key());
    let (credential, foreign) = (registered(&party, &mut mine), registered(&party, &mut others));
    let (options, state) = request(&party, std::slice::from_ref(&credential));
    let parse = |value: serde_json::Value| AuthenticationResponse::parse(&value.to_string()).unwrap();

    let good = parse(mine.get(&options, ORIGIN, &Lies::default()).unwrap());
    let other =
        webauthn::Asked { user: Some(ANA), credentials: std::slice::from_ref(&credential), ..Default::default() };
    let (_, other) = party.begin_authentication([8; 32], other, crate::LIFETIME);
    assert_eq!(party.finish_authentication(&other, &good, &ANA, &credential), Err(Refusal::Challenge));

    // Another's credential, under its own name and under mine.
    let theirs = parse(others.get_by_last(&options, ORIGIN, &Lies::default()).unwrap());
    assert_eq!(party.finish_authentication(&state, &theirs, &BEN, &foreign), Err(Refusal::Unasked));
    let lies = Lies { credential_id: Some(credential.id.clone()), ..Lies::default() };
    let theirs = parse(others.get_by_last(&options, ORIGIN, &lies).unwrap());
    assert_eq!(party.finish_authentication(&state, &theirs, &ANA, &credential), Err(Refusal::Signature));

    // The right answer, about a user who was not asked.
    assert_eq!(party.finish_authentication(&state, &good, &BEN, &credential), Err(Refusal::UserHandle));

    // The same answer a second time, with the counter kept.
    let done = party.finish_authentication(&state, &good, &ANA, &credential).unwrap();
    let kept = credential.after(&done);
    assert_eq!(party.finish_authentication(&state, &good, &ANA, &kept), Err(Refusal::Cloned));
}

#[test]
fn t32_a_copy_is_noticed_by_its_counter() {
    let (party, mut key) = (party(Policy::default()), Authenticator::security_key());
    let mut credential = registered(&party, &mut key);
    for _ in 0..3 {
        credential = credential.after(&authenticate(&party, &mut key, &credential, &Lies::default()).unwrap());
    }
    key.set_counter(1);
    assert_eq!(authenticate(&party, &mut key, &credential, &Lies::default()), Err(Refusal::Cloned));
    // One that has counted and stops is no better.
    let lies = Lies { counter: Some(0), ..Lies::default() };
    assert_eq!(authenticate(&party, &mut key, &credential, &lies), Err(Refusal::Cloned));
}

#[test]
fn t32_a_synced_key_is_refused_where_one_bound_to_hardware_is_asked_for() {
    let lax = party(Policy::default());
    let strict = party(Policy { hardware_bound_only: true, ..Policy::default() });
    let mut phone = Authenticator::passkey();
    let done = register(&strict, &mut phone, ORIGIN, &Lies::default());
    assert_eq!(done.map(drop), Err(Refusal::Synced));
    // One that could be synced and is not yet is refused as well; and one that was registered before the policy was.
    let lies = Lies { flipped: BACKED_UP, ..Lies::default() };
    assert_eq!(register(&strict, &mut phone, ORIGIN, &lies).map(drop), Err(Refusal::Synced));
    let mut phone = Authenticator::passkey();
    let credential = registered(&lax, &mut phone);
    let (options, state) = request(&lax, std::slice::from_ref(&credential));
    let response = phone.get(&options, ORIGIN, &Lies::default()).unwrap().to_string();
    let response = AuthenticationResponse::parse(&response).unwrap();
    assert_eq!(strict.finish_authentication(&state, &response, &ANA, &credential), Err(Refusal::Synced));
    assert_eq!(request(&strict, std::slice::from_ref(&credential)).0["allowCredentials"], serde_json::json!([]));
    register(&strict, &mut Authenticator::security_key(), ORIGIN, &Lies::default()).unwrap();
}

#[test]
fn whether_the_user_was_verified_is_told_where_it_is_not_required() {
    for user_verification in [UserVerification::Preferred, UserVerification::Discouraged] {
        let party = party(Policy { user_verification, ..Policy::default() });
        let mut key = Authenticator { flags: USER_PRESENT, ..Authenticator::security_key() };
        let credential = registered(&party, &mut key);
        assert!(!credential.user_verified);
        assert!(!authenticate(&party, &mut key, &credential, &Lies::default()).unwrap().user_verified);
        key.flags |= USER_VERIFIED;
        assert!(authenticate(&party, &mut key, &credential, &Lies::default()).unwrap().user_verified);
    }
}

#[test]
fn extensions_that_nobody_asked_for_are_passed_over() {
    let (party, mut key) = (party(Policy::default()), Authenticator::security_key());
    // credProtect: 2, as security keys add it unasked.
    let lies = Lies { extensions: hex("a16b6372656450726f7465637402"), ..Lies::default() };
    let credential = register(&party, &mut key, ORIGIN, &lies).unwrap().credential;
    authenticate(&party, &mut key, &credential, &lies).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Any bit of what was signed or of the signature, turned round.
    #[test]
    fn t32_any_bit_counts(
        kind in prop_oneof![Just(Kind::Es256), Just(Kind::EdDsa)],
        member in prop_oneof![Just("authenticatorData"), Just("signature"), Just("clientDataJSON")],
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let party = party(Policy::default());
        let mut key = Authenticator { kinds: vec![kind], ..Authenticator::security_key() };
        let credential = registered(&party, &mut key);
        let (options, state) = request(&party, std::slice::from_ref(&credential));
        let mut response = key.get(&options, ORIGIN, &Lies::default()).unwrap();
        turn(&mut response["response"][member], at, bit);
        let response = AuthenticationResponse::parse(&response.to_string()).unwrap();
        prop_assert!(party.finish_authentication(&state, &response, &ANA, &credential).is_err());
    }

    /// Any bit of a registration whose own key signed it, turned round.
    #[test]
    fn t32_any_bit_counts_at_registration(
        kind in prop_oneof![Just(Kind::Es256), Just(Kind::EdDsa)],
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let party = party(Policy::default());
        let mut key =
            Authenticator { kinds: vec![kind], statement: Statement::SelfSigned, ..Authenticator::security_key() };
        let (options, state) = creation(&party, &[]);
        let mut response = key.create(&options, ORIGIN, &Lies::default()).unwrap();
        turn(&mut response["response"]["attestationObject"], at, bit);
        let response = RegistrationResponse::parse(&response.to_string()).unwrap();
        prop_assert!(party.finish_registration(&state, &response, now()).is_err());
    }
}

/// Turns one bit round of bytes that stand in JSON.
fn turn(value: &mut serde_json::Value, at: prop::sample::Index, bit: u8) {
    let mut bytes = data_encoding::BASE64URL_NOPAD.decode(value.as_str().unwrap().as_bytes()).unwrap();
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
    *value = data_encoding::BASE64URL_NOPAD.encode(&bytes).into();
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
}
