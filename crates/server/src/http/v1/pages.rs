//! Hosted pages, as applications make them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{
    ChallengeId, EnrollmentId, HostedPage, PageId, PagePurpose, PageState, ReturnUrl, SessionId, TaskId, Timestamp,
    TokenHash, UserId, Wanted,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::enrollments::no_store;
use super::tasks::listed;
use super::{flawed, key_bytes};
use crate::app::pages::{Code, NewPage, Subject, Token, Whose, scopes};
use crate::app::risk::Source;
use crate::app::{App, Made};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{HostPages, May};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::Id;
use crate::http::problem::{INTERNAL, Problem};

/// The most characters that are carried to the page's end and back.
const MOST_CARRIED: usize = 512;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create_page)).routes(routes!(show_page)).routes(routes!(redeem_page))
}

/// Make a page
///
/// On which a person proves a challenge, enrolls an authenticator, looks after what they have, or decides what a run asks in their browser, and from which the browser goes back to
/// `return_url`. Send the browser of the person whose session it is to `url`, by a redirect. The first browser that
/// opens it is the only one that it works in, and it comes to `return_url` with a `code` first, which you redeem. Needs a scope for its purpose: `challenges` for `challenge`, `enrollments` for
/// `enroll`, for `security` `enrollments`, `sessions`, `authenticators:read` and `authenticators:write`, and for `task` `workflows:write` and `challenges`.
#[utoipa::path(post, path = "/v1/pages", tag = "Pages",
    params(("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")), request_body = CreatePage,
    responses((status = 201, description = "The page, and the link to it", body = CreatedPage)))]
async fn create_page(
    State(app): Shared,
    may: May<HostPages>,
    Making { value: new, once }: Making<CreatePage>,
) -> Result<Response, Problem> {
    scopes(new.purpose).iter().try_for_each(|scope| may.also(*scope))?;
    let new = new.checked()?;
    Ok(match app.create_page(&may.actor, new, once.as_ref()).await? {
        Made::New(shown) => {
            let url = link(&app.settings.issuer, shown.page.purpose, &shown.token);
            created(&CreatedPage::of(&shown.page, Some(url)))
        }
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&INTERNAL))?;
            created_before(&CreatedPage::of(&app.page(&may.actor, id).await?, None))
        }
    })
}

/// The link to a page.
pub(in crate::http) fn link(own: &str, purpose: PagePurpose, token: &Token) -> Zeroizing<String> {
    Zeroizing::new(format!("{}/{}/{}", own.trim_end_matches('/'), purpose.name(), *token.text()))
}

/// See a page
///
/// What came of it. That a page was finished says what the browser did; what that was worth, the challenge or the session says.
#[utoipa::path(get, path = "/v1/pages/{id}", tag = "Pages", params(("id" = String, Path)),
    responses((status = 200, description = "The page", body = Page)))]
async fn show_page(State(app): Shared, may: May<HostPages>, Id(id): Id<PageId>) -> Result<Json<Page>, Problem> {
    let page = app.page(&may.actor, id).await?;
    scopes(page.purpose).iter().try_for_each(|scope| may.also(*scope))?;
    Ok(Json(Page::at(&page, app.now())))
}

/// Redeem a page's code
///
/// A browser that opened a page comes to `return_url` first, with `code` in its query, and nothing is asked of anybody before this. Say which
/// session *that browser* has with you, as you know it by your own cookie and from nothing in the address, and redirect it to `url`. For a challenge without a
/// session say the `code_verifier` that you keep for that browser. Where it is not what the page was made for, somebody else opened
/// the link: 403 `page-opened-elsewhere`, the page is over, and a `page.refused` event tells of it. A code is redeemed once.
#[utoipa::path(post, path = "/v1/pages/{id}/redeem", tag = "Pages", params(("id" = String, Path)), request_body = RedeemPage,
    responses((status = 200, description = "Where to send the browser", body = CreatedPage)))]
