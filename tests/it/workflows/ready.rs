//! What is ready-made in `workflows/`, played against the real program: rotation (W-08, P-09), mass rotation (W-09), what is not used or
//! expires (W-08), enrollment (W-01), a broken model, recovery by a backup code (I-07), and suspicious activity (W-07).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use software_authenticator::Authenticator;
use tempfile::TempDir;
use tokio::time::sleep;

use super::held::release_task;
use super::tasks::approve_proving;
use super::{about_a_user, events, folder, post, run_in, settles, setup, start, start_as, until};
use crate::harness::{Api, Database, Enrolled, Phone, Server, Setup};
use crate::messages::{hand_over, text};

const DAY: i64 = 86_400;

/// These files, with others beside them.
fn ready(names: &[&str], more: &[(String, String)]) -> TempDir {
    let mut files = more.to_vec();
    for name in names {
        let path = format!("{}/../workflows/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        files.push((format!("{name}.yaml"), std::fs::read_to_string(path).unwrap()));
    }
    folder(&files)
}

/// What workflows told under this name, with what they said.
async fn told(api: &Api, name: &str) -> Vec<Value> {
    let all = events(api, "event.emitted").await.into_iter().filter(|event| event["data"]["name"] == name);
    all.map(|event| serde_json::from_str(event["details"]["data"].as_str().unwrap_or("null")).unwrap()).collect()
}

async fn completed(api: &Api, workflow: &str, times: usize) {
    until(&format!("{workflow} {times} times"), async || {
        let runs = api.all(&format!("/v1/runs?workflow={workflow}")).await;
        let failed = runs.iter().find(|run| run["state"] == "failed" || run["state"] == "held");
        assert!(failed.is_none(), "{failed:?}");
        (runs.iter().filter(|run| run["state"] == "completed").count() >= times).then_some(())
    })
    .await;
}

async fn state_of(api: &Api, authenticator: &str) -> String {
    text(&api.get(&format!("/v1/authenticators/{authenticator}")).await.expect(200)["state"])
}

/// What is asked of a user in a session of theirs.
async fn obligations(api: &Api, session: &str) -> Value {
    api.post(&format!("/v1/sessions/{session}/decide"), json!({ "action": "read" })).await.expect(200)["obligations"]
        .clone()
}

/// A session in which this phone's code was given just now.
async fn proved(api: &Api, ana: &Enrolled) -> String {
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let now = api.advance(90).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    session
}

/// Puts another key into the place of somebody's.
async fn rotates(api: &Api, ana: &Enrolled) -> String {
    let session = proved(api, ana).await;
    let path = format!("/v1/authenticators/{}/rotate", ana.authenticator_id);
    let rotated = api.post(&path, json!({ "session_id": session, "view": "inline" })).await.expect(201);
    let enrollment = &rotated["enrollment"];
    let phone = Phone::with_key(rotated["view"]["secret"].as_str().unwrap(), enrollment);
    let now = api.now().await;
    api.confirm(enrollment["id"].as_str().unwrap(), &phone.code_at(now)).await.expect(200);
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_p09_keys_that_are_old_are_to_be_replaced_and_their_owners_told_once_on_sqlite() {
    old_keys_are_replaced(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_p09_keys_that_are_old_are_to_be_replaced_and_their_owners_told_once_on_postgresql() {
    old_keys_are_replaced(Database::Postgres).await;
}

async fn old_keys_are_replaced(database: Database) {
    let folder = ready(&["rotation"], &[]);
    let post = post(database, &folder, &[]).await;
    let api = post.api();
    let (ana, ben) = (api.enroll("ana").await, api.enroll("ben").await);
    let view = hand_over(&api, &ana.session_id, "email", "ana@example.org").await.expect(200);
    let proof = json!({ "code": post.mail.code(), "prompt_id": view["prompt"]["id"] });
    api.post(&format!("/v1/enrollments/{}/confirm", text(&view["enrollment"])), proof).await.expect(200);

    // Not yet.
    api.advance(80 * DAY).await;
    completed(&api, "rotation", 1).await;
    assert!(events(&api, "authenticator.rotation_asked").await.is_empty());
    let young = api.enroll("carl").await;
    api.advance(11 * DAY).await;
    completed(&api, "rotation", 2).await;
    let asked = events(&api, "authenticator.rotation_asked").await;
    let whose: Vec<&Value> = asked.iter().map(|event| &event["about"]["authenticator"]).collect();
    assert_eq!(whose, [ana.authenticator_id.as_str(), ben.authenticator_id.as_str()], "{asked:?}");
    assert!(asked.iter().all(|event| event["data"]["reason"] == "workflow" && event["data"]["kind"] == "totp"));
    let mail = post.mail.mail();
    assert!(mail["content"].as_str().unwrap().contains("Please replace a key"), "{mail}");
    assert_eq!(told(&api, "rotation.not_told").await, [json!({ "user": ben.user_id })]);
    let seen = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    assert!(seen["rotation_asked_at"].is_string() && seen["state"] == "active", "{seen}");
    let untouched = api.get(&format!("/v1/authenticators/{}", young.authenticator_id)).await.expect(200);
    assert!(untouched["rotation_asked_at"].is_null(), "{untouched}");

    // Each is asked once. Decisions go on saying so, until there is another key.
    api.advance(DAY).await;
    completed(&api, "rotation", 3).await;
    assert_eq!(events(&api, "authenticator.rotation_asked").await.len(), 2);
    let session = api.session(&ana.user_id).await;
    let asked = obligations(&api, &session).await;
    assert_eq!(asked[0]["what"], "rotate", "{asked}");
    assert_eq!(asked[0]["authenticator_id"], ana.authenticator_id.as_str(), "{asked}");
    let session = rotates(&api, &ana).await;
    assert_eq!(state_of(&api, &ana.authenticator_id).await, "revoked");
    assert_eq!(obligations(&api, &session).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_p09_after_an_incident_every_key_is_replaced_or_suspended_across_a_restart() {
    let folder = ready(&["mass_rotation"], &[]);
    let mut server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let mut people = Vec::new();
    for n in 0..7 {
        people.push(api.enroll(&format!("person-{n}")).await);
    }
    let id = start_as(&api, "ann", "mass_rotation", json!({ "incident": "a stolen backup" })).await;
    until("all are asked", async || (!told(&api, "mass_rotation.asked").await.is_empty()).then_some(())).await;
    assert_eq!(told(&api, "mass_rotation.asked").await, [json!({ "done": 7, "failed": 0 })]);
    assert_eq!(events(&api, "authenticator.rotation_asked").await.len(), 7);
    // S-10: what was proved with such a key counts no more.
    let session = api.get(&format!("/v1/sessions/{}", people[0].session_id)).await.expect(200);
    assert_eq!(session["aal"], "aal1", "{session}");
    assert_eq!(events(&api, "session.lowered").await.len(), 7);

    server.kill();
    server.begin().await;
    let api = server.api();
    rotates(&api, &people[3]).await;
    api.advance(7 * DAY).await;
    api.user("ann").await;
    let (gina, otto) = (api.enroll("gina").await, api.enroll("otto").await);
    // It would leave more people without a factor than a run may: two others let it.
    settles(&api, &id, "held").await;
    let run = api.get(&format!("/v1/runs/{id}")).await.expect(200);
    let looping = &run["loops"][0];
    assert!(looping["step"] == "suspend_all" && looping["of"] == 7 && looping["failed"] == 0, "{run}");
    // They are asked once for all of the loop, however often whoever carries it was another one since it began.
    let task = release_task(&api, &id).await;
    assert!(text(&task["message"]).ends_with("for 7 users"), "{task}");
    for who in [gina, otto] {
        approve_proving(&api, &task, &who).await.expect(200);
    }
    settles(&api, &id, "completed").await;
    for (n, one) in people.iter().enumerate() {
        let state = state_of(&api, &one.authenticator_id).await;
        assert_eq!(state, if n == 3 { "revoked" } else { "suspended" }, "{n}");
    }
    // The new key of whoever had one made goes on working.
    let usable = api.get(&format!("/v1/users/{}/authenticators", people[3].user_id)).await.expect(200);
    assert!(usable["items"].as_array().unwrap().iter().any(|one| one["kind"] == "totp" && one["state"] == "active"));
    let report = told(&api, "mass_rotation.over").await;
    assert_eq!(report, [json!({ "asked": 7, "not_asked": 0, "suspended": 6, "not_suspended": 0 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_items_of_a_loop_that_are_written_together_do_what_each_would_by_itself_on_sqlite() {
    items_together(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_items_of_a_loop_that_are_written_together_do_what_each_would_by_itself_on_postgresql() {
    items_together(Database::Postgres).await;
}

async fn items_together(database: Database) {
    let all = r#"
  - id: each
    for_each:
      query: users
      as: person
      batch: 40
      limit: 100
      steps:
        - id: mark
          action: event.emit
          with: {name: marked, data: {user: "${person.id}"}}
        - id: prove
          action: session.require_step_up
          with: {user: "${inputs.user}", level: aal2}
        - id: remember
          action: user.set_attribute
          with: {user: "${person.id}", name: seen, value: "yes"}
"#;
    let folder = folder(&[about_a_user("all", all)]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    for n in 0..30 {
        api.user(&format!("person-{n}")).await;
    }
    let id = start(&api, "all", json!({ "user": ana.user_id })).await;
    settles(&api, &id, "completed").await;
    let marked: BTreeSet<String> = told(&api, "marked").await.iter().map(|data| text(&data["user"])).collect();
    assert_eq!((marked.len(), events(&api, "event.emitted").await.len()), (31, 31));
    // Several marks in a row, without the steps that made them in between, are of one commit.
    let all = api.all("/v1/events").await;
    let are_together = |pair: &[Value]| pair.iter().all(|event| event["kind"] == "event.emitted");
    assert!(all.windows(2).any(are_together), "each was written by itself");
    // All of them ask for the same: the first one lowers the session, and the others find it lowered.
    assert_eq!(events(&api, "session.lowered").await.len(), 1);
    let steps = api.all(&format!("/v1/runs/{id}/steps")).await;
    for step in ["mark", "prove", "remember"] {
        let done = |line: &&Value| {
            line["entry"]["what"] == "step_done" && text(&line["step"]).starts_with(&format!("{step}@"))
        };
        assert_eq!(steps.iter().filter(done).count(), 31, "{step}");
    }
    for user in api.all("/v1/users").await {
        assert_eq!(user["attributes"]["seen"], "yes", "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_accounts_and_authenticators_that_nobody_uses_are_put_out_of_use_on_sqlite() {
    what_is_not_used(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_accounts_and_authenticators_that_nobody_uses_are_put_out_of_use_on_postgresql() {
    what_is_not_used(Database::Postgres).await;
}

async fn what_is_not_used(database: Database) {
    let folder = ready(&["inactive"], &[]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let (ana, ben) = (api.enroll("ana").await, api.enroll("ben").await);
    let carl = api.user("carl").await;
    let robot =
        text(&api.post("/v1/users", json!({ "external_id": "robot", "kind": "service" })).await.expect(201)["id"]);
    let user_state = async |user: &str| text(&api.get(&format!("/v1/users/{user}")).await.expect(200)["state"]);
    // Ben proves something within the time; Carl has nothing to prove, and logs in.
    api.advance(60 * DAY).await;
    completed(&api, "inactive", 1).await;
    proved(&api, &ben).await;
    api.session(&carl).await;
    // Until the session is long over, and gone.
    api.advance(3 * DAY).await;
    until("the session is swept", async || {
        let swept = api.get(&format!("/v1/sessions/{}", ana.session_id)).await;
        (swept.status == 404).then_some(())
    })
    .await;
    api.advance(28 * DAY).await;
    until("ana is locked", async || (user_state(&ana.user_id).await == "suspended").then_some(())).await;
    sleep(Duration::from_millis(500)).await;
    for user in [&ben.user_id, &carl, &robot] {
        assert_eq!(user_state(user).await, "active", "{user}");
    }
    let locked = events(&api, "user.suspended").await;
    assert!(locked.len() == 1 && locked[0]["data"]["reason"] == "workflow", "{locked:?}");

    // Months later, what is left of her is put out of use as well. A proof that was given keeps the one of Ben.
    api.advance(60 * DAY).await;
    proved(&api, &ben).await;
    api.advance(35 * DAY).await;
    until("hers is suspended", async || (state_of(&api, &ana.authenticator_id).await == "suspended").then_some(()))
        .await;
    assert_eq!(state_of(&api, &ben.authenticator_id).await, "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_who_has_something_that_expires_is_reminded_and_it_counts_no_more_afterwards_on_sqlite() {
    what_expires(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_who_has_something_that_expires_is_reminded_and_it_counts_no_more_afterwards_on_postgresql() {
    what_expires(Database::Postgres).await;
}

async fn what_expires(database: Database) {
    let limit = about_a_user(
        "limit",
        "  - id: limit\n    action: authenticator.expire\n    with: {user: \"${subject}\", kinds: [totp], in: 20d}\n  - id: earlier\n    action: authenticator.expire\n    with: {user: \"${subject}\", kinds: [totp], in: 30d}\n",
    );
    let folder = ready(&["expiring"], &[limit]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let id = start(&api, "limit", json!({ "user": ana.user_id })).await;
    settles(&api, &id, "completed").await;
    // An end is not moved away by a later one.
    assert_eq!(events(&api, "authenticator.limited").await.len(), 1);
    api.advance(7 * DAY).await;
    completed(&api, "expiring", 1).await;
    assert!(told(&api, "expiring.not_told").await.is_empty());
    api.advance(7 * DAY).await;
    completed(&api, "expiring", 2).await;
    let reminded = told(&api, "expiring.not_told").await;
    assert_eq!(reminded, [json!({ "user": ana.user_id, "authenticator": ana.authenticator_id })]);

    let session = proved(&api, &ana).await;
    let now = api.advance(6 * DAY).await;
    // At once, whoever has noticed it by then.
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    until("it expires", async || (state_of(&api, &ana.authenticator_id).await == "expired").then_some(())).await;
    let expired = events(&api, "authenticator.expired").await;
    assert_eq!((expired.len(), &expired[0]["data"]["reason"]), (1, &json!("end")), "{expired:?}");
    let _ = session;
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_t13_whoever_is_new_is_invited_and_reminded_and_the_link_grants_nothing() {
    let folder = ready(&["enrollment"], &[]);
    let mut setup = setup(Database::Sqlite, &folder);
    setup.arguments.push("--workflows-enrollment-url=https://app.example/security".to_owned());
    let server = Server::start(setup).await;
    let api = server.api();
    let ana = api.user("ana").await;
    run_in(&api, "enrollment", "waiting").await;
    let invited = told(&api, "enrollment.invited").await;
    let link = text(&invited[0]["link"]);
    assert!(link.starts_with("https://app.example/security?invitation=inv_"), "{link}");
    let user = api.get(&format!("/v1/users/{ana}")).await.expect(200);
    assert!(user["grace_until"].is_string(), "{user}");
    let session = api.session(&ana).await;
    let asked = obligations(&api, &session).await;
    assert_eq!((&asked[0]["what"], &asked[0]["kinds"]), (&json!("enroll"), &json!([])), "{asked}");
    // T-13: the invitation is no grant. A log-in of long ago binds nothing.
    let old = json!({ "user_id": ana, "amr": ["pwd"], "authenticated_at": "2020-01-01T00:00:00Z" });
    let old = text(&api.post("/v1/sessions", old).await.expect(201)["id"]);
    api.post("/v1/enrollments", json!({ "session_id": old })).await.expect_problem(403, "step-up-needed");

    // Ana does nothing, is reminded twice, and then it is over.
    for (days, reminders) in [(7, 1), (6, 2)] {
        api.advance(days * DAY + 60).await;
        until("a reminder", async || (told(&api, "enrollment.reminder").await.len() == reminders).then_some(())).await;
    }
    api.advance(DAY + 60).await;
    run_in(&api, "enrollment", "completed").await;
    assert_eq!(told(&api, "enrollment.abandoned").await, [json!({ "user": ana })]);
    assert_eq!(events(&api, "user.invited").await.len(), 1);
    let session = api.session(&ana).await;
    assert_eq!(obligations(&api, &session).await, json!([]));

    // Ben enrolls an app, and is guided to a passkey.
    let ben = api.enroll("ben").await;
    until("ben is guided", async || (events(&api, "user.invited").await.len() == 3).then_some(())).await;
    completed(&api, "enrollment", 2).await;
    let asked = obligations(&api, &ben.session_id).await;
    assert_eq!((&asked[0]["what"], &asked[0]["kinds"]), (&json!("enroll"), &json!(["webauthn"])), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t31_who_comes_back_by_a_backup_code_has_a_day_to_enroll_something() {
    let folder = ready(&["recovery_backup_code"], &[]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (ana, ben) = (api.enroll("ana").await, api.enroll("ben").await);
    let by_code = async |of: &Enrolled| {
        let session = api.session(&of.user_id).await;
        let challenge = api.challenge_in(&session).await;
        let proof = json!({ "code": of.backup_codes[0] });
        api.post(&format!("/v1/challenges/{challenge}/verify"), proof).await.expect(200);
        session
    };
    let (of_ana, of_ben) = (by_code(&ana).await, by_code(&ben).await);
    until("both have a day", async || {
        let runs = api.all("/v1/runs?workflow=recovery_backup_code&state=waiting").await;
        (runs.len() == 2).then_some(())
    })
    .await;
    assert_eq!(told(&api, "recovery.not_told").await.len(), 2);
    // Ben enrolls another app, in the session that the code raised.
    let started = api.start_in(&ben.user_id, &of_ben, json!({ "view": "inline" })).await;
    let phone = Phone::with_key(started.answer["view"]["secret"].as_str().unwrap(), &started.answer["enrollment"]);
    api.finish(started, phone).await;
    completed(&api, "recovery_backup_code", 1).await;
    assert_eq!(told(&api, "recovery.finished").await, [json!({ "user": ben.user_id })]);
    let long = json!({ "user_id": ana.user_id, "amr": ["pwd"], "lifetime": 172_800 });
    let _ = (of_ana, long);
    api.advance(DAY + 60).await;
    completed(&api, "recovery_backup_code", 2).await;
    assert_eq!(told(&api, "recovery.unfinished").await, [json!({ "user": ana.user_id })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn w07_t22_suspicious_activity_ends_sessions_at_once_and_raises_a_signal() {
    let folder = ready(&["suspicious_activity"], &[]);
    let policy = tempfile::tempdir().unwrap();
    let rules = "policy:\n  otherwise: allow\n  rules:\n    - {id: suspicious, applies_to: {actions: [export.all]}, when: context.rows > 1000, effect: deny}\n    - {id: watched, when: signals.suspicious_activity, effect: require, level: aal2}\n";
    std::fs::write(policy.path().join("rules.yaml"), rules).unwrap();
    let mut setup = setup(Database::Postgres, &folder);
    setup.arguments.push(format!("--policy-folder={}", policy.path().display()));
    let server = Server::start(setup).await;
    // W-07, T-22: on every server.
    let beside = server.beside().await;
    let (api, there) = (server.api(), beside.api());
    let (ana, ben) = (api.enroll("ana").await, api.enroll("ben").await);
    let another = there.session(&ana.user_id).await;
    let decide = async |api: &Api, session: &str, action: &str, rows: i64| {
        let question = json!({ "action": action, "context": { "rows": rows } });
        api.post(&format!("/v1/sessions/{session}/decide"), question).await
    };
    let denied = decide(&api, &ana.session_id, "export.all", 5000).await.expect(200);
    assert_eq!((&denied["outcome"], &denied["decided_by"]), (&json!("deny"), &json!("suspicious")), "{denied}");
    completed(&api, "suspicious_activity", 1).await;
    decide(&api, &ana.session_id, "read", 1).await.expect_problem(410, "session-over");
    decide(&there, &another, "read", 1).await.expect_problem(410, "session-over");
    decide(&api, &ben.session_id, "read", 1).await.expect(200);
    let raised = events(&api, "risk.raised").await;
    assert_eq!(raised[0]["data"]["signal"], "suspicious_activity", "{raised:?}");
    // What comes next is looked at twice, for a day.
    let session = api.session(&ana.user_id).await;
    let next = decide(&api, &session, "read", 1).await.expect(200);
    assert_eq!((&next["outcome"], &next["decided_by"]), (&json!("step_up"), &json!("watched")), "{next}");
    api.advance(DAY + 60).await;
    let session = api.session(&ana.user_id).await;
    let next = decide(&api, &session, "read", 1).await.expect(200);
    assert_eq!(next["outcome"], "allow", "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w06_keys_of_a_broken_model_are_put_out_of_use() {
    let folder = ready(&["compromised_model"], &[]);
    let arguments = vec![
        format!("--workflows-folder={}", folder.path().display()),
        "--webauthn-rp-id=example.org".to_owned(),
        format!("--webauthn-origins={}", crate::webauthn::ORIGIN),
    ];
    let server = Server::start(Setup { arguments, ..Setup::default() }).await;
    let api = server.api();
    let broken = crate::webauthn::holds(&api, "ana", Authenticator::security_key()).await;
    let fine = crate::webauthn::holds(&api, "ben", Authenticator::passkey()).await;
    let carl = api.enroll("carl").await;
    let id = start(&api, "compromised_model", json!({ "model": "736F6674-7761-7265-2d6b-65792d303031" })).await;
    settles(&api, &id, "completed").await;
    assert_eq!(state_of(&api, &broken.authenticator_id).await, "suspended");
    assert_eq!(state_of(&api, &fine.authenticator_id).await, "active");
    assert_eq!(state_of(&api, &carl.authenticator_id).await, "active");
    let required = events(&api, "user.authenticator_required").await;
    assert_eq!(required.len(), 1, "{required:?}");
    let session = api.session(&broken.user_id).await;
    let asked = obligations(&api, &session).await;
    assert_eq!(asked[0]["kinds"], json!(["totp", "webauthn", "push"]), "{asked}");
    assert_eq!(told(&api, "compromised_model.over").await[0]["suspended"], 1);
}
