//! Waking an app up for what it is asked. Whoever asked does not wait for that: a push service that is slow, down or gone takes nothing
//! from anybody, since an app that is opened asks by itself.

use std::time::Duration;

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, ChallengeId, Credential, Event, EventKind,
    Prompt, PromptId, PushCredential, Timestamp, UserId,
};
use gateway::push::{Note, PushTarget};
use gateway::{Delivery, Fault, Outcome};
use serde_json::{Map, Value};
use store::{Change, Effect};

use super::super::Prompted;
use super::kept::{Reach, moved};
use crate::app::errands::Errand;
use crate::app::sending::{Post, measure};
use crate::app::telling::With;
use crate::app::{App, Error};

/// Two notes for one app that was away are one: it asks what waits, however many there are.
const TOPIC: &str = "prompt";

/// An app is to be woken up.
#[derive(Debug)]
pub(crate) struct Waking {
    prompt: PromptId,
    challenge: Option<ChallengeId>,
    user: UserId,
    /// Which app, and which are asked in its place should it be there no more.
    to: AuthenticatorId,
    others: Vec<AuthenticatorId>,
    expires_at: Timestamp,
}

/// What came of trying to wake up one app.
enum Rung {
    /// It was woken up, could not be now, or never said how.
    Done,
    /// Its push service says that it is there no more.
    Gone,
}

/// Has an app woken up, if there is one that is asked.
pub(super) fn deliver(app: &App, prompted: &Prompted) {
    let Prompted { prompt, to: Some(to), others, .. } = prompted else { return };
    let waking = Waking {
        prompt: prompt.id,
        challenge: prompt.challenge_id,
        user: to.user_id,
        to: to.id,
        others: others.clone(),
        expires_at: prompt.expires_at,
    };
    app.errands.put(Errand::Wake(waking));
}

impl App {
    /// Wakes up the app that is asked. One that is there no more is forgotten, and the next one asked in its place.
    pub(in crate::app) async fn wake_app_up(&self, waking: Waking) {
        if let Err(error) = self.wake_one_up(&waking).await {
            tracing::warn!(%error, "an app could not be woken up");
        }
    }

    async fn wake_one_up(&self, waking: &Waking) -> Result<(), Error> {
        let Some(post) = &self.post else { return Ok(()) };
        let mut asked = waking.to;
        let mut others = waking.others.iter();
        while matches!(self.ring(post, waking, asked).await?, Rung::Gone) {
            let Some(next) = others.next() else { return Ok(()) };
            if !self.ask_instead(waking, asked, *next).await? {
                return Ok(());
            }
            asked = *next;
        }
        Ok(())
    }

    async fn ring(&self, post: &Post, waking: &Waking, id: AuthenticatorId) -> Result<Rung, Error> {
        // Twice, where the app said anew how it is reached while the old way was tried.
        for _ in 0..2 {
            let now = self.now();
            let left = waking.expires_at.since(now);
            let Some((seen, reach, to)) = self.reached(id).await? else { return Ok(Rung::Done) };
            if left.is_zero() {
                return Ok(Rung::Done);
            }
            let delivery = post.gateways().push(&to, &note(post, id, left)).await;
            measure(AuthenticatorKind::Push, &delivery);
            let mut events = self.told_of_waking(waking, id, &to, &delivery);
            if delivery.outcome != Outcome::Undeliverable(Fault::Gone) {
                self.commit(Change::Tell, events).await?;
                return Ok(Rung::Done);
            }
            let event = self.event(EventKind::AuthenticatorUnsubscribed, None, about(waking, id));
            events.push(event.with("reason", "gone").with("by", to.kind()));
            if self.commit(forget(id, seen, &reach), events.clone()).await? == Effect::Applied {
                return Ok(Rung::Gone);
            }
            events.pop();
            self.commit(Change::Tell, events).await?;
        }
        Ok(Rung::Done)
    }

    /// How an app is reached, as it is now.
    async fn reached(&self, id: AuthenticatorId) -> Result<Option<(Box<PushCredential>, Reach, PushTarget)>, Error> {
        let found = self.store.authenticator(id).await?.filter(|found| found.state == AuthenticatorState::Active);
        let Some(Credential::Push(seen)) = found.and_then(|found| found.credential) else { return Ok(None) };
        let Some(reach) = Reach::of(&seen) else { return Ok(None) };
        let Some(to) = reach.to.as_ref().and_then(super::kept::Address::target) else { return Ok(None) };
        Ok(Some((seen, reach, to)))
    }

