//! What is rare, one change at a time: users, devices and authenticators in other states, sessions and flows that
//! end, the keyring.

use domain::{
    AuthenticatorId, AuthenticatorState, ChallengeId, Credential, Device, DeviceId, EnrollmentId, RunId, SessionId,
    Timestamp, Trust, UserId, UserKind, UserState,
};

use super::shut_out;
use crate::engine::{Arg, Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Effect, HeldBy, Lifts, Suspended, rows};

/// Runs a change of one statement, whose guard held if it changed a row.
pub(super) async fn one(connection: &mut Connection, set: &Set, row: &[Arg<'_>]) -> Result<Effect, Fault> {
    let changed = set.execute(connection, Rows::one(row)).await?;
    Ok(if changed == 0 { Effect::Refused } else { Effect::Applied })
}

static UPDATE_USER: Set = Set::new(
    &[("user_id", Id), ("name", Text), ("folded", Text), ("new_kind", Text)],
    "UPDATE users AS u SET display_name = i.name, display_name_folded = i.folded, kind = i.new_kind
     FROM input i WHERE u.id = i.user_id",
);

pub(super) async fn update_user(
    connection: &mut Connection,
    id: UserId,
    display_name: Option<&str>,
    kind: UserKind,
) -> Result<Effect, Fault> {
    let folded = display_name.map(str::to_lowercase);
    let row = [id.into(), display_name.into(), folded.as_deref().into(), kind.name().into()];
    one(connection, &UPDATE_USER, &row).await
}

/// Who is no run takes over what one has suspended, in the same statement: between two a run could lift it.
static SET_USER_STATE: Set = Set::new(
    &[("user_id", Id), ("to_state", Text), ("run_id", Id)],
    "UPDATE users AS u SET state = i.to_state, suspended_by = i.run_id FROM input i
     WHERE u.id = i.user_id AND (u.state <> i.to_state OR (i.run_id IS NULL AND u.suspended_by IS NOT NULL))",
);

/// By a run, or by none.
pub(super) async fn set_user_state(
    connection: &mut Connection,
    id: UserId,
    to: UserState,
    run: Option<RunId>,
) -> Result<Effect, Fault> {
    let run = run.filter(|_| to == UserState::Suspended);
    let effect = one(connection, &SET_USER_STATE, &[id.into(), to.name().into(), run.into()]).await?;
    if effect == Effect::Applied && to == UserState::Active {
        shut_out::give_back(connection, id.uuid()).await?;
    }
    Ok(effect)
}

/// What one run suspended is held by several once another one suspends it. What a person has suspended stays theirs.
static HOLD_USER: Set = Set::new(
    &[("user_id", Id), ("run_id", Id), ("several", Id)],
    "UPDATE users AS u SET suspended_by = i.several FROM input i
     WHERE u.id = i.user_id AND u.state = 'suspended' AND u.suspended_by IS NOT NULL
        AND u.suspended_by <> i.run_id AND u.suspended_by <> i.several",
);

static HOLD_AUTHENTICATOR: Set = Set::new(
    &[("authenticator_id", Id), ("run_id", Id), ("several", Id)],
    "UPDATE authenticators AS a SET suspended_by = i.several FROM input i
     WHERE a.id = i.authenticator_id AND a.state = 'suspended' AND a.suspended_by IS NOT NULL
        AND a.suspended_by <> i.run_id AND a.suspended_by <> i.several",
);

/// What a run suspends that another one holds.
pub(super) async fn hold(connection: &mut Connection, whose: Suspended, run: RunId) -> Result<Effect, Fault> {
    let row = [whose.uuid().into(), run.into(), HeldBy::SEVERAL.into()];
    match whose {
        Suspended::User(_) => one(connection, &HOLD_USER, &row).await,
        Suspended::Authenticator(id) => {
            // As whoever else changes its state.
            HOLD_USER_OF.ids(connection, Rows::one(&[id.into()])).await?;
            one(connection, &HOLD_AUTHENTICATOR, &row).await
        }
    }
}

/// That a run may lift it is looked at where it is done.
static LIFT_USER: Set = Set::new(
    &[("user_id", Id), ("lifts", Text), ("run_id", Id)],
    "UPDATE users AS u SET state = 'active', suspended_by = NULL FROM input i
     WHERE u.id = i.user_id AND u.state = 'suspended' AND (i.lifts = 'anybody'
        OR (i.lifts = 'workflows' AND u.suspended_by IS NOT NULL) OR u.suspended_by = i.run_id)",
);

static LIFT_AUTHENTICATOR: Set = Set::new(
    &[("authenticator_id", Id), ("lifts", Text), ("run_id", Id), ("at", Int)],
    "UPDATE authenticators AS a SET state = 'active', suspended_by = NULL, activated_at = COALESCE(a.activated_at, i.at)
     FROM input i
     WHERE a.id = i.authenticator_id AND a.state = 'suspended' AND a.failures < {budget} AND (i.lifts = 'anybody'
        OR (i.lifts = 'workflows' AND a.suspended_by IS NOT NULL) OR a.suspended_by = i.run_id)",
);

/// What a run lets again.
pub(super) async fn lift(
    connection: &mut Connection,
    whose: Suspended,
    lifts: Lifts,
    run: RunId,
    at: Timestamp,
) -> Result<Effect, Fault> {
    let (effect, users) = match whose {
        Suspended::User(id) => {
            (one(connection, &LIFT_USER, &[id.into(), lifts.name().into(), run.into()]).await?, vec![id.uuid()])
        }
        Suspended::Authenticator(id) => {
            let held = HOLD_USER_OF.ids(connection, Rows::one(&[id.into()])).await?;
            let row = [id.into(), lifts.name().into(), run.into(), at.into()];
            (one(connection, &LIFT_AUTHENTICATOR, &row).await?, held)
        }
    };
    if effect == Effect::Applied {
        for user in users {
            shut_out::give_back(connection, user).await?;
        }
    }
    Ok(effect)
}

static ERASE_USER: Set = Set::new(&[("user_id", Id)], "DELETE FROM users WHERE id IN (SELECT user_id FROM input)");

/// What goes with a user, after the user: whoever adds to it meanwhile asks for the user first.
pub(super) static ERASE_BELONGINGS: [Set; 14] = [
    // Before what it stands in: a hardware token of theirs may become somebody else's, and no code comes back by that.
    Set::new(
        &[("user_id", Id)],
        "UPDATE hardware_tokens SET last_step =
            (SELECT a.last_step FROM authenticators a WHERE a.id = hardware_tokens.authenticator_id)
         WHERE id IN (
            SELECT h.id FROM input i CROSS JOIN authenticators a CROSS JOIN hardware_tokens h
            WHERE a.user_id = i.user_id AND h.authenticator_id = a.id AND h.last_step < a.last_step)",
    ),
    Set::new(
        &[("user_id", Id)],
        "DELETE FROM backup_codes WHERE authenticator_id IN
            (SELECT a.id FROM authenticators a WHERE a.user_id IN (SELECT user_id FROM input))",
    ),
    Set::new(
        &[("user_id", Id)],
        "UPDATE hardware_tokens SET assigned_to = NULL WHERE assigned_to IN (SELECT user_id FROM input)",
    ),
    Set::new(&[("user_id", Id)], "DELETE FROM authenticators WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM devices WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM risk_histories WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM shut_out_users WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM sign_ins WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM sessions WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM enrollments WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM prompts WHERE user_id IN (SELECT user_id FROM input)"),
    Set::new(&[("user_id", Id)], "DELETE FROM pages WHERE user_id IN (SELECT user_id FROM input)"),
    // Through the seconds in which there are challenges, one look into the index for each.
    Set::new(
        &[("user_id", Id)],
        ", second(n) AS (
            SELECT min(created_at / 1000) FROM challenges WHERE user_id IS NOT NULL
            UNION ALL
            SELECT (SELECT min(created_at / 1000) FROM challenges WHERE user_id IS NOT NULL AND created_at / 1000 > n)
            FROM second WHERE n IS NOT NULL)
         DELETE FROM challenges WHERE id IN (
            SELECT c.id FROM input i CROSS JOIN second {then} {each<}challenges c{each|}
                c.created_at / 1000 = second.n AND c.user_id = i.user_id{each>c})",
    ),
    Set::new(
        &[("user_id", Id)],
        ", stretch(n) AS (
            SELECT position / 4096 FROM event_head UNION ALL SELECT n - 1 FROM stretch
            WHERE n > (SELECT oldest / 4096 FROM event_head))
         DELETE FROM event_details WHERE position IN (
            SELECT v.position FROM input i CROSS JOIN stretch {then} {each<}events v{each|}
                v.position / 4096 = +stretch.n AND v.user_id = i.user_id
                AND {+}v.position >= stretch.n * 4096 AND {+}v.position < stretch.n * 4096 + 4096{each>v})",
    ),
];

