//! The folder of a policy's files.

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::BASE64;
use policy::{Mistake, Picture};
use server::{PolicyFiles, PolicySource};

use crate::failure::{Failure, describe};

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

/// What in a folder looks as if it was meant, and is not read: folders of other names with files in them, files in folders below, and files that are
/// called almost so. Sorted.
pub(crate) fn passed_over(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (name, path) in entries(folder) {
        if !path.is_dir() {
            found.extend(is_almost_yaml(&name).then_some(name));
        } else if INSIDE.contains(&name.as_str()) {
            let inner = entries(&path).into_iter();
            let inner = inner.filter(|(file, path)| if path.is_dir() { has_yaml(path) } else { is_almost_yaml(file) });
            found.extend(inner.map(|(file, path)| format!("{name}/{file}{}", if path.is_dir() { "/" } else { "" })));
        } else if has_yaml(&path) {
            found.push(format!("{name}/"));
        }
    }
    found.sort();
    found
}

fn entries(folder: &Path) -> Vec<(String, std::path::PathBuf)> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = all.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    named.filter(|(name, _)| !name.starts_with('.')).collect()
}

fn has_yaml(folder: &Path) -> bool {
    entries(folder).iter().any(|(name, _)| is_yaml(name))
}

fn is_yaml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// `rules.yaml.bak`, `rules.YAML`, `rules.yaml~`.
fn is_almost_yaml(name: &str) -> bool {
    let lower = name.to_lowercase();
    !is_yaml(name) && (lower.contains(".yaml") || lower.contains(".yml"))
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
        Failure::configuration(format!("{} cannot be read ({})", what.display(), describe(&error)))
    };
    let (mut files, mut pictures) = (BTreeMap::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_yaml(&name) && !name.starts_with('.') {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_and_looks_as_if_it_was_meant_is_known() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "rules.yaml",
            "rules.yaml.bak",
            "README.md",
            "workflow/lost.yaml",
            "workflows/lost.yaml",
            "workflows/old/lost.yaml",
            "workflows/lost.YML",
            "pictures/logo.svg",
            ".git/x.yaml",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = ["rules.yaml.bak", "workflow/", "workflows/lost.YML", "workflows/old/"];
        assert_eq!(passed_over(folder.path()), found);
    }
}
