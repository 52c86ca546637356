//! What a server that was taken over, or a clock that jumps, does not get.

use otp::{Algorithm, Params};
use vault_proto::{Binding, Error, OtpCandidate, Outcome, Refusal, Reply, Secret, Verb};

use crate::harness::{Enrolled, Start, Vault, check_otp};

async fn open(vault: &Vault, candidate: OtpCandidate) -> Result<Outcome, Error> {
    vault.check_all(vec![candidate], "123456").await
}

#[tokio::test]
async fn t27_a_blob_opens_only_where_it_was_sealed() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let sealed = vault.provision(1, Params::COMMON).await.candidate;
    assert_eq!(open(&vault, sealed.clone()).await, Ok(Outcome::Wrong));
    let params = |algorithm, digits, period| Params::new(algorithm, digits, period).unwrap();
    let here = sealed.binding;
    let elsewhere = [
        ("user", Binding { user: [7; 16], ..here }),
        ("device", Binding { device: [7; 16], ..here }),
        ("authenticator", Binding { authenticator: [7; 16], ..here }),
        ("generation", Binding { generation: 2, ..here }),
    ];
    for (field, binding) in elsewhere {
        let moved = OtpCandidate { binding, ..sealed.clone() };
        assert_eq!(open(&vault, moved).await, Err(Error::Refused(Refusal::DoesNotOpen)), "{field}");
    }
    let counted = Params::counted(Algorithm::Sha1, 6).unwrap();
    for other in
        [params(Algorithm::Sha256, 6, 30), params(Algorithm::Sha1, 8, 30), params(Algorithm::Sha1, 6, 60), counted]
    {
        let moved = OtpCandidate { params: other, ..sealed.clone() };
        assert_eq!(open(&vault, moved).await, Err(Error::Refused(Refusal::DoesNotOpen)), "{other:?}");
    }
    for place in 0..sealed.blob.len() {
        let mut changed = sealed.clone();
        changed.blob[place] ^= 1;
        assert!(open(&vault, changed).await.is_err(), "byte {place}");
        let mut cut = sealed.clone();
        cut.blob.truncate(place);
        assert!(open(&vault, cut).await.is_err(), "cut at {place}");
    }
    // Two blobs of one user: neither opens as the other.
    let other = vault.provision(2, Params::COMMON).await.candidate;
    let swapped = OtpCandidate { blob: other.blob, ..sealed.clone() };
    assert_eq!(open(&vault, swapped).await, Err(Error::Refused(Refusal::DoesNotOpen)));
    // A provider's secret is no key, and a key no secret.
    let as_secret = Verb::Open { purpose: "otp".to_owned(), context: Vec::new(), blob: sealed.blob.clone() };
    assert_eq!(vault.ask(as_secret).await.unwrap_err(), Error::Refused(Refusal::DoesNotOpen));
}

#[tokio::test]
async fn t27_old_data_keys_open_until_they_are_retired() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let old = vault.provision(1, Params::COMMON).await;
    let before = public_kids(&vault).await;
    let (keyring, version) = rotated(&vault, Verb::RotateKeys).await;
    assert_eq!((version, vault.status().await.key_version), (2, 1), "not before it is given back");
    vault.unlock(&keyring).await.unwrap();
    assert_eq!(open(&vault, old.candidate.clone()).await, Ok(Outcome::Wrong));
    let kids = public_kids(&vault).await;
    assert!(kids.len() == 2 && kids[1] == before[0], "the former key still verifies");
    let rewrap =
        Verb::Rewrap { binding: old.candidate.binding, params: old.candidate.params, blob: old.candidate.blob.clone() };
    let Reply::Sealed(blob) = vault.ask(rewrap).await.unwrap() else { panic!() };
    let new = Enrolled { candidate: OtpCandidate { blob, ..old.candidate.clone() }, key: old.key.clone() };
    for nonsense in [0, 1, 3] {
        let refused = vault.ask(Verb::RetireKeys { before: nonsense }).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(Refusal::Malformed(_))), "{nonsense}: {refused:?}");
    }
    let (without, version) = rotated(&vault, Verb::RetireKeys { before: 2 }).await;
    assert_eq!(version, 2);
    assert_eq!(open(&vault, old.candidate.clone()).await, Ok(Outcome::Wrong), "not before it is given back");
    vault.unlock(&without).await.unwrap();
    let status = vault.status().await;
    assert_eq!((status.key_version, status.oldest_key_version), (2, 2));
    assert_eq!(public_kids(&vault).await, kids[..1]);
    let refused = vault.unlock(&keyring).await.unwrap_err();
    assert!(
        matches!(refused, Error::Refused(Refusal::Malformed(_))),
        "one with retired keys is an older one: {refused:?}"
    );
    assert_eq!(open(&vault, old.candidate.clone()).await, Err(Error::Refused(Refusal::RetiredKeyVersion(1))));
    let step = new.step(vault.now().await);
    assert_eq!(vault.check(&new, &new.code(step)).await, Ok(Outcome::Right { index: 0, step }));
    let mut future = new.candidate.clone();
    future.blob[4] = 9;
    assert_eq!(open(&vault, future).await, Err(Error::Refused(Refusal::UnknownKeyVersion(9))));
}

