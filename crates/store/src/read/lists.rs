//! What is read one at a time: lists, and what few requests need.

use std::fmt::Write as _;
use std::sync::Arc;

use domain::{
    ApiKey, Application, ApplicationId, Authenticator, AuthenticatorId, AuthenticatorKind, CertificateFingerprint,
    Challenge, ChallengeId, Device, DeviceId, EnrollmentId, ExternalId, HardwareToken, HardwareTokenId, HostedPage,
    Page, PageId, PageRequest, PolicyId, PolicyInForce, Prompt, PromptId, Session, SessionId, SignIn, Timestamp,
    TokenHash, User, UserId,
};
use uuid::Uuid;

use crate::engine::{Arg, Connection, Fault};
use crate::rows::{self, Reader};
use crate::set::Kind::{Id, Text};
use crate::set::{Rows, Set, spell};
use crate::{Caller, Keyring, UserFilter};

fn id(uuid: Uuid) -> Arg<'static> {
    Arg::Id(uuid)
}

/// Runs `SELECT columns rest`.
macro_rules! select {
    ($connection:expr, $columns:expr, $rest:expr, $args:expr, $read:path) => {{
        let sql = spell($connection.dialect(), &format!("SELECT {} {}", $columns, $rest));
        $connection.fetch(&sql, &$args, |row| $read(&mut Reader::new(row))).await
    }};
}

