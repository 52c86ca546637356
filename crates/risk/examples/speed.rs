//! Prints how many evaluations there are in a second: `cargo run --release -p risk --example speed [DATABASE.mmdb …]`.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures, and says what it measured")]

use std::error::Error;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{DeviceId, Timestamp, UserId};
use risk::{Agent, Geo, History, List, ListKind, Lists, Observation, Outcome, Session, Settings, World};
use uuid::Uuid;

const ROUNDS: u32 = 300_000;

fn main() -> Result<(), Box<dyn Error>> {
    let files = std::env::args().skip(1).map(|name| std::fs::read(&name).map(|bytes| (name, bytes)));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    let geo = Arc::new(Geo::read(files)?);
    println!("reading databases: {:?}", began.elapsed());
    let mut text = String::new();
    for n in 0..100_000_u32 {
        writeln!(text, "{}", Ipv4Addr::from_bits(0xcb00_0000 + 2 * n))?;
    }
    let list = List::read("many", ListKind::Block, "many.txt", text.as_bytes())?;
    let world = World { geo, lists: Arc::new(Lists::new(vec![list])), ..World::new(Settings::default(), 1) };
    let history =
        (0..60).fold(History::default(), |history, n| history.after(&observation(n), Outcome::Trusted, &world));
    println!("a history of sixty log-ins: {} bytes", history.to_bytes().len());

    measure("note", |n| world.note(&observation(n), &history));
    measure("assess", |n| drop(std::hint::black_box(world.assess(&observation(n), &history))));
    measure("history: read, after, write", |n| {
        let history = History::from_bytes(&history.to_bytes()).unwrap_or_default();
        std::hint::black_box(history.after(&observation(n), Outcome::Trusted, &world).to_bytes());
    });
    measure("user agent: read", |_| {
        std::hint::black_box(Agent::of("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"));
    });
    Ok(())
}

/// Somebody who changes devices, addresses and hours.
fn observation(n: u32) -> Observation<'static> {
    Observation {
        user: UserId::from_uuid(Uuid::from_u128(n.into())),
        at: Timestamp::from_unix_millis(1_772_353_800_000).plus(Duration::from_hours(u64::from(n))),
        device: Some(DeviceId::from_uuid(Uuid::from_u128((n % 20).into()))),
        address: Some((0x0100_0000 + n.wrapping_mul(2_654_435_761) / 2).to_be_bytes().into()),
        agent: Some(Agent::of("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")),
        session: Session::Begins,
        own: &[],
    }
}

fn measure(what: &str, mut run: impl FnMut(u32)) {
    let began = Instant::now();
    (0..ROUNDS).for_each(&mut run);
    let each = began.elapsed() / ROUNDS;
    println!("{what}: {each:?} each, {:.0} a second on one core", 1.0 / each.as_secs_f64());
}
