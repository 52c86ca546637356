//! Sessions that are not trusted enough to bind an authenticator, or are no more (P-06, T-09, T-10).

use serde_json::json;

use crate::harness::{Phone, Server, Started};

fn phone(started: &Started) -> Phone {
    Phone::with_key(started.answer["view"]["secret"].as_str().unwrap(), &started.answer["enrollment"])
}

#[tokio::test(flavor = "multi_thread")]
async fn t10_an_enrollment_that_was_granted_early_does_not_outlive_the_grant() {
    let server = Server::new().await;
    let api = server.api();
    let user = api.user("ann").await;
    // Whoever has the password only starts while there is nothing to prove yet, and waits.
    let thiefs = api.session(&user).await;
    let early = api.start_in(&user, &thiefs, json!({ "view": "inline" })).await;
    let owners = api.session(&user).await;
    let started = api.start_in(&user, &owners, json!({ "view": "inline" })).await;
    let app = phone(&started);
    let owner = api.finish(started, app).await;
    let code = phone(&early).code_at(api.now().await);
    api.confirm(&early.enrollment_id, &code).await.expect_problem(403, "step-up-needed");
    // Once the session has proved the owner's phone it may.
    let challenge = api.challenge_in(&thiefs).await;
    api.verify(&challenge, &owner.phone.code_at(api.now().await)).await.expect(200);
    api.confirm(&early.enrollment_id, &code).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_a_phone_that_was_reported_lost_binds_no_other() {
    let server = Server::new().await;
    let api = server.api();
    let ann = api.enroll("ann").await;
    let begun = api.start_in(&ann.user_id, &ann.session_id, json!({ "view": "inline" })).await;
    api.post(&format!("/v1/authenticators/{}/report-lost", ann.authenticator_id), json!({})).await.expect(200);
    let start = json!({ "session_id": ann.session_id });
    api.post("/v1/enrollments", start).await.expect_problem(403, "step-up-needed");
    let code = phone(&begun).code_at(api.now().await);
    api.confirm(&begun.enrollment_id, &code).await.expect_problem(403, "step-up-needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_nothing_is_bound_to_a_suspended_user() {
    let server = Server::new().await;
    let api = server.api();
    let seen = api.start("ann", json!({ "view": "inline" })).await;
    let unseen = api.start_in(&seen.user_id, &seen.session_id, json!({})).await;
    api.post(&format!("/v1/users/{}/suspend", seen.user_id), json!({})).await.expect(200);
    let code = phone(&seen).code_at(api.now().await);
    api.confirm(&seen.enrollment_id, &code).await.expect_problem(409, "conflict");
    api.get(&format!("/v1/enrollments/{}/view", unseen.enrollment_id)).await.expect_problem(409, "conflict");
    api.post(&format!("/v1/enrollments/{}/retry", unseen.enrollment_id), json!({}))
        .await
        .expect_problem(409, "conflict");
    api.post(&format!("/v1/users/{}/resume", seen.user_id), json!({})).await.expect(200);
    api.confirm(&seen.enrollment_id, &code).await.expect(200);
}
