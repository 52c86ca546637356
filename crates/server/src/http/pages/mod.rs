//! The browser's side of hosted pages: what a page of ours asks from the server it came from. For no application.

mod browser;
mod files;
mod remember;
mod security;
mod sign_in;
mod task;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{AuthenticatorId, AuthenticatorKind, PagePurpose, Timestamp};
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::body::Body;
use super::problem::{INTERNAL, Problem};
use super::v1::enrollments::{SealedView, no_store, text};
use super::v1::prompts::{NewPrompt, Prompt};
use super::v1::proof::ProofGiven;
use super::v1::{flawed, key_bytes, name};
use super::{Shared, to_the_end};
use crate::Brand;
use crate::app::enrollments::{View, own_label};
use crate::app::pages::{Begin, Enrolling, Seen, Step};
use crate::app::{self, App};
use browser::{FromPage, keep};
pub(super) use files::files;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(open_page))
        .routes(routes!(prompt_on_page))
        .routes(routes!(wait_on_page))
        .routes(routes!(prove_on_page))
        .routes(routes!(begin_on_page))
        .routes(routes!(confirm_on_page))
        .merge(security::routes())
        .merge(sign_in::routes())
        .merge(task::routes())
        .routes(routes!(remember::remember_on_page))
        .routes(routes!(finish_page))
        .routes(routes!(cancel_page))
}

/// Open a page
///
/// Binds the page to the browser, by a cookie, and tells what there is to do. Again from the same browser it does just the latter. Until the
/// application has redeemed the page's code that is the step `redeem`, and every other request is a 409.
#[utoipa::path(post, path = "/pages/open", tag = "Pages in the browser", security(()), request_body = OpenPage,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is to do", body = PageSeen)))]
async fn open_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: open, .. }: Body<OpenPage>,
) -> Result<Response, Problem> {
    if *open.token != *visitor.token.text() {
        return Err(flawed("/token", "must be the token in the page's link, as the header says it"));
    }
    let opened = app.open_page(&visitor).await?;
    let mut response = match opened.seen {
        Ok(seen) => answer(&app, seen).await,
        Err(error) => Problem::from(error).into_response(),
    };
    if let Some(browser) = opened.browser {
        let left = (opened.expires_at.unix_millis() - app.now().unix_millis()).max(0) / 1000;
        let cookie = keep(visitor.token.hash(), &browser, left).ok_or_else(|| Problem::of(&INTERNAL))?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Have something sent or asked on a page
///
/// So that it can be proved there; again, it is sent again, as soon as `resend_at` has come.
#[utoipa::path(post, path = "/pages/prompt", tag = "Pages in the browser", security(()), request_body = NewPrompt,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What was sent or asked", body = PageSeen)))]
async fn prompt_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: new, .. }: Body<NewPrompt>,
) -> Result<Response, Problem> {
    let asking = Arc::clone(&app);
    let asking = async move { asking.prompt_on_page(&visitor, new.kind, new.authenticator_id).await };
    Ok(answer(&app, to_the_end(asking).await?).await)
}

/// Wait for what happens elsewhere
///
/// Until an approval was given or denied on a phone, or for 25 seconds.
#[utoipa::path(post, path = "/pages/wait", tag = "Pages in the browser", security(()), request_body = Nothing,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is to do now", body = PageSeen)))]
async fn wait_on_page(State(app): Shared, FromPage(visitor): FromPage, _: Body<Nothing>) -> Result<Response, Problem> {
    let seen = Arc::clone(&app).wait_on_page(&visitor).await?;
    Ok(answer(&app, seen).await)
}

/// Prove something on a page
///
/// A proof for the challenge, or for what comes before an enrollment. Wrong is whatever is wrong for a challenge.
#[utoipa::path(post, path = "/pages/prove", tag = "Pages in the browser", security(()), request_body = ProofGiven,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is to do next", body = PageSeen)))]
async fn prove_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: proof, .. }: Body<ProofGiven>,
) -> Result<Response, Problem> {
    Ok(answer(&app, Arc::clone(&app).prove_on_page(&visitor, proof.checked()?).await?).await)
}

/// Begin to enroll on a page
///
/// Hands over what the kind needs: a key, sealed to the browser's own; options for a passkey; a code, which is sent. Again, it begins again.
#[utoipa::path(post, path = "/pages/begin", tag = "Pages in the browser", security(()), request_body = BeginEnrollment,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What was handed over", body = PageSeen)))]
async fn begin_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: begin, .. }: Body<BeginEnrollment>,
) -> Result<Response, Problem> {
    let begin = Begin {
        kind: begin.kind,
        recipient_key: begin.recipient_key.map(|key| key_bytes("/recipient_key", &key)).transpose()?,
        address: begin.address,
        serial: begin.serial,
        label: begin.label.map(|label| name("/label", &label)).transpose()?,
    };
    let beginning = Arc::clone(&app);
    let beginning = async move { beginning.begin_on_page(&visitor, begin).await };
    Ok(answer(&app, to_the_end(beginning).await?).await)
}

