//! Who may do what: every operation has its scope, keys end when they should, and a request that is sent twice is one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Database, SCOPES, Server};

/// The operations that any application may use, whatever its scopes.
const FOR_ANY_APPLICATION: &[&str] = &["GET /v1/whoami"];

/// Makes an application, and answers its id and a client with its key.
async fn application(api: &Api, name: &str, scopes: &[&str]) -> (String, Api) {
    let made = api.post("/v1/applications", json!({ "name": name, "scopes": scopes })).await.expect(201);
    let id = made["application"]["id"].as_str().unwrap().to_owned();
    (id, api.with_key(made["api_key"]["key"].as_str().unwrap()))
}

/// The operations under /v1 of the OpenAPI document, with ids in their paths that nothing has.
async fn operations(api: &Api) -> Vec<(Method, String, String)> {
    let document = api.get("/openapi.json").await.expect(200);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if path.starts_with("/v1/") {
                let prefix = match path.split('/').nth(2).unwrap() {
                    "users" => "usr",
                    "devices" => "dev",
                    "authenticators" => "ath",
                    "enrollments" => "enr",
                    "sessions" => "ses",
                    "challenges" => "chl",
                    "pages" => "pag",
                    "runs" => "run",
                    "tasks" => "tsk",
                    "links" => "lnk",
                    _ => "app",
                };
                let zeros = "0".repeat(32);
                let there = path.replace("{id}", &format!("{prefix}_{zeros}")).replace("{external_id}", "nobody");
                let there = there.replace("{name}", "nobody");
                let there = there.replace("{key_id}", &format!("key_{zeros}"));
                assert!(!there.contains('{'), "what stands for {path}?");
                operations.push((method, path.clone(), there));
            }
        }
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_no_operation_is_open_to_who_has_no_key_or_no_scope() {
    let server = Server::new().await;
    let api = server.api();
    let (_, nobody) = application(&api, "may nothing", &[]).await;
    let operations = operations(&api).await;
    assert!(operations.len() > 35, "{} operations are few", operations.len());
    let mut open = Vec::new();
    for (method, path, there) in &operations {
        let name = format!("{method} {path}");
        // With a body and without: who asks is looked at before what is asked.
        for body in [None, Some(json!({})), Some(json!({ "no_such_member": 1 }))] {
            let bare = reqwest::Client::new().request(method.clone(), format!("{}{there}", api.address));
            let bare = if let Some(body) = &body { bare.json(body) } else { bare };
            Api::answer(bare).await.unwrap().expect_problem(401, "unauthenticated");
            let answer = nobody.ask(method.clone(), there, body).await.unwrap();
            if answer.status == 403 {
                let problem = answer.expect_problem(403, "forbidden");
                assert!(problem["detail"].as_str().unwrap().contains("scope `"), "{name}: {problem}");
            } else if !open.contains(&name) {
                open.push(name.clone());
            }
        }
    }
    assert_eq!(open, FOR_ANY_APPLICATION, "an operation needs a scope, or is named here");
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_each_scope_opens_what_it_names_and_nothing_else() {
    let server = Server::new().await;
    let api = server.api();
    let operations = operations(&api).await;
    for scope in SCOPES {
        let (_, client) = application(&api, scope, &[scope]).await;
        let mut opened = 0;
        for (method, path, there) in &operations {
            if path == "/v1/events/stream" {
                continue;
            }
            let answer = client.ask(method.clone(), there, Some(json!({}))).await.unwrap();
            if answer.status == 403 {
                // The scope that it names is another one.
                let detail = answer.expect_problem(403, "forbidden")["detail"].as_str().unwrap().to_owned();
                assert!(!detail.contains(&format!("`{scope}`")), "{method} {path} with {scope}: {detail}");
            } else {
                opened += 1;
                assert!(!path.starts_with("/v1/applications") && !path.starts_with("/v1/keys"), "{scope}: {path}");
            }
        }
        // These two widen what the scopes of policies open, and open nothing by themselves.
        let is_beside_another = scope.starts_with("configuration:");
        assert_eq!(opened > FOR_ANY_APPLICATION.len(), !is_beside_another, "{scope} opens {opened}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_keys_are_rotated_with_an_overlap_and_end_when_they_should() {
    let server = Server::new().await;
    let api = server.api();
    let (id, old) = application(&api, "shop", &["sessions"]).await;
    let path = format!("/v1/applications/{id}/keys");
    let made = api.post(&path, json!({ "expire_others_in": 600 })).await.expect(201);
    assert!(made["expires_at"].is_null(), "{made}");
    let new = api.with_key(made["key"].as_str().unwrap());
    old.get("/v1/whoami").await.expect(200);
    new.get("/v1/whoami").await.expect(200);
    api.advance(599).await;
    old.get("/v1/whoami").await.expect(200);
    api.advance(2).await;
    old.get("/v1/whoami").await.expect_problem(401, "unauthenticated");
    new.get("/v1/whoami").await.expect(200);

    // A rotation at once, and one whose overlap lasts on from the first.
    let made = api.post(&path, json!({ "expire_others_in": 0 })).await.expect(201);
    new.get("/v1/whoami").await.expect_problem(401, "unauthenticated");
    let newest = api.with_key(made["key"].as_str().unwrap());
    newest.get("/v1/whoami").await.expect(200);

    // Ending one is done at once, and for that one alone.
    let other = api.post(&path, json!({})).await.expect(201);
    let another = api.with_key(other["key"].as_str().unwrap());
    another.get("/v1/whoami").await.expect(200);
    api.delete(&format!("{path}/{}", other["id"].as_str().unwrap())).await.expect(204);
    another.get("/v1/whoami").await.expect_problem(401, "unauthenticated");
    newest.get("/v1/whoami").await.expect(200);
    // Nowhere is a key shown a second time.
    let kept = api.get(&path).await.expect(200).to_string();
    assert!(!kept.contains("csk_"), "{kept}");

    api.delete(&format!("/v1/applications/{id}")).await.expect(204);
    newest.get("/v1/whoami").await.expect_problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_a_scope_that_is_taken_away_is_gone_at_once() {
    let server = Server::new().await;
    let api = server.api();
    let (id, shop) = application(&api, "shop", &["users:read"]).await;
    shop.get("/v1/users").await.expect(200);
    api.patch(&format!("/v1/applications/{id}"), json!({ "scopes": ["sessions"] })).await.expect(200);
    shop.get("/v1/users").await.expect_problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn p07_the_last_administrator_cannot_be_locked_out() {
    let server = Server::new().await;
    let api = server.api();
    let me = api.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/applications/{me}");
    let key = api.get(&format!("{path}/keys")).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    api.delete(&path).await.expect_problem(409, "last-administrator");
    api.delete(&format!("{path}/keys/{key}")).await.expect_problem(409, "last-administrator");
    // Nor does any administrator take the scope from itself.
    api.patch(&path, json!({ "scopes": ["users:read"] })).await.expect_problem(409, "conflict");
    api.get("/v1/applications").await.expect(200);

    // With another administrator it can go.
    let (_, second) = application(&api, "second", &["admin"]).await;
    api.delete(&path).await.expect(204);
    api.get("/v1/whoami").await.expect_problem(401, "unauthenticated");
    second.get("/v1/applications").await.expect(200);
}

/// A POST with an idempotency key.
async fn once(api: &Api, path: &str, key: &str, body: &Value) -> Answer {
    let request = api.request(Method::POST, path).header("idempotency-key", key).json(body);
    Api::answer(request).await.unwrap()
}

/// That a second request with the same key answers what the first made, says so, and shows no secret again.
async fn assert_made_once(api: &Api, path: &str, body: Value, secrets: &[&str]) {
    let first = once(api, path, "once", &body).await;
    let made = first.expect(201);
    assert!(!first.headers.contains_key("idempotency-replayed"), "{first}");
    let second = once(api, path, "once", &body).await;
    let again = second.expect(201);
    assert_eq!(second.headers.get("idempotency-replayed").map(String::as_str), Some("true"), "{second}");
    for secret in secrets {
        assert!(made.pointer(secret).is_some_and(|value| !value.is_null()), "{path} shows no {secret}: {made}");
        assert!(again.pointer(secret).is_none_or(Value::is_null), "{path} shows {secret} again: {again}");
    }
    let id = |value: &Value| {
        let things = [&value["id"], &value["enrollment"]["id"], &value["application"]["id"]];
        things.into_iter().find_map(Value::as_str).unwrap_or_else(|| panic!("no id: {value}")).to_owned()
    };
    assert_eq!(id(&made), id(&again), "{path} made two things");

    let mut other = body.clone();
    other["no_such_member"] = json!(1);
    let unreadable = once(api, path, "once", &other).await;
    assert_eq!(unreadable.status, 422, "{unreadable}");
    // The very same key for something else that could be made.
    once(api, "/v1/users", "once", &json!({ "external_id": "somebody else" }))
        .await
        .expect_problem(422, "idempotency-mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_request_that_is_sent_twice_makes_one_thing_and_shows_its_secret_once() {
    let server = Server::new().await;
    let api = server.api();
    let user = api.user("ana").await;
    let session = api.session(&user).await;
    // Each with a key space of its own: the application's.
    let admin = async |name: &str| application(&api, name, &["admin"]).await;

    let client = admin("applications").await.1;
    assert_made_once(&client, "/v1/applications", json!({ "name": "x", "scopes": [] }), &["/api_key/key"]).await;
    let (id, client) = admin("keys").await;
    assert_made_once(&client, &format!("/v1/applications/{id}/keys"), json!({}), &["/key"]).await;
    let client = admin("users").await.1;
    assert_made_once(&client, "/v1/users", json!({ "external_id": "ben" }), &[]).await;
    let client = admin("sessions").await.1;
    assert_made_once(&client, "/v1/sessions", json!({ "user_id": user, "amr": ["pwd"] }), &[]).await;
    let client = admin("challenges").await.1;
    assert_made_once(&client, "/v1/challenges", json!({ "user_id": user }), &[]).await;
    let client = admin("devices").await.1;
    assert_made_once(&client, &format!("/v1/users/{user}/devices"), json!({ "name": "phone" }), &[]).await;
    let (id, client) = admin("pages").await;
    let origins = json!({ "return_origins": ["https://shop.example"] });
    api.patch(&format!("/v1/applications/{id}"), origins).await.expect(200);
    let page = json!({
        "purpose": "challenge", "challenge_id": client.challenge(&user).await, "return_url": "https://shop.example/back",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    });
    assert_made_once(&client, "/v1/pages", page, &["/url"]).await;
    assert_made_once(&api, "/v1/enrollments", json!({ "session_id": session, "view": "inline" }), &["/view"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_an_idempotency_key_is_the_applications_own() {
    let server = Server::new().await;
    let api = server.api();
    let (_, other) = application(&api, "other", &["users:write"]).await;
    let ana = once(&api, "/v1/users", "one", &json!({ "external_id": "ana" })).await.expect(201);
    let ben = once(&other, "/v1/users", "one", &json!({ "external_id": "ben" })).await;
    assert!(!ben.headers.contains_key("idempotency-replayed"), "{ben}");
    assert_ne!(ben.expect(201)["id"], ana["id"]);
    let mismatch = once(&api, "/v1/users", "one", &json!({ "external_id": "cleo" })).await;
    mismatch.expect_problem(422, "idempotency-mismatch");

    // Sixteen at once are one too.
    let body = json!({ "external_id": "dora" });
    let tries = (0..16).map(|_| {
        let (api, body) = (api.apart(), body.clone());
        async move { once(&api, "/v1/users", "dora", &body).await }
    });
    let answers = futures_util::future::join_all(tries).await;
    let fresh = answers.iter().filter(|answer| !answer.headers.contains_key("idempotency-replayed"));
    assert_eq!(fresh.count(), 1);
    assert!(answers.iter().all(|answer| answer.expect(201)["id"] == answers[0].json()["id"]));

    // What failed used up no key.
    once(&api, "/v1/users", "again", &json!({ "external_id": "ana" })).await.expect_problem(409, "exists");
    once(&api, "/v1/users", "again", &json!({ "external_id": "emil" })).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_no_scope_comes_back_by_a_change_that_did_not_mean_it_on_sqlite() {
    no_scope_comes_back(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p06_no_scope_comes_back_by_a_change_that_did_not_mean_it_on_postgresql() {
    no_scope_comes_back(Database::Postgres).await;
}

async fn no_scope_comes_back(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let (id, _) = application(&api, "shop", &["sessions", "events:read"]).await;
    let path = format!("/v1/applications/{id}");
    for round in 0..20 {
        api.patch(&path, json!({ "scopes": ["sessions", "events:read"] })).await.expect(200);
        let changes = (0..8).map(|n| {
            let (api, path) = (api.apart(), path.clone());
            async move { api.patch(&path, json!({ "name": format!("shop {round} {n}") })).await }
        });
        let narrow = async {
            // Whoever loses the race is told, looks again and sends the change again.
            while api.patch(&path, json!({ "scopes": ["sessions"] })).await.status == 409 {}
        };
        let (renamed, ()) = tokio::join!(futures_util::future::join_all(changes), narrow);
        for answer in renamed {
            assert!(answer.status == 200 || answer.expect_problem(409, "conflict")["detail"].is_string());
        }
        assert_eq!(api.get(&path).await.expect(200)["scopes"], json!(["sessions"]), "round {round}");
    }
}
