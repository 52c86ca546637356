//! Things whose time is over, that were used, or taken back: each says so, and none of them comes back.

use serde_json::json;

use crate::harness::{Api, Phone, Server};

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_is_over_takes_no_proof() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;

    let answered = api.challenge(&ana.user_id).await;
    let now = api.now().await;
    api.verify(&answered, &ana.phone.code_at(now)).await.expect(200);
    let taken_back = api.challenge(&ana.user_id).await;
    delete(&api, &format!("/v1/challenges/{taken_back}")).await;
    let failed = api.challenge(&ana.user_id).await;
    for _ in 0..5 {
        let now = api.advance(20).await;
        api.verify(&failed, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    let late = api.challenge(&ana.user_id).await;
    let now = api.advance(300).await;
    for (challenge, state) in
        [(answered, "satisfied"), (taken_back, "cancelled"), (failed, "failed"), (late, "expired")]
    {
        api.verify(&challenge, &ana.phone.code_at(now)).await.expect_problem(410, "challenge-over");
        assert_eq!(api.get(&format!("/v1/challenges/{challenge}")).await.expect(200)["state"], state);
    }
    // None of that used the code up.
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrollment_that_is_over_binds_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let taken_back = api.start("ana", json!({ "view": "inline" })).await;
    delete(&api, &format!("/v1/enrollments/{}", taken_back.enrollment_id)).await;
    let late = api.start("ben", json!({ "view": "inline" })).await;
    let now = api.advance(15 * 60).await;
    for (started, state) in [(taken_back, "cancelled"), (late, "expired")] {
        let secret = started.answer["view"]["secret"].as_str().unwrap();
        let phone = Phone::with_key(secret, &started.answer["enrollment"]);
        api.confirm(&started.enrollment_id, &phone.code_at(now)).await.expect_problem(410, "enrollment-over");
        let enrollment = api.get(&format!("/v1/enrollments/{}", started.enrollment_id)).await.expect(200);
        assert_eq!(enrollment["state"], state);
        let authenticator = api.get(&format!("/v1/authenticators/{}", started.authenticator_id)).await.expect(200);
        assert_ne!(authenticator["state"], "active");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_starts_nothing_and_is_raised_by_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let ended = api.session(&ana.user_id).await;
    let begun = api.challenge_in(&ended).await;
    delete(&api, &format!("/v1/sessions/{ended}")).await;
    let late = api.session(&ana.user_id).await;
    let now = api.now().await;
    api.verify(&begun, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    api.advance(8 * 3600).await;
    for session in [ended, late] {
        let ask = json!({ "session_id": session });
        api.post("/v1/challenges", ask.clone()).await.expect_problem(410, "session-over");
        api.post("/v1/enrollments", ask).await.expect_problem(410, "session-over");
    }
}

async fn delete(api: &Api, path: &str) {
    api.ask(reqwest::Method::DELETE, path, None).await.unwrap().expect(204);
}
