//! What a workflow would do, what it says, and why it did not start (W-10): before it counts, and after.

use serde_json::{Value, json};

use super::{events, folder, lost_device, run_in, settles, setup, until, workflow};
use crate::harness::{Api, Database, Server};

fn names(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_a_workflow_is_simulated_over_what_happened_and_does_nothing_on_sqlite() {
    simulated(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_a_workflow_is_simulated_over_what_happened_and_does_nothing_on_postgresql() {
    simulated(Database::Postgres).await;
}

async fn simulated(database: Database) {
    let nothing = folder(&[]);
    let server = Server::start(setup(database, &nothing)).await;
    let api = server.api();
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    api.session(&ann.user_id).await;
    for one in [&ann, &bob] {
        api.post(&format!("/v1/authenticators/{}/report-lost", one.authenticator_id), json!({})).await.expect(200);
    }
    // Bob comes back after an hour.
    api.advance(3600).await;
    let session = api.session(&bob.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let proof = json!({ "code": bob.backup_codes[0] });
    api.post(&format!("/v1/challenges/{challenge}/verify"), proof).await.expect(200);
    let started = api.start_in(&bob.user_id, &session, json!({ "view": "inline" })).await;
    let (secret, enrollment) = (&started.answer["view"]["secret"], started.answer["enrollment"].clone());
    let phone = crate::harness::Phone::with_key(secret.as_str().unwrap(), &enrollment);
    api.finish(started, phone).await;
    let before = api.all("/v1/events").await.len();

    let (_, document) = lost_device();
    let body = json!({ "document": document, "days": 1 });
    let told = api.post("/v1/workflows/simulate", body).await.expect(200);
    assert_eq!((&told["fired"], &told["skipped"], &told["is_cut"]), (&json!(2), &json!(0), &json!(false)), "{told}");
    assert_eq!(told["outcomes"], json!({ "completed": 2 }), "{told}");
    let mut users = names(&told["users"], "external_id");
    users.sort();
    assert_eq!(users, ["ann", "bob"]);
    let times = |step: &str| {
        let acted = told["actions"].as_array().unwrap().iter().find(|acted| acted["step"] == step);
        acted.map(|acted| acted["times"].as_u64().unwrap())
    };
    // Whoever came back in time would not have been locked: that was in the log, and the clock jumped for the other one.
    assert_eq!((times("end_sessions"), times("lock"), times("told")), (Some(2), Some(1), Some(2)), "{told}");
    let waits: Vec<_> = told["waits"].as_array().unwrap().iter().map(|one| (&one["outcome"], &one["times"])).collect();
    assert_eq!(waits, [(&json!("event"), &json!(1)), (&json!("timeout"), &json!(1))], "{told}");
    // Ann has two sessions now, and Bob two. Ann, who would be locked, has nothing to prove by as it is.
    assert_eq!((&told["touched"]["sessions"], &told["touched"]["shut_out"]), (&json!(4), &json!(0)), "{told}");
    let took: Vec<_> =
        told["runs"].as_array().unwrap().iter().map(|run| run["took_seconds"].as_u64().unwrap()).collect();
    assert!(took.contains(&7200) && took.iter().any(|took| (3600..3700).contains(took)), "{took:?}");

    // Nothing of it happened.
    let after = api.all("/v1/events").await;
    let between: Vec<_> = after.iter().skip(before).map(|event| &event["kind"]).collect();
    assert!(between.iter().all(|kind| **kind == "session.registered"), "{between:?}");
    assert_eq!(api.get(&format!("/v1/users/{}", ann.user_id)).await.expect(200)["state"], "active");
    assert!(api.all("/v1/runs").await.is_empty());

    told_apart(&api, &document, &ann.user_id).await;
}

/// One event, what cannot be told, and what no log tells, of a workflow about this user.
async fn told_apart(api: &Api, document: &str, ann: &str) {
    // What could not be told is told of, with the event; and so is one sample event.
    let untold = workflow(
        "untold",
        "triggers:\n  - {event: authenticator.lost, when: event.data.run == \"x\"}\nsteps:\n  - {id: a, action: event.emit, with: {name: a.b}}\n",
    );
    let told = api.post("/v1/workflows/simulate", json!({ "document": untold.1 })).await.expect(200);
    assert_eq!((&told["fired"], &told["not_told"]), (&json!(0), &json!(2)), "{told}");
    assert!(told["untold"][0]["message"].as_str().unwrap().contains("event.data.run"), "{told}");
    let event = json!({ "kind": "authenticator.lost", "about": { "user": ann }, "data": { "reason": "requested" } });
    let body = json!({ "document": document, "event": event });
    let told = api.post("/v1/workflows/simulate", body).await.expect(200);
    assert_eq!(
        (&told["fired"], &told["runs"][0]["steps"]),
        (&json!(1), &json!(["end_sessions", "lock", "told"])),
        "{told}"
    );
    // Steps stand in the order of the document, and what was looked at ends now.
    assert_eq!(names(&told["actions"], "step"), ["end_sessions", "lock", "told"]);
    assert!(told["until"].as_str().unwrap() > "2026", "{told}");
    let results = json!({ "document": document, "event": event, "results": { "lok": {} } });
    let problem = api.post("/v1/workflows/simulate", results).await.expect_problem(422, "invalid-request");
    assert!(problem.to_string().contains("there are end_sessions, "), "{problem}");
    // Of what no log tells it is said so.
    let by_hand = workflow(
        "by_hand",
        "triggers:\n  - manual: {roles: [desk]}\nsteps:\n  - {id: a, action: event.emit, with: {name: a.b}}\n",
    );
    let told = api.post("/v1/workflows/simulate", json!({ "document": by_hand.1 })).await.expect(200);
    assert!(told["assumed"].to_string().contains("are not looked for"), "{told}");
    assert!(told["until"].as_str().unwrap() > "2026", "{told}");
    let wrong = json!({ "document": document, "event": { "kind": "authenticator.lots" } });
    api.post("/v1/workflows/simulate", wrong).await.expect_problem(422, "invalid-request");
    let broken = json!({ "document": document.replace("user.lock", "user.lok") });
    let problem = api.post("/v1/workflows/simulate", broken).await.expect_problem(422, "workflow-mistaken");
    assert_eq!(problem["mistakes"][0]["suggestion"], "user.lock", "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_what_is_written_is_checked_with_line_and_nearest_word() {
    let folder = folder(&[lost_device()]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (_, document) = lost_device();
    let files = json!({ "good.yaml": document.replace("lost_device", "other"), "bad.yaml": document.replace("session.revoke", "session.revoek") });
    let told = api.post("/v1/workflows/validate", json!({ "files": files })).await.expect(200);
    assert_eq!((&told["valid"], &told["workflows"][0]["name"]), (&json!(false), &json!("other")), "{told}");
    let mistake = &told["mistakes"][0];
    let line = document.lines().position(|line| line.contains("session.revoke")).unwrap() + 1;
    assert_eq!(
        (&mistake["place"]["file"], &mistake["place"]["line"], &mistake["suggestion"]),
        (&json!("bad.yaml"), &json!(line), &json!("session.revoke")),
        "{told}"
    );
    // What goes wrong only together with those in force.
    let calls = workflow("calls", "triggers: [{workflow: true}]\nsteps:\n  - {id: a, call: lost_device}\n").1;
    let files = json!({ "calls.yaml": calls });
    let told =
        api.post("/v1/workflows/validate", json!({ "files": files, "beside_those_in_force": true })).await.expect(200);
    assert!(told["mistakes"][0]["message"].as_str().is_some_and(|text| text.contains("lost_device")), "{told}");

    let words = api.get("/v1/workflows/vocabulary").await.expect(200);
    let lock = words["actions"].as_array().unwrap().iter().find(|action| action["name"] == "user.lock").unwrap();
    assert_eq!(lock["takes"][0], json!({ "name": "user", "kind": "user", "required": true }), "{lock}");
    assert!(names(&words["events"], "name").contains(&"authenticator.lost".to_owned()));
    assert!(words["carried"]["actions"].as_array().unwrap().contains(&json!("user.lock")));
    assert_eq!(words["schema"]["type"], "object");

    let shown = api.get("/v1/workflows/lost_device").await.expect(200);
    assert_eq!(shown["document"].as_str(), Some(document.as_str()));
    assert_eq!(shown["content"]["steps"][0]["id"], "end_sessions", "{shown}");
    assert_eq!(shown["awaits"], json!(["authenticator.activated"]));
    let versions = api.get("/v1/workflows/lost_device/versions").await.expect(200);
    assert_eq!(versions["items"][0]["digest"], shown["digest"], "{versions}");
    assert_eq!(versions["items"][0]["document"].as_str(), Some(document.as_str()));
    api.get("/v1/workflows/nothing").await.expect_problem(404, "not-found");
    api.get("/v1/workflows/nothing/versions").await.expect_problem(404, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_why_a_workflow_did_not_start_is_told_clause_by_clause() {
    let sometimes = workflow(
        "sometimes",
        r#"
triggers:
  - event: user.suspended
    when: event.data.reason != "workflow" && event.user == event.data.run
  - event: authenticator.lost
    when: event.data.reason == "requested"
subject: ${event.user}
concurrency: {policy: drop}
steps:
  - id: back
    wait: {event: authenticator.activated, timeout: 1h, on_timeout: continue}
"#,
    );
    let folder = folder(&[sometimes]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    // The one from the app, and the backup codes that came with it.
    let all = api.all(&format!("/v1/users/{}/authenticators", ann.user_id)).await;
    assert_eq!(all.len(), 2, "{all:?}");
    for authenticator in all.iter().map(|one| one["id"].as_str().unwrap()) {
        api.post(&format!("/v1/authenticators/{authenticator}/report-lost"), json!({})).await.expect(200);
    }
    let run = run_in(&api, "sometimes", "waiting").await;
    until("the second one is skipped", async || (events(&api, "run.skipped").await.len() == 1).then_some(())).await;
    api.post(&format!("/v1/users/{}/suspend", ann.user_id), json!({})).await.expect(200);
    until("it was read", async || {
        let failed = events(&api, "run.failed").await;
        (!failed.is_empty()).then_some(())
    })
    .await;

    let told = api.get("/v1/workflows/sometimes/why-not?user=ann").await.expect(200);
    let outcomes = names(&told["events"], "outcome");
    assert_eq!(outcomes, ["condition_unknown", "skipped", "started"], "{told}");
    let clauses = &told["events"][0]["triggers"][0];
    assert_eq!((&clauses[0]["holds"], &clauses[1]["holds"]), (&json!("true"), &json!("unknown")), "{told}");
    assert_eq!(clauses[0]["values"]["event.data.reason"], "requested", "{told}");
    assert_eq!(told["events"][2]["run"], run["id"], "{told}");
    // Somebody else's events are not hers, and who is unknown is told so.
    let told = api.get(&format!("/v1/workflows/sometimes/why-not?user={}", bob.user_id)).await.expect(200);
    assert_eq!(told["events"], json!([]));
    api.get("/v1/workflows/sometimes/why-not?user=carl").await.expect_problem(404, "not-found");
    api.get("/v1/workflows/nothing/why-not?user=ann").await.expect_problem(404, "not-found");
    settles(&api, run["id"].as_str().unwrap(), "waiting").await;
}

/// W-10: what a workflow finds can be told in what it says: whoever simulates one may see that.
#[tokio::test(flavor = "multi_thread")]
async fn w10_whoever_simulates_a_workflow_may_see_what_it_finds() {
    let (_, document) = workflow(
        "peeks",
        r#"
triggers:
  - manual: {roles: [helpdesk]}
inputs: {user: {type: user, required: true}}
steps:
  - id: each
    for_each:
      query: sessions_of
      with: {user: "${inputs.user}"}
      as: item
      steps:
        - id: told
          fail: "{{ item.id }} {{ item.aal }}"
"#,
    );
    let nothing = folder(&[]);
    let server = Server::start(setup(Database::Sqlite, &nothing)).await;
    let api = server.api();
    let ann = api.user("ann").await;
    let session = api.session(&ann).await;
    let simulated = async |name: &str, scopes: &[&str], document: &str| {
        let made = api.post("/v1/applications", json!({ "name": name, "scopes": scopes })).await.expect(201);
        let peeks = api.with_key(made["api_key"]["key"].as_str().unwrap());
        peeks.post("/v1/workflows/simulate", json!({ "document": document, "inputs": { "user": ann } })).await
    };
    let less = ["workflows:read", "events:read", "users:read", "authenticators:read"];
    let problem = simulated("less", &less, &document).await.expect_problem(403, "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("`sessions`"), "{problem}");
    let more: Vec<&str> = less.into_iter().chain(["sessions"]).collect();
    let told = simulated("more", &more, &document).await.expect(200);
    assert!(told.to_string().contains(&session), "{told}");
    let (_, blind) = workflow(
        "blind",
        "triggers: [{manual: {roles: [helpdesk]}}]\ninputs: {user: {type: user}}\nsteps: [{id: told, fail: no}]\n",
    );
    simulated("blind", &less, &blind).await.expect(200);
}
