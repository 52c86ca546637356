//! Proofs are asked for and given: right and wrong, used before, of somebody else, for something else.

use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::{Value, json};
use software_authenticator::Lies;

use super::super::ORIGIN;
use super::super::person::{Device, Holding, Person, State};
use super::super::policy::{Kind, pick};
use super::super::reference::{About, Proof};
use super::answers::{disagree, hold, newest, same, text, time};
use super::{Challenge, Given, Ground, Lost, Required, Step, Trouble, Walker};
use crate::harness::{Noise, Phone, id, real_now};

impl Walker {
    pub(super) async fn challenge(&mut self, ground: &Ground, whose: usize) -> Step {
        let Some(session) = self.session(whose) else { return Ok(()) };
        let about = About { vault: None, ..self.about() };
        let session_id = self.people[whose].sessions[session].id.clone();
        let required = (self.noise.below(3) == 0).then(|| json!({ "aal": format!("aal{}", 1 + self.noise.below(3)) }));
        let body = json!({ "session_id": session_id, "action": about.action, "context": about.context(), "required": required });
        let (answer, span) = self.call(ground, "make a challenge", "/v1/challenges", Some(body)).await?;
        let live = span.map(|at| self.people[whose].sessions[session].is_live(at));
        match (live, answer.status) {
            ([true, _] | [_, true], 201) => {
                self.keep(&answer.json(), whose, session_id, about);
                Ok(())
            }
            ([false, _] | [_, false], 404 | 410) => Ok(()),
            _ => hold(ground, &answer, if live[0] { 201 } else { 410 }).map(drop),
        }
    }

    pub(super) fn keep(&mut self, made: &Value, whose: usize, session: String, about: About) {
        let required = made["required"].as_object().map(|required| Required {
            aal: required.get("aal").and_then(Value::as_str).map_or(1, level),
            kinds: required.get("kinds").and_then(Value::as_array).into_iter().flatten().map(text).collect(),
            phishing_resistant: required.get("phishing_resistant") == Some(&json!(true)),
        });
        self.challenges.push(Challenge {
            id: id(made),
            whose,
            session,
            about,
            required,
            expires_at: time(&made["expires_at"]),
            is_over: false,
            satisfied: None,
            used: false,
            failures: 0,
        });
    }

    pub(super) async fn cancel(&mut self, ground: &Ground) -> Step {
        if self.challenges.is_empty() {
            return Ok(());
        }
        let one = pick(&mut self.noise, self.challenges.len());
        let path = format!("/v1/challenges/{}", self.challenges[one].id);
        let decision = Lost::Decision { challenge: self.challenges[one].id.clone() };
        self.lost = decision;
        let (answer, span) = self.call_by(ground, "cancel a challenge", Method::DELETE, &path, None).await?;
        self.lost = Lost::Nothing;
        let challenge = &mut self.challenges[one];
        let open = span.map(|at| challenge.is_open(at));
        match (open, answer.status) {
            ([true, _] | [_, true], 204) => {
                challenge.is_over = true;
                Ok(())
            }
            ([false, _] | [_, false], 404 | 410) => Ok(()),
            _ => hold(ground, &answer, if open[0] { 204 } else { 410 }).map(drop),
        }
    }

    /// Gives some proof, right or not, for some challenge.
    pub(super) async fn prove(&mut self, ground: &Ground) -> Step {
        if self.challenges.is_empty() {
            return Ok(());
        }
        let (count, now) = (self.challenges.len(), real_now() + ground.moved);
        let open = self.challenges.iter().rposition(|challenge| challenge.is_open(now));
        let one = open.filter(|_| self.noise.below(6) > 0).unwrap_or_else(|| pick(&mut self.noise, count));
        if self.challenges[one].failures >= 4 {
            self.challenges.remove(one);
            return Ok(());
        }
        let Some(given) = self.given(ground, one).await? else { return Ok(()) };
        self.give(ground, one, given).await
    }

    pub(super) async fn give(&mut self, ground: &Ground, one: usize, given: Given) -> Step {
        let Given { body, of, right, what, step } = given;
        let path = format!("/v1/challenges/{}/verify", self.challenges[one].id);
        let code = body["code"].as_str().map(str::to_owned);
        self.lost = Lost::Verify { challenge: one, of, step, code: code.clone() };
        let (answer, span) = self.call(ground, what, &path, Some(body)).await?;
        self.lost = Lost::Nothing;
        let accepted = span.map(|at| self.would_count(one, of, right, at));
        match (accepted, answer.status) {
            ([Some(true) | None, _] | [_, Some(true) | None], 200) => {
                self.proved(one, of, step, code.as_deref(), &answer.json())
            }
            ([Some(false) | None, _] | [_, Some(false) | None], 404 | 410 | 422) => {
                self.refused(one);
                Ok(())
            }
            _ if ground.storm.load(Ordering::SeqCst) && answer.status != 200 => Err(Trouble::Lost),
            _ => {
                let opinion = if accepted[0] == Some(true) { "accepts" } else { "refuses" };
                disagree(format!("the model {opinion} {what}, the program says {answer}"))
            }
        }
    }

