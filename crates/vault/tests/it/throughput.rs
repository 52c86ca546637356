//! What the vault does in a second. Printed, and held only to what it does on any machine: the rest is for reading
//! (`cargo test -p vault --release throughput -- --nocapture --test-threads 1`).

use std::time::Instant;

use otp::Params;
use vault_proto::{CheckOtp, Qr, Reply, Secret, Verb};

use crate::harness::{PATIENCE, Start, Vault, binding, question};

const IN_FLIGHT: usize = 512;
const EACH: usize = 40;

/// Asks `verb` over and over, and gives questions a second and the vault's CPU time for each, in microseconds.
async fn measure(vault: &Vault, name: &str, verb: impl Fn() -> Verb + Clone + Send + 'static) -> f64 {
    let before = cpu_micros(vault);
    let start = Instant::now();
    let mut askers = Vec::new();
    for _ in 0..IN_FLIGHT {
        let (client, verb) = (vault.client.clone(), verb.clone());
        askers.push(tokio::spawn(async move {
            for _ in 0..EACH {
                let reply = client.ask(verb(), PATIENCE).await.unwrap();
                assert!(!matches!(reply, Reply::Done));
            }
        }));
    }
    for asker in askers {
        asker.await.unwrap();
    }
    let asked = (IN_FLIGHT * EACH) as f64;
    let rate = asked / start.elapsed().as_secs_f64();
    let cpu = (cpu_micros(vault) - before) / asked;
    println!("{name}: {rate:.0} a second at {IN_FLIGHT} in flight, {cpu:.1} µs of the vault's CPU each");
    rate
}

/// User and system time (`proc_pid_stat(5)`), at a hundred ticks a second.
fn cpu_micros(vault: &Vault) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", vault.child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks * 10_000.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throughput() {
    let start = Start::file();
    let vault = start.run();
    vault.create().await;
    println!("memory when idle: {} KiB", vault.status().await.memory_bytes / 1024);
    let enrolled = vault.provision(1, Params::COMMON).await;
    let code = enrolled.code(enrolled.step(vault.now().await));
    let candidate = enrolled.candidate.clone();
    let check = move |assertion: Option<Vec<u8>>| {
        let (candidates, code) = (vec![candidate.clone()], Secret(code.as_bytes().to_vec()));
        Verb::CheckOtp(CheckOtp { candidates, code, drift: 1, look_ahead: 10, assertion })
    };
    let rate = measure(&vault, "check (replayed)", move || check(None)).await;
    assert!(rate > 500.0);
    let claims = format!(r#"{{"sub":"{}"}}"#, "x".repeat(300)).into_bytes();
    let sign = move || Verb::Sign(vault_proto::Sign::Assertion { claims: claims.clone() });
    measure(&vault, "sign", sign).await;
    for qr in [Qr::None, Qr::Svg, Qr::Png] {
        let provision = move || Verb::Provision(question(binding(9), Params::COMMON, qr));
        measure(&vault, &format!("provision, {qr:?}"), provision).await;
    }
    println!("memory at the end: {} KiB", vault.status().await.memory_bytes / 1024);
}
