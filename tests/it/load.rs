//! The load test that ships (W-13).

use std::process::Output;

use serde_json::Value;

use crate::harness::{Database, Postgres, Server, Setup};

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["good"], true, "{report}");
    report
}

fn phase<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["phases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|phase| phase["name"] == name)
        .unwrap_or_else(|| panic!("{report}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_a_server_that_runs_is_measured_and_left_as_it_was() {
    let server = Server::start(Setup { movable_clock: false, ..Setup::default() }).await;
    let ana = server.api().enroll("ana").await;
    let url = server.api().address;
    let sizes = ["--users", "7", "--fill-only-enrolled", "5", "--concurrency", "2", "--operations", "11"];
    let only = ["--only", "healthz,enroll,challenge,verify", "--json"];
    let report = report(&server.cli(&[&["bench", "--url", &url], &sizes[..], &only].concat()));
    assert_eq!((&report["fixed_clock"], &report["left_behind"]), (&Value::Bool(true), &Value::Null));
    for (name, done) in [("healthz", 11), ("fill", 7), ("enroll", 11), ("confirm", 5), ("challenge", 5), ("verify", 5)]
    {
        assert_eq!(phase(&report, name)["done"], done, "{name}");
    }
    // Nobody waited for the next code while it was measured.
    assert!(phase(&report, "verify")["seconds"].as_f64().unwrap() < 10.0, "{report}");
    let users = server.api().all("/v1/users").await;
    assert_eq!(users.len(), 1);
    assert_eq!(users[0]["id"], ana.user_id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_each_sort_of_operation_takes_as_long_as_it_is_told_to() {
    let server = Server::on(Database::Sqlite).await;
    let sizes = ["--users", "6", "--concurrency", "3", "--duration", "1", "--json"];
    let report = report(&server.cli(&[&["bench"], &sizes[..]].concat()));
    let codes = ["healthz", "enroll", "challenge", "verify", "login", "wrong", "replay", "sms", "email"];
    for name in codes.into_iter().chain(["webauthn-options", "webauthn", "push"]) {
        let phase = phase(&report, name);
        assert!(phase["done"].as_u64().unwrap() > 0, "{phase}");
        assert!((0.5..8.0).contains(&phase["seconds"].as_f64().unwrap()), "{phase}");
    }
}

/// Phones are connected all at once, and each is told of its own prompts alone.
#[tokio::test(flavor = "multi_thread")]
async fn w13_phones_are_connected_and_approve_also_on_a_server_that_runs() {
    let server = Server::start(Setup { movable_clock: false, ..Setup::default() }).await;
    let url = server.api().address;
    let sizes = ["--users", "5", "--concurrency", "2", "--operations", "9", "--json", "--only", "push"];
    let there = report(&server.cli(&[&["bench", "--url", &url], &sizes[..]].concat()));
    let own = report(&server.cli(&[&["bench"], &sizes[..]].concat()));
    for report in [&there, &own] {
        for (name, done) in [("push-connect", 5), ("push-arrival", 9), ("push", 9)] {
            assert_eq!(phase(report, name)["done"], done, "{name}");
        }
        let connected = &report["connected"];
        assert_eq!((&connected["apps"], &connected["wanted"]), (&Value::from(5), &Value::from(5)));
    }
    assert!(own["connected"]["memory_after"]["server"].as_u64().unwrap() > 0, "{own}");
    assert_eq!(server.api().all("/v1/users").await.len(), 0);
}

/// An assertion takes the server's own challenge, so each is one ceremony of its own, whoever signed when.
#[tokio::test(flavor = "multi_thread")]
async fn w13_passkeys_are_measured_on_a_server_of_the_load_tests_own() {
    let server = Server::new().await;
    let sizes = ["--users", "3", "--concurrency", "2", "--operations", "9", "--json", "--only", "webauthn"];
    let report = report(&server.cli(&[&["bench"], &sizes[..]].concat()));
    for name in ["webauthn-options", "webauthn"] {
        assert_eq!(phase(&report, name)["done"], 9, "{name}");
    }
    let url = server.api().address;
    let output = server.cli(&["bench", "--url", &url, "--only", "webauthn"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("leave out --url"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_loads_stay_on_this_machine_unless_it_is_said_whose_the_other_one_is() {
    let server = Server::new().await;
    let output = server.cli(&["bench", "--url", "http://192.0.2.1:8420", "--key", "csk_x"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("--i-own-it"), "{said}");
    let wrong_key = server.cli(&["bench", "--url", &server.api().address, "--key", "csk_x", "--users", "2"]);
    let said = String::from_utf8_lossy(&wrong_key.stderr).into_owned();
    assert!(wrong_key.status.code() == Some(1) && said.contains("401"), "{said}");
}

/// Each run that is started comes to its end, once, also beside verifications; and those that wait are counted.
#[tokio::test(flavor = "multi_thread")]
async fn w13_runs_of_workflows_are_measured_on_both_databases() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = Server::on(database).await;
        let sizes = ["--users", "20", "--concurrency", "4", "--operations", "40", "--waiting", "30", "--json"];
        let mut arguments = [&["bench", "workflows"], &sizes[..]].concat();
        let url = (database == Database::Postgres).then(|| Postgres::under(database).unwrap().url);
        arguments.extend(url.iter().flat_map(|url| ["--database", url.as_str()]));
        let report = report(&server.cli(&arguments));
        for (name, done) in [("verify", 40), ("run", 40), ("verify-beside", 40), ("verify-half", 40), ("waiting", 30)] {
            assert_eq!(phase(&report, name)["done"], done, "{name}");
        }
        assert!(phase(&report, "first-step")["done"].as_u64().unwrap() > 0, "{report}");
    }
}

/// W-09: the server is killed in the middle of it, and every key is asked for, once.
#[tokio::test(flavor = "multi_thread")]
async fn w13_mass_rotation_is_measured_over_a_crash_on_both_databases() {
    for database in [Database::Sqlite, Database::Postgres] {
        let server = Server::on(database).await;
        let mut arguments = vec!["bench", "workflows", "--rotate", "300", "--concurrency", "8", "--operations", "40"];
        let url = (database == Database::Postgres).then(|| Postgres::under(database).unwrap().url);
        arguments.extend(url.iter().flat_map(|url| ["--database", url.as_str()]));
        let report = report(&server.cli(&[&arguments[..], &["--json"]].concat()));
        assert_eq!(phase(&report, "rotate")["done"], 300, "{report}");
        let rotated = &report["rotated"];
        assert_eq!(rotated["keys"], 300);
        assert!((150..300).contains(&rotated["killed_after"].as_u64().unwrap()), "{rotated}");
        assert!(rotated["stood_still_seconds"].as_f64().unwrap() > 0.1, "{rotated}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_servers_that_share_a_database_are_measured() {
    let server = Server::on(Database::Postgres).await;
    let url = Postgres::under(Database::Postgres).unwrap().url;
    let sizes = ["--servers", "2", "--users", "2", "--concurrency", "4", "--operations", "40", "--json"];
    let report = report(&server.cli(&[&["bench", "workflows", "--database", &url], &sizes[..]].concat()));
    for name in ["run-1-server", "run-2-servers"] {
        assert_eq!(phase(&report, name)["done"], 40, "{report}");
    }
    let servers = report["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 2);
    assert_eq!((&servers[0]["times_one"], &servers[1]["servers"]), (&Value::from(1.0), &Value::from(2)));
    let alone = server.cli(&["bench", "workflows", "--servers", "2"]);
    assert!(alone.status.code() == Some(2) && String::from_utf8_lossy(&alone.stderr).contains("--database"));
}