    /// Whether a proof would count at a time; `None` where that cannot be told.
    pub(super) fn would_count(
        &self,
        one: usize,
        of: Option<(usize, usize)>,
        right: Option<bool>,
        at: i64,
    ) -> Option<bool> {
        let challenge = &self.challenges[one];
        let person = &self.people[challenge.whose];
        let live = person.sessions.iter().find(|session| session.id == challenge.session).map(|s| s.is_live(at));
        let open = challenge.is_open(at);
        let theirs = of.filter(|(whose, _)| *whose == challenge.whose).map(|(_, held)| &person.holds[held]);
        let enough = theirs.is_some_and(|held| {
            held.state == State::Active
                && challenge.required.as_ref().is_none_or(|required| {
                    let kind = held.sort.kind();
                    (required.kinds.is_empty() || required.kinds.contains(kind.name()))
                        && held.sort.level(true) >= required.aal
                        && (!required.phishing_resistant || kind == Kind::Webauthn)
                })
        });
        // A session that the model has forgotten may still count.
        let live = live.unwrap_or(true);
        if open && live && !person.suspended && enough { right } else { Some(false) }
    }

    pub(super) fn proved(
        &mut self,
        one: usize,
        of: Option<(usize, usize)>,
        step: Option<i64>,
        code: Option<&str>,
        answer: &Value,
    ) -> Step {
        let Some((whose, held)) = of else { return disagree("nobody's proof was accepted".to_owned()) };
        *self.counts.entry("  accepted").or_default() += 1;
        let person = &mut self.people[whose];
        let at = newest(&answer["session"], &person.holds[held].id);
        person.use_up(held, step, code);
        let Holding { id, sort, .. } = &person.holds[held];
        let proof = Proof { authenticator_id: id.clone(), sort: *sort, at };
        let challenge = &mut self.challenges[one];
        challenge.satisfied = Some(proof);
        let session = person.sessions.iter().position(|session| session.id == challenge.session);
        let Some(session) = session else { return Ok(()) };
        person.raise(session, held, at);
        let by = &answer["authenticator"]["id"];
        if *by != person.holds[held].id.as_str() {
            return disagree(format!("the proof was of {}, and counted as of {by}", self.people[whose].holds[held].id));
        }
        same(&answer["session"], &self.people[whose].sessions[session])
    }

    pub(super) fn refused(&mut self, one: usize) {
        *self.counts.entry("  refused").or_default() += 1;
        let challenge = &mut self.challenges[one];
        challenge.failures += 1;
        for held in &mut self.people[challenge.whose].holds {
            held.failures += 1;
        }
    }

    /// Makes up a proof for a challenge; `None` where what came to mind is not to be had.
    pub(super) async fn given(&mut self, ground: &Ground, one: usize) -> Step<Option<Given>> {
        let whose = self.challenges[one].whose;
        let now = real_now() + ground.moved;
        let right = self.noise.below(10) < 7;
        let from = if right || self.noise.below(3) > 0 { whose } else { 1 - whose };
        if !right && !self.people[whose].can_fail() {
            return Ok(None);
        }
        let count = self.people[from].holds.len();
        if count == 0 {
            return Ok(None);
        }
        let held = pick(&mut self.noise, count);
        let is_right = right || from != whose;
        let mut given = match &self.people[from].holds[held].device {
            Device::Key(_) => return self.given_by_key(ground, one, from, held, right).await,
            Device::App(phone, last) if is_right => code_of_app(phone, *last, now, &mut self.noise),
            // One that was used, or that is of no step near.
            Device::App(phone, last) if self.noise.below(2) == 0 => {
                Some(("give a used code", phone.code_at(last * 30_000), Some(false), Some(*last)))
            }
            Device::App(phone, _) => Some(("give a wrong code", phone.wrong_code(now), Some(false), None)),
            Device::Paper(codes, _) if is_right => {
                codes.last().map(|code| ("give a backup code", code.clone(), Some(true), None))
            }
            Device::Paper(_, used) => {
                used.back().map(|code| ("give a used backup code", code.clone(), Some(false), None))
            }
        }
        .map(|(what, code, right, step)| Given {
            body: json!({ "code": code }),
            of: Some((from, held)),
            right,
            what,
            step,
        });
        if let Some(given) = &mut given {
            if from != whose {
                given.what = "give somebody else's code";
            }
            // Whoever's app it is of, a code may be right of another one by chance.
            let code = given.body["code"].as_str().unwrap_or_default();
            let others = self.people[whose].holds.iter().enumerate().filter(|(n, _)| (whose, *n) != (from, held));
            let by_chance = others.filter_map(|(_, held)| match &held.device {
                Device::App(phone, _) => Some(phone),
                _ => None,
            });
            let mut by_chance = by_chance.flat_map(|phone| (-2..=2).map(|steps| phone.code_near(now, steps)));
            if by_chance.any(|other| other == code) {
                return Ok(None);
            }
        }
        Ok(given.filter(|given| given.right != Some(true) || self.people[whose].can_fail()))
    }

