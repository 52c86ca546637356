//! Whom, and what, several runs hold suspended at once (W-05).

use reqwest::Method;
use serde_json::{Value, json};

use super::links::{browse, link_in};
use super::somebody::{Somebody, says};
use super::stories::{app_of_a_stranger, ready};
use super::{about_a_user, events, folder, run_in, settles, setup, start, until};
use crate::harness::{Api, Database, Enrolled, Server, Setup};
use crate::messages::Post;

/// Locks somebody, suspends what they have, and tells how much of both it did.
const OUT: &str = r#"
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
    compensate: {action: user.unlock, with: {user: "${subject}"}}
  - id: suspend
    action: authenticator.suspend
    with: {user: "${subject}", kinds: [totp]}
    compensate: {action: authenticator.resume, with: {user: "${subject}"}}
  - id: told
    action: event.emit
    with: {name: out, data: {users: "${steps.lock.count}", authenticators: "${steps.suspend.count}"}}
  - id: rest
    wait: {for: 1h}
"#;
/// Lets them again, whomever the run may.
const BACK: &str = r#"
  - id: resume
    action: authenticator.resume
    with: {user: "${subject}"}
  - id: unlock
    action: user.unlock
    with: {user: "${subject}"}
"#;
/// Locks them, and does nothing else.
const LOCKS: &str = r#"
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
  - id: rest
    wait: {for: 1h}
"#;

/// At most so many are to be left with nothing to prove by.
async fn with(database: Database, most: &str) -> (Server, tempfile::TempDir) {
    let for_all = BACK.replace("resume\n    with: {", "resume\n    with: {suspended_by: workflows, ");
    let for_all = for_all.replace("unlock\n    with: {", "unlock\n    with: {locked_by: workflows, ");
    let folder = folder(&[
        about_a_user("for_an_hour", &format!("{OUT}{BACK}")),
        about_a_user("for_good", OUT),
        about_a_user("opens", &for_all),
        about_a_user("locks", LOCKS),
    ]);
    let environment = vec![("COUNTERSIGN_WORKFLOWS_SHUT_OUT_FLOOR".to_owned(), most.to_owned())];
    (Server::start(Setup { environment, ..setup(database, &folder) }).await, folder)
}

/// How the user stands, and their app.
async fn state(api: &Api, who: &Enrolled) -> [Value; 2] {
    let user = api.get(&format!("/v1/users/{}", who.user_id)).await.expect(200);
    let app = api.get(&format!("/v1/authenticators/{}", who.authenticator_id)).await.expect(200);
    [user["state"].clone(), app["state"].clone()]
}

async fn begins(api: &Api, workflow: &str, who: &Enrolled) -> String {
    let run = start(api, workflow, json!({ "user": who.user_id })).await;
    settles(api, &run, "waiting").await;
    run
}