async fn redeem_page(
    State(app): Shared,
    may: May<HostPages>,
    Id(id): Id<PageId>,
    Body { value: redeem, .. }: Body<RedeemPage>,
) -> Result<Response, Problem> {
    let page = app.page(&may.actor, id).await?;
    scopes(page.purpose).iter().try_for_each(|scope| may.also(*scope))?;
    let (code, whose) = redeem.checked()?;
    let (page, token) = app.redeem_page(&may.actor, id, code, whose).await?;
    let url = link(&app.settings.issuer, page.purpose, &token);
    Ok(no_store(Json(CreatedPage::of(&page, Some(url))).into_response()))
}

/// A code, and whose browser brought it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedeemPage {
    /// As the browser brought it: 86 characters.
    #[schema(value_type = String)]
    code: Zeroizing<String>,
    /// The session that this browser has with you; null or left out where it has none.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// What `code_challenge` was made of, where the page was made with one (RFC 7636 §4.1): as you keep it for this browser.
    #[schema(value_type = Option<String>)]
    code_verifier: Option<Zeroizing<String>>,
}

impl RedeemPage {
    fn checked(self) -> Result<(Code, Whose), Problem> {
        let code = Code::parse(&self.code).ok_or_else(|| flawed("/code", "is no code of a page"))?;
        let verifier = self.code_verifier.as_ref();
        if verifier.is_some_and(|verifier| !is_verifier(verifier)) {
            return Err(flawed("/code_verifier", "must be 43 to 128 letters, digits and -._~ (RFC 7636 §4.1)"));
        }
        Ok((code, Whose::new(self.session_id, verifier.map(|verifier| verifier.as_str()))))
    }
}

fn is_verifier(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(fits)
}

/// A page to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePage {
    /// `challenge`, `enroll`, `security` or `task`.
    #[schema(value_type = String)]
    purpose: PagePurpose,
    /// For `challenge`: what is to be proved.
    #[schema(value_type = Option<String>)]
    challenge_id: Option<ChallengeId>,
    /// For `enroll`, `security` and `task`: the session in which.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// For `task`: what is to be decided, by the user of the session.
    #[schema(value_type = Option<String>)]
    task_id: Option<TaskId>,
    /// For `task`: the roles that this user has, for which you vouch.
    #[serde(default)]
    roles: Vec<String>,
    /// Where the browser goes first, with `state`, `page` and `code` added to its query, and afterwards, with `outcome` in the place of the code. Its origin has to be among the
    /// application's `return_origins`; no fragment.
    #[schema(example = "https://shop.example/back")]
    return_url: String,
    /// Given back as it is, at most 512 characters.
    state: Option<String>,
    /// Wanted where the challenge has no session: SHA-256, base64url, of a `code_verifier` that you make at random and keep for the
    /// browser that you send (RFC 7636 §4.2, S256).
    code_challenge: Option<String>,
    /// For `enroll`, `security` and `task`: the address that the browser comes from now. Elsewhere than where the session began, and nothing proved there that a
    /// decision asked for, there is no page: 403 `step-up-needed`.
    #[schema(value_type = Option<String>, example = "203.0.113.9")]
    address: Option<std::net::IpAddr>,
    /// Its `User-Agent`, 512 bytes at most.
    user_agent: Option<String>,
}

