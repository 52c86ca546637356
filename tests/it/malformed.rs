//! Huge, deep, malformed input on every route that the OpenAPI document names: a clear problem, no 5xx, no crash (T-33).

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::guessing::resolved;
use crate::harness::{Answer, Api, Database, Pids, Server};

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    body: Value,
    query: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_malformed_bodies_are_refused_on_every_route() {
    let server = Server::new().await;
    let api = server.api();
    let pids = server.ready().await;
    let operations = operations(&api).await;
    assert!(operations.len() > 30, "{} operations are few", operations.len());
    let ids = things(&api).await;
    let mut asked = 0;
    for operation in operations.iter().filter(|operation| !operation.body.is_null()) {
        for path in [known(&operation.path, &ids), unknown(&operation.path)] {
            for (content_type, body) in bodies(&operation.body) {
                let request = as_a_page(api.request(operation.method.clone(), &path));
                let request = request.header("content-type", content_type);
                let what = format!("{} {path} {}", operation.method, preview(&body));
                assert_clear(&what, ask(request.body(body)).await);
                asked += 1;
            }
        }
    }
    assert!(asked > 500, "only {asked} requests");
    assert_unharmed(&server, pids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_malformed_paths_and_queries_are_refused_on_every_route() {
    let server = Server::new().await;
    let api = server.api();
    let pids = server.ready().await;
    for operation in operations(&api).await {
        for junk in ["x", "%00", "..%2f..%2fetc%2fpasswd", "usr_", "%ff%fe", "' OR 1=1 --", &"a".repeat(3000)] {
            let path = operation.path.replace(['{', '}'], "\u{1}");
            let path = path.split('\u{1}').enumerate().map(|(n, part)| if n % 2 == 1 { junk } else { part });
            let path = path.collect::<String>().replace(' ', "%20").replace('\'', "%27");
            assert_clear(
                &format!("{} {path}", operation.method),
                ask(api.request(operation.method.clone(), &path)).await,
            );
        }
        if operation.method == Method::GET {
            for query in queries(&operation) {
                let path = format!("{}?{query}", unknown(&operation.path));
                assert_clear(&format!("GET {path}"), ask(api.request(Method::GET, &path)).await);
            }
        }
    }
    assert_unharmed(&server, pids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_a_zero_character_in_any_text_is_told_where_it_is_on_sqlite() {
    a_zero_character_is_told(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_a_zero_character_in_any_text_is_told_where_it_is_on_postgresql() {
    a_zero_character_is_told(Database::Postgres).await;
}

async fn a_zero_character_is_told(database: Database) {
    let server = Server::on(database).await;
    let api = server.api();
    let pids = server.ready().await;
    let (mut parameters, mut members) = (0, 0);
    // What an app did not sign is not looked at.
    let signed = |path: &str| path.starts_with("/push/") && path != "/push/enroll";
    for operation in operations(&api).await.into_iter().filter(|operation| !signed(&operation.path)) {
        let path = unknown(&operation.path);
        for name in &operation.query {
            let answer = api.ask(operation.method.clone(), &format!("{path}?{name}=a%00b"), None).await.unwrap();
            let problem = answer.expect_problem(422, "invalid-request");
            assert_eq!(problem["errors"][0]["pointer"], name.as_str(), "{path}: {problem}");
            parameters += 1;
        }
        for (name, _) in operation.body["properties"].as_object().into_iter().flatten() {
            for (wrong, place) in [(json!("a\u{0}b"), ""), (json!({ "x": ["\u{0}"] }), "/x/0")] {
                let body = Value::Object(Map::from_iter([(name.clone(), wrong)]));
                let request = as_a_page(api.request(operation.method.clone(), &path)).json(&body);
                let problem = Api::answer(request).await.unwrap().expect_problem(422, "invalid-request");
                assert_eq!(problem["errors"][0]["pointer"], format!("/{name}{place}"), "{path}: {problem}");
                members += 1;
            }
        }
        let there = operation.path.replace("{external_id}", "a%00b");
        if there != operation.path {
            assert_clear(&there, ask(api.request(operation.method.clone(), &there).json(&json!({}))).await);
        }
    }
    assert!(parameters > 10 && members > 50, "{parameters} parameters and {members} members are few");
    let agent = json!({ "user_id": api.user("ana").await, "amr": ["pwd"], "user_agent": "a\u{0}b" });
    api.post("/v1/sessions", agent).await.expect_problem(422, "invalid-request");
    assert_unharmed(&server, pids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_who_does_not_say_who_they_are_gets_nowhere() {
    let server = Server::new().await;
    let api = server.api();
    let key = api.key.clone();
    let mut keys = vec![String::new(), "csk_".to_owned(), "csk_x_y".to_owned(), "\u{e9}".repeat(40), "x".repeat(5000)];
    keys.extend([
        key.to_uppercase(),
        key[..key.len() - 1].to_owned(),
        format!("{key}A"),
        key.replacen("csk_", "csk-", 1),
    ]);
    for operation in operations(&api).await.iter().filter(|operation| operation.path.starts_with("/v1/")) {
        let path = unknown(&operation.path);
        for key in &keys {
            let request = reqwest::Client::new().request(operation.method.clone(), format!("{}{path}", api.address));
            let Ok(value) = reqwest::header::HeaderValue::from_bytes(format!("Bearer {key}").as_bytes()) else {
                continue;
            };
            let answer = ask(request.header("authorization", value)).await.expect("no stream for strangers");
            assert!(answer.status == 401 || answer.status == 431, "{} {path} with {key:?}: {answer}", operation.method);
        }
        let bare = reqwest::Client::new().request(operation.method.clone(), format!("{}{path}", api.address));
        // What is signed takes no key.
        let is_signed = operation.path.starts_with("/v1/webhooks/");
        let slug = if is_signed { "webhook-refused" } else { "unauthenticated" };
        ask(bare).await.unwrap().expect_problem(401, slug);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_what_is_not_http_does_no_harm() {
    let server = Server::new().await;
    let api = server.api();
    let pids = server.ready().await;
    let host = api.address.strip_prefix("http://").unwrap();
    let requests: Vec<Vec<u8>> = vec![
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        vec![0; 100_000],
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /healthz HTTP/1.1\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(1_000_000)).into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(10_000)).into_bytes(),
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551615\r\n\r\n{".to_vec(),
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}{}{}".to_vec(),
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_vec(),
        b"POST /v1/users HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n"
            .to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
    ];
    for request in requests {
        let mut connection = TcpStream::connect(host).await.unwrap();
        // The server may well hang up before it has read everything.
        let _ = connection.write_all(&request).await;
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_millis(300), connection.read_to_end(&mut answer)).await;
        let status = String::from_utf8_lossy(&answer).get(9..10).map(str::to_owned);
        assert!(status.as_deref() != Some("5"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_unharmed(&server, pids).await;
    api.get("/v1/whoami").await.expect(200);
}

/// With what a script of a hosted page sends along, so that it gets as far as one.
fn as_a_page(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    request.header("x-countersign-page", "A".repeat(43)).header("sec-fetch-site", "same-origin")
}

/// The same processes are there, and none of their threads panicked.
async fn assert_unharmed(server: &Server, pids: Pids) {
    assert_eq!(server.ready().await, pids, "something crashed: {}", server.log());
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// The answer; `None` where it is a stream, which has no end.
async fn ask(request: reqwest::RequestBuilder) -> Option<Answer> {
    let answer = timeout(Duration::from_secs(10), Api::answer(request.timeout(Duration::from_secs(2)))).await;
    match answer.expect("an answer within ten seconds") {
        Ok(answer) => Some(answer),
        Err(error) if error.is_timeout() => None,
        // What the client itself refuses to send, or the server to read on.
        Err(error) if error.is_builder() || error.is_request() => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// No defect, and a problem that says what it is about.
#[track_caller]
fn assert_clear(what: &str, answer: Option<Answer>) {
    let Some(answer) = answer else { return };
    assert!(answer.status < 500, "{what}: {answer}");
    if answer.status >= 400 {
        let problem = answer.json();
        assert_eq!(
            answer.headers.get("content-type").map(String::as_str),
            Some("application/problem+json"),
            "{what}: {answer}"
        );
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what}: {answer}");
        assert_eq!(problem["status"], answer.status, "{what}: {answer}");
    }
}

async fn operations(api: &Api) -> Vec<Operation> {
    let document = api.get("/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = Vec::new();
    // Moving the clock is what the tests' own route is for, and no attack.
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| *path != "/v1/testing/clock");
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse() else { continue };
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query = parameters.filter(|p| p["in"] == "query").map(|p| p["name"].as_str().unwrap().to_owned());
            operations.push(Operation {
                method,
                path: path.clone(),
                body: resolved(&document, &operation["requestBody"]["content"]["application/json"]["schema"]).clone(),
                query: query.collect(),
            });
        }
    }
    operations
}

/// One thing of each sort that ids name.
async fn things(api: &Api) -> BTreeMap<&'static str, String> {
    let ana = api.enroll("ana").await;
    let started = api.start("ben", json!({})).await;
    let application =
        api.post("/v1/applications", json!({ "name": "other", "scopes": ["sessions"] })).await.expect(201);
    let authenticator = api.get(&format!("/v1/authenticators/{}", ana.authenticator_id)).await.expect(200);
    BTreeMap::from([
        ("pages", format!("pag_{}", "0".repeat(32))),
        ("challenges", api.challenge(&ana.user_id).await),
        ("devices", authenticator["device_id"].as_str().unwrap().to_owned()),
        ("applications", application["application"]["id"].as_str().unwrap().to_owned()),
        ("enrollments", started.enrollment_id),
        ("users", ana.user_id),
        ("sessions", ana.session_id),
        ("authenticators", ana.authenticator_id),
    ])
}

/// A path with the ids of things that are there.
fn known(path: &str, ids: &BTreeMap<&'static str, String>) -> String {
    let kind = path.split('/').nth(2).unwrap_or_default();
    let id = ids.get(kind).cloned().unwrap_or_else(|| "x".to_owned());
    unknown(&path.replacen("{id}", &id, 1))
}

/// A path with ids of the right shape that nothing has.
fn unknown(path: &str) -> String {
    let prefix = match path.split('/').nth(2).unwrap_or_default() {
        "users" => "usr_",
        "devices" => "dev_",
        "authenticators" => "ath_",
        "enrollments" => "enr_",
        "sessions" => "ses_",
        "challenges" => "chl_",
        "pages" => "pag_",
        "hardware-tokens" => "tok_",
        "policies" => "pol_",
        "runs" => "run_",
        "alerts" => "alr_",
        "tasks" => "tsk_",
        "links" => "lnk_",
        _ => "app_",
    };
    let id = format!("{prefix}{}", "0".repeat(32));
    let key = format!("key_{}", "0".repeat(32));
    let path = path.replace("{id}", &id).replace("{key_id}", &key).replace("{external_id}", "nobody");
    path.replace("{slug}", "nothing").replace("{name}", "nothing")
}

fn queries(operation: &Operation) -> Vec<String> {
    let values =
        ["", "0", "-1", "x", "99999999999999999999", "%00", "1;drop", "%F0%9F%92%A9", "null", "2026-13-45T99:00:00Z"];
    let mut queries = vec!["unknown=1".to_owned(), "limit=1&limit=2".to_owned(), "=".to_owned(), "&&&".to_owned()];
    for name in &operation.query {
        queries.extend(values.iter().map(|value| format!("{name}={value}")));
        queries.push(format!("{name}={}", "z".repeat(5000)));
    }
    queries
}

/// Bodies that are no JSON, JSON that is no object, and objects with each member wrong in each way.
fn bodies(schema: &Value) -> Vec<(&'static str, Vec<u8>)> {
    let json = "application/json";
    let texts: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        b"{".to_vec(),
        b"{\"a\":".to_vec(),
        b"nul".to_vec(),
        b"{} {}".to_vec(),
        b"{'a': 1}".to_vec(),
        b"\xff\xfe{}".to_vec(),
        b"{\"\xc3\x28\": 1}".to_vec(),
        b"{\"a\": \"\\ud800\"}".to_vec(),
        b"{\"a\": 1e999}".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"\"text\"".to_vec(),
        b"-0.0".to_vec(),
        "[".repeat(30_000).into_bytes(),
        "{\"a\":".repeat(10_000).into_bytes(),
        format!("[{}]", "1,".repeat(30_000)).into_bytes(),
        vec![b' '; 1_000_000],
        format!("{{\"a\": \"{}\"}}", "x".repeat(1_000_000)).into_bytes(),
    ];
    let mut bodies: Vec<(&'static str, Vec<u8>)> = texts.into_iter().map(|text| (json, text)).collect();
    bodies.push(("text/plain", b"{}".to_vec()));
    bodies.push(("application/x-www-form-urlencoded", b"a=b".to_vec()));
    let members: Vec<String> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    for member in members {
        for wrong in wrong_values() {
            let body: Map<String, Value> = Map::from_iter([(member.clone(), wrong)]);
            bodies.push((json, serde_json::to_vec(&body).unwrap()));
        }
        // The same member twice.
        bodies.push((json, format!("{{\"{member}\": \"a\", \"{member}\": \"b\"}}").into_bytes()));
    }
    bodies.push((json, b"{\"no_such_member\": true}".to_vec()));
    bodies
}

fn wrong_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
        json!([]),
        json!([[[[[[]]]]]]),
        json!({}),
        json!({ "a": { "b": { "c": {} } } }),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{202e}\u{200b}\u{feff}"),
        json!("x".repeat(300)),
        json!("x".repeat(40_000)),
        json!("\u{1f4a9}".repeat(100)),
        json!("'; DROP TABLE users; --"),
        json!(vec!["'"; 200]),
    ]
}

fn preview(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_long_names_can_be_enrolled() {
    let server = Server::new().await;
    let long = "\u{1f511}".repeat(100);
    let scopes = ["users:write", "sessions", "enrollments"];
    let application = json!({ "name": long, "scopes": scopes });
    let made = server.api().post("/v1/applications", application).await.expect(201);
    let api = server.api().with_key(made["api_key"]["key"].as_str().unwrap());
    let user = api.post("/v1/users", json!({ "external_id": "ann", "display_name": long })).await.expect(201);
    let session = api.session(user["id"].as_str().unwrap()).await;
    let start = json!({ "session_id": session, "view": "inline", "algorithm": "SHA512" });
    api.post("/v1/enrollments", start).await.expect(201);
}
