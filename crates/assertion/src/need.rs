//! What a resource wants of an assertion, beyond that it is one (RFC 9470).

use serde::Deserialize;

use crate::claims::{Claims, LEEWAY};

/// An assurance level (NIST SP 800-63B-4), in `acr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
    /// Two factors, one of them in hardware and not to be phished.
    Aal3,
}

impl Level {
    const ALL: [Self; 3] = [Self::Aal1, Self::Aal2, Self::Aal3];

    /// As in `acr`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
            Self::Aal3 => "aal3",
        }
    }
}

/// What a resource wants. Nothing, unless it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// The level, at least.
    pub level: Option<Level>,
    /// How long ago the proof may have been given, in seconds.
    pub max_age: Option<u32>,
    /// Methods of which one has to have been used (RFC 8176): `["hwk", "swk"]`, say.
    pub amr: Vec<String>,
    /// What has to have been proved or allowed.
    pub action: Option<String>,
    /// Only what is bound to a key is accepted.
    pub bound: bool,
}

/// That an assertion is good and not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lacking {
    /// Of a higher level.
    #[error("a different authentication level is required")]
    Level,
    /// More recent.
    #[error("more recent authentication is required")]
    Age,
    /// By another method.
    #[error("authentication by another method is required")]
    Method,
    /// For this action.
    #[error("authentication for this action is required")]
    Action,
}

impl Need {
    /// The levels that would do, the least first: `acr_values` (RFC 9470 §3).
    pub(crate) fn acr_values(&self) -> Option<String> {
        let least = self.level?;
        let names: Vec<&str> = Level::ALL.into_iter().filter(|level| *level >= least).map(Level::name).collect();
        Some(names.join(" "))
    }
}

impl Claims {
    /// Whether this is what a resource wants.
    ///
    /// # Errors
    /// What it lacks.
    pub fn meets(&self, need: &Need, now: i64) -> Result<(), Lacking> {
        if need.level.is_some_and(|level| self.acr < level) {
            return Err(Lacking::Level);
        }
        let age = now.saturating_sub(self.auth_time);
        if need.max_age.is_some_and(|most| age > i64::from(most).saturating_add(LEEWAY)) {
            return Err(Lacking::Age);
        }
        if !need.amr.is_empty() && !need.amr.iter().any(|method| self.amr.contains(method)) {
            return Err(Lacking::Method);
        }
        if need.action.as_ref().is_some_and(|action| *action != self.action) {
            return Err(Lacking::Action);
        }
        Ok(())
    }
}
