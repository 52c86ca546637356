//! What can go wrong, in words for whoever runs the program.

use std::path::PathBuf;

/// Why a store could not be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has this SQLite file.
    #[error(
        "{path} is in use by another countersign; one SQLite file serves one server: stop the other one, or move to PostgreSQL with --database"
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The schema is of a newer program.
    #[error(
        "the database has schema {found}, and this program knows schemas up to {known}: run the newer countersign that made it"
    )]
    NewerSchema {
        /// What the database has.
        found: i64,
        /// What the program knows.
        known: i64,
    },
    /// The file cannot be written.
    #[error(
        "{path} cannot be written: {reason}. Give this user the right to write it, or choose another place with --data"
    )]
    ReadOnly {
        /// The database file or folder.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The file is damaged or no database.
    #[error("{path} is damaged or no SQLite database ({reason}): restore it from a backup; nothing was changed")]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the engine says.
        reason: String,
    },
    /// PostgreSQL would acknowledge what is not durable.
    #[error(
        "PostgreSQL has {setting}={value}, so a crash could undo what was acknowledged: set {setting}={wanted} for this database"
    )]
    NotDurable {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// The value that is needed.
        wanted: &'static str,
    },
    /// A store made for tests, opened for real use, or the other way round.
    #[error("this store was made {}; it cannot be opened {}", made(*made_movable), made(!*made_movable))]
    Clock {
        /// Whether it was made with a clock that can be moved.
        made_movable: bool,
    },
    /// Others use the tables that are to be changed.
    #[error(
        "the database could not be brought up to date within {seconds} s, since its tables are in use by {by}. Wait until that is over, or end it (SELECT pg_terminate_backend(process)), and start again; nothing is lost"
    )]
    InTheWay {
        /// Who.
        by: String,
        /// For how long it was tried.
        seconds: u64,
    },
    /// PostgreSQL cannot be reached or refuses.
    #[error("the database cannot be opened: {0}")]
    Unreachable(String),
}

fn made(movable: bool) -> &'static str {
    if movable { "with a clock that can be moved, for tests" } else { "with the real clock" }
}

/// Why a read or a write failed. Nothing was acknowledged; what was asked for may be tried again.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// More is waiting than can be handled soon.
    #[error("the store is busy")]
    Busy,
    /// The disk is full or the file cannot be written.
    #[error("the store cannot be written: {0}")]
    Unwritable(String),
    /// The database is gone, locked or damaged.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// What was to be gone on after is no longer in the event log: its retention is over.
    #[error("the events before {oldest} are not kept any more")]
    Expired {
        /// The position of the oldest event that is kept.
        oldest: i64,
    },
    /// The database refuses what it was given: a text with a zero character on PostgreSQL, say.
    #[error("the store does not take this: {0}")]
    Refused(String),
    /// What is stored cannot be understood: a defect, or a damaged database.
    #[error("the store holds what cannot be understood: {0}")]
    Damaged(String),
}
