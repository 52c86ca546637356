//! Assertions as applications and resource servers meet them: what they say, what they are bound to, whether they count now (S-06, S-07, T-21).

use std::convert::Infallible;

use data_encoding::BASE64URL_NOPAD;
use http::{Request, Response};
use resource_server::{ClaimsOf, Guard, Level, Need, Published, Settings, system_clock};
use serde_json::{Value, json};
use tower::{Layer as _, Service as _, service_fn};

use crate::harness::{Answer, Api, Database, Enrolled, Server, Setup};
use crate::signer::Signer;

const RULES: &str = r"
policy:
  otherwise: allow
  rules:
    - id: reports
      applies_to: {actions: [report.read]}
      effect: require
      level: aal2
    - id: exports
      applies_to: {actions: [report.export]}
      effect: require
      factors: [{totp: 1h}]
";

pub(crate) async fn server(database: Database, policy: &str, movable_clock: bool) -> Server {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), policy).unwrap();
    // It has to be there for as long as the server may be started again.
    let path = folder.keep();
    let arguments = vec![format!("--policy-folder={}", path.display())];
    Server::start(Setup { database, movable_clock, arguments, ..Setup::default() }).await
}

async fn decide(api: &Api, session: &str, question: Value) -> Value {
    api.post(&format!("/v1/sessions/{session}/decide"), question).await.expect(200)
}

/// Proves a challenge with a code that was not used.
async fn prove(api: &Api, ana: &Enrolled, challenge: &Value, more: Value) -> Value {
    let code = ana.phone.code_at(api.advance(60).await);
    let mut body = json!({ "code": code });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post(&format!("/v1/challenges/{}/verify", challenge["id"].as_str().unwrap()), body).await.expect(200)
}

async fn form(api: &Api, body: &str) -> Answer {
    let request = api.request(reqwest::Method::POST, "/v1/introspect");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
    Api::answer(request).await.unwrap()
}

