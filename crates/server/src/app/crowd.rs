//! How many proofs of one user are judged at the same time.
//!
//! Back-off counts from what is committed, so proofs that are judged together do not wait for one another. A few at a time
//! are enough for a person, and so a burst spends no more of an authenticator's budget than guesses one by one would before
//! they had to wait (T-01).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{UserId, backoff};

/// Proofs of one user that are judged at a time.
const MOST: i32 = backoff::FREE;

/// Who is being judged.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<UserId, i32>>);

/// A place among those of one user that are judged. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    crowd: &'a Crowd,
    user: UserId,
}

impl Crowd {
    /// A place for a proof of this user; `None` if enough of them are being judged already.
    pub(crate) fn enter(&self, user: UserId) -> Option<Place<'_>> {
        let mut judged = self.judged();
        let count = judged.entry(user).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        Some(Place { crowd: self, user })
    }

    fn judged(&self) -> MutexGuard<'_, HashMap<UserId, i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut judged = self.crowd.judged();
        if let Some(count) = judged.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                judged.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t01_a_burst_is_judged_a_few_at_a_time() {
        let crowd = Crowd::default();
        let [ann, ben] = [1, 2].map(|n| UserId::from_uuid(uuid::Uuid::from_u128(n)));
        let mut places: Vec<_> = (0..100).filter_map(|_| crowd.enter(ann)).collect();
        assert_eq!(places.len(), 5);
        assert!(crowd.enter(ben).is_some());
        places.pop();
        assert!(crowd.enter(ann).is_some());
        drop(places);
        assert!(crowd.judged().is_empty(), "nobody is remembered for ever");
    }
}
