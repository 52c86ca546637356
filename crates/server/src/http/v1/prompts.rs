//! Prompts: what is sent or asked so that a challenge can be proved.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{AuthenticatorId, AuthenticatorKind, ChallengeId, PromptId, PromptState, Timestamp};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::enrollments::no_store;
use crate::app::App;
use crate::app::factors::Shown;
use crate::app::prompts::PromptSeen;
use crate::http::body::Body;
use crate::http::caller::{self, May};
use crate::http::parameters::Id;
use crate::http::problem::Problem;
use crate::http::{Shared, to_the_end};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create_prompt))
}

/// Have something sent or asked
///
/// A code by text message or e-mail, an approval on a phone, a passkey. Codes of apps, hardware tokens and paper need no prompt. Again,
/// it is sent again, as soon as `resend_at` has come. The answer does not tell whether there is such a user or what the user has.
#[utoipa::path(post, path = "/v1/challenges/{id}/prompts", tag = "Challenges", params(("id" = String, Path)),
    request_body = NewPrompt,
    responses((status = 201, description = "What was sent or asked", body = Prompt)))]
async fn create_prompt(
    State(app): Shared,
    may: May<caller::Challenge>,
    Id(id): Id<ChallengeId>,
    Body { value: new, .. }: Body<NewPrompt>,
) -> Result<Response, Problem> {
    let asking = async move { app.prompt(&may.actor, id, new.kind, new.authenticator_id, None).await };
    let prompted = to_the_end(asking).await?;
    Ok(no_store((StatusCode::CREATED, Json(Prompt::from(prompted))).into_response()))
}

/// A wish for something to be sent or asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPrompt {
    /// `webauthn`, `push`, `sms`, `email` or `browser`, as far as they are offered here.
    #[schema(value_type = String)]
    pub(in crate::http) kind: AuthenticatorKind,
    /// Which of the user's authenticators of that kind; the one used last if not said.
    #[schema(value_type = Option<String>)]
    pub(in crate::http) authenticator_id: Option<AuthenticatorId>,
}

/// Something that was sent or asked.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Prompt {
    /// What an answer names.
    #[schema(value_type = String, example = "prm_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: PromptId,
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    /// `open`, `used`, `denied` or `replaced`.
    #[schema(value_type = String)]
    state: PromptState,
    #[schema(value_type = String)]
    expires_at: Timestamp,
    /// When it can be sent again; null if it cannot.
    #[schema(value_type = Option<String>)]
    resend_at: Option<Timestamp>,
    /// Where it went, with most of it hidden; null where that would tell something.
    to: Option<String>,
    /// The number to be typed on the phone.
    number: Option<String>,
    /// What `navigator.credentials.get` is asked with: `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3 §5.1.9).
    #[schema(value_type = Option<Object>)]
    webauthn: Option<Value>,
    /// What a remembered browser signs, base64url.
    sign: Option<String>,
}

impl From<PromptSeen> for Prompt {
    fn from(PromptSeen { prompt, shown }: PromptSeen) -> Self {
        Self::new(&prompt, shown)
    }
}

impl Prompt {
    pub(in crate::http) fn new(prompt: &domain::Prompt, shown: Shown) -> Self {
        let is_sent = matches!(prompt.kind, AuthenticatorKind::Sms | AuthenticatorKind::Email);
        Self {
            id: prompt.id,
            kind: prompt.kind,
            state: prompt.state,
            expires_at: prompt.expires_at,
            resend_at: prompt.resend_at().filter(|_| is_sent),
            to: shown.to,
            number: shown.number,
            webauthn: shown.webauthn,
            sign: shown.sign,
        }
    }
}
