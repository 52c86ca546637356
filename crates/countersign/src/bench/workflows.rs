//! Runs of workflows: started by events and carried to their end, by themselves and beside verifications; and runs that wait.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::drive::{Job, Measured};
use super::fleet::Fleet;
use super::jobs::HasId;
use super::rotation;
use super::wire::{Target, Wire, each_block, named};
use crate::failure::Failure;

/// Five steps, of which each is one commit of its own: nothing but what a run itself costs. Its users are those of the load test that are no
/// persons.
const FIVE: &str = r#"apiVersion: countersign/v1
kind: Workflow
metadata: {name: bench_five}
triggers:
  - event: user.created
    when: event.data.kind == "service"
subject: ${event.user}
steps:
  - {id: one, action: event.emit, with: {name: bench.one}}
  - {id: two, action: event.emit, with: {name: bench.two}}
  - {id: three, action: event.emit, with: {name: bench.three}}
  - {id: four, action: event.emit, with: {name: bench.four}}
  - {id: five, action: event.emit, with: {name: bench.five}}
"#;

/// A run that waits for longer than any load test takes.
const WAIT: &str = "apiVersion: countersign/v1
kind: Workflow
metadata: {name: bench_wait}
triggers:
  - manual: {roles: [bench]}
limits: {duration: 90d}
steps:
  - {id: long, wait: {for: 60d}}
";

/// How long nothing may come of runs before those that are missing are given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether all came to their end.
const LOOK: Duration = Duration::from_millis(5);

/// Writes the workflows into a folder of their own, and answers which that is.
pub(crate) fn write_workflows(folder: &Path) -> std::io::Result<PathBuf> {
    let folder = folder.join("workflows");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("bench_five.yaml"), FIVE)?;
    std::fs::write(folder.join("bench_wait.yaml"), WAIT)?;
    std::fs::write(folder.join("mass_rotation.yaml"), rotation::document())?;
    Ok(folder)
}

/// What of a run is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// That its first step is done.
    FirstStep,
    /// Its end.
    End,
}

/// What the stream of events says of the runs that were started.
pub(crate) struct Watched {
    seen: Arc<Mutex<Seen>>,
    reading: AbortHandle,
}

#[derive(Default)]
struct Seen {
    /// When the event that starts the run of a user was asked for.
    asked: HashMap<String, Instant>,
    /// When it was heard of what is waited for.
    came: HashMap<String, Instant>,
    /// What else came of runs.
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Event {
    about: About,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize)]
struct About {
    user: Option<String>,
}

#[derive(Default, Deserialize)]
struct Data {
    workflow: Option<String>,
    step: Option<String>,
}

impl Watched {
    /// Follows the events of runs from now on.
    ///
    /// # Errors
    /// Where there is no stream.
    pub(crate) async fn open(target: &Target, until: Until) -> Result<Self, Failure> {
        let kinds = match until {
            Until::FirstStep => "step.completed,run.failed",
            Until::End => "run.completed,run.failed",
        };
        let wire = Wire::open(target).await?;
        let path = format!("/v1/events/stream?kind={kinds}");
        let stream = wire.follow(&path).await.map_err(Failure::unavailable)?;
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let told = Arc::clone(&seen);
        let reading = tokio::spawn(async move {
            let ended = each_block(stream, |block, now| {
                take(&mut lock(&told), block, now, until);
                Ok(())
            });
            let why = ended.await.err().unwrap_or_else(|| "the server ended it".to_owned());
            lock(&told).wrong.push(format!("the stream of events is over: {why}"));
        });
        Ok(Self { seen, reading: reading.abort_handle() })
    }

