//! Sessions that are not trusted enough to bind an authenticator, or are no more (P-06, T-09, T-10).

use serde_json::json;

use crate::harness::{Database, Phone, Server, Started};

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

#[tokio::test(flavor = "multi_thread")]
async fn t09_a_session_falls_with_what_raised_it_on_sqlite() {
    a_session_falls_with_what_raised_it(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_a_session_falls_with_what_raised_it_on_postgresql() {
    a_session_falls_with_what_raised_it(Database::Postgres).await;
}

async fn a_session_falls_with_what_raised_it(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    for how in ["suspend", "report-lost", "revoke"] {
        let ann = api.enroll(&format!("ann {how}")).await;
        let session = format!("/v1/sessions/{}", ann.session_id);
        assert_eq!(api.get(&session).await.expect(200)["aal"], "aal2");
        api.post(&format!("/v1/authenticators/{}/{how}", ann.authenticator_id), json!({})).await.expect(200);
        let fallen = api.get(&session).await.expect(200);
        assert_eq!(fallen["aal"], "aal1", "{how}: {fallen}");
        assert_eq!(fallen["proofs"], json!([]), "{how}: {fallen}");
        let told = api.get("/v1/events?kind=session.lowered&order=desc&limit=1").await.expect(200);
        let about = &told["items"][0]["about"];
        assert_eq!(about["session"], ann.session_id.as_str(), "{how}: {told}");
        assert_eq!(about["authenticator"], ann.authenticator_id.as_str(), "{how}: {told}");
        assert_eq!(about["user"], ann.user_id.as_str(), "{how}: {told}");
        // It is the same session, and can be raised again by what is left.
        let challenge = api.challenge_in(&ann.session_id).await;
        let raised = api.verify(&challenge, &ann.backup_codes[0]).await.expect(200);
        assert_eq!(raised["session"]["aal"], "aal2", "{how}: {raised}");
    }
}
