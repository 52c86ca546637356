//! The pages themselves: the same files for everybody, made part of the program by `build.rs`. Looking at them changes nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::app::App;
use crate::http::problem::{NOT_FOUND, Problem};

// FILES: path and bytes of everything in web/dist, sorted by path; none where that was not built.
include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// What the pages may do: run our own scripts, and ask us. Nobody frames them (T-26).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What else browsers are told about a page: for those that know no `frame-ancestors`, and about what a page of ours never needs.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// What is shown where the program was built without the pages.
const NOT_BUILT: &str = include_str!("not_built.html");

pub(in crate::http) fn files() -> Router<Arc<App>> {
    Router::new()
        .route("/enroll/{token}", get(page))
        .route("/challenge/{token}", get(page))
        .route("/security/{token}", get(page))
        .route("/assets/{*path}", get(asset))
}

/// One document for every page: what it is about it asks for itself, once it runs. A preview of a link uses nothing up.
async fn page() -> Response {
    let built = file("index.html");
    let status = if built.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let bytes = built.unwrap_or(NOT_BUILT.as_bytes());
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], bytes).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response.headers_mut().extend(HEADERS);
    response
}

/// A file whose name changes with what is in it.
async fn asset(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let Some(bytes) = file(path) else {
        return Problem::new(&NOT_FOUND, "There is no such file.").into_response();
    };
    let kept = "public, max-age=31536000, immutable";
    let headers = [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, kept)];
    (headers, bytes).into_response()
}

fn file(path: &str) -> Option<&'static [u8]> {
    let found = FILES.binary_search_by_key(&path, |(name, _)| name).ok()?;
    FILES.get(found).map(|(_, bytes)| *bytes)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        _ => "application/octet-stream",
    }
}
