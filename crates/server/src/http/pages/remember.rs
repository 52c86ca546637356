//! Remembering a browser, as its page asks for it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use domain::{AuthenticatorId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::browser::FromPage;
use crate::app::factors::BrowserKey;
use crate::app::pages;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::v1::enrollments::no_store;
use crate::http::v1::{flawed, name};

/// Remember this browser
///
/// After a proof on this page, for as long as the configuration says, until anything else of what the person has changes. The key was made
/// in the browser and does not leave it.
#[utoipa::path(post, path = "/pages/remember", tag = "Pages in the browser", security(()), request_body = RememberThis,
    params(("X-Countersign-Page" = String, Header, description = "The token in the page's link")),
    responses((status = 200, description = "By what it is known from now on", body = Remembered)))]
pub(super) async fn remember_on_page(
    State(app): Shared,
    FromPage(visitor): FromPage,
    Body { value: this, .. }: Body<RememberThis>,
) -> Result<Response, Problem> {
    let key = BrowserKey {
        public_key: bytes("/public_key", &this.public_key)?,
        signature: bytes("/signature", &this.signature)?,
    };
    let label = this.label.map_or_else(|| Ok("Browser".to_owned()), |label| name("/label", &label))?;
    let pages::Remembered { authenticator_id, expires_at } = app.remember_on_page(&visitor, key, label).await?;
    Ok(no_store(Json(Remembered { authenticator_id, expires_at }).into_response()))
}

fn bytes(pointer: &'static str, text: &str) -> Result<Vec<u8>, Problem> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| flawed(pointer, "is not base64url without padding"))
}

/// A browser to remember.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RememberThis {
    /// An uncompressed P-256 point (SEC 1 §2.3.3), base64url.
    public_key: String,
    /// Its signature (ECDSA with SHA-256, two numbers of 32 bytes, base64url) over three fields, each with its length before it as eight
    /// bytes, big-endian: `countersign browser key v1`, the token in the page's link, and the public key.
    signature: String,
    /// What its owner calls it.
    label: Option<String>,
}

/// A browser that is remembered.
#[derive(Serialize, ToSchema)]
struct Remembered {
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

/// What a page needs so that its browser can be remembered.
#[derive(Serialize, ToSchema)]
pub(super) struct Remember {
    /// For how many seconds it would be.
    lifetime: u64,
    /// The browsers of the person's that are remembered. The one that has the key of one of them asks for a prompt to it, and proves with
    /// its signature.
    #[schema(value_type = Vec<String>)]
    browsers: Vec<AuthenticatorId>,
}

impl From<pages::Remember> for Remember {
    fn from(remember: pages::Remember) -> Self {
        Self { lifetime: remember.lifetime.as_secs(), browsers: remember.browsers }
    }
}
