//! What every login needs, asked many at a time.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;

use domain::{
    Authenticator, AuthenticatorId, BackupCode, ChallengeId, Enrollment, EnrollmentId, KeyHash, Session, SessionId,
    User, UserId, UserState,
};

use crate::engine::{Connection, Fault, Row};
use crate::rows::{self, Reader};
use crate::set::Kind::{Blob, Id, Text};
use crate::set::{Rows, Set};
use crate::{Attempt, Caller};

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
            Ok((hash, Caller { application: rows::application(row)?, api_key_id: Some(id), expires_at }))
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

static USERS_BY_KEY: Set =
    Set::of(&[("name", Text)], &["SELECT ", rows::USER, " FROM input i {then} users u ON u.external_id_key = i.name"]);

pub(crate) fn users_by_key(connection: &mut Connection, keys: Vec<String>) -> Found<'_, String, User> {
    Box::pin(async move {
        let mut input = Rows::default();
        for key in &keys {
            input.push(&[key.into()]);
        }
        by_key(&USERS_BY_KEY, connection, input, |row| {
            rows::user(&mut Reader::new(row)).map(|user| (user.external_id.key().to_owned(), user))
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
    &[("challenge_id", Id)],
    &[
        "SELECT ",
        rows::CHALLENGE,
        ", u.state, ",
        rows::SESSION,
        "
     FROM input i {then} challenges c ON c.id = i.challenge_id
        LEFT JOIN users u ON u.id = c.user_id
        LEFT JOIN sessions s ON s.id = c.session_id",
    ],
);

/// Each is asked for by its user, which the challenge has told.
static USABLE_AUTHENTICATORS: Set = Set::of(
    &[("user_id", Id)],
    &[
        "SELECT ",
        rows::AUTHENTICATOR,
        "
     FROM input i {then} authenticators a ON a.user_id = i.user_id
     WHERE a.state IN ('active', 'suspended')",
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

pub(crate) fn attempts(connection: &mut Connection, ids: Vec<ChallengeId>) -> Found<'_, ChallengeId, Attempt> {
    Box::pin(async move {
        let input = Rows::of_ids(ids.into_iter().map(ChallengeId::uuid));
        let mut attempts = ATTEMPTS.fetch(connection, input, |row| attempt(&mut Reader::new(row))).await?;
        let users = attempts.iter().filter(|attempt| attempt.user_state.is_some());
        let users: std::collections::HashSet<_> =
            users.filter_map(|attempt| Some(attempt.challenge.user_id?.uuid())).collect();
        let found = USABLE_AUTHENTICATORS
            .fetch(connection, Rows::of_ids(users), |row| rows::authenticator(&mut Reader::new(row)));
        let mut by_user: HashMap<UserId, Vec<Authenticator>> = HashMap::new();
        let mut code_sets = HashMap::new();
        for found in found.await? {
            if holds_codes(&found) {
                code_sets.insert(found.id, found.user_id);
            }
            by_user.entry(found.user_id).or_default().push(found);
        }
        let codes = codes_by_user(connection, &code_sets).await?;
        for attempt in &mut attempts {
            let Some(user) = attempt.challenge.user_id else { continue };
            attempt.authenticators = by_user.get(&user).cloned().unwrap_or_default();
            attempt.authenticators.sort_by_key(|found| std::cmp::Reverse((found.last_used_at, found.id)));
            attempt.backup_codes = codes.get(&user).cloned().unwrap_or_default();
        }
        Ok(attempts.into_iter().map(|attempt| (attempt.challenge.id, attempt)).collect())
    })
}

fn attempt(row: &mut Reader<'_, '_>) -> Result<Attempt, Fault> {
    let challenge = rows::challenge(row)?;
    let user_state = match row.next::<Option<String>>()? {
        None => None,
        Some(name) => Some(
            UserState::from_name(&name).ok_or_else(|| Fault::Damaged(format!("no such state is known: {name:?}")))?,
        ),
    };
    let session = rows::maybe_session(row)?;
    Ok(Attempt { challenge, user_state, session, authenticators: Vec::new(), backup_codes: Vec::new() })
}

fn holds_codes(authenticator: &Authenticator) -> bool {
    authenticator.kind == domain::AuthenticatorKind::BackupCodes
        && authenticator.state == domain::AuthenticatorState::Active
}

async fn codes_by_user(
    connection: &mut Connection,
    code_sets: &HashMap<AuthenticatorId, UserId>,
) -> Result<HashMap<UserId, Vec<BackupCode>>, Fault> {
    let input = Rows::of_ids(code_sets.keys().map(|id| id.uuid()));
    let found = UNUSED_CODES.fetch(connection, input, |row| {
        Ok((AuthenticatorId::from_uuid(row.get(0)?), rows::backup_codes(&row.get::<String>(1)?)?))
    });
    let found = found.await?.into_iter();
    Ok(found.filter_map(|(id, codes)| Some((*code_sets.get(&id)?, codes))).collect())
}

#[cfg(test)]
pub(crate) static ALL: [&Set; 10] = [
    &CALLERS,
    &USERS,
    &USERS_BY_KEY,
    &SESSIONS,
    &ENROLLMENTS,
    &AUTHENTICATORS,
    &AUTHENTICATORS_OF,
    &ATTEMPTS,
    &USABLE_AUTHENTICATORS,
    &UNUSED_CODES,
];
