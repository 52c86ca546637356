//! What enrollments are made of, many at a time.

use domain::{
    Authenticator, AuthenticatorId, BackupCode, Credential, EnrollmentId, EnrollmentState, Prompt, Sealed, Timestamp,
};

use super::login::{RAISE_SESSIONS, raise_rows};
use super::outcome::Outcomes;
use super::rest::not_retired;
use super::{Item, prompts, rest, took};
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{ConfirmEnrollment, Effect, RecordView, ReplaceBackupCodes, StartEnrollment, rows};

static START_ENROLLMENTS: Set = Set::new(
    &[
        ("id", Id),
        ("application_id", Id),
        ("user_id", Id),
        ("session_id", Id),
        ("authenticator_id", Id),
        ("replaces", Id),
        ("state", Text),
        ("algorithm", Text),
        ("digits", Int),
        ("period", Int),
        ("recipient_key", Blob),
        ("failures", Int),
        ("created_at", Int),
        ("view_expires_at", Int),
        ("expires_at", Int),
        ("key_version", Blob),
        ("kind", Text),
    ],
    concat!(
        "INSERT INTO enrollments
            (id, application_id, user_id, session_id, authenticator_id, replaces, state, algorithm, digits, period,
             recipient_key, failures, created_at, view_expires_at, expires_at, kind)
         SELECT i.id, i.application_id, i.user_id, i.session_id, i.authenticator_id, i.replaces, i.state, i.algorithm,
            i.digits, i.period, i.recipient_key, i.failures, i.created_at, i.view_expires_at, i.expires_at, i.kind
         FROM input i
         WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id AND u.state = 'active' {share})
            AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = i.session_id AND s.user_id = i.user_id
                AND s.ended_at IS NULL AND s.expires_at > i.created_at)
            AND (i.key_version IS NULL OR ",
        not_retired!("i.key_version"),
        ")
         ON CONFLICT DO NOTHING RETURNING id"
    ),
);

pub(super) static CREATE_AUTHENTICATORS: Set = Set::new(
    &[
        ("user_id", Id),
        ("id", Id),
        ("device_id", Id),
        ("kind", Text),
        ("state", Text),
        ("label", Text),
        ("blob", Blob),
        ("algorithm", Text),
        ("digits", Int),
        ("period", Int),
        ("generation", Int),
        ("last_step", Int),
        ("failures", Int),
        ("open_failures", Int),
        ("open_retry_at", Int),
        ("trusted_failures", Int),
        ("trusted_retry_at", Int),
        ("created_at", Int),
        ("activated_at", Int),
        ("last_used_at", Int),
        ("credential", Text),
        ("credential_id", Text),
        ("expires_at", Int),
    ],
    "INSERT INTO authenticators
        (user_id, id, device_id, kind, state, label, blob, algorithm, digits, period, generation, last_step, failures,
         open_failures, open_retry_at, trusted_failures, trusted_retry_at, created_at, activated_at, last_used_at,
         credential, credential_id, expires_at)
     SELECT i.user_id, i.id, i.device_id, i.kind, i.state, i.label, i.blob, i.algorithm, i.digits, i.period,
        i.generation, i.last_step, i.failures, i.open_failures, i.open_retry_at,
        i.trusted_failures, i.trusted_retry_at, i.created_at, i.activated_at, i.last_used_at, i.credential, i.credential_id,
        i.expires_at
     FROM input i",
);

pub(super) fn authenticator_rows<'a>(authenticators: impl IntoIterator<Item = &'a Authenticator>) -> Rows {
    let mut input = Rows::default();
    for authenticator in authenticators {
        let sealed = authenticator.sealed.as_ref();
        let credential = authenticator.credential.as_ref();
        let credential_text = credential.map(rows::credential_text);
        input.push(&[
            authenticator.user_id.into(),
            authenticator.id.into(),
            authenticator.device_id.into(),
            authenticator.kind.name().into(),
            authenticator.state.name().into(),
            authenticator.label.as_str().into(),
            sealed.map(|sealed| &sealed.blob).into(),
            sealed.map_or("", |sealed| &sealed.algorithm).into(),
            sealed.map_or(0, |sealed| sealed.digits).into(),
            sealed.map_or(0, |sealed| sealed.period).into(),
            sealed.map_or(0, |sealed| sealed.generation).into(),
            authenticator.last_step.into(),
            authenticator.failures.into(),
            authenticator.open.failures.into(),
            authenticator.open.retry_at.into(),
            authenticator.trusted.failures.into(),
            authenticator.trusted.retry_at.into(),
            authenticator.created_at.into(),
            authenticator.activated_at.into(),
            authenticator.last_used_at.into(),
            credential_text.as_deref().into(),
            credential.and_then(Credential::unique_id).into(),
            credential.and_then(Credential::expires_at).into(),
        ]);
    }
    input
}

