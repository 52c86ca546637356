//! Signing browsers in at sites behind a proxy, as logins do it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{ReturnUrl, SessionId, SignIn, SignInId, Timestamp, TokenHash};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::enrollments::no_store;
use super::{flawed, key_bytes};
use crate::app::forward_auth::NewSignIn;
use crate::app::{App, Made};
use crate::http::Shared;
use crate::http::caller::{May, UseSessions};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::problem::{INTERNAL, Problem};
use crate::sites::are_groups;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create_sign_in))
}

/// Sign a browser in at a site
///
/// A site whose proxy asks about each request sent the browser to your login, with `return_to` and `state`. Check who it is, register the
/// session, and redirect the browser to `url`: it is good once, for a minute, in the browser that the site sent.
#[utoipa::path(post, path = "/v1/sign-ins", tag = "Sessions", request_body = NewSignInAtSite,
    responses((status = 201, description = "The link that signs the browser in", body = CreatedSignIn)))]
async fn create_sign_in(
    State(app): Shared,
    may: May<UseSessions>,
    Making { value: new, once }: Making<NewSignInAtSite>,
) -> Result<Response, Problem> {
    Ok(match app.create_sign_in(&may.actor, new.checked()?, once.as_ref()).await? {
        Made::New(shown) => no_store(created(&CreatedSignIn::of(&shown.sign_in, shown.url))),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&INTERNAL))?;
            created_before(&SignInBefore { id, url: None })
        }
    })
}

/// A browser that a site sent to the login, and whose session it is to have there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSignInAtSite {
    /// The session that the person was given by logging in.
    #[schema(value_type = String)]
    session_id: SessionId,
    /// As the site said it.
    #[schema(example = "https://wiki.example.org/page")]
    return_to: String,
    /// As the site said it: 43 characters.
    state: String,
    /// The groups that the user is in, 64 at most, none with a comma. Rules and backends get them, for as long as the browser is signed in.
    #[serde(default)]
    groups: Vec<String>,
}

impl NewSignInAtSite {
    pub(super) fn checked(self) -> Result<NewSignIn, Problem> {
        let return_url = ReturnUrl::parse(&self.return_to).map_err(|error| flawed("/return_to", error.to_string()))?;
        if !are_groups(&self.groups) {
            return Err(flawed("/groups", "names at most 64 groups of 256 bytes at most, without commas"));
        }
        let state = TokenHash(key_bytes("/state", &self.state)?);
        Ok(NewSignIn { session_id: self.session_id, return_url, state, groups: self.groups })
    }
}

/// A link that signs in.
#[derive(Serialize, ToSchema)]
struct CreatedSignIn {
    #[schema(value_type = String, example = "sgn_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: SignInId,
    /// Where to redirect the browser, shown here alone; null where an earlier request with the same `Idempotency-Key` showed it.
    #[schema(value_type = Option<String>)]
    url: Zeroizing<String>,
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl CreatedSignIn {
    fn of(sign_in: &SignIn, url: Zeroizing<String>) -> Self {
        Self { id: sign_in.id, url, expires_at: sign_in.expires_at }
    }
}

/// What is left of a link that an earlier request was answered with.
#[derive(Serialize)]
struct SignInBefore {
    id: SignInId,
    url: Option<()>,
}
