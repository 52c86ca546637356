//! One walk: two people who do whatever comes to the noise's mind, and whoever attacks them, against the model.

mod answers;
mod authenticators;
mod decisions;
mod people;
mod proofs;
mod settle;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::Value;

use super::person::{Device, Person};
use super::policy::{AGES, Policy, pick};
use super::reference::{About, Proof, Sort};
use crate::harness::{Answer, Api, Noise, real_now};

/// What everybody walks on.
pub(super) struct Ground {
    pub(super) api: Api,
    pub(super) policy: Policy,
    /// How far the clock was moved, in milliseconds.
    pub(super) moved: i64,
    /// Set just before something is killed: from then on an answer may be missing, or a refusal.
    pub(super) storm: AtomicBool,
}

/// Why a step came to no end.
pub(super) enum Trouble {
    /// The program and the model do not agree.
    Disagreement(String),
    /// There was no answer, as is right when something was killed.
    Lost,
}

type Step<T = ()> = Result<T, Trouble>;

/// A challenge, as the model knows it.
struct Challenge {
    id: String,
    whose: usize,
    /// The session that it raises, by its id.
    session: String,
    about: About,
    required: Option<Required>,
    expires_at: i64,
    is_over: bool,
    satisfied: Option<Proof>,
    /// A decision rested on it.
    used: bool,
    /// Refused proofs, those that may not have counted too. Five end it.
    failures: u32,
}

struct Required {
    aal: u8,
    kinds: BTreeSet<String>,
    phishing_resistant: bool,
}

/// An enrollment that was begun.
struct Begun {
    id: String,
    whose: usize,
    session: String,
    authenticator_id: String,
    sort: Sort,
    device: Device,
    prompt: Value,
    created_at: i64,
    expires_at: i64,
    failures: u32,
}

/// A proof that is about to be given.
struct Given {
    body: Value,
    /// Which of whose authenticators it is of.
    of: Option<(usize, usize)>,
    /// Whether it is right; `None` where the clock may say either.
    right: Option<bool>,
    what: &'static str,
    step: Option<i64>,
}

/// What an answer that was lost may have changed.
#[derive(Clone)]
enum Lost {
    Nothing,
    Verify {
        challenge: usize,
        of: Option<(usize, usize)>,
        step: Option<i64>,
        code: Option<String>,
    },
    Session {
        whose: usize,
        session: usize,
    },
    Holding {
        whose: usize,
        held: usize,
    },
    User {
        whose: usize,
    },
    Decision {
        challenge: String,
    },
    /// Enrolled or not: the person is left alone from then on.
    Person {
        whose: usize,
    },
}

pub(super) struct Walker {
    name: String,
    noise: Noise,
    people: Vec<Person>,
    challenges: Vec<Challenge>,
    begun: Option<Begun>,
    lost: Lost,
    generation: usize,
    /// How many of each kind of step there were, and of each outcome.
    pub(super) counts: BTreeMap<&'static str, usize>,
    told: VecDeque<String>,
}

const TOLD: usize = 40;

impl Walker {
    pub(super) fn new(name: String, noise: Noise) -> Self {
        Self {
            name,
            noise,
            people: Vec::new(),
            challenges: Vec::new(),
            begun: None,
            lost: Lost::Nothing,
            generation: 0,
            counts: BTreeMap::new(),
            told: VecDeque::new(),
        }
    }

    /// Takes so many steps, or as many as there are until something is killed.
    pub(super) async fn walk(&mut self, ground: &Ground, steps: usize) -> Result<(), String> {
        let mut result = self.settle(ground).await;
        for _ in 0..steps {
            if result.is_err() || ground.storm.load(Ordering::SeqCst) {
                break;
            }
            result = self.step(ground).await;
        }
        match result {
            Ok(()) => Ok(()),
            Err(Trouble::Lost) if ground.storm.load(Ordering::SeqCst) => Ok(()),
            Err(Trouble::Lost) => Err(self.report("an answer was lost though nothing was killed")),
            Err(Trouble::Disagreement(what)) => Err(self.report(&what)),
        }
    }

