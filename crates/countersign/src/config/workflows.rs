//! `workflows.folder`: the workflows that are in force.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Environment;
use super::layers::Layers;
use super::tables::secret;
use super::value;
use crate::failure::Failure;
use crate::policy_folder::{Empty, files};

/// What a folder of a policy calls the one of its workflows.
const FOLDER: &str = "workflows";

/// Where the workflows' files are, and the secrets that they name. Those are found where the environment is known, and do not print.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WorkflowSettings {
    /// Where the files are.
    pub(crate) folder: PathBuf,
    secrets: BTreeMap<String, Zeroizing<String>>,
}

impl std::fmt::Debug for WorkflowSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkflowSettings").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The folder that is said, or the one in that of the policy, where there is one.
pub(super) fn resolve(layers: &Layers, environment: &Environment) -> Result<Option<WorkflowSettings>, Failure> {
    let said = value::parse(layers, "workflows.folder", value::folder)?;
    let of_policy = value::parse(layers, "policy.folder", |text| Ok(PathBuf::from(text).join(FOLDER)))?;
    let Some(folder) = said.or(of_policy.filter(|folder| folder.is_dir())) else { return Ok(None) };
    let mut secrets = BTreeMap::new();
    for (name, text) in files(&folder, Empty::IsFine)? {
        // What is wrong with a file is told as they are read as a whole.
        let Ok(definition) = workflow::Definition::read(&name, &text) else { continue };
        for reference in definition.secrets() {
            let found = secret(reference.reference(), environment).map_err(|why| {
                Failure::configuration(format!("{}: {}: {why}", folder.join(&name).display(), reference.reference()))
            })?;
            secrets.insert(reference.reference().to_owned(), Zeroizing::new(found));
        }
    }
    Ok(Some(WorkflowSettings { folder, secrets }))
}

/// How many users workflows may leave with nothing to prove by in a day: what was said of it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct ShutOutSettings {
    share: Option<u32>,
    floor: Option<u32>,
}

pub(super) fn shut_out(layers: &Layers) -> Result<ShutOutSettings, Failure> {
    let number = |most: u32| {
        move |text: &str| {
            let number = text.trim().parse().ok().filter(|number| *number <= most);
            number.ok_or_else(|| format!("`{text}` is no number from 0 to {most}"))
        }
    };
    // Only the share is in percent, and may say so.
    let percent = |text: &str| number(100)(text.strip_suffix('%').unwrap_or(text));
    let share = value::parse(layers, "workflows.shut_out_share", percent)?;
    let floor = value::parse(layers, "workflows.shut_out_floor", number(1_000_000))?;
    Ok(ShutOutSettings { share, floor })
}

/// The longest name of a role, in characters.
const LONGEST_ROLE: usize = 64;

/// A role, in the words of the applications that say who has it.
pub(super) fn role(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > LONGEST_ROLE || name.chars().any(char::is_control) {
        return Err(format!("is the name of a role, of 1 to {LONGEST_ROLE} characters, like administrator"));
    }
    Ok(name.to_owned())
}

impl From<ShutOutSettings> for server::ShutOut {
    fn from(said: ShutOutSettings) -> Self {
        let usual = Self::default();
        Self { share: said.share.unwrap_or(usual.share), floor: said.floor.unwrap_or(usual.floor) }
    }
}

impl WorkflowSettings {
    /// The workflows, understood as a whole.
    ///
    /// # Errors
    /// Every mistake in them, in one line.
    pub(crate) fn read(&self) -> Result<server::WorkflowFiles, Failure> {
        let secret = |reference: &str| {
            self.secrets.get(reference).cloned().ok_or_else(|| "was not there when the program was started".to_owned())
        };
        server::WorkflowFiles::read(&files(&self.folder, Empty::IsFine)?, secret).map_err(|wrong| {
            let folder = self.folder.display();
            Failure::configuration(format!("the workflows in {folder} do not hold: {}", wrong.join("; ")))
        })
    }
}
