//! Runs of workflows, as they are kept: what one does next is for the crate `workflow` to say.

use crate::{RunId, Timestamp, UserId};

/// A workflow that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowInForce {
    /// By which it is called.
    pub name: String,
    /// SHA-256 of what it says, in hexadecimal.
    pub digest: String,
    /// The name of its file.
    pub file: String,
    /// What stands in it.
    pub document: String,
    /// From when on.
    pub at: Timestamp,
    /// Events up to this position start no run of it.
    pub since: i64,
    /// When its schedule fires next, if it has one.
    pub next_at: Option<Timestamp>,
}

/// One execution of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Ours.
    pub id: RunId,
    /// Which workflow.
    pub workflow: String,
    /// The digest of what it goes by, to its end.
    pub digest: String,
    /// How far it is.
    pub state: RunState,
    /// Whom it is about, where that is a user.
    pub user_id: Option<UserId>,
    /// By what it is of one kind with others of its workflow, where that matters.
    pub key: Option<String>,
    /// What started it: JSON.
    pub cause: String,
    /// What it is now, as the crate `workflow` reads it: JSON. Nothing before it began.
    pub machine: Option<String>,
    /// What is still to be done of what it asked for: JSON.
    pub pending: String,
    /// Why it failed.
    pub error: Option<String>,
    /// The run that called it, and by which step.
    pub caller: Option<(RunId, String)>,
    /// How many lines its history has.
    pub lines: i64,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// A line of a run's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLine {
    /// Its number, from 0.
    pub line: i64,
    /// When.
    pub at: Timestamp,
    /// At which step, and in which round of the loops around it.
    pub step: Option<String>,
    /// What happened: JSON.
    pub entry: String,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Another run of its kind goes on, after which it begins.
    Queued,
    /// It goes on.
    Running,
    /// It waits: for a time, for an event, for a run that it called.
    Waiting,
    /// A step of it failed for good, and is held until somebody has it tried again or gives it up.
    Held,
    /// It ended as it should.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Running, Self::Waiting, Self::Held, Self::Completed, Self::Failed, Self::Cancelled];

    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether it is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}
