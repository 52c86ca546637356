//! What browsers ask at a site below `/.countersign/`, which its proxy hands on to us: on the way to the login and back, and to pages and
//! back. Each answer is a redirect within the site, to its login, or to a page of ours.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use domain::{ChallengeId, PageId, ReturnOrigin, ReturnUrl};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::Shared;
use super::super::parameters::Query;
use super::super::problem::{
    CROSS_SITE, INTERNAL, NOT_PROVED, Problem, REQUEST_REFUSED, SESSION_OVER, SIGN_IN_NEEDED, SIGN_IN_OVER,
};
use super::super::v1::pages::link;
use super::answer::{page, refused};
use super::proxy::{BROWSER, FromProxy, PROVED, STATE, unknown};
use crate::app::forward_auth::{Came, Led, SignedIn, Visitor};
use crate::app::pages::{Code, Token};
use crate::app::risk::Source;
use crate::app::{App, Error};
use crate::sites::{PREFIX, Site, within};

/// How long a browser may be at the login, in seconds.
const AT_LOGIN: i64 = 1800;
/// How long what was proved can serve a decision: as long as a challenge's proof can.
const SERVES: u64 = domain::Challenge::ASSERTION_LIFETIME.as_secs();

/// Where a browser goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    to: String,
    /// Whether the person has to log in although there is a session.
    again: Option<String>,
}

/// Sends the browser to the login: the site's, or our own page.
pub(super) async fn start(State(app): Shared, from: FromProxy, query: Result<Query<Start>, Problem>) -> Response {
    let started = started(&app, &from, query);
    started.unwrap_or_else(|problem| refused(problem, true))
}

fn started(app: &App, from: &FromProxy, query: Result<Query<Start>, Problem>) -> Result<Response, Problem> {
    let Query(start) = query?;
    let (site, origin) = (from.site(app).ok_or_else(unknown)?, from.origin(app)?);
    let return_to = destination(&origin, &start.to).to_string();
    // Two windows that are sent to the login at once have one secret, so that both can come back.
    let state = from.token(STATE)?.unwrap_or_else(|| Token::random(&*app.entropy));
    let said = BASE64URL_NOPAD.encode(&state.hash().0);
    let again = start.again.map(|_| ("prompt", "login"));
    let parameters = [("return_to", return_to.as_str()), ("state", said.as_str())].into_iter().chain(again);
    let ours = || ReturnUrl::parse(&format!("{}/sign-in", app.settings.issuer.trim_end_matches('/')));
    let login = site.login.clone().map_or_else(ours, Ok).map_err(|_| Problem::of(&INTERNAL))?;
    let mut response = redirect(&login.with_parameters(parameters))?;
    keep(&mut response, STATE, &state.text(), AT_LOGIN)?;
    Ok(response)
}

/// A link that the login made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enter {
    code: Zeroizing<String>,
}

/// Signs the browser in by its link.
pub(super) async fn enter(State(app): Shared, from: FromProxy, query: Result<Query<Enter>, Problem>) -> Response {
    entered(&app, &from, query).await.unwrap_or_else(|problem| refused(problem, true))
}

async fn entered(app: &App, from: &FromProxy, query: Result<Query<Enter>, Problem>) -> Result<Response, Problem> {
    let Query(enter) = query?;
    let (site, origin, visitor) = (from.site(app).ok_or_else(unknown)?, from.origin(app)?, from.visitor(app)?);
    let over = || page(&Problem::of(&SIGN_IN_OVER), Some(("/", "Begin again")));
    let Some(code) = Token::parse(&enter.code) else { return Ok(over()) };
    let state = from.token(STATE)?;
    let (browser, sign_in) = match app.finish_sign_in(site, &visitor, &code, state.as_ref()).await {
        Ok(signed_in) => signed_in,
        Err(Error::PageOver | Error::PageElsewhere | Error::SessionOver) => return Ok(over()),
        Err(error) => return Err(error.into()),
    };
    if sign_in.return_url.origin() != &origin {
        // The login keeps the site that it was told of; that a proxy serves two of them under one name is a mistake.
        return Err(Problem::of(&REQUEST_REFUSED));
    }
    if site.login.is_none() {
        // Who signs in here again has another session: the one before is nobody's any more.
        end(app, site, &visitor).await?;
    }
    let mut response = redirect(&sign_in.return_url.to_string())?;
    let seconds = (sign_in.expires_at.unix_millis() - app.now().unix_millis()).max(0) / 1000;
    keep(&mut response, BROWSER, &browser.text(), seconds)?;
    forget(&mut response, STATE)?;
    forget(&mut response, PROVED)?;
    Ok(response)
}

/// What is to be proved, and where the browser goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepUp {
    challenge: String,
    to: String,
}

/// Sends the browser to a page on which it is proved.
pub(super) async fn step_up(State(app): Shared, from: FromProxy, query: Result<Query<StepUp>, Problem>) -> Response {
    let led = async {
        let Query(StepUp { challenge, to }) = query?;
        let challenge = challenge.parse::<ChallengeId>().map_err(|_| Problem::of(&REQUEST_REFUSED))?;
        led(&app, &from, Some(challenge), &to).await
    };
    led.await.unwrap_or_else(|problem| refused(problem, true))
}

/// Where the browser goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Enroll {
    to: String,
}

/// Sends the browser to a page on which something is enrolled.
pub(super) async fn enroll(State(app): Shared, from: FromProxy, query: Result<Query<Enroll>, Problem>) -> Response {
    let led = async {
        let Query(Enroll { to }) = query?;
        led(&app, &from, None, &to).await
    };
    led.await.unwrap_or_else(|problem| refused(problem, true))
}

