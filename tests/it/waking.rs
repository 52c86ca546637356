//! Apps that are closed are woken up (I-04): by stand-ins of push services that check what they are sent, fail, delay and lie.

use std::time::Duration;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::approver::Approver;
use crate::harness::{Answer, Api, Database, Server, Setup};
use crate::push::{Ana, connect, connect_in, number, push, state};
use crate::stand_in::{Asked, Says, StandIn};
use crate::subscriber::Subscriber;

/// A server, and the push service that browsers subscribed at.
struct Post {
    server: Server,
    service: StandIn,
    _folder: tempfile::TempDir,
}

impl Post {
    async fn on(database: Database) -> Self {
        Self::with(database, &[]).await
    }

    async fn with(database: Database, more: &[(&str, &str)]) -> Self {
        let service = StandIn::start_with_tls(|_| Says::new(201, "")).await;
        let folder = tempfile::TempDir::with_prefix("countersign-test-").unwrap();
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, service.certificate.as_ref().unwrap()).unwrap();
        let given = [
            ("COUNTERSIGN_PUSH_CONTACT", "mailto:ops@example.org"),
            ("COUNTERSIGN_PUSH_SERVICES", &format!("localhost:{}", service.address.port())),
            ("COUNTERSIGN_OUTSIDE_ALLOWED", "127.0.0.1,::1"),
            ("COUNTERSIGN_OUTSIDE_AUTHORITIES", authority.to_str().unwrap()),
        ];
        let given = given.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
        let environment = given.chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let server = Server::start(Setup { database, environment, ..Setup::default() }).await;
        Self { server, service, _folder: folder }
    }

    fn api(&self) -> Api {
        self.server.api()
    }

    /// Has an app subscribe at the push service, under a path.
    async fn subscribes(&self, app: &Approver, path: &str) -> Subscriber {
        let browser = Subscriber::new();
        subscribe(app, &browser, &self.service.url(path)).await.expect(200);
        browser
    }

    async fn events(&self, kind: &str) -> Vec<Value> {
        self.api().all(&format!("/v1/events?kind={kind}")).await
    }

    /// The events of a kind, once there are so many.
    async fn told(&self, kind: &str, count: usize) -> Vec<Value> {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let events = self.events(kind).await;
            if events.len() >= count {
                return events;
            }
            assert!(Instant::now() < limit, "{kind} did not happen: {}", self.server.log());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn subscribe(app: &Approver, browser: &Subscriber, endpoint: &str) -> Answer {
    let web_push = json!({ "endpoint": endpoint, "p256dh": browser.p256dh(), "auth": browser.auth() });
    app.ask("/push/subscribe", &json!({ "delivery": { "web_push": web_push } })).await
}

/// What a stand-in was asked, once it was so often.
async fn asked(service: &StandIn, count: usize) -> Vec<Asked> {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let asked = service.asked();
        if asked.len() >= count {
            return asked;
        }
        assert!(Instant::now() < limit, "it was asked {} times", asked.len());
        sleep(Duration::from_millis(10)).await;
    }
}

/// Header and claims of a token, which is signed by this key.
fn token(token: &str, algorithm: Algorithm, key: &DecodingKey) -> (Value, Value) {
    let mut validation = Validation::new(algorithm);
    // The tests' clock goes otherwise than the machine's.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = decode::<Value>(token, key, &validation).expect("the token is not signed by this key").claims;
    (serde_json::to_value(decode_header(token).unwrap()).unwrap(), claims)
}