async fn introspect(api: &Api, token: &str) -> Value {
    form(api, &format!("token={token}&token_type_hint=access_token")).await.expect(200)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

fn claims(token: &Value) -> Value {
    part(token.as_str().unwrap(), 1)
}

/// A session that is raised, with the assertion of an allow in it.
async fn raised(api: &Api, ana: &Enrolled) -> (String, String) {
    let session = api.session(&ana.user_id).await;
    let asked = decide(api, &session, json!({ "action": "report.read" })).await;
    prove(api, ana, &asked["challenge"], json!({})).await;
    let allowed = decide(api, &session, json!({ "action": "report.read" })).await;
    (session, allowed["assertion"].as_str().unwrap().to_owned())
}

async fn an_assertion_says_what_is_documented(database: Database) {
    let server = server(database, RULES, true).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let application = api.get("/v1/whoami").await.expect(200)["application"]["id"].clone();
    let jkt = json!({ "jkt": Signer::new().jkt() });
    let x5t = json!({ "x5t#S256": Signer::new().jkt() });

    let asked = decide(&api, &session, json!({ "action": "report.read" })).await;
    let proved = prove(&api, &ana, &asked["challenge"], json!({ "cnf": jkt })).await;
    let token = proved["assertion"].as_str().unwrap();
    let header = part(token, 0);
    let members: Vec<&String> = header.as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "kid", "typ"]);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("countersign-assertion+jwt")));
    let said = part(token, 1);
    let members: Vec<&String> = said.as_object().unwrap().keys().collect();
    let documented = [
        "acr",
        "action",
        "action_hash",
        "amr",
        "aud",
        "auth_time",
        "cnf",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
        "sid",
        "sub",
    ];
    assert_eq!(members, documented);
    assert_eq!((&said["cnf"], &said["aud"], &said["iss"]), (&jkt, &application, &json!(api.address)));
    assert_eq!((&said["jti"], &said["sub"]), (&asked["challenge"]["id"], &json!(ana.user_id)));
    assert_eq!(said["exp"].as_i64().unwrap() - said["nbf"].as_i64().unwrap(), 300);
    assert_eq!((&said["iat"], &said["nbf"]), (&said["auth_time"], &said["auth_time"]));

    // That of an allow names what it rests on, and is bound to what is asked for then.
    let allowed = decide(&api, &session, json!({ "action": "report.read", "cnf": x5t })).await;
    let says = claims(&allowed["assertion"]);
    assert_eq!((&says["cnf"], &says["authenticators"]), (&x5t, &json!([ana.authenticator_id])), "{says}");
    assert_eq!((&says["jti"], &says["auth_time"], &says["acr"]), (&allowed["id"], &said["auth_time"], &json!("aal2")));
    // Asked for again, it may be bound to another key, or to none.
    let path = format!("/v1/challenges/{}/assertion", asked["challenge"]["id"].as_str().unwrap());
    let again = api.post(&path, json!({ "cnf": x5t })).await.expect(200);
    assert_eq!(claims(&again["assertion"])["cnf"], x5t);
    let bare = Api::answer(api.request(reqwest::Method::POST, &path)).await.unwrap().expect(200);
    assert_eq!(claims(&bare["assertion"]).get("cnf"), None);
    let subject = json!({ "type": "session", "id": session, "properties": { "cnf": jkt } });
    let evaluation = json!({ "subject": subject, "action": { "name": "report.read" } });
    let evaluated = api.post("/access/v1/evaluation", evaluation).await.expect(200);
    assert_eq!(claims(&evaluated["context"]["assertion"])["cnf"], jkt);

    for refused in
        [json!({}), json!({ "jkt": "x" }), json!({ "kid": "x" }), json!({ "jkt": jkt["jkt"], "x5t#S256": jkt["jkt"] })]
    {
        let question = json!({ "action": "report.read", "cnf": refused });
        api.post(&format!("/v1/sessions/{session}/decide"), question).await.expect_problem(422, "invalid-request");
    }
    // An assertion counts no longer than its session, and there is none of one that ended.
    let short = json!({ "user_id": ana.user_id, "amr": ["pwd"], "expires_in": 60 });
    let short = api.post("/v1/sessions", short).await.expect(201);
    let brief = decide(&api, short["id"].as_str().unwrap(), json!({ "action": "help.read" })).await;
    let brief = claims(&brief["assertion"]);
    assert!(brief["exp"].as_i64().unwrap() - brief["iat"].as_i64().unwrap() <= 60, "{brief}");
    api.delete(&format!("/v1/sessions/{session}")).await.expect(204);
    api.post(&path, json!({})).await.expect_problem(410, "session-over");
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_an_assertion_says_what_is_documented_on_sqlite() {
    an_assertion_says_what_is_documented(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_an_assertion_says_what_is_documented_on_postgresql() {
    an_assertion_says_what_is_documented(Database::Postgres).await;
}

/// RFC 9470 §4: what a resource server named is asked for, whatever the policy says.
#[tokio::test(flavor = "multi_thread")]
async fn s07_what_a_resource_server_asked_for_is_asked_for() {
    let server = server(Database::Sqlite, RULES, true).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let session = api.session(&ana.user_id).await;
    let wanted = json!({ "action": "help.read", "acr_values": "aal2 aal3", "max_age": 300 });
    let asked = decide(&api, &session, wanted.clone()).await;
    assert_eq!((&asked["outcome"], &asked["decided_by"]), (&json!("step_up"), &json!("wanted")), "{asked}");
    assert_eq!((&asked["need"]["aal"], &asked["need"]["max_age"]), (&json!("aal2"), &json!(300)), "{asked}");
    prove(&api, &ana, &asked["challenge"], json!({})).await;
    let allowed = decide(&api, &session, wanted.clone()).await;
    let said = claims(&allowed["assertion"]);
    assert_eq!((&said["acr"], &said["authenticators"]), (&json!("aal2"), &json!([ana.authenticator_id])), "{allowed}");
    api.advance(301).await;
    assert_eq!(decide(&api, &session, wanted.clone()).await["outcome"], "step_up");
    // It takes nothing away from what the policy asks for, and what nobody can prove is not allowed.
    let less = json!({ "action": "report.export", "acr_values": "aal1" });
    assert_eq!(decide(&api, &session, less).await["outcome"], "allow");
    let more = json!({ "action": "help.read", "acr_values": "aal3" });
    assert_eq!(decide(&api, &session, more).await["outcome"], "enroll");
    let unknown = json!({ "action": "help.read", "acr_values": "gold" });
    let path = format!("/v1/sessions/{session}/decide");
    api.post(&path, unknown).await.expect_problem(422, "invalid-request");
}

async fn an_assertion_counts_while_all_that_it_rests_on_does(database: Database) {
    let server = server(database, RULES, true).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let over = json!({ "active": false });
    let (session, token) = raised(&api, &ana).await;
    let says = introspect(&api, &token).await;
    assert_eq!((&says["active"], &says["token_type"], &says["acr"]), (&json!(true), &json!("Bearer"), &json!("aal2")));
    for (name, value) in part(&token, 1).as_object().unwrap() {
        assert_eq!(&says[name], value, "{name}: {says}");
    }
    // Its time.
    api.advance(301).await;
    assert_eq!(introspect(&api, &token).await, over);
    let allowed = decide(&api, &session, json!({ "action": "report.read" })).await;
    let token = allowed["assertion"].as_str().unwrap().to_owned();
    assert_eq!(introspect(&api, &token).await["active"], json!(true));
    // Another application's is nobody's business.
    let other = json!({ "name": "other", "scopes": ["challenges", "sessions"] });
    let other = api.post("/v1/applications", other).await.expect(201);
    let other = api.with_key(other["api_key"]["key"].as_str().unwrap());
    assert_eq!(introspect(&other, &token).await, over);
    // Its user.
    let user = format!("/v1/users/{}", ana.user_id);
    api.post(&format!("{user}/suspend"), json!({})).await.expect(200);
    assert_eq!(introspect(&api, &token).await, over);
    api.post(&format!("{user}/resume"), json!({})).await.expect(200);
    // Its authenticator. What was proved with one that was suspended has to be proved again.
    let (_, token) = raised(&api, &ana).await;
    let authenticator = format!("/v1/authenticators/{}", ana.authenticator_id);
    assert_eq!(introspect(&api, &token).await["active"], json!(true));
    api.post(&format!("{authenticator}/suspend"), json!({})).await.expect(200);
    assert_eq!(introspect(&api, &token).await, over);
    api.post(&format!("{authenticator}/resume"), json!({})).await.expect(200);
    assert_eq!(introspect(&api, &token).await, over);
    // That of a proof without a session rests on its authenticator, too.
    let challenge = api.post("/v1/challenges", json!({ "user_id": ana.user_id })).await.expect(201);
    let proved = prove(&api, &ana, &challenge, json!({ "cnf": { "jkt": Signer::new().jkt() } })).await;
    let token = proved["assertion"].as_str().unwrap();
    assert_eq!(introspect(&api, token).await["token_type"], json!("DPoP"));
    api.post(&format!("{authenticator}/revoke"), json!({})).await.expect(200);
    assert_eq!(introspect(&api, token).await, over);
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_an_assertion_counts_while_all_that_it_rests_on_does_on_sqlite() {
    an_assertion_counts_while_all_that_it_rests_on_does(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_an_assertion_counts_while_all_that_it_rests_on_does_on_postgresql() {
    an_assertion_counts_while_all_that_it_rests_on_does(Database::Postgres).await;
}

/// T-22: what one server ends counts for nothing at the other.
#[tokio::test(flavor = "multi_thread")]
async fn t22_an_assertion_of_a_session_that_one_server_ended_counts_at_no_other() {
    let one = server(Database::Postgres, RULES, true).await;
    let other = one.beside().await;
    let (here, there) = (one.api(), other.api());
    let ana = here.enroll("ana").await;
    let issuer =
        claims(&decide(&here, &ana.session_id, json!({ "action": "help.read" })).await["assertion"])["iss"].clone();
    for round in 0..6 {
        let session = here.session(&ana.user_id).await;
        let (ends, asks) = if round % 2 == 0 { (&there, &here) } else { (&here, &there) };
        let allowed = decide(asks, &session, json!({ "action": "help.read" })).await;
        let token = allowed["assertion"].as_str().unwrap();
        assert_eq!(introspect(asks, token).await["active"], json!(true), "{issuer}");
        ends.delete(&format!("/v1/sessions/{session}")).await.expect(204);
        assert_eq!(introspect(asks, token).await, json!({ "active": false }));
    }
}

/// T-21: a token that is changed in any part is none, and nothing tells in which.
#[tokio::test(flavor = "multi_thread")]
async fn t21_a_token_that_was_changed_counts_for_nothing() {
    let server = server(Database::Sqlite, RULES, true).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let allowed = decide(&api, &ana.session_id, json!({ "action": "help.read" })).await;
    let token = allowed["assertion"].as_str().unwrap().to_owned();
    assert_eq!(introspect(&api, &token).await["active"], json!(true));
    let over = json!({ "active": false });
    let parts: Vec<&str> = token.split('.').collect();
    let (header, said) = (part(&token, 0), part(&token, 1));
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let with = |value: &Value, name: &str, to: Value| {
        let mut value = value.clone();
        value[name] = to;
        value
    };
    let mut changed = vec![String::from("x"), format!("{token}A"), format!("{}.{}.", parts[0], parts[1])];
    for (name, to) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("typ", json!("JWT")),
        ("kid", json!("x")),
        ("crit", json!(["exp"])),
    ] {
        changed.push(format!("{}.{}.{}", encode(&with(&header, name, to)), parts[1], parts[2]));
    }
    for (name, to) in
        [("acr", json!("aal3")), ("sub", json!("usr_0")), ("exp", json!(9_999_999_999_i64)), ("aud", json!("app_0"))]
    {
        changed.push(format!("{}.{}.{}", parts[0], encode(&with(&said, name, to)), parts[2]));
    }
    // Signed with a key of the attacker's, under the name of ours.
    changed.push(Signer::new().sign(&header, &said));
    for token in &changed {
        assert_eq!(introspect(&api, token).await, over, "{token}");
    }
    assert_eq!(introspect(&api, &token).await["active"], json!(true));

    form(&api, "token=").await.expect_problem(422, "invalid-request");
    form(&api, "hint=x").await.expect_problem(422, "invalid-request");
    form(&api, &format!("token={token}&token={token}")).await.expect_problem(422, "invalid-request");
    form(&api, "token=a%00b").await.expect_problem(422, "invalid-request");
    api.post("/v1/introspect", json!({ "token": token })).await.expect_problem(415, "unsupported-media-type");
    let nobody = api.with_key("csk_nobody");
    form(&nobody, &format!("token={token}")).await.expect_problem(401, "unauthenticated");
}

/// The layer with the keys of the running program: it lets in, asks for more, and follows a rotation.
#[tokio::test(flavor = "multi_thread")]
async fn s07_a_resource_server_asks_for_more_and_lets_in_after_the_step_up() {
    let server = server(Database::Sqlite, RULES, false).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let application = api.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned();
    let settings = Settings {
        issuer: api.address.clone(),
        audiences: vec![application],
        origin: "https://api.example.org".to_owned(),
    };
    let guard = Guard::new(settings, Published::of(&api.address).unwrap(), system_clock());
    let need = Need { level: Some(Level::Aal2), max_age: Some(300), ..Need::default() };
    let handler = service_fn(|request: Request<()>| async move {
        let said = request.extensions().get::<ClaimsOf>().unwrap();
        let context = json!({ "amount": 5000, "payee": "Hanna" });
        let about = said.0.is_about("payment.send", context.as_object().unwrap());
        Ok::<_, Infallible>(Response::new(about.to_string()))
    });
    let mut service = guard.layer(need).layer(handler);
    let mut get = async |token: &Value| {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let request = Request::get("/payments").header("authorization", bearer).body(()).unwrap();
        service.call(request).await.unwrap()
    };
    let session = api.session(&ana.user_id).await;
    let question = json!({ "action": "payment.send", "context": { "payee": "Hanna", "amount": 5000 } });
    let weak = decide(&api, &session, question.clone()).await;
    let refused = get(&weak["assertion"]).await;
    assert_eq!(refused.status(), 401);
    let wanted = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(wanted.contains("error=\"insufficient_user_authentication\""), "{wanted}");
    // What it says is handed on as it stands.
    let parameter =
        |name: &str| wanted.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut stronger = question.clone();
    stronger["acr_values"] = json!(parameter("acr_values"));
    stronger["max_age"] = json!(parameter("max_age").parse::<u64>().unwrap());
    let asked = decide(&api, &session, stronger.clone()).await;
    assert_eq!(asked["outcome"], "step_up", "{asked}");
    let code = ana.phone.code_at(api.now().await);
    api.verify(asked["challenge"]["id"].as_str().unwrap(), &code).await.expect(200);
    let allowed = decide(&api, &session, stronger).await;
    let let_in = get(&allowed["assertion"]).await;
    assert_eq!((let_in.status().as_u16(), let_in.body().as_str()), (200, "true"));
}
