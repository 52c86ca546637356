//! Calls from outside start runs (W-02): signed, new, each once; and whoever has no secret learns nothing.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Duration;

use super::{events, folder, setup, until, workflow};
use crate::harness::{Answer, Api, Database, Server, Setup};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT: &str = "the secret that comes next, of 24 bytes";

/// By an implementation of its own.
fn signature(secret: &str, id: &str, at: &str, body: &str) -> String {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => BASE64.decode(encoded.as_bytes()).unwrap(),
        None => secret.as_bytes().to_vec(),
    };
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(tag.as_ref()))
}

async fn send(api: &Api, workflow: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    // Without a key of ours.
    let mut request = api.with_key("").request(Method::POST, &format!("/v1/webhooks/{workflow}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Api::answer(request.body(body.to_owned())).await.unwrap()
}

async fn call(api: &Api, workflow: &str, secret: &str, id: &str, body: &str) -> Answer {
    let at = (api.now().await / 1000).to_string();
    let signed = signature(secret, id, &at, body);
    send(api, workflow, &[("webhook-id", id), ("webhook-timestamp", &at), ("webhook-signature", &signed)], body).await
}

fn called() -> (String, String) {
    workflow(
        "called",
        r#"
triggers:
  - webhook: {secret: env:HOOK}
    when: webhook.body.kind == "lost"
  - webhook: {secret: env:HOOK_NEXT}
    when: webhook.body.kind == "lost" || webhook.body.kind == "found"
steps:
  - id: tell
    action: event.emit
    with: {name: called, data: {who: "${webhook.body.who}"}}
"#,
    )
}

fn signed_setup(database: Database, folder: &tempfile::TempDir) -> Setup {
    let environment = vec![("HOOK".to_owned(), SECRET.to_owned()), ("HOOK_NEXT".to_owned(), NEXT.to_owned())];
    Setup { environment, ..setup(database, folder) }
}

async fn runs(api: &Api, count: usize) {
    until("the runs are over", async || {
        let runs = api.all("/v1/runs?workflow=called").await;
        (runs.len() == count && runs.iter().all(|run| run["state"] == "completed")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_a_signed_call_starts_a_run_once_on_sqlite() {
    a_signed_call(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_a_signed_call_starts_a_run_once_on_postgresql() {
    a_signed_call(Database::Postgres).await;
}

async fn a_signed_call(database: Database) {
    let folder = folder(&[called()]);
    let mut server = Server::start(signed_setup(database, &folder)).await;
    let api = server.api();
    let lost = r#"{"kind": "lost", "who": "ana"}"#;
    assert_eq!(call(&api, "called", SECRET, "msg_1", lost).await.status, 202);
    runs(&server.api(), 1).await;
    let told = &events(&server.api(), "event.emitted").await[0];
    assert!(told.to_string().contains("ana"), "{told}");
    // The same call, and with another time, as senders try again; also 32 of one at once.
    for _ in 0..2 {
        assert_eq!(call(&api, "called", SECRET, "msg_1", lost).await.status, 202);
        server.api().advance(200).await;
    }
    let at = (api.now().await / 1000).to_string();
    let tag = signature(SECRET, "msg_2", &at, lost);
    let headers = [("webhook-id", "msg_2"), ("webhook-timestamp", at.as_str()), ("webhook-signature", tag.as_str())];
    let all = (0..32).map(|_| send(&api, "called", &headers, lost));
    assert!(futures_util::future::join_all(all).await.iter().all(|answer| answer.status == 202));
    runs(&server.api(), 2).await;
    // A secret that is changed: the sender signs with both, or with the new one.
    let found = r#"{"kind": "found", "who": "ana"}"#;
    assert_eq!(call(&api, "called", NEXT, "msg_3", found).await.status, 202);
    runs(&server.api(), 3).await;
    // By the condition of whose secret it is: the first one says nothing of what is found.
    assert_eq!(call(&api, "called", SECRET, "msg_4", found).await.status, 202);
    // What cannot be told starts nothing, and is told of.
    assert_eq!(call(&api, "called", SECRET, "msg_5", "{}").await.status, 202);
    until("it is told of", async || (!events(&server.api(), "run.failed").await.is_empty()).then_some(())).await;
    // After a restart as well, what came before came before.
    server.kill();
    server.begin().await;
    let api = server.api();
    assert_eq!(call(&api, "called", SECRET, "msg_2", lost).await.status, 202);
    assert_eq!(call(&api, "called", SECRET, "msg_6", lost).await.status, 202);
    runs(&server.api(), 4).await;
    // What is signed and no JSON object is said to whoever signed it.
    call(&api, "called", SECRET, "msg_7", "{").await.expect_problem(400, "malformed-json");
    call(&api, "called", SECRET, "msg_8", "[]").await.expect_problem(422, "invalid-request");
    call(&api, "called", SECRET, "msg_9", r#"{"a": "\u0000"}"#).await.expect_problem(422, "invalid-request");
    // Deeper than could be read again of a run.
    let deep = format!(r#"{{"kind": "lost", "who": {}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let answer = call(&api, "called", SECRET, "msg_11", &deep).await.expect_problem(422, "invalid-request");
    assert!(answer.to_string().contains("more than 32 lists and maps in one another"), "{answer}");
    let large = format!(r#"{{"kind": "lost", "who": "{}"}}"#, "a".repeat(64 << 10));
    call(&api, "called", SECRET, "msg_10", &large).await.expect_problem(413, "too-large");
    runs(&server.api(), 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_t19_a_call_that_is_not_signed_is_refused_and_told_nothing() {
    let by_hand = workflow(
        "by_hand",
        "triggers:\n  - manual: {roles: [a]}\nsteps:\n  - id: tell\n    action: event.emit\n    with: {name: x}\n",
    );
    let folder = folder(&[called(), by_hand]);
    let server = Server::start(signed_setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let body = r#"{"kind": "lost", "who": "ana"}"#;
    let now = api.now().await / 1000;
    let (at, old, ahead) = (now.to_string(), (now - 400).to_string(), (now + 400).to_string());
    let by = |secret: &str, id: &str, at: &str| signature(secret, id, at, body);
    let good = by(SECRET, "a", &at);
    let cases: Vec<(&str, &str, &str, String)> = vec![
        ("called", "a", &at, by("another secret, as long as it has to be", "a", &at)),
        ("called", "b", &at, good.clone()),
        ("called", "a", &old, by(SECRET, "a", &old)),
        ("called", "a", &ahead, by(SECRET, "a", &ahead)),
        ("called", "a", &at, String::new()),
        ("called", "", &at, by(SECRET, "", &at)),
        ("called", "a.b", &at, by(SECRET, "a.b", &at)),
        ("called", "a", "", by(SECRET, "a", "")),
        ("called", "a", &at, good.replace("v1,", "v2,")),
        ("none", "a", &at, good.clone()),
        ("by_hand", "a", &at, good.clone()),
    ];
    let mut said = Vec::new();
    for (workflow, id, at, signature) in &cases {
        let headers = [("webhook-id", *id), ("webhook-timestamp", *at), ("webhook-signature", signature.as_str())];
        let answer = send(&api, workflow, &headers, body).await;
        answer.expect_problem(401, "webhook-refused");
        said.push(answer.without_date());
    }
    let missing = send(&api, "called", &[], body).await;
    missing.expect_problem(401, "webhook-refused");
    let headers = [("webhook-id", "a"), ("webhook-timestamp", at.as_str()), ("webhook-signature", good.as_str())];
    let twice: Vec<_> = headers.iter().chain(&[("webhook-id", "a")]).copied().collect();
    send(&api, "called", &twice, body).await.expect_problem(401, "webhook-refused");
    let first = (said[0].status, said[0].body.clone());
    assert!(said.iter().all(|one| (one.status, one.body.clone()) == first), "they are not refused alike");
    assert!(server.api().all("/v1/runs?workflow=called").await.is_empty());
    // The same call, as it should be, is good.
    assert_eq!(send(&api, "called", &headers, body).await.status, 202);
    runs(&server.api(), 1).await;
    // It is told of to whoever may follow events, and bounded.
    let told = until("it is told of", async || {
        let told = events(&server.api(), "webhook.refused").await;
        (told.len() >= 4).then_some(told)
    })
    .await;
    let of = |reason: &str| told.iter().filter(|event| event["data"]["reason"] == reason).count();
    for reason in ["forged", "old", "unsigned", "unknown"] {
        assert!((1..=2).contains(&of(reason)), "{reason}: {told:?}");
    }
    assert!(told.iter().all(|event| event["data"]["workflow"] == "called" || event["data"]["reason"] == "unknown"));
    let kept = format!("{}{}", server.log(), Value::from(server.api().all("/v1/events").await));
    assert!(!kept.contains("MfKQ9r8G") && !kept.contains("comes next"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_a_flood_of_calls_from_one_network_is_cut_off() {
    let folder = folder(&[called()]);
    let server = Server::start(signed_setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let mut refused = 0;
    for _ in 0..10 {
        let many = (0..60).map(|_| send(&api, "called", &[], "{}"));
        let answers = futures_util::future::join_all(many).await;
        refused += answers.iter().filter(|answer| answer.status == 429).count();
    }
    assert!(refused >= 100, "{refused}");
    // Who signs is let in meanwhile.
    assert_eq!(call(&api, "called", SECRET, "msg_1", r#"{"kind": "lost", "who": "ana"}"#).await.status, 202);
    runs(&server.api(), 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(events(&server.api(), "webhook.refused").await.len() <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_a_secret_that_can_be_guessed_is_refused_before_anything_starts() {
    let folder = folder(&[called()]);
    for (secret, why) in [("hunter2", "24 bytes"), ("whsec_AAAA", "24 bytes"), ("whsec_%%%%", "24 bytes")] {
        let mut server = Server::new().await;
        server.stop();
        server.setup().arguments = vec![format!("--workflows-folder={}", folder.path().display())];
        server.setup().environment =
            vec![("HOOK".to_owned(), secret.to_owned()), ("HOOK_NEXT".to_owned(), NEXT.to_owned())];
        let (status, log) = server.begin_in_vain();
        assert_eq!(status.code(), Some(78), "{log}");
        assert!(log.contains(why) && log.contains("env:HOOK") && !log.contains(secret), "{log}");
    }
}
