//! Opening: what is refused, why, and that nothing is touched; and databases that go away.

use std::path::Path;

use store::*;

use crate::home::*;

fn path(home: &Home) -> &Path {
    match &home.options.location {
        Location::Sqlite(path) => path,
        Location::Postgres(_) => panic!("not a file"),
    }
}

async fn why_not(home: &Home) -> OpenError {
    home.try_open().await.err().unwrap_or_else(|| panic!("it opened"))
}

on_both_engines! {
    async fn an_empty_place_becomes_a_store_that_opens_again(home: Home) {
        let store = home.open().await;
        let name = if home.is_sqlite() { "SQLite 3." } else { "PostgreSQL 1" };
        assert!(store.engine().starts_with(name), "{}", store.engine());
        apply(&store, Change::CreateUser(user("ann"))).await;
        store.close().await;
        let again = home.open().await;
        assert_eq!(*again.head().borrow(), 1);
        assert!(again.user_by_external_id(&domain::ExternalId::parse("ann").unwrap()).await.unwrap().is_some());
    }

    async fn a_store_made_for_tests_stays_one(home: Home) {
        let mut home = home;
        home.open().await.close().await;
        home.options.movable_clock = false;
        assert!(matches!(why_not(&home).await, OpenError::Clock { made_movable: true }));
    }

    async fn a_newer_schema_is_refused_and_left_alone(home: Home) {
        home.open().await.close().await;
        run_sql(&home, "UPDATE schema_version SET version = 99");
        let why = why_not(&home).await;
        let OpenError::NewerSchema { found: 99, known } = why else { panic!("{why}") };
        run_sql(&home, &format!("UPDATE schema_version SET version = {known}"));
        home.open().await;
    }

    async fn another_programs_tables_are_left_alone(home: Home) {
        run_sql(&home, "CREATE TABLE theirs (x TEXT)");
        let why = why_not(&home).await.to_string();
        assert!(why.contains("another program's"), "{why}");
    }
}

#[tokio::test]
async fn one_file_serves_one_server() {
    let home = Home::sqlite();
    let store = home.open().await;
    assert!(matches!(why_not(&home).await, OpenError::InUse { .. }));
    store.close().await;
    drop(store);
    home.open().await;
}

#[tokio::test]
async fn a_server_that_is_just_ending_is_waited_for() {
    let home = Home::sqlite();
    let store = home.open().await;
    let ends = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        store.close().await;
        drop(store);
    };
    let (next, ()) = tokio::join!(home.open(), ends);
    next.close().await;
}

