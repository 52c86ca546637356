//! Authenticators are enrolled, suspended, resumed, revoked and lost.

use std::collections::VecDeque;

use serde_json::{Value, json};
use software_authenticator::{Authenticator, Lies};

use super::super::ORIGIN;
use super::super::person::{Device, Holding, Session, State};
use super::super::policy::pick;
use super::super::reference::{Sort, may_enroll};
use super::answers::{disagree, hold, newest, same, text, time};
use super::{Begun, Ground, Lost, Step, Walker};
use crate::harness::{Phone, id, real_now};

impl Walker {
    /// Suspends, resumes, revokes an authenticator, or reports it lost.
    pub(super) async fn put(&mut self, ground: &Ground, whose: usize) -> Step {
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
            hold(ground, &answer, 409)?;
            return Ok(());
        }
        hold(ground, &answer, 200)?;
        if before != to {
            self.people[whose].put(held, to);
        }
        Ok(())
    }

    /// Begins an enrollment, or goes on with the one that was begun.
    pub(super) async fn enroll(&mut self, ground: &Ground, whose: usize) -> Step {
        match self.begun.take() {
            Some(begun) => self.confirm(ground, begun).await,
            None => self.begin_to_enroll(ground, whose).await,
        }
    }

    pub(super) async fn begin_to_enroll(&mut self, ground: &Ground, whose: usize) -> Step {
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
            ([false, _] | [_, false], 403 | 404 | 409 | 410) => return Ok(()),
            _ => {
                hold(ground, &answer, if may[0] { 201 } else { 403 })?;
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

    pub(super) async fn confirm(&mut self, ground: &Ground, mut begun: Begun) -> Step {
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
            ([false, _] | [_, false], 403 | 404 | 409 | 410 | 422) => {
                // What is refused for want of something may be confirmed later.
                begun.failures += u32::from(wrong);
                self.begun = Some(begun).filter(|_| self.noise.below(3) > 0);
                Ok(())
            }
            _ => hold(ground, &answer, if may[0] { 200 } else { 403 }).map(drop),
        }
    }

    pub(super) async fn enrolled(
        &mut self,
        ground: &Ground,
        begun: Begun,
        session: usize,
        step: i64,
        answer: &Value,
    ) -> Step {
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
            return disagree(format!(
                "somebody who has{} backup codes got {}",
                if had_paper { "" } else { " no" },
                codes.len()
            ));
        }
        let seen = answer["session"].clone();
        same(&seen, &self.people[whose].sessions[session])?;
        if !had_paper {
            let path = format!("/v1/users/{}/authenticators", self.people[whose].id);
            self.lost = Lost::Person { whose };
            let (listed, _) = self.call(ground, "list authenticators", &path, None).await?;
            self.lost = Lost::Nothing;
            let listed = hold(ground, &listed, 200)?;
            let mut sets = listed["items"].as_array().into_iter().flatten();
            let set = sets.rfind(|one| one["kind"] == "backup_codes" && one["state"] == "active");
            let Some(set) = set else { return disagree(format!("there are no backup codes among {listed}")) };
            let device = Device::Paper(codes, VecDeque::new());
            let paper = Holding { id: id(set), sort: Sort::BackupCodes, state: State::Active, device, failures: 0 };
            self.people[whose].holds.push(paper);
        }
        Ok(())
    }
}
