//! Push by stand-ins: a push service whose browser decrypts with Mozilla's `ece`, Firebase, Apple.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey as VerifyingKey, VerificationAlgorithm,
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use ece::crypto::{Cryptographer, EcKeyComponents, LocalKeyPair, RemotePublicKey};
use futures_util::future::BoxFuture;
use gateway::push::{Apns, ApnsEnvironment, Fcm, Note, PushTarget, Subscription, SubscriptionKeys, Vapid, WebPush};
use gateway::{Delivery, FailureKind, Fault, Gateways, Outcome, Secret};
use serde_json::{Value, json};

use crate::setting::{NOON, bare, setting};
use crate::stand_in::{Asked, Says, StandIn};

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
    fn public_key(&self) -> [u8; 65] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign<'a>(&'a self, claims: &'a str) -> BoxFuture<'a, Result<String, String>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        let signed = format!("{}.{}", encode(r#"{"typ":"JWT","alg":"ES256"}"#), encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()));
        Box::pin(async move { Ok(token) })
    }
}

/// A browser that has subscribed.
struct Browser {
    private: PrivateKey,
    auth: [u8; 16],
}

impl Browser {
    fn new() -> Self {
        ece::crypto::set_cryptographer(&Primitives).ok();
        Self { private: PrivateKey::generate(&ECDH_P256).unwrap(), auth: *b"0123456789abcdef" }
    }

    fn subscription(&self, endpoint: &str) -> PushTarget {
        let public = BASE64URL_NOPAD.encode(self.private.compute_public_key().unwrap().as_ref());
        let keys = SubscriptionKeys::parse(&public, &BASE64URL_NOPAD.encode(&self.auth)).unwrap();
        PushTarget::WebPush(Subscription { endpoint: endpoint.into(), keys })
    }

    fn decrypt(&self, body: &[u8]) -> Vec<u8> {
        let private: EcPrivateKeyBin<'_> = self.private.as_be_bytes().unwrap();
        let public = self.private.compute_public_key().unwrap();
        let components = EcKeyComponents::new(private.as_ref(), public.as_ref());
        ece::decrypt(&components, &self.auth, body).expect("the browser cannot decrypt")
    }
}

fn web_push(gateways: Gateways) -> (Gateways, Vec<u8>, Arc<AtomicUsize>) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let public = key.public_key().as_ref().to_vec();
    let signed = Arc::new(AtomicUsize::new(0));
    let sender = WebPush::new(Box::new(Key(key, Arc::clone(&signed))), "mailto:ops@example.org");
    (gateways.with_web_push(sender), public, signed)
}

#[tokio::test]
async fn i04_a_browser_decrypts_what_its_push_service_cannot_read() {
    let service = StandIn::start(|_| Says::new(201, "")).await;
    let (gateways, public, signed) = web_push(bare());
    let browser = Browser::new();
    let target = browser.subscription(&service.url("/send/abc"));
    let delivery = gateways.push(&target, &note()).await;
    assert!(matches!(delivery.outcome, Outcome::Sent { .. }), "{delivery:?}");

    let asked = service.only();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/send/abc"));
    assert_eq!(asked.header("content-encoding"), "aes128gcm");
    assert_eq!((asked.header("ttl"), asked.header("urgency"), asked.header("topic")), ("120", "high", "prm_1"));
    assert!(!asked.body.windows(5).any(|bytes| bytes == b"prm_1"));
    let read: Value = serde_json::from_slice(&browser.decrypt(&asked.body)).unwrap();
    assert_eq!(read, json!({ "title": "Example", "body": "Something waits for you", "data": { "prompt": "prm_1" } }));

    let authorization = asked.header("authorization").strip_prefix("vapid t=").unwrap();
    let (token, key) = authorization.split_once(", k=").unwrap();
    assert_eq!(key, BASE64URL_NOPAD.encode(&public));
    let (_, claims) = claims(token, &ECDSA_P256_SHA256_FIXED, &public);
    assert_eq!(claims["aud"], format!("http://{}", service.address));
    assert_eq!(claims["sub"], "mailto:ops@example.org");
    assert_eq!(claims["exp"], NOON.unix_seconds() + 12 * 3600);

    gateways.push(&target, &note()).await;
    assert_eq!(signed.load(Ordering::SeqCst), 1, "one signature serves for hours");
    let again = service.asked().pop().unwrap();
    assert_ne!(again.body, asked.body, "key and salt are of one message alone");
}

