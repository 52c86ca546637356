//! Workflows and their runs on the command line.

use serde_json::json;

use super::tasks::unlock;
use super::{folder, lost_device, run_in, settles, setup, until};
use crate::harness::{Database, Server};

fn said(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_runs_are_seen_on_the_command_line_and_in_the_metrics() {
    let folder = folder(&[lost_device()]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let ann = api.enroll("ann").await;
    api.post(&format!("/v1/authenticators/{}/report-lost", ann.authenticator_id), json!({})).await.expect(200);
    let run = run_in(&api, "lost_device", "waiting").await;
    let id = run["id"].as_str().unwrap();
    let said = |arguments: &[&str]| said(&server, arguments);
    let in_force = said(&["workflow", "list"]);
    assert!(in_force.contains("lost_device") && in_force.contains("authenticator.lost"), "{in_force}");
    assert!(said(&["workflow", "show", "lost_device"]).contains("- id: end_sessions"), "not what stands in the file");
    let versions = said(&["workflow", "versions", "lost_device"]);
    assert!(versions.contains("in force"), "{versions}");
    let list = said(&["runs", "list", "--state", "waiting"]);
    assert!(list.contains("lost_device") && list.contains(id), "{list}");
    let shown = said(&["runs", "show", id]);
    assert!(shown.contains("authenticator.lost") && shown.contains("end_sessions"), "{shown}");
    assert!(shown.contains("replaced: for authenticator.activated, until 20"), "{shown}");
    said(&["runs", "cancel", id]);
    settles(&api, id, "cancelled").await;
    assert!(said(&["runs", "why", id]).contains("cancel"), "why it ended is not told");
    let metrics = String::from_utf8(api.get("/metrics").await.body).unwrap();
    for line in [
        "countersign_runs_started_total{workflow=\"lost_device\"} 1",
        "countersign_runs_ended_total{workflow=\"lost_device\",outcome=\"cancelled\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w02_a_person_starts_a_run_on_the_command_line() {
    let folder = folder(&[unlock(1, "")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let subject = api.user("subject").await;
    let input = format!("user={subject}");
    let started =
        said(&server, &["workflow", "start", "unlock", "--by", "rita", "--role", "helpdesk", "--input", &input]);
    assert!(started.contains("unlock is started") && started.contains("runs watch run_"), "{started}");
    let task = until("a task", async || api.all("/v1/tasks").await.pop()).await;
    let run = task["run_id"].as_str().unwrap();
    let shown = said(&server, &["runs", "show", run]);
    let waits = format!("verified: for people to decide {}, until 20", task["id"].as_str().unwrap());
    assert!(shown.contains(&waits) && shown.contains("rita"), "{shown}");
    let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
    let waits = &shown["waits"][0];
    assert_eq!((&waits["for"], &waits["task"], &waits["event"]), (&json!("people"), &task["id"], &json!(null)));
    // Who may not is told, and what is wrong.
    for (arguments, why) in [
        (&["workflow", "start", "unlok", "--by", "rita"][..], "no workflow `unlok` is in force"),
        (&["workflow", "start", "unlock", "--by", "rita", "--role", "cook", "--input", &input], "role"),
        (&["workflow", "start", "unlock", "--by", "rita", "--role", "helpdesk", "--input", "user"], "as in `user=ana`"),
        (&["workflow", "show", "unlok"], "no workflow `unlok` is in force"),
    ] {
        let output = server.cli(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(why), "{arguments:?}: {told}");
    }
}
