//! The pages themselves: the same files for everybody, made part of the program by `build.rs`. Looking at them changes nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

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
    (PERMISSIONS, HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()")),
];

/// The same for the authenticator app, which can be installed and has a service worker.
const APP_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// The app reads QR codes with the camera, once it is asked to.
const APP_PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(self), geolocation=(), microphone=(), payment=(), usb=()");

/// What is shown where the program was built without the pages.
const NOT_BUILT: &str = include_str!("not_built.html");

pub(in crate::http) fn files() -> Router<Arc<App>> {
    Router::new()
        .route("/enroll/{token}", get(page))
        .route("/challenge/{token}", get(page))
        .route("/authenticator", get(authenticator))
        .route("/authenticator/{file}", get(authenticator_file))
        .route("/security/{token}", get(page))
        .route("/task/{token}", get(page))
        .route("/sign-in", get(page))
        .route("/assets/{*path}", get(asset))
}

/// One document for every page: what it is about it asks for itself, once it runs. A preview of a link uses nothing up.
async fn page() -> Response {
    document("index.html")
}

fn document(name: &str) -> Response {
    let built = file(name);
    let status = if built.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let bytes = built.unwrap_or(NOT_BUILT.as_bytes());
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], bytes).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response.headers_mut().extend(HEADERS);
    response
}

/// The authenticator app: a document and a service worker of its own, and the camera for QR codes.
async fn authenticator() -> Response {
    let mut response = document("authenticator.html");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, APP_POLICY);
    response.headers_mut().insert(PERMISSIONS, APP_PERMISSIONS);
    response
}

/// What the app is installed and woken up by, which has its name for good.
async fn authenticator_file(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let Some(bytes) = file(path) else {
        return Problem::new(&NOT_FOUND, "There is no such file.").into_response();
    };
    let mut response =
        ([(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, "no-cache")], bytes).into_response();
    response.headers_mut().extend(HEADERS);
    // The worker asks for this, and other pages are none of its business.
    response.headers_mut().insert("service-worker-allowed", HeaderValue::from_static("/authenticator"));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, APP_POLICY);
    response
}

/// A file whose name changes with what is in it.
async fn asset(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let Some(bytes) = file(path) else {
        return Problem::new(&NOT_FOUND, "There is no such file.").into_response();
    };
    let kept = "public, max-age=31536000, immutable";
    let headers =
        [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, kept), (header::VARY, "accept-encoding")];
    // On a slow line these are what somebody waits for. None has a secret in it that its length could tell.
    match file(&format!("{path}.gz")).filter(|_| reads_gzip(request.headers())) {
        Some(small) => (headers, [(header::CONTENT_ENCODING, "gzip")], small).into_response(),
        None => (headers, bytes).into_response(),
    }
}

/// Whether a browser says that it can read what is compressed so (RFC 9110 §12.5.3).
fn reads_gzip(headers: &HeaderMap) -> bool {
    let said = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(',')
        .map(str::trim)
        .any(|coding| coding == "gzip" || coding.starts_with("gzip;q=") && coding != "gzip;q=0")
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
        "webmanifest" => "application/manifest+json",
        "json" | "map" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_goes_to_who_can_read_it() {
        let reads = |said: &'static str| {
            reads_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(said))]))
        };
        assert!(reads("gzip, deflate, br") && reads("br;q=1.0, gzip;q=0.8"));
        assert!(!reads("br") && !reads("gzip;q=0") && !reads("identity") && !reads_gzip(&HeaderMap::new()));
    }
}