    fn report(&self, what: &str) -> String {
        let told = self.told.iter().fold(String::new(), |told, line| told + line + "\n");
        format!("walk {}: {what}\nits last steps:\n{told}", self.name)
    }

    async fn step(&mut self, ground: &Ground) -> Step {
        if self.people.len() < 2 {
            return self.appear(ground).await;
        }
        let old = self.challenges.len().saturating_sub(8);
        self.challenges.drain(..old);
        let whose = pick(&mut self.noise, 2);
        let now = real_now() + ground.moved;
        let person = &self.people[whose];
        let has_nothing = person.has().is_empty();
        // Whoever has nothing enrolls, and that takes a fresh log-in.
        let will_do = |at: i64| !has_nothing || now - at < 15 * 60_000;
        let is_in = person.sessions.iter().any(|session| session.is_live(now) && will_do(session.login_at));
        let is_asked = self.challenges.iter().any(|challenge| challenge.is_open(now));
        // Mostly on with what there is to do, so that walks get somewhere; and now and then whatever else can be done.
        match self.noise.below(100) {
            0..=39 if person.suspended => self.suspend_or_resume(ground, whose).await,
            0..=78 if !is_in => self.log_in(ground, whose).await,
            0..=59 if has_nothing || self.begun.is_some() => self.enroll(ground, whose).await,
            0..=44 if is_asked => self.prove(ground).await,
            45..=47 => self.prove(ground).await,
            0..=79 => self.ask(ground, whose).await,
            80 | 81 => self.challenge(ground, whose).await,
            82..=84 => self.enroll(ground, whose).await,
            85 | 86 => self.put(ground, whose).await,
            87 => self.end_session(ground, whose).await,
            88 if self.noise.below(2) == 0 => self.suspend_or_resume(ground, whose).await,
            88..=92 => self.look(ground, whose).await,
            93 => self.cancel(ground).await,
            94..=97 => self.race(ground, whose).await,
            98 => self.log_in(ground, whose).await,
            _ => {
                self.leave(whose);
                Ok(())
            }
        }
    }

    /// Limits that are ahead: where proofs, challenges, sessions and grace come to their end.
    pub(super) fn limits(&self, now: i64) -> Vec<i64> {
        let sessions = self.people.iter().flat_map(|person| &person.sessions);
        let proofs = sessions.clone().flat_map(|session| &session.proofs);
        let aged = proofs.flat_map(|proof| AGES.map(|age| proof.at + age * 1000));
        let used = self.challenges.iter().filter_map(|challenge| challenge.satisfied.as_ref());
        let challenges = self.challenges.iter().map(|challenge| challenge.expires_at);
        let ends = sessions
            .flat_map(|session| [session.expires_at, session.login_at + 600_000, session.login_at + 8 * 3_600_000]);
        let all = aged.chain(used.map(|proof| proof.at + 300_000)).chain(challenges).chain(ends);
        all.filter(|at| (now..now + 10 * 3_600_000).contains(at)).collect()
    }

    async fn call(
        &mut self,
        ground: &Ground,
        what: &'static str,
        path: &str,
        body: Option<Value>,
    ) -> Step<(Answer, [i64; 2])> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        self.call_by(ground, what, method, path, body).await
    }

    async fn call_by(
        &mut self,
        ground: &Ground,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Step<(Answer, [i64; 2])> {
        *self.counts.entry(what).or_default() += 1;
        let line = format!("{what} {path} {}", body.as_ref().unwrap_or(&Value::Null));
        let before = real_now() + ground.moved;
        let answer = ground.api.ask(method, path, body).await;
        let after = real_now() + ground.moved;
        let said = answer.as_ref().map_or_else(ToString::to_string, |answer| {
            format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body).chars().take(900).collect::<String>())
        });
        self.tell(format!("{line}\n    at {before}..{after}: {said}"));
        match answer {
            Ok(answer) if answer.status == 503 => Err(Trouble::Lost),
            Ok(answer) => Ok((answer, [before, after])),
            Err(_) => Err(Trouble::Lost),
        }
    }

    fn tell(&mut self, line: String) {
        if self.told.len() == TOLD {
            self.told.pop_front();
        }
        self.told.push_back(line);
    }
}
