//! SQLite: one file, one writer, a few readers beside it (write-ahead log, synchronous FULL).

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Arg, Connection, Fault, Row};
use crate::OpenError;

/// How long a connection waits for somebody else's lock: a person's `sqlite3` on the file, say.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pages of write-ahead log after which it is copied into the file: 16 MiB, so that a page that is written often
/// is copied once in a while only.
const CHECKPOINT_PAGES: i64 = 4096;

/// Where connections to an SQLite file come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    path: PathBuf,
    quick: bool,
}

/// A connection.
pub(crate) struct Own {
    connection: rusqlite::Connection,
    /// It asks nothing that takes longer than handing other tasks to another thread would.
    quick: bool,
}

/// The file's lock: it lasts as long as this is held, and no longer than the process.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is being started at this moment holds the file open too.
        let _ = self.file.unlock();
    }
}

/// What every connection is told: the log is written ahead and each commit waits for the disk.
/// And with an automatic index at hand the planner would rather go through a whole table than look each row up.
const COMMON: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
    PRAGMA automatic_index = OFF;";

impl Source {
    /// The connection that writes. What is erased is overwritten, not only forgotten.
    pub(crate) fn writer(&self) -> Result<Connection, Fault> {
        self.connect(&format!(
            "PRAGMA cache_size = -16384; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
             PRAGMA journal_size_limit = 67108864;"
        ))
    }

    /// A connection that reads.
    pub(crate) fn reader(&self) -> Result<Connection, Fault> {
        self.connect("PRAGMA cache_size = -4096; PRAGMA query_only = ON;")
    }

    /// Connections for questions that are answered by a few rows, found by their keys.
    pub(crate) fn quick(&self) -> Self {
        Self { path: self.path.clone(), quick: true }
    }

    /// Whether these connections are for such questions.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    fn connect(&self, particular: &str) -> Result<Connection, Fault> {
        aside(false, || {
            // Each connection is used by one thread at a time, so it needs no lock of its own.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = rusqlite::Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            connection.set_prepared_statement_cache_capacity(256);
            // Or else a statement is planned anew each time that it is asked with other values.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            connection.execute_batch(COMMON)?;
            connection.execute_batch(particular)?;
            Ok(Connection::Sqlite(Box::new(Own { connection, quick: self.quick })))
        })
    }
}

/// Runs a statement and reads every row that it gives back.
pub(crate) fn fetch<T>(
    Own { connection, quick }: &Own,
    sql: &str,
    args: &[Arg<'_>],
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    aside(*quick, || {
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, args)?;
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(&Row::Sqlite(row))?);
        }
        Ok(found)
    })
}

/// Runs a statement and answers how many rows it changed.
pub(crate) fn execute(Own { connection, quick }: &Own, sql: &str, args: &[Arg<'_>]) -> Result<u64, Fault> {
    aside(*quick, || {
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, args)?;
        Ok(statement.raw_execute()? as u64)
    })
}

/// Binds the arguments: to each `?` in turn, or the first one to `$1` and so on, wherever in the statement each stands,
/// since SQLite takes `$1` for a name.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, args: &[Arg<'_>]) -> Result<(), Fault> {
    let named = statement.parameter_name(1).is_some();
    for (number, arg) in (1..).zip(args) {
        let value = match arg {
            Arg::Null => ValueRef::Null,
            Arg::Int(value) => ValueRef::Integer(*value),
            Arg::Text(value) => ValueRef::Text(value.as_bytes()),
            Arg::Id(id) => ValueRef::Blob(id.as_bytes()),
            Arg::Blob(value) => ValueRef::Blob(value),
        };
        let value = ToSqlOutput::Borrowed(value);
        if !named {
            statement.raw_bind_parameter(number, value)?;
        } else if let Some(index) = statement.parameter_index(&format!("${number}"))? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

/// Runs several statements that take nothing.
pub(crate) fn script(Own { connection, quick }: &Own, sql: &str) -> Result<(), Fault> {
    aside(*quick, || Ok(connection.execute_batch(sql)?))
}

/// Closes a connection.
pub(crate) fn close(Own { connection, .. }: Own) -> Result<(), Fault> {
    aside(false, || connection.close().map_err(|(_, error)| error.into()))
}

/// Does what waits for the disk without holding up others. On the store's own threads it is simply done (see
/// [`crate::threads`]); on a thread that carries other tasks these are handed to another one first, unless it is `quick`.
fn aside<T>(quick: bool, work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) if !quick => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Makes sure that the file is there, is ours alone, and looks like a database.
pub(crate) fn prepare(path: &Path) -> Result<(Source, Lock), OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| read_only(folder, &error))?;
    let lock = lock(path)?;
    check_header(path)?;
    // For nobody else's eyes; SQLite gives the files beside it the same mode.
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map_err(|error| read_only(path, &error))?;
    Ok((Source { path: path.to_owned(), quick: false }, lock))
}

fn lock(path: &Path) -> Result<Lock, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&name);
    let file = file.map_err(|error| read_only(&name, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { file }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(read_only(&name, &error)),
    }
}

/// The first 100 bytes of a database (<https://www.sqlite.org/fileformat2.html#the_database_header>), which tell
/// a file of another kind, and one that was cut off, before SQLite touches either.
fn check_header(path: &Path) -> Result<(), OpenError> {
    let corrupt = |reason: &str| OpenError::Corrupt { path: path.to_owned(), reason: reason.to_owned() };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(read_only(path, &error)),
    };
    let metadata = file.metadata().map_err(|error| read_only(path, &error))?;
    if metadata.is_dir() {
        return Err(corrupt("it is a folder"));
    }
    if metadata.len() == 0 {
        return Ok(());
    }
    let mut header = [0; 100];
    file.read_exact(&mut header).map_err(|_| corrupt("it is shorter than a header"))?;
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(corrupt("its header is not that of a database"));
    }
    let (_, rest) = header.split_at(16);
    let page_size = match rest {
        [0, 1, ..] => 65536,
        [high, low, ..] => u64::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    let pages = match header.get(28..32) {
        Some([a, b, c, d]) => u64::from(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => 0,
    };
    // With a write-ahead log beside it, the end of the file may be in there.
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let logged = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
    if !logged && metadata.len() < page_size * pages {
        return Err(corrupt("it was cut off"));
    }
    Ok(())
}

fn read_only(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::ReadOnly { path: path.to_owned(), reason: error.to_string() }
}

/// What a failure while opening means.
pub(crate) fn open_error(path: &Path, fault: Fault) -> OpenError {
    let path = path.to_owned();
    match fault {
        Fault::Unwritable(reason) => OpenError::ReadOnly { path, reason },
        Fault::Raced(reason)
        | Fault::Collided(reason)
        | Fault::Taken(reason)
        | Fault::NoRoom(reason)
        | Fault::Lost(reason)
        | Fault::Refused(reason)
        | Fault::Unavailable(reason)
        | Fault::Damaged(reason) => OpenError::Corrupt { path, reason },
    }
}
