//! What is read to say how workflows do.

use domain::{RunId, RunState, Timestamp};

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSample {
    /// Which.
    pub id: RunId,
    /// How far it is.
    pub state: RunState,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// How far a workflow reaches: runs, and about how many users they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunReach {
    /// Those that were started since a time.
    pub started: (i64, i64),
    /// Those that are not over.
    pub live: (i64, i64),
}

/// Something that happened at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    /// In which run.
    pub run_id: RunId,
    /// When.
    pub at: Timestamp,
    /// At which step, and in which round of the loops around it.
    pub step: String,
    /// What: JSON.
    pub entry: String,
}
