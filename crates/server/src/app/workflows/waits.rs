//! Runs that do nothing but wait for somebody outside: they take no place of those that have something to do, and one workflow whose calls hang
//! does not take all that others may wait in.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many runs of one workflow wait for somebody outside before no other one of it is taken up.
const MOST_OF_ONE: usize = 128;

/// How many there are, by workflow.
#[derive(Default)]
pub(super) struct Outside(Mutex<HashMap<String, usize>>);

impl Outside {
    fn counts(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another one waits, until what comes back is dropped.
    pub(super) fn one_more(&self, workflow: &str) -> Waiting<'_> {
        *self.counts().entry(workflow.to_owned()).or_default() += 1;
        Waiting { outside: self, workflow: workflow.to_owned() }
    }

    /// How many wait.
    pub(super) fn all(&self) -> usize {
        self.counts().values().sum()
    }

    /// Whether as many of a workflow wait as may.
    pub(super) fn is_full_of(&self, workflow: &str) -> bool {
        self.counts().get(workflow).is_some_and(|count| *count >= MOST_OF_ONE)
    }
}

/// A run waits for somebody outside.
pub(super) struct Waiting<'a> {
    outside: &'a Outside,
    workflow: String,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut counts = self.outside.counts();
        if let Some(count) = counts.get_mut(&self.workflow) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.workflow);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w05_calls_that_hang_take_the_places_of_their_own_workflow_alone() {
        let outside = Outside::default();
        let mut waiting: Vec<Waiting<'_>> = (0..MOST_OF_ONE).map(|_| outside.one_more("hangs")).collect();
        assert!(outside.is_full_of("hangs") && !outside.is_full_of("other"));
        waiting.pop();
        assert!(!outside.is_full_of("hangs"));
        drop(waiting);
        assert_eq!(outside.all(), 0);
    }
}
