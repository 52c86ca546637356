//! The resource servers of `examples/`, as they stand, against the running program (S-06, S-07, S-09, T-21): their clients are asked for more, step
//! up and go on, and what an attacker shows them is refused.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::assertions::server;
use crate::harness::{Api, Database, Server};
use crate::signer::Signer;

const RULES: &str = "policy:\n  otherwise: allow\n";

/// A resource server of `examples/`, and how its programs are run.
struct Example {
    folder: &'static str,
    program: &'static str,
    ending: &'static str,
    needs: &'static str,
}

const PYTHON: Example = Example {
    folder: "resource-server-python",
    // Debian's, as scripts/need sees to what it imports.
    program: "/usr/bin/python3",
    ending: "py",
    needs: "Debian's python3-jwt and python3-cryptography",
};
const NODE: Example =
    Example { folder: "resource-server-node", program: "node", ending: "mjs", needs: "Node.js 20.19 or later" };

impl Example {
    fn command(&self, script: &str) -> Command {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(self.folder);
        let mut command = Command::new(self.program);
        command.arg(format!("{script}.{}", self.ending)).current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A resource server that listens, and where.
struct Resource {
    _running: Running,
    url: String,
    http: reqwest::Client,
}

impl Resource {
    async fn start(example: &Example, api: &Api, application: &str) -> Self {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = example.command("server");
        command.env("COUNTERSIGN_URL", &api.address).env("COUNTERSIGN_APPLICATION", application);
        let child = command.env("PORT", port.to_string()).stdout(Stdio::null()).spawn();
        let running = Running(child.unwrap_or_else(|error| panic!("this test needs {}: {error}", example.needs)));
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let resource = Self { _running: running, url, http };
        let limit = Instant::now() + Duration::from_secs(30);
        while resource.http.get(&resource.url).send().await.is_err() {
            assert!(Instant::now() < limit, "it does not listen: is {} there?", example.needs);
            sleep(Duration::from_millis(50)).await;
        }
        resource
    }

    /// What is answered to a payment that is shown with these headers: status and `WWW-Authenticate`.
    async fn pay(&self, headers: HeaderMap) -> (u16, String) {
        let request = self.http.post(format!("{}/payments", self.url)).headers(headers).json(&payment());
        told(&request.send().await.unwrap())
    }

    async fn balance(&self, authorization: &str) -> (u16, String) {
        let request = self.http.get(format!("{}/balance", self.url)).header("authorization", authorization);
        told(&request.send().await.unwrap())
    }

    fn proof(&self, key: &Signer, jti: &str, token: &str, change: &Value) -> String {
        let mut claims = json!({
            "jti": jti, "htm": "POST", "htu": format!("{}/payments", self.url), "iat": crate::harness::real_now() / 1000,
            "ath": assertion::sha256(token.as_bytes()),
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        key.sign(&json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk() }), &claims)
    }
}

fn told(answer: &reqwest::Response) -> (u16, String) {
    let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), challenge.unwrap_or_default())
}

fn shown(scheme: &str, token: &str, proofs: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("{scheme} {token}").parse().unwrap());
    for proof in proofs {
        headers.append("dpop", proof.parse().unwrap());
    }
    headers
}

fn payment() -> Value {
    json!({ "amount": 5000, "payee": "Hanna Weiß" })
}

async fn application(api: &Api) -> String {
    api.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned()
}

