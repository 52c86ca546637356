//! A real SMTP server on loopback, and mail that is handed to it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gateway::mail::{Encryption, MailAddress, Relay, RelaySetup};
use gateway::messages::{CodeWords, Language, MailText, Messages};
use gateway::{FailureKind, Fault, Gateways, Outcome, Secret};
use serde_json::Value;

use crate::setting::{bare, setting};

/// A running server. Ends with the value.
struct Server {
    port: u16,
    mails: Receiver<Value>,
    _child: Child,
    _input: ChildStdin,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/smtp_server.py");
        let mut child = Command::new(python())
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the SMTP server did not start");
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { port, mails, _child: child, _input: input }
    }

    fn mail(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(10)).expect("no mail arrived")
    }
}

/// A Python that has aiosmtpd: Debian's, which `scripts/need test` gives it to, before any other.
fn python() -> &'static str {
    let has = |python: &&&str| {
        Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    ["/usr/bin/python3", "python3"].iter().find(has).expect("Python with aiosmtpd is wanted: Debian's python3-aiosmtpd")
}

fn relay(port: u16, encryption: Encryption) -> RelaySetup {
    RelaySetup {
        host: "localhost".to_owned(),
        port: Some(port),
        encryption,
        login: None,
        from: "Example <no-reply@example.org>".to_owned(),
        authorities: Vec::new(),
    }
}

fn gateways(setup: RelaySetup) -> Gateways {
    bare().with_mail("relay", 1, Relay::new(setup).unwrap())
}

fn mail() -> MailText {
    let code = Secret::new("804319");
    let words = CodeWords { code: &code, application: "Bücher & Söhne", minutes: 5, host: None };
    Messages::new([]).unwrap().mail(Language::De, &words).unwrap()
}

fn to(address: &str) -> MailAddress {
    MailAddress::parse(address).unwrap()
}

/// A certificate for `localhost` in files, and itself as the authority to trust.
fn certificate(folder: &Path) -> (String, String, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    (text(&certificate), text(&key), made.cert.pem().into_bytes())
}

#[tokio::test]
async fn a_mail_arrives_as_text_and_html_in_its_language() {
    let server = Server::start(&["plain"]);
    let delivery = gateways(relay(server.port, Encryption::None)).send_mail(&to("ana@example.org"), &mail()).await;
    let Outcome::Sent { gateway, reference } = delivery.outcome else { panic!("{delivery:?}") };
    assert_eq!(gateway, "relay");
    let mail = server.mail();
    assert_eq!(mail["from"], "no-reply@example.org");
    assert_eq!(mail["to"], serde_json::json!(["ana@example.org"]));
    let content = mail["content"].as_str().unwrap();
    for part in [
        "Auto-Submitted: auto-generated",
        "Content-Language: de",
        "From: Example <no-reply@example.org>",
        "Content-Type: multipart/alternative",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "Subject: Ihr Code =?utf-8?",
        "Date: Wed, 25 Nov 2026",
        &format!("Message-ID: {}", reference.unwrap()),
    ] {
        assert!(content.contains(part), "{part} is not in\n{content}");
    }
    assert!(content.matches("804319").count() >= 2, "{content}");
}

#[tokio::test]
async fn mail_goes_by_starttls_with_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, authority) = certificate(folder.path());
    let server = Server::start(&["starttls", &certificate, &key, "us", "hush"]);
    let setup = RelaySetup {
        login: Some(("us".to_owned(), "hush".into())),
        authorities: vec![authority.clone()],
        ..relay(server.port, Encryption::StartTls)
    };
    let delivery = gateways(setup).send_mail(&to("ana@example.org"), &mail()).await;
    assert!(matches!(delivery.outcome, Outcome::Sent { .. }), "{delivery:?}");
    let mail_there = server.mail();
    assert_eq!((mail_there["tls"].as_bool(), mail_there["login"].as_bool()), (Some(true), Some(true)));

    let wrong = RelaySetup {
        login: Some(("us".to_owned(), "wrong".into())),
        authorities: vec![authority],
        ..relay(server.port, Encryption::StartTls)
    };
    let delivery = gateways(wrong).send_mail(&to("ana@example.org"), &mail()).await;
    let failure = delivery.attempts[0].failure.clone().unwrap();
    assert_eq!(failure.kind, FailureKind::Refused, "{failure}");
    assert!(!failure.words.contains("wrong"), "{failure}");
}

