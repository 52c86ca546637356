//! The vault's own clock, and what notices when it jumps (T-29).

use rustix::time::{ClockId, Timespec, clock_gettime};
use vault_proto::Refusal;

/// A jump that is no drift: three steps of 30 seconds.
const JUMP_MILLIS: i64 = 90_000;
/// How long a clock has to be steady after a jump.
const STEADY_MILLIS: i64 = 60_000;
/// How far a clock that is steady may move against the other: what a time daemon corrects in one go.
const SLACK_MILLIS: i64 = 1_000;

/// Wall clock and time since the machine started, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: i64,
    pub(crate) boot: i64,
}

impl Moment {
    /// Whole seconds since the Unix epoch.
    pub(crate) fn unix_seconds(self) -> i64 {
        self.wall.div_euclid(1000)
    }
}

/// The clocks of the operating system, with what tests have added to them.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    wall_moved: i64,
    boot_moved: i64,
}

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        Moment {
            wall: millis(clock_gettime(ClockId::Realtime)).saturating_add(self.wall_moved),
            boot: millis(clock_gettime(ClockId::Boottime)).saturating_add(self.boot_moved),
        }
    }

    /// Sets the wall clock forward or back; where time `passed`, the other clock with it.
    pub(crate) fn shift(&mut self, by_millis: i64, passed: bool) {
        self.wall_moved = self.wall_moved.saturating_add(by_millis);
        if passed {
            self.boot_moved = self.boot_moved.saturating_add(by_millis);
        }
    }
}

fn millis(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

/// Compares the wall clock with the time since the machine started, which nobody can set: when their distance
/// changes, the wall clock was set.
#[derive(Debug)]
pub(crate) struct ClockGuard {
    /// Wall clock less time since start, where it is trusted.
    trusted: i64,
    jump: Option<Jump>,
}

#[derive(Debug, Clone, Copy)]
struct Jump {
    distance: i64,
    since_boot: i64,
}

impl ClockGuard {
    pub(crate) fn new(now: Moment) -> Self {
        Self { trusted: now.wall.saturating_sub(now.boot), jump: None }
    }

    /// Looks at the clock. To be done each second or so, and before a code is checked.
    ///
    /// # Errors
    /// `ClockJumped` until the clock has been steady for a minute after a jump.
    pub(crate) fn observe(&mut self, now: Moment) -> Result<(), Refusal> {
        let distance = now.wall.saturating_sub(now.boot);
        let by_millis = distance.saturating_sub(self.trusted);
        if by_millis.saturating_abs() <= JUMP_MILLIS {
            // It never jumped, or was set right again.
            self.jump = None;
            return Ok(());
        }
        let jump = match self.jump {
            Some(jump) if jump.distance.abs_diff(distance) <= SLACK_MILLIS.unsigned_abs() => jump,
            _ => *self.jump.insert(Jump { distance, since_boot: now.boot }),
        };
        if now.boot.saturating_sub(jump.since_boot) < STEADY_MILLIS {
            return Err(Refusal::ClockJumped { by_millis });
        }
        (self.trusted, self.jump) = (distance, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(wall: i64, boot: i64) -> Moment {
        Moment { wall, boot }
    }

    #[test]
    fn t29_a_clock_that_runs_or_is_corrected_a_little_is_trusted() {
        let mut guard = ClockGuard::new(at(1_000_000, 0));
        for second in 0..10_000 {
            guard.observe(at(1_000_000 + second * 1000 + second % 90_000, second * 1000)).unwrap();
        }
    }

    #[test]
    fn t29_after_a_jump_either_way_the_clock_has_to_be_steady_for_a_minute() {
        for jump in [HOUR, -HOUR, JUMP_MILLIS + 1, -JUMP_MILLIS - 1] {
            let mut guard = ClockGuard::new(at(10 * HOUR, 0));
            let seen = |boot: i64| at(10 * HOUR + boot + jump, boot);
            for boot in [0, 1_000, 30_000, 59_999] {
                assert_eq!(guard.observe(seen(boot)), Err(Refusal::ClockJumped { by_millis: jump }), "{boot}");
            }
            guard.observe(seen(60_000)).unwrap();
            // From here on that is the time, and going back is a jump.
            guard.observe(seen(61_000)).unwrap();
            assert!(guard.observe(at(10 * HOUR + 62_000, 62_000)).is_err());
        }
    }

    #[test]
    fn t29_a_clock_that_keeps_jumping_is_never_trusted() {
        let mut guard = ClockGuard::new(at(10 * HOUR, 0));
        for second in 1..1_000 {
            let boot = second * 1000;
            assert!(guard.observe(at(10 * HOUR + boot + HOUR + second * 2_000, boot)).is_err());
        }
    }

    #[test]
    fn t29_a_clock_that_is_set_right_again_is_trusted_at_once() {
        let mut guard = ClockGuard::new(at(10 * HOUR, 0));
        assert!(guard.observe(at(11 * HOUR, 1_000)).is_err());
        guard.observe(at(10 * HOUR + 2_000, 2_000)).unwrap();
    }
}
