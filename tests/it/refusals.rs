//! Every attempt to provision that is refused is told of, and what is kept of it about a person goes with the person (P-08).

use serde_json::{Value, json};

use crate::harness::{Answer, Api, Phone, Server, Started};

/// The refusals that were told of so far.
async fn refusals(api: &Api) -> Vec<Value> {
    api.all("/v1/events?kind=enrollment.refused").await
}

/// That an attempt was refused so, and told of once: about whom, in which enrollment, from where.
async fn assert_told(api: &Api, user_id: &str, enrollment_id: Option<&str>, answer: Answer, status: u16, slug: &str) {
    answer.expect_problem(status, slug);
    let all = refusals(api).await;
    let event = all.last().unwrap_or_else(|| panic!("nothing is told of {answer}"));
    assert_eq!(event["about"]["user"], user_id, "{event}");
    assert_eq!(event["about"]["enrollment"].as_str(), enrollment_id, "{event}");
    assert!(event["about"]["session"].is_string(), "{event}");
    assert!(event["data"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event}");
    assert_eq!(event["details"]["address"], "127.0.0.1", "{event}");
}

fn code_of(started: &Started, now: i64) -> String {
    Phone::with_key(started.answer["view"]["secret"].as_str().unwrap(), &started.answer["enrollment"]).code_at(now)
}

#[tokio::test(flavor = "multi_thread")]
async fn p08_every_refused_attempt_is_told_of_and_its_details_are_erased_with_the_person() {
    let server = Server::new().await;
    let api = server.api();
    let seen = api.start("ana", json!({ "view": "inline" })).await;
    let (ana, session) = (seen.user_id.clone(), seen.session_id.clone());
    let unseen = api.start_in(&ana, &session, json!({})).await;
    let paths = |started: &Started| {
        let path = format!("/v1/enrollments/{}", started.enrollment_id);
        (format!("{path}/view"), format!("{path}/retry"))
    };
    let (view, retry) = paths(&unseen);
    let (seen_id, unseen_id) = (Some(seen.enrollment_id.as_str()), Some(unseen.enrollment_id.as_str()));
    let code = code_of(&seen, api.now().await);

    // A second look.
    let again = api.get(&paths(&seen).0).await;
    assert_told(&api, &ana, seen_id, again, 410, "view-gone").await;

    // The user is suspended.
    api.post(&format!("/v1/users/{ana}/suspend"), json!({})).await.expect(200);
    assert_told(&api, &ana, unseen_id, api.get(&view).await, 409, "conflict").await;
    assert_told(&api, &ana, seen_id, api.confirm(&seen.enrollment_id, &code).await, 409, "conflict").await;
    assert_told(&api, &ana, unseen_id, api.post(&retry, json!({})).await, 409, "conflict").await;
    api.post(&format!("/v1/users/{ana}/resume"), json!({})).await.expect(200);

    // Another application's.
    let other = json!({ "name": "other", "scopes": ["enrollments"] });
    let other = api.post("/v1/applications", other).await.expect(201);
    let stranger = api.with_key(other["api_key"]["key"].as_str().unwrap());
    assert_told(&api, &ana, unseen_id, stranger.get(&view).await, 404, "not-found").await;
    assert_told(&api, &ana, seen_id, stranger.confirm(&seen.enrollment_id, &code).await, 404, "not-found").await;
    let start = stranger.post("/v1/enrollments", json!({ "session_id": session })).await;
    assert_told(&api, &ana, None, start, 404, "not-found").await;

    // The user has got an authenticator since, by another session.
    let elsewhere = api.session(&ana).await;
    let first = api.start_in(&ana, &elsewhere, json!({ "view": "inline" })).await;
    let bound = api.confirm(&first.enrollment_id, &code_of(&first, api.now().await)).await.expect(200);
    assert_told(&api, &ana, seen_id, api.confirm(&seen.enrollment_id, &code).await, 403, "step-up-needed").await;
    assert_told(&api, &ana, unseen_id, api.post(&retry, json!({})).await, 403, "step-up-needed").await;
    let rotate = format!("/v1/authenticators/{}/rotate", bound["authenticator"]["id"].as_str().unwrap());
    let rotated = api.post(&rotate, json!({ "session_id": session })).await;
    assert_told(&api, &ana, None, rotated, 403, "step-up-needed").await;

    // The session is over.
    api.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    assert_told(&api, &ana, unseen_id, api.get(&view).await, 410, "session-over").await;
    assert_told(&api, &ana, seen_id, api.confirm(&seen.enrollment_id, &code).await, 410, "session-over").await;
    // Too late, by any session.
    api.advance(3600).await;
    assert_told(&api, &ana, unseen_id, api.get(&view).await, 410, "view-expired").await;
    assert_told(&api, &ana, seen_id, api.confirm(&seen.enrollment_id, &code).await, 410, "enrollment-over").await;

    let told = refusals(&api).await.len();
    assert_eq!(told, 14, "each attempt once");
    api.delete(&format!("/v1/users/{ana}")).await.expect(204);
    let left = refusals(&api).await;
    assert_eq!(left.len(), told, "the facts stay");
    assert!(left.iter().all(|event| event["details"].is_null()), "{left:?}");
    // Nor does a later attempt bring any back.
    api.get(&view).await.expect_problem(404, "not-found");
    assert!(
        refusals(&api).await.iter().all(|event| event["about"]["user"] != ana.as_str() || event["details"].is_null())
    );
}
