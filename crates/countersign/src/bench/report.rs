//! What a run came to, for people and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::BenchArgs;
use super::drive::Measured;
use super::gauge::Memory;
use super::phones::Connected;
use super::rotation::Rotated;
use crate::output::{Column, Look, Output, Table, count, duration};

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    /// Where it answers.
    pub(crate) url: String,
    /// From start to ready, where it was started for this.
    pub(crate) ready_after: Option<Duration>,
    /// Memory before the first request.
    pub(crate) idle: Option<Memory>,
    /// Where its data was.
    pub(crate) folder: Option<String>,
    /// Whether its clock could not be moved, so that right codes were few.
    pub(crate) fixed_clock: bool,
    /// The names of users who could not be erased.
    pub(crate) left_behind: Option<String>,
    /// The phones that were connected.
    pub(crate) connected: Option<Connected>,
    /// The keys that were rotated.
    pub(crate) rotated: Option<Rotated>,
    /// How many servers shared a database, and how many runs a second they came to.
    pub(crate) shared: Vec<(usize, f64)>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Report {
    users: u64,
    enrolled: u64,
    concurrency: u64,
    database: &'static str,
    processors: usize,
    subject: Subject,
    phases: Vec<Measured>,
}

impl Report {
    /// Of a run that is over.
    pub(crate) fn new(args: &BenchArgs, enrolled: u64, subject: Subject, phases: Vec<Measured>) -> Self {
        Self {
            users: args.users,
            enrolled,
            concurrency: args.concurrency,
            database: match (&args.url, &args.database) {
                (Some(_), _) => "its own database",
                (None, Some(_)) => "PostgreSQL",
                (None, None) => "SQLite",
            },
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            subject,
            phases,
        }
    }

    /// Whether every answer was right.
    pub(crate) fn is_good(&self) -> bool {
        self.phases.iter().all(|phase| phase.wrong == 0)
    }

    /// What was measured; which version answers at a URL is not known here.
    fn name(&self) -> String {
        if self.subject.ready_after.is_none() {
            return self.subject.url.clone();
        }
        format!("Countersign {} on {}", env!("CARGO_PKG_VERSION"), self.database)
    }

    fn healthz(&self) -> Option<f64> {
        self.phases.iter().find(|phase| phase.name == "healthz").map(Measured::rate).filter(|rate| *rate > 0.0)
    }

