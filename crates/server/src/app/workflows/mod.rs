//! Workflows: which are in force, what starts their runs, and carrying these out.
//!
//! ```text
//! events ─► follow ──► runs, and what comes for them ──► work: claim ─► carry ─► advance, one commit a step
//! schedules, people ───────────────┘                                     │
//!                                                                        └─► outside: never within a transaction
//! ```
//!
//! What becomes of a run is for the crate `workflow` to say; here it is carried. Everything that a run is stands in the store, so that any
//! server goes on where another one stopped. No request waits for any of this, and no decision asks for it.

mod blast;
mod carry;
mod drafts;
mod follow;
mod force;
mod gone;
mod held;
mod inside;
mod links;
mod outside;
mod people;
mod press;
mod recovery;
mod releases;
mod requesters;
mod see;
pub(crate) mod signing;
mod simulate;
mod start;
mod stats;
mod tasks;
mod turns;
mod waits;
mod webhooks;
mod why_not;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use domain::{RunId, WorkflowInForce};
use tokio::sync::Notify;
use workflow::Definition;

use super::{App, Arrivals, Error};
use crate::workflow_files::{Secrets, beyond};
pub(crate) use drafts::Checked;
pub(crate) use follow::follow;
pub(crate) use gone::let_go;
pub(crate) use people::{People, Person};
pub(crate) use recovery::{Followed, offered};
pub(crate) use see::{Resolve, Shown, WaitShown};
pub(crate) use simulate::{Of, Over, Simulate, Simulated, made_up_event};
pub(crate) use start::ByHand;
pub(in crate::app) use start::scopes_to_apply;
pub(crate) use stats::measure_each;
pub(crate) use stats::{Shares, StepStats, WorkflowStats};
pub(crate) use tasks::{AboutToSay, NewVerdict, ShownTask};
use turns::Turns;
use waits::Outside;
pub(crate) use webhooks::Call;
#[cfg(feature = "fuzz")]
pub(crate) use webhooks::fuzz;
pub(crate) use why_not::{Version, WhyNot};
use work::Begun;
pub(crate) use work::{measure, work};

/// The actions that are carried out.
pub(crate) const CARRIED: &[&str] = &[
    "authenticator.suspend",
    "authenticator.resume",
    "authenticator.revoke",
    "authenticator.expire",
    "authenticator.rotate",
    "authenticator.require",
    "enrollment.start",
    "enrollment.cancel",
    "session.revoke",
    "session.require_step_up",
    "user.lock",
    "user.unlock",
    "user.set_attribute",
    "user.add_to_group",
    "user.remove_from_group",
    "user.extend_grace",
    "recovery.issue_pass",
    "recovery.issue_backup_codes",
    "recovery.withdraw",
    "risk.raise",
    "risk.block_address",
    "gateway.switch",
    "gateway.switch_back",
    "event.emit",
    "link.create",
    "http.call",
    "notify.mail",
    "notify.sms",
    "notify.push",
    "notify.slack",
    "notify.teams",
    "notify.chat",
    "notify.page",
    "ticket.open",
    "validator.http",
    "validator.radius",
];
/// The queries that are answered.
pub(crate) const FOUND: &[&str] = &["users", "authenticators", "authenticators_of", "sessions_of"];
/// What can be said of them.
pub(crate) const PARAMETERS: &[(&str, &str)] = &[
    ("users", "group"),
    ("users", "without_authenticator"),
    ("users", "inactive_for"),
    ("authenticators", "kinds"),
    ("authenticators", "unused_for"),
    ("authenticators", "older_than"),
    ("authenticators", "expires_within"),
    ("authenticators", "model"),
    ("authenticators_of", "user"),
    ("authenticators_of", "kinds"),
    ("sessions_of", "user"),
];

