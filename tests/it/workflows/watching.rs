//! How workflows do, by the API and at a terminal (W-11).

use serde_json::json;

use super::{folder, run_in, setup, workflow};
use crate::harness::{Database, Server};

#[tokio::test(flavor = "multi_thread")]
async fn w11_how_workflows_do_is_shown_step_by_step_on_sqlite() {
    how_they_do(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_how_workflows_do_is_shown_step_by_step_on_postgresql() {
    how_they_do(Database::Postgres).await;
}

async fn how_they_do(database: Database) {
    let good = workflow(
        "good",
        "triggers:\n  - event: user.created\nsteps:\n  - id: told\n    action: event.emit\n    with: {name: good.told}\n  - id: rest\n    wait: {for: 60s}\n",
    );
    // Nobody has a mailbox.
    let bad = workflow(
        "a_workflow_whose_name_is_as_long_as_names_may_be_and_then_a_bit",
        "triggers:\n  - event: user.created\nsubject: ${event.user}\nsteps:\n  - id: call\n    action: http.call\n    with: {url: \"https://127.0.0.2:1/\"}\n    retry: {limit: 1, backoff: 1s, then: hold}\n",
    );
    let folder = folder(&[good, bad]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    api.user("ann").await;
    run_in(&api, "good", "waiting").await;
    api.advance(61).await;
    let over = run_in(&api, "good", "completed").await;
    let stats = api.get("/v1/workflows/good/stats?window=3600").await.expect(200);
    assert_eq!((&stats["started"], &stats["completed"], &stats["is_whole"]), (&json!(1), &json!(1), &json!(true)));
    let seconds = stats["run_seconds"]["p99"].as_f64().unwrap();
    assert!((60.0..120.0).contains(&seconds), "{stats}");
    let steps = stats["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["step"], &steps[1]["step"]), (2, &json!("told"), &json!("rest")), "{stats}");
    assert!(steps[1]["seconds"]["p50"].as_f64().unwrap() >= 60.0, "{stats}");
    assert!(steps[0]["seconds"]["p50"].as_f64().unwrap() < 60.0, "{stats}");
    api.get("/v1/workflows/nobody/stats").await.expect_problem(404, "not-found");
    api.get("/v1/workflows/good/stats?window=0").await.expect_problem(422, "invalid-request");

    // What is done is not in a later window; all that are in force are listed all the same.
    api.advance(7200).await;
    let list = api.get("/v1/workflow-stats").await.expect(200);
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][1]["started"]), (2, &json!(0)), "{list}");

    let output = server.cli(&["runs", "top", "--window=24h"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("good") && text.contains("P99"), "{text}");
    let watched = server.cli(&["runs", "watch", over["id"].as_str().unwrap()]);
    let text = String::from_utf8(watched.stdout).unwrap();
    assert!(watched.status.success() && text.contains("told") && text.contains("good completed"), "{text}");
    let metrics = api.get("/metrics").await;
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(text.contains("# HELP countersign_runs_ended_total Runs that ended."), "{text}");
    assert!(text.contains("countersign_events_total{kind=\"user.created\"} 1"), "{text}");
}
