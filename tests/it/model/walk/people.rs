//! People come, log in and out, are suspended, and go.

use reqwest::Method;
use serde_json::json;

use super::super::person::{Person, Session};
use super::super::policy::pick;
use super::answers::{disagree, hold, same, time};
use super::{Ground, Lost, Step, Walker};
use crate::harness::id;

impl Walker {
    pub(super) async fn appear(&mut self, ground: &Ground) -> Step {
        self.generation += 1;
        let service = self.noise.below(6) == 0;
        let name = format!("{}-{}", self.name, self.generation);
        let body = json!({ "external_id": name, "kind": if service { "service" } else { "person" } });
        let (answer, _) = self.call(ground, "make a user", "/v1/users", Some(body)).await?;
        let user = hold(ground, &answer, 201)?;
        self.people.push(Person::new(id(&user), service, time(&user["created_at"])));
        Ok(())
    }

    /// Somebody new comes in the place of one of the two.
    pub(super) fn leave(&mut self, whose: usize) {
        if self.noise.below(4) == 0 {
            self.forget(whose);
        }
    }

    pub(super) fn forget(&mut self, whose: usize) {
        self.people.remove(whose);
        self.challenges.clear();
        self.begun = None;
    }

    pub(super) async fn log_in(&mut self, ground: &Ground, whose: usize) -> Step {
        let lifetime = [600, 8 * 3600, 8 * 3600, 30 * 24 * 3600][pick(&mut self.noise, 4)];
        let body = json!({ "user_id": self.people[whose].id, "amr": ["pwd"], "expires_in": lifetime });
        let (answer, _) = self.call(ground, "log in", "/v1/sessions", Some(body)).await?;
        if self.people[whose].suspended {
            hold(ground, &answer, 409)?;
            return Ok(());
        }
        let made = hold(ground, &answer, 201)?;
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
    pub(super) fn session(&mut self, whose: usize) -> Option<usize> {
        let count = self.people[whose].sessions.len();
        (count > 0).then(|| if self.noise.below(4) > 0 { count - 1 } else { pick(&mut self.noise, count) })
    }

    pub(super) async fn end_session(&mut self, ground: &Ground, whose: usize) -> Step {
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
            // After a day it may be gone altogether.
            404 | 410 => Ok(()),
            _ => disagree(format!(
                "a session that was{} ended cannot be ended so: {answer}",
                if was { "" } else { " not" }
            )),
        }
    }

    pub(super) async fn suspend_or_resume(&mut self, ground: &Ground, whose: usize) -> Step {
        let person = &self.people[whose];
        let (to, verb) = (!person.suspended, if person.suspended { "resume" } else { "suspend" });
        let path = format!("/v1/users/{}/{verb}", person.id);
        self.lost = Lost::User { whose };
        let (answer, _) = self.call(ground, "suspend or resume a user", &path, Some(json!({}))).await?;
        self.lost = Lost::Nothing;
        hold(ground, &answer, 200)?;
        self.people[whose].suspended = to;
        Ok(())
    }

    /// Looks at a session, which has to be as it was left.
    pub(super) async fn look(&mut self, ground: &Ground, whose: usize) -> Step {
        let Some(session) = self.session(whose) else { return Ok(()) };
        let path = format!("/v1/sessions/{}", self.people[whose].sessions[session].id);
        let (answer, span) = self.call(ground, "look at a session", &path, None).await?;
        // One that is over may be gone altogether after a day.
        if answer.status == 404 && !self.people[whose].sessions[session].is_live(span[1]) {
            return Ok(());
        }
        let seen = hold(ground, &answer, 200)?;
        same(&seen, &self.people[whose].sessions[session])
    }
}