/// What is known of workflows here. All of it can be had from the store again.
#[derive(Default)]
pub(crate) struct Workflows {
    /// Those in force, by name.
    in_force: RwLock<Arc<BTreeMap<String, InForce>>>,
    /// The signals that they raise: where one is not raised, that is known.
    raisable: RwLock<Arc<BTreeSet<String>>>,
    /// Every one that a run may go by, by digest.
    read: Mutex<HashMap<String, Arc<Definition>>>,
    /// What actions take that nobody may see.
    secrets: Secrets,
    /// Whether a folder of this server's says which there are.
    in_a_folder: bool,
    /// The names of those in force that this server cannot carry out: a newer one put them there.
    unread: RwLock<Arc<Vec<String>>>,
    /// The runs that are claimed here, with the number of the claim.
    claimed: Mutex<HashMap<RunId, i64>>,
    /// Who calls from outside, signed and otherwise, and what is refused of that: who does not sign keeps nobody away who does.
    signed: Arrivals,
    callers: Arrivals,
    /// Who comes to links that there are not.
    strays: Arrivals,
    refusals: webhooks::Refusals,
    /// What is told to runs and nobody may see.
    held: held::Held,
    /// Those of them that do nothing but wait for somebody outside.
    outside: Outside,
    /// That there may be something to do.
    due: Notify,
    /// Those that were claimed as they were started.
    begun: Begun,
    /// How many users there are, and when they were counted.
    population: Mutex<Option<(tokio::time::Instant, i64)>>,
    /// Held while one is simulated, and while files of them are read that somebody is writing.
    simulating: Turns,
    reading: Turns,
}

/// A workflow that is in force.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    pub(crate) row: WorkflowInForce,
    pub(crate) definition: Arc<Definition>,
}

impl Workflows {
    /// With what the files' actions take.
    pub(crate) fn new(secrets: Secrets, in_a_folder: bool) -> Self {
        Self { secrets, in_a_folder, ..Self::default() }
    }

    /// Whether a folder of this server's says which there are.
    pub(crate) const fn are_in_a_folder(&self) -> bool {
        self.in_a_folder
    }

    /// Whether this server hands out what stands behind a reference.
    pub(crate) fn has_secret(&self, reference: &str) -> bool {
        self.secrets.contains_key(reference)
    }

    pub(crate) fn in_force(&self) -> Arc<BTreeMap<String, InForce>> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The signals that workflows in force raise.
    pub(crate) fn raisable(&self) -> Arc<BTreeSet<String>> {
        Arc::clone(&self.raisable.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, in_force: BTreeMap<String, InForce>, unread: Vec<String>) {
        let raised = in_force.values().flat_map(|one| one.definition.literals("risk.raise", "signal"));
        let raised = raised.map(str::to_owned).collect();
        *self.raisable.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(raised);
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(in_force);
        *self.unread.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(unread);
    }

    /// The names of those in force that this server cannot carry out.
    fn unread(&self) -> Arc<Vec<String>> {
        Arc::clone(&self.unread.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many of those in force this server carries, and the names of those that it cannot.
    pub(crate) fn carried_and_not(&self) -> (usize, Vec<String>) {
        (self.in_force().len(), self.unread().to_vec())
    }

    fn read(&self) -> MutexGuard<'_, HashMap<String, Arc<Definition>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claimed(&self) -> MutexGuard<'_, HashMap<RunId, i64>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn population(&self) -> MutexGuard<'_, Option<(tokio::time::Instant, i64)>> {
        self.population.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no workflow is in force and none ever was: then nothing is asked of the store.
    fn is_idle(&self) -> bool {
        self.read().is_empty() && self.unread().is_empty()
    }
}

impl std::fmt::Debug for Workflows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.in_force().keys()).finish()
    }
}

impl App {
    /// The workflow of this digest: what a run goes by, also where another version is in force by now.
    async fn definition(&self, digest: &str) -> Result<Arc<Definition>, Error> {
        if let Some(known) = self.workflows.read().get(digest) {
            return Ok(Arc::clone(known));
        }
        let (file, document) = self
            .store
            .workflow_document(digest)
            .await?
            .ok_or_else(|| Error::Internal(format!("the workflow {digest} of a run is missing")))?;
        let definition = understood(&file, &document, digest)?;
        self.workflows.read().insert(digest.to_owned(), Arc::clone(&definition));
        Ok(definition)
    }
}

/// A workflow that was understood before.
fn understood(file: &str, document: &str, digest: &str) -> Result<Arc<Definition>, Error> {
    let definition = Definition::read(file, document).map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(workflow::Mistake::to_string).collect();
        Error::Internal(format!("the workflow in {file} cannot be read by this version: {}", told.join("; ")))
    })?;
    if definition.digest() != digest {
        return Err(Error::Internal(format!("the workflow in {file} is not what it was: its digest is another")));
    }
    // Another server may do more than this one.
    let beyond = beyond(&definition);
    if beyond.is_empty() { Ok(Arc::new(definition)) } else { Err(Error::Internal(beyond.join("; "))) }
}
