//! The arrows between the crates, read from `cargo metadata` and the sources: what the house is held up by.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Which of our crates each of them may build on. A crate that is missing here fails the test: a new room has its
/// arrows thought about first.
const ARROWS: &[(&str, &[&str])] = &[
    ("otp", &[]),
    ("assertion", &[]),
    ("resource-server", &["assertion"]),
    ("domain", &[]),
    ("risk", &["domain"]),
    ("vault-proto", &["otp"]),
    ("vault", &["vault-proto", "otp"]),
    ("store", &["domain"]),
    ("gateway", &["domain"]),
    ("document", &[]),
    ("condition", &["document"]),
    ("policy", &["domain", "document", "condition"]),
    ("workflow", &["domain", "document", "condition"]),
    ("webauthn", &[]),
    (
        "server",
        &["assertion", "domain", "policy", "risk", "workflow", "store", "gateway", "webauthn", "vault-proto", "otp"],
    ),
    (
        "countersign",
        &[
            "server",
            "domain",
            "policy",
            "workflow",
            "store",
            "gateway",
            "webauthn",
            "software-authenticator",
            "vault-proto",
            "otp",
        ],
    ),
    ("software-authenticator", &[]),
];

/// What only tests are made of: no program is built on it.
const TEST_ONLY: &[&str] = &["end-to-end", "throwaway-postgres"];

/// What the vault never sees: a web framework, a run time with a network, a database.
const NEVER_IN_THE_VAULT: &[&str] = &[
    "axum",
    "h2",
    "hyper",
    "hyper-util",
    "mio",
    "openssl",
    "reqwest",
    "rustls",
    "socket2",
    "sqlx",
    "sqlx-core",
    "tokio",
    "tower",
];

/// What `domain` never sees: anything that does I/O.
const NEVER_IN_THE_DOMAIN: &[&str] =
    &["aws-lc-rs", "axum", "getrandom", "hyper", "mio", "reqwest", "rustix", "rustls", "sqlx", "tokio"];

#[test]
fn every_crate_builds_on_those_it_may_build_on() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let crates = our_dependencies();
    for (name, dependencies) in &crates {
        if TEST_ONLY.contains(&name.as_str()) {
            continue;
        }
        let allowed = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no row in ARROWS"));
        for dependency in dependencies.iter().filter(|dependency| crates.contains_key(*dependency)) {
            assert!(allowed.contains(&dependency.as_str()), "{name} → {dependency} is an arrow that should not be");
        }
    }
    for (name, _) in ARROWS {
        assert!(crates.contains_key(*name), "ARROWS speaks of {name}, which is not there");
    }
}

#[test]
fn p03_the_vault_is_made_without_network_database_and_run_time() {
    assert_tree_lacks("vault", NEVER_IN_THE_VAULT);
}

#[test]
fn the_domain_is_made_without_input_and_output() {
    assert_tree_lacks("domain", NEVER_IN_THE_DOMAIN);
}

#[test]
fn signals_of_risk_are_worked_out_without_input_and_output() {
    assert_tree_lacks("risk", NEVER_IN_THE_DOMAIN);
}

#[test]
fn the_policy_is_made_without_input_and_output() {
    let never: Vec<&str> = NEVER_IN_THE_DOMAIN.iter().copied().filter(|name| *name != "aws-lc-rs").collect();
    assert_tree_lacks("policy", &never);
}

#[test]
fn workflows_are_made_without_input_and_output() {
    let never: Vec<&str> = NEVER_IN_THE_DOMAIN.iter().copied().filter(|name| *name != "aws-lc-rs").collect();
    assert_tree_lacks("workflow", &never);
}

#[test]
fn assertions_are_checked_without_input_and_output() {
    let never: Vec<&str> = NEVER_IN_THE_DOMAIN.iter().copied().filter(|name| *name != "aws-lc-rs").collect();
    assert_tree_lacks("assertion", &never);
}

#[test]
fn resource_servers_get_neither_openssl_nor_the_rest_of_the_server() {
    assert_tree_lacks("resource-server", &["axum", "domain", "native-tls", "openssl", "ring", "sqlx", "store"]);
}

#[test]
fn webauthn_is_made_without_openssl_network_and_run_time() {
    assert_tree_lacks(
        "webauthn",
        &["openssl", "openssl-sys", "native-tls", "ring", "tokio", "hyper", "reqwest", "mio"],
    );
}

#[test]
fn only_the_store_builds_on_a_database() {
    for (name, dependencies) in our_dependencies() {
        let talks =
            dependencies.iter().any(|d| ["sqlx", "rusqlite", "tokio-postgres", "libsqlite3-sys"].contains(&d.as_str()));
        assert!(!talks || name == "store" || TEST_ONLY.contains(&name.as_str()), "{name} builds on a database");
    }
}

#[test]
fn the_gateways_know_neither_store_nor_web_framework() {
    assert_tree_lacks("gateway", &["axum", "libsqlite3-sys", "native-tls", "openssl", "ring", "sqlx", "store"]);
}

