//! Forward-auth: what proxies ask about the requests to a site (S-08), and what browsers ask there of what the proxy hands on to us.
//!
//! Proxies ask in three ways, and are answered alike but for how a browser is led on: nginx takes nothing but 2xx, 401 and 403 from
//! `auth_request`; Traefik and Caddy say what the request was in `X-Forwarded-*` headers and hand on any answer; Envoy sends the
//! request itself, without its body. None of this is for anybody else, and it is not in the API's description.

mod answer;
mod browser;
mod proxy;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{any, get, post};

use self::answer::{Leading, answer};
use self::proxy::{FromProxy, Told};
use super::Shared;
use crate::app::App;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/forward-auth/{site}/auth-request", any(auth_request))
        .route("/forward-auth/{site}/check", any(check))
        .route("/forward-auth/{site}/ext-authz", any(ext_authz))
        .route("/forward-auth/{site}/ext-authz/", any(ext_authz))
        .route("/forward-auth/{site}/ext-authz/{*path}", any(ext_authz))
        .route("/forward-auth/{site}/browser/start", get(browser::start))
        .route("/forward-auth/{site}/browser/enter", get(browser::enter))
        .route("/forward-auth/{site}/browser/step-up", get(browser::step_up))
        .route("/forward-auth/{site}/browser/enroll", get(browser::enroll))
        .route("/forward-auth/{site}/browser/back", get(browser::back))
        .route("/forward-auth/{site}/browser/sign-out", post(browser::sign_out))
}

/// nginx's `auth_request`.
async fn auth_request(State(app): Shared, from: FromProxy) -> Response {
    answered(&app, from, Told::ByHeaders, Leading::By401).await
}

/// Traefik's `ForwardAuth`, and Caddy's `forward_auth`.
async fn check(State(app): Shared, from: FromProxy) -> Response {
    answered(&app, from, Told::ByHeaders, Leading::By302).await
}

/// Envoy's `ext_authz`, by HTTP.
async fn ext_authz(State(app): Shared, from: FromProxy) -> Response {
    answered(&app, from, Told::ByItself, Leading::By302).await
}

async fn answered(app: &App, from: FromProxy, told: Told, leading: Leading) -> Response {
    let heard = from.request(app, told);
    let (asked, page) = match heard {
        Ok(heard) => heard,
        Err(problem) => return answer::refused(problem, from.navigates()),
    };
    let checked = match from.site(app) {
        Some(site) => Box::pin(app.check_request(site, asked)).await,
        // It was there a moment ago.
        None => return answer::refused(proxy::unknown(), from.navigates()),
    };
    answer(checked, &page, leading)
}
