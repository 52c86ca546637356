//! Signing in on a page of ours: the page makes itself, where a site sent a browser to us as to its login.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{ReturnUrl, TokenHash};
use http::header;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::PageSeen;
use super::browser::{FromSignIn, keep};
use crate::app::App;
use crate::app::pages::Arrival;
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::problem::{INTERNAL, Problem};
use crate::http::v1::enrollments::no_store;
use crate::http::v1::{flawed, key_bytes};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(begin_sign_in))
}

/// Begin to sign in
///
/// For a browser that a site without a login of its own sent to `/sign-in`. Makes a page that belongs to this browser, by a cookie. What is said and
/// done on it then is as on any other, with the token that is answered here.
#[utoipa::path(post, path = "/pages/sign-in", tag = "Pages in the browser", security(()), request_body = BeginSignIn,
    params(("X-Countersign-Page" = String, Header, description = "Anything, `sign-in` say: that a script of ours asks")),
    responses((status = 200, description = "The page", body = SignInBegun)))]
async fn begin_sign_in(
    State(app): Shared,
    FromSignIn { address, language }: FromSignIn,
    Body { value: begin, .. }: Body<BeginSignIn>,
) -> Result<Response, Problem> {
    let return_url = ReturnUrl::parse(&begin.return_to).map_err(|error| flawed("/return_to", error.to_string()))?;
    let state = TokenHash(key_bytes("/state", &begin.state)?);
    let arrived = app.arrive(Arrival { return_url, state, address, language }).await?;
    let left = (arrived.seen.page.expires_at.unix_millis() - app.now().unix_millis()).max(0) / 1000;
    let cookie = keep(arrived.token.hash(), &arrived.browser, left).ok_or_else(|| Problem::of(&INTERNAL))?;
    let token = arrived.token.text();
    let mut response = no_store(
        Json(SignInBegun { token, page: PageSeen::of(arrived.seen, &app, app.brand().await) }).into_response(),
    );
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Where a browser comes from that is to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginSignIn {
    /// As the site says it: where at the site the browser wants to go.
    #[schema(example = "https://wiki.example.org/page")]
    return_to: String,
    /// As the site says it: 32 bytes, base64url.
    state: String,
}

/// A page for signing in.
#[derive(Serialize, ToSchema)]
struct SignInBegun {
    /// What the page is asked for by from now on.
    #[schema(value_type = String)]
    token: Zeroizing<String>,
    page: PageSeen,
}
