//! When an answer is given that must not tell by its time who is asked about (T-19): at the end of a slot. What is read and written
//! differs with whoever that is, by a fraction of a slot; so it does not show.

use std::time::Duration;

use tokio::time::Instant;

/// How long a slot is.
pub(super) const SLOT: Duration = Duration::from_millis(20);
/// One for what is nothing more than written down.
pub(super) const SHORT: Duration = Duration::from_millis(5);

/// Waits for the end of the slot that it is now, of those since `begun`.
pub(super) async fn end(begun: Instant, slot: Duration) {
    tokio::time::sleep_until(end_of_slot(begun, Instant::now(), slot)).await;
}

fn end_of_slot(begun: Instant, now: Instant, slot: Duration) -> Instant {
    let slots = now.duration_since(begun).as_micros() / slot.as_micros() + 1;
    begun + slot.saturating_mul(u32::try_from(slots).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t19_an_answer_is_given_at_the_end_of_a_slot() {
        let begun = Instant::now();
        let waits = [0, 1, 19_999, 20_000, 59_000]
            .map(|micros| end_of_slot(begun, begun + Duration::from_micros(micros), SLOT));
        assert_eq!(waits.map(|at| (at - begun).as_millis()), [20, 20, 20, 40, 60]);
    }
}
