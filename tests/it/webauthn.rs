//! Passkeys and security keys, from outside (T-09, T-16, T-19, T-32, S-04).

use serde_json::{Value, json};
use software_authenticator::{
    Authenticator, BACKED_UP, BACKUP_ELIGIBLE, EXTENSIONS, Kind, Lies, Statement, USER_PRESENT, USER_VERIFIED,
};

use crate::browser::Shop;
use crate::harness::{Answer, Api, Database, Enrolled, Server, Setup, Started};

/// The page on which everything happens here. Where the server itself is reached makes no difference to a browser's word.
pub(crate) const ORIGIN: &str = "https://login.example.org";

/// A server that knows who it is to authenticators.
async fn server_on(database: Database, more: &[&str]) -> Server {
    let mut arguments = vec!["--webauthn-rp-id=example.org".to_owned(), format!("--webauthn-origins={ORIGIN}")];
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    Server::start(Setup { database, arguments, ..Setup::default() }).await
}

/// Somebody with an authenticator.
pub(crate) struct Holder {
    pub(crate) user_id: String,
    pub(crate) authenticator_id: String,
    pub(crate) authenticator: Authenticator,
}

async fn starts(api: &Api, user_id: &str, session_id: &str) -> Started {
    api.start_in(user_id, session_id, json!({ "kind": "webauthn", "view": "inline" })).await
}

async fn confirms(api: &Api, started: &Started, authenticator: &mut Authenticator, lies: &Lies) -> Answer {
    let prompt = &started.answer["view"]["prompt"];
    let response = authenticator.create(&prompt["webauthn"], ORIGIN, lies).unwrap();
    let path = format!("/v1/enrollments/{}/confirm", started.enrollment_id);
    api.post(&path, json!({ "webauthn": response, "prompt_id": prompt["id"] })).await
}

/// Enrolls a new user with this authenticator, and nothing else.
pub(crate) async fn holds(api: &Api, name: &str, mut authenticator: Authenticator) -> Holder {
    let user_id = api.user(name).await;
    let session = api.session(&user_id).await;
    let started = starts(api, &user_id, &session).await;
    confirms(api, &started, &mut authenticator, &Lies::default()).await.expect(200);
    Holder { user_id, authenticator_id: started.authenticator_id, authenticator }
}

/// Has a passkey asked for.
async fn asked(api: &Api, challenge: &str) -> Value {
    api.post(&format!("/v1/challenges/{challenge}/prompts"), json!({ "kind": "webauthn" })).await.expect(201)
}

async fn answers(api: &Api, challenge: &str, prompt: &Value, response: &Value) -> Answer {
    let proof = json!({ "webauthn": response, "prompt_id": prompt["id"] });
    api.post(&format!("/v1/challenges/{challenge}/verify"), proof).await
}

/// A challenge of its own in this session, answered with these lies.
async fn proves(api: &Api, session: &str, authenticator: &mut Authenticator, lies: &Lies) -> Answer {
    let challenge = api.challenge_in(session).await;
    let prompt = asked(api, &challenge).await;
    let response = authenticator.get_by_last(&prompt["webauthn"], ORIGIN, lies).unwrap();
    answers(api, &challenge, &prompt, &response).await
}

