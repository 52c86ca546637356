//! Random walks against a small model (S-01, S-02, S-05, S-09; T-09 to T-11, T-14, T-16, T-22): people log in, enroll, prove, pay and lose their
//! phones, somebody else tries what they left lying about, the clock moves, processes are killed; and after each step what the program says is
//! what [`reference`] makes of the documentation. A disagreement is told with both opinions, the seed, the policy and the last steps.
//!
//! [`policy`] makes policies up; [`person`] is what the model remembers; [`walk`] takes the steps.

mod person;
mod policy;
mod reference;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::policy::{Policy, pick};
use self::walk::{Ground, Walker};
use crate::harness::{Database, Noise, Server, Setup, Signal, real_now, rounds, signal, soak};

/// The page on which passkeys are used.
const ORIGIN: &str = "https://login.example.org";
/// Steps that a walk takes before the clock moves.
const STRIDE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn s01_s02_s05_s09_t10_no_random_walk_disagrees_with_the_model_on_sqlite() {
    no_walk_disagrees(Database::Sqlite, rounds(6000, 1_000_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s01_s02_s05_s09_t10_no_random_walk_disagrees_with_the_model_on_postgresql() {
    no_walk_disagrees(Database::Postgres, rounds(4000, 250_000)).await;
}

/// What came about, for the record.
#[derive(Debug, Default)]
struct Tally {
    counts: BTreeMap<&'static str, usize>,
    moves: usize,
    kills: usize,
    policies: usize,
}

async fn no_walk_disagrees(database: Database, steps: usize) {
    let mut noise = Noise::seeded();
    let mut tally = Tally::default();
    let begun = Instant::now();
    // Each policy has a server of its own.
    let on_each = if soak() { 50_000 } else { steps.div_ceil(2) };
    let mut taken = 0;
    while taken < steps {
        let policy = Policy::any(&mut noise);
        taken += walk_on(database, policy, on_each.min(steps - taken), &mut noise, &mut tally).await;
        tally.policies += 1;
        println!("{taken} of {steps} steps, {:.0} s", begun.elapsed().as_secs_f64());
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{taken} steps in {seconds:.1} s on {database:?}: {tally:#?}");
    for outcome in ["  allow", "  step_up", "  accepted", "  refused"] {
        assert!(tally.counts.get(outcome).is_some_and(|count| *count > steps / 200), "hardly any{outcome}");
    }
}

/// Walks under one policy until so many steps were taken.
async fn walk_on(database: Database, policy: Policy, steps: usize, noise: &mut Noise, tally: &mut Tally) -> usize {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy.file()).unwrap();
    let arguments = vec![
        format!("--policy-folder={}", folder.path().display()),
        "--webauthn-rp-id=example.org".to_owned(),
        format!("--webauthn-origins={ORIGIN}"),
    ];
    let mut server = Server::start(Setup { database, arguments, ..Setup::default() }).await;
    let count = if soak() { 96 } else { 16 };
    let mut walkers: Vec<Walker> =
        (0..count).map(|n| Walker::new(format!("walker-{n}"), Noise::from(noise.below(u64::MAX)))).collect();
    let (mut moved, mut taken, mut ended) = (0, 0, BTreeMap::new());
    while taken < steps {
        let storm = AtomicBool::new(false);
        let ground = Arc::new(Ground { api: server.api(), policy: policy.clone(), moved, storm });
        let walks: Vec<_> =
            walkers.into_iter().map(|walker| tokio::spawn(stride(walker, Arc::clone(&ground)))).collect();
        if noise.below(5) == 0 {
            sleep(noise.between(Duration::ZERO, Duration::from_millis(400))).await;
            ground.storm.store(true, Ordering::SeqCst);
            kill(&mut server, noise).await;
            tally.kills += 1;
        }
        walkers = Vec::new();
        for walk in walks {
            let (walker, result) = walk.await.unwrap();
            if let Err(report) = result {
                panic!("after {taken} steps:\n{report}\nunder the policy\n{}", policy.file());
            }
            walkers.push(walker);
        }
        if ground.storm.load(Ordering::SeqCst) {
            begin_again(&mut server, moved).await;
        }
        moved += move_clock(&server, &walkers, moved, noise).await;
        tally.moves += 1;
        ended.clear();
        for (kind, count) in walkers.iter().flat_map(|walker| &walker.counts) {
            *ended.entry(*kind).or_default() += count;
        }
        taken = ended.iter().filter(|(kind, _)| !kind.starts_with(' ')).map(|(_, count)| count).sum();
    }
    for (kind, count) in ended {
        *tally.counts.entry(kind).or_default() += count;
    }
    taken
}

async fn stride(mut walker: Walker, ground: Arc<Ground>) -> (Walker, Result<(), String>) {
    let result = walker.walk(&ground, STRIDE).await;
    (walker, result)
}

/// Kills the server process, the vault, both, or all there is.
async fn kill(server: &mut Server, noise: &mut Noise) {
    let pids = server.ready().await;
    match noise.below(4) {
        0 => signal(pids.server, Signal::KILL),
        1 => signal(pids.vault, Signal::KILL),
        2 => [pids.vault, pids.server].into_iter().for_each(|pid| signal(pid, Signal::KILL)),
        _ => server.kill(),
    }
}

/// Starts what was killed, and sets the clocks of all to where they were.
async fn begin_again(server: &mut Server, moved: i64) {
    // Whichever of them was not killed has a clock that was moved, and the others none.
    server.kill();
    server.begin().await;
    let off = server.api().now().await - real_now() - moved;
    assert!(off.abs() < 1000, "the clock is off by {off} ms");
}

/// Lets time pass: some of it, or as much as there is to one of the limits that are ahead. Answers how much, in milliseconds.
async fn move_clock(server: &Server, walkers: &[Walker], moved: i64, noise: &mut Noise) -> i64 {
    const SPANS: [i64; 10] = [0, 1, 29, 31, 61, 280, 301, 899, 3601, 6 * 3600];
    let spans = if noise.below(3) == 0 { SPANS.len() } else { 6 };
    let mut by = SPANS[pick(noise, spans)] * 1000;
    if noise.below(2) == 0 {
        let now = real_now() + moved;
        let ahead = walkers[pick(noise, walkers.len())].limits(now);
        if !ahead.is_empty() {
            by = (ahead[pick(noise, ahead.len())] - now - i64::try_from(noise.below(12)).unwrap()).max(0);
        }
    }
    server.api().advance_millis(by).await;
    by
}