pub(super) async fn start(
    connection: &mut Connection,
    items: &[Item<'_, StartEnrollment>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let mut input = Rows::default();
    for (_, start) in items {
        let enrollment = &start.enrollment;
        let key_version = start.authenticator.sealed.as_ref().and_then(Sealed::key_version);
        let state = if start.viewed { EnrollmentState::Viewed } else { enrollment.state };
        input.push(&[
            enrollment.id.into(),
            enrollment.application_id.into(),
            enrollment.user_id.into(),
            enrollment.session_id.into(),
            enrollment.authenticator_id.into(),
            enrollment.replaces.into(),
            state.name().into(),
            enrollment.algorithm.as_str().into(),
            enrollment.digits.into(),
            enrollment.period.into(),
            enrollment.recipient_key.as_ref().into(),
            enrollment.failures.into(),
            enrollment.created_at.into(),
            enrollment.view_expires_at.into(),
            enrollment.expires_at.into(),
            key_version.as_ref().map(<[u8; 4]>::as_slice).into(),
            enrollment.kind.name().into(),
        ]);
    }
    let ids = START_ENROLLMENTS.ids(connection, input).await?;
    let started = took(items, ids, |start| start.enrollment.id.uuid());
    let devices = rest::device_rows(started.iter().filter_map(|(_, start)| start.device.as_ref()));
    rest::CREATE_DEVICES.all(connection, devices).await?;
    let authenticators = authenticator_rows(started.iter().map(|(_, start)| &start.authenticator));
    CREATE_AUTHENTICATORS.all(connection, authenticators).await?;
    outcomes.all(&started, &Effect::Applied);
    Ok(())
}

static VIEW_ENROLLMENTS: Set = Set::new(
    &[("enrollment_id", Id), ("authenticator_id", Id), ("seen_generation", Int), ("at", Int), ("key_version", Blob)],
    concat!(
        "UPDATE enrollments AS e SET state = 'viewed'
         FROM input i
         WHERE e.id = i.enrollment_id AND e.state = 'started' AND e.view_expires_at > i.at
            AND e.authenticator_id = i.authenticator_id
            AND EXISTS (SELECT 1 FROM authenticators a WHERE a.id = i.authenticator_id AND a.user_id = e.user_id
                AND a.state = 'pending' AND a.generation = i.seen_generation)
            AND EXISTS (SELECT 1 FROM users u WHERE u.id = e.user_id AND u.state = 'active')
            AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = e.session_id AND s.ended_at IS NULL AND s.expires_at > i.at)
            AND (i.key_version IS NULL OR ",
        not_retired!("i.key_version"),
        ")
         RETURNING id"
    ),
);

static SEAL_AUTHENTICATORS: Set = Set::new(
    &[
        ("authenticator_id", Id),
        ("blob", Blob),
        ("algorithm", Text),
        ("digits", Int),
        ("period", Int),
        ("generation", Int),
    ],
    "UPDATE authenticators AS a
     SET blob = i.blob, algorithm = i.algorithm, digits = i.digits, period = i.period, generation = i.generation
     FROM input i
     WHERE a.id = i.authenticator_id AND a.state = 'pending' AND a.generation = i.generation - 1",
);

pub(super) async fn record_views(
    connection: &mut Connection,
    items: &[Item<'_, RecordView>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let mut input = Rows::default();
    for (_, view) in items {
        let key_version = view.sealed.as_ref().and_then(Sealed::key_version);
        let generation = view.sealed.as_ref().map_or(0, |sealed| sealed.generation - 1);
        input.push(&[
            view.id.into(),
            view.authenticator_id.into(),
            generation.into(),
            view.at.into(),
            key_version.as_ref().map(<[u8; 4]>::as_slice).into(),
        ]);
    }
    let ids = VIEW_ENROLLMENTS.ids(connection, input).await?;
    let viewed = took(items, ids, |view| view.id.uuid());
    let mut keys = Rows::default();
    for (authenticator_id, sealed) in
        viewed.iter().filter_map(|(_, view)| Some((view.authenticator_id, view.sealed.as_ref()?)))
    {
        keys.push(&[
            authenticator_id.into(),
            (&sealed.blob).into(),
            sealed.algorithm.as_str().into(),
            sealed.digits.into(),
            sealed.period.into(),
            sealed.generation.into(),
        ]);
    }
    SEAL_AUTHENTICATORS.all(connection, keys).await?;
    let asked: Vec<&Prompt> = viewed.iter().filter_map(|(_, view)| view.prompt.as_ref()).collect();
    prompts::replace_for_enrollments(connection, &asked).await?;
    outcomes.all(&viewed, &Effect::Applied);
    Ok(())
}

/// Makes whoever binds an authenticator to the same user, on another server, wait until this is committed: the guard below
/// counts what the user has. In one order, so that no two wait for each other.
pub(super) static HOLD_USERS: Set = Set::new(
    &[("user_id", Id)],
    "SELECT u.id FROM users u WHERE u.id IN (SELECT i.user_id FROM input i) ORDER BY u.id {hold}",
);

/// The session still counts, and so does what was proved in it, where the user has an authenticator (T-09); what is replaced is still
/// in use; and there are not too many.
static CONFIRM_ENROLLMENTS: Set = Set::new(
    &[
        ("enrollment_id", Id),
        ("user_id", Id),
        ("authenticator_id", Id),
        ("generation", Int),
        ("at", Int),
        ("replaces", Id),
        ("codes", Int),
        ("prompt_id", Id),
        ("session_id", Id),
        ("proved", Text),
    ],
    "UPDATE enrollments AS e SET state = 'confirmed'
     FROM input i
     WHERE e.id = i.enrollment_id AND e.state = 'viewed' AND e.expires_at > i.at
        AND e.user_id = i.user_id AND e.authenticator_id = i.authenticator_id
        AND EXISTS (SELECT 1 FROM authenticators a WHERE a.id = i.authenticator_id AND a.user_id = e.user_id
            AND a.state = 'pending' AND a.generation = i.generation
            AND (SELECT count(*) FROM authenticators o
                WHERE o.user_id = e.user_id AND o.kind = a.kind AND o.state IN ('active', 'suspended')
                    AND (e.replaces IS NULL OR o.id <> e.replaces)) < {most_of_a_kind})
        AND EXISTS (SELECT 1 FROM users u WHERE u.id = e.user_id AND u.state = 'active')
        AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = e.session_id AND s.id = i.session_id
            AND s.ended_at IS NULL AND s.expires_at > i.at AND {proved} AND ((s.aal >= 2 AND i.proved IS NOT NULL) OR NOT EXISTS (SELECT 1 FROM authenticators b
                WHERE b.user_id = e.user_id AND b.state IN ('active', 'suspended')
                    AND (i.proved IS NULL OR b.kind NOT IN ('email', 'backup_codes', 'browser')))))
        AND (i.prompt_id IS NULL OR EXISTS (SELECT 1 FROM prompts m
            WHERE m.id = i.prompt_id AND m.enrollment_id = e.id AND m.state = 'open' AND m.expires_at > i.at))
        AND (i.codes = 0 OR 0 = (SELECT count(*) FROM authenticators a
            WHERE a.user_id = e.user_id AND a.kind = 'backup_codes' AND a.state = 'active'))
        AND ((e.replaces IS NULL AND i.replaces IS NULL) OR EXISTS (SELECT 1 FROM authenticators r
            WHERE r.user_id = e.user_id AND r.id = e.replaces AND r.id = i.replaces
                AND r.state IN ('active', 'suspended')))
     RETURNING id",
);

static ACTIVATE_AUTHENTICATORS: Set = Set::new(
    &[
        ("authenticator_id", Id),
        ("generation", Int),
        ("step", Int),
        ("at", Int),
        ("new_credential", Text),
        ("new_credential_id", Text),
    ],
    "UPDATE authenticators AS a
     SET state = 'active', last_step = i.step, failures = 0, activated_at = i.at, last_used_at = i.at,
        credential = COALESCE(i.new_credential, a.credential),
        credential_id = COALESCE(i.new_credential_id, a.credential_id)
     FROM input i
     WHERE a.id = i.authenticator_id AND a.state = 'pending' AND a.generation = i.generation",
);

static REPLACE_AUTHENTICATORS: Set = Set::new(
    &[("authenticator_id", Id), ("replaces", Id)],
    "UPDATE authenticators AS a SET state = 'revoked'
     FROM input i
     WHERE a.id = i.replaces AND a.state IN ('active', 'suspended')
        AND a.user_id = (SELECT n.user_id FROM authenticators n WHERE n.id = i.authenticator_id)",
);

static CREATE_BACKUP_CODES: Set = Set::new(
    &[("authenticator_id", Id), ("place", Int), ("hash", Blob)],
    "INSERT INTO backup_codes (authenticator_id, position, hash, used_at)
     SELECT i.authenticator_id, i.place, i.hash, NULL FROM input i",
);

pub(super) async fn confirm(
    connection: &mut Connection,
    items: &[Item<'_, ConfirmEnrollment>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    HOLD_USERS.ids(connection, Rows::of_ids(items.iter().map(|(_, confirm)| confirm.user_id.uuid()))).await?;
    let mut input = Rows::default();
    for (_, confirm) in items {
        let proved = confirm.trust.proved.map(rows::proof_name);
        input.push(&[
            confirm.id.into(),
            confirm.user_id.into(),
            confirm.authenticator_id.into(),
            confirm.generation.into(),
            confirm.at.into(),
            confirm.replaces.into(),
            i64::from(confirm.backup_codes.is_some()).into(),
            confirm.prompt_id.into(),
            confirm.trust.session_id.into(),
            proved.as_deref().into(),
        ]);
    }
    let ids = CONFIRM_ENROLLMENTS.ids(connection, input).await?;
    let confirmed = took(items, ids, |confirm| confirm.id.uuid());
    let (mut activated, mut replaced, mut codes) = (Rows::default(), Rows::default(), Rows::default());
    for (_, confirm) in &confirmed {
        let credential = confirm.credential.as_ref();
        let credential_text = credential.map(rows::credential_text);
        activated.push(&[
            confirm.authenticator_id.into(),
            confirm.generation.into(),
            confirm.step.into(),
            confirm.at.into(),
            credential_text.as_deref().into(),
            credential.and_then(Credential::unique_id).into(),
        ]);
        if let Some(replaces) = confirm.replaces {
            replaced.push(&[confirm.authenticator_id.into(), replaces.into()]);
        }
        for (authenticator, code) in
            confirm.backup_codes.iter().flat_map(|(of, codes)| codes.iter().map(move |code| (of, code)))
        {
            codes.push(&[authenticator.id.into(), code.position.into(), (&code.hash).into()]);
        }
    }
    // What is replaced goes first: the new one may be the same key again.
    REPLACE_AUTHENTICATORS.all(connection, replaced).await?;
    ACTIVATE_AUTHENTICATORS.all(connection, activated).await?;
    prompts::used(connection, confirmed.iter().filter_map(|(_, confirm)| confirm.prompt_id)).await?;
    let code_sets = confirmed.iter().filter_map(|(_, confirm)| Some(&confirm.backup_codes.as_ref()?.0));
    CREATE_AUTHENTICATORS.all(connection, authenticator_rows(code_sets)).await?;
    CREATE_BACKUP_CODES.all(connection, codes).await?;
    let raises = confirmed.iter().filter_map(|(_, confirm)| Some((confirm.raise.as_ref()?, confirm.at)));
    RAISE_SESSIONS.execute(connection, raise_rows(raises)).await?;
    outcomes.all(&confirmed, &Effect::Applied);
    Ok(())
}

/// As where an authenticator is bound; and the set is the one that was seen.
static REPLACEABLE_CODES: Set = Set::new(
    &[("user_id", Id), ("session_id", Id), ("proved", Text), ("seen", Id), ("at", Int)],
    "SELECT i.user_id FROM input i
     WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id AND u.state = 'active')
        AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = i.session_id AND s.user_id = i.user_id
            AND s.ended_at IS NULL AND s.expires_at > i.at
            AND {proved} AND ((s.aal >= 2 AND i.proved IS NOT NULL) OR NOT EXISTS (SELECT 1 FROM authenticators b
                WHERE b.user_id = i.user_id AND b.state IN ('active', 'suspended')
                    AND (i.proved IS NULL OR b.kind NOT IN ('email', 'backup_codes', 'browser')))))
        AND EXISTS (SELECT 1 FROM authenticators o
            WHERE o.user_id = i.user_id AND o.kind NOT IN ('backup_codes', 'browser') AND o.state = 'active')
        AND NOT EXISTS (SELECT 1 FROM authenticators c
            WHERE c.user_id = i.user_id AND c.kind = 'backup_codes' AND c.state IN ('active', 'suspended')
                AND (i.seen IS NULL OR c.id <> i.seen))
        AND (i.seen IS NULL OR EXISTS (SELECT 1 FROM authenticators d
            WHERE d.user_id = i.user_id AND d.id = i.seen AND d.kind = 'backup_codes'
                AND d.state IN ('active', 'suspended')))",
);

