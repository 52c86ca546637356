//! Hardware tokens: imported, removed, and becoming somebody's.

use domain::{EnrollmentId, HardwareToken, HardwareTokenId, Timestamp, UserId};
use uuid::Uuid;

use super::enroll;
use super::outcome::Outcomes;
use super::rest::{not_retired, one};
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Change, Effect, EnrollHardwareToken, StartEnrollment};

/// What a change of tokens touches.
pub(super) fn touched(change: &Change) -> Vec<Uuid> {
    match change {
        Change::ImportHardwareTokens(tokens) => tokens.iter().map(|token| token.id.uuid()).collect(),
        Change::RemoveHardwareToken { id, .. }
        | Change::ReleaseHardwareToken { id }
        | Change::RewrapHardwareToken { id, .. } => vec![id.uuid()],
        Change::AssignHardwareToken { id, to, .. } => {
            [id.uuid()].into_iter().chain(to.map(domain::UserId::uuid)).collect()
        }
        Change::EnrollHardwareToken(enroll) => {
            let StartEnrollment { enrollment, authenticator, device, .. } = &enroll.start;
            let mut ids = vec![enroll.token_id.uuid(), enrollment.id.uuid(), enrollment.user_id.uuid()];
            ids.extend([enrollment.session_id.uuid(), authenticator.id.uuid()]);
            ids.extend(device.as_ref().map(|device| device.id.uuid()));
            ids
        }
        _ => Vec::new(),
    }
}

static IMPORT_TOKENS: Set = Set::new(
    &[
        ("id", Id),
        ("serial", Text),
        ("blob", Blob),
        ("algorithm", Text),
        ("digits", Int),
        ("period", Int),
        ("last_step", Int),
        ("imported_at", Int),
    ],
    concat!(
        "INSERT INTO hardware_tokens (id, serial, blob, algorithm, digits, period, last_step, imported_at)
         SELECT i.id, i.serial, i.blob, i.algorithm, i.digits, i.period, i.last_step, i.imported_at FROM input i
         WHERE ",
        not_retired!("substr(i.blob, 2, 4)")
    ),
);

pub(super) async fn import(connection: &mut Connection, tokens: &[HardwareToken]) -> Result<Effect, Fault> {
    let mut input = Rows::default();
    for token in tokens {
        input.push(&[
            token.id.into(),
            token.serial.as_str().into(),
            (&token.sealed.blob).into(),
            token.sealed.algorithm.as_str().into(),
            token.sealed.digits.into(),
            token.sealed.period.into(),
            token.last_step.into(),
            token.imported_at.into(),
        ]);
    }
    // Where it is not all of them, this change is tried by itself, and undone.
    IMPORT_TOKENS.all(connection, input).await?;
    Ok(Effect::Applied)
}

/// What of a token `h` stands in the way of its becoming somebody's at `i.at`.
const NOBODYS: &str = "NOT EXISTS (SELECT 1 FROM authenticators a WHERE a.id = h.authenticator_id
    AND (a.state IN ('active', 'suspended', 'lost') OR (a.state = 'pending' AND EXISTS (SELECT 1 FROM enrollments e
        WHERE e.id = h.enrollment_id AND e.state IN ('started', 'viewed') AND e.expires_at > i.at))))";

static REMOVE_TOKEN: Set = Set::of(
    &[("token_id", Id), ("at", Int)],
    &[
        "DELETE FROM hardware_tokens WHERE id IN (SELECT h.id FROM input i {then} hardware_tokens h ON h.id = i.token_id WHERE ",
        NOBODYS,
        ")",
    ],
);

pub(super) async fn remove(connection: &mut Connection, id: HardwareTokenId, at: Timestamp) -> Result<Effect, Fault> {
    one(connection, &REMOVE_TOKEN, &[id.into(), at.into()]).await
}

static TAKE_TOKEN: Set = Set::of(
    &[
        ("token_id", Id),
        ("seen", Id),
        ("to_authenticator", Id),
        ("by_enrollment", Id),
        ("for_user", Id),
        ("assigned_only", Int),
        ("at", Int),
    ],
    &[
        "UPDATE hardware_tokens AS h SET authenticator_id = i.to_authenticator, enrollment_id = i.by_enrollment FROM input i
         WHERE h.id = i.token_id AND (h.authenticator_id = i.seen OR (h.authenticator_id IS NULL AND i.seen IS NULL))
            AND h.failures < {enrollment_failures}
            AND (h.assigned_to = i.for_user OR (h.assigned_to IS NULL AND i.assigned_only = 0)) AND ",
        NOBODYS,
    ],
);