    /// Asks another app what this one was asked: the same, with the same number. Whether it is asked now.
    async fn ask_instead(
        &self,
        waking: &Waking,
        instead_of: AuthenticatorId,
        id: AuthenticatorId,
    ) -> Result<bool, Error> {
        let Some(prompt) = self.store.prompt(waking.prompt).await? else { return Ok(false) };
        let Some(data) = moved(&prompt, instead_of, id) else { return Ok(false) };
        let withdrawn = self.event(EventKind::PromptWithdrawn, None, about(waking, instead_of)).with("reason", "gone");
        let created = self
            .event(EventKind::PromptCreated, None, about(waking, id))
            .with("kind", AuthenticatorKind::Push.name())
            .with("sends", prompt.sends);
        let events = [withdrawn, created].map(|event| event.with("prompt", waking.prompt.to_string()));
        let change = Change::MovePrompt { id: waking.prompt, from: instead_of, to: id, data, at: self.now() };
        Ok(self.commit(change, events).await? == Effect::Applied)
    }

    /// What became of it, and of the gateways by it.
    fn told_of_waking(&self, waking: &Waking, id: AuthenticatorId, to: &PushTarget, delivery: &Delivery) -> Vec<Event> {
        let about = about(waking, id);
        let event = if let Outcome::Sent { gateway, .. } = &delivery.outcome {
            self.event(EventKind::PushSent, None, about).with("gateway", gateway.as_str())
        } else {
            let why = delivery.attempts.last().and_then(|attempt| attempt.failure.as_ref());
            let why = why.map_or("all_down", |failure| failure.kind.name());
            self.event(EventKind::PushUndelivered, None, about).with("reason", why).with("by", to.kind())
        };
        let event = event.with("prompt", waking.prompt.to_string());
        std::iter::once(event).chain(self.told_of_gateways(delivery)).collect()
    }
}

/// Has a phone show a message for an app. `None` where it is reached in another way: what wakes a browser up is believed in nothing, and
/// shows nothing of itself.
pub(in crate::app) async fn tell_app(
    post: &Post,
    app: &Authenticator,
    title: String,
    body: String,
    useful: Duration,
) -> Option<Delivery> {
    let Some(Credential::Push(credential)) = &app.credential else { return None };
    let to = Reach::of(credential)?.to.as_ref().and_then(super::kept::Address::target)?;
    if matches!(to, PushTarget::WebPush(_)) {
        return None;
    }
    let data = Map::from_iter([("authenticator_id".to_owned(), Value::from(app.id.to_string()))]);
    Some(post.gateways().push(&to, &Note { title, body, data, useful, topic: None }).await)
}

/// That there may be something to ask for, and nothing of what: it passes through the hands of others.
fn note(post: &Post, id: AuthenticatorId, useful: Duration) -> Note {
    let data = Map::from_iter([("authenticator_id".to_owned(), Value::from(id.to_string()))]);
    Note { topic: Some(TOPIC.to_owned()), ..Note::that_something_waits(post.language, data, useful) }
}

/// Forgets how an app was reached, if that is still what was tried.
fn forget(id: AuthenticatorId, seen: Box<PushCredential>, reach: &Reach) -> Change {
    let delivery = Reach { at: reach.at, to: None, gone: true }.to_json();
    let to = PushCredential { public_key: seen.public_key.clone(), delivery };
    Change::SetCredential { id, seen: Box::new(Credential::Push(seen)), to: Box::new(Credential::Push(Box::new(to))) }
}

fn about(waking: &Waking, id: AuthenticatorId) -> About {
    About { user_id: Some(waking.user), authenticator_id: Some(id), challenge_id: waking.challenge, ..About::default() }
}

/// Whether an app is woken up once more for what it was asked before: not each time that somebody wishes, or it rings all the time (T-15).
pub(super) fn may_ring_again(before: &Prompt, now: Timestamp) -> bool {
    before.resend_at().is_some_and(|at| at <= now)
}
