//! One at a time of what takes the machine that a server has to decide with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::app::Error;

/// How long whoever comes waits for their turn: an answer has to come before they give up.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many wait at a time. Whoever comes then is told so at once.
const MOST: usize = 16;

/// Turns, one after the other.
#[derive(Debug, Default)]
pub(super) struct Turns(Arc<Mutex<()>>);

/// Somebody's turn, until it is dropped: also where whoever asked has gone, as long as what they asked for goes on.
#[derive(Debug)]
pub(super) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for a turn.
    pub(super) async fn take(&self) -> Result<Turn, Error> {
        // Each who waits or has it holds the lock: it is counted by that.
        let lock = Arc::clone(&self.0);
        if Arc::strong_count(&lock) > MOST + 2 {
            return Err(Error::Busy);
        }
        let held = tokio::time::timeout(PATIENCE, lock.lock_owned()).await.map_err(|_| Error::Busy)?;
        Ok(Turn { _held: held })
    }

    /// Does something that takes the machine, in a turn of its own and apart from the threads that answer requests.
    pub(super) async fn have<T: Send + 'static>(&self, done: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let turn = self.take().await?;
        let done = tokio::task::spawn_blocking(move || {
            let came = done();
            drop(turn);
            came
        });
        done.await.map_err(|error| Error::Internal(format!("it was not done: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn one_has_a_turn_others_wait_and_too_many_are_told_so_at_once() {
        let turns = Arc::new(Turns::default());
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let some = (0..MOST).map(|_| {
            let (turns, now, most) = (Arc::clone(&turns), Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(async move {
                turns
                    .have(move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await
            })
        });
        for one in some.collect::<Vec<_>>() {
            one.await.unwrap().unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);

        let held = turns.take().await.unwrap();
        let wait = || {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move { turns.take().await.map(drop) })
        };
        let waiting: Vec<_> = (0..MOST).map(|_| wait()).collect();
        while Arc::strong_count(&turns.0) < MOST + 2 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(turns.take().await, Err(Error::Busy)), "too many wait");
        drop(held);
        for one in waiting {
            assert!(one.await.unwrap().is_ok(), "each had a turn");
        }
        assert!(turns.take().await.is_ok());
    }
}
