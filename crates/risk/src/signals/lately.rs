use super::Judged;
use crate::history::FRAUD_DAYS;
use crate::ramp::{ramp, whole};
use crate::{History, Observation, Reason};

/// `1 − 2^(−(n − 1) / 3)` for n failures, of which each counts half after an hour; one alone is a slip (0). Three more are 0.5.
pub(super) fn failed_attempts<'a>(observation: &Observation<'_>, history: &History) -> Judged<'a> {
    let failures = history.failures_at(observation.at);
    let value = 1.0 - (-(failures - 1.0).max(0.0) / 3.0).exp2();
    (Some(value), Reason::Failures(whole(failures)))
}

/// Rises from 0 at 30 days without a log-in to 1 at 180. Unknown for somebody who was never seen.
pub(super) fn dormant_account<'a>(observation: &Observation<'_>, history: &History) -> Judged<'a> {
    let Some(seconds) = history.unseen_for(observation.at) else { return (None, Reason::NeverSeen) };
    let days = f64::from(seconds) / 86_400.0;
    (Some(ramp(days, 30.0, 180.0)), Reason::UnseenFor { days: whole(days) })
}

/// Falls from 1 right after a report to 0 after 14 days.
pub(super) fn push_fraud_reported<'a>(observation: &Observation<'_>, history: &History) -> Judged<'a> {
    match history.fraud_days(observation.at) {
        Some(days) => (Some(1.0 - ramp(days, 0.0, f64::from(FRAUD_DAYS))), Reason::FraudReported { days: whole(days) }),
        None => (Some(0.0), Reason::NoFraudReported),
    }
}
