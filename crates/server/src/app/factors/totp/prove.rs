//! One question to the vault, with every key that the code could be of.

use domain::Authenticator;
use store::Used;
use vault_proto::{CheckOtp, OtpCandidate, Outcome, Reply, Secret, Verb};

use super::super::{Against, Judgement, Right};
use super::{binding, params};
use crate::app::proof::Given;
use crate::app::vault::unexpected;
use crate::app::{App, Error};

/// Time steps that a code may be early or late.
const DRIFT: u8 = 1;
/// Codes that may have been made and not used, where they are counted (RFC 4226 §7.4).
const LOOK_AHEAD: u8 = 10;

pub(super) async fn judge(app: &App, given: &Given, against: &Against<'_>) -> Result<Judgement, Error> {
    let Given::Otp(code) = given else { return Ok(Judgement::Wrong("another_kind")) };
    let candidates: Vec<OtpCandidate> = against.authenticators.iter().filter_map(|a| candidate(a)).collect();
    if candidates.len() != against.authenticators.len() {
        return Err(Error::Internal("an authenticator is considered that has no key".to_owned()));
    }
    let question = || {
        Verb::CheckOtp(CheckOtp {
            candidates: candidates.clone(),
            code: Secret(code.as_str().as_bytes().to_vec()),
            drift: DRIFT,
            look_ahead: LOOK_AHEAD,
            assertion: against.claims.clone(),
        })
    };
    let reply = app.vault.ask(question).await?;
    let Reply::Checked { outcome, assertion } = reply else { return Err(unexpected(&reply)) };
    Ok(match outcome {
        Outcome::Right { index, step } => {
            Judgement::Right(Right::plain(usize::from(index), Used::Step(step), assertion))
        }
        Outcome::Wrong => Judgement::Wrong("wrong"),
        Outcome::Replayed { .. } => Judgement::Wrong("replayed"),
        Outcome::Exhausted => Judgement::Wrong("exhausted"),
    })
}

/// A key that a code could be of.
pub(in super::super) fn candidate(authenticator: &Authenticator) -> Option<OtpCandidate> {
    let sealed = authenticator.sealed.as_ref()?;
    Some(OtpCandidate {
        binding: binding(authenticator, sealed.generation)?,
        params: params(sealed)?,
        blob: sealed.blob.clone(),
        last_step: authenticator.last_step,
    })
}
