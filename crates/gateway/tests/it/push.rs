//! Push by stand-ins: a push service whose browser decrypts with Mozilla's `ece`, Firebase, Apple.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey as VerifyingKey, VerificationAlgorithm,
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use futures_util::future::BoxFuture;
use gateway::push::{
    Apns, ApnsEnvironment, Fcm, Note, PushServices, PushTarget, Subscription, SubscriptionKeys, Vapid, VapidClaims,
    WebPush,
};
use gateway::{Delivery, FailureKind, Fault, Gateways, Outcome, Secret};
use serde_json::{Value, json};

use crate::setting::{NOON, bare, setting, trusting};
use crate::stand_in::{Asked, Says, StandIn};
use crate::subscriber::Subscriber;

fn note() -> Note {
    Note {
        title: "Example".to_owned(),
        body: "Something waits for you".to_owned(),
        data: json!({ "prompt": "prm_1" }).as_object().unwrap().clone(),
        useful: Duration::from_mins(2),
        topic: Some("prm_1".to_owned()),
    }
}

fn kind(delivery: &Delivery) -> FailureKind {
    delivery.attempts[0].failure.as_ref().unwrap().kind
}

/// The claims of a token, if it is signed by this key.
fn claims(token: &str, algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> (Value, Value) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    VerifyingKey::new(algorithm, key).verify(signed.as_bytes(), &signature).expect("the token's signature is wrong");
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap();
    (read(header), read(claims))
}

// Web Push

struct Key(EcdsaKeyPair, Arc<AtomicUsize>);

impl Vapid for Key {
    fn public_key(&self) -> BoxFuture<'_, Result<[u8; 65], String>> {
        Box::pin(async { Ok(self.0.public_key().as_ref().try_into().unwrap()) })
    }

    fn sign<'a>(&'a self, claims: &'a VapidClaims<'a>) -> BoxFuture<'a, Result<String, String>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let claims = &json!({ "aud": claims.audience, "exp": claims.expires_at, "sub": claims.subject }).to_string();
        let signed = format!("{}.{}", encode(r#"{"typ":"JWT","alg":"ES256"}"#), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()));
        Box::pin(async move { Ok(token) })
    }
}

/// A sender to one push service, which is on loopback.
fn web_push(service: &StandIn) -> (Gateways, Vec<u8>, Arc<AtomicUsize>) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let public = key.public_key().as_ref().to_vec();
    let signed = Arc::new(AtomicUsize::new(0));
    let here = format!("localhost:{}", service.address.port());
    let services = PushServices::parse([here.as_str(), "169.254.169.254", "[::ffff:10.0.0.1]", "example.org"]).unwrap();
    let sender = WebPush::new(Box::new(Key(key, Arc::clone(&signed))), "mailto:ops@example.org", services);
    (trusting(service).with_web_push(sender), public, signed)
}

fn subscription(browser: &Subscriber, endpoint: &str) -> PushTarget {
    let keys = SubscriptionKeys::parse(&browser.p256dh(), &browser.auth()).unwrap();
    PushTarget::WebPush(Subscription { endpoint: endpoint.into(), keys })
}

