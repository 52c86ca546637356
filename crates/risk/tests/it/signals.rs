//! What each signal says, at its edges.

use std::sync::Arc;
use std::time::Duration;

use domain::{DeviceId, Timestamp, UserId};
use risk::{
    Agent, Band, Crowd, Geo, History, InvalidHistory, List, ListKind, Lists, Name, Networks, Observation, Outcome,
    OwnSignal, Session, Settings, Signal, Thresholds, Weights, World, signals,
};
use uuid::Uuid;

use crate::mmdb::{Value, database};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn start() -> Timestamp {
    "\"2026-03-02T08:00:00Z\"".parse::<serde_json::Value>().and_then(serde_json::from_value).unwrap()
}

fn place(code: &str, city: &str, at: [f64; 2], network: u32) -> Value {
    Value::Map(vec![
        ("country_code", Value::Text(code.to_owned())),
        ("city", Value::Text(city.to_owned())),
        ("latitude", Value::Double(at[0])),
        ("longitude", Value::Double(at[1])),
        ("autonomous_system_number", Value::U32(network)),
    ])
}

pub(crate) fn world() -> World {
    let networks = [
        ("198.18.0.0/24", place("DE", "Berlin", [52.52, 13.40], 64500)),
        ("198.18.1.0/24", place("FR", "Paris", [48.85, 2.35], 64501)),
        ("198.18.2.0/24", place("AU", "Sydney", [-33.87, 151.21], 64502)),
        ("198.18.3.0/24", place("NL", "Amsterdam", [52.37, 4.90], 64503)),
        ("198.18.4.0/24", place("DE", "München", [48.14, 11.58], 64500)),
        ("198.18.6.0/24", place("DE", "München", [48.14, 11.58], 64505)),
        ("198.18.5.0/24", Value::Map(vec![("country_code", Value::Text("DE".to_owned()))])),
    ];
    let entries: Vec<_> = networks.into_iter().map(|(cidr, value)| (cidr.to_owned(), value)).collect();
    World {
        geo: Arc::new(Geo::read(vec![("test".to_owned(), database(&entries))]).unwrap()),
        networks: Arc::new(Networks::read("test", b"AS64503 vpn\nAS64505 mobile").unwrap()),
        lists: Arc::new(Lists::new(vec![
            List::read("office", ListKind::Allow, "office.txt", b"198.18.2.9").unwrap(),
            List::read("drop", ListKind::Block, "drop.txt", b"198.18.0.66\n198.18.2.10").unwrap(),
        ])),
        ..World::new(Settings::default(), 1)
    }
}

pub(crate) fn seen(at: Timestamp, address: &str) -> Observation<'static> {
    Observation {
        user: UserId::from_uuid(Uuid::from_u128(1)),
        at,
        device: Some(device(1)),
        address: Some(address.parse().unwrap()),
        agent: Some(chrome()),
        session: Session::Begins,
        own: &[],
    }
}

fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}

fn chrome() -> Agent {
    Agent::of("Mozilla/5.0 (Windows NT 10.0) Chrome/138.0.0.0 Safari/537.36")
}

fn of(name: Name, observation: &Observation<'_>, history: &History, world: &World) -> (Option<f64>, String) {
    let all = signals(observation, history, world);
    let signal = all.iter().find(|signal| signal.name == name.as_str()).unwrap();
    (signal.value, signal.reason.to_string())
}

fn at_home() -> History {
    History::default().after(&seen(start(), "198.18.0.1"), Outcome::Trusted, &world())
}

#[track_caller]
fn assert_near(value: Option<f64>, expected: f64) {
    assert!(value.is_some_and(|value| (value - expected).abs() < 0.02), "{value:?} is not {expected}");
}

#[test]
fn every_reason_is_words() {
    let world = world();
    for history in [History::default(), at_home()] {
        for address in ["198.18.0.1", "198.18.1.1", "198.18.2.9", "198.18.3.1", "198.18.0.66", "203.0.113.1"] {
            for signal in signals(&seen(start().plus(HOUR), address), &history, &world) {
                let words = signal.reason.to_string();
                assert!(words.len() > 10 && !words.contains('.'), "{}: {words:?}", signal.name);
            }
        }
    }
}

