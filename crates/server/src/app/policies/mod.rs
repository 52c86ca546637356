//! Policies: which one decides, how another one comes into force, and what it would change.
//!
//! The policies that were in force are rows, one after the other, each signed over the one before. Which of them is in force is read
//! with each decision, so that none goes by one that is not; what it says is in memory, and read again where it is another one. One that
//! cannot be trusted or understood decides nothing (law 5).

mod applications;
mod apply;
mod explain;
mod export;
mod gateways;
mod plan;
mod replay;
mod signature;
mod start;
mod workflows;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::{Page, PageRequest, PolicyId, PolicyInForce, Timestamp};
use policy::Policy;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub(crate) use apply::{Applied, Apply, Revert, Seen};
pub(crate) use explain::{Explained, Supposed, Who};
pub(crate) use plan::{Difference, Plan};
pub(crate) use replay::{Affected, Effect, Example, Replay};
pub(crate) use workflows::Reached;

use super::{App, Error};
use crate::{Brand, PolicyFiles, PolicySource};

/// How long it is said that a policy cannot be used, before it is looked at again.
const BROKEN: Duration = Duration::from_millis(500);

/// The policy that decides, as this server knows it.
#[derive(Debug)]
pub(crate) struct Policies {
    /// What the server was started with.
    source: PolicySource,
    /// Whether it is kept with each decision what it went by.
    pub(crate) record_facts: bool,
    known: RwLock<Option<Arc<Known>>>,
    /// Held while one is read, so that a thousand decisions read it once. What could not be read, and when.
    reading: Mutex<Option<(Option<PolicyId>, Instant, Error)>>,
    /// Held while decisions are made again.
    replaying: Mutex<()>,
}

/// A policy that was in force when it was read, and holds.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: PolicyId,
    pub(crate) number: i64,
    /// Of all that its files say, as it is kept.
    pub(crate) version: String,
    /// Since when it has been in force.
    pub(crate) at: Timestamp,
    pub(crate) policy: Arc<Policy>,
    /// Since when there has been one that has everybody have a second factor.
    pub(crate) enforced_since: Option<Timestamp>,
}

/// A policy that is or was in force, and whether it is as it was signed.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) policy: PolicyInForce,
    /// Why it cannot be trusted, if it cannot.
    pub(crate) trouble: Option<String>,
}

impl Policies {
    pub(crate) fn new(source: PolicySource, record_facts: bool) -> Self {
        Self { source, record_facts, known: RwLock::default(), reading: Mutex::default(), replaying: Mutex::default() }
    }

    fn known(&self, id: Option<PolicyId>) -> Option<Arc<Known>> {
        self.newest().filter(|known| Some(known.id) == id)
    }

    fn newest(&self) -> Option<Arc<Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Known {
    /// Whether this can come after it. What was seen here does not go away by itself: one with a lower number, or with the same, is one that was
    /// put back in the database, unless it was signed later.
    fn comes_before(&self, next: &PolicyInForce) -> bool {
        self.id == next.id || self.number < next.number || self.at < next.at
    }
}

impl App {
    /// The policy that is in force now, whichever server put it there.
    pub(crate) async fn policy_in_force(&self) -> Result<Arc<Known>, Error> {
        self.policy_known_as(self.store.policy_id().await?).await
    }

