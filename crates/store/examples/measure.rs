//! Measures what logins are made of: `cargo run --release --example measure -p store -- [seconds] [users] [postgres URL]`.
//!
//! Instead of seconds a number of operations can be given, as `20000x`: what two programs compute for the same can then be
//! compared by counting instructions, however busy the machine is.
//!
//! With a path in the place of the URL the store stays there, and who was enrolled is not enrolled again the next time.
//!
//! Each figure is for 256 callers, each waiting for its answer before it asks again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{
    Aal, ActionHash, Amr, ApplicationId, Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState,
    BackupCode, Challenge, ChallengeId, ChallengeState, Clock as _, Entropy, Event, EventId, EventKind, ExternalId,
    Proof, Sealed, Session, SessionId, SystemClock, Timestamp, User, UserId, UserKind, UserState,
};
use store::{
    Change, Commit, ConfirmEnrollment, Effect, Location, Options, Raise, RecordView, Reject, Satisfy, StartEnrollment,
    Store, Used,
};
use tokio::time::Instant;

const CALLERS: usize = 256;

struct Counter;

impl Entropy for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        buffer.fill(0);
        for (to, from) in buffer.iter_mut().rev().zip(number.to_le_bytes()) {
            *to = from;
        }
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn told(change: Change, kind: EventKind, user: UserId) -> Commit {
    let about = domain::event::About { user_id: Some(user), ..Default::default() };
    let data = serde_json::Map::from_iter([("kind".to_owned(), "totp".into())]);
    let id = EventId::generate(now(), &Counter);
    let event = Event { id, position: 0, at: now(), kind, application_id: None, about, data, details: None };
    Commit { change, events: vec![event], idempotency: None }
}

#[derive(Clone, Copy)]
struct Person {
    user: UserId,
    session: SessionId,
    authenticator: AuthenticatorId,
}

#[allow(clippy::too_many_lines, reason = "a person has many parts, and each is named")]
async fn enroll(store: Store, number: usize, application: ApplicationId) -> Person {
    let at = now();
    let user = User {
        id: UserId::generate(at, &Counter),
        external_id: ExternalId::parse(&format!("user-{number:07}")).unwrap(),
        display_name: None,
        kind: UserKind::Person,
        state: UserState::Active,
        created_at: at,
        standing: domain::Standing::default(),
    };
    let session = Session {
        id: SessionId::generate(at, &Counter),
        application_id: application,
        user_id: user.id,
        device_id: None,
        amr: BTreeSet::from_iter(Amr::parse("pwd")),
        aal: Aal::Aal1,
        proofs: Vec::new(),
        authenticated_at: at,
        created_at: at,
        expires_at: at.plus(Duration::from_hours(8)),
        ended_at: None,
        cnf: None,
    };
    let (user_id, session_id) = (user.id, session.id);
    go(&store, told(Change::CreateUser(user), EventKind::UserCreated, user_id)).await;
    go(&store, told(Change::RegisterSession(session.into()), EventKind::SessionRegistered, user_id)).await;
    let authenticator = pending(user_id, AuthenticatorKind::Totp, at);
    let id = domain::EnrollmentId::generate(at, &Counter);
    let enrollment = domain::Enrollment {
        id,
        application_id: application,
        user_id,
        session_id,
        kind: AuthenticatorKind::Totp,
        authenticator_id: authenticator.id,
        replaces: None,
        state: domain::EnrollmentState::Started,
        algorithm: "SHA1".to_owned(),
        digits: 6,
        period: 30,
        recipient_key: None,
        failures: 0,
        created_at: at,
        view_expires_at: at.plus(Duration::from_mins(5)),
        expires_at: at.plus(Duration::from_mins(15)),
    };
    let authenticator_id = authenticator.id;
    let start = Box::new(StartEnrollment { enrollment, authenticator, device: None, viewed: false });
    go(&store, told(Change::StartEnrollment(start), EventKind::EnrollmentStarted, user_id)).await;
    let sealed = Sealed { blob: vec![9; 61], algorithm: "SHA1".to_owned(), digits: 6, period: 30, generation: 1 };
    let view = Change::RecordView(RecordView { id, authenticator_id, sealed: Some(sealed), prompt: None, at });
    go(&store, told(view, EventKind::EnrollmentViewed, user_id)).await;
    let codes =
        Authenticator { state: AuthenticatorState::Active, ..pending(user_id, AuthenticatorKind::BackupCodes, at) };
    let confirm = ConfirmEnrollment {
        id,
        user_id,
        trust: domain::Trust { session_id, proved: None },
        authenticator_id,
        generation: 1,
        step: 1,
        at,
        replaces: None,
        credential: None,
        prompt_id: None,
        backup_codes: Some((codes, (0..10).map(|position| BackupCode { position, hash: vec![5; 32] }).collect())),
        raise: None,
    };
    go(&store, told(Change::ConfirmEnrollment(Box::new(confirm)), EventKind::EnrollmentConfirmed, user_id)).await;
    Person { user: user_id, session: session_id, authenticator: authenticator_id }
}

