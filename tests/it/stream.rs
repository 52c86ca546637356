//! A stream of events goes on for no longer than its reader may follow it (P-08).

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{Api, Database, Server};

/// Longer than the server may take to notice, on a machine that is busy.
const SOON: Duration = Duration::from_secs(10);

/// A stream that was opened, with the id of its application and of its key.
struct Open {
    application: String,
    key: String,
    stream: reqwest::Response,
}

async fn open(api: &Api, name: &str) -> Open {
    let made = json!({ "name": name, "scopes": ["events:read"] });
    let made = api.post("/v1/applications", made).await.expect(201);
    let reader = api.with_key(made["api_key"]["key"].as_str().unwrap()).apart();
    let stream = reader.request(Method::GET, "/v1/events/stream?kind=user.created").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let id = |thing: &serde_json::Value| thing["id"].as_str().unwrap().to_owned();
    let mut open = Open { application: id(&made["application"]), key: id(&made["api_key"]), stream };
    api.user(&format!("before {name}")).await;
    let first = open.stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("user.created"));
    open
}

/// What is still said until the end, which comes soon.
async fn rest(open: &mut Open) -> String {
    let mut said = Vec::new();
    let to_the_end = async {
        while let Some(chunk) = open.stream.chunk().await.unwrap() {
            said.extend_from_slice(&chunk);
        }
    };
    timeout(SOON, to_the_end).await.expect("the stream goes on");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn p08_a_stream_ends_with_its_key_scope_or_application_on_sqlite() {
    a_stream_ends(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p08_a_stream_ends_with_its_key_scope_or_application_on_postgresql() {
    a_stream_ends(Database::Postgres).await;
}

async fn a_stream_ends(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();

    let mut revoked = open(&api, "revoked").await;
    api.delete(&format!("/v1/applications/{}/keys/{}", revoked.application, revoked.key)).await.expect(204);
    // What happens from here on is none of its reader's business.
    api.user("ana").await;
    assert!(!rest(&mut revoked).await.contains("user.created"));

    let mut narrowed = open(&api, "narrowed").await;
    let scopes = json!({ "scopes": ["sessions"] });
    api.patch(&format!("/v1/applications/{}", narrowed.application), scopes).await.expect(200);
    api.user("ben").await;
    assert!(!rest(&mut narrowed).await.contains("user.created"));

    // Also where nothing happens that would be told.
    let mut deleted = open(&api, "deleted").await;
    api.delete(&format!("/v1/applications/{}", deleted.application)).await.expect(204);
    assert!(!rest(&mut deleted).await.contains("user.created"));

    let mut ending = open(&api, "ending").await;
    let rotated = json!({ "expire_others_in": 600 });
    api.post(&format!("/v1/applications/{}/keys", ending.application), rotated).await.expect(201);
    api.user("cem").await;
    let told = timeout(SOON, ending.stream.chunk()).await.expect("it goes on meanwhile").unwrap().unwrap();
    assert!(String::from_utf8_lossy(&told).contains("user.created"));
    api.advance(601).await;
    api.user("dora").await;
    assert!(!rest(&mut ending).await.contains("user.created"));
}