    /// What a passkey or a security key answers: to what was asked for this challenge, or to something else.
    pub(super) async fn given_by_key(
        &mut self,
        ground: &Ground,
        one: usize,
        from: usize,
        held: usize,
        right: bool,
    ) -> Step<Option<Given>> {
        let path = format!("/v1/challenges/{}/prompts", self.challenges[one].id);
        let (answer, _) = self.call(ground, "ask for a passkey", &path, Some(json!({ "kind": "webauthn" }))).await?;
        if matches!(answer.status, 404 | 410) {
            // It is over, as the proof would be told.
            return Ok(None);
        }
        let prompt = hold(ground, &answer, 201)?;
        let answered = if right { prompt.clone() } else { self.swapped(ground, one, &prompt).await? };
        let Device::Key(key) = &mut self.people[from].holds[held].device else { return Ok(None) };
        let Ok(response) = key.get_by_last(&answered["webauthn"], ORIGIN, &Lies::default()) else { return Ok(None) };
        let swapped = answered["id"] != prompt["id"];
        let body = json!({ "webauthn": response, "prompt_id": prompt["id"] });
        let what = if swapped { "give what answers another challenge" } else { "give what a passkey answers" };
        Ok(Some(Given { body, of: Some((from, held)), right: Some(!swapped), what, step: None }))
    }

    /// What is asked for another challenge.
    pub(super) async fn swapped(&mut self, ground: &Ground, one: usize, prompt: &Value) -> Step<Value> {
        let other = pick(&mut self.noise, self.challenges.len());
        if other == one {
            return Ok(prompt.clone());
        }
        let path = format!("/v1/challenges/{}/prompts", self.challenges[other].id);
        let (answer, _) = self.call(ground, "ask for a passkey", &path, Some(json!({ "kind": "webauthn" }))).await?;
        Ok(if answer.status == 201 { answer.json() } else { prompt.clone() })
    }
}

/// A code of an app that was not used: of this step or a neighbouring one.
fn code_of_app(
    phone: &Phone,
    last: i64,
    now: i64,
    noise: &mut Noise,
) -> Option<(&'static str, String, Option<bool>, Option<i64>)> {
    let present = now / 30_000;
    let step = present - 1 + i64::try_from(noise.below(3)).ok()?;
    // At the end of a step it cannot be told which one it is when the code arrives.
    let right = if now % 30_000 > 25_000 && step < present { None } else { Some(step > last) };
    Some(("give a code", phone.code_at(step * 30_000), right, Some(step)))
}

fn level(name: &str) -> u8 {
    name.strip_prefix("aal").and_then(|level| level.parse().ok()).unwrap_or(1)
}

impl Challenge {
    pub(super) fn is_open(&self, at: i64) -> bool {
        !self.is_over && self.satisfied.is_none() && at < self.expires_at
    }

    /// Whether a decision can still rest on it.
    pub(super) fn can_serve(&self, at: i64) -> bool {
        !self.used && self.satisfied.as_ref().is_some_and(|proof| at - proof.at <= 300_000)
    }
}

impl Person {
    /// What can be used once is used up, and what failed before is forgotten.
    pub(super) fn use_up(&mut self, held: usize, step: Option<i64>, code: Option<&str>) {
        let held = &mut self.holds[held];
        held.failures = 0;
        match &mut held.device {
            Device::App(_, last) => *last = step.unwrap_or(*last),
            Device::Paper(codes, used) => {
                codes.retain(|left| Some(left.as_str()) != code);
                used.extend(code.map(str::to_owned));
            }
            Device::Key(_) => {}
        }
    }
}
