//! How long a decision takes: `cargo run --release --example decisions -p policy -- [rules]`.
//!
//! Each rule has a condition on the context, the groups, a signal and the action, and is evaluated for each decision; one in fifty fires.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use domain::{Amr, AuthenticatorKind, Quality, Timestamp};
use policy::{ApplicationFacts, Facts, Finding, Policy, SessionFacts, Signal, Usable, UserFacts, Vocabulary};
use serde_json::json;

const DECISIONS: usize = 20_000;

fn main() {
    let rules: usize = std::env::args().nth(1).map_or(500, |argument| argument.parse().unwrap());
    let text = policy(rules);
    let began = Instant::now();
    let policy = Policy::read(&[("policy.yaml", &text)], &Vocabulary::default()).unwrap();
    println!("{rules} rules read in {:?}", began.elapsed());

    let facts = facts();
    let mut times: Vec<Duration> = Vec::with_capacity(DECISIONS);
    let mut reasons = 0;
    let all = Instant::now();
    for _ in 0..DECISIONS {
        let began = Instant::now();
        reasons += policy.decide(&facts).reasons.len();
        times.push(began.elapsed());
    }
    let all = all.elapsed();
    times.sort_unstable();
    let per_second = u128::try_from(DECISIONS).unwrap() * 1_000_000 / all.as_micros();
    let at = |hundredth: usize| times[(DECISIONS - 1) * hundredth / 100];
    println!(
        "{per_second} decisions/s; p50 {:?}, p99 {:?}, longest {:?}; {} rules fired each time",
        at(50),
        at(99),
        at(100),
        reasons / DECISIONS
    );
    records(&facts);
}

/// What it costs to keep what a decision went by.
fn records(facts: &Facts) {
    let (began, mut bytes) = (Instant::now(), 0);
    for _ in 0..DECISIONS {
        bytes += facts.to_record().unwrap().len();
    }
    let each = began.elapsed() / u32::try_from(DECISIONS).unwrap();
    println!("a record takes {each:?} and has {} bytes", bytes / DECISIONS);
}

fn policy(rules: usize) -> String {
    let mut text = "policy:\n  otherwise: allow\n  levels: {strong: {aal: 2, max_age: 15m}}\n  rules:\n".to_owned();
    for number in 0..rules {
        let limit = if number % 50 == 0 { 5 } else { 5000 + number };
        writeln!(
            text,
            "    - id: r{number}\n      effect: require\n      level: strong\n      when: (context.amount > {limit} || signals.s{} && risk > {limit}) && ('group-{number}' in groups || action.startsWith('payment'))",
            number % 10
        )
        .unwrap();
    }
    text
}

fn facts() -> Facts {
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    let signal = |number: usize| Signal {
        name: format!("s{number}").into(),
        value: Finding::Known(json!(number.is_multiple_of(3))),
        weight: 10,
        explanation: "seen".into(),
        raised_at: None,
    };
    Facts {
        now,
        user: UserFacts {
            external_id: "ann".to_owned(),
            groups: (1000..1020).map(|number| format!("group-{number}")).collect(),
            attributes: serde_json::Map::new(),
            service_account: false,
            authenticators: vec![Usable { kind: AuthenticatorKind::Totp, quality: Quality::default() }],
            subject_since: None,
            grace_until: None,
        },
        application: ApplicationFacts { id: "app_1".to_owned(), name: "shop".to_owned() },
        action: "payment.initiate".to_owned(),
        resource: None,
        context: json!({"amount": 100, "currency": "EUR", "payee": "Bob"}).as_object().cloned().unwrap(),
        session: SessionFacts {
            amr: BTreeSet::from_iter(Amr::parse("pwd")),
            authenticated_at: now,
            last_active_at: Some(now),
            proofs: Vec::new(),
        },
        wanted: None,
        signals: (0..10).map(signal).collect(),
    }
}
