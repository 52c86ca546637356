//! Mass rotation (W-09): every key is to be replaced, by the ready-made workflow; in the middle of it the server is killed, and comes back.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::drive::Measured;
use super::gauge::Gauge;
use super::wire::{Target, Wire};
use crate::failure::Failure;
use crate::output::{Output, Progress};

/// The workflow as it ships.
const AS_IT_SHIPS: &str = include_str!("../../../../workflows/mass_rotation.yaml");
/// How long nothing may come before what is missing is given up: longer than a claim lasts that nobody gave back.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often it is looked what came.
const LOOK: Duration = Duration::from_millis(20);

/// The ready-made workflow, as fast as it goes: but for the pace that it keeps out of consideration for people, it is what ships.
pub(crate) fn document() -> String {
    AS_IT_SHIPS.split_inclusive('\n').filter(|line| !line.trim_start().starts_with("rate:")).collect()
}

/// What a rotation came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotated {
    /// How many keys there were.
    pub(crate) keys: u64,
    /// How many owners had been asked when the server was killed.
    pub(crate) killed_after: Option<u64>,
    /// For how long nobody was asked then.
    pub(crate) stood_still: Duration,
    /// From the start of the run until all were asked.
    pub(crate) elapsed: Duration,
}

impl Rotated {
    /// Keys a second while it went on.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.elapsed.saturating_sub(self.stood_still).as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a count of keys is far below 2^52")]
        let keys = self.keys as f64;
        if seconds > 0.0 { keys / seconds } else { 0.0 }
    }
}

/// One that is under way.
pub(crate) struct Rotation {
    keys: u64,
    gauge: Gauge,
    stopped: Arc<AtomicBool>,
    progress: Progress,
    seen: Seen,
}

/// What the log says so far.
#[derive(Default)]
struct Seen {
    /// Up to which position it was read.
    cursor: i64,
    asked: HashSet<String>,
    wrong: Vec<String>,
    /// What the workflow says itself, once all were asked.
    told: Option<Told>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Told {
    done: u64,
    failed: u64,
}

#[derive(Deserialize)]
struct Events {
    items: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    position: i64,
    kind: String,
    about: About,
    #[serde(default)]
    data: Data,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct About {
    authenticator: Option<String>,
}

#[derive(Default, Deserialize)]
struct Data {
    name: Option<String>,
    workflow: Option<String>,
}

#[derive(Deserialize)]
struct Details {
    data: Option<String>,
}

impl Seen {
    fn take(&mut self, events: Events) {
        for event in events.items {
            self.cursor = event.position;
            let Event { kind, about, data, details, .. } = event;
            match kind.as_str() {
                "authenticator.rotation_asked" => match about.authenticator {
                    Some(key) if self.asked.contains(&key) => self.wrong.push(format!("{key} was asked for twice")),
                    Some(key) => {
                        self.asked.insert(key);
                    }
                    None => self.wrong.push("an event is about no authenticator".to_owned()),
                },
                "event.emitted" if data.name.as_deref() == Some("mass_rotation.asked") => {
                    let told = details.and_then(|details| details.data);
                    self.told = told.and_then(|told| serde_json::from_str(&told).ok());
                    if self.told.is_none() {
                        self.wrong.push("the workflow does not say how many were asked".to_owned());
                    }
                }
                "run.failed" | "run.held" if data.workflow.as_deref() == Some("mass_rotation") => {
                    self.wrong.push(format!("it did not go well: {kind}"));
                }
                _ => {}
            }
        }
    }
}

impl Rotation {
    /// One over this many keys, of which none was asked for before.
    pub(crate) fn new(keys: u64, gauge: Gauge, stopped: Arc<AtomicBool>, output: Output) -> Self {
        let progress = Progress::new(output, "rotation", keys, None);
        Self { keys, gauge, stopped, progress, seen: Seen::default() }
    }

    /// Starts it, kills the server once half of the owners were asked, and sees it to its end.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(crate) async fn run(mut self, target: &Target) -> Result<(Measured, Rotated), Failure> {
        let mut wire = Wire::open(target).await?;
        let newest = wire.get("/v1/events?order=desc&limit=1").await.and_then(|answer| answer.expect(200));
        let newest: Events = newest.and_then(|answer| answer.json()).map_err(Failure::unavailable)?;
        self.seen.cursor = newest.items.first().map_or(0, |event| event.position);
        let body = r#"{"requester":"bench","roles":["security"],"inputs":{"incident":"load test"}}"#;
        let started = Instant::now();
        let answer = wire.post("/v1/workflows/mass_rotation/runs", body.to_owned()).await;
        answer.and_then(|answer| answer.expect(201)).map_err(Failure::unavailable)?;
        let rotated = self.watch(&mut wire, started).await;
        self.progress.finish();
        Ok((self.measured(rotated)?, rotated))
    }

