//! Keeping somebody out with wrong codes: it keeps nobody out who has proved something before (T-04).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::harness::{Answer, Api, Database, Enrolled, Server};
use crate::messages::{Post, prompt, text, verify};

/// Past the longest wait after a wrong code.
const PAST_ANY_WAIT: i64 = 15 * 60 + 1;

/// Gives the present code in a session.
async fn prove_in(api: &Api, ana: &Enrolled, session_id: &str) -> Answer {
    give_in(api, session_id, &ana.phone.code_at(api.now().await)).await
}

async fn give_in(api: &Api, session_id: &str, code: &str) -> Answer {
    let challenge = api.challenge_in(session_id).await;
    api.verify(&challenge, code).await
}

/// A log-in with the password alone, from a device or from nobody knows where.
async fn log_in(api: &Api, ana: &Enrolled, device_id: Option<&str>) -> String {
    let session = json!({ "user_id": ana.user_id, "amr": ["pwd"], "device_id": device_id });
    api.post("/v1/sessions", session).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn device(api: &Api, ana: &Enrolled, name: &str) -> String {
    let device = json!({ "name": name, "kind": "browser" });
    let device = api.post(&format!("/v1/users/{}/devices", ana.user_id), device).await.expect(201);
    device["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_spraying_a_user_keeps_no_trusted_session_and_no_trusted_device_out_on_sqlite() {
    spraying_keeps_nobody_trusted_out(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_spraying_a_user_keeps_no_trusted_session_and_no_trusted_device_out_on_postgresql() {
    spraying_keeps_nobody_trusted_out(Database::Postgres).await;
}

async fn spraying_keeps_nobody_trusted_out(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let laptop = device(&api, &ana, "laptop").await;
    let there = log_in(&api, &ana, Some(&laptop)).await;
    api.advance(90).await;
    prove_in(&api, &ana, &there).await.expect(200);
    api.delete(&format!("/v1/sessions/{there}")).await.expect(204);

    // Somebody who has a name only, and somebody who has the password too.
    api.exhaust(&ana).await;
    let thief = log_in(&api, &ana, None).await;
    prove_in(&api, &ana, &thief).await.expect_problem(422, "proof-rejected");
    let unproved = device(&api, &ana, "another").await;
    let thief = log_in(&api, &ana, Some(&unproved)).await;
    prove_in(&api, &ana, &thief).await.expect_problem(422, "proof-rejected");

    // The session that proved something, and the next log-in from the device on which one did.
    prove_in(&api, &ana, &ana.session_id).await.expect(200);
    let next = log_in(&api, &ana, Some(&laptop)).await;
    give_in(&api, &next, &ana.phone.code_near(api.now().await, 1)).await.expect(200);

    // By that the others wait no less: neither is the wait over, nor does it begin anew afterwards.
    let now = api.advance(60).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    let now = api.advance(PAST_ANY_WAIT).await;
    api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    assert_eq!(api.failures(&ana.authenticator_id).await, 1, "a right code set the hundred back");
    let now = api.advance(14 * 60).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    let now = api.advance(2 * 60).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);

    // What is lost trusts nobody any more.
    api.exhaust(&ana).await;
    api.post(&format!("/v1/authenticators/{}/suspend", ana.authenticator_id), json!({})).await.expect(200);
    api.post(&format!("/v1/authenticators/{}/resume", ana.authenticator_id), json!({})).await.expect(200);
    for session in [log_in(&api, &ana, Some(&laptop)).await, next] {
        prove_in(&api, &ana, &session).await.expect_problem(422, "proof-rejected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_t24_having_messages_sent_keeps_no_trusted_session_without_its_code_on_sqlite() {
    messages_to_strangers_use_up_no_trusted_budget(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_t24_having_messages_sent_keeps_no_trusted_session_without_its_code_on_postgresql() {
    messages_to_strangers_use_up_no_trusted_budget(Database::Postgres).await;
}

async fn messages_to_strangers_use_up_no_trusted_budget(database: Database) {
    let post = Post::on(database).await;
    let api = post.api();
    let (user, session) = post.ana().await;
    // Somebody who has a name only: of eight in an hour, five are theirs, less the one that enrolled.
    for _ in 0..10 {
        prompt(&api, &api.challenge(&user).await, "sms").await.expect(201);
    }
    assert_eq!(post.main.settled(5).await.len(), 5);
    // Who has the password too is told, so that another factor is offered.
    let unproved = api.session(&user).await;
    let told = prompt(&api, &api.challenge_in(&unproved).await, "sms").await.expect_problem(429, "sent-already");
    assert!(told["detail"].as_str().unwrap().contains("use another factor"), "{told}");
    for _ in 0..3 {
        let challenge = api.challenge_in(&session).await;
        let asked = prompt(&api, &challenge, "sms").await.expect(201);
        let code = post.main.next().await.code();
        verify(&api, &challenge, &code, &text(&asked["id"])).await.expect(200);
    }
    // Then that is used up too, and said.
    prompt(&api, &api.challenge_in(&session).await, "sms").await.expect_problem(429, "sent-already");
    assert_eq!(post.main.settled(8).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_a_code_that_was_sent_counts_on_where_the_next_one_is_withheld() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    let challenge = api.challenge(&user).await;
    let asked = prompt(&api, &challenge, "sms").await.expect(201);
    let code = post.main.next().await.code();
    for _ in 0..10 {
        prompt(&api, &api.challenge(&user).await, "sms").await.expect(201);
    }
    api.advance(31).await;
    prompt(&api, &challenge, "sms").await.expect(201);
    verify(&api, &challenge, &code, &text(&asked["id"])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_a_crowd_of_guesses_does_not_fill_the_trusted_door() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let done = Arc::new(AtomicBool::new(false));
    let wrong = ana.phone.wrong_code(api.now().await);
    let crowd = (0..24).map(|_| {
        let (api, ana, wrong, done) = (api.apart(), ana.clone(), wrong.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                api.prove(&ana.user_id, &wrong).await.expect_problem(422, "proof-rejected");
            }
        })
    });
    let crowd: Vec<_> = crowd.collect();
    for _ in 0..10 {
        api.advance(60).await;
        prove_in(&api, &ana, &ana.session_id).await.expect(200);
    }
    done.store(true, Ordering::Relaxed);
    for guesser in crowd {
        guesser.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_a_trusted_session_has_a_wait_of_its_own_and_shares_the_hundred_on_sqlite() {
    a_trusted_session_shares_the_hundred(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_a_trusted_session_has_a_wait_of_its_own_and_shares_the_hundred_on_postgresql() {
    a_trusted_session_shares_the_hundred(Database::Postgres).await;
}

async fn a_trusted_session_shares_the_hundred(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    // Whoever stole the session guesses no faster than anybody.
    api.advance(90).await;
    for _ in 0..16 {
        let now = api.advance(PAST_ANY_WAIT).await;
        give_in(&api, &ana.session_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    prove_in(&api, &ana, &ana.session_id).await.expect_problem(422, "proof-rejected");
    assert_eq!(api.failures(&ana.authenticator_id).await, 16);
    // By turns up to the hundred: then no door is left, and the vault says the same.
    for turn in 16..100 {
        let now = api.advance(PAST_ANY_WAIT).await;
        let wrong = ana.phone.wrong_code(now);
        let session = api.session(&ana.user_id).await;
        let answer = match turn % 3 {
            0 if turn < 40 => give_in(&api, &trusted(&api, &ana).await, &wrong).await,
            1 => give_in(&api, &session, &wrong).await,
            _ => api.prove(&ana.user_id, &wrong).await,
        };
        answer.expect_problem(422, "proof-rejected");
        assert_eq!(api.failures(&ana.authenticator_id).await, turn + 1);
    }
    let authenticator = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    assert_eq!(authenticator["state"], "suspended");
    api.advance(PAST_ANY_WAIT).await;
    let session = trusted(&api, &ana).await;
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal2");
    prove_in(&api, &ana, &session).await.expect_problem(422, "proof-rejected");
}

/// What is judged at the same time does not wait for one another: so after each wait it is one guess, however many come.
#[tokio::test(flavor = "multi_thread")]
async fn t01_a_burst_after_each_wait_is_one_guess() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    api.advance(90).await;
    for _ in 0..8 {
        let now = api.advance(PAST_ANY_WAIT).await;
        api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    for round in 1..=6 {
        let now = api.advance(PAST_ANY_WAIT).await;
        let wrong = ana.phone.wrong_code(now);
        let mut burst = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let (api, user, wrong) = (api.apart(), ana.user_id.clone(), wrong.clone());
            burst.spawn(async move { api.prove(&user, &wrong).await.expect_problem(422, "proof-rejected") });
        }
        burst.join_all().await;
        assert_eq!(api.failures(&ana.authenticator_id).await, 8 + round);
    }
}

/// A session that is trusted by a backup code: a proof with the phone would set its count back.
async fn trusted(api: &Api, ana: &Enrolled) -> String {
    let session = api.session(&ana.user_id).await;
    let codes = api.all(&format!("/v1/users/{}/authenticators", ana.user_id)).await;
    let left = codes.iter().find_map(|a| a["codes_left"].as_u64()).unwrap_or(0);
    let code = &ana.backup_codes[usize::try_from(left).unwrap() - 1];
    give_in(api, &session, code).await.expect(200);
    session
}
