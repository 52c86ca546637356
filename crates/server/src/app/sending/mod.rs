//! Codes that are sent: made and checked by the vault, carried by gateways, withheld where a budget is used up (T-24).
//!
//! Whoever asks for a challenge's code without a session learns only that something was done: for somebody who is not known, or has
//! no such authenticator, a code is made all the same, and nothing is sent. The answer waits for no gateway, since how long
//! those take would tell the one from the other (T-19): what is to be sent goes into a queue ([`super::errands`]). With a session, and where
//! something is enrolled, the answer says what became of it.

mod code;
mod deliver;
mod lines;
mod receipts;
mod vapid;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::event::About;
use domain::{Authenticator, AuthenticatorKind, AuthenticatorState, Credential, Door, Timestamp};
use gateway::mail::MailAddress;
use gateway::messages::{Language, MailText, Messages, SmsText};
use gateway::push::PushServices;
use gateway::sms::Sms;
use gateway::{
    Asking, Caps, Countries, Country, Delivery, Fault, Gateways, Number, Outcome, Recipient, Refused, TollGuard,
    Verdict,
};

use super::vault::Vault;
pub(crate) use deliver::Message;
pub(in crate::app) use deliver::measure;
use vapid::VapidKey;

/// Messages whose receipts are still looked for.
const MOST_AWAITED: usize = 20_000;

/// What sends codes and wakes apps up, and by which rules.
pub struct Sending {
    /// The gateways.
    pub gateways: Gateways,
    /// Makes others of what files in force say; `None` where the server's own configuration says which there are.
    pub maker: Option<Box<dyn GatewayMaker>>,
    /// What messages say.
    pub messages: Messages,
    /// The language that people are written to in of whom no other is known.
    pub language: Language,
    /// Where messages go by SMS.
    pub countries: Countries,
    /// The country of numbers without the code of one.
    pub home: Option<Country>,
    /// Budgets for text messages, against toll fraud and floods.
    pub sms_caps: Caps,
    /// Budgets for mail, against floods.
    pub mail_caps: Caps,
    /// Where browsers are woken up.
    pub web_push: WebPushSettings,
}

/// Waking browsers up.
#[derive(Debug, Clone, Default)]
pub struct WebPushSettings {
    /// The push services that subscriptions may be at; with none browsers are not woken up.
    pub services: PushServices,
    /// Whom push services can turn to, `mailto:` or `https:`; the server's own address if not said, where that is `https:`.
    pub contact: Option<String>,
}

/// Makes gateways of what files say.
pub trait GatewayMaker: Send + Sync {
    /// Makes all of them.
    ///
    /// # Errors
    /// [`UnusableGateway`] of the first that cannot be made.
    fn make(&self, wanted: &[policy::GatewaySettings]) -> Result<Gateways, UnusableGateway>;
}

/// A gateway that a server cannot use.
#[derive(Debug, Clone)]
pub struct UnusableGateway {
    /// Where it stands.
    pub place: policy::Place,
    /// Why, and what to do.
    pub why: String,
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gateways.fmt(f)
    }
}

/// What sends codes, with what it has in mind.
pub(crate) struct Post {
    pub(crate) messages: Messages,
    pub(crate) language: Language,
    pub(crate) countries: Countries,
    pub(crate) home: Option<Country>,
    /// Where browsers are woken up.
    pub(crate) services: PushServices,
    lines: lines::Lines,
    sms_guard: Mutex<TollGuard>,
    mail_guard: Mutex<TollGuard>,
    /// Whom messages concern of which no receipt has come.
    awaited: Mutex<VecDeque<((String, String), About)>>,
    /// What browsers subscribe to, where they are woken up.
    vapid: Option<Arc<VapidKey>>,
}

/// A code that was made, to be sent.
#[derive(Clone)]
pub(crate) struct NewCode {
    /// The code in the clear.
    code: vault_proto::Secret,
    /// Whether whoever asked may know what becomes of it (T-19).
    is_told: bool,
    /// That it is not sent, since a budget stands against it; only where whoever asked may not know.
    withheld: Option<Refused>,
}

impl Post {
    /// `issuer` is how people reach this server.
    pub(crate) fn new(sending: Sending, vault: &Arc<Vault>, issuer: &str) -> Self {
        let Sending { gateways, maker, messages, language, countries, home, sms_caps, mail_caps, web_push } = sending;
        let WebPushSettings { services, contact } = web_push;
        // A push service wants somebody to turn to, and some send nothing for who names nobody.
        let contact = contact.or_else(|| issuer.starts_with("https://").then(|| issuer.to_owned()));
        let contact = contact.filter(|contact| contact.is_ascii() && !services.is_empty());
        let vapid = contact.is_some().then(|| Arc::new(VapidKey::new(Arc::clone(vault))));
        let browsers = vapid.as_ref().zip(contact).map(|(key, contact)| (Arc::clone(key), contact, services.clone()));
        Self {
            messages,
            language,
            countries,
            home,
            services,
            lines: lines::Lines::new(gateways, maker, browsers),
            sms_guard: Mutex::new(TollGuard::new(sms_caps)),
            mail_guard: Mutex::new(TollGuard::new(mail_caps)),
            awaited: Mutex::default(),
            vapid,
        }
    }

    /// What messages go by now.
    pub(crate) fn gateways(&self) -> Arc<Gateways> {
        self.lines.now()
    }

