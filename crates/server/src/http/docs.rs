//! A reference of the API to read at `/docs`, the document that it is made of, and a page for each kind of problem. Plain HTML,
//! no script.

mod page;

use std::sync::Arc;

use axum::Router;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use super::parameters::Named;
use super::problem::{self, KINDS, Problem};
use crate::app::App;

/// Styles stand in the page, and nothing else is loaded.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");

pub(super) fn routes(document: &OpenApi) -> Router<Arc<App>> {
    let json: Arc<str> = document.to_json().unwrap_or_default().into();
    let value: Value = serde_json::from_str(&json).unwrap_or_default();
    let reference: Arc<str> = page::reference(&value).into();
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .route("/openapi.json", get(|| async move { ([(header::CONTENT_TYPE, "application/json")], json.to_string()) }))
        .route("/docs", get(|| async move { html(reference.to_string()) }))
        .route("/problems/{slug}", get(explain))
}

async fn explain(Named(slug): Named) -> Response {
    match KINDS.iter().find(|kind| kind.slug == slug) {
        Some(kind) => html(page::explanation(kind)),
        None => Problem::of(&problem::NOT_FOUND).into_response(),
    }
}

fn html(page: String) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}
