//! Which database a server under test stands on.

use std::sync::Arc;

use throwaway_postgres::Cluster;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file in the server's data folder.
    Sqlite,
    /// A database of its own in the PostgreSQL cluster that the tests of this run share.
    Postgres,
    /// A PostgreSQL cluster of its own, which may be killed.
    OwnPostgres,
}

/// A database in the shared cluster, or one of its own.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pub(crate) url: String,
    own: Option<Arc<Cluster>>,
}

impl Postgres {
    /// For who stands on one.
    pub(crate) fn under(database: Database) -> Option<Self> {
        match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Self { url: shared().database().unwrap(), own: None }),
            Database::OwnPostgres => {
                let own = Arc::new(Cluster::start().unwrap_or_else(|why| panic!("{why}")));
                Some(Self { url: own.database().unwrap(), own: Some(own) })
            }
        }
    }

    /// Has its database server crash, and come back.
    pub(crate) fn crash(&self) {
        let own = self.own.as_ref().expect("the cluster is shared with other tests");
        own.stop().unwrap();
        own.start_again().unwrap();
    }

    /// Cuts every connection to it, and refuses new ones, as when the database server is down.
    pub(crate) fn go_away(&self) {
        let name = self.name();
        self.sql(&format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"));
        self.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    }

    pub(crate) fn come_back(&self) {
        self.sql(&format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", self.name()));
    }

    /// Changes what is stored behind the server's back.
    pub(crate) fn run(&self, text: &str) {
        self.cluster().run_sql(&self.url, text).unwrap();
    }

    fn sql(&self, text: &str) {
        self.cluster().run_sql("postgres", text).unwrap();
    }

    fn cluster(&self) -> &Cluster {
        match &self.own {
            Some(own) => own,
            None => shared(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        let (_, rest) = self.url.split_once("@localhost/").unwrap();
        rest.split_once('?').unwrap().0
    }
}

fn shared() -> &'static Cluster {
    Cluster::shared().unwrap_or_else(|why| panic!("{why}"))
}