#[tokio::test]
async fn i04_a_browser_decrypts_what_its_push_service_cannot_read() {
    let service = StandIn::start_with_tls(|_| Says::new(201, "")).await;
    let (gateways, public, signed) = web_push(&service);
    let browser = Subscriber::new();
    let target = subscription(&browser, &service.url("/send/abc"));
    let delivery = gateways.push(&target, &note()).await;
    assert!(matches!(delivery.outcome, Outcome::Sent { .. }), "{delivery:?}");

    let asked = service.only();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/send/abc"));
    assert_eq!(asked.header("content-encoding"), "aes128gcm");
    assert_eq!((asked.header("ttl"), asked.header("urgency"), asked.header("topic")), ("120", "high", "prm_1"));
    assert!(!asked.body.windows(5).any(|bytes| bytes == b"prm_1"));
    let read: Value = serde_json::from_slice(&browser.decrypt(&asked.body)).unwrap();
    assert_eq!(read, json!({ "prompt": "prm_1" }));

    let authorization = asked.header("authorization").strip_prefix("vapid t=").unwrap();
    let (token, key) = authorization.split_once(", k=").unwrap();
    assert_eq!(key, BASE64URL_NOPAD.encode(&public));
    let (_, claims) = claims(token, &ECDSA_P256_SHA256_FIXED, &public);
    assert_eq!(claims["aud"], format!("https://localhost:{}", service.address.port()));
    assert_eq!(claims["sub"], "mailto:ops@example.org");
    assert_eq!(claims["exp"], NOON.unix_seconds() + 12 * 3600);

    gateways.push(&target, &note()).await;
    assert_eq!(signed.load(Ordering::SeqCst), 1, "one signature serves for hours");
    let again = service.asked().pop().unwrap();
    assert_ne!(again.body, asked.body, "key and salt are of one message alone");
}

#[tokio::test]
async fn a_subscription_that_is_no_more_is_told_from_a_service_that_is_down() {
    let service = StandIn::start_with_tls(|_| Says::new(201, "")).await;
    let (gateways, ..) = web_push(&service);
    let target = subscription(&Subscriber::new(), &service.url("/"));
    for (status, outcome) in [
        (404, Outcome::Undeliverable(Fault::Gone)),
        (410, Outcome::Undeliverable(Fault::Gone)),
        (413, Outcome::Undeliverable(Fault::TooLarge)),
        (429, Outcome::Unavailable { retry_at: None }),
        (403, Outcome::Unavailable { retry_at: None }),
        (500, Outcome::Unavailable { retry_at: None }),
    ] {
        service.now(move |_| Says::new(status, ""));
        assert_eq!(gateways.push(&target, &note()).await.outcome, outcome, "{status}");
    }
    // Whoever subscribed may bring about such answers, so that they take push from nobody else.
    for _ in 0..5 {
        gateways.push(&target, &note()).await;
    }
    assert!(gateways.health()[0].down_until.is_none());
    service.now(|_| Says::new(201, ""));
    assert!(matches!(gateways.push(&target, &note()).await.outcome, Outcome::Sent { .. }));
}

#[tokio::test]
async fn a_push_service_that_does_not_answer_is_left_alone_for_a_while() {
    let slow = StandIn::start_with_tls(|_| Says::new(201, "").after(Duration::from_mins(1))).await;
    let (gateways, ..) = web_push(&slow);
    let target = subscription(&Subscriber::new(), &slow.url("/"));
    for expected in [FailureKind::TimedOut, FailureKind::TimedOut, FailureKind::TimedOut, FailureKind::Unable] {
        let delivery = gateways.push(&target, &note()).await;
        assert_eq!(delivery.outcome, Outcome::Unavailable { retry_at: None });
        assert_eq!(kind(&delivery), expected);
    }
    assert_eq!(slow.asked().len(), 3, "it was waited for again and again");
}

#[tokio::test]
async fn t23_a_subscription_that_leads_inside_or_elsewhere_is_not_called() {
    let service = StandIn::start_with_tls(|_| Says::new(201, "")).await;
    let (gateways, _, signed) = web_push(&service);
    let browser = Subscriber::new();
    let other_port = format!("https://127.0.0.1:{}/", service.address.port());
    for endpoint in [
        "https://169.254.169.254/",
        "https://[::ffff:10.0.0.1]/",
        "http://example.org/",
        "https://elsewhere.example/",
        "file:///etc/passwd",
        "x",
        &other_port,
    ] {
        let delivery = gateways.push(&subscription(&browser, endpoint), &note()).await;
        assert_eq!(delivery.outcome, Outcome::Undeliverable(Fault::Unknown), "{endpoint}");
    }
    assert_eq!(signed.load(Ordering::SeqCst), 0, "something was signed for where nothing may be sent");
    assert!(service.asked().is_empty());
}

