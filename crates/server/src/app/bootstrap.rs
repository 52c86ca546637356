//! The first start: a vault that is opened, and an administrator. And the way back for who lost the administrator's key.

use std::collections::BTreeSet;

use domain::event::About;
use domain::{Application, EventKind, Scope};
use store::{Change, Effect};

use super::applications::{NewApplication, ShownKey};
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
        match self.create_administrator().await {
            Ok(Made::New((_, key))) => Ok(Some(key)),
            // Another server on the same database was first, and showed the key.
            Ok(Made::Before(_)) | Err(Error::Exists(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create_administrator(&self) -> Result<Made<(Application, ShownKey)>, Error> {
        let administrator = NewApplication {
            name: "Administrator".to_owned(),
            scopes: BTreeSet::from([Scope::Admin]),
            certificates: BTreeSet::new(),
            return_origins: BTreeSet::new(),
        };
        self.create_application(None, administrator, None).await
    }

    /// Gives the oldest administrator a new key, by right of having the store; makes one where there is none.
    /// `end_others` ends its other keys at once.
    pub(crate) async fn recover_administrator(&self, end_others: bool) -> Result<(Application, ShownKey), Error> {
        let applications = self.store.applications().await?;
        let Some(administrator) = applications.into_iter().find(|one| one.scopes.contains(&Scope::Admin)) else {
            return match self.create_administrator().await? {
                Made::New(made) => Ok(made),
                Made::Before(_) => Err(Error::Conflict("an administrator was made just now: try again")),
            };
        };
        let id = administrator.id;
        let key = self.new_key(id);
        let told = |kind| {
            self.event(kind, None, About::default())
                .with("application", id.to_string())
                .with("api_key", key.kept.id.to_string())
        };
        let recovered = told(EventKind::AdministratorRecovered).with("others_ended", end_others);
        let events = [recovered, told(EventKind::ApiKeyCreated)];
        let others_expire_at = end_others.then(|| self.now());
        let change = Change::CreateApiKey { key: key.kept.clone(), others_expire_at };
        match self.commit(change, events).await? {
            Effect::Applied => Ok((administrator, key)),
            _ => Err(Error::Conflict("the administrator was deleted just now: try again")),
        }
    }
}
