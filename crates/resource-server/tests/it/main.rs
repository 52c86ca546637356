//! The layer as a resource server has it: what it lets in, what it answers, and what it does when keys cannot be fetched.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test"
)]

// The same that the checks are tried with.
#[path = "../../../assertion/tests/it/signer.rs"]
#[allow(dead_code, reason = "not all of it is used here")]
mod signer;

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use resource_server::{
    ClaimsOf, ClientCertificate, Fetching, Guard, Level, Need, NoSource, Published, Settings, Source,
};
use serde_json::{Value, json};
use signer::Signer;
use tower::{Layer as _, Service as _, service_fn};

const START: i64 = 1_800_000_000;

/// What publishes keys, and can be away.
#[derive(Clone, Default)]
struct Publisher {
    keys: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    fn publish(&self, keys: &[(&str, &Signer)]) {
        let keys = keys.iter().map(|(kid, signer)| {
            let mut jwk = signer.jwk();
            jwk["kid"] = json!(kid);
            jwk
        });
        *self.keys.lock().unwrap() = Some(json!({ "keys": keys.collect::<Vec<_>>() }));
    }

    fn go_away(&self) {
        *self.keys.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Source for Publisher {
    fn fetch(&self) -> Fetching<'_> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let keys = self.keys.lock().unwrap().clone();
        Box::pin(async move { keys.map(|keys| keys.to_string().into_bytes()).ok_or(NoSource("away".to_owned())) })
    }
}

/// A resource server with a clock that can be moved.
struct Resource {
    guard: Guard,
    publisher: Publisher,
    signer: Signer,
    now: Arc<AtomicI64>,
}

impl Resource {
    fn new() -> Self {
        let (publisher, signer, now) = (Publisher::default(), Signer::new(), Arc::new(AtomicI64::new(START)));
        publisher.publish(&[("one", &signer)]);
        let settings = Settings {
            issuer: "https://mfa.example.org".to_owned(),
            audiences: vec!["app_1".to_owned()],
            origin: "https://api.example.org/".to_owned(),
        };
        let clock = Arc::clone(&now);
        let guard = Guard::new(settings, publisher.clone(), Arc::new(move || clock.load(Ordering::SeqCst)));
        Self { guard, publisher, signer, now }
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    async fn advance(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
        // What is fetched meanwhile gets its turn.
        tokio::task::yield_now().await;
    }

    fn claims(&self) -> Value {
        let now = self.now();
        json!({
            "iss": "https://mfa.example.org", "aud": "app_1", "sub": "usr_1", "jti": "dec_1", "iat": now, "nbf": now, "exp": now + 300,
            "auth_time": now, "acr": "aal2", "amr": ["otp"], "action": "pay", "action_hash": "h",
        })
    }

    fn token(&self, more: &Value) -> String {
        self.token_by("one", &self.signer, more)
    }

    fn token_by(&self, kid: &str, signer: &Signer, more: &Value) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        signer.sign(&json!({ "alg": "ES256", "kid": kid, "typ": "countersign-assertion+jwt" }), &claims)
    }

    async fn get(&self, need: &Need, authorization: &str) -> Response<String> {
        self.send(need, Request::get("/payments?a=b").header("authorization", authorization)).await
    }

