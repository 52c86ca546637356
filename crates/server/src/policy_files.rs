//! Files of a policy, and where a server has them from.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{Mistake, Policy, Vocabulary};

use crate::app::decide::SENSITIVE;
use crate::app::risk::SCORES;

/// Files of a policy, understood as a whole.
#[derive(Debug)]
pub struct PolicyFiles {
    pub(crate) policy: Arc<Policy>,
    /// By their names.
    pub(crate) files: BTreeMap<String, String>,
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
        let texts: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let policy = Policy::read(&texts, &vocabulary())?;
        Ok(Self { policy: Arc::new(policy), files })
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
