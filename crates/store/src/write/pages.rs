//! Hosted pages, one change at a time.

use domain::{HostedPage, PageId, PageRefusal, PageState, Timestamp, TokenHash};

use super::rest::one;
use crate::change::{NameChallenge, RedeemPage};
use crate::engine::{Connection, Fault};
use crate::set::Kind::{Blob, Id, Int, Text};
use crate::set::Set;
use crate::{Effect, rows};

static CREATE_PAGE: Set = Set::new(
    &[
        ("id", Id),
        ("application_id", Id),
        ("purpose", Text),
        ("state", Text),
        ("token", Blob),
        ("browser", Blob),
        ("code_challenge", Blob),
        ("redeemed_at", Int),
        ("user_id", Id),
        ("session_id", Id),
        ("challenge_id", Id),
        ("enrollment_id", Id),
        ("wanted", Text),
        ("return_url", Text),
        ("carried", Text),
        ("created_at", Int),
        ("expires_at", Int),
    ],
    "INSERT INTO pages
        (id, application_id, purpose, state, token, browser, code_challenge, redeemed_at, user_id, session_id, challenge_id,
         enrollment_id, wanted, return_url, carried, created_at, expires_at)
     SELECT i.id, i.application_id, i.purpose, i.state, i.token, i.browser, i.code_challenge, i.redeemed_at, i.user_id,
        i.session_id, i.challenge_id, i.enrollment_id, i.wanted, i.return_url, i.carried, i.created_at,
        i.expires_at
     FROM input i
     WHERE EXISTS (SELECT 1 FROM applications p WHERE p.id = i.application_id)
        AND (i.session_id IS NULL OR EXISTS (SELECT 1 FROM sessions s
            WHERE s.id = i.session_id AND s.ended_at IS NULL AND s.expires_at > i.created_at))",
);

pub(super) async fn create(connection: &mut Connection, page: &HostedPage) -> Result<Effect, Fault> {
    let return_url = page.return_url.to_string();
    let wanted = page.wanted.as_ref().map(rows::wanted_text);
    let row = [
        page.id.into(),
        page.application_id.into(),
        page.purpose.name().into(),
        page.state.name().into(),
        (&page.token.0).into(),
        page.browser.as_ref().map(|hash| &hash.0).into(),
        page.code_challenge.as_ref().map(|hash| &hash.0).into(),
        page.redeemed_at.into(),
        page.user_id.into(),
        page.session_id.into(),
        page.challenge_id.into(),
        page.enrollment_id.into(),
        wanted.as_deref().into(),
        return_url.as_str().into(),
        page.carried.as_deref().into(),
        page.created_at.into(),
        page.expires_at.into(),
    ];
    one(connection, &CREATE_PAGE, &row).await
}

static OPEN_PAGE: Set = Set::new(
    &[("page_id", Id), ("by_browser", Blob), ("at", Int)],
    "UPDATE pages AS g SET browser = i.by_browser FROM input i
     WHERE g.id = i.page_id AND g.browser IS NULL AND g.state = 'open' AND g.expires_at > i.at",
);

pub(super) async fn open(
    connection: &mut Connection,
    id: PageId,
    browser: &TokenHash,
    at: Timestamp,
) -> Result<Effect, Fault> {
    one(connection, &OPEN_PAGE, &[id.into(), (&browser.0).into(), at.into()]).await
}

static REDEEM_PAGE: Set = Set::new(
    &[("page_id", Id), ("by_browser", Blob), ("of_session", Id), ("of_verifier", Blob), ("at", Int)],
    "UPDATE pages AS g SET redeemed_at = i.at FROM input i
     WHERE g.id = i.page_id AND g.state = 'open' AND g.expires_at > i.at AND g.redeemed_at IS NULL
        AND g.browser = i.by_browser
        AND g.session_id IS NOT DISTINCT FROM i.of_session
        AND g.code_challenge IS NOT DISTINCT FROM i.of_verifier",
);

pub(super) async fn redeem(connection: &mut Connection, redeem: &RedeemPage) -> Result<Effect, Fault> {
    let row = [
        redeem.id.into(),
        (&redeem.browser.0).into(),
        redeem.session_id.into(),
        redeem.verifier.as_ref().map(|hash| &hash.0).into(),
        redeem.at.into(),
    ];
    one(connection, &REDEEM_PAGE, &row).await
}