#[tokio::test]
async fn mail_goes_by_tls_from_the_first_byte_on() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, authority) = certificate(folder.path());
    let server = Server::start(&["tls", &certificate, &key]);
    let setup = RelaySetup { authorities: vec![authority], ..relay(server.port, Encryption::Tls) };
    let delivery = gateways(setup).send_mail(&to("ana@example.org"), &mail()).await;
    assert!(matches!(delivery.outcome, Outcome::Sent { .. }), "{delivery:?}");
    assert_eq!(server.mail()["tls"], true);
}

#[tokio::test]
async fn a_relay_with_a_certificate_of_nobodys_gets_no_mail() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, _) = certificate(folder.path());
    for (mode, encryption) in [("tls", Encryption::Tls), ("starttls", Encryption::StartTls)] {
        let server = Server::start(&[mode, &certificate, &key]);
        let delivery = gateways(relay(server.port, encryption)).send_mail(&to("ana@example.org"), &mail()).await;
        assert!(matches!(delivery.outcome, Outcome::Unavailable { .. }), "{delivery:?}");
        assert!(server.mails.try_recv().is_err(), "mail arrived by {mode}");
    }
}

#[tokio::test]
async fn a_relay_without_starttls_gets_no_mail() {
    let server = Server::start(&["plain"]);
    let delivery = gateways(relay(server.port, Encryption::StartTls)).send_mail(&to("ana@example.org"), &mail()).await;
    assert!(matches!(delivery.outcome, Outcome::Unavailable { .. }), "{delivery:?}");
    assert!(server.mails.try_recv().is_err());
}

#[tokio::test]
async fn a_full_mailbox_is_told_from_an_unknown_one_and_from_a_broken_relay() {
    let server = Server::start(&["plain"]);
    for (user, outcome) in [
        ("full", Outcome::Undeliverable(Fault::Full)),
        ("over", Outcome::Undeliverable(Fault::Full)),
        ("unknown", Outcome::Undeliverable(Fault::Unknown)),
        ("grey", Outcome::Unavailable { retry_at: None }),
        ("broken", Outcome::Unavailable { retry_at: None }),
    ] {
        let gateways = gateways(relay(server.port, Encryption::None));
        let delivery = gateways.send_mail(&to(&format!("{user}@example.org")), &mail()).await;
        assert_eq!(delivery.outcome, outcome, "{user}: {delivery:?}");
        let words = delivery.attempts[0].failure.clone().unwrap().words;
        assert!(!words.contains("example.org"), "{words}");
    }
}

#[tokio::test]
async fn where_one_relay_is_down_the_next_one_is_tried() {
    let server = Server::start(&["plain"]);
    let nobody = Relay::new(relay(1, Encryption::None)).unwrap();
    let somebody = Relay::new(relay(server.port, Encryption::None)).unwrap();
    let (gateways, clock) = setting();
    let gateways = gateways.with_mail("nobody", 1, nobody).with_mail("somebody", 0, somebody);
    for _ in 0..3 {
        let delivery = gateways.send_mail(&to("ana@example.org"), &mail()).await;
        let tried: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.gateway.as_str()).collect();
        assert_eq!(tried, ["nobody", "somebody"]);
        assert!(matches!(delivery.outcome, Outcome::Sent { .. }), "{delivery:?}");
    }
    // From here on nobody waits for it.
    let delivery = gateways.send_mail(&to("ana@example.org"), &mail()).await;
    assert_eq!(delivery.attempts.len(), 1);
    clock.advance(Duration::from_secs(20));
    assert_eq!(gateways.send_mail(&to("ana@example.org"), &mail()).await.attempts.len(), 2);
}