#[tokio::test]
async fn a_subscription_that_is_no_more_is_told_from_a_service_that_is_down() {
    let service = StandIn::start(|_| Says::new(201, "")).await;
    let (gateways, ..) = web_push(bare());
    let target = Browser::new().subscription(&service.url("/"));
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
    // Every browser names its own service, so that none may take push from the others.
    for _ in 0..5 {
        gateways.push(&target, &note()).await;
    }
    assert!(gateways.health()[0].down_until.is_none());
}

#[tokio::test]
async fn t23_a_subscription_that_leads_inside_is_not_called() {
    let (gateways, _, signed) = web_push(bare());
    let browser = Browser::new();
    for endpoint in
        ["https://169.254.169.254/", "https://[::ffff:10.0.0.1]/", "http://example.org/", "file:///etc/passwd", "x"]
    {
        let delivery = gateways.push(&browser.subscription(endpoint), &note()).await;
        assert_eq!(delivery.outcome, Outcome::Undeliverable(Fault::Unknown), "{endpoint}");
    }
    assert_eq!(signed.load(Ordering::SeqCst), 0, "something was signed for an address inside");
}

/// The primitives that `ece` leaves to others; what it does with them is its own.
struct Primitives;

struct Local(PrivateKey);
struct Remote(Vec<u8>);
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl RemotePublicKey for Remote {
    fn as_raw(&self) -> ece::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl LocalKeyPair for Local {
    fn pub_as_raw(&self) -> ece::Result<Vec<u8>> {
        Ok(self.0.compute_public_key().unwrap().as_ref().to_vec())
    }

    fn raw_components(&self) -> ece::Result<EcKeyComponents> {
        let private: EcPrivateKeyBin<'_> = self.0.as_be_bytes().unwrap();
        Ok(EcKeyComponents::new(private.as_ref().to_vec(), self.pub_as_raw()?))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Cryptographer for Primitives {
    fn generate_ephemeral_keypair(&self) -> ece::Result<Box<dyn LocalKeyPair>> {
        Ok(Box::new(Local(PrivateKey::generate(&ECDH_P256).unwrap())))
    }

    fn import_key_pair(&self, components: &EcKeyComponents) -> ece::Result<Box<dyn LocalKeyPair>> {
        Ok(Box::new(Local(PrivateKey::from_private_key(&ECDH_P256, components.private_key()).unwrap())))
    }

    fn import_public_key(&self, raw: &[u8]) -> ece::Result<Box<dyn RemotePublicKey>> {
        Ok(Box::new(Remote(raw.to_vec())))
    }

    fn compute_ecdh_secret(&self, remote: &dyn RemotePublicKey, local: &dyn LocalKeyPair) -> ece::Result<Vec<u8>> {
        let local = local.as_any().downcast_ref::<Local>().unwrap();
        let peer = UnparsedPublicKey::new(&ECDH_P256, remote.as_raw()?);
        Ok(agreement::agree(&local.0, peer, (), |secret| Ok(secret.to_vec())).unwrap())
    }

    fn hkdf_sha256(&self, salt: &[u8], secret: &[u8], info: &[u8], len: usize) -> ece::Result<Vec<u8>> {
        let mut output = vec![0; len];
        let prk = Salt::new(HKDF_SHA256, salt).extract(secret);
        prk.expand(&[info], Length(len)).unwrap().fill(&mut output).unwrap();
        Ok(output)
    }

    fn aes_gcm_128_encrypt(&self, _: &[u8], _: &[u8], _: &[u8]) -> ece::Result<Vec<u8>> {
        Err(ece::Error::CryptoError)
    }

    fn aes_gcm_128_decrypt(&self, key: &[u8], iv: &[u8], sealed: &[u8]) -> ece::Result<Vec<u8>> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(iv).unwrap();
        let plain = key.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| ece::Error::CryptoError)?;
        Ok(plain.to_vec())
    }

    fn random_bytes(&self, dest: &mut [u8]) -> ece::Result<()> {
        aws_lc_rs::rand::fill(dest).map_err(|_| ece::Error::CryptoError)
    }
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
    (server, gateways.with_fcm(fcm), public, token_uri, clock)
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
    (clocked.with_apns(apns.at(format!("http://{}", server.address))), public)
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
