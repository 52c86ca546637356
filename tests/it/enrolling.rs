//! Who may enroll, what is told of it, and what an authenticator app is given (P-06, P-08, P-10, I-01, I-05).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, Api, Database, Phone, Server, Started};

/// The default of `enrollment.max_session_age`, seconds.
const SESSION_AGE: i64 = 15 * 60;

/// Asks for an enrollment in a session.
async fn wish(api: &Api, session_id: &str) -> Answer {
    api.post("/v1/enrollments", json!({ "session_id": session_id, "view": "inline" })).await
}

/// The app that holds the key of an enrollment whose view came at once.
fn phone_of(started: &Started) -> Phone {
    Phone::with_key(started.answer["view"]["secret"].as_str().unwrap(), &started.answer["enrollment"])
}

/// The newest event of a kind.
async fn newest(api: &Api, kind: &str) -> Value {
    let page = api.get(&format!("/v1/events?kind={kind}&order=desc&limit=1")).await.expect(200);
    page["items"][0].clone()
}

/// That a refusal was told of, with who asked, for whom, in which session and from where.
async fn assert_refusal_told(api: &Api, user_id: &str, session_id: &str) {
    let event = newest(api, "enrollment.refused").await;
    assert_eq!(event["about"]["user"], user_id, "{event}");
    assert_eq!(event["about"]["session"], session_id, "{event}");
    assert_eq!(event["details"]["address"], "127.0.0.1", "{event}");
    assert!(event["application_id"].as_str().is_some_and(|id| id.starts_with("app_")), "{event}");
    assert!(event["data"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_a_session_that_is_too_old_or_over_enrolls_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    api.advance(SESSION_AGE + 1).await;
    wish(&api, &session).await.expect_problem(403, "step-up-needed");
    assert_refusal_told(&api, &user, &session).await;

    // What counts is the log-in, not when it was told of.
    let now = api.now().await;
    let old = json!({ "user_id": user, "amr": ["pwd"], "authenticated_at": rfc3339(now - (SESSION_AGE + 1) * 1000) });
    let old = api.post("/v1/sessions", old).await.expect(201)["id"].as_str().unwrap().to_owned();
    wish(&api, &old).await.expect_problem(403, "step-up-needed");
    assert_refusal_told(&api, &user, &old).await;

    let ended = api.session(&user).await;
    api.delete(&format!("/v1/sessions/{ended}")).await.expect(204);
    wish(&api, &ended).await.expect_problem(410, "session-over");
    assert_refusal_told(&api, &user, &ended).await;

    let short = json!({ "user_id": user, "amr": ["pwd"], "expires_in": 60 });
    let short = api.post("/v1/sessions", short).await.expect(201)["id"].as_str().unwrap().to_owned();
    api.advance(61).await;
    wish(&api, &short).await.expect_problem(410, "session-over");
    assert_refusal_told(&api, &user, &short).await;

    assert!(api.all(&format!("/v1/users/{user}/authenticators")).await.is_empty());
    wish(&api, &api.session(&user).await).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_a_session_of_another_application_is_none() {
    let server = Server::new().await;
    let api = server.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    // Not even an administrator's: whose log-in it was is what makes it trusted.
    let other = json!({ "name": "other", "scopes": ["admin"] });
    let other = api.post("/v1/applications", other).await.expect(201);
    let stranger = api.with_key(other["api_key"]["key"].as_str().unwrap());
    let refused = wish(&stranger, &session).await;
    refused.expect_problem(404, "not-found");
    // Byte for byte as for a session that nobody has.
    let nobodys = wish(&stranger, &format!("ses_{}", "0".repeat(32))).await;
    assert_eq!(refused.without_date(), nobodys.without_date());
    let events = api.all("/v1/events?kind=enrollment.refused").await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[0]["application_id"], other["application"]["id"]);
    assert_eq!(events[0]["about"]["session"], session.as_str());
    assert_eq!(events[0]["details"]["address"], "127.0.0.1");

    let started = api.start_in(&user, &session, json!({ "view": "inline" })).await;
    let path = format!("/v1/enrollments/{}", started.enrollment_id);
    stranger.get(&path).await.expect_problem(404, "not-found");
    stranger.get(&format!("{path}/view")).await.expect_problem(404, "not-found");
    stranger.delete(&path).await.expect_problem(404, "not-found");
    stranger.post(&format!("{path}/retry"), json!({})).await.expect_problem(404, "not-found");
    let now = api.now().await;
    let code = phone_of(&started).code_at(now);
    stranger.confirm(&started.enrollment_id, &code).await.expect_problem(404, "not-found");
    api.confirm(&started.enrollment_id, &code).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_a_suspended_user_enrolls_nothing_nor_ends_what_was_begun() {
    let server = Server::new().await;
    let api = server.api();
    let begun = api.start("ana", json!({ "view": "inline" })).await;
    let unseen = api.start_in(&begun.user_id, &begun.session_id, json!({})).await;
    let user = begun.user_id.clone();
    api.post(&format!("/v1/users/{user}/suspend"), json!({})).await.expect(200);
    let refused = wish(&api, &begun.session_id).await;
    assert!(refused.status == 409 || refused.status == 410, "{refused}");
    assert_refusal_told(&api, &user, &begun.session_id).await;
    let view = api.get(&format!("/v1/enrollments/{}/view", unseen.enrollment_id)).await;
    assert!(view.status == 409 || view.status == 410, "{view}");
    let now = api.now().await;
    let confirmed = api.confirm(&begun.enrollment_id, &phone_of(&begun).code_at(now)).await;
    assert!(confirmed.status == 409 || confirmed.status == 410, "{confirmed}");
    for authenticator in api.all(&format!("/v1/users/{user}/authenticators")).await {
        assert_ne!(authenticator["state"], "active", "{authenticator}");
    }
    api.post(&format!("/v1/users/{user}/resume"), json!({})).await.expect(200);
    wish(&api, &api.session(&user).await).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_a_second_authenticator_needs_the_first_proved_in_the_session() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    wish(&api, &session).await.expect_problem(403, "step-up-needed");
    assert_refusal_told(&api, &ana.user_id, &session).await;

    // Proved, but not in this session.
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
    wish(&api, &session).await.expect_problem(403, "step-up-needed");

    let now = api.advance(60).await;
    let challenge = api.challenge_in(&session).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    wish(&api, &session).await.expect(201);
    // … and long ago is as good as not at all.
    api.advance(SESSION_AGE + 1).await;
    wish(&api, &session).await.expect_problem(403, "step-up-needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_one_that_is_suspended_is_an_authenticator_too() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    for authenticator in api.all(&format!("/v1/users/{}/authenticators", ana.user_id)).await {
        let path = format!("/v1/authenticators/{}/suspend", authenticator["id"].as_str().unwrap());
        assert_eq!(api.post(&path, json!({})).await.expect(200)["state"], "suspended");
    }
    let session = api.session(&ana.user_id).await;
    wish(&api, &session).await.expect_problem(403, "step-up-needed");
    assert_refusal_told(&api, &ana.user_id, &session).await;
    // What is gone for good binds nobody any more.
    for authenticator in api.all(&format!("/v1/users/{}/authenticators", ana.user_id)).await {
        let path = format!("/v1/authenticators/{}/revoke", authenticator["id"].as_str().unwrap());
        api.post(&path, json!({})).await.expect(200);
    }
    wish(&api, &session).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_what_was_begun_before_the_first_authenticator_needs_it_too_on_sqlite() {
    begun_before_the_first(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_what_was_begun_before_the_first_authenticator_needs_it_too_on_postgresql() {
    begun_before_the_first(Database::Postgres).await;
}

/// Somebody who has the password alone begins to enroll before the owner does, and ends it after.
async fn begun_before_the_first(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let mallory = api.start("ana", json!({ "view": "inline" })).await;
    let session = api.session(&mallory.user_id).await;
    let owner = api.start_in(&mallory.user_id, &session, json!({ "view": "inline" })).await;
    let second = api.start_in(&mallory.user_id, &session, json!({ "view": "inline" })).await;
    let now = api.now().await;
    api.confirm(&owner.enrollment_id, &phone_of(&owner).code_at(now)).await.expect(200);
    let refused = api.confirm(&mallory.enrollment_id, &phone_of(&mallory).code_at(now)).await;
    refused.expect_problem(403, "step-up-needed");
    assert_refusal_told(&api, &mallory.user_id, &mallory.session_id).await;
    let path = format!("/v1/authenticators/{}", mallory.authenticator_id);
    assert_eq!(api.get(&path).await.expect(200)["state"], "pending");
    // The owner's own second one is proved by the first, which raised the session.
    api.confirm(&second.enrollment_id, &phone_of(&second).code_at(now)).await.expect(200);

    // All at once: one alone is the first.
    let user = api.user("ben").await;
    let mut begun = Vec::new();
    for _ in 0..5 {
        let session = api.session(&user).await;
        begun.push(api.start_in(&user, &session, json!({ "view": "inline" })).await);
    }
    let now = api.now().await;
    let tries = begun.iter().map(|started| {
        let (api, started) = (api.apart(), started.clone());
        async move { api.confirm(&started.enrollment_id, &phone_of(&started).code_at(now)).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p08_every_attempt_is_told_of_and_no_key_in_it() {
    let server = Server::new().await;
    let api = server.api();
    let started = api.start("ana", json!({ "view": "inline" })).await;
    let phone = phone_of(&started);
    let now = api.now().await;
    let wrong = phone.wrong_code(now);
    api.confirm(&started.enrollment_id, &wrong).await.expect_problem(422, "proof-rejected");
    let code = phone.code_at(now);
    let codes = api.confirm(&started.enrollment_id, &code).await.expect(200)["backup_codes"].clone();
    let cancelled = api.start("ben", json!({})).await;
    api.delete(&format!("/v1/enrollments/{}", cancelled.enrollment_id)).await.expect(204);

    let me = api.get("/v1/whoami").await.expect(200)["application"]["id"].clone();
    let kinds = |events: &[Value]| -> Vec<String> {
        events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    let of = |user: &str| format!("/v1/events?user_id={user}&order=asc");
    let events: Vec<Value> = api.all(&of(&started.user_id)).await;
    let attempt: Vec<Value> = events.into_iter().filter(|event| event["about"]["enrollment"].is_string()).collect();
    assert_eq!(
        kinds(&attempt),
        [
            "enrollment.started",
            "enrollment.viewed",
            "enrollment.rejected",
            "enrollment.confirmed",
            "authenticator.activated",
            "authenticator.activated",
        ]
    );
    for event in &attempt {
        assert_eq!(event["application_id"], me, "{event}");
        assert_eq!(event["about"]["user"], started.user_id.as_str(), "{event}");
        assert_eq!(event["about"]["session"], started.session_id.as_str(), "{event}");
        assert_eq!(event["about"]["enrollment"], started.enrollment_id.as_str(), "{event}");
        assert_eq!(event["details"]["address"], "127.0.0.1", "{event}");
    }
    let events = api.all(&of(&cancelled.user_id)).await;
    assert!(kinds(&events).contains(&"enrollment.cancelled".to_owned()), "{events:?}");

    let everything = format!("{:?}", api.all("/v1/events").await);
    let secret = started.answer["view"]["secret"].as_str().unwrap();
    let hex = data_encoding::HEXLOWER.encode(&phone.key);
    let mut secrets = vec![secret.to_owned(), hex, data_encoding::BASE64.encode(&phone.key)];
    secrets.extend(codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()));
    for secret in secrets {
        assert!(!everything.contains(&secret), "{secret} stands in an event");
    }
    assert!(!everything.contains("otpauth"));
}

#[tokio::test(flavor = "multi_thread")]
async fn i05_ten_backup_codes_come_with_the_first_authenticator_each_good_once() {
    let mut server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    assert_eq!(ana.backup_codes.len(), 10);
    assert_eq!(ana.backup_codes.iter().collect::<BTreeSet<_>>().len(), 10);
    for code in &ana.backup_codes {
        let groups: Vec<&str> = code.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4, 4, 4], "{code}");
        let good = |b: u8| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b));
        assert!(groups.concat().bytes().all(good), "{code}");
    }
    let sets = api.all(&format!("/v1/users/{}/authenticators", ana.user_id)).await;
    let set = sets.iter().find(|a| a["kind"] == "backup_codes").unwrap()["id"].as_str().unwrap().to_owned();
    for (used, code) in ana.backup_codes.iter().enumerate() {
        api.prove(&ana.user_id, code).await.expect(200);
        let left = api.get(&format!("/v1/authenticators/{set}")).await.expect(200)["codes_left"].clone();
        assert_eq!(left, 9 - used);
        // A used one is a failure like any other: let the wait for the next try pass.
        api.prove(&ana.user_id, code).await.expect_problem(422, "proof-rejected");
        api.advance(SESSION_AGE + 1).await;
    }

    // A second authenticator brings none.
    let session = api.session(&ana.user_id).await;
    let now = api.advance(60).await;
    let challenge = api.challenge_in(&session).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let second = api.start_in(&ana.user_id, &session, json!({ "view": "inline" })).await;
    let phone = phone_of(&second);
    assert!(api.finish(second, phone).await.backup_codes.is_empty());

    // Of the codes nothing is stored but keyed hashes: neither as shown nor as bits, nor hashed without a key.
    server.stop();
    let mut stored = Vec::new();
    let mut folders = vec![server.data()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                stored.extend(std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let has = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"backup_codes"), "what is looked through is not the store");
    for code in &ana.backup_codes {
        for written in [code.clone(), code.replace('-', ""), code.to_lowercase(), code.replace('-', "").to_lowercase()]
        {
            assert!(!has(written.as_bytes()), "{written} is stored");
            assert!(!has(&sha256(written.as_bytes())), "the plain hash of {written} is stored");
        }
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn i01_every_algorithm_length_and_period_verifies_with_an_app_that_is_not_ours() {
    let server = Server::new().await;
    let api = server.api();
    for algorithm in ["SHA1", "SHA256", "SHA512"] {
        for digits in [6, 8] {
            for period in [30, 60] {
                let name = format!("{algorithm}-{digits}-{period}");
                let more = json!({ "algorithm": algorithm, "digits": digits, "period": period, "view": "inline" });
                let started = api.start(&name, more).await;
                let uri = started.answer["view"]["uri"].as_str().unwrap();
                assert!(uri.starts_with("otpauth://totp/"), "{uri}");
                let phone = phone_of(&started);
                steps(&api, &started, &phone, period, digits).await;
            }
        }
    }
}

/// One step early and late count, two do not, and each step counts once.
async fn steps(api: &Api, started: &Started, phone: &Phone, period: i64, digits: usize) {
    // In the middle of a step, so that none ends meanwhile.
    let now = api.now().await / 1000;
    let now = api.advance((period - now % period) + period / 2).await;
    for steps in [-2, 2] {
        let code = phone.code_near(now, steps);
        assert_eq!(code.len(), digits);
        api.confirm(&started.enrollment_id, &code).await.expect_problem(422, "proof-rejected");
    }
    api.confirm(&started.enrollment_id, &phone.code_near(now, -1)).await.expect(200);
    for steps in [0, 1] {
        let code = phone.code_near(now, steps);
        api.prove(&started.user_id, &code).await.expect(200);
        api.prove(&started.user_id, &code).await.expect_problem(422, "proof-rejected");
    }
    let now = api.advance(period * 5).await;
    for steps in [-2, 2] {
        let code = phone.code_near(now, steps);
        api.prove(&started.user_id, &code).await.expect_problem(422, "proof-rejected");
    }
    api.prove(&started.user_id, &phone.code_near(now, -1)).await.expect(200);
    api.prove(&started.user_id, &phone.code_near(now, 1)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_view_and_enrollment_end_with_their_time() {
    let server = Server::new().await;
    let api = server.api();
    let late = api.start("ana", json!({})).await;
    api.advance(5 * 60 - 10).await;
    let state = |enrollment: &Started| format!("/v1/enrollments/{}", enrollment.enrollment_id);
    assert_eq!(api.get(&state(&late)).await.expect(200)["state"], "started");
    api.advance(11).await;
    api.get(&format!("{}/view", state(&late))).await.expect_problem(410, "view-expired");
    assert_eq!(api.get(&state(&late)).await.expect(200)["state"], "expired");

    let slow = api.start("ben", json!({ "view": "inline" })).await;
    let phone = phone_of(&slow);
    let now = api.advance(15 * 60 + 1).await;
    api.confirm(&slow.enrollment_id, &phone.code_at(now)).await.expect_problem(410, "enrollment-over");
    assert_eq!(api.get(&state(&slow)).await.expect(200)["state"], "expired");
    api.prove(&slow.user_id, &phone.code_at(now)).await.expect_problem(422, "proof-rejected");

    let cancelled = api.start("cleo", json!({ "view": "inline" })).await;
    let phone = phone_of(&cancelled);
    api.delete(&state(&cancelled)).await.expect(204);
    api.delete(&state(&cancelled)).await.expect_problem(410, "enrollment-over");
    let now = api.now().await;
    api.confirm(&cancelled.enrollment_id, &phone.code_at(now)).await.expect_problem(410, "enrollment-over");
    api.post(&format!("{}/retry", state(&cancelled)), json!({})).await.expect_problem(410, "enrollment-over");
    assert_eq!(api.get(&state(&cancelled)).await.expect(200)["state"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_a_retry_brings_a_new_key_and_ends_the_old_one_while_the_session_counts() {
    let server = Server::new().await;
    let api = server.api();
    let started = api.start("ana", json!({ "view": "inline" })).await;
    let path = format!("/v1/enrollments/{}", started.enrollment_id);
    let old = phone_of(&started);
    let again = api.post(&format!("{path}/retry"), json!({})).await.expect(200);
    assert_eq!(again["state"], "started");
    let now = api.now().await;
    let early = api.confirm(&started.enrollment_id, &old.code_at(now)).await;
    early.expect_problem(409, "conflict");
    let view = api.get(&format!("{path}/view")).await.expect(200);
    let new = Phone::with_key(view["secret"].as_str().unwrap(), &again);
    assert_ne!(old.key, new.key);
    api.confirm(&started.enrollment_id, &old.code_at(now)).await.expect_problem(422, "proof-rejected");
    api.confirm(&started.enrollment_id, &new.code_at(now)).await.expect(200);
    api.post(&format!("{path}/retry"), json!({})).await.expect_problem(410, "enrollment-over");

    let stale = api.start("ben", json!({ "view": "inline" })).await;
    api.advance(SESSION_AGE + 1).await;
    let path = format!("/v1/enrollments/{}", stale.enrollment_id);
    api.post(&format!("{path}/retry"), json!({})).await.expect_problem(403, "step-up-needed");
    assert_refusal_told(&api, &stale.user_id, &stale.session_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_of_a_retry_and_a_confirmation_at_once_one_counts_on_sqlite() {
    retry_against_confirm(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_of_a_retry_and_a_confirmation_at_once_one_counts_on_postgresql() {
    retry_against_confirm(Database::Postgres).await;
}

async fn retry_against_confirm(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    for round in 0..crate::harness::rounds(20, 1000) {
        let started = api.start(&format!("ana-{round}"), json!({ "view": "inline" })).await;
        let phone = phone_of(&started);
        let code = phone.code_at(api.now().await);
        let path = format!("/v1/enrollments/{}", started.enrollment_id);
        let (confirming, retrying) = (api.apart(), api.apart());
        let retry = format!("{path}/retry");
        let (confirmed, retried) =
            tokio::join!(confirming.confirm(&started.enrollment_id, &code), retrying.post(&retry, json!({})));
        let state = api.get(&path).await.expect(200)["state"].clone();
        let authenticator = api.get(&format!("/v1/authenticators/{}", started.authenticator_id)).await.expect(200);
        match (confirmed.status, retried.status) {
            (200, 403 | 410) => {
                assert_eq!((state.as_str(), authenticator["state"].as_str()), (Some("confirmed"), Some("active")));
            }
            (409 | 410 | 422, 200) => {
                assert_eq!((state.as_str(), authenticator["state"].as_str()), (Some("started"), Some("pending")));
                let view = api.get(&format!("{path}/view")).await.expect(200);
                let new = Phone::with_key(view["secret"].as_str().unwrap(), &started.answer["enrollment"]);
                let now = api.now().await;
                api.confirm(&started.enrollment_id, &new.code_at(now)).await.expect(200);
            }
            _ => panic!("both counted, or neither: {confirmed} and {retried}"),
        }
    }
}

/// A time as the API takes it.
fn rfc3339(millis: i64) -> String {
    let days = millis.div_euclid(86_400_000);
    let rest = millis.rem_euclid(86_400_000) / 1000;
    // The civil calendar, from days since 0000-03-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let (day, month_of_year) =
        (day_of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year_of_era + era * 400 + i64::from(month_of_year <= 2);
    format!("{year:04}-{month_of_year:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}
