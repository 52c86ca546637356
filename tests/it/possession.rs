//! Sessions that are bound to a key: whoever stole one without it gets nothing by it (S-09).

use reqwest::Method;
use serde_json::{Value, json};

use crate::assertions::server;
use crate::harness::{Answer, Api, Database, Enrolled};
use crate::signer::Signer;

const RULES: &str = r"
policy:
  otherwise: allow
  rules:
    - id: reports
      applies_to: {actions: [report.read]}
      effect: require
      level: aal2
";

/// A client of the application's with its key.
struct Client {
    key: Signer,
    session: String,
    signed: std::sync::atomic::AtomicUsize,
}

impl Client {
    async fn logs_in(api: &Api, user: &str) -> Self {
        let key = Signer::new();
        let new = json!({ "user_id": user, "amr": ["pwd"], "cnf": { "jkt": key.jkt() } });
        let session = api.post("/v1/sessions", new).await.expect(201);
        assert_eq!(session["cnf"]["jkt"], key.jkt(), "{session}");
        Self { key, session: session["id"].as_str().unwrap().to_owned(), signed: 0.into() }
    }

    /// `Client-Proof` for the next request to the application.
    async fn shows(&self, api: &Api) -> String {
        self.shows_by(api, &self.key, &json!({})).await
    }

    async fn shows_by(&self, api: &Api, key: &Signer, change: &Value) -> String {
        let number = self.signed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut claims = json!({
            "jti": format!("{number}"), "htm": "POST", "htu": "https://shop.example.org/pay", "iat": api.now().await / 1000,
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let proof = key.sign(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk() }), &claims);
        format!("POST https://shop.example.org/pay?a=b {proof}")
    }

    fn decide(&self) -> String {
        format!("/v1/sessions/{}/decide", self.session)
    }
}

async fn post(api: &Api, path: &str, body: &Value, proof: Option<&str>) -> Answer {
    let request = api.request(Method::POST, path).json(body);
    let request = if let Some(proof) = proof { request.header("client-proof", proof) } else { request };
    Api::answer(request).await.unwrap()
}

fn claims(token: &Value) -> Value {
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap()
}

/// What a session is used for, each with a body.
async fn uses(api: &Api, ana: &Enrolled, session: &str) -> Vec<(String, Value)> {
    let me = api.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned();
    let origins = json!({ "return_origins": ["https://shop.example.org"] });
    api.patch(&format!("/v1/applications/{me}"), origins).await.expect(200);
    let page = |purpose: &str| json!({ "purpose": purpose, "session_id": session, "return_url": "https://shop.example.org/back" });
    let evaluation = json!({ "subject": { "type": "session", "id": session }, "action": { "name": "help.read" } });
    vec![
        (format!("/v1/sessions/{session}/decide"), json!({ "action": "help.read" })),
        ("/v1/challenges".to_owned(), json!({ "session_id": session })),
        ("/v1/enrollments".to_owned(), json!({ "session_id": session })),
        ("/v1/pages".to_owned(), page("enroll")),
        ("/v1/pages".to_owned(), page("security")),
        (format!("/v1/users/{}/backup-codes", ana.user_id), json!({ "session_id": session })),
        (format!("/v1/authenticators/{}/rotate", ana.authenticator_id), json!({ "session_id": session })),
        ("/access/v1/evaluation".to_owned(), evaluation),
    ]
}

/// An enrollment that was begun with the key is gone on with by nobody who lacks it.
async fn goes_on_by_the_key_alone(api: &Api, enrollment: &str) {
    api.get(&format!("/v1/enrollments/{enrollment}/view")).await.expect_problem(403, "key-not-shown");
    post(api, &format!("/v1/enrollments/{enrollment}/retry"), &json!({}), None)
        .await
        .expect_problem(403, "key-not-shown");
}