fn pending(user_id: UserId, kind: AuthenticatorKind, at: Timestamp) -> Authenticator {
    Authenticator {
        id: AuthenticatorId::generate(at, &Counter),
        user_id,
        device_id: None,
        kind,
        state: AuthenticatorState::Pending,
        label: "phone".to_owned(),
        sealed: None,
        last_step: 0,
        failures: 0,
        open: domain::Wait::default(),
        trusted: domain::Wait::default(),
        created_at: at,
        activated_at: None,
        last_used_at: None,
        ends_at: None,
        rotation_asked_at: None,
        credential: None,
    }
}

async fn go(store: &Store, commit: Commit) {
    let effect = store.commit(commit).await.unwrap();
    assert_eq!(effect, Effect::Applied);
}

fn challenge(person: Person, application_id: ApplicationId) -> Challenge {
    let at = now();
    Challenge {
        id: ChallengeId::generate(at, &Counter),
        application_id,
        user_id: Some(person.user),
        session_id: Some(person.session),
        action: "login".to_owned(),
        action_hash: ActionHash([7; 32]),
        state: ChallengeState::Open,
        failures: 0,
        created_at: at,
        expires_at: at.plus(Duration::from_mins(5)),
        shown: serde_json::Map::new(),
        satisfied: None,
        required: None,
    }
}

/// How long each thing is done.
#[derive(Clone, Copy)]
enum Until {
    Passed(Duration),
    Done(usize),
}

impl Until {
    fn parse(text: &str) -> Self {
        match text.strip_suffix('x') {
            Some(operations) => Self::Done(operations.parse().unwrap()),
            None => Self::Passed(Duration::from_secs(text.parse().unwrap())),
        }
    }

    /// The same for one caller, who waits longer for each.
    fn alone(self) -> Self {
        match self {
            Self::Passed(_) => Self::Passed(Duration::from_secs(1)),
            Self::Done(operations) => Self::Done(operations / 100),
        }
    }

    fn is_over(self, begin: Instant, number: usize) -> bool {
        match self {
            Self::Passed(time) => begin.elapsed() >= time,
            Self::Done(operations) => number >= operations,
        }
    }
}