    /// The policy that was read to be in force a moment ago.
    pub(crate) async fn policy_known_as(&self, id: Option<PolicyId>) -> Result<Arc<Known>, Error> {
        if let Some(known) = self.policies.known(id) {
            return Ok(known);
        }
        let mut failed = self.policies.reading.lock().await;
        if let Some(known) = self.policies.known(id) {
            return Ok(known);
        }
        if let Some((of, at, error)) = &*failed
            && *of == id
            && at.elapsed() < BROKEN
        {
            return Err(error.clone());
        }
        match self.read_policy_in_force().await {
            Ok(known) => {
                let known = Arc::new(known);
                if let Some(post) = &self.post {
                    post.lines().follow(known.policy.settings().gateways.as_deref().unwrap_or_default());
                }
                *self.policies.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
                *failed = None;
                Ok(known)
            }
            Err(error) => {
                *failed = Some((id, Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn read_policy_in_force(&self) -> Result<Known, Error> {
        let kept = self.store.policy().await?.ok_or_else(|| broken(0, "there is none"))?;
        let number = kept.number;
        if self.policies.newest().is_some_and(|known| !known.comes_before(&kept)) {
            return Err(broken(number, "a newer one was in force, and is missing"));
        }
        let key = self.policy_key().await?;
        signature::check(&kept, &key).map_err(|why| broken(number, why))?;
        let PolicyInForce { id, files, version, enforced_since, at, .. } = kept;
        let read = tokio::task::spawn_blocking(move || PolicyFiles::read(files)).await;
        let read = read.map_err(|error| Error::Internal(format!("a policy was not read: {error}")))?;
        let policy = read
            .map_err(|mistakes| {
                let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
                broken(number, format!("this release cannot read it: {first}"))
            })?
            .policy;
        tracing::info!(number, version, "a policy is in force");
        Ok(Known { id, number, version, at, policy, enforced_since })
    }

    /// Whose pages they are: what the server's own configuration says, or else the files in force. Where those cannot be used now, those that could
    /// be last: whose pages they are opens nothing.
    pub(crate) async fn brand(&self) -> Brand {
        if self.settings.brand != Brand::default() {
            return self.settings.brand.clone();
        }
        let known = self.policy_in_force().await.ok().or_else(|| self.policies.newest());
        let known = known.as_ref().and_then(|known| known.policy.settings().branding.as_ref());
        known.map_or_else(Brand::default, |said| Brand {
            name: said.name.clone(),
            logo: said.logo().map(str::to_owned),
            colour: said.colour.clone(),
        })
    }

    /// The policy that is in force, as it is kept: also one that cannot be used.
    pub(crate) async fn policy_as_kept(&self) -> Result<Looked, Error> {
        let policy = self.store.policy().await?.ok_or(Error::NotFound("policy"))?;
        self.looked_at(policy).await
    }

    /// A policy that is or was in force.
    pub(crate) async fn policy_version(&self, id: PolicyId) -> Result<Looked, Error> {
        let policy = self.store.policy_by_id(id).await?.ok_or(Error::NotFound("policy"))?;
        self.looked_at(policy).await
    }

    async fn looked_at(&self, policy: PolicyInForce) -> Result<Looked, Error> {
        let trouble = signature::check(&policy, &self.policy_key().await?).err();
        Ok(Looked { policy, trouble })
    }

    /// The policies that are and were in force, the newest first, without their files.
    pub(crate) async fn policy_history(&self, page: PageRequest<i64>) -> Result<Page<Looked, i64>, Error> {
        // One more, so that the oldest one of the page is held against the one that it came after.
        let wider = PageRequest { after: page.after, limit: page.limit.saturating_add(1) };
        let found = self.store.policies(wider).await?.items;
        let key = self.policy_key().await?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let next = found.get(limit).and_then(|_| found.get(limit.checked_sub(1)?)).map(|policy| policy.number);
        let befores = found.iter().skip(1).map(Some).chain([None]);
        let looked = found.iter().zip(befores).take(limit).map(|(policy, before)| {
            let trouble = signature::check_without_files(policy, &key).and_then(|statement| match before {
                Some(before) if policy.number == before.number + 1 => statement.follows(before),
                None if policy.number == 1 => Ok(()),
                _ => Err("the one before is missing".to_owned()),
            });
            Looked { policy: policy.clone(), trouble: trouble.err() }
        });
        Ok(Page { items: looked.collect(), next })
    }

    pub(super) fn is_policy_in_a_folder(&self) -> bool {
        matches!(self.policies.source, PolicySource::Folder(_))
    }
}

/// How long it may take until what is in force holds here for what no decision is asked about.
const PAUSE: Duration = Duration::from_millis(250);

/// Sees to it that what is in force holds here soon, whichever server put it there, and also where nothing is decided: for gateways. Ends with
/// the store.
pub(crate) async fn follow(app: Arc<App>) {
    let mut newest = app.store.head();
    while newest.changed().await.is_ok() {
        newest.borrow_and_update();
        // Why one cannot be used is told where it is asked for.
        let _ = app.policy_in_force().await;
        tokio::time::sleep(PAUSE).await;
    }
}

fn broken(number: i64, why: impl Into<String>) -> Error {
    Error::PolicyBroken { number, why: why.into() }
}