#[test]
fn t14_what_cannot_be_known_is_unknown_and_not_fine() {
    let bare = World::new(Settings::default(), 1);
    let observation = seen(start().plus(HOUR), "198.18.0.1");
    for name in [Name::NewLocation, Name::ImpossibleTravel] {
        let (value, why) = of(name, &observation, &at_home(), &bare);
        assert_eq!((value, why.as_str()), (None, "there is no database of where addresses are"));
    }
    let nothing = Observation { address: None, device: None, agent: None, ..observation };
    let unknown: Vec<_> =
        signals(&nothing, &History::default(), &bare).iter().filter(|s| s.value.is_none()).map(|s| s.name).collect();
    assert_eq!(
        unknown,
        [
            "new_device",
            "new_location",
            "impossible_travel",
            "unusual_hour",
            "dormant_account",
            "address_list",
            "crowded_address"
        ]
    );
    let assessment = bare.assess(&nothing, &History::default());
    assert_eq!((assessment.band, assessment.band_at_worst), (Band::Low, Band::High));
    assert_eq!(assessment.unknown().count(), 7);
}

#[test]
fn devices_are_known_for_180_days() {
    let (world, history) = (world(), at_home());
    let on = |number, days| {
        let observation = Observation { device: Some(device(number)), ..seen(start().plus(DAY * days), "198.18.0.1") };
        of(Name::NewDevice, &observation, &history, &world).0
    };
    assert_eq!(on(1, 1), Some(0.0));
    assert_eq!(on(2, 1), Some(1.0));
    assert_eq!(on(1, 179), Some(0.0));
    assert_eq!(on(1, 180), Some(1.0));
}

#[test]
fn t25_a_device_of_one_user_is_new_for_another() {
    let other = History::default().after(
        &Observation { device: Some(device(2)), ..seen(start(), "198.18.0.1") },
        Outcome::Trusted,
        &world(),
    );
    let observation = seen(start().plus(DAY), "198.18.0.1");
    assert_eq!(of(Name::NewDevice, &observation, &at_home(), &world()).0, Some(0.0));
    assert_eq!(of(Name::NewDevice, &observation, &other, &world()).0, Some(1.0));
}

#[test]
fn without_a_device_another_browser_is_new_and_the_same_one_says_nothing() {
    let (world, history) = (world(), at_home());
    let with = |agent| {
        let observation = Observation { device: None, agent, ..seen(start().plus(DAY), "198.18.0.1") };
        of(Name::NewDevice, &observation, &history, &world).0
    };
    assert_eq!(with(Some(chrome())), None);
    assert_eq!(with(Some(Agent::of("curl/8"))), Some(1.0));
    assert_eq!(with(None), None);
}

#[test]
fn places_are_as_new_as_the_table_says() {
    let (world, history) = (world(), at_home());
    let at = |address| of(Name::NewLocation, &seen(start().plus(DAY), address), &history, &world);
    assert_eq!(at("198.18.0.200").0, Some(0.0));
    assert_eq!(at("198.18.4.1"), (Some(0.25), "the user was not seen in München, DE, in the last 180 days".to_owned()));
    assert_eq!(at("198.18.1.1"), (Some(1.0), "the user was not seen in FR in the last 180 days".to_owned()));
    assert_eq!(at("198.18.3.1").0, Some(0.8));
    assert_eq!(at("198.18.5.1").0, Some(0.0));
    assert_eq!(at("203.0.113.1"), (None, "no database says where the address is".to_owned()));
    assert_eq!(at("198.18.2.9"), (Some(0.0), "the address is on the allow list office".to_owned()));
    assert_eq!(at("198.18.2.10").0, Some(1.0), "a block list goes first");
    let vpn = history.after(&seen(start(), "198.18.3.1"), Outcome::Trusted, &world);
    assert_eq!(of(Name::NewLocation, &seen(start().plus(DAY), "198.18.3.1"), &vpn, &world).0, Some(0.2));
}

