//! Which database a server under test stands on.

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file in the server's data folder.
    Sqlite,
    /// A PostgreSQL cluster that is there for this one server.
    Postgres,
}

pub(crate) struct Cluster;
impl Cluster {
    pub(crate) fn stop(&self) {}
    pub(crate) fn start(&self) {}
}
