//! Workflows, their runs, and what these ask and send people.

use std::collections::BTreeMap;

use domain::{
    ApplicationId, EventKind, Link, LinkId, Page, PageRequest, Run, RunId, RunLine, RunState, Task, TaskId,
    TaskVerdict, Timestamp, TokenHash, UserId, WorkflowInForce,
};
use uuid::Uuid;

use crate::alive::Alive;
use crate::read::{links, runs, stats, tasks};
use crate::{
    Claimant, ClaimedRun, HeldBy, Leeway, RunFilter, RunReach, RunSample, StepLine, Store, StoreError, TaskFilter,
};

#[allow(clippy::missing_errors_doc, reason = "all fail alike, which the type says once")]
impl Store {
    /// The workflows that are in force, by name.
    pub async fn workflows(&self) -> Result<Vec<WorkflowInForce>, StoreError> {
        self.0.pool.ask(runs::in_force).await
    }

    /// The digests of all workflows that are or were in force: runs may go by any of them.
    pub async fn workflow_digests(&self) -> Result<Vec<String>, StoreError> {
        self.0.pool.ask(runs::documents).await
    }

    /// The file of this digest, its name and what stands in it.
    pub async fn workflow_document(&self, digest: &str) -> Result<Option<(String, String)>, StoreError> {
        self.0.pool.ask(async |on| runs::document(on, digest).await).await
    }

    /// Up to which position events have started what they start.
    pub async fn workflow_cursor(&self) -> Result<i64, StoreError> {
        self.0.pool.ask(runs::cursor).await
    }

    /// The runs that were claimed by this.
    pub async fn claimed_runs(&self, claim: Uuid) -> Result<Vec<ClaimedRun>, StoreError> {
        self.0.pool.ask(async |on| runs::claimed(on, claim).await).await
    }

    /// What to claim runs by. It is another one each time, by what is random, and says who claims, where other servers can see that we are there.
    pub fn claim_id(&self, random: [u8; 16]) -> Uuid {
        match &self.0.alive {
            Some(alive) => alive.claim(random),
            None => Claimant::unnumbered_claim(random),
        }
    }

    /// The servers that have claimed runs and are gone, as far as can be seen; or that lost for a moment what they are seen by. Nobody, where no other server
    /// has the database.
    pub async fn gone_claimants(&self) -> Result<Vec<Claimant>, StoreError> {
        let Some(own) = self.0.alive.as_ref().and_then(Alive::judge) else { return Ok(Vec::new()) };
        self.0.pool.ask(async |on| runs::gone_claimants(on, own).await).await
    }

    /// How often something had come for a run; nothing if it is not claimed by this number any more.
    pub async fn run_pokes(&self, id: RunId, fence: i64) -> Result<Option<i64>, StoreError> {
        self.0.pool.ask(async |on| runs::pokes(on, id, fence).await).await
    }

    /// What came for a run and was not taken, in order; a hundred at most.
    pub async fn run_inbox(&self, id: RunId) -> Result<Vec<(Uuid, String)>, StoreError> {
        self.0.pool.ask(async |on| runs::inbox(on, id).await).await
    }

