use super::Judged;
use crate::history::hour;
use crate::ramp::{ramp, whole};
use crate::{History, Observation, Reason};

/// How many log-ins on how many days it takes to say what is usual.
const ENOUGH: (u32, u16) = (20, 7);

/// Half of what each hour would have if all were alike: from here on an hour is usual.
const USUAL: f64 = 1.0 / 16.0;

/// How unlike this user's hours the hour is: `1 − share / (1/16)`, at least 0. `share` is the share of the user's log-ins at this hour of the day (UTC)
/// and two thirds and one third of those one and two hours beside it, around midnight too; if all hours were alike, it would be 1/8.
///
/// Unknown before 20 log-ins on 7 different days.
pub(super) fn unusual_hour<'a>(observation: &Observation<'_>, history: &History) -> Judged<'a> {
    let (hours, days) = history.hours(observation.at);
    let log_ins: u32 = hours.iter().copied().map(u32::from).sum();
    if log_ins < ENOUGH.0 || days < ENOUGH.1 {
        return (None, Reason::HoursNotLearned { log_ins, days });
    }
    let now = hour(observation.at.unix_seconds());
    let near = hours.iter().enumerate().map(|(hour, count)| {
        let apart = hour.abs_diff(now).min(24 - hour.abs_diff(now));
        let thirds = match apart {
            0 => 3.0,
            1 => 2.0,
            2 => 1.0,
            _ => 0.0,
        };
        thirds / 3.0 * f64::from(*count)
    });
    let share = near.sum::<f64>() / f64::from(log_ins);
    let value = 1.0 - ramp(share, 0.0, USUAL);
    let percent = whole(share * 100.0);
    let reason = if value > 0.0 { Reason::UnusualHour { hour: now, percent } } else { Reason::UsualHour { hour: now } };
    (Some(value), reason)
}
