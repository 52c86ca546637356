//! Spans of time as people write them.

use std::time::Duration;

/// The longest span: ten years.
const LONGEST: u64 = 3650 * 86_400;

/// `30_days`, `24 hours`, `15m`, `90s`, `0`: a number and a unit, with `_` or a space between them if one likes.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim_start_matches(['_', ' ']) {
        "" if number == 0 => 0,
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    let seconds = number.checked_mul(seconds)?;
    (seconds <= LONGEST).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let seconds = |text| parse(text).map(|span| span.as_secs());
        assert_eq!(seconds("30_days"), Some(30 * 86_400));
        assert_eq!(seconds("24_hours"), Some(86_400));
        assert_eq!(seconds("15m"), Some(900));
        assert_eq!(seconds("1 hour"), Some(3600));
        assert_eq!(seconds("0"), Some(0));
        for wrong in ["", "5", "-5m", "m", "5 fortnights", "99999999999999999999s", "4000d", "1.5h"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
