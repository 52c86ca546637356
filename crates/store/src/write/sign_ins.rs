//! Browsers that are signed in at a site behind a proxy, one change at a time.

use domain::{SignIn, SignInId, Timestamp};
use serde_json::json;

use super::rest::one;
use crate::change::FinishSignIn;
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::Set;
use crate::{Change, Effect};

pub(super) async fn write(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::CreateSignIn(sign_in) => create(connection, sign_in).await,
        Change::FinishSignIn(finish) => self::finish(connection, finish).await,
        Change::RefuseSignIn { id, at } => refuse(connection, *id, *at).await,
        Change::SeeSignIn { id, at } => see(connection, *id, *at).await,
        _ => Ok(Effect::Refused),
    }
}

static CREATE: Set = Set::new(
    &[
        ("id", Id),
        ("application_id", Id),
        ("user_id", Id),
        ("session_id", Id),
        ("site", Text),
        ("groups", Text),
        ("return_url", Text),
        ("code", Blob),
        ("state", Blob),
        ("created_at", Int),
        ("expires_at", Int),
    ],
    "INSERT INTO sign_ins
        (id, application_id, user_id, session_id, site, groups, return_url, code, state, browser, seen_at, created_at,
         expires_at)
     SELECT i.id, i.application_id, i.user_id, i.session_id, i.site, i.groups, i.return_url, i.code, i.state, NULL,
        i.created_at, i.created_at, i.expires_at
     FROM input i
     WHERE EXISTS (SELECT 1 FROM sessions s
        WHERE s.id = i.session_id AND s.application_id = i.application_id AND s.user_id = i.user_id
            AND s.ended_at IS NULL AND s.expires_at > i.created_at)",
);

async fn create(connection: &mut Connection, sign_in: &SignIn) -> Result<Effect, Fault> {
    let (groups, return_url) = (json!(sign_in.groups).to_string(), sign_in.return_url.to_string());
    let row = [
        sign_in.id.into(),
        sign_in.application_id.into(),
        sign_in.user_id.into(),
        sign_in.session_id.into(),
        sign_in.site.as_str().into(),
        groups.as_str().into(),
        return_url.as_str().into(),
        (&sign_in.code.0).into(),
        (&sign_in.state.0).into(),
        sign_in.created_at.into(),
        sign_in.expires_at.into(),
    ];
    one(connection, &CREATE, &row).await
}

static FINISH: Set = Set::new(
    &[("sign_in_id", Id), ("by_state", Blob), ("by_browser", Blob), ("at", Int), ("until", Int)],
    "UPDATE sign_ins AS n SET browser = i.by_browser, seen_at = i.at, expires_at = i.until FROM input i
     WHERE n.id = i.sign_in_id AND n.state = i.by_state AND n.browser IS NULL AND n.expires_at > i.at
        AND EXISTS (SELECT 1 FROM sessions s
            WHERE s.id = n.session_id AND s.ended_at IS NULL AND s.expires_at > i.at)",
);

async fn finish(connection: &mut Connection, finish: &FinishSignIn) -> Result<Effect, Fault> {
    let row = [
        finish.id.into(),
        (&finish.state.0).into(),
        (&finish.browser.0).into(),
        finish.at.into(),
        finish.expires_at.into(),
    ];
    one(connection, &FINISH, &row).await
}

static REFUSE: Set = Set::new(
    &[("sign_in_id", Id), ("at", Int)],
    "UPDATE sign_ins AS n SET expires_at = i.at FROM input i
     WHERE n.id = i.sign_in_id AND n.browser IS NULL AND n.expires_at > i.at",
);

async fn refuse(connection: &mut Connection, id: SignInId, at: Timestamp) -> Result<Effect, Fault> {
    one(connection, &REFUSE, &[id.into(), at.into()]).await
}

static SEE: Set = Set::new(
    &[("sign_in_id", Id), ("at", Int), ("before", Int)],
    "UPDATE sign_ins AS n SET seen_at = i.at FROM input i WHERE n.id = i.sign_in_id AND n.seen_at <= i.before",
);

async fn see(connection: &mut Connection, id: SignInId, at: Timestamp) -> Result<Effect, Fault> {
    one(connection, &SEE, &[id.into(), at.into(), at.minus(SignIn::NOTED_EACH).into()]).await
}

#[cfg(test)]
pub(super) static ALL: [&Set; 4] = [&CREATE, &FINISH, &REFUSE, &SEE];
