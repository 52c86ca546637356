//! The folder of a policy's files.

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::BASE64;
use policy::{Mistake, Picture};
use server::{PolicyFiles, PolicySource};

use crate::failure::Failure;

/// The policy of a folder; the one that is built in where there is none.
pub(crate) fn source(folder: Option<&Path>) -> Result<PolicySource, Failure> {
    let Some(folder) = folder else { return Ok(PolicySource::BuiltIn(PolicyFiles::built_in())) };
    let read = PolicyFiles::read(files(folder, Empty::IsAMistake)?).map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
        let folder = folder.display();
        Failure::configuration(format!("the policy in {folder} does not hold: {}", told.join("; ")))
    })?;
    // They would be made and changed by a server that starts, and by nobody who may.
    if let Some(first) = read.policy().settings().applications.as_ref().and_then(|all| all.first()) {
        let (folder, place) = (folder.display(), &first.place);
        return Err(Failure::configuration(format!(
            "the policy in {folder} does not hold: {place}: applications do not come from policy.folder: apply them with `countersign config apply`"
        )));
    }
    Ok(PolicySource::Folder(read))
}

/// Refuses gateways of a folder that this server cannot use, as it does those of its configuration.
pub(crate) fn can_be_used(source: &PolicySource, sending: Option<&server::Sending>) -> Result<(), Failure> {
    let maker = sending.and_then(|sending| sending.maker.as_ref());
    let (PolicySource::Folder(files), Some(maker)) = (source, maker) else { return Ok(()) };
    let wanted = files.policy().settings().gateways.as_deref().unwrap_or_default();
    maker.make(wanted).map(drop).map_err(|server::UnusableGateway { place, why }| {
        Failure::configuration(format!("the policy in policy.folder does not hold: {place}: {why}"))
    })
}

/// The folders in that of a policy in which the files of workflows and of rules of alerts are.
pub(crate) const INSIDE: [&str; 2] = ["workflows", "alerts"];

/// The same, and the files in the folders `workflows` and `alerts` in it, by `workflows/NAME` and `alerts/NAME`: what is applied as a whole.
pub(crate) fn with_folders(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = files(folder, Empty::IsAMistake)?;
    for name in INSIDE {
        let inside = folder.join(name);
        if inside.is_dir() {
            let found = files(&inside, Empty::IsFine)?.into_iter().filter(|(file, _)| Picture::of_file(file).is_none());
            all.extend(found.map(|(file, text)| (format!("{name}/{file}"), text)));
        }
    }
    Ok(all)
}

/// What a folder without files is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// One that says nothing, which is meant.
    IsFine,
    /// One that cannot be meant.
    IsAMistake,
}

/// What the files of a folder say, by their names. What does not end in `.yaml` or `.yml`, or begins with a dot, is none; nor is a picture
/// that none of them names.
pub(crate) fn files(folder: &Path, empty: Empty) -> Result<BTreeMap<String, String>, Failure> {
    let unreadable = |what: &Path, error: std::io::Error| {
        Failure::configuration(format!("{} cannot be read: {error}", what.display()))
    };
    let (mut files, mut pictures) = (BTreeMap::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if is_yaml && !name.starts_with('.') {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.insert(name, text);
        } else if let Some(picture) = Picture::of_file(&name).filter(|_| !name.starts_with('.')) {
            pictures.push((name, path, picture));
        }
    }
    pictures.retain(|(name, _, _)| files.values().any(|text| text.contains(name.as_str())));
    if files.is_empty() && empty == Empty::IsAMistake {
        let folder = folder.display();
        return Err(Failure::configuration(format!(
            "there is no .yaml file in {folder}: a policy that says nothing is a mistake"
        )));
    }
    for (name, path, picture) in pictures {
        let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
        let text = match picture {
            Picture::Svg => String::from_utf8_lossy(&bytes).into_owned(),
            Picture::Png => BASE64.encode(&bytes),
        };
        files.insert(name, text);
    }
    Ok(files)
}

/// What stands in a file whose text is this, among a policy's.
pub(crate) fn content(name: &str, text: &str) -> Vec<u8> {
    let is_png = Picture::of_file(name) == Some(Picture::Png);
    let picture = BASE64.decode(text.as_bytes()).ok().filter(|_| is_png);
    picture.unwrap_or_else(|| text.as_bytes().to_vec())
}
