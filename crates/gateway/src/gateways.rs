//! The one door: what is to reach somebody goes through here, is tried with one gateway after the other, and comes back as
//! what happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::{Clock, Entropy, Timestamp};
use tokio::time::Instant;

use crate::breaker::{Breaker, Change};
use crate::mail::{MailAddress, Relay};
use crate::messages::MailText;
use crate::outside::Outside;
use crate::push::{Apns, Fcm, Note, PushTarget, Subscription, WebPush};
use crate::sms::{InvalidReceipt, Posted, Receipt, Sms, SmsProvider};
use crate::{Failure, FailureKind, Fault, Secret};

/// Gateways that one message is tried with.
const MOST_ATTEMPTS: usize = 3;

/// How long it is tried: after that no other try is begun, since somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// All gateways of a program.
pub struct Gateways {
    outside: Outside,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    sms: Vec<Line<SmsProvider>>,
    mail: Vec<Line<Relay>>,
    web_push: Option<Line<WebPush>>,
    fcm: Option<Line<Fcm>>,
    apns: Option<Line<Apns>>,
    /// Those that are used after all others of their channel, each until a time.
    aside: RwLock<Aside>,
}

/// Gateways by name, each until when.
type Aside = Arc<BTreeMap<String, Timestamp>>;

/// What a gateway carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// SMS.
    Sms,
    /// Mail.
    Mail,
    /// Push.
    Push,
}

/// One gateway with its name and health.
struct Line<T> {
    name: String,
    channel: Channel,
    kind: &'static str,
    /// How much of what is sent goes here; 0 stands by until the others fail.
    weight: u32,
    /// Whether failures close it: not where it is the recipients who say what is called.
    has_breaker: bool,
    gateway: T,
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    breaker: Breaker,
    sent: u64,
    failed: u64,
    last_failure: Option<(Timestamp, Failure)>,
}

/// How a gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Its name in the configuration.
    pub gateway: String,
    /// What it carries.
    pub channel: Channel,
    /// Of which kind it is: `twilio`, `smtp` …
    pub kind: &'static str,
    /// Whether it stands by until the others fail.
    pub stands_by: bool,
    /// Until when it is left alone; `None` while it counts as up.
    pub down_until: Option<Timestamp>,
    /// Until when it is used after all others of its channel, if it is.
    pub aside_until: Option<Timestamp>,
    /// What it took since the program started.
    pub sent: u64,
    /// What it did not.
    pub failed: u64,
    /// How it failed last, and when.
    pub last_failure: Option<(Timestamp, Failure)>,
}

/// What became of something that was to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// How it ended.
    pub outcome: Outcome,
    /// Each try, in order.
    pub attempts: Vec<Attempt>,
    /// Gateways that went down or came up by it.
    pub changes: Vec<HealthChange>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A gateway took it.
    Sent {
        /// Which.
        gateway: String,
        /// Its name for the message, by which receipts speak of it.
        reference: Option<String>,
    },
    /// This recipient cannot be reached.
    Undeliverable(Fault),
    /// No gateway can send it now.
    Unavailable {
        /// When the next one will be tried again, where all are left alone.
        retry_at: Option<Timestamp>,
    },
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// With which gateway.
    pub gateway: String,
    /// Why that did not take it; `None` if it did.
    pub failure: Option<Failure>,
    /// How long it took.
    pub took: Duration,
}

/// A gateway that went down or came up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// Which.
    pub gateway: String,
    /// What it carries.
    pub channel: Channel,
    /// Whether it is up now.
    pub is_up: bool,
}

impl Channel {
    /// Its name in events and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Mail => "email",
            Self::Push => "push",
        }
    }
}