#[test]
fn travel_is_impossible_by_its_speed() {
    let (world, history) = (world(), at_home());
    let after =
        |hours, address| of(Name::ImpossibleTravel, &seen(start().plus(HOUR * hours), address), &history, &world);
    // 16,090 km, less 100 and 140 km of uncertainty.
    assert_eq!(after(1, "198.18.2.1").0, Some(1.0));
    assert_near(after(12, "198.18.2.1").0, (15_850.0 / 12.0 - 900.0) / 900.0);
    assert_eq!(after(18, "198.18.2.1").0, Some(0.0));
    assert_eq!(after(30, "198.18.2.1").1, "the user was not seen in the last 24 hours, so can be anywhere");
    assert_eq!(after(1, "198.18.1.1").0, Some(0.0), "Paris is 880 km, so 640 at the least");
    assert_eq!(after(1, "198.18.3.1"), (None, "through a VPN, which does not tell where the user is".to_owned()));
    assert_eq!(after(1, "198.18.5.1").0, None);
    let hidden = History::default().after(&seen(start(), "198.18.3.1"), Outcome::Trusted, &world);
    let (value, why) = of(Name::ImpossibleTravel, &seen(start().plus(HOUR), "198.18.0.1"), &hidden, &world);
    assert_eq!((value, why.as_str()), (None, "it is not known where the user was in the last 24 hours"));
}

#[test]
fn travel_between_places_of_the_users_own_counts_half_and_within_a_network_not() {
    let world = world();
    let there_and_back = |address| {
        let history = at_home().after(&seen(start().plus(DAY * 2), address), Outcome::Trusted, &world);
        let history = history.after(&seen(start().plus(DAY * 4), "198.18.0.1"), Outcome::Trusted, &world);
        of(Name::ImpossibleTravel, &seen(start().plus(DAY * 4 + Duration::from_mins(5)), address), &history, &world)
    };
    assert_eq!(there_and_back("198.18.2.1").0, Some(0.5));
    assert_eq!(there_and_back("198.18.4.1").0, Some(0.0), "the same network in another city");
    let new = of(Name::ImpossibleTravel, &seen(start().plus(Duration::from_mins(5)), "198.18.4.1"), &at_home(), &world);
    assert_eq!(new.0, Some(1.0), "a city that the user was never seen in");
}

#[test]
fn a_mobile_carriers_points_are_far_off_at_either_end() {
    let world = world();
    let between = |from, to| {
        let history = History::default().after(&seen(start(), from), Outcome::Trusted, &world);
        of(Name::ImpossibleTravel, &seen(start().plus(Duration::from_mins(5)), to), &history, &world).0
    };
    let (berlin, munich, mobile) = ("198.18.0.1", "198.18.4.1", "198.18.6.1");
    assert_eq!(between(berlin, munich), Some(1.0));
    assert_eq!(between(berlin, mobile), Some(0.0));
    assert_eq!(between(mobile, berlin), Some(0.0));
}

#[test]
fn t14_a_network_that_is_not_known_is_not_the_same_one() {
    let entries = [("198.18.0.0/24", [52.52, 13.40]), ("198.18.1.0/24", [40.71, -74.01])].map(|(cidr, at)| {
        let fields = vec![
            ("country_code", Value::Text("DE".to_owned())),
            ("city", Value::Text(cidr.to_owned())),
            ("latitude", Value::Double(at[0])),
            ("longitude", Value::Double(at[1])),
        ];
        (cidr.to_owned(), Value::Map(fields))
    });
    let world = World { geo: Arc::new(Geo::read(vec![("x".to_owned(), database(&entries))]).unwrap()), ..world() };
    let history = History::default().after(&seen(start(), "198.18.1.1"), Outcome::Trusted, &world);
    let history = history.after(&seen(start().plus(DAY * 2), "198.18.0.1"), Outcome::Trusted, &world);
    let (value, _) = of(Name::ImpossibleTravel, &seen(start().plus(DAY * 2 + HOUR), "198.18.1.1"), &history, &world);
    assert_eq!(value, Some(0.5));
}

