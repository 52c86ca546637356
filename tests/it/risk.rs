//! Signals of risk in decisions: what is new is asked about, what was proved is known, and a session that is used elsewhere is nobody's
//! until something was proved there (T-14).

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Api, Database, Enrolled, Server, Setup};
use crate::mmdb;
use crate::push;

const ENFORCEMENT: &str = r"
mfa_enforcement:
  all_users: true
  grace_period: 30_days
  exclude_service_accounts: true
  risk_based_prompting:
    - new_device: prompt_mfa
    - new_location: prompt_mfa
    - user_agent_changed: prompt_mfa
    - sensitive_action: require_mfa
";

const RULES: &str = r#"
policy:
  otherwise: allow
  rules:
    - id: new-device
      applies_to: {actions: [read]}
      when: signals.new_device
      effect: require
      level: aal2
    - id: failures
      applies_to: {actions: [write]}
      when: signals.failed_attempts || signals.push_fraud_reported
      effect: step_up
    - id: high
      applies_to: {actions: [pay]}
      when: signals.risk_score >= 50 || signals.risk_band == "high"
      effect: deny
"#;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
/// Where people are at home, and where others are.
const HOME: &str = "192.0.2.17";
const AWAY: &str = "203.0.113.9";

async fn server(database: Database, policy: &str, arguments: &[String]) -> Server {
    let folder = tempfile::tempdir().unwrap().keep();
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    let mut all = vec![format!("--policy-folder={}", folder.display())];
    all.extend_from_slice(arguments);
    Server::start(Setup { database, arguments: all, ..Setup::default() }).await
}

async fn device(api: &Api, user: &str) -> String {
    let new = json!({ "name": "laptop", "kind": "browser" });
    api.post(&format!("/v1/users/{user}/devices"), new).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn log_in(api: &Api, user: &str, device: Option<&str>, address: &str, agent: &str) -> String {
    let session =
        json!({ "user_id": user, "amr": ["pwd"], "device_id": device, "address": address, "user_agent": agent });
    api.post("/v1/sessions", session).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn decide(api: &Api, session: &str, question: Value) -> Value {
    api.post(&format!("/v1/sessions/{session}/decide"), question).await.expect(200)
}

fn read_from(address: &str, agent: &str) -> Value {
    json!({ "action": "read", "address": address, "user_agent": agent })
}

async fn prove(api: &Api, ana: &Enrolled, challenge: &Value) {
    let code = ana.phone.code_at(api.advance(60).await);
    api.verify(challenge["id"].as_str().unwrap(), &code).await.expect(200);
}

/// A signal of a decision that is raised or unknown.
fn signal<'a>(decision: &'a Value, name: &str) -> Option<&'a Value> {
    decision["signals"].as_array().unwrap().iter().find(|signal| signal["name"] == name)
}

fn outcome(decision: &Value) -> &str {
    decision["outcome"].as_str().unwrap()
}