    /// What messages go by, and by what else they could.
    pub(crate) fn lines(&self) -> &lines::Lines {
        &self.lines
    }

    /// What browsers subscribe to; `None` where they are not woken up.
    pub(crate) fn vapid(&self) -> Option<&VapidKey> {
        self.vapid.as_deref()
    }

    /// Whether codes of this kind can be sent here.
    pub(crate) fn sends(&self, kind: AuthenticatorKind) -> bool {
        match kind {
            AuthenticatorKind::Sms => self.gateways().has_sms() && !self.countries.is_empty(),
            AuthenticatorKind::Email => self.gateways().has_mail(),
            _ => false,
        }
    }

    /// The first code that was sent to this number was given back.
    pub(crate) fn proved(&self, number: &str, now: Timestamp) {
        if let Ok(number) = Number::parse(number, None) {
            lock(&self.sms_guard).proved(&Recipient::of_number(&number), now);
        }
    }

    /// Whether a budget stands against a message to this authenticator's number or mailbox; else it counts as sent.
    fn withheld(&self, to: &Authenticator, door: Door, now: Timestamp) -> Option<Refused> {
        // What cannot be read is not sent to.
        let (guard, recipient) = match to.credential.as_ref()? {
            Credential::Sms(number) => (&self.sms_guard, Recipient::of_number(&Number::parse(number, None).ok()?)),
            Credential::Email(address) => (&self.mail_guard, Recipient::of_mail(&MailAddress::parse(address).ok()?)),
            Credential::Webauthn(_) | Credential::Push(_) | Credential::Browser(_) => return None,
        };
        let user = to.user_id.to_string();
        let asking = Asking { user: &user, door, is_proved: to.state == AuthenticatorState::Active };
        match lock(guard).ask(asking, &recipient, now) {
            Verdict::Allowed => None,
            Verdict::Refused(refused) => Some(refused),
        }
    }

    /// Sends a mail that nobody asked for, of which a budget knows as well; where one stands against it, until when.
    pub(in crate::app) async fn notify(
        &self,
        to: &Authenticator,
        mail: &MailText,
        now: Timestamp,
    ) -> Result<Delivery, Refused> {
        match (self.withheld(to, Door::Trusted, now), &to.credential) {
            (Some(refused), _) => Err(refused),
            (None, Some(Credential::Email(address))) => match MailAddress::parse(address) {
                Ok(address) => Ok(self.gateways().send_mail(&address, mail).await),
                Err(_) => Ok(undelivered()),
            },
            _ => Ok(undelivered()),
        }
    }

    /// Sends a text message that nobody asked for, of which a budget knows as well; where one stands against it, until when.
    pub(in crate::app) async fn notify_by_sms(
        &self,
        to: &Authenticator,
        text: &SmsText,
        useful: Duration,
        now: Timestamp,
    ) -> Result<Delivery, Refused> {
        match (self.withheld(to, Door::Trusted, now), &to.credential) {
            (Some(refused), _) => Err(refused),
            // Where messages may go can have been narrowed since the number was proved.
            (None, Some(Credential::Sms(number))) => {
                match Number::parse(number, None).and_then(|number| self.countries.admit(number)) {
                    Ok(number) => Ok(self.gateways().send_sms(&Sms { to: &number, text, useful }).await),
                    Err(_) => Ok(undelivered()),
                }
            }
            _ => Ok(undelivered()),
        }
    }

    /// Counts a message that a budget stands against.
    pub(in crate::app) fn count_withheld(kind: AuthenticatorKind, refused: Refused) {
        metrics::counter!(
            "countersign_messages_withheld_total", "kind" => kind.name(), "budget" => refused.why.name()
        )
        .increment(1);
    }

    /// Forgets what no budget looks at any more.
    pub(crate) fn sweep(&self, now: Timestamp) {
        lock(&self.sms_guard).sweep(now);
        lock(&self.mail_guard).sweep(now);
    }

    /// Whether every gateway for codes of this kind is left alone since it failed.
    fn is_down(&self, kind: AuthenticatorKind, now: Timestamp) -> bool {
        let channel = if kind == AuthenticatorKind::Sms { gateway::Channel::Sms } else { gateway::Channel::Mail };
        let health = self.gateways().health();
        let mut of_channel = health.iter().filter(|health| health.channel == channel);
        of_channel.all(|health| health.down_until.is_some_and(|until| now < until))
    }

    /// Remembers whom a message concerns, for its receipt.
    fn await_receipt(&self, gateway: &str, reference: &str, about: About) {
        let mut awaited = lock(&self.awaited);
        if awaited.len() >= MOST_AWAITED {
            awaited.pop_front();
        }
        awaited.push_back(((gateway.to_owned(), reference.to_owned()), about));
    }

    /// Whom a message concerns, as far as this server sent it.
    fn awaited(&self, gateway: &str, reference: &str) -> Option<About> {
        let mut awaited = lock(&self.awaited);
        let place = awaited.iter().position(|((of, named), _)| of == gateway && named == reference)?;
        awaited.remove(place).map(|(_, about)| about)
    }
}

/// What becomes of a message to what is no mailbox.
fn undelivered() -> Delivery {
    let outcome = Outcome::Undeliverable(Fault::Unknown);
    Delivery { outcome, attempts: Vec::new(), changes: Vec::new() }
}

/// Nothing behind these locks can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
