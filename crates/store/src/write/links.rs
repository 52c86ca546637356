//! Links of runs, one change at a time.

use domain::{Link, LinkId, RunId, Timestamp, UserId};

use super::enroll::{HOLD_USERS, keep_codes};
use super::rest::one;
use super::{hygiene, runs};
use crate::engine::{Connection, Fault};
use crate::people::{ArmLink, FollowLink, HandOut};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::{Rows, Set};
use crate::{Change, Effect, RunInput, texts};

pub(super) async fn write(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::ArmLink(arm) => self::arm(connection, arm).await,
        Change::FollowLink(follow) => self::follow(connection, follow).await,
        Change::NoteLateLink { id, at } => late(connection, *id, *at).await,
        _ => Ok(Effect::Refused),
    }
}

static CREATE_LINK: Set = Set::new(
    &[
        ("id", Id),
        ("run_id", Id),
        ("workflow", Text),
        ("user_id", Id),
        ("name", Text),
        ("title", Text),
        ("message", Text),
        ("button", Text),
        ("done", Text),
        ("created_at", Int),
        ("expires_at", Int),
        ("gives", Text),
    ],
    "INSERT INTO links (id, run_id, workflow, user_id, name, title, message, button, done, created_at, expires_at, gives)
     SELECT i.id, i.run_id, i.workflow, i.user_id, i.name, i.title, i.message, i.button, i.done, i.created_at, i.expires_at, i.gives
     FROM input i WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id {share})",
);

/// A link: in the commit of the step that makes it.
pub(super) async fn create(connection: &mut Connection, link: &Link) -> Result<Effect, Fault> {
    let [title, message, button] = [&link.title, &link.message, &link.button].map(texts::written);
    let done = link.done.as_ref().map(texts::written);
    let row = [
        link.id.into(),
        link.run_id.into(),
        link.workflow.as_str().into(),
        link.user_id.into(),
        link.name.as_str().into(),
        title.as_str().into(),
        message.as_str().into(),
        button.as_str().into(),
        done.as_deref().into(),
        link.created_at.into(),
        link.expires_at.into(),
        link.gives.map(domain::LinkGives::name).into(),
    ];
    one(connection, &CREATE_LINK, &row).await
}

static ARM_LINK: Set = Set::new(
    &[("hash", Blob), ("link_id", Id), ("run_id", Id), ("to_user", Id)],
    "INSERT INTO link_tokens (hash, link_id) SELECT i.hash, i.link_id FROM input i
     WHERE EXISTS (SELECT 1 FROM links l
        WHERE l.id = i.link_id AND l.run_id = i.run_id AND (l.user_id = i.to_user OR (i.to_user IS NULL AND l.gives IS NULL)))",
);

async fn arm(connection: &mut Connection, arm: &ArmLink) -> Result<Effect, Fault> {
    let row = [(&arm.token.0).into(), arm.id.into(), arm.run_id.into(), arm.to.into()];
    one(connection, &ARM_LINK, &row).await
}

static FOLLOW_LINK: Set = Set::new(
    &[("link_id", Id), ("session_id", Id), ("at", Int), ("gives", Text), ("authenticator_id", Id)],
    "UPDATE links AS l SET followed_at = i.at, session_id = i.session_id, authenticator_id = i.authenticator_id FROM input i
     WHERE l.id = i.link_id AND l.followed_at IS NULL AND l.expires_at > i.at AND COALESCE(l.gives, '') = i.gives
        AND EXISTS (SELECT 1 FROM run_claims c WHERE c.run_id = l.run_id)
        AND (i.session_id IS NULL OR EXISTS (SELECT 1 FROM sessions s
            WHERE s.id = i.session_id AND s.user_id = l.user_id AND s.aal >= 2 AND s.ended_at IS NULL
                AND s.expires_at > i.at))",
);

/// Holds the claim of the link's run, so that the run is over before or after it.
static HOLD_RUN: Set = Set::new(
    &[("link_id", Id)],
    "SELECT c.run_id FROM run_claims c
     WHERE c.run_id IN (SELECT l.run_id FROM links l WHERE l.id IN (SELECT i.link_id FROM input i)) {alone}",
);

async fn follow(connection: &mut Connection, follow: &FollowLink) -> Result<Effect, Fault> {
    if HOLD_RUN.ids(connection, Rows::one(&[follow.id.into()])).await?.is_empty() {
        return Ok(Effect::Refused);
    }
    if let Some(gives) = &follow.gives
        && !hands_out(connection, follow, gives).await?
    {
        return Ok(Effect::Refused);
    }
    let gives = follow.gives.as_ref();
    let name = gives.map_or("", |gives| gives.gives.name());
    let set = gives.map(|gives| gives.set.id);
    let row = [follow.id.into(), follow.session_id.into(), follow.at.into(), name.into(), set.into()];
    match one(connection, &FOLLOW_LINK, &row).await? {
        // It is handed out already: with all of it undone, it is refused as a whole.
        Effect::Refused if follow.gives.is_some() => {
            Err(Fault::Raced("a link that gives something was not as it was seen".to_owned()))
        }
        Effect::Refused => Ok(Effect::Refused),
        effect => {
            // At once, though its signal comes with the events: a timer of the same commits sees that something came.
            runs::poke(connection, follow.run_id, follow.at).await?;
            Ok(effect)
        }
    }
}

