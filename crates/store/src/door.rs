//! The door: what can be read, and `commit`. What is of workflows, alerts and the log has rooms of its own behind it.

mod alerts;
mod events;
mod workflows;

use std::path::PathBuf;
use std::sync::Arc;

use domain::{
    ApiKey, Application, ApplicationId, Authenticator, AuthenticatorId, AuthenticatorKind, CertificateFingerprint,
    Challenge, ChallengeId, Clock, Device, DeviceId, Enrollment, EnrollmentId, ExternalId, HardwareToken,
    HardwareTokenId, HostedPage, KeyHash, Page, PageId, PageRequest, PolicyId, PolicyInForce, Prompt, PromptId,
    ProofKind, ReturnOrigin, Session, SessionId, SignIn, Timestamp, TokenHash, User, UserId,
};

use crate::house::House;
use crate::read::{hygiene, lists};
use crate::{
    ActiveUser, Attempt, Caller, Commit, Deciding, Effect, GatewaySwitch, Keyring, OpenError, StoreError, UserFilter,
};

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
///
/// Every read and [`Store::commit`] fail alike, as [`StoreError`] says: `Busy` where too much is waiting already,
/// `Unavailable` where the database does not answer, `Damaged` where it holds what cannot be understood. A commit can be
/// `Unwritable` or `Refused` as well.
#[derive(Clone)]
pub struct Store(Arc<House>);

