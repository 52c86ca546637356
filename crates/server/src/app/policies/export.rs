//! What is in force, as files: what `plan` then finds no difference to.

use std::collections::BTreeMap;

use domain::PolicyInForce;
use policy::{ApplicationSettings, Settings, application_files};

use crate::PolicyFiles;
use crate::app::{App, Error};

/// The file of applications that is written where none in force says what they are.
const APPLICATIONS: &str = "applications.yaml";

/// What is in force, as files.
#[derive(Debug)]
pub(crate) struct Export {
    /// The policy in force.
    pub(crate) policy: PolicyInForce,
    /// Why it cannot be trusted, if it cannot.
    pub(crate) trouble: Option<String>,
    /// By their names.
    pub(crate) files: BTreeMap<String, String>,
    /// The file of applications that was made anew, as what was applied last no longer says what they are.
    pub(crate) made: Option<String>,
}

impl App {
    /// What is in force, as files: those that were applied, and, where it is asked for, of applications what they are now.
    pub(crate) async fn export_policy(&self, with_applications: bool) -> Result<Export, Error> {
        let looked = self.policy_as_kept().await?;
        let mut files = looked.policy.files.clone();
        let present = PolicyFiles::read(files.clone()).ok();
        let settings = present.map(|present| present.policy.settings().clone()).unwrap_or_default();
        let steps = self.application_steps(None, &settings, false).await?;
        let is_said = settings.applications.is_some() && steps.is_empty() && steps.unlisted.is_empty();
        let made = if is_said || !with_applications { None } else { Some(self.say_applications(&mut files).await?) };
        Ok(Export { policy: looked.policy, trouble: looked.trouble, files, made })
    }

    async fn say_applications(&self, files: &mut BTreeMap<String, String>) -> Result<String, Error> {
        for stale in application_files(files) {
            files.remove(&stale);
        }
        let all: Vec<_> = self.store.applications().await?.iter().map(ApplicationSettings::of).collect();
        let mut name = APPLICATIONS.to_owned();
        while files.contains_key(&name) {
            name.insert_str(0, "the-");
        }
        files.insert(name.clone(), ApplicationSettings::file(&all));
        Ok(name)
    }
}

/// Whether files say something beside policy that others do not.
pub(super) fn says_other_settings(before: &PolicyInForce, files: &BTreeMap<String, String>) -> bool {
    let of = |files: &BTreeMap<String, String>| {
        let names = policy::settings_files(files);
        names
            .into_iter()
            .filter_map(|name| files.get_key_value(&name))
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    of(&before.files) != of(files)
}

/// The settings that a row's files say; none where this release cannot read them.
pub(super) fn settings_of(policy: &PolicyInForce) -> Settings {
    let read = PolicyFiles::read(policy.files.clone()).ok();
    read.map(|files| files.policy.settings().clone()).unwrap_or_default()
}
