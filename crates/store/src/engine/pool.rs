//! A few connections for reading, made when they are wanted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{Connection, Fault};
use crate::StoreError;
use crate::engine::{postgres, sqlite};

/// How long a read waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that was not used for longer is asked whether it is still there: while the database is away, those that are used
/// notice, and all others would fail whoever takes them next.
const QUIET: Duration = Duration::from_millis(500);

/// Where connections come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Sqlite(sqlite::Source),
    Postgres(postgres::Source),
}

impl Source {
    /// For what every login asks, see [`Pool::is_at_hand`].
    pub(crate) fn quick(&self) -> Self {
        match self {
            Self::Sqlite(source) => Self::Sqlite(source.quick()),
            Self::Postgres(_) => self.clone(),
        }
    }

    pub(crate) async fn reader(&self) -> Result<Connection, Fault> {
        match self {
            Self::Sqlite(source) => source.reader(),
            Self::Postgres(source) => source.connection().await,
        }
    }

    pub(crate) async fn writer(&self) -> Result<Connection, Fault> {
        match self {
            Self::Sqlite(source) => source.writer(),
            Self::Postgres(source) => source.connection().await,
        }
    }
}

/// A few connections for reading. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    source: Source,
    permits: Arc<Semaphore>,
    most: u32,
    /// With when each was used last.
    idle: Mutex<Vec<(Connection, Instant)>>,
}

/// A connection that is in use.
struct Lease {
    pool: Arc<Shared>,
    connection: Connection,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(source: Source, most: u8) -> Self {
        let permits = Arc::new(Semaphore::new(most.into()));
        Self(Arc::new(Shared { source, permits, most: most.into(), idle: Mutex::default() }))
    }

    /// Whether the data is here, so that to ask one by one costs less than to gather who asks.
    pub(crate) fn is_at_hand(&self) -> bool {
        matches!(&self.0.source, Source::Sqlite(source) if source.is_quick())
    }

    /// A connection, as soon as one is free.
    async fn lease(&self) -> Result<Lease, StoreError> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.0.permits).acquire_owned());
        let permit = match permit.await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(StoreError::Unavailable("the store is closed".to_owned())),
            Err(_) => return Err(StoreError::Busy),
        };
        let connection = match self.idle().await {
            Some(connection) => connection,
            None => self.0.source.reader().await?,
        };
        Ok(Lease { pool: Arc::clone(&self.0), connection, _permit: permit })
    }

    /// Asks with a connection of the pool, as soon as one is free; it is there for others once it has answered.
    pub(crate) async fn ask<T, E>(
        &self,
        question: impl AsyncFnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, StoreError>
    where
        StoreError: From<E>,
    {
        let mut lease = self.lease().await?;
        let answer = question(lease.connection()).await?;
        lease.done();
        Ok(answer)
    }

    /// The connection that was used last of those that are idle and still there.
    async fn idle(&self) -> Option<Connection> {
        loop {
            let (mut connection, used) = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if used.elapsed() < QUIET || connection.is_alive().await {
                return Some(connection);
            }
        }
    }

    /// Lets nobody in any more, waits for who is inside, and closes.
    pub(crate) async fn close(&self) {
        let inside = Arc::clone(&self.0.permits);
        let _all = tokio::time::timeout(PATIENCE, inside.acquire_many(self.0.most)).await;
        self.0.permits.close();
        let idle = std::mem::take(&mut *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for (connection, _) in idle {
            connection.close().await;
        }
    }
}

impl Lease {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Gives the connection back. One that is dropped instead, by a caller that went away or after an error, is not
    /// used again.
    fn done(self) {
        let Self { pool, connection, _permit } = self;
        pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, Instant::now()));
    }
}
