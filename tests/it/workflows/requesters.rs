//! For whom a run is that another run led to: nobody asks for something by one and lets it happen by the next.

use serde_json::{Value, json};

use super::held::release_task;
use super::tasks::{approve_proving, id};
use super::{about_a_user, folder, run_in, settles, setup, start_as, until, workflow};
use crate::harness::{Api, Database, Server};

/// Started by an event about somebody.
fn on(name: &str, event: &str, when: &str, steps: &str) -> (String, String) {
    let rest = format!(
        r"
triggers:
  - event: {event}
    when: {when}
subject: ${{event.user}}
steps:
{steps}"
    );
    workflow(name, &rest)
}

fn emits(name: &str) -> String {
    format!("  - id: tell\n    action: event.emit\n    with: {{name: {name}}}\n")
}

const ASKS: &str = r"  - id: verified
    approval: {roles: [administrator], evidence: [in_person], timeout: 1d}
";

const WAITS: &str = r"  - id: asked
    wait: {event: event.emitted, where: arrived.data.name == 'my.request', timeout: 1d}
";

const GIVES: &str = r#"  - id: gift
    action: recovery.issue_pass
    with: {user: "${subject}", valid_for: 1d}
    compensate: {action: recovery.withdraw, with: {user: "${subject}"}}
  - id: rest
    wait: {for: 1d}
"#;

const LOCKS: &str = r#"  - id: each
    for_each:
      query: users
      as: one
      limit: 1000
      breaker: {failures: 10%, after: 20}
      steps:
        - id: lock
          action: user.lock
          with: {user: "${one.id}"}
"#;

async fn task_of(api: &Api, workflow: &str) -> Value {
    until("a task", async || api.all(&format!("/v1/tasks?workflow={workflow}&state=open")).await.into_iter().next())
        .await
}

