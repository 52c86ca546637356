//! Notices go to every mailbox of a user, and what hands something out to one that was there before (T-31).

use reqwest::Method;
use serde_json::json;

use super::links::{browse, link_in};
use super::{folder, post, run_in, settles, until, workflow};
use crate::harness::{Api, Database};
use crate::messages::{Post, confirm, hand_over, prompt, text, verify};

fn notice() -> (String, String) {
    workflow(
        "notice",
        r#"
triggers:
  - event: user.suspended
    when: event.data.reason != "workflow"
subject: ${event.user}
steps:
  - id: mail
    action: notify.mail
    with: {user: "${subject}", subject: Your account was locked, message: It was locked.}
    retry: {limit: 2, backoff: 60s, jitter: 0%}
"#,
    )
}

/// Another mailbox, in a session in which one was proved.
async fn add(post: &Post, session: &str, address: &str) {
    let api = post.api();
    let view = hand_over(&api, session, "email", address).await.expect(200);
    let (enrollment, prompt) = (text(&view["enrollment"]), text(&view["prompt"]["id"]));
    confirm(&api, &enrollment, &post.mail.code(), &prompt).await.expect(200);
}

/// To whom the next so many mails are, in order of their names.
fn recipients(post: &Post, count: usize) -> Vec<String> {
    let mut to: Vec<String> = (0..count).map(|_| text(&post.mail.mail()["to"][0])).collect();
    to.sort();
    to
}

async fn lock(api: &Api, user: &str) {
    api.post(&format!("/v1/users/{user}/suspend"), json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_t31_a_notice_goes_to_every_mailbox_once_and_one_that_fails_holds_no_other_up() {
    let folder = folder(&[notice()]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    for address in ["ana@example.org", "busy@example.org", "other@example.org"] {
        add(&post, &session, address).await;
    }
    // One of them takes nothing now: the others are told all the same, and it is once it does.
    post.mail.answers("busy", "450 4.7.1 Later");
    lock(&api, &user).await;
    assert_eq!(recipients(&post, 2), ["ana@example.org", "other@example.org"]);
    let run = run_in(&api, "notice", "waiting").await;
    post.mail.answers("busy", "");
    api.advance(61).await;
    assert_eq!(recipients(&post, 1), ["busy@example.org"]);
    settles(&api, &text(&run["id"]), "completed").await;
    assert_eq!(post.mail.settled(0).await, 0, "who was told is not told again");
    // One that is gone for good, or takes nothing however often it is tried, is nobody's business but its own.
    post.mail.answers("busy", "450 4.7.1 Later");
    api.post(&format!("/v1/users/{user}/resume"), json!({})).await.expect(200);
    lock(&api, &user).await;
    assert_eq!(recipients(&post, 2), ["ana@example.org", "other@example.org"]);
    let run = text(&run_in(&api, "notice", "waiting").await["id"]);
    post.mail.asked("busy");
    settles(&api, &run, "waiting").await;
    api.advance(61).await;
    settles(&api, &run, "completed").await;
    post.mail.answers("busy", "550 5.1.1 Gone");
    // Somebody is written to so often in an hour, and in any of their mailboxes.
    api.advance(2 * 3600).await;
    api.post(&format!("/v1/users/{user}/resume"), json!({})).await.expect(200);
    lock(&api, &user).await;
    assert_eq!(recipients(&post, 2), ["ana@example.org", "other@example.org"]);
    until("a second one is done", async || {
        let runs = api.all("/v1/runs?workflow=notice&state=completed").await;
        (runs.len() == 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_w05_who_was_told_before_a_crash_is_not_told_again() {
    let folder = folder(&[notice()]);
    let mut post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    for address in ["ana@example.org", "busy@example.org", "other@example.org"] {
        add(&post, &session, address).await;
    }
    post.mail.answers("busy", "slow");
    lock(&api, &user).await;
    assert_eq!(recipients(&post, 2), ["ana@example.org", "other@example.org"]);
    let run = run_in(&api, "notice", "running").await;
    // That they have it is written while the third one is waited for.
    post.mail.asked("busy");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    post.server().kill();
    post.mail.answers("busy", "");
    post.server().begin().await;
    // Once the claim of the server that is gone is over, the attempt is made again.
    let api = post.api();
    api.advance(16).await;
    assert_eq!(recipients(&post, 1), ["busy@example.org"]);
    settles(&api, &text(&run["id"]), "completed").await;
    let run = api.get(&format!("/v1/runs/{}/steps", text(&run["id"]))).await.expect(200);
    assert_eq!(post.mail.settled(0).await, 0, "{run}");
}

/// Whoever proves an app gets a pass, so that it is seen where that goes.
fn passes() -> (String, String) {
    workflow(
        "passes",
        r#"
triggers:
  - event: authenticator.verified
    when: event.data.kind == "sms" && event.data.aal >= 2 && event.data.action == "recover"
subject: ${event.user}
steps:
  - id: pass
    action: recovery.issue_pass
    with: {user: "${subject}", valid_for: 1h}
  - id: mail
    action: notify.mail
    with: {user: "${subject}", subject: A pass, message: "{{ steps.pass.url }}"}
  - id: fetched
    wait: {event: link.followed, where: arrived.data.link == steps.pass.link, timeout: 1h}
"#,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn t31_a_way_back_in_goes_to_no_mailbox_that_was_added_for_it_and_into_no_call() {
    let call = workflow(
        "calls",
        r#"
triggers:
  - event: authenticator.verified
    when: event.data.kind == "sms" && event.data.aal >= 2 && event.data.action == "recover"
subject: ${event.user}
steps:
  - id: pass
    action: recovery.issue_pass
    with: {user: "${subject}", valid_for: 1h}
  - id: call
    action: http.call
    with: {url: "https://127.0.0.1:1/", body: {text: "${steps.pass.url}"}}
"#,
    );
    let folder = folder(&[passes(), call]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let (user, session) = post.ana().await;
    add(&post, &session, "new@example.org").await;
    let proved = async || {
        api.advance(61).await;
        let session = api.session(&user).await;
        let asked = json!({ "session_id": session, "action": "recover" });
        let challenge = text(&api.post("/v1/challenges", asked).await.expect(201)["id"]);
        let sent = prompt(&api, &challenge, "sms").await.expect(201);
        let code = post.main.next().await.code();
        verify(&api, &challenge, &code, &text(&sent["id"])).await.expect(200);
        session
    };
    proved().await;
    let failed = run_in(&api, "passes", "failed").await;
    assert!(text(&failed["error"]).contains("two weeks ago or longer"), "{failed}");
    let failed = run_in(&api, "calls", "failed").await;
    assert!(text(&failed["error"]).contains("to its user alone"), "{failed}");
    assert_eq!(post.mail.settled(0).await, 0);
    // Two weeks later it is no new one any more, and what is added then gets nothing.
    api.advance(15 * 86_400).await;
    let session = proved().await;
    assert_eq!(recipients(&post, 1), ["new@example.org"]);
    add(&post, &session, "evil@example.org").await;
    proved().await;
    let mail = post.mail.mail();
    assert_eq!(mail["to"], json!(["new@example.org"]));
    assert_eq!(browse(&api, Method::GET, &link_in(&mail)).await.status, 200);
    assert_eq!(post.mail.settled(0).await, 0);
}
