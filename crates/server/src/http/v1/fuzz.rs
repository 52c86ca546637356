//! What fuzzers give to the readers of bodies. Built for them alone.

use serde::de::DeserializeOwned;

use super::applications::{CreateApiKey, CreateApplication, UpdateApplication};
use super::authenticators::{Rename, Rotate};
use super::challenges::NewChallenge;
use super::devices::CreateDevice;
use super::enrollments::NewEnrollment;
use super::pages::CreatePage;
use super::prompts::NewPrompt;
use super::proof::ProofGiven;
use super::sessions::NewSession;
use super::sign_ins::NewSignInAtSite;
use super::testing::MoveClock;
use super::users::{CreateUser, UpdateUser};
use crate::http::body::parse;
use crate::http::problem::Problem;

/// Reads bytes as each of the bodies, and checks what could be read.
pub(crate) fn bodies(bytes: &[u8]) {
    let _ = read::<CreateApplication>(bytes);
    let _ = read::<UpdateApplication>(bytes);
    let _ = read::<CreateApiKey>(bytes);
    let _ = read::<Rename>(bytes);
    let _ = read::<Rotate>(bytes);
    let _ = read::<NewChallenge>(bytes).map(|new| told(new.checked()));
    let _ = read::<ProofGiven>(bytes).map(|given| told(given.checked_with_cnf()));
    let _ = read::<NewPrompt>(bytes);
    let _ = read::<CreateDevice>(bytes);
    let _ = read::<NewEnrollment>(bytes).map(|new| told(new.checked()));
    let _ = read::<CreatePage>(bytes).map(|new| told(new.checked()));
    let _ = read::<NewSession>(bytes).map(|new| told(new.checked()));
    let _ = read::<NewSignInAtSite>(bytes).map(|new| told(new.checked()));
    let _ = read::<MoveClock>(bytes);
    let _ = read::<CreateUser>(bytes);
    let _ = read::<UpdateUser>(bytes).map(|new| told(new.checked()));
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    told(parse(bytes))
}

/// Whatever is wrong is the caller's fault, and can be told as JSON.
fn told<T>(outcome: Result<T, Problem>) -> Option<T> {
    outcome
        .map_err(|problem| {
            assert!(problem.status.is_client_error(), "{problem:?}");
            assert!(serde_json::to_vec(&problem).is_ok(), "{problem:?}");
        })
        .ok()
}
