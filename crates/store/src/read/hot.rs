//! What every login needs, asked many at a time.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, BackupCode, ChallengeId, Door, Enrollment, EnrollmentId,
    KeyHash, PolicyId, ProofKind, Session, SessionId, User, UserId, UserState,
};

use crate::engine::{Connection, Fault, Row};
use crate::rows::{self, Reader};
use crate::set::Kind::{Blob, Id, Text};
use crate::set::{Rows, Set};
use crate::{Attempt, Caller, Deciding};

type Found<'c, K, V> = Pin<Box<dyn Future<Output = Result<HashMap<K, V>, Fault>> + Send + 'c>>;

async fn by_key<K: Eq + Hash, V>(
    set: &Set,
    connection: &mut Connection,
    input: Rows,
    read: impl Fn(&Row<'_>) -> Result<(K, V), Fault>,
) -> Result<HashMap<K, V>, Fault> {
    Ok(set.fetch(connection, input, read).await?.into_iter().collect())
}

static CALLERS: Set = Set::of(
    &[("hash", Blob)],
    &[
        "SELECT k.hash, k.id, k.expires_at, ",
        rows::APPLICATION,
        " FROM input i {then} api_keys k ON k.hash = i.hash {then} applications p ON p.id = k.application_id",
    ],
);

pub(crate) fn callers(connection: &mut Connection, keys: Vec<KeyHash>) -> Found<'_, KeyHash, Caller> {
    Box::pin(async move {
        let mut input = Rows::default();
        for key in &keys {
            input.push(&[(&key.0).into()]);
        }
        by_key(&CALLERS, connection, input, |row| {
            let row = &mut Reader::new(row);
            let (hash, id, expires_at) = rows::key_of_caller(row)?;
            Ok((hash, Caller { application: Arc::new(rows::application(row)?), api_key_id: Some(id), expires_at }))
        })
        .await
    })
}

static USERS: Set =
    Set::of(&[("user_id", Id)], &["SELECT ", rows::USER, " FROM input i {then} users u ON u.id = i.user_id"]);

pub(crate) fn users(connection: &mut Connection, ids: Vec<UserId>) -> Found<'_, UserId, User> {
    Box::pin(async move {
        let input = Rows::of_ids(ids.into_iter().map(UserId::uuid));
        by_key(&USERS, connection, input, |row| rows::user(&mut Reader::new(row)).map(|user| (user.id, user))).await
    })
}

fn of_names(names: &[String]) -> Rows {
    let mut rows = Rows::default();
    for name in names {
        rows.push(&[name.into()]);
    }
    rows
}

static USERS_BY_KEY: Set =
    Set::of(&[("name", Text)], &["SELECT ", rows::USER, " FROM input i {then} users u ON u.external_id_key = i.name"]);

pub(crate) fn users_by_key(connection: &mut Connection, keys: Vec<String>) -> Found<'_, String, User> {
    Box::pin(async move {
        by_key(&USERS_BY_KEY, connection, of_names(&keys), |row| {
            rows::user(&mut Reader::new(row)).map(|user| (user.external_id.key().to_owned(), user))
        })
        .await
    })
}

/// Where nothing else of a user is asked for, nothing else is read: reading more of those who are there would take longer than finding nobody (T-19).
static USER_IDS_BY_KEY: Set = Set::of(
    &[("name", Text)],
    &["SELECT u.id, u.external_id_key FROM input i {then} users u ON u.external_id_key = i.name"],
);

pub(crate) fn user_ids_by_key(connection: &mut Connection, keys: Vec<String>) -> Found<'_, String, UserId> {
    Box::pin(async move {
        by_key(&USER_IDS_BY_KEY, connection, of_names(&keys), |row| {
            let mut row = Reader::new(row);
            let id = row.id(UserId::from_uuid)?;
            Ok((row.next()?, id))
        })
        .await
    })
}

static SESSIONS: Set = Set::of(
    &[("session_id", Id)],
    &["SELECT ", rows::SESSION, " FROM input i {then} sessions s ON s.id = i.session_id"],
);

pub(crate) fn sessions(connection: &mut Connection, ids: Vec<SessionId>) -> Found<'_, SessionId, Session> {
    Box::pin(async move {
        let input = Rows::of_ids(ids.into_iter().map(SessionId::uuid));
        by_key(&SESSIONS, connection, input, |row| {
            rows::session(&mut Reader::new(row)).map(|session| (session.id, session))
        })
        .await
    })
}

static ENROLLMENTS: Set = Set::of(
    &[("enrollment_id", Id)],
    &["SELECT ", rows::ENROLLMENT, " FROM input i {then} enrollments e ON e.id = i.enrollment_id"],
);

pub(crate) fn enrollments(connection: &mut Connection, ids: Vec<EnrollmentId>) -> Found<'_, EnrollmentId, Enrollment> {
    Box::pin(async move {
        let input = Rows::of_ids(ids.into_iter().map(EnrollmentId::uuid));
        by_key(&ENROLLMENTS, connection, input, |row| {
            rows::enrollment(&mut Reader::new(row)).map(|enrollment| (enrollment.id, enrollment))
        })
        .await
    })
}

