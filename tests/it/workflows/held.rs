//! What a run may not do to people by itself: it is held until two of them release it (W-09, T-15).

use serde_json::{Value, json};

use super::stories::{named, ready};
use super::tasks::{approve_as, approve_proving, reject_proving};
use super::{events, folder, run_in, settles, setup, start_as, until, workflow};
use crate::harness::{Api, Database, Enrolled, Server};
use crate::push::{connect, push};

/// A server whose policy names `ann` as an administrator.
async fn with_an_administrator(database: Database, workflows: &[(String, String)]) -> (tempfile::TempDir, Server) {
    let folder = folder(workflows);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let current = api.get("/v1/policies/current").await.expect(200);
    let mut files = current["files"].clone();
    files["administrators.yaml"] = json!("administrators:\n  users: [ann, bob, carl]\n");
    let request = api.request(reqwest::Method::PUT, "/v1/policies/current");
    let request = request.header("if-match", format!("\"{}\"", current["id"].as_str().unwrap()));
    Api::answer(request.json(&json!({ "files": files }))).await.unwrap().expect(200);
    (folder, server)
}

/// T-15: who has an administrator's password and asks until somebody looks is out at once, though the lock itself takes two people; and asking on
/// takes nothing back of what the first of them said.
#[tokio::test(flavor = "multi_thread")]
async fn t15_an_administrator_who_reports_fraud_is_protected_while_the_lock_waits_for_two_people() {
    let workflows = [ready("push_fatigue"), ready("push_fatigue_lock")];
    let (_folder, server) = with_an_administrator(Database::Sqlite, &workflows).await;
    let api = server.api();
    let ann = connect(&api, "ann").await;
    let of_attacker = async || {
        let stolen = api.session(&ann.user).await;
        push(&api, &api.challenge_in(&stolen).await).await.expect(201);
        assert_eq!(ann.app.answers(&ann.app.asked().await, "fraud", None).await.expect(200)["state"], "reported");
        stolen
    };
    let is_over =
        async |session: &str| api.get(&format!("/v1/sessions/{session}")).await.expect(200)["ended_at"].is_string();
    let ends = async |session: &str| until("its end", async || is_over(session).await.then_some(())).await;
    let first = of_attacker().await;
    let held = run_in(&api, "push_fatigue_lock", "held").await;
    ends(&first).await;
    ends(&ann.session).await;
    assert_eq!(events(&api, "run.held").await[0]["data"]["reason"], "shut_out");
    let user = async || api.get(&format!("/v1/users/{}", ann.user)).await.expect(200)["state"].clone();
    assert_eq!(user().await, "active");
    let (bob, carl) = (api.enroll("bob").await, api.enroll("carl").await);
    let task = release_task(&api, held["id"].as_str().unwrap()).await;
    approve_proving(&api, &task, &bob).await.expect(200);
    // A later report finds what began meanwhile.
    api.advance(3700).await;
    let second = of_attacker().await;
    ends(&second).await;
    until("two reports", async || (named(&api, "push_fatigue.reported").await == 2).then_some(())).await;
    let third = api.session(&ann.user).await;
    approve_proving(&api, &task, &carl).await.expect(200);
    settles(&api, held["id"].as_str().unwrap(), "completed").await;
    assert_eq!(user().await, "suspended");
    assert!(is_over(&third).await);
    assert_eq!(named(&api, "push_fatigue.locked").await, 1);
}

fn suspending() -> (String, String) {
    workflow(
        "suspending",
        r#"
triggers:
  - manual: {roles: [helpdesk]}
inputs: {who: {type: user, required: true}}
subject: ${inputs.who}
steps:
  - id: suspend
    action: authenticator.suspend
    with: {user: "${subject}"}
  - id: tell
    action: event.emit
    with: {name: suspended}
"#,
    )
}

fn locking() -> (String, String) {
    let (name, text) = suspending();
    let text = text
        .replace("name: suspending", "name: locking")
        .replace("id: suspend\n    action: authenticator.suspend", "id: lock\n    action: user.lock");
    (name.replace("suspending", "locking"), text)
}

/// Takes somebody out of the group by which they are an administrator.
fn demoting() -> (String, String) {
    let (name, text) = suspending();
    let text = text.replace("name: suspending", "name: demoting").replace(
        "id: suspend\n    action: authenticator.suspend\n    with: {user: \"${subject}\"}",
        "id: demote\n    action: user.remove_from_group\n    with: {user: \"${subject}\", group: ops-night}",
    );
    (name.replace("suspending", "demoting"), text)
}