/// Runs `work` with numbers from 0 in as many callers as there are, until it is over or `work` says that it is.
async fn measure<F, W>(name: &str, callers: usize, until: Until, work: W)
where
    W: Fn(usize) -> Option<F> + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    let (begin, cpu) = (Instant::now(), cpu_ticks());
    let next = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (work, next) = (work.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let number = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    if until.is_over(begin, number) {
                        break;
                    }
                    let Some(one) = work(number) else { break };
                    let start = Instant::now();
                    one.await;
                    times.push(start.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let took = begin.elapsed();
    times.sort();
    let at = |share: f64| times.get(((times.len() as f64) * share) as usize).copied().unwrap_or_default();
    let rate = times.len() as f64 / took.as_secs_f64();
    let each = (cpu_ticks() - cpu) as f64 * 10_000.0 / times.len().max(1) as f64;
    println!(
        "{name:<20} {rate:>9.0}/s  p50 {:>8.2?}  p99 {:>8.2?}  {each:>6.1} µs CPU each  ({} done)",
        at(0.5),
        at(0.99),
        times.len()
    );
}

/// Hundredths of a second that this process has computed.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    format!("{} {} {}", of("VmRSS"), of("VmHWM"), of("RssAnon"))
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let until = Until::parse(&args.next().unwrap_or_else(|| "3".to_owned()));
    let users: usize = args.next().map_or(2000, |users| users.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let location = match args.next() {
        Some(url) if url == "postgres" => Location::Postgres(
            throwaway_postgres::Cluster::shared().and_then(throwaway_postgres::Cluster::database).unwrap(),
        ),
        Some(url) if url.starts_with("postgres") => Location::Postgres(url),
        Some(path) => Location::Sqlite(path.into()),
        None => Location::Sqlite(folder.path().join("measure.db")),
    };
    let options = Options { location, movable_clock: false };
    let store = Store::open(&options, Arc::new(SystemClock)).await.unwrap();
    println!("{}, {users} users, {CALLERS} callers; {}", store.engine(), memory());
    let application = ApplicationId::generate(now(), &Counter);
    let people = match &options.location {
        Location::Sqlite(path) => read_people(path),
        Location::Postgres(_) => Vec::new(),
    };
    let people = if people.len() >= users { people } else { enroll_all(&store, users, application).await };
    if let Location::Sqlite(path) = &options.location {
        write_people(path, &people);
    }
    let people = Arc::new(people);
    logins(&store, people, application, until).await;
    println!("{}", memory());
    let begin = Instant::now();
    store.close().await;
    println!("closed in {:.2?}", begin.elapsed());
    drop(store);
    let begin = Instant::now();
    let store = Store::open(&options, Arc::new(SystemClock)).await.unwrap();
    println!("opened again in {:.2?}", begin.elapsed());
    for search in ["user-0000017", "user-", "nobody"] {
        let begin = Instant::now();
        let filter = store::UserFilter { search: Some(search.to_owned()), ..Default::default() };
        let page = store.users(&filter, domain::PageRequest { after: None, limit: 50 }).await.unwrap();
        println!("search {search:?}: {} found in {:.2?}", page.items.len(), begin.elapsed());
    }
    store.close().await;
}

async fn enroll_all(store: &Store, users: usize, application: ApplicationId) -> Vec<Person> {
    let people = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (store, to) = (store.clone(), Arc::clone(&people));
    measure("enroll (5 commits)", CALLERS * 2, Until::Done(users), move |number| {
        let (store, people) = (store.clone(), Arc::clone(&to));
        Some(async move {
            let person = enroll(store, number, application).await;
            people.lock().unwrap().push(person);
        })
    })
    .await;
    people.lock().unwrap().clone()
}

/// Beside the store: three ids for each.
fn read_people(store: &std::path::Path) -> Vec<Person> {
    let bytes = std::fs::read(store.with_extension("people")).unwrap_or_default();
    let id = |bytes: &[u8]| uuid::Uuid::from_slice(bytes).unwrap();
    let person = |bytes: &[u8]| Person {
        user: UserId::from_uuid(id(&bytes[..16])),
        session: SessionId::from_uuid(id(&bytes[16..32])),
        authenticator: AuthenticatorId::from_uuid(id(&bytes[32..])),
    };
    bytes.chunks_exact(48).map(person).collect()
}

fn write_people(store: &std::path::Path, people: &[Person]) {
    let ids = |person: &Person| [person.user.uuid(), person.session.uuid(), person.authenticator.uuid()];
    let bytes: Vec<u8> = people.iter().flat_map(ids).flat_map(uuid::Uuid::into_bytes).collect();
    std::fs::write(store.with_extension("people"), bytes).unwrap();
}

async fn logins(store: &Store, people: Arc<Vec<Person>>, application: ApplicationId, until: Until) {
    let open = Arc::new(std::sync::Mutex::new(Vec::new()));
    let person = move |number: usize| people[number.wrapping_mul(7919) % people.len()];
    let (to, from, of) = (store.clone(), Arc::clone(&open), person.clone());
    measure("create challenge", CALLERS, until, move |number| {
        let (store, open, person) = (to.clone(), Arc::clone(&from), of(number));
        Some(async move {
            let challenge = challenge(person, application);
            let id = challenge.id;
            go(&store, told(Change::CreateChallenge(challenge), EventKind::ChallengeCreated, person.user)).await;
            open.lock().unwrap().push((id, person));
        })
    })
    .await;
    let open = Arc::new(open.lock().unwrap().clone());
    let (to, from) = (store.clone(), Arc::clone(&open));
    measure("attempt", CALLERS, until, move |number| {
        let (store, (id, _)) = (to.clone(), from[number % from.len()]);
        Some(async move {
            assert!(store.attempt(id, domain::ProofKind::Otp).await.unwrap().is_some());
        })
    })
    .await;
    prove(store, &open, until).await;
    let (to, from) = (store.clone(), Arc::clone(&open));
    measure("session", CALLERS, until, move |number| {
        let (store, (_, person)) = (to.clone(), from[number % from.len()]);
        Some(async move {
            assert!(store.session(person.session).await.unwrap().is_some());
        })
    })
    .await;
    let (to, of) = (store.clone(), person);
    measure("alone: challenge", 1, until.alone(), move |number| {
        let (store, person) = (to.clone(), of(number));
        Some(async move {
            let challenge = challenge(person, application);
            go(&store, told(Change::CreateChallenge(challenge), EventKind::ChallengeCreated, person.user)).await;
        })
    })
    .await;
}

async fn prove(store: &Store, open: &Arc<Vec<(ChallengeId, Person)>>, until: Until) {
    let (to, from) = (store.clone(), Arc::clone(open));
    measure("satisfy", CALLERS, until, move |number| {
        let (store, (challenge_id, person)) = (to.clone(), *from.get(number)?);
        Some(async move {
            let authenticator_id = person.authenticator;
            let proof = Proof {
                authenticator_id,
                kind: AuthenticatorKind::Totp,
                verified_at: now(),
                quality: domain::Quality::default(),
            };
            let satisfy = Satisfy {
                door: domain::Door::Open,
                challenge_id,
                authenticator_id,
                generation: 1,
                used: Used::Step(i64::try_from(number).unwrap() + 2),
                at: now(),
                satisfied: domain::Satisfaction {
                    authenticator_id,
                    kind: AuthenticatorKind::Totp,
                    at: now(),
                    aal: Aal::Aal2,
                    amr: BTreeSet::from_iter(Amr::parse("otp")),
                },
                raise: Some(Raise { session_id: person.session, proof, aal: Aal::Aal2 }),
                begins: None,
            };
            let commit = told(Change::Satisfy(satisfy), EventKind::AuthenticatorVerified, person.user);
            // A later number's step can come first for the same person.
            store.commit(commit).await.unwrap();
        })
    })
    .await;
    let (to, from) = (store.clone(), Arc::clone(open));
    measure("reject", CALLERS, until, move |number| {
        let (store, (challenge_id, person)) = (to.clone(), from[number % from.len()]);
        Some(async move {
            let reject = Reject {
                challenge_id,
                door: domain::Door::Open,
                authenticators: vec![person.authenticator],
                at: now(),
            };
            go(&store, told(Change::Reject(reject), EventKind::AuthenticatorRejected, person.user)).await;
        })
    })
    .await;
}
