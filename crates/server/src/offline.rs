//! What is done to a store by whoever has it, without a server and its API.

use std::sync::Arc;

use domain::SystemClock;
use store::Store;
use zeroize::Zeroizing;

use crate::app::vault::Vault;
use crate::app::{App, Crowd, Public};
use crate::{Config, OsEntropy, Settings, StartError, in_one_line};

/// An administrator's new key.
pub struct Recovered {
    /// The administrator: the name of an application.
    pub name: String,
    /// Its id.
    pub application: String,
    /// The key, to be shown once.
    pub key: Zeroizing<String>,
}

/// Gives the oldest administrator a new key, and makes an administrator where there is none. `end_others` ends the
/// administrator's other keys at once.
///
/// # Errors
/// One line that says why the store was not changed.
pub async fn recover_administrator(store: &Store, end_others: bool) -> Result<Recovered, StartError> {
    let (no_vault, _) = vault_proto::Client::new();
    let app = app(store, no_vault);
    let (administrator, key) = app.recover_administrator(end_others).await.map_err(in_one_line)?;
    Ok(Recovered { name: administrator.name, application: administrator.id.to_string(), key: key.text })
}

/// Use cases on a store, for a caller who is not asked who they are.
fn app(store: &Store, vault: vault_proto::Client) -> App {
    App {
        store: store.clone(),
        vault: Vault::new(vault, store.clone()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        settings: Settings {
            issuer: String::new(),
            issuer_name: None,
            view_lifetime: Config::VIEW_LIFETIME,
            max_session_age: Config::MAX_SESSION_AGE,
            movable_clock: None,
            confinement: Vec::new(),
            tls: false,
            loopback: true,
            trusted_proxies: Vec::new(),
        },
        crowd: Crowd::default(),
        public: Public::default(),
    }
}
