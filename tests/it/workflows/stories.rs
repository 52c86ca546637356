//! The ready-made workflows that people are in, each played as it stands against the real program, with real mail.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::links::{browse, link_in};
use super::tasks::approve_proving;
use super::{events, folder, run_in, settles, until};
use crate::harness::{Api, Database, Enrolled, Phone};
use crate::messages::{Post, confirm, hand_over};

/// A ready-made workflow.
fn ready(name: &str) -> (String, String) {
    let path = format!("{}/../workflows/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    (format!("{name}.yaml"), std::fs::read_to_string(path).unwrap())
}

async fn post(database: Database, workflows: &[(String, String)]) -> (Post, TempDir) {
    let folder = folder(workflows);
    let path = folder.path().to_str().unwrap().to_owned();
    (Post::with(database, &[("COUNTERSIGN_WORKFLOWS_FOLDER", &path)]).await, folder)
}

async fn task_of(api: &Api, workflow: &str) -> Value {
    let path = format!("/v1/tasks?workflow={workflow}");
    until("a task", async || api.all(&path).await.into_iter().next()).await
}

/// The recovery, by mail alone: what stands in the place of the other channels and of the pass is told of by events.
fn recovery() -> (String, String) {
    let (file, text) = ready("recovery_verified");
    let mut text = text;
    for (from, to) in [
        (
            "action: notify.sms\n                with:\n",
            "action: notify.mail\n                with:\n                  subject: sms\n",
        ),
        (
            "action: notify.push\n                with:\n",
            "action: notify.mail\n                with:\n                  subject: push\n",
        ),
        (
            "action: recovery.issue_pass\n    with: {user: \"${subject}\", level: aal2, valid_for: 1d}",
            "action: event.emit\n    with: {name: recovery.pass}",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    // The tests in the file are of the file as it is.
    let tests = text.find("\ntests:\n").unwrap();
    text.truncate(tests + 1);
    (file, text)
}

async fn ask(api: &Api, user: &str, requester: &str) -> String {
    let new = json!({
        "requester": requester, "roles": ["helpdesk"], "inputs": { "user": user, "note": "stolen bag" },
    });
    let run = api.post("/v1/workflows/recovery_verified/runs", new).await.expect(201);
    run["id"].as_str().unwrap().to_owned()
}

async fn named(api: &Api, name: &str) -> usize {
    events(api, "event.emitted").await.iter().filter(|event| event["data"]["name"] == name).count()
}

/// The notices of a recovery, with the link in each that has one.
fn notices(post: &Post) -> Vec<String> {
    let mails: Vec<Value> = (0..3).map(|_| post.mail.mail()).collect();
    mails.iter().filter(|mail| mail["content"].as_str().unwrap().contains("/links/")).map(link_in).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t31_a_recovery_takes_an_administrator_who_saw_a_document_and_a_day_in_which_it_can_be_stopped() {
    let (post, _folder) = post(Database::Sqlite, &[recovery()]).await;
    let api = post.api();
    let ana = post.with_mailbox("ana", "ana@example.org").await;
    let rita = api.user("rita").await;
    let admin = api.enroll("admin").await;

    // Nobody stops it.
    let run = ask(&api, &ana, &rita).await;
    let links = notices(&post);
    assert_eq!(links.len(), 2, "every channel that can have a link has one");
    assert_ne!(links[0], links[1], "of its own");
    let task = task_of(&api, "recovery_verified").await;
    assert_eq!((&task["evidence"], &task["level"]), (&json!(["identity_document"]), &json!("aal2")));
    assert!(task["message"].as_str().unwrap().contains("stolen bag"), "{task}");
    approve_proving(&api, &task, &admin).await.expect(200);
    // The run has heard of it: from then on a day goes by.
    until("it waits", async || {
        let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
        shown["under_way"].as_array().unwrap().contains(&json!("stopped")).then_some(())
    })
    .await;
    api.advance(86_400 - 120).await;
    settles(&api, &run, "waiting").await;
    assert_eq!(named(&api, "recovery.pass").await, 0, "a day is a day");
    api.advance(180).await;
    settles(&api, &run, "completed").await;
    assert_eq!(named(&api, "recovery.pass").await, 1);
    let late = browse(&api, Method::POST, &links[0]).await;
    assert_eq!(late.status, 410, "it is over");

    // The user stops it by the link of the first channel.
    let run = ask(&api, &ana, &rita).await;
    let links = notices(&post);
    let task = task_of(&api, "recovery_verified").await;
    approve_proving(&api, &task, &admin).await.expect(200);
    assert_eq!(browse(&api, Method::POST, &links[0]).await.status, 200);
    settles(&api, &run, "failed").await;
    assert_eq!(browse(&api, Method::POST, &links[1]).await.status, 410, "it is one link, however often it was sent");
    assert_eq!((named(&api, "recovery.pass").await, named(&api, "recovery.refused").await), (1, 1));
    let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
    assert!(shown["error"].as_str().unwrap().contains("did not ask for it"), "{shown}");

    // The user is back in a session that is trusted, and stops it there, before anybody has approved.
    let ben = api.enroll("ben").await;
    let run = ask(&api, &ben.user_id, &rita).await;
    let task = task_of(&api, "recovery_verified").await;
    let link = api.all(&format!("/v1/links?user_id={}", ben.user_id)).await[0]["id"].as_str().unwrap().to_owned();
    let session = trusted(&api, &ben).await;
    api.post(&format!("/v1/links/{link}/follow"), json!({ "session_id": session })).await.expect(200);
    approve_proving(&api, &task, &admin).await.expect(200);
    settles(&api, &run, "failed").await;
    assert_eq!(named(&api, "recovery.not_told").await, 3, "who has no channel is told by none, and that is told of");
    assert_eq!(named(&api, "recovery.pass").await, 1);
}

async fn trusted(api: &Api, who: &Enrolled) -> String {
    let now = api.advance(31).await;
    let session = api.session(&who.user_id).await;
    let challenge = api.challenge_in(&session).await;
    api.verify(&challenge, &who.phone.code_at(now)).await.expect(200);
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_w06_who_did_not_add_a_device_takes_it_back_by_a_link() {
    let (post, _folder) = post(Database::Postgres, &[ready("new_device")]).await;
    let api = post.api();
    let ana = api.enroll("ana").await;
    let session = trusted(&api, &ana).await;
    let view = hand_over(&api, &session, "email", "ana@example.org").await.expect(200);
    let (enrollment, prompt) = (view["enrollment"].as_str().unwrap(), view["prompt"]["id"].as_str().unwrap());
    confirm(&api, enrollment, &post.mail.code(), prompt).await.expect(200);
    // Somebody who has the session now adds an app of their own.
    let started = api.start_in(&ana.user_id, &session, json!({ "view": "inline" })).await;
    let secret = started.answer["view"]["secret"].as_str().unwrap().to_owned();
    let phone = Phone::with_key(&secret, &started.answer["enrollment"]);
    let added = api.finish(started, phone).await;
    let run = until("its run", async || {
        let waiting = api.all("/v1/runs?workflow=new_device&state=waiting").await;
        // The first app was told of as well, in vain, since there was no mailbox yet.
        (waiting.len() == 2).then(|| waiting[0].clone())
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
    let (post, _folder) = post(Database::Sqlite, &[ready("locked_account")]).await;
    let api = post.api();
    let ana = post.with_mailbox("ana", "ana@example.org").await;
    let admin = api.enroll("admin").await;
    api.post(&format!("/v1/users/{ana}/suspend"), json!({})).await.expect(200);
    let run = run_in(&api, "locked_account", "waiting").await;
    assert!(post.mail.mail()["content"].as_str().unwrap().contains("was locked"));
    let task = task_of(&api, "locked_account").await;
    approve_proving(&api, &task, &admin).await.expect(200);
    settles(&api, run["id"].as_str().unwrap(), "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{ana}")).await.expect(200)["state"], "active");
    assert!(post.mail.mail()["content"].as_str().unwrap().contains("log in again"));
}
