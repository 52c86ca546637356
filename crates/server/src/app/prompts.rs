//! Prompts: what is sent to a person or asked of a device, so that a challenge can be proved.

use std::net::IpAddr;

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, Challenge, ChallengeId, ChallengeState,
    EventKind, Prompt, PromptId, PromptState, ProofKind, Timestamp, UserId,
};
use store::{Change, Effect};
use tokio::time::Instant;

use super::enrollments::prompt_change;
use super::factors::{Asked, Shown};
use super::proof::{Given, is_considered};
use super::telling::With;
use super::verify::may_prove;
use super::{Actor, App, Error, slot};

/// How often a prompt is tried that others, for the same person or the same challenge, outrun: who is known is asked once at a time, and
/// being told of that would tell of them (T-19).
const TRIES: usize = 16;

/// A prompt as whoever asked for it sees it.
#[derive(Debug)]
pub(crate) struct PromptSeen {
    /// The prompt.
    pub(crate) prompt: Prompt,
    /// What is told of it.
    pub(crate) shown: Shown,
}

impl App {
    /// Has something sent or asked for a challenge, by this kind of authenticator; of several of that kind by the one that is named, or
    /// the one used last. For somebody who is not known, has none of the kind, or may prove nothing now, the answer is the same, at
    /// the same time, and nothing is sent (T-19).
    pub(crate) async fn prompt(
        &self,
        actor: &Actor,
        id: ChallengeId,
        kind: AuthenticatorKind,
        of: Option<AuthenticatorId>,
        seen_from: Option<IpAddr>,
    ) -> Result<PromptSeen, Error> {
        let begun = Instant::now();
        let mut prompted = Ok(None);
        for _ in 0..TRIES {
            prompted = self.prompt_unless_outrun(actor, id, kind, of, seen_from).await;
            if !matches!(prompted, Ok(None)) {
                break;
            }
        }
        slot::end(begun, slot::SLOT).await;
        prompted?.ok_or(Error::Conflict(
            "something else waits for an answer: finish that first, or wait until its time is over",
        ))
    }

    /// `None` where something else was asked between what was read and what is written.
    async fn prompt_unless_outrun(
        &self,
        actor: &Actor,
        id: ChallengeId,
        kind: AuthenticatorKind,
        of: Option<AuthenticatorId>,
        seen_from: Option<IpAddr>,
    ) -> Result<Option<PromptSeen>, Error> {
        let factor = self.factor_in_use(kind)?;
        let attempt = self
            .store
            .attempt(id, ProofKind::of(kind))
            .await?
            .filter(|attempt| attempt.challenge.application_id == actor.application.id)
            .ok_or(Error::NotFound("challenge"))?;
        let now = self.now();
        if attempt.challenge.state_at(now) != ChallengeState::Open {
            return Err(Error::ChallengeOver);
        }
        let may = may_prove(&attempt, now) && !self.is_too_weak(&attempt.challenge, ProofKind::of(kind)).await?;
        // Nobody is looked up as well as somebody.
        let nobody = UserId::from_uuid(uuid::Uuid::nil());
        let user = self.store.user(attempt.challenge.user_id.unwrap_or(nobody)).await?.filter(|_| may);
        let askable = |authenticator: &&Authenticator| {
            authenticator.kind == kind
                && authenticator.state == AuthenticatorState::Active
                && of.is_none_or(|of| of == authenticator.id)
                && is_considered(authenticator, attempt.door, now)
        };
        let authenticators: Vec<&Authenticator> =
            attempt.authenticators.iter().filter(askable).filter(|_| may).collect();
        let asked_before = self.store.prompts_of_challenge(id).await?;
        let before = asked_before.iter().find(|prompt| prompt.kind == kind && prompt.is_open(now));
        let asked = Asked {
            actor,
            challenge: &attempt.challenge,
            session: attempt.session.as_ref(),
            user: user.as_ref(),
            authenticators: &authenticators,
            before,
            door: attempt.door,
            seen_from,
            now,
        };
        let mut prompted = match factor.prompt(self, &asked).await {
            Err(Error::PushHeldBack) => return self.held_back(actor, &attempt.challenge).await,
            prompted => prompted?,
        };
        // Who may prove nothing has nothing made for them either, which the store would refuse and so tell of them (T-19).
        prompted.prompt.user_id = prompted.prompt.user_id.filter(|_| user.is_some());
        let about = About {
            user_id: attempt.challenge.user_id,
            session_id: attempt.challenge.session_id,
            challenge_id: Some(id),
            authenticator_id: prompted.prompt.authenticator_id,
            ..About::default()
        };
        let event = self
            .event(EventKind::PromptCreated, Some(actor), about)
            .with("kind", kind.name())
            .with("prompt", prompted.prompt.id.to_string())
            .with("sends", prompted.prompt.sends)
            .detailed(self.origin(actor));
        if let Some(id) = prompted.instead {
            let told = self.event(EventKind::PromptWithdrawn, Some(actor), About { challenge_id: None, ..about });
            let told = told.with("prompt", id.to_string());
            self.commit(Change::EndPrompt { id, to: PromptState::Replaced }, told).await?;
        }
        if self.commit(prompt_change(&prompted.prompt, before, now), event).await? != Effect::Applied {
            return Ok(None);
        }
        factor.deliver(self, actor, &prompted).await?;
        Ok(Some(PromptSeen { prompt: prompted.prompt, shown: prompted.shown }))
    }

    /// Tells that a phone is asked nothing for a while, and says so.
    async fn held_back(&self, actor: &Actor, challenge: &Challenge) -> Result<Option<PromptSeen>, Error> {
        let about = About {
            user_id: challenge.user_id,
            session_id: challenge.session_id,
            challenge_id: Some(challenge.id),
            ..About::default()
        };
        let event = self.event(EventKind::PushHeldBack, Some(actor), about).detailed(self.origin(actor));
        self.commit(Change::Tell, event).await?;
        Err(Error::PushHeldBack)
    }

    /// The prompt that a proof answers, if that is one for what is to be proved and still waits. An answer to any other is judged as one
    /// to none.
    pub(super) async fn prompt_answered(
        &self,
        given: &Given,
        is_for: impl Fn(&Prompt) -> bool,
        now: Timestamp,
    ) -> Result<Option<Prompt>, Error> {
        let Some(id) = given.prompt_id() else { return Ok(None) };
        Ok(self.store.prompt(id).await?.filter(|prompt| is_for(prompt) && prompt.is_open(now)))
    }

    /// A new prompt, open and sent once, that nothing but its kind and time is known of.
    pub(super) fn new_prompt(&self, kind: AuthenticatorKind, now: Timestamp, expires_at: Timestamp) -> Prompt {
        Prompt {
            id: PromptId::generate(now, &*self.entropy),
            challenge_id: None,
            enrollment_id: None,
            user_id: None,
            authenticator_id: None,
            kind,
            state: PromptState::Open,
            hash: None,
            data: None,
            sends: 1,
            created_at: now,
            sent_at: now,
            expires_at,
        }
    }
}
