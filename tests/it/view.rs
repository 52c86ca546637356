//! The one view of a key: once, for a short time, in nobody's cache (P-04, T-17).

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Phone, Server, Started};
use crate::recipient::Recipient;

fn path(started: &Started) -> String {
    format!("/v1/enrollments/{}/view", started.enrollment_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_a_second_look_finds_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let started = api.start("ana", json!({})).await;
    assert_eq!(started.answer["view"], Value::Null);
    let first = api.get(&path(&started)).await;
    assert_no_cache_keeps(&first);
    let secret = first.expect(200)["secret"].as_str().unwrap().to_owned();
    for query in ["", "?qr=svg", "?qr=png", "?qr=none"] {
        let again = api.get(&format!("{}{query}", path(&started))).await;
        assert!(!String::from_utf8_lossy(&again.body).contains(&secret));
        again.expect_problem(410, "view-gone");
    }
    for accepted in ["image/svg+xml", "image/png"] {
        let request = api.request(Method::GET, &path(&started)).header("accept", accepted);
        Api::answer(request).await.unwrap().expect_problem(410, "view-gone");
    }
    // It was the real key, and nothing else says it any more.
    let phone = Phone::with_key(&secret, &started.answer["enrollment"]);
    let confirmed = api.confirm(&started.enrollment_id, &phone.code_at(api.now().await)).await;
    assert!(!String::from_utf8_lossy(&confirmed.body).contains(&secret));
    confirmed.expect(200);
    api.get(&path(&started)).await.expect_problem(410, "view-gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn p04_an_app_shows_who_asks_for_codes() {
    let mut server = Server::new().await;
    let administrator = server.api();
    let application = json!({ "name": "Shop", "scopes": ["users:write", "sessions", "enrollments"] });
    let application = administrator.post("/v1/applications", application).await.expect(201);
    let shop = administrator.with_key(application["api_key"]["key"].as_str().unwrap());
    assert!(uri(&administrator, "ana").await.starts_with("otpauth://totp/Countersign:ana?"));
    assert!(uri(&shop, "bob").await.starts_with("otpauth://totp/Shop:bob?"));
    server.stop();
    server.setup().arguments = vec!["--issuer".to_owned(), "Example".to_owned()];
    server.begin().await;
    for (api, name) in [(server.api(), "cyd"), (server.api().with_key(&shop.key), "dan")] {
        assert!(uri(&api, name).await.starts_with(&format!("otpauth://totp/Example:{name}?")));
    }
}

async fn uri(api: &Api, external_id: &str) -> String {
    let started = api.start(external_id, json!({ "view": "inline", "qr": "none" })).await;
    started.answer["view"]["uri"].as_str().unwrap().to_owned()
}

fn assert_no_cache_keeps(answer: &Answer) {
    let cached = answer.headers.get("cache-control").map(String::as_str).unwrap_or_default();
    assert!(cached.contains("no-store"), "{answer}");
    assert!(!answer.headers.contains_key("etag") && !answer.headers.contains_key("last-modified"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_of_many_looks_at_once_one_sees_the_key() {
    let server = Server::new().await;
    let api = server.api();
    for round in 0..5 {
        let started = api.start(&format!("ana-{round}"), json!({})).await;
        let looks = join_all((0..32).map(|_| {
            let (api, path) = (api.apart(), path(&started));
            async move { api.get(&path).await }
        }));
        let (seen, refused): (Vec<_>, Vec<_>) = looks.await.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(seen.len(), 1);
        for answer in refused {
            answer.expect_problem(410, "view-gone");
        }
        let phone = Phone::with_key(seen[0].json()["secret"].as_str().unwrap(), &started.answer["enrollment"]);
        api.confirm(&started.enrollment_id, &phone.code_at(api.now().await)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_what_was_shown_at_once_is_not_shown_again() {
    let server = Server::new().await;
    let api = server.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let ask = || {
        let request = api.request(Method::POST, "/v1/enrollments").header("idempotency-key", "one");
        Api::answer(request.json(&json!({ "session_id": session, "view": "inline" })))
    };
    let first = ask().await.unwrap();
    assert_no_cache_keeps(&first);
    let shown = first.expect(201);
    assert!(shown["view"]["secret"].is_string());
    let again = ask().await.unwrap();
    assert_eq!(again.headers.get("idempotency-replayed").map(String::as_str), Some("true"));
    let repeated = again.expect(201);
    assert_eq!(repeated["view"], Value::Null);
    assert_eq!(repeated["enrollment"]["id"], shown["enrollment"]["id"]);
    let id = shown["enrollment"]["id"].as_str().unwrap();
    api.get(&format!("/v1/enrollments/{id}/view")).await.expect_problem(410, "view-gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn p04_the_view_expires_and_says_so() {
    let server = Server::new().await;
    let api = server.api();
    let started = api.start("ana", json!({})).await;
    api.advance(5 * 60).await;
    api.get(&path(&started)).await.expect_problem(410, "view-expired");
    // Another try has another key, with a view of its own.
    api.post(&format!("/v1/enrollments/{}/retry", started.enrollment_id), json!({})).await.expect(200);
    api.get(&path(&started)).await.expect(200);
    api.get(&path(&started)).await.expect_problem(410, "view-gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn p04_after_another_try_the_first_key_is_worth_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let started = api.start("ana", json!({})).await;
    let key = |view: &Value| Phone::with_key(view["secret"].as_str().unwrap(), &started.answer["enrollment"]);
    let first = key(&api.get(&path(&started)).await.expect(200));
    api.post(&format!("/v1/enrollments/{}/retry", started.enrollment_id), json!({})).await.expect(200);
    let second = key(&api.get(&path(&started)).await.expect(200));
    assert_ne!(first.key, second.key);
    let now = api.now().await;
    api.confirm(&started.enrollment_id, &first.code_at(now)).await.expect_problem(422, "proof-rejected");
    api.confirm(&started.enrollment_id, &second.code_at(now)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn p05_a_sealed_view_opens_for_its_recipient_and_tells_the_relay_nothing() {
    let server = Server::new().await;
    let api = server.api();
    let recipient = Recipient::new();
    let started = api.start("ana", json!({ "recipient_key": recipient.public_key() })).await;
    let view = api.get(&path(&started)).await.expect(200);
    let members: Vec<&String> = view.as_object().unwrap().keys().collect();
    assert_eq!(members, ["sealed"]);
    let opened = recipient.open(&view["sealed"], &started.authenticator_id);
    let phone = Phone::with_key(opened["secret"].as_str().unwrap(), &started.answer["enrollment"]);
    assert!(opened["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    assert!(opened["uri"].as_str().unwrap().contains(&BASE32_NOPAD.encode(&phone.key)));
    assert!(!view.to_string().contains(&BASE64URL_NOPAD.encode(&phone.key)));
    api.confirm(&started.enrollment_id, &phone.code_at(api.now().await)).await.expect(200);
}