    /// Waits until something came of every run that was started, or nothing more comes; and what it came to, with the time from asking for the event
    /// to hearing of it.
    pub(crate) async fn all(&self, name: &'static str) -> Result<Measured, Failure> {
        let (mut known, mut since) = (0, Instant::now());
        loop {
            let (asked, came) = {
                let seen = lock(&self.seen);
                (seen.asked.len(), seen.came.len())
            };
            if came > known {
                (known, since) = (came, Instant::now());
            }
            if came >= asked || since.elapsed() > PATIENCE {
                break;
            }
            sleep(LOOK).await;
        }
        let mut seen = lock(&self.seen);
        let mut measured = Measured::empty(name)?;
        for reason in std::mem::take(&mut seen.wrong) {
            measured.wrong(reason);
        }
        for (user, asked) in &seen.asked {
            match seen.came.get(user) {
                Some(came) => measured.right(came.saturating_duration_since(*asked)),
                None => measured.wrong(format!("nothing came of the run about {user}")),
            }
        }
        let first = seen.asked.values().min().copied();
        let last = seen.came.values().max().copied();
        measured.elapsed =
            first.zip(last).map_or(Duration::ZERO, |(first, last)| last.saturating_duration_since(first));
        Ok(measured)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take(seen: &mut Seen, block: &str, now: Instant, until: Until) {
    let Some((kind, data)) = named(block) else { return };
    let event = match serde_json::from_str::<Event>(data) {
        Ok(event) => event,
        Err(error) => return seen.wrong.push(format!("an event is not as described: {error}")),
    };
    if event.data.workflow.as_deref() != Some("bench_five") {
        return;
    }
    let Some(user) = event.about.user else { return seen.wrong.push("a run is about nobody".to_owned()) };
    match (kind, until) {
        ("run.completed", Until::End) => {}
        ("step.completed", Until::FirstStep) if event.data.step.as_deref() == Some("one") => {}
        ("step.completed", _) => return,
        _ => return seen.wrong.push(format!("a run came to another end: {kind}")),
    }
    if seen.came.insert(user, now).is_some() {
        seen.wrong.push("something was done twice".to_owned());
    }
}

/// A user whose creation starts a run.
pub(crate) struct Trigger {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) watched: Arc<Watched>,
    /// What the names of this phase's users begin with.
    pub(crate) named: &'static str,
    /// If not as fast as they go.
    pub(crate) pace: Option<Pace>,
}

/// From when on something is to come, and how far from each other.
pub(crate) type Pace = (Instant, Duration);

/// Waits until operation `index` is to come, and answers when that was. Whoever comes late counts from when it was to come, so that a server that
/// is behind is not asked more gently.
async fn its_turn(pace: Option<Pace>, index: u64) -> Instant {
    let Some((from, apart)) = pace else { return Instant::now() };
    let turn = from + apart.mul_f64(f64::from(u32::try_from(index).unwrap_or(u32::MAX)));
    sleep_until(turn).await;
    turn
}

/// A job that comes at a pace.
pub(crate) struct Paced<J> {
    pub(crate) job: J,
    pub(crate) pace: Option<Pace>,
}

impl<J: Job> Job for Paced<J> {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        if self.pace.is_none() {
            return self.job.one(index, wire).await;
        }
        let turn = its_turn(self.pace, index).await;
        self.job.one(index, wire).await.map(|_| turn.elapsed())
    }
}

impl Job for Trigger {
    async fn one(&self, index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let asked = its_turn(self.pace, index).await;
        let body = format!(r#"{{"external_id":"{}-{}-{index}","kind":"service"}}"#, self.fleet.run, self.named);
        let started = Instant::now();
        let answer = wire.post("/v1/users", body).await?;
        let took = started.elapsed();
        let answer = answer.expect(201)?;
        let user = answer.json::<HasId<'_>>()?.id.to_owned();
        lock(&self.watched.seen).asked.insert(user, asked);
        Ok(took)
    }
}

/// A run that waits.
pub(crate) struct StartWaiting;

impl Job for StartWaiting {
    async fn one(&self, _index: u64, wire: &mut Wire) -> Result<Duration, String> {
        let body = r#"{"requester":"bench","roles":["bench"]}"#.to_owned();
        let started = Instant::now();
        wire.post("/v1/workflows/bench_wait/runs", body).await?.expect(201)?;
        Ok(started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflows_hold() {
        for (file, document) in [("bench_five.yaml", FIVE), ("bench_wait.yaml", WAIT)] {
            workflow::Definition::read(file, document).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        }
    }

    #[test]
    fn w13_what_is_done_twice_or_fails_is_found() {
        let block = |kind: &str, step: &str| {
            let data = format!(r#"{{"about":{{"user":"usr_1"}},"data":{{"workflow":"bench_five","step":"{step}"}}}}"#);
            format!("id: 1\nevent: {kind}\ndata: {data}")
        };
        let told = |blocks: &[String], until| {
            let mut seen = Seen::default();
            for block in blocks {
                take(&mut seen, block, Instant::now(), until);
            }
            (seen.came.len(), seen.wrong.len())
        };
        let (completed, failed) = (block("run.completed", ""), block("run.failed", ""));
        assert_eq!(told(std::slice::from_ref(&completed), Until::End), (1, 0));
        assert_eq!(told(&[completed.clone(), completed], Until::End), (1, 1));
        assert_eq!(told(&[failed], Until::End), (0, 1));
        let (one, two) = (block("step.completed", "one"), block("step.completed", "two"));
        assert_eq!(told(&[one.clone(), two], Until::FirstStep), (1, 0));
        assert_eq!(told(&[one.clone(), one], Until::FirstStep), (1, 1));
    }
}
