//! What the commands say when nobody answers, or somebody else does.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::shell::run;

#[test]
fn no_server_is_said_with_what_to_do() {
    run("
        $ countersign users list --url http://127.0.0.1:1
        2> error: no server answers at http://127.0.0.1:1: start one with `countersign serve`, or name another with --url
        exit 69
        $ COUNTERSIGN_URL=http://127.0.0.1:1 countersign verify ana 123456
        2> error: no server answers at http://127.0.0.1:1: start one with `countersign serve`, or name another with --url
        exit 69
        $ countersign keys status --url mfa.example.com
        2> error: --url: `mfa.example.com` is no URL, like https://mfa.example.com
        exit 2
    ");
}

#[test]
fn keys_by_reference_that_lead_nowhere_are_named() {
    run("
        $ countersign users list --key env:NOT_SET
        2> error: --key: the environment variable NOT_SET is not set
        exit 2
        $ countersign users list --key file:no-such-file
        2> error: --key: no-such-file cannot be read (no such file or directory)
        exit 2
        $ countersign users list --url https://127.0.0.1:1 --ca no-such-file
        2> error: no-such-file cannot be read (no such file or directory)
        exit 78
    ");
}

#[test]
fn a_stranger_at_the_address_is_recognised() {
    let address = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnope");
    run(&format!(
        "
        $ countersign users list --url {address}
        2> error: what answers at {address} is no Countersign server: check --url
        exit 69
    "
    ));
}

#[test]
fn a_problem_is_told_in_its_own_words() {
    let problem = r#"{"type":"/problems/forbidden","title":"Forbidden","status":403,"detail":"this key lacks the scope users:read"}"#;
    let address = answering(&format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{problem}",
        problem.len()
    ));
    run(&format!(
        "
        $ countersign users list --url {address}
        2> error: this key lacks the scope users:read
        exit 77
    "
    ));
}

#[test]
fn what_cannot_be_undone_is_asked_for() {
    let user = r#"{"id":"usr_1","external_id":"ana"}"#;
    let address = answering(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{user}",
        user.len()
    ));
    run(&format!(
        "
        $ countersign users erase ana --url {address}
        2> error: this cannot be undone: say --yes
        exit 2
    "
    ));
}

#[test]
fn the_doctor_looks_at_the_machine_alone() {
    let printed = crate::shell::printed("countersign doctor --json");
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let names: Vec<&str> =
        report["machine"].as_array().unwrap().iter().filter_map(|check| check["name"].as_str()).collect();
    for name in ["configuration", "data_folder", "root_key", "tls", "landlock", "seccomp", "locked_memory", "clock"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!(report["server"][0]["level"], "warning");
}

#[test]
fn the_doctor_finds_what_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("data/vault/root.key");
    std::fs::create_dir_all(folder.path().join("data/vault")).unwrap();
    std::fs::write(&key, "key").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["doctor", "--url", "http://127.0.0.1:1"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains(
            "✗ root key data/vault/root.key has mode 644, so others can read it: chmod 600 data/vault/root.key"
        ),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_load_test_stays_on_this_machine() {
    run("
        $ countersign bench --url http://192.0.2.1:8420 --key csk_x
        2> error: --url: loads are for servers on this machine: run it there, or say --i-own-it if that server is yours
        exit 2
    ");
}

/// Somebody on loopback who gives every request this answer.
fn answering(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}