async fn led(app: &App, from: &FromProxy, challenge: Option<ChallengeId>, to: &str) -> Result<Response, Problem> {
    let origin = from.origin(app)?;
    let to = destination(&origin, to);
    let signed_in = signed_in(app, from).await?;
    let rest = to.to_string();
    let rest = rest.strip_prefix(origin.as_str()).unwrap_or("/");
    let back = ReturnUrl::parse(&format!("{origin}{PREFIX}/back")).map_err(|_| Problem::of(&INTERNAL))?;
    let back = ReturnUrl::parse(&back.with_parameters([("to", rest)])).unwrap_or(back);
    let visitor = from.visitor(app)?;
    let source = Source::new(visitor.address, visitor.user_agent.as_deref());
    match app.lead_to_page(&signed_in, challenge, back, source).await {
        Ok(led) => to_page(app, &led),
        // Asked once more, there is another challenge, or the login has its turn.
        Err(Error::ChallengeOver | Error::SessionOver) => redirect(&to.to_string()),
        Err(Error::StepUpNeeded(_)) => redirect(&begin_again(&origin, rest)),
        Err(error) => Err(error.into()),
    }
}

/// What comes back from a page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    to: Option<String>,
    page: String,
    code: Option<Zeroizing<String>>,
    outcome: Option<String>,
}

/// Takes the browser that comes from a page back there once, and on to where it wanted to go afterwards.
pub(super) async fn back(State(app): Shared, from: FromProxy, query: Result<Query<Back>, Problem>) -> Response {
    came_back(&app, &from, query).await.unwrap_or_else(|problem| refused(problem, true))
}

async fn came_back(app: &App, from: &FromProxy, query: Result<Query<Back>, Problem>) -> Result<Response, Problem> {
    let Query(back) = query?;
    let origin = from.origin(app)?;
    let to = destination(&origin, back.to.as_deref().unwrap_or("/")).to_string();
    let id = back.page.parse::<PageId>().map_err(|_| Problem::of(&REQUEST_REFUSED))?;
    let signed_in = signed_in(app, from).await?;
    if let Some(code) = &back.code {
        let code = Code::parse(code).ok_or_else(|| Problem::of(&REQUEST_REFUSED))?;
        return to_page(app, &app.redeem_at_site(&signed_in, id, code).await?);
    }
    if back.outcome.is_none() {
        return Err(Problem::of(&REQUEST_REFUSED));
    }
    match app.came_of(&signed_in, id).await? {
        Came::Done(proved) => {
            let mut response = redirect(&to)?;
            if let Some(proved) = proved {
                keep(&mut response, PROVED, &proved.to_string(), i64::try_from(SERVES).unwrap_or(0))?;
            }
            Ok(response)
        }
        Came::Not => Ok(page(&Problem::of(&NOT_PROVED), Some((&to, "Try again")))),
    }
}

/// Ends the session, and has the browser forget it.
pub(super) async fn sign_out(State(app): Shared, from: FromProxy) -> Response {
    signed_out(&app, &from).await.unwrap_or_else(|problem| refused(problem, true))
}

async fn signed_out(app: &App, from: &FromProxy) -> Result<Response, Problem> {
    let origin = from.origin(app)?;
    if !from.is_own(&origin) {
        return Err(Problem::of(&CROSS_SITE));
    }
    let site = from.site(app).ok_or_else(unknown)?;
    end(app, site, &from.visitor(app)?).await?;
    let to = HeaderValue::from_str(&format!("{origin}/")).map_err(|_| Problem::of(&INTERNAL))?;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    for name in [BROWSER, STATE, PROVED] {
        forget(&mut response, name)?;
    }
    Ok(response)
}

/// Ends the session of a browser, if it has one.
async fn end(app: &App, site: &Site, visitor: &Visitor) -> Result<(), Problem> {
    let Some(signed_in) = app.signed_in(site, visitor).await? else { return Ok(()) };
    match app.end_session(&signed_in.actor, signed_in.sign_in.session_id, None).await {
        Ok(()) | Err(Error::SessionOver | Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn signed_in(app: &App, from: &FromProxy) -> Result<SignedIn, Problem> {
    let site: &Site = from.site(app).ok_or_else(unknown)?;
    let found = app.signed_in(site, &from.visitor(app)?).await?;
    let signed_in = found.ok_or_else(|| Problem::of(&SIGN_IN_NEEDED))?;
    match app.session_of(&signed_in).await? {
        Some(_) => Ok(signed_in),
        None => Err(Problem::of(&SESSION_OVER)),
    }
}

/// Within the site, or its first page.
fn destination(origin: &ReturnOrigin, to: &str) -> Destination {
    within(origin, to).map_or_else(|| Destination(format!("{origin}/")), |url| Destination(url.to_string()))
}

/// A URL within a site.
struct Destination(String);

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the person logs in once more.
fn begin_again(origin: &ReturnOrigin, rest: &str) -> String {
    let start = ReturnUrl::parse(&format!("{origin}{PREFIX}/start"));
    start.map(|start| start.with_parameters([("again", "yes"), ("to", rest)])).unwrap_or_default()
}

fn to_page(app: &App, led: &Led) -> Result<Response, Problem> {
    redirect(&link(&app.settings.issuer, led.purpose, &led.token))
}

fn redirect(to: &str) -> Result<Response, Problem> {
    let to = HeaderValue::from_str(to).map_err(|_| Problem::of(&INTERNAL))?;
    Ok((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
}

/// Lax, since browsers come back from the login and from pages by a redirect from another site.
fn keep(response: &mut Response, name: &str, value: &str, seconds: i64) -> Result<(), Problem> {
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    let mut value = HeaderValue::from_str(&cookie).map_err(|_| Problem::of(&INTERNAL))?;
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

fn forget(response: &mut Response, name: &str) -> Result<(), Problem> {
    keep(response, name, "", 0)
}
