//! Signals of risk: what a session began with, and from where it is used, held against what is known of its user.
//!
//! Where a session is used from elsewhere than it began, its signals are raised anew: a proof answers them only if it was asked for
//! right there. So a cookie that was stolen gains nothing by what its owner proves. And only what was proved is learned from.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use domain::{ChallengeId, Session, SessionId, Standing, Timestamp, UserId};
use policy::{Finding, Signal};
use risk::{Agent, Assessment, Band, History, Name, Observation, Outcome, Reason, World};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Change, Effect};
use utoipa::ToSchema;

use super::factors::push::sha256;
use super::{App, Error};

/// What the bytes begin with that are kept with a session.
const VERSION: u8 = 1;
/// How many moments are kept at which a session was asked for proof elsewhere. The oldest makes room.
const MOST_MOMENTS: usize = 8;
/// How often a write is tried again that others came before.
const MOST_TRIES: usize = 32;

/// What a policy can ask for beside single signals: how high the risk is, of what is known and at the worst.
pub(crate) const SCORES: [&str; 4] = ["risk_score", "risk_band", "risk_score_at_worst", "risk_band_at_worst"];

/// From where something is asked, as far as the application says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Source {
    /// The user's address.
    pub(crate) address: Option<IpAddr>,
    /// The user's program.
    pub(crate) agent: Option<Agent>,
}

impl Source {
    pub(crate) fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        Self { address, agent: user_agent.map(Agent::of) }
    }
}

/// How high the risk is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Score {
    /// From 0 to 100, of the signals that are known.
    score: u8,
    /// `low`, `medium` or `high`.
    band: &'static str,
    /// From 0 to 100, if each signal that is unknown were as bad as can be.
    score_at_worst: u8,
    /// Its band.
    band_at_worst: &'static str,
}

/// What was noticed of a session.
pub(crate) struct Noticed {
    /// Each of our signals.
    pub(crate) signals: Vec<Signal>,
    /// Where the session is used now, if that is not where it began.
    pub(crate) elsewhere: Option<Elsewhere>,
    /// Whether that is another place than where it began, by what was told of both, and nothing was proved there that was asked for there.
    pub(crate) is_strange: bool,
}

/// Where a session is used that began elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    mark: Mark,
    at: Timestamp,
    moment: Vec<u8>,
}

/// What is kept with a session.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    began: Option<Began>,
    moments: Vec<Moment>,
}

/// What a session began with.
#[derive(Serialize, Deserialize)]
struct Began {
    mark: Mark,
    /// Those that were raised or unknown.
    signals: Vec<KeptSignal>,
    /// What there is to learn from it: [`History::of`] that moment alone.
    moment: Vec<u8>,
}

/// A proof was asked for elsewhere than where the session began.
#[derive(Serialize, Deserialize)]
struct Moment {
    mark: Mark,
    at: i64,
    challenge: u128,
    moment: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct KeptSignal {
    name: String,
    value: Option<f64>,
    weight: f64,
    explanation: String,
}

/// What a place is known again by. Two bytes of a hash are enough to notice another address, and fit one in 65,536: of IPv4 tens of
/// thousands, so that they do not say which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    address: Option<u16>,
    agent: Option<Agent>,
}

impl Mark {
    fn of(session: SessionId, source: Source) -> Self {
        let address = source.address.map(|address| {
            let mut bytes = session.uuid().as_bytes().to_vec();
            match address.to_canonical() {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                // People change the second half of it by themselves (RFC 8981).
                IpAddr::V6(address) => bytes.extend(address.octets().iter().take(8)),
            }
            let [one, two, ..] = sha256(&bytes);
            u16::from_be_bytes([one, two])
        });
        Self { address, agent: source.agent }
    }

    /// Whether what is told of another place is the same of this one.
    fn is_also(self, told: Self) -> bool {
        told.address.is_none_or(|address| self.address == Some(address))
            && told.agent.is_none_or(|agent| self.agent == Some(agent))
    }

    /// Whether both were told and are not the same. What was not told is no difference.
    fn differs_from(self, told: Self) -> bool {
        self.address.zip(told.address).is_some_and(|(one, other)| one != other)
            || self.agent.zip(told.agent).is_some_and(|(one, other)| one != other)
    }
}

