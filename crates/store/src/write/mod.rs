//! The write side: a bounded queue of commits and one task that commits what has gathered.

mod alerts;
mod batch;
mod browsers;
mod clients;
mod enroll;
pub(crate) mod events;
mod hardware_tokens;
mod hygiene;
mod idempotency;
mod links;
mod login;
mod lower;
mod outcome;
mod pages;
#[cfg(test)]
mod plans;
mod policies;
mod prompts;
mod rest;
mod risk;
mod runs;
mod shut_out;
mod sign_ins;
mod tasks;

pub(crate) use runs::let_go as let_go_of_runs;
pub(crate) use shut_out::hours;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Event, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::engine::{Connection, Fault, Source, history, partitions};
use crate::gathering::wait_for_more;
use crate::known::KnownCallers;
use crate::sweep::Sweep;
use crate::threads::Thread;
use crate::{Change, Commit, Effect, StoreError, retention, schema};

/// How many commits wait before further ones are turned away.
const QUEUE: usize = 4096;

/// How many commits share a transaction at most.
const BATCH: usize = 512;

/// How often a change that another server was in the way of is tried before it is given back.
const TRIES: u32 = 5;

/// A change and its place in the batch.
type Item<'a, T> = (usize, &'a T);

/// Those of `items` whose id is among `ids`.
fn took<'a, T>(items: &[Item<'a, T>], ids: Vec<Uuid>, id: impl Fn(&T) -> Uuid) -> Vec<Item<'a, T>> {
    let ids: HashSet<Uuid> = ids.into_iter().collect();
    items.iter().filter(|(_, change)| ids.contains(&id(change))).copied().collect()
}

struct Job {
    // A commit is handed on several times, and large.
    commit: Box<Commit>,
    answer: oneshot::Sender<Result<Effect, StoreError>>,
}

/// What the task does between two batches.
enum Chore {
    /// Deletes some of what has served its time.
    Sweep { sweep: Sweep, answer: oneshot::Sender<Result<u64, StoreError>> },
    /// Removes some of the oldest events.
    Expire { before: Timestamp, told: Box<Event>, answer: oneshot::Sender<Result<u64, StoreError>> },
    /// Sees to it that there is room for further events, and for the history of runs.
    MakeRoom { now: Timestamp, answer: oneshot::Sender<Result<bool, StoreError>> },
    /// Makes a small write durable.
    Try { now: Timestamp, answer: oneshot::Sender<Result<(), StoreError>> },
}

