//! What an engine's errors mean for us.

use crate::StoreError;

/// Why a statement or a transaction failed.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Another server was there first: what the first statement of a change saw no longer holds.
    Raced(String),
    /// Another server was in the way: the same again may well succeed.
    Collided(String),
    /// A unique name or id is taken.
    Taken(String),
    /// There is no partition for these positions of the event log yet.
    NoRoom(String),
    /// The engine refuses what it was given.
    Refused(String),
    /// The disk is full or the file cannot be written.
    Unwritable(String),
    /// The connection is gone; whether what was sent on it last took effect is unknown.
    Lost(String),
    /// The database does not answer or is locked; whether a commit under way took effect is unknown.
    Unavailable(String),
    /// What is stored cannot be understood.
    Damaged(String),
}

impl Fault {
    /// Whether the same changes could succeed if they were committed apart.
    pub(crate) fn may_be_of_one(&self) -> bool {
        matches!(self, Self::Raced(_) | Self::Collided(_) | Self::Taken(_) | Self::Refused(_))
    }

    /// <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
    fn from_sqlite(code: i32, text: String) -> Self {
        match code & 0xff {
            // Full, I/O error, cannot open, read-only, permission.
            13 | 10 | 14 | 8 | 3 | 23 => Self::Unwritable(text),
            // Unique constraints, of a primary key and of another.
            19 if code == 1555 || code == 2067 => Self::Taken(text),
            // Other constraints, too big, wrong type, wrong use, range; and errors in a statement.
            19 | 18 | 20 | 25 | 1 => Self::Refused(text),
            // Corrupt, not a database.
            11 | 26 => Self::Damaged(text),
            _ => Self::Unavailable(text),
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>; the first two characters are the class.
    fn from_postgres(code: &str, text: String) -> Self {
        match code {
            "23505" => Self::Taken(text),
            "25006" | "53100" | "58030" => Self::Unwritable(text),
            // Ended by an administrator, by a crash, or for doing nothing in a transaction.
            "57P01" | "57P02" | "57P03" | "25P03" => Self::Lost(text),
            "40001" | "40P01" | "55P03" => Self::Collided(text),
            _ => match code.get(..2) {
                Some("22" | "23" | "42" | "54") => Self::Refused(text),
                Some("08") => Self::Lost(text),
                Some("XX") => Self::Damaged(text),
                _ => Self::Unavailable(text),
            },
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // A row that fits no partition is a violation of no constraint's in particular.
            sqlx::Error::Database(database)
                if database.code().is_some_and(|code| code == "23514") && database.constraint().is_none() =>
            {
                Self::NoRoom(database.message().to_owned())
            }
            sqlx::Error::Database(database) => {
                Self::from_postgres(&database.code().unwrap_or_default(), database.message().to_owned())
            }
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => Self::Lost(error.to_string()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, text) => {
                let text = text.clone().unwrap_or_else(|| failure.to_string());
                Self::from_sqlite(failure.extended_code, text)
            }
            rusqlite::Error::SqlInputError { error: failure, msg, .. } => {
                Self::from_sqlite(failure.extended_code, msg.clone())
            }
            rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Refused(error.to_string()),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unwritable(text) => Self::Unwritable(text),
            Fault::Collided(_) => Self::Busy,
            Fault::Raced(text) | Fault::NoRoom(text) | Fault::Lost(text) | Fault::Unavailable(text) => {
                Self::Unavailable(text)
            }
            Fault::Taken(text) | Fault::Refused(text) => Self::Refused(text),
            Fault::Damaged(text) => Self::Damaged(text),
        }
    }
}
