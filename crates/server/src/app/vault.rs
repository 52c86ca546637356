//! Asking the vault: deadlines, opening its keyring whenever it was restarted, and errors in our words.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use store::{Change, Commit, Effect, Store};
use tokio::sync::Mutex;
use vault_proto::{Client, Refusal, Reply, Verb};

use super::Error;

/// The longest that a request waits for the vault.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest that opening a keyring may take: deriving a root key from a passphrase is slow on purpose.
const UNLOCK_PATIENCE: Duration = Duration::from_secs(20);

/// The longest that reading a file may take: its passphrase may be slow to try, on purpose.
const FILE_PATIENCE: Duration = Duration::from_secs(20);

/// The vault, opened with the store's keyring whenever it needs that.
pub(crate) struct Vault {
    client: Client,
    store: Store,
    /// The version in the store of the keyring that the vault was opened with last; 0 for none.
    opened: AtomicI64,
    /// Held while the keyring is being opened, so that a thousand requests that find the vault locked open it once.
    unlocking: Mutex<()>,
}

/// What the vault was opened with.
#[derive(Debug, Clone)]
pub(crate) struct Unlocked {
    /// Names the root key.
    pub(crate) root_key_id: String,
}

impl Vault {
    pub(crate) fn new(client: Client, store: Store) -> Self {
        Self { client, store, opened: AtomicI64::new(0), unlocking: Mutex::new(()) }
    }

    /// Asks. `question` is called again where the vault had to be opened first.
    pub(crate) async fn ask(&self, question: impl Fn() -> Verb) -> Result<Reply, Error> {
        match self.client.ask(question(), PATIENCE).await {
            Err(vault_proto::Error::Refused(Refusal::Locked | Refusal::UnknownKeyVersion(_))) => {
                self.unlock().await?;
                self.client.ask(question(), PATIENCE).await.map_err(in_our_words)
            }
            answer => answer.map_err(in_our_words),
        }
    }

    /// The same for what may take a second or two: to read a file, say.
    pub(crate) async fn ask_patiently(&self, question: impl Fn() -> Verb) -> Result<Reply, Error> {
        match self.client.ask(question(), FILE_PATIENCE).await {
            Err(vault_proto::Error::Refused(Refusal::Locked | Refusal::UnknownKeyVersion(_))) => {
                self.unlock().await?;
                self.client.ask(question(), FILE_PATIENCE).await.map_err(in_our_words)
            }
            answer => answer.map_err(in_our_words),
        }
    }

    /// Opens the vault with the store's keyring; makes the first keyring where there is none.
    pub(crate) async fn unlock(&self) -> Result<Unlocked, Error> {
        let _only_one = self.unlocking.lock().await;
        let kept = self.store.keyring().await?;
        let version = kept.as_ref().map_or(0, |keyring| keyring.version);
        let (created, root_key_id) = self.open(kept.map(|keyring| keyring.wrapped)).await?;
        self.opened.store(version, Ordering::Relaxed);
        let Some(keyring) = created else { return Ok(Unlocked { root_key_id }) };
        let change = Change::PutKeyring { expected: 0, keyring };
        let effect = self.store.commit(Commit { change, events: Vec::new(), idempotency: None }).await?;
        if effect == Effect::Applied {
            return Ok(Unlocked { root_key_id });
        }
        // Another server was first: its keyring counts, and ours was used for nothing.
        let theirs = self.store.keyring().await?.map(|keyring| keyring.wrapped);
        let (_, root_key_id) = self.open(theirs).await?;
        Ok(Unlocked { root_key_id })
    }

    /// Opens the vault with the store's keyring where another server has changed that: keys that were retired there are
    /// refused here too, and nothing goes on being sealed with them.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let kept = self.store.keyring().await?.map_or(0, |keyring| keyring.version);
        if kept != self.opened.load(Ordering::Relaxed) {
            self.unlock().await?;
        }
        Ok(())
    }

    /// Opens the vault with a keyring that is not stored yet, to see that it can. Answers its root key's id.
    pub(crate) async fn try_keyring(&self, keyring: Vec<u8>) -> Result<String, Error> {
        Ok(self.open(Some(keyring)).await?.1)
    }

    /// Has the open keyring wrapped with the next root key. Answers it and that key's id.
    pub(crate) async fn under_next_root_key(&self) -> Result<(Vec<u8>, String), Error> {
        match self.client.ask(Verb::ChangeRootKey, UNLOCK_PATIENCE).await.map_err(in_our_words)? {
            Reply::RootKeyChanged { keyring, root_key_id } => Ok((keyring, root_key_id)),
            other => Err(unexpected(&other)),
        }
    }

    async fn open(&self, keyring: Option<Vec<u8>>) -> Result<(Option<Vec<u8>>, String), Error> {
        match self.client.ask(Verb::Unlock { keyring }, UNLOCK_PATIENCE).await.map_err(in_our_words)? {
            Reply::Unlocked { created, root_key_id } => Ok((created, root_key_id)),
            other => Err(unexpected(&other)),
        }
    }

    /// Whether a vault is connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.is_connected()
    }
}

/// An answer to another question: a defect. Says only which, since an answer can hold secrets.
pub(crate) fn unexpected(reply: &Reply) -> Error {
    let name = match reply {
        Reply::Unlocked { .. } => "unlocked",
        Reply::Provisioned { .. } => "provisioned",
        Reply::Checked { .. } => "checked",
        Reply::Issued { .. } => "issued",
        Reply::Signed(_) => "signed",
        Reply::PublicKeys(_) => "public keys",
        Reply::TokensImported { .. } => "tokens imported",
        Reply::Sealed(_) => "sealed",
        Reply::Opened(_) => "opened",
        Reply::Rotated { .. } => "rotated",
        Reply::RootKeyChanged { .. } => "root key changed",
        Reply::Status(_) => "status",
        Reply::Done => "done",
    };
    Error::Internal(format!("the vault answered another question: {name}"))
}

fn in_our_words(error: vault_proto::Error) -> Error {
    match error {
        vault_proto::Error::Busy | vault_proto::Error::Refused(Refusal::Overloaded) => Error::Busy,
        vault_proto::Error::Refused(Refusal::ClockJumped { .. }) => Error::ClockJumped,
        vault_proto::Error::Refused(Refusal::TokenFile(why)) => Error::invalid("/ciphertext", why),
        // It has the store's keyring, or it would have been asked again.
        vault_proto::Error::Refused(Refusal::UnknownKeyVersion(version)) => Error::KeyRetired(version),
        vault_proto::Error::Refused(
            refusal @ (Refusal::Malformed(_) | Refusal::DoesNotOpen | Refusal::NotPermitted(_) | Refusal::Failed(_)),
        ) => Error::Internal(refusal.to_string()),
        other => Error::VaultDown(other.to_string()),
    }
}