pub(super) async fn replace_backup_codes(
    connection: &mut Connection,
    change: &ReplaceBackupCodes,
) -> Result<Effect, Fault> {
    let ReplaceBackupCodes { trust, seen, set, codes, at } = change;
    HOLD_USERS.ids(connection, Rows::of_ids([set.user_id.uuid()])).await?;
    let proved = trust.proved.map(rows::proof_name);
    let row = [set.user_id.into(), trust.session_id.into(), proved.as_deref().into(), (*seen).into(), (*at).into()];
    if REPLACEABLE_CODES.ids(connection, Rows::one(&row)).await?.is_empty() {
        return Ok(Effect::Refused);
    }
    keep_codes(connection, *seen, set, codes).await?;
    Ok(Effect::Applied)
}

/// Keeps a set of backup codes in the place of another one.
pub(super) async fn keep_codes(
    connection: &mut Connection,
    seen: Option<AuthenticatorId>,
    set: &Authenticator,
    codes: &[BackupCode],
) -> Result<(), Fault> {
    // First, since a user has one set in use.
    if let Some(seen) = seen {
        REPLACE_AUTHENTICATORS.all(connection, Rows::one(&[seen.into(), seen.into()])).await?;
    }
    CREATE_AUTHENTICATORS.all(connection, authenticator_rows([set])).await?;
    let mut hashes = Rows::default();
    for code in codes {
        hashes.push(&[set.id.into(), code.position.into(), (&code.hash).into()]);
    }
    CREATE_BACKUP_CODES.all(connection, hashes).await
}

