//! How workflows do: worked out from their latest runs as somebody asks, within bounds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use domain::{RunId, RunState, Timestamp};
use serde_json::Value;
use store::{RunSample, StepLine};

use crate::app::{App, Error};

/// So many runs of one workflow are looked at; where all are shown, so many of each.
const MOST_RUNS: u32 = 5000;
const MOST_OF_EACH: u32 = 1000;
/// So many of them step by step.
const MOST_STEP_BY_STEP: usize = 300;

/// How a workflow does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkflowStats {
    pub(crate) workflow: String,
    /// How many runs were started in the time that is looked at, by what became of them.
    pub(crate) started: BTreeMap<RunState, u64>,
    /// Whether these are all of them; else they are the newest.
    pub(crate) is_whole: bool,
    /// How many there are now, whenever they were started, of those that are not over.
    pub(crate) live: BTreeMap<RunState, i64>,
    /// How long those took that are over.
    pub(crate) run_seconds: Option<Shares>,
    /// Step by step, in the order in which they were met.
    pub(crate) steps: Vec<StepStats>,
}

/// How long something took: a half, 95 and 99 of a hundred took no longer, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shares {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

/// How a step does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepStats {
    pub(crate) step: String,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    /// How often it failed and was tried again.
    pub(crate) tried_again: u64,
    pub(crate) held: u64,
    pub(crate) seconds: Option<Shares>,
    /// Why it failed last.
    pub(crate) failure: Option<String>,
    failed_at: Option<Timestamp>,
}

impl Shares {
    /// By nearest rank, of durations in milliseconds.
    fn of(mut millis: Vec<i64>) -> Option<Self> {
        millis.sort_unstable();
        let rank = |hundredths: usize| {
            let place = (millis.len() * hundredths).div_ceil(100).saturating_sub(1);
            #[allow(clippy::cast_precision_loss, reason = "milliseconds of years are exact")]
            millis.get(place).map(|millis| *millis as f64 / 1000.0)
        };
        Some(Self { p50: rank(50)?, p95: rank(95)?, p99: rank(99)? })
    }
}

impl App {
    /// How each workflow does that is in force, or has runs that go on or are held.
    pub(crate) async fn stats_of_workflows(&self, window: Duration) -> Result<Vec<WorkflowStats>, Error> {
        self.load_workflows().await?;
        let mut names: BTreeSet<String> = self.store.workflows_with_live_runs().await?.into_iter().collect();
        names.extend(self.workflows.in_force().keys().cloned());
        let mut all = Vec::with_capacity(names.len());
        for name in &names {
            all.push(self.read_stats(name, window, MOST_OF_EACH).await?.0);
        }
        Ok(all)
    }

    /// How a workflow does, step by step. One that is in force no more is known as long as its runs are kept.
    pub(crate) async fn stats_of_workflow(&self, name: &str, window: Duration) -> Result<WorkflowStats, Error> {
        let (mut stats, runs) = self.read_stats(name, window, MOST_RUNS).await?;
        if runs.is_empty() && stats.live.values().all(|count| *count == 0) {
            self.load_workflows().await?;
            if !self.workflows.in_force().contains_key(name) {
                return Err(Error::NotFound("workflow"));
            }
        }
        let newest: Vec<RunId> = runs.iter().take(MOST_STEP_BY_STEP).map(|run| run.id).collect();
        stats.steps = by_step(&self.store.step_lines(&newest).await?);
        Ok(stats)
    }

    async fn read_stats(
        &self,
        name: &str,
        window: Duration,
        most: u32,
    ) -> Result<(WorkflowStats, Vec<RunSample>), Error> {
        let since = self.now().minus(window);
        let runs = self.store.runs_since(name, since, most).await?;
        let mut started = BTreeMap::new();
        for run in &runs {
            *started.entry(run.state).or_default() += 1;
        }
        let took = runs.iter().filter_map(|run| Some(millis_between(run.created_at, run.ended_at?)));
        let stats = WorkflowStats {
            workflow: name.to_owned(),
            started,
            is_whole: u32::try_from(runs.len()).is_ok_and(|found| found < most),
            live: self.store.live_runs(name).await?.into_iter().collect(),
            run_seconds: Shares::of(took.collect()),
            steps: Vec::new(),
        };
        Ok((stats, runs))
    }
}

