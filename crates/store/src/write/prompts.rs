//! Prompts: what is sent to people and asked of devices.

use domain::{AuthenticatorId, Prompt, PromptId, PromptState, Timestamp};

use super::rest::one;
use crate::Effect;
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};

/// Whatever waits for an answer for the same challenge or enrollment and is of the same kind: it is answered no more. And what a
/// person could have approved, but did not in time, stands in nobody's way. What is over already is not looked at: who was asked often
/// is to be asked as fast as anybody (T-19).
static REPLACE_PROMPTS: Set = Set::new(
    &[("challenge_id", Id), ("enrollment_id", Id), ("user_id", Id), ("kind", Text), ("at", Int)],
    "UPDATE prompts AS m SET state = 'replaced'
     WHERE COALESCE(m.state, '') = 'open' AND m.id IN (
        SELECT x.id FROM input i {then} prompts x ON x.challenge_id = i.challenge_id AND x.kind = i.kind
        UNION SELECT y.id FROM input i2 {then} prompts y ON y.enrollment_id = i2.enrollment_id AND y.kind = i2.kind
        UNION SELECT z.id FROM input i3 {then} prompts z
            ON z.user_id = i3.user_id AND z.kind = i3.kind AND z.state = 'open' AND z.expires_at <= i3.at)",
);

static CREATE_PROMPTS: Set = Set::new(
    &[
        ("id", Id),
        ("challenge_id", Id),
        ("enrollment_id", Id),
        ("user_id", Id),
        ("authenticator_id", Id),
        ("kind", Text),
        ("state", Text),
        ("hash", Blob),
        ("data", Text),
        ("sends", Int),
        ("created_at", Int),
        ("sent_at", Int),
        ("expires_at", Int),
    ],
    "INSERT INTO prompts
        (id, challenge_id, enrollment_id, user_id, authenticator_id, kind, state, hash, data, sends, created_at, sent_at,
         expires_at)
     SELECT i.id, i.challenge_id, i.enrollment_id, i.user_id, i.authenticator_id, i.kind, i.state, i.hash, i.data,
        i.sends, i.created_at, i.sent_at, i.expires_at
     FROM input i
     WHERE (i.user_id IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id AND u.state = 'active' {share}))
        AND (i.challenge_id IS NULL OR EXISTS (SELECT 1 FROM challenges c
            WHERE c.id = i.challenge_id AND c.state = 'open' AND c.expires_at > i.created_at))
        AND (i.enrollment_id IS NULL OR EXISTS (SELECT 1 FROM enrollments e
            WHERE e.id = i.enrollment_id AND e.state = 'viewed' AND e.expires_at > i.created_at))
     ON CONFLICT DO NOTHING RETURNING id",
);

fn prompt_rows(prompts: &[&Prompt]) -> (Rows, Rows) {
    let (mut replaced, mut created) = (Rows::default(), Rows::default());
    for prompt in prompts {
        let (challenge, enrollment, user) =
            (prompt.challenge_id.into(), prompt.enrollment_id.into(), prompt.user_id.into());
        replaced.push(&[challenge, enrollment, user, prompt.kind.name().into(), prompt.created_at.into()]);
        created.push(&[
            prompt.id.into(),
            challenge,
            enrollment,
            user,
            prompt.authenticator_id.into(),
            prompt.kind.name().into(),
            prompt.state.name().into(),
            prompt.hash.as_ref().into(),
            prompt.data.as_deref().into(),
            prompt.sends.into(),
            prompt.created_at.into(),
            prompt.sent_at.into(),
            prompt.expires_at.into(),
        ]);
    }
    (replaced, created)
}

/// What enrollments ask that were just viewed.
pub(super) async fn replace_for_enrollments(connection: &mut Connection, asked: &[&Prompt]) -> Result<(), Fault> {
    let (replaced, created) = prompt_rows(asked);
    REPLACE_PROMPTS.execute(connection, replaced).await?;
    let made = CREATE_PROMPTS.ids(connection, created).await?;
    if made.len() == asked.len() { Ok(()) } else { Err(Fault::Raced("a prompt could not be made".to_owned())) }
}

pub(super) async fn create(connection: &mut Connection, prompt: &Prompt) -> Result<Effect, Fault> {
    let (replaced, created) = prompt_rows(&[prompt]);
    // Where it is not made in the end, nothing is replaced either: a refused change of a round is not undone by itself, so the
    // guard comes first, by what a new one would meet.
    if !CREATABLE.ids(connection, creatable(prompt)).await?.is_empty() {
        REPLACE_PROMPTS.execute(connection, replaced).await?;
        let made = CREATE_PROMPTS.ids(connection, created).await?;
        if made.is_empty() {
            return Err(Fault::Raced("a prompt was made at the same time".to_owned()));
        }
        return Ok(Effect::Applied);
    }
    Ok(Effect::Refused)
}