static REJECT_ENROLLMENTS: Set = Set::new(
    &[("enrollment_id", Id)],
    "UPDATE enrollments AS e
     SET failures = e.failures + 1,
        state = CASE WHEN e.failures + 1 >= {enrollment_failures} THEN 'failed' ELSE e.state END
     FROM input i
     WHERE e.id = i.enrollment_id AND e.state = 'viewed'
     RETURNING id",
);

pub(super) async fn reject(
    connection: &mut Connection,
    items: &[(usize, (EnrollmentId, Timestamp))],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let input = Rows::of_ids(items.iter().map(|(_, (id, _))| id.uuid()));
    let ids: std::collections::HashSet<_> = REJECT_ENROLLMENTS.ids(connection, input).await?.into_iter().collect();
    for (index, (id, _)) in items {
        if ids.contains(&id.uuid()) {
            outcomes.set(*index, Effect::Applied);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) static ALL: [&Set; 11] = [
    &REPLACEABLE_CODES,
    &HOLD_USERS,
    &START_ENROLLMENTS,
    &CREATE_AUTHENTICATORS,
    &VIEW_ENROLLMENTS,
    &SEAL_AUTHENTICATORS,
    &CONFIRM_ENROLLMENTS,
    &ACTIVATE_AUTHENTICATORS,
    &REPLACE_AUTHENTICATORS,
    &CREATE_BACKUP_CODES,
    &REJECT_ENROLLMENTS,
];