pub(super) async fn erase_user(connection: &mut Connection, id: UserId) -> Result<Effect, Fault> {
    let effect = one(connection, &ERASE_USER, &[id.into()]).await?;
    if effect == Effect::Applied {
        for belongings in &ERASE_BELONGINGS {
            belongings.execute(connection, Rows::one(&[id.into()])).await?;
        }
        super::runs::erase_of_user(connection, id).await?;
        super::alerts::erase_of_user(connection, id).await?;
    }
    Ok(effect)
}

pub(super) static CREATE_DEVICES: Set = Set::new(
    &[("id", Id), ("user_id", Id), ("name", Text), ("kind", Text), ("created_at", Int)],
    "INSERT INTO devices (id, user_id, name, kind, created_at)
     SELECT i.id, i.user_id, i.name, i.kind, i.created_at FROM input i
     WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id {share})",
);

pub(super) fn device_rows<'a>(devices: impl IntoIterator<Item = &'a Device>) -> Rows {
    let mut input = Rows::default();
    for device in devices {
        input.push(&[
            device.id.into(),
            device.user_id.into(),
            device.name.as_str().into(),
            device.kind.name().into(),
            device.created_at.into(),
        ]);
    }
    input
}

pub(super) async fn create_device(connection: &mut Connection, device: &Device) -> Result<Effect, Fault> {
    let made = CREATE_DEVICES.execute(connection, device_rows([device])).await?;
    Ok(if made == 0 { Effect::Refused } else { Effect::Applied })
}

