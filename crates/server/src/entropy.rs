//! Randomness from the operating system.

use domain::Entropy;

/// The operating system's randomness, by way of aws-lc's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if aws_lc_rs::rand::fill(buffer).is_err() {
            // Without randomness nothing here is safe: end at once rather than go on with zeros.
            std::process::abort();
        }
    }
}
