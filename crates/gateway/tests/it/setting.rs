//! What the tests set up gateways with: a clock that stands still, chance that a test can repeat, loopback allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Entropy, ManualClock, Timestamp};
use gateway::Gateways;
use gateway::outside::{Allowed, Limits, Outside, Setup};

use crate::stand_in::StandIn;

/// 2026-11-25T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_unix_millis(1_795_608_000_000);

/// Different each time, and the same in each run.
#[derive(Default)]
pub(crate) struct Repeatable(AtomicU64);

impl Entropy for Repeatable {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            // Knuth's multiplier: neighbours lie far apart.
            let next = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005).rotate_left(29);
            chunk.copy_from_slice(&next.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// No gateway yet, and the clock that they will go by.
pub(crate) fn setting() -> (Gateways, Arc<ManualClock>) {
    with_authorities(Vec::new())
}

/// No gateway yet, and that a stand-in's certificate is believed.
pub(crate) fn trusting(server: &StandIn) -> Gateways {
    with_authorities(server.certificate.iter().map(|pem| pem.clone().into_bytes()).collect()).0
}

fn with_authorities(authorities: Vec<Vec<u8>>) -> (Gateways, Arc<ManualClock>) {
    let limits = Limits { connect: Duration::from_secs(1), total: Duration::from_secs(1), body: 64 << 10 };
    let allowed = Allowed::parse(["127.0.0.1"]).unwrap();
    let outside = Outside::new(Setup { allowed, limits, authorities, ..Setup::default() }).unwrap();
    let clock = Arc::new(ManualClock::at(NOON));
    (Gateways::new(outside, Arc::clone(&clock) as _, Arc::new(Repeatable::default())), clock)
}

/// No gateway yet.
pub(crate) fn bare() -> Gateways {
    setting().0
}