/// Confirm an enrollment on a page
///
/// With a proof of the new authenticator. Who had no backup codes gets ten, shown here and nowhere else.
#[utoipa::path(post, path = "/pages/confirm", tag = "Pages in the browser", security(()), request_body = ProofGiven,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "The authenticator is active", body = PageSeen)))]
async fn confirm_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: proof, .. }: Body<ProofGiven>,
) -> Result<Response, Problem> {
    Ok(answer(&app, Arc::clone(&app).confirm_on_page(&visitor, proof.checked()?).await?).await)
}

/// Leave a page on which everything is done
#[utoipa::path(post, path = "/pages/finish", tag = "Pages in the browser", security(()), request_body = Nothing,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "Where the browser may go back to", body = PageSeen)))]
async fn finish_page(State(app): Shared, FromPage(visitor): FromPage, _: Body<Nothing>) -> Result<Response, Problem> {
    Ok(answer(&app, app.leave_page(&visitor).await?).await)
}

/// Leave a page without doing what it is for
#[utoipa::path(post, path = "/pages/cancel", tag = "Pages in the browser", security(()), request_body = Nothing,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "Where the browser may go back to", body = PageSeen)))]
async fn cancel_page(State(app): Shared, FromPage(visitor): FromPage, _: Body<Nothing>) -> Result<Response, Problem> {
    Ok(answer(&app, app.cancel_page(&visitor).await?).await)
}

async fn answer(app: &App, seen: Seen) -> Response {
    no_store(Json(PageSeen::of(seen, app, app.brand().await)).into_response())
}

/// A page to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenPage {
    /// The token in the page's link.
    #[schema(value_type = String)]
    token: Zeroizing<String>,
}

/// An enrollment to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginEnrollment {
    /// What to enroll.
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    /// For `totp`: an X25519 public key of the browser's, base64url: the view is sealed to it (RFC 9180).
    recipient_key: Option<String>,
    /// For `sms` and `email`: where codes go.
    address: Option<String>,
    /// For `hotp`: the serial number of a hardware token that was imported.
    serial: Option<String>,
    /// What its owner calls it.
    label: Option<String>,
}

/// An object without members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// What there is to do on a page.
#[derive(Serialize, ToSchema)]
struct PageSeen {
    #[schema(value_type = String)]
    purpose: PagePurpose,
    /// The name of the application that sent the browser here.
    application: String,
    /// Whose pages they are.
    brand: Brand,
    #[schema(value_type = String)]
    expires_at: Timestamp,
    /// `redeem`, `prove`, `choose`, `view`, `backup_codes`, `stronger`, `overview`, `decide` or `done`.
    step: &'static str,
    /// At `prove`: what proof is wanted for.
    challenge: Option<WantedProof>,
    /// At `prove`: what was sent or asked.
    prompt: Option<Prompt>,
    /// At `prove`: that this browser can be remembered, and which are. Null where none is.
    remember: Option<remember::Remember>,
    /// At `choose` and `overview`: what can be enrolled, in the order in which it is offered; at `stronger`: what is stronger than what was just
    /// enrolled, for which `finish` is a no.
    factors: Vec<Factor>,
    /// At `view`: what was handed over.
    view: Option<HandedOver>,
    /// At `overview`: what the person has.
    overview: Option<security::Overview>,
    /// At `decide`: what is asked.
    task: Option<task::Asked>,
    /// At `backup_codes`: the codes, this once.
    #[schema(value_type = Option<Vec<String>>)]
    backup_codes: Option<Vec<Zeroizing<String>>>,
    /// At `redeem`: where the browser goes before anything is asked, so that the application sees which one it is. At `done`: where it goes
    /// back to, or after signing in a link that is good once.
    return_to: Option<String>,
}

/// What proof is wanted for.
#[derive(Serialize, ToSchema)]
struct WantedProof {
    action: String,
    /// By which ways it can be given, the first to be offered first. On a page of a session these are what the user has; on any other
    /// they are the same for everybody.
    ways: Vec<Way>,
    /// Further details of the action, to be shown.
    #[schema(value_type = Object)]
    shown: Map<String, Value>,
}

/// Something that can be enrolled.
#[derive(Serialize, ToSchema)]
struct Factor {
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    /// The highest assurance level that proof with it can amount to beside a password (NIST SP 800-63B-4).
    strength: &'static str,
}

/// A way to prove something.
#[derive(Serialize, ToSchema)]
struct Way {
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    #[schema(value_type = Option<String>)]
    authenticator_id: Option<AuthenticatorId>,
    /// What its owner calls it, if anything.
    label: Option<String>,
    /// Where codes go, with most of it hidden.
    to: Option<String>,
}

