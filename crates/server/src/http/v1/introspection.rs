//! Introspection of assertions (RFC 7662).

use std::sync::Arc;

use ::assertion::{Claims, Confirmation};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::Shared;
use crate::http::body::Form;
use crate::http::caller::{Introspect, May};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(introspect))
}

/// Ask whether an assertion counts now
///
/// As RFC 7662 has it, with a form. `active` is true where the assertion was made here for your application, its time is not over, its session lives,
/// its user is active, and so is each authenticator that it rests on; then the answer has what it says. In every other case the answer is
/// `{"active": false}` and nothing more. Whoever is bound by `cnf` is still to be seen by you.
#[utoipa::path(post, path = "/v1/introspect", tag = "Decisions",
    request_body(content = Introspection, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Whether it counts, and what it says", body = Introspected)))]
async fn introspect(State(app): Shared, may: May<Introspect>, form: Form) -> Result<Response, Problem> {
    let token = form.one("token")?;
    let claims = app.introspect(&may.actor, &token).await?;
    let answer = claims.map_or_else(|| json!({ "active": false }), |claims| active(&claims));
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

fn active(claims: &Claims) -> Value {
    let cnf = claims.cnf.as_ref().map(|cnf| match cnf {
        Confirmation::Jkt(jkt) => json!({ "jkt": jkt }),
        Confirmation::X5tS256(x5t) => json!({ "x5t#S256": x5t }),
    });
    let token_type = if matches!(claims.cnf, Some(Confirmation::Jkt(_))) { "DPoP" } else { "Bearer" };
    let mut answer = Map::new();
    let members = [
        ("active", json!(true)),
        ("token_type", json!(token_type)),
        ("client_id", json!(claims.aud)),
        ("iss", json!(claims.iss)),
        ("aud", json!(claims.aud)),
        ("sub", json!(claims.sub)),
        ("sid", json!(claims.sid)),
        ("jti", json!(claims.jti)),
        ("iat", json!(claims.iat)),
        ("nbf", json!(claims.nbf)),
        ("exp", json!(claims.exp)),
        ("auth_time", json!(claims.auth_time)),
        ("acr", json!(claims.acr.name())),
        ("amr", json!(claims.amr)),
        ("action", json!(claims.action)),
        ("action_hash", json!(claims.action_hash)),
        ("authenticators", json!(claims.authenticators)),
        ("cnf", json!(cnf)),
    ];
    for (name, value) in members {
        if !value.is_null() {
            answer.insert(name.to_owned(), value);
        }
    }
    Value::Object(answer)
}

/// What is asked. Other parameters are passed over, as RFC 6749 §3.2 has it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes the form, which is read by hand")]
struct Introspection {
    /// The assertion.
    token: String,
    /// Passed over: there is one type.
    token_type_hint: Option<String>,
}

/// Whether an assertion counts, and what it says if it does.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "it describes the answer, which leaves out what is not there")]
struct Introspected {
    active: bool,
    /// `Bearer`, or `DPoP` where it is bound to a key that signs each request.
    token_type: Option<&'static str>,
    /// The application that it was made for.
    client_id: Option<String>,
    iss: Option<String>,
    aud: Option<String>,
    sub: Option<String>,
    sid: Option<String>,
    jti: Option<String>,
    iat: Option<i64>,
    nbf: Option<i64>,
    exp: Option<i64>,
    auth_time: Option<i64>,
    acr: Option<String>,
    amr: Option<Vec<String>>,
    action: Option<String>,
    action_hash: Option<String>,
    /// What an allow rests on.
    authenticators: Option<Vec<String>>,
    /// The key that it is bound to (RFC 7800).
    #[schema(value_type = Option<Object>)]
    cnf: Option<Value>,
}
