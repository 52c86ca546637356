//! An app's answer.

use std::sync::Arc;

use domain::event::About;
use domain::push::{Answer, PushState};
use domain::{ChallengeId, Credential, EnrollmentId, Event, EventKind, Prompt, PromptId, PromptState, PushCredential};
use store::{Change, Effect};

use super::device::AppDevice;
use super::kept::{Address, Reach, question};
use super::prove::{is_claimed_by, key_text, message};
use super::{sha256, state};
use crate::app::errands::Errand;
use crate::app::proof::Given;
use crate::app::risk::{Learning, Lesson};
use crate::app::telling::With;
use crate::app::{Actor, App, Error, Possession};

/// What an app answers.
pub(crate) struct Answering {
    /// To which prompt.
    pub(crate) prompt_id: PromptId,
    /// `approve`, `deny` or `fraud`.
    pub(crate) answer: String,
    /// The number that was typed.
    pub(crate) number: Option<String>,
    /// The app's signature.
    pub(crate) signature: String,
}

impl App {
    /// Takes an answer, once. It runs to its end once begun, so that a wrong number is always counted (T-03).
    pub(crate) async fn answer_push(self: Arc<Self>, device: AppDevice, given: Answering) -> Result<PushState, Error> {
        let to_the_end = async move { self.answer_to_the_end(&device, &given).await };
        tokio::spawn(to_the_end).await.map_err(|error| Error::Internal(format!("answering ended early: {error}")))?
    }

    async fn answer_to_the_end(self: Arc<Self>, device: &AppDevice, given: &Answering) -> Result<PushState, Error> {
        let answer = Answer::from_parts(&given.answer, given.number.as_deref()).ok_or_else(|| {
            Error::invalid("/answer", "must be `approve` with a number, or `deny` or `fraud` without one")
        })?;
        let prompt = self.store.prompt(given.prompt_id).await?;
        let prompt = prompt.filter(|prompt| prompt.authenticator_id == Some(device.id()) && question(prompt).is_some());
        let prompt = prompt.ok_or(Error::NotFound("prompt"))?;
        let message = message(&self, &prompt, answer).ok_or(Error::NotFound("prompt"))?;
        if !device.key.signed(&message, &given.signature) {
            return Err(Error::ProofRejected);
        }
        let now = self.now();
        if prompt.state != PromptState::Open && is_claimed_by(&self, &prompt, answer) {
            // The same again: its answer was lost.
            return match state(&self, &prompt, now) {
                PushState::Mismatched => Err(Error::ProofRejected),
                ended => Ok(ended),
            };
        }
        if !prompt.is_open(now) {
            return Err(Error::PromptOver);
        }
        let event = self.answered(device, &prompt, given);
        let claim = Change::ClaimPrompt { id: prompt.id, answer: sha256(&message), at: now };
        if self.commit(claim, event).await? != Effect::Applied {
            return Err(Error::PromptOver);
        }
        match answer {
            Answer::Approve(number) => self.approved(device, &prompt, number, &given.signature).await,
            Answer::Deny => self.refused(device, &prompt, EventKind::PushDenied, PushState::Denied).await,
            Answer::Fraud => {
                self.refused(device, &prompt, EventKind::AuthenticatorFraudReported, PushState::Reported).await
            }
        }
    }

    async fn approved(
        self: Arc<Self>,
        device: &AppDevice,
        prompt: &Prompt,
        number: &str,
        signature: &str,
    ) -> Result<PushState, Error> {
        let is_it = question(prompt).is_some_and(|question| question.number.is(number));
        let Some(challenge) = prompt.challenge_id else {
            // Whoever began the enrollment finishes it, and sees the backup codes that come with it.
            if is_it {
                return Ok(PushState::Approved);
            }
            self.end(device, prompt, EventKind::PromptMismatched).await?;
            return Err(Error::ProofRejected);
        };
        let actor = self.on_behalf_of(device, challenge).await?;
        let given = Given::Push { prompt_id: prompt.id, number: number.to_owned(), signature: signature.to_owned() };
        match Arc::clone(&self).verify(actor, challenge, given, None).await {
            Ok(_) => Ok(PushState::Approved),
            Err(Error::ProofRejected) => {
                self.end(device, prompt, EventKind::PromptMismatched).await?;
                Err(Error::ProofRejected)
            }
            Err(Error::ChallengeOver) => Err(Error::PromptOver),
            Err(error) => Err(error),
        }
    }

    async fn refused(
        &self,
        device: &AppDevice,
        prompt: &Prompt,
        kind: EventKind,
        state: PushState,
    ) -> Result<PushState, Error> {
        if !self.end(device, prompt, kind).await? {
            return Err(Error::PromptOver);
        }
        if let (PushState::Reported, Some(user_id)) = (state, prompt.user_id) {
            let what = Lesson::FraudReported;
            self.errands.put(Errand::Learn(Learning { user_id, at: self.now(), what }));
        }
        if let (PushState::Reported, Some(challenge)) = (state, prompt.challenge_id) {
            // Somebody else is at it: by no other way either.
            let about = About { challenge_id: Some(challenge), ..about(device, prompt) };
            let event = self.event(EventKind::ChallengeCancelled, None, about).with("reason", "fraud_reported");
            self.commit(Change::CancelChallenge { id: challenge, at: self.now() }, event).await?;
        }
        Ok(state)
    }