async fn a_stolen_session_is_worth_nothing_without_its_key(database: Database) {
    let server = server(database, RULES, true).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let client = Client::logs_in(&api, &ana.user_id).await;
    let thief = Signer::new();
    for (path, body) in uses(&api, &ana, &client.session).await {
        for proof in [None, Some(client.shows_by(&api, &thief, &json!({})).await)] {
            let answer = post(&api, &path, &body, proof.as_deref()).await;
            if path == "/access/v1/evaluation" {
                let denied = answer.expect(200);
                assert_eq!(denied["decision"], json!(false), "{denied}");
                assert_eq!(denied["context"]["problem"]["type"], "/problems/key-not-shown", "{denied}");
            } else {
                answer.expect_problem(403, "key-not-shown");
            }
        }
        let shown = client.shows(&api).await;
        let answer = post(&api, &path, &body, Some(&shown)).await;
        if path == "/v1/enrollments" && answer.status == 201 {
            goes_on_by_the_key_alone(&api, answer.json()["id"].as_str().unwrap()).await;
        }
        let too_weak = answer.status == 403 && answer.json()["type"] == "/problems/step-up-needed";
        assert!(answer.status < 300 || too_weak, "{path}: {answer}");
        assert_ne!(answer.json()["decision"], json!(false), "{answer}");
    }
    let refused = api.all("/v1/events?kind=session.key_refused").await;
    assert!(refused.iter().any(|event| event["data"]["reason"] == "absent"), "{refused:?}");
    assert!(refused.iter().any(|event| event["data"]["reason"] == "another_key"), "{refused:?}");
    assert!(refused.iter().all(|event| event["about"]["session"] == json!(client.session)), "{refused:?}");
    // It can be seen and ended: that is nothing to gain.
    api.get(&format!("/v1/sessions/{}", client.session)).await.expect(200);
    api.delete(&format!("/v1/sessions/{}", client.session)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_a_stolen_session_is_worth_nothing_without_its_key_on_sqlite() {
    a_stolen_session_is_worth_nothing_without_its_key(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_a_stolen_session_is_worth_nothing_without_its_key_on_postgresql() {
    a_stolen_session_is_worth_nothing_without_its_key(Database::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_a_session_is_stepped_up_with_its_key_and_its_assertions_are_bound_to_it() {
    let server = server(Database::Sqlite, RULES, true).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let client = Client::logs_in(&api, &ana.user_id).await;
    let question = json!({ "action": "report.read" });
    let shown = client.shows(&api).await;
    let asked = post(&api, &client.decide(), &question, Some(&shown)).await.expect(200);
    let challenge = asked["challenge"]["id"].as_str().unwrap_or_else(|| panic!("{asked}")).to_owned();
    let code = ana.phone.code_at(api.advance(60).await);
    let proved = api.verify(&challenge, &code).await.expect(200);
    let bound = json!({ "jkt": client.key.jkt() });
    assert_eq!(claims(&proved["assertion"])["cnf"], bound);
    let shown = client.shows(&api).await;
    let allowed = post(&api, &client.decide(), &question, Some(&shown)).await.expect(200);
    assert_eq!(claims(&allowed["assertion"])["cnf"], bound, "{allowed}");
    // Nobody has it bound to a key of theirs.
    let other = json!({ "action": "report.read", "cnf": { "jkt": Signer::new().jkt() } });
    let shown = client.shows(&api).await;
    post(&api, &client.decide(), &other, Some(&shown)).await.expect_problem(422, "invalid-request");
    let certificate = json!({ "user_id": ana.user_id, "amr": ["pwd"], "cnf": { "x5t#S256": client.key.jkt() } });
    api.post("/v1/sessions", certificate).await.expect_problem(422, "invalid-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_a_proof_that_is_wrong_in_any_part_shows_nothing() {
    let server = server(Database::Sqlite, RULES, true).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let client = Client::logs_in(&api, &ana.user_id).await;
    let question = json!({ "action": "help.read" });
    let now = api.now().await / 1000;
    for change in [
        json!({ "htm": "GET" }),
        json!({ "htu": "https://shop.example.org/other" }),
        json!({ "htu": "https://evil.example/pay" }),
        json!({ "iat": now - 61 }),
        json!({ "iat": now + 60 }),
        json!({ "jti": "" }),
    ] {
        let shown = client.shows_by(&api, &client.key, &change).await;
        let answer = post(&api, &client.decide(), &question, Some(&shown)).await;
        answer.expect_problem(403, "key-not-shown");
    }
    // The hash of a token, where the client's request had one.
    let hash = assertion::sha256(b"token");
    let with = client.shows_by(&api, &client.key, &json!({ "ath": hash })).await;
    post(&api, &client.decide(), &question, Some(&format!("{with} x"))).await.expect_problem(403, "key-not-shown");
    post(&api, &client.decide(), &question, Some(&format!("{with} {hash}"))).await.expect(200);
    for malformed in ["", "x", "POST https://shop.example.org/pay", "a b c d e"] {
        let answer = post(&api, &client.decide(), &question, Some(malformed)).await;
        answer.expect_problem(422, "invalid-request");
    }
}

/// One proof, to two servers at once: one of them takes it, and one alone.
#[tokio::test(flavor = "multi_thread")]
async fn s09_a_proof_serves_once_on_whichever_server() {
    let one = server(Database::Postgres, RULES, true).await;
    let other = one.beside().await;
    let (here, there) = (one.api(), other.api());
    let ana = here.enroll("ana").await;
    let client = Client::logs_in(&here, &ana.user_id).await;
    let question = json!({ "action": "help.read" });
    for _ in 0..5 {
        let shown = client.shows(&here).await;
        let path = client.decide();
        let all = (0..8).map(|n| post(if n % 2 == 0 { &here } else { &there }, &path, &question, Some(&shown)));
        let statuses: Vec<u16> = futures_util::future::join_all(all).await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 7, "{statuses:?}");
        post(&there, &client.decide(), &question, Some(&shown)).await.expect_problem(403, "key-not-shown");
    }
}