static DELETE_DEVICE: Set = Set::new(
    &[("device_id", Id)],
    "DELETE FROM devices
     WHERE id IN (SELECT device_id FROM input) AND NOT EXISTS (SELECT 1 FROM authenticators a
        WHERE a.user_id = devices.user_id AND a.device_id = devices.id
            AND a.state IN ('pending', 'active', 'suspended'))",
);

pub(super) async fn delete_device(connection: &mut Connection, id: DeviceId) -> Result<Effect, Fault> {
    one(connection, &DELETE_DEVICE, &[id.into()]).await
}

static RENAME_AUTHENTICATOR: Set = Set::new(
    &[("authenticator_id", Id), ("new_label", Text), ("session_id", Id), ("proved", Text), ("at", Int)],
    "UPDATE authenticators AS a SET label = i.new_label FROM input i WHERE a.id = i.authenticator_id AND {by_trust}",
);

pub(super) async fn rename_authenticator(
    connection: &mut Connection,
    id: AuthenticatorId,
    label: &str,
    by: Option<Trust>,
    at: Timestamp,
) -> Result<Effect, Fault> {
    let (session, proved) = trusted(by);
    let row = [id.into(), label.into(), session.into(), proved.as_deref().into(), at.into()];
    one(connection, &RENAME_AUTHENTICATOR, &row).await
}

static HOLD_USER_OF: Set = Set::new(
    &[("authenticator_id", Id)],
    "SELECT u.id FROM users u
     WHERE u.id = (SELECT a.user_id FROM input i {then} authenticators a ON a.id = i.authenticator_id) {hold}",
);

