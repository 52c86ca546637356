//! What is remembered of a user between one moment and the next: little, coarse, bounded, and for a time.

use domain::{DeviceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::place::{Coarse, MOBILE_SLACK};
use crate::ramp::whole;
use crate::{Agent, Country, Location, NetworkKind, Observation, Point, Session, World};

/// How many of each are remembered. The one that was seen longest ago makes room.
const DEVICES: usize = 16;
const AGENTS: usize = 8;
const PLACES: usize = 16;
const SPOTS: usize = 3;

/// For how many days after they were last seen devices, programs, places and the hours of the day are remembered.
pub(crate) const REMEMBERED_DAYS: u32 = 180;

/// For how many hours a point on the earth is remembered. After that, anybody can have travelled anywhere.
pub(crate) const SPOT_HOURS: i64 = 24;

/// For how many days a fraud report is remembered.
pub(crate) const FRAUD_DAYS: u32 = 14;

/// How fast failures are forgotten: half of them each hour.
const FAILURE_HALF_LIFE: f64 = 3600.0;

/// Once so many log-ins are counted, all counts of hours are halved: what a user does now outweighs what they did once.
const HOURS_CAPACITY: u32 = 400;

/// How much a history may have in bytes. The largest that is made has far less.
const BYTES_LIMIT: usize = 2048;

/// What the bytes of a history begin with. A change of what follows takes another.
const VERSION: u8 = 1;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What is remembered of one user. It is a value: [`History::after`] makes the next one, and [`History::to_bytes`] what a store keeps of it.
///
/// No address is in it, no user agent's text, and no point closer than half a degree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    devices: Vec<Dated<u128>>,
    agents: Vec<Dated<Agent>>,
    places: Vec<Dated<Place>>,
    spots: Vec<Spot>,
    hours: [u16; 24],
    /// On how many days hours were counted, and the last of them.
    days: u16,
    day: u32,
    last_seen: Option<i64>,
    failures: u16,
    failed_at: i64,
    fraud_at: Option<i64>,
}

/// Something, and the day on which it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Dated<T> {
    what: T,
    day: u32,
}

/// Where a user was seen: country, city and network, each if it was known. Of a VPN only the network is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) country: Option<Country>,
    pub(crate) city: Option<u32>,
    pub(crate) network: Option<u32>,
}

/// A point where a user was, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Spot {
    point: Coarse,
    network: Option<u32>,
    at: i64,
}

/// Where a user was, in which network, and how many seconds ago.
pub(crate) struct Whereabouts {
    pub(crate) point: Point,
    pub(crate) network: Option<u32>,
    pub(crate) seconds: u32,
}

/// What became of an observation, which decides about what is learned from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was let through, on proof or because nothing spoke against it: from here on device, place and hour are known.
    Trusted,
    /// A proof failed. Nothing is learned of who failed.
    Failed,
    /// The user says that it was not they who asked. Nothing is learned of who did.
    FraudReported,
}

/// Bytes that are no history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistory {
    /// They begin with a version that this program does not know.
    #[error("the history is of version {0}, which is newer than this program")]
    Version(u8),
    /// They are too many, too few, or make no sense.
    #[error("the history is damaged")]
    Damaged,
}

impl History {
    /// The history after one more observation. What has served its time is left out of it.
    #[must_use]
    pub fn after(&self, observation: &Observation<'_>, outcome: Outcome, world: &World) -> Self {
        let now = observation.at.unix_seconds();
        let mut next = self.remembered_at(now);
        match outcome {
            Outcome::Trusted => next.learn(observation, world.locate(observation.address).ok()),
            Outcome::Failed => {
                let count = u16::try_from(whole(next.failures_at(observation.at) * 100.0));
                next.failures = count.unwrap_or(u16::MAX).saturating_add(100);
                next.failed_at = now.max(next.failed_at);
            }
            Outcome::FraudReported => next.fraud_at = next.fraud_at.max(Some(now)),
        }
        next
    }

    /// One moment by itself, to be kept until it is known whether it was the user's own: without its address, and as coarse as everything
    /// here. [`History::learned`] learns from it then.
    pub fn of(observation: &Observation<'_>, world: &World) -> Self {
        Self::default().after(observation, Outcome::Trusted, world)
    }

    /// The history after a proof at `now` of whoever was there in a moment that was kept by itself. Learning from the same moment again
    /// changes nothing but when the user was last seen.
    #[must_use]
    pub fn learned(&self, moment: &Self, now: Timestamp) -> Self {
        let now = now.unix_seconds();
        let mut next = self.remembered_at(now);
        let kept = moment.remembered_at(now);
        kept.devices.iter().for_each(|dated| remember(&mut next.devices, DEVICES, dated.what, dated.day));
        kept.agents.iter().for_each(|dated| remember(&mut next.agents, AGENTS, dated.what, dated.day));
        kept.places.iter().for_each(|dated| remember(&mut next.places, PLACES, dated.what, dated.day));
        for spot in kept.spots {
            if !next.spots.contains(&spot) {
                next.spots.push(spot);
            }
        }
        next.spots.sort_by_key(|spot| spot.at);
        next.spots.drain(..next.spots.len().saturating_sub(SPOTS));
        // A moment that lies before what was seen last was counted, or is one of several at the same time.
        if let Some(began) = moment.last_seen.filter(|began| next.last_seen < Some(*began))
            && moment.days > 0
        {
            next.count_hour(began);
        }
        next.last_seen = next.last_seen.max(Some(now));
        next
    }

