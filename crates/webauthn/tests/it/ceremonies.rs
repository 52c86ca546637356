//! What goes well.

use software_authenticator::{Authenticator, Kind, Lies, Statement};
use webauthn::{Algorithm, Asked, Attestation, AuthenticationResponse, Policy, Refusal};

use crate::{ANA, BEN, LIFETIME, ORIGIN, authenticate, creation, json, party, register, registered, request};

#[test]
fn a_security_key_is_registered_and_used() {
    let (party, mut key) = (party(Policy::default()), Authenticator::security_key());
    let mut credential = registered(&party, &mut key);
    assert!(credential.user_verified && !credential.backup_eligible && !credential.backed_up);
    assert_eq!(credential.rp_id, "example.org");
    assert_eq!(credential.attestation, Attestation::None);
    assert_eq!(credential.discoverable, Some(true));
    for counter in 2..5 {
        let done = authenticate(&party, &mut key, &credential, &Lies::default()).unwrap();
        assert_eq!(done.counter, counter);
        assert!(done.user_verified && !done.backup_eligible);
        credential = credential.after(&done);
    }
}

#[test]
fn a_passkey_is_told_apart_from_a_key_that_cannot_be_copied() {
    let (party, mut phone) = (party(Policy::default()), Authenticator::passkey());
    let credential = registered(&party, &mut phone);
    assert!(credential.backup_eligible && credential.backed_up);
    let done = authenticate(&party, &mut phone, &credential, &Lies::default()).unwrap();
    assert!(done.backup_eligible && done.backed_up);
    // It counts nothing, and may be used again and again.
    assert_eq!((credential.counter, done.counter), (0, 0));
    authenticate(&party, &mut phone, &credential.after(&done), &Lies::default()).unwrap();
}

#[test]
fn each_kind_of_key_and_of_statement_is_taken() {
    let party = party(Policy::default());
    for (kind, algorithm) in
        [(Kind::Es256, Algorithm::Es256), (Kind::EdDsa, Algorithm::EdDsa), (Kind::Rs256, Algorithm::Rs256)]
    {
        for (statement, attestation) in
            [(Statement::None, Attestation::None), (Statement::SelfSigned, Attestation::SelfSigned)]
        {
            let mut key = Authenticator { kinds: vec![kind], statement, ..Authenticator::security_key() };
            let done = register(&party, &mut key, ORIGIN, &Lies::default()).unwrap();
            assert_eq!(done.algorithm, algorithm);
            assert_eq!(*done.attestation(), attestation, "{algorithm}");
            authenticate(&party, &mut key, &done.credential, &Lies::default()).unwrap();
        }
    }
}

#[test]
fn each_origin_that_is_listed_is_one_of_ours() {
    let party = party(Policy::default());
    for origin in [ORIGIN, "https://old.example", "https://example.com:8443"] {
        register(&party, &mut Authenticator::security_key(), origin, &Lies::default()).unwrap();
    }
}

#[test]
fn what_was_registered_under_another_id_goes_on_working() {
    let old = webauthn::RelyingParty::new(webauthn::Settings {
        ids: vec!["old.example".to_owned()],
        ..crate::settings(Policy::default())
    });
    let (old, new) = (old.unwrap(), party(Policy::default()));
    let mut key = Authenticator::security_key();
    let credential = registered(&old, &mut key);
    assert_eq!(credential.rp_id, "old.example");
    let (options, _) = request(&new, std::slice::from_ref(&credential));
    assert_eq!(options["rpId"], "old.example");
    authenticate(&new, &mut key, &credential, &Lies::default()).unwrap();

    // With one under the first id beside it, that one is asked for: a browser asks for one id at a time.
    let other = registered(&new, &mut Authenticator::security_key());
    let (options, _) = request(&new, &[credential, other]);
    assert_eq!(options["rpId"], "example.org");
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
}

#[test]
fn a_passkey_is_found_without_saying_who() {
    let (party, mut phone) = (party(Policy::default()), Authenticator::passkey());
    let credential = registered(&party, &mut phone);
    let (options, state) = party.begin_authentication([1; 32], Asked::default(), LIFETIME);
    let options = json(&options);
    assert_eq!(options["allowCredentials"], serde_json::json!([]));
    let response = phone.get(&options, ORIGIN, &Lies::default()).unwrap().to_string();
    let response = AuthenticationResponse::parse(&response).unwrap();
    assert_eq!(response.credential_id(), credential.id);
    assert_eq!(response.user_handle(), Some(ANA.as_slice()));
    party.finish_authentication(&state, &response, &ANA, &credential).unwrap();
    assert_eq!(party.finish_authentication(&state, &response, &BEN, &credential), Err(Refusal::UserHandle));

    // Who does not say whose it is is not believed to be anybody.
    phone.tells_user = false;
    let response = phone.get(&options, ORIGIN, &Lies::default()).unwrap().to_string();
    let response = AuthenticationResponse::parse(&response).unwrap();
    assert_eq!(party.finish_authentication(&state, &response, &ANA, &credential), Err(Refusal::UserHandle));
}

#[test]
fn what_is_registered_already_is_not_registered_again() {
    let (party, mut key) = (party(Policy::default()), Authenticator::security_key());
    let credential = registered(&party, &mut key);
    let (options, _) = creation(&party, std::slice::from_ref(&credential));
    assert!(key.create(&options, ORIGIN, &Lies::default()).is_err());
    // Nor when the browser does not care.
    let lies = Lies { credential_id: Some(credential.id.clone()), ..Lies::default() };
    let mut other = Authenticator::security_key();
    let (options, state) = creation(&party, std::slice::from_ref(&credential));
    let response = other.create(&options, ORIGIN, &lies).unwrap().to_string();
    let response = webauthn::RegistrationResponse::parse(&response).unwrap();
    assert_eq!(party.finish_registration(&state, &response, crate::now()), Err(Refusal::Excluded));
}
