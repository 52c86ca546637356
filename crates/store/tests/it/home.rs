//! A place to keep a store in, of either engine, and things to put there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::event::About;
use domain::*;
use store::*;

/// Runs one test function on each engine.
macro_rules! on_both_engines {
    ($($(#[$doc:meta])* async fn $name:ident($home:ident: Home) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "each test is in a module of its own")]
            use super::*;

            async fn test($home: Home) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test(Home::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                test(Home::postgres()).await;
            }
        }
    )*};
}
pub(crate) use on_both_engines;

pub(crate) struct Home {
    pub(crate) options: Options,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: tempfile::TempDir,
}

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

impl Home {
    fn at(location: impl FnOnce(&std::path::Path) -> Location) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { location: location(folder.path()), movable_clock: true };
        Self { options, clock: Arc::new(ManualClock::at(START)), folder }
    }

    pub(crate) fn sqlite() -> Self {
        Self::at(|folder| Location::Sqlite(folder.join("countersign.db")))
    }

    pub(crate) fn postgres() -> Self {
        let url = throwaway_postgres::Cluster::shared().and_then(throwaway_postgres::Cluster::database);
        Self::at(|_| Location::Postgres(url.unwrap_or_else(|error| panic!("{error}"))))
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.options.location, Location::Sqlite(_))
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(&self.options, Arc::clone(&self.clock) as Arc<dyn Clock>).await
    }
}

/// Runs SQL past the store.
pub(crate) fn run_sql(home: &Home, sql: &str) {
    match &home.options.location {
        Location::Postgres(url) => {
            throwaway_postgres::Cluster::shared().unwrap().run_sql(url, sql).unwrap();
        }
        Location::Sqlite(path) => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.execute_batch(sql).unwrap();
        }
    }
}

/// How many rows a table has.
pub(crate) fn count(home: &Home, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    match &home.options.location {
        Location::Postgres(url) => {
            throwaway_postgres::Cluster::shared().unwrap().run_sql(url, &sql).unwrap().parse().unwrap()
        }
        Location::Sqlite(path) => {
            rusqlite::Connection::open(path).unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
        }
    }
}

/// Ids that differ, in this process and between its threads.
pub(crate) struct Counter;

impl Entropy for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        buffer.fill(0);
        for (to, from) in buffer.iter_mut().rev().zip(number.iter().rev()) {
            *to = *from;
        }
    }
}

pub(crate) fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// When nothing is left of what was over at the start and is kept for thirty days: what goes with a whole partition is kept for up to 31 more.
pub(crate) fn gone_at(home: &Home) -> Timestamp {
    after(if home.is_sqlite() { 31 } else { 62 } * 86_400)
}

pub(crate) fn event(kind: EventKind, about: About) -> Event {
    let id = EventId::generate(START, &Counter);
    Event { id, position: 0, at: START, kind, application_id: None, about, data: serde_json::Map::new(), details: None }
}

pub(crate) fn details(name: &str) -> Details {
    let fields = serde_json::Map::from_iter([("name".to_owned(), name.into())]);
    Details { fields, salt: [3; 16], commitment: [4; 32] }
}

pub(crate) fn plain(change: Change) -> Commit {
    Commit { change, events: vec![event(EventKind::ServerStarted, About::default())], idempotency: None }
}

pub(crate) fn application_id() -> ApplicationId {
    ApplicationId::generate(START, &Counter)
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: UserId::generate(START, &Counter),
        external_id: ExternalId::parse(name).unwrap(),
        display_name: None,
        kind: UserKind::Person,
        state: UserState::Active,
        created_at: START,
        standing: Standing::default(),
    }
}

pub(crate) fn session(user: UserId) -> Session {
    Session {
        id: SessionId::generate(START, &Counter),
        application_id: application_id(),
        user_id: user,
        device_id: None,
        amr: BTreeSet::from_iter(Amr::parse("pwd")),
        aal: Aal::Aal1,
        proofs: Vec::new(),
        authenticated_at: START,
        created_at: START,
        expires_at: after(8 * 3600),
        ended_at: None,
        cnf: None,
    }
}

pub(crate) fn device(user: UserId) -> Device {
    Device {
        id: DeviceId::generate(START, &Counter),
        user_id: user,
        name: "phone".to_owned(),
        kind: DeviceKind::Phone,
        created_at: START,
    }
}

pub(crate) fn sealed(generation: i32) -> Sealed {
    Sealed {
        blob: vec![u8::try_from(generation).unwrap(); 60],
        algorithm: "SHA1".to_owned(),
        digits: 6,
        period: 30,
        generation,
    }
}

/// A key that is sealed with this version of data keys.
pub(crate) fn sealed_with(version: u32) -> Sealed {
    let mut sealed = sealed(1);
    sealed.blob[1..5].copy_from_slice(&version.to_be_bytes());
    sealed
}

pub(crate) fn authenticator(user: UserId, kind: AuthenticatorKind) -> Authenticator {
    Authenticator {
        id: AuthenticatorId::generate(START, &Counter),
        user_id: user,
        device_id: None,
        kind,
        state: AuthenticatorState::Pending,
        label: "phone".to_owned(),
        sealed: None,
        last_step: 0,
        failures: 0,
        open: Wait::default(),
        trusted: Wait::default(),
        created_at: START,
        activated_at: None,
        last_used_at: None,
        ends_at: None,
        rotation_asked_at: None,
        credential: None,
    }
}

