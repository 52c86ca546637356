//! Another policy comes into force: as a whole, after the one that was seen, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::event::About;
use domain::{EventKind, PolicyAuthor, PolicyId, PolicyInForce, PolicyOrigin, Timestamp};
use policy::{Mistake, Policy};
use store::{Change, Effect};

use super::{Looked, signature};
use crate::PolicyFiles;
use crate::app::telling::With;
use crate::app::{Actor, App, Error};

/// A policy that is to come into force.
#[derive(Debug)]
pub(crate) struct Apply {
    /// By their names.
    pub(crate) files: BTreeMap<String, String>,
    /// The one that it is to come after.
    pub(crate) after: PolicyId,
    pub(crate) by: PolicyAuthor,
    /// Also where it locks out whoever may not be.
    pub(crate) allow_lock_out: bool,
}

/// A policy that is to come into force again.
#[derive(Debug)]
pub(crate) struct Revert {
    /// Which.
    pub(crate) to: PolicyId,
    /// The one that it is to come after.
    pub(crate) after: PolicyId,
    pub(crate) by: PolicyAuthor,
    /// Also where it locks out whoever may not be.
    pub(crate) allow_lock_out: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The policy that is in force now.
    pub(crate) policy: PolicyInForce,
    /// Whether it was not before.
    pub(crate) is_new: bool,
    /// What was found in it that is no error.
    pub(crate) warnings: Vec<Mistake>,
}

/// A policy that comes next.
pub(super) struct Next<'p> {
    pub(super) files: BTreeMap<String, String>,
    pub(super) policy: &'p Arc<Policy>,
    pub(super) origin: PolicyOrigin,
    pub(super) by: PolicyAuthor,
}

impl App {
    /// Puts a policy into force on every server.
    pub(crate) async fn apply_policy(&self, actor: &Actor, apply: Apply) -> Result<Applied, Error> {
        self.may_policies_be_applied()?;
        let before = self.policy_as_kept().await?;
        if before.policy.id != apply.after {
            return Err(Error::PolicyChanged);
        }
        let (files, policy) = understood(apply.files).await?;
        if before.trouble.is_none() && before.policy.files == files {
            let warnings = policy.warnings().to_vec();
            return Ok(Applied { policy: before.policy, is_new: false, warnings });
        }
        let next = Next { files, policy: &policy, origin: PolicyOrigin::Applied, by: apply.by };
        self.put_next(actor, next, before, apply.allow_lock_out).await
    }

    /// Puts a policy into force again.
    pub(crate) async fn revert_policy(&self, actor: &Actor, revert: Revert) -> Result<Applied, Error> {
        self.may_policies_be_applied()?;
        let before = self.policy_as_kept().await?;
        if before.policy.id != revert.after {
            return Err(Error::PolicyChanged);
        }
        let Looked { policy: former, trouble } = self.policy_version(revert.to).await?;
        if let Some(why) = trouble {
            return Err(Error::PolicyBroken { number: former.number, why });
        }
        let (files, policy) = understood(former.files).await?;
        let next = Next { files, policy: &policy, origin: PolicyOrigin::Reverted, by: revert.by };
        self.put_next(actor, next, before, revert.allow_lock_out).await
    }

    fn may_policies_be_applied(&self) -> Result<(), Error> {
        if self.is_policy_in_a_folder() {
            return Err(Error::Conflict(
                "this server's policy stands in the folder that `policy.folder` names: change the files there and start the server again, or take `policy.folder` out of its configuration",
            ));
        }
        Ok(())
    }

    async fn put_next(
        &self,
        actor: &Actor,
        next: Next<'_>,
        before: Looked,
        allow_lock_out: bool,
    ) -> Result<Applied, Error> {
        if !allow_lock_out {
            self.refuse_lock_out(next.policy).await?;
        }
        let warnings = next.policy.warnings().to_vec();
        match self.put_policy(Some(actor), next, Some(&before.policy)).await? {
            (policy, Effect::Applied) => Ok(Applied { policy, is_new: true, warnings }),
            _ => Err(Error::PolicyChanged),
        }
    }

    /// Puts a policy into force after another one. Nothing of it is there where somebody else's came first.
    pub(super) async fn put_policy(
        &self,
        actor: Option<&Actor>,
        next: Next<'_>,
        before: Option<&PolicyInForce>,
    ) -> Result<(PolicyInForce, Effect), Error> {
        let now = self.now();
        let Next { files, policy, origin, by } = next;
        let mut next = PolicyInForce {
            id: PolicyId::generate(now, &*self.entropy),
            number: before.map_or(0, |before| before.number) + 1,
            version: policy.version().to_owned(),
            files,
            enforced_since: match before {
                _ if !policy.enforces() => None,
                Some(before) => self.enforced_since(before).await?.or(Some(now)),
                None => Some(now),
            },
            at: now,
            origin,
            by,
            signature: String::new(),
        };
        next.signature = self.policy_signature(&next, before).await?;
        let event = self
            .event(EventKind::PolicyChanged, actor, About::default())
            .with("policy", next.id.to_string())
            .with("number", next.number)
            .with("version", next.version.as_str())
            .with("origin", next.origin.name());
        let event = event.detailed(actor.and_then(|actor| self.origin(actor)));
        let effect = self.commit(Change::PutPolicy(Box::new(next.clone())), event).await?;
        Ok((next, effect))
    }

    /// Since when policies had everybody have a second factor up to this one. One that cannot be trusted gives nobody a new period of grace.
    async fn enforced_since(&self, before: &PolicyInForce) -> Result<Option<Timestamp>, Error> {
        let is_intact = signature::check(before, &self.policy_key().await?).is_ok();
        Ok(if is_intact { before.enforced_since } else { Some(Timestamp::default()) })
    }
}

/// The policy that files say, as a whole.
pub(super) async fn understood(
    files: BTreeMap<String, String>,
) -> Result<(BTreeMap<String, String>, Arc<Policy>), Error> {
    let read = tokio::task::spawn_blocking(move || PolicyFiles::read(files)).await;
    let read = read.map_err(|error| Error::Internal(format!("a policy was not read: {error}")))?;
    read.map(|files| (files.files, files.policy)).map_err(Error::PolicyMistaken)
}
