//! Counting events of one group, and what is usual.
//!
//! Two things are kept. For `above`, how many events there were lately, in slots of a twentieth of the window: a few numbers, however many
//! events there are. For `z`, how many there were in this hour by the clock, and for each of the 168 hours of a week what such hours had before:
//! mean and variance, in which the last eight weeks weigh most.

use std::time::Duration;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::Bounds;

/// An hour.
pub const HOUR: Duration = Duration::from_hours(1);
/// From so many such hours on it is known what is usual.
pub const WEEKS: u32 = 4;
/// The last so many weigh most.
const MEMORY: u32 = 8;
/// So many slots make a window.
const SLOTS: u32 = 20;
/// Hours of a week.
const HOURS: usize = 168;
/// After so many hours without an event nothing is known any more.
const LONGEST_GAP: i64 = 26 * 168;
const HOUR_MILLIS: i64 = 3_600_000;

/// What was counted of one group of events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    /// The beginning of each slot and how many events it has, in order.
    slots: Vec<(i64, u64)>,
    /// The hour that goes on, counted from 1970, and how many events it has.
    hour: Option<(i64, u64)>,
    /// What hours had, by hour of the week; empty where that is not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    baseline: Vec<Baseline>,
    /// The first hour that was seen as a whole.
    whole_since: Option<i64>,
    /// When there were too many last.
    excess_at: Option<i64>,
}

/// What such hours had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u32, f64, f64)", into = "(u32, f64, f64)")]
pub struct Baseline {
    /// How many hours were looked at.
    pub hours: u32,
    /// How many events they had on the average.
    pub mean: f64,
    /// The mean square of how far off they were.
    pub variance: f64,
}

/// Too many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// More than were said.
    Above {
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// More than in such an hour as a rule.
    Unusual {
        /// How many there are in this hour by now.
        count: u64,
        /// How many there may be.
        limit: u64,
        /// How many there are as a rule.
        usual: u64,
    },
}

impl From<(u32, f64, f64)> for Baseline {
    fn from((hours, mean, variance): (u32, f64, f64)) -> Self {
        Self { hours, mean, variance }
    }
}

impl From<Baseline> for (u32, f64, f64) {
    fn from(Baseline { hours, mean, variance }: Baseline) -> Self {
        (hours, mean, variance)
    }
}

impl Baseline {
    /// Another such hour is over. The first ones count alike; later the newest counts for an eighth.
    #[must_use]
    pub fn and(self, count: f64) -> Self {
        let hours = self.hours.saturating_add(1);
        let share = 1.0 / f64::from(hours.min(MEMORY));
        let off = count - self.mean;
        Self { hours, mean: self.mean + share * off, variance: (1.0 - share) * (self.variance + share * off * off) }
    }

    /// Whether enough such hours were looked at.
    pub const fn is_known(&self) -> bool {
        self.hours >= WEEKS
    }

    /// How many events such an hour may have, `z` standard deviations in thousandths. A deviation is never taken for less than that of events
    /// that come by chance, which is the root of their mean, nor for less than one.
    #[allow(clippy::cast_precision_loss, reason = "it is a small number")]
    pub fn limit(&self, z: u64) -> f64 {
        let deviation = self.variance.max(self.mean).max(1.0).sqrt();
        self.mean + z as f64 / 1000.0 * deviation
    }
}

impl Counter {
    /// Counts an event. One that is told of late counts as of the time of those that were counted before.
    pub fn count(&mut self, at: Timestamp, bounds: &Bounds) {
        let at = at.unix_millis().max(self.slots.last().map_or(i64::MIN, |(begin, _)| *begin));
        let slot = slot_millis(bounds);
        match self.slots.last_mut() {
            Some((begin, count)) if at - *begin < slot => *count = count.saturating_add(1),
            _ => self.slots.push((at, 1)),
        }
        self.slots.retain(|(begin, _)| at - *begin < slot + millis(bounds.window));
        self.begin_hour(at.div_euclid(HOUR_MILLIS), bounds);
        if let Some((_, count)) = &mut self.hour {
            *count = count.saturating_add(1);
        }
        if self.excess(Timestamp::from_unix_millis(at), bounds).is_some() {
            self.excess_at = Some(at);
        }
    }

