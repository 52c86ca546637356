//! The two engines, and the little in which they differ.
//!
//! Everything above speaks in [`Set`](crate::set::Set)s: one statement over many rows, written once. What an engine
//! spells differently is listed in its [`Dialect`]; how it is opened and what its errors mean stands in its module.

mod fault;
pub(crate) mod history;
pub(crate) mod partitions;
mod pool;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

pub(crate) use fault::Fault;
pub(crate) use pool::{Pool, Source};

/// How an engine spells what SQL leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// What stands for each mark in a statement's text, see [`crate::set`].
    pub(crate) const fn spellings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Sqlite => &[
                // One connection writes, so a row that was read stays as it is.
                ("{share}", ""),
                ("{hold}", ""),
                ("{hold s}", ""),
                ("{alone}", ""),
                ("{skip}", ""),
                ("{merge<}", "json_patch("),
                ("{merge|}", ", "),
                ("{merge>}", ")"),
                ("{without<}", "json_remove("),
                ("{without|}", ", '$.\"' || "),
                ("{without>}", " || '\"')"),
                ("{hex<}", "lower(hex("),
                ("{hex>}", "))"),
                ("{list<}", "group_concat("),
                ("{list>}", ", ',')"),
                // The order in which tables are written is the order in which they are gone through.
                ("{then}", "CROSS JOIN"),
                ("{each<}", ""),
                ("{each|}", " ON "),
                ("{each>v}", ""),
                ("{each>t}", ""),
                ("{each>c}", ""),
                ("{each>r}", ""),
                // A condition that no index is chosen for.
                ("{+}", "+"),
                // What is given back is always of the changed table, and knows no alias.
                ("{a.}", ""),
                ("{b.}", ""),
                ("{e.}", ""),
                ("{s.}", ""),
                ("{m.}", ""),
            ],
            Self::Postgres => &[
                ("{share}", "FOR KEY SHARE"),
                // Goes together with it.
                ("{hold}", "FOR NO KEY UPDATE"),
                ("{hold s}", "FOR NO KEY UPDATE OF s"),
                // Does not.
                ("{alone}", "FOR UPDATE"),
                // What another server has in hand is left to it.
                ("{skip}", "FOR UPDATE SKIP LOCKED"),
                ("{merge<}", "(("),
                ("{merge|}", ")::jsonb || ("),
                ("{merge>}", ")::jsonb)::text"),
                ("{without<}", "(("),
                ("{without|}", ")::jsonb - "),
                ("{without>}", ")::text"),
                ("{hex<}", "encode("),
                ("{hex>}", ", 'hex')"),
                ("{list<}", "string_agg("),
                ("{list>}", ", ',')"),
                ("{then}", "JOIN"),
                // A look for each row, whatever the planner thinks of it: it looks into no subquery that has an offset.
                ("{each<}", "LATERAL (SELECT * FROM "),
                ("{each|}", " WHERE "),
                ("{each>v}", " OFFSET 0) v ON true"),
                ("{each>t}", " OFFSET 0) t ON true"),
                ("{each>c}", " OFFSET 0) c ON true"),
                ("{each>r}", " OFFSET 0) r ON true"),
                ("{+}", ""),
                ("{a.}", "a."),
                ("{b.}", "b."),
                ("{e.}", "e."),
                ("{s.}", "s."),
                ("{m.}", "m."),
            ],
        }
    }
}

/// A value that a statement takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Id(Uuid),
    Blob(&'a [u8]),
}

/// One connection to either engine.
pub(crate) enum Connection {
    Sqlite(Box<sqlite::Own>),
    Postgres(Box<PgConnection>),
}

impl Connection {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement and reads every row that it gives back.
    pub(crate) async fn fetch<T>(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        match self {
            Self::Sqlite(connection) => sqlite::fetch(connection, sql, args, read),
            Self::Postgres(connection) => {
                let rows = postgres::query(sql, args).fetch_all(&mut **connection).await?;
                rows.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    /// Runs a statement and answers how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, Fault> {
        match self {
            Self::Sqlite(connection) => sqlite::execute(connection, sql, args),
            Self::Postgres(connection) => {
                Ok(postgres::query(sql, args).execute(&mut **connection).await?.rows_affected())
            }
        }
    }

    /// Runs several statements that take nothing and give nothing.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), Fault> {
        match self {
            Self::Sqlite(connection) => sqlite::script(connection, sql)?,
            Self::Postgres(connection) => {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **connection).await.map(drop)?;
            }
        }
        Ok(())
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&mut self) -> Result<(), Fault> {
        match self.dialect() {
            Dialect::Sqlite => self.execute("BEGIN IMMEDIATE", &[]).await.map(drop),
            Dialect::Postgres => self.script("BEGIN").await,
        }
    }