/// Who is no run takes over what one has suspended, in the same statement. One row says all of it: whoever waited for another writer looks at what is there then.
static SUSPEND_AUTHENTICATOR: Set = Set::new(
    &[("authenticator_id", Id), ("session_id", Id), ("proved", Text), ("at", Int), ("run_id", Id)],
    "UPDATE authenticators AS a SET state = 'suspended', suspended_by = i.run_id FROM input i
     WHERE a.id = i.authenticator_id AND {by_trust} AND (a.state = 'active'
        OR (a.state = 'suspended' AND i.run_id IS NULL AND a.suspended_by IS NOT NULL))",
);

static SET_AUTHENTICATOR_STATE: Set = Set::new(
    &[
        ("authenticator_id", Id),
        ("from_state", Text),
        ("to_state", Text),
        ("session_id", Id),
        ("proved", Text),
        ("at", Int),
    ],
    "UPDATE authenticators AS a
     SET state = i.to_state, suspended_by = NULL,
        activated_at = CASE WHEN i.to_state = 'active' AND a.activated_at IS NULL THEN i.at ELSE a.activated_at END
     FROM input i
     WHERE a.id = i.authenticator_id AND a.state = i.from_state
        AND (i.to_state <> 'active' OR a.failures < {budget}) AND {by_trust}",
);

/// By a run, or by none.
pub(super) async fn set_authenticator_state(
    connection: &mut Connection,
    id: AuthenticatorId,
    to: AuthenticatorState,
    by: Option<Trust>,
    at: Timestamp,
    run: Option<RunId>,
) -> Result<Effect, Fault> {
    // Whoever remembers a browser of this user meanwhile waits, or is forgotten with the rest (T-25).
    let held = HOLD_USER_OF.ids(connection, Rows::one(&[id.into()])).await?;
    let (session, proved) = trusted(by);
    if to == AuthenticatorState::Suspended {
        let row = [id.into(), session.into(), proved.as_deref().into(), at.into(), run.into()];
        return one(connection, &SUSPEND_AUTHENTICATOR, &row).await;
    }
    let mut input = Rows::default();
    for from in to.reachable_from() {
        input.push(&[
            id.into(),
            from.name().into(),
            to.name().into(),
            session.into(),
            proved.as_deref().into(),
            at.into(),
        ]);
    }
    let changed = SET_AUTHENTICATOR_STATE.execute(connection, input).await?;
    if changed > 0 && to == AuthenticatorState::Active {
        for user in held {
            shut_out::give_back(connection, user).await?;
        }
    }
    Ok(if changed == 0 { Effect::Refused } else { Effect::Applied })
}

/// That the key of this version, by which something was sealed, is not retired.
macro_rules! not_retired {
    ($version:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM keyring k WHERE k.one = 1 AND k.oldest <= ",
            $version,
            " {share}) OR NOT EXISTS (SELECT 1 FROM keyring k WHERE k.one = 1))"
        )
    };
}
pub(super) use not_retired;

static REWRAP: Set = Set::new(
    &[("authenticator_id", Id), ("from_blob", Blob), ("to_blob", Blob)],
    concat!(
        "UPDATE authenticators AS a SET blob = i.to_blob FROM input i
         WHERE a.id = i.authenticator_id AND a.blob = i.from_blob AND ",
        not_retired!("substr(i.to_blob, 2, 4)")
    ),
);

pub(super) async fn rewrap(
    connection: &mut Connection,
    id: AuthenticatorId,
    from: &[u8],
    to: &[u8],
) -> Result<Effect, Fault> {
    one(connection, &REWRAP, &[id.into(), from.into(), to.into()]).await
}

static SET_CREDENTIAL: Set = Set::new(
    &[("authenticator_id", Id), ("seen", Text), ("new_credential", Text), ("new_credential_id", Text)],
    "UPDATE authenticators AS a SET credential = i.new_credential, credential_id = i.new_credential_id
     FROM input i
     WHERE a.id = i.authenticator_id AND a.state = 'active' AND a.credential = i.seen",
);

pub(super) async fn set_credential(
    connection: &mut Connection,
    id: AuthenticatorId,
    seen: &Credential,
    to: &Credential,
) -> Result<Effect, Fault> {
    let (seen, text) = (rows::credential_text(seen), rows::credential_text(to));
    one(connection, &SET_CREDENTIAL, &[id.into(), seen.as_str().into(), text.as_str().into(), to.unique_id().into()])
        .await
}