#[test]
fn hours_are_a_circle_and_take_time_to_learn() {
    let world = world();
    let mut history = History::default();
    let midnight = start().plus(HOUR * 16);
    for day in 0..19 {
        history = history.after(&seen(midnight.plus(DAY * day), "198.18.0.1"), Outcome::Trusted, &world);
    }
    let at = |history: &History, hours| {
        of(Name::UnusualHour, &seen(midnight.plus(DAY * 20 + HOUR * hours), "198.18.0.1"), history, &world).0
    };
    assert_eq!(at(&history, 0), None);
    let history = history.after(&seen(midnight.plus(DAY * 19), "198.18.0.1"), Outcome::Trusted, &world);
    assert_eq!(at(&history, 0), Some(0.0));
    assert_eq!(at(&history, 22), Some(0.0), "two hours before midnight");
    assert_eq!(at(&history, 3), Some(1.0));
    assert_eq!(at(&history, 12), Some(1.0));
}

/// A history of so many log-ins, one each day at this hour after the start.
fn lived(history: History, from_day: u32, log_ins: u32, hour: u32, world: &World) -> History {
    (from_day..from_day + log_ins).fold(history, |history, day| {
        history.after(&seen(start().plus(DAY * day + HOUR * hour), "198.18.0.1"), Outcome::Trusted, world)
    })
}

#[test]
fn new_hours_outweigh_old_ones() {
    let world = world();
    let early = lived(History::default(), 0, 800, 0, &world);
    let at = |history: &History, day, hour| {
        of(Name::UnusualHour, &seen(start().plus(DAY * day + HOUR * hour), "198.18.0.1"), history, &world).0
    };
    assert_eq!((at(&early, 800, 0), at(&early, 800, 12)), (Some(0.0), Some(1.0)));
    let late = lived(early, 800, 1000, 12, &world);
    assert_eq!(at(&late, 1800, 12), Some(0.0));
    assert!(at(&late, 1800, 0) > Some(0.5), "{:?}", at(&late, 1800, 0));
}

#[test]
fn hours_are_forgotten_after_180_days_and_counted_at_log_ins_alone() {
    let world = world();
    let at =
        |history: &History, day| of(Name::UnusualHour, &seen(start().plus(DAY * day), "198.18.0.1"), history, &world).0;
    let history = lived(History::default(), 0, 30, 0, &world);
    assert_eq!(at(&history, 29 + 179), Some(0.0));
    assert_eq!(at(&history, 29 + 180), None);
    assert_eq!(at(&lived(history, 29 + 180, 1, 0, &world), 29 + 181), None);
    let actions = (0..30).fold(History::default(), |history, day| {
        let action = Observation { session: Session::BeganWith(None), ..seen(start().plus(DAY * day), "198.18.0.1") };
        history.after(&action, Outcome::Trusted, &world)
    });
    assert_eq!(at(&actions, 30), None);
}

#[test]
fn what_has_served_its_time_is_not_kept() {
    let world = world();
    let history = lived(History::default(), 0, 30, 0, &world).after(
        &seen(start().plus(DAY * 29), "198.18.0.1"),
        Outcome::FraudReported,
        &world,
    );
    let kept =
        |day| format!("{:?}", history.after(&seen(start().plus(DAY * day), "203.0.113.1"), Outcome::Failed, &world));
    let day_after = kept(30);
    assert!(day_after.contains("spots: []") && !day_after.contains("fraud_at: None"), "{day_after}");
    assert!(kept(29 + 14).contains("fraud_at: None"));
    let at_last = kept(29 + 180);
    for gone in ["devices: []", "agents: []", "places: []", "days: 0"] {
        assert!(at_last.contains(gone), "{at_last}");
    }
}