impl Kept {
    /// What cannot be read is as if nothing had been noted: every signal is unknown then.
    fn read(bytes: &[u8]) -> Self {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory fails only for lack of it.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// A signal as it was when the session began.
    fn signal(&self, name: Name, session: &Session) -> Signal {
        let signal = |value, weight, explanation: Cow<'static, str>| Signal {
            name: name.as_str().into(),
            value,
            weight,
            explanation,
            raised_at: Some(session.created_at),
        };
        let Some(began) = &self.began else {
            let weight = percent(name.default_weight());
            return signal(Finding::Unknown, weight, "it was not noted how the session began".into());
        };
        match began.signals.iter().find(|kept| kept.name == name.as_str()) {
            Some(kept) => {
                let (value, weight) = found(kept.value, kept.weight);
                signal(value, weight, kept.explanation.clone().into())
            }
            None => signal(Finding::Known(Value::Bool(false)), 0, "it was not so when the session began".into()),
        }
    }
}

/// Whether the policy takes a signal for raised, and what it adds then, to 100. Less than a hundredth is nothing.
fn found(value: Option<f64>, weight: f64) -> (Finding, u16) {
    match value {
        None => (Finding::Unknown, percent(weight)),
        Some(value) if percent(value) == 0 => (Finding::Known(Value::Bool(false)), 0),
        Some(value) => (Finding::Known(Value::Bool(true)), percent(value * weight)),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 100")]
fn percent(share: f64) -> u16 {
    (share * 100.0).round().clamp(0.0, 100.0) as u16
}

fn of(name: Name, signal: &risk::Signal<'_>, raised_at: Option<Timestamp>) -> Signal {
    let (value, weight) = found(signal.value, signal.weight);
    Signal { name: name.as_str().into(), value, weight, explanation: signal.reason.to_string().into(), raised_at }
}

/// The one of now, unless it was found at the beginning and is not now: that goes on until something was proved.
fn worse(began: Signal, present: Signal) -> Signal {
    if !present.is_raised() && began.is_raised() && began.value != Finding::Unknown { began } else { present }
}

/// What all signals amount to, ours and the application's.
fn score(signals: &[Signal], thresholds: risk::Thresholds) -> Score {
    let signals = signals.iter().map(|signal| risk::Signal {
        name: &signal.name,
        value: match &signal.value {
            Finding::Unknown => None,
            Finding::Known(_) => Some(f64::from(u8::from(signal.is_raised()))),
        },
        weight: f64::from(signal.weight) / 100.0,
        reason: Reason::Own,
    });
    let assessment = Assessment::of(signals.collect(), thresholds);
    let whole = |score: f64| u8::try_from(percent(score / 100.0)).unwrap_or(100);
    Score {
        score: whole(assessment.score),
        band: name_of(assessment.band),
        score_at_worst: whole(assessment.score_at_worst),
        band_at_worst: name_of(assessment.band_at_worst),
    }
}

const fn name_of(band: Band) -> &'static str {
    match band {
        Band::Low => "low",
        Band::Medium => "medium",
        Band::High => "high",
    }
}

impl Score {
    /// As a policy asks for it. It adds nothing to what the signals add by themselves.
    fn signals(self) -> impl Iterator<Item = Signal> {
        let values: [Value; 4] =
            [self.score.into(), self.band.into(), self.score_at_worst.into(), self.band_at_worst.into()];
        SCORES.into_iter().zip(values).map(|(name, value)| Signal {
            name: name.into(),
            value: Finding::Known(value),
            weight: 0,
            explanation: "what all signals amount to".into(),
            raised_at: None,
        })
    }
}

/// How much a signal adds to the risk that was raised about a user, to 100.
const RAISED: u16 = 50;

/// Our signals, with those that were raised about the user for a while, and those that workflows in force could have raised.
pub(crate) fn raised_about(
    standing: &Standing,
    raisable: &BTreeSet<String>,
    ours: Vec<Signal>,
    now: Timestamp,
) -> Vec<Signal> {
    let mut all = ours;
    for name in raisable {
        if all.iter().all(|own| *own.name != **name) {
            all.push(Signal {
                name: name.clone().into(),
                value: Finding::Known(Value::Bool(false)),
                weight: 0,
                explanation: "no workflow has raised it".into(),
                raised_at: None,
            });
        }
    }
    for (name, raised) in standing.signals.iter().filter(|(_, raised)| raised.until > now) {
        let signal = Signal {
            name: name.clone().into(),
            value: Finding::Known(Value::Bool(true)),
            weight: RAISED,
            explanation: "it was raised about the user, for a while".into(),
            raised_at: Some(raised.since),
        };
        match all.iter_mut().find(|own| *own.name == **name) {
            // What was noticed is answered by nothing earlier, and weighs no less.
            Some(own) if own.is_raised() && own.value != Finding::Unknown => {
                own.raised_at = own.raised_at.zip(signal.raised_at).map(|(ours, theirs)| ours.max(theirs));
                own.weight = own.weight.max(signal.weight);
            }
            Some(own) => *own = signal,
            None => all.push(signal),
        }
    }
    all
}

/// Our signals and the application's together, and what they amount to. What an application says of one of ours stands where ours is
/// unknown. Where it is known, the application can raise it and not quiet it.
pub(crate) fn together(ours: Vec<Signal>, theirs: Vec<Signal>, thresholds: risk::Thresholds) -> (Vec<Signal>, Score) {
    let mut all = ours;
    for own in theirs {
        match all.iter_mut().find(|signal| signal.name == own.name) {
            Some(ours) if ours.value == Finding::Unknown || (own.is_raised() && !ours.is_raised()) => *ours = own,
            Some(_) => {}
            None => all.push(own),
        }
    }
    let score = score(&all, thresholds);
    all.extend(score.signals());
    (all, score)
}

/// Something that is learned of a user, once it was answered whom it came from.
#[derive(Debug)]
pub(crate) struct Learning {
    /// Of whom.
    pub(crate) user_id: UserId,
    /// When.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) what: Lesson,
}

/// What is learned.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lesson {
    /// It was the user, in this session and where this was asked.
    Proved(SessionId, ChallengeId),
    /// A proof failed.
    Failed,
    /// The user says that it was somebody else who asked.
    FraudReported,
}

