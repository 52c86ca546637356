//! What an attacker, or bad luck, does to the engine: floods, hanging calls, erasures, missing secrets, other versions.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::hooks::Hooks;
use super::{calling, events, folder, run_in, settles, setup, state_of, until, workflow};
use crate::harness::{Api, Database, Server, Setup};

pub(super) async fn by_hand(api: &Api, name: &str, inputs: Value) -> String {
    let body = json!({ "requester": "ana", "roles": ["helpdesk"], "inputs": inputs });
    let run = api.post(&format!("/v1/workflows/{name}/runs"), body).await.expect(201);
    run["id"].as_str().unwrap().to_owned()
}

/// A workflow that a person starts, about a user.
pub(super) fn about_a_user(name: &str, steps: &str) -> (String, String) {
    let rest = format!(
        "triggers:\n  - manual: {{roles: [helpdesk]}}\n  - workflow: true\nsubject: ${{inputs.user}}\ninputs: {{user: {{type: user, required: true}}}}\nsteps:\n{steps}"
    );
    workflow(name, &rest)
}

#[tokio::test(flavor = "multi_thread")]
async fn w07_any_number_of_sessions_ends_in_one_step() {
    let out = about_a_user(
        "out",
        "  - id: out\n    action: session.revoke\n    with: {user: \"${subject}\"}\n  - id: told\n    action: event.emit\n    with: {name: out.over, data: {count: \"${steps.out.count}\"}}\n",
    );
    let folder = folder(&[out]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let user = api.user("ann").await;
    for _ in 0..11 {
        futures_util::future::join_all((0..100).map(|_| api.session(&user))).await;
    }
    let run = by_hand(&api, "out", json!({ "user": user })).await;
    settles(&api, &run, "completed").await;
    assert_eq!(events(&api, "session.ended").await.len(), 1100, "each once");
    let told = events(&api, "event.emitted").await;
    assert_eq!(told[0]["details"]["data"], r#"{"count":1100}"#);
    // It is about whom the run is about, says how deep it is, and what it says goes with them.
    assert_eq!((&told[0]["about"]["user"], &told[0]["data"]["depth"]), (&json!(user), &json!(0)), "{told:?}");
    api.delete(&format!("/v1/users/{user}")).await;
    assert_eq!(events(&api, "event.emitted").await[0]["details"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_what_others_locked_and_suspended_is_not_undone() {
    let steps = "  - id: lock\n    action: user.lock\n    with: {user: \"${subject}\"}\n    compensate: {action: user.unlock, with: {user: \"${subject}\"}}\n  - id: suspend\n    action: authenticator.suspend\n    with: {user: \"${subject}\"}\n    compensate: {action: authenticator.resume, with: {user: \"${subject}\"}}\n  - id: rest\n    wait: {for: 1d}\n";
    let folder = folder(&[about_a_user("stop", steps)]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let ann = api.enroll("ann").await;
    let path = format!("/v1/authenticators/{}", ann.authenticator_id);
    api.post(&format!("{path}/suspend"), json!({})).await.expect(200);
    api.post(&format!("/v1/users/{}/suspend", ann.user_id), json!({})).await.expect(200);
    let run = by_hand(&api, "stop", json!({ "user": ann.user_id })).await;
    settles(&api, &run, "waiting").await;
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(&api, &run, "cancelled").await;
    assert_eq!(api.get(&path).await.expect(200)["state"], "suspended", "somebody else suspended it");
    assert_eq!(api.get(&format!("/v1/users/{}", ann.user_id)).await.expect(200)["state"], "suspended");
    assert_eq!(events(&api, "user.resumed").await.len(), 0);
    // What the run itself had suspended beside it is resumed.
    assert_eq!(events(&api, "authenticator.resumed").await.len(), 1, "the backup codes");
}

#[tokio::test(flavor = "multi_thread")]
async fn w12_whoever_called_a_run_about_somebody_erased_goes_on() {
    let inner = about_a_user("inner", "  - id: rest\n    wait: {for: 1d}\n");
    let outer = workflow(
        "outer",
        "triggers:\n  - manual: {roles: [helpdesk]}\ninputs: {user: {type: user, required: true}}\nsteps:\n  - id: ask\n    try: [{id: one, call: inner, with: {user: \"${inputs.user}\"}}]\n    catch: [{id: gone, action: event.emit, with: {name: gone}}]\n",
    );
    let folder = folder(&[inner, outer]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let user = api.user("ann").await;
    let run = by_hand(&api, "outer", json!({ "user": user })).await;
    run_in(&api, "inner", "waiting").await;
    settles(&api, &run, "waiting").await;
    api.delete(&format!("/v1/users/{user}")).await;
    settles(&api, &run, "completed").await;
    assert_eq!(events(&api, "event.emitted").await[0]["data"]["name"], "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_one_event_is_told_to_any_number_of_runs() {
    let waits = workflow(
        "waits",
        "triggers:\n  - event: user.created\nsteps:\n  - id: rest\n    wait: {event: user.suspended, timeout: 1d}\n",
    );
    let folder = folder(&[waits]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    let mut last = String::new();
    for hundred in 0..12 {
        let all = (0..100).map(|n| {
            let name = format!("user-{hundred}-{n}");
            let api = api.clone();
            async move { api.user(&name).await }
        });
        last = futures_util::future::join_all(all).await.pop().unwrap();
    }
    let waiting = "/v1/runs?state=waiting";
    until("all wait", async || (api.all(waiting).await.len() == 1200).then_some(())).await;
    api.post(&format!("/v1/users/{last}/suspend"), json!({})).await.expect(200);
    until("all are told", async || api.all(waiting).await.is_empty().then_some(())).await;
    let runs = api.all("/v1/runs?workflow=waits").await;
    assert!(runs.len() == 1200 && runs.iter().all(|run| run["state"] == "completed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_calls_that_hang_hold_up_no_other_workflow() {
    let hooks = Hooks::start();
    hooks.takes(Duration::from_secs(25));
    let hangs = workflow(
        "hangs",
        &format!(
            "triggers:\n  - event: user.created\nsteps:\n  - id: call\n    action: http.call\n    with: {{url: \"{}\"}}\n",
            hooks.url()
        ),
    );
    let quick = about_a_user("quick", "  - id: lock\n    action: user.lock\n    with: {user: \"${subject}\"}\n");
    let folder = folder(&[hangs, quick]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let mut user = String::new();
    for n in 0..300 {
        user = api.user(&format!("user-{n}")).await;
    }
    until("they hang", async || (hooks.calls().len() >= 100).then_some(())).await;
    let begun = Instant::now();
    let run = by_hand(&api, "quick", json!({ "user": user })).await;
    settles(&api, &run, "completed").await;
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_a_secret_that_a_server_lacks_is_waited_for() {
    let hooks = Hooks::start();
    let files = folder(&[calling(&hooks, "")]);
    let environment = vec![("HOOK_KEY".to_owned(), "a key".to_owned())];
    let mut server = Server::start(Setup { environment: environment.clone(), ..setup(Database::Sqlite, &files) }).await;
    server.stop();
    // What was put into force stays so; but this server was not told the secret.
    let arguments = std::mem::take(&mut server.setup().arguments);
    server.setup().environment.clear();
    server.setup().arguments = vec!["--outside-allowed=127.0.0.1".to_owned()];
    server.begin().await;
    let api = server.api();
    let run = by_hand(&api, "calling", json!({})).await;
    settles(&api, &run, "waiting").await;
    let steps = Value::from(api.all(&format!("/v1/runs/{run}/steps")).await).to_string();
    assert!(steps.contains("postponed") && steps.contains("env:HOOK_KEY is not known to this server"), "{steps}");
    assert_eq!(hooks.calls().len(), 0);
    server.stop();
    server.setup().environment = environment;
    server.setup().arguments = arguments;
    server.begin().await;
    let api = server.api();
    assert_eq!(state_of(&api, &run).await, "waiting");
    api.advance(60).await;
    settles(&api, &run, "completed").await;
    assert_eq!(hooks.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_a_key_that_cannot_be_kept_is_refused_and_starts_nothing() {
    let keyed = |name: &str, trigger: &str, key: &str| {
        workflow(
            name,
            &format!(
                "triggers:\n  - {trigger}\nconcurrency: {{policy: drop, key: \"{key}\"}}\ninputs: {{note: {{type: text, default: a}}, more: {{type: text}}}}\nsteps:\n  - id: rest\n    wait: {{for: 1h}}\n"
            ),
        )
    };
    let folder = folder(&[
        keyed("by_hand", "manual: {roles: [helpdesk]}", "${inputs.note}"),
        keyed("nightly", "schedule: 0 3 * * *", "${inputs.more}"),
        keyed("daily", "schedule: 0 4 * * *", "${inputs.note}"),
    ]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    for note in ["a\0b".to_owned(), "k".repeat(5000)] {
        let body = json!({ "requester": "ana", "roles": ["helpdesk"], "inputs": { "note": note } });
        api.post("/v1/workflows/by_hand/runs", body).await.expect_problem(422, "invalid-request");
    }
    // W-02: a schedule of which that cannot be told is told of, and holds up no other one.
    api.advance(25 * 3600).await;
    run_in(&api, "daily", "waiting").await;
    let failed = events(&api, "run.failed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((&failed[0]["data"]["workflow"], &failed[0]["data"]["reason"]), (&json!("nightly"), &json!("trigger")));
    // A run that was not started is not started again by the same request, and is not asked for as if it were there.
    let first = by_hand(&api, "by_hand", json!({})).await;
    let again = || {
        let body = json!({ "requester": "ana", "roles": ["helpdesk"], "inputs": {} });
        let request = api.request(reqwest::Method::POST, "/v1/workflows/by_hand/runs").json(&body);
        Api::answer(request.header("idempotency-key", "once"))
    };
    for _ in 0..2 {
        again().await.unwrap().expect_problem(409, "conflict");
    }
    settles(&api, &first, "waiting").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_whoever_starts_a_workflow_by_hand_may_do_what_it_does() {
    let lock = about_a_user("lock", "  - id: lock\n    action: user.lock\n    with: {user: \"${subject}\"}\n");
    let outer = about_a_user("outer", "  - id: one\n    call: lock\n    with: {user: \"${subject}\"}\n");
    // Also where the one does not call the other, but says something that starts it.
    let says = about_a_user("says", "  - id: say\n    action: event.emit\n    with: {name: to_lock}\n");
    let other = about_a_user("other", "  - id: say\n    action: event.emit\n    with: {name: to_nobody}\n");
    let hears = workflow(
        "hears",
        "triggers:\n  - event: event.emitted\n    when: event.data.name == \"to_lock\"\nsubject: ${event.user}\nsteps:\n  - id: lock\n    action: user.lock\n    with: {user: \"${subject}\"}\n",
    );
    let folder = folder(&[lock, outer, says, other, hears]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let user = api.user("ann").await;
    let with = async |scopes: &[&str]| {
        let body = json!({ "name": scopes.join(" "), "scopes": scopes });
        let made = api.post("/v1/applications", body).await.expect(201);
        api.with_key(made["api_key"]["key"].as_str().unwrap())
    };
    let body = || json!({ "requester": "ana", "roles": ["helpdesk"], "inputs": { "user": user } });
    let less = with(&["workflows:write"]).await;
    less.post("/v1/workflows/other/runs", body()).await.expect(201);
    for name in ["lock", "outer", "says"] {
        let answer = less.post(&format!("/v1/workflows/{name}/runs"), body()).await.expect_problem(403, "forbidden");
        assert!(answer["detail"].as_str().unwrap().contains("users:write"), "{answer}");
    }
    assert_eq!(api.get(&format!("/v1/users/{user}")).await.expect(200)["state"], "active");
    let enough = with(&["workflows:write", "users:write"]).await;
    enough.post("/v1/workflows/outer/runs", body()).await.expect(201);
    run_in(&api, "lock", "completed").await;
    enough.post("/v1/workflows/says/runs", body()).await.expect(201);
    run_in(&api, "hears", "completed").await;
}

/// A newer server may put into force what an older one cannot do: that one neither carries it nor reads on past what starts it.
#[tokio::test(flavor = "multi_thread")]
async fn w04_a_server_that_cannot_carry_a_workflow_leaves_its_events_to_another_one() {
    let here = workflow(
        "here",
        "triggers:\n  - event: user.created\nsteps:\n  - id: told\n    action: event.emit\n    with: {name: here}\n",
    );
    let files = folder(&[here]);
    let mut server = Server::start(setup(Database::Sqlite, &files)).await;
    server.stop();
    // As a newer version would have written it.
    let database = rusqlite::Connection::open(server.sqlite()).unwrap();
    let newer = "UPDATE workflow_documents SET document = replace(document, 'event.emit', 'event.proclaim')";
    assert_eq!(database.execute(newer, []).unwrap(), 1);
    drop(database);
    let arguments = std::mem::take(&mut server.setup().arguments);
    server.begin().await;
    server.api().user("ann").await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.api().all("/v1/runs").await.len(), 0);
    let doctor = server.api().get("/v1/doctor").await.expect(200);
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "workflows").unwrap();
    assert_eq!(check["level"], "error", "{check}");
    server.stop();
    let database = rusqlite::Connection::open(server.sqlite()).unwrap();
    let back = "UPDATE workflow_documents SET document = replace(document, 'event.proclaim', 'event.emit')";
    assert_eq!(database.execute(back, []).unwrap(), 1);
    drop(database);
    server.setup().arguments = arguments;
    server.begin().await;
    run_in(&server.api(), "here", "completed").await;
}

/// The ready-made workflow (W-01): whoever has another key stays, and another report ends sessions that were begun meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn w01_a_second_report_of_a_lost_device_ends_sessions_as_well_and_another_key_keeps_the_account_open() {
    let ready = concat!(env!("CARGO_MANIFEST_DIR"), "/../workflows/lost_device.yaml");
    let files = folder(&[("lost_device.yaml".to_owned(), std::fs::read_to_string(ready).unwrap())]);
    let server = Server::start(setup(Database::Sqlite, &files)).await;
    let api = server.api();
    let ann = api.enroll("ann").await;
    let started = api.start_in(&ann.user_id, &ann.session_id, json!({ "view": "inline" })).await;
    let (secret, enrollment) = (&started.answer["view"]["secret"], started.answer["enrollment"].clone());
    let phone = crate::harness::Phone::with_key(secret.as_str().unwrap(), &enrollment);
    let second = api.finish(started, phone).await;
    let report = async |authenticator: &str| {
        api.post(&format!("/v1/authenticators/{authenticator}/report-lost"), json!({})).await.expect(200);
    };
    let waiting = async |count: usize| {
        until("a run waits", async || {
            let runs = api.all("/v1/runs?workflow=lost_device").await;
            // The newest one: an earlier one may not have heard yet that it takes its place.
            (runs.len() == count && runs[0]["state"] == "waiting").then(|| runs[0].clone())
        })
        .await
    };
    report(&ann.authenticator_id).await;
    let first = waiting(1).await;
    let meanwhile = api.session(&ann.user_id).await;
    api.get(&format!("/v1/sessions/{meanwhile}")).await.expect(200);
    // Whoever stole both: the session that they began ends with the second report.
    report(&second.authenticator_id).await;
    let last = waiting(2).await;
    assert_ne!(first["id"], last["id"]);
    api.post(&format!("/v1/sessions/{meanwhile}/decide"), json!({ "action": "a" }))
        .await
        .expect_problem(410, "session-over");
    settles(&api, first["id"].as_str().unwrap(), "cancelled").await;
    api.advance(3 * 86_400 + 60).await;
    settles(&api, last["id"].as_str().unwrap(), "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{}", ann.user_id)).await.expect(200)["state"], "suspended");

    let bob = api.enroll("bob").await;
    let started = api.start_in(&bob.user_id, &bob.session_id, json!({ "view": "inline" })).await;
    let (secret, enrollment) = (&started.answer["view"]["secret"], started.answer["enrollment"].clone());
    let phone = crate::harness::Phone::with_key(secret.as_str().unwrap(), &enrollment);
    api.finish(started, phone).await;
    report(&bob.authenticator_id).await;
    let run = waiting(3).await;
    api.advance(3 * 86_400 + 60).await;
    until("it looks", async || (state_of(&api, run["id"].as_str().unwrap()).await != "running").then_some(())).await;
    api.advance(60).await;
    settles(&api, run["id"].as_str().unwrap(), "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{}", bob.user_id)).await.expect(200)["state"], "active");
}

/// Whatever it is that the database will never take: the run ends and says so, rather than that it is tried for ever.
#[tokio::test(flavor = "multi_thread")]
async fn w04_a_run_whose_step_cannot_be_kept_ends_as_failed() {
    let of = |name: &str, step: &str| {
        let steps = format!("  - id: {step}\n    action: user.lock\n    with: {{user: \"${{subject}}\"}}\n");
        about_a_user(name, &steps)
    };
    let files = folder(&[of("refused", "odd"), of("taken", "even")]);
    let server = Server::start(setup(Database::Postgres, &files)).await;
    server.postgres().run("ALTER TABLE run_lines ADD CONSTRAINT nothing_odd CHECK (step <> 'odd')");
    let api = server.api();
    let user = api.user("ann").await;
    let run = by_hand(&api, "refused", json!({ "user": user })).await;
    settles(&api, &run, "failed").await;
    let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
    assert_eq!(shown["error"], "what came of a step cannot be kept in the database");
    // Nothing of the step is there without the rest of it.
    assert_eq!(api.get(&format!("/v1/users/{user}")).await.expect(200)["state"], "active");
    assert_eq!(events(&api, "run.failed").await.len(), 1);
    let run = by_hand(&api, "taken", json!({ "user": user })).await;
    settles(&api, &run, "completed").await;
}
