//! What workflows have decisions go by: groups and attributes, what is asked of users, signals, and addresses that are refused.

use serde_json::{Value, json};

use super::{events, folder, settles, setup, start_as, until, workflow};
use crate::harness::{Api, Database, Server};

const RULES: &str = r#"
policy:
  otherwise: allow
  rules:
    - id: interns
      applies_to: {actions: [report.read]}
      when: groups.exists(g, g == "interns")
      effect: deny
    - id: elsewhere
      applies_to: {actions: [report.read]}
      when: has(user.attributes.office) && user.attributes.office == "far"
      effect: require
      level: aal2
"#;

fn all() -> (String, String) {
    workflow(
        "all",
        r#"
triggers:
  - manual: {roles: [security]}
subject: ${inputs.user}
inputs: {user: {type: user, required: true}, address: {type: text, required: true}}
steps:
  - id: into
    action: user.add_to_group
    with: {user: "${subject}", group: interns}
    compensate: {action: user.remove_from_group, with: {user: "${subject}", group: interns}}
  - id: set
    action: user.set_attribute
    with: {user: "${subject}", name: office, value: far}
  - id: again
    action: user.set_attribute
    with: {user: "${subject}", name: office, value: far}
  - id: block
    action: risk.block_address
    with: {address: "${inputs.address}", for: 1h}
  - id: out
    action: user.remove_from_group
    with: {user: "${subject}", group: interns}
"#,
    )
}

async fn start(api: &Api, user: &str, address: &str) -> String {
    start_as(api, "ann", "all", json!({ "user": user, "address": address })).await
}

async fn decide(api: &Api, session: &str, more: Value) -> Value {
    let mut question = json!({ "action": "report.read" });
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post(&format!("/v1/sessions/{session}/decide"), question).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_w07_what_workflows_say_of_users_and_addresses_decides_on_sqlite() {
    what_is_said_decides(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_w07_what_workflows_say_of_users_and_addresses_decides_on_postgresql() {
    what_is_said_decides(Database::Postgres).await;
}

async fn what_is_said_decides(database: Database) {
    let folder = folder(&[all()]);
    let policy = tempfile::tempdir().unwrap();
    std::fs::write(policy.path().join("rules.yaml"), RULES).unwrap();
    let mut setup = setup(database, &folder);
    setup.arguments.push(format!("--policy-folder={}", policy.path().display()));
    let server = Server::start(setup).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    assert_eq!(decide(&api, &session, json!({})).await["outcome"], "allow");

    // What the application says of groups and attributes holds with the next decision.
    let standing = format!("/v1/users/{}/standing", ana.user_id);
    let user = api.patch(&standing, json!({ "groups": ["interns"], "attributes": { "floor": "3" } })).await.expect(200);
    assert_eq!((&user["groups"], &user["attributes"]), (&json!(["interns"]), &json!({ "floor": "3" })), "{user}");
    let denied = decide(&api, &session, json!({})).await;
    assert_eq!((&denied["outcome"], &denied["decided_by"]), (&json!("deny"), &json!("interns")), "{denied}");
    api.patch(&standing, json!({ "groups": [], "attributes": { "floor": null } })).await.expect(200);
    assert_eq!(decide(&api, &session, json!({})).await["outcome"], "allow");
    for wrong in [
        json!({ "groups": [""] }),
        json!({ "attributes": { "Floor": "3" } }),
        json!({ "attributes": { "floor": "" } }),
        json!({ "groups": (0..65).map(|n| n.to_string()).collect::<Vec<_>>() }),
        json!({ "signals": {} }),
    ] {
        api.patch(&standing, wrong).await.expect_problem(422, "invalid-request");
    }

    // And what a workflow says.
    let id = start(&api, &ana.user_id, "8.8.4.0/24").await;
    settles(&api, &id, "completed").await;
    let user = api.get(&format!("/v1/users/{}", ana.user_id)).await.expect(200);
    assert_eq!((&user["groups"], &user["attributes"]), (&json!([]), &json!({ "office": "far" })), "{user}");
    let changed = events(&api, "user.updated").await;
    let by_workflow: Vec<&Value> = changed
        .iter()
        .filter(|event| event["data"]["reason"] == "workflow")
        .map(|event| &event["data"]["changed"])
        .collect();
    // What was so already is not told again. Groups and attributes are personal, and stand in no event.
    assert_eq!(by_workflow, ["groups", "attributes", "groups"], "{changed:?}");
    assert!(!Value::from(changed).to_string().contains("interns"));
    let asked = decide(&api, &session, json!({})).await;
    assert_eq!((&asked["outcome"], &asked["decided_by"]), (&json!("step_up"), &json!("elsewhere")), "{asked}");

    // From an address that is refused nothing is allowed, and no session begins.
    until("it is blocked", async || {
        let there = decide(&api, &session, json!({ "address": "8.8.4.7" })).await;
        (there["decided_by"] == "blocked_address" && there["outcome"] == "deny").then_some(())
    })
    .await;
    let mapped = decide(&api, &session, json!({ "address": "::ffff:8.8.4.7" })).await;
    assert_eq!(mapped["decided_by"], "blocked_address", "{mapped}");
    let beside = decide(&api, &session, json!({ "address": "8.8.5.7" })).await;
    assert_eq!(beside["decided_by"], "elsewhere", "{beside}");
    let log_in = |address: &str| json!({ "user_id": ana.user_id, "amr": ["pwd"], "address": address });
    api.post("/v1/sessions", log_in("8.8.4.8")).await.expect_problem(409, "conflict");
    api.post("/v1/sessions", log_in("8.8.5.8")).await.expect(201);
    let listed = api.get("/v1/blocked-addresses").await.expect(200);
    assert_eq!(listed["items"][0]["address"], "8.8.4.0/24", "{listed}");
    let blocked = events(&api, "address.blocked").await;
    assert!(blocked.len() == 1 && blocked[0]["details"]["address"] == "8.8.4.0/24", "{blocked:?}");
    api.post("/v1/blocked-addresses/unblock", json!({ "address": "8.8.4.0/24" })).await.expect(204);
    api.post("/v1/blocked-addresses/unblock", json!({ "address": "8.8.4.0/24" }))
        .await
        .expect_problem(404, "not-found");
    api.post("/v1/sessions", log_in("8.8.4.8")).await.expect(201);

    // Nor is what is inside ever refused: the run fails, and what it did is undone.
    let id = start(&api, &ana.user_id, "127.0.0.0/16").await;
    settles(&api, &id, "failed").await;
    let run = api.get(&format!("/v1/runs/{id}")).await.expect(200);
    assert!(run["error"].as_str().unwrap().contains("is inside"), "{run}");
    assert_eq!(api.get(&format!("/v1/users/{}", ana.user_id)).await.expect(200)["groups"], json!([]));
}
