//! Links of runs.

use domain::{
    ApplicationId, AuthenticatorId, Link, LinkGives, LinkId, Page, PageRequest, RunId, SessionId, TokenHash, UserId,
};

use super::lists::newest_first;
use crate::engine::{Arg, Connection, Fault};
use crate::rows::Reader;
use crate::texts;

/// A run has at most as many steps that act, each of which may be in a loop: more than these are not withdrawn at once.
const MOST_OF_RUN: i64 = 200;

const LINK: &str = "l.id, l.run_id, l.workflow, l.user_id, l.name, l.title, l.message, l.button, l.done, l.created_at, l.expires_at, \
    l.followed_at, l.session_id, l.late_at, \
    l.gives, l.authenticator_id, CAST(CASE WHEN EXISTS (SELECT 1 FROM run_claims c WHERE c.run_id = l.run_id) THEN 0 ELSE 1 END AS BIGINT)";

fn link(row: &mut Reader<'_, '_>) -> Result<Link, Fault> {
    Ok(Link {
        id: row.id(LinkId::from_uuid)?,
        run_id: row.id(RunId::from_uuid)?,
        workflow: row.next()?,
        user_id: row.id(UserId::from_uuid)?,
        name: row.next()?,
        title: texts::read(row.next()?),
        message: texts::read(row.next()?),
        button: texts::read(row.next()?),
        done: row.next::<Option<String>>()?.map(texts::read),
        created_at: row.time()?,
        expires_at: row.time()?,
        followed_at: row.maybe_time()?,
        session_id: row.maybe_id(SessionId::from_uuid)?,
        late_at: row.maybe_time()?,
        gives: row.maybe_named(LinkGives::from_name)?,
        authenticator_id: row.maybe_id(AuthenticatorId::from_uuid)?,
        is_over: row.next::<i64>()? == 1,
    })
}

pub(crate) async fn one(connection: &mut Connection, of: LinkId) -> Result<Option<Link>, Fault> {
    let sql = format!("SELECT {LINK} FROM links l WHERE l.id = $1");
    Ok(connection.fetch(&sql, &[Arg::Id(of.uuid())], |row| link(&mut Reader::new(row))).await?.pop())
}

pub(crate) async fn by_token(connection: &mut Connection, token: TokenHash) -> Result<Option<Link>, Fault> {
    let sql = format!("SELECT {LINK} FROM link_tokens k JOIN links l ON l.id = k.link_id WHERE k.hash = $1");
    Ok(connection.fetch(&sql, &[Arg::Blob(&token.0)], |row| link(&mut Reader::new(row))).await?.pop())
}

/// What is kept of a request by its idempotency key.
pub(crate) async fn came_of(
    connection: &mut Connection,
    application: ApplicationId,
    key: &str,
) -> Result<Option<String>, Fault> {
    let sql = "SELECT n.resource FROM idempotency n WHERE n.application_id = $1 AND n.key = $2";
    Ok(connection.fetch(sql, &[Arg::Id(application.uuid()), Arg::Text(key)], |row| row.get(0)).await?.pop())
}

/// Those of a run that hand something out.
pub(crate) async fn giving_of_run(connection: &mut Connection, run: RunId) -> Result<Vec<Link>, Fault> {
    let sql = format!("SELECT {LINK} FROM links l WHERE l.run_id = $1 AND l.gives IS NOT NULL ORDER BY l.id LIMIT $2");
    let args = [Arg::Id(run.uuid()), Arg::Int(MOST_OF_RUN)];
    connection.fetch(&sql, &args, |row| link(&mut Reader::new(row))).await
}

/// A user's, the newest first.
pub(crate) async fn of_user(
    connection: &mut Connection,
    user: UserId,
    page: PageRequest<LinkId>,
) -> Result<Page<Link, LinkId>, Fault> {
    let sql = format!("SELECT {LINK} FROM links l");
    let of_user = [("user_id", Some(Arg::Id(user.uuid())))];
    newest_first(connection, &sql, "l", &of_user, &page, (LinkId::uuid, |link: &Link| link.id), link).await
}
