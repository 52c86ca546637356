//! The vault's own memory of what was used and what failed, so that a server that was taken over can neither guess
//! a code nor use one twice (T-28).
//!
//! It is in memory only: the store's counters are the ones that last. An entry is some 20 bytes; one that holds
//! nothing but a step is dropped once no code of that step can be right any more.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// Wrong codes in a row after which nothing is checked any more (NIST SP 800-63B-4 §3.2.2).
pub(crate) const BUDGET: u8 = 100;

/// How long a step is remembered past its own window: as far as the clock may move before checks stop.
const GRACE_SECONDS: i64 = 90;
/// Steps of drift that are ever allowed, and the step itself.
const STEPS: i64 = 3;

/// What is counted separately: one key of one authenticator, or one code that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Subject(u64);

#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Keyed at random, so that nobody can choose ids that fall together.
    hasher: RandomState,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// The highest step that was used; 0 for none.
    step: u32,
    period: u8,
    failures: u8,
}

impl Guard {
    /// What is counted under an id and the number of its key.
    pub(crate) fn subject(&self, id: &[u8], generation: u32) -> Subject {
        Subject(self.hasher.hash_one((id, generation)))
    }

    /// Counts a try before it is made, so that tries at the same time cannot share one. `false` if the budget is used up:
    /// then nothing may be checked.
    pub(crate) fn charge(&mut self, subject: Subject) -> bool {
        let entry = self.entries.entry(subject.0).or_default();
        let left = entry.failures < BUDGET;
        entry.failures = entry.failures.saturating_add(1).min(BUDGET);
        left
    }

    /// Takes the count of a try back: it was not wrong.
    pub(crate) fn refund(&mut self, subject: Subject) {
        if let Some(entry) = self.entries.get_mut(&subject.0) {
            entry.failures = entry.failures.saturating_sub(1);
        }
    }

    /// A right code: clears the failures.
    pub(crate) fn clear(&mut self, subject: Subject) {
        if let Some(entry) = self.entries.get_mut(&subject.0) {
            entry.failures = 0;
        }
    }

    /// Uses a step, and says whether it was newer than any that was used before.
    pub(crate) fn consume(&mut self, subject: Subject, step: i64, period: u16) -> bool {
        // Steps of 30 seconds fill 32 bits in the year 6053.
        let step = u32::try_from(step).unwrap_or(0);
        let entry = self.entries.entry(subject.0).or_default();
        let newer = step > entry.step;
        if newer {
            (entry.step, entry.period) = (step, u8::try_from(period).unwrap_or(u8::MAX));
        }
        newer
    }

    /// Drops what no longer guards anything.
    pub(crate) fn sweep(&mut self, unix_seconds: i64) {
        self.entries.retain(|_, entry| {
            let end = (i64::from(entry.step) + STEPS) * i64::from(entry.period) + GRACE_SECONDS;
            entry.failures > 0 || (entry.step > 0 && end >= unix_seconds)
        });
        if self.entries.capacity() > 4 * self.entries.len().max(1024) {
            self.entries.shrink_to(2 * self.entries.len());
        }
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn t28_the_budget_holds_until_a_right_code() {
        let mut guard = Guard::default();
        let (one, other, rotated) = (guard.subject(b"one", 1), guard.subject(b"other", 1), guard.subject(b"one", 2));
        for _ in 0..BUDGET - 1 {
            assert!(guard.charge(one));
        }
        guard.clear(one);
        for _ in 0..BUDGET {
            assert!(guard.charge(one));
        }
        for _ in 0..1000 {
            assert!(!guard.charge(one));
        }
        assert!(guard.charge(other) && guard.charge(rotated));
    }

    #[test]
    fn a_sweep_forgets_steps_that_are_over_and_no_failure() {
        let mut guard = Guard::default();
        let (used, failed) = (guard.subject(b"used", 1), guard.subject(b"failed", 1));
        assert!(guard.consume(used, 1000, 30));
        assert!(guard.charge(failed));
        guard.sweep(1000 * 30 + 170);
        assert_eq!(guard.len(), 2);
        guard.sweep(1000 * 30 + 181);
        assert_eq!(guard.len(), 1);
        guard.sweep(i64::MAX);
        assert_eq!(guard.len(), 1);
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<(u64, Entry)>() <= 16);
    }

    proptest! {
        #[test]
        fn t29_a_step_is_used_once_and_only_a_newer_one_after_it(steps in prop::collection::vec(1_i64..50, 1..200)) {
            let mut guard = Guard::default();
            let subject = guard.subject(b"id", 1);
            let mut highest = 0;
            for step in steps {
                prop_assert_eq!(guard.consume(subject, step, 30), step > highest);
                highest = highest.max(step);
            }
        }
    }
}
