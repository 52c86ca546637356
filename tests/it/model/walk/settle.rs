//! What became of what was lost when something was killed.

use serde_json::json;

use super::super::person::State;
use super::answers::{hold, same};
use super::{Challenge, Ground, Lost, Step, Walker};

impl Walker {
    /// Asks what became of what was lost: it happened as a whole, or it did not. Where the answer is lost too, it is asked again.
    pub(super) async fn settle(&mut self, ground: &Ground) -> Step {
        let lost = self.lost.clone();
        self.became(ground, lost).await?;
        self.lost = Lost::Nothing;
        Ok(())
    }

    async fn became(&mut self, ground: &Ground, lost: Lost) -> Step {
        match lost {
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
                self.people[whose].suspended = hold(ground, &answer, 200)?["state"] == "suspended";
                Ok(())
            }
            Lost::Session { whose, session } => {
                let path = format!("/v1/sessions/{}", self.people[whose].sessions[session].id);
                let (answer, _) = self.call(ground, "ask what became of it", &path, None).await?;
                if answer.status == 404 {
                    // It was over long ago.
                    self.people[whose].sessions[session].ended = true;
                    return Ok(());
                }
                let seen = hold(ground, &answer, 200)?;
                self.people[whose].sessions[session].ended |= !seen["ended_at"].is_null();
                same(&seen, &self.people[whose].sessions[session])
            }
            Lost::Holding { whose, held } => {
                let id = self.people[whose].holds[held].id.clone();
                let (answer, _) =
                    self.call(ground, "ask what became of it", &format!("/v1/authenticators/{id}"), None).await?;
                let state = match hold(ground, &answer, 200)?["state"].as_str() {
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
        let whose = self.challenges[one].whose;
        if answer.status == 404 {
            // It was over long ago, and what it raised is not told.
            self.forget(whose);
            return Ok(());
        }
        let challenge = hold(ground, &answer, 200)?;
        let Some(session) = self.session_of(one) else {
            self.refused(one);
            return Ok(());
        };
        let path = format!("/v1/sessions/{}", self.people[whose].sessions[session].id);
        let (answer, _) = self.call(ground, "ask what became of it", &path, None).await?;
        let seen = hold(ground, &answer, 200)?;
        self.refused(one);
        if challenge["state"] == "satisfied" && self.challenges[one].satisfied.is_none() {
            let by = json!({ "session": seen, "authenticator": challenge["satisfied_by"] });
            return self.proved(one, of, step, code.as_deref(), &by);
        }
        same(&seen, &self.people[whose].sessions[session])
    }

    pub(super) fn session_of(&self, one: usize) -> Option<usize> {
        let Challenge { whose, session, .. } = &self.challenges[one];
        self.people[*whose].sessions.iter().position(|own| own.id == *session)
    }
}