    /// Makes it durable.
    pub(crate) async fn commit(&mut self) -> Result<(), Fault> {
        match self.dialect() {
            Dialect::Sqlite => self.execute("COMMIT", &[]).await.map(drop),
            Dialect::Postgres => self.script("COMMIT").await,
        }
    }

    /// Undoes it. `Ok` also where the engine had undone it by itself.
    pub(crate) async fn rollback(&mut self) -> Result<(), Fault> {
        match self.dialect() {
            Dialect::Sqlite => {
                // After a full disk the engine has rolled back already, and says that there is nothing to undo.
                let _ = self.execute("ROLLBACK", &[]).await;
                Ok(())
            }
            Dialect::Postgres => self.script("ROLLBACK").await,
        }
    }

    /// Tells other servers, once the transaction is committed, that there are events up to this position.
    pub(crate) async fn announce(&mut self, position: i64) -> Result<(), Fault> {
        match self.dialect() {
            // Nobody else has the file.
            Dialect::Sqlite => Ok(()),
            Dialect::Postgres => {
                let position = position.to_string();
                let args = [Arg::Text(postgres::CHANNEL), Arg::Text(&position)];
                self.execute("SELECT pg_notify($1, $2)", &args).await.map(drop)
            }
        }
    }

    /// Whether the connection is still there.
    pub(crate) async fn is_alive(&mut self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Postgres(connection) => {
                matches!(tokio::time::timeout(postgres::PATIENCE, connection.ping()).await, Ok(Ok(())))
            }
        }
    }

    pub(crate) async fn close(self) {
        let closed = match self {
            Self::Sqlite(connection) => sqlite::close(*connection),
            Self::Postgres(connection) => connection.close().await.map_err(Fault::from),
        };
        if let Err(fault) = closed {
            tracing::debug!(?fault, "a database connection did not close cleanly");
        }
    }
}

/// A row of either engine. Columns are read by their place.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r sqlx::postgres::PgRow),
}

/// What can be read from a column of either engine.
pub(crate) trait Cell: Sized {
    fn sqlite(row: &rusqlite::Row<'_>, column: usize) -> Result<Self, rusqlite::Error>;
    fn postgres(row: &sqlx::postgres::PgRow, column: usize) -> Result<Self, sqlx::Error>;
}

macro_rules! cells {
    ($($ty:ty $(=> $sqlite:expr)?),* $(,)?) => {$(
        impl Cell for $ty {
            fn sqlite(row: &rusqlite::Row<'_>, column: usize) -> Result<Self, rusqlite::Error> {
                cells!(@read row, column $(, $sqlite)?)
            }

            fn postgres(row: &sqlx::postgres::PgRow, column: usize) -> Result<Self, sqlx::Error> {
                row.try_get(column)
            }
        }
    )*};
    (@read $row:ident, $column:ident) => { $row.get($column) };
    (@read $row:ident, $column:ident, $sqlite:expr) => { $row.get($column).map($sqlite) };
}

cells! {
    i64,
    Option<i64>,
    String,
    Option<String>,
    Vec<u8>,
    Option<Vec<u8>>,
    Uuid => Uuid::from_bytes,
    Option<Uuid> => |bytes: Option<[u8; 16]>| bytes.map(Uuid::from_bytes),
}

impl Row<'_> {
    /// A text where it lies.
    pub(crate) fn text(&self, column: usize) -> Result<Option<&str>, Fault> {
        let damaged = |error: &dyn std::fmt::Display| Fault::Damaged(format!("column {column}: {error}"));
        match self {
            Self::Sqlite(row) => {
                let value = row.get_ref(column).map_err(|error| damaged(&error))?;
                value.as_str_or_null().map_err(|error| damaged(&error))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|error| damaged(&error)),
        }
    }

    pub(crate) fn get<T: Cell>(&self, column: usize) -> Result<T, Fault> {
        let damaged = |error: &dyn std::fmt::Display| Fault::Damaged(format!("column {column}: {error}"));
        match self {
            Self::Sqlite(row) => T::sqlite(row, column).map_err(|error| damaged(&error)),
            Self::Postgres(row) => T::postgres(row, column).map_err(|error| damaged(&error)),
        }
    }
}
