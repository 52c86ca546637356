//! Browsers that are remembered: bound to a user and a key, good for one challenge at a time, gone with any change (T-25).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::browser::{Browser, Shop};
use crate::harness::{Answer, Api, Database, Enrolled, Server, Setup};

const DAY: i64 = 24 * 3600;

/// A key such as `WebCrypto` makes it.
struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn public_key(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.public_key().as_ref())
    }

    fn sign(&self, bytes: &[u8]) -> String {
        BASE64URL_NOPAD.encode(self.0.sign(&SystemRandom::new(), bytes).unwrap().as_ref())
    }

    /// What the page sends so that the browser is remembered.
    fn shown_on(&self, token: &str) -> Value {
        let bytes = joined(&[b"countersign browser key v1", token.as_bytes(), self.0.public_key().as_ref()]);
        json!({ "public_key": self.public_key(), "signature": self.sign(&bytes), "label": "Firefox on Linux" })
    }
}

/// Fields, each with its length before it, written here once more from the documentation.
fn joined(fields: &[&[u8]]) -> Vec<u8> {
    fields.iter().flat_map(|field| [&(field.len() as u64).to_be_bytes()[..], field].concat()).collect()
}

/// A server that remembers browsers for thirty days.
async fn remembering(database: Database) -> Server {
    let arguments = vec!["--remembered-browsers-lifetime=30d".to_owned()];
    Server::start(Setup { database, arguments, ..Setup::default() }).await
}

/// Somebody whose browser is remembered.
struct Remembered {
    ana: Enrolled,
    key: Key,
    id: String,
}

impl Remembered {
    async fn of(api: &Api, shop: &Shop, name: &str) -> Self {
        let ana = api.enroll(name).await;
        let session = api.session(&ana.user_id).await;
        let mut browser = page_in(api, shop, &session).await;
        browser.prove(&ana.phone.code_at(api.now().await)).await.expect(200);
        let key = Key::new();
        let shown = key.shown_on(browser.token());
        let kept = browser.post("remember", shown).await.expect(200);
        let id = kept["authenticator_id"].as_str().unwrap().to_owned();
        Self { ana, key, id }
    }

    /// What comes of a new log-in in this browser.
    async fn proves(&self, api: &Api, shop: &Shop) -> (String, Answer) {
        let session = api.session(&self.ana.user_id).await;
        let mut browser = page_in(api, shop, &session).await;
        let answer = prove(&mut browser, &self.id, &self.key).await;
        (session, answer)
    }

    async fn state(&self, api: &Api) -> Value {
        api.get(&format!("/v1/authenticators/{}", self.id)).await.expect(200)["state"].clone()
    }
}

/// A page for a challenge of a session, opened.
async fn page_in(api: &Api, shop: &Shop, session: &str) -> Browser {
    let mut browser = shop.challenge_page(&api.challenge_in(session).await).await;
    browser.opens().await.expect(200);
    browser
}

async fn asked(browser: &mut Browser, id: &str) -> (String, Vec<u8>) {
    let seen = browser.post("prompt", json!({ "kind": "browser", "authenticator_id": id })).await.expect(200);
    let prompt = &seen["prompt"];
    let bytes = BASE64URL_NOPAD.decode(prompt["sign"].as_str().unwrap().as_bytes()).unwrap();
    (prompt["id"].as_str().unwrap().to_owned(), bytes)
}

async fn prove(browser: &mut Browser, id: &str, key: &Key) -> Answer {
    let (prompt, bytes) = asked(browser, id).await;
    browser.post("prove", json!({ "browser": key.sign(&bytes), "prompt_id": prompt })).await
}

