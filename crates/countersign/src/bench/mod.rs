//! `countersign bench`: the load test that ships (W-13).
//!
//! Every answer is checked. A run in which a right code was refused, a wrong or used one accepted, or anything else came
//! than was asked for is no measurement, and ends with exit code 1.

mod carrier;
mod decisions;
mod drive;
mod fleet;
mod gauge;
mod jobs;
mod own_server;
mod passkeys;
mod phones;
mod report;
mod rotation;
mod run;
mod wire;
mod workflows;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::client::api_key;
use crate::config::Environment;
use crate::failure::Failure;
use crate::output::{Output, Spinner};
use gauge::Memory;
use own_server::OwnServer;
use report::{Report, Subject};
use run::{Own, Run};
use wire::Target;

/// Measure a server.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// What is measured [default: log-ins and all that belongs to them]
    #[arg(value_enum, conflicts_with_all = ["url", "only"])]
    pub(crate) what: Option<Suite>,
    /// How many runs wait while verifications are measured once more
    #[arg(long, value_name = "N", requires = "what", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) waiting: Option<u64>,
    /// How many keys are rotated, by the ready-made workflow, while the server is killed and comes back
    #[arg(long, value_name = "N", requires = "what", conflicts_with_all = ["waiting", "users", "fill_only_enrolled"],
        value_parser = clap::value_parser!(u64).range(2..=10_000_000))]
    pub(crate) rotate: Option<u64>,
    /// Runs by 1, 2 and up to N servers that share the database
    #[arg(long, value_name = "N", requires_all = ["what", "database"], conflicts_with_all = ["waiting", "rotate"],
        value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) servers: Option<u8>,
    /// How many users the store holds
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) users: u64,
    /// How many of them are enrolled; the others have a session only [default: all, up to 10,000]
    #[arg(long, value_name = "K")]
    pub(crate) fill_only_enrolled: Option<u64>,
    /// Connections, each with one request under way
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=4_096))]
    pub(crate) concurrency: u64,
    /// Operations of each sort
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) operations: u64,
    /// Seconds for each sort, instead of a number of operations
    #[arg(long, value_name = "SECONDS", conflicts_with = "operations", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) duration: Option<u64>,
    /// Only these sorts
    #[arg(long, value_name = "SORT,…", value_delimiter = ',')]
    pub(crate) only: Vec<Sort>,
    /// Database for the server that is started: postgres://…, empty; or env:NAME [default: a new SQLite file]
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    pub(crate) database: Option<String>,
    /// Measure this server instead, over plain HTTP; its users of the load test are erased afterwards
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// API key for --url: env:…, file:… or the key itself [default: data/administrator.key]
    #[arg(long, value_name = "KEY", env = "COUNTERSIGN_KEY", hide_env = true, hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Allow a --url on another machine: the load is for a server of yours
    #[arg(long, requires = "url")]
    pub(crate) i_own_it: bool,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is measured in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Runs of workflows: by themselves, beside verifications, and waiting; or as --rotate and --servers say
    Workflows,
}

/// One sort of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// GET /healthz: what all else is compared with
    Healthz,
    /// A new key with its QR code
    Enroll,
    /// The first code of a new key
    Confirm,
    /// Asking for proof
    Challenge,
    /// Right codes, each used once
    Verify,
    /// Asking and a right code, one after the other
    Login,
    /// Wrong codes
    Wrong,
    /// Codes that were used before
    Replay,
    /// Codes by text message: asking, sending and giving them back
    Sms,
    /// Codes by e-mail, the same
    Email,
    /// Passkeys: asking for them, and assertions that were signed ahead
    Webauthn,
    /// Approvals on phones, all of which are connected at once
    Push,
    /// Whether sessions may do something, by 500 rules
    Decide,
}

impl Sort {
    /// Whether it takes a server that was started for it: one that sends to the load test, or that it is a page's to.
    const fn takes_own_server(self) -> bool {
        matches!(self, Self::Sms | Self::Email | Self::Webauthn | Self::Decide)
    }
}

/// Users of this many are enrolled unless said otherwise.
const ENROLLED: u64 = 10_000;

/// Runs the load test.
pub(crate) async fn bench(args: &BenchArgs, environment: &Environment, output: Output) -> Result<ExitCode, Failure> {
    let mut args = args.clone();
    if let Some(keys) = args.rotate {
        (args.users, args.fill_only_enrolled) = (keys, Some(keys));
    }
    let report = measure(&args, environment, output).await?;
    if output.is_json() {
        output.json(&report.to_json());
    } else {
        report.print(output);
    }
    if report.is_good() { Ok(ExitCode::SUCCESS) } else { Ok(ExitCode::FAILURE) }
}

async fn measure(args: &BenchArgs, environment: &Environment, output: Output) -> Result<Report, Failure> {
    let enrolled = args.fill_only_enrolled.unwrap_or(ENROLLED).min(args.users);
    if let Some(url) = &args.url {
        if let Some(sort) = args.only.iter().find(|sort| sort.takes_own_server()).and_then(Sort::to_possible_value) {
            let name = sort.get_name();
            return Err(Failure::usage(format!(
                "--only: {name} is measured on a server that is started for it: leave out --url"
            )));
        }
        let target = target(args, url, environment)?;
        if !args.i_own_it && !target.is_local().await {
            return Err(Failure::usage(
                "--url: loads are for servers on this machine: run it there, or say --i-own-it if that server is yours",
            ));
        }
        let subject = Subject { url: url.clone(), ..Subject::default() };
        return Run::new(args, target, enrolled, Own::default(), output).await?.all(subject).await;
    }
    let database = match args.database.as_deref().and_then(|database| database.strip_prefix("env:")) {
        Some(name) => {
            let value = environment.get(name).map(str::to_owned);
            Some(
                value
                    .ok_or_else(|| Failure::usage(format!("--database: the environment variable {name} is not set")))?,
            )
        }
        None => args.database.clone(),
    };
    let (server, idle) = start(args.what, database.as_deref(), output).await?;
    let target = Target::new(&server.address, &server.key)?;
    let subject = Subject {
        url: server.address.clone(),
        ready_after: Some(server.ready_after),
        idle: Some(idle),
        folder: Some(server.folder().display().to_string()),
        ..Subject::default()
    };
    let own = Own {
        gauge: Some(server.gauge),
        carrier: Some(Arc::clone(&server.carrier)),
        fellow: database.as_deref().map(|database| server.fellow(database)),
    };
    let report = Run::new(args, target, enrolled, own, output).await?.all(subject).await;
    server.stop().await;
    report
}

/// The server at a URL, with the key that other commands would show it.
fn target(args: &BenchArgs, url: &str, environment: &Environment) -> Result<Target, Failure> {
    let key = api_key(args.key.as_deref(), environment)?;
    let key = key.ok_or_else(|| Failure::usage("--url needs an API key of an administrator: give one with --key"))?;
    Target::new(url, &key)
}

async fn start(what: Option<Suite>, database: Option<&str>, output: Output) -> Result<(OwnServer, Memory), Failure> {
    let _spinner = Spinner::new(output, "starting a server on an empty store");
    let server = OwnServer::start(what, database).await?;
    // Idle is what it is like when nobody asks and the start is over.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = server.gauge.memory();
    Ok((server, idle))
}

/// A name that no other run has.
fn random_name() -> Result<String, Failure> {
    let mut bytes = [0; 5];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::defect(format!("the system gives no randomness ({error})")))?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase())
}