    async fn send(&self, need: &Need, request: http::request::Builder) -> Response<String> {
        let inner = service_fn(|request: Request<()>| async move {
            let said = request.extensions().get::<ClaimsOf>().unwrap();
            Ok::<_, std::convert::Infallible>(Response::new(said.0.sub.clone()))
        });
        let mut service = self.guard.layer(need.clone()).layer(inner);
        service.call(request.body(()).unwrap()).await.unwrap()
    }
}

fn wanted(response: &Response<String>) -> Vec<&str> {
    response.headers().get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn s06_who_shows_an_assertion_is_let_in_and_the_handler_knows_what_it_says() {
    let resource = Resource::new();
    let need = Need::default();
    let answer = resource.get(&need, &format!("Bearer {}", resource.token(&json!({})))).await;
    assert_eq!((answer.status(), answer.body().as_str()), (StatusCode::OK, "usr_1"));
    let nothing = resource.send(&need, Request::get("/payments")).await;
    assert_eq!((nothing.status(), wanted(&nothing)), (StatusCode::UNAUTHORIZED, vec!["Bearer"]));
    for strange in ["Basic YTpi", "Bearer", "Bearer x.y.z"] {
        assert_eq!(resource.get(&need, strange).await.status(), StatusCode::UNAUTHORIZED, "{strange}");
    }
    let token = resource.token(&json!({}));
    let twice = Request::get("/payments").header("authorization", format!("Bearer {token}"));
    let twice = resource.send(&need, twice.header("authorization", format!("Bearer {token}"))).await;
    assert_eq!(twice.status(), StatusCode::UNAUTHORIZED);
    resource.advance(301).await;
    let late = resource.get(&need, &format!("Bearer {token}")).await;
    assert!(wanted(&late)[0].starts_with("Bearer error=\"invalid_token\""), "{:?}", wanted(&late));
}

/// RFC 9470 §3.
#[tokio::test]
async fn s07_who_shows_too_little_is_told_what_would_be_enough() {
    let resource = Resource::new();
    let need = Need { level: Some(Level::Aal2), max_age: Some(60), ..Need::default() };
    let weak = resource.get(&need, &format!("Bearer {}", resource.token(&json!({ "acr": "aal1" })))).await;
    assert_eq!(weak.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        wanted(&weak),
        [
            "Bearer error=\"insufficient_user_authentication\", error_description=\"a different authentication level is required\", \
         acr_values=\"aal2 aal3\", max_age=\"60\""
        ]
    );
    let token = resource.token(&json!({}));
    assert_eq!(resource.get(&need, &format!("Bearer {token}")).await.status(), StatusCode::OK);
    resource.advance(66).await;
    let old = resource.get(&need, &format!("Bearer {token}")).await;
    assert!(wanted(&old)[0].contains("more recent authentication"), "{:?}", wanted(&old));
}

fn proof(resource: &Resource, key: &Signer, jti: &str, token: &str) -> String {
    let claims = json!({
        "jti": jti, "htm": "GET", "htu": "https://api.example.org/payments", "iat": resource.now(), "ath": assertion::sha256(token.as_bytes()),
    });
    key.sign(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk() }), &claims)
}