fn refused(answer: &Answer) {
    answer.expect_problem(422, "proof-rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_a_remembered_browser_proves_for_its_user_until_its_end_on_sqlite() {
    a_remembered_browser_proves(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_a_remembered_browser_proves_for_its_user_until_its_end_on_postgresql() {
    a_remembered_browser_proves(Database::Postgres).await;
}

async fn a_remembered_browser_proves(database: Database) {
    let server = remembering(database).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let kept = Remembered::of(&api, &shop, "ana").await;
    let authenticator = api.get(&format!("/v1/authenticators/{}", kept.id)).await.expect(200);
    assert_eq!((&authenticator["kind"], &authenticator["label"]), (&json!("browser"), &json!("Firefox on Linux")));

    let session = api.session(&kept.ana.user_id).await;
    let asked = json!({ "session_id": session, "action": "log_in" });
    let challenge = api.post("/v1/challenges", asked).await.expect(201);
    let challenge_id = challenge["id"].as_str().unwrap();
    let mut browser = shop.challenge_page(challenge_id).await;
    let seen = browser.opens().await.expect(200);
    assert_eq!(seen["remember"], json!({ "lifetime": 30 * DAY, "browsers": [kept.id] }));
    let ways: Vec<&Value> = seen["challenge"]["ways"].as_array().unwrap().iter().map(|way| &way["kind"]).collect();
    assert_eq!(ways, ["totp", "backup_codes"], "only the browser knows whether it is one");
    // What is signed is said in the documentation, and binds challenge and action.
    let (prompt, bytes) = self::asked(&mut browser, &kept.id).await;
    let hash = BASE64URL_NOPAD.decode(challenge["action_hash"].as_str().unwrap().as_bytes()).unwrap();
    let fields = [&b"countersign browser proof v1"[..], prompt.as_bytes(), challenge_id.as_bytes(), &hash];
    assert_eq!(bytes, joined(&fields));
    let proof = json!({ "browser": kept.key.sign(&bytes), "prompt_id": prompt });
    assert_eq!(browser.post("prove", proof).await.expect(200)["step"], "done");
    let raised = api.get(&format!("/v1/sessions/{session}")).await.expect(200);
    assert_eq!(raised["aal"], "aal2");
    let asserted = api.post(&format!("/v1/challenges/{challenge_id}/assertion"), json!({})).await.expect(200);
    let claims = asserted["assertion"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal2"), &json!(["mfa", "pwd", "swk"])));
    // Being remembered is no reason to be remembered again.
    let another = Key::new().shown_on(browser.token());
    browser.post("remember", another).await.expect_problem(409, "conflict");

    api.advance(30 * DAY - 60).await;
    kept.proves(&api, &shop).await.1.expect(200);
    api.advance(60).await;
    let session = api.session(&kept.ana.user_id).await;
    let mut browser = page_in(&api, &shop, &session).await;
    assert_eq!(browser.opens().await.expect(200)["remember"]["browsers"], json!([]));
    refused(&prove(&mut browser, &kept.id, &kept.key).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_another_users_browser_is_refused_and_so_is_one_without_the_key() {
    let server = remembering(Database::Sqlite).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let (ana, bob) = (Remembered::of(&api, &shop, "ana").await, Remembered::of(&api, &shop, "bob").await);

    // Bob's password in ana's browser: neither what it is known by nor its key helps.
    let session = api.session(&bob.ana.user_id).await;
    for (id, key) in [(&ana.id, &ana.key), (&bob.id, &ana.key), (&ana.id, &bob.key)] {
        let mut browser = page_in(&api, &shop, &session).await;
        refused(&prove(&mut browser, id, key).await);
    }
    // Everything that can be copied from ana's browser, but the key that cannot.
    let session = api.session(&ana.ana.user_id).await;
    let mut browser = page_in(&api, &shop, &session).await;
    let (prompt, _) = asked(&mut browser, &ana.id).await;
    for signature in [String::new(), ana.key.public_key(), BASE64URL_NOPAD.encode(&[0; 64])] {
        refused(&browser.post("prove", json!({ "browser": signature, "prompt_id": prompt })).await);
    }
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal1");
    // The key of one is nobody else's.
    let session = api.session(&bob.ana.user_id).await;
    let mut browser = page_in(&api, &shop, &session).await;
    browser.prove(&bob.ana.phone.code_near(api.now().await, 1)).await.expect(200);
    let shown = ana.key.shown_on(browser.token());
    browser.post("remember", shown).await.expect_problem(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn t05_t11_t25_a_signature_counts_once_for_its_own_challenge_session_and_action() {
    let server = remembering(Database::Sqlite).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let kept = Remembered::of(&api, &shop, "ana").await;
    let session = api.session(&kept.ana.user_id).await;
    let other_session = api.session(&kept.ana.user_id).await;
    let mut first = page_in(&api, &shop, &session).await;
    let (prompt, bytes) = asked(&mut first, &kept.id).await;
    let proof = json!({ "browser": kept.key.sign(&bytes), "prompt_id": prompt });

    // Another session, another action, another prompt of the same challenge: with its own id, and with that of the first.
    let transfer = json!({ "session_id": session, "action": "transfer", "context": { "amount": 100 } });
    let transfer = api.post("/v1/challenges", transfer).await.expect(201);
    let mut others = vec![page_in(&api, &shop, &other_session).await];
    others.push(shop.challenge_page(transfer["id"].as_str().unwrap()).await);
    for other in &mut others {
        other.opens().await.expect(200);
        let (own, _) = asked(other, &kept.id).await;
        refused(&other.post("prove", proof.clone()).await);
        refused(&other.post("prove", json!({ "browser": proof["browser"], "prompt_id": own })).await);
    }
    let path = format!("/v1/challenges/{}/verify", transfer["id"].as_str().unwrap());
    refused(&api.post(&path, proof.clone()).await);

    // A crowd of the same: one of them counts.
    let challenge = api.challenge_in(&session).await;
    let prompts = format!("/v1/challenges/{challenge}/prompts");
    let asked = json!({ "kind": "browser", "authenticator_id": kept.id });
    let prompted = api.post(&prompts, asked.clone()).await.expect(201);
    let stale = BASE64URL_NOPAD.decode(prompted["sign"].as_str().unwrap().as_bytes()).unwrap();
    let stale = json!({ "browser": kept.key.sign(&stale), "prompt_id": prompted["id"] });
    let prompted = api.post(&prompts, asked).await.expect(201);
    let verify = format!("/v1/challenges/{challenge}/verify");
    refused(&api.post(&verify, stale).await);
    let bytes = BASE64URL_NOPAD.decode(prompted["sign"].as_str().unwrap().as_bytes()).unwrap();
    let right = json!({ "browser": kept.key.sign(&bytes), "prompt_id": prompted["id"] });
    let answers = join_all((0..64).map(|_| api.post(&verify, right.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| [200, 410, 422].contains(&answer.status)));

    first.post("prove", proof.clone()).await.expect(200);
    assert_ne!(first.post("prove", proof).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_a_browser_dies_with_any_change_of_what_its_user_has_on_sqlite() {
    a_browser_dies_with_any_change(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_a_browser_dies_with_any_change_of_what_its_user_has_on_postgresql() {
    a_browser_dies_with_any_change(Database::Postgres).await;
}

async fn a_browser_dies_with_any_change(database: Database) {
    let server = remembering(database).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let bystander = Remembered::of(&api, &shop, "bob").await;
    for change in ["suspend", "report-lost", "revoke", "user", "budget", "enroll", "replace", "codes"] {
        let kept = Remembered::of(&api, &shop, change).await;
        let (session, answer) = kept.proves(&api, &shop).await;
        answer.expect(200);
        make(&api, &kept.ana, change).await;
        assert_eq!(kept.state(&api).await, "revoked", "{change}");
        let raised = api.get(&format!("/v1/sessions/{session}")).await.expect(200);
        assert_eq!(raised["aal"], "aal1", "what the browser proved counts no more after {change}");
        refused(&kept.proves(&api, &shop).await.1);
        let path = format!("/v1/events?authenticator_id={}&kind=authenticator.revoked", kept.id);
        let told = api.get(&path).await.expect(200)["items"][0]["data"]["reason"].clone();
        assert_eq!(told, "credential_change", "{change}");
    }
    assert_eq!(bystander.state(&api).await, "active");
    bystander.proves(&api, &shop).await.1.expect(200);
}

/// Changes something of what somebody has.
async fn make(api: &Api, ana: &Enrolled, change: &str) {
    let authenticator = format!("/v1/authenticators/{}", ana.authenticator_id);
    match change {
        "suspend" | "report-lost" | "revoke" => {
            api.post(&format!("{authenticator}/{change}"), json!({})).await.expect(200);
        }
        "user" => {
            api.post(&format!("/v1/users/{}/suspend", ana.user_id), json!({})).await.expect(200);
            api.post(&format!("/v1/users/{}/resume", ana.user_id), json!({})).await.expect(200);
        }
        "budget" => {
            for _ in 0..100 {
                let now = api.advance(15 * 60 + 1).await;
                refused(&api.prove(&ana.user_id, &ana.phone.wrong_code(now)).await);
            }
        }
        "codes" => {
            let path = format!("/v1/users/{}/authenticators", ana.user_id);
            let theirs = api.get(&path).await.expect(200);
            let set = theirs["items"].as_array().unwrap().iter().find(|it| it["kind"] == "backup_codes").unwrap();
            let path = format!("/v1/authenticators/{}/revoke", set["id"].as_str().unwrap());
            api.post(&path, json!({})).await.expect(200);
        }
        _ => {
            let session = api.session(&ana.user_id).await;
            let code = ana.phone.code_at(api.advance(60).await);
            api.verify(&api.challenge_in(&session).await, &code).await.expect(200);
            let path =
                if change == "enroll" { "/v1/enrollments".to_owned() } else { format!("{authenticator}/rotate") };
            let wish = json!({ "session_id": session, "view": "inline" });
            let started = api.post(&path, wish).await.expect(201);
            let secret = started["view"]["secret"].as_str().unwrap();
            let phone = crate::harness::Phone::with_key(secret, &started["enrollment"]);
            let code = phone.code_at(api.now().await);
            api.confirm(started["enrollment"]["id"].as_str().unwrap(), &code).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_t25_being_remembered_changes_nothing_of_an_account() {
    let server = remembering(Database::Sqlite).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let kept = Remembered::of(&api, &shop, "ana").await;
    let (session, answer) = kept.proves(&api, &shop).await;
    answer.expect(200);
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal2");
    let wish = json!({ "session_id": session, "view": "inline" });
    api.post("/v1/enrollments", wish).await.expect_problem(403, "step-up-needed");

    let mut own = shop.security_page(&session).await;
    let seen = own.opens().await.expect(200);
    assert_eq!(seen["overview"]["may_change"], false);
    let browsers: Vec<&Value> =
        seen["overview"]["authenticators"].as_array().unwrap().iter().filter(|it| it["kind"] == "browser").collect();
    assert_eq!(browsers[0]["id"], kept.id.as_str());
    assert!(browsers[0]["expires_at"].is_string(), "{}", browsers[0]);
    let removed = json!({ "authenticator_id": kept.id });
    let seen = own.post("security/remove", removed).await.expect(200);
    assert_eq!((&seen["step"], &seen["remember"]), (&json!("prove"), &Value::Null));
    let wish = json!({ "kind": "browser", "authenticator_id": kept.id });
    own.post("prompt", wish).await.expect_problem(409, "conflict");
    // A code is enough: with it what was wanted is done.
    own.prove(&kept.ana.phone.code_at(api.advance(60).await)).await.expect(200);
    assert_eq!(kept.state(&api).await, "revoked");
    refused(&kept.proves(&api, &shop).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_a_browser_is_remembered_by_its_own_proof_on_its_own_page_only() {
    let server = remembering(Database::Sqlite).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let key = Key::new();
    let session = api.session(&ana.user_id).await;
    let mut browser = page_in(&api, &shop, &session).await;
    let shown = key.shown_on(browser.token());
    browser.post("remember", shown.clone()).await.expect_problem(409, "conflict");
    browser.prove(&ana.phone.code_at(api.now().await)).await.expect(200);
    // The signature of another page, or none of this key's; another browser with the same link.
    let elsewhere = key.shown_on("another");
    browser.post("remember", elsewhere).await.expect_problem(422, "invalid-request");
    let mut stolen = shown.clone();
    stolen["public_key"] = json!(Key::new().public_key());
    browser.post("remember", stolen).await.expect_problem(422, "invalid-request");
    browser.another().post("remember", shown.clone()).await.expect_problem(403, "page-opened-elsewhere");
    browser.post("remember", shown).await.expect(200);

    // What is too weak to begin with: a backup code, and a challenge without a session.
    let session = api.session(&ana.user_id).await;
    let mut browser = page_in(&api, &shop, &session).await;
    browser.prove(&ana.backup_codes[0]).await.expect(200);
    let shown = Key::new().shown_on(browser.token());
    browser.post("remember", shown).await.expect_problem(409, "conflict");
    let mut browser = shop.challenge_page(&api.challenge(&ana.user_id).await).await;
    assert_eq!(browser.opens().await.expect(200)["remember"], Value::Null);
    browser.prove(&ana.phone.code_at(api.advance(60).await)).await.expect(200);
    let shown = Key::new().shown_on(browser.token());
    browser.post("remember", shown).await.expect_problem(409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_no_browser_is_remembered_unless_that_is_configured() {
    let server = Server::new().await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let mut browser = page_in(&api, &shop, &session).await;
    assert_eq!(browser.opens().await.expect(200)["remember"], Value::Null);
    browser.prove(&ana.phone.code_at(api.now().await)).await.expect(200);
    let shown = Key::new().shown_on(browser.token());
    browser.post("remember", shown).await.expect_problem(409, "conflict");
    let wish = json!({ "session_id": session, "kind": "browser", "view": "inline" });
    api.post("/v1/enrollments", wish).await.expect_problem(422, "invalid-request");
}