fn claims(satisfied: &Value) -> Value {
    let payload = satisfied["assertion"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_a_passkey_and_a_security_key_reach_what_they_prove_on_sqlite() {
    they_reach_what_they_prove(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_a_passkey_and_a_security_key_reach_what_they_prove_on_postgresql() {
    they_reach_what_they_prove(Database::Postgres).await;
}

async fn they_reach_what_they_prove(database: Database) {
    let server = server_on(database, &[]).await;
    let api = server.api();
    let key = || Authenticator::security_key();
    let unverified = Authenticator { flags: USER_PRESENT, ..key() };
    let cases = [
        ("phone", Authenticator::passkey(), "aal2", json!(["mfa", "swk", "user"])),
        ("key", key(), "aal3", json!(["hwk", "mfa", "user"])),
        ("ed25519", Authenticator { kinds: vec![Kind::EdDsa], ..key() }, "aal3", json!(["hwk", "mfa", "user"])),
        ("tpm", Authenticator { kinds: vec![Kind::Rs256], ..key() }, "aal3", json!(["hwk", "mfa", "user"])),
        ("touch", unverified, "aal1", json!(["hwk"])),
    ];
    for (name, authenticator, aal, amr) in cases {
        let mut ana = holds(&api, name, authenticator).await;
        // Without a first factor: what the authenticator proves by itself.
        for _ in 0..2 {
            let challenge = api.challenge(&ana.user_id).await;
            let prompt = asked(&api, &challenge).await;
            let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
            let satisfied = answers(&api, &challenge, &prompt, &response).await.expect(200);
            assert_eq!(satisfied["authenticator"], json!({ "id": ana.authenticator_id, "kind": "webauthn" }));
            let claims = claims(&satisfied);
            assert_eq!((&claims["acr"], &claims["amr"]), (&json!(aal), &amr), "{name}");
        }
        // Beside one it is the second.
        let session = api.session(&ana.user_id).await;
        let satisfied = proves(&api, &session, &mut ana.authenticator, &Lies::default()).await.expect(200);
        assert_eq!(satisfied["session"]["aal"], if aal == "aal1" { "aal3" } else { aal }, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t32_an_assertion_with_any_field_wrong_is_refused() {
    let server = server_on(Database::Sqlite, &["--webauthn-user-verification=required"]).await;
    let api = server.api();
    let mut ana = holds(&api, "ana", Authenticator::security_key()).await;
    let mut ben = holds(&api, "ben", Authenticator::security_key()).await;
    let session = api.session(&ana.user_id).await;
    let honest = Lies::default;
    let lies = [
        Lies { kind: Some("webauthn.create".to_owned()), ..honest() },
        Lies { challenge: Some(vec![0; 32]), ..honest() },
        Lies { origin: Some("https://login.example.org.evil.example".to_owned()), ..honest() },
        Lies { origin: Some("http://login.example.org".to_owned()), ..honest() },
        Lies { cross_origin: true, ..honest() },
        Lies { top_origin: Some("https://evil.example".to_owned()), ..honest() },
        Lies { rp_id: Some("evil.example".to_owned()), ..honest() },
        Lies { flipped: USER_PRESENT, ..honest() },
        Lies { flipped: USER_VERIFIED, ..honest() },
        Lies { flipped: BACKED_UP, ..honest() },
        Lies { flipped: BACKUP_ELIGIBLE, ..honest() },
        Lies { flipped: BACKUP_ELIGIBLE | BACKED_UP, ..honest() },
        Lies { flipped: EXTENSIONS, ..honest() },
        Lies { counter: Some(0), ..honest() },
        Lies { counter: Some(1), ..honest() },
        Lies { after_data: vec![0], ..honest() },
        Lies { credential_id: Some(vec![1; 32]), ..honest() },
        Lies { signature: Some(vec![1; 70]), ..honest() },
        Lies { signature: Some(vec![]), ..honest() },
        Lies { user_handle: Some(vec![1; 16]), ..honest() },
        Lies { client_data: Some(b"{}".to_vec()), ..honest() },
    ];
    let mut bodies = Vec::new();
    for lies in lies {
        // Past any wait for wrong proofs.
        api.advance(15 * 60 + 1).await;
        let answer = proves(&api, &session, &mut ana.authenticator, &lies).await;
        answer.expect_problem(422, "proof-rejected");
        bodies.push(answer.json()["detail"].clone());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "a rejection tells nothing: {bodies:?}");
    api.advance(15 * 60 + 1).await;
    // Somebody else's authenticator, as itself and as Ana's.
    proves(&api, &session, &mut ben.authenticator, &honest()).await.expect_problem(422, "proof-rejected");
    api.advance(15 * 60 + 1).await;
    // And it was for the lies.
    proves(&api, &session, &mut ana.authenticator, &honest()).await.expect(200);
    assert!(!server.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t32_a_registration_with_any_field_wrong_is_refused() {
    let server = server_on(Database::Sqlite, &["--webauthn-user-verification=required"]).await;
    let api = server.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let honest = Lies::default;
    let lies = [
        Lies { kind: Some("webauthn.get".to_owned()), ..honest() },
        Lies { challenge: Some(vec![0; 32]), ..honest() },
        Lies { origin: Some("https://evil.example".to_owned()), ..honest() },
        Lies { cross_origin: true, ..honest() },
        Lies { rp_id: Some("evil.example".to_owned()), ..honest() },
        Lies { flipped: USER_PRESENT, ..honest() },
        Lies { flipped: USER_VERIFIED, ..honest() },
        Lies { flipped: BACKED_UP, ..honest() },
        Lies { after_data: vec![0], ..honest() },
        Lies { after_object: vec![0], ..honest() },
        Lies { alg: Some(-8), ..honest() },
        Lies { outer_id: Some(vec![1; 32]), ..honest() },
        Lies { public_key: Some(vec![0xa0]), ..honest() },
        Lies { format: Some("packed".to_owned()), ..honest() },
        Lies { statement_extra: true, ..honest() },
        Lies { client_data: Some(b"{}".to_vec()), ..honest() },
    ];
    for lies in lies {
        let started = starts(&api, &user, &session).await;
        let mut key = Authenticator::security_key();
        confirms(&api, &started, &mut key, &lies).await.expect_problem(422, "proof-rejected");
    }
    let mut key = Authenticator { statement: Statement::SelfSigned, ..Authenticator::security_key() };
    let started = starts(&api, &user, &session).await;
    let lies = Lies { statement_signature: Some(vec![1; 70]), ..honest() };
    confirms(&api, &started, &mut key, &lies).await.expect_problem(422, "proof-rejected");
    assert!(api.all(&format!("/v1/users/{user}/authenticators")).await.iter().all(|a| a["state"] != "active"));

    let started = starts(&api, &user, &session).await;
    confirms(&api, &started, &mut key, &honest()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t06_an_assertion_counts_once() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let mut ana = holds(&api, "ana", Authenticator::passkey()).await;
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let prompt = asked(&api, &challenge).await;
    let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();

    // Another challenge, asked the same; and the newer prompt of the same challenge.
    let other = api.challenge_in(&session).await;
    let others = asked(&api, &other).await;
    answers(&api, &other, &others, &response).await.expect_problem(422, "proof-rejected");
    answers(&api, &other, &prompt, &response).await.expect_problem(422, "proof-rejected");

    // 16 at once: one counts.
    let all = futures_util::future::join_all((0..16).map(|_| answers(&api, &challenge, &prompt, &response))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1);
    answers(&api, &challenge, &prompt, &response).await.expect_problem(410, "challenge-over");
}

/// Nobody guesses a signature: so wrong ones are told of and end their challenge, but are no way to keep somebody's passkey from them.
#[tokio::test(flavor = "multi_thread")]
async fn t02_t04_wrong_answers_of_a_passkey_keep_nobody_out_and_are_told_of() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let mut ana = holds(&api, "ana", Authenticator::passkey()).await;
    let wrong = Lies { signature: Some(vec![1; 70]), ..Lies::default() };
    let shop = Shop::of(&api).await;
    for round in 0..110 {
        if round % 10 == 0 {
            let mut browser = shop.challenge_page(&api.challenge(&ana.user_id).await).await;
            browser.opens().await.expect(200);
            let prompt = browser.post("prompt", json!({ "kind": "webauthn" })).await.expect(200)["prompt"].clone();
            let proof = json!({ "webauthn": { "x": 1 }, "prompt_id": prompt["id"] });
            browser.post("prove", proof).await.expect_problem(422, "proof-rejected");
            continue;
        }
        let challenge = api.challenge(&ana.user_id).await;
        let prompt = asked(&api, &challenge).await;
        answers(&api, &challenge, &prompt, &json!({ "x": 1 })).await.expect_problem(422, "proof-rejected");
    }
    let session = api.session(&ana.user_id).await;
    proves(&api, &session, &mut ana.authenticator, &wrong).await.expect_problem(422, "proof-rejected");
    let path = format!("/v1/events?kind=challenge.rejected&user_id={}&limit=200", ana.user_id);
    assert_eq!(api.get(&path).await.expect(200)["items"].as_array().unwrap().len(), 111);
    // None of it is held against the passkey, at once.
    assert_eq!(api.failures(&ana.authenticator_id).await, 0);
    proves(&api, &session, &mut ana.authenticator, &Lies::default()).await.expect(200);
    // A challenge ends by them.
    let challenge = api.challenge_in(&session).await;
    for _ in 0..5 {
        let prompt = asked(&api, &challenge).await;
        answers(&api, &challenge, &prompt, &json!({ "x": 1 })).await.expect_problem(422, "proof-rejected");
    }
    let asked = api.post(&format!("/v1/challenges/{challenge}/prompts"), json!({ "kind": "webauthn" })).await;
    asked.expect_problem(410, "challenge-over");
}

#[tokio::test(flavor = "multi_thread")]
async fn t32_a_copy_of_a_key_is_noticed_and_told_of() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let mut ana = holds(&api, "ana", Authenticator::security_key()).await;
    let session = api.session(&ana.user_id).await;
    for _ in 0..3 {
        proves(&api, &session, &mut ana.authenticator, &Lies::default()).await.expect(200);
    }
    ana.authenticator.set_counter(1);
    proves(&api, &session, &mut ana.authenticator, &Lies::default()).await.expect_problem(422, "proof-rejected");
    let told = api.all("/v1/events?kind=challenge.rejected").await;
    assert_eq!(told.last().unwrap()["data"]["reason"], "cloned", "{told:?}");
    // It cost the authenticator nothing: whoever has the copy cannot lock its owner out by it.
    assert_eq!(api.failures(&ana.authenticator_id).await, 0);
    ana.authenticator.set_counter(7);
    proves(&api, &session, &mut ana.authenticator, &Lies::default()).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_a_weaker_factor_does_not_do_where_phishing_has_to_be_withstood() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    // Somebody with both.
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let now = api.now().await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let started = starts(&api, &ana.user_id, &session).await;
    let mut phone = Authenticator::passkey();
    confirms(&api, &started, &mut phone, &Lies::default()).await.expect(200);

    for whom in [json!({ "session_id": session }), json!({ "user_id": ana.user_id })] {
        let mut ask = whom.clone();
        ask["required"] = json!({ "phishing_resistant": true });
        let challenge = api.post("/v1/challenges", ask).await.expect(201);
        assert_eq!(challenge["methods"], json!(["webauthn"]));
        assert_eq!(challenge["required"], json!({ "phishing_resistant": true }));
        let challenge = challenge["id"].as_str().unwrap();
        // A client that offers the weaker one all the same: the right codes are as wrong as any.
        let now = api.advance(60).await;
        api.verify(challenge, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
        api.verify(challenge, &ana.backup_codes[0]).await.expect_problem(422, "proof-rejected");
        let prompt = asked(&api, challenge).await;
        let response = phone.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
        answers(&api, challenge, &prompt, &response).await.expect(200);
    }
    // They were not used up by it, nor counted.
    let now = api.advance(60).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
    api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect(200);
    let unknown = json!({ "user_id": ana.user_id, "required": "strong" });
    api.post("/v1/challenges", unknown).await.expect_problem(422, "invalid-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_a_page_offers_nothing_weaker_than_is_required() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    for whom in [json!({ "session_id": session }), json!({ "user_id": ana.user_id })] {
        let mut ask = whom.clone();
        ask["required"] = json!({ "phishing_resistant": true });
        let challenge = api.post("/v1/challenges", ask).await.expect(201);
        let mut browser = shop.challenge_page(challenge["id"].as_str().unwrap()).await;
        let seen = browser.opens().await.expect(200);
        let ways = seen["challenge"]["ways"].as_array().unwrap();
        assert!(ways.iter().all(|way| way["kind"] == "webauthn"), "{ways:?}");
        let now = api.advance(60).await;
        browser.prove(&ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_who_has_a_key_in_hardware_binds_nothing_with_less() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let now = api.now().await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let started = starts(&api, &ana.user_id, &session).await;
    let mut key = Authenticator::security_key();
    confirms(&api, &started, &mut key, &Lies::default()).await.expect(200);

    // A session with a code that somebody was deceived of.
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let now = api.advance(60).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let wish = || json!({ "session_id": session, "view": "inline" });
    api.post("/v1/enrollments", wish()).await.expect_problem(403, "step-up-needed");
    // The page asks for what it takes.
    let mut browser = Shop::of(&api).await.enroll_page(&session).await;
    let seen = browser.opens().await.expect(200);
    assert_eq!(seen["step"], "prove", "{seen}");
    let now = api.advance(60).await;
    browser.prove(&ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");

    proves(&api, &session, &mut key, &Lies::default()).await.expect(200);
    api.post("/v1/enrollments", wish()).await.expect(201);

    // A key that is lost, and was said to be so, asks for nothing any more.
    api.post(&format!("/v1/authenticators/{}/report-lost", started.authenticator_id), json!({})).await.expect(200);
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let now = api.advance(60).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    api.post("/v1/enrollments", json!({ "session_id": session, "view": "inline" })).await.expect(201);
}

/// Ana, with an app and a key in hardware, in a session in which the app was proved before.
async fn ana_with_both(api: &Api) -> (Enrolled, Authenticator, String) {
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let now = api.now().await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let started = starts(api, &ana.user_id, &session).await;
    let mut key = Authenticator::security_key();
    confirms(api, &started, &mut key, &Lies::default()).await.expect(200);
    (ana, key, started.authenticator_id)
}

/// Whoever has the session of somebody who proved a key hours ago gets no further with a code that they got by deceit.
#[tokio::test(flavor = "multi_thread")]
async fn t09_t16_a_fresh_weak_proof_does_not_renew_an_old_strong_one() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let (ana, mut key, _) = ana_with_both(&api).await;
    let session = api.session(&ana.user_id).await;
    let strong = proves(&api, &session, &mut key, &Lies::default()).await.expect(200);
    assert_eq!(claims(&strong)["acr"], "aal3");

    let now = api.advance(7 * 3600).await;
    let challenge = api.challenge_in(&session).await;
    let weak = api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let said = claims(&weak);
    assert_eq!((&said["acr"], &said["amr"]), (&json!("aal2"), &json!(["mfa", "otp", "pwd"])));
    assert_eq!(weak["session"]["aal"], "aal3", "of the session is said what was proved in it");
    let wish = || json!({ "session_id": session, "view": "inline" });
    api.post("/v1/enrollments", wish()).await.expect_problem(403, "step-up-needed");
    let codes = format!("/v1/users/{}/backup-codes", ana.user_id);
    let of = || json!({ "session_id": session });
    api.post(&codes, of()).await.expect_problem(403, "step-up-needed");
    let mut own = Shop::of(&api).await.security_page(&session).await;
    let seen = own.opens().await.expect(200);
    assert_eq!(seen["overview"]["may_change"], false);
    for verb in ["rename", "remove", "lost"] {
        let what = json!({ "authenticator_id": ana.authenticator_id, "label": "mine" });
        let what = if verb == "rename" { what } else { json!({ "authenticator_id": ana.authenticator_id }) };
        let seen = own.post(&format!("security/{verb}"), what).await.expect(200);
        assert_eq!(seen["step"], "prove", "{verb}");
        own.post("cancel", json!({})).await.expect(200);
    }

    proves(&api, &session, &mut key, &Lies::default()).await.expect(200);
    api.post("/v1/enrollments", wish()).await.expect(201);
    api.post(&codes, of()).await.expect(200);
}

/// Whoever can have a key suspended does not get rid of what it stands for.
#[tokio::test(flavor = "multi_thread")]
async fn t16_a_key_that_is_suspended_is_still_asked_for() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let (ana, _, key_id) = ana_with_both(&api).await;
    api.post(&format!("/v1/authenticators/{key_id}/suspend"), json!({})).await.expect(200);
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let now = api.advance(60).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect(200);
    let wish = || json!({ "session_id": session, "view": "inline" });
    api.post("/v1/enrollments", wish()).await.expect_problem(403, "step-up-needed");
    // Whoever runs the place may say that it is gone.
    api.post(&format!("/v1/authenticators/{key_id}/revoke"), json!({})).await.expect(200);
    api.post("/v1/enrollments", wish()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_who_gave_no_first_factor_is_told_no_credentials() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let mut ana = holds(&api, "ana", Authenticator::passkey()).await;
    let without = api.user("ben").await;
    let mut shapes = Vec::new();
    for whom in [json!({ "user_id": ana.user_id }), json!({ "user_id": without }), json!({ "external_id": "nobody" })] {
        let challenge = api.post("/v1/challenges", whom).await.expect(201);
        let prompt = asked(&api, challenge["id"].as_str().unwrap()).await;
        assert_eq!(prompt["webauthn"]["allowCredentials"], json!([]));
        let mut shape = prompt.clone();
        for member in ["id", "expires_at"] {
            shape[member] = Value::Null;
        }
        shape["webauthn"]["challenge"] = Value::Null;
        shape["webauthn"]["timeout"] = Value::Null;
        shapes.push(shape);
    }
    shapes.dedup();
    assert_eq!(shapes.len(), 1, "{shapes:?}");

    // A passkey is found by the browser all the same.
    let challenge = api.challenge(&ana.user_id).await;
    let prompt = asked(&api, &challenge).await;
    let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    answers(&api, &challenge, &prompt, &response).await.expect(200);
    // For somebody else it does nothing.
    let challenge = api.challenge(&without).await;
    let prompt = asked(&api, &challenge).await;
    let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    answers(&api, &challenge, &prompt, &response).await.expect_problem(422, "proof-rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_authenticator_is_nobody_elses() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let mut ana = holds(&api, "ana", Authenticator::security_key()).await;
    let session = api.session(&ana.user_id).await;
    let challenge = api.challenge_in(&session).await;
    let prompt = asked(&api, &challenge).await;
    let id = prompt["webauthn"]["allowCredentials"][0]["id"].as_str().unwrap();
    let id = data_encoding::BASE64URL_NOPAD.decode(id.as_bytes()).unwrap();
    // Nor does its owner register it twice.
    let response = ana.authenticator.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    answers(&api, &challenge, &prompt, &response).await.expect(200);
    let again = starts(&api, &ana.user_id, &session).await;
    assert!(ana.authenticator.create(&again.answer["view"]["prompt"]["webauthn"], ORIGIN, &Lies::default()).is_err());

    let ben = api.user("ben").await;
    let started = starts(&api, &ben, &api.session(&ben).await).await;
    let lies = Lies { credential_id: Some(id), ..Lies::default() };
    let refused = confirms(&api, &started, &mut Authenticator::security_key(), &lies).await;
    assert!(matches!(refused.status, 409 | 410 | 422), "{refused}");
    assert!(api.all(&format!("/v1/users/{ben}/authenticators")).await.iter().all(|a| a["state"] != "active"));
}

#[tokio::test(flavor = "multi_thread")]
async fn t32_the_policy_holds_for_new_and_for_old() {
    let mut server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let mut ana = holds(&api, "ana", Authenticator::passkey()).await;
    let mut ben = holds(&api, "ben", Authenticator::security_key()).await;
    server.stop();
    server.setup().arguments.push("--webauthn-hardware-bound-only=yes".to_owned());
    server.begin().await;
    let api = server.api();
    let session = api.session(&ana.user_id).await;
    proves(&api, &session, &mut ana.authenticator, &Lies::default()).await.expect_problem(422, "proof-rejected");
    let session = api.session(&ben.user_id).await;
    proves(&api, &session, &mut ben.authenticator, &Lies::default()).await.expect(200);
    let eve = api.user("eve").await;
    let started = starts(&api, &eve, &api.session(&eve).await).await;
    let refused = confirms(&api, &started, &mut Authenticator::passkey(), &Lies::default()).await;
    refused.expect_problem(422, "proof-rejected");
    let told = api.all("/v1/events?kind=enrollment.rejected").await;
    assert_eq!(told.last().unwrap()["data"]["reason"], "not_permitted", "{told:?}");

    server.stop();
    let model = "736f6674-7761-7265-2d6b-65792d303031";
    server.setup().arguments.push(format!("--webauthn-deny-aaguids={model}"));
    server.begin().await;
    let api = server.api();
    let session = api.session(&ben.user_id).await;
    proves(&api, &session, &mut ben.authenticator, &Lies::default()).await.expect_problem(422, "proof-rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_enrolled_and_used_on_pages() {
    let server = server_on(Database::Sqlite, &[]).await;
    let api = server.api();
    let shop = Shop::of(&api).await;
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    let mut phone = Authenticator::passkey();
    let mut browser = shop.enroll_page(&session).await;
    let seen = browser.opens().await.expect(200);
    assert_eq!(seen["factors"][0]["kind"], "webauthn", "{seen}");
    let seen = browser.post("begin", json!({ "kind": "webauthn", "label": "Phone" })).await.expect(200);
    let prompt = &seen["view"]["prompt"];
    let response = phone.create(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    let wrong = phone.create(&prompt["webauthn"], "https://evil.example", &Lies::default());
    let wrong = json!({ "webauthn": wrong.unwrap(), "prompt_id": prompt["id"] });
    browser.post("confirm", wrong).await.expect_problem(422, "proof-rejected");
    let right = json!({ "webauthn": response, "prompt_id": prompt["id"] });
    let seen = browser.post("confirm", right).await.expect(200);
    assert_eq!(seen["step"], "backup_codes");

    let session = api.session(&user).await;
    let challenge = api.challenge_in(&session).await;
    let mut browser = shop.challenge_page(&challenge).await;
    let seen = browser.opens().await.expect(200);
    assert_eq!(seen["challenge"]["ways"][0]["kind"], "webauthn", "{seen}");
    let seen = browser.post("prompt", json!({ "kind": "webauthn" })).await.expect(200);
    let prompt = &seen["prompt"];
    // The authenticator has two now, of which the newer was refused: the browser asks for the one that counts.
    let response = phone.get(&prompt["webauthn"], ORIGIN, &Lies::default()).unwrap();
    let proof = json!({ "webauthn": response, "prompt_id": prompt["id"] });
    let seen = browser.post("prove", proof).await.expect(200);
    assert_eq!(seen["step"], "done");
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal2");
}

#[tokio::test(flavor = "multi_thread")]
async fn related_origins_are_told_and_a_server_at_an_address_has_no_passkeys() {
    let server = server_on(Database::Sqlite, &["--webauthn-origins=https://shop.example"]).await;
    let told = server.api().get("/.well-known/webauthn").await.expect(200);
    assert_eq!(told, json!({ "origins": [ORIGIN, "https://shop.example"] }));

    let server = Server::new().await;
    let api = server.api();
    api.get("/.well-known/webauthn").await.expect_problem(404, "not-found");
    let user = api.user("ana").await;
    let wish = json!({ "session_id": api.session(&user).await, "kind": "webauthn" });
    api.post("/v1/enrollments", wish).await.expect_problem(422, "invalid-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_a_relying_party_that_cannot_be_stops_the_start() {
    for (argument, word) in [
        ("--webauthn-rp-id=https://example.org", "no relying party id"),
        ("--webauthn-rp-id=other.example", "no origin is at other.example"),
        ("--webauthn-origins=https://example.org/", "is no origin"),
        ("--webauthn-allow-aaguids=ee882879-721c-4913-9775-3dfcce97072a", "without them"),
        ("--webauthn-mds-blob=/nowhere/blob.jwt", "cannot be read"),
    ] {
        let mut server = server_on(Database::Sqlite, &[]).await;
        server.stop();
        let name = argument.split('=').next().unwrap();
        server.setup().arguments.retain(|known| !known.starts_with(name));
        server.setup().arguments.push(argument.to_owned());
        let (_, said) = server.begin_in_vain();
        assert!(said.contains(word), "{argument}: {said}");
    }
}
