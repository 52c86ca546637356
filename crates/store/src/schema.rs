//! The schema, brought up to date as a store is opened, and what the store notes about itself.

use std::time::Duration;

use domain::Timestamp;
use tokio::time::Instant;

use crate::engine::{Connection, Dialect, Fault, history, postgres};
use crate::set::Kind::Text;
use crate::set::{Rows, Set};

/// The migrations in order; the schema's version is how many have run.
const MIGRATIONS: [Migration; 15] = [
    Migration {
        sqlite: include_str!("../migrations/sqlite/0001_first.sql"),
        postgres: include_str!("../migrations/postgres/0001_first.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0002_factors.sql"),
        postgres: include_str!("../migrations/postgres/0002_factors.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0003_decisions.sql"),
        postgres: include_str!("../migrations/postgres/0003_decisions.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0004_workflows.sql"),
        postgres: include_str!("../migrations/postgres/0004_workflows.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0005_people.sql"),
        postgres: include_str!("../migrations/postgres/0005_people.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0006_hygiene.sql"),
        postgres: include_str!("../migrations/postgres/0006_hygiene.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0007_webhooks.sql"),
        postgres: include_str!("../migrations/postgres/0007_webhooks.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0008_releases.sql"),
        postgres: include_str!("../migrations/postgres/0008_releases.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0009_pace.sql"),
        postgres: include_str!("../migrations/postgres/0009_pace.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0010_alerts.sql"),
        postgres: include_str!("../migrations/postgres/0010_alerts.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0011_recovery.sql"),
        postgres: include_str!("../migrations/postgres/0011_recovery.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0012_releases_are_tasks.sql"),
        postgres: include_str!("../migrations/postgres/0012_releases_are_tasks.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0013_history.sql"),
        postgres: include_str!("../migrations/postgres/0013_history.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0014_room.sql"),
        postgres: include_str!("../migrations/postgres/0014_room.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0015_who_is_shut_out.sql"),
        postgres: include_str!("../migrations/postgres/0015_who_is_shut_out.sql"),
    },
];

/// The key of the advisory lock under which servers that start together migrate one after the other.
const LOCK: i64 = 0x636f_756e_7465_7273;

/// For how long it is tried to bring the schema up to date where somebody is in the way, on PostgreSQL.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// How long a try waits for whoever is in the way. Everybody who comes after it waits behind it.
const WAITS: &str = "2s";

/// How long those are let past until the next one.
const PAUSE: Duration = Duration::from_secs(3);

