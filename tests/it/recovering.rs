//! The way back for whoever has the store and lost what opens its API.

use serde_json::Value;

use crate::harness::{Database, Server, Setup};

fn real(database: Database) -> Setup {
    // What works on the store itself opens no store of a test's clock.
    Setup { database, movable_clock: false, ..Setup::default() }
}

/// The key that a command printed.
fn recover(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli(&[&["administrator", "recover", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["administrator_key"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_whose_key_nobody_saw_is_given_another() {
    for database in [Database::Sqlite, Database::Postgres] {
        let mut server = Server::lost_at_its_first_start(real(database)).await;
        server.begin().await;
        let ready = std::fs::read_to_string(server.folder().join("stdout.2")).unwrap();
        assert!(!ready.contains("csk_"), "the next start shows none: {ready}");
        server.api().get("/v1/whoami").await.expect(401);
        server.stop();

        let key = recover(&server, &[]);
        let left = std::fs::read_to_string(server.data().join("administrator.key")).unwrap();
        assert_eq!(left.trim(), key);
        server.use_key(&key);
        server.begin().await;
        let api = server.api();
        let who = api.get("/v1/whoami").await.expect(200);
        assert_eq!(who["application"]["scopes"], serde_json::json!(["admin"]));
        let told = api.all("/v1/events?kind=administrator.recovered").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["data"]["application"], who["application"]["id"], "{}", told[0]);
        assert_eq!(told[0]["data"]["others_ended"], false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_of_the_administrator_go_on_unless_they_are_to_end() {
    let mut server = Server::start(real(Database::Sqlite)).await;
    let first = server.api();
    server.stop();
    let second = recover(&server, &[]);
    server.begin().await;
    server.api().get("/v1/whoami").await.expect(200);
    server.stop();
    let third = recover(&server, &["--end-others"]);
    server.use_key(&third);
    server.begin().await;
    server.api().get("/v1/whoami").await.expect(200);
    for ended in [&first.key, &second] {
        server.api().with_key(ended).get("/v1/whoami").await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_server_has_is_left_alone_and_where_there_is_none_none_is_made() {
    let server = Server::start(real(Database::Sqlite)).await;
    let output = server.cli(&["administrator", "recover"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains("stop it"), "{said}");
    server.api().get("/v1/whoami").await.expect(200);

    let elsewhere = server.folder().join("elsewhere");
    let output = server.cli(&["administrator", "recover", "--data", elsewhere.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no store at"), "{said}");
    assert!(!elsewhere.exists());
}