#[tokio::test(flavor = "multi_thread")]
async fn i04_a_closed_app_is_woken_up_on_sqlite() {
    a_closed_app(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i04_a_closed_app_is_woken_up_on_postgresql() {
    a_closed_app(Database::Postgres).await;
}

/// I-04: the browser's push service is told who sends and for whom, and carries what the browser alone can read: that there may be
/// something to ask for.
async fn a_closed_app(database: Database) {
    let post = Post::on(database).await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    let browser = post.subscribes(&ana.app, "/send/ana-s-address").await;
    let challenge = api.challenge_in(&ana.session).await;
    let prompt = push(&api, &challenge).await;
    let sent = asked(&post.service, 1).await.remove(0);

    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/send/ana-s-address"));
    assert_eq!((sent.header("content-encoding"), sent.header("urgency")), ("aes128gcm", "high"));
    let ttl: u64 = sent.header("ttl").parse().unwrap();
    assert!((60..=120).contains(&ttl), "{ttl}");
    let read: Value = serde_json::from_slice(&browser.decrypt(&sent.body)).unwrap();
    assert_eq!(read, json!({ "authenticator_id": ana.app.id }), "and no more than that");

    // RFC 8292, by an implementation that is not ours.
    let authorization = sent.header("authorization").strip_prefix("vapid t=").unwrap();
    let (jwt, key) = authorization.split_once(", k=").unwrap();
    assert_eq!(Some(key), ana.app.vapid.as_deref(), "what the browser subscribed to");
    let point = BASE64URL_NOPAD.decode(key.as_bytes()).unwrap();
    let (header, claims) = token(jwt, Algorithm::ES256, &DecodingKey::from_ec_der(&point));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("JWT")));
    assert_eq!(claims["aud"], format!("https://localhost:{}", post.service.address.port()));
    assert_eq!(claims["sub"], "mailto:ops@example.org");
    let left = claims["exp"].as_i64().unwrap() - api.now().await / 1000;
    assert!((3600..=24 * 3600).contains(&left), "{left}");

    ana.app.approves(&ana.app.asked().await, &number(&prompt)).await.expect(200);
    assert_eq!(state(&api, &challenge).await, "satisfied");
    let told = post.told("push.sent", 1).await;
    assert_eq!(
        (&told[0]["data"]["gateway"], &told[0]["about"]["authenticator"]),
        (&json!("web_push"), &json!(ana.app.id))
    );
    // T-18: whoever knows where a browser waits can send to it.
    let said = format!("{}{}", post.server.log(), Value::from(api.all("/v1/events").await));
    for secret in ["ana-s-address", &browser.auth(), &browser.p256dh()] {
        assert!(!said.contains(secret), "{secret} stands in {said}");
    }
    let checks = api.get("/v1/doctor").await.expect(200)["checks"].clone();
    let check = checks.as_array().unwrap().iter().find(|check| check["name"] == "gateway_web_push").unwrap().clone();
    assert!(check["level"] == "ok" && check["detail"].as_str().unwrap().contains("1 messages taken"), "{check}");
}

