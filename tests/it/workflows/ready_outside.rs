//! Stories of ready-made workflows that tell somebody outside (W-06), each against the real program and the file as it is shipped.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::somebody::{Somebody, says};
use super::{events, run_in, until};
use crate::harness::{Api, Database, Server, Setup};
use crate::messages::Post;

/// A shipped workflow in a folder of its own; pages go to a stand-in.
fn shipped(name: &str, pager: &Somebody) -> TempDir {
    let path = format!("{}/../workflows/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        lines.push(line.to_owned());
        if let Some(indent) = line.strip_suffix("routing_key: {secret: env:PAGER_KEY}") {
            lines.push(format!("{indent}url: {}", pager.url("/v2/enqueue")));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(format!("{name}.yaml")), lines.join("\n")).unwrap();
    folder
}

fn paged(pager: &Somebody) -> Vec<Value> {
    pager.asked().iter().filter(|asked| asked.line.contains("enqueue")).map(super::somebody::Asked::json).collect()
}

async fn post(name: &str, pager: &Somebody, more: &[(&str, &str)]) -> (Post, TempDir) {
    let folder = shipped(name, pager);
    let chat = pager.url("/chat");
    let more = [&[("PAGER_KEY", "hush"), ("SLACK_WEBHOOK", chat.as_str())], more].concat();
    (super::post(Database::Sqlite, &folder, &more).await, folder)
}

async fn asks_for_a_code(api: &Api, user: &str) {
    let challenge = api.challenge(user).await;
    api.post(&format!("/v1/challenges/{challenge}/prompts"), json!({ "kind": "sms" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_a_gateway_that_is_down_has_somebody_paged_and_its_return_is_told() {
    let pager = Somebody::start(|_| says(202, &[], r#"{"status": "success"}"#));
    let (post, _folder) = post("gateway_outage", &pager, &[]).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    post.main.answers(503);
    // Messages go by the other one meanwhile; three failures, and the first one is left alone.
    for _ in 0..3 {
        asks_for_a_code(&api, &user).await;
    }
    until("somebody is paged", async || (!paged(&pager).is_empty()).then_some(())).await;
    let page = &paged(&pager)[0];
    assert!(page["payload"]["summary"].as_str().unwrap().contains("main"), "{page}");
    run_in(&api, "gateway_outage", "waiting").await;
    let switched = api.get("/v1/gateway-switches").await.expect(200);
    assert_eq!(switched["items"][0]["gateway"], "main", "{switched}");
    api.advance(3700).await;
    let switched = api.get("/v1/gateway-switches").await.expect(200);
    assert_eq!(switched["items"], json!([]), "it is tried again");
    run_in(&api, "gateway_outage", "completed").await;
    let all = paged(&pager);
    assert_eq!((all.len(), &all[1]["payload"]["severity"]), (2, &json!("critical")));
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_t24_a_budget_that_is_used_up_suspends_a_number_and_has_somebody_paged() {
    let pager = Somebody::start(|_| says(202, &[], r#"{"status": "success"}"#));
    let (post, _folder) = post("toll_fraud", &pager, &[("COUNTERSIGN_SMS_USER_BUDGET", "3/1h")]).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    for _ in 0..4 {
        asks_for_a_code(&api, &user).await;
    }
    run_in(&api, "toll_fraud", "completed").await;
    let page = paged(&pager).remove(0);
    assert!(page["payload"]["summary"].as_str().unwrap().contains("\"user\""), "{page}");
    let of = api.all(&format!("/v1/users/{user}/authenticators")).await;
    let sms = of.iter().find(|one| one["kind"] == "sms").unwrap();
    assert_eq!(sms["state"], "suspended");
    assert_eq!(paged(&pager).len(), 1, "it is told once an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_who_guesses_codes_finds_them_suspended_for_an_hour() {
    let chat = Somebody::start(|_| says(200, &[], "ok"));
    let folder = shipped("brute_force", &chat);
    let arguments =
        vec![format!("--workflows-folder={}", folder.path().display()), "--outside-allowed=127.0.0.1".to_owned()];
    let environment = vec![("SLACK_WEBHOOK".to_owned(), chat.url("/chat"))];
    let server = Server::start(Setup { arguments, environment, ..Setup::default() }).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    for _ in 0..10 {
        let now = api.advance(4000).await;
        api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    run_in(&api, "brute_force", "waiting").await;
    let path = format!("/v1/authenticators/{}", ana.authenticator_id);
    assert_eq!(api.get(&path).await.expect(200)["state"], "suspended");
    assert!(chat.asked()[0].body.contains("Ten wrong codes"), "{:?}", chat.asked());
    api.advance(3700).await;
    run_in(&api, "brute_force", "completed").await;
    assert_eq!(api.get(&path).await.expect(200)["state"], "active");

    // What a person suspends meanwhile stays so, though it was suspended already.
    let now = api.advance(4000).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
    for _ in 0..10 {
        let now = api.advance(4000).await;
        api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    run_in(&api, "brute_force", "waiting").await;
    for _ in 0..2 {
        api.post(&format!("{path}/suspend"), json!({})).await.expect(200);
    }
    let told = events(&api, "authenticator.suspended").await;
    let reasons: Vec<&Value> = told.iter().map(|event| &event["data"]["reason"]).collect();
    assert_eq!(reasons, ["workflow", "workflow", "requested"], "that a person took it over is told once");
    api.advance(3700).await;
    until("both runs", async || {
        (api.all("/v1/runs?workflow=brute_force&state=completed").await.len() == 2).then_some(())
    })
    .await;
    assert_eq!(api.get(&path).await.expect(200)["state"], "suspended");
}
