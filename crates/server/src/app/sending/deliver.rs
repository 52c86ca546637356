//! Sending a code, once its prompt is kept.

use domain::event::About;
use domain::{Authenticator, AuthenticatorKind, Credential, Event, EventKind, Prompt, PromptState};
use gateway::mail::MailAddress;
use gateway::messages::CodeWords;
use gateway::sms::Sms;
use gateway::{Delivery, Fault, Number, Outcome, Refused};
use store::Change;

use super::code::of;
use super::{NewCode, Post};
use crate::app::errands::Errand;
use crate::app::factors::Prompted;
use crate::app::telling::With;
use crate::app::{Actor, App, Error};

/// A code that is to be sent.
pub(crate) struct Message {
    /// Who asked for it.
    actor: Actor,
    /// What it is for.
    prompt: Prompt,
    /// To whom it goes.
    to: Authenticator,
    /// What is in it.
    code: NewCode,
}

/// What became of a code.
enum Sent {
    /// A gateway took it.
    Taken,
    /// The recipient cannot be reached.
    Undeliverable(Fault),
    /// No gateway can send it now.
    Unavailable,
}

impl App {
    /// Sends a code. Where that tells nobody who is known, the answer says what became of it; else it is given before anything is
    /// sent, and says no more than whether there are gateways that work.
    pub(in crate::app) async fn deliver_code(&self, actor: &Actor, prompted: &Prompted) -> Result<(), Error> {
        let post = self.post.as_ref().ok_or(Error::GatewayUnavailable("messages"))?;
        let Prompted { prompt, to, code: Some(code), .. } = prompted else {
            return Err(Error::Internal("a code was not made before it was sent".to_owned()));
        };
        let kind = prompt.kind;
        let sent = match to {
            _ if post.is_down(kind, self.now()) => Sent::Unavailable,
            None => Sent::Taken,
            Some(to) if code.is_told => self.send_code(post, actor, prompt, to, code).await?,
            Some(to) => {
                let (actor, prompt, to, code) = (actor.clone(), prompt.clone(), to.clone(), code.clone());
                self.errands.put(Errand::Send(Box::new(Message { actor, prompt, to, code })));
                Sent::Taken
            }
        };
        if matches!(sent, Sent::Unavailable) {
            // Whoever asks again need not wait for a message that never went.
            let end = Change::EndPrompt { id: prompt.id, to: PromptState::Replaced };
            self.commit(end, Vec::new()).await?;
        }
        let is_enrolling = prompt.enrollment_id.is_some();
        match sent {
            Sent::Unavailable => Err(Error::GatewayUnavailable(kind.name())),
            Sent::Undeliverable(fault) if is_enrolling => Err(Error::invalid("/address", what_is_wrong(kind, fault))),
            Sent::Taken | Sent::Undeliverable(_) => Ok(()),
        }
    }

    /// Sends a code that nobody waits for. What becomes of it is told of by events.
    pub(in crate::app) async fn send(&self, Message { actor, prompt, to, code }: &Message) {
        let Some(post) = self.post.as_ref().filter(|_| prompt.is_open(self.now())) else { return };
        let done = match code.withheld {
            Some(refused) => self.tell_withheld(actor, to.kind, about(prompt, to), refused).await,
            None => self.send_code(post, actor, prompt, to, code).await.map(drop),
        };
        if let Err(error) = done {
            tracing::error!(%error, prompt = %prompt.id, "a code was not sent");
        }
    }

    /// Tells that a budget stands against a message.
    pub(super) async fn tell_withheld(
        &self,
        actor: &Actor,
        kind: AuthenticatorKind,
        about: About,
        refused: Refused,
    ) -> Result<(), Error> {
        Post::count_withheld(kind, refused);
        let event = self
            .event(EventKind::CodeWithheld, Some(actor), about)
            .with("kind", kind.name())
            .with("budget", refused.why.name())
            .with("until", refused.until.to_string())
            .with("first", refused.is_news);
        self.commit(Change::Tell, event).await?;
        Ok(())
    }

