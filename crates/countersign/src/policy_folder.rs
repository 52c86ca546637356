//! The folder of a policy's files.

use std::collections::BTreeMap;
use std::path::Path;

use policy::Mistake;
use server::{PolicyFiles, PolicySource};

use crate::failure::Failure;

/// The policy of a folder; the one that is built in where there is none.
pub(crate) fn source(folder: Option<&Path>) -> Result<PolicySource, Failure> {
    let Some(folder) = folder else { return Ok(PolicySource::BuiltIn(PolicyFiles::built_in())) };
    PolicyFiles::read(files(folder, Empty::IsAMistake)?).map(PolicySource::Folder).map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
        let folder = folder.display();
        Failure::configuration(format!("the policy in {folder} does not hold: {}", told.join("; ")))
    })
}

/// What a folder without files is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// One that says nothing, which is meant.
    IsFine,
    /// One that cannot be meant.
    IsAMistake,
}

/// What the files of a folder say, by their names. What does not end in `.yaml` or `.yml`, or begins with a dot, is none.
pub(crate) fn files(folder: &Path, empty: Empty) -> Result<BTreeMap<String, String>, Failure> {
    let unreadable = |what: &Path, error: std::io::Error| {
        Failure::configuration(format!("{} cannot be read: {error}", what.display()))
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if is_yaml && !name.starts_with('.') {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.insert(name, text);
        }
    }
    if files.is_empty() && empty == Empty::IsAMistake {
        let folder = folder.display();
        return Err(Failure::configuration(format!(
            "there is no .yaml file in {folder}: a policy that says nothing is a mistake"
        )));
    }
    Ok(files)
}
