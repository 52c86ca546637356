//! The vault's own memory of what was used and what failed, so that a server that was taken over can neither guess
//! a code nor use one twice (T-28).
//!
//! It is in memory only: the store's counters are the ones that last. An entry is some 20 bytes; one that holds
//! nothing but a timed step is dropped once no code of that step can be right any more. A step that is counted is never over,
//! so it is kept for as long as the vault runs.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use vault_proto::CodeOwner;

/// Wrong codes in a row after which nothing is checked any more (NIST SP 800-63B-4 §3.2.2).
pub(crate) const BUDGET: u8 = 100;

/// How long a step is remembered past its own window: as far as the clock may move before checks stop.
const GRACE_SECONDS: i64 = 90;
/// Steps of drift that are ever allowed, and the step itself.
const STEPS: i64 = 3;

/// What is counted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Subject(u64);

/// What a [`Subject`] is made of.
#[derive(Hash)]
pub(crate) enum Counted<'a> {
    /// A key, by itself rather than by whose it is: one that can be had under several names has one budget, and its steps are
    /// used once under all of them.
    Key(&'a [u8]),
    /// The codes that are sent to one authenticator.
    SentCodes(&'a CodeOwner),
}

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
    /// 0 where steps are counted.
    period: u8,
    failures: u8,
}

impl Guard {
    /// Under what something is counted.
    pub(crate) fn subject(&self, counted: &Counted<'_>) -> Subject {
        Subject(self.hasher.hash_one(counted))
    }

    /// Counts a try before it is made, so that tries at the same time cannot share one, and gives the highest step that was
    /// used. `None` if the budget is used up: then nothing may be checked.
    pub(crate) fn charge(&mut self, subject: Subject) -> Option<i64> {
        let entry = self.entries.entry(subject.0).or_default();
        let left = entry.failures < BUDGET;
        entry.failures = entry.failures.saturating_add(1).min(BUDGET);
        left.then_some(i64::from(entry.step))
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
        self.consume_all(subject, step, step, period)
    }

    /// Uses the steps from `first` to `last`, and says whether each was newer than any that was used before: else none is used.
    pub(crate) fn consume_all(&mut self, subject: Subject, first: i64, last: i64, period: u16) -> bool {
        // Steps of 30 seconds fill 32 bits in the year 6053, and no button is pressed so often.
        let (first, last) = (u32::try_from(first).unwrap_or(0), u32::try_from(last).unwrap_or(0));
        let entry = self.entries.entry(subject.0).or_default();
        let newer = entry.step < first && first <= last;
        if newer {
            (entry.step, entry.period) = (last, u8::try_from(period).unwrap_or(u8::MAX));
        }
        newer
    }

    /// Drops what no longer guards anything.
    pub(crate) fn sweep(&mut self, unix_seconds: i64) {
        self.entries.retain(|_, entry| {
            let end = (i64::from(entry.step) + STEPS) * i64::from(entry.period) + GRACE_SECONDS;
            let is_over = entry.period > 0 && end < unix_seconds;
            entry.failures > 0 || (entry.step > 0 && !is_over)
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

    fn key(guard: &Guard, key: &[u8]) -> Subject {
        guard.subject(&Counted::Key(key))
    }

    #[test]
    fn t28_the_budget_holds_until_a_right_code() {
        let mut guard = Guard::default();
        let (one, other) = (key(&guard, b"one"), key(&guard, b"other"));
        for _ in 0..BUDGET - 1 {
            assert_eq!(guard.charge(one), Some(0));
        }
        guard.clear(one);
        for _ in 0..BUDGET {
            assert_eq!(guard.charge(one), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(guard.charge(one), None);
        }
        assert!(guard.charge(other).is_some());
    }

    #[test]
    fn a_sweep_forgets_steps_that_are_over_and_no_failure() {
        let mut guard = Guard::default();
        let (used, failed) = (key(&guard, b"used"), key(&guard, b"failed"));
        assert!(guard.consume(used, 1000, 30));
        assert!(guard.charge(failed).is_some());
        guard.sweep(1000 * 30 + 170);
        assert_eq!(guard.len(), 2);
        guard.sweep(1000 * 30 + 181);
        assert_eq!(guard.len(), 1);
        guard.sweep(i64::MAX);
        assert_eq!(guard.len(), 1);
    }

    #[test]
    fn i02_a_step_that_is_counted_is_never_forgotten() {
        let mut guard = Guard::default();
        let used = key(&guard, b"used");
        assert!(guard.consume(used, 7, 0));
        guard.sweep(i64::MAX);
        assert!(!guard.consume(used, 7, 0) && !guard.consume(used, 6, 0));
        assert!(guard.consume(used, 8, 0));
        assert_eq!(guard.charge(used), Some(8));
    }

    #[test]
    fn t06_steps_in_a_row_are_used_only_if_all_of_them_are_new() {
        let mut guard = Guard::default();
        let used = key(&guard, b"used");
        assert!(guard.consume(used, 20, 0));
        assert!(!guard.consume_all(used, 20, 21, 0), "the first was used");
        assert!(!guard.consume_all(used, 25, 24, 0), "the wrong way round");
        assert!(!guard.consume_all(used, 25, i64::MAX, 0), "too far");
        assert!(guard.consume_all(used, 21, 22, 0));
        assert!(!guard.consume(used, 22, 0));
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<(u64, Entry)>() <= 16);
    }

    proptest! {
        #[test]
        fn t29_a_step_is_used_once_and_only_a_newer_one_after_it(steps in prop::collection::vec(1_i64..50, 1..200)) {
            let mut guard = Guard::default();
            let subject = key(&guard, b"key");
            let mut highest = 0;
            for step in steps {
                prop_assert_eq!(guard.consume(subject, step, 30), step > highest);
                highest = highest.max(step);
            }
        }
    }
}