#[test]
fn sql_lives_in_the_store_alone() {
    let mut sources = Vec::new();
    for (name, folder) in our_crates() {
        if name != "store" && !TEST_ONLY.contains(&name.as_str()) {
            rust_files(&folder.join("src"), &mut sources);
        }
    }
    assert!(sources.len() > 10, "the sources were not found: {sources:?}");
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap();
        for literal in string_literals(&text) {
            assert!(!is_sql(&literal), "{} holds SQL: {literal:?}", path.display());
        }
    }
}

#[test]
fn use_cases_do_not_speak_http() {
    let mut sources = Vec::new();
    rust_files(&root().join("crates/server/src/app"), &mut sources);
    assert!(!sources.is_empty(), "the use cases were not found in crates/server/src/app");
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in ["axum", "hyper", "crate::http", "http::"] {
                assert!(!code.contains(word), "{}:{}: {line}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn what_is_generated_is_up_to_date() {
    let output = Command::new(root().join("scripts/update-generated")).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn sql_in_a_literal_is_noticed() {
    let found = |source: &str| string_literals(source).iter().any(|literal| is_sql(literal));
    assert!(found(r#"query("SELECT id FROM users")"#));
    assert!(found("query(r#\"\n  insert into users (id) values ($1)\"#)"));
    assert!(found("\"UPDATE users SET state = 1\""));
    assert!(found("\"DELETE FROM users\""));
    assert!(!found("// SELECT id FROM users\n\"select a user from the list\""));
    assert!(!found(r#"'"'; "update the program set in motion""#));
}

/// Fails if one of `never` is in the tree of what `package` is built from, features as they are when it is built alone.
fn assert_tree_lacks(package: &str, never: &[&str]) {
    let tree = cargo(&["tree", "--locked", "-p", package, "-e", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() > 5, "that is no tree: {tree}");
    for name in never {
        assert!(!names.contains(name), "{package} is built on {name}");
    }
}

/// What each of our crates is built on, by name, without what only its tests need.
fn our_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for package in packages() {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let built_on = dependencies.filter(|d| d["kind"] != "dev").map(|d| string(&d["name"])).collect();
        all.insert(string(&package["name"]), built_on);
    }
    all
}

/// Our crates with their folders.
fn our_crates() -> Vec<(String, PathBuf)> {
    let folder = |package: &Value| PathBuf::from(string(&package["manifest_path"])).parent().unwrap().to_owned();
    packages().iter().map(|package| (string(&package["name"]), folder(package))).collect()
}

fn packages() -> Vec<Value> {
    let json = cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&json).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(arguments).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether a text is a statement: the words in their order, in capitals or all small.
fn is_sql(literal: &str) -> bool {
    const STATEMENTS: &[(&str, &str)] = &[
        ("SELECT", " FROM "),
        ("INSERT INTO", "("),
        ("UPDATE", " SET "),
        ("DELETE FROM", ""),
        ("CREATE TABLE", ""),
        ("CREATE INDEX", ""),
        ("ALTER TABLE", ""),
        ("DROP TABLE", ""),
        ("PRAGMA ", ""),
        ("BEGIN IMMEDIATE", ""),
    ];
    let words = literal.split_whitespace().collect::<Vec<_>>().join(" ");
    let holds = |first: &str, then: &str| words.strip_prefix(first).is_some_and(|rest| rest.contains(then));
    STATEMENTS.iter().any(|(first, then)| {
        // In small letters only what can be no English: `insert into x (`, say, but not `select … from …`.
        holds(first, then) || (first.contains(' ') && holds(&first.to_lowercase(), &then.to_lowercase()))
    })
}

/// The string literals of a Rust source, comments left out; escapes stay as they are written.
fn string_literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'', 'r']) {
        let here = &rest[at..];
        let raw = here.strip_prefix('r').map(|tail| tail.len() - tail.trim_start_matches('#').len());
        let raw = raw.filter(|hashes| here[1 + hashes..].starts_with('"'));
        let (literal, length) = if let Some(hashes) = raw {
            let body = &here[2 + hashes..];
            let end = body.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(body.len());
            (Some(&body[..end]), 2 + hashes + end + 1 + hashes)
        } else if here.starts_with("//") {
            (None, here.find('\n').unwrap_or(here.len()))
        } else if here.starts_with("/*") {
            (None, here.find("*/").map_or(here.len(), |end| end + 2))
        } else if let Some(body) = here.strip_prefix('"') {
            let end = closing_quote(body);
            (Some(&body[..end]), end + 2)
        } else if here.starts_with("'\"'") {
            (None, 3)
        } else if here.starts_with("'\\\"'") {
            (None, 4)
        } else {
            (None, 1)
        };
        literals.extend(literal.map(str::to_owned));
        rest = here.get(length..).unwrap_or_default();
    }
    literals
}

/// Where the quote stands that ends a literal whose text begins here.
fn closing_quote(body: &str) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    body.len()
}