/// Who is an administrator by a group is one, and how many users may be left so is for the operator to say.
#[tokio::test(flavor = "multi_thread")]
async fn w09_administrators_by_their_groups_are_covered_and_the_share_is_configured() {
    let folder = folder(&[suspending(), locking(), demoting()]);
    let policy = tempfile::tempdir().unwrap();
    std::fs::write(policy.path().join("all.yaml"), "administrators:\n  groups: [\"ops-*\"]\n").unwrap();
    let mut setup = setup(Database::Sqlite, &folder);
    setup.arguments.push(format!("--policy-folder={}", policy.path().display()));
    setup.arguments.push("--workflows-shut-out-share=0".to_owned());
    setup.arguments.push("--workflows-shut-out-floor=1".to_owned());
    let server = Server::start(setup).await;
    let api = server.api();
    let (ann, bob, carl) = (api.enroll("ann").await, api.enroll("bob").await, api.enroll("carl").await);
    api.patch(&format!("/v1/users/{}/standing", ann.user_id), json!({ "groups": ["ops-night"] })).await.expect(200);
    let ran = async |workflow: &str, user: &str, state: &str| {
        let run = start_as(&api, "Gina", workflow, json!({ "who": user })).await;
        settles(&api, &run, state).await;
    };
    ran("suspending", &ann.user_id, "held").await;
    // Nor is one made none first; who is none by that group, or has another one beside it, is taken out of it.
    ran("demoting", &ann.user_id, "held").await;
    let groups = async |user: &str| api.get(&format!("/v1/users/{user}")).await.expect(200)["groups"].clone();
    assert_eq!(groups(&ann.user_id).await, json!(["ops-night"]));
    for (user, before, after) in
        [(&bob, json!(["staff"]), json!(["staff"])), (&carl, json!(["ops-day", "ops-night"]), json!(["ops-day"]))]
    {
        api.patch(&format!("/v1/users/{}/standing", user.user_id), json!({ "groups": before })).await.expect(200);
        ran("demoting", &user.user_id, "completed").await;
        assert_eq!(groups(&user.user_id).await, after);
        api.patch(&format!("/v1/users/{}/standing", user.user_id), json!({ "groups": [] })).await.expect(200);
    }
    let runs = api.all("/v1/runs?workflow=demoting&state=held").await;
    let task = release_task(&api, runs[0]["id"].as_str().unwrap()).await;
    assert_eq!(task["lets"], json!({ "users": 1, "administrators": 1 }), "{task}");
    api.user("Gina").await;
    for name in ["dora", "emil"] {
        // Whom the policy names as administrators.
        let one = api.enroll(name).await;
        api.patch(&format!("/v1/users/{}/standing", one.user_id), json!({ "groups": ["ops-day"] })).await.expect(200);
        approve_proving(&api, &task, &one).await.expect(200);
    }
    settles(&api, runs[0]["id"].as_str().unwrap(), "completed").await;
    assert_eq!(groups(&ann.user_id).await, json!([]));
    api.patch(&format!("/v1/users/{}/standing", ann.user_id), json!({ "groups": ["ops-night"] })).await.expect(200);
    ran("suspending", &bob.user_id, "completed").await;
    ran("suspending", &carl.user_id, "held").await;
    ran("locking", &carl.user_id, "completed").await;
    let body = json!({ "workflow": "locking", "inputs": { "who": ann.user_id } });
    let told = api.post("/v1/workflows/simulate", body).await.expect(200);
    assert_eq!(told["touched"]["administrators_shut_out"], json!(["ann"]), "{told}");
    demoting_is_foretold(&server, &ann.user_id, &bob.user_id, &carl.user_id).await;
}

