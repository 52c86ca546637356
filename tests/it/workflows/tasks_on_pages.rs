//! Deciding what a run asks on a page (W-03, T-31): by the same rules as where an application says it.

use serde_json::{Value, json};

use super::tasks::{approve_proving, asked, id, unlock};
use super::{events, folder, settles, setup};
use crate::browser::{Browser, SHOP, Shop};
use crate::harness::{Api, Database, Enrolled, Server};

const SEEN: &str = "identity_document";

async fn decides(browser: &mut Browser, verdict: &str, evidence: Value) -> crate::harness::Answer {
    let said = json!({ "verdict": verdict, "evidence": evidence, "reason": "her passport" });
    browser.post("task/decide", said).await
}

/// A page for somebody who has just logged in.
async fn page_for(shop: &Shop, who: &Enrolled, task: &Value) -> Browser {
    let session = shop.api.session(&who.user_id).await;
    shop.task_page(&session, id(task), &["administrator"]).await
}

/// A code that was not used.
async fn code(api: &Api, who: &Enrolled) -> String {
    let now = api.advance(31).await;
    who.phone.code_at(now)
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_t31_people_decide_on_a_page_on_sqlite() {
    people_decide(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_t31_people_decide_on_a_page_on_postgresql() {
    people_decide(Database::Postgres).await;
}

async fn people_decide(database: Database) {
    let folder = folder(&[unlock(2, "      on_reject: continue\n")]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    let (subject, rita) = (api.user("subject").await, api.user("rita").await);
    api.post(&format!("/v1/users/{subject}/suspend"), json!({})).await.expect(200);
    let (run, task) = asked(&api, &subject, &rita).await;

    let mut browser = page_for(&shop, &ann, &task).await;
    let seen = browser.opens().await.expect(200);
    assert_eq!((&seen["purpose"], &seen["step"]), (&json!("task"), &json!("decide")));
    for (name, value) in [
        ("state", json!("open")),
        ("workflow", json!("unlock")),
        ("step", json!("verified")),
        ("message", json!(format!("May {subject} be let in again?"))),
        ("about", json!("subject")),
        ("requester", json!("rita")),
        ("evidence", json!([SEEN])),
        ("level", json!("aal2")),
        ("quorum", json!(2)),
        ("approvals", json!(0)),
    ] {
        assert_eq!(seen["task"][name], value, "{name}");
    }
    // What could not count is not proved for.
    decides(&mut browser, "approve", json!([])).await.expect_problem(422, "invalid-request");
    decides(&mut browser, "perhaps", json!([SEEN])).await.expect_problem(422, "invalid-request");
    let wanted = decides(&mut browser, "approve", json!([SEEN])).await.expect(200);
    assert_eq!((&wanted["step"], &wanted["challenge"]["action"]), (&json!("prove"), &json!("task.approve")));
    assert_eq!(wanted["challenge"]["shown"]["message"], task["message"], "the person sees what they prove for");
    assert_eq!(browser.opens().await.expect(200)["step"], "prove", "also after a reload");
    // The proof is for this verdict: another one is not said by it.
    decides(&mut browser, "reject", json!([])).await.expect_problem(409, "conflict");
    let now = api.advance(31).await;
    browser.prove(&ann.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    assert_eq!(api.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200)["approvals"], 0);
    let done = browser.prove(&ann.phone.code_at(now)).await.expect(200);
    assert_eq!(done["step"], "done");
    assert!(done["return_to"].as_str().unwrap().contains("outcome=approved"), "{done}");
    let page = api.get(&format!("/v1/pages/{}", browser.id)).await.expect(200);
    assert_eq!((&page["state"], &page["task_id"]), (&json!("approved"), &task["id"]));
    browser.prove(&ann.phone.code_at(now)).await.expect_problem(410, "page-over");

    let shown = api.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200);
    let said = &shown["verdicts"][0];
    assert_eq!((&shown["approvals"], &said["user_id"]), (&json!(1), &json!(ann.user_id)));
    assert_eq!((&said["roles"], &said["evidence"]), (&json!(["administrator"]), &json!([SEEN])));
    assert_eq!((&said["reason"], &said["level"]), (&json!("her passport"), &json!("aal2")));
    assert_eq!(
        (&said["challenge_id"], &said["authenticator_id"]),
        (&page["challenge_id"], &json!(ann.authenticator_id))
    );

    // A no takes nothing to be seen, and one is enough.
    let mut browser = page_for(&shop, &bob, &task).await;
    assert_eq!(browser.opens().await.expect(200)["task"]["approvals"], 1);
    assert_eq!(decides(&mut browser, "reject", json!([])).await.expect(200)["challenge"]["action"], "task.reject");
    let done = browser.prove(&code(&api, &bob).await).await.expect(200);
    assert!(done["return_to"].as_str().unwrap().contains("outcome=rejected"), "{done}");
    settles(&api, &run, "completed").await;
    let told = events(&api, "task.rejected").await;
    assert_eq!((&told[0]["data"]["by"], told.len()), (&json!(bob.user_id), 1));
}

/// T-31: no page for whoever may not decide; and what has changed since it was made counts.
#[tokio::test(flavor = "multi_thread")]
async fn w03_t31_whoever_may_not_decide_does_not_on_a_page_either() {
    let folder = folder(&[unlock(2, "")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (subject, rita, ann) = (api.enroll("subject").await, api.enroll("rita").await, api.enroll("ann").await);
    let (_, task) = asked(&api, &subject.user_id, "rita").await;
    let session = api.session(&ann.user_id).await;
    let wanted = json!({
        "purpose": "task", "session_id": session, "task_id": task["id"], "roles": ["security"],
        "return_url": "https://shop.example/back",
    });
    let with = |name: &str, value: Value| {
        let mut changed = wanted.clone();
        changed[name] = value;
        changed
    };
    let (theirs, requesters) = (api.session(&subject.user_id).await, api.session(&rita.user_id).await);
    for (body, status, slug) in [
        (with("session_id", json!(theirs)), 403, "forbidden"),
        (with("session_id", json!(requesters)), 403, "forbidden"),
        (with("roles", json!(["helpdesk"])), 403, "forbidden"),
        (with("roles", json!([])), 403, "forbidden"),
        (with("roles", json!(vec!["security"; 51])), 422, "invalid-request"),
        (with("task_id", Value::Null), 422, "invalid-request"),
        (with("session_id", Value::Null), 422, "invalid-request"),
        (with("purpose", json!("enroll")), 422, "invalid-request"),
        (with("task_id", json!("tsk_00000000000000000000000000000000")), 404, "not-found"),
    ] {
        api.post("/v1/pages", body).await.expect_problem(status, slug);
    }
    // Whoever may not say it by the API makes no page for it.
    for scopes in [json!(["challenges"]), json!(["workflows:write", "enrollments"])] {
        let made = api.post("/v1/applications", json!({ "name": scopes.to_string(), "scopes": scopes })).await;
        let other = api.with_key(made.expect(201)["api_key"]["key"].as_str().unwrap());
        other.post("/v1/pages", wanted.clone()).await.expect_problem(403, "forbidden");
    }

    // On the page there is this, and nothing else.
    let mut browser = page_for(&shop, &ann, &task).await;
    browser.opens().await.expect(200);
    browser.begin().await.expect_problem(409, "conflict");
    browser.post("security/add", json!({})).await.expect_problem(409, "conflict");
    browser.prove(&code(&api, &ann).await).await.expect_problem(409, "conflict");
    decides(&mut browser, "approve", json!([SEEN])).await.expect(200);
    browser.post("prompt", json!({ "kind": "browser" })).await.expect_problem(409, "conflict");
    // Who leaves has said nothing, and is not asked the same again by that link.
    let left = browser.post("cancel", json!({})).await.expect(200);
    assert!(left["return_to"].as_str().unwrap().contains("outcome=cancelled"), "{left}");
    let page = api.get(&format!("/v1/pages/{}", browser.id)).await.expect(200);
    let challenge = format!("/v1/challenges/{}", page["challenge_id"].as_str().unwrap());
    assert_eq!(api.get(&challenge).await.expect(200)["state"], "cancelled");

    // Suspended meanwhile: a proof is not all that it takes.
    let mut browser = page_for(&shop, &ann, &task).await;
    browser.opens().await.expect(200);
    api.post(&format!("/v1/users/{}/suspend", ann.user_id), json!({})).await.expect(200);
    decides(&mut browser, "approve", json!([SEEN])).await.expect_problem(403, "forbidden");
    api.post(&format!("/v1/users/{}/resume", ann.user_id), json!({})).await.expect(200);

    // Said by the application meanwhile: each person does once.
    let mut browser = page_for(&shop, &ann, &task).await;
    browser.opens().await.expect(200);
    approve_proving(&api, &task, &ann).await.expect(200);
    let seen = browser.opens().await.expect(200);
    assert!(seen["step"] == "done" && seen["return_to"].as_str().unwrap().contains("outcome=approved"), "{seen}");
    api.post("/v1/pages", wanted).await.expect_problem(409, "conflict");
    assert_eq!(events(&api, "task.approved").await.len(), 1);
}

/// T-31: what is open in a browser is worth no more than the session it was made for, shows no more than its application may see, and a proof that
/// failed is asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn w03_t31_a_page_that_was_left_open_decides_nothing() {
    let folder = folder(&[unlock(3, "      level: aal1\n")]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (subject, rita, ann) = (api.user("subject").await, api.user("rita").await, api.enroll("ann").await);
    let (_, task) = asked(&api, &subject, &rita).await;
    let session = api.session(&ann.user_id).await;
    let mut left_open = shop.task_page(&session, id(&task), &["administrator"]).await;
    assert_eq!(left_open.opens().await.expect(200)["step"], "decide");
    assert!(api.delete(&format!("/v1/sessions/{session}")).await.status < 300);
    left_open.opens().await.expect_problem(410, "session-over");
    decides(&mut left_open, "approve", json!([SEEN])).await.expect_problem(409, "conflict");
    assert_eq!(api.get(&format!("/v1/tasks/{}", id(&task))).await.expect(200)["approvals"], 0);

    // Decided and left are one or the other: a verdict is the end of its page.
    let mut browser = page_for(&shop, &ann, &task).await;
    browser.opens().await.expect(200);
    let done = decides(&mut browser, "approve", json!([SEEN])).await.expect(200);
    assert_eq!(done["step"], "done", "{done}");
    let left = browser.post("cancel", json!({})).await.expect(200);
    assert!(left["return_to"].as_str().unwrap().contains("outcome=approved"), "{left}");
    let finished = events(&api, "page.finished").await;
    assert_eq!(finished.iter().filter(|event| event["data"]["outcome"] == "approved").count(), 1);

    // Whoever decides has to know whose account it is: also where the application may not see users otherwise.
    let scopes = json!(["workflows:write", "challenges", "sessions"]);
    let new = json!({ "name": "desk", "scopes": scopes, "return_origins": [SHOP] });
    let made = api.post("/v1/applications", new).await.expect(201);
    let desk = api.with_key(made["api_key"]["key"].as_str().unwrap());
    api.patch(&format!("/v1/users/{subject}"), json!({ "display_name": "Sue" })).await.expect(200);
    let bob = api.enroll("bob").await;
    let session = desk.session(&bob.user_id).await;
    let mut browser = Shop::with(desk).task_page(&session, id(&task), &["administrator"]).await;
    let seen = browser.opens().await.expect(200);
    let named = ["about", "display_name", "requester"].map(|name| seen["task"][name].clone());
    assert_eq!(named, [json!("subject"), json!("Sue"), json!("rita")], "{seen}");
}

/// What cannot be proved any more is said anew.
#[tokio::test(flavor = "multi_thread")]
async fn w03_a_page_asks_again_where_a_proof_came_to_nothing() {
    let folder = folder(&[unlock(1, "")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (subject, rita, ann) = (api.user("subject").await, api.user("rita").await, api.enroll("ann").await);
    let (_, task) = asked(&api, &subject, &rita).await;
    let mut browser = page_for(&shop, &ann, &task).await;
    browser.opens().await.expect(200);
    decides(&mut browser, "approve", json!([SEEN])).await.expect(200);
    let page = api.get(&format!("/v1/pages/{}", browser.id)).await.expect(200);
    let challenge = page["challenge_id"].as_str().unwrap();
    assert!(api.delete(&format!("/v1/challenges/{challenge}")).await.status < 300);
    let seen = browser.opens().await.expect(200);
    assert_eq!((&seen["step"], &seen["task"]["approvals"]), (&json!("decide"), &json!(0)), "{seen}");
    decides(&mut browser, "reject", json!([])).await.expect(200);
    let done = browser.prove(&code(&api, &ann).await).await.expect(200);
    assert!(done["return_to"].as_str().unwrap().contains("outcome=rejected"), "{done}");
}

/// What is closed while somebody proves is closed: the page says so, and nothing was said.
#[tokio::test(flavor = "multi_thread")]
async fn w03_a_page_says_when_nothing_is_left_to_decide() {
    let folder = folder(&[unlock(1, "")]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    let (subject, rita) = (api.user("subject").await, api.user("rita").await);
    let (run, task) = asked(&api, &subject, &rita).await;
    let mut browser = page_for(&shop, &ann, &task).await;
    browser.opens().await.expect(200);
    decides(&mut browser, "approve", json!([SEEN])).await.expect(200);
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(&api, &run, "cancelled").await;
    let seen = browser.prove(&code(&api, &ann).await).await.expect(200);
    assert_eq!((&seen["step"], &seen["task"]["state"]), (&json!("decide"), &json!("cancelled")));
    assert_eq!(browser.post("cancel", json!({})).await.expect(200)["step"], "done");
    assert_eq!(events(&api, "task.approved").await.len(), 0);

    // A page is there no longer than what it is for.
    let (_, task) = asked(&api, &subject, &rita).await;
    api.advance(86_400 - 60).await;
    let mut browser = page_for(&shop, &bob, &task).await;
    browser.opens().await.expect(200);
    api.advance(60).await;
    decides(&mut browser, "approve", json!([SEEN])).await.expect_problem(410, "page-over");
}
