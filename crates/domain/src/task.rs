//! Tasks: what a run asks people, and what they said.

use crate::{Aal, ApplicationId, AuthenticatorId, ChallengeId, RunId, TaskId, Timestamp, UserId};

/// So many users who are left with nothing to prove by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShutOut {
    /// How many, in all.
    pub users: i64,
    /// How many of them are administrators.
    pub administrators: i64,
}

impl ShutOut {
    /// Whether these are no more than `others`, in all and of administrators.
    pub const fn is_within(self, others: Self) -> bool {
        self.users <= others.users && self.administrators <= others.administrators
    }
}

/// What a run asks people to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Ours.
    pub id: TaskId,
    /// The run that asks.
    pub run_id: RunId,
    /// By which step, and in which round of the loops around it.
    pub step: String,
    /// The step, in whichever round, that the run may do once this is approved, where that would leave people with nothing to prove by; none where the
    /// workflow asks by itself.
    pub releases: Option<String>,
    /// How many users the step may leave so once this is approved, in all rounds together; none where the workflow asks by itself.
    pub lets: ShutOut,
    /// How many of these it has left so.
    pub used: ShutOut,
    /// By which workflow the run goes.
    pub workflow: String,
    /// Whom the run is about, where that is a user.
    pub user_id: Option<UserId>,
    /// Whom or what it is about, in the words of the workflow.
    pub subject: Option<String>,
    /// Who started the run, in the application's words, where that was a person.
    pub requester: Option<String>,
    /// What people are told.
    pub message: Option<String>,
    /// How many have to approve.
    pub quorum: i16,
    /// How many did.
    pub approvals: i16,
    /// Who may decide: people with one of these roles.
    pub roles: Vec<String>,
    /// What whoever approves has to have seen.
    pub evidence: Vec<String>,
    /// Who may not decide, whatever their roles.
    pub excludes: Vec<Excludes>,
    /// The level that whoever decides has to prove, for this very task.
    pub level: Aal,
    /// SHA-256 over the run, the step, what started the run, and all that is asked: what a proof for it is bound to.
    pub digest: [u8; 32],
    /// What came of it.
    pub state: TaskState,
    /// When it was asked.
    pub created_at: Timestamp,
    /// From here on nobody decides any more.
    pub expires_at: Timestamp,
    /// When it was decided, or not asked any more.
    pub closed_at: Option<Timestamp>,
}

impl Task {
    /// How many more users the step may leave with nothing to prove by, by this: none before it is approved.
    pub fn still_lets(&self) -> ShutOut {
        if self.state != TaskState::Approved {
            return ShutOut::default();
        }
        let left = |lets: i64, used: i64| lets.saturating_sub(used).max(0);
        ShutOut {
            users: left(self.lets.users, self.used.users),
            administrators: left(self.lets.administrators, self.used.administrators),
        }
    }

    /// Its state at `now`: an open one whose time is over is decided by nobody any more.
    pub fn state_at(&self, now: Timestamp) -> TaskState {
        if self.state == TaskState::Open && now >= self.expires_at { TaskState::Timeout } else { self.state }
    }
}

/// Who may not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excludes {
    /// Whom the run is about.
    Subject,
    /// Who started it.
    Requester,
}

impl Excludes {
    /// Everybody.
    pub const ALL: [Self; 2] = [Self::Subject, Self::Requester];

    /// In a word, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Requester => "requester",
        }
    }

    /// Who is called this.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What came of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It is asked.
    Open,
    /// Enough people approved.
    Approved,
    /// Somebody did not approve.
    Rejected,
    /// Not enough people decided in time.
    Timeout,
    /// The run went another way.
    Cancelled,
}

impl TaskState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Open, Self::Approved, Self::Rejected, Self::Timeout, Self::Cancelled];

    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What one person said to a task: once, and for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskVerdict {
    /// To which task.
    pub task_id: TaskId,
    /// Who.
    pub user_id: UserId,
    /// Yes or no.
    pub approves: bool,
    /// The roles that the application vouches for.
    pub roles: Vec<String>,
    /// What they say that they have seen.
    pub evidence: Vec<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The level that they proved.
    pub level: Aal,
    /// By which challenge, which this used up.
    pub challenge_id: Option<ChallengeId>,
    /// With which authenticator.
    pub authenticator_id: Option<AuthenticatorId>,
    /// By which application.
    pub application_id: ApplicationId,
    /// When.
    pub at: Timestamp,
}