static NAME_CHALLENGE: Set = Set::new(
    &[("challenge_id", Id), ("page_id", Id), ("by_user", Id), ("bound_to", Blob), ("at", Int)],
    "UPDATE challenges AS c SET user_id = i.by_user, action_hash = i.bound_to FROM input i
     WHERE c.id = i.challenge_id AND c.state = 'open' AND c.expires_at > i.at AND c.session_id IS NULL AND c.user_id IS NULL
        AND EXISTS (SELECT 1 FROM pages g
            WHERE g.id = i.page_id AND g.challenge_id = c.id AND g.purpose = 'sign_in' AND g.state = 'open'
                AND g.expires_at > i.at)
        AND EXISTS (SELECT 1 FROM users u WHERE u.id = i.by_user {share})",
);

pub(super) async fn name(connection: &mut Connection, name: &NameChallenge) -> Result<Effect, Fault> {
    let hash = &name.action_hash.0;
    let row = [name.id.into(), name.page_id.into(), name.user_id.into(), hash.into(), name.at.into()];
    one(connection, &NAME_CHALLENGE, &row).await
}

static ADVANCE_PAGE: Set = Set::new(
    &[
        ("page_id", Id),
        ("seen_challenge", Id),
        ("seen_enrollment", Id),
        ("seen_wanted", Text),
        ("new_challenge", Id),
        ("new_enrollment", Id),
        ("new_wanted", Text),
        ("at", Int),
    ],
    "UPDATE pages AS g SET challenge_id = i.new_challenge, enrollment_id = i.new_enrollment, wanted = i.new_wanted
     FROM input i
     WHERE g.id = i.page_id AND g.state = 'open' AND g.expires_at > i.at AND g.redeemed_at IS NOT NULL
        AND g.challenge_id IS NOT DISTINCT FROM i.seen_challenge
        AND g.enrollment_id IS NOT DISTINCT FROM i.seen_enrollment
        AND g.wanted IS NOT DISTINCT FROM i.seen_wanted",
);

pub(super) async fn advance(
    connection: &mut Connection,
    seen: &HostedPage,
    next: &HostedPage,
    at: Timestamp,
) -> Result<Effect, Fault> {
    let wanted = [seen, next].map(|page| page.wanted.as_ref().map(rows::wanted_text));
    let [seen_wanted, new_wanted] = &wanted;
    let row = [
        seen.id.into(),
        seen.challenge_id.into(),
        seen.enrollment_id.into(),
        seen_wanted.as_deref().into(),
        next.challenge_id.into(),
        next.enrollment_id.into(),
        new_wanted.as_deref().into(),
        at.into(),
    ];
    one(connection, &ADVANCE_PAGE, &row).await
}

static REFUSE_PAGE: Set = Set::new(
    &[("page_id", Id), ("bit", Int)],
    "UPDATE pages AS g SET refused = g.refused | i.bit FROM input i WHERE g.id = i.page_id AND (g.refused & i.bit) = 0",
);

pub(super) async fn refuse(connection: &mut Connection, id: PageId, reason: PageRefusal) -> Result<Effect, Fault> {
    one(connection, &REFUSE_PAGE, &[id.into(), i64::from(reason.bit()).into()]).await
}

static FINISH_PAGE: Set = Set::new(
    &[("page_id", Id), ("to_state", Text)],
    "UPDATE pages AS g SET state = i.to_state FROM input i
     WHERE g.id = i.page_id AND g.state = 'open' AND (g.redeemed_at IS NULL) = (i.to_state = 'refused')",
);

pub(super) async fn finish(connection: &mut Connection, id: PageId, to: PageState) -> Result<Effect, Fault> {
    one(connection, &FINISH_PAGE, &[id.into(), to.name().into()]).await
}

#[cfg(test)]
pub(super) static ALL: [&Set; 7] =
    [&CREATE_PAGE, &OPEN_PAGE, &REDEEM_PAGE, &NAME_CHALLENGE, &ADVANCE_PAGE, &REFUSE_PAGE, &FINISH_PAGE];
