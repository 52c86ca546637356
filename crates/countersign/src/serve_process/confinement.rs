//! Landlock around the process that the network reaches.
//!
//! A process in a Landlock domain traces none outside of it, root or not (Documentation/userspace-api/landlock.rst,
//! "Ptrace restrictions"): whoever takes this process over cannot read the keys in the vault's memory. The domain also
//! starts no program, signals no other process, and writes where the database is and nowhere else.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};

use crate::config::{Database, Settings};

/// Linux 6.12: files, devices, signals.
const WANTED: ABI = ABI::V6;

/// Where SQLite puts what does not fit into memory while it sorts, and what is written to without being changed.
const SCRATCH: [&str; 3] = ["/tmp", "/var/tmp", "/dev/null"];

/// Confines the calling thread, and those that it starts.
pub(super) fn enforce(settings: &Settings) -> server::Confinement {
    let confinement = match restrict(settings) {
        Ok(RulesetStatus::FullyEnforced) => {
            Ok("the server process writes only where its data is, starts no program, and can neither trace nor signal the vault"
                .to_owned())
        }
        Ok(RulesetStatus::PartiallyEnforced) => {
            Ok("the server process cannot trace the vault; what else Landlock could do needs Linux 6.12".to_owned())
        }
        Ok(RulesetStatus::NotEnforced) => {
            Err("this kernel has no Landlock, or it is not switched on (lsm=landlock,…): as root, the server process could read the vault; run it as an ordinary user"
                .to_owned())
        }
        Err(error) => Err(format!("Landlock failed: {error}: as root, the server process could read the vault")),
    };
    if let Err(why) = &confinement {
        tracing::warn!("landlock: {why}");
    }
    confinement
}

fn restrict(settings: &Settings) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_write(WANTED) & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let writable = writable(settings);
    for folder in &writable {
        // As the store would; once confined it cannot. Where it fails, the store says so in its own words.
        let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::Signal)?
        .create()?
        // Certificates may stand anywhere, and behind symbolic links that change: reading is left to file modes.
        .add_rules(beneath(&["/".into()], read))?
        .add_rules(beneath(&writable, read | write))?
        .add_rules(beneath(&SCRATCH.map(PathBuf::from), read | write))?;
    Ok(rules.restrict_self()?.ruleset)
}

/// The folders that the store writes in. SQLite keeps its log beside the file that a symbolic link leads to.
fn writable(settings: &Settings) -> Vec<PathBuf> {
    let mut folders = vec![settings.data.clone()];
    if let Database::Sqlite(file) = &settings.database {
        let folder = |file: &Path| match file.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        folders.push(folder(file));
        folders.extend(file.canonicalize().ok().as_deref().map(folder));
    }
    folders
}

/// Rules for those of the paths that are there; what is not there is not allowed either.
fn beneath(
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> impl Iterator<Item = Result<PathBeneath<PathFd>, RulesetError>> + use<> {
    let rules: Vec<_> = paths
        .iter()
        .filter_map(|path| {
            // A rule about a file may speak only of what can be done with files.
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(WANTED) };
            Some(Ok(PathBeneath::new(PathFd::new(path).ok()?, access)))
        })
        .collect();
    rules.into_iter()
}
