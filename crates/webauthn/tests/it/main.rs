//! The ceremonies against an authenticator that can lie, and against implementations that are not ours.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it measured"
)]

mod attestation;
mod ceremonies;
mod cost;
mod lies;
mod options;
mod second_opinion;
mod settings;
mod shapes;

use std::time::{Duration, SystemTime};

use serde_json::Value;
use software_authenticator::{Authenticator, Lies};
use webauthn::{
    Account, Asked, Authenticated, Authentication, AuthenticationResponse, Credential, Policy, Refusal, Registered,
    Registration, RegistrationResponse, RelyingParty, Settings, UserHandle, Wishes,
};

const ORIGIN: &str = "https://login.example.org";
const ANA: UserHandle = *b"ana's sixteen by";
const BEN: UserHandle = *b"ben's sixteen by";
const LIFETIME: Duration = Duration::from_mins(2);

/// Noon of a day on which every certificate in these tests is valid.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000)
}

fn settings(policy: Policy) -> Settings {
    Settings {
        name: "Example".to_owned(),
        ids: vec!["example.org".to_owned(), "old.example".to_owned()],
        origins: vec![ORIGIN.to_owned(), "https://old.example".to_owned(), "https://example.com:8443".to_owned()],
        policy,
    }
}

fn party(policy: Policy) -> RelyingParty {
    RelyingParty::new(settings(policy)).unwrap()
}

fn account(handle: UserHandle) -> Account {
    Account { handle, name: "ana@example.org".to_owned(), display_name: "Ana Marić".to_owned() }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// Options for a registration, and its state as the server would read it back.
fn creation(party: &RelyingParty, known: &[Credential]) -> (Value, Registration) {
    let (options, state) = party.begin_registration([7; 32], account(ANA), Wishes::default(), known, LIFETIME);
    (json(&options), serde_json::from_value(json(&state)).unwrap())
}

/// Options for an authentication of Ana, and its state as the server would read it back.
fn request(party: &RelyingParty, known: &[Credential]) -> (Value, Authentication) {
    let asked = Asked { user: Some(ANA), credentials: known, ..Asked::default() };
    let (options, state) = party.begin_authentication([9; 32], asked, LIFETIME);
    (json(&options), serde_json::from_value(json(&state)).unwrap())
}

fn register(
    party: &RelyingParty,
    authenticator: &mut Authenticator,
    origin: &str,
    lies: &Lies,
) -> Result<Registered, Refusal> {
    let (options, state) = creation(party, &[]);
    let response = authenticator.create(&options, origin, lies).unwrap().to_string();
    party.finish_registration(&state, &RegistrationResponse::parse(&response).unwrap(), now())
}

/// Ana's credential in this authenticator.
fn registered(party: &RelyingParty, authenticator: &mut Authenticator) -> Credential {
    register(party, authenticator, ORIGIN, &Lies::default()).unwrap().credential
}

fn authenticate(
    party: &RelyingParty,
    authenticator: &mut Authenticator,
    credential: &Credential,
    lies: &Lies,
) -> Result<Authenticated, Refusal> {
    let (options, state) = request(party, std::slice::from_ref(credential));
    let response = authenticator.get(&options, ORIGIN, lies).unwrap().to_string();
    party.finish_authentication(&state, &AuthenticationResponse::parse(&response).unwrap(), &ANA, credential)
}
