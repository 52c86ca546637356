//! How often anybody is asked (T-15): one prompt at a time, and longer and longer between those that nobody approves.
//!
//! Every prompt counts as unwanted until it is approved, so that what is ignored, denied and answered wrongly all slow down whoever
//! asks, and nothing has to be written when time runs out. There are two paces for each user, one for whoever is trusted and one
//! for everybody else ([`Door`], ADR 6): whoever has stolen a password and floods its owner with prompts keeps nobody from being
//! asked who has proved something before.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Door, Timestamp};

/// Prompts in a row that nobody approves and that cost no waiting but for each other's end.
pub const FREE: i32 = 3;

/// Prompts in a row that nobody approves after which the wait is [`LOCK`].
pub const LOCKED_AT: i32 = 10;

/// What the first wait is; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_mins(5);

/// The longest wait before it is locked, and the least after a report of fraud.
pub const LONGEST: Duration = Duration::from_hours(1);

/// How long nobody is asked by this door once too many were not approved.
pub const LOCK: Duration = Duration::from_hours(24);

/// How long there is to be before the next prompt when `asked` in a row were not approved, the last one now.
pub const fn pause_after(asked: i32) -> Duration {
    if asked < FREE {
        return Duration::ZERO;
    }
    if asked >= LOCKED_AT {
        return LOCK;
    }
    let doublings = asked - FREE;
    let seconds = FIRST.as_secs() << doublings;
    if seconds > LONGEST.as_secs() { LONGEST } else { Duration::from_secs(seconds) }
}

/// What holds up prompts that are asked for by one door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Prompts in a row that were not approved, those among them that still can be.
    pub asked: i32,
    /// None is made before this time.
    pub retry_at: Option<Timestamp>,
}

impl Pace {
    /// Whether one may be made now.
    pub fn allows(self, now: Timestamp) -> bool {
        self.retry_at.is_none_or(|retry_at| now >= retry_at)
    }

    /// With one more prompt, made now.
    #[must_use]
    pub fn after_prompt(self, now: Timestamp) -> Self {
        // Whoever was left in peace for as long as the longest wait begins anew.
        let forgotten = self.retry_at.is_some_and(|retry_at| now >= retry_at.plus(LOCK));
        let asked = if forgotten { 1 } else { self.asked.saturating_add(1) };
        let pause = pause_after(asked);
        Self { asked, retry_at: (asked >= FREE).then(|| now.plus(pause)) }
    }

    /// After the user approved one.
    #[must_use]
    pub const fn after_approval(self) -> Self {
        Self { asked: 0, retry_at: None }
    }

    /// After the user said that somebody else had asked.
    #[must_use]
    pub fn after_report(self, now: Timestamp) -> Self {
        let asked = self.asked.max(FREE).saturating_add(1);
        let until = now.plus(pause_after(asked).max(LONGEST));
        Self { asked, retry_at: Some(self.retry_at.map_or(until, |retry_at| retry_at.max(until))) }
    }
}

/// The prompt that waits for a user's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// By which door it was asked for.
    pub door: Door,
    /// It waits no longer than until then.
    pub expires_at: Timestamp,
}

/// What becomes of a wish for a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is made.
    Now,
    /// It is made, and takes the place of the one that waits.
    Instead,
    /// It is not made: another waits for its answer, until then at the latest.
    Taken(Timestamp),
    /// It is not made: there were too many that nobody approved. From then on.
    TooMany(Timestamp),
}

