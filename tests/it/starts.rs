//! Starts that cannot be: each its own line that says what to do, and nothing of the data touched.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::browser::Shop;
use crate::harness::{Binaries, Database, Server, Setup};

/// What `sysexits.h` calls "a service is unavailable".
const UNAVAILABLE: i32 = 69;
/// … "a file cannot be written",
const CANNOT_WRITE: i32 = 73;
/// … and "something was found in an unconfigured or misconfigured state".
const CONFIGURATION: i32 = 78;

/// That a start failed with this exit code and one line that has all these words.
#[track_caller]
fn assert_fails(server: &mut Server, code: i32, words: &[&str]) {
    let (status, said) = server.begin_in_vain();
    assert_eq!(status.code(), Some(code), "{said}");
    let last = said.lines().last().unwrap_or_default();
    for word in words {
        assert!(last.to_lowercase().contains(&word.to_lowercase()), "{word:?} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_root_key_is_named_and_nothing_is_touched() {
    let mut server = Server::new().await;
    let ana = server.api().enroll("ana").await;
    let wanted = server.api().get("/v1/keys").await.expect(200)["root_key_id"].as_str().unwrap().to_owned();
    let before = server.api().all("/v1/events?order=asc").await;
    server.stop();
    let other = Server::new().await;
    let right = std::fs::read(server.root_key()).unwrap();

    let key = server.root_key();
    write_key(&key, &std::fs::read(other.root_key()).unwrap());
    assert_fails(&mut server, CONFIGURATION, &["root key", &wanted]);
    write_key(&key, b"no key at all");
    assert_fails(&mut server, CONFIGURATION, &["root"]);
    write_key(&key, &right);
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert_fails(&mut server, CONFIGURATION, &["root.key", "chmod 600"]);
    std::fs::remove_file(&key).unwrap();
    assert_fails(&mut server, CONFIGURATION, &["root key", &wanted]);
    assert!(!key.exists(), "a new root key was made for data that needs the old one");

    write_key(&key, &right);
    server.begin().await;
    let api = server.api();
    // What has no event did not happen: of the starts in vain there is none.
    let after = api.all("/v1/events?order=asc").await;
    assert_eq!(after[..before.len()], before);
    let since: Vec<&Value> = after[before.len()..].iter().map(|event| &event["kind"]).collect();
    assert_eq!(since, ["server.started"]);
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.code_near(now, 1)).await.expect(200);
}

/// Writes a root key that its owner alone can read.
fn write_key(path: &Path, key: &[u8]) {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, key).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let mut server = Server::new().await;
    server.stop();
    let _taken = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    let port = server.port().to_string();
    assert_fails(&mut server, UNAVAILABLE, &[&port, "listens there already"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_sqlite_file_is_refused_and_the_first_goes_on() {
    let server = Server::new().await;
    let ana = server.api().enroll("ana").await;
    let output = Command::new(&Binaries::built().countersign)
        .args(["serve", "--json", "--movable-clock", "--listen", "127.0.0.1:0", "--data"])
        .arg(server.data())
        .env_remove("COUNTERSIGN_SOAK")
        .env_remove("COUNTERSIGN_SEED")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(UNAVAILABLE), "{said}");
    assert!(said.contains("countersign.db"), "{said}");
    let api = server.api();
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_named_and_left_as_it_is() {
    let mut server = Server::new().await;
    server.api().enroll("ana").await;
    server.stop();
    let file = server.sqlite();
    let whole = std::fs::read(&file).unwrap();
    let mut no_database = whole.clone();
    no_database[..4096].fill(b'x');
    let mut cut_off = whole.clone();
    cut_off.truncate(whole.len() / 2 + 100);
    for damaged in [no_database, cut_off] {
        std::fs::write(&file, &damaged).unwrap();
        let (status, said) = server.begin_in_vain();
        assert!(matches!(status.code(), Some(UNAVAILABLE | CONFIGURATION)), "{status}: {said}");
        assert!(said.contains("countersign.db") && said.contains("backup"), "{said}");
        assert_eq!(std::fs::read(&file).unwrap(), damaged, "the damaged file was changed");
    }
    std::fs::write(&file, &whole).unwrap();
    server.begin().await;
    assert_eq!(server.api().all("/v1/users").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_newer_than_the_program_is_left_alone() {
    let mut server = Server::on(Database::Postgres).await;
    server.stop();
    server.postgres().run("UPDATE schema_version SET version = version + 900");
    assert_fails(&mut server, CONFIGURATION, &["has schema 9", "newer countersign"]);
    server.postgres().run("UPDATE schema_version SET version = version - 900");
    server.begin().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_would_lose_what_was_acknowledged_is_refused() {
    let mut server = Server::on(Database::Postgres).await;
    server.stop();
    let name = server.postgres().name().to_owned();
    server.postgres().run(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    assert_fails(&mut server, CONFIGURATION, &["synchronous_commit=off", "set synchronous_commit=on"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_only_be_read_is_named() {
    let mut server = Server::start(Setup { as_ordinary_user: true, ..Setup::default() }).await;
    server.stop();
    let file = server.sqlite();
    std::fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
    assert_fails(&mut server, CANNOT_WRITE, &["countersign.db"]);
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    server.begin().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_made_for_tests_is_never_opened_for_real_use_nor_the_other_way_round() {
    for movable_clock in [true, false] {
        let mut server = Server::start(Setup { movable_clock, ..Setup::default() }).await;
        server.stop();
        server.setup().movable_clock = !movable_clock;
        assert_fails(&mut server, CONFIGURATION, &["clock"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_named() {
    let mut server = Server::start(Setup { as_ordinary_user: true, ..Setup::default() }).await;
    server.stop();
    let folder = server.folder().join("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
    server.setup().data = "elsewhere/data";
    let (status, said) = server.begin_in_vain();
    assert!(!status.success());
    assert!(said.contains("elsewhere"), "{said}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_can_be_read_by_its_owner_alone() {
    let server = Server::new().await;
    server.api().enroll("ana").await;
    for name in ["vault/root.key", "store/countersign.db", "store/countersign.db-wal"] {
        let mode = std::fs::metadata(server.data().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} can be read by others: {mode:o}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ready_line_has_address_and_key_at_the_first_start_and_the_address_alone_later() {
    let mut server = Server::new().await;
    let first = std::fs::read_to_string(server.folder().join("stdout.1")).unwrap();
    let line: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert!(line["administrator_key"].as_str().unwrap().starts_with("csk_"));
    assert!(server.stop().success(), "{}", server.log());
    server.begin().await;
    let second = std::fs::read_to_string(server.folder().join("stdout.2")).unwrap();
    assert!(!second.contains("csk_"), "{second}");
    server.api().get("/v1/whoami").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_postgresql_starts_again_and_knows_everything() {
    let mut server = Server::on(Database::Postgres).await;
    let ana = server.api().enroll("ana").await;
    assert!(server.stop().success(), "{}", server.log());
    server.begin().await;
    let api = server.api();
    let now = api.now().await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
}

/// The largest logo that may be set reaches the pages, and one byte more is refused with what is allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_logo_of_64_kib_is_shown_and_a_larger_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logo.png");
    let mut logo = b"\x89PNG\r\n\x1a\n".to_vec();
    logo.resize(64 * 1024, 0x5a);
    std::fs::write(&path, &logo).unwrap();
    let environment = vec![("COUNTERSIGN_BRAND_LOGO".to_owned(), path.to_str().unwrap().to_owned())];
    let mut server = Server::start(Setup { environment, ..Setup::default() }).await;
    let api = server.api();
    let session = api.session(&api.user("ana").await).await;
    let mut browser = Shop::of(&api).await.enroll_page(&session).await;
    let opened = browser.opens().await.expect(200);
    let shown = opened["brand"]["logo"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    assert_eq!(data_encoding::BASE64.decode(shown.as_bytes()).unwrap(), logo);

    server.stop();
    logo.push(0);
    std::fs::write(&path, &logo).unwrap();
    assert_fails(&mut server, CONFIGURATION, &["brand.logo", "64 KiB"]);
}

/// T-14: a site whose people could not sign in is named, rather than left without a way in.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_login_wants_an_address_at_which_browsers_know_passkeys() {
    let mut server = Server::new().await;
    server.stop();
    let config = server.folder().join("sites.toml");
    let site =
        "[forward_auth.wiki]\napplication = 'login'\norigins = ['https://wiki.example.org']\nkey = 'env:WIKI_KEY'\n";
    std::fs::write(&config, site).unwrap();
    server.setup().arguments.push(format!("--config={}", config.display()));
    server.setup().environment.push(("WIKI_KEY".to_owned(), "k".repeat(32)));
    assert_fails(&mut server, CONFIGURATION, &["forward_auth.wiki", "passkey", "public_url"]);
    server.setup().environment.push(("COUNTERSIGN_PUBLIC_URL".to_owned(), "https://mfa.example.org".to_owned()));
    server.begin().await;
}
