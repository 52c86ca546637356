//! The door: what can be read, and `commit`.

#![allow(clippy::todo, clippy::unused_async, reason = "being built")]

use std::path::PathBuf;
use std::sync::Arc;

use domain::{
    ApiKey, Application, ApplicationId, Authenticator, AuthenticatorId, CertificateFingerprint, Challenge, ChallengeId,
    Clock, Device, DeviceId, Enrollment, EnrollmentId, Event, ExternalId, KeyHash, Page, PageRequest, Session,
    SessionId, Timestamp, User, UserId,
};

use crate::{Attempt, Caller, Commit, Effect, EventFilter, Keyring, OpenError, StoreError, UserFilter};

/// Where the data is.
#[derive(Debug, Clone)]
pub enum Location {
    /// An SQLite file; made, with the folder around it, if it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL database, as `postgres://user@host/database` or with `?host=/socket/folder`.
    Postgres(String),
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the data is.
    pub location: Location,
    /// For tests: the store belongs to a clock that can be moved, for ever.
    pub movable_clock: bool,
}

/// The store. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<()>);

impl Store {
    /// Opens the store, bringing its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] says why not, and what to do.
    pub async fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        todo!()
    }
    /// Waits for what is under way, and closes.
    pub async fn close(&self) {
        todo!()
    }
    /// Which engine it is, for people: `SQLite 3.51.3` or `PostgreSQL 15.18`.
    pub fn engine(&self) -> &str {
        todo!()
    }
    /// Answers if a write could be made durable now (for `/readyz`).
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// Commits one change with its events; answers once it is durable.
    pub async fn commit(&self, commit: Commit) -> Result<Effect, StoreError> {
        todo!()
    }

    // Read many at a time.
    /// Who a key stands for. The caller of this checks `expires_at`.
    pub async fn caller(&self, key: KeyHash) -> Result<Option<Caller>, StoreError> {
        todo!()
    }
    /// Everything that is needed to judge a proof.
    pub async fn attempt(&self, id: ChallengeId) -> Result<Option<Attempt>, StoreError> {
        todo!()
    }
    /// A session.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        todo!()
    }
    /// A user.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        todo!()
    }
    /// A user by the application's name for it.
    pub async fn user_by_external_id(&self, id: &ExternalId) -> Result<Option<User>, StoreError> {
        todo!()
    }
    /// An enrollment.
    pub async fn enrollment(&self, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError> {
        todo!()
    }
    /// A user's authenticators, in all states, oldest first.
    pub async fn authenticators_of(&self, user: UserId) -> Result<Vec<Authenticator>, StoreError> {
        todo!()
    }
    /// An authenticator.
    pub async fn authenticator(&self, id: AuthenticatorId) -> Result<Option<Authenticator>, StoreError> {
        todo!()
    }

    // Read one at a time.
    /// Who a client certificate stands for.
    pub async fn caller_by_certificate(
        &self,
        fingerprint: CertificateFingerprint,
    ) -> Result<Option<Caller>, StoreError> {
        todo!()
    }
    /// A challenge.
    pub async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        todo!()
    }
    /// A device.
    pub async fn device(&self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        todo!()
    }
    /// A user's devices, oldest first.
    pub async fn devices_of(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        todo!()
    }
    /// A user's live sessions, newest first.
    pub async fn sessions_of(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        todo!()
    }
    /// How many backup codes of this authenticator are unused.
    pub async fn backup_codes_left(&self, id: AuthenticatorId) -> Result<u32, StoreError> {
        todo!()
    }
    /// Users, oldest first.
    pub async fn users(
        &self,
        filter: &UserFilter,
        page: PageRequest<UserId>,
    ) -> Result<Page<User, UserId>, StoreError> {
        todo!()
    }
    /// Applications, oldest first.
    pub async fn applications(&self) -> Result<Vec<Application>, StoreError> {
        todo!()
    }
    /// An application.
    pub async fn application(&self, id: ApplicationId) -> Result<Option<Application>, StoreError> {
        todo!()
    }
    /// An application's keys, oldest first.
    pub async fn api_keys(&self, id: ApplicationId) -> Result<Vec<ApiKey>, StoreError> {
        todo!()
    }
    /// The vault's wrapped keyring.
    pub async fn keyring(&self) -> Result<Option<Keyring>, StoreError> {
        todo!()
    }
    /// Active and suspended authenticators with a sealed key, by id: for rewrapping them all, page by page.
    pub async fn sealed_authenticators(
        &self,
        page: PageRequest<AuthenticatorId>,
    ) -> Result<Page<Authenticator, AuthenticatorId>, StoreError> {
        todo!()
    }
    /// Events in the order of their positions, after `page.after`.
    pub async fn events(&self, filter: &EventFilter, page: PageRequest<i64>) -> Result<Page<Event, i64>, StoreError> {
        todo!()
    }
    /// Events in reverse order, before `page.after`: the newest first.
    pub async fn events_backward(
        &self,
        filter: &EventFilter,
        page: PageRequest<i64>,
    ) -> Result<Page<Event, i64>, StoreError> {
        todo!()
    }
    /// The position of the newest event; changes as events are committed, here or by another server.
    pub fn head(&self) -> tokio::sync::watch::Receiver<i64> {
        todo!()
    }
    /// Deletes what has served its time, a bounded amount at a go: challenges, enrollments and sessions that were over for `keep`,
    /// forgotten idempotency keys. Answers how many rows went.
    pub async fn sweep(&self, now: Timestamp, keep: std::time::Duration) -> Result<u64, StoreError> {
        todo!()
    }
}