    /// Whether there are too many at a time that is not before the last event.
    pub fn excess(&self, at: Timestamp, bounds: &Bounds) -> Option<Excess> {
        let at = at.unix_millis();
        let slot = slot_millis(bounds);
        if let Some(limit) = bounds.above {
            let within = self.slots.iter().filter(|(begin, _)| at - *begin < slot + millis(bounds.window));
            let count = within.fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
            if count > limit {
                return Some(Excess::Above { count, limit });
            }
        }
        let (hour, count) = self.hour.filter(|(hour, _)| *hour == at.div_euclid(HOUR_MILLIS))?;
        let known = self.baseline.get(hour_of_week(hour)).filter(|baseline| baseline.is_known())?;
        let limit = known.limit(bounds.z?);
        (count >= bounds.at_least && whole(limit) < count).then(|| Excess::Unusual {
            count,
            limit: whole(limit),
            usual: whole(known.mean.round()),
        })
    }

    /// When an alert about this is over, if nothing more is counted: there are no longer too many, and there were none for as long as `cool_down`
    /// says.
    pub fn resolves_at(&self, bounds: &Bounds) -> Timestamp {
        let last = self.slots.last().map_or(0, |(begin, _)| *begin);
        let over = |at: i64| self.excess(Timestamp::from_unix_millis(at), bounds).is_some();
        let (slot, window) = (slot_millis(bounds), millis(bounds.window));
        let mut at = self.excess_at.unwrap_or(last).max(last);
        // Each time at which something ceases to count.
        let mut ceases: Vec<i64> = self.slots.iter().map(|(begin, _)| begin.saturating_add(slot + window)).collect();
        ceases.extend(self.hour.map(|(hour, _)| hour.saturating_add(1).saturating_mul(HOUR_MILLIS)));
        ceases.sort_unstable();
        for next in ceases {
            if !over(at) {
                break;
            }
            at = at.max(next);
        }
        let cool = self.excess_at.unwrap_or(last).saturating_add(millis(bounds.cool_down));
        Timestamp::from_unix_millis(at.max(cool))
    }

    /// When nothing of this matters any more, if nothing more is counted.
    pub fn idle_at(&self, bounds: &Bounds) -> Timestamp {
        let last = self.slots.last().map_or(0, |(begin, _)| *begin);
        let keep = if bounds.z.is_some() {
            LONGEST_GAP * HOUR_MILLIS
        } else {
            slot_millis(bounds) + millis(bounds.window) + millis(bounds.cool_down)
        };
        Timestamp::from_unix_millis(last.saturating_add(keep)).max(self.resolves_at(bounds))
    }

    /// Begins to count anew, because somebody said that what there was is seen to. What is usual stays known.
    pub fn forgive(&mut self) {
        self.slots.clear();
        self.hour = self.hour.map(|(hour, _)| (hour, 0));
        self.excess_at = None;
    }

    /// What such an hour had before.
    pub fn usual(&self, at: Timestamp) -> Option<Baseline> {
        self.baseline.get(hour_of_week(at.unix_millis().div_euclid(HOUR_MILLIS))).copied()
    }

    /// Another hour has begun: those that are over are learned from.
    fn begin_hour(&mut self, now: i64, bounds: &Bounds) {
        let (before, count) = match self.hour {
            Some((hour, _)) if hour >= now => return,
            before => before.unwrap_or((now, 0)),
        };
        self.hour = Some((now, 0));
        let Some(z) = bounds.z else {
            self.baseline.clear();
            return;
        };
        if now - before > LONGEST_GAP {
            self.baseline.clear();
        }
        if self.baseline.len() != HOURS {
            // Nothing is known of the first part of this hour.
            self.baseline = vec![Baseline::default(); HOURS];
            self.whole_since = Some(now + 1);
            return;
        }
        for hour in before.max(self.whole_since.unwrap_or(before))..now {
            let had = if hour == before { count } else { 0 };
            if let Some(baseline) = self.baseline.get_mut(hour_of_week(hour)) {
                #[allow(clippy::cast_precision_loss, reason = "of numbers this large the first digits will do")]
                let had = had as f64;
                // An attack is not what is usual: it counts for no more than what would have been just fine.
                let had = if baseline.is_known() { had.min(baseline.limit(z)) } else { had };
                *baseline = baseline.and(had);
            }
        }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4)
}

fn slot_millis(bounds: &Bounds) -> i64 {
    millis(bounds.window / SLOTS).max(1)
}

/// 0 is the first hour of Thursday in UTC, as 1970 began.
fn hour_of_week(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(168)).unwrap_or(0)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of events is none of these")]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}
