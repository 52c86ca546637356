//! What is written of people in workflows: what runs ask them, and what they say.

use domain::{
    Authenticator, AuthenticatorId, BackupCode, LinkGives, LinkId, PageId, RunId, SessionId, TaskState, TaskVerdict,
    Timestamp, TokenHash, UserId,
};

use crate::RunInput;

/// See [`crate::Change::CloseTask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseTask {
    /// Of which run.
    pub run_id: RunId,
    /// By which step it was asked.
    pub step: String,
    /// What came of it, if nobody's verdict has decided it.
    pub to: TaskState,
    /// Guard: no verdict has. So a time that is over is no answer to whoever was told that their verdict counts.
    pub only_open: bool,
    /// When.
    pub at: Timestamp,
}

/// See [`crate::Change::GiveVerdict`]. Guard, all of it or nothing: the run is not over; the task is open and its time is not; the person has said
/// nothing to it yet, is there, and is active; and what they proved still counts: the challenge is theirs, was satisfied, and nothing rests on it yet,
/// its session is live, its authenticator in use; and the page that it is given on, if it is, is open, and is finished by it.
#[derive(Debug, Clone)]
pub struct GiveVerdict {
    /// The verdict. What it rests on is used up.
    pub verdict: TaskVerdict,
    /// The session of the challenge, or of the page, if there is one.
    pub session_id: Option<SessionId>,
    /// The page that it is given on.
    pub page_id: Option<PageId>,
    /// The run that asks.
    pub run_id: RunId,
    /// What comes for the run by it, where the workflow asks. A release is looked at where it stands.
    pub input: Option<RunInput>,
}

/// See [`crate::Change::ArmLink`]. Guard: the link is this run's, and, if it goes to somebody, theirs. One that gives something goes to nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmLink {
    /// Which link.
    pub id: LinkId,
    /// By which run it is sent.
    pub run_id: RunId,
    /// To whom, where that is a user.
    pub to: Option<UserId>,
    /// SHA-256 of the token: 32 random bytes, so a plain hash is enough.
    pub token: TokenHash,
}

/// See [`crate::Change::FollowLink`]. Guard: nobody has followed it, its time is not over, and neither is its run; and the session, if it is followed
/// in one, is the user's, is live, and has reached AAL2. What is handed out is what the link gives, and goes to its user, who is active and has the backup
/// codes that were seen, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowLink {
    /// Which link.
    pub id: LinkId,
    /// In which session, where not by the link itself.
    pub session_id: Option<SessionId>,
    /// What is handed out by it, where it gives something.
    pub gives: Option<Box<HandOut>>,
    /// When.
    pub at: Timestamp,
    /// The run that made the link: it has the event come for it in the same commit, before whoever reads the log finds it.
    pub run_id: RunId,
    /// The commit's first event as it comes for the run, but for its position: JSON, as the crate `workflow` reads it.
    pub signal: String,
}

/// See [`FollowLink`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOut {
    /// What the link gives.
    pub gives: LinkGives,
    /// The backup codes that the user has, which count for nothing from then on.
    pub seen: Option<AuthenticatorId>,
    /// What is made; it ends at its `ends_at`, if it has one.
    pub set: Authenticator,
    /// Its codes.
    pub codes: Vec<BackupCode>,
}

/// Which tasks are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Those in this state.
    pub state: Option<TaskState>,
    /// Those that this role may decide.
    pub role: Option<String>,
    /// Those of this workflow.
    pub workflow: Option<String>,
    /// Those of runs about this user.
    pub user_id: Option<UserId>,
    /// Those of this run.
    pub run_id: Option<RunId>,
}
