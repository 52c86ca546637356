//! Files of a policy, and where a server has them from.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{Mistake, Policy, Vocabulary};
use serde_json::Value;

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
}

/// The folder in that of a policy in which the files of workflows are.
const WORKFLOWS: &str = "workflows/";

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
        let (of_workflows, texts): (Vec<_>, Vec<_>) = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .partition(|(name, _)| name.starts_with(WORKFLOWS));
        match (Policy::read(&texts, &vocabulary()), read_together(&of_workflows)) {
            (Ok(policy), Ok(workflows)) => Ok(Self { policy: Arc::new(policy), files, workflows }),
            (policy, workflows) => Err([policy.err(), workflows.err()].into_iter().flatten().flatten().collect()),
        }
    }

    /// What the files say, piece by piece: of the policy, and of each workflow, `workflows.lost_device.steps.lock`.
    pub(crate) fn content(&self) -> BTreeMap<String, Value> {
        let of_workflows = self.workflows.iter().flat_map(|workflow| {
            let name = workflow.definition.name().to_owned();
            let pieces = workflow.definition.outline().into_iter();
            pieces.map(move |(piece, value)| (format!("workflows.{name}.{piece}"), value))
        });
        self.policy.content().clone().into_iter().chain(of_workflows).collect()
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
