//! Another root key for a store that has one (P-11).

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Database, Enrolled, Noise, Server, Setup, rounds};

const PASSPHRASE: &str = "a passphrase that nobody guesses";

fn real(database: Database) -> Setup {
    Setup { database, movable_clock: false, ..Setup::default() }
}

fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// That a key which was sealed before opens now. Answers a user whose key was sealed just now.
async fn opens(server: &Server, sealed_before: Option<Enrolled>, name: usize) -> Option<Enrolled> {
    let api = server.api();
    if let Some(user) = sealed_before {
        let now = api.now().await;
        api.prove(&user.user_id, &user.phone.code_near(now, 1)).await.expect(200);
    }
    Some(api.enroll(&format!("user-{name}")).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_new_root_key_takes_the_place_of_the_old_one() {
    for database in [Database::Sqlite, Database::Postgres] {
        let mut server = Server::start(real(database)).await;
        let ana = server.api().enroll("ana").await;
        let old = server.api().get("/v1/keys").await.expect(200)["root_key_id"].as_str().unwrap().to_owned();
        server.stop();
        let file = server.root_key();
        let before = std::fs::read(&file).unwrap();

        let changed = answer(&server.cli(&["root-key", "change", "--json"]));
        assert_eq!(changed["previous_root_key_id"], old.as_str());
        let new = changed["root_key_id"].as_str().unwrap();
        assert_ne!(new, old);
        assert_eq!(std::fs::read(file.with_extension("key.old")).unwrap(), before);
        assert!(!file.with_extension("key.new").exists());
        let mut in_folder: Vec<_> =
            std::fs::read_dir(file.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        in_folder.sort();
        assert_eq!(in_folder, ["root.key", "root.key.old"]);

        server.begin().await;
        assert_eq!(server.api().get("/v1/keys").await.expect(200)["root_key_id"], new);
        let now = server.api().now().await;
        server.api().prove(&ana.user_id, &ana.phone.code_near(now, 1)).await.expect(200);
        let told = server.api().all("/v1/events?kind=root_key.changed").await;
        assert_eq!(
            (told.len(), &told[0]["data"]["from"], &told[0]["data"]["to"]),
            (1, &old.as_str().into(), &new.into())
        );

        server.stop();
        // As if it had been cut off between the store and the file.
        std::fs::rename(&file, file.with_extension("key.new")).unwrap();
        std::fs::copy(file.with_extension("key.old"), &file).unwrap();
        let (status, said) = server.begin_in_vain();
        assert_eq!(status.code(), Some(78));
        assert!(said.contains(new) && said.contains("root.key.new") && said.contains("root-key change"), "{said}");
        let ended = answer(&server.cli(&["root-key", "change", "--json"]));
        assert_eq!((&ended["root_key_id"], &ended["previous_root_key_id"]), (&new.into(), &Value::Null));
        server.begin().await;
        server.stop();

        // The old one opens the store no more, and is told of by name.
        std::fs::copy(file.with_extension("key.old"), &file).unwrap();
        let (status, said) = server.begin_in_vain();
        assert_eq!(status.code(), Some(78));
        assert!(said.contains(new) && said.contains(&old), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_store_moves_from_file_to_environment_to_passphrase_and_back() {
    let mut server = Server::start(real(Database::Sqlite)).await;
    let mut user = opens(&server, None, 0).await;
    server.stop();
    let variables = [("THE_ROOT", "7c".repeat(32)), ("THE_PASS", PASSPHRASE.to_owned())];
    server.setup().environment.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    let mut present: Option<&str> = None;
    for (name, next) in (1..).zip(["env:THE_ROOT", "passphrase-env:THE_PASS", "file:elsewhere/root.key"]) {
        let from: Vec<String> = present.iter().map(|present| format!("--root-key={present}")).collect();
        let mut arguments = vec!["root-key", "change", "--json", "--to", next];
        arguments.extend(from.iter().map(String::as_str));
        let changed = answer(&server.cli(&arguments));
        // Once more is no change.
        let again = answer(&server.cli(&arguments));
        assert_eq!((&again["root_key_id"], &again["previous_root_key_id"]), (&changed["root_key_id"], &Value::Null));
        server.setup().arguments = vec![format!("--root-key={next}")];
        server.begin().await;
        assert_eq!(server.api().get("/v1/keys").await.expect(200)["root_key_id"], changed["root_key_id"]);
        user = opens(&server, user, name).await;
        server.stop();
        present = Some(next);
    }
    server.begin().await;
    assert_eq!(server.api().all("/v1/events?kind=root_key.changed").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_change_that_makes_no_sense_changes_nothing() {
    let mut server = Server::start(real(Database::Sqlite)).await;
    let in_use = server.cli(&["root-key", "change"]);
    assert_eq!(in_use.status.code(), Some(69), "{}", String::from_utf8_lossy(&in_use.stderr));
    assert!(String::from_utf8_lossy(&in_use.stderr).contains("stop it"));
    server.stop();
    let before = std::fs::read(server.root_key()).unwrap();
    server.setup().environment.push(("SHORT".to_owned(), "short".to_owned()));
    for (to, code, words) in [
        ("hunter2", 2, "file:PATH, env:NAME or passphrase-env:NAME"),
        ("env:NOT_SET", 2, "NOT_SET is not set"),
        ("env:SHORT", 78, "does not hold 32 bytes"),
        ("passphrase-env:SHORT", 78, "shorter than 12"),
        ("file:/proc/no/root.key", 78, "cannot be written"),
    ] {
        let output = server.cli(&["root-key", "change", "--to", to]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{to}: {said}");
        assert!(said.contains(words), "{to}: {said}");
        assert!(!said.contains("hunter2") || to == "hunter2", "{said}");
    }
    assert_eq!(std::fs::read(server.root_key()).unwrap(), before);
    server.begin().await;
    assert!(server.api().all("/v1/events?kind=root_key.changed").await.is_empty());
}

/// Killed at any moment, the change leaves a store that opens with the old or the new root key; a start that finds the
/// wrong one says where the right one is, and the same command ends what was begun.
#[tokio::test(flavor = "multi_thread")]
async fn p11_a_change_that_is_killed_leaves_a_store_that_opens() {
    let mut noise = Noise::seeded();
    let mut server = Server::start(real(Database::Sqlite)).await;
    let mut user = opens(&server, None, 0).await;
    server.stop();
    let (mut cut_off, mut whole) = (0, 0);
    for round in 1..rounds(25, 400) {
        let mut change = server.begin_cli(&["root-key", "change"]);
        tokio::time::sleep(noise.between(Duration::ZERO, Duration::from_millis(700))).await;
        let _ = change.kill();
        let ended = change.wait().unwrap();
        let begun = server.root_key().with_extension("key.new").exists();
        if begun {
            cut_off += 1;
            // Where the store has the new one already, a start says so.
            if let Some(said) = server.begin_or_say().await {
                assert!(said.contains("root.key.new") && said.contains("root-key change"), "{said}");
                answer(&server.cli(&["root-key", "change", "--json"]));
                assert!(!server.root_key().with_extension("key.new").exists());
                server.begin().await;
            }
        } else {
            whole += u32::from(ended.success());
            server.begin().await;
        }
        user = opens(&server, user, round).await;
        server.stop();
    }
    println!("{cut_off} were cut off, {whole} came to their end");
    assert!(cut_off > 0);
}