static DECIDING: Set = Set::of(
    &[("session_id", Id)],
    &[
        "SELECT (SELECT p.id FROM policies p WHERE p.number = (SELECT MAX(number) FROM policies)), ",
        rows::SESSION,
        ", s.risk, ",
        rows::USER,
        ", h.history
     FROM input i {then} sessions s ON s.id = i.session_id {then} users u ON u.id = s.user_id
        LEFT JOIN risk_histories h ON h.user_id = s.user_id",
    ],
);

pub(crate) fn deciding(connection: &mut Connection, ids: Vec<SessionId>) -> Found<'_, SessionId, Deciding> {
    Box::pin(async move {
        let input = Rows::of_ids(ids.into_iter().map(SessionId::uuid));
        let mut found = by_key(&DECIDING, connection, input, |row| {
            let row = &mut Reader::new(row);
            let policy_id = row.maybe_id(PolicyId::from_uuid)?;
            let (session, session_risk, user) = (rows::session(row)?, row.next()?, rows::user(row)?);
            let risk_history = row.next::<Option<Vec<u8>>>()?.unwrap_or_default();
            let authenticators = Arc::default();
            Ok((session.id, Deciding { session, session_risk, user, risk_history, authenticators, policy_id }))
        })
        .await?;
        let users: HashSet<UserId> = found.values().map(|deciding| deciding.user.id).collect();
        let authenticators = authenticators_of(connection, users.into_iter().collect()).await?;
        let authenticators: HashMap<UserId, Arc<[Authenticator]>> =
            authenticators.into_iter().map(|(user, found)| (user, found.into())).collect();
        for deciding in found.values_mut() {
            deciding.authenticators = authenticators.get(&deciding.user.id).map(Arc::clone).unwrap_or_default();
        }
        Ok(found)
    })
}

/// Which policy is in force.
pub(crate) fn policy_id(connection: &mut Connection, _: Vec<()>) -> Found<'_, (), PolicyId> {
    Box::pin(async move {
        let sql = "SELECT id FROM policies ORDER BY number DESC LIMIT 1";
        let found = connection.fetch(sql, &[], |row| Reader::new(row).id(PolicyId::from_uuid)).await?;
        Ok(found.into_iter().map(|id| ((), id)).collect())
    })
}

static AUTHENTICATORS: Set = Set::of(
    &[("authenticator_id", Id)],
    &["SELECT ", rows::AUTHENTICATOR, " FROM input i {then} authenticators a ON a.id = i.authenticator_id"],
);

pub(crate) fn authenticators(
    connection: &mut Connection,
    ids: Vec<AuthenticatorId>,
) -> Found<'_, AuthenticatorId, Authenticator> {
    Box::pin(async move {
        let input = Rows::of_ids(ids.into_iter().map(AuthenticatorId::uuid));
        by_key(&AUTHENTICATORS, connection, input, |row| {
            rows::authenticator(&mut Reader::new(row)).map(|found| (found.id, found))
        })
        .await
    })
}

static AUTHENTICATORS_OF: Set = Set::of(
    &[("user_id", Id)],
    &["SELECT ", rows::AUTHENTICATOR, " FROM input i {then} authenticators a ON a.user_id = i.user_id"],
);

pub(crate) fn authenticators_of(
    connection: &mut Connection,
    users: Vec<UserId>,
) -> Found<'_, UserId, Vec<Authenticator>> {
    Box::pin(async move {
        let input = Rows::of_ids(users.into_iter().map(UserId::uuid));
        let found = AUTHENTICATORS_OF.fetch(connection, input, |row| rows::authenticator(&mut Reader::new(row)));
        let mut by_user: HashMap<UserId, Vec<Authenticator>> = HashMap::new();
        for authenticator in found.await? {
            by_user.entry(authenticator.user_id).or_default().push(authenticator);
        }
        for authenticators in by_user.values_mut() {
            authenticators.sort_by_key(|authenticator| (authenticator.created_at, authenticator.id));
        }
        Ok(by_user)
    })
}

static ATTEMPTS: Set = Set::of(
    &[("challenge_id", Id), ("kind", Text)],
    &[
        "SELECT i.kind, ",
        rows::CHALLENGE,
        ", u.state, ",
        rows::SESSION,
        ", CAST(CASE WHEN {trusted} THEN 1 ELSE 0 END AS BIGINT)
     FROM input i {then} challenges c ON c.id = i.challenge_id
        LEFT JOIN users u ON u.id = c.user_id
        LEFT JOIN sessions s ON s.id = c.session_id",
    ],
);

/// Each is asked for by its user, which the challenge has told.
static USABLE_AUTHENTICATORS: Set = Set::of(
    &[("user_id", Id), ("kind", Text), ("or_kind", Text)],
    &[
        "SELECT ",
        rows::AUTHENTICATOR,
        "
     FROM input i {then} authenticators a ON a.user_id = i.user_id
     WHERE a.state IN ('active', 'suspended') AND a.kind IN (i.kind, i.or_kind)",
    ],
);

