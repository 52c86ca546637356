//! What became of each change of a batch.

use domain::{AuthenticatorId, DeviceId, Event, SessionId, UserId, backoff};

use super::Item;
use crate::Effect;
use crate::engine::Fault;

/// An authenticator whose failures were counted up.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) authenticator_id: AuthenticatorId,
    pub(crate) failures: i64,
    pub(crate) user_id: UserId,
    pub(crate) device_id: Option<DeviceId>,
}

impl Counted {
    pub(crate) fn is_exhausted(&self) -> bool {
        self.failures >= i64::from(backoff::BUDGET)
    }
}

/// A session that forgot what it proved with an authenticator.
#[derive(Debug, Clone)]
pub(crate) struct Lowered {
    pub(crate) session_id: SessionId,
    pub(crate) device_id: Option<DeviceId>,
    pub(crate) authenticator_id: AuthenticatorId,
    /// Its level afterwards.
    pub(crate) aal: i64,
}

/// A browser that is remembered no more.
#[derive(Debug, Clone)]
pub(crate) struct Forgotten {
    pub(crate) authenticator_id: AuthenticatorId,
    pub(crate) user_id: UserId,
    pub(crate) device_id: Option<DeviceId>,
}

/// What became of one change.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) effect: Effect,
    pub(crate) counted: Vec<Counted>,
    pub(crate) forgotten: Vec<Forgotten>,
    pub(crate) lowered: Vec<Lowered>,
    /// Told behind what the commit tells.
    pub(crate) told: Vec<Event>,
}

/// What became of each change of a batch, by its place there. Refused, until somebody says otherwise.
#[derive(Debug)]
pub(crate) struct Outcomes(Vec<Outcome>);

impl Outcomes {
    pub(crate) fn new(changes: usize) -> Self {
        Self(vec![
            Outcome {
                effect: Effect::Refused,
                counted: Vec::new(),
                forgotten: Vec::new(),
                lowered: Vec::new(),
                told: Vec::new(),
            };
            changes
        ])
    }

    pub(crate) fn set(&mut self, index: usize, effect: Effect) {
        if let Some(outcome) = self.0.get_mut(index) {
            outcome.effect = effect;
        }
    }

    pub(crate) fn all<T>(&mut self, items: &[Item<'_, T>], effect: &Effect) {
        for (index, _) in items {
            self.set(*index, effect.clone());
        }
    }

    /// Remembers whose failures were counted. The change must have been applied: what counts and is then refused
    /// has met another server, and is undone.
    pub(crate) fn count(&mut self, index: Option<usize>, counted: Counted) -> Result<(), Fault> {
        match index.and_then(|index| self.0.get_mut(index)) {
            Some(outcome) if outcome.effect == Effect::Applied => {
                outcome.counted.push(counted);
                Ok(())
            }
            _ => Err(Fault::Raced("a challenge went away while a failure was counted".to_owned())),
        }
    }

    /// Remembers whose level fell by a change.
    pub(crate) fn lowered(&mut self, index: usize, sessions: impl Iterator<Item = Lowered>) {
        if let Some(outcome) = self.0.get_mut(index) {
            outcome.lowered.extend(sessions);
        }
    }

    /// Remembers what is told of a change as it turned out.
    pub(crate) fn tell(&mut self, index: usize, events: Vec<Event>) {
        if let Some(outcome) = self.0.get_mut(index) {
            outcome.told.extend(events);
        }
    }

    /// Remembers which browsers a change had forgotten.
    pub(crate) fn forgot(&mut self, index: usize, browser: Forgotten) {
        if let Some(outcome) = self.0.get_mut(index) {
            outcome.forgotten.push(browser);
        }
    }

    /// The browsers that a change had forgotten.
    pub(crate) fn forgotten(&self, index: usize) -> Vec<AuthenticatorId> {
        let forgotten = self.0.get(index).map_or(&[][..], |outcome| &outcome.forgotten);
        forgotten.iter().map(|browser| browser.authenticator_id).collect()
    }

    /// The authenticators whose budget a change used up.
    pub(crate) fn exhausted(&self, index: usize) -> Vec<AuthenticatorId> {
        let counted = self.0.get(index).map_or(&[][..], |outcome| &outcome.counted);
        counted.iter().filter(|counted| counted.is_exhausted()).map(|counted| counted.authenticator_id).collect()
    }

    pub(crate) fn is_applied(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|outcome| outcome.effect == Effect::Applied)
    }

    pub(crate) fn any_applied(&self) -> bool {
        self.0.iter().any(|outcome| outcome.effect == Effect::Applied)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Outcome> {
        self.0.iter()
    }

    pub(crate) fn into_effects(self) -> impl Iterator<Item = Effect> {
        self.0.into_iter().map(|outcome| outcome.effect)
    }
}