// Firebase

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(der))
}

/// Firebase and Google's token endpoint; answers what FCM is to say.
fn google(asked: &Asked, public: &[u8], token_uri: &str, says: &Says) -> Says {
    match asked.path.as_str() {
        "/token" => {
            assert_eq!(asked.field("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
            let (header, claims) = claims(&asked.field("assertion"), &RSA_PKCS1_2048_8192_SHA256, public);
            assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" }));
            assert_eq!(claims["iss"], "sender@demo.iam.gserviceaccount.com");
            assert_eq!(claims["scope"], "https://www.googleapis.com/auth/firebase.messaging");
            assert_eq!(claims["aud"], token_uri);
            assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
            Says::new(200, json!({ "access_token": "granted", "expires_in": 3599, "token_type": "Bearer" }).to_string())
        }
        "/v1/projects/demo/messages:send" if asked.header("authorization") == "Bearer granted" => says.clone(),
        _ => Says::new(401, ""),
    }
}

async fn fcm() -> (StandIn, Gateways, Vec<u8>, String, Arc<domain::ManualClock>) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = key.public_key().as_ref().to_vec();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let server = StandIn::start(|_| Says::new(500, "")).await;
    let token_uri = server.url("/token");
    let account = json!({
        "type": "service_account", "project_id": "demo", "private_key_id": "key-1", "private_key": pem(der.as_ref()),
        "client_email": "sender@demo.iam.gserviceaccount.com", "token_uri": token_uri,
    });
    let (gateways, clock) = setting();
    let fcm = Fcm::new(&account.to_string().into()).unwrap().at(format!("http://{}", server.address));
    (server, gateways.with_fcm("fcm", fcm), public, token_uri, clock)
}

#[tokio::test]
async fn i04_firebase_is_asked_as_it_documents_with_a_token_that_is_kept() {
    let (server, gateways, public, token_uri, clock) = fcm().await;
    let says = Says::new(200, json!({ "name": "projects/demo/messages/1" }).to_string());
    server.now(move |asked| google(asked, &public, &token_uri, &says));
    let target = PushTarget::Fcm("device".into());
    for _ in 0..2 {
        let delivery = gateways.push(&target, &note()).await;
        let Outcome::Sent { reference, .. } = &delivery.outcome else { panic!("{delivery:?}") };
        assert_eq!(reference.as_deref(), Some("projects/demo/messages/1"));
    }
    let paths: Vec<_> = server.asked().iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(paths.iter().filter(|path| *path == "/token").count(), 1, "{paths:?}");
    let message: Value = serde_json::from_slice(&server.asked()[1].body).unwrap();
    assert_eq!(message["message"]["token"], "device");
    assert_eq!(message["message"]["android"], json!({ "priority": "HIGH", "ttl": "120s", "collapse_key": "prm_1" }));
    assert_eq!(message["message"]["data"]["countersign"], r#"{"prompt":"prm_1"}"#);

    clock.advance(Duration::from_hours(1));
    gateways.push(&target, &note()).await;
    assert_eq!(server.asked().iter().filter(|asked| asked.path == "/token").count(), 2);
}

#[tokio::test]
async fn what_firebase_refuses_is_understood() {
    let (server, gateways, public, token_uri, _) = fcm().await;
    let target = PushTarget::Fcm("device".into());
    for (status, code, expected) in [
        (404, "UNREGISTERED", FailureKind::Recipient(Fault::Gone)),
        (403, "SENDER_ID_MISMATCH", FailureKind::Recipient(Fault::Gone)),
        (400, "INVALID_ARGUMENT", FailureKind::Recipient(Fault::Unknown)),
        (429, "QUOTA_EXCEEDED", FailureKind::Unable),
    ] {
        let detail = json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code });
        let says = Says::new(status, json!({ "error": { "code": status, "details": [detail] } }).to_string());
        let (public, token_uri) = (public.clone(), token_uri.clone());
        server.now(move |asked| google(asked, &public, &token_uri, &says));
        assert_eq!(kind(&gateways.push(&target, &note()).await), expected, "{code}");
    }
}