impl App {
    /// What signals are told by at this moment.
    pub(super) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.borrow())
    }

    /// What is kept with a session that begins, and counted of it.
    pub(super) async fn begin_to_watch(&self, session: &Session, source: Source) -> Result<Vec<u8>, Error> {
        let (_, history) = self.history_of(session.user_id).await?;
        let observation = observation(session, source, session.created_at, risk::Session::Begins);
        let world = self.world();
        world.note(&observation, &history);
        let assessment = world.assess(&observation, &history);
        let noteworthy = assessment.signals.iter().filter(|signal| signal.value != Some(0.0));
        let signals = noteworthy.map(|signal| KeptSignal {
            name: signal.name.to_owned(),
            value: signal.value,
            weight: signal.weight,
            explanation: signal.reason.to_string(),
        });
        let began = Began {
            mark: Mark::of(session.id, source),
            signals: signals.collect(),
            moment: History::of(&observation, &world).to_bytes(),
        };
        Ok(Kept { began: Some(began), moments: Vec::new() }.to_bytes())
    }

    /// Each of our signals, for a session that is used now.
    pub(super) async fn noticed(&self, session: &Session, source: Source, now: Timestamp) -> Result<Noticed, Error> {
        let (kept, history) =
            tokio::join!(self.store.session_risk(session.id), self.store.risk_history(session.user_id));
        self.noticed_of(session, &kept?, &history?.1, source, now).await
    }

    /// The same, of what was read before: what is kept with the session, and what is remembered of its user.
    pub(super) async fn noticed_of(
        &self,
        session: &Session,
        kept: &[u8],
        history: &[u8],
        source: Source,
        now: Timestamp,
    ) -> Result<Noticed, Error> {
        let (kept, history) = (Kept::read(kept), read_history(session.user_id, history));
        let mark = Mark::of(session.id, source);
        let began = kept.began.as_ref().map(|began| began.mark);
        let is_told = source.address.is_some() || source.agent.is_some();
        let elsewhere = is_told && !began.is_some_and(|began| began.is_also(mark));
        let proved_at = if elsewhere { self.proved_at(&kept, mark).await? } else { None };
        let since = proved_at.unwrap_or(now);
        let is_strange = proved_at.is_none() && began.is_some_and(|began| began.differs_from(mark));
        let began_with = risk::Session::BeganWith(began.and_then(|began| began.agent));
        let observation = observation(session, source, now, began_with);
        let world = self.world();
        let assessment = world.assess(&observation, &history);
        let signals = Name::ALL.into_iter().zip(&assessment.signals).map(|(name, present)| match name {
            // These are of the user, wherever a session is.
            Name::FailedAttempts => of(name, present, history.failed_at()),
            Name::PushFraudReported => of(name, present, history.fraud_reported_at()),
            _ if elsewhere => worse(kept.signal(name, session), of(name, present, Some(since))),
            _ => kept.signal(name, session),
        });
        let signals = signals.collect();
        let moment = || History::of(&observation, &world).to_bytes();
        let elsewhere = elsewhere.then(|| Elsewhere { mark, at: now, moment: moment() });
        Ok(Noticed { signals, elsewhere, is_strange })
    }

    /// Whether a challenge was asked for in this place, by what was told of it then and now: what its owner proves is nothing to whoever has a
    /// session's cookie elsewhere, nor may it become that by a link (T-12).
    pub(super) async fn was_asked_here(
        &self,
        session: SessionId,
        challenge: ChallengeId,
        source: Source,
    ) -> Result<bool, Error> {
        let kept = Kept::read(&self.store.session_risk(session).await?);
        let asked = kept.moments.iter().find(|moment| moment.challenge == challenge.uuid().as_u128());
        let place = asked.map(|asked| asked.mark).or(kept.began.map(|began| began.mark));
        Ok(place.is_none_or(|place| !place.differs_from(Mark::of(session, source))))
    }

    /// Since when a place has been known from which something was proved that was asked for there.
    async fn proved_at(&self, kept: &Kept, mark: Mark) -> Result<Option<Timestamp>, Error> {
        for moment in kept.moments.iter().rev().filter(|moment| moment.mark == mark) {
            let id = ChallengeId::from_uuid(uuid::Uuid::from_u128(moment.challenge));
            if self.store.challenge(id).await?.is_some_and(|challenge| challenge.satisfied.is_some()) {
                return Ok(Some(Timestamp::from_unix_millis(moment.at)));
            }
        }
        Ok(None)
    }

    /// Keeps where a proof was asked for, so that it counts there once it is given.
    pub(super) async fn asked_elsewhere(
        &self,
        session: SessionId,
        elsewhere: Elsewhere,
        challenge: ChallengeId,
    ) -> Result<(), Error> {
        let Elsewhere { mark, at, moment } = elsewhere;
        for _ in 0..MOST_TRIES {
            let seen = self.store.session_risk(session).await?;
            let mut kept = Kept::read(&seen);
            let challenge = challenge.uuid().as_u128();
            kept.moments.push(Moment { mark, at: at.unix_millis(), challenge, moment: moment.clone() });
            kept.moments.drain(..kept.moments.len().saturating_sub(MOST_MOMENTS));
            let change = Change::PutSessionRisk { id: session, seen, risk: kept.to_bytes() };
            if self.commit(change, Vec::new()).await? == Effect::Applied {
                return Ok(());
            }
        }
        // It is asked for once more then.
        tracing::warn!("too many decide about one session at the same time: where one was asked is not kept");
        Ok(())
    }

    /// Learns something. Nobody waits for it; what is lost of it makes people be asked once more.
    pub(super) async fn learn(&self, learning: &Learning) {
        if let Err(error) = self.try_to_learn(learning).await {
            tracing::warn!(%error, "what signals of risk go by could not be kept");
        }
    }

    async fn try_to_learn(&self, learning: &Learning) -> Result<(), Error> {
        let Learning { user_id, at, what } = *learning;
        let moment = match what {
            Lesson::Proved(session, challenge) => match self.moment_of(session, challenge).await? {
                Some(moment) => Some(moment),
                None => return Ok(()),
            },
            Lesson::Failed | Lesson::FraudReported => None,
        };
        let nothing = Observation {
            user: user_id,
            at,
            device: None,
            address: None,
            agent: None,
            session: risk::Session::BeganWith(None),
            own: &[],
        };
        for _ in 0..MOST_TRIES {
            let (seen, history) = self.history_of(user_id).await?;
            let next = match (&moment, what) {
                (Some(moment), _) => history.learned(moment, at),
                (None, Lesson::FraudReported) => history.after(&nothing, Outcome::FraudReported, &self.world()),
                (None, _) => history.after(&nothing, Outcome::Failed, &self.world()),
            };
            if next.is_as_good_as(&history) {
                return Ok(());
            }
            let change = Change::PutRiskHistory { user_id, seen, history: next.to_bytes() };
            if self.commit(change, Vec::new()).await? == Effect::Applied {
                return Ok(());
            }
        }
        Err(Error::Internal("others were always faster, or the user is gone".to_owned()))
    }

    /// What there is to learn from where a challenge was asked for: elsewhere, or where the session began.
    async fn moment_of(&self, session: SessionId, challenge: ChallengeId) -> Result<Option<History>, Error> {
        let Kept { began, moments } = Kept::read(&self.store.session_risk(session).await?);
        let asked = moments.into_iter().find(|moment| moment.challenge == challenge.uuid().as_u128());
        let bytes = asked.map(|asked| asked.moment).or(began.map(|began| began.moment));
        Ok(bytes.and_then(|bytes| History::from_bytes(&bytes).ok()))
    }

    /// What is remembered of a user, and its version.
    async fn history_of(&self, user: UserId) -> Result<(i64, History), Error> {
        let (version, bytes) = self.store.risk_history(user).await?;
        Ok((version, read_history(user, &bytes)))
    }
}

