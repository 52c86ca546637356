//! Each verb, asked as it is meant to be.

use otp::Params;
use vault_proto::{CheckBackupCode, CodeOwner, Error, Outcome, PublicKey, Refusal, Reply, Sign, Vapid, Verb};

use crate::harness::{Start, every_params};

#[tokio::test]
async fn p01_a_key_is_made_sealed_and_checked() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let mut keys = Vec::new();
    for (number, params) in (1..).zip(every_params()) {
        let enrolled = vault.provision(number, params).await;
        assert_eq!(enrolled.key.len(), params.algorithm().key_len());
        let now = vault.now().await;
        let step = enrolled.step(now);
        assert_eq!(vault.check(&enrolled, &enrolled.wrong(now)).await.unwrap(), Outcome::Wrong);
        let outcome = vault.check(&enrolled, &enrolled.code(step)).await.unwrap();
        assert_eq!(outcome, Outcome::Right { index: 0, step });
        let again = vault.check(&enrolled, &enrolled.code(step)).await.unwrap();
        assert_eq!(again, Outcome::Replayed { index: 0 });
        assert!(!keys.contains(&enrolled.key), "one key for each");
        keys.push(enrolled.key);
    }
}

#[tokio::test]
async fn backup_codes_are_right_for_their_owner_only() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let owner = CodeOwner { user: [1; 16], authenticator: [2; 16] };
    let Reply::Issued { codes, hashes } = vault.ask(Verb::IssueBackupCodes { owner, count: 10 }).await.unwrap() else {
        panic!()
    };
    assert_eq!((codes.len(), hashes.len()), (10, 10));
    let check = async |owner, code: &[u8]| {
        let question = CheckBackupCode {
            owner,
            hashes: hashes.clone(),
            code: vault_proto::Secret(code.to_vec()),
            assertion: Some(b"{}".to_vec()),
        };
        let Reply::Checked { outcome, assertion } = vault.ask(Verb::CheckBackupCode(question)).await.unwrap() else {
            panic!()
        };
        assert_eq!(assertion.is_some(), outcome != Outcome::Wrong);
        outcome
    };
    for (index, code) in (0..).zip(&codes) {
        assert_eq!(check(Some(owner), &code.0).await, Outcome::Right { index, step: 0 });
        assert_eq!(check(None, &code.0).await, Outcome::Wrong);
        assert_eq!(check(Some(CodeOwner { user: [9; 16], ..owner }), &code.0).await, Outcome::Wrong);
    }
    assert_eq!(check(Some(owner), b"0000-0000-0000").await, Outcome::Wrong);
}

#[tokio::test]
async fn t21_what_is_signed_has_the_vaults_own_header() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let sign = Verb::Sign(Sign::Assertion { claims: br#"{"sub":"usr_1"}"#.to_vec() });
    let Reply::Signed(token) = vault.ask(sign).await.unwrap() else { panic!() };
    let keys = vault.public_keys().await.assertion;
    assert_eq!(keys.len(), 1);
    let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"countersign-assertion+jwt"}}"#, keys[0].kid);
    assert_eq!(opened(&token, &keys[0]), [header.clone(), r#"{"sub":"usr_1"}"#.to_owned()]);
    // Whose a request is has a type of its own, so that neither is taken for the other.
    let sign = Verb::Sign(Sign::Identity { claims: br#"{"sub":"usr_1"}"#.to_vec() });
    let Reply::Signed(token) = vault.ask(sign).await.unwrap() else { panic!() };
    let header = header.replace("countersign-assertion+jwt", "countersign-identity+jwt");
    assert_eq!(opened(&token, &keys[0]), [header, r#"{"sub":"usr_1"}"#.to_owned()]);
}

/// Header and claims of a token that was signed with a key.
fn opened(token: &str, key: &PublicKey) -> [String; 2] {
    let parts: Vec<Vec<u8>> =
        token.split('.').map(|part| data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).collect();
    let point = [&[4], key.x.as_slice(), &key.y].concat();
    let signed = token.rsplit_once('.').unwrap().0;
    aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &parts[2])
        .unwrap();
    [String::from_utf8(parts[0].clone()).unwrap(), String::from_utf8(parts[1].clone()).unwrap()]
}

#[tokio::test]
async fn t21_push_services_have_a_key_of_their_own_that_stays() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let first = vault.public_keys().await;
    assert!(!first.assertion.contains(&first.vapid));
    let vapid = |expires_at| {
        let (audience, subject) = ("https://push.example.net".to_owned(), "mailto:ops@example.org".to_owned());
        Verb::Sign(Sign::Vapid(Vapid { audience, subject, expires_at }))
    };
    for verb in [Verb::RotateKeys, Verb::RetireKeys { before: 2 }, Verb::RotateKeys, Verb::RetireKeys { before: 3 }] {
        let Reply::Rotated { keyring, .. } = vault.ask(verb).await.unwrap() else { panic!() };
        vault.unlock(&keyring).await.unwrap();
        assert_eq!(vault.public_keys().await.vapid, first.vapid);
    }
    let soon = vault.now().await + 3600;
    let Reply::Signed(token) = vault.ask(vapid(soon)).await.unwrap() else { panic!() };
    let claims = format!(r#"{{"aud":"https://push.example.net","exp":{soon},"sub":"mailto:ops@example.org"}}"#);
    assert_eq!(opened(&token, &first.vapid), [r#"{"alg":"ES256","typ":"JWT"}"#.to_owned(), claims]);
    let refused = vault.ask(vapid(soon + 24 * 3600)).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::Malformed(_))), "{refused:?}");
    // By a clock that jumped, 24 hours may be any time.
    vault.move_clock(7_200_000, false).await;
    let refused = vault.ask(vapid(soon)).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refusal::ClockJumped { .. })), "{refused:?}");
    // Another store has another one.
    let elsewhere = Start::file();
    let other = elsewhere.run();
    other.create().await;
    assert_ne!(other.public_keys().await.vapid, first.vapid);
}

#[tokio::test]
async fn where_there_is_no_candidate_the_answer_is_wrong() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    for _ in 0..300 {
        assert_eq!(vault.check_all(Vec::new(), "123456").await.unwrap(), Outcome::Wrong);
    }
}

#[tokio::test]
async fn of_several_candidates_the_right_one_is_named() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let one = vault.provision(1, Params::COMMON).await;
    let other = vault.provision(2, Params::COMMON).await;
    let candidates = vec![one.candidate.clone(), other.candidate.clone()];
    let step = other.step(vault.now().await);
    let outcome = vault.check_all(candidates, &other.code(step)).await.unwrap();
    assert_eq!(outcome, Outcome::Right { index: 1, step });
}
