//! Another policy comes into force: as a whole, after the one that was seen, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::event::About;
use domain::{ApplicationId, Event, EventKind, PolicyAuthor, PolicyId, PolicyInForce, PolicyOrigin, Scope, Timestamp};
use policy::{Mistake, Policy};
use store::{Change, Effect, PutBeside};

use super::applications::Steps;
use super::export::{says_other_settings, settings_of};
use super::{Looked, signature};
use crate::app::applications::has;
use crate::app::telling::With;
use crate::app::{Actor, App, Error};
use crate::policy_files::speak_of_alerts;
use crate::workflow_files::WorkflowFile;
use crate::{AlertFiles, PolicyFiles};

/// A policy that is to come into force.
#[derive(Debug)]
pub(crate) struct Apply {
    /// By their names.
    pub(crate) files: BTreeMap<String, String>,
    /// The one that it is to come after.
    pub(crate) after: PolicyId,
    pub(crate) by: PolicyAuthor,
    /// What was seen of applications.
    pub(crate) seen: Seen,
    /// Also delete applications of which the files say nothing.
    pub(crate) prune: bool,
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
    /// What was seen of applications.
    pub(crate) seen: Seen,
    /// Also where it locks out whoever may not be.
    pub(crate) allow_lock_out: bool,
}

/// What whoever changes applications by a policy saw of them: or else they would put back what an administrator took away since.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// A hash over all of them, as a plan says it: only where they are so still.
    pub(crate) as_planned: Option<String>,
    /// Nothing, and that does not matter.
    pub(crate) whatever: bool,
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
    /// What became of applications with it.
    pub(crate) applications: Steps,
}

/// A policy that comes next.
pub(super) struct Next<'p> {
    /// Of all that the files say.
    pub(super) version: String,
    pub(super) files: BTreeMap<String, String>,
    pub(super) policy: &'p Arc<Policy>,
    /// The workflows that the files say.
    pub(super) workflows: &'p [WorkflowFile],
    /// The rules of alerts that they say.
    pub(super) alerts: &'p AlertFiles,
    pub(super) origin: PolicyOrigin,
    pub(super) by: PolicyAuthor,
    /// What comes of applications with it.
    pub(super) applications: &'p Steps,
}

impl Seen {
    fn suffices(&self, steps: &Steps) -> Result<(), Error> {
        match &self.as_planned {
            Some(seen) if *seen != steps.seen => Err(Error::PolicyChanged),
            None if !self.whatever && !steps.is_empty() => Err(Error::ApplicationsUnseen(steps.names().concat())),
            _ => Ok(()),
        }
    }
}

impl App {
    /// Puts a policy into force on every server.
    pub(crate) async fn apply_policy(&self, actor: &Actor, apply: Apply) -> Result<Applied, Error> {
        self.may_policies_be_applied()?;
        let before = self.policy_as_kept().await?;
        if before.policy.id != apply.after {
            return Err(Error::PolicyChanged);
        }
        let understood = understood(apply.files).await?;
        let version = understood.version();
        let PolicyFiles { files, policy, workflows, alerts } = understood;
        self.may_workflows_be_applied(actor, &before.policy.files, &files, &workflows)?;
        self.can_alerts_be_applied(&alerts)?;
        let steps = self.steps_to(actor, &before, &files, &policy, apply.prune).await?;
        apply.seen.suffices(&steps)?;
        if before.trouble.is_none() && before.policy.files == files && steps.is_empty() {
            let warnings = policy.warnings().to_vec();
            return Ok(Applied { policy: before.policy, is_new: false, warnings, applications: steps });
        }
        let (origin, by) = (PolicyOrigin::Applied, apply.by);
        let (policy, workflows, alerts, applications) = (&policy, &workflows[..], &alerts, &steps);
        let next = Next { version, files, policy, workflows, alerts, origin, by, applications };
        let (policy, warnings) = self.put_next(actor, next, before, apply.allow_lock_out).await?;
        Ok(Applied { policy, is_new: true, warnings, applications: steps })
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
        let understood = understood(former.files).await?;
        let version = understood.version();
        let PolicyFiles { files, policy, workflows, alerts } = understood;
        self.may_workflows_be_applied(actor, &before.policy.files, &files, &workflows)?;
        self.can_alerts_be_applied(&alerts)?;
        let steps = self.steps_to(actor, &before, &files, &policy, false).await?;
        revert.seen.suffices(&steps)?;
        let (origin, by) = (PolicyOrigin::Reverted, revert.by);
        let (policy, workflows, alerts, applications) = (&policy, &workflows[..], &alerts, &steps);
        let next = Next { version, files, policy, workflows, alerts, origin, by, applications };
        let (policy, warnings) = self.put_next(actor, next, before, revert.allow_lock_out).await?;
        Ok(Applied { policy, is_new: true, warnings, applications: steps })
    }