/// The client as it stands: 401 with what is wanted, a code, and the payment.
async fn its_client_steps_up_and_goes_on(example: &Example) {
    let server = server(Database::Sqlite, RULES, false).await;
    let api = server.api();
    let ana = api.enroll("ana").await;
    let resource = Resource::start(example, &api, &application(&api).await).await;
    let session = api.session(&ana.user_id).await;
    let mut command = example.command("client");
    command.env("COUNTERSIGN_URL", &api.address).env("COUNTERSIGN_KEY", &api.key);
    command.env("SESSION", &session).env("RESOURCE", &resource.url);
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let code = ana.phone.code_at(api.now().await);
    writeln!(client.stdin.take().unwrap(), "{code}").unwrap();
    let output = tokio::task::spawn_blocking(move || client.wait_with_output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let first = said.lines().next().unwrap_or_default();
    assert!(first.starts_with("401 DPoP error=\"insufficient_user_authentication\""), "{said}");
    assert!(first.contains("acr_values=\"aal2 aal3\", max_age=\"300\""), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("200 {\"paid\"") && last.contains("Hanna Weiß"), "{said}");
    // The session is raised, and goes on as the same one.
    assert_eq!(api.get(&format!("/v1/sessions/{session}")).await.expect(200)["aal"], "aal2");
}

async fn what_an_attacker_shows_it_is_refused(example: &Example) {
    let mut countersign = server(Database::Sqlite, RULES, false).await;
    let api = countersign.api();
    let ana = api.enroll("ana").await;
    let resource = Resource::start(example, &api, &application(&api).await).await;
    let session = api.session(&ana.user_id).await;
    let key = Signer::new();
    let question =
        json!({ "action": "payment.send", "context": payment(), "cnf": { "jkt": key.jkt() }, "acr_values": "aal2" });
    let path = format!("/v1/sessions/{session}/decide");
    let asked = api.post(&path, question.clone()).await.expect(200);
    let code = ana.phone.code_at(api.now().await);
    api.verify(asked["challenge"]["id"].as_str().unwrap(), &code).await.expect(200);
    let token = api.post(&path, question.clone()).await.expect(200)["assertion"].as_str().unwrap().to_owned();
    let plain = json!({ "action": "balance.read" });
    let free = api.post(&path, plain).await.expect(200)["assertion"].as_str().unwrap().to_owned();

    assert_eq!(resource.balance(&format!("Bearer {free}")).await.0, 200);
    let proof = resource.proof(&key, "1", &token, &json!({}));
    assert_eq!(resource.pay(shown("DPoP", &token, &[&proof])).await.0, 200);
    let replayed = resource.pay(shown("DPoP", &token, &[&proof])).await;
    assert!(replayed.0 == 401 && replayed.1.contains("error=\"invalid_dpop_proof\""), "{replayed:?}");

    // S-09: without the key, with another one, and as if it were bound to none.
    let thief = Signer::new();
    let by_thief = resource.proof(&thief, "2", &token, &json!({}));
    let two = [resource.proof(&key, "3", &token, &json!({})), resource.proof(&key, "4", &token, &json!({}))];
    for headers in [
        shown("Bearer", &token, &[]),
        shown("DPoP", &token, &[]),
        shown("DPoP", &token, &[&by_thief]),
        shown("DPoP", &token, &[&two[0], &two[1]]),
        shown("Bearer", &free, &[]),
        shown("DPoP", &free, &[&resource.proof(&key, "5", &free, &json!({}))]),
        HeaderMap::new(),
    ] {
        let answer = resource.pay(headers.clone()).await;
        assert_eq!(answer.0, 401, "{headers:?}: {answer:?}");
    }
    let now = crate::harness::real_now() / 1000;
    for (n, change) in [
        json!({ "htm": "GET" }),
        json!({ "htu": "http://127.0.0.1/payments" }),
        json!({ "iat": now - 61 }),
        json!({ "iat": now + 3600 }),
        json!({ "ath": "x" }),
        json!({ "ath": null }),
        json!({ "jti": "" }),
    ]
    .into_iter()
    .enumerate()
    {
        let proof = resource.proof(&key, &format!("changed {n}"), &token, &change);
        let answer = resource.pay(shown("DPoP", &token, &[&proof])).await;
        assert!(answer.0 == 401 && answer.1.contains("invalid_dpop_proof"), "{change}: {answer:?}");
    }
    changed_assertions_are_refused(&resource, &free).await;
    without_countersign_it_knows_what_it_knew(&mut countersign, &resource, &free, &key).await;
}

/// T-21.
async fn changed_assertions_are_refused(resource: &Resource, token: &str) {
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    };
    let encode = |value: &Value| crate::signer::encode(value.to_string().as_bytes());
    let mut changed =
        vec!["x".to_owned(), format!("{token}="), format!("{token}.x"), format!("{}.{}.", parts[0], parts[1])];
    for (name, to) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("typ", json!("JWT")),
        ("kid", json!("another")),
        ("crit", json!(["exp"])),
    ] {
        let mut header = read(parts[0]);
        header[name] = to;
        changed.push(format!("{}.{}.{}", encode(&header), parts[1], parts[2]));
    }
    for (name, to) in [("acr", json!("aal3")), ("exp", json!(9_999_999_999_i64)), ("aud", json!("app_0"))] {
        let mut said = read(parts[1]);
        said[name] = to;
        changed.push(format!("{}.{}.{}", parts[0], encode(&said), parts[2]));
    }
    let header = read(parts[0]);
    changed.push(Signer::new().sign(&header, &read(parts[1])));
    for token in changed {
        let answer = resource.balance(&format!("Bearer {token}")).await;
        assert!(answer.0 == 401 && answer.1.contains("invalid_token"), "{token}: {answer:?}");
    }
}

/// T-14: the keys that are known serve on, and no others.
async fn without_countersign_it_knows_what_it_knew(
    countersign: &mut Server,
    resource: &Resource,
    token: &str,
    key: &Signer,
) {
    countersign.kill();
    assert_eq!(resource.balance(&format!("Bearer {token}")).await.0, 200);
    let header = json!({ "alg": "ES256", "kid": "another", "typ": "countersign-assertion+jwt" });
    let made_up = key.sign(&header, &json!({ "sub": "usr_0" }));
    assert_eq!(resource.balance(&format!("Bearer {made_up}")).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_the_client_of_the_python_example_steps_up_and_goes_on() {
    its_client_steps_up_and_goes_on(&PYTHON).await;
}

/// Whether there is a Node.js that the example runs on: everything but it and the pages is built and tested without one.
fn node_is_here() -> bool {
    let version = Command::new("node").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8_lossy(&version).into_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    let is_here = major.is_some_and(|major| major >= 20);
    if !is_here {
        eprintln!("resource-server-node is skipped, for want of Node.js 20 or later");
    }
    is_here
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_the_client_of_the_node_example_steps_up_and_goes_on() {
    if !node_is_here() {
        return;
    }
    its_client_steps_up_and_goes_on(&NODE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_s09_what_an_attacker_shows_the_python_example_is_refused() {
    what_an_attacker_shows_it_is_refused(&PYTHON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_s09_what_an_attacker_shows_the_node_example_is_refused() {
    if !node_is_here() {
        return;
    }
    what_an_attacker_shows_it_is_refused(&NODE).await;
}
