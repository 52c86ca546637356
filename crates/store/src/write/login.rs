//! What logins are made of: users, sessions, challenges and proofs, many at a time.

use std::collections::{HashMap, HashSet};

use domain::{AuthenticatorId, Challenge, DeviceId, Door, User, UserId};
use serde_json::json;
use uuid::Uuid;

use super::outcome::{Counted, Outcomes};
use super::{Item, took};
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Effect, Raise, RegisterSession, Reject, Satisfy, Used, rows};

static CREATE_USERS: Set = Set::new(
    &[
        ("id", Id),
        ("external_id", Text),
        ("external_id_key", Text),
        ("display_name", Text),
        ("folded", Text),
        ("kind", Text),
        ("state", Text),
        ("created_at", Int),
    ],
    "INSERT INTO users
        (id, external_id, external_id_key, display_name, display_name_folded, kind, state, created_at)
     SELECT i.id, i.external_id, i.external_id_key, i.display_name, i.folded, i.kind, i.state, i.created_at
     FROM input i WHERE true
     ON CONFLICT DO NOTHING RETURNING id",
);

pub(super) async fn create_users(
    connection: &mut Connection,
    items: &[Item<'_, User>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let mut input = Rows::default();
    for (_, user) in items {
        let folded = user.display_name.as_deref().map(str::to_lowercase);
        input.push(&[
            user.id.into(),
            user.external_id.as_given().into(),
            user.external_id.key().into(),
            user.display_name.as_deref().into(),
            folded.as_deref().into(),
            user.kind.name().into(),
            user.state.name().into(),
            user.created_at.into(),
        ]);
    }
    outcomes.all(items, &Effect::Exists);
    let ids = CREATE_USERS.ids(connection, input).await?;
    outcomes.all(&took(items, ids, |user| user.id.uuid()), &Effect::Applied);
    Ok(())
}

static REGISTER_SESSIONS: Set = Set::new(
    &[
        ("id", Id),
        ("application_id", Id),
        ("user_id", Id),
        ("device_id", Id),
        ("amr", Text),
        ("aal", Int),
        ("proofs", Text),
        ("authenticated_at", Int),
        ("created_at", Int),
        ("expires_at", Int),
        ("ended_at", Int),
        ("risk", Blob),
        ("cnf", Text),
    ],
    "INSERT INTO sessions
        (id, application_id, user_id, device_id, amr, aal, proofs, authenticated_at, created_at, expires_at, ended_at,
         risk, cnf)
     SELECT i.id, i.application_id, i.user_id, i.device_id, i.amr, i.aal, i.proofs, i.authenticated_at, i.created_at,
        i.expires_at, i.ended_at, i.risk, i.cnf
     FROM input i
     WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id AND u.state = 'active' {share})
     ON CONFLICT DO NOTHING RETURNING id",
);

