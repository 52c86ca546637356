//! Randomness for tests that has a seed, which is printed, so that a failure can be had again.

use std::time::Duration;

/// xorshift64*: enough to pick moments and wrong codes.
#[derive(Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    /// Noise from the seed in `COUNTERSIGN_SEED`, or from a new one.
    #[allow(clippy::disallowed_methods, reason = "a seed is what differs from run to run, unless it is given")]
    pub(crate) fn seeded() -> Self {
        let given = std::env::var("COUNTERSIGN_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = given.unwrap_or(clock.as_secs() << 20 | u64::from(clock.subsec_micros()));
        println!("COUNTERSIGN_SEED={seed}");
        Self(seed.max(1))
    }

    /// Noise from a seed.
    pub(crate) fn from(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// The next number under `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % limit
    }

    /// The same things in another order.
    pub(crate) fn shuffled<T, const N: usize>(&mut self, mut things: [T; N]) -> [T; N] {
        for last in (1..N).rev() {
            things.swap(last, usize::try_from(self.below(last as u64 + 1)).unwrap());
        }
        things
    }

    /// A time from `least` up to `most`.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap();
        least + Duration::from_micros(self.below(span.max(1)))
    }
}