async fn rotated(vault: &Vault, verb: Verb) -> (Vec<u8>, u32) {
    match vault.ask(verb).await.unwrap() {
        Reply::Rotated { keyring, version } => (keyring, version),
        other => panic!("{other:?}"),
    }
}

async fn public_kids(vault: &Vault) -> Vec<String> {
    vault.public_keys().await.assertion.into_iter().map(|key| key.kid).collect()
}

#[tokio::test]
async fn backup_codes_stay_good_when_keys_are_rotated_and_retired() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let owner = vault_proto::CodeOwner { user: [1; 16], authenticator: [2; 16] };
    let issue = Verb::IssueBackupCodes { owner, count: 3 };
    let Reply::Issued { codes, hashes } = vault.ask(issue).await.unwrap() else { panic!() };
    for verb in [Verb::RotateKeys, Verb::RetireKeys { before: 2 }, Verb::RotateKeys, Verb::RetireKeys { before: 3 }] {
        let (keyring, _) = rotated(&vault, verb).await;
        vault.unlock(&keyring).await.unwrap();
        let (hashes, code) = (hashes.clone(), codes[2].clone());
        let check = vault_proto::CheckBackupCode { owner: Some(owner), hashes, code, assertion: None };
        let Reply::Checked { outcome, .. } = vault.ask(Verb::CheckBackupCode(check)).await.unwrap() else { panic!() };
        assert_eq!(outcome, Outcome::Right { index: 2, step: 0 });
    }
}

#[tokio::test]
async fn t28_a_thousand_wrong_codes_at_the_socket_are_cut_off() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let victim = vault.provision(1, Params::COMMON).await;
    let other = vault.provision(2, Params::COMMON).await;
    let now = vault.now().await;
    let mut answers = Vec::new();
    for _ in 0..1000 {
        answers.push(vault.check(&victim, &victim.wrong(now)).await.unwrap());
    }
    assert_eq!(answers.iter().filter(|outcome| **outcome == Outcome::Wrong).count(), 100);
    assert_eq!(answers.iter().filter(|outcome| **outcome == Outcome::Exhausted).count(), 900);
    let step = victim.step(vault.now().await);
    assert_eq!(vault.check(&victim, &victim.code(step)).await, Ok(Outcome::Exhausted), "the right code too");
    // Beside another key it is not checked either, and the other one still is.
    let both = vec![victim.candidate.clone(), other.candidate.clone()];
    let code = victim.code(step);
    assert_eq!(vault.check_all(both.clone(), &code).await, Ok(Outcome::Wrong));
    let step = other.step(vault.now().await);
    assert_eq!(vault.check_all(both, &other.code(step)).await, Ok(Outcome::Right { index: 1, step }));
}

#[tokio::test]
async fn t28_a_key_of_ones_own_makes_guesses_at_another_no_cheaper() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let victim = vault.provision(1, Params::COMMON).await;
    let own = vault.provision(2, Params::COMMON).await;
    let code = own.code(own.step(vault.now().await));
    // The own code is right each time, used or not, so each answer tells that it is not the victim's.
    let both = vec![victim.candidate.clone(), own.candidate.clone()];
    for _ in 0..150 {
        vault.check_all(both.clone(), &code).await.unwrap();
    }
    let step = victim.step(vault.now().await);
    assert_eq!(vault.check(&victim, &victim.code(step)).await, Ok(Outcome::Exhausted));
    // The other way round nothing is learned of the second key, and it pays for nothing.
    let idle = vault.provision(3, Params::COMMON).await;
    let both = vec![own.candidate.clone(), idle.candidate.clone()];
    for _ in 0..150 {
        assert_eq!(vault.check_all(both.clone(), &code).await, Ok(Outcome::Replayed { index: 0 }));
    }
    let step = idle.step(vault.now().await);
    assert_eq!(vault.check(&idle, &idle.code(step)).await, Ok(Outcome::Right { index: 0, step }));
}

