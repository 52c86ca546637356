//! The vault's keys: how they are, and making new ones.

use std::sync::Arc;

use domain::event::About;
use domain::{Authenticator, EventKind, PageRequest, Sealed};
use store::{Change, Effect};
use vault_proto::{PublicKey, Reply, Status, Verb};

use super::factors::{binding, params, token_binding};
use super::telling::With;
use super::vault::{Vault, unexpected};
use super::{Actor, App, Error};

/// Authenticators that are sealed anew at a time.
const REWRAP_PAGE: u32 = 200;

/// How the vault's keys are.
#[derive(Debug)]
pub(crate) struct Keys {
    /// What the vault says of itself.
    pub(crate) vault: Status,
    /// Counts the changes of the keyring.
    pub(crate) keyring_version: i64,
    /// The public halves of the signing keys.
    pub(crate) signing_keys: Vec<PublicKey>,
}

impl App {
    /// How the vault's keys are.
    pub(crate) async fn keys(&self) -> Result<Keys, Error> {
        let keyring = self.store.keyring().await?;
        Ok(Keys {
            vault: self.vault_status().await?,
            keyring_version: keyring.map_or(0, |keyring| keyring.version),
            signing_keys: self.signing_keys().await?.to_vec(),
        })
    }

    /// What the vault says of itself.
    pub(crate) async fn vault_status(&self) -> Result<Status, Error> {
        match self.vault.ask(|| Verb::Status).await? {
            Reply::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// The public halves of the signing keys. Those that another server made may be missing for a moment.
    pub(crate) async fn signing_keys(&self) -> Result<Arc<[PublicKey]>, Error> {
        let ask = async {
            match self.vault.ask(|| Verb::PublicKeys).await? {
                Reply::PublicKeys(keys) => Ok(keys.assertion.into()),
                other => Err(unexpected(&other)),
            }
        };
        self.public.signing_keys.ask(ask).await
    }

    /// Makes new data keys and seals every authenticator's key anew with them, in the background.
    pub(crate) async fn rotate_keys(self: &Arc<Self>, actor: &Actor) -> Result<Keys, Error> {
        let present = self.store.keyring().await?.ok_or(Error::Internal("there is no keyring".to_owned()))?;
        let (keyring, version) = match self.vault.ask(|| Verb::RotateKeys).await? {
            Reply::Rotated { keyring, version } => (keyring, version),
            other => return Err(unexpected(&other)),
        };
        let event = self
            .event(EventKind::KeysRotated, Some(actor), About::default())
            .with("key_version", version)
            .detailed(self.origin(actor));
        let change = Change::PutKeyring { expected: present.version, keyring };
        if self.commit(change, event).await? != Effect::Applied {
            return Err(Error::Conflict("the keys were rotated by somebody else just now"));
        }
        self.vault.unlock().await?;
        self.public.signing_keys.forget().await;
        self.seal_anew();
        self.keys().await
    }

    /// Seals every authenticator's key with the present data keys, in the background.
    fn seal_anew(self: &Arc<Self>) {
        let app = Arc::clone(self);
        tokio::spawn(async move {
            match app.rewrap_all().await {
                Ok(count) => tracing::info!(count, "every authenticator's key is sealed with the new data keys"),
                Err(error) => tracing::error!(%error, "sealing anew stopped; rotate again to go on"),
            }
        });
    }

    /// Drops the data keys below `before`; all but the present ones if not said. Refused as long as an authenticator's key is
    /// sealed with one of them; sealing anew then goes on in the background.
    pub(crate) async fn retire_keys(self: &Arc<Self>, actor: &Actor, before: Option<u32>) -> Result<Keys, Error> {
        self.vault.refresh().await?;
        let present = self.store.keyring().await?.ok_or(Error::Internal("there is no keyring".to_owned()))?;
        let status = self.vault_status().await?;
        let before = before.unwrap_or(status.key_version);
        if before > status.key_version {
            return Err(Error::invalid("/before_version", "the present data keys stay: see `key_version`"));
        }
        if before <= status.oldest_key_version {
            return Err(Error::Conflict("there are no data keys that old: nothing is there to be retired"));
        }
        let keyring = match self.vault.ask(|| Verb::RetireKeys { before }).await? {
            Reply::Rotated { keyring, .. } => keyring,
            other => return Err(unexpected(&other)),
        };
        let event = self
            .event(EventKind::KeysRetired, Some(actor), About::default())
            .with("before_version", before)
            .detailed(self.origin(actor));
        let change = Change::RetireKeys { expected: present.version, keyring, oldest: before };
        if self.commit(change, event).await? != Effect::Applied {
            self.seal_anew();
            return Err(Error::Conflict(
                "keys are still sealed under these data keys, and are being sealed anew now: try again in a while",
            ));
        }
        self.vault.unlock().await?;
        self.public.signing_keys.forget().await;
        self.keys().await
    }

    /// Has the keyring wrapped with the next root key of this vault, and stores it once `proof`, a vault that was
    /// given the next root key alone, has opened it. Answers the ids of the present and the next root key.
    pub(crate) async fn change_root_key(&self, proof: &Vault) -> Result<(String, String), Error> {
        let present = self.store.keyring().await?.ok_or(Error::Internal("there is no keyring".to_owned()))?;
        let from = self.vault.try_keyring(present.wrapped).await?;
        let (keyring, to) = self.vault.under_next_root_key().await?;
        if proof.try_keyring(keyring.clone()).await? != to {
            return Err(Error::Conflict("the new root key is not where the next start will look for it"));
        }
        let event = self
            .event(EventKind::RootKeyChanged, None, About::default())
            .with("from", from.as_str())
            .with("to", to.as_str());
        match self.commit(Change::PutKeyring { expected: present.version, keyring }, event).await? {
            Effect::Applied => Ok((from, to)),
            _ => Err(Error::Conflict("the keys were rotated by somebody else just now: try again")),
        }
    }

    /// Seals every authenticator's key with the present data keys. Answers how many.
    async fn rewrap_all(&self) -> Result<u64, Error> {
        let present = self.vault_status().await?.key_version.to_be_bytes();
        let mut count = 0;
        let mut after = None;
        loop {
            let page = self.store.sealed_authenticators(PageRequest { after, limit: REWRAP_PAGE }).await?;
            let is_old = |one: &Authenticator| one.sealed.as_ref().and_then(Sealed::key_version) != Some(present);
            for authenticator in page.items.into_iter().filter(is_old) {
                count += u64::from(self.rewrap(authenticator).await?);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(count + self.rewrap_tokens(present).await?)
    }

    /// The same for hardware tokens.
    async fn rewrap_tokens(&self, present: [u8; 4]) -> Result<u64, Error> {
        let mut count = 0;
        let mut after = None;
        loop {
            let page = self.store.hardware_tokens(self.now(), PageRequest { after, limit: REWRAP_PAGE }).await?;
            for token in page.items.into_iter().filter(|token| token.sealed.key_version() != Some(present)) {
                let Some(params) = params(&token.sealed) else { continue };
                let blob = || token.sealed.blob.clone();
                let question = || Verb::RewrapToken { token: token_binding(&token), params, blob: blob() };
                let reply = self.vault.ask(question).await?;
                let Reply::Sealed(to) = reply else { return Err(unexpected(&reply)) };
                let change = Change::RewrapHardwareToken { id: token.id, from: blob(), to };
                count += u64::from(self.commit(change, Vec::new()).await? == Effect::Applied);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(count),
            }
        }
    }

    async fn rewrap(&self, authenticator: Authenticator) -> Result<bool, Error> {
        let Some(sealed) = &authenticator.sealed else { return Ok(false) };
        let (Some(binding), Some(params)) = (binding(&authenticator, sealed.generation), params(sealed)) else {
            return Ok(false);
        };
        let reply = self.vault.ask(|| Verb::Rewrap { binding, params, blob: sealed.blob.clone() }).await?;
        let Reply::Sealed(to) = reply else { return Err(unexpected(&reply)) };
        let change = Change::Rewrap { id: authenticator.id, from: sealed.blob.clone(), to };
        Ok(self.commit(change, Vec::new()).await? == Effect::Applied)
    }
}
