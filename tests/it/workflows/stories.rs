//! The ready-made workflows that people are in, each played as it stands against the real program, with real mail.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::links::{browse, link_in};
use super::tasks::approve_proving;
use super::{about_a_user, events, folder, run_in, settles, start_as, until};
use crate::harness::{Api, Database, Enrolled, Phone};
use crate::messages::{Post, confirm, hand_over};

/// A ready-made workflow.
pub(super) fn ready(name: &str) -> (String, String) {
    let path = format!("{}/../workflows/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    (format!("{name}.yaml"), std::fs::read_to_string(path).unwrap())
}

pub(super) async fn post(database: Database, workflows: &[(String, String)]) -> (Post, TempDir) {
    let folder = folder(workflows);
    (super::post(database, &folder, &[]).await, folder)
}

pub(super) async fn task_of(api: &Api, workflow: &str) -> Value {
    let path = format!("/v1/tasks?workflow={workflow}");
    until("a task", async || api.all(&path).await.into_iter().next()).await
}

pub(super) async fn named(api: &Api, name: &str) -> usize {
    events(api, "event.emitted").await.iter().filter(|event| event["data"]["name"] == name).count()
}

pub(super) async fn trusted(api: &Api, who: &Enrolled) -> String {
    let now = api.advance(31).await;
    let session = api.session(&who.user_id).await;
    let challenge = api.challenge_in(&session).await;
    api.verify(&challenge, &who.phone.code_at(now)).await.expect(200);
    session
}

/// Gives somebody a mailbox, and has whoever has their session then add an app of their own: the session, and the app.
pub(super) async fn app_of_a_stranger(post: &Post, ana: &Enrolled) -> (String, Enrolled) {
    let api = post.api();
    let session = trusted(&api, ana).await;
    let view = hand_over(&api, &session, "email", "ana@example.org").await.expect(200);
    let (enrollment, prompt) = (view["enrollment"].as_str().unwrap(), view["prompt"]["id"].as_str().unwrap());
    confirm(&api, enrollment, &post.mail.code(), prompt).await.expect(200);
    // The mailbox is told of itself.
    post.mail.mail();
    let started = api.start_in(&ana.user_id, &session, json!({ "view": "inline" })).await;
    let secret = started.answer["view"]["secret"].as_str().unwrap().to_owned();
    let phone = Phone::with_key(&secret, &started.answer["enrollment"]);
    (session, api.finish(started, phone).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_w06_who_did_not_add_a_device_takes_it_back_by_a_link() {
    let (post, _folder) = post(Database::Postgres, &[ready("new_device")]).await;
    let api = post.api();
    let ana = api.enroll("ana").await;
    let (session, added) = app_of_a_stranger(&post, &ana).await;
    let run = until("its run", async || {
        let waiting = api.all("/v1/runs?workflow=new_device&state=waiting").await;
        // The first app was told of as well, in vain, since there was no mailbox yet; and the mailbox, to itself.
        (waiting.len() == 3).then(|| waiting[0].clone())
    })
    .await;
    let link = link_in(&post.mail.mail());
    let shown = browse(&api, Method::GET, &link).await;
    assert!(String::from_utf8(shown.body).unwrap().contains("I did not add it"));
    assert_eq!(browse(&api, Method::POST, &link).await.status, 200);
    settles(&api, run["id"].as_str().unwrap(), "completed").await;
    let authenticator = api.get(&format!("/v1/authenticators/{}", added.authenticator_id)).await.expect(200);
    assert_eq!(authenticator["state"], "suspended");
    let ended = api.get(&format!("/v1/sessions/{session}")).await.expect(200);
    assert!(ended["ended_at"].is_string(), "{ended}");
    assert_eq!(named(&api, "new_device.reported").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_w06_who_was_locked_is_told_and_let_in_by_somebody_who_called_them_back() {
    let locks = about_a_user("locks", "  - {id: lock, action: user.lock, with: {user: \"${subject}\"}}\n");
    let (post, _folder) = post(Database::Sqlite, &[ready("locked_account"), locks]).await;
    let api = post.api();
    let ana = post.with_mailbox("ana", "ana@example.org").await;
    let admin = api.enroll("admin").await;
    api.user("rita").await;
    // Whom an administrator locked is nobody's to let in but an administrator's.
    let bob = api.user("bob").await;
    api.post(&format!("/v1/users/{bob}/suspend"), json!({})).await.expect(200);
    start_as(&api, "rita", "locks", json!({ "user": "ana" })).await;
    let run = run_in(&api, "locked_account", "waiting").await;
    assert_eq!(api.all("/v1/runs?workflow=locked_account").await.len(), 1);
    assert!(post.mail.mail()["content"].as_str().unwrap().contains("was locked"));
    let task = task_of(&api, "locked_account").await;
    approve_proving(&api, &task, &admin).await.expect(200);
    settles(&api, run["id"].as_str().unwrap(), "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{ana}")).await.expect(200)["state"], "active");
    assert!(post.mail.mail()["content"].as_str().unwrap().contains("log in again"));
    an_administrators_lock_stays(&post, &admin).await;
}

/// Nor is somebody whom a workflow locked, once an administrator has said so too.
async fn an_administrators_lock_stays(post: &Post, admin: &Enrolled) {
    let api = post.api();
    let cid = post.with_mailbox("cid", "cid@example.org").await;
    start_as(&api, "rita", "locks", json!({ "user": "cid" })).await;
    let run = run_in(&api, "locked_account", "waiting").await;
    api.post(&format!("/v1/users/{cid}/suspend"), json!({})).await.expect(200);
    let tasks = api.all("/v1/tasks?workflow=locked_account").await;
    let task = tasks.into_iter().find(|task| task["run_id"] == run["id"]).unwrap();
    approve_proving(&api, &task, admin).await.expect(200);
    settles(&api, run["id"].as_str().unwrap(), "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{cid}")).await.expect(200)["state"], "suspended");
    let told = events(&api, "event.emitted").await.pop().unwrap();
    assert_eq!(told["data"]["name"], "locked_account.stays_locked", "{told}");
}
