//! Two codes in a row, of a device that ran further ahead than a single code is looked for.

use store::Used;
use vault_proto::{Outcome, Reply, Resynchronize, Secret, Verb};

use super::super::totp::candidate;
use super::super::{Against, Judgement, Right};
use crate::app::proof::Given;
use crate::app::vault::unexpected;
use crate::app::{App, Error};

/// How far ahead a pair is looked for. Two codes of six digits are guessed in it once in a thousand million tries.
const WINDOW: u16 = 1000;

pub(super) async fn judge(app: &App, given: &Given, against: &Against<'_>) -> Result<Judgement, Error> {
    let Given::Pair(_, codes) = given else { return Ok(Judgement::Wrong("another_kind")) };
    let candidate = match against.authenticators.first() {
        Some(authenticator) => Some(
            candidate(authenticator)
                .ok_or_else(|| Error::Internal("an authenticator is considered that has no key".to_owned()))?,
        ),
        None => None,
    };
    let question = || {
        let codes = codes.each_ref().map(|code| Secret(code.as_bytes().to_vec()));
        Verb::Resynchronize(Resynchronize { candidate: candidate.clone(), codes, window: WINDOW })
    };
    let reply = app.vault.ask(question).await?;
    let Reply::Checked { outcome, .. } = reply else { return Err(unexpected(&reply)) };
    Ok(match outcome {
        Outcome::Right { step, .. } => Judgement::Right(Right::plain(0, Used::Step(step), None)),
        Outcome::Wrong => Judgement::Wrong("wrong"),
        Outcome::Replayed { .. } => Judgement::Wrong("replayed"),
        Outcome::Exhausted => Judgement::Wrong("exhausted"),
    })
}