/// One page of what is listed with the newest first, by ids that begin with their time: of `sql`, which selects from what is called `of`, what has the wanted
/// values in these columns.
pub(crate) async fn newest_first<T, K: Copy>(
    connection: &mut Connection,
    sql: &str,
    of: &str,
    wanted: &[(&str, Option<Arg<'_>>)],
    page: &PageRequest<K>,
    (uuid, key): (impl Fn(K) -> Uuid, impl Fn(&T) -> K),
    read: impl Fn(&mut Reader<'_, '_>) -> Result<T, Fault>,
) -> Result<Page<T, K>, Fault> {
    let mut sql = format!("{sql} WHERE {of}.id < $1");
    let mut args = vec![id(page.after.map_or(Uuid::max(), uuid)), limit(page.limit)];
    for (column, value) in wanted {
        if let Some(value) = value {
            args.push(*value);
            let _ = write!(sql, " AND {of}.{column} = ${}", args.len());
        }
    }
    let _ = write!(sql, " ORDER BY {of}.id DESC LIMIT $2");
    let items = connection.fetch(&sql, &args, |row| read(&mut Reader::new(row))).await?;
    Ok(cut(items, page.limit, key))
}

pub(crate) async fn caller_by_certificate(
    connection: &mut Connection,
    fingerprint: CertificateFingerprint,
) -> Result<Option<Caller>, Fault> {
    let rest =
        "FROM application_certificates f JOIN applications p ON p.id = f.application_id WHERE f.fingerprint = $1";
    let args = [Arg::Blob(&fingerprint.0)];
    let found = select!(connection, rows::APPLICATION, rest, args, rows::application)?.pop();
    Ok(found.map(|application| Caller { application: Arc::new(application), api_key_id: None, expires_at: None }))
}

pub(crate) async fn challenge(connection: &mut Connection, of: ChallengeId) -> Result<Option<Challenge>, Fault> {
    let args = [id(of.uuid())];
    Ok(select!(connection, rows::CHALLENGE, "FROM challenges c WHERE c.id = $1", args, rows::challenge)?.pop())
}

pub(crate) async fn page_by_token(connection: &mut Connection, token: TokenHash) -> Result<Option<HostedPage>, Fault> {
    let args = [Arg::Blob(&token.0)];
    Ok(select!(connection, rows::PAGE, "FROM pages g WHERE g.token = $1", args, rows::page)?.pop())
}

pub(crate) async fn page(connection: &mut Connection, of: PageId) -> Result<Option<HostedPage>, Fault> {
    let args = [id(of.uuid())];
    Ok(select!(connection, rows::PAGE, "FROM pages g WHERE g.id = $1", args, rows::page)?.pop())
}

pub(crate) async fn sign_in_by_code(connection: &mut Connection, code: TokenHash) -> Result<Option<SignIn>, Fault> {
    let args = [Arg::Blob(&code.0)];
    Ok(select!(connection, rows::SIGN_IN, "FROM sign_ins n WHERE n.code = $1", args, rows::sign_in)?.pop())
}

pub(crate) async fn signed_in(
    connection: &mut Connection,
    browser: TokenHash,
) -> Result<Option<(SignIn, Application)>, Fault> {
    let columns = format!("{}, {}", rows::SIGN_IN, rows::APPLICATION);
    let rest = "FROM sign_ins n JOIN applications p ON p.id = n.application_id WHERE n.browser = $1";
    let args = [Arg::Blob(&browser.0)];
    Ok(select!(connection, columns, rest, args, rows::signed_in)?.pop())
}

pub(crate) async fn prompt(connection: &mut Connection, of: PromptId) -> Result<Option<Prompt>, Fault> {
    let args = [id(of.uuid())];
    Ok(select!(connection, rows::PROMPT, "FROM prompts m WHERE m.id = $1", args, rows::prompt)?.pop())
}

pub(crate) async fn prompts_of_challenge(connection: &mut Connection, of: ChallengeId) -> Result<Vec<Prompt>, Fault> {
    let rest = "FROM prompts m WHERE m.challenge_id = $1 ORDER BY m.id DESC LIMIT 50";
    select!(connection, rows::PROMPT, rest, [id(of.uuid())], rows::prompt)
}

pub(crate) async fn prompts_of_enrollment(connection: &mut Connection, of: EnrollmentId) -> Result<Vec<Prompt>, Fault> {
    let rest = "FROM prompts m WHERE m.enrollment_id = $1 ORDER BY m.id DESC LIMIT 50";
    select!(connection, rows::PROMPT, rest, [id(of.uuid())], rows::prompt)
}

pub(crate) async fn prompts_of_user(
    connection: &mut Connection,
    user: UserId,
    kind: AuthenticatorKind,
    since: Timestamp,
) -> Result<Vec<Prompt>, Fault> {
    // The kind stands in the text: as an argument it decides for SQLite whether `one_open_push` could be used, which then prepares the
    // statement anew each time that arguments are bound.
    let kind = kind.name();
    let rest = format!(
        "FROM prompts m WHERE m.user_id = $1 AND m.kind = '{kind}' AND m.created_at >= $2 ORDER BY m.id DESC LIMIT 50"
    );
    let args = [id(user.uuid()), Arg::Int(since.unix_millis())];
    select!(connection, rows::PROMPT, rest, args, rows::prompt)
}

/// Whose it became, where that is still there. `$1` is the time.
const OF_TOKENS: &str = "FROM hardware_tokens h LEFT JOIN authenticators a ON a.id = h.authenticator_id";

pub(crate) async fn hardware_token(
    connection: &mut Connection,
    of: HardwareTokenId,
    now: Timestamp,
) -> Result<Option<HardwareToken>, Fault> {
    let args = [Arg::Int(now.unix_millis()), id(of.uuid())];
    let rest = format!("{OF_TOKENS} WHERE h.id = $2");
    Ok(select!(connection, rows::HARDWARE_TOKEN, rest, args, rows::hardware_token)?.pop())
}

pub(crate) async fn hardware_token_by_serial(
    connection: &mut Connection,
    serial: &str,
    now: Timestamp,
) -> Result<Option<HardwareToken>, Fault> {
    let args = [Arg::Int(now.unix_millis()), Arg::Text(serial)];
    let rest = format!("{OF_TOKENS} WHERE h.serial = $2");
    Ok(select!(connection, rows::HARDWARE_TOKEN, rest, args, rows::hardware_token)?.pop())
}

pub(crate) async fn hardware_token_of(
    connection: &mut Connection,
    authenticator: AuthenticatorId,
    now: Timestamp,
) -> Result<Option<HardwareToken>, Fault> {
    let args = [Arg::Int(now.unix_millis()), id(authenticator.uuid())];
    let rest = format!("{OF_TOKENS} WHERE h.authenticator_id = $2");
    Ok(select!(connection, rows::HARDWARE_TOKEN, rest, args, rows::hardware_token)?.pop())
}

pub(crate) async fn hardware_tokens(
    connection: &mut Connection,
    now: Timestamp,
    page: PageRequest<HardwareTokenId>,
) -> Result<Page<HardwareToken, HardwareTokenId>, Fault> {
    let after = id(page.after.map_or(BEGINNING, HardwareTokenId::uuid));
    let args = [Arg::Int(now.unix_millis()), after, limit(page.limit)];
    let rest = format!("{OF_TOKENS} WHERE h.id > $2 ORDER BY h.id LIMIT $3");
    let items = select!(connection, rows::HARDWARE_TOKEN, rest, args, rows::hardware_token)?;
    Ok(cut(items, page.limit, |token| token.id))
}

static KNOWN_SERIALS: Set =
    Set::new(&[("serial", Text)], "SELECT h.serial FROM input i {then} hardware_tokens h ON h.serial = i.serial");

pub(crate) async fn known_serials(connection: &mut Connection, serials: &[&str]) -> Result<Vec<String>, Fault> {
    let mut input = Rows::default();
    for serial in serials {
        input.push(&[Arg::Text(serial)]);
    }
    KNOWN_SERIALS.fetch(connection, input, |row| row.get(0)).await
}

pub(crate) async fn device(connection: &mut Connection, of: DeviceId) -> Result<Option<Device>, Fault> {
    let args = [id(of.uuid())];
    Ok(select!(connection, rows::DEVICE, "FROM devices d WHERE d.id = $1", args, rows::device)?.pop())
}

pub(crate) async fn devices_of(connection: &mut Connection, user: UserId) -> Result<Vec<Device>, Fault> {
    let rest = "FROM devices d WHERE d.user_id = $1 ORDER BY d.created_at, d.id";
    select!(connection, rows::DEVICE, rest, [id(user.uuid())], rows::device)
}

pub(crate) async fn sessions_of(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Session>, Fault> {
    let rest = "FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2
        ORDER BY s.created_at DESC, s.id DESC";
    let args = [id(user.uuid()), Arg::Int(now.unix_millis())];
    select!(connection, rows::SESSION, rest, args, rows::session)
}

pub(crate) async fn backup_codes_left(connection: &mut Connection, of: AuthenticatorId) -> Result<u32, Fault> {
    let sql = "SELECT count(*) FROM backup_codes WHERE authenticator_id = $1 AND used_at IS NULL";
    let count = connection.fetch(sql, &[id(of.uuid())], |row| row.get::<i64>(0)).await?;
    Ok(count.first().and_then(|count| u32::try_from(*count).ok()).unwrap_or(0))
}

/// The least id, which every id comes after.
const BEGINNING: Uuid = Uuid::nil();

pub(crate) async fn users(
    connection: &mut Connection,
    filter: &UserFilter,
    page: PageRequest<UserId>,
) -> Result<Page<User, UserId>, Fault> {
    let search = filter.search.as_deref().and_then(Search::of);
    let mut args = vec![id(page.after.map_or(BEGINNING, UserId::uuid)), limit(page.limit)];
    let mut rest = "FROM users u WHERE u.id > $1".to_owned();
    if let Some(state) = filter.state {
        args.push(Arg::Text(state.name()));
        let _ = write!(rest, " AND u.state = ${}", args.len());
    }
    if let Some(kind) = filter.has {
        args.push(Arg::Text(kind.name()));
        let _ = write!(
            rest,
            " AND EXISTS (SELECT 1 FROM authenticators a
                WHERE a.user_id = u.id AND a.state = 'active' AND a.kind = ${})",
            args.len()
        );
    }
    if let Some(search) = &search {
        args.extend([Arg::Text(&search.from), Arg::Text(&search.to), Arg::Text(&search.like)]);
        let last = args.len();
        let _ = write!(
            rest,
            " AND u.id IN (
                SELECT x.id FROM users x WHERE x.external_id_key >= ${} AND x.external_id_key < ${}
                UNION SELECT y.id FROM users y
                    WHERE y.display_name_folded IS NOT NULL AND y.display_name_folded LIKE ${last} ESCAPE '!')",
            last - 2,
            last - 1,
        );
    }
    rest.push_str(" ORDER BY u.id LIMIT $2");
    let items = select!(connection, rows::USER, rest, args, rows::user)?;
    Ok(cut(items, page.limit, |user| user.id))
}

static USERS_CALLED: Set = Set::of(
    &[("user_id", Id), ("name", Text)],
    &[
        "SELECT ",
        rows::USER,
        " FROM input i {then} users u ON u.id = i.user_id
     UNION ALL SELECT ",
        rows::USER,
        " FROM input i {then} users u ON u.external_id_key = i.name",
    ],
);

/// The users of these ids, and whom an application calls this, in one look.
pub(crate) async fn users_called(
    connection: &mut Connection,
    ids: &[UserId],
    names: &[ExternalId],
) -> Result<Vec<User>, Fault> {
    let mut input = Rows::default();
    for user in ids {
        input.push(&[id(user.uuid()), Arg::Null]);
    }
    for name in names {
        input.push(&[Arg::Null, Arg::Text(name.key())]);
    }
    USERS_CALLED.fetch(connection, input, |row| rows::user(&mut Reader::new(row))).await
}

/// What is searched for: external ids from one text to another, and display names of a pattern.
struct Search {
    from: String,
    to: String,
    like: String,
}

impl Search {
    fn of(text: &str) -> Option<Self> {
        let folded = text.trim().to_lowercase();
        if folded.is_empty() {
            return None;
        }
        let from = domain::ExternalId::parse(text).map_or_else(|_| folded.clone(), |id| id.key().to_owned());
        let to = format!("{from}\u{10ffff}");
        let like = format!("%{}%", folded.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
        Some(Self { from, to, like })
    }
}

/// One row more than the page holds tells whether there is a next one.
pub(crate) fn limit(limit: u32) -> Arg<'static> {
    Arg::Int(i64::from(limit.clamp(1, PageRequest::<()>::MAX)) + 1)
}

pub(crate) fn cut<T, K>(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Page<T, K> {
    let limit = usize::try_from(limit.clamp(1, PageRequest::<()>::MAX)).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(key);
    Page { items, next }
}

pub(crate) async fn applications(connection: &mut Connection) -> Result<Vec<Application>, Fault> {
    let rest = "FROM applications p ORDER BY p.created_at, p.id";
    select!(connection, rows::APPLICATION, rest, [], rows::application)
}

pub(crate) async fn application(connection: &mut Connection, of: ApplicationId) -> Result<Option<Application>, Fault> {
    let args = [id(of.uuid())];
    Ok(select!(connection, rows::APPLICATION, "FROM applications p WHERE p.id = $1", args, rows::application)?.pop())
}

pub(crate) async fn api_keys(connection: &mut Connection, of: ApplicationId) -> Result<Vec<ApiKey>, Fault> {
    let rest = "FROM api_keys k WHERE k.application_id = $1 ORDER BY k.created_at, k.id";
    select!(connection, rows::API_KEY, rest, [id(of.uuid())], rows::api_key)
}

/// How many of an application's pages are open that lead back to an origin.
pub(crate) async fn pages_open_at(
    connection: &mut Connection,
    of: ApplicationId,
    origin: &str,
    now: Timestamp,
) -> Result<i64, Fault> {
    let sql = "SELECT count(*) FROM pages WHERE application_id = $1 AND state = 'open' AND expires_at > $2
        AND substr(return_url, 1, length($3)) = $3";
    // What follows an origin in an address begins with a slash.
    let origin = format!("{origin}/");
    let args = [id(of.uuid()), Arg::Int(now.unix_millis()), Arg::Text(&origin)];
    Ok(connection.fetch(sql, &args, |row| row.get(0)).await?.pop().unwrap_or(0))
}

pub(crate) async fn policy(connection: &mut Connection) -> Result<Option<PolicyInForce>, Fault> {
    let rest = "FROM policies p ORDER BY p.number DESC LIMIT 1";
    Ok(select!(connection, rows::POLICY, rest, [], rows::policy)?.pop())
}

pub(crate) async fn policy_by_id(connection: &mut Connection, of: PolicyId) -> Result<Option<PolicyInForce>, Fault> {
    Ok(select!(connection, rows::POLICY, "FROM policies p WHERE p.id = $1", [id(of.uuid())], rows::policy)?.pop())
}

pub(crate) async fn policies(
    connection: &mut Connection,
    page: PageRequest<i64>,
) -> Result<Page<PolicyInForce, i64>, Fault> {
    let rest = "FROM policies p WHERE p.number < $1 ORDER BY p.number DESC LIMIT $2";
    let args = [Arg::Int(page.after.unwrap_or(i64::MAX)), limit(page.limit)];
    let items = select!(connection, rows::POLICY_HEAD, rest, args, rows::policy)?;
    Ok(cut(items, page.limit, |policy| policy.number))
}

/// What is remembered of a user for signals of risk, and its version.
pub(crate) async fn risk_history(connection: &mut Connection, of: UserId) -> Result<Option<(i64, Vec<u8>)>, Fault> {
    let sql = "SELECT version, history FROM risk_histories WHERE user_id = $1";
    Ok(connection.fetch(sql, &[id(of.uuid())], |row| Ok((row.get(0)?, row.get(1)?))).await?.pop())
}

/// What is kept with a session for signals of risk.
pub(crate) async fn session_risk(connection: &mut Connection, of: SessionId) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT risk FROM sessions WHERE id = $1";
    Ok(connection.fetch(sql, &[id(of.uuid())], |row| row.get(0)).await?.pop())
}

pub(crate) async fn keyring(connection: &mut Connection) -> Result<Option<Keyring>, Fault> {
    let sql = "SELECT version, wrapped FROM keyring";
    let read = connection.fetch(sql, &[], |row| Ok(Keyring { version: row.get(0)?, wrapped: row.get(1)? }));
    Ok(read.await?.pop())
}

pub(crate) async fn sealed_authenticators(
    connection: &mut Connection,
    page: PageRequest<AuthenticatorId>,
) -> Result<Page<Authenticator, AuthenticatorId>, Fault> {
    let rest = "FROM authenticators a
        WHERE a.id > $1 AND length(a.blob) > 0 AND a.state IN ('pending', 'active', 'suspended') ORDER BY a.id LIMIT $2";
    let args = [id(page.after.map_or(BEGINNING, AuthenticatorId::uuid)), limit(page.limit)];
    let items = select!(connection, rows::AUTHENTICATOR, rest, args, rows::authenticator)?;
    Ok(cut(items, page.limit, |authenticator| authenticator.id))
}

#[cfg(test)]
pub(crate) static ALL: [&Set; 2] = [&KNOWN_SERIALS, &USERS_CALLED];