    /// As JSON. Rates are a second, latencies and processor time in microseconds, memory in bytes.
    pub(crate) fn to_json(&self) -> Value {
        let memory =
            |memory: Memory| json!({"supervisor": memory.supervisor, "server": memory.server, "vault": memory.vault});
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "good": self.is_good(),
            "users": self.users,
            "enrolled": self.enrolled,
            "concurrency": self.concurrency,
            "database": self.database,
            "processors": self.processors,
            "url": self.subject.url,
            "fixed_clock": self.subject.fixed_clock,
            "left_behind": self.subject.left_behind,
            "ready_after_micros": self.subject.ready_after.map(micros),
            "idle_memory": self.subject.idle.map(memory),
            "connected": self.subject.connected.map(|connected| json!({
                "apps": connected.apps,
                "wanted": connected.wanted,
                "open_files": connected.files,
                "memory_before": connected.memory.map(|(before, _)| memory(before)),
                "memory_after": connected.memory.map(|(_, after)| memory(after)),
                "server_memory_per_app": per_app(connected),
            })),
            "rotated": self.subject.rotated.map(|rotated| json!({
                "keys": rotated.keys,
                "killed_after": rotated.killed_after,
                "stood_still_seconds": rotated.stood_still.as_secs_f64(),
                "seconds": rotated.elapsed.as_secs_f64(),
                "rate": rotated.rate(),
            })),
            "servers": self.subject.shared.iter().map(|(servers, rate)| json!({
                "servers": servers,
                "rate": rate,
                "times_one": self.times_one(*rate),
            })).collect::<Vec<_>>(),
            "phases": self.phases.iter().map(|phase| json!({
                "name": phase.name,
                "done": phase.done,
                "wrong": phase.wrong,
                "examples": phase.examples,
                "seconds": phase.elapsed.as_secs_f64(),
                "rate": phase.rate(),
                "of_healthz": self.healthz().map(|healthz| phase.rate() / healthz),
                "p50": phase.latencies.value_at_quantile(0.5),
                "p95": phase.latencies.value_at_quantile(0.95),
                "p99": phase.latencies.value_at_quantile(0.99),
                "p99_9": phase.latencies.value_at_quantile(0.999),
                "slowest": phase.latencies.max(),
                "server_cpu_per_operation": phase.usage.map(|usage| per_operation(usage.server, phase.done)),
                "vault_cpu_per_operation": phase.usage.map(|usage| per_operation(usage.vault, phase.done)),
                "client_cpu_per_operation": phase.usage.map(|usage| per_operation(usage.client, phase.done)),
                "memory": phase.memory.map(memory),
            })).collect::<Vec<_>>(),
        })
    }

    /// As tables.
    pub(crate) fn print(&self, output: Output) {
        self.print_head(output);
        self.print_speed(output);
        if self.phases.iter().any(|phase| phase.usage.is_some()) {
            output.line("");
            self.print_cost(output);
        }
        self.print_connected(output);
        self.print_rotated(output);
        self.print_shared(output);
        output.line("");
        self.print_verdict(output);
    }

    fn print_connected(&self, output: Output) {
        let Some(connected) = self.subject.connected else { return };
        output.line("");
        let apps = count(connected.apps);
        match connected.memory {
            Some((before, after)) => output.line(format_args!(
                "  {apps} apps connected at once: server {} before, {} with them, {:.1} KiB each",
                mebibytes(before.server),
                mebibytes(after.server),
                per_app(connected).unwrap_or_default() / 1024.0
            )),
            None => output.line(format_args!("  {apps} apps connected at once")),
        }
        if let Some(files) = connected.files {
            output.line(format_args!(
                "{} Of {} apps no more could be: this process may open {} files (`ulimit -Hn`).",
                output.paint(Look::Warning, "!"),
                count(connected.wanted),
                count(files)
            ));
        }
    }

    fn print_rotated(&self, output: Output) {
        let Some(rotated) = self.subject.rotated else { return };
        output.line("");
        output.line(format_args!(
            "  {} keys to be replaced, all asked for after {}: {}/s while it went on",
            count(rotated.keys),
            duration(rotated.elapsed),
            whole(rotated.rate())
        ));
        if let Some(asked) = rotated.killed_after {
            output.line(format_args!(
                "  the server was killed (-9) after {} of them, and nothing went on for {}",
                count(asked),
                duration(rotated.stood_still)
            ));
        }
    }

    fn print_shared(&self, output: Output) {
        if self.subject.shared.is_empty() {
            return;
        }
        output.line("");
        for (servers, rate) in &self.subject.shared {
            let times = self.times_one(*rate).map_or_else(String::new, |times| format!(", {times:.2} times one"));
            let word = if *servers == 1 { "server" } else { "servers" };
            output.line(format_args!("  {servers} {word}: {} runs a second{times}", whole(*rate)));
        }
    }

    /// How many times as many as one server comes to.
    fn times_one(&self, rate: f64) -> Option<f64> {
        self.subject.shared.first().map(|(_, one)| rate / one).filter(|times| times.is_finite())
    }

    fn print_head(&self, output: Output) {
        output.line("");
        output.line(format_args!("  {}", output.paint(Look::Strong, self.name())));
        output.line(format_args!(
            "  {} users, {} enrolled, {} at once, client and server on {} cores",
            count(self.users),
            count(self.enrolled),
            self.concurrency,
            self.processors
        ));
        if let (Some(ready_after), Some(idle)) = (self.subject.ready_after, self.subject.idle) {
            output.line(format_args!(
                "  ready after {}; idle: server {}, vault {}, supervisor {}",
                duration(ready_after),
                mebibytes(idle.server),
                mebibytes(idle.vault),
                mebibytes(idle.supervisor)
            ));
        }
        if let Some(folder) = &self.subject.folder {
            output.line(format_args!("  {}", output.paint(Look::Faint, format_args!("data in {folder}, removed"))));
        }
        if self.subject.fixed_clock {
            let why = "one right code for each of the enrolled: this server's clock is its own";
            output.line(format_args!("  {}", output.paint(Look::Faint, why)));
        }
        output.line("");
    }

    fn print_speed(&self, output: Output) {
        let mut table = Table::new([
            Column::long("OPERATION"),
            Column::number("DONE"),
            Column::number("RATE"),
            Column::number("P50"),
            Column::number("P95"),
            Column::number("P99"),
            Column::number("P99.9"),
            Column::number("×HEALTHZ"),
        ]);
        for phase in &self.phases {
            let quantile = |quantile| {
                let latencies = &phase.latencies;
                if latencies.is_empty() {
                    return String::new();
                }
                duration(Duration::from_micros(latencies.value_at_quantile(quantile)))
            };
            let ratio = self.healthz().map_or_else(String::new, |healthz| format!("{:.3}", phase.rate() / healthz));
            table.row([
                (Look::Plain, phase.name.to_owned()),
                (Look::Plain, count(phase.done)),
                (Look::Strong, format!("{}/s", whole(phase.rate()))),
                (Look::Plain, quantile(0.5)),
                (Look::Plain, quantile(0.95)),
                (Look::Plain, quantile(0.99)),
                (Look::Plain, quantile(0.999)),
                (Look::Plain, ratio),
            ]);
        }
        table.print(output, 2);
    }

    fn print_cost(&self, output: Output) {
        let mut table = Table::new([
            Column::long("OPERATION"),
            Column::number("SERVER CPU"),
            Column::number("VAULT CPU"),
            Column::number("CLIENT CPU"),
            Column::number("SERVER MEMORY"),
            Column::number("VAULT MEMORY"),
        ]);
        for phase in self.phases.iter().filter(|phase| phase.usage.is_some()) {
            let cpu = |used: Option<Duration>| {
                used.map_or_else(String::new, |used| format!("{:.1} µs", per_operation(used, phase.done)))
            };
            table.row([
                (Look::Plain, phase.name.to_owned()),
                (Look::Plain, cpu(phase.usage.map(|usage| usage.server))),
                (Look::Plain, cpu(phase.usage.map(|usage| usage.vault))),
                (Look::Plain, cpu(phase.usage.map(|usage| usage.client))),
                (Look::Plain, phase.memory.map(|memory| mebibytes(memory.server)).unwrap_or_default()),
                (Look::Plain, phase.memory.map(|memory| mebibytes(memory.vault)).unwrap_or_default()),
            ]);
        }
        table.print(output, 2);
    }

    fn print_verdict(&self, output: Output) {
        if let Some(names) = &self.subject.left_behind {
            output.line(format_args!("{} Users named {names} could not be erased.", output.paint(Look::Warning, "!")));
        }
        if self.is_good() {
            output.success("Every answer was right: right codes accepted once, wrong and used ones refused.");
            return;
        }
        let wrong: u64 = self.phases.iter().map(|phase| phase.wrong).sum();
        output.line(format_args!(
            "{} This run is no measurement: {} answers were wrong.",
            output.paint(Look::Bad, "✗"),
            count(wrong)
        ));
        for phase in self.phases.iter().filter(|phase| phase.wrong > 0) {
            for example in &phase.examples {
                output.line(format_args!("    {}: {example}", phase.name));
            }
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[allow(clippy::cast_precision_loss, reason = "a count of operations is far below 2^52")]
fn per_operation(used: Duration, operations: u64) -> f64 {
    if operations == 0 { 0.0 } else { used.as_secs_f64() * 1e6 / operations as f64 }
}

/// Bytes of the server for each app that is connected.
#[allow(clippy::cast_precision_loss, reason = "for reading, to a tenth of a kilobyte")]
fn per_app(connected: Connected) -> Option<f64> {
    let (before, after) = connected.memory?;
    (connected.apps > 0).then(|| (after.server as f64 - before.server as f64) / connected.apps as f64)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive and below a billion")]
fn whole(rate: f64) -> String {
    count(rate.round() as u64)
}

#[allow(clippy::cast_precision_loss, reason = "for reading, to a tenth")]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
