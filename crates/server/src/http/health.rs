//! For load balancers, probes and collectors; and the keys that assertions are checked with.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use http::header;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use super::problem::Problem;
use crate::app::{App, Error};

/// How often measurements are summed up.
const SUM_UP: Duration = Duration::from_secs(2);

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(readiness))
        .routes(routes!(measurements))
        .routes(routes!(signing_keys))
        .routes(routes!(related_origins))
}

/// Is the server alive?
#[utoipa::path(get, path = "/healthz", tag = "Operation", security(()),
    responses((status = 200, description = "It is", body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Could a login be carried out now?
///
/// Asks the vault, and makes a small write durable, at most once a second for all who ask.
#[utoipa::path(get, path = "/readyz", tag = "Operation", security(()),
    responses((status = 200, description = "It could", body = Health)))]
async fn readiness(State(app): Shared) -> Result<Json<Health>, Problem> {
    app.ready().await?;
    Ok(Json(Health { status: "ready" }))
}

/// Measurements, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "Operation", security(()),
    responses((status = 200, description = "Counters, gauges and histograms", content_type = "text/plain", body = String)))]
async fn measurements(State(app): Shared) -> Result<Response, Problem> {
    let measure = async {
        metrics::gauge!("countersign_vault_up").set(f64::from(u8::from(app.vault.is_connected())));
        metrics::gauge!("countersign_events").set(newest(&app));
        for gateway in app.post.iter().flat_map(|post| post.gateways().health()) {
            let is_up = f64::from(u8::from(gateway.down_until.is_none()));
            metrics::gauge!("countersign_gateway_up", "gateway" => gateway.gateway).set(is_up);
        }
        Ok(recorder().map(PrometheusHandle::render).unwrap_or_default().into())
    };
    let text: Arc<str> = app.public.measurements.ask(measure).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.to_string()).into_response())
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float; events fewer than 2^53 are exact")]
fn newest(app: &App) -> f64 {
    *app.newest_event().borrow() as f64
}

/// The keys that assertions are signed with
///
/// A JSON Web Key Set (RFC 7517). After a rotation the old keys stay here, so that what they signed can still be checked.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "Operation", security(()),
    responses((status = 200, description = "The public halves", body = KeySet)))]
async fn signing_keys(State(app): Shared) -> Result<Response, Problem> {
    let keys = app.signing_keys().await?.iter().cloned().map(Key::from).collect();
    Ok(([(header::CACHE_CONTROL, "public, max-age=300")], Json(KeySet { keys })).into_response())
}

/// Where passkeys may be used
///
/// The origins of all pages on which passkeys and security keys of this server are used, for browsers (WebAuthn Level 3 §5.11, Related Origins). It is to be found
/// at each relying party id: where that is another host than this server's, let it answer the same.
#[utoipa::path(get, path = "/.well-known/webauthn", tag = "Operation", security(()),
    responses((status = 200, description = "The origins", body = Origins)))]
async fn related_origins(State(app): Shared) -> Result<Response, Problem> {
    let party = app.settings.relying_party.as_deref().ok_or(Error::NotFound("relying party"))?;
    let origins = party.related_origins().origins;
    Ok(([(header::CACHE_CONTROL, "public, max-age=300")], Json(Origins { origins })).into_response())
}

/// Where measurements are kept: one place in a process. `None` if something else in this process keeps them already.
pub(super) fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let buckets = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        // Runs and their steps wait: for seconds, or for days.
        let of_runs = [0.01, 0.05, 0.2, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 6.0 * 3600.0, 86_400.0, 7.0 * 86_400.0];
        let builder = PrometheusBuilder::new().set_buckets(&buckets).ok()?;
        let runs = Matcher::Full("countersign_run_seconds".to_owned());
        let steps = Matcher::Full("countersign_step_seconds".to_owned());
        let builder =
            builder.set_buckets_for_metric(runs, &of_runs).ok()?.set_buckets_for_metric(steps, &of_runs).ok()?;
        let recorder = builder.install_recorder().ok()?;
        crate::measured::describe();
        Some(recorder)
    };
    RECORDER.get_or_init(install).as_ref()
}

/// Sums up what was measured, for ever: until then each request's time takes memory, whether or not anybody collects.
pub(super) async fn sum_up() {
    loop {
        tokio::time::sleep(SUM_UP).await;
        if let Some(recorder) = recorder() {
            recorder.run_upkeep();
        }
    }
}

/// Origins of pages.
#[derive(Serialize, ToSchema)]
struct Origins {
    origins: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

/// A JSON Web Key Set.
#[derive(Serialize, ToSchema)]
struct KeySet {
    keys: Vec<Key>,
}

/// A JSON Web Key (RFC 7517, RFC 7518 §6.2).
#[derive(Serialize, ToSchema)]
struct Key {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    kid: String,
    x: String,
    y: String,
}

impl From<vault_proto::PublicKey> for Key {
    fn from(key: vault_proto::PublicKey) -> Self {
        Self {
            kty: "EC",
            crv: "P-256",
            alg: "ES256",
            purpose: "sig",
            kid: key.kid,
            x: BASE64URL_NOPAD.encode(&key.x),
            y: BASE64URL_NOPAD.encode(&key.y),
        }
    }
}