/// That somebody would be made no administrator is said beforehand, also where that takes more than one step; and nothing is done.
async fn demoting_is_foretold(server: &Server, ann: &str, bob: &str, carl: &str) {
    let api = server.api();
    let groups = |of: &[&str]| json!({ "groups": of });
    api.patch(&format!("/v1/users/{carl}/standing"), groups(&["ops-day", "ops-night"])).await.expect(200);
    let (_, one) = demoting();
    let again =
        "  - id: demote_too\n    action: user.remove_from_group\n    with: {user: \"${subject}\", group: ops-day}\n";
    let two = one.replace("  - id: tell", &format!("{again}  - id: tell"));
    for (document, user, demoted) in
        [(&one, ann, json!(["ann"])), (&one, bob, json!([])), (&one, carl, json!([])), (&two, carl, json!(["carl"]))]
    {
        let body = json!({ "document": document, "inputs": { "who": user } });
        let told = api.post("/v1/workflows/simulate", body).await.expect(200);
        let touched = &told["touched"];
        let held = json!(demoted != json!([]));
        assert_eq!((&touched["administrators_demoted"], &touched["takes_two_people"]), (&demoted, &held), "{told}");
        assert_eq!((&touched["shut_out"], &touched["administrators_shut_out"]), (&json!(0), &json!([])), "{told}");
    }
    let (file, inputs) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), &one).unwrap();
    std::fs::write(inputs.path(), json!({ "who": ann }).to_string()).unwrap();
    let (file, inputs) = (file.path().to_str().unwrap(), inputs.path().to_str().unwrap());
    let shown = server.cli(&["workflow", "simulate", file, "--inputs", inputs]);
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("administrators no more") && shown.contains("until two people release it"), "{shown}");
    assert_eq!(api.get(&format!("/v1/users/{ann}")).await.expect(200)["groups"], json!(["ops-night"]));
}

