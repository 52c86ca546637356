//! The door outside (T-23): names that lead inside or change their mind, redirects, and answers that hang, flood and lie, for every action that
//! calls somebody whom a file or an input names.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::somebody::{Somebody, says};
use super::{folder, settles, setup, until, workflow};
use crate::harness::{Api, Database, Server, Setup};

/// Each action that calls an address, with that address as an input or a secret.
fn callers(url: &str, server: &str) -> (TempDir, Vec<(String, String)>, Vec<&'static str>) {
    let steps = [
        (
            "call",
            format!("action: http.call\n    with: {{url: \"{url}\", bearer: {{secret: env:HUSH}}, body: {{a: 1}}}}"),
        ),
        ("slack", "action: notify.slack\n    with: {webhook: {secret: env:HOOK}, message: hello}".to_owned()),
        ("teams", "action: notify.teams\n    with: {webhook: {secret: env:HOOK}, message: hello}".to_owned()),
        ("chat", "action: notify.chat\n    with: {webhook: {secret: env:HOOK}, message: hello}".to_owned()),
        (
            "page",
            format!(
                "action: notify.page\n    with: {{routing_key: {{secret: env:HUSH}}, url: \"{url}\", message: hello}}"
            ),
        ),
        (
            "ticket",
            format!(
                "action: ticket.open\n    with: {{system: http, url: \"{url}\", bearer: {{secret: env:HUSH}}, title: a, message: b}}"
            ),
        ),
        (
            "validator",
            format!(
                "action: validator.http\n    with: {{user: \"${{inputs.user}}\", code: {{secret: input:code}}, url: \"{url}\"}}"
            ),
        ),
        (
            "radius",
            format!(
                "action: validator.radius\n    with: {{user: \"${{inputs.user}}\", code: {{secret: input:code}}, server: \"{server}\", shared_secret: {{secret: env:HUSH}}}}"
            ),
        ),
    ];
    let of = |(name, step): &(&str, String)| {
        let inputs = "inputs: {user: {type: user, required: true}, code: {type: text, required: true, secret: true}}";
        workflow(
            name,
            &format!(
                "triggers:\n  - manual: {{roles: [a]}}\n{inputs}\nsteps:\n  - id: step\n    {step}\n    timeout: 25s\n"
            ),
        )
    };
    let files: Vec<_> = steps.iter().map(of).collect();
    let environment = vec![("HOOK".to_owned(), url.to_owned()), ("HUSH".to_owned(), "hush-hush".to_owned())];
    (folder(&files), environment, steps.iter().map(|(name, _)| *name).collect())
}