struct Migration {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Migration {
    fn script(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// Why the schema is not what this program needs.
pub(crate) enum Mismatch {
    /// A newer program made it.
    Newer {
        found: i64,
        known: i64,
    },
    /// There are tables, but they are not ours.
    Foreign,
    /// Others used the tables for as long as it was tried.
    InTheWay {
        by: String,
        tried: Duration,
    },
    Fault(Fault),
}

impl From<Fault> for Mismatch {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Runs the migrations that are missing, all or none. Where somebody who reads, or another server that does the same, is in the way, it is tried again
/// for as long as `patience` lasts.
pub(crate) async fn migrate(connection: &mut Connection, patience: Duration) -> Result<(), Mismatch> {
    let began = Instant::now();
    loop {
        let why = match migrate_once(connection).await {
            Err(Mismatch::Fault(Fault::Collided(why))) => why,
            done => return done,
        };
        let by = postgres::in_the_way(connection, LOCK).await?;
        let tried = began.elapsed();
        let left = patience.saturating_sub(tried);
        if left.is_zero() {
            return Err(Mismatch::InTheWay { by, tried });
        }
        let seconds = left.as_secs();
        tracing::warn!(why, by, "the schema cannot be brought up to date yet: it is tried again, for {seconds} s more");
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}

async fn migrate_once(connection: &mut Connection) -> Result<(), Mismatch> {
    if connection.dialect() == Dialect::Postgres {
        prepare(connection).await?;
    }
    connection.begin().await?;
    match migrate_within(connection).await {
        Ok(()) => Ok(connection.commit().await?),
        Err(mismatch) => {
            connection.rollback().await?;
            Err(mismatch)
        }
    }
}

/// What may take long, done ahead in transactions of its own, while servers of the version before go on. It may be done twice.
async fn prepare(connection: &mut Connection) -> Result<(), Mismatch> {
    if version(connection).await? == 0 || !history::is_in_one_piece(connection).await? {
        return Ok(());
    }
    connection.script("SET lock_timeout = '10min'").await?;
    connection.script(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
    connection.script(&format!("SET lock_timeout = '{WAITS}'")).await?;
    let prepared = history::before_it_is_cut(connection).await;
    let unlocked = connection.script(&format!("SELECT pg_advisory_unlock({LOCK}); RESET lock_timeout")).await;
    Ok(prepared.and(unlocked)?)
}

async fn migrate_within(connection: &mut Connection) -> Result<(), Mismatch> {
    let dialect = connection.dialect();
    if dialect == Dialect::Postgres {
        connection.script(&format!("SET LOCAL lock_timeout = '{WAITS}'")).await?;
        connection.script(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found = version(connection).await?;
    if found > known {
        return Err(Mismatch::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        connection.script(migration.script(dialect)).await?;
    }
    connection
        .script(&format!(
            "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL);
             DELETE FROM schema_version;
             INSERT INTO schema_version (version) VALUES ({known});"
        ))
        .await?;
    tracing::info!(from = found, to = known, "brought the schema up to date");
    Ok(())
}

/// How many migrations have run.
async fn version(connection: &mut Connection) -> Result<i64, Mismatch> {
    let tables = match connection.dialect() {
        Dialect::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table'",
        Dialect::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()",
    };
    let tables = connection.fetch(tables, &[], |row| row.get::<String>(0)).await?;
    if tables.iter().any(|table| table == "schema_version") {
        let version = connection.fetch("SELECT version FROM schema_version", &[], |row| row.get(0)).await?;
        return version.first().copied().ok_or(Mismatch::Foreign);
    }
    if tables.is_empty() { Ok(0) } else { Err(Mismatch::Foreign) }
}

static SET_ONCE: Set = Set::new(
    &[("name", Text), ("value", Text)],
    "INSERT INTO meta (name, value) SELECT i.name, i.value FROM input i WHERE true ON CONFLICT DO NOTHING",
);

/// Which clock the store belongs to: the first one that it is opened with.
pub(crate) async fn settle_clock(connection: &mut Connection, movable: bool) -> Result<bool, Fault> {
    let value = if movable { "movable" } else { "real" };
    SET_ONCE.execute(connection, Rows::one(&["clock".into(), value.into()])).await?;
    let sql = "SELECT value FROM meta WHERE name = 'clock'";
    let made = connection.fetch(sql, &[], |row| row.get::<String>(0)).await?;
    Ok(made.first().is_some_and(|made| made == "movable"))
}

static NOTE: Set = Set::new(
    &[("name", Text), ("value", Text)],
    "INSERT INTO meta (name, value) SELECT i.name, i.value FROM input i WHERE true
     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
);

/// How many bytes a trial writes: as many as a login, so that where one finds room the other does.
const TRIAL: usize = 16 * 1024;

/// A write of its own, durable once this returns.
pub(crate) async fn write_a_little(connection: &mut Connection, now: Timestamp) -> Result<(), Fault> {
    let value = format!("{now}{}", ".".repeat(TRIAL));
    NOTE.all(connection, Rows::one(&["written_at".into(), value.as_str().into()])).await
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, PgConnection};

    use super::*;

    /// The schema before history was cut: what comes next takes the table from those who read it.
    const BEFORE: usize = 12;

    async fn of_before(url: &str) -> Connection {
        let mut connection = postgres::Source::parse(url).unwrap().connection().await.unwrap();
        for migration in &MIGRATIONS[..BEFORE] {
            connection.script(migration.postgres).await.unwrap();
        }
        let version = format!(
            "CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES ({BEFORE})"
        );
        connection.script(&version).await.unwrap();
        connection
    }

    async fn report(url: &str) -> PgConnection {
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        options.application_name("nightly report").connect().await.unwrap()
    }

    async fn read(reader: &mut PgConnection, sql: &'static str) {
        sqlx::raw_sql(sql).execute(reader).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_reads_is_waited_for_and_holds_nobody_else_up() {
        let url = throwaway_postgres::Cluster::shared().unwrap().database().unwrap();
        let (mut connection, mut reader, mut other) = (of_before(&url).await, report(&url).await, report(&url).await);
        read(&mut reader, "BEGIN; SELECT * FROM run_lines").await;
        let reads = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            // Behind the one that waits for the reader, which gives up first.
            let read_on = read(&mut other, "SELECT * FROM run_lines");
            tokio::time::timeout(Duration::from_secs(4), read_on).await.unwrap();
            read(&mut reader, "COMMIT").await;
        };
        let (migrated, ()) = tokio::join!(migrate(&mut connection, PATIENCE), reads);
        assert!(migrated.is_ok());
        assert!(matches!(version(&mut connection).await, Ok(14..)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_reads_on_and_on_is_named() {
        let url = throwaway_postgres::Cluster::shared().unwrap().database().unwrap();
        let (mut connection, mut reader) = (of_before(&url).await, report(&url).await);
        read(&mut reader, "BEGIN; SELECT * FROM run_lines, runs").await;
        let Err(Mismatch::InTheWay { by, tried }) = migrate(&mut connection, Duration::from_secs(1)).await else {
            panic!("nobody was in the way")
        };
        let process = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()").fetch_one(&mut reader).await.unwrap();
        assert!(by.starts_with(&format!("nightly report (process {process}, of countersign, for ")), "{by}");
        assert!(by.ends_with(" s, has run_lines and 1 more)") && tried >= Duration::from_secs(1), "{by}, {tried:?}");
        // Nothing is kept from other servers meanwhile.
        read(&mut reader, "COMMIT").await;
        let mut another = postgres::Source::parse(&url).unwrap().connection().await.unwrap();
        let migrated = tokio::time::timeout(Duration::from_secs(10), migrate(&mut another, PATIENCE)).await.unwrap();
        assert!(migrated.is_ok());
    }
}