pub(crate) fn start(session: &Session) -> StartEnrollment {
    let device = device(session.user_id);
    let mut authenticator = authenticator(session.user_id, AuthenticatorKind::Totp);
    authenticator.device_id = Some(device.id);
    let enrollment = Enrollment {
        id: EnrollmentId::generate(START, &Counter),
        application_id: session.application_id,
        user_id: session.user_id,
        session_id: session.id,
        kind: AuthenticatorKind::Totp,
        authenticator_id: authenticator.id,
        replaces: None,
        state: EnrollmentState::Started,
        algorithm: "SHA1".to_owned(),
        digits: 6,
        period: 30,
        recipient_key: None,
        failures: 0,
        created_at: START,
        view_expires_at: after(300),
        expires_at: after(900),
    };
    StartEnrollment { enrollment, authenticator, device: Some(device), viewed: false }
}

pub(crate) fn codes(user: UserId) -> (Authenticator, Vec<BackupCode>) {
    let mut authenticator = authenticator(user, AuthenticatorKind::BackupCodes);
    authenticator.state = AuthenticatorState::Active;
    authenticator.activated_at = Some(START);
    (
        authenticator,
        (0..10).map(|position| BackupCode { position, hash: vec![u8::try_from(position).unwrap(); 32] }).collect(),
    )
}

pub(crate) fn challenge(user: Option<UserId>, session: Option<SessionId>) -> Challenge {
    Challenge {
        id: ChallengeId::generate(START, &Counter),
        application_id: application_id(),
        user_id: user,
        session_id: session,
        action: "login".to_owned(),
        action_hash: ActionHash([7; 32]),
        state: ChallengeState::Open,
        failures: 0,
        created_at: START,
        expires_at: after(300),
        shown: serde_json::Map::new(),
        required: None,
        satisfied: None,
    }
}

pub(crate) fn satisfy(challenge: &Challenge, authenticator: AuthenticatorId, step: i64) -> Satisfy {
    let raise = challenge.session_id.map(|session_id| Raise {
        session_id,
        proof: Proof {
            authenticator_id: authenticator,
            kind: AuthenticatorKind::Totp,
            verified_at: after(1),
            quality: Quality::default(),
        },
        aal: Aal::Aal2,
    });
    Satisfy {
        challenge_id: challenge.id,
        authenticator_id: authenticator,
        door: Door::Open,
        generation: 1,
        used: Used::Step(step),
        at: after(1),
        satisfied: Satisfaction {
            authenticator_id: authenticator,
            kind: AuthenticatorKind::Totp,
            at: after(1),
            aal: Aal::Aal2,
            amr: std::collections::BTreeSet::new(),
        },
        raise,
        begins: None,
    }
}

pub(crate) fn reject(challenge: ChallengeId, authenticators: &[AuthenticatorId], at: Timestamp) -> Reject {
    Reject { challenge_id: challenge, door: Door::Open, authenticators: authenticators.to_vec(), at }
}

/// Somebody with a session and an active authenticator, and backup codes.
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) session: Session,
    pub(crate) authenticator: AuthenticatorId,
    pub(crate) codes: AuthenticatorId,
    pub(crate) enrollment: EnrollmentId,
}

pub(crate) async fn apply(store: &Store, change: Change) {
    assert_eq!(commit(store, change.clone()).await, Effect::Applied, "{change:?}");
}

pub(crate) async fn commit(store: &Store, change: Change) -> Effect {
    store.commit(plain(change)).await.unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) async fn settle(store: &Store, name: &str) -> Person {
    let user = user(name);
    let session = session(user.id);
    apply(store, Change::CreateUser(user.clone())).await;
    apply(store, Change::RegisterSession(session.clone().into())).await;
    let start = start(&session);
    apply(store, Change::StartEnrollment(Box::new(start.clone()))).await;
    let (id, authenticator_id) = (start.enrollment.id, start.authenticator.id);
    apply(
        store,
        Change::RecordView(RecordView { id, authenticator_id, sealed: Some(sealed(1)), prompt: None, at: after(1) }),
    )
    .await;
    let backup_codes = codes(user.id);
    let codes = backup_codes.0.id;
    let confirm = ConfirmEnrollment {
        id,
        user_id: user.id,
        trust: trust(&session, None),
        authenticator_id,
        generation: 1,
        step: 100,
        at: after(2),
        replaces: None,
        credential: None,
        prompt_id: None,
        backup_codes: Some(backup_codes),
        raise: Some(Raise {
            session_id: session.id,
            proof: Proof {
                authenticator_id,
                kind: AuthenticatorKind::Totp,
                verified_at: after(2),
                quality: Quality::default(),
            },
            aal: Aal::Aal2,
        }),
    };
    apply(store, Change::ConfirmEnrollment(Box::new(confirm))).await;
    Person { user, session, authenticator: authenticator_id, codes, enrollment: id }
}

pub(crate) async fn ask(store: &Store, person: &Person) -> Challenge {
    let challenge = challenge(Some(person.user.id), Some(person.session.id));
    apply(store, Change::CreateChallenge(challenge.clone())).await;
    challenge
}

pub(crate) fn whole<K>() -> PageRequest<K> {
    PageRequest { after: None, limit: 500 }
}

/// That a session is trusted, for what was proved in it.
pub(crate) fn trust(session: &Session, proved: Option<AuthenticatorId>) -> Trust {
    Trust { session_id: session.id, proved }
}
