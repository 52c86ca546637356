//! What signals amount to together.

use serde::{Deserialize, Serialize};

use crate::{Name, Signal};

/// How much each signal counts at most, from 0 (not at all) to 1 (alone enough for the highest score). In configuration: a weight by each
/// name; those that are not named keep their default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "std::collections::BTreeMap<Name, f64>")]
pub struct Weights(Vec<f64>);

/// A setting that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// A weight lies outside.
    #[error("the weight of {} lies between 0 and 1", .0.as_str())]
    Weight(Name),
    /// Thresholds are out of order.
    #[error("thresholds rise: 0 < medium < high <= 100")]
    Thresholds,
}

impl Weights {
    /// How much this signal counts at most.
    pub fn of(&self, name: Name) -> f64 {
        self.0.get(name as usize).copied().unwrap_or_else(|| name.default_weight())
    }

    /// The same with another weight for this signal.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting::Weight`] unless it lies between 0 and 1.
    pub fn with(mut self, name: Name, weight: f64) -> Result<Self, InvalidSetting> {
        if !(0.0..=1.0).contains(&weight) {
            return Err(InvalidSetting::Weight(name));
        }
        if let Some(place) = self.0.get_mut(name as usize) {
            *place = weight;
        }
        Ok(self)
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self(Name::ALL.iter().map(|name| name.default_weight()).collect())
    }
}

impl TryFrom<std::collections::BTreeMap<Name, f64>> for Weights {
    type Error = InvalidSetting;

    fn try_from(named: std::collections::BTreeMap<Name, f64>) -> Result<Self, InvalidSetting> {
        named.into_iter().try_fold(Self::default(), |weights, (name, weight)| weights.with(name, weight))
    }
}

/// From which score on risk is medium, and from which high.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Bounds")]
pub struct Thresholds {
    medium: f64,
    high: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    medium: f64,
    high: f64,
}

impl Thresholds {
    /// Few are asked.
    pub const RELAXED: Self = Self { medium: 50.0, high: 85.0 };
    /// Whoever comes on a new device or from a new country is asked.
    pub const STANDARD: Self = Self { medium: 30.0, high: 70.0 };
    /// Nearly everything out of the ordinary is asked about.
    pub const STRICT: Self = Self { medium: 15.0, high: 50.0 };

    /// Thresholds of one's own.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting::Thresholds`] unless 0 < medium < high ≤ 100.
    pub fn new(medium: f64, high: f64) -> Result<Self, InvalidSetting> {
        let rise = 0.0 < medium && medium < high && high <= 100.0;
        if rise { Ok(Self { medium, high }) } else { Err(InvalidSetting::Thresholds) }
    }

    /// The band that a score lies in.
    pub fn band(self, score: f64) -> Band {
        // What is no number is not low.
        if score < self.medium {
            Band::Low
        } else if score < self.high {
            Band::Medium
        } else {
            Band::High
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl TryFrom<Bounds> for Thresholds {
    type Error = InvalidSetting;

    fn try_from(bounds: Bounds) -> Result<Self, InvalidSetting> {
        Self::new(bounds.medium, bounds.high)
    }
}

/// What configuration can move.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How much each signal counts.
    pub weights: Weights,
    /// Where the bands begin.
    pub thresholds: Thresholds,
}

/// How high the risk is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Nothing much speaks against it.
    Low,
    /// Worth asking.
    Medium,
    /// Worth refusing, or asking for the strongest proof.
    High,
}

/// Signals, and what they amount to: between what is known and what the worst would be.
///
/// A signal that is unknown is not fine, and not bad either. So there are two scores: one of what is known, and one in
/// which everything that is unknown is as bad as can be. Which of them decides is the policy's to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment<'a> {
    /// Each signal, ours first.
    pub signals: Vec<Signal<'a>>,
    /// From 0 to 100, of the signals that are known.
    pub score: f64,
    /// Its band.
    pub band: Band,
    /// From 0 to 100, if every unknown signal were as bad as can be.
    pub score_at_worst: f64,
    /// Its band.
    pub band_at_worst: Band,
}

impl<'a> Assessment<'a> {
    /// Combines signals as independent reasons for one suspicion (a "noisy or"): `100 · (1 − Π(1 − weight · value))`. Each adds to what the others leave, so
    /// the score rises with every signal and stays below 100.
    pub fn of(signals: Vec<Signal<'a>>, thresholds: Thresholds) -> Self {
        let combined = |unknown: f64| {
            let doubts = signals.iter().map(|signal| 1.0 - signal.weight * signal.value.unwrap_or(unknown));
            (100.0 * (1.0 - doubts.product::<f64>())).clamp(0.0, 100.0)
        };
        let (score, score_at_worst) = (combined(0.0), combined(1.0));
        Self {
            band: thresholds.band(score),
            band_at_worst: thresholds.band(score_at_worst),
            score,
            score_at_worst,
            signals,
        }
    }

    /// The signals of which nothing is known.
    pub fn unknown(&self) -> impl Iterator<Item = &Signal<'a>> {
        self.signals.iter().filter(|signal| signal.value.is_none())
    }
}
