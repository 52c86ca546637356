//! The same ceremonies by an implementation that is not ours: Yubico's `fido2` for Python.
//!
//! It reads our options and judges what the software authenticator answers to them, with every lie, by its own server;
//! and we judge what is answered to its options. Where `python3` or the package cannot be had, that is said, and nothing
//! is compared.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};
use software_authenticator::{
    Authenticator, BACKED_UP, BACKUP_ELIGIBLE, EXTENSIONS, Kind, Lies, Statement, USER_PRESENT, USER_VERIFIED,
};
use webauthn::{
    AuthenticationResponse, Policy, Refusal, RegistrationResponse, RelyingParty, Settings, UserVerification,
};

use crate::{ANA, ORIGIN, creation, now, party, request};

/// The version that was looked at.
const PACKAGE: &str = "fido2==2.2.1";

/// Two tests of one binary make one folder.
static MAKING: Mutex<()> = Mutex::new(());

const JUDGE: &str = include_str!("second_opinion.py");

#[test]
fn a_second_implementation_says_the_same() {
    let Some(python) = python() else { return };
    let party = party(Policy { user_verification: UserVerification::Required, ..Policy::default() });
    let mut cases = Vec::new();
    let mut ours = Vec::new();
    for kind in [Kind::Es256, Kind::EdDsa, Kind::Rs256] {
        for statement in [Statement::None, Statement::SelfSigned] {
            for lies in lies() {
                let made = registration(&party, kind, &statement, &lies);
                ours.push((made.1, format!("registration {kind:?} {lies:?}")));
                cases.push(made.0);
            }
        }
        for lies in lies() {
            let made = authentication(&party, kind, &lies);
            ours.push((made.1, format!("authentication {kind:?} {lies:?}")));
            cases.push(made.0);
        }
    }
    let theirs = judge(&python, &json!({ "judge": cases }));
    let theirs = theirs["judged"].as_array().unwrap();
    assert_eq!(theirs.len(), ours.len());
    for (theirs, (ours, what)) in theirs.iter().zip(&ours) {
        match (ours, theirs.as_str()) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            // Where we are stricter: it has no word on who has the credential, counters, frames and what follows CBOR.
            (Err(refusal), None) if is_stricter(refusal) => {}
            (ours, theirs) => panic!("{what}: we say {ours:?}, they say {theirs:?}"),
        }
    }
    assert!(theirs.iter().any(Value::is_null), "they refuse everything: {theirs:?}");
    assert!(theirs.iter().any(Value::is_string), "they take everything");
}

#[test]
fn options_of_a_second_implementation_are_answered_and_judged() {
    let Some(python) = python() else { return };
    let begun = judge(&python, &json!({ "begin": { "user": "YW5hJ3Mgc2l4dGVlbiBieQ" } }));
    let ours = RelyingParty::new(Settings {
        name: "Example".to_owned(),
        ids: vec!["example.org".to_owned()],
        origins: vec![ORIGIN.to_owned()],
        policy: Policy::default(),
    })
    .unwrap();
    // Their options, their challenge: our state with the challenge that they chose.
    let mut key = Authenticator::security_key();
    let (_, state) = creation(&ours, &[]);
    let mut state = serde_json::to_value(state).unwrap();
    state["challenge"] = begun["creation"]["challenge"].clone();
    let state = serde_json::from_value(state).unwrap();
    let response = key.create(&begun["creation"], ORIGIN, &Lies::default()).unwrap().to_string();
    let response = RegistrationResponse::parse(&response).unwrap();
    let credential = ours.finish_registration(&state, &response, now()).unwrap().credential;

    let (_, state) = request(&ours, std::slice::from_ref(&credential));
    let mut state = serde_json::to_value(state).unwrap();
    state["challenge"] = begun["request"]["challenge"].clone();
    let state = serde_json::from_value(state).unwrap();
    let response = key.get(&begun["request"], ORIGIN, &Lies::default()).unwrap().to_string();
    let response = AuthenticationResponse::parse(&response).unwrap();
    ours.finish_authentication(&state, &response, &ANA, &credential).unwrap();
}