/// Whoever cannot be read is a stranger: everything about them is new.
fn read_history(user: UserId, bytes: &[u8]) -> History {
    History::from_bytes(bytes).unwrap_or_else(|error| {
        tracing::warn!(%error, %user, "what is remembered of a user cannot be read, and is begun anew");
        History::default()
    })
}

fn observation(session: &Session, source: Source, at: Timestamp, place: risk::Session) -> Observation<'static> {
    Observation {
        user: session.user_id,
        at,
        device: session.device_id,
        address: source.address,
        agent: source.agent,
        session: place,
        own: &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(name: &str, value: Option<bool>, weight: u16) -> Signal {
        let value = value.map_or(Finding::Unknown, |raised| Finding::Known(raised.into()));
        Signal { name: name.to_owned().into(), value, weight, explanation: "".into(), raised_at: None }
    }

    fn at(address: &str, user_agent: Option<&str>) -> Source {
        Source::new(Some(address.parse().unwrap()), user_agent)
    }

    #[test]
    fn what_an_application_says_adds_and_takes_nothing() {
        let said = |ours: Option<bool>, theirs: bool| {
            let (all, _) = together(
                vec![signal("new_device", ours, 35)],
                vec![signal("new_device", Some(theirs), 10)],
                risk::Thresholds::STANDARD,
            );
            assert_eq!(all.iter().filter(|signal| signal.name == "new_device").count(), 1);
            (all[0].is_raised(), all[0].weight)
        };
        assert_eq!(said(Some(true), false), (true, 35));
        assert_eq!(said(Some(true), true), (true, 35), "since when ours is raised is known");
        assert_eq!(said(Some(false), true), (true, 10));
        assert_eq!(said(Some(false), false), (false, 35));
        assert_eq!(said(None, false), (false, 10));
        assert_eq!(said(None, true), (true, 10));
    }

    #[test]
    fn the_score_is_of_what_is_known_and_at_worst_of_all() {
        let signals = vec![signal("a", Some(true), 50), signal("b", None, 50), signal("c", Some(false), 90)];
        let (all, score) = together(signals, Vec::new(), risk::Thresholds::STANDARD);
        assert_eq!((score.score, score.band, score.score_at_worst, score.band_at_worst), (50, "medium", 75, "high"));
        for (name, value) in SCORES.into_iter().zip([50.into(), "medium".into(), 75.into(), Value::from("high")]) {
            let found = all.iter().find(|signal| signal.name == name).unwrap();
            assert_eq!((&found.value, found.weight), (&Finding::Known(value), 0));
        }
    }

    #[test]
    fn a_signal_of_the_beginning_goes_on_until_it_is_proved() {
        let raised = |value| worse(signal("began", value, 1), signal("now", Some(false), 1)).is_raised();
        assert!(raised(Some(true)));
        assert!(!raised(None), "what was not known then, and is now, is known");
        assert_eq!(worse(signal("began", Some(true), 1), signal("now", None, 1)).name, "now");
    }

    #[test]
    fn another_address_or_program_is_another_place() {
        let session = SessionId::from_uuid(uuid::Uuid::from_u128(7));
        let firefox = Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        let mark = |source| Mark::of(session, source);
        let home = mark(at("2001:db8:1:2::3", firefox));
        assert!(home.is_also(mark(at("2001:db8:1:2:ffff::4", firefox))), "the same /64");
        assert!(home.is_also(mark(at("2001:db8:1:2::3", None))) && home.is_also(mark(Source::new(None, firefox))));
        assert!(!home.is_also(mark(at("2001:db8:1:3::3", firefox))));
        assert!(!home.is_also(mark(at("2001:db8:1:2::3", Some("curl/8")))));
        assert!(!mark(Source::default()).is_also(home), "nothing was told of the beginning");
        assert_eq!(mark(at("192.0.2.1", None)), mark(at("::ffff:192.0.2.1", None)));
        let elsewhere = SessionId::from_uuid(uuid::Uuid::from_u128(8));
        assert_ne!(
            home,
            Mark::of(elsewhere, at("2001:db8:1:2::3", firefox)),
            "two sessions are not told to be of one address"
        );
    }

    #[test]
    fn what_is_damaged_is_as_if_nothing_had_been_noted() {
        let kept = Kept { began: None, moments: Vec::new() }.to_bytes();
        for bytes in [&[][..], &[9, 9, 9], &[VERSION], &kept] {
            assert!(Kept::read(bytes).began.is_none());
        }
    }
}
