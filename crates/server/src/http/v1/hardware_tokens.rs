//! Hardware tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use domain::{AuthenticatorId, AuthenticatorKind, HardwareTokenId, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, flawed, key_bytes, user_ref};
use crate::app::App;
use crate::app::hardware_tokens::{Imported, SealedFile};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{May, UseHardwareTokens};
use crate::http::idempotency_key::{Making, MakingOfFile, replayed};
use crate::http::parameters::{Id, Query, page};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(import_hardware_tokens, list_hardware_tokens))
        .routes(routes!(show_import_key))
        .routes(routes!(remove_hardware_token))
        .routes(routes!(assign_hardware_token))
        .routes(routes!(release_hardware_token))
}

/// Import hardware tokens
///
/// From a file as their maker sent it (PSKC, RFC 6030, or lines of values), sealed to the import key where it lies:
/// `countersign tokens import` does that. Nobody on the way sees a key. Those that can be used are kept, all or none; of each other
/// one it is said why it was not taken.
#[utoipa::path(post, path = "/v1/hardware-tokens", tag = "Hardware tokens", request_body = TokenFile,
    responses((status = 200, description = "What came of the file", body = ImportedTokens)))]
async fn import_hardware_tokens(
    State(app): Shared,
    may: May<UseHardwareTokens>,
    MakingOfFile(Making { value: file, once }): MakingOfFile<TokenFile>,
) -> Result<Response, Problem> {
    let imported = app.import_hardware_tokens(&may.actor, file.checked()?, once.as_ref()).await?;
    let before = imported.before;
    let response = Json(ImportedTokens::from(imported)).into_response();
    Ok(if before { replayed(response) } else { response })
}

/// List hardware tokens
#[utoipa::path(get, path = "/v1/hardware-tokens", tag = "Hardware tokens", params(TokenQuery),
    responses((status = 200, description = "The tokens, in the order in which they were imported", body = List<HardwareToken>)))]
async fn list_hardware_tokens(
    State(app): Shared,
    _: May<UseHardwareTokens>,
    Query(query): Query<TokenQuery>,
) -> Result<Json<List<HardwareToken>>, Problem> {
    let page = page(query.limit, query.cursor.as_deref())?;
    Ok(Json(List::part(app.hardware_tokens(page).await?)))
}

/// See the key that files of tokens are sealed to
///
/// It changes when keys are rotated; what was sealed to an older one is taken until that is retired.
#[utoipa::path(get, path = "/v1/hardware-tokens/import-key", tag = "Hardware tokens",
    responses((status = 200, description = "The key", body = ImportKey)))]
async fn show_import_key(State(app): Shared, _: May<UseHardwareTokens>) -> Result<Json<ImportKey>, Problem> {
    Ok(Json(ImportKey { key: BASE64URL_NOPAD.encode(&app.import_key().await?) }))
}

/// Remove a hardware token that is nobody's
#[utoipa::path(delete, path = "/v1/hardware-tokens/{id}", tag = "Hardware tokens", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone, and can be imported again")))]
async fn remove_hardware_token(
    State(app): Shared,
    may: May<UseHardwareTokens>,
    Id(id): Id<HardwareTokenId>,
) -> Result<Response, Problem> {
    app.remove_hardware_token(&may.actor, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Say whom a hardware token is meant for
///
/// Nobody else enrolls it then, and the user may do so by its serial number. Without a user it is meant for nobody.
#[utoipa::path(post, path = "/v1/hardware-tokens/{id}/assign", tag = "Hardware tokens", params(("id" = String, Path)),
    request_body = TokenOwner,
    responses((status = 200, description = "The token", body = HardwareToken)))]
async fn assign_hardware_token(
    State(app): Shared,
    may: May<UseHardwareTokens>,
    Id(id): Id<HardwareTokenId>,
    Body { value: owner, .. }: Body<TokenOwner>,
) -> Result<Json<HardwareToken>, Problem> {
    let to = match (owner.user_id, owner.external_id.as_deref()) {
        (None, None) => None,
        (id, external_id) => Some(user_ref(id, external_id)?),
    };
    Ok(Json(app.assign_hardware_token(&may.actor, id, to.as_ref()).await?.into()))
}

