//! Codes that are sent: made and checked by the vault, carried by gateways, withheld where a budget is used up (T-24).
//!
//! Whoever asks for a challenge's code learns only that something was done: for somebody who is not known, or has no such
//! authenticator, a code is made all the same, nothing is sent, and the answer takes as long (T-19).

mod code;
mod deliver;
mod receipts;
mod vapid;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::event::About;
use domain::{AuthenticatorKind, Timestamp};
use gateway::messages::{Language, Messages};
use gateway::push::{PushServices, WebPush};
use gateway::{Caps, Countries, Country, Gateways, Number, Refused, TollGuard, Verdict};

use super::vault::Vault;
pub(in crate::app) use deliver::measure;
use vapid::{Signer, VapidKey};

/// Messages whose receipts are still looked for.
const MOST_AWAITED: usize = 20_000;

/// What sends codes and wakes apps up, and by which rules.
pub struct Sending {
    /// The gateways.
    pub gateways: Gateways,
    /// What messages say.
    pub messages: Messages,
    /// The language that people are written to in.
    pub language: Language,
    /// Where messages go by SMS.
    pub countries: Countries,
    /// The country of numbers without the code of one.
    pub home: Option<Country>,
    /// Budgets against toll fraud.
    pub caps: Caps,
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

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gateways.fmt(f)
    }
}

/// What sends codes, with what it has in mind.
pub(crate) struct Post {
    pub(crate) sending: Sending,
    toll: Mutex<TollGuard>,
    /// How sending went last, by SMS and by mail: as long is waited where nothing is sent (T-19).
    lately: [Mutex<Lately>; 2],
    /// Whom messages concern of which no receipt has come.
    awaited: Mutex<VecDeque<((String, String), About)>>,
    /// What browsers subscribe to, where they are woken up.
    vapid: Option<Arc<VapidKey>>,
}

/// How sending went last.
#[derive(Debug, Clone, Copy, Default)]
struct Lately {
    took: Duration,
    all_failed: bool,
}

impl Post {
    /// `issuer` is how people reach this server.
    pub(crate) fn new(mut sending: Sending, vault: &Arc<Vault>, issuer: &str) -> Self {
        let toll = Mutex::new(TollGuard::new(sending.caps.clone()));
        let WebPushSettings { services, contact } = sending.web_push.clone();
        // A push service wants somebody to turn to, and some send nothing for who names nobody.
        let contact = contact.or_else(|| issuer.starts_with("https://").then(|| issuer.to_owned()));
        let contact = contact.filter(|contact| contact.is_ascii() && !services.is_empty());
        let vapid = contact.is_some().then(|| Arc::new(VapidKey::new(Arc::clone(vault))));
        if let (Some(key), Some(contact)) = (&vapid, contact) {
            let sender = WebPush::new(Box::new(Signer(Arc::clone(key))), contact, services);
            sending.gateways = sending.gateways.with_web_push(sender);
        }
        Self { sending, toll, lately: Default::default(), awaited: Mutex::default(), vapid }
    }

    /// What browsers subscribe to; `None` where they are not woken up.
    pub(crate) fn vapid(&self) -> Option<&VapidKey> {
        self.vapid.as_deref()
    }

    /// Whether codes of this kind can be sent here.
    pub(crate) fn sends(&self, kind: AuthenticatorKind) -> bool {
        match kind {
            AuthenticatorKind::Sms => self.sending.gateways.has_sms() && !self.sending.countries.is_empty(),
            AuthenticatorKind::Email => self.sending.gateways.has_mail(),
            _ => false,
        }
    }

    /// A code that was sent to this number was given back.
    pub(crate) fn proved(&self, number: &str, now: Timestamp) {
        if let Ok(number) = Number::parse(number, None) {
            lock(&self.toll).proved(&number, now);
        }
    }

    /// Whether a budget stands against a message to this number for this user; else it counts as sent.
    fn withheld(&self, user: &str, number: &Number, now: Timestamp) -> Option<Refused> {
        match lock(&self.toll).ask(user, number, now) {
            Verdict::Allowed => None,
            Verdict::Refused(refused) => Some(refused),
        }
    }

    /// Forgets what no budget looks at any more.
    pub(crate) fn sweep(&self, now: Timestamp) {
        lock(&self.toll).sweep(now);
    }

    fn lately(&self, kind: AuthenticatorKind) -> MutexGuard<'_, Lately> {
        let [sms, mail] = &self.lately;
        lock(if kind == AuthenticatorKind::Sms { sms } else { mail })
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

/// Nothing behind these locks can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
