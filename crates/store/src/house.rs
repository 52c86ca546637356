//! What stands behind the door: the writer, the readers, and how they are put up and taken down.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{
    Authenticator, AuthenticatorId, Clock, Enrollment, EnrollmentId, KeyHash, PolicyId, Session, SessionId, Timestamp,
    User, UserId,
};
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::alive::Alive;
use crate::engine::{Connection, Fault, Pool, Source, history, postgres, sqlite};
use crate::known::KnownCallers;
use crate::read::gather::Gather;
use crate::read::hot;
use crate::schema::{self, Mismatch};
use crate::threads::Thread;
use crate::write::{Writer, let_go_of_runs};
use crate::{Attempt, Caller, Deciding, Location, OpenError, Options, StoreError};

/// Connections for lists. Two cores read SQLite no faster with more; PostgreSQL waits on the network.
const SQLITE_READERS: u8 = 3;
/// Connections for what logins ask of SQLite. None waits while it has one, so there are as many as threads, at most.
const SQLITE_QUICK_READERS: u8 = 64;
/// PostgreSQL's, for everything.
const POSTGRES_READERS: u8 = 8;

/// For how long one write that was made durable speaks for those that ask after it.
const PING_LASTS: Duration = Duration::from_secs(1);

/// How long a ping waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a server that was killed may take to let go of its file: the next one may be started in the same moment.
const LEAVING: Duration = Duration::from_secs(2);

/// How often a server looks for events of others by itself, in case it was not told.
const LOOK: Duration = Duration::from_secs(1);

/// An open store.
pub(crate) struct House {
    engine: String,
    clock: Arc<dyn Clock>,
    /// Connections for lists.
    pub(crate) pool: Pool,
    /// Connections for what every login asks, and for what else is a few rows, found by their keys.
    pub(crate) quick: Pool,
    pub(crate) writer: Writer,
    pub(crate) head: watch::Sender<i64>,
    listener: Option<JoinHandle<()>>,
    /// Where others write as well.
    pub(crate) alive: Option<Alive>,
    pinged: tokio::sync::Mutex<Pinged>,
    /// From when on it is looked again whether history can be dropped.
    pub(crate) looks_at_history: Mutex<Timestamp>,
    /// Where nobody else writes.
    pub(crate) known: Option<Arc<KnownCallers>>,
    pub(crate) callers: Gather<KeyHash, Caller>,
    pub(crate) attempts: Gather<hot::Proving, Attempt>,
    pub(crate) sessions: Gather<SessionId, Session>,
    pub(crate) deciding: Gather<SessionId, Deciding>,
    pub(crate) users: Gather<UserId, User>,
    pub(crate) users_by_key: Gather<String, User>,
    pub(crate) user_ids_by_key: Gather<String, UserId>,
    pub(crate) enrollments: Gather<EnrollmentId, Enrollment>,
    pub(crate) authenticators: Gather<AuthenticatorId, Authenticator>,
    pub(crate) authenticators_of: Gather<UserId, Vec<Authenticator>>,
    pub(crate) policy_id: Gather<(), PolicyId>,
    /// Held last: what runs on it ends with it.
    _thread: Thread,
}

async fn sqlite_file(path: &Path) -> Result<(sqlite::Source, sqlite::Lock), OpenError> {
    let limit = tokio::time::Instant::now() + LEAVING;
    loop {
        match sqlite::prepare(path) {
            Err(OpenError::InUse { .. }) if tokio::time::Instant::now() < limit => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            prepared => return prepared,
        }
    }
}