    /// What comes of applications with files, if whoever asks may have it come.
    async fn steps_to(
        &self,
        actor: &Actor,
        before: &Looked,
        files: &BTreeMap<String, String>,
        policy: &Policy,
        prune: bool,
    ) -> Result<Steps, Error> {
        let steps = self.application_steps(Some(&settings_of(&before.policy)), policy.settings(), prune).await?;
        // What was changed in the database has nothing that could stay as it is.
        let is_new = before.trouble.is_some() && !policy.settings().is_empty();
        let is_about_more = !steps.is_empty() || is_new || says_other_settings(&before.policy, files);
        if is_about_more && !has(&actor.application, Scope::ConfigurationWrite) {
            return Err(Error::MayNot(
                "what files say of applications, gateways, branding, workflows and alerts takes the scope `configuration:write`"
                    .to_owned(),
            ));
        }
        steps.may_be_taken_by(actor, &self.settings.sites)?;
        Ok(steps)
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
    ) -> Result<(PolicyInForce, Vec<Mistake>), Error> {
        if !allow_lock_out {
            self.refuse_lock_out(next.policy).await?;
        }
        self.can_be_used(next.policy)?;
        let mut warnings = next.policy.warnings().to_vec();
        warnings.extend(self.what_stays_away(next.policy));
        warnings.extend(next.applications.what_was_overruled(before.policy.number));
        let steps = next.applications;
        match self.put_policy(Some(actor), next, Some(&before.policy)).await? {
            (policy, Effect::Applied) => {
                // Here at once. What cannot be used is told where it is asked for.
                let _ = self.policy_in_force().await;
                Ok((policy, warnings))
            }
            (_, Effect::Exists) => Err(Error::Exists("another application has one of these names or certificates")),
            _ => Err(self.why_not(steps, actor, before.policy.id).await?),
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
        let Next { version, files, policy, workflows, alerts, origin, by, applications } = next;
        let workflows = self.workflows_with(workflows, before).await?;
        let alerts = self.alerts_with(alerts, before.is_some_and(|before| speak_of_alerts(&before.files))).await?;
        let mut next = PolicyInForce {
            id: PolicyId::generate(now, &*self.entropy),
            number: before.map_or(0, |before| before.number) + 1,
            version,
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
        let changes = applications.changes(actor, || ApplicationId::generate(now, &*self.entropy), now);
        let told = self.told_of_steps(actor, &changes, next.id);
        // All of it happens at one time.
        let told: Vec<_> = std::iter::once(event).chain(told).map(|event| Event { at: now, ..event }).collect();
        let ((workflows, of_workflows), (alerts, of_alerts)) = (workflows.unzip(), alerts.unzip());
        let told: Vec<_> = told.into_iter().chain(of_workflows.into_iter().chain(of_alerts).flatten()).collect();
        let (is_about_workflows, is_about_alerts) = (workflows.is_some(), alerts.is_some());
        let beside = (is_about_workflows || is_about_alerts).then(|| Box::new(PutBeside { workflows, alerts }));
        let effect = self.commit(Change::PutPolicy(Box::new(next.clone()), changes, beside), told).await?;
        if is_about_workflows && effect == Effect::Applied {
            self.load_workflows().await?;
        }
        if is_about_alerts && effect == Effect::Applied {
            self.load_alert_rules().await?;
        }
        Ok((next, effect))
    }

    /// Since when policies had everybody have a second factor up to this one. One that cannot be trusted gives nobody a new period of grace.
    async fn enforced_since(&self, before: &PolicyInForce) -> Result<Option<Timestamp>, Error> {
        let is_intact = signature::check(before, &self.policy_key().await?).is_ok();
        Ok(if is_intact { before.enforced_since } else { Some(Timestamp::default()) })
    }
}

/// What files say, as a whole.
pub(super) async fn understood(files: BTreeMap<String, String>) -> Result<PolicyFiles, Error> {
    let read = tokio::task::spawn_blocking(move || PolicyFiles::read(files)).await;
    let read = read.map_err(|error| Error::Internal(format!("a policy was not read: {error}")))?;
    read.map_err(Error::PolicyMistaken)
}