/// Tells of each workflow that is or was in force how many runs of it are in each of the states that are not the end: those of one that was
/// withdrawn go on, or are held.
pub(crate) async fn measure_each(app: &App) {
    let names: BTreeSet<String> = app.workflows.read().values().map(|known| known.name().to_owned()).collect();
    for name in names {
        match app.store.live_runs(&name).await {
            Ok(counts) => {
                for (state, count) in counts {
                    let count = f64::from(i32::try_from(count).unwrap_or(i32::MAX));
                    metrics::gauge!("countersign_live_runs", "workflow" => name.clone(), "state" => state.name())
                        .set(count);
                }
            }
            Err(error) => tracing::warn!(%error, "the runs of a workflow could not be counted; trying again later"),
        }
    }
}

/// What happened at each step, rounds of loops together.
fn by_step(lines: &[StepLine]) -> Vec<StepStats> {
    let mut order: Vec<StepStats> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut began: HashMap<(RunId, &str), Timestamp> = HashMap::new();
    let mut took: HashMap<usize, Vec<i64>> = HashMap::new();
    for line in lines {
        let step = line.step.split('@').next().unwrap_or_default();
        let place = *places.entry(step).or_insert_with(|| {
            order.push(StepStats::new(step));
            order.len() - 1
        });
        let entry: Value = serde_json::from_str(&line.entry).unwrap_or_default();
        let what = entry.get("what").and_then(Value::as_str).unwrap_or_default();
        let of = (line.run_id, line.step.as_str());
        if what == "step_began" {
            began.insert(of, line.at);
        }
        let Some(stats) = order.get_mut(place) else { continue };
        let is_over = match what {
            "step_done" => {
                stats.completed += 1;
                true
            }
            "step_failed" => {
                stats.failed += 1;
                true
            }
            "attempt_failed" => {
                stats.tried_again += 1;
                false
            }
            "held" => {
                stats.held += 1;
                false
            }
            _ => false,
        };
        if is_over && let Some(began) = began.remove(&of) {
            took.entry(place).or_default().push(millis_between(began, line.at));
        }
        let message = entry.get("message").and_then(Value::as_str);
        if let Some(message) = message.filter(|_| stats.failed_at.is_none_or(|before| before <= line.at)) {
            stats.failure = Some(message.to_owned());
            stats.failed_at = Some(line.at);
        }
    }
    for (place, took) in took {
        if let Some(stats) = order.get_mut(place) {
            stats.seconds = Shares::of(took);
        }
    }
    order
}

impl StepStats {
    fn new(step: &str) -> Self {
        let (completed, failed, tried_again, held) = (0, 0, 0, 0);
        let step = step.to_owned();
        Self { step, completed, failed, tried_again, held, seconds: None, failure: None, failed_at: None }
    }
}

fn millis_between(from: Timestamp, to: Timestamp) -> i64 {
    to.unix_millis().saturating_sub(from.unix_millis()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w11_shares_are_by_nearest_rank() {
        assert_eq!(Shares::of(Vec::new()), None);
        assert_eq!(Shares::of(vec![7]), Some(Shares { p50: 0.007, p95: 0.007, p99: 0.007 }));
        assert_eq!(Shares::of((1..=200).rev().collect()), Some(Shares { p50: 0.1, p95: 0.19, p99: 0.198 }));
    }

    #[test]
    fn w11_steps_are_told_apart_and_rounds_are_not() {
        let run = "run_0197a3c05b7c7d3e8f6a1b2c3d4e5f60".parse().unwrap();
        let line = |at: i64, step: &str, entry: &str| StepLine {
            run_id: run,
            at: Timestamp::from_unix_millis(at),
            step: step.to_owned(),
            entry: entry.to_owned(),
        };
        let lines = [
            line(0, "call@0", r#"{"what":"step_began"}"#),
            line(1000, "call@1", r#"{"what":"step_began"}"#),
            line(2000, "call@0", r#"{"what":"step_done"}"#),
            line(3000, "call@1", r#"{"what":"attempt_failed","message":"503"}"#),
            line(9000, "call@1", r#"{"what":"step_failed","message":"gone"}"#),
            line(9000, "end", r#"{"what":"step_began"}"#),
        ];
        let stats = by_step(&lines);
        assert_eq!(stats.len(), 2);
        assert_eq!(
            (stats[0].step.as_str(), stats[0].completed, stats[0].failed, stats[0].tried_again),
            ("call", 1, 1, 1)
        );
        assert_eq!(stats[0].seconds, Some(Shares { p50: 2.0, p95: 8.0, p99: 8.0 }));
        assert_eq!(stats[0].failure.as_deref(), Some("gone"));
        assert_eq!((stats[1].completed, stats[1].seconds), (0, None));
    }
}