    /// When there is something to be done for a run; nothing if there is none.
    pub async fn next_run_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.0.pool.ask(runs::next_due).await
    }

    /// What people and other runs have for a run, up to a hundred: what no event is.
    pub async fn run_instructions(&self, id: RunId) -> Result<Vec<(Uuid, String)>, StoreError> {
        self.0.pool.ask(async |on| runs::instructions(on, id).await).await
    }

    /// The runs that each of these events, by kind, user and position, is to be told to; each with the place of the event.
    pub async fn awaiting_runs(
        &self,
        events: &[(EventKind, Option<UserId>, i64)],
    ) -> Result<Vec<(usize, RunId)>, StoreError> {
        self.0.pool.ask(async |on| runs::awaiting(on, events).await).await
    }

    /// A run.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.0.pool.ask(async |on| runs::one(on, id).await).await
    }

    /// The run that a step of a run called.
    pub async fn called_run(&self, by: RunId, key: &str) -> Result<Option<RunId>, StoreError> {
        self.0.pool.ask(async |on| runs::called(on, by, key).await).await
    }

    /// The history of a run, in order.
    pub async fn run_lines(&self, id: RunId, page: PageRequest<i64>) -> Result<Page<RunLine, i64>, StoreError> {
        self.0.pool.ask(async |on| runs::lines(on, id, page).await).await
    }

    /// Runs, the newest first, without what is for whoever goes on with them.
    pub async fn runs(&self, filter: &RunFilter, page: PageRequest<RunId>) -> Result<Page<Run, RunId>, StoreError> {
        self.0.pool.ask(async |on| runs::list(on, filter, page).await).await
    }

    /// How many users are left with nothing to prove by, of a budget ([`crate::Spares::budget`]), in the day before a time.
    pub async fn shut_out(&self, budget: &str, at: Timestamp) -> Result<i64, StoreError> {
        self.0.pool.ask(async |on| runs::shut_out(on, budget, at).await).await
    }

    /// How far workflows may still go at a time, and whether people let a step of a run go further.
    pub async fn run_leeway(&self, run: RunId, step: &str, budget: &str, at: Timestamp) -> Result<Leeway, StoreError> {
        self.0.pool.ask(async |on| runs::leeway(on, run, step, budget, at).await).await
    }

    /// Which runs hold a user, and authenticators of theirs, suspended, by their ids. What is not among them is suspended by nobody, or by a person.
    pub async fn suspended_by(&self, user: UserId) -> Result<Vec<(Uuid, HeldBy)>, StoreError> {
        self.0.pool.ask(async |on| runs::suspended_by(on, user).await).await
    }

    /// How many users there are. It takes longer the more there are.
    pub async fn population(&self) -> Result<i64, StoreError> {
        self.0.pool.ask(runs::population).await
    }

    /// A link of a run.
    pub async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        self.0.pool.ask(async |on| links::one(on, id).await).await
    }

    /// A link of a run by a token that a message with it had.
    pub async fn link_by_token(&self, token: TokenHash) -> Result<Option<Link>, StoreError> {
        self.0.pool.ask(async |on| links::by_token(on, token).await).await
    }

    /// What is kept of a request that took this idempotency key: the id of what it made, say.
    pub async fn came_of(&self, application: ApplicationId, key: &str) -> Result<Option<String>, StoreError> {
        self.0.pool.ask(async |on| links::came_of(on, application, key).await).await
    }

    /// The links of a user, the newest first.
    pub async fn links_of(&self, user: UserId, page: PageRequest<LinkId>) -> Result<Page<Link, LinkId>, StoreError> {
        self.0.pool.ask(async |on| links::of_user(on, user, page).await).await
    }

    /// The links of a run that hand something out.
    pub async fn giving_links_of(&self, run: RunId) -> Result<Vec<Link>, StoreError> {
        self.0.pool.ask(async |on| links::giving_of_run(on, run).await).await
    }

    /// What a run asks people.
    pub async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.0.pool.ask(async |on| tasks::one(on, id).await).await
    }

    /// What a step of a run asks people.
    pub async fn task_of_step(&self, run: RunId, step: &str) -> Result<Option<Task>, StoreError> {
        self.0.pool.ask(async |on| tasks::of_step(on, run, step).await).await
    }

    /// The tasks by which people release steps of a run, the oldest first: of one step, if that is said.
    pub async fn releases_of_run(&self, run: RunId, step: Option<&str>) -> Result<Vec<Task>, StoreError> {
        self.0.pool.ask(async |on| tasks::releases(on, run, step).await).await
    }

    /// What was said to a task, in order.
    pub async fn task_verdicts(&self, id: TaskId) -> Result<Vec<TaskVerdict>, StoreError> {
        self.0.pool.ask(async |on| tasks::verdicts(on, id).await).await
    }

    /// What runs ask people, the oldest first.
    pub async fn tasks(
        &self,
        filter: &TaskFilter,
        page: PageRequest<TaskId>,
    ) -> Result<Page<Task, TaskId>, StoreError> {
        self.0.pool.ask(async |on| tasks::list_of(on, filter, page).await).await
    }

    /// How far a workflow reaches: runs that were started since a time, and those that are not over.
    pub async fn run_reach(&self, workflow: &str, since: Timestamp) -> Result<RunReach, StoreError> {
        self.0.pool.ask(async |on| stats::reach(on, workflow, since).await).await
    }

    /// How many runs are in each of the states that are not the end.
    pub async fn runs_under_way(&self) -> Result<BTreeMap<RunState, i64>, StoreError> {
        self.0.pool.ask(runs::under_way).await
    }

    /// The runs of a workflow that were started since a time, the newest first, `at_most` so many.
    pub async fn runs_since(
        &self,
        workflow: &str,
        since: Timestamp,
        at_most: u32,
    ) -> Result<Vec<RunSample>, StoreError> {
        self.0.pool.ask(async |on| stats::runs_since(on, workflow, since, at_most).await).await
    }

    /// How many runs of a workflow are in each of the states that are not the end: no more than ten thousand are counted.
    pub async fn live_runs(&self, workflow: &str) -> Result<Vec<(RunState, i64)>, StoreError> {
        self.0.pool.ask(async |on| stats::live(on, workflow).await).await
    }

    /// The workflows that have runs which are not over, by name: also those that are in force no more.
    pub async fn workflows_with_live_runs(&self) -> Result<Vec<String>, StoreError> {
        self.0.pool.ask(stats::with_live).await
    }

    /// What happened at the steps of some runs, in order: of each the first four hundred lines.
    pub async fn step_lines(&self, runs: &[RunId]) -> Result<Vec<StepLine>, StoreError> {
        self.0.pool.ask(async |on| stats::step_lines(on, runs).await).await
    }
}
