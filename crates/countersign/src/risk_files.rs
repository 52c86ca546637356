//! The files that signals of risk are told by.

use std::path::Path;

use server::{NamedFile, RiskFiles, RiskWorld};

use crate::config::RiskSettings;
use crate::failure::{Failure, describe};

/// What the files say. One that is missing or does not hold is an error: without it, signals would be unknown that somebody counts on.
pub(crate) fn world(settings: &RiskSettings) -> Result<RiskWorld, Failure> {
    let all = |files: &[_]| files.iter().map(|file: &std::path::PathBuf| read(file)).collect::<Result<Vec<_>, _>>();
    let files = RiskFiles {
        geo: all(&settings.geo)?,
        networks: settings.networks.as_deref().map(read).transpose()?,
        block_lists: all(&settings.block_lists)?,
        allow_lists: all(&settings.allow_lists)?,
        thresholds: settings.thresholds,
    };
    RiskWorld::read(files).map_err(Failure::configuration)
}

fn read(file: &Path) -> Result<NamedFile, Failure> {
    let name = file.display().to_string();
    match std::fs::read(file) {
        Ok(bytes) => Ok((name, bytes)),
        Err(error) => Err(Failure::configuration(format!("{name} cannot be read ({})", describe(&error)))),
    }
}
