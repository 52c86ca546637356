//! Files of rules of alerts: each is read or refused, and what is read counts events, whenever they come, and comes to an end.
//!
//! Either the input is a document as it stands, or, behind a byte that is 1, a condition in one that is right but for it; or, behind a 2, bounds of one, and in the
//! next line when events come.
#![no_main]

use domain::event::About;
use domain::{Entropy, Event, EventId, EventKind, Timestamp, UserId};
use workflow::{AlertRule, Counter};

/// The same each time.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

const START: i64 = 1_800_000_000_000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let with = |rest: &str| {
        format!(
            "apiVersion: countersign/v1\nkind: Alert\nmetadata: {{name: a}}\nevents: [authenticator.rejected]\nby: user\n{rest}\n"
        )
    };
    let (text, times) = match bytes.split_first() {
        Some((1, condition)) => {
            let quoted = serde_json::to_string(&String::from_utf8_lossy(condition)).expect("a text");
            (with(&format!("when: {quoted}\nwindow: 1h\nabove: 3")), &[1, 2, 3, 4, 5][..])
        }
        Some((2, rest)) => {
            let mut parts = rest.splitn(2, |byte| *byte == b'\n');
            let mut part = || parts.next().unwrap_or_default();
            (with(&String::from_utf8_lossy(part()).replace(';', "\n")), part())
        }
        _ => (String::from_utf8_lossy(bytes).into_owned(), &[][..]),
    };
    let Ok(rule) = AlertRule::read("alert.yaml", &text) else { return };
    let again = AlertRule::read("other.yaml", &text).expect("it was read before");
    assert_eq!(rule.digest(), again.digest());
    assert_eq!(AlertRule::check_together(&[("a", &rule), ("b", &again)]).len(), 1, "both have the same name");
    let start = Timestamp::from_unix_millis(START);
    let event = |kind| Event {
        id: EventId::generate(start, &Fixed),
        position: 1,
        at: start,
        kind,
        application_id: None,
        about: About { user_id: Some(UserId::generate(start, &Fixed)), ..About::default() },
        data: serde_json::Map::new(),
        details: None,
    };
    for kind in EventKind::ALL.iter().copied() {
        assert!(rule.group_of(&event(kind)).is_none() || rule.events().contains(&kind));
    }
    let (mut counter, mut at) = (Counter::default(), START);
    for pause in times.iter().take(500) {
        // From at once to half a year, and now and then back.
        let step = i64::from(*pause & 0x3f).pow(6);
        at = if *pause & 0x80 == 0 { at + step } else { at - step };
        counter.count(Timestamp::from_unix_millis(at), rule.bounds());
        let resolved = counter.resolves_at(rule.bounds());
        assert!(counter.excess(resolved, rule.bounds()).is_none(), "there are no longer too many");
        assert!(counter.idle_at(rule.bounds()) >= resolved);
    }
});