#[allow(clippy::missing_errors_doc, reason = "all fail alike, which the type says once")]
impl Store {
    /// Opens the store, bringing its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] says why not, and what to do.
    pub async fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        House::open(options, clock).await.map(|house| Self(Arc::new(house)))
    }
    /// Waits for what is under way, and closes.
    pub async fn close(&self) {
        self.0.close().await;
    }
    /// Which engine it is, for people: `SQLite 3.51.3` or `PostgreSQL 15.18`.
    pub fn engine(&self) -> &str {
        self.0.engine()
    }
    /// Answers if a write could be made durable now (for `/readyz`).
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }

    /// Commits one change with its events; answers once it is durable.
    pub async fn commit(&self, commit: Commit) -> Result<Effect, StoreError> {
        self.0.writer.commit(commit).await
    }

    /// The same, and waits where too much is to be written already, rather than to be turned away.
    pub async fn commit_in_turn(&self, commit: Commit) -> Result<Effect, StoreError> {
        self.0.writer.commit_in_turn(commit).await
    }

    // Read many at a time.
    /// Who a key stands for. The caller of this checks `expires_at`.
    pub async fn caller(&self, key: KeyHash) -> Result<Option<Caller>, StoreError> {
        let Some(known) = &self.0.known else { return self.0.callers.get(key).await };
        let before = match known.get(&key) {
            Ok(caller) => return Ok(Some(caller)),
            Err(before) => before,
        };
        let found = self.0.callers.get(key).await?;
        if let Some(caller) = &found {
            known.remember(before, key, caller.clone());
        }
        Ok(found)
    }
    /// Everything that is needed to judge such a proof.
    pub async fn attempt(&self, id: ChallengeId, kind: ProofKind) -> Result<Option<Attempt>, StoreError> {
        self.0.attempts.get((id, kind)).await
    }
    /// Everything that a decision about a session goes by.
    pub async fn deciding(&self, id: SessionId) -> Result<Option<Deciding>, StoreError> {
        self.0.deciding.get(id).await
    }
    /// A session.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.0.sessions.get(id).await
    }
    /// A user.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.0.users.get(id).await
    }
    /// A user by the application's name for it.
    pub async fn user_by_external_id(&self, id: &ExternalId) -> Result<Option<User>, StoreError> {
        self.0.users_by_key.get(id.key().to_owned()).await
    }
    /// The id of the user whom an application calls this: as fast where there is none.
    pub async fn user_id_by_external_id(&self, id: &ExternalId) -> Result<Option<UserId>, StoreError> {
        self.0.user_ids_by_key.get(id.key().to_owned()).await
    }
    /// An enrollment.
    pub async fn enrollment(&self, id: EnrollmentId) -> Result<Option<Enrollment>, StoreError> {
        self.0.enrollments.get(id).await
    }
    /// A user's authenticators, in all states, oldest first.
    pub async fn authenticators_of(&self, user: UserId) -> Result<Vec<Authenticator>, StoreError> {
        Ok(self.0.authenticators_of.get(user).await?.unwrap_or_default())
    }
    /// An authenticator.
    pub async fn authenticator(&self, id: AuthenticatorId) -> Result<Option<Authenticator>, StoreError> {
        self.0.authenticators.get(id).await
    }
    // Read one at a time.
    /// Who a client certificate stands for.
    pub async fn caller_by_certificate(
        &self,
        fingerprint: CertificateFingerprint,
    ) -> Result<Option<Caller>, StoreError> {
        self.0.pool.ask(async |on| lists::caller_by_certificate(on, fingerprint).await).await
    }
    /// A challenge.
    pub async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        self.0.quick.ask(async |on| lists::challenge(on, id).await).await
    }
    /// A hosted page by the token in its link.
    pub async fn page_by_token(&self, token: TokenHash) -> Result<Option<HostedPage>, StoreError> {
        self.0.pool.ask(async |on| lists::page_by_token(on, token).await).await
    }
    /// A hosted page.
    pub async fn page(&self, id: PageId) -> Result<Option<HostedPage>, StoreError> {
        self.0.pool.ask(async |on| lists::page(on, id).await).await
    }
    /// A link that signs a browser in at a site.
    pub async fn sign_in_by_code(&self, code: TokenHash) -> Result<Option<SignIn>, StoreError> {
        self.0.pool.ask(async |on| lists::sign_in_by_code(on, code).await).await
    }
    /// The browser that is signed in by what it keeps, with the application that it is of.
    pub async fn signed_in(&self, browser: TokenHash) -> Result<Option<(SignIn, Application)>, StoreError> {
        self.0.quick.ask(async |on| lists::signed_in(on, browser).await).await
    }
    /// A prompt.
    pub async fn prompt(&self, id: PromptId) -> Result<Option<Prompt>, StoreError> {
        self.0.quick.ask(async |on| lists::prompt(on, id).await).await
    }
    /// What was asked for a challenge, the newest first; fifty at most.
    pub async fn prompts_of_challenge(&self, id: ChallengeId) -> Result<Vec<Prompt>, StoreError> {
        self.0.quick.ask(async |on| lists::prompts_of_challenge(on, id).await).await
    }
    /// What was asked for an enrollment, the newest first; fifty at most.
    pub async fn prompts_of_enrollment(&self, id: EnrollmentId) -> Result<Vec<Prompt>, StoreError> {
        self.0.quick.ask(async |on| lists::prompts_of_enrollment(on, id).await).await
    }
    /// What a user was asked by this kind of authenticator since then, in all states, the newest first; fifty at most.
    pub async fn prompts_of_user(
        &self,
        user: UserId,
        kind: AuthenticatorKind,
        since: Timestamp,
    ) -> Result<Vec<Prompt>, StoreError> {
        self.0.quick.ask(async |on| lists::prompts_of_user(on, user, kind, since).await).await
    }
    /// A hardware token, as it is at `now`.
    pub async fn hardware_token(
        &self,
        id: HardwareTokenId,
        now: Timestamp,
    ) -> Result<Option<HardwareToken>, StoreError> {
        self.0.pool.ask(async |on| lists::hardware_token(on, id, now).await).await
    }
    /// A hardware token by the number that is printed on it.
    pub async fn hardware_token_by_serial(
        &self,
        serial: &str,
        now: Timestamp,
    ) -> Result<Option<HardwareToken>, StoreError> {
        self.0.pool.ask(async |on| lists::hardware_token_by_serial(on, serial, now).await).await
    }
    /// The hardware token that became this authenticator last.
    pub async fn hardware_token_of(
        &self,
        id: AuthenticatorId,
        now: Timestamp,
    ) -> Result<Option<HardwareToken>, StoreError> {
        self.0.pool.ask(async |on| lists::hardware_token_of(on, id, now).await).await
    }
    /// Hardware tokens by id.
    pub async fn hardware_tokens(
        &self,
        now: Timestamp,
        page: PageRequest<HardwareTokenId>,
    ) -> Result<Page<HardwareToken, HardwareTokenId>, StoreError> {
        self.0.pool.ask(async |on| lists::hardware_tokens(on, now, page).await).await
    }
    /// The users of these ids, and whom an application calls this, looked for together; who is both comes twice.
    pub async fn users_called(&self, ids: &[UserId], names: &[ExternalId]) -> Result<Vec<User>, StoreError> {
        self.0.pool.ask(async |on| lists::users_called(on, ids, names).await).await
    }
    /// Which of these serial numbers are those of hardware tokens that were imported.
    pub async fn known_serials(&self, serials: &[&str]) -> Result<Vec<String>, StoreError> {
        self.0.pool.ask(async |on| lists::known_serials(on, serials).await).await
    }
    /// A device.
    pub async fn device(&self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        self.0.pool.ask(async |on| lists::device(on, id).await).await
    }
    /// A user's devices, oldest first.
    pub async fn devices_of(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        self.0.pool.ask(async |on| lists::devices_of(on, user).await).await
    }
    /// A user's live sessions, newest first.
    pub async fn sessions_of(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.0.pool.ask(async |on| lists::sessions_of(on, user, now).await).await
    }
    /// How many backup codes of this authenticator are unused.
    pub async fn backup_codes_left(&self, id: AuthenticatorId) -> Result<u32, StoreError> {
        self.0.pool.ask(async |on| lists::backup_codes_left(on, id).await).await
    }
    /// Users, oldest first.
    pub async fn users(
        &self,
        filter: &UserFilter,
        page: PageRequest<UserId>,
    ) -> Result<Page<User, UserId>, StoreError> {
        self.0.pool.ask(async |on| lists::users(on, filter, page).await).await
    }
    /// Applications, oldest first.
    pub async fn applications(&self) -> Result<Vec<Application>, StoreError> {
        self.0.pool.ask(lists::applications).await
    }
    /// An application.
    pub async fn application(&self, id: ApplicationId) -> Result<Option<Application>, StoreError> {
        self.0.quick.ask(async |on| lists::application(on, id).await).await
    }
    /// An application's keys, oldest first.
    pub async fn api_keys(&self, id: ApplicationId) -> Result<Vec<ApiKey>, StoreError> {
        self.0.pool.ask(async |on| lists::api_keys(on, id).await).await
    }
    /// How many of an application's pages are open that lead back to an origin.
    pub async fn pages_open_at(
        &self,
        id: ApplicationId,
        origin: &ReturnOrigin,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        self.0.pool.ask(async |on| lists::pages_open_at(on, id, origin.as_str(), now).await).await
    }
    /// Which policy is in force: asked with each decision, so that none goes by another.
    pub async fn policy_id(&self) -> Result<Option<PolicyId>, StoreError> {
        self.0.policy_id.get(()).await
    }
    /// The policy that is in force.
    pub async fn policy(&self) -> Result<Option<PolicyInForce>, StoreError> {
        self.0.pool.ask(lists::policy).await
    }
    /// A policy that is or was in force.
    pub async fn policy_by_id(&self, id: PolicyId) -> Result<Option<PolicyInForce>, StoreError> {
        self.0.pool.ask(async |on| lists::policy_by_id(on, id).await).await
    }
    /// The policies that are and were in force, the newest first, without their files; before the number `page.after`.
    pub async fn policies(&self, page: PageRequest<i64>) -> Result<Page<PolicyInForce, i64>, StoreError> {
        self.0.pool.ask(async |on| lists::policies(on, page).await).await
    }
    /// What is remembered of a user for signals of risk, and its version: nothing and 0 where nothing is.
    pub async fn risk_history(&self, user: UserId) -> Result<(i64, Vec<u8>), StoreError> {
        Ok(self.0.quick.ask(async |on| lists::risk_history(on, user).await).await?.unwrap_or_default())
    }
    /// What is kept with a session for signals of risk; nothing where nothing was noted.
    pub async fn session_risk(&self, id: SessionId) -> Result<Vec<u8>, StoreError> {
        Ok(self.0.quick.ask(async |on| lists::session_risk(on, id).await).await?.unwrap_or_default())
    }
    /// The vault's wrapped keyring.
    pub async fn keyring(&self) -> Result<Option<Keyring>, StoreError> {
        self.0.pool.ask(lists::keyring).await
    }
    /// Active and suspended authenticators with a sealed key, by id: for rewrapping them all, page by page.
    pub async fn sealed_authenticators(
        &self,
        page: PageRequest<AuthenticatorId>,
    ) -> Result<Page<Authenticator, AuthenticatorId>, StoreError> {
        self.0.pool.ask(async |on| lists::sealed_authenticators(on, page).await).await
    }
    /// Active and suspended authenticators by id, page by page.
    pub async fn authenticators_in_use(
        &self,
        page: PageRequest<AuthenticatorId>,
    ) -> Result<Page<Authenticator, AuthenticatorId>, StoreError> {
        self.0.pool.ask(async |on| hygiene::authenticators_in_use(on, page).await).await
    }
    /// Active authenticators whose end has come, so many at most.
    pub async fn ended_authenticators(&self, now: Timestamp, at_most: u32) -> Result<Vec<Authenticator>, StoreError> {
        self.0.pool.ask(async |on| hygiene::ended_authenticators(on, now, at_most).await).await
    }
    /// The most addresses that are refused at once.
    pub const MOST_BLOCKED: usize = 1000;
    /// Addresses and prefixes that are refused at `now`, with when that ends.
    pub async fn blocked_addresses(&self, now: Timestamp) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.0.pool.ask(async |on| hygiene::blocked_addresses(on, now).await).await
    }
    /// The gateways that are switched away from at `now`, by name.
    pub async fn gateway_switches(&self, now: Timestamp) -> Result<Vec<GatewaySwitch>, StoreError> {
        self.0.pool.ask(async |on| hygiene::gateway_switches(on, now).await).await
    }
    /// Users, oldest first, with when there last was something of theirs.
    pub async fn active_users(&self, page: PageRequest<UserId>) -> Result<Page<ActiveUser, UserId>, StoreError> {
        self.0.pool.ask(async |on| hygiene::active_users(on, page).await).await
    }
}
