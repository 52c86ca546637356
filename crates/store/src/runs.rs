//! What is written of workflows and their runs.

use domain::{Event, EventKind, Run, RunId, RunLine, RunState, ShutOut, TaskId, Timestamp, UserId, WorkflowInForce};
use uuid::Uuid;

use crate::Change;

/// See [`Change::PutWorkflows`].
#[derive(Debug, Clone, Default)]
pub struct PutWorkflows {
    /// The digests of those that were in force, by name.
    pub seen: Vec<(String, String)>,
    /// Those that are in force from now on.
    pub put: Vec<WorkflowInForce>,
    /// The names of those that were in force and are started by the same kinds of events: what came since they were starts runs of them.
    pub same_events: Vec<String>,
    /// The names of those that were in force and have the same schedules: they fire when they were to.
    pub same_schedules: Vec<String>,
}

/// What comes into force together with a policy, where its files say so.
#[derive(Debug, Clone, Default)]
pub struct PutBeside {
    /// Which workflows there are.
    pub workflows: Option<PutWorkflows>,
    /// Which rules of alerts.
    pub alerts: Option<crate::PutAlertRules>,
}

/// See [`Change::BeginRuns`].
#[derive(Debug, Clone, Default)]
pub struct BeginRuns {
    /// Up to which position events had been looked at, and have been now. Guard: nobody else has looked at them.
    pub cursor: Option<(i64, i64)>,
    /// A workflow, when its schedule was to fire, and when it does next. Guard: nobody else has seen to it, and it is in force.
    pub schedule: Option<(String, Timestamp, Option<Timestamp>)>,
    /// The call from outside that starts them. Guard: it did not come before.
    pub call: Option<WebhookCall>,
    /// The runs. What becomes of each is its own: [`NewRun`].
    pub runs: Vec<NewRun>,
    /// What comes for runs. Where one is over by now, nothing does.
    pub inputs: Vec<RunInput>,
    /// By whom runs are claimed as they are started: see [`BeginRuns::claimed`].
    pub claim: Option<FirstClaim>,
}

/// A claim on runs that are started in the same commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstClaim {
    /// What the claim is known by.
    pub claim: Uuid,
    /// Until when it lasts.
    pub until: Timestamp,
    /// How many runs it is on, at most.
    pub at_most: usize,
}

/// The number of the first claim on a run.
pub(crate) const FIRST_FENCE: i64 = 1;

impl BeginRuns {
    /// The runs that whoever starts them has claimed once they are started: the first of those that go on beside whatever is under way, at once.
    pub fn claimed(&self) -> Vec<ClaimedRun> {
        let at_most = self.claim.map_or(0, |claim| claim.at_most);
        let claimed = self.runs.iter().filter(|new| new.meets_nobody()).take(at_most).map(|new| ClaimedRun {
            run: new.run.clone(),
            fence: FIRST_FENCE,
            pokes: 0,
            begins_at: new.run.created_at,
        });
        claimed.collect()
    }
}

/// A call from outside, by which it is known if it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookCall {
    /// The workflow that it is for.
    pub workflow: String,
    /// Its own, as whoever calls says it.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
}

/// A run that is started, if nothing stands in its way.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The run. Nothing of it has begun.
    pub run: Run,
    /// What happens where a run of its workflow and key is under way; without a key, all go on beside each other.
    pub meeting: Meeting,
    /// How many milliseconds lie between two runs of its workflow, at least.
    pub pace: i64,
    /// What is told of it where it is started.
    pub started: Event,
    /// What is told of it where it is not.
    pub skipped: Event,
    /// The kinds of events that it is told of: where it is about a user, of those about that user, and of those that are about nobody.
    pub awaits: Vec<EventKind>,
    /// Events up to this position came before it.
    pub since: i64,
}

impl NewRun {
    /// Whether it goes on beside whatever is under way, at once.
    pub const fn meets_nobody(&self) -> bool {
        self.run.key.is_none() && self.pace == 0
    }
}

/// What happens where a run of the same kind is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meeting {
    /// The later one waits.
    Queue,
    /// The later one is not started.
    Drop,
    /// Of those that would wait the first one does, and the others are not started.
    Coalesce,
    /// The earlier ones are told this, which is to end them, and the later one waits for it.
    Replace {
        /// For those that are there.
        input: String,
    },
}

/// Something that comes for a run.
#[derive(Debug, Clone)]
pub struct RunInput {
    /// For which.
    pub run_id: RunId,
    /// Its own: what came before by this id does not come again.
    pub id: Uuid,
    /// What: JSON, as the crate `workflow` reads it.
    pub input: String,
    /// When.
    pub at: Timestamp,
}

