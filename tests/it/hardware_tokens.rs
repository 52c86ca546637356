//! Hardware tokens: imported by the command line in a sealed file, enrolled by their serial numbers (I-02).

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Answer, Api, Database, Server, Token};
use crate::recipient::sealed_tokens;

const KEY: &[u8] = b"12345678901234567890";

/// A key of our own for each token, that nothing else looks like.
fn key(number: u8) -> Vec<u8> {
    (0..20).map(|byte| byte * 11 + number).collect()
}

/// Runs `countersign tokens …`.
fn tokens(server: &Server, arguments: &[&str]) -> Output {
    server.cli(&[&["tokens"], arguments].concat())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn file(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Imports lines of serial numbers and keys.
fn import(server: &Server, folder: &TempDir, lines: &str) -> Value {
    let path = file(folder, "tokens.csv", lines.as_bytes());
    let output = tokens(server, &["import", path.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Imports a sealed file, with an `Idempotency-Key`; again while the vault has others to open.
async fn import_once(api: &Api, key: &str, file: &Value) -> Answer {
    loop {
        let request = api.request(Method::POST, "/v1/hardware-tokens").header("idempotency-key", key).json(file);
        let answer = Api::answer(request).await.unwrap();
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The serial numbers that an import took, and those that it did not.
fn serials(answer: &Answer) -> [Vec<String>; 2] {
    let said = answer.expect(200);
    ["tokens", "refused"].map(|list| {
        let each = said[list].as_array().unwrap().iter();
        let mut serials: Vec<String> = each.map(|token| token["serial"].as_str().unwrap().to_owned()).collect();
        serials.sort();
        serials
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_file_that_is_sent_twice_is_imported_once_on_sqlite() {
    a_file_that_is_sent_twice_is_imported_once(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_file_that_is_sent_twice_is_imported_once_on_postgresql() {
    a_file_that_is_sent_twice_is_imported_once(Database::Postgres).await;
}

async fn a_file_that_is_sent_twice_is_imported_once(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let import_key = api.get("/v1/hardware-tokens/import-key").await.expect(200)["key"].as_str().unwrap().to_owned();
    let line = |serial: &str, number: u8| format!("{serial},{},0\n", Token::new(&key(number), 0).hex());
    let before = sealed_tokens(&import_key, &format!("serial,secret,counter\n{}", line("A0", 1)));
    let of_two = format!("serial,secret,counter\n{}{}{}B9,nonsense\n", line("A0", 1), line("B1", 2), line("B2", 3));
    let of_two = sealed_tokens(&import_key, &of_two);
    assert_eq!(serials(&import_once(&api, "zero", &before).await), [vec!["A0"], vec![]]);

    // Eight at once are one: each is told what that one brought.
    let many = join_all((0..8).map(|_| import_once(&api, "one", &of_two))).await;
    let replayed = |answer: &Answer| answer.headers.contains_key("idempotency-replayed");
    assert_eq!(many.iter().filter(|answer| !replayed(answer)).count(), 1);
    for answer in &many {
        assert_eq!(serials(answer), [vec!["B1", "B2"], vec!["A0", "B9"]], "{answer}");
    }
    let told = api.all("/v1/events?kind=hardware_token.imported").await;
    assert_eq!(told.len(), 3);
    // With another key, and without one, it is a file of tokens that are there.
    for _ in 0..2 {
        let other = import_once(&api, "two", &of_two).await;
        assert_eq!(serials(&other), [vec![], vec!["A0", "B1", "B2", "B9"]]);
    }
    let bare = api.post("/v1/hardware-tokens", of_two.clone()).await;
    assert_eq!((serials(&bare)[0].len(), replayed(&bare)), (0, false));
    // And the key is good for nothing else.
    import_once(&api, "one", &before).await.expect_problem(422, "idempotency-mismatch");
    let request = api.request(Method::POST, "/v1/users").header("idempotency-key", "one");
    let user = Api::answer(request.json(&json!({ "external_id": "ana" }))).await.unwrap();
    user.expect_problem(422, "idempotency-mismatch");
}

async fn start(api: &Api, user: &str, serial: &str) -> Answer {
    let session = api.session(user).await;
    api.post("/v1/enrollments", json!({ "session_id": session, "kind": "hotp", "serial": serial })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn i02_a_token_is_imported_enrolled_and_used_on_sqlite() {
    a_token_is_imported_enrolled_and_used(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i02_a_token_is_imported_enrolled_and_used_on_postgresql() {
    a_token_is_imported_enrolled_and_used(Database::Postgres).await;
}

async fn a_token_is_imported_enrolled_and_used(database: Database) {
    let server = Server::on(database).await;
    let (api, folder) = (server.api(), TempDir::new().unwrap());
    let mut token = Token::new(&key(1), 41);
    let answer = import(&server, &folder, &format!("serial,secret,counter\nF1,{},41\nF2,nonsense\n", token.hex()));
    assert_eq!(answer["tokens"][0]["serial"], "F1", "{answer}");
    assert_eq!((&answer["refused"][0]["line"], &answer["refused"][0]["serial"]), (&json!(3), &json!("F2")));
    // The same file once more: nothing new, and said so.
    let path = folder.path().join("tokens.csv");
    let again = tokens(&server, &["import", path.to_str().unwrap()]);
    assert!(!again.status.success() && said(&again).contains("imported before"), "{}", said(&again));

    let ana = api.user("ana").await;
    for wrong in ["F2", "f1", "", "F1\u{0}x"] {
        start(&api, &ana, wrong).await.expect_problem(422, "invalid-request");
    }
    let started = start(&api, &ana, "F1").await.expect(201);
    let enrollment = &started["enrollment"];
    assert_eq!((&enrollment["state"], &started["view"]), (&json!("viewed"), &Value::Null), "{started}");
    let path = format!("/v1/enrollments/{}", enrollment["id"].as_str().unwrap());
    api.get(&format!("{path}/view")).await.expect_problem(410, "view-gone");
    api.post(&format!("{path}/retry"), json!({})).await.expect_problem(409, "conflict");
    // A code from before the file was made is none.
    api.post(&format!("{path}/confirm"), json!({ "code": token.code(40) })).await.expect_problem(422, "proof-rejected");
    api.post(&format!("{path}/confirm"), json!({ "code": token.press() })).await.expect(200);
    api.prove(&ana, &token.press()).await.expect(200);

    // It is somebody's now.
    let ben = api.user("ben").await;
    start(&api, &ben, "F1").await.expect_problem(422, "invalid-request");
    let listed = api.get("/v1/hardware-tokens").await.expect(200);
    assert_eq!(listed["items"][0]["authenticator_id"], enrollment["authenticator_id"], "{listed}");
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    api.delete(&format!("/v1/hardware-tokens/{id}")).await.expect_problem(409, "conflict");
    let rotate = format!("/v1/authenticators/{}/rotate", enrollment["authenticator_id"].as_str().unwrap());
    let session = api.session(&ana).await;
    api.post(&rotate, json!({ "session_id": session })).await.expect_problem(409, "conflict");
    let shown = said(&tokens(&server, &["list"]));
    assert!(shown.contains("F1") && shown.contains(enrollment["authenticator_id"].as_str().unwrap()), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_a_token_that_changes_hands_brings_no_code_back() {
    let mut server = Server::new().await;
    let (api, folder) = (server.api(), TempDir::new().unwrap());
    let mut token = Token::new(&key(2), 0);
    import(&server, &folder, &format!("F1,{}\n", token.hex()));
    let ana = api.user("ana").await;
    let started = start(&api, &ana, "F1").await.expect(201);
    let confirm =
        |started: &Value| format!("/v1/enrollments/{}/confirm", started["enrollment"]["id"].as_str().unwrap());
    let used = token.press();
    api.post(&confirm(&started), json!({ "code": used })).await.expect(200);
    let authenticator = started["enrollment"]["authenticator_id"].as_str().unwrap().to_owned();
    api.post(&format!("/v1/authenticators/{authenticator}/report-lost"), json!({})).await.expect(200);
    let ben = api.user("ben").await;
    start(&api, &ben, "F1").await.expect_problem(422, "invalid-request");
    api.post(&format!("/v1/authenticators/{authenticator}/revoke"), json!({})).await.expect(200);
    // What the vault remembers is gone with it: the store's step is what counts.
    server.kill();
    server.begin().await;
    let api = server.api();
    let started = start(&api, &ben, "F1").await.expect(201);
    api.post(&confirm(&started), json!({ "code": used })).await.expect_problem(422, "proof-rejected");
    api.post(&confirm(&started), json!({ "code": token.press() })).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_a_file_of_tokens_leaves_no_key_behind_and_is_sealed_on_the_way() {
    let server = Server::new().await;
    let (api, folder) = (server.api(), TempDir::new().unwrap());
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/vault/tests/data/rfc6030-figure6.xml");
    let shared = file(&folder, "shared.key", b"12345678901234567890123456789012\n");
    let wrong = file(&folder, "wrong.key", b"00000000000000000000000000000000\n");
    let fixture = fixture.to_str().unwrap();
    let refused = tokens(&server, &["import", fixture, "--pre-shared-key", wrong.to_str().unwrap()]);
    assert!(!refused.status.success() && said(&refused).contains("does not open"), "{}", said(&refused));
    let refused = tokens(&server, &["import", fixture]);
    assert!(!refused.status.success() && said(&refused).contains("pre-shared key: give that"), "{}", said(&refused));
    let output = tokens(&server, &["import", fixture, "--pre-shared-key", shared.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let listed = api.get("/v1/hardware-tokens").await.expect(200);
    assert_eq!((&listed["items"][0]["serial"], &listed["items"][0]["digits"]), (&json!("987654321"), &json!(8)));
    let found = crate::secrets::found_in_files(&server, KEY);
    assert!(found.is_empty(), "{found:?}");
    // What was not sealed for this vault is refused, and says nothing of what it is.
    let junk = json!({ "key": "A".repeat(43), "enc": "A".repeat(43), "ciphertext": "AAAA" });
    api.post("/v1/hardware-tokens", junk).await.expect_problem(422, "invalid-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_tokens_are_sealed_anew_when_keys_are_rotated_and_retired() {
    let server = Server::new().await;
    let (api, folder) = (server.api(), TempDir::new().unwrap());
    let mut token = Token::new(&key(3), 0);
    import(&server, &folder, &format!("F1,{}\n", token.hex()));
    api.post("/v1/keys/rotate", json!({})).await.expect(200);
    let mut tries = 0;
    while api.post("/v1/keys/retire", json!({})).await.status != 200 {
        tries += 1;
        assert!(tries < 100, "the token's key is not sealed anew");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let ana = api.user("ana").await;
    let started = start(&api, &ana, "F1").await.expect(201);
    let path = format!("/v1/enrollments/{}/confirm", started["enrollment"]["id"].as_str().unwrap());
    api.post(&path, json!({ "code": token.press() })).await.expect(200);
}

/// T-04: whoever has authenticators of their own, and a serial number that is like the others, gets at no token of somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn t04_nobody_uses_up_a_token_that_is_not_theirs_on_sqlite() {
    nobody_uses_up_a_token(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t04_nobody_uses_up_a_token_that_is_not_theirs_on_postgresql() {
    nobody_uses_up_a_token(Database::Postgres).await;
}

async fn nobody_uses_up_a_token(database: Database) {
    let server = Server::on(database).await;
    let (api, folder) = (server.api(), TempDir::new().unwrap());
    let mut token = Token::new(&key(4), 0);
    let other = Token::new(&key(5), 0);
    let imported = import(&server, &folder, &format!("F1,{}\nF2,{}\n", token.hex(), other.hex()));
    let id = imported["tokens"][0]["id"].as_str().unwrap().to_owned();
    let scopes = json!({ "name": "shop", "scopes": ["sessions", "enrollments"] });
    let made = api.post("/v1/applications", scopes).await.expect(201);
    let shop = api.with_key(made["api_key"]["key"].as_str().unwrap());
    let (ana, mallory) = (api.user("ana").await, api.user("mallory").await);

    // Meant for nobody, meant for another, and none at all: the same, and no code is ever asked for.
    let free = start(&shop, &mallory, "F1").await;
    free.expect_problem(422, "invalid-request");
    let output = tokens(&server, &["assign", &id, "ana"]);
    assert!(output.status.success(), "{}", said(&output));
    for who in [&shop, &api] {
        for serial in ["F1", "F9"] {
            if serial == "F1" || who.key == shop.key {
                assert_eq!(start(who, &mallory, serial).await.without_date().body, free.clone().without_date().body);
            }
        }
    }
    assert_eq!(api.all("/v1/events?kind=hardware_token.assigned").await[0]["about"]["user"], json!(ana));

    // Its owner types ten wrong codes, over several enrollments, and is stopped there, whatever is begun anew.
    let confirm =
        |started: &Value| format!("/v1/enrollments/{}/confirm", started["enrollment"]["id"].as_str().unwrap());
    let mut wrong = 0;
    for _ in 0..2 {
        let started = start(&shop, &ana, "F1").await.expect(201);
        for _ in 0..5 {
            let code = json!({ "code": token.wrong_code() });
            shop.post(&confirm(&started), code).await.expect_problem(422, "proof-rejected");
            wrong += 1;
        }
        shop.delete(&format!("/v1/enrollments/{}", started["enrollment"]["id"].as_str().unwrap())).await.expect(204);
    }
    assert_eq!(wrong, 10);
    assert_eq!(start(&shop, &ana, "F1").await.without_date().body, free.without_date().body);
    let held = api.all("/v1/hardware-tokens").await.into_iter().filter(|token| token["held"] == true);
    assert_eq!(held.map(|token| token["id"].clone()).collect::<Vec<_>>(), [json!(id)]);
    assert_eq!(api.all("/v1/events?kind=hardware_token.held").await.len(), 1);
    let shown = said(&tokens(&server, &["list"]));
    assert!(shown.contains("held"), "{shown}");
    shop.post(&format!("/v1/hardware-tokens/{id}/release"), json!({})).await.expect_problem(403, "forbidden");
    let output = tokens(&server, &["release", &id]);
    assert!(output.status.success(), "{}", said(&output));
    let started = start(&shop, &ana, "F1").await.expect(201);
    shop.post(&confirm(&started), json!({ "code": token.press() })).await.expect(200);
    api.post(&format!("/v1/hardware-tokens/{id}/assign"), json!({ "user_id": mallory }))
        .await
        .expect_problem(409, "conflict");
}
