//! What another policy would change: what it says otherwise, and for whom of those who were decided about something else would have come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{PolicyInForce, Scope};
use policy::{Mistake, Policy};
use serde_json::Value;

use super::applications::Steps;
use super::apply::understood;
use super::gateways::what_carries_no_more;
use super::replay::Replay;
use super::signature;
use super::workflows::Reached;
use crate::PolicyFiles;
use crate::app::applications::has;
use crate::app::{Actor, App, Error};

/// What another policy would change.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The policy in force, which it was held against.
    pub(crate) before: PolicyInForce,
    /// Why that cannot be trusted, if it cannot: nothing was replayed then.
    pub(crate) trouble: Option<String>,
    /// Of the other policy.
    pub(crate) version: String,
    /// What the two say otherwise.
    pub(crate) differences: Vec<Difference>,
    /// The names of files that are not the same, though they may say the same.
    pub(crate) files: BTreeSet<String>,
    /// What was found in it that is no error.
    pub(crate) warnings: Vec<Mistake>,
    /// What would come of applications.
    pub(crate) applications: Steps,
    /// Whether it deletes those of which the files say nothing.
    pub(crate) prune: bool,
    /// What would have come of it.
    pub(crate) replay: Option<Replay>,
    /// How far those workflows reach that would change; nothing where whoever asks may not see that.
    pub(crate) workflows: Vec<Reached>,
}

/// Something that two policies say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// `rules.large-payments`, say.
    pub(crate) what: String,
    /// What the one in force says; nothing where it is silent.
    pub(crate) before: Option<Value>,
    /// What the other says; nothing where it is silent.
    pub(crate) after: Option<Value>,
}

impl App {
    /// What would change if these files came into force, held against what was decided in the time `back`.
    pub(crate) async fn plan_policy(
        &self,
        actor: &Actor,
        files: BTreeMap<String, String>,
        back: Option<Duration>,
        prune: bool,
    ) -> Result<Plan, Error> {
        let before = self.store.policy().await?.ok_or(Error::NotFound("policy"))?;
        let next = understood(files).await?;
        let (content, version) = (next.content(), next.version());
        let PolicyFiles { files, policy, workflows, alerts } = next;
        self.can_workflows_be_applied(&workflows)?;
        self.can_alerts_be_applied(&alerts)?;
        let is_about_more = [&before.files, &files].into_iter().any(|files| !policy::settings_files(files).is_empty());
        if is_about_more && !has(&actor.application, Scope::ConfigurationRead) {
            return Err(Error::MayNot(
                "what files say of applications, gateways, branding, workflows and alerts takes the scope `configuration:read`".to_owned(),
            ));
        }
        let trouble = signature::check(&before, &self.policy_key().await?).err();
        // What this release cannot read says nothing that could be compared.
        let present = PolicyFiles::read(before.files.clone()).ok();
        let content_before = present.as_ref().map(PolicyFiles::content).unwrap_or_default();
        let settings = present.as_ref().map(|present| present.policy.settings());
        let applications = self.application_steps(settings, policy.settings(), prune).await?;
        let mut warnings = policy.warnings().to_vec();
        self.can_be_used(&policy)?;
        warnings.extend(self.what_hurts(&applications).await?);
        warnings.extend(what_carries_no_more(settings, policy.settings()));
        warnings.extend(self.what_stays_away(&policy));
        let replay = match (back, &trouble) {
            (Some(back), None) => {
                Some(self.replay(&self.policy_in_force().await?, &policy, self.now().minus(back)).await?)
            }
            _ => None,
        };
        let since = self.now().minus(back.unwrap_or(Replay::BACK));
        let workflows = self.workflows_reached(actor, &before, &files, &workflows, since).await?;
        Ok(Plan {
            workflows,
            version,
            differences: differences(&content_before, &content).into_iter().chain(applications.differences()).collect(),
            files: other_files(&before.files, &files),
            warnings,
            applications,
            prune,
            before,
            trouble,
            replay,
        })
    }

    /// Refuses a policy that would lock out everybody of whom something is known, or every administrator.
    pub(super) async fn refuse_lock_out(&self, next: &Arc<Policy>) -> Result<(), Error> {
        let present = match self.policy_in_force().await {
            // It stops everybody by now; another one is how that ends.
            Err(Error::PolicyBroken { .. }) => return Ok(()),
            present => present?,
        };
        let replay = self.replay(&present, next, self.now().minus(Replay::BACK)).await?;
        replay.locks_out().map_or(Ok(()), |why| Err(Error::PolicyLocksOut(why)))
    }
}

fn differences(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<Difference> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let all = names.into_iter().map(|name| Difference {
        what: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    });
    all.filter(|difference| difference.before != difference.after).collect()
}

fn other_files(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> BTreeSet<String> {
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s11_what_is_added_removed_and_changed_is_told_by_name() {
        let content =
            |pairs: &[(&str, Value)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let before = content(&[("rules.a", json!(1)), ("rules.b", json!(1)), ("rules.c", json!(1))]);
        let after = content(&[("rules.b", json!(2)), ("rules.c", json!(1)), ("rules.d", json!(1))]);
        let told: Vec<_> = differences(&before, &after).into_iter().map(|d| (d.what, d.before, d.after)).collect();
        let expected = [
            ("rules.a".to_owned(), Some(json!(1)), None),
            ("rules.b".to_owned(), Some(json!(1)), Some(json!(2))),
            ("rules.d".to_owned(), None, Some(json!(1))),
        ];
        assert_eq!(told, expected);
    }
}