impl Turn {
    /// Whether a user is asked now by this door. Only a trusted one takes a place that is taken, and only one that is not trusted
    /// (T-04): otherwise each of two could push the other's prompt away.
    pub fn of(live: Option<Live>, pace: Pace, door: Door, now: Timestamp) -> Self {
        if let Some(retry_at) = pace.retry_at.filter(|_| !pace.allows(now)) {
            return Self::TooMany(retry_at);
        }
        match (live.filter(|live| now < live.expires_at), door) {
            (None, _) => Self::Now,
            (Some(Live { door: Door::Open, .. }), Door::Trusted) => Self::Instead,
            (Some(live), _) => Self::Taken(live.expires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::push::prompt::LIFETIME;

    const DAY: i64 = 86_400_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    /// Asks every second of a day, with nobody ever approving: when prompts were made.
    fn flood(door: Door) -> Vec<Timestamp> {
        let (mut pace, mut live, mut made) = (Pace::default(), None, Vec::new());
        for now in (0..DAY).step_by(1000).map(at) {
            if matches!(Turn::of(live, pace, door, now), Turn::Now | Turn::Instead) {
                made.push(now);
                pace = pace.after_prompt(now);
                live = Some(Live { door, expires_at: now.plus(LIFETIME) });
            }
        }
        made
    }

    #[test]
    fn t15_waiting_doubles_up_to_an_hour_and_then_it_is_locked() {
        let minutes = [1, 2, 3, 4, 5, 6, 7, 9, 10, 11].map(|asked| pause_after(asked).as_secs() / 60);
        assert_eq!(minutes, [0, 0, 5, 10, 20, 40, 60, 60, 1440, 1440]);
    }

    #[test]
    fn t15_a_flood_of_a_day_is_ten_prompts() {
        let made = flood(Door::Open);
        assert_eq!(made.len(), 10, "{made:?}");
        let in_the_first_minutes = made.iter().filter(|made| **made < at(360_000)).count();
        assert_eq!(in_the_first_minutes, 3);
    }

    #[test]
    fn t04_a_flood_by_the_open_door_holds_up_nobody_who_is_trusted() {
        let pace = (0..20).fold(Pace::default(), |pace, _| pace.after_prompt(at(0)));
        let live = Some(Live { door: Door::Open, expires_at: at(120_000) });
        assert_eq!(Turn::of(live, pace, Door::Open, at(1)), Turn::TooMany(at(0).plus(LOCK)));
        assert_eq!(Turn::of(live, Pace::default(), Door::Trusted, at(1)), Turn::Instead);
    }

    #[test]
    fn t15_nobody_pushes_away_the_prompt_of_one_who_is_trusted() {
        let live = Some(Live { door: Door::Trusted, expires_at: at(120_000) });
        for door in [Door::Open, Door::Trusted] {
            assert_eq!(Turn::of(live, Pace::default(), door, at(119_999)), Turn::Taken(at(120_000)));
            assert_eq!(Turn::of(live, Pace::default(), door, at(120_000)), Turn::Now);
        }
    }

    #[test]
    fn t15_a_report_of_fraud_is_an_hour_of_peace_at_least() {
        let pace = Pace::default().after_prompt(at(0)).after_report(at(1000));
        assert!(!pace.allows(at(1000).plus(LONGEST).minus(Duration::from_millis(1))));
        assert!(pace.allows(at(1000).plus(LONGEST)));
    }

    #[test]
    fn an_approval_forgets_what_was_before() {
        let pace = (0..20).fold(Pace::default(), |pace, _| pace.after_prompt(at(0)));
        assert_eq!(pace.after_approval(), Pace::default());
    }

    #[test]
    fn so_does_a_day_after_the_wait() {
        let pace = (0..20).fold(Pace::default(), |pace, _| pace.after_prompt(at(0)));
        assert_eq!(pace.after_prompt(at(0).plus(LOCK).plus(LOCK)), Pace { asked: 1, retry_at: None });
    }

    proptest! {
        /// However prompts and reports follow each other: while it waits it lets nothing through, it never waits longer than the
        /// lock, and a report never makes it wait less.
        #[test]
        fn t15_the_pace_only_falls_without_approval(steps in prop::collection::vec((any::<bool>(), 0..7_200_000_i64), 1..40)) {
            let (mut pace, mut now) = (Pace::default(), at(0));
            for (report, later) in steps {
                now = now.plus(Duration::from_millis(later.unsigned_abs()));
                let before = pace;
                if report {
                    pace = pace.after_report(now);
                    prop_assert!(!pace.allows(now));
                    prop_assert!(pace.retry_at >= before.retry_at);
                } else if pace.allows(now) {
                    pace = pace.after_prompt(now);
                }
                prop_assert!(pace.retry_at.is_none_or(|retry_at| retry_at <= now.plus(LOCK)));
                prop_assert!(pace.asked >= before.asked || before.retry_at.is_some_and(|at| now >= at.plus(LOCK)));
            }
        }

        #[test]
        fn t15_there_is_one_prompt_at_a_time(asks in prop::collection::vec((any::<bool>(), 0..300_000_i64), 1..60)) {
            let (mut paces, mut live, mut now) = ([Pace::default(); 2], None::<Live>, at(0));
            for (trusted, later) in asks {
                now = now.plus(Duration::from_millis(later.unsigned_abs()));
                let door = if trusted { Door::Trusted } else { Door::Open };
                let pace = &mut paces[usize::from(trusted)];
                let waits = live.filter(|live| now < live.expires_at);
                match Turn::of(live, *pace, door, now) {
                    Turn::Now => prop_assert_eq!(waits, None),
                    Turn::Instead => prop_assert!(trusted && waits.is_some_and(|live| live.door == Door::Open)),
                    Turn::Taken(until) => { prop_assert!(until > now); continue; }
                    Turn::TooMany(until) => { prop_assert!(until > now); continue; }
                }
                *pace = pace.after_prompt(now);
                live = Some(Live { door, expires_at: now.plus(LIFETIME) });
            }
        }
    }
}