    /// Whether nothing else differs than when the user was last seen, and that by less than an hour: it need not be written.
    pub fn is_as_good_as(&self, other: &Self) -> bool {
        let seen = self.last_seen.zip(other.last_seen);
        seen.is_some_and(|(one, other)| one.abs_diff(other) < HOUR.unsigned_abs())
            && Self { last_seen: None, ..self.clone() } == Self { last_seen: None, ..other.clone() }
    }

    /// When a proof failed last, if one did.
    pub fn failed_at(&self) -> Option<Timestamp> {
        (self.failures > 0).then_some(self.failed_at).map(timestamp)
    }

    /// When the user reported fraud last, as far as that is remembered.
    pub fn fraud_reported_at(&self) -> Option<Timestamp> {
        self.fraud_at.map(timestamp)
    }

    /// As a store keeps it: a version, and postcard's encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory fails only for lack of it.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// Reads what [`History::to_bytes`] made. No bytes at all are the history of somebody who was never seen.
    ///
    /// # Errors
    ///
    /// Any of [`InvalidHistory`]. Whoever goes on with an empty history instead has every device and place new, which is the safe side.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidHistory> {
        match bytes.split_first() {
            None => Ok(Self::default()),
            Some((&VERSION, rest)) if rest.len() < BYTES_LIMIT => {
                let (history, rest) = postcard::take_from_bytes(rest).map_err(|_| InvalidHistory::Damaged)?;
                if rest.is_empty() && Self::is_bounded(&history) { Ok(history) } else { Err(InvalidHistory::Damaged) }
            }
            Some((&VERSION, _)) => Err(InvalidHistory::Damaged),
            Some((&version, _)) => Err(InvalidHistory::Version(version)),
        }
    }

    fn is_bounded(&self) -> bool {
        self.devices.len() <= DEVICES
            && self.agents.len() <= AGENTS
            && self.places.len() <= PLACES
            && self.spots.len() <= SPOTS
    }

    fn learn(&mut self, observation: &Observation<'_>, location: Option<Location<'_>>) {
        let now = observation.at.unix_seconds();
        let day = day(now);
        if let Some(device) = observation.device {
            remember(&mut self.devices, DEVICES, device.uuid().as_u128(), day);
        }
        if let Some(agent) = observation.agent {
            remember(&mut self.agents, AGENTS, agent, day);
        }
        if let Some(location) = location {
            remember(&mut self.places, PLACES, Place::of(&location), day);
            if let Some(spot) = Spot::of(&location, now) {
                self.spots.push(spot);
                self.spots.drain(..self.spots.len().saturating_sub(SPOTS));
            }
        }
        if observation.session == Session::Begins {
            self.count_hour(now);
        }
        self.last_seen = self.last_seen.max(Some(now));
    }

    fn count_hour(&mut self, now: i64) {
        if let Some(count) = self.hours.get_mut(hour(now)) {
            *count = count.saturating_add(1);
        }
        if self.hours.iter().copied().map(u32::from).sum::<u32>() > HOURS_CAPACITY {
            self.hours = self.hours.map(|count| count / 2);
        }
        if day(now) != self.day {
            self.days = self.days.saturating_add(1);
            self.day = day(now);
        }
    }

    /// Without what has served its time.
    fn remembered_at(&self, now: i64) -> Self {
        let mut kept = self.clone();
        kept.devices.retain(|dated| is_fresh(dated.day, now));
        kept.agents.retain(|dated| is_fresh(dated.day, now));
        kept.places.retain(|dated| is_fresh(dated.day, now));
        kept.spots.retain(|spot| is_recent(spot.at, now));
        kept.fraud_at = kept.fraud_at.filter(|at| now.saturating_sub(*at) < i64::from(FRAUD_DAYS) * DAY);
        if !is_fresh(kept.day, now) {
            (kept.hours, kept.days) = ([0; 24], 0);
        }
        kept
    }

    /// Whether the device is known; nothing if no device is.
    pub(crate) fn knows_device(&self, device: DeviceId, at: Timestamp) -> Option<bool> {
        knows(&self.devices, |known| *known == device.uuid().as_u128(), at)
    }

    /// Whether such a program is known; nothing if none is.
    pub(crate) fn knows_agent(&self, agent: Agent, at: Timestamp) -> Option<bool> {
        knows(&self.agents, |known| *known == agent, at)
    }

    /// Whether the user was seen in this place: in this city or network, since a country alone is no place that tells people apart.
    pub(crate) fn knows_place(&self, location: &Location<'_>, at: Timestamp) -> bool {
        let here = Place::of(location);
        (here.city.is_some() || here.network.is_some()) && self.places(at).any(|place| *place == here)
    }

    /// The places that are known.
    pub(crate) fn places(&self, at: Timestamp) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(move |dated| is_fresh(dated.day, at.unix_seconds())).map(|dated| &dated.what)
    }

    /// Where the user was lately.
    pub(crate) fn whereabouts(&self, at: Timestamp) -> impl Iterator<Item = Whereabouts> {
        let now = at.unix_seconds();
        let recent = self.spots.iter().filter(move |spot| is_recent(spot.at, now));
        recent.filter_map(move |spot| {
            let seconds = seconds_between(spot.at, now);
            Some(Whereabouts { point: spot.point.point()?, network: spot.network, seconds })
        })
    }

    /// How many log-ins were counted in each hour of the day (UTC), and on how many days.
    pub(crate) fn hours(&self, at: Timestamp) -> (&[u16; 24], u16) {
        if is_fresh(self.day, at.unix_seconds()) { (&self.hours, self.days) } else { (&[0; 24], 0) }
    }

    /// How many seconds ago the user was last seen.
    pub(crate) fn unseen_for(&self, at: Timestamp) -> Option<u32> {
        self.last_seen.map(|seen| seconds_between(seen, at.unix_seconds()))
    }

    /// How many failures there were lately, of which each counts half after an hour.
    pub(crate) fn failures_at(&self, at: Timestamp) -> f64 {
        let age = f64::from(seconds_between(self.failed_at, at.unix_seconds()));
        f64::from(self.failures) / 100.0 * (-age / FAILURE_HALF_LIFE).exp2()
    }

    /// How many days ago the last fraud report was.
    pub(crate) fn fraud_days(&self, at: Timestamp) -> Option<f64> {
        let now = at.unix_seconds();
        let fraud = self.fraud_at.filter(|fraud| now.saturating_sub(*fraud) < i64::from(FRAUD_DAYS) * DAY)?;
        Some(f64::from(seconds_between(fraud, now)) / 86_400.0)
    }
}

