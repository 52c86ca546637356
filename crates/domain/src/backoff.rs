//! How wrong proofs slow an authenticator down and finally stop it (T-01, NIST SP 800-63B-4 §3.2.2).
//!
//! The count belongs to the authenticator, never to a session, a challenge, an address or a server. There are two waits, one
//! for whoever is trusted and one for everybody else ([`crate::Door`], T-04), and one budget for both. While
//! an authenticator has to wait, no proof is considered, right or wrong, and none is counted: a guesser
//! gains nothing by hurrying, and locking somebody out takes the better part of a day.

use std::time::Duration;

/// Wrong proofs in a row after which an authenticator is suspended until it is bound anew.
pub const BUDGET: i32 = 100;

/// Wrong proofs in a row that cost no waiting.
pub const FREE: i32 = 5;

/// The longest wait between two proofs.
pub const LONGEST: Duration = Duration::from_mins(15);

/// How long an authenticator waits after its `failures`-th wrong proof in a row: nothing for the first
/// [`FREE`] - 1, then 1 s, doubling up to [`LONGEST`].
pub const fn wait_after(failures: i32) -> Duration {
    if failures < FREE {
        return Duration::ZERO;
    }
    let doublings = failures - FREE;
    let seconds = if doublings >= 10 { LONGEST.as_secs() } else { 1 << doublings };
    if seconds > LONGEST.as_secs() { LONGEST } else { Duration::from_secs(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t01_waiting_doubles_up_to_a_quarter_of_an_hour() {
        let waits = [4, 5, 6, 7, 14, 15, 99].map(|failures| wait_after(failures).as_secs());
        assert_eq!(waits, [0, 1, 2, 4, 512, 900, 900]);
    }

    #[test]
    fn t01_exhausting_the_budget_takes_most_of_a_day() {
        let total: Duration = (1..BUDGET).map(wait_after).sum();
        assert!(total > Duration::from_hours(20), "{total:?}");
    }
}