/// Decides until something was learned, which nobody waits for.
async fn decide_until(api: &Api, session: &str, question: Value, learned: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..800 {
        let decision = decide(api, session, question.clone()).await;
        if learned(&decision) {
            return decision;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it was not learned: {}", decide(api, session, question).await)
}

async fn a_device_is_known_once_something_was_proved_on_it(database: Database) {
    let server = server(database, RULES, &[]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let laptop = device(&api, &ana.user_id).await;
    let question = json!({ "action": "read" });

    let first = log_in(&api, &ana.user_id, Some(&laptop), HOME, FIREFOX).await;
    let asked = decide(&api, &first, question.clone()).await;
    assert_eq!((outcome(&asked), asked["decided_by"].as_str()), ("step_up", Some("new-device")), "{asked}");
    let noticed = signal(&asked, "new_device").unwrap();
    assert_eq!((&noticed["value"], &noticed["weight"]), (&json!(true), &json!(35)), "{asked}");
    assert!(asked["risk"]["score_at_worst"].as_u64().unwrap() > asked["risk"]["score"].as_u64().unwrap());

    // Who was not proved is not learned of: the device is as new the next time.
    let again = log_in(&api, &ana.user_id, Some(&laptop), HOME, FIREFOX).await;
    assert_eq!(outcome(&decide(&api, &again, question.clone()).await), "step_up");

    prove(&api, &ana, &asked["challenge"]).await;
    assert_eq!(outcome(&decide(&api, &first, question.clone()).await), "allow");
    let mut known = Value::Null;
    for _ in 0..200 {
        let next = log_in(&api, &ana.user_id, Some(&laptop), HOME, FIREFOX).await;
        known = decide(&api, &next, question.clone()).await;
        if outcome(&known) == "allow" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!((outcome(&known), signal(&known, "new_device")), ("allow", None), "{known}");
    // Another one is not.
    let tablet = device(&api, &ana.user_id).await;
    let other = log_in(&api, &ana.user_id, Some(&tablet), HOME, FIREFOX).await;
    assert_eq!(outcome(&decide(&api, &other, question).await), "step_up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_known_once_something_was_proved_on_it_on_sqlite() {
    a_device_is_known_once_something_was_proved_on_it(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_known_once_something_was_proved_on_it_on_postgresql() {
    a_device_is_known_once_something_was_proved_on_it(Database::Postgres).await;
}

async fn a_stolen_cookie_gains_nothing_by_what_its_owner_proves(database: Database) {
    let server = server(database, ENFORCEMENT, &[]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let laptop = device(&api, &ana.user_id).await;
    let session = log_in(&api, &ana.user_id, Some(&laptop), HOME, FIREFOX).await;
    let asked = decide(&api, &session, read_from(HOME, FIREFOX)).await;
    assert_eq!(outcome(&asked), "step_up", "{asked}");
    prove(&api, &ana, &asked["challenge"]).await;
    for question in [json!({ "action": "read" }), read_from(HOME, FIREFOX)] {
        assert_eq!(outcome(&decide(&api, &session, question).await), "allow");
    }
    // From another address, with another browser, or both.
    for (address, agent) in [(AWAY, FIREFOX), (HOME, CHROME), (AWAY, CHROME)] {
        let stolen = decide(&api, &session, read_from(address, agent)).await;
        assert_eq!(outcome(&stolen), "step_up", "{address} {agent}: {stolen}");
        assert_eq!(signal(&stolen, "user_agent_changed").is_some(), agent == CHROME, "{stolen}");
    }
    // Its owner proves something where they are; and the thief goes on asking, as does the owner.
    let owners = api.post("/v1/challenges", json!({ "session_id": session, "action": "pay" })).await.expect(201);
    prove(&api, &ana, &owners).await;
    let thief = decide(&api, &session, read_from(AWAY, CHROME)).await;
    assert_eq!(outcome(&thief), "step_up", "{thief}");
    assert_eq!(outcome(&decide(&api, &session, read_from(HOME, FIREFOX)).await), "allow");
    // If it was the owner, on the way: what was asked there is proved, and holds there and nowhere else.
    prove(&api, &ana, &thief["challenge"]).await;
    assert_eq!(outcome(&decide(&api, &session, read_from(AWAY, CHROME)).await), "allow");
    assert_eq!(outcome(&decide(&api, &session, read_from("198.51.100.3", CHROME)).await), "step_up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_cookie_gains_nothing_by_what_its_owner_proves_on_sqlite() {
    a_stolen_cookie_gains_nothing_by_what_its_owner_proves(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_cookie_gains_nothing_by_what_its_owner_proves_on_postgresql() {
    a_stolen_cookie_gains_nothing_by_what_its_owner_proves(Database::Postgres).await;
}

/// S-09: pages on which an account is changed open where the session began, or where something was proved.
#[tokio::test(flavor = "multi_thread")]
async fn s09_a_stolen_cookie_opens_no_page_on_what_its_owner_proved() {
    let server = server(Database::Sqlite, ENFORCEMENT, &[]).await;
    let api = server.api();
    let me = api.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned();
    let origins = json!({ "return_origins": ["https://shop.example.org"] });
    api.patch(&format!("/v1/applications/{me}"), origins).await.expect(200);
    let ana = api.enroll("ana").await;
    let session = log_in(&api, &ana.user_id, None, HOME, FIREFOX).await;
    let asked = decide(&api, &session, read_from(HOME, FIREFOX)).await;
    prove(&api, &ana, &asked["challenge"]).await;
    let page = async |purpose: &str, address: &str, agent: &str| {
        let new = json!({ "purpose": purpose, "session_id": session, "return_url": "https://shop.example.org/back",
            "address": address, "user_agent": agent });
        api.post("/v1/pages", new).await
    };
    for purpose in ["enroll", "security"] {
        page(purpose, HOME, FIREFOX).await.expect(201);
        page(purpose, AWAY, FIREFOX).await.expect_problem(403, "step-up-needed");
        page(purpose, HOME, CHROME).await.expect_problem(403, "step-up-needed");
    }
    // What is proved elsewhere, asked for from there, opens it there.
    let asked = decide(&api, &session, read_from(AWAY, CHROME)).await;
    assert_eq!(outcome(&asked), "step_up", "{asked}");
    page("enroll", AWAY, CHROME).await.expect_problem(403, "step-up-needed");
    prove(&api, &ana, &asked["challenge"]).await;
    page("enroll", AWAY, CHROME).await.expect(201);
}

/// Two countries, with a city each.
fn two_countries() -> Vec<u8> {
    use mmdb::Value::{Bool, Double, Map, Text};
    let place = |country: &str, city: &str, latitude, longitude| {
        Map(vec![
            ("country", Map(vec![("iso_code", Text(country.to_owned()))])),
            ("city", Map(vec![("names", Map(vec![("en", Text(city.to_owned()))]))])),
            ("is_anonymous", Bool(false)),
            ("location", Map(vec![("latitude", Double(latitude)), ("longitude", Double(longitude))])),
        ])
    };
    mmdb::database(&[
        ("192.0.2.0/24".to_owned(), place("DE", "Berlin", 52.5, 13.4)),
        ("203.0.113.0/24".to_owned(), place("BR", "Recife", -8.05, -34.9)),
    ])
}

fn file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_database_places_are_known_and_nobody_travels_faster_than_a_plane() {
    let folder = tempfile::tempdir().unwrap();
    let geo = file(folder.path(), "places.mmdb", &two_countries());
    let block = file(folder.path(), "bad.txt", b"198.51.100.0/24 # tried us\n");
    let arguments = [format!("--risk-geo={geo}"), format!("--risk-block-lists={block}")];
    let server = server(Database::Sqlite, ENFORCEMENT, &arguments).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let laptop = device(&api, &ana.user_id).await;
    let first = log_in(&api, &ana.user_id, Some(&laptop), HOME, FIREFOX).await;
    let asked = decide(&api, &first, json!({ "action": "read" })).await;
    assert_eq!(signal(&asked, "new_location").unwrap()["value"], json!(true), "{asked}");
    prove(&api, &ana, &asked["challenge"]).await;
    // Another address of the same city, in the same session: known, once that was learned.
    let near = decide_until(&api, &first, read_from("192.0.2.200", FIREFOX), |d| outcome(d) == "allow").await;
    assert!(signal(&near, "impossible_travel").is_none(), "{near}");
    let far = decide(&api, &first, read_from(AWAY, FIREFOX)).await;
    assert_eq!(outcome(&far), "step_up", "{far}");
    for raised in ["new_location", "impossible_travel"] {
        assert_eq!(signal(&far, raised).unwrap()["value"], json!(true), "{raised}: {far}");
    }
    assert_eq!(far["risk"]["band"], "high", "{far}");
    let listed = decide(&api, &first, read_from("198.51.100.3", FIREFOX)).await;
    let explained = signal(&listed, "address_list").unwrap()["explanation"].as_str().unwrap().to_owned();
    assert!(explained.contains("bad"), "{explained}");
}

/// S-03, T-14: lists change while the server runs, and one that does not hold opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn t14_a_list_that_changes_is_read_again_and_one_that_does_not_hold_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let put = |text: &[u8]| {
        let next = file(folder.path(), "bad.next", text);
        std::fs::rename(next, folder.path().join("bad.txt")).unwrap();
    };
    put(b"192.0.2.1\n");
    let list = folder.path().join("bad.txt");
    let policy =
        "policy:\n  otherwise: allow\n  rules:\n    - {id: listed, when: signals.address_list, effect: deny}\n";
    let server = server(Database::Sqlite, policy, &[format!("--risk-block-lists={}", list.display())]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = log_in(&api, &ana.user_id, None, HOME, FIREFOX).await;
    let from = |address: &str| read_from(address, FIREFOX);
    assert_eq!(outcome(&decide(&api, &session, from("192.0.2.1")).await), "deny");
    assert_eq!(outcome(&decide(&api, &session, from(AWAY)).await), "allow");
    put(format!("{AWAY}\n198.51.100.0/24\n").as_bytes());
    decide_until(&api, &session, from(AWAY), |decision| outcome(decision) == "deny").await;
    assert_eq!(outcome(&decide(&api, &session, from("192.0.2.1")).await), "allow");
    put(b"192.0.2.1\nexample.com\n");
    said(&server, "bad.txt:2: `example.com` is neither").await;
    assert_eq!(outcome(&decide(&api, &session, from(AWAY)).await), "deny", "what was read before goes on");
    put(b"192.0.2.1\n");
    decide_until(&api, &session, from("192.0.2.1"), |decision| outcome(decision) == "deny").await;
}

async fn said(server: &Server, words: &str) {
    for _ in 0..400 {
        if server.log().contains(words) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not say {words:?}: {}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_without_a_database_places_are_unknown_and_prompt_whoever_can_be_asked() {
    let server = server(Database::Sqlite, ENFORCEMENT, &[]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = log_in(&api, &ana.user_id, None, HOME, FIREFOX).await;
    let asked = decide(&api, &session, json!({ "action": "read" })).await;
    assert_eq!(outcome(&asked), "step_up");
    assert_eq!(signal(&asked, "new_location").unwrap()["value"], Value::Null, "{asked}");
    let reasons = asked["reasons"].as_array().unwrap();
    assert!(reasons.iter().any(|reason| reason["rule"] == "mfa_enforcement.new_location"), "{asked}");
    prove(&api, &ana, &asked["challenge"]).await;
    assert_eq!(outcome(&decide(&api, &session, json!({ "action": "read" })).await), "allow");
    // Who has nothing to be asked for is in grace.
    let ben = api.user("ben").await;
    let session = log_in(&api, &ben, None, HOME, FIREFOX).await;
    let grace = decide(&api, &session, json!({ "action": "read" })).await;
    assert_eq!((outcome(&grace), grace["grace_ends"].is_string()), ("allow", true), "{grace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_and_reports_of_fraud_are_signals_until_something_is_proved() {
    let server = server(Database::Sqlite, RULES, &[]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let question = json!({ "action": "write" });
    assert_eq!(outcome(&decide(&api, &session, question.clone()).await), "allow");
    let challenge = api.challenge_in(&session).await;
    for wrong in ["000000", "111111", "222222"] {
        assert_ne!(api.verify(&challenge, wrong).await.status, 200);
    }
    let failed = decide_until(&api, &session, question.clone(), |d| outcome(d) == "step_up").await;
    assert!(signal(&failed, "failed_attempts").is_some(), "{failed}");

    let zoe = push::connect(&api, "zoe").await;
    let stolen = api.session(&zoe.user).await;
    assert_eq!(outcome(&decide(&api, &stolen, question.clone()).await), "allow");
    push::push(&api, &api.challenge_in(&stolen).await).await.expect(201);
    let asked = zoe.app.asked().await;
    zoe.app.answers(&asked, "fraud", None).await.expect(200);
    let reported = decide_until(&api, &stolen, question, |d| outcome(d) == "step_up").await;
    assert_eq!(signal(&reported, "push_fraud_reported").unwrap()["weight"], json!(60), "{reported}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_adds_to_the_signals_and_takes_nothing_from_them() {
    let server = server(Database::Sqlite, RULES, &[]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let laptop = device(&api, &ana.user_id).await;
    let new = log_in(&api, &ana.user_id, Some(&laptop), HOME, FIREFOX).await;
    let says = |name: &str, value: bool, weight: u16| json!({ "action": "read", "signals": [{ "name": name, "value": value, "weight": weight }] });
    // Ours is known, and stands.
    assert_eq!(outcome(&decide(&api, &new, says("new_device", false, 0)).await), "step_up");
    // Ours is unknown: nobody said which device it is. What the application says stands.
    let untold = api.session(&ana.user_id).await;
    assert_eq!(outcome(&decide(&api, &untold, json!({ "action": "read" })).await), "step_up");
    assert_eq!(outcome(&decide(&api, &untold, says("new_device", false, 0)).await), "allow");
    assert_eq!(outcome(&decide(&api, &untold, says("new_device", true, 35)).await), "step_up");
    // Its own count towards the score.
    let pay = json!({ "action": "pay", "signals": [{ "name": "mule", "value": true, "weight": 90 }] });
    let high = decide(&api, &untold, pay).await;
    assert_eq!((outcome(&high), high["decided_by"].as_str()), ("deny", Some("high")), "{high}");
    assert!(high["signals"].as_array().unwrap().iter().all(|s| !s["name"].as_str().unwrap().starts_with("risk_")));
    let taken = api.post(&format!("/v1/sessions/{untold}/decide"), says("risk_score", false, 0)).await;
    taken.expect_problem(422, "invalid-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_is_coarse_and_goes_with_the_user() {
    let server = server(Database::Sqlite, RULES, &[]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let laptop = device(&api, &ana.user_id).await;
    let session = log_in(&api, &ana.user_id, Some(&laptop), HOME, FIREFOX).await;
    let asked = decide(&api, &session, json!({ "action": "read" })).await;
    prove(&api, &ana, &asked["challenge"]).await;
    let store = rusqlite::Connection::open(server.sqlite()).unwrap();
    let count = |sql: &str| -> i64 { store.query_row(sql, [], |row| row.get(0)).unwrap() };
    for _ in 0..200 {
        if count("SELECT count(*) FROM risk_histories") == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(count("SELECT count(*) FROM risk_histories"), 1);
    let kept: Vec<Vec<u8>> = store
        .prepare("SELECT history FROM risk_histories UNION ALL SELECT risk FROM sessions")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for bytes in &kept {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(HOME) && !text.contains("Mozilla"), "{text}");
        assert!(!bytes.windows(4).any(|window| window == [192, 0, 2, 17]), "{bytes:?}");
    }
    api.delete(&format!("/v1/users/{}", ana.user_id)).await.expect(204);
    assert_eq!(count("SELECT count(*) FROM risk_histories"), 0);
    assert_eq!(count("SELECT count(*) FROM sessions"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_files_that_do_not_hold_start_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let whole = two_countries();
    let cut = file(folder.path(), "cut.mmdb", &whole[..whole.len() / 2]);
    let none = file(folder.path(), "none.mmdb", b"no database at all");
    let list = file(folder.path(), "list.txt", b"192.0.2.1\nexample.com\n");
    let networks = file(folder.path(), "networks.txt", b"AS64500 vpm\n");
    let missing = folder.path().join("missing.mmdb").display().to_string();
    let mut server = Server::new().await;
    server.kill();
    for (argument, said) in [
        (format!("--risk-geo={cut}"), "cut.mmdb: is no whole database"),
        (format!("--risk-geo={none}"), "none.mmdb: is no whole database"),
        (format!("--risk-geo={missing}"), "missing.mmdb cannot be read"),
        (format!("--risk-block-lists={list}"), "list.txt:2: `example.com` is neither"),
        (format!("--risk-allow-lists={list}"), "list.txt:2: `example.com` is neither"),
        (format!("--risk-networks={networks}"), "networks.txt:1: `AS64500 vpm` is not"),
        ("--risk-thresholds=loose".to_owned(), "`loose` is not one of relaxed, standard, strict"),
    ] {
        server.setup().arguments = vec![argument.clone()];
        let (status, error) = server.begin_in_vain();
        assert_eq!(status.code(), Some(78), "{argument}: {error}");
        assert!(error.contains(said), "{argument}: {error}");
    }
    server.setup().arguments = Vec::new();
    server.begin().await;
}