/// Who may release is said by the operator, and a task keeps to what was said when it was asked.
#[tokio::test(flavor = "multi_thread")]
async fn w09_the_role_of_who_releases_is_configured_and_stays_with_the_task() {
    let folder = folder(&[suspending()]);
    let policy = tempfile::tempdir().unwrap();
    std::fs::write(policy.path().join("all.yaml"), "administrators:\n  users: [ann, bob, carl, dora]\n").unwrap();
    let mut setup = setup(Database::Sqlite, &folder);
    setup.arguments.push(format!("--policy-folder={}", policy.path().display()));
    setup.arguments.push("--workflows-release-role=security".to_owned());
    let mut server = Server::start(setup).await;
    let api = server.api();
    let (ann, bob, carl, dora) =
        (api.enroll("ann").await, api.enroll("bob").await, api.enroll("carl").await, api.enroll("dora").await);
    api.user("Gina").await;
    let of_ann = started(&api, &ann.user_id).await;
    let first = release_task(&api, &of_ann).await;
    assert_eq!(first["roles"], json!(["security"]), "{first}");

    // Another role from here on: for what is asked from here on.
    server.kill();
    server.setup().arguments.pop();
    server.setup().arguments.push("--workflows-release-role=on-call".to_owned());
    server.begin().await;
    let api = server.api();
    let of_bob = started(&api, &bob.user_id).await;
    let second = release_task(&api, &of_bob).await;
    assert_eq!(second["roles"], json!(["on-call"]), "{second}");
    let first = release_task(&api, &of_ann).await;
    assert_eq!(first["roles"], json!(["security"]), "{first}");
    for who in [&carl, &dora] {
        for other in ["administrator", "on-call"] {
            approve_as(&api, &first, who, other).await.expect_problem(403, "forbidden");
        }
        approve_as(&api, &first, who, "security").await.expect(200);
    }
    settles(&api, &of_ann, "completed").await;
    approve_as(&api, &second, &carl, "security").await.expect_problem(403, "forbidden");
    settles(&api, &of_bob, "held").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_what_would_leave_an_administrator_with_nothing_waits_for_two_people_on_sqlite() {
    waits_for_two_people(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_what_would_leave_an_administrator_with_nothing_waits_for_two_people_on_postgresql() {
    waits_for_two_people(Database::Postgres).await;
}

async fn started(api: &Api, user: &str) -> String {
    start_as(api, "Gina", "suspending", json!({ "who": user })).await
}

async fn waits_for_two_people(database: Database) {
    let (_folder, server) = with_an_administrator(database, &[suspending(), locking()]).await;
    let api = server.api();
    let ann = api.enroll("ann").await;
    let start = async |user: &str| started(&api, user).await;
    let state = async |id: &str| api.get(&format!("/v1/authenticators/{id}")).await.expect(200)["state"].clone();
    let gina = api.enroll("Gina").await;
    let (bob, carl) = (api.enroll("bob").await, api.enroll("carl").await);

    let run = start(&ann.user_id).await;
    settles(&api, &run, "held").await;
    assert_eq!(state(&ann.authenticator_id).await, "active");
    let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
    assert_eq!(shown["held_for_people"], json!(["suspend"]), "{shown}");
    let task = release_task(&api, &run).await;
    assert_eq!(shown["release_tasks"], json!([task["id"]]), "{shown}");
    for (name, value) in [
        ("releases", json!("suspend")),
        ("quorum", json!(2)),
        ("level", json!("aal2")),
        ("roles", json!(["administrator"])),
        ("exclude", json!(["subject", "requester"])),
        ("user_id", json!(ann.user_id)),
        ("lets", json!({ "users": 1, "administrators": 1 })),
        ("used", json!({ "users": 0, "administrators": 0 })),
    ] {
        assert_eq!(task[name], value, "{name}: {task}");
    }
    let path = format!("/v1/tasks/{}", task["id"].as_str().unwrap());
    let words = lets_in_words(&server, &task);
    assert_eq!(words, "1 user, 1 administrator among them, left with nothing to prove by; none by now");
    // Trying again is not releasing.
    api.post(&format!("/v1/runs/{run}/retry"), json!({ "step": "suspend" })).await.expect(200);
    until("it is held again", async || (events(&api, "run.held").await.len() == 2).then_some(())).await;
    settles(&api, &run, "held").await;
    assert_eq!(release_task(&api, &run).await["id"], task["id"], "it is asked once");
    // Two names that an application vouches for are nothing: each proves for this very run, step and question.
    api.post(&format!("/v1/runs/{run}/release"), json!({ "person": "bob" })).await.expect_problem(404, "not-found");
    let said = json!({ "user_id": bob.user_id, "roles": ["administrator"] });
    api.post(&format!("{path}/approve"), said).await.expect_problem(403, "step-up-needed");
    // Not by who started it, nor by whom it is about, nor twice by one person.
    approve_proving(&api, &task, &gina).await.expect_problem(403, "forbidden");
    approve_proving(&api, &task, &ann).await.expect_problem(403, "forbidden");
    // Nor by who is no administrator here, whatever role the application says: neither a yes nor a no.
    let dora = api.enroll("dora").await;
    for refused in [approve_proving(&api, &task, &dora).await, reject_proving(&api, &task, &dora).await] {
        let problem = refused.expect_problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().contains("`administrators:`"), "{problem}");
    }
    approve_proving(&api, &task, &bob).await.expect(200);
    approve_proving(&api, &task, &bob).await.expect_problem(409, "conflict");
    assert_eq!(state(&ann.authenticator_id).await, "active");
    approve_proving(&api, &task, &carl).await.expect(200);
    settles(&api, &run, "completed").await;
    assert_eq!(state(&ann.authenticator_id).await, "suspended");
    let shown = api.get(&path).await.expect(200);
    assert_eq!((&shown["lets"], &shown["used"]), (&task["lets"], &task["lets"]), "what it let is used up: {shown}");
    let words = lets_in_words(&server, &task);
    assert_eq!(
        words,
        "1 user, 1 administrator among them, left with nothing to prove by; 1 by now, 1 administrator among them"
    );
    let by: Vec<_> = events(&api, "task.approved").await.iter().map(|event| event["data"]["by"].clone()).collect();
    assert_eq!(by, [json!(bob.user_id), json!(carl.user_id)]);
    let closed = events(&api, "task.closed").await;
    assert_eq!((closed.len(), &closed[0]["data"]["outcome"]), (1, &json!("approved")), "{closed:?}");

    a_few_in_a_day(&api, &bob).await;
}

/// Of others a few, and then no more of them in a day, whichever run it is.
async fn a_few_in_a_day(api: &Api, bob: &Enrolled) {
    let start = async |user: &str| started(api, user).await;
    let state = async |id: &str| api.get(&format!("/v1/authenticators/{id}")).await.expect(200)["state"].clone();
    let mut others = Vec::new();
    for name in ["hugo", "ida", "jon", "kim"] {
        others.push(api.enroll(name).await);
    }
    for other in &others[..3] {
        let run = start(&other.user_id).await;
        settles(api, &run, "completed").await;
    }
    // What one workflow does to those whom its runs are about takes nothing from another one.
    let run = start(&others[3].user_id).await;
    settles(api, &run, "held").await;
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(api, &run, "cancelled").await;
    let other = start_as(api, "Gina", "locking", json!({ "who": others[3].user_id })).await;
    settles(api, &other, "completed").await;
    api.post(&format!("/v1/users/{}/resume", others[3].user_id), json!({})).await.expect(200);
    // Whom somebody lets prove again makes room for another one.
    let resume = async |one: &Enrolled| {
        api.post(&format!("/v1/authenticators/{}/resume", one.authenticator_id), json!({})).await.expect(200);
    };
    resume(&others[0]).await;
    let run = start(&others[3].user_id).await;
    settles(api, &run, "completed").await;
    resume(&others[3]).await;
    let run = start(&others[0].user_id).await;
    settles(api, &run, "completed").await;
    let run = start(&others[3].user_id).await;
    settles(api, &run, "held").await;
    assert_eq!(state(&others[3].authenticator_id).await, "active");
    // Who is asked beforehand is told as much.
    let body = json!({ "workflow": "suspending", "inputs": { "who": others[3].user_id } });
    let told = api.post("/v1/workflows/simulate", body).await.expect(200);
    assert_eq!((&told["touched"]["shut_out"], &told["fired"]), (&json!(1), &json!(1)), "{told}");
    let touched = &told["touched"];
    assert_eq!((&touched["may_shut_out"], &touched["takes_two_people"]), (&json!(0), &json!(true)), "{told}");
    // What has an end is nothing to rely on, for who is asked beforehand as for the run itself.
    let ending =
        suspending().1.replace("authenticator.suspend\n    with: {", "authenticator.expire\n    with: {in: 7d, ");
    let body = json!({ "document": ending, "inputs": { "who": others[3].user_id } });
    let told = api.post("/v1/workflows/simulate", body).await.expect(200);
    assert_eq!(told["touched"]["shut_out"], 1, "{told}");
    // Given up, it is over, and nothing happened.
    api.post(&format!("/v1/runs/{run}/discard"), json!({ "step": "suspend" })).await.expect(200);
    settles(api, &run, "failed").await;
    let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
    assert_eq!(shown["release_tasks"], json!([]), "{shown}");
    assert_eq!(events(api, "task.closed").await[2]["data"]["outcome"], "cancelled");
    assert_eq!(api.all("/v1/tasks").await.len(), 0);
    // One no, and the step is given up.
    let run = start(&others[3].user_id).await;
    let task = release_task(api, &run).await;
    reject_proving(api, &task, bob).await.expect(200);
    settles(api, &run, "failed").await;
    assert_eq!(state(&others[3].authenticator_id).await, "active");
    // With its run its task is over.
    let run = start(&others[3].user_id).await;
    let task = release_task(api, &run).await;
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(api, &run, "cancelled").await;
    let ask = json!({ "user_id": bob.user_id, "verdict": "approve" });
    let path = format!("/v1/tasks/{}/challenges", task["id"].as_str().unwrap());
    api.post(&path, ask).await.expect_problem(409, "conflict");
    api.advance(25 * 3600).await;
    let run = start(&others[3].user_id).await;
    settles(api, &run, "completed").await;
    // Accounts that were just made use up nothing of those that were there before.
    api.advance(8 * 86_400).await;
    resume(&others[3]).await;
    for (name, state) in [("lea", "completed"), ("mia", "completed"), ("nils", "completed"), ("olga", "held")] {
        let new = api.enroll(name).await;
        settles(api, &start(&new.user_id).await, state).await;
    }
    settles(api, &start(&others[3].user_id).await, "completed").await;
}

/// Five who can prove something, and Gina, who cannot.
async fn five_and_gina(api: &Api) -> (Vec<Enrolled>, String) {
    let mut people = Vec::new();
    for name in ["ann", "bob", "carl", "dora", "emil"] {
        people.push(api.enroll(name).await);
    }
    (people, api.user("Gina").await)
}

/// What the history says of how many the loop over all six is about.
async fn foreseen(api: &Api, run: &str) -> Value {
    let lines = api.all(&format!("/v1/runs/{run}/steps")).await;
    let foreseen = lines.into_iter().find(|line| line["entry"]["what"] == "foreseen").unwrap();
    assert_eq!((&foreseen["step"], &foreseen["entry"]["users"]), (&json!("each"), &json!(6)), "{foreseen}");
    foreseen
}

/// W-09: a loop that would shut out too many is held before anybody is, and says how many it is about.
#[tokio::test(flavor = "multi_thread")]
async fn w09_a_loop_is_counted_before_it_begins() {
    let all = workflow(
        "all",
        r#"
triggers:
  - manual: {roles: [helpdesk]}
steps:
  - id: each
    for_each:
      query: users
      as: one
      limit: 1000
      breaker: {failures: 10%, after: 20}
      steps:
        - id: lock
          action: user.lock
          with: {user: "${one.id}"}
"#,
    );
    let folder = folder(&[all]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (people, gina) = five_and_gina(&api).await;
    let run = start_as(&api, &gina, "all", json!({})).await;
    settles(&api, &run, "held").await;
    for one in &people {
        assert_eq!(api.get(&format!("/v1/users/{}", one.user_id)).await.expect(200)["state"], "active");
    }
    let task = release_task(&api, &run).await;
    assert!(task["message"].as_str().unwrap().contains("is about 6 users"), "{task}");
    assert_eq!(task["lets"], json!({ "users": 6, "administrators": 0 }), "the whole loop: {task}");
    assert_eq!(task["used"], json!({ "users": 0, "administrators": 0 }), "{task}");
    let foreseen = foreseen(&api, &run).await;
    assert_eq!(foreseen["entry"]["is_whole"], true, "{foreseen}");
    for who in &people[..2] {
        approve_proving(&api, &task, who).await.expect(200);
    }
    settles(&api, &run, "completed").await;
    for one in &people {
        assert_eq!(api.get(&format!("/v1/users/{}", one.user_id)).await.expect(200)["state"], "suspended");
    }
    // Gina had nothing to prove by before.
    let shown = api.get(&format!("/v1/tasks/{}", task["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(shown["used"], json!({ "users": 5, "administrators": 0 }), "{shown}");
    let words = lets_in_words(&server, &task);
    assert_eq!(words, "6 users, no administrator among them, left with nothing to prove by; 5 by now");
}

/// W-09: nor does it by way of a workflow that it calls for each.
#[tokio::test(flavor = "multi_thread")]
async fn w09_a_loop_that_calls_is_counted_before_it_begins_and_counts_together() {
    let outer = workflow(
        "outer",
        r#"
triggers:
  - manual: {roles: [helpdesk]}
steps:
  - id: each
    for_each:
      query: users
      as: one
      limit: 1000
      breaker: {failures: 10%, after: 20}
      steps:
        - id: call
          call: inner
          with: {user: "${one.id}"}
          timeout: 1d
"#,
    );
    let inner = workflow(
        "inner",
        r#"
triggers:
  - workflow: true
subject: ${inputs.user}
inputs: {user: {type: user, required: true}}
steps:
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
"#,
    );
    let folder = folder(&[outer, inner]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (people, gina) = five_and_gina(&api).await;
    let run = start_as(&api, &gina, "outer", json!({})).await;
    let held = run_in(&api, "inner", "held").await;
    for one in &people {
        assert_eq!(api.get(&format!("/v1/users/{}", one.user_id)).await.expect(200)["state"], "active");
    }
    foreseen(&api, &run).await;
    // Each run asks for its own.
    let task = release_task(&api, held["id"].as_str().unwrap()).await;
    assert!(task["message"].as_str().unwrap().contains("is about 6 users"), "{task}");
    assert_eq!(task["lets"], json!({ "users": 1, "administrators": 0 }), "{task}");
    assert_eq!(task["requester"], json!(gina), "{task}");
    let about = task["user_id"].as_str().unwrap();
    let others: Vec<&Enrolled> = people.iter().filter(|one| one.user_id != about).collect();
    for who in &others[..2] {
        approve_proving(&api, &task, who).await.expect(200);
    }
    settles(&api, held["id"].as_str().unwrap(), "completed").await;
    assert_eq!(api.get(&format!("/v1/users/{about}")).await.expect(200)["state"], "suspended");
}

/// What `countersign tasks show` says of how many users a release is for.
fn lets_in_words(server: &Server, task: &Value) -> String {
    let shown = server.cli(&["tasks", "show", task["id"].as_str().unwrap()]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let line = shown.lines().find_map(|line| line.trim().strip_prefix("lets "));
    line.unwrap_or_else(|| panic!("it does not say: {shown}")).trim().to_owned()
}

/// The task by which people release what a run is held for.
pub(super) async fn release_task(api: &Api, run: &str) -> Value {
    until("it is asked for a release", async || api.all(&format!("/v1/tasks?run_id={run}")).await.into_iter().next())
        .await
}