impl Place {
    fn of(location: &Location<'_>) -> Self {
        let network = location.network;
        match location.kind {
            NetworkKind::Vpn => Self { country: None, city: None, network },
            NetworkKind::Mobile => Self { country: location.country, city: None, network },
            NetworkKind::Ordinary => {
                Self { country: location.country, city: location.city.map(|city| city.mark), network }
            }
        }
    }
}

impl Spot {
    fn of(location: &Location<'_>, at: i64) -> Option<Self> {
        let point = match location.kind {
            NetworkKind::Vpn => return None,
            NetworkKind::Mobile => location.point?.widened(MOBILE_SLACK),
            NetworkKind::Ordinary => location.point?,
        };
        Some(Self { point: point.coarse(), network: location.network, at })
    }
}

fn remember<T: PartialEq>(known: &mut Vec<Dated<T>>, limit: usize, what: T, day: u32) {
    if let Some(dated) = known.iter_mut().find(|dated| dated.what == what) {
        dated.day = dated.day.max(day);
        return;
    }
    if known.len() >= limit {
        let oldest = known.iter().enumerate().min_by_key(|(_, dated)| dated.day).map(|(at, _)| at);
        oldest.map(|at| known.remove(at));
    }
    known.push(Dated { what, day });
}

fn knows<T>(known: &[Dated<T>], is_it: impl Fn(&T) -> bool, at: Timestamp) -> Option<bool> {
    let mut fresh = known.iter().filter(|dated| is_fresh(dated.day, at.unix_seconds())).peekable();
    fresh.peek()?;
    Some(fresh.any(|dated| is_it(&dated.what)))
}

fn is_fresh(seen: u32, now: i64) -> bool {
    day(now).saturating_sub(seen) < REMEMBERED_DAYS
}

fn is_recent(at: i64, now: i64) -> bool {
    now.saturating_sub(at) < SPOT_HOURS * HOUR
}

/// Zero if `then` lies ahead, as after a clock went back.
fn seconds_between(then: i64, now: i64) -> u32 {
    u32::try_from(now.saturating_sub(then).max(0)).unwrap_or(u32::MAX)
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(seconds.saturating_mul(1000))
}

fn day(seconds: i64) -> u32 {
    u32::try_from(seconds.div_euclid(DAY)).unwrap_or(0)
}

/// The hour of the day in UTC.
pub(crate) fn hour(seconds: i64) -> usize {
    usize::try_from(seconds.rem_euclid(DAY) / HOUR).unwrap_or(0)
}
