//! Moments that are kept until it is known whose they were.

use domain::{DeviceId, Timestamp, UserId};
use risk::{Agent, History, Observation, Outcome, Session, Settings, World};
use uuid::Uuid;

const START: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;

fn observation(device: u128, at: i64) -> Observation<'static> {
    Observation {
        user: UserId::from_uuid(Uuid::from_u128(1)),
        at: Timestamp::from_unix_millis(at),
        device: Some(DeviceId::from_uuid(Uuid::from_u128(device))),
        address: Some([192, 0, 2, 17].into()),
        agent: Some(Agent::of("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")),
        session: Session::Begins,
        own: &[],
    }
}

fn world() -> World {
    World::new(Settings::default(), 7)
}

fn value(history: &History, device: u128, at: i64, name: &str) -> Option<f64> {
    let world = world();
    let assessment = world.assess(&observation(device, at), history);
    assessment.signals.iter().find(|signal| signal.name == name).unwrap().value
}

#[test]
fn a_moment_teaches_what_it_would_have_taught_at_once() {
    let world = world();
    let began = observation(5, START);
    let moment = History::of(&began, &world);
    assert!(moment.to_bytes().len() < 128, "{}", moment.to_bytes().len());
    let learned = History::default().learned(&moment, Timestamp::from_unix_millis(START));
    assert_eq!(learned, History::default().after(&began, Outcome::Trusted, &world));
    assert_eq!(value(&learned, 5, START + HOUR, "new_device"), Some(0.0));
    assert_eq!(value(&learned, 6, START + HOUR, "new_device"), Some(1.0));
}

#[test]
fn the_same_moment_again_is_nothing_new() {
    let moment = History::of(&observation(5, START), &world());
    let at = |millis| Timestamp::from_unix_millis(START + millis);
    let once = History::default().learned(&moment, at(10_000));
    let twice = once.learned(&moment, at(20_000));
    assert!(twice.is_as_good_as(&once) && once.is_as_good_as(&twice));
    let later = once.learned(&moment, at(2 * HOUR));
    assert!(!later.is_as_good_as(&once), "when they were last seen is kept, to the hour");
    assert!(!once.is_as_good_as(&History::default()));
}

#[test]
fn every_session_counts_its_hour_once() {
    // Thirty log-ins at the same hour on thirty days, each with three proofs.
    let mut history = History::default();
    for day in 0..30 {
        let began = START + day * 24 * HOUR;
        let moment = History::of(&observation(5, began), &world());
        for proof in 1..=3 {
            history = history.learned(&moment, Timestamp::from_unix_millis(began + proof * 60_000));
        }
    }
    let next = START + 30 * 24 * HOUR;
    assert_eq!(value(&history, 5, next, "unusual_hour"), Some(0.0));
    assert_eq!(value(&history, 5, next + 12 * HOUR, "unusual_hour"), Some(1.0));
    let mut few = History::default();
    for day in 0..7 {
        let began = START + day * 24 * HOUR;
        let moment = History::of(&observation(5, began), &world());
        for proof in 1..=3 {
            few = few.learned(&moment, Timestamp::from_unix_millis(began + proof * 60_000));
        }
    }
    assert_eq!(value(&few, 5, next, "unusual_hour"), None, "seven log-ins are too few, with 21 proofs too");
}

#[test]
fn failures_and_reports_say_when_they_were() {
    let world = world();
    let failed = History::default().after(&observation(5, START), Outcome::Failed, &world);
    assert_eq!(failed.failed_at(), Some(Timestamp::from_unix_millis(START)));
    assert_eq!(failed.fraud_reported_at(), None);
    let reported = failed.after(&observation(5, START + 5000), Outcome::FraudReported, &world);
    assert_eq!(reported.fraud_reported_at(), Some(Timestamp::from_unix_millis(START + 5000)));
    assert_eq!(History::default().failed_at(), None);
}
