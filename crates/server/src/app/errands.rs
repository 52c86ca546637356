//! What is done without anybody waiting for it.
//!
//! How long a gateway or a push service takes, and whether one is asked at all, depends on whether there is somebody to reach. So whoever
//! may not learn that is answered first, and what is to be sent goes by itself (T-19); and one that is slow, down or gone takes nothing
//! from whoever asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::App;
use super::factors::push::Waking;
use super::risk::Learning;
use super::sending::Message;

/// Errands that wait to be run.
const MOST_WAITING: usize = 4096;
/// Errands that are run at the same time.
const MOST_AT_ONCE: usize = 256;
/// How long a server that stops goes on with them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something to do.
pub(crate) enum Errand {
    /// A code is to be sent.
    Send(Box<Message>),
    /// An app is to be woken up for what it is asked.
    Wake(Waking),
    /// Something is to be learned of a user.
    Learn(Learning),
}

impl Errand {
    const fn name(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Wake(_) => "wake",
            Self::Learn(_) => "learn",
        }
    }
}

/// Errands that wait to be run.
pub(crate) struct Errands {
    entrance: mpsc::Sender<Errand>,
    exit: Mutex<Option<mpsc::Receiver<Errand>>>,
}

impl Default for Errands {
    fn default() -> Self {
        let (entrance, exit) = mpsc::channel(MOST_WAITING);
        Self { entrance, exit: Mutex::new(Some(exit)) }
    }
}

impl Errands {
    /// Has something done. Where there is too much of it, it is not: who waits for a message can have it sent again, and an app that is
    /// opened asks by itself, and whoever is not learned of is asked once more.
    pub(crate) fn put(&self, errand: Errand) {
        if let Err(lost) = self.entrance.try_send(errand) {
            let what = lost.into_inner().name();
            metrics::counter!("countersign_errands_lost_total", "errand" => what).increment(1);
            tracing::warn!(what, "too much waits to be done: one errand is not run");
        }
    }
}

/// The task that runs errands.
pub(crate) struct Running {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Running {
    /// Does what waits, for a few seconds at most, and ends.
    pub(crate) async fn stop(mut self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Begins to run errands.
pub(crate) fn run(app: Arc<App>) -> Running {
    let (stop, stopped) = oneshot::channel();
    Running { task: tokio::spawn(run_until(app, stopped)), stop }
}

async fn run_until(app: Arc<App>, mut stopped: oneshot::Receiver<()>) {
    let exit = app.errands.exit.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut exit) = exit else { return };
    let mut under_way = JoinSet::new();
    loop {
        let next = tokio::select! {
            Some(_) = under_way.join_next() => continue,
            next = exit.recv(), if under_way.len() < MOST_AT_ONCE => next,
            _ = &mut stopped, if !exit.is_closed() => {
                exit.close();
                continue;
            }
        };
        let Some(errand) = next else { break };
        let app = Arc::clone(&app);
        under_way.spawn(async move {
            match errand {
                Errand::Send(message) => app.send(&message).await,
                Errand::Wake(waking) => app.wake_app_up(waking).await,
                Errand::Learn(learning) => app.learn(&learning).await,
            }
        });
    }
    while under_way.join_next().await.is_some() {}
}