#[test]
fn the_device_that_was_seen_longest_ago_makes_room() {
    let world = world();
    let on = |number, minute| {
        let at = start().plus(DAY * minute);
        Observation { device: Some(device(number)), ..seen(at, "198.18.0.1") }
    };
    // Sixteen, the first of them again, and one more.
    let devices = (1..=16).chain([1, 17]);
    let history = devices
        .zip(0..)
        .fold(History::default(), |history, (number, day)| history.after(&on(number, day), Outcome::Trusted, &world));
    let known = |number| of(Name::NewDevice, &on(number, 20), &history, &world).0 == Some(0.0);
    assert!(known(1) && !known(2) && known(3) && known(17));
}

#[test]
fn nobody_is_a_crowd_at_an_address_on_an_allow_list() {
    let world = world();
    for number in 0..60 {
        let user = UserId::from_uuid(Uuid::from_u128(number));
        for address in ["198.18.2.9", "198.18.2.8"] {
            world.note(&Observation { user, device: None, ..seen(start(), address) }, &History::default());
        }
    }
    let crowded = |address| of(Name::CrowdedAddress, &seen(start(), address), &at_home(), &world).0;
    assert_eq!((crowded("198.18.2.9"), crowded("198.18.2.8")), (Some(0.0), Some(1.0)));
}

#[test]
fn a_band_begins_with_its_threshold() {
    let bands = [29.9, 30.0, 69.9, 70.0, f64::NAN].map(|score| Thresholds::STANDARD.band(score));
    assert_eq!(bands, [Band::Low, Band::Medium, Band::Medium, Band::High, Band::High]);
}

#[test]
fn a_crowd_is_of_those_who_are_strange_on_their_device_and_in_their_place() {
    let world = world();
    let crowd = |address: &str, known_at: &str, device_told: bool, known_device: bool| {
        let world = World { crowd: Arc::new(Crowd::new(3)), ..world.clone() };
        let at = start().plus(DAY);
        for number in 0..60 {
            let user = UserId::from_uuid(Uuid::from_u128(number));
            let seen = |at, address, number| Observation { user, device: Some(device(number)), ..seen(at, address) };
            let history = History::default().after(&seen(start(), known_at, number), Outcome::Trusted, &world);
            let mut now = seen(at, address, if known_device { number } else { number + 1000 });
            now.device = now.device.filter(|_| device_told);
            world.note(&now, &history);
        }
        of(Name::CrowdedAddress, &seen(at, address), &at_home(), &world).0
    };
    let (berlin, paris, somewhere_in_germany) = ("198.18.0.1", "198.18.1.1", "198.18.5.1");
    assert_eq!(crowd(paris, berlin, true, false), Some(1.0), "strangers");
    assert_eq!(crowd(paris, berlin, false, false), Some(1.0), "strangers who do not say on which device");
    assert_eq!(crowd(paris, berlin, true, true), Some(0.0), "visitors on their own devices");
    assert_eq!(crowd(berlin, berlin, true, false), Some(0.0), "those who are there every day, with new devices");
    assert_eq!(crowd(somewhere_in_germany, somewhere_in_germany, true, false), Some(1.0), "a country is no place");
}

#[test]
fn failures_count_half_after_an_hour_and_teach_nothing() {
    let world = world();
    let observation = seen(start(), "198.18.2.1");
    let mut history = History::default();
    for _ in 0..4 {
        history = history.after(&observation, Outcome::Failed, &world);
    }
    assert_near(of(Name::FailedAttempts, &observation, &history, &world).0, 0.5);
    assert_near(of(Name::FailedAttempts, &seen(start().plus(HOUR), "198.18.2.1"), &history, &world).0, 0.206);
    assert_eq!(of(Name::NewDevice, &observation, &history, &world).0, Some(1.0));
    assert_eq!(of(Name::NewLocation, &observation, &history, &world).0, Some(1.0));
    assert_eq!(of(Name::DormantAccount, &observation, &history, &world).0, None);
}

