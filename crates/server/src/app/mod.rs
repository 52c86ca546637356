//! What Countersign does, one use case a module, knowing nothing of HTTP.
//!
//! Each use case takes an [`Actor`] (who asks, already authenticated and permitted), reads the store, asks the vault
//! and commits one change with its events.

pub(crate) mod alerts;
pub(crate) mod applications;
mod arrivals;
pub(crate) mod assertion;
pub(crate) mod authenticators;
mod backup_codes;
pub(crate) mod blocked;
pub(crate) mod bootstrap;
pub(crate) mod challenges;
mod counted;
mod crowd;
pub(crate) mod decide;
pub(crate) mod devices;
pub(crate) mod doctor;
pub(crate) mod enrollments;
pub(crate) mod errands;
mod error;
pub(crate) mod events;
pub(crate) mod factors;
pub(crate) mod forward_auth;
pub(crate) mod hardware_tokens;
pub(crate) mod idempotency;
mod introspect;
pub(crate) mod keys;
pub(crate) mod lately;
pub(crate) mod obligations;
pub(crate) mod pages;
pub(crate) mod policies;
pub(crate) mod possession;
pub(crate) mod prompts;
pub(crate) mod proof;
mod resynchronize;
pub(crate) mod risk;
pub(crate) mod sending;
pub(crate) mod sessions;
mod slot;
pub(crate) mod standing;
pub(crate) mod switches;
mod telling;
pub(crate) mod testing;
pub(crate) mod upkeep;
pub(crate) mod users;
pub(crate) mod vault;
pub(crate) mod verify;
pub(crate) mod wake;
pub(crate) mod workflows;

use std::net::IpAddr;
use std::sync::Arc;

use domain::{Application, Clock, Entropy, Timestamp, UserId};
use gateway::messages::Language;
use store::{Change, Commit, Effect, Idempotency, Store, StoreError};

pub(crate) use error::{Error, Flaw};
pub(crate) use idempotency::{Made, Once};

use crate::Settings;
pub(crate) use arrivals::Arrivals;
pub(crate) use crowd::Crowd;
use lately::Lately;
pub(crate) use possession::Possession;
use telling::Told;
use vault::Vault;

/// Everything that a use case needs. Shared by all requests.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: Settings,
    pub(crate) crowd: Crowd,
    /// Who comes to sign in.
    pub(crate) arrivals: Arrivals,
    pub(crate) public: Public,
    /// The policy that decides.
    pub(crate) policies: policies::Policies,
    /// Places for decisions that are still to be told of.
    pub(crate) untold: decide::Untold,
    /// What signals of risk are told by.
    pub(crate) world: tokio::sync::watch::Receiver<Arc<::risk::World>>,
    /// What leaves the machine towards people, where that is set up.
    pub(crate) post: Option<sending::Post>,
    /// What is done without anybody waiting for it.
    pub(crate) errands: errands::Errands,
    /// Which rules of alerts are in force.
    pub(crate) alerts: alerts::Alerts,
    /// Which workflows are in force, and what is done for their runs here.
    pub(crate) workflows: workflows::Workflows,
    /// Addresses that are refused for a while.
    pub(crate) blocked: blocked::Blocked,
    /// Who waits for something to happen.
    pub(crate) wake: Arc<wake::Wake>,
    pub(crate) nonces: factors::push::Nonces,
    /// Places for apps that follow their prompts.
    pub(crate) streams: Arc<tokio::sync::Semaphore>,
}

/// What anybody may ask, and how it was answered of late.
#[derive(Debug, Default)]
pub(crate) struct Public {
    ready: Lately<()>,
    signing_keys: Lately<Arc<[vault_proto::PublicKey]>>,
    /// As the HTTP face tells them.
    pub(crate) measurements: Lately<Arc<str>>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// The API client.
    pub(crate) application: Arc<Application>,
    /// Where the request came from.
    pub(crate) address: Option<IpAddr>,
    /// What the person behind it reads, as far as the request says: messages are written in it.
    pub(crate) language: Option<Language>,
    /// What the request shows of the key of the session that it is about.
    pub(crate) possession: Possession,
}

/// A user, by our id or the application's.
#[derive(Debug, Clone)]
pub(crate) enum UserRef {
    /// By ours.
    Id(UserId),
    /// By the application's.
    External(domain::ExternalId),
}

impl App {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Two bytes by chance, for what need not be a secret.
    pub(crate) fn random_bytes(&self) -> [u8; 2] {
        let mut bytes = [0; 2];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// `N` random bytes from the operating system.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Commits one change with what is told of it.
    async fn commit(&self, change: Change, told: impl Into<Told>) -> Result<Effect, Error> {
        self.commit_once(change, told, None).await
    }

    /// The same, at most once for a caller's idempotency key.
    async fn commit_once(
        &self,
        change: Change,
        told: impl Into<Told>,
        idempotency: Option<Idempotency>,
    ) -> Result<Effect, Error> {
        Ok(self.commit_counted(Commit { change, events: told.into().0, idempotency }).await?)
    }

    /// The same, for who sees to it themselves that the store does not take something. What is told is counted.
    async fn commit_counted(&self, commit: Commit) -> Result<Effect, StoreError> {
        debug_assert_eq!(
            commit.events.iter().find_map(|event| Some((event.kind, event.kind.lacks(&event.data)?))),
            None,
            "say in domain::event_schema what events of this kind may lack"
        );
        let uncounted = counted::Uncounted::of(&commit.events);
        let effect = self.store.commit(commit).await?;
        if effect == Effect::Applied {
            uncounted.count();
        }
        Ok(effect)
    }
}
