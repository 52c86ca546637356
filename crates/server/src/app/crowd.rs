//! How many proofs of one user are judged at the same time.
//!
//! Back-off counts from what is committed, so proofs that are judged together do not wait for one another. A few at a time
//! are enough for a person, and no more than could be wrong before there is a wait: so a burst spends no more of an
//! authenticator's budget than guesses one by one would (T-01). A crowd at the open door does not fill the trusted one (T-04).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Door, UserId, backoff};
use store::Attempt;

/// Proofs of one user that are judged at a time, by each door, where none was wrong of late.
pub(crate) const MOST: i32 = backoff::FREE;

/// How many proofs of a user may be judged at a time: as many as may be wrong without a wait, and one after each wait.
pub(crate) fn most(attempt: &Attempt) -> i32 {
    let failures = attempt.authenticators.iter().map(|authenticator| authenticator.wait(attempt.door).failures).max();
    (MOST - failures.unwrap_or(0)).max(1)
}

/// Who is being judged.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<(UserId, Door), i32>>);

/// A place among those of one user that are judged. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    crowd: &'a Crowd,
    who: (UserId, Door),
}

impl Crowd {
    /// A place for a proof of this user by this door; `None` if so many of them are being judged already.
    pub(crate) fn enter(&self, user: UserId, door: Door, most: i32) -> Option<Place<'_>> {
        let mut judged = self.judged();
        let count = judged.entry((user, door)).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { crowd: self, who: (user, door) })
    }

    fn judged(&self) -> MutexGuard<'_, HashMap<(UserId, Door), i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut judged = self.crowd.judged();
        if let Some(count) = judged.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                judged.remove(&self.who);
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
        let mut places: Vec<_> = (0..100).filter_map(|_| crowd.enter(ann, Door::Open, MOST)).collect();
        assert_eq!(places.len(), 5);
        assert!(crowd.enter(ben, Door::Open, MOST).is_some());
        assert!(crowd.enter(ann, Door::Trusted, 1).is_some());
        places.pop();
        assert!(crowd.enter(ann, Door::Open, MOST).is_some());
        drop(places);
        assert!(crowd.judged().is_empty(), "nobody is remembered for ever");
    }
}