#[test]
fn accounts_fall_asleep_from_30_days_to_180() {
    let (world, history) = (world(), at_home());
    let after = |days| of(Name::DormantAccount, &seen(start().plus(DAY * days), "198.18.0.1"), &history, &world).0;
    assert_eq!(after(30), Some(0.0));
    assert_near(after(105), 0.5);
    assert_eq!(after(400), Some(1.0));
}

#[test]
fn t15_a_fraud_report_fades_over_14_days() {
    let world = world();
    let history = at_home().after(&seen(start(), "198.18.2.1"), Outcome::FraudReported, &world);
    let after = |days| of(Name::PushFraudReported, &seen(start().plus(DAY * days), "198.18.0.1"), &history, &world).0;
    assert_eq!(after(0), Some(1.0));
    assert_near(after(7), 0.5);
    assert_eq!(after(14), Some(0.0));
}

#[test]
fn a_changed_browser_counts_by_how_much_it_changed() {
    let world = world();
    let changed = |then: Option<&str>, now: &str| {
        let session = Session::BeganWith(then.map(Agent::of));
        let observation = Observation { session, agent: Some(Agent::of(now)), ..seen(start(), "198.18.0.1") };
        of(Name::UserAgentChanged, &observation, &History::default(), &world).0
    };
    let (windows, edge) =
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/1 Safari/1", "Mozilla/5.0 (Windows NT) Chrome/1 Edg/1");
    let (android, desktop) = ("Mozilla/5.0 (Linux; Android 15) Chrome/1", "Mozilla/5.0 (X11; Linux x86_64) Chrome/1");
    assert_eq!(changed(Some(windows), windows), Some(0.0));
    assert_eq!(changed(Some(windows), edge), Some(0.8));
    assert_eq!(changed(Some(windows), android), Some(1.0));
    assert_eq!(changed(Some(android), desktop), Some(0.3));
    assert_eq!(changed(None, windows), None);
}

#[test]
fn a_callers_signals_stand_last_and_are_bounded() {
    let world = world();
    let own: Vec<OwnSignal> = (0..40).map(|n| OwnSignal::new(&format!("own_{n}"), 0.5, 0.5).unwrap()).collect();
    let observation = Observation { own: &own, ..seen(start(), "198.18.0.1") };
    let all: Vec<Signal<'_>> = signals(&observation, &History::default(), &world);
    assert_eq!(all.len(), Name::ALL.len() + risk::OWN_SIGNALS);
    assert_eq!(all[Name::ALL.len()].name, "own_0");
}

#[test]
fn bands_begin_where_configuration_says() {
    let settings: Settings =
        toml::from_str("weights = { new_device = 0.9 }\nthresholds = { medium = 10, high = 20 }").unwrap();
    let world = World { settings, ..world() };
    let assessment = world.assess(&Observation { device: Some(device(2)), ..seen(start(), "198.18.0.1") }, &at_home());
    assert_near(Some(assessment.score), 90.0);
    assert_eq!(assessment.band, Band::High);
    for bad in [
        "weights = { new_device = 1.5 }",
        "weights = { new_devise = 0.5 }",
        "thresholds = { medium = 50, high = 20 }",
        "thresholds = { medium = 0, high = 20 }",
        "treshold = 1",
    ] {
        assert!(toml::from_str::<Settings>(bad).is_err(), "{bad}");
    }
    assert!(Thresholds::new(f64::NAN, 50.0).is_err());
    assert_near(Some(Weights::default().of(Name::NewDevice)), 0.35);
}

#[test]
fn a_history_of_another_version_or_damaged_is_refused() {
    let bytes = at_home().to_bytes();
    assert_eq!(History::from_bytes(&bytes), Ok(at_home()));
    assert_eq!(History::from_bytes(&[]), Ok(History::default()));
    assert_eq!(History::from_bytes(&[9, 9]), Err(InvalidHistory::Version(9)));
    assert_eq!(History::from_bytes(&bytes[..bytes.len() - 1]), Err(InvalidHistory::Damaged));
    assert_eq!(History::from_bytes(&[&bytes[..], &[0]].concat()), Err(InvalidHistory::Damaged));
}