impl RunInput {
    /// The id of an event that comes for a run: events come first, in their order, and each once.
    pub const fn id_of_event(position: i64) -> Uuid {
        Uuid::from_u64_pair(0, position.unsigned_abs())
    }

    /// That a run which was called by this step is gone, with the user whom it was about: it counts as cancelled.
    pub fn gone(caller_key: &str) -> String {
        serde_json::json!({ "ended": { "key": caller_key, "outcome": "cancelled" } }).to_string()
    }

    /// That who approved what this step asks is erased: it does not count any more.
    pub fn withdrawn(step: &str, by: UserId) -> String {
        serde_json::json!({ "withdrawn": { "key": step, "by": by.to_string() } }).to_string()
    }

    /// The id of that: after what they said, whose time is told, and before what others say from then on.
    pub fn id_of_withdrawn(task: TaskId, by: UserId, said_at: Timestamp) -> Uuid {
        let time = u128::from(said_at.unix_millis().unsigned_abs()) + 1;
        let rest = task.uuid().as_u128() ^ by.uuid().as_u128();
        Uuid::from_u128(time << 80 | rest & ((1 << 80) - 1))
    }
}

/// See [`Change::AdvanceRun`]. Guard, all of it or nothing: nobody else has claimed the run since, and each of `changes` is applied as it would
/// be by itself.
#[derive(Debug, Clone)]
pub struct AdvanceRun {
    /// Which run.
    pub id: RunId,
    /// The number of the claim.
    pub fence: i64,
    /// How often something had come for it when that was looked at last, where what came since is looked at first.
    pub unless_poked: Option<i64>,
    /// How far it was when it was claimed, or by what was written since.
    pub was: RunState,
    /// How far it is.
    pub state: RunState,
    /// What it is now: JSON.
    pub machine: Option<String>,
    /// What is still to be done of what it asked for: JSON.
    pub pending: String,
    /// Why it failed.
    pub error: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Gives the claim back.
    pub release: Option<Release>,
    /// What it took of what came for it.
    pub taken: Vec<Uuid>,
    /// What happened in it; each line follows the last one that is there.
    pub lines: Vec<RunLine>,
    /// What it does to our own data.
    pub changes: Vec<Change>,
    /// Who is to be left with something to prove by, where `changes` take from anybody.
    pub spares: Option<Spares>,
    /// The runs that it calls.
    pub calls: Vec<NewRun>,
    /// What it has come for others: those that it called, and the one that called it.
    pub inputs: Vec<RunInput>,
}

/// Guard of an [`AdvanceRun`]: unless people approved that the step does it to so many ([`domain::Task::lets`]), which uses that up, no administrator, and no more than so many users of a budget in a day, could
/// prove something before and cannot after it, and none is an administrator no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spares {
    /// The users whose account or authenticators are changed.
    pub users: Vec<UserId>,
    /// The administrators among them.
    pub administrators: Vec<UserId>,
    /// Those who would be administrators no more, by the groups that they are taken out of: each is one, and takes people to let it.
    pub demotes: Vec<UserId>,
    /// The step that does it, in whichever round of the loops around it: what a task that was approved [releases](domain::Task::releases).
    pub step: String,
    /// Which budget they count to, each once a day: empty, that of all workflows together.
    pub budget: String,
    /// How many users of that budget may be left so in a day. Who can prove again counts no more.
    pub most: i64,
}

/// How far workflows may still go, and whether people let a step of a run go further.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leeway {
    /// How many users of the budget are left with nothing to prove by in the day.
    pub shut_out: i64,
    /// To how many users people approved that the run does this step, and that are left of that, by each task.
    pub released: Vec<ShutOut>,
    /// Whether they are asked just now.
    pub is_asked: bool,
}

impl Leeway {
    /// Whether people approved that the run does this step to so many more.
    pub fn lets(&self, more: ShutOut) -> bool {
        self.released.iter().any(|left| more.is_within(*left))
    }
}

/// Gives a claim back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// When there is something to do again.
    pub due_at: Timestamp,
    /// How often something had come when it was looked what had: if more has by now, there is something to do at once.
    pub pokes: i64,
}

/// A run that is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedRun {
    /// The run.
    pub run: Run,
    /// The number of the claim.
    pub fence: i64,
    /// How often something had come for it.
    pub pokes: i64,
    /// It does not begin before this time, where its workflow says how many runs may.
    pub begins_at: Timestamp,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Those of this workflow.
    pub workflow: Option<String>,
    /// Those in this state.
    pub state: Option<RunState>,
    /// Those about this user.
    pub user_id: Option<domain::UserId>,
}