impl Gateways {
    /// None yet.
    pub fn new(outside: Outside, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            outside,
            clock,
            entropy,
            sms: Vec::new(),
            mail: Vec::new(),
            web_push: None,
            fcm: None,
            apns: None,
            aside: RwLock::default(),
        }
    }

    /// With one that sends SMS. Weight 0 stands by until the others fail.
    #[must_use]
    pub fn with_sms(mut self, name: impl Into<String>, weight: u32, provider: SmsProvider) -> Self {
        let kind = provider.kind();
        self.sms.push(Line::new(name, Channel::Sms, kind, weight, provider));
        self
    }

    /// With one that sends mail. Weight 0 stands by until the others fail.
    #[must_use]
    pub fn with_mail(mut self, name: impl Into<String>, weight: u32, relay: Relay) -> Self {
        self.mail.push(Line::new(name, Channel::Mail, "smtp", weight, relay));
        self
    }

    /// With Web Push.
    #[must_use]
    pub fn with_web_push(mut self, sender: WebPush) -> Self {
        self.put_web_push(sender);
        self
    }

    /// Has browsers woken up.
    pub fn put_web_push(&mut self, sender: WebPush) {
        let line = Line::new("web_push", Channel::Push, "web_push", 1, sender);
        self.web_push = Some(Line { has_breaker: false, ..line });
    }

    /// With Firebase Cloud Messaging.
    #[must_use]
    pub fn with_fcm(mut self, name: impl Into<String>, fcm: Fcm) -> Self {
        self.fcm = Some(Line::new(name, Channel::Push, "fcm", 1, fcm));
        self
    }

    /// With Apple's push service.
    #[must_use]
    pub fn with_apns(mut self, name: impl Into<String>, apns: Apns) -> Self {
        self.apns = Some(Line::new(name, Channel::Push, "apns", 1, apns));
        self
    }

    /// Whether anything sends SMS.
    pub fn has_sms(&self) -> bool {
        !self.sms.is_empty()
    }

    /// Whether anything sends mail.
    pub fn has_mail(&self) -> bool {
        !self.mail.is_empty()
    }

    /// Whether anything reaches browsers.
    pub fn has_web_push(&self) -> bool {
        self.web_push.is_some()
    }

    /// Whether anything reaches apps by Firebase.
    pub fn has_fcm(&self) -> bool {
        self.fcm.is_some()
    }

    /// Whether anything reaches apps by Apple.
    pub fn has_apns(&self) -> bool {
        self.apns.is_some()
    }

    /// Sends one SMS.
    pub async fn send_sms(&self, sms: &Sms<'_>) -> Delivery {
        self.first_that_takes(&self.sms, sms).await
    }

    /// Sends one mail.
    pub async fn send_mail(&self, to: &MailAddress, mail: &MailText) -> Delivery {
        self.first_that_takes(&self.mail, &(to, mail)).await
    }

    /// Pushes one note. [`Outcome::Undeliverable`] with [`Fault::Gone`] says that the target is to be dropped.
    pub async fn push(&self, to: &PushTarget, note: &Note) -> Delivery {
        match to {
            PushTarget::WebPush(to) => self.first_that_takes(self.web_push.as_slice(), &(to, note)).await,
            PushTarget::Fcm(to) => self.first_that_takes(self.fcm.as_slice(), &(to, note)).await,
            PushTarget::Apns(to) => self.first_that_takes(self.apns.as_slice(), &(to, note)).await,
        }
    }

    /// Reads a receipt that was posted for the SMS gateway of this name.
    ///
    /// # Errors
    ///
    /// [`InvalidReceipt`], also where there is no such gateway.
    pub fn receipt(&self, gateway: &str, posted: &Posted<'_>) -> Result<Receipt, InvalidReceipt> {
        let line = self.sms.iter().find(|line| line.name == gateway).ok_or(InvalidReceipt::None)?;
        line.gateway.receipt(posted, self.clock.now())
    }

    /// The client that calls others by HTTP.
    pub fn outside(&self) -> &Outside {
        &self.outside
    }

    /// How each gateway is.
    pub fn health(&self) -> Vec<Health> {
        let (aside, now) = (self.aside(), self.clock.now());
        let sms = self.sms.iter().map(Line::health);
        let mail = self.mail.iter().map(Line::health);
        let web_push = self.web_push.iter().map(Line::health);
        let fcm = self.fcm.iter().map(Line::health);
        let apns = self.apns.iter().map(Line::health);
        let all = sms.chain(mail).chain(web_push).chain(fcm).chain(apns);
        let until = |name: &str| aside.get(name).copied().filter(|until| *until > now);
        all.map(|health| Health { aside_until: until(&health.gateway), ..health }).collect()
    }

    /// Has these gateways used after all others of their channels, each until a time, and no others.
    pub fn set_aside(&self, aside: BTreeMap<String, Timestamp>) {
        *self.aside.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(aside);
    }

    fn aside(&self) -> Aside {
        Arc::clone(&self.aside.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tries one gateway after the other until one takes it, or says that nobody will.
    async fn first_that_takes<L: Sync, T: Carries<L> + Sync>(&self, lines: &[Line<T>], load: &L) -> Delivery {
        let mut delivery =
            Delivery { outcome: Outcome::Unavailable { retry_at: None }, attempts: Vec::new(), changes: Vec::new() };
        let first = Instant::now();
        for line in self.in_order(lines) {
            let is_enough = delivery.attempts.len() == MOST_ATTEMPTS || first.elapsed() >= PATIENCE;
            if is_enough || !line.admits(self.clock.now()) {
                continue;
            }
            let begun = Instant::now();
            let result = line.gateway.carry(load, self).await;
            delivery.changes.extend(line.learn(&result, self.clock.now()));
            let failure = result.as_ref().err().cloned();
            delivery.attempts.push(Attempt { gateway: line.name.clone(), failure, took: begun.elapsed() });
            match result {
                Ok(reference) => {
                    delivery.outcome = Outcome::Sent { gateway: line.name.clone(), reference };
                    return delivery;
                }
                Err(Failure { kind: FailureKind::Recipient(fault), .. }) => {
                    delivery.outcome = Outcome::Undeliverable(fault);
                    return delivery;
                }
                Err(_) => {}
            }
        }
        let next = lines.iter().filter_map(|line| line.health().down_until).min();
        delivery.outcome = Outcome::Unavailable { retry_at: next };
        delivery
    }

    /// The gateways in the order in which they are tried: drawn by weight, then those that stand by, and last those that were set aside.
    fn in_order<'a, T>(&self, lines: &'a [Line<T>]) -> Vec<&'a Line<T>> {
        let (set_aside, now) = (self.aside(), self.clock.now());
        let is_aside = |line: &&Line<T>| set_aside.get(&line.name).is_some_and(|until| *until > now);
        let (aside, lines): (Vec<&Line<T>>, Vec<&Line<T>>) = lines.iter().partition(is_aside);
        let mut left: Vec<&Line<T>> = lines.iter().copied().filter(|line| line.weight > 0).collect();
        let mut order = Vec::with_capacity(lines.len() + aside.len());
        while !left.is_empty() {
            let total: u64 = left.iter().map(|line| u64::from(line.weight)).sum();
            let mut drawn = [0; 8];
            self.entropy.fill(&mut drawn);
            let mut drawn = u64::from_le_bytes(drawn) % total;
            let place = left.iter().position(|line| {
                let weight = u64::from(line.weight);
                let is_here = drawn < weight;
                drawn = drawn.saturating_sub(weight);
                is_here
            });
            order.push(left.remove(place.unwrap_or(0)));
        }
        order.extend(lines.into_iter().filter(|line| line.weight == 0));
        order.extend(aside);
        order
    }
}