pub(super) async fn register_sessions(
    connection: &mut Connection,
    items: &[Item<'_, RegisterSession>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let ids = begin_sessions(connection, items.iter().map(|(_, new)| *new)).await?;
    outcomes.all(&took(items, ids, |new| new.session.id.uuid()), &Effect::Applied);
    Ok(())
}

/// Answers the ids of the sessions that began.
async fn begin_sessions(
    connection: &mut Connection,
    sessions: impl Iterator<Item = &RegisterSession>,
) -> Result<Vec<Uuid>, Fault> {
    let mut input = Rows::default();
    for RegisterSession { session, risk } in sessions {
        let cnf = session.cnf.and_then(|cnf| serde_json::to_string(&cnf).ok());
        input.push(&[
            session.id.into(),
            session.application_id.into(),
            session.user_id.into(),
            session.device_id.into(),
            rows::amr_text(&session.amr).as_str().into(),
            session.aal.number().into(),
            rows::proofs_text(&session.proofs).as_str().into(),
            session.authenticated_at.into(),
            session.created_at.into(),
            session.expires_at.into(),
            session.ended_at.into(),
            risk.into(),
            cnf.as_deref().into(),
        ]);
    }
    REGISTER_SESSIONS.ids(connection, input).await
}

static CREATE_CHALLENGES: Set = Set::new(
    &[
        ("id", Id),
        ("application_id", Id),
        ("user_id", Id),
        ("session_id", Id),
        ("action", Text),
        ("action_hash", Blob),
        ("state", Text),
        ("failures", Int),
        ("created_at", Int),
        ("expires_at", Int),
        ("shown", Text),
        ("required", Text),
    ],
    "INSERT INTO challenges
        (id, application_id, user_id, session_id, action, action_hash, state, failures, created_at, expires_at, shown,
         required)
     SELECT i.id, i.application_id, i.user_id, i.session_id, i.action, i.action_hash, i.state, i.failures,
        i.created_at, i.expires_at, i.shown, i.required
     FROM input i",
);

/// Nothing stands in the way of a challenge, so there is nothing to be given back. An id that is taken fails it.
pub(super) async fn create_challenges(
    connection: &mut Connection,
    items: &[Item<'_, Challenge>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let mut input = Rows::default();
    for (_, challenge) in items {
        let shown = rows::shown_text(&challenge.shown);
        let required = challenge.required.as_ref().map(|required| json!(required).to_string());
        input.push(&[
            challenge.id.into(),
            challenge.application_id.into(),
            challenge.user_id.into(),
            challenge.session_id.into(),
            challenge.action.as_str().into(),
            (&challenge.action_hash.0).into(),
            challenge.state.name().into(),
            challenge.failures.into(),
            challenge.created_at.into(),
            challenge.expires_at.into(),
            shown.as_deref().into(),
            required.as_deref().into(),
        ]);
    }
    CREATE_CHALLENGES.all(connection, input).await?;
    outcomes.all(items, &Effect::Applied);
    Ok(())
}

/// The wait at the proof's door is over.
macro_rules! no_wait {
    () => {
        "COALESCE(CASE WHEN i.trusted = 1 THEN a.trusted_retry_at ELSE a.open_retry_at END, i.at) <= i.at"
    };
}

/// What a right proof leaves of an authenticator's failures: by the trusted door, those by the open one.
macro_rules! forgiven {
    () => {
        "failures = 0, trusted_failures = 0, trusted_retry_at = NULL,
            open_failures = CASE WHEN i.trusted = 1 THEN a.open_failures ELSE 0 END,
            open_retry_at = CASE WHEN i.trusted = 1 THEN a.open_retry_at ELSE NULL END"
    };
}

/// What both kinds of proof are judged by; `a` is the authenticator, `c` the challenge, `u` the user.
macro_rules! proof_guard {
    () => {
        concat!(
            "a.state = 'active' AND a.generation = i.generation AND a.failures < {budget}
             AND (a.expires_at IS NULL OR a.expires_at > i.at) AND (a.ends_at IS NULL OR a.ends_at > i.at) AND ",
            no_wait!(),
            " AND c.state = 'open' AND c.expires_at > i.at AND u.state = 'active'
             AND (i.session_id IS NULL OR i.session_id = c.session_id)
             AND ((c.session_id IS NULL AND i.trusted = 0) OR EXISTS
                (SELECT 1 FROM sessions s WHERE s.id = c.session_id AND s.ended_at IS NULL AND s.expires_at > i.at
                    AND (i.trusted = 0 OR {trusted})))"
        )
    };
}

static USE_STEPS: Set = Set::new(
    &[
        ("challenge_id", Id),
        ("authenticator_id", Id),
        ("generation", Int),
        ("step", Int),
        ("at", Int),
        ("session_id", Id),
        ("trusted", Int),
    ],
    concat!(
        "UPDATE authenticators AS a
         SET last_step = i.step, last_used_at = i.at, ",
        forgiven!(),
        " FROM input i {then} {each<}challenges c{each|}c.id = i.challenge_id{each>c} {then} users u ON u.id = c.user_id
         WHERE a.user_id = c.user_id AND a.id = i.authenticator_id AND a.last_step < i.step AND ",
        proof_guard!(),
        " RETURNING {a.}id"
    ),
);

static USE_CODES: Set = Set::new(
    &[
        ("challenge_id", Id),
        ("authenticator_id", Id),
        ("generation", Int),
        ("place", Int),
        ("at", Int),
        ("session_id", Id),
        ("trusted", Int),
    ],
    concat!(
        "UPDATE backup_codes AS b
         SET used_at = i.at
         FROM input i {then} {each<}challenges c{each|}c.id = i.challenge_id{each>c} {then} users u ON u.id = c.user_id
            {then} authenticators a ON a.user_id = c.user_id AND a.id = i.authenticator_id
         WHERE b.authenticator_id = i.authenticator_id AND b.position = i.place AND b.used_at IS NULL AND ",
        proof_guard!(),
        " RETURNING {b.}authenticator_id"
    ),
);

static USE_PROMPTS: Set = Set::new(
    &[
        ("challenge_id", Id),
        ("authenticator_id", Id),
        ("generation", Int),
        ("prompt_id", Id),
        ("step", Int),
        ("at", Int),
        ("session_id", Id),
        ("trusted", Int),
    ],
    concat!(
        "UPDATE prompts AS m
         SET state = 'used'
         FROM input i {then} challenges c ON c.id = i.challenge_id {then} users u ON u.id = c.user_id
            {then} authenticators a ON a.user_id = c.user_id AND a.id = i.authenticator_id
         WHERE m.id = i.prompt_id AND m.challenge_id = c.id AND m.state = 'open' AND m.expires_at > i.at
            AND m.kind = a.kind AND COALESCE(m.authenticator_id, a.id) = a.id
            AND (i.step IS NULL OR a.last_step < i.step) AND ",
        proof_guard!(),
        " RETURNING {m.}id"
    ),
);

static PROMPTS_USED: Set = Set::new(
    &[("authenticator_id", Id), ("step", Int), ("at", Int), ("trusted", Int)],
    concat!(
        "UPDATE authenticators AS a SET last_used_at = i.at, last_step = COALESCE(i.step, a.last_step), ",
        forgiven!(),
        " FROM input i
         WHERE a.id = i.authenticator_id AND a.state = 'active' AND a.failures < {budget} AND ",
        no_wait!()
    ),
);

static CODES_USED: Set = Set::new(
    &[("authenticator_id", Id), ("at", Int), ("trusted", Int)],
    concat!(
        "UPDATE authenticators AS a SET last_used_at = i.at, ",
        forgiven!(),
        " FROM input i
         WHERE a.id = i.authenticator_id AND a.state = 'active' AND a.failures < {budget} AND ",
        no_wait!()
    ),
);

static SATISFY_CHALLENGES: Set = Set::new(
    &[("challenge_id", Id), ("at", Int), ("satisfied", Text)],
    "UPDATE challenges AS c SET state = 'satisfied', satisfied = i.satisfied
     FROM input i
     WHERE c.id = i.challenge_id AND c.state = 'open' AND c.expires_at > i.at",
);

pub(super) async fn satisfy(
    connection: &mut Connection,
    items: &[Item<'_, Satisfy>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let (mut steps, mut codes, mut prompts) = (Rows::default(), Rows::default(), Rows::default());
    for (_, proof) in items {
        let by = [proof.challenge_id.into(), proof.authenticator_id.into(), proof.generation.into()];
        let when =
            [proof.at.into(), proof.raise.as_ref().map(|raise| raise.session_id).into(), is_trusted(proof.door).into()];
        match proof.used {
            Used::Step(step) => steps.push_all([&by[..], &[step.into()], &when]),
            Used::BackupCode(position) => codes.push_all([&by[..], &[position.into()], &when]),
            Used::Prompt(prompt, step) => prompts.push_all([&by[..], &[prompt.into(), step.into()], &when]),
        }
    }
    let mut used = USE_STEPS.ids(connection, steps).await?;
    used.extend(USE_CODES.ids(connection, codes).await?);
    let answered: HashSet<Uuid> = USE_PROMPTS.ids(connection, prompts).await?.into_iter().collect();
    used.extend(items.iter().filter_map(|(_, proof)| match proof.used {
        Used::Prompt(prompt, _) if answered.contains(&prompt.uuid()) => Some(proof.authenticator_id.uuid()),
        _ => None,
    }));
    let right = took(items, used, |proof| proof.authenticator_id.uuid());
    let (mut challenges, mut code_sets, mut prompted) = (Rows::default(), Rows::default(), Rows::default());
    for (_, proof) in &right {
        let satisfied = rows::satisfaction_text(&proof.satisfied);
        challenges.push(&[proof.challenge_id.into(), proof.at.into(), satisfied.as_str().into()]);
        let (id, at, trusted) = (proof.authenticator_id.into(), proof.at.into(), is_trusted(proof.door).into());
        match proof.used {
            Used::Step(_) => {}
            Used::BackupCode(_) => code_sets.push(&[id, at, trusted]),
            Used::Prompt(_, step) => prompted.push(&[id, step.into(), at, trusted]),
        }
    }
    CODES_USED.all(connection, code_sets).await?;
    PROMPTS_USED.all(connection, prompted).await?;
    SATISFY_CHALLENGES.all(connection, challenges).await?;
    let raises = right.iter().filter_map(|(_, proof)| Some((proof.raise.as_ref()?, proof.at)));
    RAISE_SESSIONS.all(connection, raise_rows(raises)).await?;
    let begins: Vec<&RegisterSession> = right.iter().filter_map(|(_, proof)| proof.begins.as_deref()).collect();
    if begin_sessions(connection, begins.iter().copied()).await?.len() != begins.len() {
        return Err(Fault::Raced("somebody was suspended while they signed in".to_owned()));
    }
    outcomes.all(&right, &Effect::Applied);
    Ok(())
}

fn is_trusted(door: Door) -> i64 {
    i64::from(door == Door::Trusted)
}

/// Merges what was proved into a live session.
pub(super) static RAISE_SESSIONS: Set = Set::new(
    &[("session_id", Id), ("aal", Int), ("proofs", Text), ("at", Int)],
    "UPDATE sessions AS s
     SET aal = CASE WHEN s.aal < i.aal THEN i.aal ELSE s.aal END,
        proofs = {merge<}s.proofs{merge|}i.proofs{merge>}
     FROM input i
     WHERE s.id = i.session_id AND s.ended_at IS NULL AND s.expires_at > i.at",
);

pub(super) fn raise_rows<'a>(raises: impl IntoIterator<Item = (&'a Raise, domain::Timestamp)>) -> Rows {
    let mut input = Rows::default();
    for (raise, at) in raises {
        let proofs = rows::proofs_text(std::slice::from_ref(&raise.proof));
        input.push(&[raise.session_id.into(), raise.aal.number().into(), proofs.as_str().into(), at.into()]);
    }
    input
}

static COUNT_FAILURES: Set = Set::new(
    &[("challenge_id", Id), ("authenticator_id", Id), ("at", Int), ("trusted", Int)],
    "UPDATE authenticators AS a
     SET failures = a.failures + 1,
        open_failures = a.open_failures + 1 - i.trusted,
        open_retry_at = CASE WHEN i.trusted = 1 THEN a.open_retry_at ELSE {open_wait} END,
        trusted_failures = a.trusted_failures + i.trusted,
        trusted_retry_at = CASE WHEN i.trusted = 1 THEN {trusted_wait} ELSE a.trusted_retry_at END,
        state = CASE WHEN a.failures + 1 >= {budget} THEN 'suspended' ELSE a.state END
     FROM input i {then} challenges c ON c.id = i.challenge_id
     WHERE a.user_id = c.user_id AND a.id = i.authenticator_id AND a.state = 'active'
     RETURNING {a.}id, {a.}failures, {a.}user_id, {a.}device_id",
);

static FAIL_CHALLENGES: Set = Set::new(
    &[("challenge_id", Id), ("at", Int)],
    "UPDATE challenges AS c
     SET failures = CASE WHEN c.state = 'open' AND c.expires_at > i.at THEN c.failures + 1 ELSE c.failures END,
        state = CASE WHEN c.state = 'open' AND c.expires_at > i.at AND c.failures + 1 >= {challenge_failures}
            THEN 'failed' ELSE c.state END
     FROM input i
     WHERE c.id = i.challenge_id
     RETURNING id",
);

pub(super) async fn reject(
    connection: &mut Connection,
    items: &[Item<'_, Reject>],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let (mut authenticators, mut challenges) = (Rows::default(), Rows::default());
    let mut meant: HashMap<Uuid, usize> = HashMap::new();
    for (index, reject) in items {
        challenges.push(&[reject.challenge_id.into(), reject.at.into()]);
        for authenticator in &reject.authenticators {
            if meant.insert(authenticator.uuid(), *index).is_none() {
                authenticators.push(&[
                    reject.challenge_id.into(),
                    (*authenticator).into(),
                    reject.at.into(),
                    is_trusted(reject.door).into(),
                ]);
            }
        }
    }
    let counted = COUNT_FAILURES
        .fetch(connection, authenticators, |row| {
            Ok(Counted {
                authenticator_id: AuthenticatorId::from_uuid(row.get(0)?),
                failures: row.get(1)?,
                user_id: UserId::from_uuid(row.get(2)?),
                device_id: row.get::<Option<Uuid>>(3)?.map(DeviceId::from_uuid),
            })
        })
        .await?;
    let ids = FAIL_CHALLENGES.ids(connection, challenges).await?;
    outcomes.all(&took(items, ids, |reject| reject.challenge_id.uuid()), &Effect::Applied);
    for counted in counted {
        let index = meant.get(&counted.authenticator_id.uuid()).copied();
        outcomes.count(index, counted)?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) static ALL: [&Set; 12] = [
    &CREATE_USERS,
    &REGISTER_SESSIONS,
    &CREATE_CHALLENGES,
    &USE_STEPS,
    &USE_CODES,
    &USE_PROMPTS,
    &PROMPTS_USED,
    &CODES_USED,
    &SATISFY_CHALLENGES,
    &RAISE_SESSIONS,
    &COUNT_FAILURES,
    &FAIL_CHALLENGES,
];
