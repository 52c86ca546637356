//! API clients and their keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::{ApiKeyId, ApplicationId, CertificateFingerprint, ReturnOrigin, Scope, Timestamp};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::{List, flawed, name};
use crate::app::applications::{ApplicationPatch, NewApplication, ShownKey};
use crate::app::{App, Made};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{Administer, Ask, May};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::{Id, KeyId};
use crate::http::problem::{INTERNAL, Problem};

/// The longest that old keys may go on counting in a rotation.
const LONGEST_OVERLAP: Duration = Duration::from_hours(24 * 30);

/// The most places that pages may lead back to.
const MOST_ORIGINS: usize = 32;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(who_am_i))
        .routes(routes!(create_application, list_applications))
        .routes(routes!(show_application, update_application, delete_application))
        .routes(routes!(create_api_key, list_api_keys))
        .routes(routes!(revoke_api_key))
}

/// See who you are
#[utoipa::path(get, path = "/v1/whoami", tag = "Applications",
    responses((status = 200, description = "The application whose key was sent", body = WhoAmI)))]
async fn who_am_i(may: May<Ask>) -> Json<WhoAmI> {
    Json(WhoAmI { application: domain::Application::clone(&may.actor.application).into() })
}

/// Make an API client
///
/// The answer holds its first key, shown here and nowhere else.
#[utoipa::path(post, path = "/v1/applications", tag = "Applications", request_body = CreateApplication,
    responses((status = 201, description = "The application and its key", body = CreatedApplication)))]
async fn create_application(
    State(app): Shared,
    may: May<Administer>,
    Making { value: new, once }: Making<CreateApplication>,
) -> Result<Response, Problem> {
    let new = NewApplication {
        name: own_name(&new.name)?,
        scopes: new.scopes,
        certificates: fingerprints(&new.certificates)?,
        return_origins: origins(&new.return_origins)?,
    };
    Ok(match app.create_application(Some(&may.actor), new, once.as_ref()).await? {
        Made::New((application, key)) => {
            created(&CreatedApplication { application: application.into(), api_key: Some(key.into()) })
        }
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&INTERNAL))?;
            let application = app.application(id).await?.into();
            created_before(&CreatedApplication { application, api_key: None })
        }
    })
}

/// List API clients
#[utoipa::path(get, path = "/v1/applications", tag = "Applications",
    responses((status = 200, description = "Every application, oldest first", body = List<Application>)))]
async fn list_applications(State(app): Shared, _: May<Administer>) -> Result<Json<List<Application>>, Problem> {
    Ok(Json(List::whole(app.applications().await?.into_iter().map(Application::from))))
}

/// See an API client
#[utoipa::path(get, path = "/v1/applications/{id}", tag = "Applications", params(("id" = String, Path)),
    responses((status = 200, description = "The application", body = Application)))]
async fn show_application(
    State(app): Shared,
    _: May<Administer>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<Application>, Problem> {
    Ok(Json(app.application(id).await?.into()))
}

/// Change an API client
#[utoipa::path(patch, path = "/v1/applications/{id}", tag = "Applications", params(("id" = String, Path)),
    request_body = UpdateApplication,
    responses((status = 200, description = "The application", body = Application)))]
async fn update_application(
    State(app): Shared,
    may: May<Administer>,
    Id(id): Id<ApplicationId>,
    Body { value: update, .. }: Body<UpdateApplication>,
) -> Result<Json<Application>, Problem> {
    let patch = ApplicationPatch {
        name: update.name.map(|text| own_name(&text)).transpose()?,
        scopes: update.scopes,
        certificates: update.certificates.map(|texts| fingerprints(&texts)).transpose()?,
        return_origins: update.return_origins.map(|texts| origins(&texts)).transpose()?,
    };
    Ok(Json(app.update_application(&may.actor, id, patch).await?.into()))
}

/// Delete an API client
#[utoipa::path(delete, path = "/v1/applications/{id}", tag = "Applications", params(("id" = String, Path)),
    responses((status = 204, description = "Its keys open nothing any more, and its sessions are ended")))]
async fn delete_application(
    State(app): Shared,
    may: May<Administer>,
    Id(id): Id<ApplicationId>,
) -> Result<StatusCode, Problem> {
    app.delete_application(&may.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a further key
///
/// With `expire_others_in` it is a rotation: the other keys end after that many seconds, and until then both work.
#[utoipa::path(post, path = "/v1/applications/{id}/keys", tag = "Applications", params(("id" = String, Path)),
    request_body = CreateApiKey,
    responses((status = 201, description = "The key, shown here and nowhere else", body = CreatedKey)))]
async fn create_api_key(
    State(app): Shared,
    may: May<Administer>,
    Id(id): Id<ApplicationId>,
    Making { value: new, once }: Making<CreateApiKey>,
) -> Result<Response, Problem> {
    let overlap = new.expire_others_in.map(Duration::from_secs);
    if overlap.is_some_and(|overlap| overlap > LONGEST_OVERLAP) {
        return Err(flawed("/expire_others_in", format!("must be at most {} seconds", LONGEST_OVERLAP.as_secs())));
    }
    Ok(match app.create_api_key(&may.actor, id, overlap, once.as_ref()).await? {
        Made::New(key) => created(&CreatedKey::from(key)),
        Made::Before(made) => {
            let keys = app.api_keys(id).await?;
            let kept = keys.into_iter().find(|key| key.id.to_string() == made);
            created_before(&KeptKey::from(kept.ok_or_else(|| Problem::of(&INTERNAL))?))
        }
    })
}

