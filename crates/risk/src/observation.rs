//! What is known of one moment at which somebody wants something.

use std::net::IpAddr;

use domain::{DeviceId, Timestamp, UserId};

use crate::{Agent, Name};

/// One moment of one user: a log-in, or an action in a session. What is not known is `None`, and the signals that
/// would need it say that they are unknown.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Who it is said to be.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// On which device.
    pub device: Option<DeviceId>,
    /// From which address: the user's own, not a proxy's in between.
    pub address: Option<IpAddr>,
    /// With which program.
    pub agent: Option<Agent>,
    /// Whether the session begins here, or with which program it began.
    pub session: Session,
    /// What the caller adds.
    pub own: &'a [OwnSignal],
}

/// Where in its session an observation lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// It begins with this.
    Begins,
    /// It began earlier, with this program.
    BeganWith(Option<Agent>),
}

/// How many signals a caller may add to one observation; those beyond are left out by [`crate::signals`].
pub const OWN_SIGNALS: usize = 16;

/// A signal of the caller's own.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnSignal {
    name: String,
    value: f64,
    weight: f64,
}

/// What is wrong with a caller's signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOwnSignal {
    /// The name is of another shape.
    #[error("a signal's name is 1 to 40 of a-z, 0-9 and `_`, and begins with a letter")]
    Name,
    /// The name is one of ours.
    #[error("a signal of that name is worked out here: take another name")]
    Taken,
    /// Value or weight lie outside.
    #[error("a signal's value and weight lie between 0 and 1")]
    Range,
}

impl OwnSignal {
    /// A signal with a name of its own, and value and weight from 0 to 1.
    ///
    /// # Errors
    ///
    /// Any of [`InvalidOwnSignal`].
    pub fn new(name: &str, value: f64, weight: f64) -> Result<Self, InvalidOwnSignal> {
        let shaped = name.len() <= 40
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !shaped {
            return Err(InvalidOwnSignal::Name);
        }
        if Name::ALL.iter().any(|ours| ours.as_str() == name) {
            return Err(InvalidOwnSignal::Taken);
        }
        if !(0.0..=1.0).contains(&value) || !(0.0..=1.0).contains(&weight) {
            return Err(InvalidOwnSignal::Range);
        }
        Ok(Self { name: name.to_owned(), value, weight })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How strongly it is there, from 0 to 1.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// What it counts at most, from 0 to 1.
    pub fn weight(&self) -> f64 {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_signal_stays_within_its_bounds() {
        assert!(OwnSignal::new("amount", 1.0, 0.5).is_ok());
        assert_eq!(OwnSignal::new("", 1.0, 0.5), Err(InvalidOwnSignal::Name));
        assert_eq!(OwnSignal::new("Amount", 1.0, 0.5), Err(InvalidOwnSignal::Name));
        assert_eq!(OwnSignal::new(&"a".repeat(41), 1.0, 0.5), Err(InvalidOwnSignal::Name));
        assert_eq!(OwnSignal::new("new_device", 1.0, 0.5), Err(InvalidOwnSignal::Taken));
        assert_eq!(OwnSignal::new("amount", 1.1, 0.5), Err(InvalidOwnSignal::Range));
        assert_eq!(OwnSignal::new("amount", 0.1, f64::NAN), Err(InvalidOwnSignal::Range));
    }
}