static END_SESSION: Set = Set::new(
    &[("ended_id", Id), ("session_id", Id), ("proved", Text), ("at", Int)],
    "UPDATE sessions AS e SET ended_at = i.at FROM input i
     WHERE e.id = i.ended_id AND e.ended_at IS NULL AND {by_trust}",
);

/// By which session, and what was proved in it, as rows have it.
fn trusted(by: Option<Trust>) -> (Option<SessionId>, Option<String>) {
    by.map_or((None, None), |trust| (Some(trust.session_id), trust.proved.map(rows::proof_name)))
}

pub(super) async fn end_session(
    connection: &mut Connection,
    id: SessionId,
    by: Option<Trust>,
    at: Timestamp,
) -> Result<Effect, Fault> {
    let (session, proved) = trusted(by);
    one(connection, &END_SESSION, &[id.into(), session.into(), proved.as_deref().into(), at.into()]).await
}

static CANCEL_CHALLENGE: Set = Set::new(
    &[("challenge_id", Id), ("at", Int)],
    "UPDATE challenges AS c SET state = 'cancelled' FROM input i
     WHERE c.id = i.challenge_id AND c.state = 'open' AND c.expires_at > i.at",
);

pub(super) async fn cancel_challenge(
    connection: &mut Connection,
    id: ChallengeId,
    at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &CANCEL_CHALLENGE, &[id.into(), at.into()]).await
}

static USE_CHALLENGE: Set = Set::new(
    &[("challenge_id", Id), ("new_used_at", Int)],
    "UPDATE challenges AS c SET used_at = i.new_used_at FROM input i
     WHERE c.id = i.challenge_id AND c.state = 'satisfied' AND c.used_at IS NULL",
);

pub(super) async fn use_challenge(
    connection: &mut Connection,
    id: ChallengeId,
    at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &USE_CHALLENGE, &[id.into(), at.into()]).await
}

static CANCEL_ENROLLMENT: Set = Set::new(
    &[("enrollment_id", Id)],
    "UPDATE enrollments AS e SET state = 'cancelled' FROM input i
     WHERE e.id = i.enrollment_id AND e.state IN ('started', 'viewed')",
);

static REVOKE_PENDING: Set = Set::new(
    &[("enrollment_id", Id)],
    "UPDATE authenticators AS a SET state = 'revoked'
     WHERE a.state = 'pending' AND (a.user_id, a.id) IN (
        SELECT e.user_id, e.authenticator_id FROM input i {then} enrollments e ON e.id = i.enrollment_id)",
);

pub(super) async fn cancel_enrollment(connection: &mut Connection, id: EnrollmentId) -> Result<Effect, Fault> {
    let effect = one(connection, &CANCEL_ENROLLMENT, &[id.into()]).await?;
    if effect == Effect::Applied {
        REVOKE_PENDING.execute(connection, Rows::one(&[id.into()])).await?;
    }
    Ok(effect)
}

static RETRY_ENROLLMENT: Set = Set::new(
    &[("enrollment_id", Id), ("at", Int), ("view_end", Int), ("end_at", Int)],
    "UPDATE enrollments AS e
     SET state = 'started', failures = 0, view_expires_at = i.view_end, expires_at = i.end_at
     FROM input i
     WHERE e.id = i.enrollment_id AND e.state IN ('started', 'viewed')
        AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = e.session_id AND s.ended_at IS NULL AND s.expires_at > i.at)
        AND EXISTS (SELECT 1 FROM authenticators a
            WHERE a.user_id = e.user_id AND a.id = e.authenticator_id AND a.state = 'pending')",
);

/// The key goes, its number stays: the next key's is one higher, so that the old blob opens nowhere (T-27).
static FORGET_KEY: Set = Set::new(
    &[("enrollment_id", Id), ("no_bytes", Blob)],
    "UPDATE authenticators AS a SET blob = CASE WHEN a.blob IS NULL THEN NULL ELSE (SELECT i2.no_bytes FROM input i2) END
     WHERE a.state = 'pending' AND (a.user_id, a.id) IN (
        SELECT e.user_id, e.authenticator_id FROM input i {then} enrollments e ON e.id = i.enrollment_id)",
);

