//! What holds whatever comes.

use std::sync::Arc;
use std::time::Duration;

use domain::{DeviceId, Timestamp, UserId};
use proptest::prelude::*;
use risk::{
    Agent, Assessment, Geo, History, List, ListKind, Lists, Observation, Outcome, Point, Session, Thresholds, World,
};
use uuid::Uuid;

use crate::signals::world;

/// What happened to a user, as numbers: minutes since the last, device, address, browser, outcome.
type Happening = (u32, u8, u16, u8, u8);

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0) Chrome/138 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    "Mozilla/5.0 (iPhone) Mobile/15E148 Safari/604.1",
    "curl/8",
];

fn observed(at: Timestamp, (_, device, address, agent, _): Happening) -> Observation<'static> {
    Observation {
        user: UserId::from_uuid(Uuid::from_u128(1)),
        at,
        device: (device > 0).then(|| DeviceId::from_uuid(Uuid::from_u128(u128::from(device)))),
        address: Some([198, 18, address.to_be_bytes()[0] % 7, address.to_be_bytes()[1]].into()),
        agent: AGENTS.get(usize::from(agent % 5)).map(|text| Agent::of(text)),
        session: if agent > 128 { Session::BeganWith(None) } else { Session::Begins },
        own: &[],
    }
}

fn lived(happenings: &[Happening], world: &World) -> (History, Timestamp) {
    let mut at = Timestamp::from_unix_millis(1_772_353_800_000);
    let mut history = History::default();
    for &happening in happenings {
        at = at.plus(Duration::from_mins(u64::from(happening.0 % 20_000)));
        let outcome = match happening.4 % 8 {
            0 => Outcome::Failed,
            1 => Outcome::FraudReported,
            _ => Outcome::Trusted,
        };
        history = history.after(&observed(at, happening), outcome, world);
    }
    (history, at)
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    prop::collection::vec(any::<Happening>(), 0..300)
}

fn point() -> impl Strategy<Value = Point> {
    (-90.0..=90.0, -180.0..=180.0).prop_map(|(latitude, longitude)| Point::new(latitude, longitude, 0.0).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_history_stays_small_and_reads_back(happenings in happenings()) {
        let (history, _) = lived(&happenings, &world());
        let bytes = history.to_bytes();
        prop_assert!(bytes.len() < 1024, "{} bytes", bytes.len());
        prop_assert_eq!(History::from_bytes(&bytes), Ok(history));
    }

    #[test]
    fn no_bytes_make_reading_a_history_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..3000), version: bool) {
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = 1;
        }
        if let Ok(history) = History::from_bytes(&bytes) {
            // And what could be read can be gone on with.
            let world = world();
            let observation = observed(Timestamp::from_unix_millis(1_772_353_800_000), (0, 1, 1, 1, 1));
            let assessment = world.assess(&observation, &history);
            prop_assert!((0.0..=100.0).contains(&assessment.score));
            let _ = history.after(&observation, Outcome::Failed, &world).to_bytes();
        }
    }

    #[test]
    fn changed_bytes_of_a_history_are_refused_or_gone_on_with(happenings in happenings(), at: prop::sample::Index, to: u8, time: i64) {
        let world = world();
        let mut bytes = lived(&happenings, &world).0.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(history) = History::from_bytes(&bytes) {
            let observation = observed(Timestamp::from_unix_millis(time), (0, 1, 1, 1, 1));
            let assessment = world.assess(&observation, &history);
            prop_assert!((0.0..=100.0).contains(&assessment.score) && assessment.score <= assessment.score_at_worst);
            for outcome in [Outcome::Trusted, Outcome::Failed, Outcome::FraudReported] {
                let next = history.after(&observation, outcome, &world);
                prop_assert_eq!(History::from_bytes(&next.to_bytes()), Ok(next));
            }
        }
    }

    #[test]
    fn scores_stay_in_order(happenings in happenings(), next: Happening) {
        let world = world();
        let (history, at) = lived(&happenings, &world);
        let assessment = world.assess(&observed(at, next), &history);
        prop_assert!((0.0..=100.0).contains(&assessment.score));
        prop_assert!(assessment.score <= assessment.score_at_worst && assessment.band <= assessment.band_at_worst);
        for signal in &assessment.signals {
            prop_assert!(signal.value.is_none_or(|value| (0.0..=1.0).contains(&value)), "{:?}", signal);
        }
    }

    #[test]
    fn another_entry_on_a_block_list_never_lowers_the_score(happenings in happenings(), next: Happening, allowed: bool) {
        let (history, at) = lived(&happenings, &world());
        let observation = observed(at, next);
        let address = observation.address.unwrap().to_string();
        let allow = List::read("a", ListKind::Allow, "a", if allowed { address.as_bytes() } else { b"" }).unwrap();
        let with = |block: &str| {
            let block = List::read("b", ListKind::Block, "b", block.as_bytes()).unwrap();
            let world = World { lists: Arc::new(Lists::new(vec![allow.clone(), block])), ..world() };
            let assessment = world.assess(&observation, &history);
            (assessment.score, assessment.score_at_worst)
        };
        let (before, after) = (with("203.0.113.0/24"), with(&format!("203.0.113.0/24\n{address}")));
        prop_assert!(after.0 >= before.0 && after.1 >= before.1, "{:?} became {:?}", before, after);
    }

    #[test]
    fn a_stronger_signal_never_lowers_the_score(happenings in happenings(), next: Happening, which in 0_usize..10, by in 0.0..=1.0) {
        let world = world();
        let (history, at) = lived(&happenings, &world);
        let before = world.assess(&observed(at, next), &history);
        let mut signals = before.signals.clone();
        let value = signals[which].value.unwrap_or(0.0);
        signals[which].value = Some(value + (1.0 - value) * by);
        let after = Assessment::of(signals, Thresholds::STANDARD);
        prop_assert!(after.score >= before.score - 1e-9);
    }

    #[test]
    fn distance_is_a_distance(a in point(), b in point(), c in point()) {
        prop_assert!((a.distance(b) - b.distance(a)).abs() < 1e-6);
        prop_assert!(a.distance(a) < 1e-6);
        prop_assert!((0.0..20_040.0).contains(&a.distance(b)));
        prop_assert!(a.distance(c) <= a.distance(b) + b.distance(c) + 1e-3);
    }

    #[test]
    fn t14_no_bytes_make_reading_a_database_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let marked = [&bytes[..], b"\xab\xcd\xefMaxMind.com", &bytes[..]].concat();
        for bytes in [bytes, marked] {
            if let Ok(geo) = Geo::read(vec![("x".to_owned(), bytes)]) {
                let _ = geo.locate("192.0.2.1".parse().unwrap());
            }
        }
    }

    #[test]
    fn no_text_makes_reading_a_user_agent_or_a_list_panic(text in ".{0,600}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Agent::of(&text).to_string();
        let _ = List::read("x", ListKind::Block, "x", text.as_bytes());
        let _ = List::read("x", ListKind::Block, "x", &bytes);
    }
}
