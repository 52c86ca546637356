//! What is told to a run and nobody may see, such as a code: held in memory by the server that took it, for minutes, and written nowhere.
//!
//! The server is not permitted to have the vault seal and open what it likes (T-28), and what is short-lived need not outlive it. So after a
//! restart it is not known any more, nor to other servers: then the step that wants it fails, and the person is asked again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{RunId, Timestamp};
use zeroize::Zeroizing;

/// What is told to a run, by the names of its inputs.
pub(super) type Secrets = BTreeMap<String, Zeroizing<String>>;

/// How long it is held.
const FOR: Duration = Duration::from_mins(10);
/// Runs that it is held for at a time.
const MOST: usize = 10_000;
/// For how long another server leaves a run to the one that took it.
pub(super) const LEFT_TO_IT: Duration = Duration::from_secs(10);

/// What runs hold here.
#[derive(Default)]
pub(super) struct Held(Mutex<HashMap<RunId, (Secrets, Timestamp)>>);

impl Held {
    /// Holds what is told to a run. Whether there was room for it.
    pub(super) fn put(&self, run: RunId, secrets: Secrets, now: Timestamp) -> bool {
        let mut held = self.held();
        held.retain(|_, (_, until)| now < *until);
        let fits = held.len() < MOST;
        if fits {
            held.insert(run, (secrets, now.plus(FOR)));
        }
        fits
    }

    /// What is held for a run by this name.
    pub(super) fn find(&self, run: RunId, name: &str, now: Timestamp) -> Option<Zeroizing<String>> {
        let held = self.held();
        held.get(&run).filter(|(_, until)| now < *until)?.0.get(name).cloned()
    }

    /// Whether anything is held for a run.
    pub(super) fn has(&self, run: RunId) -> bool {
        self.held().contains_key(&run)
    }

    /// Forgets what was held for long enough.
    pub(super) fn forget_old(&self, now: Timestamp) {
        self.held().retain(|_, (_, until)| now < *until);
    }

    /// Forgets what is held for a run.
    pub(super) fn forget(&self, run: RunId) {
        self.held().remove(&run);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<RunId, (Secrets, Timestamp)>> {
        // Nothing in there can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_forgotten_after_minutes() {
        let held = Held::default();
        let at = |minutes: i64| Timestamp::from_unix_millis(minutes * 60_000);
        let run = RunId::from_uuid(uuid::Uuid::from_u128(1));
        let secrets = || Secrets::from([("code".to_owned(), Zeroizing::new("1".to_owned()))]);
        assert!(held.put(run, secrets(), at(0)));
        assert_eq!(held.find(run, "code", at(9)).as_deref().map(String::as_str), Some("1"));
        assert!(held.find(run, "other", at(9)).is_none() && held.find(run, "code", at(10)).is_none());
        let other = RunId::from_uuid(uuid::Uuid::from_u128(2));
        assert!(held.put(other, secrets(), at(10)));
        assert!(!held.has(run) && held.has(other));
        held.forget(other);
        assert!(!held.has(other));
    }
}