/// List an API client's keys
#[utoipa::path(get, path = "/v1/applications/{id}/keys", tag = "Applications", params(("id" = String, Path)),
    responses((status = 200, description = "What is kept of its keys, oldest first", body = List<KeptKey>)))]
async fn list_api_keys(
    State(app): Shared,
    _: May<Administer>,
    Id(id): Id<ApplicationId>,
) -> Result<Json<List<KeptKey>>, Problem> {
    Ok(Json(List::whole(app.api_keys(id).await?.into_iter().map(KeptKey::from))))
}

/// End a key
#[utoipa::path(delete, path = "/v1/applications/{id}/keys/{key_id}", tag = "Applications",
    params(("id" = String, Path), ("key_id" = String, Path)),
    responses((status = 204, description = "It opens nothing any more")))]
async fn revoke_api_key(
    State(app): Shared,
    may: May<Administer>,
    Id(id): Id<ApplicationId>,
    KeyId(key): KeyId<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    app.revoke_api_key(&may.actor, id, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A name that nobody takes for another application's id: a site, say, names its application by either (T-20).
fn own_name(text: &str) -> Result<String, Problem> {
    let name = name("/name", text)?;
    if name.parse::<ApplicationId>().is_ok() {
        return Err(flawed("/name", "must not be what an id of an application is"));
    }
    Ok(name)
}

fn fingerprints(texts: &[String]) -> Result<BTreeSet<CertificateFingerprint>, Problem> {
    let parse = |(index, text): (usize, &String)| {
        CertificateFingerprint::parse(text).ok_or_else(|| {
            flawed(
                &format!("/certificates/{index}"),
                "must be the SHA-256 of a certificate, 64 hex digits: `openssl x509 -noout -fingerprint -sha256 -in FILE` prints it",
            )
        })
    };
    texts.iter().enumerate().map(parse).collect()
}

fn origins(texts: &[String]) -> Result<BTreeSet<ReturnOrigin>, Problem> {
    if texts.len() > MOST_ORIGINS {
        return Err(flawed("/return_origins", format!("must be at most {MOST_ORIGINS}")));
    }
    let parse = |(index, text): (usize, &String)| {
        ReturnOrigin::parse(text).map_err(|error| flawed(&format!("/return_origins/{index}"), error.to_string()))
    };
    texts.iter().enumerate().map(parse).collect()
}

/// An API client to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApplication {
    /// What its operators call it, and what authenticator apps show as the issuer, unless one is configured.
    name: String,
    /// What it may do: `users:read`, `users:write`, `sessions`, `enrollments`, `authenticators:read`, `authenticators:write`,
    /// `challenges`, `hardware_tokens`, `events:read`, `policies:read`, `policies:write`, `configuration:read`, `configuration:write`, or
    /// `admin` for everything.
    #[schema(value_type = Vec<String>, example = json!(["users:write", "sessions", "enrollments", "challenges"]))]
    scopes: BTreeSet<Scope>,
    /// Client certificates that stand for it: the SHA-256 of each, in hex.
    #[serde(default)]
    certificates: Vec<String>,
    /// Where hosted pages may lead back to: `https://shop.example`, or `http://localhost:3000` on loopback; no path.
    #[serde(default)]
    #[schema(example = json!(["https://shop.example"]))]
    return_origins: Vec<String>,
}

/// What to change of an API client; what is not there stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateApplication {
    name: Option<String>,
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<BTreeSet<Scope>>,
    certificates: Option<Vec<String>>,
    return_origins: Option<Vec<String>>,
}

/// A further key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApiKey {
    /// Seconds after which the other keys end; they go on if not said. 0 ends them at once.
    expire_others_in: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct WhoAmI {
    application: Application,
}

/// An API client.
#[derive(Serialize, ToSchema)]
struct Application {
    #[schema(value_type = String, example = "app_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: ApplicationId,
    name: String,
    #[schema(value_type = Vec<String>)]
    scopes: BTreeSet<Scope>,
    certificates: Vec<String>,
    return_origins: Vec<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

impl From<domain::Application> for Application {
    fn from(application: domain::Application) -> Self {
        Self {
            id: application.id,
            name: application.name,
            scopes: application.scopes,
            certificates: application.certificates.iter().map(ToString::to_string).collect(),
            return_origins: application.return_origins.iter().map(ToString::to_string).collect(),
            created_at: application.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct CreatedApplication {
    application: Application,
    /// Null where an earlier request with the same `Idempotency-Key` showed it.
    api_key: Option<CreatedKey>,
}

/// A key, shown once.
#[derive(Serialize, ToSchema)]
struct CreatedKey {
    #[schema(value_type = String)]
    id: ApiKeyId,
    /// The key itself: `Authorization: Bearer` it.
    #[schema(value_type = String)]
    key: Zeroizing<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

impl From<ShownKey> for CreatedKey {
    fn from(key: ShownKey) -> Self {
        Self { id: key.kept.id, key: key.text, created_at: key.kept.created_at, expires_at: key.kept.expires_at }
    }
}

/// What is kept of a key.
#[derive(Serialize, ToSchema)]
struct KeptKey {
    #[schema(value_type = String)]
    id: ApiKeyId,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

impl From<domain::ApiKey> for KeptKey {
    fn from(key: domain::ApiKey) -> Self {
        Self { id: key.id, created_at: key.created_at, expires_at: key.expires_at }
    }
}