/// A gateway that carries loads of this kind.
trait Carries<L> {
    /// Hands a load over. Answers the gateway's name for it.
    fn carry(&self, load: &L, with: &Gateways) -> impl Future<Output = Result<Option<String>, Failure>> + Send;
}

impl Carries<Sms<'_>> for SmsProvider {
    async fn carry(&self, sms: &Sms<'_>, with: &Gateways) -> Result<Option<String>, Failure> {
        self.send(&with.outside, sms, with.clock.now()).await
    }
}

impl Carries<(&MailAddress, &MailText)> for Relay {
    async fn carry(&self, (to, mail): &(&MailAddress, &MailText), with: &Gateways) -> Result<Option<String>, Failure> {
        self.send(to, mail, with.clock.now(), &*with.entropy).await
    }
}

impl Carries<(&Subscription, &Note)> for WebPush {
    async fn carry(&self, (to, note): &(&Subscription, &Note), with: &Gateways) -> Result<Option<String>, Failure> {
        self.send(&with.outside, to, note, with.clock.now()).await
    }
}

impl Carries<(&Secret, &Note)> for Fcm {
    async fn carry(&self, (to, note): &(&Secret, &Note), with: &Gateways) -> Result<Option<String>, Failure> {
        self.send(&with.outside, to, note, with.clock.now()).await
    }
}

impl Carries<(&Secret, &Note)> for Apns {
    async fn carry(&self, (to, note): &(&Secret, &Note), with: &Gateways) -> Result<Option<String>, Failure> {
        self.send(&with.outside, to, note, with.clock.now()).await
    }
}

impl<T> Line<T> {
    fn new(name: impl Into<String>, channel: Channel, kind: &'static str, weight: u32, gateway: T) -> Self {
        let state = Mutex::default();
        Self { name: name.into(), channel, kind, weight, has_breaker: true, gateway, state }
    }

    fn admits(&self, now: Timestamp) -> bool {
        !self.has_breaker || self.state().breaker.admits(now)
    }

    /// Takes note of how a try went.
    fn learn(&self, result: &Result<Option<String>, Failure>, now: Timestamp) -> Option<HealthChange> {
        let mut state = self.state();
        let is_fine = match result {
            Ok(_) => {
                state.sent += 1;
                true
            }
            Err(failure) => {
                state.failed += 1;
                tracing::warn!(gateway = self.name, kind = failure.kind.name(), "{failure}");
                state.last_failure = Some((now, failure.clone()));
                !failure.kind.is_the_gateways()
            }
        };
        if !self.has_breaker {
            return None;
        }
        let change = if is_fine { state.breaker.succeeded() } else { state.breaker.failed(now) };
        let is_up = match change {
            Change::None => return None,
            Change::WentDown => false,
            Change::CameUp => true,
        };
        Some(HealthChange { gateway: self.name.clone(), channel: self.channel, is_up })
    }

    fn health(&self) -> Health {
        let state = self.state();
        Health {
            gateway: self.name.clone(),
            channel: self.channel,
            kind: self.kind,
            stands_by: self.weight == 0,
            down_until: state.breaker.closed_until(),
            aside_until: None,
            sent: state.sent,
            failed: state.failed,
            last_failure: state.last_failure.clone(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, LineState> {
        // Nothing in there can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.health().iter().map(|health| (&health.gateway, health.kind))).finish()
    }
}
