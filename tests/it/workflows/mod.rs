//! Workflows (W-01 to W-07): runs that are started by what happens, and do what their file says, once, whatever dies in between.

mod change;
mod configured;
mod crashes;
mod desk;
mod door;
mod engine;
mod held;
mod holds;
mod hooks;
mod kept;
mod links;
mod notices;
mod outside;
mod ready;
mod ready_outside;
mod recipe;
mod recovery;
mod requesters;
mod somebody;
mod standing;
mod stories;
mod switches;
mod tasks;
mod tasks_on_pages;
mod watching;
mod webhooks;

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::harness::{Api, Database, Server, Setup};
use crate::messages::Post;
use hooks::Hooks;

/// What stands at the beginning of each file.
fn workflow(name: &str, rest: &str) -> (String, String) {
    let text = format!("apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: {name}}}\n{rest}");
    (format!("{name}.yaml"), text)
}

/// A folder with these workflows.
pub(crate) fn folder(workflows: &[(String, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in workflows {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

fn setup(database: Database, folder: &TempDir) -> Setup {
    let arguments =
        vec![format!("--workflows-folder={}", folder.path().display()), "--outside-allowed=127.0.0.1".to_owned()];
    Setup { database, arguments, ..Setup::default() }
}

/// A server with these workflows in force, with gateways and mailboxes, and with more in its environment.
async fn post(database: Database, folder: &TempDir, more: &[(&str, &str)]) -> Post {
    let first = ("COUNTERSIGN_WORKFLOWS_FOLDER", folder.path().to_str().unwrap());
    let all: Vec<_> = [&[first], more].concat();
    Post::with(database, &all).await
}

/// A workflow that a person starts, about a user.
fn about_a_user(name: &str, steps: &str) -> (String, String) {
    let begins = r"
triggers:
  - manual: {roles: [helpdesk]}
subject: ${inputs.user}
inputs: {user: {type: user, required: true}}
steps:
";
    workflow(name, &format!("{begins}{steps}"))
}

/// Starts a run as a person does who has every role that is asked for here.
async fn start(api: &Api, workflow: &str, inputs: Value) -> String {
    start_as(api, "ana", workflow, inputs).await
}

async fn start_as(api: &Api, requester: &str, workflow: &str, inputs: Value) -> String {
    let new = json!({ "requester": requester, "roles": ["helpdesk", "operator", "security"], "inputs": inputs });
    let run = api.post(&format!("/v1/workflows/{workflow}/runs"), new).await.expect(201);
    run["id"].as_str().unwrap().to_owned()
}

/// Waits until there is what is asked for.
pub(crate) async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let limit = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(Instant::now() < limit, "{what}: it did not come to that");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The run of a workflow, once there is one in this state.
async fn run_in(api: &Api, workflow: &str, state: &str) -> Value {
    let path = format!("/v1/runs?workflow={workflow}");
    until(&format!("{workflow} {state}"), async || {
        let runs = api.all(&path).await;
        runs.into_iter().find(|run| run["state"] == state)
    })
    .await
}

async fn state_of(api: &Api, id: &str) -> String {
    api.get(&format!("/v1/runs/{id}")).await.expect(200)["state"].as_str().unwrap().to_owned()
}

async fn settles(api: &Api, id: &str, state: &str) {
    until(&format!("{id} {state}"), async || (state_of(api, id).await == state).then_some(())).await;
}

pub(crate) async fn events(api: &Api, kind: &str) -> Vec<Value> {
    api.all(&format!("/v1/events?kind={kind}")).await
}

fn lost_device() -> (String, String) {
    workflow(
        "lost_device",
        r#"
triggers:
  - event: authenticator.lost
    when: event.data.reason != "workflow"
subject: ${event.user}
concurrency: {policy: drop}
steps:
  - id: end_sessions
    action: session.revoke
    with: {user: "${subject}", reason: lost}
  - id: replaced
    wait:
      event: authenticator.activated
      where: arrived.user == subject && arrived.data.kind == "totp"
      timeout: 2h
      on_timeout: continue
  - id: which
    switch:
      - when: steps.replaced.outcome == "timeout"
        steps:
          - id: lock
            action: user.lock
            with: {user: "${subject}"}
finally:
  - id: told
    action: event.emit
    with: {name: lost_device.over, data: {ended: "${steps.end_sessions.count}"}}
"#,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_w03_w07_a_lost_device_ends_sessions_at_once_and_locks_who_does_not_come_back_on_sqlite() {
    a_lost_device(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_w03_w07_a_lost_device_ends_sessions_at_once_and_locks_who_does_not_come_back_on_postgresql() {
    a_lost_device(Database::Postgres).await;
}

async fn a_lost_device(database: Database) {
    let folder = folder(&[lost_device()]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    let another = api.session(&ann.user_id).await;
    let untouched = api.session(&bob.user_id).await;
    api.post(&format!("/v1/authenticators/{}/report-lost", ann.authenticator_id), json!({})).await.expect(200);

    let run = run_in(&api, "lost_device", "waiting").await;
    assert_eq!(run["user_id"], ann.user_id.as_str());
    for session in [&ann.session_id, &another] {
        api.post(&format!("/v1/sessions/{session}/decide"), json!({ "action": "a" }))
            .await
            .expect_problem(410, "session-over");
    }
    api.get(&format!("/v1/sessions/{untouched}")).await.expect(200);
    // What it did is told as what a workflow does, in the commit of the step.
    let ended = events(&api, "session.ended").await;
    assert!(ended.iter().all(|event| event["details"]["reason"] == "lost"), "what the file says is kept: {ended:?}");
    assert_eq!(ended.len(), 2, "{ended:?}");
    let id = run["id"].as_str().unwrap();
    assert!(
        ended.iter().all(|event| event["data"] == json!({ "reason": "workflow", "run": id, "depth": 0 })),
        "{ended:?}"
    );
    let shown = api.get(&format!("/v1/runs/{id}")).await.expect(200);
    assert_eq!((&shown["cause"], &shown["under_way"]), (&json!("event"), &json!(["replaced"])), "{shown}");
    assert_eq!(shown["event"]["kind"], "authenticator.lost");

    // Somebody else's does not end the wait, nor does a run of the same kind begin beside it.
    let again = api.session(&ann.user_id).await;
    api.enroll("carl").await;
    api.advance(7100).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(state_of(&api, id).await, "waiting");
    api.advance(200).await;
    settles(&api, id, "completed").await;
    let user = api.get(&format!("/v1/users/{}", ann.user_id)).await.expect(200);
    assert_eq!(user["state"], "suspended", "{user}");
    let _ = again;

    // Whoever comes back in time is not locked. That the event came while nobody asked for it yet counts as well.
    api.post(&format!("/v1/authenticators/{}/report-lost", bob.authenticator_id), json!({})).await.expect(200);
    let path = format!("/v1/runs?workflow=lost_device&user_id={}", bob.user_id);
    let waiting =
        until("bob's run", async || api.all(&path).await.into_iter().find(|run| run["state"] == "waiting")).await;
    let session = api.session(&bob.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let proof = json!({ "code": bob.backup_codes[0] });
    api.post(&format!("/v1/challenges/{challenge}/verify"), proof).await.expect(200);
    let started = api.start_in(&bob.user_id, &session, json!({ "view": "inline" })).await;
    let (secret, enrollment) = (&started.answer["view"]["secret"], started.answer["enrollment"].clone());
    let phone = crate::harness::Phone::with_key(secret.as_str().unwrap(), &enrollment);
    api.finish(started, phone).await;
    let id = waiting["id"].as_str().unwrap();
    settles(&api, id, "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{}", bob.user_id)).await.expect(200)["state"], "active");
    let steps = api.all(&format!("/v1/runs/{id}/steps")).await;
    let asked = steps.iter().find(|line| line["entry"]["what"] == "asked" && line["step"] == "which").unwrap();
    assert_eq!(asked["entry"]["holds"], false, "{asked}");
    let over = events(&api, "event.emitted").await;
    assert_eq!(over.len(), 2, "{over:?}");
    // What a workflow says of its own stands where it can be erased.
    assert_eq!(
        (&over[0]["data"]["name"], &over[0]["details"]["data"]),
        (&json!("lost_device.over"), &json!(r#"{"ended":2}"#))
    );
}

/// A workflow of one call, with what else stands in its step.
fn calling(hooks: &Hooks, more: &str) -> (String, String) {
    workflow(
        "calling",
        &format!(
            r#"
triggers:
  - event: user.created
  - manual: {{roles: [helpdesk]}}
inputs: {{note: {{type: text, default: none}}}}
steps:
  - id: call
    action: http.call
    with:
      url: {}
      body: {{note: "${{inputs.note}}", run: "${{run.id}}"}}
      signing_key: {{secret: env:HOOK_KEY}}
    {more}
"#,
            hooks.url()
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_calls_are_signed_and_carry_one_key_however_often_they_are_tried() {
    let hooks = Hooks::start();
    let folder = folder(&[calling(&hooks, "retry: {limit: 3, backoff: 10s, jitter: 0%, then: hold}")]);
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let environment = vec![("HOOK_KEY".to_owned(), key.to_owned())];
    let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
    let api = server.api();
    hooks.answers(503);
    let id = start(&api, "calling", json!({ "note": "hello" })).await;
    for tries in 1..=3 {
        until("a call", async || (hooks.calls().len() >= tries).then_some(())).await;
        settles(&api, &id, if tries == 3 { "held" } else { "waiting" }).await;
        api.advance(60).await;
    }
    // W-04: what failed for good is a dead letter, until somebody looks at it.
    let shown = api.get(&format!("/v1/runs/{id}")).await.expect(200);
    assert_eq!((&shown["held"], &shown["requester"]), (&json!(["call"]), &json!("ana")), "{shown}");
    assert_eq!(events(&api, "run.held").await.len(), 1);
    let not = api.post(&format!("/v1/runs/{id}/retry"), json!({ "step": "other" })).await;
    not.expect_problem(409, "conflict");
    hooks.answers(200);
    api.post(&format!("/v1/runs/{id}/retry"), json!({ "step": "call" })).await.expect(200);
    settles(&api, &id, "completed").await;
    let calls = hooks.calls();
    assert_eq!(calls.len(), 4);
    for call in &calls {
        let name = format!("{id}/call");
        assert_eq!((call.header("idempotency-key"), call.header("webhook-id")), (name.as_str(), name.as_str()));
        assert_eq!(call.json(), json!({ "note": "hello", "run": id }));
        // By an implementation of its own (Standard Webhooks).
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &BASE64.decode(&key.as_bytes()[6..]).unwrap());
        let signed = format!("{name}.{}.{}", call.header("webhook-timestamp"), call.body);
        let tag = BASE64.encode(hmac::sign(&secret, signed.as_bytes()).as_ref());
        assert_eq!(call.header("webhook-signature"), format!("v1,{tag}"));
    }
    // T-18: the key stands nowhere.
    let told = format!("{}{}{shown}", server.log(), Value::from(api.all("/v1/events").await));
    assert!(!told.contains("MfKQ9r8G"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_workflows_call_nobody_inside() {
    let hooks = Hooks::start();
    let of = |name: &str, url: &str| {
        let rest = format!(
            "triggers:\n  - event: user.created\nsteps:\n  - id: call\n    action: http.call\n    with: {{url: \"{url}\"}}\n"
        );
        workflow(name, &rest)
    };
    let port = hooks.port;
    let names = ["loopback", "mapped", "local"];
    let urls = [
        format!("http://127.0.0.1:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://localhost:{port}/"),
    ];
    let all: Vec<_> = names.iter().zip(&urls).map(|(name, url)| of(name, url)).collect();
    let folder = folder(&all);
    let arguments = vec![format!("--workflows-folder={}", folder.path().display())];
    let server = Server::start(Setup { arguments, ..Setup::default() }).await;
    let api = server.api();
    api.user("ann").await;
    for name in names {
        let run = run_in(&api, name, "failed").await;
        let error = run["error"].as_str().unwrap();
        assert!(error.contains("not out on the internet"), "{name}: {error}");
    }
    assert_eq!(hooks.calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_what_a_workflow_needs_and_is_not_there_is_said_before_anything_starts() {
    let secret = folder(&[calling(&Hooks::start(), "")]);
    let wrong = folder(&[workflow("wrong", "triggers:\n  - event: user.creatd\nsteps: []\n")]);
    for (folder, said) in [(&secret, "the environment variable HOOK_KEY is not set"), (&wrong, "user.creatd")] {
        let mut server = Server::new().await;
        server.stop();
        server.setup().arguments = vec![format!("--workflows-folder={}", folder.path().display())];
        let (status, log) = server.begin_in_vain();
        assert_eq!(status.code(), Some(78), "{log}");
        assert!(log.contains(said), "{said}: {log}");
    }
}

/// A clock that was ahead for a moment keeps no schedule from firing until then.
#[tokio::test(flavor = "multi_thread")]
async fn w02_a_schedule_fires_again_after_the_clock_was_ahead() {
    let nightly = workflow(
        "nightly",
        "triggers:\n  - schedule: 0 3 * * *\nsteps:\n  - {id: tell, action: event.emit, with: {name: night}}\n",
    );
    let folder = folder(&[nightly]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let next = async || api.get("/v1/workflows/nightly").await.expect(200)["next_at"].as_str().unwrap().to_owned();
    let first = next().await;
    api.jump(40 * 86_400).await;
    run_in(&api, "nightly", "completed").await;
    assert!(next().await > first, "it fires after where the clock is now");
    api.jump(-40 * 86_400).await;
    until("its next time", async || (next().await == first).then_some(())).await;
}

/// Users are called by either id, and one that is not there is told of before anything is asked of anybody.
async fn users_by_either_id(api: &Api) {
    for nobody in ["nobody", "usr_00000000000000000000000000000000"] {
        let body = json!({ "requester": "ana", "roles": ["helpdesk"], "inputs": { "user": nobody } });
        let problem = api.post("/v1/workflows/by_hand/runs", body).await.expect_problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["pointer"], "/inputs/user", "{problem}");
        let asked = json!({ "workflow": "by_hand", "inputs": { "user": nobody } });
        api.post("/v1/workflows/simulate", asked).await.expect_problem(422, "invalid-request");
    }
    let asked = json!({ "workflow": "by_hand", "inputs": { "user": " ANN" } });
    let told = api.post("/v1/workflows/simulate", asked).await.expect(200);
    assert_eq!((&told["fired"], &told["touched"]["users"]), (&json!(1), &json!(1)), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_schedules_and_people_start_runs_and_cancel_them() {
    let by_the_clock = workflow(
        "nightly",
        "triggers:\n  - schedule: 0 3 * * *\nsteps:\n  - id: tell\n    action: event.emit\n    with: {name: night}\n",
    );
    let by_hand = workflow(
        "by_hand",
        r#"
triggers:
  - manual: {roles: [helpdesk]}
subject: ${inputs.user}
concurrency: {policy: queue}
inputs: {user: {type: user, required: true}}
steps:
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
    compensate: {action: user.unlock, with: {user: "${subject}"}}
  - id: rest
    wait: {for: 1d}
"#,
    );
    let folder = folder(&[by_the_clock, by_hand]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    api.advance(25 * 3600).await;
    run_in(&api, "nightly", "completed").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(api.all("/v1/runs?workflow=nightly").await.len(), 1, "once for each time that it fires");

    let user = api.user("ann").await;
    let start = |roles: Value, inputs: Value| {
        let body = json!({ "requester": "ana", "roles": roles, "inputs": inputs });
        let api = api.clone();
        async move { api.post("/v1/workflows/by_hand/runs", body).await }
    };
    start(json!(["other"]), json!({ "user": user })).await.expect_problem(422, "invalid-request");
    start(json!(["helpdesk"]), json!({})).await.expect_problem(422, "invalid-request");
    start(json!(["helpdesk"]), json!({ "user": user, "what": 1 })).await.expect_problem(422, "invalid-request");
    users_by_either_id(&api).await;
    api.post("/v1/workflows/none/runs", json!({ "requester": "ana" })).await.expect_problem(404, "not-found");
    let first =
        start(json!(["helpdesk"]), json!({ "user": user })).await.expect(201)["id"].as_str().unwrap().to_owned();
    settles(&api, &first, "waiting").await;
    let path = format!("/v1/users/{user}");
    assert_eq!(api.get(&path).await.expect(200)["state"], "suspended");
    let second =
        start(json!(["helpdesk"]), json!({ "user": "Ann" })).await.expect(201)["id"].as_str().unwrap().to_owned();
    settles(&api, &second, "queued").await;
    assert_eq!(api.all(&format!("/v1/runs?user_id={user}")).await.len(), 2, "whichever way they were named");
    // W-04: what a cancelled run did is undone, and the next one begins.
    api.post(&format!("/v1/runs/{first}/cancel"), json!({})).await.expect(200);
    settles(&api, &first, "cancelled").await;
    settles(&api, &second, "waiting").await;
    let states: Vec<String> = {
        let told = api.all("/v1/events?kind=user.suspended,user.resumed").await;
        told.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states, ["user.suspended", "user.resumed", "user.suspended"]);
    // One that waits for its turn is cancelled without having done anything.
    let third =
        start(json!(["helpdesk"]), json!({ "user": user })).await.expect(201)["id"].as_str().unwrap().to_owned();
    settles(&api, &third, "queued").await;
    api.post(&format!("/v1/runs/{third}/cancel"), json!({})).await.expect(200);
    settles(&api, &third, "cancelled").await;
    api.post(&format!("/v1/runs/{third}/cancel"), json!({})).await.expect_problem(409, "conflict");
    assert_eq!(events(&api, "run.instructed").await.len(), 2);
    api.advance(86_500).await;
    settles(&api, &second, "completed").await;
    // W-12: whoever is erased leaves no run behind.
    api.delete(&path).await;
    assert_eq!(api.all("/v1/runs?workflow=by_hand").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_workflows_call_each_other_and_loop_over_what_they_find() {
    let outer = workflow(
        "outer",
        r#"
triggers:
  - event: user.created
    when: event.data.kind == "service"
limits: {subjects: 1000}
steps:
  - id: each
    for_each:
      query: users
      where: item.kind == "person"
      batch: 3
      breaker: {failures: 50%}
      steps:
        - id: one
          call: inner
          with: {user: "${item.id}"}
"#,
    );
    let inner = workflow(
        "inner",
        r#"
triggers:
  - workflow: true
inputs: {user: {type: user, required: true}}
subject: ${inputs.user}
steps:
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
"#,
    );
    let folder = folder(&[outer, inner]);
    let server = Server::start(setup(Database::Postgres, &folder)).await;
    let api = server.api();
    for n in 0..7 {
        api.user(&format!("person-{n}")).await;
    }
    api.post("/v1/users", json!({ "external_id": "robot", "kind": "service" })).await.expect(201);
    let run = run_in(&api, "outer", "completed").await;
    let inner = api.all("/v1/runs?workflow=inner").await;
    assert_eq!(inner.len(), 7);
    assert!(inner.iter().all(|one| one["state"] == "completed" && one["called_by"] == run["id"]), "{inner:?}");
    assert_eq!(events(&api, "user.suspended").await.len(), 7);
    assert_eq!(api.all("/v1/users?state=suspended").await.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_mail_goes_to_the_mailbox_that_was_proved() {
    let tell = workflow(
        "tell",
        r#"
triggers:
  - event: user.suspended
    when: event.data.reason != "workflow"
subject: ${event.user}
steps:
  - id: mail
    action: notify.mail
    with:
      user: ${subject}
      subject: Your account was locked
      message: "It was locked because of {{ event.kind }}. <Nothing> is lost."
"#,
    );
    let folder = folder(&[tell]);
    let post = post(Database::Sqlite, &folder, &[]).await;
    let api = post.api();
    let user = post.with_mailbox("ana", "ana@example.org").await;
    api.post(&format!("/v1/users/{user}/suspend"), json!({})).await.expect(200);
    let run = run_in(&api, "tell", "completed").await;
    let mail = post.mail.mail();
    let content = mail["content"].as_str().unwrap();
    assert!(content.contains("Your account was locked") && content.contains("because of user.suspended"), "{mail}");
    // Neither the mailbox nor the message stands in what is kept of the run.
    let steps = api.all(&format!("/v1/runs/{}/steps", run["id"].as_str().unwrap())).await;
    assert!(!Value::from(steps).to_string().contains("example.org"));
    // Who has no mailbox has none: that is a failure, which is told.
    let other = api.user("bob").await;
    api.post(&format!("/v1/users/{other}/suspend"), json!({})).await.expect(200);
    let failed = run_in(&api, "tell", "failed").await;
    assert_eq!(failed["error"], "the user has no mailbox that was proved");
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_what_is_ready_made_holds_and_can_be_in_force() {
    let ready = concat!(env!("CARGO_MANIFEST_DIR"), "/../workflows");
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../alerts");
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(ready).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let arguments = vec![format!("--workflows-folder={}", folder.path().display()), format!("--alerts-folder={rules}")];
    // What they say that they want.
    let wants =
        [("PAGER_KEY", "key"), ("SLACK_WEBHOOK", "https://hooks.slack.com/services/x"), ("ALERT_HOOK_KEY", "a key")];
    let environment = wants.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let server = Server::start(Setup { arguments, environment, ..Setup::default() }).await;
    let tested = server.cli(&["workflow", "test", ready]);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let in_force = server.api().get("/v1/workflows").await.expect(200);
    let names: Vec<&str> =
        in_force["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let ready_made = [
        "alert_on_call",
        "brute_force",
        "compromised_model",
        "enrollment",
        "expiring",
        "gateway_outage",
        "guessed_codes",
        "inactive",
        "locked_account",
        "lost_device",
        "mass_rotation",
        "new_device",
        "push_fatigue",
        "push_fatigue_lock",
        "recovery_backup_code",
        "recovery_verified",
        "rotation",
        "suspicious_activity",
        "toll_fraud",
    ];
    assert_eq!(names, ready_made);
    assert_eq!(server.api().all("/v1/alert-rules").await.len(), 14);
}
