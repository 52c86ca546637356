//! `alerts.folder`: the rules of alerts that are in force.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layers::Layers;
use super::value;
use crate::failure::Failure;
use crate::policy_folder::{Empty, files};

/// What a folder of a policy calls the one of its rules.
const FOLDER: &str = "alerts";

/// Where the rules' files are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AlertSettings {
    /// The folder.
    pub(crate) folder: PathBuf,
}

/// The folder that is said, or the one in that of the policy, where there is one.
pub(super) fn resolve(layers: &Layers) -> Result<Option<AlertSettings>, Failure> {
    let said = value::parse(layers, "alerts.folder", value::folder)?;
    let of_policy = value::parse(layers, "policy.folder", |text| Ok(PathBuf::from(text).join(FOLDER)))?;
    Ok(said.or(of_policy.filter(|folder| folder.is_dir())).map(|folder| AlertSettings { folder }))
}

impl AlertSettings {
    /// The rules, understood as a whole.
    ///
    /// # Errors
    /// Every mistake in them, in one line.
    pub(crate) fn read(&self) -> Result<server::AlertFiles, Failure> {
        server::AlertFiles::read(&files(&self.folder, Empty::IsFine)?).map_err(|wrong| {
            let folder = self.folder.display();
            Failure::configuration(format!("the rules of alerts in {folder} do not hold: {}", wrong.join("; ")))
        })
    }
}
