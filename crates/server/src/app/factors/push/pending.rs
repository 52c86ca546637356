//! What waits for an app's answer, and where a prompt stands.

use std::time::Duration;

use domain::push::{Answer, PushState};
use domain::{AuthenticatorKind, Prompt, PromptId, PromptState, Timestamp};

use super::device::Follower;
use super::kept::question;
use super::prove::is_claimed_by;
use crate::app::{App, Error};

/// No prompt waits for longer.
const LONGEST: Duration = Duration::from_mins(15);

/// Something that an app was asked.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Which prompt.
    pub(crate) id: PromptId,
    /// What the app is told of it.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) state: PushState,
}

impl App {
    /// What an app was asked of late, the oldest first.
    pub(crate) async fn asked_of(&self, follower: Follower) -> Result<Vec<Waiting>, Error> {
        let now = self.now();
        let asked = self.store.prompts_of_user(follower.user, AuthenticatorKind::Push, now.minus(LONGEST)).await?;
        let own = asked.iter().rev().filter(|prompt| prompt.authenticator_id == Some(follower.authenticator));
        Ok(own
            .filter_map(|prompt| {
                let text = question(prompt)?.text;
                Some(Waiting { id: prompt.id, text, state: state(self, prompt, now) })
            })
            .collect())
    }
}

/// Where a prompt stands at `now`. One that was answered, but is not over yet, takes no other answer.
pub(crate) fn state(app: &App, prompt: &Prompt, now: Timestamp) -> PushState {
    match prompt.state {
        PromptState::Open if now >= prompt.expires_at => PushState::Expired,
        PromptState::Open => PushState::Open,
        PromptState::Used => PushState::Approved,
        PromptState::Denied if is_claimed_by(app, prompt, Answer::Fraud) => PushState::Reported,
        PromptState::Denied if is_claimed_by(app, prompt, Answer::Deny) => PushState::Denied,
        PromptState::Denied if prompt.hash.is_some() => PushState::Mismatched,
        PromptState::Replaced | PromptState::Denied => PushState::Withdrawn,
    }
}