/// Release a hardware token that is held
///
/// After ten wrong codes in a row nobody enrolls it: somebody may have tried one that is not theirs.
#[utoipa::path(post, path = "/v1/hardware-tokens/{id}/release", tag = "Hardware tokens", params(("id" = String, Path)),
    responses((status = 200, description = "The token, which can be enrolled again", body = HardwareToken)))]
async fn release_hardware_token(
    State(app): Shared,
    may: May<UseHardwareTokens>,
    Id(id): Id<HardwareTokenId>,
) -> Result<Json<HardwareToken>, Problem> {
    Ok(Json(app.release_hardware_token(&may.actor, id).await?.into()))
}

/// Whom a token is meant for; nobody, if neither is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenOwner {
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// The user, by your own id.
    external_id: Option<String>,
}

/// A file of tokens, sealed: HPKE (RFC 9180) as in the guide to hardware tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenFile {
    /// The import key that it was sealed to, base64url.
    key: String,
    /// The encapsulated key, base64url.
    enc: String,
    /// The sealed file, base64url.
    ciphertext: String,
}

impl TokenFile {
    fn checked(self) -> Result<SealedFile, Problem> {
        let ciphertext = BASE64URL_NOPAD.decode(self.ciphertext.as_bytes());
        Ok(SealedFile {
            key: key_bytes("/key", &self.key)?,
            enc: key_bytes("/enc", &self.enc)?,
            ciphertext: ciphertext
                .map_err(|_| flawed("/ciphertext", "must be base64url without padding (RFC 4648 §5)"))?,
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TokenQuery {
    /// How many at most, 1 to 500; 50 if not said.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What files of tokens are sealed to.
#[derive(Serialize, ToSchema)]
struct ImportKey {
    /// An X25519 public key, base64url.
    key: String,
}

/// What came of a file.
#[derive(Serialize, ToSchema)]
struct ImportedTokens {
    /// Those that can be used from now on.
    tokens: Vec<HardwareToken>,
    /// Those that were not taken.
    refused: Vec<RefusedToken>,
}

impl From<Imported> for ImportedTokens {
    fn from(imported: Imported) -> Self {
        Self {
            tokens: imported.tokens.into_iter().map(HardwareToken::from).collect(),
            refused: imported.refused.into_iter().map(RefusedToken::from).collect(),
        }
    }
}

/// A token that was not taken.
#[derive(Serialize, ToSchema)]
struct RefusedToken {
    /// Where it stands in the file; null where that is not what is wrong.
    line: Option<u32>,
    serial: Option<String>,
    /// What is wrong with it.
    why: String,
}

impl From<vault_proto::RefusedToken> for RefusedToken {
    fn from(refused: vault_proto::RefusedToken) -> Self {
        let vault_proto::RefusedToken { line, serial, why } = refused;
        Self { line: Some(line).filter(|line| *line > 0), serial, why }
    }
}

/// A device whose key was imported.
#[derive(Serialize, ToSchema)]
struct HardwareToken {
    #[schema(value_type = String, example = "tok_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: HardwareTokenId,
    /// The number that is printed on it.
    serial: String,
    /// What it is enrolled as: `hotp` or `totp`.
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    algorithm: String,
    digits: i16,
    /// Seconds, for `totp`.
    period: Option<i16>,
    /// The authenticator that it is; null while it is nobody's.
    #[schema(value_type = Option<String>)]
    authenticator_id: Option<AuthenticatorId>,
    /// The user whom it is meant for; null if that is nobody in particular.
    #[schema(value_type = Option<String>)]
    assigned_to: Option<UserId>,
    /// Whether it is enrolled by nobody until it is released, after ten wrong codes in a row.
    held: bool,
    #[schema(value_type = String)]
    imported_at: Timestamp,
}

impl From<domain::HardwareToken> for HardwareToken {
    fn from(token: domain::HardwareToken) -> Self {
        let period = Some(token.sealed.period).filter(|period| *period > 0);
        let held = token.is_held();
        Self {
            id: token.id,
            serial: token.serial,
            kind: if period.is_some() { AuthenticatorKind::Totp } else { AuthenticatorKind::Hotp },
            algorithm: token.sealed.algorithm,
            digits: token.sealed.digits,
            period,
            authenticator_id: token.authenticator_id.filter(|_| !token.is_free),
            assigned_to: token.assigned_to,
            held,
            imported_at: token.imported_at,
        }
    }
}