async fn cancels(api: &Api, run: &str) {
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(api, run, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_what_one_run_holds_for_good_is_not_let_by_another_that_held_it_first_on_sqlite() {
    two_runs_hold(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_what_one_run_holds_for_good_is_not_let_by_another_that_held_it_first_on_postgresql() {
    two_runs_hold(Database::Postgres).await;
}

async fn two_runs_hold(database: Database) {
    let (server, _folder) = with(database, "10").await;
    let api = server.api();
    let out = [json!("suspended"), json!("suspended")];
    let ann = api.enroll("ann").await;
    let first = begins(&api, "for_an_hour", &ann).await;
    let second = begins(&api, "for_good", &ann).await;
    // Both did something, and both are told.
    let counted: Vec<Value> =
        events(&api, "event.emitted").await.iter().map(|event| event["details"]["data"].clone()).collect();
    assert_eq!(counted, [r#"{"authenticators":1,"users":1}"#; 2]);
    for kind in ["user.suspended", "authenticator.suspended"] {
        let told = events(&api, kind).await;
        let by: Vec<&Value> = told.iter().map(|event| &event["data"]["run"]).collect();
        assert_eq!(by, [&json!(first), &json!(second)], "{told:?}");
    }
    let from: Vec<Value> =
        events(&api, "authenticator.suspended").await.iter().map(|event| event["data"]["from"].clone()).collect();
    assert_eq!(from, ["active", "suspended"]);
    // A third one finds nothing to do.
    begins(&api, "for_good", &ann).await;
    assert_eq!(events(&api, "user.suspended").await.len(), 2);
    api.advance(3700).await;
    settles(&api, &first, "completed").await;
    assert_eq!(state(&api, &ann).await, out, "the second one holds it");
    // Whoever says so in a file lets all of it; of one run alone, as before.
    let opens = start(&api, "opens", json!({ "user": ann.user_id })).await;
    settles(&api, &opens, "completed").await;
    assert_eq!(state(&api, &ann).await, ["active", "active"]);
    let alone = begins(&api, "for_an_hour", &ann).await;
    api.advance(3700).await;
    settles(&api, &alone, "completed").await;
    assert_eq!(state(&api, &ann).await, ["active", "active"]);

    // Nor is it let by undoing one of them, whichever.
    for (name, cancelled) in [("bob", 0), ("carl", 1)] {
        let who = api.enroll(name).await;
        let runs = [begins(&api, "for_an_hour", &who).await, begins(&api, "for_good", &who).await];
        cancels(&api, &runs[cancelled]).await;
        assert_eq!(state(&api, &who).await, out, "{name}");
        cancels(&api, &runs[1 - cancelled]).await;
        assert_eq!(state(&api, &who).await, out, "{name}: what two held is let by nobody by itself");
        api.post(&format!("/v1/users/{}/resume", who.user_id), json!({})).await.expect(200);
        api.post(&format!("/v1/authenticators/{}/resume", who.authenticator_id), json!({})).await.expect(200);
    }
}

/// W-09: who is held by another run is left with nothing already, and is counted where that happened.
#[tokio::test(flavor = "multi_thread")]
async fn w09_who_is_held_by_two_runs_is_counted_once() {
    let (server, _folder) = with(Database::Sqlite, "1").await;
    let api = server.api();
    let (ann, bob) = (api.enroll("ann").await, api.enroll("bob").await);
    for _ in 0..2 {
        begins(&api, "locks", &ann).await;
    }
    assert_eq!(events(&api, "user.suspended").await.len(), 2);
    assert_eq!(events(&api, "run.held").await.len(), 0);
    let run = start(&api, "locks", json!({ "user": bob.user_id })).await;
    settles(&api, &run, "held").await;
}

/// Who has a session of somebody's adds an app, and has codes of it guessed, so that it rests for an hour: what the owner says of it meanwhile stays so after the hour.
#[tokio::test(flavor = "multi_thread")]
async fn w05_w06_who_did_not_add_a_device_that_rests_has_it_suspended_for_good() {
    let chat = Somebody::start(|_| says(200, &[], "ok"));
    let folder = folder(&[ready("new_device"), ready("brute_force")]);
    let (path, hook) = (folder.path().to_str().unwrap().to_owned(), chat.url("/chat"));
    let more = [("COUNTERSIGN_WORKFLOWS_FOLDER", path.as_str()), ("SLACK_WEBHOOK", hook.as_str())];
    let post = Post::with(Database::Sqlite, &more).await;
    let api = post.api();
    let ana = api.enroll("ana").await;
    let (_, added) = app_of_a_stranger(&post, &ana).await;
    let link = link_in(&post.mail.mail());
    for _ in 0..10 {
        let now = api.advance(4000).await;
        api.prove(&ana.user_id, &added.phone.wrong_code(now)).await.expect_problem(422, "proof-rejected");
    }
    run_in(&api, "brute_force", "waiting").await;
    let of = async |who: &Enrolled| {
        api.get(&format!("/v1/authenticators/{}", who.authenticator_id)).await.expect(200)["state"].clone()
    };
    assert_eq!([of(&ana).await, of(&added).await], ["suspended", "suspended"]);
    assert_eq!(browse(&api, Method::POST, &link).await.status, 200);
    run_in(&api, "new_device", "completed").await;
    api.advance(3700).await;
    run_in(&api, "brute_force", "completed").await;
    until("her own is resumed", async || (of(&ana).await == "active").then_some(())).await;
    assert_eq!(of(&added).await, "suspended", "its owner said that it is not hers");
}
