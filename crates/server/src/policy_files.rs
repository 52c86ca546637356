//! Files of a policy, and where a server has them from.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use policy::{Mistake, Policy, Vocabulary};
use serde_json::{Value, json};

use crate::alert_files::AlertFiles;
use crate::app::decide::SENSITIVE;
use crate::app::risk::SCORES;
use crate::workflow_files::{WorkflowFile, read_together};

/// Files of a policy, understood as a whole.
#[derive(Debug)]
pub struct PolicyFiles {
    pub(crate) policy: Arc<Policy>,
    /// By their names.
    pub(crate) files: BTreeMap<String, String>,
    /// The workflows that they say.
    pub(crate) workflows: Vec<WorkflowFile>,
    /// The rules of alerts that they say.
    pub(crate) alerts: AlertFiles,
}

/// The folder in that of a policy in which the files of workflows are.
const WORKFLOWS: &str = "workflows/";

/// The folder in that of a policy in which the files of rules of alerts are.
const ALERTS: &str = "alerts/";

/// Whether files say which rules of alerts there are: else those that there are stay.
pub(crate) fn speak_of_alerts(files: &BTreeMap<String, String>) -> bool {
    files.keys().any(|name| name.starts_with(ALERTS))
}

/// Whether files say which workflows there are: else those that there are stay.
pub(crate) fn speak_of_workflows(files: &BTreeMap<String, String>) -> bool {
    files.keys().any(|name| name.starts_with(WORKFLOWS))
}

/// Where a server has its policy from.
#[derive(Debug)]
pub enum PolicySource {
    /// From these files, which are put into force as it starts; no others can be applied.
    Folder(PolicyFiles),
    /// From whoever applies one. Until then these hold, where no other policy is in force.
    BuiltIn(PolicyFiles),
}

/// The signals that there are. Applications may have others.
fn vocabulary() -> Vocabulary {
    let ours = risk::Name::ALL.iter().map(|name| name.as_str()).chain([SENSITIVE]).chain(SCORES);
    Vocabulary { signals: ours.map(str::to_owned).collect(), others: true }
}

/// What holds where there are no files: a second factor for everybody, and for everything.
const BUILT_IN: &str = "mfa_enforcement:\n  all_users: true\n  exclude_service_accounts: true\n";

impl PolicyFiles {
    /// Reads files, by their names.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn read(files: BTreeMap<String, String>) -> Result<Self, Vec<Mistake>> {
        let all = || files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let inside = |folder: &'static str| all().filter(move |(name, _)| name.starts_with(folder)).collect::<Vec<_>>();
        let texts: Vec<_> =
            all().filter(|(name, _)| ![WORKFLOWS, ALERTS].iter().any(|folder| name.starts_with(folder))).collect();
        let policy = Policy::read(&texts, &vocabulary());
        let (workflows, alerts) = (read_together(&inside(WORKFLOWS)), AlertFiles::read_together(&inside(ALERTS)));
        match (policy, workflows, alerts) {
            (Ok(policy), Ok(workflows), Ok(alerts)) => Ok(Self { policy: Arc::new(policy), files, workflows, alerts }),
            (policy, workflows, alerts) => {
                Err([policy.err(), workflows.err(), alerts.err()].into_iter().flatten().flatten().collect())
            }
        }
    }

    /// A hash over all that the files say, in hexadecimal: the same however they are laid out, named or commented. Where they say nothing of workflows
    /// and alerts it is that of the policy alone.
    pub fn version(&self) -> String {
        let workflows = self.workflows.iter().map(|file| (file.definition.name(), file.definition.digest()));
        let alerts = self.alerts.rules.iter().map(|file| (file.rule.name(), file.rule.digest()));
        let (workflows, alerts): (BTreeMap<_, _>, BTreeMap<_, _>) = (workflows.collect(), alerts.collect());
        if workflows.is_empty() && alerts.is_empty() {
            return self.policy.version().to_owned();
        }
        // A list, and names in order: the JSON is canonical.
        let canonical = json!([self.policy.version(), workflows, alerts]).to_string();
        data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    }

    /// What the files say, piece by piece: of the policy, of each workflow, `workflows.lost_device.steps.lock`, and of each
    /// rule of alerts.
    pub(crate) fn content(&self) -> BTreeMap<String, Value> {
        let of_workflows = self.workflows.iter().flat_map(|workflow| {
            let name = workflow.definition.name().to_owned();
            let pieces = workflow.definition.outline().into_iter();
            pieces.map(move |(piece, value)| (format!("workflows.{name}.{piece}"), value))
        });
        let of_alerts =
            self.alerts.rules.iter().map(|file| (format!("alerts.{}", file.rule.name()), file.rule.outline()));
        self.policy.content().clone().into_iter().chain(of_workflows).chain(of_alerts).collect()
    }

    /// How many rules of alerts they say.
    pub fn alert_count(&self) -> usize {
        self.alerts.count()
    }

    /// How many workflows they say.
    pub fn workflow_count(&self) -> usize {
        self.workflows.len()
    }

    /// What holds where there are no files.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn built_in() -> Self {
        let files = BTreeMap::from([("built-in.yaml".to_owned(), BUILT_IN.to_owned())]);
        #[expect(clippy::expect_used, reason = "a constant, which a test reads")]
        Self::read(files).expect("the built-in policy is one")
    }

    /// The files, by their names.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The policy that they say.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(files: &[(&str, &str)]) -> String {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        PolicyFiles::read(files.collect()).unwrap().version()
    }

    #[test]
    fn s11_the_version_is_of_all_that_the_files_say() {
        let workflow = |name: &str, wait: &str| {
            format!(
                "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: {name}}}\ntriggers: [{{workflow: true}}]\nsteps:\n  - {{id: rest, wait: {{for: {wait}}}}}\n"
            )
        };
        let alert = |above: u8| {
            format!(
                "apiVersion: countersign/v1\nkind: Alert\nmetadata: {{name: many}}\nseverity: high\nevents: [user.created]\nabove: {above}\n"
            )
        };
        let (one, two) = (workflow("a", "1h"), workflow("a", "2h"));
        let alone = version(&[("rules.yaml", BUILT_IN)]);
        assert_eq!(alone, PolicyFiles::built_in().policy().version(), "of the policy, as ever");
        let with = |name: &str, text: &str| version(&[("rules.yaml", BUILT_IN), (name, text)]);
        let all = [
            alone,
            with("workflows/a.yaml", &one),
            with("workflows/a.yaml", &two),
            with("workflows/a.yaml", &workflow("b", "1h")),
            with("alerts/many.yaml", &alert(1)),
            with("alerts/many.yaml", &alert(2)),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len(), "{all:#?}");
        assert_eq!(with("workflows/other.yaml", &format!("# A remark.\n{one}")), with("workflows/a.yaml", &one));
    }
}
