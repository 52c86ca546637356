//! Taking up what servers had claimed that are gone, before their claims are over.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use store::{Change, Claimant, Effect};

use crate::app::{App, Error};

/// How often it is looked for them.
const LOOK: Duration = Duration::from_millis(500);
/// How often in a row a server has to be missing: one that lost no more than a connection has another one by then.
const MISSING: u8 = 3;

/// Lets go of what servers had claimed that are gone, until the task is ended.
pub(crate) async fn let_go(app: Arc<App>) {
    let mut missing = Missing::default();
    loop {
        tokio::time::sleep(LOOK).await;
        if app.workflows.is_idle() {
            continue;
        }
        if let Err(error) = look(&app, &mut missing).await {
            missing = Missing::default();
            tracing::warn!(%error, "what servers had claimed that are gone could not be taken up; trying again");
        }
    }
}

async fn look(app: &App, missing: &mut Missing<Claimant>) -> Result<(), Error> {
    let of = missing.for_long(app.store.gone_claimants().await?);
    if of.is_empty() {
        return Ok(());
    }
    if app.commit(Change::LetGoOfRuns { of, now: app.now() }, Vec::new()).await? == Effect::Applied {
        tracing::info!("a server is gone that had claimed runs; they go on");
        app.workflows.due.notify_one();
    }
    Ok(())
}

/// Who is missing, and how often in a row they were.
struct Missing<T>(HashMap<T, u8>);

impl<T> Default for Missing<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Copy + Eq + Hash> Missing<T> {
    /// Takes in who is missing now, and says who was for long enough.
    fn for_long(&mut self, now: Vec<T>) -> Vec<T> {
        let count = |one: T| (one, self.0.get(&one).copied().unwrap_or(0).saturating_add(1));
        self.0 = now.into_iter().map(count).collect();
        self.0.iter().filter(|(_, times)| **times >= MISSING).map(|(one, _)| *one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_missing_again_and_again_is_gone_and_who_was_there_in_between_is_not() {
        let mut missing = Missing::default();
        assert!(missing.for_long(vec![1, 2]).is_empty());
        assert!(missing.for_long(vec![1, 2]).is_empty());
        assert_eq!(missing.for_long(vec![2, 3]), [2], "1 was there");
        assert_eq!(missing.for_long(vec![1, 2]), [2], "until it is let go of");
        assert!(missing.for_long(vec![1]).is_empty());
        assert_eq!(missing.for_long(vec![1]), [1]);
    }
}
