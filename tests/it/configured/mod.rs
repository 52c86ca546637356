//! Applications, gateways and branding that live in files and are applied (S-11): whoever applies gives nobody more than they have, no secret
//! stands in a file, and what holds after it holds on every server.

mod applications;
mod gateways;
mod plans;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api};
use crate::policies::{denying, in_force};

const ORIGIN: &str = "https://shop.example";

/// Files that allow everything, and say what applications there are.
fn with(applications: &str) -> Value {
    let mut files = denying("nothing");
    files["applications.yaml"] = json!(format!("applications:\n{applications}"));
    files
}

/// The application that an administrator's key is of, as the first start makes it.
const ADMINISTRATOR: &str = "  Administrator:\n    scopes: [admin]\n";

fn shop(scopes: &str) -> String {
    format!("{ADMINISTRATOR}  shop:\n    scopes: [{scopes}]\n    return_origins: [\"{ORIGIN}\"]\n")
}

async fn apply_with(api: &Api, files: &Value, more: Value) -> Answer {
    let after = in_force(api).await["id"].as_str().unwrap().to_owned();
    // Whatever the applications are, unless a test says what it saw.
    let mut body = json!({ "files": files, "allow_lock_out": true, "force": more["seen"].is_null() });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = api.request(Method::PUT, "/v1/policies/current").header("if-match", format!("\"{after}\""));
    Api::answer(request.json(&body)).await.unwrap()
}

async fn apply(api: &Api, files: &Value) -> Value {
    apply_with(api, files, json!({})).await.expect(200)
}

/// Puts back into force what was there.
async fn revert(api: &Api, to: &Value) -> Answer {
    let (to, after) = (to["id"].as_str().unwrap(), in_force(api).await["id"].as_str().unwrap().to_owned());
    let request = api.request(Method::POST, &format!("/v1/policies/{to}/revert"));
    Api::answer(
        request.header("if-match", format!("\"{after}\"")).json(&json!({ "allow_lock_out": true, "force": true })),
    )
    .await
    .unwrap()
}

async fn plan(api: &Api, files: &Value) -> Answer {
    api.post("/v1/policies/plan", json!({ "files": files, "days": 0 })).await
}

async fn application(api: &Api, name: &str) -> Option<Value> {
    let all = api.get("/v1/applications").await.expect(200)["items"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["name"] == name)
}

/// A key of an application that is there already.
async fn key_of(api: &Api, name: &str) -> Api {
    let id = application(api, name).await.unwrap()["id"].as_str().unwrap().to_owned();
    let made = api.post(&format!("/v1/applications/{id}/keys"), json!({})).await.expect(201);
    api.with_key(made["key"].as_str().unwrap())
}

/// A pipeline with these scopes.
async fn pipeline(api: &Api, name: &str, scopes: &[&str]) -> Api {
    let made = api.post("/v1/applications", json!({ "name": name, "scopes": scopes })).await.expect(201);
    api.with_key(made["api_key"]["key"].as_str().unwrap())
}