fn is_stricter(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::UserHandle
            | Refusal::Cloned
            | Refusal::CrossOrigin
            | Refusal::BackupFlags
            | Refusal::BackupEligibilityChanged
            | Refusal::CredentialId
            | Refusal::Origin
    )
}

/// One lie about each thing that both implementations look at.
fn lies() -> Vec<Lies> {
    let honest = Lies::default;
    vec![
        honest(),
        Lies { kind: Some("webauthn.other".to_owned()), ..honest() },
        Lies { challenge: Some(vec![1; 32]), ..honest() },
        Lies { origin: Some("https://evil.example".to_owned()), ..honest() },
        Lies { origin: Some("http://login.example.org".to_owned()), ..honest() },
        Lies { cross_origin: true, ..honest() },
        Lies { rp_id: Some("evil.example".to_owned()), ..honest() },
        Lies { flipped: USER_PRESENT, ..honest() },
        Lies { flipped: USER_VERIFIED, ..honest() },
        Lies { flipped: BACKED_UP, ..honest() },
        Lies { flipped: BACKUP_ELIGIBLE | BACKED_UP, ..honest() },
        Lies { flipped: EXTENSIONS, ..honest() },
        Lies { counter: Some(0), ..honest() },
        Lies { after_data: vec![0], ..honest() },
        Lies { after_object: vec![0], ..honest() },
        Lies { extensions: vec![0xa0], ..honest() },
        Lies { statement_signature: Some(vec![1; 64]), ..honest() },
        Lies { signature: Some(vec![1; 64]), ..honest() },
        Lies { user_handle: Some(b"ben's sixteen by".to_vec()), ..honest() },
    ]
}

/// A registration with these lies: what the other implementation is given, and what ours says.
fn registration(party: &RelyingParty, kind: Kind, statement: &Statement, lies: &Lies) -> (Value, Result<(), Refusal>) {
    let mut key = Authenticator { kinds: vec![kind], statement: statement.clone(), ..Authenticator::security_key() };
    let (options, state) = creation(party, &[]);
    let response = key.create(&options, ORIGIN, lies).unwrap();
    let parsed = RegistrationResponse::parse(&response.to_string()).unwrap();
    let ours = party.finish_registration(&state, &parsed, now()).map(drop);
    (json!({ "options": options, "response": response }), ours)
}

/// An authentication with these lies.
fn authentication(party: &RelyingParty, kind: Kind, lies: &Lies) -> (Value, Result<(), Refusal>) {
    let mut key = Authenticator { kinds: vec![kind], ..Authenticator::security_key() };
    let (creation_options, state) = creation(party, &[]);
    let registration = key.create(&creation_options, ORIGIN, &Lies::default()).unwrap();
    let parsed = RegistrationResponse::parse(&registration.to_string()).unwrap();
    let credential = party.finish_registration(&state, &parsed, now()).unwrap().credential;
    let (options, state) = request(party, std::slice::from_ref(&credential));
    let response = key.get(&options, ORIGIN, lies).unwrap();
    let parsed = AuthenticationResponse::parse(&response.to_string()).unwrap();
    let ours = party.finish_authentication(&state, &parsed, &ANA, &credential).map(drop);
    (json!({ "options": options, "response": response, "registration": registration }), ours)
}

fn judge(python: &Path, question: &Value) -> Value {
    let mut child =
        Command::new(python).args(["-c", JUDGE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the second opinion broke off");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A Python that has the package: in an environment of its own under target/, made the first time.
fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace("==", "-"));
    let python = folder.join("bin/python3");
    let has_it = |python: &Path| {
        let import = Command::new(python).args(["-c", "import fido2.server"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    };
    let _making = MAKING.lock().unwrap();
    if has_it(&python) {
        return Some(python);
    }
    let quietly = |program: &Path, arguments: &[&str]| {
        let run = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let folder_text = folder.to_str().unwrap();
    if !quietly(Path::new("python3"), &["-m", "venv", "--clear", folder_text]) {
        println!("no second opinion: there is no python3 with venv here");
        return None;
    }
    if !quietly(&python, &["-m", "pip", "install", "--disable-pip-version-check", "--timeout", "30", PACKAGE]) {
        println!("no second opinion: {PACKAGE} could not be had from PyPI");
        return None;
    }
    has_it(&python).then_some(python)
}
