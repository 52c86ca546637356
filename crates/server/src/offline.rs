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

/// Wraps a store's keys with another root key. `vault` was given both root keys; `proof` the next one alone, from where it
/// will be had in future, and nothing is changed unless that one opens what is to be stored. Answers the ids of the root
/// key until now and of the next one.
///
/// # Errors
/// One line that says why the store was not changed.
pub async fn change_root_key(
    store: &Store,
    vault: vault_proto::Client,
    proof: vault_proto::Client,
) -> Result<(String, String), StartError> {
    let proof = Vault::new(proof, store.clone());
    app(store, vault).change_root_key(&proof).await.map_err(in_one_line)
}

/// Whether a vault opens a store's keyring.
///
/// # Errors
/// Where the store cannot be read.
pub async fn opens(store: &Store, vault: vault_proto::Client) -> Result<bool, StartError> {
    let kept = store.keyring().await.map_err(|error| StartError::Bootstrap(error.to_string()))?;
    let Some(keyring) = kept else { return Ok(false) };
    Ok(Vault::new(vault, store.clone()).try_keyring(keyring.wrapped).await.is_ok())
}

/// Use cases on a store, for a caller who is not asked who they are.
fn app(store: &Store, vault: vault_proto::Client) -> App {
    App {
        store: store.clone(),
        vault: Arc::new(Vault::new(vault, store.clone())),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        settings: Settings {
            issuer: String::new(),
            issuer_name: None,
            view_lifetime: Config::VIEW_LIFETIME,
            enrollment_url: None,
            shut_out: crate::ShutOut::default(),
            release_role: crate::Config::RELEASE_ROLE.to_owned(),
            events_retention: None,
            push_digits: domain::push::Digits::DEFAULT,
            max_session_age: Config::MAX_SESSION_AGE,
            factors: Config::FACTORS.to_vec(),
            fall_back: false,
            remembered_browsers: None,
            brand: crate::Brand::default(),
            relying_party: None,
            movable_clock: None,
            confinement: Vec::new(),
            tls: false,
            loopback: true,
            trusted_proxies: Vec::new(),
            sites: crate::Sites::default(),
        },
        crowd: Crowd::default(),
        arrivals: crate::app::Arrivals::default(),
        public: Public::default(),
        policies: crate::app::policies::Policies::new(
            crate::PolicySource::BuiltIn(crate::PolicyFiles::built_in()),
            false,
        ),
        untold: crate::app::decide::Untold::default(),
        alerts: crate::app::alerts::Alerts::default(),
        blocked: crate::app::blocked::Blocked::default(),
        workflows: crate::app::workflows::Workflows::default(),
        world: crate::RiskWorld::bare().watched(),
        post: None,
        errands: crate::app::errands::Errands::default(),
        wake: Arc::default(),
        nonces: crate::app::factors::push::Nonces::default(),
        streams: crate::http::push_places(),
    }
}
