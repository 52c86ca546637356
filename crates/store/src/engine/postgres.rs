//! PostgreSQL: as many servers as there are, each with one connection that writes and a few that read.

use std::fmt::Write as _;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Postgres};

use super::{Arg, Connection, Fault};
use crate::OpenError;

/// How long a new connection may take, or an old one that says whether it is still there.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The channel on which servers tell each other that there are new events.
pub(crate) const CHANNEL: &str = "countersign_events";

/// Settings for each of our sessions.
///
/// Every statement of ours looks rows up by their keys, but a plan is made once, and where it is made while the
/// tables are still empty the planner would go through all of them ever after: so it is told to use the keys.
/// And a server that hangs in the middle of a transaction must not stop all others.
const SETTINGS: [(&str, &str); 8] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// By which a session knows that it is of the connection that it began with, and no pooler's.
pub(crate) const NAME: &str = "countersign.connection";

/// How soon PostgreSQL notices that a machine is gone which could not say so any more: after 5 s. Seconds, but for the last one.
const NOTICES: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "2"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
];

/// What has to hold for a commit to be durable once it is acknowledged, and the values that will do.
const DURABLE: [(&str, &[&str]); 3] =
    [("fsync", &["on"]), ("full_page_writes", &["on"]), ("synchronous_commit", &["on", "remote_apply"])];

/// A statement with what it takes.
pub(super) fn query<'q>(sql: &'q str, args: &[Arg<'q>]) -> Query<'q, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, arg| match *arg {
        Arg::Null => query.bind(None::<i64>),
        Arg::Int(value) => query.bind(value),
        Arg::Text(value) => query.bind(value),
        Arg::Id(value) => query.bind(value),
        Arg::Blob(value) => query.bind(value),
    })
}

/// Where connections to a PostgreSQL database come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    options: Box<PgConnectOptions>,
}

impl Source {
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| OpenError::Unreachable(error.to_string()))?;
        let options = options
            .application_name("countersign")
            .options(SETTINGS)
            .statement_cache_capacity(256)
            .disable_statement_logging();
        Ok(Self { options: Box::new(options) })
    }

    pub(crate) async fn connection(&self) -> Result<Connection, Fault> {
        connect(&self.options).await
    }

    /// A connection that is kept, by a name of its own ([`NAME`]), and ends soon after whoever has it.
    pub(crate) async fn kept(&self, name: &str) -> Result<Connection, Fault> {
        connect(&self.options.as_ref().clone().options(NOTICES).options([(NAME, name)])).await
    }

    /// Hears what servers tell each other.
    pub(crate) async fn listener(&self) -> Result<PgListener, Fault> {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with((*self.options).clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }
}

async fn connect(options: &PgConnectOptions) -> Result<Connection, Fault> {
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await {
        Ok(connected) => Ok(Connection::Postgres(Box::new(connected?))),
        Err(_) => Err(Fault::Unavailable("no answer within 5 s".to_owned())),
    }
}

/// Refuses a server that would acknowledge what a crash can undo (law 3).
pub(crate) async fn check_durable(connection: &mut Connection) -> Result<(), OpenError> {
    for (setting, wanted) in DURABLE {
        let shown = connection.fetch(&format!("SHOW {setting}"), &[], |row| row.get::<String>(0)).await;
        let value = shown.map_err(open_error)?.pop().unwrap_or_default();
        if !wanted.contains(&value.as_str()) {
            return Err(OpenError::NotDurable { setting, value, wanted: "on" });
        }
    }
    Ok(())
}

/// Who has had our tables in use for longer than a second, or the advisory lock with this key, in words; those first that have it for the longest.
/// What others may not see of a session stays out of it.
pub(crate) async fn in_the_way(connection: &mut Connection, key: i64) -> Result<String, Fault> {
    let sql = "SELECT COALESCE(NULLIF(a.application_name, ''), NULLIF(a.backend_type, ''), 'a session'), l.pid::bigint, a.usename::text,
            extract(epoch FROM now() - a.xact_start)::bigint, min(c.relname::text), count(DISTINCT c.oid)
        FROM pg_locks l
            LEFT JOIN pg_class c ON l.locktype = 'relation' AND c.oid = l.relation AND c.relkind IN ('r', 'p')
                AND c.relnamespace = current_schema()::regnamespace
            LEFT JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.granted AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND (c.oid IS NOT NULL OR (l.locktype = 'advisory' AND (l.classid::bigint << 32 | l.objid::bigint) = $1))
            AND (a.xact_start IS NULL OR a.xact_start < now() - interval '1 second')
        GROUP BY a.application_name, a.backend_type, l.pid, a.usename, a.xact_start ORDER BY a.xact_start NULLS LAST LIMIT 5";
    let args = [Arg::Int(key)];
    let holders = connection.fetch(sql, &args, |row| {
        let name: String = row.get(0)?;
        let Some(process) = row.get::<Option<i64>>(1)? else {
            return Ok("a prepared transaction (see pg_prepared_xacts)".to_owned());
        };
        let mut words = format!("{name} (process {process}");
        if let Some(user) = row.get::<Option<String>>(2)? {
            let _ = write!(words, ", of {user}");
        }
        if let Some(seconds) = row.get::<Option<i64>>(3)? {
            let _ = write!(words, ", for {seconds} s");
        }
        match (row.get::<Option<String>>(4)?, row.get::<i64>(5)?) {
            (Some(table), 1) => drop(write!(words, ", has {table}")),
            (Some(table), tables) => drop(write!(words, ", has {table} and {} more", tables - 1)),
            (None, _) => words.push_str(", brings the schema up to date itself"),
        }
        Ok(words + ")")
    });
    let holders = holders.await?;
    Ok(if holders.is_empty() { "somebody who is gone by now".to_owned() } else { holders.join("; ") })
}

/// What a failure while opening means.
pub(crate) fn open_error(fault: Fault) -> OpenError {
    match fault {
        Fault::Raced(text)
        | Fault::Collided(text)
        | Fault::Taken(text)
        | Fault::NoRoom(text)
        | Fault::Lost(text)
        | Fault::Refused(text)
        | Fault::Unwritable(text)
        | Fault::Unavailable(text)
        | Fault::Damaged(text) => OpenError::Unreachable(text),
    }
}
