//! Gateways that a workflow switches away from (W-06): for a time, on every server, whatever restarts, and by themselves no longer.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use super::{events, folder, post, settles, start_as, workflow};
use crate::harness::{Api, Database};
use crate::messages::{Post, prompt};

fn switches() -> (String, String) {
    workflow(
        "switches",
        r#"
triggers:
  - manual: {roles: [operator]}
inputs: {channel: {type: text, required: true}, from: {type: text, default: main}}
steps:
  - id: switch
    action: gateway.switch
    with: {channel: "${inputs.channel}", away_from: "${inputs.from}", for: 1h}
    compensate: {action: gateway.switch_back, with: {channel: "${inputs.channel}", away_from: "${inputs.from}"}}
  - id: rest
    wait: {for: 2h}
"#,
    )
}

async fn begun(api: &Api, channel: &str, from: &str, state: &str) -> Value {
    let run = start_as(api, "rita", "switches", json!({ "channel": channel, "from": from })).await;
    settles(api, &run, state).await;
    let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
    // Servers read which they are once a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    shown
}

/// By which gateway a text message goes now.
async fn goes_by(post: &Post, user: &str) -> &'static str {
    let api = post.api();
    let before = (post.main.taken().len(), post.spare.taken().len());
    api.advance(61).await;
    let session = api.session(user).await;
    let challenge = api.challenge_in(&session).await;
    prompt(&api, &challenge, "sms").await.expect(201);
    let after = (post.main.taken().len(), post.spare.taken().len());
    match (after.0 - before.0, after.1 - before.1) {
        (1, 0) => "main",
        (0, 1) => "spare",
        other => panic!("{other:?}"),
    }
}

async fn listed(api: &Api) -> Vec<Value> {
    let listed = api.get("/v1/gateway-switches").await.expect(200);
    listed["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_messages_go_by_another_gateway_for_a_time_whatever_restarts_on_sqlite() {
    for_a_time(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_messages_go_by_another_gateway_for_a_time_whatever_restarts_on_postgresql() {
    for_a_time(Database::Postgres).await;
}

async fn for_a_time(database: Database) {
    let folder = folder(&[switches()]);
    let budget = |name| (name, "100/1h");
    let more = [budget("COUNTERSIGN_SMS_USER_BUDGET"), budget("COUNTERSIGN_SMS_NUMBER_BUDGET")];
    let mut post = post(database, &folder, &more).await;
    let api = post.api();
    let (user, _) = post.ana().await;
    assert_eq!(goes_by(&post, &user).await, "main");

    begun(&api, "sms", "main", "waiting").await;
    let now = listed(&api).await;
    assert_eq!((now.len(), &now[0]["gateway"], &now[0]["channel"]), (1, &json!("main"), &json!("sms")));
    assert_eq!(goes_by(&post, &user).await, "spare");
    let doctor = String::from_utf8_lossy(&post.server().cli(&["doctor"]).stdout).into_owned();
    let doctor: Vec<&str> = doctor.split_whitespace().collect();
    assert!(doctor.join(" ").contains("switched away from until"), "{doctor:?}");
    // Whatever restarts.
    post.server().kill();
    post.server().begin().await;
    let api = post.api();
    assert_eq!(goes_by(&post, &user).await, "spare");
    // Where no other one takes it, this one does.
    post.spare.answers(503);
    assert_eq!(goes_by(&post, &user).await, "main");
    post.spare.answers(201);
    // By itself no longer.
    api.advance(3600).await;
    assert_eq!(listed(&api).await.len(), 0);
    assert_eq!(goes_by(&post, &user).await, "main");
    let told = events(&api, "gateway.switched").await;
    assert_eq!((told.len(), &told[0]["data"]["reason"]), (1, &json!("workflow")), "{told:?}");
    assert!(told[0]["data"]["run"].is_string() && told[0]["data"]["until"].is_string());

    // Somebody has it used as before, or the run does that is cancelled.
    begun(&api, "sms", "main", "waiting").await;
    assert_eq!(goes_by(&post, &user).await, "spare");
    let end = "/v1/gateway-switches/end";
    api.post(end, json!({ "gateway": "spare" })).await.expect_problem(404, "not-found");
    api.post(end, json!({ "gateway": "main" })).await.expect(204);
    assert_eq!(goes_by(&post, &user).await, "main");
    api.post(end, json!({ "gateway": "main" })).await.expect_problem(404, "not-found");
    let run = begun(&api, "sms", "main", "waiting").await["id"].as_str().unwrap().to_owned();
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(&api, &run, "cancelled").await;
    assert_eq!(listed(&api).await.len(), 0);
    assert_eq!(events(&api, "gateway.switched_back").await.len(), 2);

    at_a_terminal(&mut post).await;

    // There has to be another one.
    for (channel, from, why) in [
        ("email", "mail", "no other gateway for email"),
        ("sms", "mail", "no gateway `mail` for sms"),
        ("push", "main", "one way to each recipient"),
    ] {
        let failed = begun(&api, channel, from, "failed").await;
        assert!(failed["error"].as_str().unwrap().contains(why), "{failed}");
    }
}

/// What is switched away from is listed and ended by a command as well.
async fn at_a_terminal(post: &mut Post) {
    let api = post.api();
    let said = |output: &Output| {
        let of = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (output.status.code(), of(&output.stdout), of(&output.stderr))
    };
    let mut gateways = |words: &[&str]| said(&post.server().cli(&[&["gateways"], words].concat()));
    assert_eq!(gateways(&["switches"]), (Some(0), String::new(), "No gateway is switched away from.".to_owned()));

    begun(&api, "sms", "main", "waiting").await;
    let (code, table, _) = gateways(&["switches"]);
    let words: Vec<&str> = table.split_whitespace().take(6).collect();
    assert_eq!((code, words.as_slice()), (Some(0), &["GATEWAY", "CHANNEL", "SINCE", "UNTIL", "main", "sms"][..]));
    let (_, listed, _) = gateways(&["switches", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed, api.get("/v1/gateway-switches").await.expect(200));

    let ended = events(&api, "gateway.switched_back").await.len();
    assert_eq!(gateways(&["switch-back", "main"]), (Some(0), "✓ main is used as before".to_owned(), String::new()));
    assert_eq!(self::listed(&api).await.len(), 0);
    // Once more changes nothing, and says so.
    let (code, out, error) = gateways(&["switch-back", "main"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.contains("`main` is not switched away from"), "{error}");
    assert_eq!(events(&api, "gateway.switched_back").await.len(), ended + 1);

    begun(&api, "sms", "main", "waiting").await;
    let (code, out, _) = gateways(&["switch-back", "main", "--json"]);
    assert_eq!((code, out.as_str()), (Some(0), r#"{"switched_back":"main"}"#));
    // Who may read may not end it.
    let made = api.post("/v1/applications", json!({ "name": "reader", "scopes": ["workflows:read"] })).await;
    let made = made.expect(201);
    let key = made["api_key"]["key"].as_str().unwrap();
    assert_eq!(gateways(&["switches", "--key", key]).0, Some(0));
    assert_eq!(gateways(&["switch-back", "main", "--key", key]).0, Some(77));
}