/// Starts each, and answers how each failed.
async fn failures(api: &Api, user: &str, names: &[&'static str]) -> Vec<(&'static str, String)> {
    let mut ids = Vec::new();
    for name in names {
        let inputs = json!({ "user": user, "code": "314159" });
        let body = json!({ "requester": "ana", "roles": ["a"], "inputs": inputs });
        let run = api.post(&format!("/v1/workflows/{name}/runs"), body).await.expect(201);
        ids.push((*name, run["id"].as_str().unwrap().to_owned()));
    }
    let mut failures = Vec::new();
    for (name, id) in ids {
        settles(api, &id, "failed").await;
        let run = api.get(&format!("/v1/runs/{id}")).await.expect(200);
        failures.push((name, run["error"].as_str().unwrap().to_owned()));
    }
    failures
}

/// A name server: says of every name the first address once, and the second ever after. Real packets, on an address of loopback that is its own.
fn name_server(first: [u8; 4], then: [u8; 4]) -> Option<(String, Arc<AtomicUsize>)> {
    let (socket, address) = (1..250).find_map(|n| {
        let address = format!("127.53.{n}.53");
        Some((UdpSocket::bind((address.as_str(), 53)).ok()?, address))
    })?;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((read, from)) = socket.recv_from(&mut packet) {
            let question = &packet[12..read];
            let end = question.iter().position(|byte| *byte == 0).unwrap() + 5;
            let is_a = question[end - 3] == 1;
            // As it was asked, with one answer, or none for the addresses of version 6.
            let mut answer = packet[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
            answer.extend(&question[..end]);
            if is_a {
                let address = if count.fetch_add(1, Ordering::SeqCst) == 0 { first } else { then };
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                answer.extend(address);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    Some((address, asked))
}

/// A server whose system asks this name server and no other.
async fn resolving(name_server: &str, setup: Setup, allowed: &str) -> Server {
    let (_, path) = tempfile::NamedTempFile::new().unwrap().keep().unwrap();
    std::fs::write(&path, format!("nameserver {name_server}\noptions timeout:1 attempts:1\n")).unwrap();
    let arguments = setup.arguments.iter().map(|one| match one.strip_prefix("--outside-allowed=") {
        Some(_) => format!("--outside-allowed={allowed}"),
        None => one.clone(),
    });
    let arguments = arguments.filter(|one| one != "--outside-allowed=").collect();
    Server::start(Setup { resolv_conf: Some(path), arguments, ..setup }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_a_name_that_leads_inside_at_once_or_later_is_called_by_no_action() {
    let somebody = Somebody::start(|_| says(200, &[], r#"{"accepted": true}"#));
    // Out on the internet first, and inside from then on: whoever asks twice connects inside.
    for (first, then, said) in [
        ([127, 0, 0, 1], [127, 0, 0, 1], "not out on the internet"),
        ([169, 254, 169, 254], [169, 254, 169, 254], "not out on the internet"),
    ] {
        let (address, asked) = name_server(first, then).expect("a name server on port 53 takes an administrator");
        let url = format!("https://rebinding.example:{}/", somebody.port);
        let (folder, environment, names) = callers(&url, &format!("rebinding.example:{}", somebody.port));
        let setup = Setup { environment, ..setup(Database::Sqlite, &folder) };
        // Allowed by its name, a name still never leads to where clouds keep the keys of their machines.
        let allowed = if first[0] == 169 { "rebinding.example" } else { "" };
        let server = resolving(&address, setup, allowed).await;
        let api = server.api();
        let user = api.user("ana").await;
        for (name, error) in failures(&api, &user, &names).await {
            let is_right = error.contains(said) || (name == "radius" && error.contains("named as allowed"));
            assert!(is_right, "{name}: {error}");
        }
        assert!(asked.load(Ordering::SeqCst) > 0, "nobody asked the name server");
        assert!(somebody.asked().is_empty(), "{:?}", somebody.asked());
    }
}

/// What was looked at is what is connected to: a name that leads to loopback once, where it is allowed, and elsewhere ever after is asked once.
#[tokio::test(flavor = "multi_thread")]
async fn t23_a_name_that_changes_its_mind_between_looking_and_connecting_changes_nothing() {
    let somebody = Somebody::start(|_| says(200, &[("connection", "close")], "{}"));
    let (address, asked) = name_server([127, 0, 0, 1], [169, 254, 169, 254]).expect("port 53 takes an administrator");
    let url = format!("http://rebinding.example:{}/", somebody.port);
    let (folder, environment, _) = callers(&url, "x");
    let setup = Setup { environment, ..setup(Database::Sqlite, &folder) };
    let server = resolving(&address, setup, "rebinding.example").await;
    let api = server.api();
    let user = api.user("ana").await;
    let body = json!({ "requester": "ana", "roles": ["a"], "inputs": { "user": user, "code": "1" } });
    let run = api.post("/v1/workflows/call/runs", body).await.expect(201);
    settles(&api, run["id"].as_str().unwrap(), "completed").await;
    assert_eq!((asked.load(Ordering::SeqCst), somebody.asked().len()), (1, 1), "it was asked again");
    // The next connection is looked at anew.
    let failed = failures(&api, &user, &["call"]).await;
    assert!(failed[0].1.contains("169.254.169.254"), "{failed:?}");
    assert_eq!(somebody.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_no_action_follows_anybody_elsewhere_nor_takes_its_secrets_there() {
    let elsewhere = Somebody::start(|_| says(200, &[], r#"{"accepted": true}"#));
    let to = elsewhere.url("/latest/meta-data/");
    let somebody = Somebody::start(move |asked| {
        let status = if asked.body.is_empty() { 302 } else { 307 };
        says(status, &[("location", &to)], "")
    });
    let (folder, environment, names) = callers(&somebody.url("/"), "127.0.0.1:1");
    let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
    let api = server.api();
    let user = api.user("ana").await;
    let names: Vec<&str> = names.into_iter().filter(|name| *name != "radius").collect();
    for (name, error) in failures(&api, &user, &names).await {
        assert!(error.contains("leads elsewhere"), "{name}: {error}");
    }
    assert_eq!((somebody.asked().len(), elsewhere.asked().len()), (names.len(), 0));
    let told = format!("{}{}", server.log(), Value::from(api.all("/v1/events").await));
    assert!(!told.contains("hush") && !told.contains("314159"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_addresses_inside_in_any_spelling_and_names_with_passwords_are_called_by_no_action() {
    let somebody = Somebody::start(|_| says(200, &[], r#"{"accepted": true}"#));
    let port = somebody.port;
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://[64:ff9b::7f00:1]:{port}/"),
        format!("https://[2002:7f00:1::]:{port}/"),
        format!("https://ana:hush-hush@example.org:{port}/"),
        format!("http://example.org:{port}/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        let (folder, environment, names) = callers(&url, "127.0.0.1");
        let arguments = vec![format!("--workflows-folder={}", folder.path().display())];
        let server = Server::start(Setup { arguments, environment, ..Setup::default() }).await;
        let api = server.api();
        let user = api.user("ana").await;
        for (name, error) in failures(&api, &user, &names).await {
            let is_refused = error.contains("not out on the internet") || error.contains("the URL is");
            assert!(is_refused || (name == "radius" && error.contains("named as allowed")), "{url} {name}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
    assert!(somebody.asked().is_empty());
}

/// W-05: whoever hangs, floods or lies ends the step, and is no step that went well.
#[tokio::test(flavor = "multi_thread")]
async fn t23_answers_that_hang_flood_or_lie_end_the_step() {
    let somebody = Somebody::start(|_| Vec::new());
    let (folder, environment, names) = callers(&somebody.url("/"), "127.0.0.1:1");
    let server = Server::start(Setup { environment, ..setup(Database::Sqlite, &folder) }).await;
    let api = server.api();
    let user = api.user("ana").await;
    let names: Vec<&str> = names.into_iter().filter(|name| *name != "radius").collect();
    let huge = says(200, &[], &"x".repeat(200_000));
    somebody.now(move |_| huge.clone());
    for (name, error) in failures(&api, &user, &names).await {
        assert!(error.contains("larger than 65536 bytes"), "{name}: {error}");
    }
    // More was said than comes, and nothing comes any more.
    somebody.now(|_| b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\n{\"accepted\": true}".to_vec());
    for (name, error) in failures(&api, &user, &["call", "validator"]).await {
        assert!(error.contains("did not answer in time"), "{name}: {error}");
    }
    // Not HTTP at all.
    somebody.now(|_| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec());
    for (name, error) in failures(&api, &user, &names).await {
        assert!(error.contains("cannot be reached"), "{name}: {error}");
    }
    until("all are over", async || api.all("/v1/runs?state=running").await.is_empty().then_some(())).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
}
