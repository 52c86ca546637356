//! What is sent without anybody waiting for it.
//!
//! How long a gateway takes, and whether one is asked at all, depends on whether there is somebody to send to. So whoever may not
//! learn that is answered first, and what is to be sent goes by itself (T-19).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Authenticator, Prompt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::{NewCode, lock};
use crate::app::{Actor, App};

/// Messages that wait to be sent.
const MOST_WAITING: usize = 4096;
/// Messages that are sent at the same time.
const MOST_AT_ONCE: usize = 256;
/// How long a server that stops goes on sending.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message that is to be sent.
pub(super) struct Errand {
    /// Who asked for it.
    pub(super) actor: Actor,
    /// What it is for.
    pub(super) prompt: Prompt,
    /// To whom it goes.
    pub(super) to: Authenticator,
    /// What is in it.
    pub(super) code: NewCode,
}

/// Messages that wait to be sent.
pub(super) struct Queue {
    entrance: mpsc::Sender<Errand>,
    exit: Mutex<Option<mpsc::Receiver<Errand>>>,
}

impl Queue {
    pub(super) fn new() -> Self {
        let (entrance, exit) = mpsc::channel(MOST_WAITING);
        Self { entrance, exit: Mutex::new(Some(exit)) }
    }

    /// Has a message sent. Where there are too many it is lost: who waits for it can have it sent again.
    pub(super) fn put(&self, errand: Errand) {
        if self.entrance.try_send(errand).is_err() {
            metrics::counter!("countersign_messages_lost_total").increment(1);
            tracing::warn!("a message was not sent: too many wait for the gateways");
        }
    }
}

/// The task that sends what is in the queue.
pub(crate) struct Carrying {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Carrying {
    /// Sends what waits, a few seconds at most, and ends.
    pub(crate) async fn stop(mut self) {
        // It may have ended by itself: there is nothing to send with.
        let _ = self.stop.send(());
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Begins to send what is in the queue.
pub(crate) fn carry(app: Arc<App>) -> Carrying {
    let (stop, stopped) = oneshot::channel();
    Carrying { task: tokio::spawn(carry_until(app, stopped)), stop }
}

async fn carry_until(app: Arc<App>, mut stopped: oneshot::Receiver<()>) {
    let Some(mut exit) = app.post.as_ref().and_then(|post| lock(&post.queue.exit).take()) else { return };
    let mut under_way = JoinSet::new();
    loop {
        let next = tokio::select! {
            next = exit.recv() => next,
            _ = &mut stopped, if !exit.is_closed() => {
                exit.close();
                continue;
            }
        };
        let Some(errand) = next else { break };
        while under_way.len() >= MOST_AT_ONCE {
            under_way.join_next().await;
        }
        while under_way.try_join_next().is_some() {}
        let app = Arc::clone(&app);
        under_way.spawn(async move { app.run(&errand).await });
    }
    while under_way.join_next().await.is_some() {}
}