/// What browsers subscribed to outlasts restarts and new data keys.
#[tokio::test(flavor = "multi_thread")]
async fn i04_what_browsers_subscribe_to_stays() {
    let mut post = Post::on(Database::Sqlite).await;
    let first = connect(&post.api(), "ana").await.app.vapid.unwrap();
    assert_eq!(BASE64URL_NOPAD.decode(first.as_bytes()).unwrap().len(), 65);
    post.api().post("/v1/keys/rotate", json!({})).await.expect(200);
    assert_eq!(connect(&post.api(), "bob").await.app.vapid.as_deref(), Some(first.as_str()));
    post.server.stop();
    post.server.begin().await;
    assert_eq!(connect(&post.api(), "eve").await.app.vapid, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn i04_a_dead_subscription_is_dropped_and_the_other_phone_asked_on_sqlite() {
    a_dead_subscription(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i04_a_dead_subscription_is_dropped_and_the_other_phone_asked_on_postgresql() {
    a_dead_subscription(Database::Postgres).await;
}

async fn a_dead_subscription(database: Database) {
    let post = Post::on(database).await;
    let api = post.api();
    let Ana { user, session, app: other } = connect(&api, "ana").await;
    let first = connect_in(&api, &user, &session).await;
    post.subscribes(&first, "/gone").await;
    let browser = post.subscribes(&other, "/there").await;
    post.service.now(|asked| Says::new(if asked.path == "/gone" { 410 } else { 201 }, ""));

    let challenge = api.challenge_in(&session).await;
    let mut followed = first.follows().await;
    let prompt = push(&api, &challenge).await;
    let sent = asked(&post.service, 2).await;
    assert_eq!([sent[0].path.as_str(), sent[1].path.as_str()], ["/gone", "/there"]);
    let read: Value = serde_json::from_slice(&browser.decrypt(&sent[1].body)).unwrap();
    assert_eq!(read, json!({ "authenticator_id": other.id }));
    let told = post.told("authenticator.unsubscribed", 1).await;
    assert_eq!((&told[0]["about"]["authenticator"], &told[0]["data"]["reason"]), (&json!(first.id), &json!("gone")));

    // The same question with the same number, on the other phone alone.
    let question = other.asked().await;
    assert_eq!(question.said["authenticator_id"], json!(other.id));
    assert_eq!(question.id(), prompt.json()["id"].as_str().unwrap());
    assert!(first.pending().await.is_empty());
    let mut last = followed.next().await.unwrap();
    if last.0 == "prompt" {
        last = followed.next().await.unwrap();
    }
    assert!(last.0 == "over" && last.1.contains("withdrawn"), "{last:?}");
    first.approves(&question, &number(&prompt)).await.expect_problem(404, "not-found");
    other.approves(&question, &number(&prompt)).await.expect(200);
    assert_eq!(state(&api, &challenge).await, "satisfied");

    // It is tried no more, and asked again once it says anew where it is.
    let named = |id: &str| json!({ "kind": "push", "authenticator_id": id });
    let challenge = api.challenge_in(&session).await;
    let path = format!("/v1/challenges/{challenge}/prompts");
    api.post(&path, named(&first.id)).await.expect(201);
    assert_eq!(first.asked().await.said["challenge_id"], json!(challenge), "opened, it is asked all the same");
    assert_eq!(post.service.asked().len(), 2);
    api.advance(600).await;
    post.subscribes(&first, "/again").await;
    let challenge = api.challenge_in(&session).await;
    api.post(&format!("/v1/challenges/{challenge}/prompts"), named(&first.id)).await.expect(201);
    assert_eq!(asked(&post.service, 3).await[2].path, "/again");
}

/// A phone that was named is the one that is asked, there or not.
#[tokio::test(flavor = "multi_thread")]
async fn i04_a_phone_that_was_named_is_asked_alone() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let Ana { user, session, app: other } = connect(&api, "ana").await;
    let first = connect_in(&api, &user, &session).await;
    post.subscribes(&first, "/gone").await;
    post.subscribes(&other, "/there").await;
    post.service.now(|asked| Says::new(if asked.path == "/gone" { 404 } else { 201 }, ""));
    let challenge = api.challenge_in(&session).await;
    let wish = json!({ "kind": "push", "authenticator_id": first.id });
    let prompt = api.post(&format!("/v1/challenges/{challenge}/prompts"), wish).await;
    post.told("authenticator.unsubscribed", 1).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(post.service.asked().len(), 1);
    assert!(other.pending().await.is_empty());
    first.approves(&first.asked().await, &number(&prompt)).await.expect(200);
}

/// What was said anew while the old was tried is not dropped with it: the guard is in the write.
#[tokio::test(flavor = "multi_thread")]
async fn i04_a_subscription_that_was_renewed_meanwhile_is_kept() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    post.subscribes(&ana.app, "/old").await;
    post.service.now(|asked| match asked.path.as_str() {
        "/old" => Says::new(410, "").after(Duration::from_secs(2)),
        _ => Says::new(201, ""),
    });
    let challenge = api.challenge_in(&ana.session).await;
    push(&api, &challenge).await.expect(201);
    asked(&post.service, 1).await;
    api.advance(1).await;
    let browser = post.subscribes(&ana.app, "/new").await;
    let sent = asked(&post.service, 2).await;
    assert_eq!(sent[1].path, "/new", "what it said anew is tried");
    browser.decrypt(&sent[1].body);
    post.told("push.sent", 1).await;
    assert!(post.events("authenticator.unsubscribed").await.is_empty());
}

/// A push service that is slow or down takes nothing from anybody: the answer comes as fast, the app that is opened is asked, and there
/// are other ways.
#[tokio::test(flavor = "multi_thread")]
async fn i04_a_push_service_that_is_slow_or_down_holds_up_nobody() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    post.subscribes(&ana.app, "/slow").await;
    post.service.now(|_| Says::new(201, "").after(Duration::from_mins(1)));
    for status in [0, 503, 429, 403] {
        if status > 0 {
            post.service.now(move |_| Says::new(status, ""));
        }
        let challenge = api.challenge_in(&ana.session).await;
        let begun = Instant::now();
        let prompt = push(&api, &challenge).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{status}: {:?}", begun.elapsed());
        ana.app.approves(&ana.app.asked().await, &number(&prompt)).await.expect(200);
        assert_eq!(state(&api, &challenge).await, "satisfied", "{status}");
    }
    let told = post.told("push.delivery_failed", 4).await;
    let mut reasons: Vec<&str> = told.iter().map(|event| event["data"]["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["refused", "timed_out", "unable", "unable"]);
    assert!(post.events("authenticator.unsubscribed").await.is_empty(), "that is no reason to forget it");
}

/// T-15: whoever asks again and again has the phone ring no more often for it.
#[tokio::test(flavor = "multi_thread")]
async fn t15_asked_again_a_phone_rings_seldom() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    post.subscribes(&ana.app, "/ring").await;
    let challenge = api.challenge_in(&ana.session).await;
    for _ in 0..20 {
        push(&api, &challenge).await.expect(201);
    }
    post.told("push.sent", 1).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(post.service.asked().len(), 1);
}

/// T-23: where a browser is, is said by whoever has the app. What is no push service is refused at once …
#[tokio::test(flavor = "multi_thread")]
async fn t23_a_subscription_elsewhere_is_refused() {
    let post = Post::on(Database::Sqlite).await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    let browser = Subscriber::new();
    let at = post.service.address.port();
    for endpoint in [
        format!("https://127.0.0.1:{at}/"),
        format!("http://localhost:{at}/"),
        format!("https://localhost.evil.example:{at}/"),
        format!("https://localhost:{at}@evil.example/"),
        format!("https://[::ffff:127.0.0.1]:{at}/"),
        "https://localhost/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://fcm.googleapis.com/fcm/send/not-in-the-list-here".to_owned(),
        format!("{}/v1/doctor", api.address.replace("http:", "https:")),
    ] {
        let refused = subscribe(&ana.app, &browser, &endpoint).await;
        refused.expect_problem(422, "invalid-request");
    }
    let challenge = api.challenge_in(&ana.session).await;
    push(&api, &challenge).await.expect(201);
    sleep(Duration::from_millis(300)).await;
    assert!(post.service.asked().is_empty());
}

/// … and a push service whose name leads inside is not called, nor is what a redirect names.
#[tokio::test(flavor = "multi_thread")]
async fn t23_a_push_service_that_leads_inside_is_not_called() {
    let post = Post::with(Database::Sqlite, &[("COUNTERSIGN_OUTSIDE_ALLOWED", "10.9.9.9")]).await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    post.subscribes(&ana.app, "/inside").await;
    push(&api, &api.challenge_in(&ana.session).await).await.expect(201);
    let told = post.told("push.delivery_failed", 1).await;
    assert_eq!(told[0]["data"]["reason"], "recipient_unknown");
    assert!(post.service.asked().is_empty(), "it was called");

    let post = Post::on(Database::Sqlite).await;
    let inside = StandIn::start(|_| Says::new(200, "")).await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    post.subscribes(&ana.app, "/redirects").await;
    let elsewhere = inside.url("/");
    post.service.now(move |_| Says::new(307, "").with("location", elsewhere.clone()));
    push(&api, &api.challenge_in(&ana.session).await).await.expect(201);
    post.told("push.delivery_failed", 1).await;
    assert!(inside.asked().is_empty(), "a redirect was followed");
}

/// Firebase and Google's token endpoint, as they document it.
struct Google {
    public: Vec<u8>,
    account: String,
    server: StandIn,
}

impl Google {
    async fn start() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = key.public_key().as_ref().to_vec();
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
        let server = StandIn::start(|_| Says::new(500, "")).await;
        let account = json!({
            "type": "service_account", "project_id": "demo", "private_key_id": "key-1", "private_key": pem(der.as_ref()),
            "client_email": "sender@demo.iam.gserviceaccount.com", "token_uri": server.url("/token"),
        });
        let google = Self { public, account: account.to_string(), server };
        google.says(200, json!({ "name": "projects/demo/messages/1" }));
        google
    }

    /// Answers so to messages that come with the token that was granted.
    fn says(&self, status: u16, said: Value) {
        let (public, audience) = (self.public.clone(), self.server.url("/token"));
        self.server.now(move |asked| match asked.path.as_str() {
            "/token" => {
                let key = DecodingKey::from_rsa_der(&public);
                let (header, claims) = token(&asked.field("assertion"), Algorithm::RS256, &key);
                let is_right = asked.field("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
                    && (&header["alg"], &header["kid"]) == (&json!("RS256"), &json!("key-1"))
                    && claims["iss"] == "sender@demo.iam.gserviceaccount.com"
                    && claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
                    && claims["aud"] == audience.as_str()
                    && claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 3600;
                let granted = json!({ "access_token": "granted", "expires_in": 3599, "token_type": "Bearer" });
                if is_right { Says::new(200, granted.to_string()) } else { Says::new(400, "") }
            }
            "/v1/projects/demo/messages:send" if asked.header("authorization") == "Bearer granted" => {
                Says::new(status, said.to_string())
            }
            _ => Says::new(401, ""),
        });
    }

    fn messages(&self) -> Vec<Value> {
        let asked = self.server.asked();
        let sent = asked.iter().filter(|asked| asked.path != "/token");
        sent.map(|asked| serde_json::from_slice::<Value>(&asked.body).unwrap()["message"].clone()).collect()
    }
}

/// W-05: a workflow has a phone show its message, and says so where an app cannot.
#[tokio::test(flavor = "multi_thread")]
async fn w05_a_workflow_has_a_phone_show_its_message() {
    let google = Google::start().await;
    let folder = tempfile::tempdir().unwrap();
    let tell = "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {name: tell}\ntriggers:\n  - event: user.suspended\nsubject: ${event.user}\nsteps:\n  - id: push\n    action: notify.push\n    with: {user: \"${subject}\", message: Your account was locked.}\n";
    std::fs::write(folder.path().join("tell.yaml"), tell).unwrap();
    let post = Post::with(
        Database::Sqlite,
        &[
            ("COUNTERSIGN_GATEWAY_ANDROID_KIND", "fcm"),
            ("COUNTERSIGN_GATEWAY_ANDROID_SECRET", "env:FIREBASE"),
            ("COUNTERSIGN_GATEWAY_ANDROID_URL", &google.server.url("")),
            ("COUNTERSIGN_WORKFLOWS_FOLDER", folder.path().to_str().unwrap()),
            ("COUNTERSIGN_BRAND_NAME", "Bank"),
            ("FIREBASE", &google.account),
        ],
    )
    .await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    ana.app.ask("/push/subscribe", &json!({ "delivery": { "fcm": "registration-of-ana" } })).await.expect(200);
    api.post(&format!("/v1/users/{}/suspend", ana.user), json!({})).await.expect(200);
    post.told("run.completed", 1).await;
    let message = google.messages().remove(0);
    assert_eq!(message["token"], "registration-of-ana");
    assert_eq!(message["notification"], json!({ "title": "Bank", "body": "Your account was locked." }));
    let bob = api.user("bob").await;
    api.post(&format!("/v1/users/{bob}/suspend"), json!({})).await.expect(200);
    assert_eq!(post.told("run.failed", 1).await.len(), 1);
    assert_eq!(google.messages().len(), 1);
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(der))
}

/// I-04: an app by Firebase; a token that was taken back is forgotten, a Firebase that is down is left alone and holds up nobody.
#[tokio::test(flavor = "multi_thread")]
async fn i04_an_app_is_woken_up_by_firebase() {
    let google = Google::start().await;
    let post = Post::with(
        Database::Sqlite,
        &[
            ("COUNTERSIGN_GATEWAY_ANDROID_KIND", "fcm"),
            ("COUNTERSIGN_GATEWAY_ANDROID_SECRET", "env:FIREBASE"),
            ("COUNTERSIGN_GATEWAY_ANDROID_URL", &google.server.url("")),
            ("COUNTERSIGN_MESSAGES_LANGUAGE", "de"),
            ("FIREBASE", &google.account),
        ],
    )
    .await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    let delivery = json!({ "delivery": { "fcm": "registration-of-ana" } });
    ana.app.ask("/push/subscribe", &delivery).await.expect(200);
    asks_and_approves(&api, &ana).await;
    let told = post.told("push.sent", 1).await;
    assert_eq!(told[0]["data"]["gateway"], "android");
    let message = google.messages().remove(0);
    assert_eq!(message["token"], "registration-of-ana");
    let data: Value = serde_json::from_str(message["data"]["countersign"].as_str().unwrap()).unwrap();
    assert_eq!(data, json!({ "authenticator_id": ana.app.id }));
    assert_eq!(
        (&message["android"]["priority"], &message["android"]["collapse_key"]),
        (&json!("HIGH"), &json!("prompt"))
    );
    assert_eq!(message["notification"]["title"], "Vielleicht wartet etwas auf Sie");
    assert!(!message.to_string().contains("ana@") && !message.to_string().contains("login"), "{message}");

    // Down: three times, and then it is not asked. Each time the phone is asked all the same.
    google.says(503, json!({ "error": { "status": "UNAVAILABLE" } }));
    for _ in 0..4 {
        asks_and_approves(&api, &ana).await;
    }
    post.told("push.delivery_failed", 4).await;
    assert_eq!(post.told("gateway.down", 1).await[0]["data"]["gateway"], "android");
    assert_eq!(google.messages().len(), 4, "one, and three that failed");
    let checks = api.get("/v1/doctor").await.expect(200)["checks"].clone();
    let check = checks.as_array().unwrap().iter().find(|check| check["name"] == "gateway_android").unwrap().clone();
    assert!(check["level"] == "error" && check["detail"].as_str().unwrap().contains("down"), "{check}");

    let detail = json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED" });
    google.says(404, json!({ "error": { "code": 404, "status": "NOT_FOUND", "details": [detail] } }));
    api.advance(600).await;
    let fresh = api.session(&ana.user).await;
    push(&api, &api.challenge_in(&fresh).await).await.expect(201);
    let told = post.told("authenticator.unsubscribed", 1).await;
    assert_eq!(told[0]["data"]["by"], "fcm");
    let said = format!("{}{}", post.server.log(), Value::from(api.all("/v1/events").await));
    let key = BASE64URL_NOPAD.encode(&google.public);
    for secret in ["registration-of-ana", "granted\"", "PRIVATE KEY", &key[..20]] {
        assert!(!said.contains(secret), "{secret} stands in {said}");
    }
}

/// Has the phone asked, which answers.
async fn asks_and_approves(api: &Api, ana: &Ana) {
    let challenge = api.challenge_in(&ana.session).await;
    let begun = Instant::now();
    let prompt = push(api, &challenge).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // What woke it up goes out before it is answered, or there would be nothing to do.
    sleep(Duration::from_millis(200)).await;
    ana.app.approves(&ana.app.asked().await, &number(&prompt)).await.expect(200);
}

/// I-04: an app by Apple's push service, over HTTP/2, with a token by the team's key.
#[tokio::test(flavor = "multi_thread")]
async fn i04_an_app_is_woken_up_by_apple() {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let apple = StandIn::start(|_| Says::new(200, "").with("apns-id", "A-1")).await;
    let post = Post::with(
        Database::Sqlite,
        &[
            ("COUNTERSIGN_GATEWAY_IOS_KIND", "apns"),
            ("COUNTERSIGN_GATEWAY_IOS_SECRET", "env:APPLE"),
            ("COUNTERSIGN_GATEWAY_IOS_KEY", "ABC123DEFG"),
            ("COUNTERSIGN_GATEWAY_IOS_TEAM", "DEF123GHIJ"),
            ("COUNTERSIGN_GATEWAY_IOS_TOPIC", "org.example.app"),
            ("COUNTERSIGN_GATEWAY_IOS_URL", &apple.url("")),
            ("APPLE", &pem(key.to_pkcs8v1().unwrap().as_ref())),
        ],
    )
    .await;
    let api = post.api();
    let ana = connect(&api, "ana").await;
    let device = "ab".repeat(32);
    ana.app.ask("/push/subscribe", &json!({ "delivery": { "apns": device } })).await.expect(200);
    asks_and_approves(&api, &ana).await;
    asked(&apple, 1).await;
    let sent = apple.only();
    assert_eq!((sent.version, sent.path.clone()), (hyper::Version::HTTP_2, format!("/3/device/{device}")));
    assert_eq!((sent.header("apns-topic"), sent.header("apns-push-type")), ("org.example.app", "alert"));
    assert_eq!((sent.header("apns-priority"), sent.header("apns-collapse-id")), ("10", "prompt"));
    let jwt = sent.header("authorization").strip_prefix("bearer ").unwrap();
    let (header, claims) = token(jwt, Algorithm::ES256, &DecodingKey::from_ec_der(key.public_key().as_ref()));
    assert_eq!((&header["kid"], &claims["iss"]), (&json!("ABC123DEFG"), &json!("DEF123GHIJ")));
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body["countersign"], json!({ "authenticator_id": ana.app.id }));
    assert_eq!(body["aps"]["alert"]["title"], "Something may wait for you");

    // It cannot be what it says: nothing is dropped for that.
    apple.now(|_| Says::new(400, "<html>").after(Duration::from_millis(50)));
    asks_and_approves(&api, &ana).await;
    post.told("push.delivery_failed", 1).await;
    assert!(post.events("authenticator.unsubscribed").await.is_empty());
    apple.now(|_| Says::new(410, json!({ "reason": "Unregistered", "timestamp": 1 }).to_string()));
    asks_and_approves(&api, &ana).await;
    assert_eq!(post.told("authenticator.unsubscribed", 1).await[0]["data"]["by"], "apns");
    let count = apple.asked().len();
    asks_and_approves(&api, &ana).await;
    assert_eq!(apple.asked().len(), count, "it is tried no more");
}

/// Gateways that cannot be are refused at the start, and quoted nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn t18_a_key_that_is_none_is_refused_at_the_start_without_being_quoted() {
    for (kind, secret) in [("fcm", "{\"private_key\": \"hush-hush\"}"), ("apns", "hush-hush")] {
        let mut post = Post::on(Database::Sqlite).await;
        post.server.stop();
        let more = [
            ("KIND", kind),
            ("SECRET", "env:GATEWAY_KEY"),
            ("KEY", "ABC123DEFG"),
            ("TEAM", "DEF123GHIJ"),
            ("TOPIC", "org.example.app"),
        ];
        let setup = post.server.setup();
        setup.environment.extend(more.map(|(key, value)| (format!("COUNTERSIGN_GATEWAY_APP_{key}"), value.to_owned())));
        setup.environment.push(("GATEWAY_KEY".to_owned(), secret.to_owned()));
        let (status, said) = post.server.begin_in_vain();
        assert_eq!(status.code(), Some(78), "{said}");
        assert!(said.contains("gateway.app: secret") && !said.contains("hush-hush"), "{said}");
    }
}
