//! Sending a code, once its prompt is kept; and taking as long where there is nobody to send it to.

use domain::event::About;
use domain::{Authenticator, AuthenticatorKind, Credential, Event, EventKind, Prompt, PromptState};
use gateway::mail::MailAddress;
use gateway::messages::CodeWords;
use gateway::sms::Sms;
use gateway::{Delivery, Fault, Number, Outcome};
use store::Change;
use tokio::time::Instant;

use super::{Lately, Post};
use crate::app::factors::Prompted;
use crate::app::telling::With;
use crate::app::{Actor, App, Error};

/// What became of a code.
enum Sent {
    /// A gateway took it.
    Taken,
    /// A budget stands against it.
    Withheld(domain::Timestamp),
    /// The recipient cannot be reached.
    Undeliverable(Fault),
    /// No gateway can send it now.
    Unavailable,
}

impl App {
    /// Sends a code. For a challenge the answer tells nothing but whether gateways work; for an enrollment, whose address was
    /// just given, it says what is wrong with that.
    pub(in crate::app) async fn deliver_code(&self, actor: &Actor, prompted: &Prompted) -> Result<(), Error> {
        let post = self.post.as_ref().ok_or(Error::GatewayUnavailable("messages"))?;
        let begun = Instant::now();
        let kind = prompted.prompt.kind;
        let sent = match &prompted.to {
            Some(to) => {
                let sent = self.send_code(post, actor, prompted, to).await?;
                if matches!(sent, Sent::Taken | Sent::Unavailable) {
                    *post.lately(kind) =
                        Lately { took: begun.elapsed(), all_failed: matches!(sent, Sent::Unavailable) };
                } else {
                    self.take_as_long(post, kind, begun).await;
                }
                sent
            }
            None => self.take_as_long(post, kind, begun).await,
        };
        if matches!(sent, Sent::Unavailable) {
            // Whoever asks again need not wait for a message that never went.
            let end = Change::EndPrompt { id: prompted.prompt.id, to: PromptState::Replaced };
            self.commit(end, Vec::new()).await?;
        }
        let is_enrolling = prompted.prompt.enrollment_id.is_some();
        match sent {
            Sent::Unavailable => Err(Error::GatewayUnavailable(kind.name())),
            Sent::Withheld(until) if is_enrolling => {
                Err(Error::SentAlready(format!("too many messages were sent: the next one can be after {until}")))
            }
            Sent::Undeliverable(fault) if is_enrolling => Err(Error::invalid("/address", what_is_wrong(kind, fault))),
            Sent::Taken | Sent::Withheld(_) | Sent::Undeliverable(_) => Ok(()),
        }
    }

    /// Waits as long as sending took last, and ends as that did: there is nobody to send to, or nothing may be sent.
    async fn take_as_long(&self, post: &Post, kind: AuthenticatorKind, begun: Instant) -> Sent {
        let lately = *post.lately(kind);
        tokio::time::sleep_until(begun + lately.took).await;
        let channel = if kind == AuthenticatorKind::Sms { gateway::Channel::Sms } else { gateway::Channel::Mail };
        let now = self.now();
        let health = post.sending.gateways.health();
        let mut of_channel = health.iter().filter(|health| health.channel == channel);
        let all_down = of_channel.all(|health| health.down_until.is_some_and(|until| now < until));
        if lately.all_failed || all_down { Sent::Unavailable } else { Sent::Taken }
    }

    async fn send_code(
        &self,
        post: &Post,
        actor: &Actor,
        prompted: &Prompted,
        to: &Authenticator,
    ) -> Result<Sent, Error> {
        let damaged = || Error::Internal("an authenticator has no address that codes could go to".to_owned());
        let prompt = &prompted.prompt;
        let about = about(prompt, to);
        let code = prompted.code.as_ref().ok_or_else(damaged)?;
        let code = gateway::Secret::new(String::from_utf8_lossy(&code.0));
        let application = self.settings.brand.name.as_ref().or(self.settings.issuer_name.as_ref());
        let left = prompt.expires_at.since(self.now());
        let host = host_of(&self.settings.issuer);
        let words = CodeWords {
            code: &code,
            application: application.unwrap_or(&actor.application.name),
            minutes: left.as_secs().div_ceil(60).max(1),
            host: host.as_deref(),
        };
        let unwritten = |error: gateway::messages::InvalidTemplate| Error::Internal(error.to_string());
        let language = post.sending.language;
        let delivery = match to.credential.as_ref().ok_or_else(damaged)? {
            Credential::Sms(number) => {
                let number = Number::parse(number, None).map_err(|_| damaged())?;
                if let Some(refused) = post.withheld(&to.user_id.to_string(), &number, self.now()) {
                    metrics::counter!("countersign_messages_withheld_total", "budget" => refused.why.name())
                        .increment(1);
                    let event = self
                        .event(EventKind::CodeWithheld, Some(actor), about)
                        .with("budget", refused.why.name())
                        .with("until", refused.until.to_string())
                        .with("first", refused.is_news);
                    self.commit(Change::Tell, event).await?;
                    return Ok(Sent::Withheld(refused.until));
                }
                let text = post.sending.messages.sms(language, &words).map_err(unwritten)?;
                post.sending.gateways.send_sms(&Sms { to: &number, text: &text, useful: left }).await
            }
            Credential::Email(address) => {
                let address = MailAddress::parse(address).map_err(|_| damaged())?;
                let mail = post.sending.messages.mail(language, &words).map_err(unwritten)?;
                post.sending.gateways.send_mail(&address, &mail).await
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
        let changes = delivery.changes.iter().map(|change| {
            let kind = if change.is_up { EventKind::GatewayUp } else { EventKind::GatewayDown };
            self.event(kind, None, About::default())
                .with("gateway", change.gateway.as_str())
                .with("channel", change.channel.name())
        });
        std::iter::once(event).chain(changes).collect()
    }
}

fn about(prompt: &Prompt, to: &Authenticator) -> About {
    About {
        user_id: Some(to.user_id),
        device_id: to.device_id,
        authenticator_id: Some(to.id),
        enrollment_id: prompt.enrollment_id,
        challenge_id: prompt.challenge_id,
        ..About::default()
    }
}

fn measure(kind: AuthenticatorKind, delivery: &Delivery) {
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
