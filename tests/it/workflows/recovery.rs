//! What recoveries hand out (I-07, T-31): to their user, once, for a time, and nowhere else to be seen.

use reqwest::Method;
use serde_json::{Value, json};

use super::links::{browse, link_in, opened, press};
use super::stories::{named, post, ready, task_of, trusted};
use super::tasks::approve_proving;
use super::{about_a_user, events, folder, settles, setup, start_as, state_of, until};
use crate::harness::{Answer, Api, Database, Enrolled, Phone, Server};
use crate::messages::Post;

/// The ready-made recovery, where every channel is a mailbox.
fn recovery() -> (String, String) {
    let (file, text) = ready("recovery_verified");
    let mut text = text;
    for (from, to) in [
        (
            "action: notify.sms\n                with:\n",
            "action: notify.mail\n                with:\n                  subject: sms\n",
        ),
        (
            "action: notify.push\n                with:\n",
            "action: notify.mail\n                with:\n                  subject: push\n",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    // The tests in the file are of the file as it is.
    let tests = text.find("\ntests:\n").unwrap();
    text.truncate(tests + 1);
    (file, text)
}

async fn ask(api: &Api, user: &str, requester: &str) -> String {
    start_as(api, requester, "recovery_verified", json!({ "user": user, "note": "stolen bag" })).await
}

/// The notices of a recovery, with the link in each that has one.
fn notices(post: &Post) -> Vec<String> {
    let mails: Vec<Value> = (0..3).map(|_| post.mail.mail()).collect();
    mails.iter().filter(|mail| mail["content"].as_str().unwrap().contains("/links/")).map(link_in).collect()
}

/// Waits until a run is at this step.
async fn is_at(api: &Api, run: &str, step: &str) {
    let path = format!("/v1/runs/{run}");
    until("it is there", async || {
        let shown = api.get(&path).await.expect(200);
        let steps = shown["under_way"].as_array().unwrap().iter();
        steps.clone().any(|key| key == step).then_some(())
    })
    .await;
}

/// A recovery that Rita asked for and an administrator approved, after the day in which it can be stopped: the run, the link that stops it, and the one of
/// what it gives.
async fn approved(post: &Post, user: &str, rita: &str, admin: &Enrolled) -> (String, String, String) {
    let api = post.api();
    let run = ask(&api, user, rita).await;
    let stop = notices(post).remove(0);
    let task = task_of(&api, "recovery_verified").await;
    approve_proving(&api, &task, admin).await.expect(200);
    is_at(&api, &run, "stopped").await;
    api.advance(86_401).await;
    (run, stop, link_in(&post.mail.mail()))
}

/// Somebody whose mailbox is older than two weeks, as one has to be that gets a way back in.
async fn with_old_mailbox(post: &Post) -> String {
    let user = post.with_mailbox("ana", "ana@example.org").await;
    post.api().advance(15 * 86_400).await;
    user
}

/// The codes that a page shows.
fn codes(page: &Answer) -> Vec<String> {
    let body = String::from_utf8(page.body.clone()).unwrap();
    let list = body.split("<ul class=\"codes\" translate=\"no\">").nth(1).unwrap_or_else(|| panic!("no codes: {body}"));
    let list = list.split("</ul>").next().unwrap();
    list.split("<li>").skip(1).map(|one| one.split("</li>").next().unwrap().to_owned()).collect()
}

async fn prove_in(api: &Api, session: &str, code: &str) -> Answer {
    let challenge = api.challenge_in(session).await;
    api.verify(&challenge, code).await
}

async fn aal(api: &Api, session: &str) -> Value {
    api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t31_a_recovery_takes_an_administrator_who_saw_a_document_and_a_day_in_which_it_can_be_stopped() {
    let (post, _folder) = post(Database::Sqlite, &[recovery()]).await;
    let api = post.api();
    let ana = post.with_mailbox("ana", "ana@example.org").await;
    let rita = api.user("rita").await;
    let admin = api.enroll("admin").await;

    // A day is a day, and a link that stops it stops it.
    let run = ask(&api, &ana, &rita).await;
    let links = notices(&post);
    assert_eq!(links.len(), 2, "every channel that can have a link has one");
    assert_ne!(links[0], links[1], "of its own");
    let task = task_of(&api, "recovery_verified").await;
    assert_eq!((&task["evidence"], &task["level"]), (&json!(["identity_document"]), &json!("aal2")));
    assert!(task["message"].as_str().unwrap().contains("stolen bag"), "{task}");
    approve_proving(&api, &task, &admin).await.expect(200);
    is_at(&api, &run, "stopped").await;
    api.advance(86_400 - 120).await;
    settles(&api, &run, "waiting").await;
    let made = api.all(&format!("/v1/links?user_id={ana}")).await;
    assert_eq!(made.iter().filter(|link| !link["gives"].is_null()).count(), 0, "a day is a day");
    assert_eq!(browse(&api, Method::POST, &links[0]).await.status, 200);
    settles(&api, &run, "failed").await;
    assert_eq!(browse(&api, Method::POST, &links[1]).await.status, 410, "it is one link, however often it was sent");
    assert_eq!(named(&api, "recovery.refused").await, 1);
    let shown = api.get(&format!("/v1/runs/{run}")).await.expect(200);
    assert!(shown["error"].as_str().unwrap().contains("did not ask for it"), "{shown}");

    // The user is back in a session that is trusted, and stops it there, before anybody has approved.
    let ben = api.enroll("ben").await;
    let run = ask(&api, &ben.user_id, &rita).await;
    let task = task_of(&api, "recovery_verified").await;
    let link = api.all(&format!("/v1/links?user_id={}", ben.user_id)).await[0]["id"].as_str().unwrap().to_owned();
    let session = trusted(&api, &ben).await;
    api.post(&format!("/v1/links/{link}/follow"), json!({ "session_id": session })).await.expect(200);
    approve_proving(&api, &task, &admin).await.expect(200);
    settles(&api, &run, "failed").await;
    assert_eq!(named(&api, "recovery.not_told").await, 3, "who has no channel is told by none, and that is told of");
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t13_t31_a_pass_is_shown_once_counts_once_and_is_nowhere_else_on_sqlite() {
    a_pass(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t13_t31_a_pass_is_shown_once_counts_once_and_is_nowhere_else_on_postgresql() {
    a_pass(Database::Postgres).await;
}

async fn a_pass(database: Database) {
    let (mut post, _folder) = post(database, &[recovery()]).await;
    let api = post.api();
    let ana = with_old_mailbox(&post).await;
    let rita = api.user("rita").await;
    let admin = api.enroll("admin").await;
    let (run, _, link) = approved(&post, &ana, &rita, &admin).await;
    is_at(&api, &run, "fetched").await;

    // Nothing is there before its user comes, and looking brings nothing.
    let shown = browse(&api, Method::GET, &link).await;
    assert_eq!(shown.status, 200, "{shown}");
    assert!(!String::from_utf8(shown.body).unwrap().contains("class=\"codes\""));
    let held = async || {
        let held = api.get(&format!("/v1/users/{ana}/authenticators")).await.expect(200);
        let kinds = held["items"].as_array().unwrap().iter().map(|one| (one["kind"].clone(), one["state"].clone()));
        kinds.filter(|(kind, _)| kind == "backup_codes").map(|(_, state)| state).collect::<Vec<_>>()
    };
    let before = held().await;
    // A session that is trusted is no place for it.
    let listed = api.all(&format!("/v1/links?user_id={ana}")).await;
    let id = listed.iter().find(|link| link["gives"] == "pass").unwrap()["id"].as_str().unwrap().to_owned();

    // By sixteen at once, one is shown.
    let all = futures_util::future::join_all((0..16).map(|_| browse(&api, Method::POST, &link))).await;
    let shown: Vec<&Answer> = all.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(shown.len(), 1, "{:?}", all.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!(shown[0].headers["cache-control"], "no-store");
    let codes = codes(shown[0]);
    assert_eq!(codes.len(), 1, "{codes:?}");
    assert_eq!(held().await.len(), before.len() + 1);
    assert_eq!(browse(&api, Method::POST, &link).await.status, 410);
    let person = api.post(&format!("/v1/links/{id}/hand-over"), json!({ "person": "rita" })).await;
    person.expect_problem(409, "conflict");

    // Whatever dies now, it was handed out: once.
    post.server().kill();
    post.server().begin().await;
    let api = post.api();
    assert_eq!(browse(&api, Method::POST, &link).await.status, 410);

    // Beside a first factor it is the second one, once, and enough to begin again.
    let session = api.session(&ana).await;
    prove_in(&api, &session, &codes[0]).await.expect(200);
    assert_eq!(aal(&api, &session).await, "aal2");
    let again = api.session(&ana).await;
    prove_in(&api, &again, &codes[0]).await.expect_problem(422, "proof-rejected");
    let wish = json!({ "session_id": session, "kind": "totp" });
    api.post("/v1/enrollments", wish).await.expect(201);

    // The code stands nowhere: not in the run, its history, links, events, logs or files.
    for path in [
        format!("/v1/runs/{run}"),
        format!("/v1/runs/{run}/steps?limit=500"),
        format!("/v1/links?user_id={ana}"),
        "/v1/events?limit=500".to_owned(),
    ] {
        let said = api.get(&path).await.expect(200).to_string();
        assert!(!said.contains(&codes[0]) && !said.contains(link.trim_start_matches("/links/")), "{path}");
    }
    assert!(!post.server().log().contains(&codes[0]));
    if database == Database::Sqlite {
        for file in std::fs::read_dir(post.server().data()).unwrap().map(|file| file.unwrap().path()) {
            let bytes = if file.is_file() { std::fs::read(&file).unwrap() } else { Vec::new() };
            let is_there = bytes.windows(codes[0].len()).any(|part| part == codes[0].as_bytes());
            assert!(!is_there, "{}", file.display());
        }
    }
    let followed = events(&api, "link.followed").await;
    assert_eq!((&followed[0]["data"]["gives"], &followed[0]["data"]["by"]), (&json!("pass"), &json!("link")));
    assert_eq!(followed.len(), 1);
    // The day in which it can still be stopped goes by.
    is_at(&api, &run, "regretted").await;
    api.advance(86_401).await;
    settles(&api, &run, "completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t26_t31_who_presses_twice_sees_their_pass_and_nobody_else_does_on_sqlite() {
    a_double_press(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t26_t31_who_presses_twice_sees_their_pass_and_nobody_else_does_on_postgresql() {
    a_double_press(Database::Postgres).await;
}

async fn a_double_press(database: Database) {
    let (mut post, _folder) = post(database, &[recovery()]).await;
    let api = post.api();
    let ana = with_old_mailbox(&post).await;
    let rita = api.user("rita").await;
    let admin = api.enroll("admin").await;
    let (run, stop, link) = approved(&post, &ana, &rita, &admin).await;
    is_at(&api, &run, "fetched").await;
    // Whoever else has the link looks before and after; the button is pressed by sixteen fingers at once.
    let (value, before) = (opened(&api, &link).await, opened(&api, &link).await);
    let all = futures_util::future::join_all((0..16).map(|_| press(&api, &link, &value, "same-origin"))).await;
    let shown: Vec<Vec<String>> = all.iter().map(codes).collect();
    assert!(shown.iter().all(|codes| codes.len() == 1 && codes == &shown[0]), "{shown:?}");
    assert!(all.iter().all(|answer| answer.status == 200 && answer.headers["cache-control"] == "no-store"));
    assert_eq!(events(&api, "link.followed").await.len(), 1);
    let held = api.all(&format!("/v1/users/{ana}/authenticators")).await;
    let made = held.iter().filter(|one| one["kind"] == "backup_codes" && one["state"] == "active");
    assert_eq!(made.count(), 1, "{held:?}");
    // A crash comes between, and it is the same.
    post.server().kill();
    post.server().begin().await;
    let api = post.api();
    assert_eq!(codes(&press(&api, &link, &value, "same-origin").await), shown[0]);
    // With another page's value, with none, and where another site's page has a browser send it, it was used already; and so it is by another link.
    for (value, site) in [
        (before.as_str(), "same-origin"),
        ("", "same-origin"),
        (&"A".repeat(43), "same-origin"),
        (&value, "cross-site"),
        (&value, "same-site"),
        (&value, "none"),
    ] {
        assert_eq!(press(&api, &link, value, site).await.status, 410, "{value} {site}");
    }
    assert_eq!(browse(&api, Method::POST, &link).await.status, 410);
    assert_eq!(browse(&api, Method::GET, &link).await.status, 410, "looking shows nothing, as ever");
    let stopped = press(&api, &stop, &value, "same-origin").await;
    assert!(stopped.status == 200 && !String::from_utf8(stopped.body).unwrap().contains("class=\"codes\""));
    // What is kept for that minute is sealed, and what opens it is not kept.
    if database == Database::Sqlite {
        for file in std::fs::read_dir(post.server().data()).unwrap().map(|file| file.unwrap().path()) {
            let bytes = if file.is_file() { std::fs::read(&file).unwrap() } else { Vec::new() };
            for secret in [&shown[0][0], &value] {
                let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!is_there, "{}", file.display());
            }
        }
    }
    assert!(!post.server().log().contains(&value) && !post.server().log().contains(&shown[0][0]));
    api.advance(61).await;
    assert_eq!(press(&api, &link, &value, "same-origin").await.status, 410, "a minute is a minute");
}

/// T-31: who did not ask for it has it taken back, with what was proved by it.
#[tokio::test(flavor = "multi_thread")]
async fn t31_a_pass_that_somebody_else_fetched_is_taken_back_with_what_it_proved() {
    let (post, _folder) = post(Database::Postgres, &[recovery()]).await;
    let api = post.api();
    let ana = with_old_mailbox(&post).await;
    let rita = api.user("rita").await;
    let admin = api.enroll("admin").await;
    let (run, stop, link) = approved(&post, &ana, &rita, &admin).await;
    let codes = codes(&browse(&api, Method::POST, &link).await);
    let session = api.session(&ana).await;
    prove_in(&api, &session, &codes[0]).await.expect(200);
    assert_eq!(aal(&api, &session).await, "aal2");
    // Whoever it was has settled in: a key of their own, codes of their own in the place of the pass, and another session.
    let started = api.start_in(&ana, &session, json!({ "view": "inline" })).await;
    let phone = Phone::with_key(started.answer["view"]["secret"].as_str().unwrap(), &started.answer["enrollment"]);
    let theirs = api.finish(started, phone).await;
    let now = api.advance(31).await;
    let other = api.session(&ana).await;
    prove_in(&api, &other, &theirs.phone.code_at(now)).await.expect(200);
    let made = api.post(&format!("/v1/users/{ana}/backup-codes"), json!({ "session_id": other })).await.expect(200);
    let code = made["backup_codes"][0].as_str().unwrap();
    assert_eq!(browse(&api, Method::POST, &stop).await.status, 200);
    settles(&api, &run, "failed").await;
    for session in [&session, &other] {
        let shown = api.get(&format!("/v1/sessions/{session}")).await.expect(200);
        assert!(shown["ended_at"].is_string(), "{shown}");
    }
    let now = api.advance(31).await;
    for proof in [code, &theirs.phone.code_at(now)] {
        api.prove(&ana, proof).await.expect_problem(422, "proof-rejected");
    }
    let mut left = api.all(&format!("/v1/users/{ana}/authenticators")).await;
    left.retain(|one| one["state"] == "active");
    assert_eq!(left.len(), 1, "the mailbox is older, and stays: {left:?}");

    // T-13: one that nobody comes for counts for nothing once its time is over, and neither does its link.
    let (run, _, link) = approved(&post, &ana, &rita, &admin).await;
    is_at(&api, &run, "fetched").await;
    api.advance(86_401).await;
    assert_eq!(browse(&api, Method::POST, &link).await.status, 410);
    settles(&api, &run, "failed").await;
    let error = api.get(&format!("/v1/runs/{run}")).await.expect(200)["error"].clone();
    assert!(error.as_str().unwrap().contains("in vain"), "{error}");
}

/// Gives whoever was called back new backup codes, and takes them back when the run is cancelled.
fn gives(action: &str) -> (String, String) {
    about_a_user(
        "gives",
        &format!(
            r#"
  - id: verified
    approval: {{roles: [administrator], evidence: [in_person], timeout: 1d}}
  - id: gift
    action: {action}
    with: {{user: "${{subject}}", valid_for: 1d, title: For you, button: Give it to me}}
    compensate: {{action: recovery.withdraw, with: {{user: "${{subject}}"}}}}
  - id: fetched
    wait: {{event: link.followed, where: arrived.data.link == steps.gift.link, timeout: 1d}}
  - id: rest
    wait: {{for: 1d}}
"#
        ),
    )
}

async fn given(api: &Api, who: &Enrolled, admin: &Enrolled) -> (String, String) {
    let run = start_as(api, "rita", "gives", json!({ "user": who.user_id })).await;
    let task = task_of(api, "gives").await;
    approve_proving(api, &task, admin).await.expect(200);
    let link = until("a link", async || {
        let links = api.all(&format!("/v1/links?user_id={}", who.user_id)).await;
        links.into_iter().find(|link| link["run_id"] == run.as_str())
    })
    .await;
    assert_eq!((&link["title"], &link["button"]), (&json!("For you"), &json!("Give it to me")));
    is_at(api, &run, "fetched").await;
    (run, link["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t31_backup_codes_are_handed_over_in_person_by_who_may_once_on_sqlite() {
    in_person(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t31_backup_codes_are_handed_over_in_person_by_who_may_once_on_postgresql() {
    in_person(Database::Postgres).await;
}

async fn in_person(database: Database) {
    let folder = folder(&[gives("recovery.issue_backup_codes")]);
    let server = Server::start(setup(database, &folder)).await;
    let api = server.api();
    let (ann, admin) = (api.enroll("ann").await, api.enroll("admin").await);
    api.user("rita").await;
    api.user("sam").await;
    let (run, link) = given(&api, &ann, &admin).await;
    let path = format!("/v1/links/{link}/hand-over");
    // Not by who lacks the scope, not by nobody, not to oneself, and not in a session.
    let made = api.post("/v1/applications", json!({ "name": "less", "scopes": ["workflows:write", "sessions"] })).await;
    let less = api.with_key(made.expect(201)["api_key"]["key"].as_str().unwrap());
    less.post(&path, json!({ "person": "sam" })).await.expect_problem(403, "forbidden");
    api.post(&path, json!({ "person": "nobody" })).await.expect_problem(422, "invalid-request");
    api.post(&path, json!({ "person": "ann" })).await.expect_problem(409, "conflict");
    api.post(&path, json!({ "person": "rita" })).await.expect_problem(409, "conflict");
    let session = trusted(&api, &ann).await;
    let in_session = api.post(&format!("/v1/links/{link}/follow"), json!({ "session_id": session })).await;
    in_session.expect_problem(409, "conflict");
    // Nobody locked gets any.
    api.post(&format!("/v1/users/{}/suspend", ann.user_id), json!({})).await.expect(200);
    api.post(&path, json!({ "person": "sam" })).await.expect_problem(409, "conflict");
    api.post(&format!("/v1/users/{}/resume", ann.user_id), json!({})).await.expect(200);
    api.prove(&ann.user_id, &ann.backup_codes[0]).await.expect(200);

    let all = futures_util::future::join_all((0..8).map(|_| api.post(&path, json!({ "person": "sam" })))).await;
    let handed: Vec<&Answer> = all.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(handed.len(), 1, "{:?}", all.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(handed[0].headers["cache-control"].contains("no-store"));
    let codes = handed[0].json()["codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);
    let code = |n: usize| codes[n].as_str().unwrap();
    api.prove(&ann.user_id, &ann.backup_codes[1]).await.expect_problem(422, "proof-rejected");
    api.prove(&ann.user_id, code(0)).await.expect(200);
    let told = events(&api, "link.followed").await;
    assert_eq!((told.len(), &told[0]["data"]["by"]), (1, &json!("person")));
    assert_eq!(state_of(&api, &run).await, "waiting");

    // Who cancels the run takes them back; and a link that nobody followed does nothing then.
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(&api, &run, "cancelled").await;
    api.advance(16 * 60).await;
    api.prove(&ann.user_id, code(1)).await.expect_problem(422, "proof-rejected");
    let (run, link) = given(&api, &ann, &admin).await;
    api.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.expect(200);
    settles(&api, &run, "cancelled").await;
    let answer = api.post(&format!("/v1/links/{link}/hand-over"), json!({ "person": "sam" })).await;
    answer.expect_problem(409, "conflict");
    assert_eq!(events(&api, "link.withdrawn").await.len(), 1);
}

/// The same at a terminal: the link is found by its user, and what it gives is shown once.
#[tokio::test(flavor = "multi_thread")]
async fn i07_t31_what_a_link_gives_is_handed_over_at_a_terminal_once() {
    let folder = folder(&[gives("recovery.issue_backup_codes")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (ann, admin) = (api.enroll("ann").await, api.enroll("admin").await);
    api.user("rita").await;
    api.user("sam").await;
    let links = |words: &[&str]| server.cli(&[&["links"], words].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert_eq!(text(&links(&["list", "ann"]).stderr), "No links.");
    let (_run, link) = given(&api, &ann, &admin).await;

    let table = text(&links(&["list", "ann"]).stdout);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..4], ["backup_codes", "open", "backup", "codes"], "{table}");
    assert!(row.contains(&link.as_str()) && row.contains(&"gives"), "{table}");
    let listed: Value = serde_json::from_slice(&links(&["list", "ann", "--json"]).stdout).unwrap();
    assert_eq!(listed["items"][0]["id"], link.as_str(), "{listed}");

    // Not by who it is for, nor by who asked for it; and nothing is shown then.
    for (who, why) in [("ann", "to themselves"), ("rita", "somebody else does"), ("nobody", "no user here")] {
        let refused = links(&["hand-over", &link, "--as", who]);
        assert_eq!((refused.status.code(), text(&refused.stdout).as_str()), (Some(1), ""), "{who}");
        assert!(text(&refused.stderr).contains(why), "{who}: {}", text(&refused.stderr));
    }
    let unknown = links(&["hand-over", "lnk_0197a3c05b7c7d3e8f6a1b2c3d4e5f60", "--as", "sam"]);
    assert!(text(&unknown.stderr).contains("countersign links list"), "{}", text(&unknown.stderr));

    let handed = links(&["hand-over", &link, "--as", "sam"]);
    let shown = text(&handed.stdout);
    assert_eq!(handed.status.code(), Some(0), "{shown}");
    let codes: Vec<&str> =
        shown.lines().filter(|line| line.starts_with("    ")).flat_map(str::split_whitespace).collect();
    assert_eq!(codes.len(), 10, "{shown}");
    assert!(shown.ends_with("✓ for ann, handed over by sam; backup codes from before are void"), "{shown}");
    api.prove(&ann.user_id, codes[9]).await.expect(200);
    let again = links(&["hand-over", &link, "--as", "sam", "--json"]);
    assert_eq!((again.status.code(), text(&again.stdout).as_str()), (Some(1), ""));
    assert_eq!(events(&api, "link.followed").await[0]["data"]["by"], "person");

    // For programs, as the API answers it.
    let (_run, link) = given(&api, &ann, &admin).await;
    let handed: Value = serde_json::from_slice(&links(&["hand-over", &link, "--as", "sam", "--json"]).stdout).unwrap();
    assert_eq!((&handed["link"]["state"], handed["codes"].as_array().map(Vec::len)), (&json!("followed"), Some(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_t31_a_pass_is_handed_over_at_a_terminal_with_its_end() {
    let folder = folder(&[gives("recovery.issue_pass")]);
    let server = Server::start(setup(Database::Sqlite, &folder)).await;
    let api = server.api();
    let (ann, admin) = (api.enroll("ann").await, api.enroll("admin").await);
    api.user("rita").await;
    api.user("sam").await;
    let (_run, link) = given(&api, &ann, &admin).await;
    let ends = api.all(&format!("/v1/links?user_id={}", ann.user_id)).await[0]["expires_at"].clone();
    let handed = server.cli(&["links", "hand-over", &link, "--as", "sam"]);
    let shown = String::from_utf8_lossy(&handed.stdout).into_owned();
    let says = format!("A pass. It counts once, until {}, and is shown this once:", ends.as_str().unwrap());
    assert!(shown.contains(&says), "{shown}");
    let codes: Vec<&str> = shown.lines().filter(|line| line.starts_with("    ")).map(str::trim).collect();
    assert_eq!(codes.len(), 1, "{shown}");
    let session = api.session(&ann.user_id).await;
    prove_in(&api, &session, codes[0]).await.expect(200);
}
