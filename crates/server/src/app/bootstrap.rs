//! The first start: a vault that is opened, and an administrator.

use std::collections::BTreeSet;

use domain::event::About;
use domain::{EventKind, Scope};
use store::Change;

use super::applications::ShownKey;
use super::telling::With;
use super::{App, Error, Made};

impl App {
    /// Opens the vault, makes the first administrator where there is none, and tells of the start.
    pub(crate) async fn bootstrap(&self) -> Result<Option<ShownKey>, Error> {
        let unlocked = self.vault.unlock().await?;
        tracing::info!(root_key = unlocked.root_key_id, "the vault is open");
        let administrator = self.first_administrator().await?;
        let event = self
            .event(EventKind::ServerStarted, None, About::default())
            .with("version", env!("CARGO_PKG_VERSION"))
            .with("engine", self.store.engine());
        self.commit(Change::Tell, event).await?;
        Ok(administrator)
    }

    async fn first_administrator(&self) -> Result<Option<ShownKey>, Error> {
        if !self.store.applications().await?.is_empty() {
            return Ok(None);
        }
        let scopes = BTreeSet::from([Scope::Admin]);
        match self.create_application(None, "Administrator".to_owned(), scopes, BTreeSet::new(), None).await {
            Ok(Made::New((_, key))) => Ok(Some(key)),
            // Another server on the same database was first, and showed the key.
            Ok(Made::Before(_)) | Err(Error::Exists(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