impl House {
    pub(crate) async fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        match &options.location {
            Location::Sqlite(path) => {
                let (source, lock) = sqlite_file(path).await?;
                let lock = Arc::new(lock);
                let source = Source::Sqlite(source);
                let because = |fault| sqlite::open_error(path, fault);
                let ready = get_ready(&source, options, &*clock, path, &because).await?;
                let own = |name| Thread::own(name).map_err(|error| because(Fault::Unavailable(error.to_string())));
                let thread = own("store-writer")?;
                let pool = Pool::new(source.clone(), SQLITE_READERS);
                let quick = Pool::new(source.quick(), SQLITE_QUICK_READERS);
                Ok(Self::start(source, ready, clock, (pool, quick), thread, None, lock))
            }
            Location::Postgres(url) => {
                let own = postgres::Source::parse(url)?;
                let source = Source::Postgres(own.clone());
                let ready = get_ready(&source, options, &*clock, Path::new(""), &postgres::open_error).await?;
                let pool = Pool::new(source.clone(), POSTGRES_READERS);
                let alive = Alive::start(own).await.map_err(postgres::open_error)?;
                Ok(Self::start(source, ready, clock, (pool.clone(), pool), Thread::shared(), Some(alive), ()))
            }
        }
    }

    fn start(
        source: Source,
        ready: Ready,
        clock: Arc<dyn Clock>,
        (pool, quick): (Pool, Pool),
        thread: Thread,
        alive: Option<Alive>,
        keep: impl Send + Sync + 'static,
    ) -> Self {
        let (head, _) = watch::channel(ready.head);
        let known = match &source {
            Source::Sqlite(_) => Some(Arc::new(KnownCallers::default())),
            Source::Postgres(_) => None,
        };
        let listener = match &source {
            Source::Sqlite(_) => None,
            Source::Postgres(source) => Some(tokio::spawn(listen(source.clone(), pool.clone(), head.clone()))),
        };
        Self {
            engine: ready.engine,
            clock,
            writer: Writer::start(&thread, source, ready.connection, head.clone(), known.clone(), keep),
            head,
            listener,
            alive,
            pinged: tokio::sync::Mutex::default(),
            looks_at_history: Mutex::default(),
            known,
            callers: Gather::start(&quick, hot::callers),
            attempts: Gather::start(&quick, hot::attempts),
            sessions: Gather::start(&quick, hot::sessions),
            deciding: Gather::start(&quick, hot::deciding),
            users: Gather::start(&quick, hot::users),
            users_by_key: Gather::start(&quick, hot::users_by_key),
            user_ids_by_key: Gather::start(&quick, hot::user_ids_by_key),
            enrollments: Gather::start(&quick, hot::enrollments),
            authenticators: Gather::start(&quick, hot::authenticators),
            authenticators_of: Gather::start(&quick, hot::authenticators_of),
            policy_id: Gather::start(&quick, hot::policy_id),
            pool,
            quick,
            _thread: thread,
        }
    }

    pub(crate) fn engine(&self) -> &str {
        &self.engine
    }

    pub(crate) async fn close(&self) {
        self.writer.close().await;
        if let Some(alive) = &self.alive {
            alive.end();
        }
        if let Some(listener) = &self.listener {
            listener.abort();
        }
        self.pool.close().await;
        self.quick.close().await;
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

/// What opening found out.
struct Ready {
    connection: Connection,
    engine: String,
    head: i64,
}

async fn get_ready(
    source: &Source,
    options: &Options,
    clock: &dyn Clock,
    path: &Path,
    because: &(dyn Fn(Fault) -> OpenError + Sync),
) -> Result<Ready, OpenError> {
    let mut connection = source.writer().await.map_err(because)?;
    if let Source::Postgres(_) = source {
        postgres::check_durable(&mut connection).await?;
    }
    schema::migrate(&mut connection, schema::PATIENCE).await.map_err(|mismatch| match mismatch {
        Mismatch::Newer { found, known } => OpenError::NewerSchema { found, known },
        Mismatch::Foreign => match source {
            Source::Sqlite(_) => {
                OpenError::Corrupt { path: path.to_owned(), reason: "its tables are another program's".to_owned() }
            }
            Source::Postgres(_) => {
                OpenError::Unreachable("it has another program's tables; give countersign a database of its own".into())
            }
        },
        Mismatch::InTheWay { by, tried } => OpenError::InTheWay { by, seconds: tried.as_secs() },
        Mismatch::Fault(fault) => because(fault),
    })?;
    let made_movable = schema::settle_clock(&mut connection, options.movable_clock).await.map_err(because)?;
    if made_movable != options.movable_clock {
        return Err(OpenError::Clock { made_movable });
    }
    schema::write_a_little(&mut connection, clock.now()).await.map_err(because)?;
    if let Source::Sqlite(_) = source {
        let_go_of_runs(&mut connection, clock.now()).await.map_err(because)?;
    }
    history::make_room(&mut connection, clock.now()).await.map_err(because)?;
    let engine = engine(&mut connection, source).await.map_err(because)?;
    let head = head(&mut connection).await.map_err(because)?;
    Ok(Ready { connection, engine, head })
}

async fn engine(connection: &mut Connection, source: &Source) -> Result<String, Fault> {
    let (name, sql) = match source {
        Source::Sqlite(_) => ("SQLite", "SELECT sqlite_version()"),
        Source::Postgres(_) => ("PostgreSQL", "SHOW server_version"),
    };
    let version = connection.fetch(sql, &[], |row| row.get::<String>(0)).await?.pop().unwrap_or_default();
    Ok(format!("{name} {}", version.split(' ').next().unwrap_or_default()))
}

/// The position of the newest event that is committed.
async fn head(connection: &mut Connection) -> Result<i64, Fault> {
    let head = connection.fetch("SELECT position FROM event_head", &[], |row| row.get::<i64>(0)).await?;
    head.first().copied().ok_or_else(|| Fault::Damaged("the head of the events is missing".to_owned()))
}

/// Follows what other servers commit: by being told, and in case nobody tells by looking.
async fn listen(source: postgres::Source, pool: Pool, known: watch::Sender<i64>) {
    let mut listener: Option<PgListener> = None;
    loop {
        if listener.is_none() {
            listener = source.listener().await.ok();
        }
        let told = async {
            match &mut listener {
                Some(listener) => listener.recv().await,
                None => std::future::pending().await,
            }
        };
        let head = match tokio::time::timeout(LOOK, told).await {
            Ok(Ok(told)) => told.payload().parse().ok(),
            Ok(Err(error)) => {
                tracing::debug!(%error, "other servers cannot be listened to; looking instead");
                listener = None;
                tokio::time::sleep(LOOK).await;
                look(&pool).await
            }
            Err(_) => look(&pool).await,
        };
        if let Some(head) = head {
            known.send_if_modified(|known| std::mem::replace(known, head.max(*known)) < head);
        }
    }
}

async fn look(pool: &Pool) -> Option<i64> {
    pool.ask(head).await.ok()
}

/// When a write was last tried, and what came of it.
type Pinged = Option<(tokio::time::Instant, Result<(), StoreError>)>;

impl House {
    /// Makes a small write durable, at most once a second for all who ask.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let mut pinged = self.pinged.lock().await;
        if let Some((at, outcome)) = &*pinged
            && at.elapsed() < PING_LASTS
        {
            return outcome.clone();
        }
        let outcome = match tokio::time::timeout(PATIENCE, self.writer.try_out(self.clock.now())).await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::Unavailable("no write was durable within 5 s".to_owned())),
        };
        *pinged = Some((tokio::time::Instant::now(), outcome.clone()));
        outcome
    }
}
