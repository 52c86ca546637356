//! How long to wait before a process is started again.

use std::time::Duration;

use tokio::time::Instant;

/// A process that lived this long is not in a crash loop.
const STEADY: Duration = Duration::from_mins(1);
/// The first wait that is one.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// Counts the crashes of one process that came close together.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    crashes: u32,
}

impl Backoff {
    /// How long to wait after a process that was started at `started` died at `now`: not at all the first time, then
    /// [`FIRST`], doubling up to [`LONGEST`].
    pub(crate) fn after_crash(&mut self, started: Instant, now: Instant) -> Duration {
        if now.duration_since(started) >= STEADY {
            self.crashes = 0;
        }
        let wait = match self.crashes {
            0 => Duration::ZERO,
            crashes => FIRST.saturating_mul(1 << (crashes - 1).min(16)).min(LONGEST),
        };
        self.crashes = self.crashes.saturating_add(1);
        wait
    }

    /// Crashes in a row.
    pub(crate) const fn crashes(&self) -> u32 {
        self.crashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_slows_down_and_a_steady_process_starts_over() {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..10).map(|_| backoff.after_crash(start, start).as_millis()).collect();
        assert_eq!(waits, [0, 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(backoff.after_crash(start, start + STEADY), Duration::ZERO);
    }
}
