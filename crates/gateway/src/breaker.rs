//! A breaker for each gateway: who fails again and again is left alone for a while, so that nobody waits for it.

use std::time::Duration;

use domain::Timestamp;

/// Failures in a row after which a gateway is left alone.
const FAILURES: u32 = 3;

/// How long at first; twice as long after each try that fails, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(15);

/// How long at most.
const LONGEST: Duration = Duration::from_mins(5);

/// How long one try may be under way before another is made.
const TRY: Duration = Duration::from_secs(30);

/// The breaker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    rest: Duration,
    /// Until when nothing is sent; past that, one try is.
    closed_until: Option<Timestamp>,
    /// Whether that try is under way.
    trying: bool,
}

/// What a result changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing: as up, or as down, as before.
    None,
    /// The gateway counts as down from here on.
    WentDown,
    /// The gateway counts as up again.
    CameUp,
}

impl Breaker {
    /// Whether something may be sent now. Where a rest is over, whoever asks first makes the one try, and the others wait for
    /// what becomes of it.
    pub fn admits(&mut self, now: Timestamp) -> bool {
        match self.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.closed_until = Some(now.plus(TRY));
                self.trying = true;
                true
            }
        }
    }

    /// When the next try will be made; `None` while the gateway counts as up.
    pub fn closed_until(&self) -> Option<Timestamp> {
        self.closed_until
    }

    /// It did what it is for, or what went wrong was no fault of its own.
    pub fn succeeded(&mut self) -> Change {
        let was_down = self.closed_until.is_some();
        *self = Self::default();
        if was_down { Change::CameUp } else { Change::None }
    }

    /// It failed.
    pub fn failed(&mut self, now: Timestamp) -> Change {
        let was_down = self.closed_until.is_some();
        self.failures = self.failures.saturating_add(1);
        // What was sent before it went down fails one after the other: that makes its rest no longer.
        let counts = if was_down { self.trying } else { self.failures >= FAILURES };
        if !counts {
            return Change::None;
        }
        self.trying = false;
        self.rest = (self.rest * 2).clamp(SHORTEST, LONGEST);
        self.closed_until = Some(now.plus(self.rest));
        if was_down { Change::None } else { Change::WentDown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    #[test]
    fn three_failures_in_a_row_close_it_and_a_success_between_does_not() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.failed(at(0)), Change::None);
        assert_eq!(breaker.failed(at(0)), Change::None);
        assert_eq!(breaker.succeeded(), Change::None);
        assert_eq!(breaker.failed(at(0)), Change::None);
        assert_eq!(breaker.failed(at(0)), Change::None);
        assert!(breaker.admits(at(0)));
        assert_eq!(breaker.failed(at(0)), Change::WentDown);
        assert!(!breaker.admits(at(1)));
    }

    #[test]
    fn after_its_rest_one_try_is_made_and_the_others_wait_for_it() {
        let mut breaker = down();
        assert!(!breaker.admits(at(14)));
        assert!(breaker.admits(at(15)));
        assert!(!breaker.admits(at(15)), "a second try beside the first");
        assert_eq!(breaker.succeeded(), Change::CameUp);
        assert!(breaker.admits(at(16)));
        assert_eq!(breaker.failed(at(16)), Change::None, "it begins to count anew");
    }

    #[test]
    fn a_try_of_which_nothing_is_heard_does_not_close_it_for_ever() {
        let mut breaker = down();
        assert!(breaker.admits(at(15)));
        assert!(!breaker.admits(at(44)));
        assert!(breaker.admits(at(45)));
    }

    #[test]
    fn each_try_that_fails_makes_the_rest_longer_up_to_five_minutes() {
        let mut breaker = down();
        let mut now = 15;
        for rest in [30, 60, 120, 240, 300, 300] {
            assert!(breaker.admits(at(now)));
            assert_eq!(breaker.failed(at(now)), Change::None);
            assert!(!breaker.admits(at(now + rest - 1)), "{rest}");
            now += rest;
        }
    }

    #[test]
    fn failures_of_what_was_sent_before_make_the_rest_no_longer() {
        let mut breaker = down();
        for _ in 0..50 {
            assert_eq!(breaker.failed(at(1)), Change::None);
        }
        assert!(breaker.admits(at(15)));
    }

    fn down() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.failed(at(0));
        }
        breaker
    }
}