// Apple

fn apns(server: &StandIn, clocked: Gateways) -> (Gateways, Vec<u8>) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let public = key.public_key().as_ref().to_vec();
    let p8: Secret = pem(key.to_pkcs8v1().unwrap().as_ref()).into();
    let apns = Apns::new("TEAM", "KEY", &p8, "org.example.app", ApnsEnvironment::Production).unwrap();
    (clocked.with_apns("apns", apns.at(format!("http://{}", server.address))), public)
}

#[tokio::test]
async fn i04_apple_is_asked_as_it_documents_over_http_2() {
    let server = StandIn::start(|_| Says::new(200, "").with("apns-id", "A-1")).await;
    let (gateways, clock) = setting();
    let (gateways, public) = apns(&server, gateways);
    let device = "ab".repeat(32);
    let target = PushTarget::Apns(device.clone().into());
    let delivery = gateways.push(&target, &note()).await;
    assert!(matches!(&delivery.outcome, Outcome::Sent { reference: Some(id), .. } if id == "A-1"), "{delivery:?}");
    let asked = server.only();
    assert_eq!(asked.version, hyper::Version::HTTP_2);
    assert_eq!(asked.path, format!("/3/device/{device}"));
    assert_eq!((asked.header("apns-topic"), asked.header("apns-push-type")), ("org.example.app", "alert"));
    assert_eq!(asked.header("apns-expiration"), (NOON.unix_seconds() + 120).to_string());
    let token = asked.header("authorization").strip_prefix("bearer ").unwrap().to_owned();
    let (header, claims) = claims(&token, &ECDSA_P256_SHA256_FIXED, &public);
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "KEY" }));
    assert_eq!(claims, json!({ "iss": "TEAM", "iat": NOON.unix_seconds() }));

    gateways.push(&target, &note()).await;
    assert_eq!(server.asked()[1].header("authorization"), asked.header("authorization"), "renewed too often");
    clock.advance(Duration::from_mins(46));
    gateways.push(&target, &note()).await;
    assert_ne!(server.asked()[2].header("authorization"), asked.header("authorization"), "renewed too seldom");
}

#[tokio::test]
async fn what_apple_refuses_is_understood() {
    let server = StandIn::start(|_| Says::new(200, "")).await;
    let (gateways, _) = apns(&server, bare());
    let target = PushTarget::Apns("ab".repeat(32).into());
    for (status, reason, expected) in [
        (410, "Unregistered", FailureKind::Recipient(Fault::Gone)),
        (400, "BadDeviceToken", FailureKind::Recipient(Fault::Gone)),
        (400, "DeviceTokenNotForTopic", FailureKind::Recipient(Fault::Unknown)),
        (413, "PayloadTooLarge", FailureKind::Recipient(Fault::TooLarge)),
        (429, "TooManyRequests", FailureKind::NotServed),
        (403, "InvalidProviderToken", FailureKind::Refused),
        (503, "ServiceUnavailable", FailureKind::Unable),
    ] {
        server.now(move |_| Says::new(status, json!({ "reason": reason }).to_string()));
        assert_eq!(kind(&gateways.push(&target, &note()).await), expected, "{reason}");
    }
    let before = server.asked().len();
    for made_up in ["", "../../1", "ab", &"zz".repeat(32)] {
        let delivery = gateways.push(&PushTarget::Apns(made_up.into()), &note()).await;
        assert_eq!(delivery.outcome, Outcome::Undeliverable(Fault::Unknown), "{made_up}");
    }
    assert_eq!(server.asked().len(), before);
}
