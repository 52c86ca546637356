//! Rules of alerts (S-10, W-11): what is wrong with their files, which events they count, and the counting held against a model that keeps
//! everything.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::event::About;
use domain::{AlertSeverity, Event, EventId, EventKind, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use workflow::{AlertRule, Baseline, Bounds, Counter, Excess};

const HEAD: &str = "apiVersion: countersign/v1\nkind: Alert\nmetadata: {name: rule}\nseverity: high\n";

fn rule(rest: &str) -> AlertRule {
    AlertRule::read("rule.yaml", &format!("{HEAD}{rest}")).unwrap()
}

fn mistakes(rest: &str) -> String {
    let mistakes = AlertRule::read("rule.yaml", &format!("{HEAD}{rest}")).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn event(kind: EventKind, user: Option<&str>, data: serde_json::Value) -> Event {
    let serde_json::Value::Object(data) = data else { panic!() };
    let user_id = user.map(|user| user.parse().unwrap());
    let about = About { user_id, ..About::default() };
    let id = "evt_0197a3c05b7c7d3e8f6a1b2c3d4e5f60".parse::<EventId>().unwrap();
    Event { id, position: 1, at: at(0), kind, application_id: None, about, data, details: None }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

#[test]
fn w11_what_is_wrong_with_a_rule_is_said_with_its_place() {
    for (rest, said) in [
        (
            "events: [push.deneid]\nabove: 1\n",
            "rule.yaml:5:10: error: there is no event `push.deneid`; did you mean `push.denied`?",
        ),
        ("events: [push.denied]\n", "nothing is said of how many are too many"),
        ("events: [push.denied]\nabove: 1\nbye: user\n", "did you mean `by`?"),
        ("events: [push.denied]\nabove: 1\nby: data.gatway\n", "these events say nothing of `data.gatway`"),
        ("events: [gateway.down]\nabove: 1\nby: user\n", "these events say nothing of `user`"),
        ("events: [code.sent]\nz: 3\nby: user\n", "what is usual is not worked out for each user"),
        ("events: [code.sent]\nz: 0.5\n", "a number from 1 to 100"),
        ("events: [code.sent]\nabove: 3\nat_least: 5\n", "`at_least` says something of `z`"),
        ("events: [code.sent]\nabove: 3\nwindow: 10s\n", "this goes from 1m to 1d"),
        ("events: [alert.raised]\nabove: 3\n", "alerts are not counted"),
        ("events: [nothing.*]\nabove: 3\n", "there are no events `nothing.*`"),
        ("events: [push.denied]\nabove: 1\nwhen: event.data.raeson == 'x'\n", "did you mean"),
        ("events: [push.denied]\nabove: 1\nwhen: event.data.sends == 'x'\n", "rule.yaml:7:"),
        ("events: [push.denied]\nabove: -1\n", "this goes from 0"),
    ] {
        let told = mistakes(rest);
        assert!(told.contains(said), "{rest}: {told}");
    }
    let told = AlertRule::read("x.yaml", "apiVersion: countersign/v1\nkind: Alarm\n").unwrap_err();
    assert!(told.iter().any(|mistake| mistake.to_string().contains("this reads `kind: Alert`")), "{told:?}");
}

#[test]
fn w11_a_rule_counts_the_events_that_it_names_in_their_groups() {
    let of_user = rule("events: [push.denied, prompt.mismatched]\nby: user\nabove: 3\nwindow: 10m\n");
    let ana = "usr_0197a3c05b7c7d3e8f6a1b2c3d4e5f60";
    assert_eq!(of_user.group_of(&event(EventKind::PushDenied, Some(ana), json!({}))).as_deref(), Some(ana));
    assert_eq!(of_user.group_of(&event(EventKind::PushDenied, None, json!({}))).as_deref(), Some(""));
    assert_eq!(of_user.group_of(&event(EventKind::PushSent, Some(ana), json!({}))), None);
    assert_eq!((of_user.severity(), of_user.by().as_deref()), (AlertSeverity::High, Some("user")));

    let all = rule("events: gateway.*\nby: data.gateway\nabove: 0\nwhen: event.data.channel == 'sms'\n");
    let of_gateways = EventKind::ALL.iter().filter(|kind| kind.name().starts_with("gateway.")).copied();
    assert_eq!(all.events(), of_gateways.collect::<Vec<_>>());
    assert!(all.events().contains(&EventKind::GatewayDown) && all.events().contains(&EventKind::GatewaySwitched));
    let down = |data| all.group_of(&event(EventKind::GatewayDown, None, data));
    assert_eq!(down(json!({ "gateway": "one", "channel": "sms" })).as_deref(), Some("one"));
    assert_eq!(down(json!({ "gateway": "one", "channel": "email" })), None);
    // What cannot be told counts.
    assert_eq!(down(json!({ "gateway": "one" })).as_deref(), Some("one"));
}

/// A model that keeps every event and forgets nothing.
fn naively(times: &[i64], now: i64, within: i64) -> u64 {
    times.iter().filter(|time| now - **time < within).count() as u64
}

const WINDOW: i64 = 600_000;
const SLOT: i64 = WINDOW / 20;

fn bounds(above: u64) -> Bounds {
    Bounds {
        window: Duration::from_millis(WINDOW as u64),
        above: Some(above),
        z: None,
        at_least: 10,
        cool_down: Duration::from_mins(15),
    }
}

proptest! {
    #[test]
    fn s10_a_window_has_what_a_list_of_all_events_has(
        steps in prop::collection::vec(0_i64..120_000, 1..120),
        above in 0_u64..30,
        later in 0_i64..1_500_000,
    ) {
        let (bounds, mut counter, mut times, mut now) = (bounds(above), Counter::default(), Vec::new(), 1_700_000_000_000);
        for step in steps {
            now += step;
            times.push(now);
            counter.count(at(now), &bounds);
            // However it was kept meanwhile.
            counter = serde_json::from_str(&json!(counter).to_string()).unwrap();
        }
        for now in [now, now + later] {
            // At least the window, and at most a twentieth more.
            let (least, most) = (naively(&times, now, WINDOW), naively(&times, now, WINDOW + SLOT));
            match counter.excess(at(now), &bounds) {
                Some(Excess::Above { count, limit }) => {
                    prop_assert!(limit == above && count > above && (least..=most).contains(&count), "{least} {count} {most}");
                }
                None => prop_assert!(least <= above, "{least}"),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        // An alert is over at the first moment at which that may be.
        let over = counter.resolves_at(&bounds).unix_millis();
        prop_assert_eq!(counter.excess(at(over), &bounds), None);
        prop_assert!(naively(&times, over, WINDOW) <= above);
        prop_assert!(counter.idle_at(&bounds).unix_millis() >= over);
        let last_excess = (0..times.len()).rev().find(|n| naively(&times[..=*n], times[*n], WINDOW) > above);
        if let Some(last) = last_excess {
            prop_assert!(over >= times[last] + 900_000, "no sooner than cool_down says");
        }
        prop_assert!(json!(counter).to_string().len() < 1000, "however many events there are");
    }

    #[test]
    fn s10_a_baseline_is_the_mean_and_variance_of_what_there_was_the_newest_weighing_most(
        counts in prop::collection::vec(0_u32..5000, 1..40),
    ) {
        let baseline = counts.iter().fold(Baseline::default(), |baseline, count| baseline.and(f64::from(*count)));
        // The share of each, worked out apart: the n-th has 1/n of all as it comes, and never less than an eighth.
        let shares: Vec<f64> = (1..=counts.len()).map(|n| 1.0 / f64::from(u8::try_from(n.min(8)).unwrap())).collect();
        let weight = |n: usize| shares[n] * shares[n + 1..].iter().map(|share| 1.0 - share).product::<f64>();
        let weights: Vec<f64> = (0..counts.len()).map(weight).collect();
        let all = || weights.iter().zip(&counts).map(|(weight, count)| (*weight, f64::from(*count)));
        let mean: f64 = all().map(|(weight, count)| weight * count).sum();
        let variance: f64 = all().map(|(weight, count)| weight * (count - mean).powi(2)).sum();
        prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!((baseline.mean - mean).abs() < 1e-6 * (1.0 + mean), "{} {mean}", baseline.mean);
        prop_assert!((baseline.variance - variance).abs() < 1e-6 * (1.0 + variance), "{} {variance}", baseline.variance);
        if counts.len() <= 8 {
            let plain = counts.iter().map(|count| f64::from(*count)).sum::<f64>() / f64::from(u8::try_from(counts.len()).unwrap());
            prop_assert!((mean - plain).abs() < 1e-6 * (1.0 + plain));
        }
    }

    #[test]
    fn s10_each_hour_of_the_week_has_what_such_hours_had(
        hours in prop::collection::vec((0_i64..5 * 168, 1_u64..20), 2..60),
    ) {
        let bounds = Bounds { window: Duration::from_hours(1), above: None, z: Some(100_000), at_least: 10, cool_down: Duration::ZERO };
        let mut by_hour: BTreeMap<i64, u64> = BTreeMap::new();
        for (hour, count) in hours {
            *by_hour.entry(hour).or_default() += count;
        }
        let mut counter = Counter::default();
        for (hour, count) in &by_hour {
            for n in 0..*count {
                counter.count(at(hour * 3_600_000 + i64::try_from(n).unwrap()), &bounds);
            }
        }
        let (first, last) = (*by_hour.keys().next().unwrap(), *by_hour.keys().last().unwrap());
        for hour in 0..168 {
            // The first hour was not seen as a whole, and the last one is not over. Those without an event had none.
            let such = (first + 1..last).filter(|other| other.rem_euclid(168) == hour);
            let wanted = such.fold(Baseline::default(), |baseline, other| {
                baseline.and(f64::from(u32::try_from(by_hour.get(&other).copied().unwrap_or(0)).unwrap()))
            });
            prop_assert_eq!(counter.usual(at(hour * 3_600_000)).unwrap_or_default(), wanted, "hour {}", hour);
        }
    }
}

/// Counts as many events in an hour as are said, a minute apart at most.
fn an_hour(counter: &mut Counter, hour: i64, count: u64, bounds: &Bounds) -> Option<Excess> {
    let mut excess = None;
    for n in 0..count {
        let now = at(hour * 3_600_000 + i64::try_from(n).unwrap() * 1000);
        counter.count(now, bounds);
        excess = excess.or(counter.excess(now, bounds));
    }
    excess
}

#[test]
fn s10_nothing_is_unusual_before_four_such_hours_were_seen() {
    let bounds = Bounds { z: Some(3000), above: None, ..bounds(0) };
    let mut counter = Counter::default();
    an_hour(&mut counter, 167, 1, &bounds);
    for week in 1..=4 {
        assert_eq!(an_hour(&mut counter, week * 168, if week == 4 { 10 } else { 500 }, &bounds), None, "week {week}");
    }
    // Four were seen by now: 500, 500, 500 and 10.
    let usual = counter.usual(at(168 * 3_600_000)).unwrap();
    assert_eq!(usual.hours, 3, "the fourth is not over");
    let excess = an_hour(&mut counter, 5 * 168, 2000, &bounds);
    let Some(Excess::Unusual { count, limit, usual }) = excess else { panic!("{excess:?}") };
    // 377.5 on the average, with a deviation of 212.2: at the first one beyond, not after the hour.
    assert_eq!((count, limit, usual), (1015, 1014, 378));
}

#[test]
fn s10_an_attack_does_not_become_what_is_usual() {
    let bounds = Bounds { z: Some(3000), above: None, ..bounds(0) };
    let mut counter = Counter::default();
    an_hour(&mut counter, 167, 1, &bounds);
    for week in 1..=6 {
        assert_eq!(an_hour(&mut counter, week * 168, 100, &bounds), None, "week {week}");
    }
    // Poisson's deviation is 10, whatever the variance is: up to 130.
    assert_eq!(an_hour(&mut counter, 7 * 168, 130, &bounds), None);
    assert!(an_hour(&mut counter, 8 * 168, 50_000, &bounds).is_some());
    assert!(an_hour(&mut counter, 9 * 168, 200, &bounds).is_some(), "one week later it still is");
}

#[test]
fn w11_the_rules_that_ship_hold_and_the_guide_lists_them() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join("docs/guide/alerts.md")).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(root.join("alerts")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let rule = AlertRule::read(&name, &std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        assert_eq!(rule.name(), name);
        let row = format!("| `{name}` | {} |", rule.severity().name());
        assert!(guide.contains(&row), "{row}");
        count += 1;
    }
    assert_eq!(
        count,
        guide
            .lines()
            .filter(|line| line.starts_with("| `") && line.contains("` | "))
            .filter(|line| line.contains("| high |") || line.contains("| medium |") || line.contains("| low |"))
            .count()
    );
    // The guide's own example is one of them.
    let example = guide.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(AlertRule::read("example", example).unwrap().name(), "denials");
}

#[test]
fn s10_replays_are_counted_and_other_rejections_are_not() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("alerts/replays.yaml")).unwrap();
    let rule = AlertRule::read("replays", &text).unwrap();
    let group = |kind, data| rule.group_of(&event(kind, None, data));
    assert!(group(EventKind::AuthenticatorRejected, json!({ "reason": "replayed" })).is_some());
    assert_eq!(group(EventKind::AuthenticatorRejected, json!({ "reason": "wrong" })), None);
    assert_eq!(group(EventKind::ChallengeRejected, json!({})), None);
    assert!(group(EventKind::SessionKeyRefused, json!({ "reason": "absent" })).is_some());
}

#[test]
fn w11_the_workflow_that_tells_of_alerts_does_what_its_tests_say() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("workflows/alert_on_call.yaml")).unwrap();
    let definition = workflow::Definition::read("alert_on_call.yaml", &text).unwrap();
    let results = definition.run_tests();
    assert_eq!(results.len(), 3);
    for result in results {
        assert!(result.passed(), "{result:?}");
    }
}

#[test]
fn w11_whoever_has_a_network_is_one_group_and_none_is_called_as_what_stands_for_the_others() {
    let rule = rule("events: [code.sent]\nby: data.reference\nabove: 3\n");
    let group = |said: &str| rule.group_of(&event(EventKind::CodeSent, None, json!({ "reference": said }))).unwrap();
    for (said, counted) in [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("::ffff:192.0.2.9", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::1", "2001:db8:1::/48"),
        ("2001:db8:2::1", "2001:db8:2::/48"),
        ("192.0.2", "192.0.2"),
        ("main", "main"),
    ] {
        assert_eq!(group(said), counted);
    }
    assert_ne!(group(workflow::OTHERS), workflow::OTHERS);
}
