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
        let mut lease = self.0.pool.lease().await?;
        let found = runs::in_force(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// The digests of all workflows that are or were in force: runs may go by any of them.
    pub async fn workflow_digests(&self) -> Result<Vec<String>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::documents(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// The file of this digest, its name and what stands in it.
    pub async fn workflow_document(&self, digest: &str) -> Result<Option<(String, String)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::document(lease.connection(), digest).await?;
        lease.done();
        Ok(found)
    }

    /// Up to which position events have started what they start.
    pub async fn workflow_cursor(&self) -> Result<i64, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::cursor(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// The runs that were claimed by this.
    pub async fn claimed_runs(&self, claim: Uuid) -> Result<Vec<ClaimedRun>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::claimed(lease.connection(), claim).await?;
        lease.done();
        Ok(found)
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
        let mut lease = self.0.pool.lease().await?;
        let found = runs::gone_claimants(lease.connection(), own).await?;
        lease.done();
        Ok(found)
    }

    /// How often something had come for a run; nothing if it is not claimed by this number any more.
    pub async fn run_pokes(&self, id: RunId, fence: i64) -> Result<Option<i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::pokes(lease.connection(), id, fence).await?;
        lease.done();
        Ok(found)
    }

    /// What came for a run and was not taken, in order; a hundred at most.
    pub async fn run_inbox(&self, id: RunId) -> Result<Vec<(Uuid, String)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::inbox(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// When there is something to be done for a run; nothing if there is none.
    pub async fn next_run_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::next_due(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// What people and other runs have for a run, up to a hundred: what no event is.
    pub async fn run_instructions(&self, id: RunId) -> Result<Vec<(Uuid, String)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::instructions(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// The runs that each of these events, by kind, user and position, is to be told to; each with the place of the event.
    pub async fn awaiting_runs(
        &self,
        events: &[(EventKind, Option<UserId>, i64)],
    ) -> Result<Vec<(usize, RunId)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::awaiting(lease.connection(), events).await?;
        lease.done();
        Ok(found)
    }

    /// A run.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// The run that a step of a run called.
    pub async fn called_run(&self, by: RunId, key: &str) -> Result<Option<RunId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::called(lease.connection(), by, key).await?;
        lease.done();
        Ok(found)
    }

    /// The history of a run, in order.
    pub async fn run_lines(&self, id: RunId, page: PageRequest<i64>) -> Result<Page<RunLine, i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::lines(lease.connection(), id, page).await?;
        lease.done();
        Ok(found)
    }

    /// Runs, the newest first, without what is for whoever goes on with them.
    pub async fn runs(&self, filter: &RunFilter, page: PageRequest<RunId>) -> Result<Page<Run, RunId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::list(lease.connection(), filter, page).await?;
        lease.done();
        Ok(found)
    }

    /// How many users are left with nothing to prove by, of a budget ([`crate::Spares::budget`]), in the day before a time.
    pub async fn shut_out(&self, budget: &str, at: Timestamp) -> Result<i64, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::shut_out(lease.connection(), budget, at).await?;
        lease.done();
        Ok(found)
    }

    /// How far workflows may still go at a time, and whether people let a step of a run go further.
    pub async fn run_leeway(&self, run: RunId, step: &str, budget: &str, at: Timestamp) -> Result<Leeway, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::leeway(lease.connection(), run, step, budget, at).await?;
        lease.done();
        Ok(found)
    }

    /// Which runs hold a user, and authenticators of theirs, suspended, by their ids. What is not among them is suspended by nobody, or by a person.
    pub async fn suspended_by(&self, user: UserId) -> Result<Vec<(Uuid, HeldBy)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::suspended_by(lease.connection(), user).await?;
        lease.done();
        Ok(found)
    }

    /// How many users there are. It takes longer the more there are.
    pub async fn population(&self) -> Result<i64, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::population(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// A link of a run.
    pub async fn link(&self, id: LinkId) -> Result<Option<Link>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// A link of a run by a token that a message with it had.
    pub async fn link_by_token(&self, token: TokenHash) -> Result<Option<Link>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::by_token(lease.connection(), token).await?;
        lease.done();
        Ok(found)
    }

    /// What is kept of a request that took this idempotency key: the id of what it made, say.
    pub async fn came_of(&self, application: ApplicationId, key: &str) -> Result<Option<String>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::came_of(lease.connection(), application, key).await?;
        lease.done();
        Ok(found)
    }

    /// The links of a user, the newest first.
    pub async fn links_of(&self, user: UserId, page: PageRequest<LinkId>) -> Result<Page<Link, LinkId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::of_user(lease.connection(), user, page).await?;
        lease.done();
        Ok(found)
    }

    /// The links of a run that hand something out.
    pub async fn giving_links_of(&self, run: RunId) -> Result<Vec<Link>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = links::giving_of_run(lease.connection(), run).await?;
        lease.done();
        Ok(found)
    }

    /// What a run asks people.
    pub async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::one(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// What a step of a run asks people.
    pub async fn task_of_step(&self, run: RunId, step: &str) -> Result<Option<Task>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::of_step(lease.connection(), run, step).await?;
        lease.done();
        Ok(found)
    }

    /// The tasks by which people release steps of a run, the oldest first: of one step, if that is said.
    pub async fn releases_of_run(&self, run: RunId, step: Option<&str>) -> Result<Vec<Task>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::releases(lease.connection(), run, step).await?;
        lease.done();
        Ok(found)
    }

    /// What was said to a task, in order.
    pub async fn task_verdicts(&self, id: TaskId) -> Result<Vec<TaskVerdict>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::verdicts(lease.connection(), id).await?;
        lease.done();
        Ok(found)
    }

    /// What runs ask people, the oldest first.
    pub async fn tasks(
        &self,
        filter: &TaskFilter,
        page: PageRequest<TaskId>,
    ) -> Result<Page<Task, TaskId>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = tasks::list_of(lease.connection(), filter, page).await?;
        lease.done();
        Ok(found)
    }

    /// How far a workflow reaches: runs that were started since a time, and those that are not over.
    pub async fn run_reach(&self, workflow: &str, since: Timestamp) -> Result<RunReach, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::reach(lease.connection(), workflow, since).await?;
        lease.done();
        Ok(found)
    }

    /// How many runs are in each of the states that are not the end.
    pub async fn runs_under_way(&self) -> Result<BTreeMap<RunState, i64>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = runs::under_way(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// The runs of a workflow that were started since a time, the newest first, `at_most` so many.
    pub async fn runs_since(
        &self,
        workflow: &str,
        since: Timestamp,
        at_most: u32,
    ) -> Result<Vec<RunSample>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::runs_since(lease.connection(), workflow, since, at_most).await?;
        lease.done();
        Ok(found)
    }

    /// How many runs of a workflow are in each of the states that are not the end: no more than ten thousand are counted.
    pub async fn live_runs(&self, workflow: &str) -> Result<Vec<(RunState, i64)>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::live(lease.connection(), workflow).await?;
        lease.done();
        Ok(found)
    }

    /// The workflows that have runs which are not over, by name: also those that are in force no more.
    pub async fn workflows_with_live_runs(&self) -> Result<Vec<String>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::with_live(lease.connection()).await?;
        lease.done();
        Ok(found)
    }

    /// What happened at the steps of some runs, in order: of each the first four hundred lines.
    pub async fn step_lines(&self, runs: &[RunId]) -> Result<Vec<StepLine>, StoreError> {
        let mut lease = self.0.pool.lease().await?;
        let found = stats::step_lines(lease.connection(), runs).await?;
        lease.done();
        Ok(found)
    }
}