/// The queue's near end.
pub(crate) struct Writer {
    queue: mpsc::Sender<Job>,
    chores: mpsc::Sender<Chore>,
    closing: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the task. `keep` is held as long as it writes.
    pub(crate) fn start(
        thread: &Thread,
        source: Source,
        connection: Connection,
        head: watch::Sender<i64>,
        known: Option<Arc<KnownCallers>>,
        keep: impl Send + 'static,
    ) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (chores, to_do) = mpsc::channel(1);
        let (closing, closed) = watch::channel(false);
        let far = Far { source, connection: Some(connection), head, known };
        let task = thread.spawn(async move {
            far.run(jobs, to_do, closed).await;
            drop(keep);
        });
        Self { queue, chores, closing, task: Mutex::new(Some(task)) }
    }

    /// Queues a commit and waits until it is durable. It is made also if nobody waits for it any more.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<Effect, StoreError> {
        let place = self.queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(()) => closed(),
        })?;
        queued(place, commit).await
    }

    /// The same, once there is room in the queue.
    pub(crate) async fn commit_in_turn(&self, commit: Commit) -> Result<Effect, StoreError> {
        queued(self.queue.reserve().await.map_err(|_| closed())?, commit).await
    }

    /// Sweeps between two batches.
    pub(crate) async fn sweep(&self, sweep: Sweep) -> Result<u64, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.chores.send(Chore::Sweep { sweep, answer }).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Removes some of the oldest events.
    pub(crate) async fn expire_events(&self, before: Timestamp, told: Event) -> Result<u64, StoreError> {
        let (answer, answered) = oneshot::channel();
        let told = Box::new(told);
        self.chores.send(Chore::Expire { before, told, answer }).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Makes room for further events, if there is little left.
    pub(crate) async fn make_room(&self, now: Timestamp) -> Result<bool, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.chores.send(Chore::MakeRoom { now, answer }).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Makes a small write durable, where commits are made: it answers if a commit would.
    pub(crate) async fn try_out(&self, now: Timestamp) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.chores.send(Chore::Try { now, answer }).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Takes no more, commits what is queued, and ends.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

/// Waits until closing is wanted.
async fn told(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn queued(place: mpsc::Permit<'_, Job>, commit: Commit) -> Result<Effect, StoreError> {
    let (answer, answered) = oneshot::channel();
    place.send(Job { commit: Box::new(commit), answer });
    answered.await.unwrap_or_else(|_| Err(closed()))
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// The queue's far end.
struct Far {
    source: Source,
    connection: Option<Connection>,
    head: watch::Sender<i64>,
    known: Option<Arc<KnownCallers>>,
}

impl Far {
    async fn run(
        mut self,
        mut jobs: mpsc::Receiver<Job>,
        mut chores: mpsc::Receiver<Chore>,
        mut closed: watch::Receiver<bool>,
    ) {
        let mut gathered = Vec::with_capacity(BATCH);
        let mut last = 0;
        loop {
            tokio::select! {
                Some(chore) = chores.recv() => self.chore(chore).await,
                count = jobs.recv_many(&mut gathered, BATCH) => {
                    if count == 0 {
                        break;
                    }
                    wait_for_more(&mut jobs, &mut gathered, BATCH, &mut last).await;
                    self.settle(std::mem::take(&mut gathered)).await;
                    gathered.reserve(BATCH);
                }
                () = told(&mut closed), if !jobs.is_closed() => jobs.close(),
            }
        }
        if let Some(connection) = self.connection {
            connection.close().await;
        }
    }

    async fn chore(&mut self, chore: Chore) {
        match chore {
            Chore::Sweep { sweep, answer } => {
                let swept = match self.connection().await {
                    Ok(connection) => sweep.run(connection).await,
                    Err(fault) => Err(fault),
                };
                let _ = answer.send(self.checked(swept));
            }
            Chore::Expire { before, told, answer } => {
                let expired = match self.connection().await {
                    Ok(connection) => retention::expire(connection, before, *told).await,
                    Err(fault) => Err(fault),
                };
                let removed = expired.map(|expired| {
                    self.announce(expired.head);
                    expired.removed
                });
                let _ = answer.send(self.checked(removed));
            }
            Chore::MakeRoom { now, answer } => {
                let made = self.make_room(now).await;
                let _ = answer.send(self.checked(made));
            }
            Chore::Try { now, answer } => {
                let mut tried = self.try_out(now).await;
                if let Err(Fault::Lost(_)) = tried {
                    // What is written here may well be written twice.
                    self.connection = None;
                    tried = self.try_out(now).await;
                }
                let _ = answer.send(self.checked(tried));
            }
        }
    }

    async fn try_out(&mut self, now: Timestamp) -> Result<(), Fault> {
        schema::write_a_little(self.connection().await?, now).await
    }

    async fn make_room(&mut self, now: Timestamp) -> Result<bool, Fault> {
        let connection = self.connection().await?;
        let made = partitions::make_room(connection, now).await?;
        Ok(history::make_room(connection, now).await? || made)
    }

    /// Tells who follows the events of the newest one.
    fn announce(&self, head: Option<i64>) {
        if let Some(head) = head {
            self.head.send_if_modified(|known| std::mem::replace(known, head.max(*known)) < head);
        }
    }

    /// A connection on which something failed is not used again.
    fn checked<T>(&mut self, outcome: Result<T, Fault>) -> Result<T, StoreError> {
        outcome.map_err(|fault| {
            self.connection = None;
            fault.into()
        })
    }

    async fn connection(&mut self) -> Result<&mut Connection, Fault> {
        Ok(match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.source.writer().await?),
        })
    }

    /// A connection on which a transaction has begun. Where the connection was lost since it was used last, that shows here,
    /// where nothing was sent on it yet, and another one takes its place. Later nothing is tried again: the commit may
    /// have taken effect.
    async fn begun(&mut self) -> Result<&mut Connection, Fault> {
        if let Some(mut connection) = self.connection.take() {
            match connection.begin().await {
                Ok(()) => return Ok(self.connection.insert(connection)),
                Err(Fault::Lost(why)) => tracing::info!(why, "the database was away; connecting again"),
                Err(fault) => return Err(fault),
            }
        }
        let mut fresh = self.source.writer().await?;
        fresh.begin().await?;
        Ok(self.connection.insert(fresh))
    }

    /// Commits all of them together. Where that fails because of some, it is tried with each half, so that in the end
    /// only the culprits fail.
    async fn settle(&mut self, jobs: Vec<Job>) {
        let mut parts = vec![(jobs, 0)];
        while let Some((mut jobs, tries)) = parts.pop() {
            let commits: Vec<&Commit> = jobs.iter().map(|job| &*job.commit).collect();
            match self.commit(&commits).await {
                Ok(effects) => {
                    for (job, effect) in jobs.into_iter().zip(effects) {
                        let _ = job.answer.send(Ok(effect));
                    }
                }
                Err(fault) if fault.may_be_of_one() && jobs.len() > 1 => {
                    let second = jobs.split_off(jobs.len() / 2);
                    parts.push((second, 0));
                    parts.push((jobs, 0));
                }
                Err(Fault::NoRoom(text)) if tries < TRIES => {
                    // As a rule there is room already, since the upkeep sees to it.
                    let now = commits.iter().flat_map(|commit| &commit.events).map(|event| event.at).max();
                    if let Err(fault) = self.make_room(now.unwrap_or_default()).await {
                        tracing::warn!(?fault, text, "no room could be made for further events");
                    }
                    parts.push((jobs, tries + 1));
                }
                Err(Fault::Collided(_)) if tries < TRIES => parts.push((jobs, tries + 1)),
                Err(fault) => {
                    for job in jobs {
                        let effect = verdict(&job.commit.change, fault.clone());
                        let _ = job.answer.send(effect);
                    }
                }
            }
        }
    }

    async fn commit(&mut self, commits: &[&Commit]) -> Result<Vec<Effect>, Fault> {
        let committed = batch::commit(self.begun().await?, commits).await;
        // Before anybody is answered; and after a failure too, since it may have been in the answer only.
        if let Some(known) = &self.known {
            known.after(commits.iter().map(|commit| &commit.change));
        }
        match committed {
            Ok(done) => {
                self.announce(done.head);
                Ok(done.effects)
            }
            Err(fault) => {
                if !fault.may_be_of_one() && !matches!(fault, Fault::NoRoom(_)) {
                    tracing::warn!(?fault, "a commit failed");
                    // Whatever state it is in, the next commit begins with a new one.
                    self.connection = None;
                }
                Err(fault)
            }
        }
    }
}

/// What a fault means for a change that was tried by itself.
fn verdict(change: &Change, fault: Fault) -> Result<Effect, StoreError> {
    match (fault, change) {
        // The guard held at first, and then another server's commit was in between; or other backup codes were.
        (Fault::Raced(_), _) | (Fault::Taken(_), Change::ConfirmEnrollment(_)) => Ok(Effect::Refused),
        (Fault::Taken(_), _) => Ok(Effect::Exists),
        (fault, _) => Err(fault.into()),
    }
}