pub(super) async fn enroll(connection: &mut Connection, change: &EnrollHardwareToken) -> Result<Effect, Fault> {
    let EnrollHardwareToken { start, token_id, seen, assigned_only } = change;
    let enrollment = &start.enrollment;
    let row = [
        (*token_id).into(),
        (*seen).into(),
        start.authenticator.id.into(),
        enrollment.id.into(),
        enrollment.user_id.into(),
        i64::from(*assigned_only).into(),
        enrollment.created_at.into(),
    ];
    if one(connection, &TAKE_TOKEN, &row).await? != Effect::Applied {
        return Ok(Effect::Refused);
    }
    let mut outcomes = Outcomes::new(1);
    enroll::start(connection, &[(0, start)], &mut outcomes).await?;
    if outcomes.is_applied(0) {
        return Ok(Effect::Applied);
    }
    // The token was taken for nothing, and a refused change of a round is not undone by itself.
    Err(Fault::Raced("an enrollment of a hardware token could not be started".to_owned()))
}

static ASSIGN_TOKEN: Set = Set::of(
    &[("token_id", Id), ("to_user", Id), ("at", Int)],
    &[
        "UPDATE hardware_tokens AS h SET assigned_to = i.to_user FROM input i
         WHERE h.id = i.token_id AND (i.to_user IS NULL
            OR EXISTS (SELECT 1 FROM users u WHERE u.id = i.to_user AND u.state = 'active' {share})) AND ",
        NOBODYS,
    ],
);

pub(super) async fn assign(
    connection: &mut Connection,
    id: HardwareTokenId,
    to: Option<UserId>,
    at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &ASSIGN_TOKEN, &[id.into(), to.into(), at.into()]).await
}

static RELEASE_TOKEN: Set = Set::new(
    &[("token_id", Id)],
    "UPDATE hardware_tokens AS h SET failures = 0 FROM input i WHERE h.id = i.token_id AND h.failures > 0",
);

pub(super) async fn release(connection: &mut Connection, id: HardwareTokenId) -> Result<Effect, Fault> {
    one(connection, &RELEASE_TOKEN, &[id.into()]).await
}

/// Wrong codes count against the token, whoever enrolls it; a right one sets them back.
static COUNT_TOKENS: Set = Set::new(
    &[("by_enrollment", Id), ("wrong", Int)],
    "UPDATE hardware_tokens AS h
     SET failures = CASE WHEN i.wrong = 0 THEN 0 WHEN h.failures < {enrollment_failures} THEN h.failures + 1 ELSE h.failures END
     FROM input i WHERE h.enrollment_id = i.by_enrollment",
);

/// Counts the codes of enrollments that were judged, as far as that was written.
pub(super) async fn count(
    connection: &mut Connection,
    judged: impl Iterator<Item = (usize, EnrollmentId, bool)>,
    outcomes: &Outcomes,
) -> Result<(), Fault> {
    let mut input = Rows::default();
    for (_, id, is_wrong) in judged.filter(|(index, ..)| outcomes.is_applied(*index)) {
        input.push(&[id.into(), i64::from(is_wrong).into()]);
    }
    COUNT_TOKENS.execute(connection, input).await.map(drop)
}

static REWRAP_TOKEN: Set = Set::new(
    &[("token_id", Id), ("from_blob", Blob), ("to_blob", Blob)],
    concat!(
        "UPDATE hardware_tokens AS h SET blob = i.to_blob FROM input i
         WHERE h.id = i.token_id AND h.blob = i.from_blob AND ",
        not_retired!("substr(i.to_blob, 2, 4)")
    ),
);

pub(super) async fn rewrap(
    connection: &mut Connection,
    id: HardwareTokenId,
    from: &[u8],
    to: &[u8],
) -> Result<Effect, Fault> {
    one(connection, &REWRAP_TOKEN, &[id.into(), from.into(), to.into()]).await
}

#[cfg(test)]
pub(super) static ALL: [&Set; 7] =
    [&IMPORT_TOKENS, &REMOVE_TOKEN, &TAKE_TOKEN, &ASSIGN_TOKEN, &RELEASE_TOKEN, &COUNT_TOKENS, &REWRAP_TOKEN];
