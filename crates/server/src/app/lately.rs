//! Answers that are good for a moment.
//!
//! What anybody may ask without saying who they are is answered at most once in a moment from the vault or the disk, however
//! many ask: whoever is late to a question that is being asked waits for its answer. So a flood of such questions costs
//! what one costs.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Error;

/// How long an answer is good.
const GOOD: Duration = Duration::from_secs(1);
/// How long it is said that there is none: whoever waits for a part to come back is not to wait longer than they have to.
const NONE: Duration = Duration::from_millis(100);

/// One question, and its answer of late.
#[derive(Debug)]
pub(crate) struct Lately<T>(Mutex<Option<(Instant, Result<T, Error>)>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Lately<T> {
    /// The answer of late, or else what `question` answers now.
    pub(crate) async fn ask(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let mut lately = self.0.lock().await;
        if let Some((at, answer)) = &*lately
            && at.elapsed() < if answer.is_ok() { GOOD } else { NONE }
        {
            return answer.clone();
        }
        let answer = question.await;
        *lately = Some((Instant::now(), answer.clone()));
        answer
    }

    /// Forgets the answer: what was asked about has changed.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_flood_asks_once_in_a_moment() {
        let (lately, asked) = (Lately::default(), AtomicU32::new(0));
        let question = || async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(asked.fetch_add(1, Ordering::Relaxed))
        };
        let all = futures_util::future::join_all((0..1000).map(|_| lately.ask(question()))).await;
        assert!(all.into_iter().all(|answer| answer.is_ok_and(|number| number == 0)));
        tokio::time::sleep(GOOD).await;
        assert!(lately.ask(question()).await.is_ok_and(|number| number == 1));
        lately.forget().await;
        assert!(lately.ask(question()).await.is_ok_and(|number| number == 2));
    }

    #[tokio::test]
    async fn that_there_is_no_answer_holds_for_less() {
        let lately = Lately::default();
        assert!(lately.ask(async { Err::<u8, _>(Error::Busy) }).await.is_err());
        assert!(lately.ask(async { Ok(1) }).await.is_err());
        tokio::time::sleep(NONE).await;
        assert!(lately.ask(async { Ok(1) }).await.is_ok());
    }
}
