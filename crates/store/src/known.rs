//! Callers that were looked up before.
//!
//! Every request begins with finding out who a key stands for. Where this process alone writes (SQLite), what was found
//! holds until it changes it itself. PostgreSQL has other servers, and is asked each time: a key that one of them revokes
//! opens nothing here from that moment.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::KeyHash;

use crate::{ApplicationChange, Caller, Change};

/// Callers that are remembered; beyond that all are forgotten and looked up again.
const MOST: usize = 10_000;

/// What is known of callers.
#[derive(Debug, Default)]
pub(crate) struct KnownCallers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Counts how often all was forgotten.
    forgotten: u64,
    callers: HashMap<KeyHash, Caller>,
}

/// The state of affairs before something was looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before(u64);

impl KnownCallers {
    /// Who a key stands for, if that is known; otherwise what to hand back with the answer.
    pub(crate) fn get(&self, key: &KeyHash) -> Result<Caller, Before> {
        let known = self.known();
        known.callers.get(key).cloned().ok_or(Before(known.forgotten))
    }

    /// Remembers what was looked up, unless anything changed meanwhile.
    pub(crate) fn remember(&self, before: Before, key: KeyHash, caller: Caller) {
        let mut known = self.known();
        if known.forgotten != before.0 {
            return;
        }
        if known.callers.len() >= MOST {
            known.callers.clear();
        }
        known.callers.insert(key, caller);
    }

    /// Forgets everything, where one of the changes may have changed who a key stands for.
    pub(crate) fn after<'a>(&self, mut changes: impl Iterator<Item = &'a Change>) {
        if changes.any(touches_callers) {
            let mut known = self.known();
            known.forgotten += 1;
            known.callers.clear();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn touches_callers(change: &Change) -> bool {
    if let Change::PutPolicy(_, applications, _) = change {
        return applications.iter().any(|change| !matches!(change, ApplicationChange::Stay(..)));
    }
    matches!(
        change,
        Change::CreateApplication(..)
            | Change::UpdateApplication { .. }
            | Change::DeleteApplication { .. }
            | Change::CreateApiKey { .. }
            | Change::RevokeApiKey { .. }
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use domain::{Application, ApplicationId, Timestamp};

    use super::*;

    fn caller() -> Caller {
        let application = Application {
            id: ApplicationId::from_uuid(uuid::Uuid::nil()),
            name: "Shop".to_owned(),
            scopes: BTreeSet::new(),
            certificates: BTreeSet::new(),
            return_origins: BTreeSet::new(),
            version: 1,
            created_at: Timestamp::default(),
        };
        Caller { application: Arc::new(application), api_key_id: None, expires_at: None }
    }

    fn updated() -> Change {
        Change::UpdateApplication { application: (*caller().application).clone(), at: Timestamp::default() }
    }

    #[test]
    fn what_was_looked_up_before_a_change_is_not_remembered_after_it() {
        let (known, key) = (KnownCallers::default(), KeyHash([7; 32]));
        let before = known.get(&key).unwrap_err();
        known.after([updated()].iter());
        known.remember(before, key, caller());
        assert!(known.get(&key).is_err());
    }

    #[test]
    fn a_change_of_callers_forgets_and_any_other_does_not() {
        let (known, key) = (KnownCallers::default(), KeyHash([7; 32]));
        let before = known.get(&key).unwrap_err();
        known.remember(before, key, caller());
        known.after([Change::Tell].iter());
        assert_eq!(known.get(&key).ok(), Some(caller()));
        known.after([Change::Tell, updated()].iter());
        assert!(known.get(&key).is_err());
    }
}
