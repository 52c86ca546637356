//! One walk: two people who do whatever comes to the noise's mind, and whoever attacks them, against the model.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use software_authenticator::{Authenticator, Lies};

use super::ORIGIN;
use super::person::{Device, Holding, Person, Session, State};
use super::policy::{AGES, Kind, Policy, pick};
use super::reference::{About, Amount, Facts, Outcome, Proof, Question, Sort, Verdict, decide, may_enroll};
use crate::harness::{Answer, Api, Noise, Phone, id, millis, real_now};

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
        let is_in = person.sessions.iter().any(|session| session.is_live(now));
        let has_nothing = person.has().is_empty();
        let is_asked = self.challenges.iter().any(|challenge| challenge.is_open(now));
        // Mostly on with what there is to do, so that walks get somewhere; and now and then whatever else can be done.
        match self.noise.below(100) {
            0..=39 if person.suspended => self.suspend_or_resume(ground, whose).await,
            0..=78 if !is_in => self.log_in(ground, whose).await,
            0..=59 if has_nothing || self.begun.is_some() => self.enroll(ground, whose).await,
            0..=44 if is_asked => self.prove(ground).await,
            0..=76 => self.ask(ground, whose).await,
            77..=79 => self.prove(ground).await,
            80 | 81 => self.challenge(ground, whose).await,
            82..=84 => self.enroll(ground, whose).await,
            85 | 86 => self.put(ground, whose).await,
            87 => self.end_session(ground, whose).await,
            88 if self.noise.below(2) == 0 => self.suspend_or_resume(ground, whose).await,
            88..=92 => self.look(ground, whose).await,
            93 => self.cancel(ground).await,
            94..=97 => self.race(ground, whose).await,
            98 => self.log_in(ground, whose).await,
            _ => self.leave(whose),
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

    // ---- asking the program

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

    /// That the status is as it should be. In a storm a refusal is right as well.
    fn hold(&self, ground: &Ground, answer: &Answer, wanted: u16) -> Step<Value> {
        if answer.status == wanted {
            return Ok(answer.json());
        }
        if ground.storm.load(Ordering::SeqCst) && answer.status >= 400 {
            return Err(Trouble::Lost);
        }
        Err(Trouble::Disagreement(format!("the model says {wanted}, the program {answer}")))
    }

    fn disagree<T>(&self, what: String) -> Step<T> {
        Err(Trouble::Disagreement(what))
    }

    // ---- people and sessions

    async fn appear(&mut self, ground: &Ground) -> Step {
        self.generation += 1;
        let service = self.noise.below(6) == 0;
        let name = format!("{}-{}", self.name, self.generation);
        let body = json!({ "external_id": name, "kind": if service { "service" } else { "person" } });
        let (answer, _) = self.call(ground, "make a user", "/v1/users", Some(body)).await?;
        let user = self.hold(ground, &answer, 201)?;
        self.people.push(Person::new(id(&user), service, time(&user["created_at"])));
        Ok(())
    }

    /// Somebody new comes in the place of one of the two.
    fn leave(&mut self, whose: usize) -> Step {
        if self.noise.below(4) > 0 {
            return Ok(());
        }
        self.forget(whose);
        Ok(())
    }

    fn forget(&mut self, whose: usize) {
        self.people.remove(whose);
        self.challenges.clear();
        self.begun = None;
    }

    async fn log_in(&mut self, ground: &Ground, whose: usize) -> Step {
        let lifetime = [600, 8 * 3600, 8 * 3600, 30 * 24 * 3600][pick(&mut self.noise, 4)];
        let body = json!({ "user_id": self.people[whose].id, "amr": ["pwd"], "expires_in": lifetime });
        let (answer, _) = self.call(ground, "log in", "/v1/sessions", Some(body)).await?;
        if self.people[whose].suspended {
            self.hold(ground, &answer, 409)?;
            return Ok(());
        }
        let made = self.hold(ground, &answer, 201)?;
        let session = Session {
            id: id(&made),
            login_at: time(&made["authenticated_at"]),
            expires_at: time(&made["expires_at"]),
            ended: false,
            proofs: Vec::new(),
        };
        let sessions = &mut self.people[whose].sessions;
        sessions.push(session);
        if sessions.len() > 4 {
            sessions.remove(0);
        }
        Ok(())
    }

    /// One of somebody's sessions; the newest mostly, since what is over is over.
    fn session(&mut self, whose: usize) -> Option<usize> {
        let count = self.people[whose].sessions.len();
        (count > 0).then(|| if self.noise.below(4) > 0 { count - 1 } else { pick(&mut self.noise, count) })
    }

    async fn end_session(&mut self, ground: &Ground, whose: usize) -> Step {
        let Some(session) = self.session(whose) else { return Ok(()) };
        let path = format!("/v1/sessions/{}", self.people[whose].sessions[session].id);
        self.lost = Lost::Session { whose, session };
        let (answer, _) = self.call_by(ground, "end a session", Method::DELETE, &path, None).await?;
        self.lost = Lost::Nothing;
        let ended = &mut self.people[whose].sessions[session].ended;
        let was = std::mem::replace(ended, true);
        // One that expired may be ended or not: it counts for nothing either way.
        match answer.status {
            204 if !was => Ok(()),
            410 => Ok(()),
            _ => self.disagree(format!(
                "a session that was{} ended cannot be ended so: {answer}",
                if was { "" } else { " not" }
            )),
        }
    }

    async fn suspend_or_resume(&mut self, ground: &Ground, whose: usize) -> Step {
        let person = &self.people[whose];
        let (to, verb) = (!person.suspended, if person.suspended { "resume" } else { "suspend" });
        let path = format!("/v1/users/{}/{verb}", person.id);
        self.lost = Lost::User { whose };
        let (answer, _) = self.call(ground, "suspend or resume a user", &path, Some(json!({}))).await?;
        self.lost = Lost::Nothing;
        self.hold(ground, &answer, 200)?;
        self.people[whose].suspended = to;
        Ok(())
    }

    /// Looks at a session, which has to be as it was left.
    async fn look(&mut self, ground: &Ground, whose: usize) -> Step {
        let Some(session) = self.session(whose) else { return Ok(()) };
        let path = format!("/v1/sessions/{}", self.people[whose].sessions[session].id);
        let (answer, _) = self.call(ground, "look at a session", &path, None).await?;
        let seen = self.hold(ground, &answer, 200)?;
        self.same(&seen, &self.people[whose].sessions[session])
    }

    /// That a session is as the model has it: S-01.
    fn same(&self, seen: &Value, session: &Session) -> Step {
        let proofs = |proofs: &mut dyn Iterator<Item = (String, String, i64)>| proofs.collect::<BTreeSet<_>>();
        let theirs = proofs(
            &mut seen["proofs"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|proof| (text(&proof["authenticator_id"]), text(&proof["kind"]), time(&proof["verified_at"]))),
        );
        let ours = proofs(
            &mut session
                .proofs
                .iter()
                .map(|proof| (proof.authenticator_id.clone(), proof.sort.kind().name().to_owned(), proof.at)),
        );
        let same = seen["id"] == session.id.as_str()
            && seen["aal"] == format!("aal{}", session.level())
            && time(&seen["authenticated_at"]) == session.login_at
            && theirs == ours;
        if same {
            Ok(())
        } else {
            self.disagree(format!("the model has the session as {session:?}, the program as {seen}"))
        }
    }

    // ---- authenticators

    /// Suspends, resumes, revokes an authenticator, or reports it lost.
    async fn put(&mut self, ground: &Ground, whose: usize) -> Step {
        let count = self.people[whose].holds.len();
        if count == 0 {
            return Ok(());
        }
        let held = pick(&mut self.noise, count);
        let Holding { id, state, .. } = &self.people[whose].holds[held];
        let (verb, to) = [
            ("suspend", State::Suspended),
            ("resume", State::Active),
            ("resume", State::Active),
            ("revoke", State::Gone),
            ("report-lost", State::Gone),
        ][pick(&mut self.noise, 5)];
        let right = match (*state, to) {
            (State::Gone, _) => verb == "revoke" || verb == "report-lost",
            _ => true,
        };
        let (path, before) = (format!("/v1/authenticators/{id}/{verb}"), *state);
        self.lost = Lost::Holding { whose, held };
        let (answer, _) = self.call(ground, "put an authenticator", &path, Some(json!({}))).await?;
        self.lost = Lost::Nothing;
        // One that is gone is gone, by whatever name.
        if before == State::Gone && right && matches!(answer.status, 200 | 409) {
            return Ok(());
        }
        if !right {
            self.hold(ground, &answer, 409)?;
            return Ok(());
        }
        self.hold(ground, &answer, 200)?;
        if before != to {
            self.people[whose].put(held, to);
        }
        Ok(())
    }

    /// Begins an enrollment, or goes on with the one that was begun.
    async fn enroll(&mut self, ground: &Ground, whose: usize) -> Step {
        match self.begun.take() {
            Some(begun) => self.confirm(ground, begun).await,
            None => self.begin_to_enroll(ground, whose).await,
        }
    }

    async fn begin_to_enroll(&mut self, ground: &Ground, whose: usize) -> Step {
        let Some(session) = self.session(whose) else { return Ok(()) };
        let sort = [Sort::Totp, Sort::Totp, Sort::Passkey, Sort::SecurityKey][pick(&mut self.noise, 4)];
        let person = &self.people[whose];
        if person.holds.iter().filter(|held| held.state != State::Gone && held.sort.kind() == sort.kind()).count() > 2 {
            return Ok(());
        }
        let Session { id: session_id, login_at, proofs, .. } = person.sessions[session].clone();
        let (has, suspended) = (person.has_bound(), person.suspended);
        let body = json!({ "session_id": session_id, "kind": sort.kind().name(), "view": "inline", "qr": "none" });
        let (answer, span) = self.call(ground, "begin to enroll", "/v1/enrollments", Some(body)).await?;
        let may = span.map(|at| {
            self.people[whose].sessions[session].is_live(at) && !suspended && may_enroll(at, login_at, &proofs, &has)
        });
        match (may, answer.status) {
            ([true, _] | [_, true], 201) => {}
            ([false, _] | [_, false], 403 | 409 | 410) => return Ok(()),
            _ => {
                self.hold(ground, &answer, if may[0] { 201 } else { 403 })?;
                return Ok(());
            }
        }
        let started = answer.json();
        let enrollment = &started["enrollment"];
        let device = match sort {
            Sort::Totp => Device::App(Phone::with_key(&text(&started["view"]["secret"]), enrollment), 0),
            Sort::Passkey => Device::Key(Box::new(Authenticator::passkey())),
            _ => Device::Key(Box::new(Authenticator::security_key())),
        };
        self.begun = Some(Begun {
            id: id(enrollment),
            whose,
            session: session_id,
            authenticator_id: text(&enrollment["authenticator_id"]),
            sort,
            device,
            prompt: started["view"]["prompt"].clone(),
            created_at: time(&enrollment["created_at"]),
            // What a passkey is asked is over before the enrollment is.
            expires_at: time(started["view"]["prompt"].get("expires_at").unwrap_or(&enrollment["expires_at"])),
            failures: 0,
        });
        Ok(())
    }

    async fn confirm(&mut self, ground: &Ground, mut begun: Begun) -> Step {
        let now = real_now() + ground.moved;
        let wrong = begun.failures < 3 && self.noise.below(4) == 0;
        let (body, step) = match &mut begun.device {
            Device::App(phone, _) if wrong => (json!({ "code": phone.wrong_code(now) }), 0),
            Device::App(phone, _) => (json!({ "code": phone.code_at(now) }), now / 30_000),
            Device::Key(key) => {
                let lies =
                    if wrong { Lies { challenge: Some(vec![0; 32]), ..Lies::default() } } else { Lies::default() };
                let Ok(response) = key.create(&begun.prompt["webauthn"], ORIGIN, &lies) else { return Ok(()) };
                (json!({ "webauthn": response, "prompt_id": begun.prompt["id"] }), 0)
            }
            Device::Paper(..) => return Ok(()),
        };
        let whose = begun.whose;
        let path = format!("/v1/enrollments/{}/confirm", begun.id);
        self.lost = Lost::Person { whose };
        let (answer, span) = self.call(ground, "confirm an enrollment", &path, Some(body)).await?;
        self.lost = Lost::Nothing;
        let person = &self.people[whose];
        let Some(session) = person.sessions.iter().position(|session| session.id == begun.session) else {
            return Ok(());
        };
        let Session { login_at, proofs, .. } = &person.sessions[session];
        let may = span.map(|at| {
            !wrong
                && !person.suspended
                && at < begun.expires_at
                && person.sessions[session].is_live(at)
                && may_enroll(begun.created_at, *login_at, proofs, &person.has_bound())
        });
        match (may, answer.status) {
            ([true, _] | [_, true], 200) => self.enrolled(ground, begun, session, step, &answer.json()).await,
            ([false, _] | [_, false], 403 | 409 | 410 | 422) => {
                // What is refused for want of something may be confirmed later.
                begun.failures += u32::from(wrong);
                self.begun = Some(begun).filter(|_| self.noise.below(3) > 0);
                Ok(())
            }
            _ => self.hold(ground, &answer, if may[0] { 200 } else { 403 }).map(drop),
        }
    }

    async fn enrolled(&mut self, ground: &Ground, begun: Begun, session: usize, step: i64, answer: &Value) -> Step {
        let Begun { whose, authenticator_id, sort, mut device, .. } = begun;
        if let Device::App(_, last) = &mut device {
            *last = step;
        }
        let at = newest(&answer["session"], &authenticator_id);
        let person = &mut self.people[whose];
        let had_paper = person.has_bound().contains(&Sort::BackupCodes);
        person.holds.push(Holding { id: authenticator_id, sort, state: State::Active, device, failures: 0 });
        person.raise(session, person.holds.len() - 1, at);
        let codes: Vec<String> = answer["backup_codes"].as_array().into_iter().flatten().map(text).collect();
        if codes.is_empty() != had_paper {
            return self.disagree(format!(
                "somebody who has{} backup codes got {}",
                if had_paper { "" } else { " no" },
                codes.len()
            ));
        }
        let seen = answer["session"].clone();
        self.same(&seen, &self.people[whose].sessions[session])?;
        if !had_paper {
            let path = format!("/v1/users/{}/authenticators", self.people[whose].id);
            self.lost = Lost::Person { whose };
            let (listed, _) = self.call(ground, "list authenticators", &path, None).await?;
            self.lost = Lost::Nothing;
            let listed = self.hold(ground, &listed, 200)?;
            let set = listed["items"].as_array().into_iter().flatten();
            let set = set.filter(|one| one["kind"] == "backup_codes" && one["state"] == "active").last();
            let Some(set) = set else { return self.disagree(format!("there are no backup codes among {listed}")) };
            let device = Device::Paper(codes, VecDeque::new());
            let paper = Holding { id: id(set), sort: Sort::BackupCodes, state: State::Active, device, failures: 0 };
            self.people[whose].holds.push(paper);
        }
        Ok(())
    }

    // ---- challenges and proofs

    async fn challenge(&mut self, ground: &Ground, whose: usize) -> Step {
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
            ([false, _] | [_, false], 410) => Ok(()),
            _ => self.hold(ground, &answer, if live[0] { 201 } else { 410 }).map(drop),
        }
    }

    fn keep(&mut self, made: &Value, whose: usize, session: String, about: About) {
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

    async fn cancel(&mut self, ground: &Ground) -> Step {
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
            ([false, _] | [_, false], 410) => Ok(()),
            _ => self.hold(ground, &answer, if open[0] { 204 } else { 410 }).map(drop),
        }
    }

    /// Gives some proof, right or not, for some challenge.
    async fn prove(&mut self, ground: &Ground) -> Step {
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

    async fn give(&mut self, ground: &Ground, one: usize, given: Given) -> Step {
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
            ([Some(false) | None, _] | [_, Some(false) | None], 410 | 422) => {
                self.refused(one);
                Ok(())
            }
            _ if ground.storm.load(Ordering::SeqCst) && answer.status != 200 => Err(Trouble::Lost),
            _ => {
                let opinion = if accepted[0] == Some(true) { "accepts" } else { "refuses" };
                self.disagree(format!("the model {opinion} {what}, the program says {answer}"))
            }
        }
    }

    /// Whether a proof would count at a time; `None` where that cannot be told.
    fn would_count(&self, one: usize, of: Option<(usize, usize)>, right: Option<bool>, at: i64) -> Option<bool> {
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

    fn proved(
        &mut self,
        one: usize,
        of: Option<(usize, usize)>,
        step: Option<i64>,
        code: Option<&str>,
        answer: &Value,
    ) -> Step {
        let Some((whose, held)) = of else { return self.disagree("nobody's proof was accepted".to_owned()) };
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
            return self
                .disagree(format!("the proof was of {}, and counted as of {by}", self.people[whose].holds[held].id));
        }
        self.same(&answer["session"], &self.people[whose].sessions[session])
    }

    fn refused(&mut self, one: usize) {
        *self.counts.entry("  refused").or_default() += 1;
        let challenge = &mut self.challenges[one];
        challenge.failures += 1;
        for held in &mut self.people[challenge.whose].holds {
            held.failures += 1;
        }
    }

    /// Makes up a proof for a challenge; `None` where what came to mind is not to be had.
    async fn given(&mut self, ground: &Ground, one: usize) -> Step<Option<Given>> {
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
    async fn given_by_key(
        &mut self,
        ground: &Ground,
        one: usize,
        from: usize,
        held: usize,
        right: bool,
    ) -> Step<Option<Given>> {
        let path = format!("/v1/challenges/{}/prompts", self.challenges[one].id);
        let (answer, _) = self.call(ground, "ask for a passkey", &path, Some(json!({ "kind": "webauthn" }))).await?;
        if answer.status == 410 {
            // It is over, as the proof would be told.
            return Ok(None);
        }
        let prompt = self.hold(ground, &answer, 201)?;
        let answered = if right { prompt.clone() } else { self.swapped(ground, one, &prompt).await? };
        let Device::Key(key) = &mut self.people[from].holds[held].device else { return Ok(None) };
        let Ok(response) = key.get_by_last(&answered["webauthn"], ORIGIN, &Lies::default()) else { return Ok(None) };
        let swapped = answered["id"] != prompt["id"];
        let body = json!({ "webauthn": response, "prompt_id": prompt["id"] });
        let what = if swapped { "give what answers another challenge" } else { "give what a passkey answers" };
        Ok(Some(Given { body, of: Some((from, held)), right: Some(!swapped), what, step: None }))
    }

    /// What is asked for another challenge.
    async fn swapped(&mut self, ground: &Ground, one: usize, prompt: &Value) -> Step<Value> {
        let other = pick(&mut self.noise, self.challenges.len());
        if other == one {
            return Ok(prompt.clone());
        }
        let path = format!("/v1/challenges/{}/prompts", self.challenges[other].id);
        let (answer, _) = self.call(ground, "ask for a passkey", &path, Some(json!({ "kind": "webauthn" }))).await?;
        Ok(if answer.status == 201 { answer.json() } else { prompt.clone() })
    }

    // ---- decisions

    fn about(&mut self) -> About {
        let noise = &mut self.noise;
        let action = ["payment.initiate", "payment.send", "report.read", "account.read", "help.read"][pick(noise, 5)];
        let most = if noise.below(4) > 0 { 3 } else { 5 };
        let amounts = [Amount::Number(20), Amount::Number(700), Amount::Number(5000), Amount::Text, Amount::Missing];
        About {
            action,
            amount: amounts[pick(noise, most)],
            payee: (noise.below(8) > 0).then_some("Hanna"),
            currency: (noise.below(8) > 0).then_some("EUR"),
            country: [Some("DE"), Some("DE"), Some("DE"), Some("XX"), None][pick(noise, 5)],
            vault: (noise.below(4) == 0).then_some(7),
        }
    }

    fn question(&mut self) -> Question {
        let about = self.about();
        let noise = &mut self.noise;
        Question {
            about,
            staff: noise.below(4) == 0,
            mule: [Some(false), Some(false), Some(true), None][pick(noise, 4)],
            new_device: noise.below(4) == 0,
            sensitive: noise.below(6) == 0,
            idle: [Some(10), Some(10), Some(7200), None][pick(noise, 4)],
        }
    }

    /// Asks whether something may be done, by itself or resting on a challenge.
    async fn ask(&mut self, ground: &Ground, whose: usize) -> Step {
        let mut question = self.question();
        let (mut whose, mut session, mut named) = (whose, self.session(whose), None);
        let now = real_now() + ground.moved;
        let ready = self.challenges.iter().rposition(|challenge| challenge.can_serve(now));
        if !self.challenges.is_empty() && (ready.is_some() && self.noise.below(4) > 0 || self.noise.below(10) == 0) {
            let one = ready.filter(|_| self.noise.below(8) > 0);
            let one = one.unwrap_or_else(|| pick(&mut self.noise, self.challenges.len()));
            let challenge = &self.challenges[one];
            let of = self.people[challenge.whose].sessions.iter().position(|session| session.id == challenge.session);
            question.about = challenge.about.clone();
            named = Some(one);
            // What was proved for one thing is tried for another: T-11.
            match self.noise.below(12) {
                0 => question.about = self.about(),
                1 => question.about.amount = Amount::Number(701),
                2 => question.about.vault = Some(8),
                3 => {}
                _ => (whose, session) = (challenge.whose, of),
            }
        }
        let Some(session) = session else { return Ok(()) };
        self.decide(ground, whose, session, &question, named).await
    }

    async fn decide(
        &mut self,
        ground: &Ground,
        whose: usize,
        session: usize,
        question: &Question,
        named: Option<usize>,
    ) -> Step {
        let session_id = self.people[whose].sessions[session].id.clone();
        let now = real_now() + ground.moved;
        let challenge_id = named.map(|one| self.challenges[one].id.clone());
        // AuthZEN has no question without a resource.
        let authzen = question.about.vault.is_some() && self.noise.below(3) == 0;
        let (path, body) = question.request(&session_id, challenge_id.as_deref(), now, authzen);
        self.lost = challenge_id.map_or(Lost::Nothing, |challenge| Lost::Decision { challenge });
        let (answer, span) = self.call(ground, "decide", &path, Some(body)).await?;
        self.lost = Lost::Nothing;
        self.judge(ground, whose, session, question, named, &answer, span, authzen).map(drop)
    }

    /// Holds a decision against the model, and answers whether it was an allow that rests on the challenge.
    #[allow(clippy::too_many_arguments, reason = "all of what was asked and answered")]
    fn judge(
        &mut self,
        ground: &Ground,
        whose: usize,
        session: usize,
        question: &Question,
        named: Option<usize>,
        answer: &Answer,
        span: [i64; 2],
        authzen: bool,
    ) -> Step<bool> {
        let person = &self.people[whose];
        let may_ask = span.map(|at| {
            !person.suspended
                && person.sessions[session].is_live(at)
                && named.is_none_or(|one| {
                    let challenge = &self.challenges[one];
                    challenge.session == person.sessions[session].id
                        && challenge.about == question.about
                        && challenge.satisfied.as_ref().is_some_and(|proof| at - proof.at <= 5 * 60_000)
                })
        });
        // AuthZEN has no errors for who may not ask: it is no.
        let no = authzen && answer.status == 200 && answer.json()["context"]["id"].is_null();
        if no || answer.status != 200 {
            let refused = no && answer.json()["decision"] == false || matches!(answer.status, 409 | 410);
            return match may_ask {
                [false, _] | [_, false] if refused => Ok(false),
                _ => self
                    .hold(ground, answer, 200)
                    .and_then(|_| self.disagree(format!("the model decides, the program says {answer}"))),
            };
        }
        if may_ask == [false, false] {
            return self.disagree(format!("the model lets nobody ask that, the program says {answer}"));
        }
        let whole = answer.json();
        let decision = if authzen { &whole["context"] } else { &whole };
        if authzen && (whole["decision"] == true) != (decision["outcome"] == "allow") {
            return self.disagree(format!("AuthZEN says {} of {}", whole["decision"], decision["outcome"]));
        }
        let at = made_at(&text(&decision["id"]));
        let satisfied = named.map(|one| &self.challenges[one]).filter(|challenge| !challenge.used);
        let facts = Facts {
            now: at,
            question,
            service: person.service,
            created_at: person.created_at,
            login_at: person.sessions[session].login_at,
            has: person.has(),
            proofs: person.sessions[session].proofs.clone(),
            // "As long as nothing newer was proved with that authenticator": the session has the newest of each.
            for_this: satisfied
                .and_then(|challenge| challenge.satisfied.clone())
                .filter(|proof| person.sessions[session].proofs.contains(proof)),
        };
        let verdict = decide(&ground.policy, &facts);
        let spent = named.is_some_and(|one| self.challenges[one].used);
        if let Some(what) = differs(&verdict, decision, spent) {
            let facts = format!("{facts:?}");
            return self.disagree(format!("{what}\nthe model: {verdict:?}\nby {facts}\nthe program: {decision}"));
        }
        self.same(&decision["session"], &self.people[whose].sessions[session])?;
        *self
            .counts
            .entry(match verdict.outcome {
                Outcome::Allow => "  allow",
                Outcome::StepUp => "  step_up",
                Outcome::Enroll => "  enroll",
                Outcome::Deny => "  deny",
            })
            .or_default() += 1;
        if decision["challenge"].is_object() {
            let session_id = self.people[whose].sessions[session].id.clone();
            self.keep(&decision["challenge"].clone(), whose, session_id, question.about.clone());
        }
        let rests = verdict.outcome == Outcome::Allow && named.is_some_and(|one| !self.challenges[one].used);
        if let Some(one) = named.filter(|_| rests) {
            self.challenges[one].used = true;
        }
        Ok(rests)
    }

    /// The same satisfied challenge for four decisions at once: what rests on it is one of them.
    async fn race(&mut self, ground: &Ground, whose: usize) -> Step {
        let now = real_now() + ground.moved;
        let fresh = self.challenges.iter().rposition(|challenge| challenge.whose == whose && challenge.can_serve(now));
        let Some(one) = fresh else { return Ok(()) };
        let Challenge { id: challenge_id, session, about, .. } = &self.challenges[one];
        let Some(session) = self.people[whose].sessions.iter().position(|own| own.id == *session) else {
            return Ok(());
        };
        let question = Question::calm(about.clone());
        let session_id = &self.people[whose].sessions[session].id;
        let (path, body) = question.request(session_id, Some(challenge_id), now, false);
        self.lost = Lost::Decision { challenge: challenge_id.clone() };
        *self.counts.entry("decide at once").or_default() += 4;
        let asking = (0..4).map(|_| ground.api.ask(Method::POST, &path, Some(body.clone())));
        let answers = futures_util::future::join_all(asking).await;
        let span = [now, real_now() + ground.moved];
        self.tell(format!("decide at once {path} {body}\n    at {span:?}"));
        let mut ordered = Vec::new();
        for answer in answers {
            match answer {
                Ok(answer) if answer.status != 503 => ordered.push(answer),
                _ => return Err(Trouble::Lost),
            }
        }
        self.lost = Lost::Nothing;
        // In whichever order they were decided, an allow came first.
        ordered.sort_by_key(|answer| answer.status != 200 || answer.json()["outcome"] != "allow");
        for answer in &ordered {
            self.tell(format!("    {answer}"));
            self.judge(ground, whose, session, &question, Some(one), answer, span, false)?;
        }
        Ok(())
    }

    // ---- after a storm

    /// Asks what became of what was lost: it happened as a whole, or it did not.
    async fn settle(&mut self, ground: &Ground) -> Step {
        match std::mem::replace(&mut self.lost, Lost::Nothing) {
            Lost::Nothing => Ok(()),
            // Whether it was used is not told. Nothing more rests on it here.
            Lost::Decision { challenge } => {
                self.challenges.retain(|kept| kept.id != challenge);
                Ok(())
            }
            Lost::Person { whose } => {
                self.forget(whose);
                Ok(())
            }
            Lost::User { whose } => {
                let path = format!("/v1/users/{}", self.people[whose].id);
                let (answer, _) = self.call(ground, "ask what became of it", &path, None).await?;
                self.people[whose].suspended = self.hold(ground, &answer, 200)?["state"] == "suspended";
                Ok(())
            }
            Lost::Session { whose, session } => {
                let path = format!("/v1/sessions/{}", self.people[whose].sessions[session].id);
                let (answer, _) = self.call(ground, "ask what became of it", &path, None).await?;
                let seen = self.hold(ground, &answer, 200)?;
                self.people[whose].sessions[session].ended |= !seen["ended_at"].is_null();
                self.same(&seen, &self.people[whose].sessions[session])
            }
            Lost::Holding { whose, held } => {
                let id = self.people[whose].holds[held].id.clone();
                let (answer, _) =
                    self.call(ground, "ask what became of it", &format!("/v1/authenticators/{id}"), None).await?;
                let state = match self.hold(ground, &answer, 200)?["state"].as_str() {
                    Some("active") => State::Active,
                    Some("suspended") => State::Suspended,
                    _ => State::Gone,
                };
                if self.people[whose].holds[held].state != state {
                    self.people[whose].put(held, state);
                }
                Ok(())
            }
            Lost::Verify { challenge, of, step, code } => self.settle_proof(ground, challenge, of, step, code).await,
        }
    }

    async fn settle_proof(
        &mut self,
        ground: &Ground,
        one: usize,
        of: Option<(usize, usize)>,
        step: Option<i64>,
        code: Option<String>,
    ) -> Step {
        let path = format!("/v1/challenges/{}", self.challenges[one].id);
        let (answer, _) = self.call(ground, "ask what became of it", &path, None).await?;
        let challenge = self.hold(ground, &answer, 200)?;
        self.refused(one);
        let Some(session) = self.session_of(one) else { return Ok(()) };
        let whose = self.challenges[one].whose;
        let path = format!("/v1/sessions/{}", self.people[whose].sessions[session].id);
        let (answer, _) = self.call(ground, "ask what became of it", &path, None).await?;
        let seen = self.hold(ground, &answer, 200)?;
        if challenge["state"] == "satisfied" && self.challenges[one].satisfied.is_none() {
            let by = json!({ "session": seen, "authenticator": challenge["satisfied_by"] });
            return self.proved(one, of, step, code.as_deref(), &by);
        }
        self.same(&seen, &self.people[whose].sessions[session])
    }

    fn session_of(&self, one: usize) -> Option<usize> {
        let Challenge { whose, session, .. } = &self.challenges[one];
        self.people[*whose].sessions.iter().position(|own| own.id == *session)
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

/// What differs between a verdict and what the program says, if anything.
fn differs(verdict: &Verdict, decision: &Value, spent: bool) -> Option<String> {
    let outcome = verdict.outcome.name();
    if decision["outcome"] != outcome {
        return Some(format!("the model says {outcome}, the program {}", decision["outcome"]));
    }
    let reasons = decision["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fired: BTreeSet<String> = reasons.iter().filter(|r| r["fired"] == true).map(|r| text(&r["rule"])).collect();
    if fired != verdict.fired {
        return Some(format!("other rules fired: {:?}, {fired:?}", verdict.fired));
    }
    if let Some(by) = decision["decided_by"].as_str().filter(|by| !verdict.decisive.contains(*by)) {
        return Some(format!("{by} cannot have decided that"));
    }
    if (outcome == "allow") != decision["assertion"].is_string() {
        return Some("an assertion says what is allowed, and nothing else".to_owned());
    }
    if verdict.grace != decision["grace_ends"].is_string() {
        return Some("whether it is for grace".to_owned());
    }
    if verdict.outcome != Outcome::StepUp || spent {
        return None;
    }
    let need = &decision["need"];
    let factors: BTreeSet<&str> = need["factors"].as_array()?.iter().filter_map(Value::as_str).collect();
    let same = |ours: &super::reference::Need| {
        ours.factors == factors
            && need["aal"] == format!("aal{}", ours.aal)
            && need["max_age"].as_i64() == ours.max_age
            && need["login"].as_bool().unwrap_or(false) == ours.login
    };
    let right = match &verdict.need {
        Some(need) => same(need),
        None => verdict.needs.iter().any(same),
    };
    if !right {
        return Some("something else is needed".to_owned());
    }
    let asks = !need["login"].as_bool().unwrap_or(false);
    (asks != decision["challenge"].is_object()).then(|| "a challenge comes with what can be proved".to_owned())
}

impl Challenge {
    fn is_open(&self, at: i64) -> bool {
        !self.is_over && self.satisfied.is_none() && at < self.expires_at
    }

    /// Whether a decision can still rest on it.
    fn can_serve(&self, at: i64) -> bool {
        !self.used && self.satisfied.as_ref().is_some_and(|proof| at - proof.at <= 300_000)
    }
}

impl Person {
    /// What can be used once is used up, and what failed before is forgotten.
    fn use_up(&mut self, held: usize, step: Option<i64>, code: Option<&str>) {
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

impl About {
    fn context(&self) -> Value {
        let mut context = json!({});
        match self.amount {
            Amount::Number(amount) => context["amount"] = json!(amount),
            Amount::Text => context["amount"] = json!("much"),
            Amount::Missing => {}
        }
        for (name, value) in [("payee", self.payee), ("currency", self.currency), ("country", self.country)] {
            if let Some(value) = value {
                context[name] = json!(value);
            }
        }
        context
    }
}

impl Question {
    /// One where nothing is out of the ordinary.
    fn calm(about: About) -> Self {
        Self { about, staff: false, mule: Some(false), new_device: false, sensitive: false, idle: Some(10) }
    }

    /// The request, by our own route or as AuthZEN has it.
    fn request(&self, session: &str, challenge: Option<&str>, now: i64, authzen: bool) -> (String, Value) {
        let mut more = json!({});
        if let Some(challenge) = challenge {
            more["challenge_id"] = json!(challenge);
        }
        if self.staff {
            more["groups"] = json!(["staff"]);
        }
        if let Some(idle) = self.idle {
            more["last_active_at"] = json!(rfc3339(now - idle * 1000));
        }
        let mut signals = vec![json!({ "name": "new_device", "value": self.new_device })];
        signals.extend(self.mule.map(|mule| json!({ "name": "mule_account", "value": mule })));
        signals.extend(self.sensitive.then(|| json!({ "name": "sensitive_action", "value": true })));
        more["signals"] = json!(signals);
        let About { action, vault, .. } = &self.about;
        if let Some(vault) = vault.filter(|_| authzen) {
            let body = json!({ "subject": { "type": "session", "id": session, "properties": more }, "action": { "name": action },
                "resource": { "type": "vault", "id": vault.to_string() }, "context": self.about.context() });
            return ("/access/v1/evaluation".to_owned(), body);
        }
        more["action"] = json!(action);
        more["context"] = self.about.context();
        if let Some(vault) = vault {
            more["resource"] = json!({ "type": "vault", "id": vault.to_string() });
        }
        (format!("/v1/sessions/{session}/decide"), more)
    }
}

/// When a session proved something with an authenticator.
fn newest(session: &Value, authenticator_id: &str) -> i64 {
    let proofs = session["proofs"].as_array().into_iter().flatten();
    let of = proofs.filter(|proof| proof["authenticator_id"] == authenticator_id);
    of.map(|proof| time(&proof["verified_at"])).max().unwrap_or(0)
}

/// When something was made, by its id: a UUIDv7 begins with the milliseconds.
fn made_at(id: &str) -> i64 {
    let (_, uuid) = id.split_once('_').unwrap();
    i64::from_str_radix(&uuid[..12], 16).unwrap()
}

fn level(name: &str) -> u8 {
    name.strip_prefix("aal").and_then(|level| level.parse().ok()).unwrap_or(1)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn time(value: &Value) -> i64 {
    millis(value.as_str().unwrap_or_else(|| panic!("no time: {value}")))
}

/// A time in UTC, by the civil calendar.
fn rfc3339(at: i64) -> String {
    let (days, rest) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[test]
fn a_time_is_written_as_it_is_read() {
    for at in [0, 951_782_400_123, 1_772_353_800_123, 4_102_444_799_999] {
        assert_eq!(millis(&rfc3339(at)), at);
    }
}