    /// Ends a prompt without an approval, and the enrollment that it was for. Whether it was still open.
    async fn end(&self, device: &AppDevice, prompt: &Prompt, kind: EventKind) -> Result<bool, Error> {
        let event = self.event(kind, None, about(device, prompt)).with("prompt", prompt.id.to_string());
        let event = event.detailed(self.details(device.address.map(|address| ("address", address.to_string()))));
        let ended = self.commit(Change::EndPrompt { id: prompt.id, to: PromptState::Denied }, event).await?;
        if let Some(id) = prompt.enrollment_id.filter(|_| ended == Effect::Applied) {
            self.give_up(device, prompt, id).await?;
        }
        Ok(ended == Effect::Applied)
    }

    async fn give_up(&self, device: &AppDevice, prompt: &Prompt, id: EnrollmentId) -> Result<(), Error> {
        let event = self.event(EventKind::EnrollmentCancelled, None, about(device, prompt)).with("reason", "denied");
        self.commit(Change::CancelEnrollment { id, at: self.now() }, event).await?;
        Ok(())
    }

    /// As whom the answer to a challenge is taken: as the application that asked.
    async fn on_behalf_of(&self, device: &AppDevice, challenge: ChallengeId) -> Result<Actor, Error> {
        let challenge = self.store.challenge(challenge).await?.ok_or(Error::PromptOver)?;
        let application = self.store.application(challenge.application_id).await?.ok_or(Error::PromptOver)?;
        Ok(Actor {
            application: Arc::new(application),
            address: device.address,
            language: None,
            possession: Possession::Established,
        })
    }

    /// Changes how an app is woken up. One request after the other, as they were signed: an old one that is sent again changes nothing.
    pub(crate) async fn subscribe_app(&self, device: &AppDevice, to: Option<Address>) -> Result<(), Error> {
        if let Some(to) = &to {
            self.may_reach(to)?;
        }
        let Some(Credential::Push(seen)) = &device.authenticator.credential else {
            return Err(Error::Conflict("the app is not connected yet: answer its first prompt"));
        };
        let at = device.signed_at.unix_millis();
        if Reach::of(seen).is_some_and(|before| before.at >= at) {
            return Err(Error::RequestRepeated);
        }
        let delivery = Reach { at, to, gone: false }.to_json();
        let credential = PushCredential { public_key: key_text(&device.key), delivery };
        let change = Change::SetCredential {
            id: device.id(),
            seen: Box::new(Credential::Push(seen.clone())),
            to: Box::new(Credential::Push(Box::new(credential))),
        };
        let about = About { user_id: Some(device.user_id()), authenticator_id: Some(device.id()), ..About::default() };
        let event = self.event(EventKind::AuthenticatorSubscribed, None, about);
        match self.commit(change, event).await? {
            Effect::Applied => Ok(()),
            _ => Err(Error::Conflict("this was changed in two places at once: try again")),
        }
    }

    /// Whether an app can be woken up there. Where that is is said by whoever has the app, so it is held against what is known (T-23).
    fn may_reach(&self, to: &Address) -> Result<(), Error> {
        let gateways = self.post.as_ref().map(|post| (post.gateways(), &post.services));
        let (pointer, is_set_up) = match to {
            Address::WebPush { .. } => {
                ("/delivery/web_push", gateways.as_ref().is_some_and(|(to, _)| to.has_web_push()))
            }
            Address::Fcm(_) => ("/delivery/fcm", gateways.as_ref().is_some_and(|(to, _)| to.has_fcm())),
            Address::Apns(_) => ("/delivery/apns", gateways.as_ref().is_some_and(|(to, _)| to.has_apns())),
        };
        if !is_set_up {
            return Err(Error::invalid(pointer, "is not set up here"));
        }
        let Address::WebPush { endpoint, .. } = to else { return Ok(()) };
        if !gateways.as_ref().is_some_and(|(_, services)| services.permit(endpoint)) {
            return Err(Error::invalid("/delivery/web_push/endpoint", "is at no push service that is allowed here"));
        }
        if to.target().is_none() {
            return Err(Error::invalid("/delivery/web_push", "has keys that are no point of P-256 and 16 bytes"));
        }
        Ok(())
    }

    /// The fact that an answer was given, with the signature, by which anybody can check it later who has the text and the key.
    fn answered(&self, device: &AppDevice, prompt: &Prompt, given: &Answering) -> Event {
        let text = question(prompt).map(|question| question.text).unwrap_or_default();
        let details = [("text", text)];
        let address = device.address.map(|address| ("address", address.to_string()));
        self.event(EventKind::PromptAnswered, None, about(device, prompt))
            .with("prompt", prompt.id.to_string())
            .with("answer", given.answer.as_str())
            .with("signature", given.signature.as_str())
            .detailed(self.details(details.into_iter().chain(address)))
    }
}

fn about(device: &AppDevice, prompt: &Prompt) -> About {
    About {
        user_id: Some(device.user_id()),
        device_id: device.authenticator.device_id,
        authenticator_id: Some(device.id()),
        challenge_id: prompt.challenge_id,
        enrollment_id: prompt.enrollment_id,
        ..About::default()
    }
}