impl From<app::pages::Way> for Way {
    fn from(way: app::pages::Way) -> Self {
        let app::pages::Way { kind, authenticator } = way;
        Self {
            kind,
            authenticator_id: authenticator.as_ref().map(|authenticator| authenticator.id),
            to: authenticator.as_ref().and_then(|authenticator| authenticator.credential.as_ref()?.masked()),
            label: authenticator.and_then(|authenticator| own_label(kind, authenticator.label)),
        }
    }
}

/// What was handed over to enroll an authenticator.
#[derive(Serialize, ToSchema)]
struct HandedOver {
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    /// The key, once. Null where it was shown before: whoever did not keep it begins again.
    sealed: Option<SealedView>,
    /// What the sealed key is bound to: its 16 bytes are the associated data.
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
    /// The key is to be put away then.
    #[schema(value_type = String)]
    view_expires_at: Timestamp,
    /// What was sent or asked; its `webauthn` is what `navigator.credentials.create` is asked with
    /// (`PublicKeyCredentialCreationOptionsJSON`, WebAuthn Level 3 §5.1.8).
    prompt: Option<Prompt>,
    /// What is opened on the phone that is to approve.
    #[schema(value_type = Option<String>)]
    link: Option<Zeroizing<String>>,
}

impl From<Enrolling> for HandedOver {
    fn from(enrolling: Enrolling) -> Self {
        let mut handed = Self {
            kind: enrolling.kind,
            sealed: None,
            authenticator_id: enrolling.authenticator_id,
            view_expires_at: enrolling.expires_at,
            prompt: None,
            link: None,
        };
        match enrolling.view {
            Some(View::Key(vault_proto::View::Sealed { enc, ciphertext })) => {
                handed.sealed = Some(SealedView::new(&enc, &ciphertext));
            }
            // A view in the clear, which no page is ever given (P-05).
            Some(View::Key(vault_proto::View::Open { .. })) | None => {}
            Some(View::Prompt(prompt, shown)) => {
                handed.link = shown.link.as_ref().map(text);
                handed.prompt = Some(Prompt::new(&prompt, shown));
            }
        }
        handed
    }
}

impl PageSeen {
    fn of(seen: Seen, app: &App, brand: Brand) -> Self {
        let mut answer = Self {
            purpose: seen.page.purpose,
            application: seen.application,
            brand,
            expires_at: seen.page.expires_at,
            step: "done",
            challenge: None,
            prompt: None,
            remember: None,
            factors: Vec::new(),
            view: None,
            overview: None,
            task: None,
            backup_codes: None,
            return_to: None,
        };
        match seen.step {
            Step::Redeem(code) => {
                answer.step = "redeem";
                answer.return_to = Some(seen.page.redeem_at(&code.text()));
            }
            Step::Prove { action, shown, ways, prompt, remember } => {
                answer.step = "prove";
                let ways = ways.into_iter().map(Way::from).collect();
                answer.challenge = Some(WantedProof { action, ways, shown });
                answer.prompt = prompt.map(|prompt| Prompt::from(*prompt));
                answer.remember = remember.map(|remember| (*remember).into());
            }
            Step::Choose => {
                answer.step = "choose";
                answer.factors = Factor::all(app);
            }
            Step::Stronger(than) => {
                answer.step = "stronger";
                answer.factors = app.stronger(than).into_iter().map(Factor::of).collect();
            }
            Step::Overview(overview) => {
                answer.step = "overview";
                answer.overview = Some((*overview).into());
                answer.factors = Factor::all(app);
            }
            Step::Decide(asked) => {
                answer.step = "decide";
                answer.task = Some(task::Asked::at(*asked, app.now()));
            }
            Step::View(enrolling) => {
                answer.step = "view";
                answer.view = Some((*enrolling).into());
            }
            Step::BackupCodes(codes) => {
                answer.step = "backup_codes";
                answer.backup_codes = Some(codes.iter().map(text).collect());
            }
            Step::Done => answer.return_to = Some(seen.page.return_to()),
            Step::SignedIn(link) => answer.return_to = Some(link.to_string()),
        }
        answer
    }
}

impl Factor {
    /// Those that can be enrolled. Backup codes come by themselves.
    fn all(app: &App) -> Vec<Self> {
        app.offered().filter(|kind| *kind != AuthenticatorKind::BackupCodes).map(Self::of).collect()
    }

    fn of(kind: AuthenticatorKind) -> Self {
        let strength = match kind {
            AuthenticatorKind::Webauthn => "aal3",
            AuthenticatorKind::Email => "aal1",
            _ => "aal2",
        };
        Self { kind, strength }
    }
}
