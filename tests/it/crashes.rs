//! kill -9 at random moments under load: nothing that was acknowledged is lost, no code is accepted twice, no failure is
//! forgotten (law 3, T-03, T-05).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::harness::{Answer, Api, Database, Noise, Phone, Server, Signal, rounds, signal};

/// Callers at once.
const CALLERS: usize = 8;
/// People looked at again after each round, so that a round costs the same however many it made.
const LOOKED_AT: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn t03_t05_kill_9_under_load_loses_nothing_that_was_acknowledged_on_sqlite() {
    kill_9_under_load(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t03_t05_kill_9_under_load_loses_nothing_that_was_acknowledged_on_postgresql() {
    kill_9_under_load(Database::Postgres).await;
}

async fn kill_9_under_load(database: Database) {
    let mut noise = Noise::seeded();
    let mut server = Server::on(database).await;
    let mut acknowledged = 0;
    for round in 0..rounds(5, 500) {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|caller| {
            tokio::spawn(call(server.api().apart(), format!("round-{round}-caller-{caller}"), Arc::clone(&stop)))
        });
        let callers: Vec<_> = callers.collect();
        sleep(noise.between(Duration::from_millis(50), Duration::from_millis(1500))).await;
        let pids = server.ready().await;
        match noise.below(5) {
            0 => signal(pids.server, Signal::KILL),
            1 => signal(pids.vault, Signal::KILL),
            _ => {
                server.kill();
                server.begin().await;
            }
        }
        stop.store(true, Ordering::SeqCst);
        let mut people = Vec::new();
        for caller in callers {
            people.extend(caller.await.unwrap());
        }
        server.ready().await;
        acknowledged += people.iter().map(Person::acknowledged).sum::<usize>();
        let recent = people.len().saturating_sub(LOOKED_AT);
        for person in &people[recent..] {
            look_again(&server.api(), person).await;
        }
    }
    println!("{acknowledged} acknowledged changes were looked at again");
    assert!(acknowledged > 0, "no load came about");
}

/// What one person's flow came to, as far as it was acknowledged.
#[derive(Debug, Default)]
struct Person {
    name: String,
    user_id: Option<String>,
    session_id: Option<String>,
    /// Confirmed, with the authenticator's id.
    enrolled: Option<(String, Phone)>,
    /// Codes that were given, and whether each was acknowledged as right.
    codes: Vec<(String, bool)>,
    /// Challenges that were acknowledged as satisfied.
    satisfied: Vec<String>,
    /// Wrong codes that were acknowledged as such.
    rejected: i64,
    /// Wrong codes of which nothing came back.
    unanswered: i64,
    /// A backup code that was acknowledged.
    used_backup_code: Option<String>,
}

impl Person {
    fn acknowledged(&self) -> usize {
        usize::from(self.user_id.is_some())
            + usize::from(self.session_id.is_some())
            + usize::from(self.enrolled.is_some())
            + self.satisfied.len()
            + usize::try_from(self.rejected).unwrap()
            + usize::from(self.used_backup_code.is_some())
    }
}

/// Takes one person after the other through the whole flow until told to stop.
async fn call(api: Api, name: String, stop: Arc<AtomicBool>) -> Vec<Person> {
    let mut people = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let mut person = Person { name: format!("{name}-{}", people.len()), ..Person::default() };
        if live(&api, &mut person).await.is_none() {
            // It was interrupted. Whoever is next may find the server up again.
            sleep(Duration::from_millis(20)).await;
        }
        people.push(person);
    }
    people
}

/// One person's flow; `None` where it was interrupted.
async fn live(api: &Api, person: &mut Person) -> Option<()> {
    let user = attempt(api, "/v1/users", json!({ "external_id": person.name }), 201).await?;
    let user_id = text(&user["id"]);
    person.user_id = Some(user_id.clone());
    let session = attempt(api, "/v1/sessions", json!({ "user_id": user_id, "amr": ["pwd"] }), 201).await?;
    person.session_id = Some(text(&session["id"]));
    let start = json!({ "session_id": session["id"], "view": "inline", "qr": "none" });
    let started = attempt(api, "/v1/enrollments", start, 201).await?;
    let phone = Phone::with_key(started["view"]["secret"].as_str().unwrap(), &started["enrollment"]);
    let now = crate::harness::real_now();

    let enrollment = text(&started["enrollment"]["id"]);
    // Codes of this step and the next: both are still good if a step ends on the way.
    let confirm = json!({ "code": phone.code_at(now) });
    let confirmed = attempt(api, &format!("/v1/enrollments/{enrollment}/confirm"), confirm, 200).await?;
    person.enrolled = Some((text(&started["enrollment"]["authenticator_id"]), phone.clone()));

    prove(api, person, &phone.code_near(now, 1)).await?;
    for _ in 0..2 {
        wrong(api, person, &phone.wrong_code(now)).await?;
    }
    let backup_code = text(&confirmed["backup_codes"][0]);
    let challenge = attempt(api, "/v1/challenges", json!({ "user_id": user_id }), 201).await?;
    let path = format!("/v1/challenges/{}/verify", text(&challenge["id"]));
    attempt(api, &path, json!({ "code": backup_code }), 200).await?;
    person.used_backup_code = Some(backup_code);
    Some(())
}

