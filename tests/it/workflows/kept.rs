//! What is kept of a run can be read again; and where it cannot, or cannot be kept at all, the run ends in order (W-04).

use serde_json::{Value, json};

use super::somebody::{Somebody, says};
use super::{about_a_user, events, folder, run_in, settles, setup, start, state_of, until, workflow};
use crate::harness::{Api, Database, Server};

async fn shown(api: &Api, id: &str) -> Value {
    api.get(&format!("/v1/runs/{id}")).await.expect(200)
}

/// Asks somebody, and asks people what to make of the answer.
fn asks(somebody: &Somebody) -> (String, String) {
    let rest = format!(
        r#"
triggers:
  - manual: {{roles: [helpdesk]}}
steps:
  - id: ask
    action: http.call
    with: {{url: "{}", body: {{}}}}
  - id: read
    approval: {{roles: [helpdesk], exclude: [requester], timeout: 1h, message: "It says {{{{ steps.ask.body.word }}}}."}}
on_error:
  - id: alarm
    action: event.emit
    with: {{name: alarm, data: {{why: "${{error.message}}"}}}}
"#,
        somebody.url("/")
    );
    workflow("asks", &rest)
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_an_answer_that_could_not_be_kept_ends_no_run_without_a_word() {
    let somebody = Somebody::start(|_| says(200, &[], r#"{"word": "a\u0000b"}"#));
    let folder = folder(&[asks(&somebody)]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let run = start(&api, "asks", json!({})).await;
    settles(&api, &run, "waiting").await;
    let tasks = api.all("/v1/tasks").await;
    assert_eq!(tasks[0]["message"], "It says a\u{fffd}b.", "{tasks:?}");

    // Deeper than could be read again: the step fails, and is seen to.
    somebody.now(|_| says(200, &[], &format!("{}1{}", r#"{"a":"#.repeat(125), "}".repeat(125))));
    let run = start(&api, "asks", json!({})).await;
    settles(&api, &run, "failed").await;
    let why = "`body` came back with more than 32 lists and maps in one another";
    assert_eq!(shown(&api, &run).await["error"], why);
    assert!(events(&api, "event.emitted").await[0].to_string().contains(why));
}

/// Whatever the database never takes of a step: the step has failed, and the file says what becomes of that.
#[tokio::test(flavor = "multi_thread")]
async fn w04_a_step_that_cannot_be_kept_fails_and_what_was_done_is_undone() {
    let locks = about_a_user(
        "locks",
        r#"
  - id: first
    action: user.add_to_group
    with: {user: "${subject}", group: locked}
    compensate: {action: user.remove_from_group, with: {user: "${subject}", group: locked}}
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
on_error:
  - id: alarm
    action: event.emit
    with: {name: alarm, data: {step: "${error.step}"}}
"#,
    );
    let folder = folder(&[locks]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    server.postgres().run("ALTER TABLE users ADD CONSTRAINT nobody_locked CHECK (state <> 'suspended')");
    let api = server.api();
    let user = api.user("ann").await;
    let run = start(&api, "locks", json!({ "user": user })).await;
    settles(&api, &run, "failed").await;
    assert_eq!(shown(&api, &run).await["error"], "what came of a step cannot be kept in the database");
    let alarm = events(&api, "event.emitted").await;
    assert_eq!(alarm[0]["details"]["data"], r#"{"step":"lock"}"#, "{alarm:?}");
    let user = api.get(&format!("/v1/users/{user}")).await.expect(200);
    assert_eq!((&user["state"], &user["groups"]), (&json!("active"), &json!([])), "{user}");
}

/// A row that nobody can read any more holds up no other run, and is seen.
#[tokio::test(flavor = "multi_thread")]
async fn w04_a_run_that_nobody_can_read_has_failed_and_gives_its_turn_away() {
    let waits = workflow(
        "waits",
        "triggers:\n  - manual: {roles: [helpdesk]}\nconcurrency: {policy: queue, key: \"${run_key}\"}\nsteps:\n  - id: rest\n    wait: {for: 1h}\n"
            .replace("${run_key}", "${inputs.key}")
            .replace("steps:", "inputs: {key: {type: text, default: a}}\nsteps:")
            .as_str(),
    );
    let folder = folder(&[waits]);
    let mut server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let deep = start(&api, "waits", json!({})).await;
    settles(&api, &deep, "waiting").await;
    let newer = start(&api, "waits", json!({ "key": "b" })).await;
    settles(&api, &newer, "waiting").await;
    let next = start(&api, "waits", json!({})).await;
    settles(&api, &next, "queued").await;
    server.stop();
    let database = rusqlite::Connection::open(server.sqlite()).unwrap();
    let nested = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let change = |run: &str, cause: &str| {
        let id = run.trim_start_matches("run_").to_uppercase();
        let change = "UPDATE runs SET cause = ?2 WHERE hex(id) = ?1";
        assert_eq!(database.execute(change, [id.as_str(), cause]).unwrap(), 1);
        assert_eq!(database.execute("UPDATE run_claims SET due_at = 0 WHERE hex(run_id) = ?1", [&id]).unwrap(), 1);
    };
    let cause = format!(r#"{{"cause":{{"webhook":{nested}}},"requester":"ana","depth":0}}"#);
    change(&deep, &cause);
    // And one that a newer version wrote: that one may read it.
    change(&newer, r#"{"cause":{"comet":1},"requester":"ana","depth":0}"#);
    drop(database);
    server.begin().await;
    let api = server.api();
    settles(&api, &deep, "failed").await;
    let seen = shown(&api, &deep).await;
    assert!(seen["error"].as_str().unwrap().starts_with("what started it cannot be read: recursion limit"), "{seen}");
    assert_eq!((&seen["cause"], &seen["requester"]), (&json!("webhook"), &json!("ana")));
    settles(&api, &next, "waiting").await;

    assert_eq!(state_of(&api, &newer).await, "waiting");
    assert_eq!(shown(&api, &newer).await["cause"], "unknown");
    api.post(&format!("/v1/runs/{newer}/cancel"), json!({})).await.expect(200);
    until("it is cancelled", async || (state_of(&api, &newer).await == "cancelled").then_some(())).await;
    run_in(&api, "waits", "waiting").await;
}