/// Whether nothing stands in its way: what it is for is open, and of an approval, that no other one waits; of one that nobody is asked
/// for, none for the same challenge, so that who races cannot tell the two apart (T-19).
static CREATABLE: Set = Set::new(
    &[("id", Id), ("challenge_id", Id), ("enrollment_id", Id), ("user_id", Id), ("kind", Text), ("at", Int)],
    "SELECT i.id FROM input i
     WHERE (i.user_id IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id AND u.state = 'active' {share}))
        AND (i.challenge_id IS NULL OR EXISTS (SELECT 1 FROM challenges c
            WHERE c.id = i.challenge_id AND c.state = 'open' AND c.expires_at > i.at))
        AND (i.enrollment_id IS NULL OR EXISTS (SELECT 1 FROM enrollments e
            WHERE e.id = i.enrollment_id AND e.state = 'viewed' AND e.expires_at > i.at))
        AND (i.kind <> 'push' OR i.challenge_id IS NULL OR NOT EXISTS (SELECT 1 FROM prompts m
            WHERE m.user_id = i.user_id AND m.challenge_id IS NOT NULL AND m.kind = 'push' AND m.state = 'open' AND m.expires_at > i.at))
        AND (i.kind <> 'push' OR i.user_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM prompts n
            WHERE n.challenge_id = i.challenge_id AND n.user_id IS NULL AND n.kind = 'push' AND n.state = 'open' AND n.expires_at > i.at))",
);

fn creatable(prompt: &Prompt) -> Rows {
    Rows::one(&[
        prompt.id.into(),
        prompt.challenge_id.into(),
        prompt.enrollment_id.into(),
        prompt.user_id.into(),
        prompt.kind.name().into(),
        prompt.created_at.into(),
    ])
}

static RESEND_PROMPT: Set = Set::new(
    &[("prompt_id", Id), ("seen_sends", Int), ("new_hash", Blob), ("at", Int)],
    "UPDATE prompts AS m SET hash = COALESCE(i.new_hash, m.hash), sends = m.sends + 1, sent_at = i.at
     FROM input i
     WHERE m.id = i.prompt_id AND m.state = 'open' AND m.expires_at > i.at AND m.sends = i.seen_sends",
);

pub(super) async fn resend(
    connection: &mut Connection,
    id: PromptId,
    sends: i16,
    hash: Option<&[u8; 32]>,
    at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &RESEND_PROMPT, &[id.into(), sends.into(), hash.into(), at.into()]).await
}

static CLAIM_PROMPT: Set = Set::new(
    &[("prompt_id", Id), ("answer", Blob), ("at", Int)],
    "UPDATE prompts AS m SET hash = i.answer
     FROM input i
     WHERE m.id = i.prompt_id AND m.state = 'open' AND m.expires_at > i.at AND COALESCE(m.hash, i.answer) = i.answer",
);

pub(super) async fn claim(
    connection: &mut Connection,
    id: PromptId,
    answer: &[u8; 32],
    at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &CLAIM_PROMPT, &[id.into(), answer.into(), at.into()]).await
}

static MOVE_PROMPT: Set = Set::new(
    &[("prompt_id", Id), ("from_id", Id), ("to_id", Id), ("new_data", Text), ("at", Int)],
    "UPDATE prompts AS m SET authenticator_id = i.to_id, data = i.new_data
     FROM input i
     WHERE m.id = i.prompt_id AND m.state = 'open' AND m.expires_at > i.at AND m.hash IS NULL AND m.authenticator_id = i.from_id
        AND EXISTS (SELECT 1 FROM authenticators a
            WHERE a.id = i.to_id AND a.user_id = m.user_id AND a.kind = m.kind AND a.state = 'active' {share})",
);

pub(super) async fn move_to(
    connection: &mut Connection,
    id: PromptId,
    from: AuthenticatorId,
    to: AuthenticatorId,
    data: &str,
    at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &MOVE_PROMPT, &[id.into(), from.into(), to.into(), data.into(), at.into()]).await
}

static END_PROMPT: Set = Set::new(
    &[("prompt_id", Id), ("to_state", Text)],
    "UPDATE prompts AS m SET state = i.to_state FROM input i WHERE m.id = i.prompt_id AND m.state = 'open'",
);

pub(super) async fn end(connection: &mut Connection, id: PromptId, to: PromptState) -> Result<Effect, Fault> {
    one(connection, &END_PROMPT, &[id.into(), to.name().into()]).await
}

/// Those that confirmed an enrollment, whose guard asked for them.
pub(super) async fn used(connection: &mut Connection, ids: impl Iterator<Item = PromptId>) -> Result<(), Fault> {
    let mut input = Rows::default();
    for id in ids {
        input.push(&[id.into(), PromptState::Used.name().into()]);
    }
    END_PROMPT.execute(connection, input).await.map(drop)
}

#[cfg(test)]
pub(super) static ALL: [&Set; 7] =
    [&REPLACE_PROMPTS, &CREATE_PROMPTS, &CREATABLE, &RESEND_PROMPT, &CLAIM_PROMPT, &MOVE_PROMPT, &END_PROMPT];
