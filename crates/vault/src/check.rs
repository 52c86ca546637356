//! Checks one-time passwords.

use otp::{Code, Params};
use vault_proto::{Binding, CheckOtp, OtpCandidate, Outcome, Refusal, Resynchronize, Secret};
use zeroize::Zeroizing;

use crate::clock::Moment;
use crate::guard::{Counted, Guard, Subject};
use crate::keyring::Keyring;
use crate::seal;

/// Keys that one code is compared with.
const MAX_CANDIDATES: usize = 32;
const MAX_DRIFT: u8 = 2;
const MAX_LOOK_AHEAD: u8 = 20;
/// Two codes of six digits are guessed in a window of this size once in a thousand million tries.
const MAX_WINDOW: u16 = 1000;

/// Keys that are nobody's, sealed like any other: what is checked where there is no candidate, so that the same
/// work is done (T-19).
pub(crate) struct Decoy {
    timed: OtpCandidate,
    counted: OtpCandidate,
}

impl Decoy {
    pub(crate) fn new(keyring: &Keyring) -> Result<Self, Refusal> {
        let timed = Params::COMMON;
        let counted =
            Params::counted(timed.algorithm(), timed.digits()).map_err(|error| Refusal::Failed(error.to_string()))?;
        let of = |params| {
            let binding = Binding { user: [0; 16], device: [0; 16], authenticator: [0; 16], generation: 0 };
            let key = crate::crypto::random::<20>()?;
            let blob = seal::seal_key(keyring, &binding, params, key.as_slice())?;
            Ok(OtpCandidate { binding, params, blob, last_step: 0 })
        };
        Ok(Self { timed: of(timed)?, counted: of(counted)? })
    }
}

/// A candidate, opened.
struct Opened {
    index: u16,
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
    let code = read(question)?;
    let is_decoy = question.candidates.is_empty();
    let candidates = if is_decoy { std::slice::from_ref(&decoy.timed) } else { question.candidates.as_slice() };
    let mut opened = open(keyring, candidates)?;
    // The decoy's tries are counted nowhere: its budget would run out.
    guard(&mut |guard| opened.retain_mut(|candidate| candidate.admit(guard, is_decoy)));
    if opened.is_empty() {
        return Ok(Outcome::Exhausted);
    }
    let matches = matches(&opened, &code, question, now);
    if is_decoy {
        return Ok(Outcome::Wrong);
    }
    let mut outcome = Outcome::Wrong;
    guard(&mut |guard| outcome = settle(guard, &opened, &matches));
    Ok(outcome)
}

/// Looks for two codes in a row further ahead than [`check`] does. `guard` is as there.
pub(crate) fn resynchronize(
    keyring: &Keyring,
    decoy: &Decoy,
    question: &Resynchronize,
    guard: impl Fn(&mut dyn FnMut(&mut Guard)),
) -> Result<Outcome, Refusal> {
    let Resynchronize { candidate, codes: [first, second], window } = question;
    let (first, second) = (parse(first)?, parse(second)?);
    if !(1..=MAX_WINDOW).contains(window) {
        return malformed("a window has 1 to 1,000 steps");
    }
    let is_decoy = candidate.is_none();
    let candidate = candidate.as_ref().unwrap_or(&decoy.counted);
    if !candidate.params.is_counted() {
        return malformed("only counted steps get out of step");
    }
    let mut opened = open(keyring, std::slice::from_ref(candidate))?;
    guard(&mut |guard| opened.retain_mut(|candidate| candidate.admit(guard, is_decoy)));
    let Some(opened) = opened.first() else { return Ok(Outcome::Exhausted) };
    let found = opened.params.resynchronized(&opened.key, [&first, &second], opened.last_step, *window);
    let (Some(step), false) = (found, is_decoy) else { return Ok(Outcome::Wrong) };
    let mut outcome = Outcome::Wrong;
    guard(&mut |guard| {
        // Whoever was faster has used them: that is no guess.
        guard.refund(opened.subject);
        outcome = Outcome::Replayed { index: 0 };
        if guard.consume_all(opened.subject, step, step + 1, opened.params.period()) {
            guard.clear(opened.subject);
            outcome = Outcome::Right { index: 0, step: step + 1 };
        }
    });
    Ok(outcome)
}

fn read(question: &CheckOtp) -> Result<Code, Refusal> {
    if question.candidates.len() > MAX_CANDIDATES {
        return malformed("at most 32 candidates are checked");
    }
    if question.drift > MAX_DRIFT {
        return malformed("at most 2 steps of drift are allowed");
    }
    if question.look_ahead > MAX_LOOK_AHEAD {
        return malformed("at most 20 steps may have been left out");
    }
    parse(&question.code)
}

/// Reads the code that a person typed.
pub(crate) fn parse(code: &Secret) -> Result<Code, Refusal> {
    match std::str::from_utf8(&code.0).ok().and_then(Code::parse) {
        Some(code) => Ok(code),
        None => malformed("not the shape of a code"),
    }
}

fn malformed<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal::Malformed(what.to_owned()))
}

fn open(keyring: &Keyring, candidates: &[OtpCandidate]) -> Result<Vec<Opened>, Refusal> {
    let mut opened = Vec::with_capacity(candidates.len());
    for (index, candidate) in (0..).zip(candidates) {
        let OtpCandidate { binding, params, blob, last_step } = candidate;
        let key = seal::open_key(keyring, binding, *params, blob)?;
        let (params, last_step) = (*params, *last_step);
        opened.push(Opened { index, key, params, last_step, subject: Subject::default() });
    }
    Ok(opened)
}

impl Opened {
    /// Whether it may be checked: counts the try as a failure before it is made. What the vault knows to be used counts
    /// beside what the store knows: where steps are counted, the search begins after it.
    fn admit(&mut self, guard: &mut Guard, is_decoy: bool) -> bool {
        self.subject = guard.subject(&Counted::Key(&self.key));
        if is_decoy {
            return true;
        }
        let Some(highest) = guard.charge(self.subject) else { return false };
        self.last_step = self.last_step.max(highest);
        true
    }
}

fn matches<'a>(opened: &'a [Opened], code: &Code, question: &CheckOtp, now: Moment) -> Vec<Match<'a>> {
    opened
        .iter()
        .filter_map(|opened| {
            let Opened { params, key, last_step, .. } = opened;
            let step = if params.is_counted() {
                params.next_step(key, code, *last_step, question.look_ahead)
            } else {
                params.matching_step(key, code, params.step_at(now.unix_seconds()), question.drift)
            };
            Some(Match { opened, step: step? })
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
