//! Numbers and times as people read them.

use std::time::Duration;

use domain::Timestamp;

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `640 µs`, `3.24 ms`, `1.50 s`, `4 min 10 s`, `3 h 5 min`, `2 days 4 h`.
pub(crate) fn duration(span: Duration) -> String {
    let micros = span.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{:.2} ms", span.as_secs_f64() * 1e3),
        10_000..100_000 => format!("{:.1} ms", span.as_secs_f64() * 1e3),
        100_000..1_000_000 => format!("{:.0} ms", span.as_secs_f64() * 1e3),
        1_000_000..60_000_000 => format!("{:.2} s", span.as_secs_f64()),
        60_000_000..3_600_000_000 => format!("{} min {} s", span.as_secs() / 60, span.as_secs() % 60),
        3_600_000_000..172_800_000_000 => format!("{} h {} min", span.as_secs() / 3600, span.as_secs() % 3600 / 60),
        _ => format!("{} days {} h", span.as_secs() / 86_400, span.as_secs() % 86_400 / 3600),
    }
}

/// `4:05`.
pub(crate) fn minutes(span: Duration) -> String {
    format!("{}:{:02}", span.as_secs() / 60, span.as_secs() % 60)
}

/// How long ago something was: `just now`, `5 min ago`, `3 h ago`, `12 days ago`, and the day where it is long past. In the same words how long
/// it is until then: `in 5 min`. `—` if never.
pub(crate) fn moment(at: Option<&str>, now: Timestamp) -> String {
    let Some(at) = at.and_then(parse) else { return "—".to_owned() };
    let (seconds, ahead) = (now.since(at).as_secs(), at.since(now).as_secs());
    match ahead {
        0 => {}
        1..60 => return format!("in {ahead} s"),
        60..3600 => return format!("in {} min", ahead / 60),
        3600..172_800 => return format!("in {} h", ahead / 3600),
        172_800..2_592_000 => return format!("in {} days", ahead / 86_400),
        _ => return at.to_string().chars().take(10).collect(),
    }
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        86_400..172_800 => "yesterday".to_owned(),
        172_800..2_592_000 => format!("{} days ago", seconds / 86_400),
        _ => at.to_string().chars().take(10).collect(),
    }
}

/// `2026-03-01 08:30:00Z` of an RFC 3339 time in UTC.
pub(crate) fn clock_time(at: &str) -> String {
    let whole: String = at.replacen('T', " ", 1).chars().take(19).collect();
    if whole.is_empty() { whole } else { whole + "Z" }
}

fn parse(text: &str) -> Option<Timestamp> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

/// So many of something.
pub(crate) fn counted(number: impl TryInto<u64>, what: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Text from elsewhere on one line, with nothing in it that a terminal would obey, or that turns around what follows it.
pub(crate) fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn durations_have_three_digits() {
        let spans = [5, 3_240, 32_400, 324_000, 1_500_000, 250_000_000].map(Duration::from_micros);
        assert_eq!(spans.map(duration), ["5 µs", "3.24 ms", "32.4 ms", "324 ms", "1.50 s", "4 min 10 s"]);
        let spans = [11_100, 176_400, 187_200].map(Duration::from_secs);
        assert_eq!(spans.map(duration), ["3 h 5 min", "2 days 1 h", "2 days 4 h"]);
    }

    #[test]
    fn moments_are_told_from_now() {
        let now = Timestamp::from_unix_millis(1_772_353_800_000);
        let told = |at: &str| moment(Some(at), now);
        assert_eq!(told("2026-03-01T08:29:30.000Z"), "just now");
        assert_eq!(told("2026-03-01T06:00:00.000Z"), "2 h ago");
        assert_eq!(told("2025-12-24T06:00:00.000Z"), "2025-12-24");
        assert_eq!(told("2026-03-01T08:30:12.000Z"), "in 12 s");
        assert_eq!(told("2026-03-01T09:29:59.000Z"), "in 59 min");
        assert_eq!(told("2026-03-02T08:30:00.000Z"), "in 24 h");
        assert_eq!(told("2026-03-08T08:30:00.000Z"), "in 7 days");
        assert_eq!(told("2026-12-24T06:00:00.000Z"), "2026-12-24");
        assert_eq!(moment(None, now), "—");
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(one_line("ana\u{1b}[2J\n"), "ana [2J ");
        assert_eq!(one_line("\u{202e}ana\u{2069}"), "ana");
    }
}
