//! The API tried by its own OpenAPI document, by a program that is not ours (T-14, T-33): whatever is sent, no answer is an error of the server's, of a status or
//! content type that the document does not name, or of another shape than it says; and nothing is accepted that it forbids.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::{Database, Noise, SCOPES, Server, Setup, soak};

/// What an answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    response_headers_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
    allow_header_conformance,ignored_auth";

#[tokio::test(flavor = "multi_thread")]
async fn t33_the_openapi_document_holds_under_schemathesis() {
    let server = Server::start(Setup { database: Database::Sqlite, movable_clock: false, ..Setup::default() }).await;
    // One that administers could take its own key away.
    let shop = server.api().post("/v1/applications", json!({ "name": "shop", "scopes": SCOPES })).await.expect(201);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/schemathesis");
    let document = format!("{}/openapi.json", server.api().address);
    let key = format!("Authorization: Bearer {}", shop["api_key"]["key"].as_str().unwrap());
    let (seconds, examples) = if soak() { ("1800", "1000") } else { ("45", "10") };
    let seed = if soak() { Noise::seeded().below(u64::MAX).to_string() } else { "1".to_owned() };
    // Streams go on for as long as anybody listens.
    let run = ["run", &document, "--header", &key, "--checks", CHECKS, "--seed", &seed, "--no-color"];
    // One worker: Python 3.11 cannot parse on two threads at once, and says that its recursion depth does not match.
    let bounds = ["--max-time", seconds, "--max-examples", examples, "--request-timeout", "20", "--workers", "1"];
    let left_out = ["--exclude-path", "/v1/events/stream", "--exclude-path", "/push/stream"];
    let output = Command::new(&script)
        .args(run)
        .args(bounds)
        .args(left_out)
        .arg("--continue-on-failure")
        .current_dir(server.folder())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let tested = said.lines().find_map(|line| line.trim().strip_prefix("Tested: ")?.parse::<usize>().ok());
    assert!(tested.is_some_and(|tested| tested > 60), "hardly anything was tried: {said}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
