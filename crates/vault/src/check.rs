//! Checks one-time passwords.

use otp::{Code, Params};
use vault_proto::{Binding, CheckOtp, OtpCandidate, Outcome, Refusal};
use zeroize::Zeroizing;

use crate::clock::Moment;
use crate::guard::{Guard, Subject};
use crate::keyring::Keyring;
use crate::seal;

/// Keys that one code is compared with.
const MAX_CANDIDATES: usize = 32;
const MAX_DRIFT: u8 = 2;

/// A key that is nobody's, sealed like any other: what is checked where there is no candidate, so that the same
/// work is done (T-19).
pub(crate) struct Decoy(OtpCandidate);

impl Decoy {
    pub(crate) fn new(keyring: &Keyring) -> Result<Self, Refusal> {
        let params = Params::COMMON;
        let binding = Binding { user: [0; 16], device: [0; 16], authenticator: [0; 16], generation: 0 };
        let key = crate::crypto::random::<20>()?;
        let blob = seal::seal_key(keyring, &binding, params, key.as_slice())?;
        Ok(Self(OtpCandidate { binding, params, blob, last_step: 0 }))
    }
}

/// A candidate, opened.
struct Opened {
    index: u16,
    binding: Binding,
    key: Zeroizing<Vec<u8>>,
    params: Params,
    last_step: i64,
    subject: Subject,
}

/// A code that is right, before anybody asked whether it was used.
struct Match<'a> {
    opened: &'a Opened,
    step: i64,
}

/// Checks a code. `guard` gives access to the guard for as long as each of two short turns takes.
pub(crate) fn check(
    keyring: &Keyring,
    decoy: &Decoy,
    question: &CheckOtp,
    now: Moment,
    guard: impl Fn(&mut dyn FnMut(&mut Guard)),
) -> Result<Outcome, Refusal> {
    let code = parse(question)?;
    let is_decoy = question.candidates.is_empty();
    let candidates = if is_decoy { std::slice::from_ref(&decoy.0) } else { question.candidates.as_slice() };
    let mut opened = open(keyring, candidates)?;
    // The decoy's tries are counted nowhere: its budget would run out.
    guard(&mut |guard| opened.retain_mut(|candidate| candidate.admit(guard, is_decoy)));
    if opened.is_empty() {
        return Ok(Outcome::Exhausted);
    }
    let matches = matches(&opened, &code, question.drift, now);
    if is_decoy {
        return Ok(Outcome::Wrong);
    }
    let mut outcome = Outcome::Wrong;
    guard(&mut |guard| outcome = settle(guard, &opened, &matches));
    Ok(outcome)
}

fn parse(question: &CheckOtp) -> Result<Code, Refusal> {
    let malformed = |what: &str| Err(Refusal::Malformed(what.to_owned()));
    if question.candidates.len() > MAX_CANDIDATES {
        return malformed("at most 32 candidates are checked");
    }
    if question.drift > MAX_DRIFT {
        return malformed("at most 2 steps of drift are allowed");
    }
    match std::str::from_utf8(&question.code.0).ok().and_then(Code::parse) {
        Some(code) => Ok(code),
        None => malformed("not the shape of a code"),
    }
}

fn open(keyring: &Keyring, candidates: &[OtpCandidate]) -> Result<Vec<Opened>, Refusal> {
    let mut opened = Vec::with_capacity(candidates.len());
    for (index, candidate) in (0..).zip(candidates) {
        let OtpCandidate { binding, params, blob, last_step } = candidate;
        let key = seal::open_key(keyring, binding, *params, blob)?;
        let (binding, params, last_step) = (*binding, *params, *last_step);
        opened.push(Opened { index, binding, key, params, last_step, subject: Subject::default() });
    }
    Ok(opened)
}

impl Opened {
    /// Whether it may be checked: counts the try as a failure before it is made.
    fn admit(&mut self, guard: &mut Guard, is_decoy: bool) -> bool {
        self.subject = guard.subject(&self.binding.authenticator, self.binding.generation);
        is_decoy || guard.charge(self.subject)
    }
}

fn matches<'a>(opened: &'a [Opened], code: &Code, drift: u8, now: Moment) -> Vec<Match<'a>> {
    opened
        .iter()
        .filter_map(|opened| {
            let around = opened.params.step_at(now.unix_seconds());
            let step = opened.params.matching_step(&opened.key, code, around, drift)?;
            Some(Match { opened, step })
        })
        .collect()
}

/// Only the first match counts. The keys before it were compared and found wrong: their tries stay counted. Those after
/// it count as not compared, and nothing is said of them: else whoever has one key of their own could put it beside
/// another's and guess at that for nothing (T-28). So the server names the key first that was proved last.
fn settle(guard: &mut Guard, opened: &[Opened], matches: &[Match<'_>]) -> Outcome {
    let Some(found) = matches.first() else { return Outcome::Wrong };
    let &Opened { index, subject, params, last_step, .. } = found.opened;
    for later in opened.iter().filter(|candidate| candidate.index >= index) {
        guard.refund(later.subject);
    }
    // A right code that was used is not a guess, and costs nothing.
    if found.step > last_step && guard.consume(subject, found.step, params.period()) {
        guard.clear(subject);
        return Outcome::Right { index, step: found.step };
    }
    Outcome::Replayed { index }
}
