//! Drives a job with many connections at once, and measures it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::gauge::{Gauge, Memory, Usage};
use super::wire::{Target, Wire};
use crate::failure::Failure;
use crate::output::{Output, Progress};

/// The longest latency that is told apart, in microseconds: one minute.
const LONGEST_MICROS: u64 = 60_000_000;
/// How many wrong answers are kept to be shown.
const EXAMPLES: usize = 3;
/// How often each connection tells the progress bar.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// One sort of operation.
pub(crate) trait Job: Send + Sync + 'static {
    /// Does operation `index`: how long the server took, or what was wrong about the answer.
    fn one(&self, index: u64, wire: &mut Wire) -> impl Future<Output = Result<Duration, String>> + Send;
}

/// How much of a job is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// At most so many operations.
    pub(crate) operations: u64,
    /// No new ones after this time,
    pub(crate) time: Option<Duration>,
    /// but at least so many: what later ones build on.
    pub(crate) at_least: u64,
}

impl Extent {
    /// So many operations, however long they take.
    pub(crate) const fn of(operations: u64) -> Self {
        Self { operations, time: None, at_least: 0 }
    }
}

/// The connections, and what is watched while they are used.
#[derive(Debug)]
pub(crate) struct Drive {
    wires: Vec<Wire>,
    gauge: Option<Gauge>,
    output: Output,
    stopped: Arc<AtomicBool>,
}

/// What a phase came to.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) name: &'static str,
    /// Operations that went as they should.
    pub(crate) done: u64,
    /// Operations whose answer was wrong.
    pub(crate) wrong: u64,
    /// Some of what was wrong.
    pub(crate) examples: Vec<String>,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// Latencies in microseconds.
    pub(crate) latencies: Histogram<u64>,
    /// Processor time that server, vault and load test used.
    pub(crate) usage: Option<Usage>,
    /// Memory at its end.
    pub(crate) memory: Option<Memory>,
}

impl Drive {
    /// Opens the connections.
    pub(crate) async fn open(
        target: &Target,
        connections: usize,
        gauge: Option<Gauge>,
        output: Output,
    ) -> Result<Self, Failure> {
        let drive = Self::open_each(std::slice::from_ref(target), connections, Arc::default(), output).await?;
        Ok(Self { gauge, ..drive })
    }

    /// Opens them to several servers in turn; nothing new is begun once it is said in `stopped`.
    pub(crate) async fn open_each(
        targets: &[Target],
        connections: usize,
        stopped: Arc<AtomicBool>,
        output: Output,
    ) -> Result<Self, Failure> {
        let mut wires = Vec::with_capacity(connections);
        for target in targets.iter().cycle().take(connections) {
            wires.push(Wire::open(target).await?);
        }
        Ok(Self { wires, gauge: None, output, stopped })
    }

    /// Where it is said that nothing new is to be begun.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopped)
    }

    /// Processor time so far, where processes are watched.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.gauge.map(Gauge::usage)
    }

    /// The processes that are watched.
    pub(crate) const fn gauge(&self) -> Option<Gauge> {
        self.gauge
    }

    /// Memory now, where processes are watched.
    pub(crate) fn memory(&self) -> Option<Memory> {
        self.gauge.map(Gauge::memory)
    }

    /// Runs a job with all connections.
    pub(crate) async fn run<J: Job>(
        &mut self,
        name: &'static str,
        extent: Extent,
        job: J,
    ) -> Result<Measured, Failure> {
        let progress = Progress::new(self.output, name, extent.operations, extent.time);
        let before = self.gauge.map(Gauge::usage);
        let started = Instant::now();
        let shared = Arc::new(Shared {
            job,
            next: AtomicU64::new(0),
            extent,
            started,
            progress: progress.clone(),
            stopped: Arc::clone(&self.stopped),
        });
        let workers: Vec<_> = self.wires.drain(..).map(|wire| tokio::spawn(work(Arc::clone(&shared), wire))).collect();
        let mut measured = Measured::empty(name)?;
        for worker in workers {
            let (part, wire) = worker.await.map_err(|error| Failure::defect(error.to_string()))?;
            self.wires.push(wire);
            measured.take_up(part?);
        }
        measured.elapsed = started.elapsed();
        measured.usage = self.gauge.zip(before).map(|(gauge, before)| gauge.usage().since(before));
        measured.memory = self.memory();
        progress.finish();
        Ok(measured)
    }
}

struct Shared<J> {
    job: J,
    next: AtomicU64,
    extent: Extent,
    started: Instant,
    progress: Progress,
    stopped: Arc<AtomicBool>,
}

async fn work<J: Job>(shared: Arc<Shared<J>>, mut wire: Wire) -> (Result<Measured, Failure>, Wire) {
    let mut measured = match Measured::empty("") {
        Ok(measured) => measured,
        Err(failure) => return (Err(failure), wire),
    };
    let (mut untold, mut told) = (0, Instant::now());
    while !shared.stopped.load(Ordering::Relaxed) {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let late = shared.extent.time.is_some_and(|time| shared.started.elapsed() >= time);
        if index >= shared.extent.operations || (late && index >= shared.extent.at_least) {
            break;
        }
        match shared.job.one(index, &mut wire).await {
            Ok(latency) => measured.right(latency),
            Err(reason) => measured.wrong(reason),
        }
        untold += 1;
        if told.elapsed() >= TELL_EVERY {
            shared.progress.add(untold);
            (untold, told) = (0, Instant::now());
        }
    }
    shared.progress.add(untold);
    (Ok(measured), wire)
}

impl Measured {
    /// Nothing yet.
    pub(crate) fn empty(name: &'static str) -> Result<Self, Failure> {
        let latencies = Histogram::new_with_bounds(1, LONGEST_MICROS, 3)
            .map_err(|error| Failure::defect(format!("latencies cannot be counted ({error})")))?;
        Ok(Self {
            name,
            done: 0,
            wrong: 0,
            examples: Vec::new(),
            elapsed: Duration::ZERO,
            latencies,
            usage: None,
            memory: None,
        })
    }

    /// Counts one that went as it should.
    pub(crate) fn right(&mut self, latency: Duration) {
        self.done += 1;
        self.latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST_MICROS));
    }

    /// Counts one that did not.
    pub(crate) fn wrong(&mut self, reason: String) {
        self.wrong += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(reason);
        }
    }

    /// Adds the counts of a part that ran at the same time.
    fn take_up(&mut self, part: Self) {
        self.done += part.done;
        self.wrong += part.wrong;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(part.examples.into_iter().take(room));
        // Same bounds, so nothing can be out of them.
        let _ = self.latencies.add(part.latencies);
    }

    /// Takes up what was wrong about a run that is not measured itself.
    pub(crate) fn note_wrong(&mut self, other: Self) {
        self.wrong += other.wrong;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }

    /// Adds a run that came after.
    pub(crate) fn go_on_with(&mut self, next: Self) {
        self.elapsed += next.elapsed;
        self.usage = match (self.usage, next.usage) {
            (Some(one), Some(other)) => Some(one.plus(other)),
            (one, other) => one.or(other),
        };
        self.memory = next.memory.or(self.memory);
        self.take_up(next);
    }

    /// Operations a second.
    pub(crate) fn rate(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a count of operations is far below 2^52")]
        let done = self.done as f64;
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { done / seconds } else { 0.0 }
    }
}
