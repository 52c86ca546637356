//! Which proofs of possession were seen (RFC 9449 §11.1): each serves once. Remembered here alone: two servers that must not both take one need a
//! nonce or one memory, as the guide says.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use assertion::dpop::Possession;

/// The most that are remembered. Beyond that, none is accepted until some are over.
const MOST: usize = 100_000;

#[derive(Default)]
pub(crate) struct Replays(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    by_end: BTreeSet<(i64, String)>,
}

impl Replays {
    /// Whether this is the first time, which is remembered.
    pub(crate) fn is_first(&self, possession: &Possession, now: i64) -> bool {
        let name = assertion::sha256(format!("{} {}", possession.jkt, possession.jti).as_bytes());
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.by_end.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, over)) = seen.by_end.pop_first() {
                seen.names.remove(&over);
            }
        }
        if seen.names.len() >= MOST || !seen.names.insert(name.clone()) {
            return false;
        }
        seen.by_end.insert((possession.until, name));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_serves_once_until_it_is_too_old_anyway() {
        let replays = Replays::default();
        let proof = |jkt: &str, jti: &str| Possession { jkt: jkt.to_owned(), jti: jti.to_owned(), until: 60 };
        assert!(replays.is_first(&proof("a", "1"), 0));
        assert!(!replays.is_first(&proof("a", "1"), 59));
        assert!(replays.is_first(&proof("b", "1"), 59));
        assert!(replays.is_first(&proof("a", "2"), 61));
        let seen = replays.0.lock().unwrap();
        assert_eq!((seen.names.len(), seen.by_end.len()), (1, 1));
    }
}