/// Gives a right code, and notes whether that was acknowledged.
async fn prove(api: &Api, person: &mut Person, code: &str) -> Option<()> {
    let challenge = attempt(api, "/v1/challenges", json!({ "session_id": person.session_id }), 201).await?;
    let id = text(&challenge["id"]);
    person.codes.push((code.to_owned(), false));
    attempt(api, &format!("/v1/challenges/{id}/verify"), json!({ "code": code }), 200).await?;
    person.codes.last_mut().unwrap().1 = true;
    person.satisfied.push(id);
    Some(())
}

/// Gives a wrong code, and counts it as answered or not.
async fn wrong(api: &Api, person: &mut Person, code: &str) -> Option<()> {
    let challenge = attempt(api, "/v1/challenges", json!({ "user_id": person.user_id }), 201).await?;
    let path = format!("/v1/challenges/{}/verify", text(&challenge["id"]));
    person.unanswered += 1;
    attempt(api, &path, json!({ "code": code }), 422).await?;
    person.unanswered -= 1;
    person.rejected += 1;
    Some(())
}

/// What a POST was answered with; `None` where nothing came back, or a 503: not acknowledged either way.
async fn attempt(api: &Api, path: &str, body: Value, wanted: u16) -> Option<Value> {
    let answer: Answer = timeout(Duration::from_secs(30), api.ask(Method::POST, path, Some(body))).await.ok()?.ok()?;
    if answer.status == 503 {
        return None;
    }
    Some(answer.expect(wanted))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Sees whether everything that was acknowledged still holds.
async fn look_again(api: &Api, person: &Person) {
    let Some(user_id) = &person.user_id else { return };
    api.get(&format!("/v1/users/{user_id}")).await.expect(200);
    let Some(session_id) = &person.session_id else { return };
    let session = api.get(&format!("/v1/sessions/{session_id}")).await.expect(200);
    let Some((authenticator_id, phone)) = &person.enrolled else { return };
    let authenticator = api.get(&format!("/v1/authenticators/{authenticator_id}")).await.expect(200);
    assert_eq!(authenticator["state"], "active", "{person:?}");
    assert_eq!(session["aal"], "aal2", "{person:?}");
    for challenge in &person.satisfied {
        let challenge = api.get(&format!("/v1/challenges/{challenge}")).await.expect(200);
        assert_eq!(challenge["state"], "satisfied", "{person:?}");
    }
    let failures = api.failures(authenticator_id).await;
    let most = person.rejected + person.unanswered;
    assert!((person.rejected..=most).contains(&failures), "{failures} failures are counted: {person:?}");
    let activated = format!("/v1/events?kind=authenticator.activated&authenticator_id={authenticator_id}");
    assert_eq!(api.all(&activated).await.len(), 1, "{person:?}");

    for (code, acknowledged) in &person.codes {
        // What was not acknowledged may have counted or not: it is given twice, and counts at most once in all.
        let mut accepted = usize::from(*acknowledged);
        for _ in 0..2 {
            accepted += usize::from(api.prove(user_id, code).await.status == 200);
        }
        assert!(accepted <= 1, "a code was accepted {accepted} times: {person:?}");
    }
    if let Some(code) = &person.used_backup_code {
        api.prove(user_id, code).await.expect_problem(422, "proof-rejected");
    }
    let now = crate::harness::real_now();
    if person.codes.iter().all(|(code, _)| *code != phone.code_near(now, 1)) && failures < 4 {
        api.prove(user_id, &phone.code_near(now, 1)).await.expect(200);
    }
}