#[tokio::test]
async fn s09_a_stolen_assertion_without_its_key_is_worth_nothing() {
    let resource = Resource::new();
    let need = Need { bound: true, ..Need::default() };
    let key = Signer::new();
    let token = resource.token(&json!({ "cnf": { "jkt": key.jkt() } }));
    let shown = |token: &str, proof: &str| {
        Request::get("/payments?a=b").header("authorization", format!("DPoP {token}")).header("dpop", proof)
    };
    let first = proof(&resource, &key, "1", &token);
    assert_eq!(resource.send(&need, shown(&token, &first)).await.status(), StatusCode::OK);
    let again = resource.send(&need, shown(&token, &first)).await;
    assert!(wanted(&again)[0].contains("invalid_dpop_proof"), "a replay: {:?}", wanted(&again));
    // By itself, with another key, with two proofs, with none.
    let bare = resource.get(&need, &format!("Bearer {token}")).await;
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert!(wanted(&bare)[0].starts_with("DPoP error=\"invalid_token\""), "{:?}", wanted(&bare));
    let thief = Signer::new();
    let other = resource.send(&need, shown(&token, &proof(&resource, &thief, "2", &token))).await;
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
    let two = shown(&token, &proof(&resource, &key, "3", &token)).header("dpop", proof(&resource, &key, "4", &token));
    assert_eq!(resource.send(&need, two).await.status(), StatusCode::UNAUTHORIZED);
    let none = resource.send(&need, Request::get("/payments").header("authorization", format!("DPoP {token}"))).await;
    assert_eq!(none.status(), StatusCode::UNAUTHORIZED);
    // One that is bound to nothing is not enough here, and takes no proof for a binding.
    let free = resource.token(&json!({}));
    assert_eq!(resource.get(&need, &format!("Bearer {free}")).await.status(), StatusCode::UNAUTHORIZED);
    let proved = resource.send(&Need::default(), shown(&free, &proof(&resource, &key, "5", &free))).await;
    assert_eq!(proved.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn s06_an_assertion_that_is_bound_to_a_certificate_comes_with_it() {
    let resource = Resource::new();
    let need = Need { bound: true, ..Need::default() };
    let token = resource.token(&json!({ "cnf": { "x5t#S256": assertion::sha256(b"the certificate") } }));
    let with = |certificate: Option<&[u8]>| {
        let request = Request::get("/payments").header("authorization", format!("Bearer {token}"));
        match certificate {
            Some(der) => request.extension(ClientCertificate(der.to_vec())),
            None => request,
        }
    };
    assert_eq!(resource.send(&need, with(Some(b"the certificate"))).await.status(), StatusCode::OK);
    assert_eq!(resource.send(&need, with(Some(b"another"))).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(resource.send(&need, with(None)).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn s06_keys_are_fetched_once_and_again_for_one_that_is_not_known() {
    let resource = Resource::new();
    let need = Need::default();
    for _ in 0..5 {
        let token = resource.token(&json!({}));
        assert_eq!(resource.get(&need, &format!("Bearer {token}")).await.status(), StatusCode::OK);
    }
    assert_eq!(resource.publisher.asked(), 1);
    // A rotation: known after the cool-down at the latest.
    let next = Signer::new();
    resource.publisher.publish(&[("one", &resource.signer), ("two", &next)]);
    let status = async |resource: &Resource| {
        let token = resource.token_by("two", &next, &json!({}));
        resource.get(&need, &format!("Bearer {token}")).await.status()
    };
    assert_eq!(status(&resource).await, StatusCode::UNAUTHORIZED);
    resource.advance(31).await;
    assert_eq!(status(&resource).await, StatusCode::OK);
    assert_eq!(resource.publisher.asked(), 2);
    // Whoever makes up names has nobody flooded.
    for n in 0..50 {
        let token = resource.token_by(&format!("made up {n}"), &next, &json!({}));
        assert_eq!(resource.get(&need, &format!("Bearer {token}")).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(resource.publisher.asked(), 2);
    // A key that was retired is gone once the set was fetched anew.
    resource.publisher.publish(&[("two", &next)]);
    resource.advance(601).await;
    let token = resource.token(&json!({}));
    let _ = resource.get(&need, &format!("Bearer {token}")).await;
    resource.advance(0).await;
    assert_eq!(resource.publisher.asked(), 3);
    let token = resource.token(&json!({}));
    assert_eq!(resource.get(&need, &format!("Bearer {token}")).await.status(), StatusCode::UNAUTHORIZED);
}

/// T-14: what is known goes on being good while keys cannot be fetched, and nothing else is let in.
#[tokio::test]
async fn t14_without_its_source_known_keys_serve_for_a_day_and_unknown_ones_never() {
    let resource = Resource::new();
    let need = Need::default();
    let bearer = |resource: &Resource| format!("Bearer {}", resource.token(&json!({})));
    resource.publisher.go_away();
    let early = resource.get(&need, &bearer(&resource)).await;
    assert_eq!(
        (early.status(), early.headers()["retry-after"].to_str().unwrap()),
        (StatusCode::SERVICE_UNAVAILABLE, "1")
    );
    resource.publisher.publish(&[("one", &resource.signer)]);
    resource.advance(1).await;
    assert_eq!(resource.get(&need, &bearer(&resource)).await.status(), StatusCode::OK);

    resource.publisher.go_away();
    for _ in 0..23 {
        resource.advance(3600).await;
        assert_eq!(resource.get(&need, &bearer(&resource)).await.status(), StatusCode::OK);
    }
    let stranger = Signer::new();
    let unknown = resource.token_by("two", &stranger, &json!({}));
    assert_eq!(resource.get(&need, &format!("Bearer {unknown}")).await.status(), StatusCode::UNAUTHORIZED);
    resource.advance(3601).await;
    assert_eq!(resource.get(&need, &bearer(&resource)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    resource.publisher.publish(&[("one", &resource.signer)]);
    resource.advance(31).await;
    assert_eq!(resource.get(&need, &bearer(&resource)).await.status(), StatusCode::OK);
}

#[test]
fn keys_are_fetched_by_https_or_from_this_machine() {
    for good in ["https://mfa.example.org", "http://127.0.0.1:8420", "http://localhost:8420/"] {
        assert!(Published::of(good).is_ok(), "{good}");
    }
    for bad in ["http://mfa.example.org", "ftp://mfa.example.org", "mfa.example.org"] {
        assert!(Published::of(bad).is_err(), "{bad}");
    }
}