    async fn watch(&mut self, wire: &mut Wire, started: Instant) -> Rotated {
        let (mut killed_after, mut stood_still, mut moved) = (None, Duration::ZERO, started);
        while self.seen.told.is_none() && self.seen.wrong.is_empty() && !self.stopped.load(Ordering::Relaxed) {
            let before = self.asked();
            let more = self.look(wire).await;
            let asked = self.asked();
            if asked > before {
                if killed_after.is_some() {
                    stood_still = stood_still.max(moved.elapsed());
                }
                moved = Instant::now();
                self.progress.add(asked - before);
            }
            if killed_after.is_none() && asked >= self.keys / 2 && self.seen.told.is_none() {
                if let Err(error) = self.gauge.kill_server() {
                    self.seen.wrong.push(format!("the server cannot be killed: {error}"));
                }
                killed_after = Some(asked);
            }
            if moved.elapsed() > PATIENCE {
                self.seen.wrong.push("nothing more came".to_owned());
            }
            if !more {
                sleep(LOOK).await;
            }
        }
        Rotated { keys: self.keys, killed_after, stood_still, elapsed: started.elapsed() }
    }

    fn asked(&self) -> u64 {
        u64::try_from(self.seen.asked.len()).unwrap_or(u64::MAX)
    }

    /// Reads on in the log. Answers whether there may be more; while the server is away there is nothing.
    async fn look(&mut self, wire: &mut Wire) -> bool {
        const PAGE: usize = 500;
        let kinds = "authenticator.rotation_asked,event.emitted,run.failed,run.held";
        let path = format!("/v1/events?kind={kinds}&limit={PAGE}&cursor={}", self.seen.cursor);
        let Ok(answer) = wire.get(&path).await else { return false };
        // Starting up, it may say that it is not ready.
        let Ok(answer) = answer.expect(200) else { return false };
        match answer.json::<Events>() {
            Ok(events) => {
                let more = events.items.len() == PAGE;
                self.seen.take(events);
                more
            }
            Err(reason) => {
                self.seen.wrong.push(reason);
                false
            }
        }
    }

    /// What of it was as it should.
    fn measured(self, rotated: Rotated) -> Result<Measured, Failure> {
        let asked = self.asked();
        let mut measured = Measured::empty("rotate")?;
        measured.done = asked;
        measured.elapsed = rotated.elapsed;
        if rotated.killed_after.is_none() {
            measured.wrong("all was over before the server could be killed".to_owned());
        }
        for reason in self.seen.wrong {
            measured.wrong(reason);
        }
        for _ in asked..self.keys {
            measured.wrong("a key was forgotten".to_owned());
        }
        if self.seen.told.is_some_and(|told| told != Told { done: self.keys, failed: 0 }) {
            measured.wrong("the workflow counts otherwise".to_owned());
        }
        Ok(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_made_workflow_goes_as_fast_as_it_can() {
        let document = document();
        workflow::Definition::read("mass_rotation.yaml", &document).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        assert_eq!(
            AS_IT_SHIPS.lines().count() - document.lines().count(),
            2,
            "both loops have a pace, and nothing else"
        );
    }

    #[test]
    fn w09_what_is_asked_for_twice_or_fails_is_found() {
        let taken = |kinds: &[(&str, &str)]| {
            let mut seen = Seen::default();
            for (kind, key) in kinds {
                let page = format!(
                    r#"{{"items":[{{"position":7,"kind":"{kind}","about":{{"authenticator":"{key}"}},
                        "data":{{"name":"mass_rotation.asked","workflow":"mass_rotation"}},
                        "details":{{"data":"{{\"done\":2,\"failed\":0}}"}}}}]}}"#
                );
                seen.take(serde_json::from_str(&page).unwrap());
            }
            (seen.cursor, seen.asked.len(), seen.wrong.len(), seen.told)
        };
        let asked = "authenticator.rotation_asked";
        assert_eq!(taken(&[(asked, "a"), (asked, "b")]), (7, 2, 0, None));
        assert_eq!(taken(&[(asked, "a"), (asked, "a")]), (7, 1, 1, None));
        assert_eq!(taken(&[("run.held", "a")]), (7, 0, 1, None));
        assert_eq!(taken(&[("event.emitted", "a")]), (7, 0, 0, Some(Told { done: 2, failed: 0 })));
    }
}
