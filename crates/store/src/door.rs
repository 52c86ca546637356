//! The door: what can be read, and `commit`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use domain::{
    Alert, AlertCursor, AlertGroup, AlertId, AlertRuleInForce, ApiKey, Application, ApplicationId, Authenticator,
    AuthenticatorId, AuthenticatorKind, CertificateFingerprint, Challenge, ChallengeId, Clock, Device, DeviceId,
    Enrollment, EnrollmentId, Event, EventKind, ExternalId, HardwareToken, HardwareTokenId, HostedPage, KeyHash, Link,
    LinkId, Page, PageId, PageRequest, PolicyId, PolicyInForce, Prompt, PromptId, ProofKind, ReturnOrigin, Run, RunId,
    RunLine, RunState, Session, SessionId, SignIn, Task, TaskId, TaskVerdict, Timestamp, TokenHash, User, UserId,
    WorkflowInForce,
};
use uuid::Uuid;

use crate::house::House;
use crate::read::events::Order;
use crate::read::{alerts, events, hygiene, links, lists, runs, stats, tasks};
use crate::{
    ActiveUser, AlertFilter, Attempt, Caller, ClaimedRun, Commit, Deciding, Effect, EventFilter, GatewaySwitch,
    Keyring, Leeway, OpenError, RunFilter, RunReach, RunSample, StepLine, StoreError, TaskFilter, UserFilter,
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
        let mut lease = self.0.pool.lease().await?;
        let found = lists::caller_by_certificate(lease.connection(), fingerprint).await?;
        lease.done();
        Ok(found)
    }
    /// A challenge.
    pub async fn challenge(&self, id: ChallengeId) -> Result<Option<Challenge>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::challenge(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// A hosted page by the token in its link.
    pub async fn page_by_token(&self, token: TokenHash) -> Result<Option<HostedPage>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::page_by_token(lease.connection(), token).await?;
        lease.done();
        Ok(found)
    }
    /// A hosted page.
    pub async fn page(&self, id: PageId) -> Result<Option<HostedPage>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::page(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// A link that signs a browser in at a site.
    pub async fn sign_in_by_code(&self, code: TokenHash) -> Result<Option<SignIn>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::sign_in_by_code(lease.connection(), code).await?;
        lease.done();
        Ok(found)
    }
    /// The browser that is signed in by what it keeps, with the application that it is of.
    pub async fn signed_in(&self, browser: TokenHash) -> Result<Option<(SignIn, Application)>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::signed_in(lease.connection(), browser).await?;
        lease.done();
        Ok(found)
    }
    /// A prompt.
    pub async fn prompt(&self, id: PromptId) -> Result<Option<Prompt>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::prompt(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// What was asked for a challenge, the newest first; fifty at most.
    pub async fn prompts_of_challenge(&self, id: ChallengeId) -> Result<Vec<Prompt>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::prompts_of_challenge(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// What was asked for an enrollment, the newest first; fifty at most.
    pub async fn prompts_of_enrollment(&self, id: EnrollmentId) -> Result<Vec<Prompt>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::prompts_of_enrollment(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// What a user was asked by this kind of authenticator since then, in all states, the newest first; fifty at most.
    pub async fn prompts_of_user(
        &self,
        user: UserId,
        kind: AuthenticatorKind,
        since: Timestamp,
    ) -> Result<Vec<Prompt>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::prompts_of_user(lease.connection(), user, kind, since).await?;
        lease.done();
        Ok(found)
    }
    /// A hardware token, as it is at `now`.
    pub async fn hardware_token(
        &self,
        id: HardwareTokenId,
        now: Timestamp,
    ) -> Result<Option<HardwareToken>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::hardware_token(lease.connection(), id, now).await?;
        lease.done();
        Ok(found)
    }
    /// A hardware token by the number that is printed on it.
    pub async fn hardware_token_by_serial(
        &self,
        serial: &str,
        now: Timestamp,
    ) -> Result<Option<HardwareToken>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::hardware_token_by_serial(lease.connection(), serial, now).await?;
        lease.done();
        Ok(found)
    }
    /// The hardware token that became this authenticator last.
    pub async fn hardware_token_of(
        &self,
        id: AuthenticatorId,
        now: Timestamp,
    ) -> Result<Option<HardwareToken>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::hardware_token_of(lease.connection(), id, now).await?;
        lease.done();
        Ok(found)
    }
    /// Hardware tokens by id.
    pub async fn hardware_tokens(
        &self,
        now: Timestamp,
        page: PageRequest<HardwareTokenId>,
    ) -> Result<Page<HardwareToken, HardwareTokenId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::hardware_tokens(lease.connection(), now, page).await?;
        lease.done();
        Ok(found)
    }
    /// Which of these serial numbers are those of hardware tokens that were imported.
    pub async fn known_serials(&self, serials: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::known_serials(lease.connection(), serials).await?;
        lease.done();
        Ok(found)
    }
    /// A device.
    pub async fn device(&self, id: DeviceId) -> Result<Option<Device>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::device(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// A user's devices, oldest first.
    pub async fn devices_of(&self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::devices_of(lease.connection(), user).await?;
        lease.done();
        Ok(found)
    }
    /// A user's live sessions, newest first.
    pub async fn sessions_of(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::sessions_of(lease.connection(), user, now).await?;
        lease.done();
        Ok(found)
    }
    /// How many backup codes of this authenticator are unused.
    pub async fn backup_codes_left(&self, id: AuthenticatorId) -> Result<u32, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::backup_codes_left(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// Users, oldest first.
    pub async fn users(
        &self,
        filter: &UserFilter,
        page: PageRequest<UserId>,
    ) -> Result<Page<User, UserId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::users(lease.connection(), filter, page).await?;
        lease.done();
        Ok(found)
    }
    /// Applications, oldest first.
    pub async fn applications(&self) -> Result<Vec<Application>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::applications(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// An application.
    pub async fn application(&self, id: ApplicationId) -> Result<Option<Application>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::application(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// An application's keys, oldest first.
    pub async fn api_keys(&self, id: ApplicationId) -> Result<Vec<ApiKey>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::api_keys(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// How many of an application's pages are open that lead back to an origin.
    pub async fn pages_open_at(
        &self,
        id: ApplicationId,
        origin: &ReturnOrigin,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::pages_open_at(lease.connection(), id, origin.as_str(), now).await?;
        lease.done();
        Ok(found)
    }
    /// Which policy is in force: asked with each decision, so that none goes by another.
    pub async fn policy_id(&self) -> Result<Option<PolicyId>, StoreError> {
        self.0.policy_id.get(()).await
    }
    /// The policy that is in force.
    pub async fn policy(&self) -> Result<Option<PolicyInForce>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::policy(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// A policy that is or was in force.
    pub async fn policy_by_id(&self, id: PolicyId) -> Result<Option<PolicyInForce>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::policy_by_id(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// The policies that are and were in force, the newest first, without their files; before the number `page.after`.
    pub async fn policies(&self, page: PageRequest<i64>) -> Result<Page<PolicyInForce, i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::policies(lease.connection(), page).await?;
        lease.done();
        Ok(found)
    }
    /// What is remembered of a user for signals of risk, and its version: nothing and 0 where nothing is.
    pub async fn risk_history(&self, user: UserId) -> Result<(i64, Vec<u8>), StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::risk_history(lease.connection(), user).await?;
        lease.done();
        Ok(found.unwrap_or_default())
    }
    /// What is kept with a session for signals of risk; nothing where nothing was noted.
    pub async fn session_risk(&self, id: SessionId) -> Result<Vec<u8>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = lists::session_risk(lease.connection(), id).await?;
        lease.done();
        Ok(found.unwrap_or_default())
    }
    /// The vault's wrapped keyring.
    pub async fn keyring(&self) -> Result<Option<Keyring>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::keyring(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// Active and suspended authenticators with a sealed key, by id: for rewrapping them all, page by page.
    pub async fn sealed_authenticators(
        &self,
        page: PageRequest<AuthenticatorId>,
    ) -> Result<Page<Authenticator, AuthenticatorId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = lists::sealed_authenticators(lease.connection(), page).await?;
        lease.done();
        Ok(found)
    }
    /// Active and suspended authenticators by id, page by page.
    pub async fn authenticators_in_use(
        &self,
        page: PageRequest<AuthenticatorId>,
    ) -> Result<Page<Authenticator, AuthenticatorId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = hygiene::authenticators_in_use(lease.connection(), page).await?;
        lease.done();
        Ok(found)
    }
    /// Active authenticators whose end has come, so many at most.
    pub async fn ended_authenticators(&self, now: Timestamp, at_most: u32) -> Result<Vec<Authenticator>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = hygiene::ended_authenticators(lease.connection(), now, at_most).await?;
        lease.done();
        Ok(found)
    }
    /// The most addresses that are refused at once.
    pub const MOST_BLOCKED: usize = 1000;
    /// Addresses and prefixes that are refused at `now`, with when that ends.
    pub async fn blocked_addresses(&self, now: Timestamp) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = hygiene::blocked_addresses(lease.connection(), now).await?;
        lease.done();
        Ok(found)
    }
    /// The gateways that are switched away from at `now`, by name.
    pub async fn gateway_switches(&self, now: Timestamp) -> Result<Vec<GatewaySwitch>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = hygiene::gateway_switches(lease.connection(), now).await?;
        lease.done();
        Ok(found)
    }
    /// Users, oldest first, with when there last was something of theirs.
    pub async fn active_users(&self, page: PageRequest<UserId>) -> Result<Page<ActiveUser, UserId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = hygiene::active_users(lease.connection(), page).await?;
        lease.done();
        Ok(found)
    }
    /// The workflows that are in force, by name.
    pub async fn workflows(&self) -> Result<Vec<WorkflowInForce>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::in_force(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// The digests of all workflows that are or were in force: runs may go by any of them.
    pub async fn workflow_digests(&self) -> Result<Vec<String>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::documents(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// The file of this digest, its name and what stands in it.
    pub async fn workflow_document(&self, digest: &str) -> Result<Option<(String, String)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::document(lease.connection(), digest).await?;
        lease.done();
        Ok(found)
    }
    /// Up to which position events have started what they start.
    pub async fn workflow_cursor(&self) -> Result<i64, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::cursor(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// The runs that were claimed by this.
    pub async fn claimed_runs(&self, claim: Uuid) -> Result<Vec<ClaimedRun>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::claimed(lease.connection(), claim).await?;
        lease.done();
        Ok(found)
    }
    /// How often something had come for a run; nothing if it is not claimed by this number any more.
    pub async fn run_pokes(&self, id: RunId, fence: i64) -> Result<Option<i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::pokes(lease.connection(), id, fence).await?;
        lease.done();
        Ok(found)
    }
    /// What came for a run and was not taken, in order; a hundred at most.
    pub async fn run_inbox(&self, id: RunId) -> Result<Vec<(Uuid, String)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::inbox(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// When there is something to be done for a run; nothing if there is none.
    pub async fn next_run_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::next_due(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// What people and other runs have for a run, up to a hundred: what no event is.
    pub async fn run_instructions(&self, id: RunId) -> Result<Vec<(Uuid, String)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::instructions(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// The runs that each of these events, by kind, user and position, is to be told to; each with the place of the event.
    pub async fn awaiting_runs(
        &self,
        events: &[(EventKind, Option<UserId>, i64)],
    ) -> Result<Vec<(usize, RunId)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::awaiting(lease.connection(), events).await?;
        lease.done();
        Ok(found)
    }
    /// A run.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// The run that a step of a run called.
    pub async fn called_run(&self, by: RunId, key: &str) -> Result<Option<RunId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::called(lease.connection(), by, key).await?;
        lease.done();
        Ok(found)
    }
    /// The history of a run, in order.
    pub async fn run_lines(&self, id: RunId, page: PageRequest<i64>) -> Result<Page<RunLine, i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::lines(lease.connection(), id, page).await?;
        lease.done();
        Ok(found)
    }
    /// Runs, the newest first, without what is for whoever goes on with them.
    pub async fn runs(&self, filter: &RunFilter, page: PageRequest<RunId>) -> Result<Page<Run, RunId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::list(lease.connection(), filter, page).await?;
        lease.done();
        Ok(found)
    }
    /// How far workflows may still go at a time, and whether people let a step of a run go further.
    pub async fn run_leeway(&self, run: RunId, step: &str, at: Timestamp) -> Result<Leeway, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::leeway(lease.connection(), run, step, at).await?;
        lease.done();
        Ok(found)
    }
    /// How many users there are. It takes longer the more there are.
    pub async fn population(&self) -> Result<i64, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::population(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// A link of a run.
    pub async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// A link of a run by a token that a message with it had.
    pub async fn link_by_token(&self, token: TokenHash) -> Result<Option<Link>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::by_token(lease.connection(), token).await?;
        lease.done();
        Ok(found)
    }
    /// The links of a user, the newest first.
    pub async fn links_of(&self, user: UserId, page: PageRequest<LinkId>) -> Result<Page<Link, LinkId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::of_user(lease.connection(), user, page).await?;
        lease.done();
        Ok(found)
    }
    /// The links of a run that hand something out.
    pub async fn giving_links_of(&self, run: RunId) -> Result<Vec<Link>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::giving_of_run(lease.connection(), run).await?;
        lease.done();
        Ok(found)
    }
    /// What a run asks people.
    pub async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// What a step of a run asks people.
    pub async fn task_of_step(&self, run: RunId, step: &str) -> Result<Option<Task>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::of_step(lease.connection(), run, step).await?;
        lease.done();
        Ok(found)
    }
    /// The tasks by which people release steps of a run, the oldest first: of one step, if that is said.
    pub async fn releases_of_run(&self, run: RunId, step: Option<&str>) -> Result<Vec<Task>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::releases(lease.connection(), run, step).await?;
        lease.done();
        Ok(found)
    }
    /// What was said to a task, in order.
    pub async fn task_verdicts(&self, id: TaskId) -> Result<Vec<TaskVerdict>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::verdicts(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// What runs ask people, the oldest first.
    pub async fn tasks(
        &self,
        filter: &TaskFilter,
        page: PageRequest<TaskId>,
    ) -> Result<Page<Task, TaskId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::list_of(lease.connection(), filter, page).await?;
        lease.done();
        Ok(found)
    }
    /// How far a workflow reaches: runs that were started since a time, and those that are not over.
    pub async fn run_reach(&self, workflow: &str, since: Timestamp) -> Result<RunReach, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::reach(lease.connection(), workflow, since).await?;
        lease.done();
        Ok(found)
    }
    /// How many runs are in each of the states that are not the end.
    pub async fn runs_under_way(&self) -> Result<BTreeMap<RunState, i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::under_way(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// The runs of a workflow that were started since a time, the newest first, `at_most` so many.
    pub async fn runs_since(
        &self,
        workflow: &str,
        since: Timestamp,
        at_most: u32,
    ) -> Result<Vec<RunSample>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::runs_since(lease.connection(), workflow, since, at_most).await?;
        lease.done();
        Ok(found)
    }
    /// How many runs of a workflow are in each of the states that are not the end: no more than ten thousand are counted.
    pub async fn live_runs(&self, workflow: &str) -> Result<Vec<(RunState, i64)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::live(lease.connection(), workflow).await?;
        lease.done();
        Ok(found)
    }
    /// What happened at the steps of some runs, in order: of each the first four hundred lines.
    pub async fn step_lines(&self, runs: &[RunId]) -> Result<Vec<StepLine>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::step_lines(lease.connection(), runs).await?;
        lease.done();
        Ok(found)
    }
    /// How far events were counted for alerts, and how often anything of them was changed beside.
    pub async fn alert_cursor(&self) -> Result<AlertCursor, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::cursor(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// The rules of alerts that are in force, by name.
    pub async fn alert_rules(&self) -> Result<Vec<AlertRuleInForce>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::rules(lease.connection()).await?;
        lease.done();
        Ok(found)
    }
    /// What was counted of some groups, by rule and group; those of which nothing was are not there.
    pub async fn alert_groups(&self, groups: &[(String, String)]) -> Result<Vec<AlertGroup>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::groups(lease.connection(), groups).await?;
        lease.done();
        Ok(found)
    }
    /// The alerts of some rules that are not resolved.
    pub async fn open_alerts(&self, rules: &[String]) -> Result<Vec<Alert>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::open(lease.connection(), rules).await?;
        lease.done();
        Ok(found)
    }
    /// Some of the alerts that resolve by themselves at `now`, `at_most` so many.
    pub async fn alerts_over(&self, now: Timestamp, at_most: u32) -> Result<Vec<Alert>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::over(lease.connection(), now, at_most).await?;
        lease.done();
        Ok(found)
    }
    /// An alert.
    pub async fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }
    /// Alerts, the newest first.
    pub async fn alerts(
        &self,
        filter: &AlertFilter,
        page: PageRequest<AlertId>,
    ) -> Result<Page<Alert, AlertId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = alerts::list(lease.connection(), filter, page).await?;
        lease.done();
        Ok(found)
    }
    /// Events in the order of their positions, after `page.after`. `Expired` if some of those are not kept any more; after 0
    /// come all that are kept.
    pub async fn events(&self, filter: &EventFilter, page: PageRequest<i64>) -> Result<Page<Event, i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = events::events(lease.connection(), filter, Order::Forward, page).await?;
        lease.done();
        Ok(found)
    }
    /// Whom events of these kinds are about, after one position and up to another not far from it. `Expired` as above.
    pub async fn concerned(&self, kinds: &[EventKind], after: i64, to: i64) -> Result<Vec<UserId>, StoreError> {
        let mut lease = self.0.quick.lease().await?;
        let found = events::concerned(lease.connection(), kinds, after, to).await?;
        lease.done();
        Ok(found)
    }
    /// Events in reverse order, before `page.after`: the newest first. `Expired` as above.
    pub async fn events_backward(
        &self,
        filter: &EventFilter,
        page: PageRequest<i64>,
    ) -> Result<Page<Event, i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = events::events(lease.connection(), filter, Order::Backward, page).await?;
        lease.done();
        Ok(found)
    }
    /// The position of the newest event; changes as events are committed, here or by another server.
    pub fn head(&self) -> tokio::sync::watch::Receiver<i64> {
        self.0.head.subscribe()
    }
    /// Sees to it that there is room for the events to come: to be called now and then. Nothing fails without it, but a commit
    /// may have to wait for it. Answers whether there was something to do.
    pub async fn make_room(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.0.writer.make_room(now).await
    }
    /// Removes some of the oldest events, of those that happened before `before`, and commits `told` with it, to which it adds
    /// the positions of the `first` and the `last` event removed. To be called until it answers 0: how many were removed. With
    /// PostgreSQL events go with their whole partition, at most a month later.
    pub async fn expire_events(&self, before: Timestamp, told: Event) -> Result<u64, StoreError> {
        self.0.expire_events(before, told).await
    }
    /// Deletes what has served its time, a bounded amount at a go: challenges, enrollments, pages, sign-ins and sessions that were over for `keep`,
    /// forgotten idempotency keys. Answers how many rows went.
    pub async fn sweep(&self, now: Timestamp, keep: std::time::Duration) -> Result<u64, StoreError> {
        self.0.sweep(now, keep).await
    }
}