    async fn send_code(
        &self,
        post: &Post,
        actor: &Actor,
        prompt: &Prompt,
        to: &Authenticator,
        code: &NewCode,
    ) -> Result<Sent, Error> {
        let damaged = || Error::Internal("an authenticator has no address that codes could go to".to_owned());
        let about = about(prompt, to);
        let code = gateway::Secret::new(String::from_utf8_lossy(&code.code.0));
        let brand = self.brand().await;
        let application = brand.name.as_ref().or(self.settings.issuer_name.as_ref());
        let left = prompt.expires_at.since(self.now());
        let host = host_of(&self.settings.issuer);
        let words = CodeWords {
            code: &code,
            application: application.unwrap_or(&actor.application.name),
            minutes: left.as_secs().div_ceil(60).max(1),
            host: host.as_deref(),
        };
        let unwritten = |error: gateway::messages::InvalidTemplate| Error::Internal(error.to_string());
        let language = actor.language.unwrap_or(post.language);
        let delivery = match to.credential.as_ref().ok_or_else(damaged)? {
            Credential::Sms(number) => {
                let number = Number::parse(number, None).map_err(|_| damaged())?;
                let text = post.messages.sms(language, &words).map_err(unwritten)?;
                post.gateways().send_sms(&Sms { to: &number, text: &text, useful: left }).await
            }
            Credential::Email(address) => {
                let address = MailAddress::parse(address).map_err(|_| damaged())?;
                let mail = post.messages.mail(language, &words).map_err(unwritten)?;
                post.gateways().send_mail(&address, &mail).await
            }
            Credential::Webauthn(_) | Credential::Push(_) | Credential::Browser(_) => return Err(damaged()),
        };
        measure(prompt.kind, &delivery);
        let events = self.told_of_delivery(actor, prompt, about, &delivery);
        self.commit(Change::Tell, events).await?;
        Ok(match delivery.outcome {
            Outcome::Sent { gateway, reference } => {
                if let Some(reference) = reference.filter(|_| prompt.kind == AuthenticatorKind::Sms) {
                    post.await_receipt(&gateway, &reference, about);
                }
                Sent::Taken
            }
            Outcome::Undeliverable(fault) => Sent::Undeliverable(fault),
            Outcome::Unavailable { .. } => Sent::Unavailable,
        })
    }

    /// What became of a message, and of the gateways by it.
    fn told_of_delivery(&self, actor: &Actor, prompt: &Prompt, about: About, delivery: &Delivery) -> Vec<Event> {
        let tried = delivery.attempts.len();
        let mut event = if let Outcome::Sent { gateway, .. } = &delivery.outcome {
            self.event(EventKind::CodeSent, Some(actor), about).with("gateway", gateway.as_str())
        } else {
            let why = delivery.attempts.last().and_then(|attempt| attempt.failure.as_ref());
            let why = why.map_or("all_down", |failure| failure.kind.name());
            self.event(EventKind::CodeUndelivered, Some(actor), about).with("reason", why)
        };
        if let Outcome::Sent { reference: Some(reference), .. } = &delivery.outcome {
            event = event.with("reference", reference.as_str());
        }
        let event =
            event.with("kind", prompt.kind.name()).with("prompt", prompt.id.to_string()).with("attempts", tried);
        std::iter::once(event).chain(self.told_of_gateways(delivery)).collect()
    }

    /// Gateways that went down or came up by a delivery.
    pub(in crate::app) fn told_of_gateways(&self, delivery: &Delivery) -> impl Iterator<Item = Event> {
        delivery.changes.iter().map(|change| {
            let kind = if change.is_up { EventKind::GatewayUp } else { EventKind::GatewayDown };
            self.event(kind, None, About::default())
                .with("gateway", change.gateway.as_str())
                .with("channel", change.channel.name())
        })
    }
}

fn about(prompt: &Prompt, to: &Authenticator) -> About {
    About { enrollment_id: prompt.enrollment_id, challenge_id: prompt.challenge_id, ..of(to) }
}

/// Counts what was tried, and how long that took.
pub(in crate::app) fn measure(kind: AuthenticatorKind, delivery: &Delivery) {
    for attempt in &delivery.attempts {
        let outcome = attempt.failure.as_ref().map_or("sent", |failure| failure.kind.name());
        let gateway = attempt.gateway.clone();
        metrics::histogram!("countersign_gateway_seconds", "gateway" => gateway.clone()).record(attempt.took);
        metrics::counter!(
            "countersign_messages_total", "kind" => kind.name(), "gateway" => gateway, "outcome" => outcome
        )
        .increment(1);
    }
}

/// What is wrong with an address, for whoever gave it.
fn what_is_wrong(kind: AuthenticatorKind, fault: Fault) -> &'static str {
    match (kind, fault) {
        (AuthenticatorKind::Sms, Fault::Unknown) => "there is no phone with this number that takes messages",
        (AuthenticatorKind::Sms, _) => "this phone takes no messages from us",
        (_, Fault::Unknown) => "there is no such mailbox",
        (_, Fault::Full) => "this mailbox is full: make room in it, or use another one",
        _ => "this mailbox takes no mail from us",
    }
}

/// The host of the pages that codes are typed into, where browsers know it by a name (WICG, Origin-bound one-time codes).
fn host_of(url: &str) -> Option<String> {
    let host = url.strip_prefix("https://")?.split(['/', ':']).next()?;
    let is_name = host.contains('.') && host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[');
    is_name.then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_bound_to_hosts_that_have_a_name() {
        assert_eq!(host_of("https://mfa.example.com").as_deref(), Some("mfa.example.com"));
        assert_eq!(host_of("https://mfa.example.com:8443/x").as_deref(), Some("mfa.example.com"));
        for url in ["http://mfa.example.com", "https://10.0.0.1:8420", "https://[::1]:8420", "https://localhost"] {
            assert_eq!(host_of(url), None, "{url}");
        }
    }
}