pub(super) async fn retry_enrollment(
    connection: &mut Connection,
    id: EnrollmentId,
    at: Timestamp,
    view_expires_at: Timestamp,
    expires_at: Timestamp,
) -> Result<Effect, Fault> {
    let row = [id.into(), at.into(), view_expires_at.into(), expires_at.into()];
    let effect = one(connection, &RETRY_ENROLLMENT, &row).await?;
    if effect == Effect::Applied {
        FORGET_KEY.all(connection, Rows::one(&[id.into(), Arg::Blob(&[])])).await?;
    }
    Ok(effect)
}

static FIRST_KEYRING: Set = Set::new(
    &[("wrapped", Blob)],
    "INSERT INTO keyring (one, version, wrapped) SELECT 1, 1, i.wrapped FROM input i WHERE true
     ON CONFLICT DO NOTHING",
);

static NEXT_KEYRING: Set = Set::new(
    &[("expected", Int), ("new_wrapped", Blob)],
    "UPDATE keyring AS k SET version = k.version + 1, wrapped = i.new_wrapped FROM input i
     WHERE k.one = 1 AND k.version = i.expected",
);

pub(super) async fn put_keyring(connection: &mut Connection, expected: i64, keyring: &[u8]) -> Result<Effect, Fault> {
    if expected == 0 {
        return one(connection, &FIRST_KEYRING, &[keyring.into()]).await;
    }
    one(connection, &NEXT_KEYRING, &[expected.into(), keyring.into()]).await
}

/// Makes whoever seals a key meanwhile wait, and then see which data keys are retired.
static HOLD_KEYRING: Set = Set::new(
    &[("expected", Int)],
    "SELECT k.one FROM keyring k WHERE k.one = 1 AND k.version IN (SELECT i.expected FROM input i) {alone}",
);

static RETIRE_KEYS: Set = Set::new(
    &[("expected", Int), ("new_wrapped", Blob), ("new_oldest", Blob)],
    "UPDATE keyring AS k SET version = k.version + 1, wrapped = i.new_wrapped, oldest = i.new_oldest FROM input i
     WHERE k.one = 1 AND k.version = i.expected
        AND NOT EXISTS (SELECT 1 FROM authenticators a WHERE a.state IN ('pending', 'active', 'suspended')
            AND length(a.blob) > 0 AND substr(a.blob, 2, 4) < i.new_oldest)
        AND NOT EXISTS (SELECT 1 FROM hardware_tokens h WHERE substr(h.blob, 2, 4) < i.new_oldest)",
);

pub(super) async fn retire_keys(
    connection: &mut Connection,
    expected: i64,
    keyring: &[u8],
    oldest: u32,
) -> Result<Effect, Fault> {
    HOLD_KEYRING.fetch(connection, Rows::one(&[expected.into()]), |row| row.get::<i64>(0)).await?;
    let oldest = oldest.to_be_bytes();
    one(connection, &RETIRE_KEYS, &[expected.into(), keyring.into(), oldest.as_slice().into()]).await
}

/// But for `RETIRE_KEYS`, which goes through all that there is.
#[cfg(test)]
pub(super) static ALL: [&Set; 25] = [
    &HOLD_USER,
    &HOLD_AUTHENTICATOR,
    &LIFT_USER,
    &LIFT_AUTHENTICATOR,
    &UPDATE_USER,
    &SET_USER_STATE,
    &ERASE_USER,
    &CREATE_DEVICES,
    &DELETE_DEVICE,
    &RENAME_AUTHENTICATOR,
    &HOLD_USER_OF,
    &SUSPEND_AUTHENTICATOR,
    &SET_AUTHENTICATOR_STATE,
    &REWRAP,
    &SET_CREDENTIAL,
    &END_SESSION,
    &CANCEL_CHALLENGE,
    &USE_CHALLENGE,
    &CANCEL_ENROLLMENT,
    &REVOKE_PENDING,
    &RETRY_ENROLLMENT,
    &FORGET_KEY,
    &FIRST_KEYRING,
    &NEXT_KEYRING,
    &HOLD_KEYRING,
];