#[tokio::test]
async fn the_file_is_for_nobody_elses_eyes() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::sqlite();
    let _store = home.open().await;
    for name in ["countersign.db", "countersign.db-wal", "countersign.db.lock"] {
        let mode = std::fs::metadata(home.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    for content in [b"hello, this is a text".to_vec(), vec![0; 8192], b"SQLite format 3\0".to_vec()] {
        let home = Home::sqlite();
        std::fs::write(path(&home), &content).unwrap();
        let why = why_not(&home).await;
        assert!(matches!(why, OpenError::Corrupt { .. }), "{why}");
        assert_eq!(std::fs::read(path(&home)).unwrap(), content);
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    for damage in [|bytes: &mut Vec<u8>| bytes.truncate(8192), |bytes: &mut Vec<u8>| bytes[100..4096].fill(0x5a)] {
        let home = Home::sqlite();
        home.open().await.close().await;
        let mut bytes = std::fs::read(path(&home)).unwrap();
        damage(&mut bytes);
        std::fs::write(path(&home), bytes).unwrap();
        let why = why_not(&home).await;
        assert!(matches!(why, OpenError::Corrupt { .. }), "{why:?}");
        assert!(why.to_string().contains("backup"), "{why}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    // Root may write to every folder; nobody may make one in here.
    let mut home = Home::sqlite();
    home.options.location = Location::Sqlite("/proc/countersign/countersign.db".into());
    let why = why_not(&home).await;
    assert!(matches!(why, OpenError::ReadOnly { .. }), "{why}");
    home.options.location = Location::Sqlite("/sys/countersign.db".into());
    let why = why_not(&home).await;
    assert!(matches!(why, OpenError::ReadOnly { .. }), "{why}");
}

#[tokio::test]
async fn postgresql_that_is_not_there_says_so() {
    let mut home = Home::sqlite();
    for url in ["postgres://nobody@localhost/none?host=/nowhere", "postgres://x@127.0.0.1:1/none"] {
        home.options.location = Location::Postgres(url.to_owned());
        let why = why_not(&home).await;
        assert!(matches!(why, OpenError::Unreachable(_)), "{why}");
    }
}

#[tokio::test]
async fn postgresql_that_forgets_is_refused() {
    let home = Home::postgres();
    let Location::Postgres(url) = &home.options.location else { panic!() };
    let name = url.split_once("@localhost/").and_then(|(_, rest)| rest.split_once('?')).unwrap().0;
    let cluster = throwaway_postgres::Cluster::shared().unwrap();
    for value in ["off", "local", "remote_write"] {
        cluster.run_sql(url, &format!("ALTER DATABASE {name} SET synchronous_commit = {value}")).unwrap();
        let why = why_not(&home).await;
        assert!(matches!(why, OpenError::NotDurable { setting: "synchronous_commit", .. }), "{why}");
    }
    cluster.run_sql(url, &format!("ALTER DATABASE {name} RESET synchronous_commit")).unwrap();
    home.open().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t14_a_database_that_is_gone_answers_nothing_and_comes_back() {
    let cluster = throwaway_postgres::Cluster::start().unwrap();
    let mut home = Home::sqlite();
    home.options.location = Location::Postgres(cluster.database().unwrap());
    let store = home.open().await;
    let ann = settle(&store, "ann").await;
    store.ping().await.unwrap();
    cluster.stop().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    let lost = store.commit(plain(Change::CreateUser(user("bob")))).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    let lost = store.user(ann.user.id).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    cluster.start_again().unwrap();
    apply(&store, Change::CreateUser(user("bob"))).await;
    assert!(store.user(ann.user.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t14_a_database_that_was_away_unnoticed_costs_nobody_an_answer() {
    let cluster = throwaway_postgres::Cluster::start().unwrap();
    let mut home = Home::sqlite();
    home.options.location = Location::Postgres(cluster.database().unwrap());
    let store = home.open().await;
    let ann = settle(&store, "ann").await;
    // So that there are several connections for reading.
    let reads = (0..8).map(|_| store.devices_of(ann.user.id));
    assert!(futures_util::future::join_all(reads).await.into_iter().all(|found| found.is_ok()));
    for round in 0..3 {
        cluster.stop().unwrap();
        cluster.start_again().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        if round == 0 {
            store.ping().await.unwrap();
        }
        apply(&store, Change::CreateUser(user(&format!("user {round}")))).await;
        for found in futures_util::future::join_all((0..8).map(|_| store.devices_of(ann.user.id))).await {
            assert_eq!(found.unwrap().len(), 1);
        }
        assert!(store.user(ann.user.id).await.unwrap().is_some());
    }
}

/// What was sent to be committed may have been: it is never sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t14_a_commit_that_broke_off_is_not_tried_again() {
    let home = Home::postgres();
    let store = home.open().await;
    run_sql(
        &home,
        "CREATE SEQUENCE tries;
         CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM nextval('tries'), pg_terminate_backend(pg_backend_pid());
            RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER break_off AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.external_id = 'bob') EXECUTE FUNCTION break_off()",
    );
    let lost = store.commit(plain(Change::CreateUser(user("bob")))).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    let Location::Postgres(url) = &home.options.location else { panic!() };
    let tries =
        throwaway_postgres::Cluster::shared().unwrap().run_sql(url, "SELECT last_value, is_called FROM tries").unwrap();
    assert_eq!(tries, "1|t");
    apply(&store, Change::CreateUser(user("ann"))).await;
}
