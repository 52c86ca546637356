//! The browser's side of hosted pages: what a page of ours asks from the server it came from. For no application.

mod browser;
mod files;

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

use super::Shared;
use super::body::Body;
use super::problem::{INTERNAL, Problem};
use super::v1::challenges::{CodeProof, METHODS};
use super::v1::enrollments::{EnrollableKind, SealedView, no_store, text};
use super::v1::{flawed, key_bytes, name};
use crate::app::App;
use crate::app::pages::{Begin, Handed, Seen, Step};
use browser::{FromPage, keep};
pub(super) use files::files;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(open_page))
        .routes(routes!(prove_on_page))
        .routes(routes!(begin_on_page))
        .routes(routes!(confirm_on_page))
        .routes(routes!(finish_page))
        .routes(routes!(cancel_page))
}

/// Open a page
///
/// Binds the page to the browser, by a cookie, and tells what there is to do. Again from the same browser it does just the latter.
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
        Ok(seen) => answer(seen),
        Err(error) => Problem::from(error).into_response(),
    };
    if let Some(browser) = opened.browser {
        let left = (opened.expires_at.unix_millis() - app.now().unix_millis()).max(0) / 1000;
        let cookie = keep(visitor.token.hash(), &browser, left).ok_or_else(|| Problem::of(&INTERNAL))?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Prove something on a page
///
/// A code for the challenge, or for what comes before an enrollment. Wrong is whatever is wrong for a challenge.
#[utoipa::path(post, path = "/pages/prove", tag = "Pages in the browser", security(()), request_body = CodeProof,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "What there is to do next", body = PageSeen)))]
async fn prove_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: proof, .. }: Body<CodeProof>,
) -> Result<Response, Problem> {
    Ok(answer(app.prove_on_page(&visitor, &proof.code).await?))
}

/// Begin to enroll on a page
///
/// Makes a key and hands it out, sealed to the browser's own. Again, it begins again with another key.
#[utoipa::path(post, path = "/pages/begin", tag = "Pages in the browser", security(()), request_body = BeginEnrollment,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "The one view of the key", body = PageSeen)))]
async fn begin_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: begin, .. }: Body<BeginEnrollment>,
) -> Result<Response, Problem> {
    let EnrollableKind::Totp = begin.kind;
    let begin = Begin {
        recipient_key: key_bytes("/recipient_key", &begin.recipient_key)?,
        label: begin.label.map(|label| name("/label", &label)).transpose()?,
    };
    Ok(answer(app.begin_on_page(&visitor, begin).await?))
}

/// Confirm an enrollment on a page
///
/// With a code from the new authenticator. Who had no backup codes gets ten, shown here and nowhere else.
#[utoipa::path(post, path = "/pages/confirm", tag = "Pages in the browser", security(()), request_body = CodeProof,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "The authenticator is active", body = PageSeen)))]
async fn confirm_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: proof, .. }: Body<CodeProof>,
) -> Result<Response, Problem> {
    Ok(answer(app.confirm_on_page(&visitor, &proof.code).await?))
}

/// Leave a page on which everything is done
#[utoipa::path(post, path = "/pages/finish", tag = "Pages in the browser", security(()), request_body = Nothing,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "Where the browser may go back to", body = PageSeen)))]
async fn finish_page(State(app): Shared, FromPage(visitor): FromPage, _: Body<Nothing>) -> Result<Response, Problem> {
    Ok(answer(app.leave_page(&visitor).await?))
}

/// Leave a page without doing what it is for
#[utoipa::path(post, path = "/pages/cancel", tag = "Pages in the browser", security(()), request_body = Nothing,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "Where the browser may go back to", body = PageSeen)))]
async fn cancel_page(State(app): Shared, FromPage(visitor): FromPage, _: Body<Nothing>) -> Result<Response, Problem> {
    Ok(answer(app.cancel_page(&visitor).await?))
}

fn answer(seen: Seen) -> Response {
    no_store(Json(PageSeen::from(seen)).into_response())
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
    /// What to enroll: `totp`.
    kind: EnrollableKind,
    /// An X25519 public key of the browser's, base64url: the view is sealed to it (RFC 9180).
    recipient_key: String,
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
    #[schema(value_type = String)]
    expires_at: Timestamp,
    /// `prove`, `choose`, `view`, `backup_codes` or `done`.
    step: &'static str,
    /// At `prove`: what a code is wanted for.
    challenge: Option<WantedProof>,
    /// At `choose`: what can be enrolled, the strongest first.
    factors: Vec<Factor>,
    /// At `view`, once: the key. Null where it was shown before; whoever did not keep it begins again.
    view: Option<OneView>,
    /// At `backup_codes`: the codes, this once.
    #[schema(value_type = Option<Vec<String>>)]
    backup_codes: Option<Vec<Zeroizing<String>>>,
    /// At `done`: where the browser goes back to.
    return_to: Option<String>,
}

/// What a code is wanted for.
#[derive(Serialize, ToSchema)]
struct WantedProof {
    action: String,
    /// What may be given as proof; the same for everybody.
    methods: &'static [&'static str],
    /// Further details of the action, to be shown.
    #[schema(value_type = Object)]
    shown: Map<String, Value>,
}

/// Something that can be enrolled.
#[derive(Serialize, ToSchema)]
struct Factor {
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    /// The assurance level that proof with it amounts to beside a password (NIST SP 800-63B-4).
    strength: &'static str,
}

/// The one view of a key.
#[derive(Serialize, ToSchema)]
struct OneView {
    sealed: SealedView,
    /// What the view is bound to: its 16 bytes are the associated data.
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
    /// The key is to be put away then.
    #[schema(value_type = String)]
    view_expires_at: Timestamp,
}

impl OneView {
    /// `None` for a view in the clear, which no page is ever given (P-05).
    fn of(handed: &Handed) -> Option<Self> {
        match &handed.view {
            vault_proto::View::Sealed { enc, ciphertext } => Some(Self {
                sealed: SealedView::new(enc, ciphertext),
                authenticator_id: handed.authenticator_id,
                view_expires_at: handed.expires_at,
            }),
            vault_proto::View::Open { .. } => None,
        }
    }
}

impl From<Seen> for PageSeen {
    fn from(seen: Seen) -> Self {
        let mut answer = Self {
            purpose: seen.page.purpose,
            application: seen.application,
            expires_at: seen.page.expires_at,
            step: "done",
            challenge: None,
            factors: Vec::new(),
            view: None,
            backup_codes: None,
            return_to: None,
        };
        match seen.step {
            Step::Prove { action } => {
                answer.step = "prove";
                answer.challenge = Some(WantedProof { action, methods: METHODS, shown: Map::new() });
            }
            Step::Choose => {
                answer.step = "choose";
                answer.factors.push(Factor { kind: AuthenticatorKind::Totp, strength: "aal2" });
            }
            Step::View(handed) => {
                answer.step = "view";
                answer.view = handed.as_ref().and_then(OneView::of);
            }
            Step::BackupCodes(codes) => {
                answer.step = "backup_codes";
                answer.backup_codes = Some(codes.iter().map(text).collect());
            }
            Step::Done => answer.return_to = Some(seen.page.return_to()),
        }
        answer
    }
}