impl CreatePage {
    pub(super) fn checked(self) -> Result<NewPage, Problem> {
        if self.purpose != PagePurpose::Task && (self.task_id.is_some() || !self.roles.is_empty()) {
            let at = if self.task_id.is_some() { "/task_id" } else { "/roles" };
            return Err(flawed(at, "is for the purpose task"));
        }
        let subject = match (self.purpose, self.challenge_id, self.session_id) {
            (PagePurpose::Challenge, Some(id), None) => Subject::Challenge(id),
            (PagePurpose::Enroll, None, Some(id)) => Subject::Enroll(id),
            (PagePurpose::Security, None, Some(id)) => Subject::Security(id),
            (PagePurpose::Task, None, Some(id)) => {
                let task = self.task_id.ok_or_else(|| flawed("/task_id", "is wanted for this purpose"))?;
                Subject::Task(id, task, listed("/roles", self.roles)?)
            }
            (PagePurpose::SignIn, ..) => {
                return Err(flawed(
                    "/purpose",
                    "must be challenge, enroll, security or task: for signing in, browsers make pages",
                ));
            }
            (PagePurpose::Challenge, ..) => {
                return Err(flawed("/challenge_id", "is wanted for this purpose, and no session_id"));
            }
            (PagePurpose::Enroll | PagePurpose::Security | PagePurpose::Task, ..) => {
                return Err(flawed("/session_id", "is wanted for this purpose, and no challenge_id"));
            }
        };
        let return_url =
            ReturnUrl::parse(&self.return_url).map_err(|error| flawed("/return_url", error.to_string()))?;
        if self.state.as_ref().is_some_and(|state| state.chars().count() > MOST_CARRIED) {
            return Err(flawed("/state", format!("has more than {MOST_CARRIED} characters")));
        }
        if self.user_agent.as_ref().is_some_and(|agent| agent.len() > 512) {
            return Err(flawed("/user_agent", "has more than 512 bytes"));
        }
        let source = Source::new(self.address, self.user_agent.as_deref());
        let code_challenge = self.code_challenge.map(|hash| key_bytes("/code_challenge", &hash)).transpose()?;
        let code_challenge = code_challenge.map(TokenHash);
        Ok(NewPage { subject, return_url, carried: self.state, code_challenge, source })
    }
}

/// A page that was made.
#[derive(Serialize, ToSchema)]
struct CreatedPage {
    #[schema(value_type = String, example = "pag_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: PageId,
    /// Where to send the browser, shown as the page is made and as its code is redeemed; null where an earlier request with the same `Idempotency-Key` showed it.
    #[schema(value_type = Option<String>)]
    url: Option<Zeroizing<String>>,
    #[schema(value_type = String)]
    purpose: PagePurpose,
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl CreatedPage {
    fn of(page: &HostedPage, url: Option<Zeroizing<String>>) -> Self {
        Self { id: page.id, url, purpose: page.purpose, expires_at: page.expires_at }
    }
}

/// A page.
#[derive(Serialize, ToSchema)]
struct Page {
    #[schema(value_type = String, example = "pag_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: PageId,
    #[schema(value_type = String)]
    purpose: PagePurpose,
    /// `open`, `proved`, `enrolled`, `left`, `approved`, `rejected`, `cancelled`, `refused` or `expired`.
    state: &'static str,
    /// Whether a browser has opened it.
    opened: bool,
    /// When its code was redeemed, so that something could be done on it.
    #[schema(value_type = Option<String>)]
    redeemed_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// What is proved on it; on a page for enrolling what was proved first, if anything had to be.
    #[schema(value_type = Option<String>)]
    challenge_id: Option<ChallengeId>,
    /// The enrollment that was begun on it.
    #[schema(value_type = Option<String>)]
    enrollment_id: Option<EnrollmentId>,
    /// What is decided on it.
    #[schema(value_type = Option<String>)]
    task_id: Option<TaskId>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl Page {
    fn at(page: &HostedPage, now: Timestamp) -> Self {
        let expired = page.state == PageState::Open && !page.is_open(now);
        Self {
            id: page.id,
            purpose: page.purpose,
            state: if expired { "expired" } else { page.state.name() },
            opened: page.browser.is_some(),
            redeemed_at: page.redeemed_at,
            // Of a challenge the answer does not tell whether there is such a user (T-19).
            user_id: page.user_id.filter(|_| page.session_id.is_some()),
            session_id: page.session_id,
            challenge_id: page.challenge_id,
            enrollment_id: page.enrollment_id,
            task_id: match &page.wanted {
                Some(Wanted::Decide(deciding)) => Some(deciding.task_id),
                _ => None,
            },
            created_at: page.created_at,
            expires_at: page.expires_at,
        }
    }
}