/// Whether what a link gives may be handed out: all that [`FOLLOW_LINK`] asks as well, so that nothing is kept of what it refuses.
static GIVES: Set = Set::new(
    &[("link_id", Id), ("user_id", Id), ("gives", Text), ("seen", Id), ("at", Int)],
    "SELECT l.id FROM input i {then} links l ON l.id = i.link_id
     WHERE l.user_id = i.user_id AND l.gives = i.gives AND l.followed_at IS NULL AND l.expires_at > i.at
        AND EXISTS (SELECT 1 FROM run_claims r WHERE r.run_id = l.run_id)
        AND EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id AND u.state = 'active')
        AND NOT EXISTS (SELECT 1 FROM authenticators c
            WHERE c.user_id = i.user_id AND c.kind = 'backup_codes' AND c.state IN ('active', 'suspended')
                AND (i.seen IS NULL OR c.id <> i.seen))
        AND (i.seen IS NULL OR EXISTS (SELECT 1 FROM authenticators d
            WHERE d.user_id = i.user_id AND d.id = i.seen AND d.kind = 'backup_codes'
                AND d.state IN ('active', 'suspended')))",
);

/// Makes what is handed out, if that may be, by nobody's session.
async fn hands_out(connection: &mut Connection, follow: &FollowLink, out: &HandOut) -> Result<bool, Fault> {
    let HandOut { gives, seen, set, codes } = out;
    HOLD_USERS.ids(connection, Rows::of_ids([set.user_id.uuid()])).await?;
    let row = [follow.id.into(), set.user_id.into(), gives.name().into(), (*seen).into(), follow.at.into()];
    if follow.session_id.is_some() || GIVES.ids(connection, Rows::one(&row)).await?.is_empty() {
        return Ok(false);
    }
    keep_codes(connection, *seen, set, codes).await?;
    if let Some(ends_at) = set.ends_at {
        hygiene::limit(connection, set.id, ends_at).await?;
    }
    Ok(true)
}

static WITHDRAW_LINK: Set = Set::new(
    &[("link_id", Id), ("at", Int)],
    "UPDATE links AS l SET expires_at = i.at FROM input i
     WHERE l.id = i.link_id AND l.followed_at IS NULL AND l.expires_at > i.at",
);

/// Has what was followed come for the link's run, as whoever reads the log would, and by the same id: it counts once. The run's claim is held since before.
pub(super) async fn tell_run(connection: &mut Connection, follow: &FollowLink, position: i64) -> Result<(), Fault> {
    let Ok(mut signal) = serde_json::from_str::<serde_json::Value>(&follow.signal) else { return Ok(()) };
    for of in ["/signal/position", "/signal/event/position"] {
        if let Some(place) = signal.pointer_mut(of) {
            *place = position.into();
        }
    }
    let (id, input) = (RunInput::id_of_event(position), signal.to_string());
    runs::tell(connection, &[RunInput { run_id: follow.run_id, id, input, at: follow.at }]).await.map(drop)
}

/// Has a link do nothing from now on: in the commit of a step.
pub(super) async fn withdraw(connection: &mut Connection, id: LinkId, at: Timestamp) -> Result<Effect, Fault> {
    one(connection, &WITHDRAW_LINK, &[id.into(), at.into()]).await
}

static NOTE_LATE_LINK: Set = Set::new(
    &[("link_id", Id), ("at", Int)],
    "UPDATE links AS l SET late_at = i.at FROM input i
     WHERE l.id = i.link_id AND l.late_at IS NULL AND (l.followed_at IS NOT NULL OR l.expires_at <= i.at
        OR NOT EXISTS (SELECT 1 FROM run_claims c WHERE c.run_id = l.run_id))",
);

async fn late(connection: &mut Connection, id: LinkId, at: Timestamp) -> Result<Effect, Fault> {
    one(connection, &NOTE_LATE_LINK, &[id.into(), at.into()]).await
}

static ERASE_TOKENS_OF_RUN: Set = Set::new(
    &[("run_id", Id)],
    "DELETE FROM link_tokens WHERE link_id IN (SELECT l.id FROM links l WHERE l.run_id IN (SELECT i.run_id FROM input i))",
);

static ERASE_LINKS_OF_RUN: Set =
    Set::new(&[("run_id", Id)], "DELETE FROM links WHERE run_id IN (SELECT i.run_id FROM input i)");

static ERASE_TOKENS_OF_USER: Set = Set::new(
    &[("user_id", Id)],
    "DELETE FROM link_tokens WHERE link_id IN (SELECT l.id FROM links l WHERE l.user_id IN (SELECT i.user_id FROM input i))",
);

static ERASE_LINKS_OF_USER: Set =
    Set::new(&[("user_id", Id)], "DELETE FROM links WHERE user_id IN (SELECT i.user_id FROM input i)");

/// Erases what these runs made.
pub(super) async fn erase_of_runs(connection: &mut Connection, runs: &[RunId]) -> Result<(), Fault> {
    let of = || Rows::of_ids(runs.iter().map(|run| run.uuid()));
    ERASE_TOKENS_OF_RUN.execute(connection, of()).await?;
    ERASE_LINKS_OF_RUN.execute(connection, of()).await.map(drop)
}

/// Erases what was made for a user, by whatever run.
pub(super) async fn erase_of_user(connection: &mut Connection, user: UserId) -> Result<(), Fault> {
    let of = || Rows::one(&[user.into()]);
    ERASE_TOKENS_OF_USER.execute(connection, of()).await?;
    ERASE_LINKS_OF_USER.execute(connection, of()).await.map(drop)
}

#[cfg(test)]
pub(super) static ALL: [&Set; 11] = [
    &CREATE_LINK,
    &ARM_LINK,
    &FOLLOW_LINK,
    &HOLD_RUN,
    &GIVES,
    &WITHDRAW_LINK,
    &NOTE_LATE_LINK,
    &ERASE_TOKENS_OF_RUN,
    &ERASE_LINKS_OF_RUN,
    &ERASE_TOKENS_OF_USER,
    &ERASE_LINKS_OF_USER,
];
