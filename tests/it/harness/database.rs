//! Which database a server under test stands on.

use throwaway_postgres::Cluster;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file in the server's data folder.
    Sqlite,
    /// A database of its own in the PostgreSQL cluster that the tests of this run share.
    Postgres,
}

/// A database in the shared cluster.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pub(crate) url: String,
}

impl Postgres {
    pub(crate) fn new() -> Self {
        Self { url: cluster().database().unwrap() }
    }

    /// Cuts every connection to it, and refuses new ones, as when the database server is down.
    pub(crate) fn go_away(&self) {
        let name = self.name();
        sql(&format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"));
        sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    }

    pub(crate) fn come_back(&self) {
        sql(&format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", self.name()));
    }

    /// Changes what is stored behind the server's back.
    pub(crate) fn run(&self, text: &str) {
        cluster().run_sql(&self.url, text).unwrap();
    }

    pub(crate) fn name(&self) -> &str {
        let (_, rest) = self.url.split_once("@localhost/").unwrap();
        rest.split_once('?').unwrap().0
    }
}

fn sql(text: &str) {
    cluster().run_sql("postgres", text).unwrap();
}

fn cluster() -> &'static Cluster {
    Cluster::shared().unwrap_or_else(|why| panic!("{why}"))
}