#[tokio::test]
async fn t28_many_at_once_get_no_more_tries_than_one_after_the_other() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let victim = vault.provision(1, Params::COMMON).await;
    let wrong = victim.wrong(vault.now().await);
    let tries = (0..1000).map(|_| {
        let question = check_otp(vec![victim.candidate.clone()], &wrong);
        let client = vault.client.clone();
        tokio::spawn(async move { client.ask(question, crate::harness::PATIENCE).await.unwrap() })
    });
    let tries: Vec<_> = tries.collect();
    let mut checked = 0;
    for answer in tries {
        match answer.await.unwrap() {
            Reply::Checked { outcome: Outcome::Wrong, .. } => checked += 1,
            Reply::Checked { outcome: Outcome::Exhausted, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(checked, 100);
}

#[tokio::test]
async fn t28_a_right_code_gives_the_budget_back_and_a_used_one_costs_nothing() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let enrolled = vault.provision(1, Params::COMMON).await;
    for _ in 0..3 {
        let now = vault.now().await;
        for _ in 0..99 {
            assert_eq!(vault.check(&enrolled, &enrolled.wrong(now)).await, Ok(Outcome::Wrong));
        }
        let step = enrolled.step(vault.now().await);
        let code = enrolled.code(step);
        assert_eq!(vault.check(&enrolled, &code).await, Ok(Outcome::Right { index: 0, step }));
        for _ in 0..110 {
            assert_eq!(vault.check(&enrolled, &code).await, Ok(Outcome::Replayed { index: 0 }));
        }
        vault.move_clock(60_000, true).await;
    }
}

#[tokio::test]
async fn t29_after_a_jump_nothing_is_checked_for_a_minute_and_nothing_accepted_twice() {
    for jump in [3_600_000, -3_600_000] {
        let start = Start::file();
        let vault = start.run();
        vault.create().await;
        let enrolled = vault.provision(1, Params::COMMON).await;
        let used = enrolled.step(vault.now().await);
        assert_eq!(vault.check(&enrolled, &enrolled.code(used)).await, Ok(Outcome::Right { index: 0, step: used }));
        vault.move_clock(jump, false).await;
        let step = enrolled.step(vault.now().await);
        for code in [used, step] {
            let refused = vault.check(&enrolled, &enrolled.code(code)).await.unwrap_err();
            let Error::Refused(Refusal::ClockJumped { by_millis }) = refused else { panic!("{refused:?}") };
            assert!((by_millis - jump).abs() < 1000, "{by_millis}");
        }
        vault.move_clock(61_000, true).await;
        let step = enrolled.step(vault.now().await);
        let outcome = vault.check(&enrolled, &enrolled.code(step)).await.unwrap();
        if jump > 0 {
            assert_eq!(outcome, Outcome::Right { index: 0, step });
        } else {
            assert_eq!(outcome, Outcome::Replayed { index: 0 }, "a step before the last one used");
        }
        vault.move_clock(-jump, false).await;
        vault.move_clock(61_000, true).await;
        assert_ne!(
            vault.check(&enrolled, &enrolled.code(used)).await,
            Ok(Outcome::Right { index: 0, step: used }),
            "jump {jump}"
        );
    }
}

#[tokio::test]
async fn t29_the_step_that_the_store_knows_counts_too() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let mut enrolled = vault.provision(1, Params::COMMON).await;
    let step = enrolled.step(vault.now().await);
    enrolled.candidate.last_step = step;
    assert_eq!(vault.check(&enrolled, &enrolled.code(step)).await, Ok(Outcome::Replayed { index: 0 }));
}

#[tokio::test]
async fn a_providers_secret_opens_for_its_purpose_and_place_only() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let seal =
        Verb::Seal { purpose: "smtp".to_owned(), context: b"one".to_vec(), plaintext: Secret(b"hunter2".to_vec()) };
    let Reply::Sealed(blob) = vault.ask(seal).await.unwrap() else { panic!() };
    let open = |purpose: &str, context: &[u8]| Verb::Open {
        purpose: purpose.to_owned(),
        context: context.to_vec(),
        blob: blob.clone(),
    };
    let Reply::Opened(secret) = vault.ask(open("smtp", b"one")).await.unwrap() else { panic!() };
    assert_eq!(secret.0, b"hunter2");
    for other in [open("sms", b"one"), open("smtp", b"two")] {
        assert_eq!(vault.ask(other).await.unwrap_err(), Error::Refused(Refusal::DoesNotOpen));
    }
}
