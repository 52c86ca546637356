//! Keys whose steps are counted (HOTP): drift, look-ahead, resynchronisation, and what an attacker makes of them.

use otp::{Algorithm, Params};
use vault_proto::{Error, OtpCandidate, Outcome, Refusal};

use crate::harness::{Enrolled, Start, Vault};

async fn counted(vault: &Vault, number: u8) -> Enrolled {
    vault.provision(number, Params::counted(Algorithm::Sha1, 6).unwrap()).await
}

fn right(step: i64) -> Outcome {
    Outcome::Right { index: 0, step }
}

#[tokio::test]
async fn i02_codes_may_be_left_out_and_none_is_used_twice() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let mut token = counted(&vault, 1).await;
    // The store is told each time, as the server does.
    for step in [1, 2, 13, 24] {
        assert_eq!(vault.check(&token, &token.code(step)).await, Ok(right(step)));
        token.candidate.last_step = step;
        assert_eq!(vault.check(&token, &token.code(step)).await, Ok(Outcome::Replayed { index: 0 }));
    }
    for step in [1, 2, 12, 23, 36, 1000] {
        assert_eq!(vault.check(&token, &token.code(step)).await, Ok(Outcome::Wrong), "step {step}");
    }
    assert_eq!(vault.check(&token, &token.code(35)).await, Ok(right(35)));
}

#[tokio::test]
async fn t06_t28_a_store_that_forgets_brings_no_code_back() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let token = counted(&vault, 1).await;
    assert_eq!(vault.check(&token, &token.code(8)).await, Ok(right(8)));
    // However much time passes: what is counted is never over.
    vault.move_clock(400 * 24 * 3_600_000, true).await;
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    for last_step in [0, 3, -1, i64::MIN] {
        for step in 1..=8 {
            let forgetful = OtpCandidate { last_step, ..token.candidate.clone() };
            let outcome = vault.check_all(vec![forgetful], &token.code(step)).await;
            assert!(!matches!(outcome, Ok(Outcome::Right { .. })), "step {step} of {last_step}: {outcome:?}");
        }
    }
    let forgetful = OtpCandidate { last_step: 0, ..token.candidate.clone() };
    assert_eq!(vault.check_all(vec![forgetful], &token.code(9)).await, Ok(right(9)), "and it goes on from there");
}

#[tokio::test]
async fn i02_two_codes_in_a_row_find_a_device_that_ran_ahead() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let mut token = counted(&vault, 1).await;
    let pair = async |token: &Enrolled, first: i64, second: i64, window| {
        let codes = [token.code(first), token.code(second)];
        vault.resynchronize(Some(token.candidate.clone()), [&codes[0], &codes[1]], window).await
    };
    assert_eq!(vault.check(&token, &token.code(500)).await, Ok(Outcome::Wrong));
    assert_eq!(pair(&token, 500, 501, 499).await, Ok(Outcome::Wrong), "further than the window");
    assert_eq!(pair(&token, 500, 502, 1000).await, Ok(Outcome::Wrong), "not in a row");
    assert_eq!(pair(&token, 501, 500, 1000).await, Ok(Outcome::Wrong), "the wrong way round");
    assert_eq!(pair(&token, 500, 501, 500).await, Ok(right(501)));
    // Whatever the store says: neither these, nor older ones, nor the last one and the next.
    for last_step in [501, 499, 0] {
        token.candidate.last_step = last_step;
        for (first, second) in [(500, 501), (501, 502), (499, 500), (1, 2)] {
            assert_eq!(pair(&token, first, second, 1000).await, Ok(Outcome::Wrong), "{first} after {last_step}");
        }
    }
    assert_eq!(vault.check(&token, &token.code(502)).await, Ok(right(502)));
}

#[tokio::test]
async fn t01_pairs_share_the_budget_of_codes() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let token = counted(&vault, 1).await;
    for _ in 0..50 {
        let wrong = vault.resynchronize(Some(token.candidate.clone()), ["000000", "000000"], 1000).await;
        assert_eq!(wrong, Ok(Outcome::Wrong));
        assert_eq!(vault.check(&token, &token.wrong(0)).await, Ok(Outcome::Wrong));
    }
    let codes = [token.code(1), token.code(2)];
    let pair = vault.resynchronize(Some(token.candidate.clone()), [&codes[0], &codes[1]], 1000).await;
    assert_eq!(pair, Ok(Outcome::Exhausted));
    assert_eq!(vault.check(&token, &codes[0]).await, Ok(Outcome::Exhausted));
    // At nobody's key anybody may try for ever.
    for _ in 0..150 {
        assert_eq!(vault.resynchronize(None, ["000000", "000000"], 1000).await, Ok(Outcome::Wrong));
    }
}

#[tokio::test]
async fn timed_and_counted_keys_stand_side_by_side() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let (token, app) = (counted(&vault, 1).await, vault.provision(2, Params::COMMON).await);
    let both = vec![token.candidate.clone(), app.candidate.clone()];
    let step = app.step(vault.now().await);
    assert_eq!(vault.check_all(both.clone(), &app.code(step)).await, Ok(Outcome::Right { index: 1, step }));
    assert_eq!(vault.check_all(both, &token.code(3)).await, Ok(right(3)));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let (token, app) = (counted(&vault, 1).await, vault.provision(2, Params::COMMON).await);
    for (candidate, codes, window) in [
        (app.candidate.clone(), ["123456", "123456"], 100),
        (token.candidate.clone(), ["123456", "123456"], 0),
        (token.candidate.clone(), ["123456", "123456"], 1001),
        (token.candidate.clone(), ["123456", "12345x"], 100),
    ] {
        let refused = vault.resynchronize(Some(candidate), codes, window).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::Malformed(_)))), "{codes:?}, {window}: {refused:?}");
    }
}

#[tokio::test]
async fn t05_of_many_at_once_one_gets_the_pair() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    let token = counted(&vault, 1).await;
    let codes = [token.code(40), token.code(41)];
    let tries = (0..64).map(|_| {
        let (client, candidate) = (vault.client.clone(), Some(token.candidate.clone()));
        let codes = codes.clone().map(|code| vault_proto::Secret(code.into_bytes()));
        let question = vault_proto::Verb::Resynchronize(vault_proto::Resynchronize { candidate, codes, window: 100 });
        tokio::spawn(async move { client.ask(question, crate::harness::PATIENCE).await.unwrap() })
    });
    let mut accepted = 0;
    for answer in tries.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        let vault_proto::Reply::Checked { outcome, .. } = answer else { panic!("{answer:?}") };
        accepted += i32::from(matches!(outcome, Outcome::Right { .. }));
    }
    assert_eq!(accepted, 1);
}
