//! What becomes of a push prompt.
//!
//! ```text
//! open ──► approved     the right number, in time
//!   ├────► denied       not wanted
//!   ├────► reported     "this was not me"
//!   ├────► mismatched   a wrong number: the first one ends it (T-15)
//!   ├────► withdrawn    answered otherwise, taken back, or its place taken by one that is trusted
//!   └────► expired      nobody answered
//! ```
//!
//! There is no way back from any of them, and only one of them allows anything.

use std::time::Duration;

use super::Number;
use crate::Timestamp;

/// How long a person has to answer; never longer than what is answered lasts.
pub const LIFETIME: Duration = Duration::from_mins(2);

/// Where a prompt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PushState {
    /// It waits for an answer.
    Open,
    /// It was approved, with the right number.
    Approved,
    /// It was not wanted.
    Denied,
    /// It was reported as somebody else's doing.
    Reported,
    /// A wrong number was typed.
    Mismatched,
    /// Nobody waits for the answer any more.
    Withdrawn,
    /// Its time is over.
    Expired,
}

/// What the person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Yes, and the number is this.
    Approve(&'a str),
    /// No.
    Deny,
    /// No, and it was not me who asked.
    Fraud,
}

/// The prompt wants no answer any more, and stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the prompt is over")]
pub struct Over(
    /// Where it stands.
    pub PushState,
);

impl PushState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Open, Self::Approved, Self::Denied, Self::Reported, Self::Mismatched, Self::Withdrawn, Self::Expired];

    /// The state's name, as the app is told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Reported => "reported",
            Self::Mismatched => "mismatched",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// The state at `now` of a prompt that is open until `expires_at`.
    #[must_use]
    pub fn at(self, now: Timestamp, expires_at: Timestamp) -> Self {
        if self == Self::Open && now >= expires_at { Self::Expired } else { self }
    }

    /// What an answer at `now` makes of it, where `wanted` is the number on the other screen.
    ///
    /// # Errors
    /// [`Over`] where it is open no more.
    pub fn answered(
        self,
        answer: Answer<'_>,
        wanted: &Number,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Self, Over> {
        match (self.at(now, expires_at), answer) {
            (Self::Open, Answer::Approve(typed)) if wanted.is(typed) => Ok(Self::Approved),
            (Self::Open, Answer::Approve(_)) => Ok(Self::Mismatched),
            (Self::Open, Answer::Deny) => Ok(Self::Denied),
            (Self::Open, Answer::Fraud) => Ok(Self::Reported),
            (over, _) => Err(Over(over)),
        }
    }
}

impl<'a> Answer<'a> {
    /// The answer of this name, as the app sends it. `None` for any other name, and where a number is missing or too much.
    pub fn from_parts(name: &str, number: Option<&'a str>) -> Option<Self> {
        match (name, number) {
            ("approve", Some(number)) => Some(Self::Approve(number)),
            ("deny", None) => Some(Self::Deny),
            ("fraud", None) => Some(Self::Fraud),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve(_) => "approve",
            Self::Deny => "deny",
            Self::Fraud => "fraud",
        }
    }

    /// The number that was typed.
    pub const fn number(self) -> Option<&'a str> {
        match self {
            Self::Approve(number) => Some(number),
            Self::Deny | Self::Fraud => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: Timestamp = Timestamp::from_unix_millis(120_000);

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    fn answer() -> impl Strategy<Value = (u8, String)> {
        (0..4_u8, "[0-9]{2}")
    }

    /// What a person might do, by what was drawn: 0 and 1 type a number, which may be the right one.
    fn drawn(&(what, ref typed): &(u8, String)) -> Answer<'_> {
        match what {
            0 | 1 => Answer::Approve(typed),
            2 => Answer::Deny,
            _ => Answer::Fraud,
        }
    }

    #[test]
    fn i04_a_prompt_lasts_two_minutes_to_the_millisecond() {
        let answered = |at| PushState::Open.answered(Answer::Approve("42"), &number("42"), at, END);
        assert_eq!(answered(Timestamp::from_unix_millis(119_999)), Ok(PushState::Approved));
        assert_eq!(answered(END), Err(Over(PushState::Expired)));
    }

    #[test]
    fn t15_the_first_wrong_number_ends_it() {
        let now = Timestamp::from_unix_millis(1);
        let after = PushState::Open.answered(Answer::Approve("41"), &number("42"), now, END);
        assert_eq!(after, Ok(PushState::Mismatched));
        let again = PushState::Mismatched.answered(Answer::Approve("42"), &number("42"), now, END);
        assert_eq!(again, Err(Over(PushState::Mismatched)));
    }

    #[test]
    fn an_answer_is_written_in_one_way() {
        for answer in [Answer::Approve("42"), Answer::Deny, Answer::Fraud] {
            assert_eq!(Answer::from_parts(answer.name(), answer.number()), Some(answer));
        }
        for (name, number) in [("approve", None), ("deny", Some("42")), ("fraud", Some("")), ("Approve", Some("42"))] {
            assert_eq!(Answer::from_parts(name, number), None, "{name}");
        }
    }

    proptest! {
        /// Whatever is answered, in whatever order and when: at most one answer counts, the first that is in time, and approved
        /// is only what was answered with the right number.
        #[test]
        fn t15_at_most_one_answer_counts(
            answers in prop::collection::vec((answer(), 0..200_000_i64), 0..12),
            wanted in "[0-9]{2}",
        ) {
            let wanted = number(&wanted);
            let mut state = PushState::Open;
            let mut counted = 0;
            for (given, at) in &answers {
                let now = Timestamp::from_unix_millis(*at);
                if let Ok(next) = state.answered(drawn(given), &wanted, now, END) {
                    counted += 1;
                    prop_assert!(now < END);
                    prop_assert_ne!(next, PushState::Open);
                    prop_assert_eq!(next == PushState::Approved, drawn(given) == Answer::Approve(wanted.as_str()));
                    state = next;
                }
            }
            prop_assert!(counted <= 1);
        }

        #[test]
        fn nothing_is_open_again(now in any::<i64>(), given in answer()) {
            let now = Timestamp::from_unix_millis(now);
            for state in PushState::ALL.into_iter().filter(|state| *state != PushState::Open) {
                prop_assert_eq!(state.at(now, END), state);
                prop_assert_eq!(state.answered(drawn(&given), &number("00"), now, END), Err(Over(state)));
            }
        }
    }
}
