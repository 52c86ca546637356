//! Randomness, handed in as [`Entropy`] so that tests can fix it.

#[cfg(test)]
use std::sync::atomic::{AtomicU8, Ordering};

/// Where random bytes come from: the operating system, outside tests.
///
/// Keys never come from here; those are made in the vault.
pub trait Entropy: Send + Sync {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// Counts instead of guessing: different every time, and the same in every run.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU8);

#[cfg(test)]
impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
