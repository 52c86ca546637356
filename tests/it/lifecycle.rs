//! What becomes of authenticators, of the vault's keys, and of what was signed with them (P-09).

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Database, Enrolled, Phone, Server};

/// Brings an authenticator into another state.
async fn bring(api: &Api, authenticator_id: &str, verb: &str) -> Answer {
    api.post(&format!("/v1/authenticators/{authenticator_id}/{verb}"), json!({})).await
}

/// Gives the code of a step that no other was of: each call lets three pass.
async fn prove_anew(api: &Api, ana: &Enrolled) -> Answer {
    let now = api.advance(90).await;
    api.prove(&ana.user_id, &ana.phone.code_at(now)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_each_state_takes_effect_at_the_next_verification() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let it = &ana.authenticator_id;
    prove_anew(&api, &ana).await.expect(200);
    assert_eq!(bring(&api, it, "suspend").await.expect(200)["state"], "suspended");
    prove_anew(&api, &ana).await.expect_problem(422, "proof-rejected");
    assert_eq!(bring(&api, it, "resume").await.expect(200)["state"], "active");
    prove_anew(&api, &ana).await.expect(200);
    assert_eq!(bring(&api, it, "report-lost").await.expect(200)["state"], "lost");
    prove_anew(&api, &ana).await.expect_problem(422, "proof-rejected");
    bring(&api, it, "resume").await.expect_problem(409, "conflict");
    bring(&api, it, "suspend").await.expect_problem(409, "conflict");
    assert_eq!(bring(&api, it, "revoke").await.expect(200)["state"], "revoked");
    for verb in ["resume", "suspend", "report-lost"] {
        bring(&api, it, verb).await.expect_problem(409, "conflict");
    }
    prove_anew(&api, &ana).await.expect_problem(422, "proof-rejected");

    let events = api.all(&format!("/v1/events?authenticator_id={it}&order=asc")).await;
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let wanted = ["suspended", "resumed", "lost", "revoked"].map(|verb| format!("authenticator.{verb}"));
    let told: Vec<&str> = kinds.into_iter().filter(|kind| wanted.iter().any(|wanted| wanted == kind)).collect();
    assert_eq!(told, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_a_challenge_that_was_open_before_does_not_outlive_a_revocation() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let challenge = api.challenge_in(&ana.session_id).await;
    bring(&api, &ana.authenticator_id, "revoke").await.expect(200);
    let now = api.advance(60).await;
    api.verify(&challenge, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_a_suspended_user_proves_nothing_until_resumed() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    api.post(&format!("/v1/users/{}/suspend", ana.user_id), json!({})).await.expect(200);
    prove_anew(&api, &ana).await.expect_problem(422, "proof-rejected");
    api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect_problem(422, "proof-rejected");
    api.post(&format!("/v1/users/{}/resume", ana.user_id), json!({})).await.expect(200);
    prove_anew(&api, &ana).await.expect(200);
    api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_what_is_done_on_one_server_counts_on_the_other_at_once() {
    let one = Server::on(Database::Postgres).await;
    let other = one.beside().await;
    let (here, there) = (one.api(), other.api());
    let ana = here.enroll("ana").await;
    let now = there.now().await;
    there.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect(200);
    // A code used there is used here.
    here.prove(&ana.user_id, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    for _ in 0..3 {
        bring(&here, &ana.authenticator_id, "suspend").await.expect(200);
        here.advance(90).await;
        prove_anew(&there, &ana).await.expect_problem(422, "proof-rejected");
        bring(&there, &ana.authenticator_id, "resume").await.expect(200);
        prove_anew(&here, &ana).await.expect(200);
        there.advance(90).await;
    }
    let challenge = there.challenge(&ana.user_id).await;
    bring(&here, &ana.authenticator_id, "revoke").await.expect(200);
    let now = there.advance(180).await;
    there.verify(&challenge, &ana.phone.code_at(now)).await.expect_problem(422, "proof-rejected");

    // An application's key, too.
    let made = here.post("/v1/applications", json!({ "name": "shop", "scopes": ["users:read"] })).await.expect(201);
    let shop = there.with_key(made["api_key"]["key"].as_str().unwrap());
    shop.get("/v1/users").await.expect(200);
    let path = format!("/v1/applications/{}", made["application"]["id"].as_str().unwrap());
    here.delete(&path).await.expect(204);
    shop.get("/v1/users").await.expect_problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_a_rotated_key_counts_until_the_new_one_is_confirmed() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let path = format!("/v1/authenticators/{}/rotate", ana.authenticator_id);
    // Not by whoever has the password alone.
    let weak = api.session(&ana.user_id).await;
    api.post(&path, json!({ "session_id": weak })).await.expect_problem(403, "step-up-needed");
    // Nor in a session of somebody else.
    let ben = api.enroll("ben").await;
    api.post(&path, json!({ "session_id": ben.session_id })).await.expect_problem(422, "invalid-request");

    let rotated = api.post(&path, json!({ "session_id": ana.session_id, "view": "inline" })).await.expect(201);
    let enrollment = &rotated["enrollment"];
    assert_eq!(enrollment["replaces"], ana.authenticator_id.as_str());
    let phone = Phone::with_key(rotated["view"]["secret"].as_str().unwrap(), enrollment);
    assert_ne!(phone.key, ana.phone.key);
    prove_anew(&api, &ana).await.expect(200);
    let now = api.now().await;
    api.prove(&ana.user_id, &phone.code_at(now)).await.expect_problem(422, "proof-rejected");
    let confirmed = api.confirm(enrollment["id"].as_str().unwrap(), &phone.code_at(now)).await.expect(200);
    assert!(confirmed["backup_codes"].is_null(), "{confirmed}");
    let old = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    assert_eq!(old["state"], "revoked");
    prove_anew(&api, &ana).await.expect_problem(422, "proof-rejected");
    let now = api.advance(90).await;
    api.prove(&ana.user_id, &phone.code_at(now)).await.expect(200);
    api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_new_data_keys_lock_nobody_out() {
    let mut server = Server::new().await;
    let api = server.api();
    let mut people = Vec::new();
    for n in 0..12 {
        people.push(api.enroll(&format!("user-{n}")).await);
    }
    let before = api.get("/v1/keys").await.expect(200);
    let old = blobs(&server);
    let after = api.post("/v1/keys/rotate", json!({})).await.expect(200);
    assert_eq!(after["key_version"].as_i64(), before["key_version"].as_i64().map(|version| version + 1));
    assert_eq!(after["root_key_id"], before["root_key_id"]);
    // While everything is sealed anew, and when it is.
    for ana in &people {
        prove_anew(&api, ana).await.expect(200);
    }
    sealed_anew(&server, 1).await;
    let new = blobs(&server);
    assert_eq!(new.len(), people.len());
    assert!(old.iter().all(|blob| !new.contains(blob)), "a key is still sealed with the old data keys");
    for ana in &people {
        prove_anew(&api, ana).await.expect(200);
        api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect(200);
    }
    // And in a vault that reads the keyring afresh.
    server.kill();
    server.begin().await;
    for ana in &people {
        prove_anew(&server.api(), ana).await.expect(200);
    }
    let told = server.api().all("/v1/events?kind=keys.rotated").await;
    assert_eq!(told.len(), 1, "{told:?}");
}

/// Waits until everything is sealed anew for the `times`th time.
async fn sealed_anew(server: &Server, times: usize) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(30);
    while server.log().matches("sealed with the new data keys").count() < times {
        assert!(tokio::time::Instant::now() < limit, "nothing is sealed anew: {}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_old_data_keys_are_retired_once_nothing_is_sealed_with_them() {
    let mut server = Server::new().await;
    let api = server.api();
    let mut people = Vec::new();
    for n in 0..5 {
        people.push(api.enroll(&format!("user-{n}")).await);
    }
    api.post("/v1/keys/retire", json!({})).await.expect_problem(409, "conflict");
    let old = blobs(&server);
    api.post("/v1/keys/rotate", json!({})).await.expect(200);
    sealed_anew(&server, 1).await;

    // A key that was missed: one is as if sealing anew had been cut off.
    let store = rusqlite::Connection::open(server.sqlite()).unwrap();
    let missed = "UPDATE authenticators SET blob = ?1 WHERE kind = 'totp' AND user_id =
        (SELECT min(user_id) FROM authenticators WHERE kind = 'totp')";
    assert_eq!(store.execute(missed, [&old[0]]).unwrap(), 1);
    drop(store);
    api.post("/v1/keys/retire", json!({})).await.expect_problem(409, "conflict");
    sealed_anew(&server, 2).await;
    for (before, status, problem) in [(0, 409, "conflict"), (1, 409, "conflict"), (3, 422, "invalid-request")] {
        api.post("/v1/keys/retire", json!({ "before_version": before })).await.expect_problem(status, problem);
    }
    let retired = server.cli(&["keys", "retire", "--json"]);
    assert!(retired.status.success(), "{}", String::from_utf8_lossy(&retired.stderr));
    let keys: Value = serde_json::from_slice(&retired.stdout).unwrap();
    assert_eq!((&keys["key_version"], &keys["oldest_key_version"]), (&json!(2), &json!(2)));
    let public = api.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(public["keys"].as_array().unwrap().len(), 1, "{public}");
    for ana in &people {
        prove_anew(&api, ana).await.expect(200);
        api.prove(&ana.user_id, &ana.backup_codes[0]).await.expect(200);
    }
    // The same in a vault that reads the keyring afresh; and one that is put back opens no more.
    server.kill();
    let store = rusqlite::Connection::open(server.sqlite()).unwrap();
    assert_eq!(store.execute(missed, [&old[0]]).unwrap(), 1);
    drop(store);
    server.begin().await;
    let api = server.api();
    for ana in &people[1..] {
        prove_anew(&api, ana).await.expect(200);
        api.prove(&ana.user_id, &ana.backup_codes[1]).await.expect(200);
    }
    let now = api.now().await;
    assert_ne!(api.prove(&people[0].user_id, &people[0].phone.code_near(now, 1)).await.status, 200);
    let told = api.all("/v1/events?kind=keys.retired").await;
    assert_eq!((told.len(), &told[0]["data"]["before_version"]), (1, &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_what_one_server_retires_the_other_ones_vault_refuses() {
    let one = Server::on(Database::Postgres).await;
    let other = one.beside().await;
    let ana = one.api().enroll("ana").await;
    one.api().post("/v1/keys/rotate", json!({})).await.expect(200);
    sealed_anew(&one, 1).await;
    one.api().post("/v1/keys/retire", json!({})).await.expect(200);
    // It looks for newer keys by itself, and before it retires any.
    other.api().post("/v1/keys/retire", json!({})).await.expect_problem(409, "conflict");
    let keys = other.api().get("/v1/keys").await.expect(200);
    assert_eq!((&keys["key_version"], &keys["oldest_key_version"]), (&json!(2), &json!(2)));
    prove_anew(&other.api(), &ana).await.expect(200);
}

/// The sealed keys in the store.
fn blobs(server: &Server) -> Vec<Vec<u8>> {
    let store = rusqlite::Connection::open(server.sqlite()).unwrap();
    let mut query = store.prepare("SELECT blob FROM authenticators WHERE kind = 'totp' ORDER BY user_id").unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Verifies an assertion as a resource server would that knows the key set, the issuer and itself.
fn verified(token: &str, keys: &Value, issuer: &str, audience: &str) -> Result<Value, String> {
    let keys: JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let header = decode_header(token).map_err(|e| e.to_string())?;
    if header.typ.as_deref() != Some("countersign-assertion+jwt") {
        return Err(format!("{:?} is no assertion", header.typ));
    }
    let key = keys.find(&header.kid.ok_or("no kid")?).ok_or("no such key")?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    let key = DecodingKey::from_jwk(key).map_err(|e| e.to_string())?;
    decode::<Value>(token, &key, &validation).map(|data| data.claims).map_err(|e| e.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_an_assertion_is_verified_offline_and_a_changed_one_is_not() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let me = api.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned();
    let wish = json!({
        "session_id": ana.session_id,
        "action": "transfer",
        "context": { "amount": "100.00", "to": "DE89" },
    });
    let challenge = api.post("/v1/challenges", wish).await.expect(201);
    let id = challenge["id"].as_str().unwrap();
    let now = api.now().await;
    let satisfied = api.verify(id, &ana.phone.code_at(now)).await.expect(200);
    let token = satisfied["assertion"].as_str().unwrap();
    let keys = api.get("/.well-known/jwks.json").await.expect(200);

    let claims = verified(token, &keys, &api.address, &me).unwrap();
    assert_eq!(claims["sub"], ana.user_id.as_str());
    assert_eq!(claims["sid"], ana.session_id.as_str());
    assert_eq!(claims["jti"], id);
    assert_eq!(claims["action"], "transfer");
    assert_eq!(claims["action_hash"], challenge["action_hash"]);
    assert_eq!(claims["acr"], "aal2");
    let (from, to) = (claims["nbf"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert_eq!(to - from, 300);
    assert!((from - now / 1000).abs() < 30, "{claims}");
    // The same action has another hash with another context.
    let other = json!({ "session_id": ana.session_id, "action": "transfer", "context": { "amount": "9.00" } });
    let other = api.post("/v1/challenges", other).await.expect(201);
    assert_ne!(other["action_hash"], challenge["action_hash"]);

    assert!(verified(token, &keys, "https://elsewhere.example", &me).is_err());
    assert!(verified(token, &keys, &api.address, "app_other").is_err());
    for changed in mutated(token) {
        assert!(verified(&changed, &keys, &api.address, &me).is_err(), "{changed}");
    }
    // One from a server whose keys are others.
    let stranger = Server::new().await;
    let strange = stranger.api().get("/.well-known/jwks.json").await.expect(200);
    assert!(verified(token, &strange, &api.address, &me).is_err());

    // What was signed before new keys were made verifies afterwards, and so does what is signed with them.
    api.post("/v1/keys/rotate", json!({})).await.expect(200);
    let keys = api.get("/.well-known/jwks.json").await.expect(200);
    verified(token, &keys, &api.address, &me).unwrap();
    let now = api.now().await;
    let newer = api.prove(&ana.user_id, &ana.phone.code_near(now, 1)).await.expect(200);
    let newer = newer["assertion"].as_str().unwrap();
    assert_ne!(decode_header(newer).unwrap().kid, decode_header(token).unwrap().kid);
    verified(newer, &keys, &api.address, &me).unwrap();
}

/// The token with one thing changed: a bit of each part, a claim, the algorithm, the type, the signature left out.
fn mutated(token: &str) -> Vec<String> {
    use data_encoding::BASE64URL_NOPAD as BASE64;
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| BASE64.decode(part.as_bytes()).unwrap()).collect();
    let join = |parts: &[Vec<u8>]| parts.iter().map(|part| BASE64.encode(part)).collect::<Vec<_>>().join(".");
    assert_eq!(join(&parts), token);
    let mut all = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        for byte in 0..part.len() {
            let mut changed = parts.clone();
            changed[index][byte] ^= 1;
            all.push(join(&changed));
        }
    }
    let replace = |index: usize, from: &str, to: &str| {
        let mut changed = parts.clone();
        let text = String::from_utf8(changed[index].clone()).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        changed[index] = text.replacen(from, to, 1).into_bytes();
        join(&changed)
    };
    all.push(replace(0, "ES256", "none"));
    all.push(replace(0, "ES256", "HS256"));
    all.push(replace(0, "countersign-assertion+jwt", "JWT"));
    all.push(replace(1, "transfer", "login"));
    all.push(replace(1, "aal2", "aal3"));
    all.push(format!("{}.", token.rsplit_once('.').unwrap().0));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn p09_enrollments_begun_beforehand_get_past_no_limit_and_replace_nothing_that_is_gone() {
    let server = Server::new().await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let rotation = json!({ "session_id": ana.session_id, "view": "inline" });
    let rotation = api.post(&format!("/v1/authenticators/{}/rotate", ana.authenticator_id), rotation).await.expect(201);
    let mut begun = Vec::new();
    for _ in 0..6 {
        begun.push(api.start_in(&ana.user_id, &ana.session_id, json!({ "view": "inline" })).await);
    }
    let mut bound = 1;
    for started in &begun {
        let key = started.answer["view"]["secret"].as_str().unwrap();
        let phone = Phone::with_key(key, &started.answer["enrollment"]);
        let answer = api.confirm(&started.enrollment_id, &phone.code_at(api.now().await)).await;
        if bound < 5 {
            answer.expect(200);
            bound += 1;
        } else {
            answer.expect_problem(409, "conflict");
        }
    }
    // What was to be replaced is gone meanwhile: its successor would sit on the phone that was lost.
    api.post(&format!("/v1/authenticators/{}/report-lost", ana.authenticator_id), json!({})).await.expect(200);
    let phone = Phone::with_key(rotation["view"]["secret"].as_str().unwrap(), &rotation["enrollment"]);
    let id = rotation["enrollment"]["id"].as_str().unwrap();
    api.confirm(id, &phone.code_at(api.now().await)).await.expect_problem(409, "conflict");
    let all = api.all(&format!("/v1/users/{}/authenticators", ana.user_id)).await;
    let active = all.iter().filter(|a| a["kind"] == "totp" && a["state"] == "active").count();
    assert_eq!(active, 4, "{all:?}");
}