static UNUSED_CODES: Set = Set::of(
    &[("authenticator_id", Id)],
    &[
        "SELECT b.authenticator_id, ",
        rows::BACKUP_CODES,
        "
     FROM input i {then} backup_codes b ON b.authenticator_id = i.authenticator_id
     WHERE b.used_at IS NULL
     GROUP BY b.authenticator_id",
    ],
);

/// A challenge, and what is given as proof for it.
pub(crate) type Proving = (ChallengeId, ProofKind);

pub(crate) fn attempts(connection: &mut Connection, asked: Vec<Proving>) -> Found<'_, Proving, Attempt> {
    Box::pin(async move {
        let mut input = Rows::default();
        for (id, kind) in asked {
            input.push(&[id.into(), proof_name(kind).into()]);
        }
        let mut attempts = by_key(&ATTEMPTS, connection, input, |row| attempt(&mut Reader::new(row))).await?;
        let authenticators = usable(connection, attempts.iter()).await?;
        let codes = unused_codes(connection, authenticators.values().flat_map(|found| found.iter())).await?;
        for ((_, kind), attempt) in &mut attempts {
            let Some(user) = attempt.challenge.user_id else { continue };
            let Some(found) = authenticators.get(&(user, *kind)) else { continue };
            attempt.authenticators = Arc::clone(found);
            attempt.backup_codes =
                found.iter().find_map(|found| codes.get(&found.id)).map(Arc::clone).unwrap_or_default();
        }
        Ok(attempts)
    })
}

const OTP: &str = "otp";

const fn proof_name(kind: ProofKind) -> &'static str {
    match kind {
        ProofKind::Otp => OTP,
        ProofKind::Of(kind) => kind.name(),
    }
}

fn proof_of_name(name: &str) -> Option<ProofKind> {
    if name == OTP { Some(ProofKind::Otp) } else { AuthenticatorKind::from_name(name).map(ProofKind::of) }
}

/// The active and suspended authenticators that are asked for, by user and proof.
async fn usable(
    connection: &mut Connection,
    attempts: impl Iterator<Item = (&Proving, &Attempt)>,
) -> Result<HashMap<(UserId, ProofKind), Arc<[Authenticator]>>, Fault> {
    let asked: HashSet<(UserId, ProofKind)> = attempts
        .filter(|(_, attempt)| attempt.user_state.is_some())
        .filter_map(|((_, kind), attempt)| Some((attempt.challenge.user_id?, *kind)))
        .collect();
    let mut input = Rows::default();
    for (user, kind) in asked {
        let [kind, or_kind] = kind.kinds();
        input.push(&[user.into(), kind.name().into(), or_kind.name().into()]);
    }
    let found = USABLE_AUTHENTICATORS.fetch(connection, input, |row| rows::authenticator(&mut Reader::new(row)));
    let mut by_user: HashMap<_, Vec<Authenticator>> = HashMap::new();
    for found in found.await? {
        by_user.entry((found.user_id, ProofKind::of(found.kind))).or_default().push(found);
    }
    let last_used_first = |mut found: Vec<Authenticator>| {
        found.sort_by_key(|found| std::cmp::Reverse((found.last_used_at, found.id)));
        found.into()
    };
    Ok(by_user.into_iter().map(|(of, found)| (of, last_used_first(found))).collect())
}

fn attempt(row: &mut Reader<'_, '_>) -> Result<(Proving, Attempt), Fault> {
    let kind = row.named(proof_of_name)?;
    let challenge = rows::challenge(row)?;
    let user_state = row.maybe_named(UserState::from_name)?;
    let session = rows::maybe_session(row)?;
    let door = if row.next::<i64>()? == 1 { Door::Trusted } else { Door::Open };
    let (authenticators, backup_codes) = (Arc::default(), Arc::default());
    Ok(((challenge.id, kind), Attempt { challenge, user_state, session, door, authenticators, backup_codes }))
}

/// The unused codes of those of `authenticators` that are active backup codes.
async fn unused_codes(
    connection: &mut Connection,
    authenticators: impl Iterator<Item = &Authenticator>,
) -> Result<HashMap<AuthenticatorId, Arc<[BackupCode]>>, Fault> {
    let sets = authenticators.filter(|found| {
        found.kind == AuthenticatorKind::BackupCodes && found.state == domain::AuthenticatorState::Active
    });
    by_key(&UNUSED_CODES, connection, Rows::of_ids(sets.map(|set| set.id.uuid())), |row| {
        Ok((AuthenticatorId::from_uuid(row.get(0)?), rows::backup_codes(&row.get::<String>(1)?)?.into()))
    })
    .await
}

#[cfg(test)]
pub(crate) static ALL: [&Set; 12] = [
    &CALLERS,
    &USERS,
    &USERS_BY_KEY,
    &USER_IDS_BY_KEY,
    &SESSIONS,
    &DECIDING,
    &ENROLLMENTS,
    &AUTHENTICATORS,
    &AUTHENTICATORS_OF,
    &ATTEMPTS,
    &USABLE_AUTHENTICATORS,
    &UNUSED_CODES,
];
