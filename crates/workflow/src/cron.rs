//! Schedules: the five fields of cron, in a time zone.

use domain::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// How far ahead a schedule is looked for: longer than from one 29 February to the next, a century's turn between them.
const YEARS_AHEAD: i16 = 9;

/// When something is to be done again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether one of days and weekdays was left open: then both have to fit. Else one of them does, as in every cron.
    both: bool,
    zone: TimeZone,
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Reads `minute hour day month weekday` and the name of a time zone.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str, zone: &str) -> Result<Self, String> {
        let zone = TimeZone::get(zone).map_err(|_| {
            let names: Vec<_> = jiff::tz::db().available().collect();
            let near = document::nearest(zone, names.iter().map(jiff::tz::TimeZoneName::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("there is no time zone `{zone}`{near}")
        })?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err("a schedule has five fields: minute, hour, day, month and weekday".to_owned());
        };
        let mut weekdays = field("weekday", weekday, 0, 7, WEEKDAYS)?;
        if weekdays & 1 << 7 != 0 {
            weekdays = weekdays & !(1 << 7) | 1;
        }
        Ok(Self {
            minutes: field("minute", minute, 0, 59, &[])?,
            hours: field("hour", hour, 0, 23, &[])?,
            days: field("day", day, 1, 31, &[])?,
            months: field("month", month, 1, 12, MONTHS)?,
            weekdays,
            both: day.starts_with('*') || weekday.starts_with('*'),
            zone,
        })
    }

    /// The first time after `after`, if there is one at all. A time that the clock jumps over is the one that it jumps to; one that comes
    /// twice counts once.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let start = jiff::Timestamp::from_millisecond(after.unix_millis()).ok()?.to_zoned(self.zone.clone()).datetime();
        let mut date = start.date();
        // From a day before: what is skipped or comes twice at a change of the clock may stand elsewhere in civil time.
        let last = start.year().checked_add(YEARS_AHEAD)?;
        while date.year() <= last {
            if has(self.months, date.month()) && self.is_on(date) {
                let times = self.times(date).filter_map(|at| self.instant(at));
                if let Some(found) = times.into_iter().find(|at| *at > after) {
                    return Some(found);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        if self.both { day && weekday } else { day || weekday }
    }

    fn times(&self, date: Date) -> impl Iterator<Item = DateTime> {
        let hours = (0..24).filter(|hour| has(self.hours, *hour));
        hours.flat_map(move |hour| {
            let minutes = (0..60).filter(|minute| has(self.minutes, *minute));
            minutes.filter_map(move |minute| Some(date.to_datetime(Time::new(hour, minute, 0, 0).ok()?)))
        })
    }

    fn instant(&self, at: DateTime) -> Option<Timestamp> {
        let zoned = self.zone.to_ambiguous_zoned(at).compatible().ok()?;
        Some(Timestamp::from_unix_millis(zoned.timestamp().as_millisecond()))
    }
}

fn has(set: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| set.checked_shr(value).unwrap_or(0) & 1 == 1)
}

/// `*`, `5`, `1-5`, `*/15`, `mon-fri`, and several of them with commas.
fn field(what: &str, text: &str, from: u32, to: u32, names: &[&str]) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no {what}: it goes from {from} to {to}");
    let number = |word: &str| {
        let at = names.iter().position(|name| word.eq_ignore_ascii_case(name));
        // Months are counted from 1, days of the week from 0.
        let called = at.and_then(|at| u32::try_from(at).ok()).map(|at| at + from);
        called.or_else(|| word.parse().ok()).filter(|n| (from..=to).contains(n)).ok_or_else(wrong)
    };
    let mut set = 0_u64;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|s| (1..=to).contains(s)).ok_or_else(wrong)?),
            None => (part, 1),
        };
        let (low, high) = match range.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None if range == "*" => (from, to),
            None if part.contains('/') => (number(range)?, to),
            None => (number(range)?, number(range)?),
        };
        if low > high {
            return Err(format!("`{range}` goes backward"));
        }
        let mut at = low;
        while at <= high {
            set |= 1 << at;
            at += step;
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(text: &str, zone: &str, after: &str) -> Option<String> {
        let after = serde_json::from_value(after.into()).unwrap();
        Schedule::parse(text, zone).unwrap().next(after).map(|at| at.to_string())
    }

    #[test]
    fn schedules_are_read_as_everywhere() {
        let after = "2026-03-01T08:30:00Z";
        for (text, zone, expected) in [
            ("*/15 * * * *", "UTC", "2026-03-01T08:45:00.000Z"),
            ("0 3 * * *", "UTC", "2026-03-02T03:00:00.000Z"),
            ("0 3 * * *", "Europe/Berlin", "2026-03-02T02:00:00.000Z"),
            ("0 9 * * mon-fri", "America/New_York", "2026-03-02T14:00:00.000Z"),
            ("0 0 29 2 *", "UTC", "2028-02-29T00:00:00.000Z"),
            ("0 0 13 * 5", "UTC", "2026-03-06T00:00:00.000Z"),
            ("0 0 1 jan 0,7", "UTC", "2027-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(next(text, zone, after).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_clock_that_is_put_forward_or_back_loses_and_doubles_nothing() {
        // 02:30 is not there on 29 March 2026 in Berlin, and is there twice on 25 October.
        let forward = next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z");
        assert_eq!(forward.as_deref(), Some("2026-03-29T01:30:00.000Z"));
        let back = next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z").unwrap();
        assert_eq!(back, "2026-10-25T00:30:00.000Z");
        assert_eq!(next("30 2 * * *", "Europe/Berlin", &back).as_deref(), Some("2026-10-26T01:30:00.000Z"));
    }

    #[test]
    fn what_never_comes_is_seen_and_what_is_none_is_refused() {
        assert_eq!(next("0 0 30 2 *", "UTC", "2026-03-01T08:30:00Z"), None);
        for wrong in [
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
        ] {
            assert!(Schedule::parse(wrong, "UTC").is_err(), "{wrong}");
        }
        assert!(Schedule::parse("* * * * *", "Mars/Olympus").is_err());
    }
}
