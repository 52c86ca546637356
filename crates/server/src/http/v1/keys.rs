//! The vault's keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{Administer, May};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(show_keys)).routes(routes!(rotate_keys)).routes(routes!(retire_keys))
}

/// See how the vault's keys are
#[utoipa::path(get, path = "/v1/keys", tag = "Keys",
    responses((status = 200, description = "Names and versions, never a key", body = Keys)))]
async fn show_keys(State(app): Shared, _: May<Administer>) -> Result<Json<Keys>, Problem> {
    Ok(Json(app.keys().await?.into()))
}

/// Make new data keys
///
/// Everything new is sealed and signed with them at once; what was sealed before is sealed anew in the background and opens
/// meanwhile. Nobody has to enroll again.
#[utoipa::path(post, path = "/v1/keys/rotate", tag = "Keys",
    responses((status = 200, description = "Names and versions afterwards", body = Keys)))]
async fn rotate_keys(State(app): Shared, may: May<Administer>) -> Result<Json<Keys>, Problem> {
    Ok(Json(app.rotate_keys(&may.actor).await?.into()))
}

/// Retire old data keys
///
/// Refused with 409 as long as a key is sealed with one of them: sealing anew after a rotation has to be done, and is begun
/// again where it was cut off. Afterwards the vault opens nothing that was sealed with them, and what they signed has no
/// public key any more: wait after a rotation for as long as assertions live. Backup codes stay good.
#[utoipa::path(post, path = "/v1/keys/retire", tag = "Keys", request_body = RetireKeys,
    responses((status = 200, description = "Names and versions afterwards", body = Keys)))]
async fn retire_keys(
    State(app): Shared,
    may: May<Administer>,
    Body { value: retire, .. }: Body<RetireKeys>,
) -> Result<Json<Keys>, Problem> {
    Ok(Json(app.retire_keys(&may.actor, retire.before_version).await?.into()))
}

/// Which data keys to retire.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetireKeys {
    /// The oldest version that stays; all but the present one are retired if not said.
    before_version: Option<u32>,
}

/// How the vault's keys are.
#[derive(Serialize, ToSchema)]
struct Keys {
    /// Names the root key; tells nothing about it.
    root_key_id: Option<String>,
    /// `file`, `passphrase` or `environment`.
    root_key_source: String,
    /// The version of the present data keys.
    key_version: u32,
    /// The oldest version that still opens.
    oldest_key_version: u32,
    /// Counts the changes of the keyring.
    keyring_version: i64,
    /// The ids of the keys that assertions are signed with, as in `/.well-known/jwks.json`.
    signing_keys: Vec<String>,
}

impl From<crate::app::keys::Keys> for Keys {
    fn from(keys: crate::app::keys::Keys) -> Self {
        Self {
            root_key_id: keys.vault.root_key_id,
            root_key_source: keys.vault.root_key_source,
            key_version: keys.vault.key_version,
            oldest_key_version: keys.vault.oldest_key_version,
            keyring_version: keys.keyring_version,
            signing_keys: keys.signing_keys.into_iter().map(|key| key.kid).collect(),
        }
    }
}
