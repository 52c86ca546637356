//! SQLite: one file, one writer, a few readers beside it (write-ahead log, synchronous FULL).

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::{Connection, Fault};
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

impl Source {
    pub(crate) async fn writer(&self) -> Result<Connection, Fault> {
        let options = self
            .options()
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-16384")
            // What is erased is overwritten, not only forgotten.
            .pragma("secure_delete", "1")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
            .pragma("journal_size_limit", "67108864");
        connect(&options).await
    }

    pub(crate) async fn reader(&self) -> Result<Connection, Fault> {
        connect(&self.options().pragma("cache_size", "-4096").pragma("query_only", "1")).await
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(PATIENCE)
            .foreign_keys(false)
            // Or it would rather index what it is given and go through a whole table than look each row up.
            .pragma("automatic_index", "0")
            .statement_cache_capacity(256)
            .row_buffer_size(512)
            .disable_statement_logging()
    }
}

async fn connect(options: &SqliteConnectOptions) -> Result<Connection, Fault> {
    Ok(Connection::Sqlite(Box::new(SqliteConnection::connect_with(options).await?)))
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
    Ok((Source { path: path.to_owned() }, lock))
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
        | Fault::Refused(reason)
        | Fault::Unavailable(reason)
        | Fault::Damaged(reason) => OpenError::Corrupt { path, reason },
    }
}