/// What the run of a task hands out.
async fn link_of(api: &Api, user: &str, task: &Value) -> Value {
    let of_run = |link: &Value| link["run_id"] == task["run_id"];
    until("a link", async || api.all(&format!("/v1/links?user_id={user}")).await.into_iter().find(of_run)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_t31_who_asks_by_one_run_lets_nothing_happen_by_another_on_sqlite() {
    laundered(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_t31_who_asks_by_one_run_lets_nothing_happen_by_another_on_postgresql() {
    laundered(Database::Postgres).await;
}

async fn laundered(database: Database) {
    let folder = folder(&[
        about_a_user("ask", &emits("my.request")),
        on("relay", "event.emitted", "event.data.name == 'my.request'", &emits("my.other")),
        on("grant", "event.emitted", "event.data.name == 'my.other'", &format!("{ASKS}{GIVES}")),
        about_a_user("sign_out", "  - {id: over, action: user.lock, with: {user: \"${subject}\"}}\n"),
        on("let_in", "user.suspended", "has(event.data.run)", ASKS),
        // Of no run, and so for nobody, until it waited for one.
        on("wait", "user.resumed", "event.user != null", &format!("{WAITS}{ASKS}{GIVES}")),
        about_a_user("report", &emits("my.incident")),
        on("lock_all", "event.emitted", "event.data.name == 'my.incident'", LOCKS),
    ]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let (hank, rita) = (api.enroll("hank").await, api.enroll("rita").await);
    let mut people = Vec::new();
    for name in ["ann", "bob", "carl", "dora"] {
        people.push(api.enroll(name).await);
    }
    let ann = people[0].user_id.clone();

    // What it waits for has a run go on for whoever is behind that.
    for act in ["suspend", "resume"] {
        api.post(&format!("/v1/users/{ann}/{act}"), json!({})).await.expect(200);
    }
    run_in(&api, "wait", "waiting").await;
    // By a name of the workflow's own, and one more run between.
    start_as(&api, "hank", "ask", json!({ "user": &ann })).await;
    let task = task_of(&api, "grant").await;
    assert_eq!(
        (&task["requester"], &task["asked_by"]["external_id"]),
        (&json!(hank.user_id), &json!("hank")),
        "{task}"
    );
    approve_proving(&api, &task, &hank).await.expect_problem(403, "forbidden");
    approve_proving(&api, &task, &rita).await.expect(200);
    let link = link_of(&api, &ann, &task).await;
    let path = format!("/v1/links/{}/hand-over", id(&link));
    api.post(&path, json!({ "person": "hank" })).await.expect_problem(409, "conflict");
    api.post(&path, json!({ "person": "rita" })).await.expect(200);

    let task = task_of(&api, "wait").await;
    assert_eq!((&task["requester"], &task["user_id"]), (&Value::Null, &json!(ann)), "{task}");
    approve_proving(&api, &task, &hank).await.expect_problem(403, "forbidden");
    approve_proving(&api, &task, &rita).await.expect(200);
    let link = link_of(&api, &ann, &task).await;
    let path = format!("/v1/links/{}/hand-over", id(&link));
    api.post(&path, json!({ "person": "hank" })).await.expect_problem(409, "conflict");

    // By what a run does.
    start_as(&api, "hank", "sign_out", json!({ "user": &people[1].user_id })).await;
    let task = task_of(&api, "let_in").await;
    assert_eq!(task["requester"], json!(hank.user_id), "{task}");
    approve_proving(&api, &task, &hank).await.expect_problem(403, "forbidden");

    // And of what two people release, whoever asked for it is none.
    start_as(&api, "hank", "report", json!({ "user": &ann })).await;
    let held = run_in(&api, "lock_all", "held").await;
    let task = release_task(&api, id(&held)).await;
    assert_eq!(task["requester"], json!(hank.user_id), "{task}");
    approve_proving(&api, &task, &hank).await.expect_problem(403, "forbidden");
    settles(&api, id(&held), "held").await;
}

/// A run that was left out, or could not be started, is in no row: what its event starts is for whoever it would have been for.
#[tokio::test(flavor = "multi_thread")]
async fn w03_t31_what_a_run_that_was_not_started_leads_to_is_for_who_asked_for_it() {
    let (name, text) = about_a_user("once", "  - id: rest\n    wait: {for: 1d}\n");
    let text = text.replace("subject:", "concurrency: {policy: drop}\nsubject:");
    let folder = folder(&[
        (name, text),
        on("after_skipped", "run.skipped", "event.data.workflow == 'once'", ASKS),
        workflow("ask", &format!("triggers: [{{manual: {{roles: [helpdesk]}}}}]\nsteps:\n{}", emits("my.request"))),
        // Nobody is whom that is about, and so it does not start.
        on("broken", "event.emitted", "event.data.name == 'my.request'", &emits("none")),
        workflow(
            "after_failed",
            &format!(
                "triggers: [{{event: run.failed, when: event.data.workflow == 'broken'}}]\nsteps:\n{}",
                ASKS.replace("approval: {", "approval: {exclude: [requester], ")
            ),
        ),
    ]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (hank, rita) = (api.enroll("hank").await, api.enroll("rita").await);
    let ann = api.user("ann").await;

    settles(&api, &start_as(&api, "rita", "once", json!({ "user": &ann })).await, "waiting").await;
    let body = json!({ "requester": "hank", "roles": ["helpdesk"], "inputs": { "user": ann } });
    api.post("/v1/workflows/once/runs", body).await.expect_problem(409, "conflict");
    api.post("/v1/workflows/ask/runs", json!({ "requester": "hank", "roles": ["helpdesk"] })).await.expect(201);
    for workflow in ["after_skipped", "after_failed"] {
        let task = task_of(&api, workflow).await;
        assert_eq!(task["requester"], json!(hank.user_id), "{workflow}: {task}");
        approve_proving(&api, &task, &hank).await.expect_problem(403, "forbidden");
        approve_proving(&api, &task, &rita).await.expect(200);
    }

    // Of a name that nobody here has it cannot be told who is somebody else.
    let body = json!({ "requester": "nobody", "roles": ["helpdesk"], "inputs": { "user": ann } });
    api.post("/v1/workflows/once/runs", body).await.expect_problem(409, "conflict");
    let task = task_of(&api, "after_skipped").await;
    assert!(task["requester"].as_str().unwrap().starts_with("run_"), "{task}");
    approve_proving(&api, &task, &rita).await.expect_problem(409, "conflict");
}
