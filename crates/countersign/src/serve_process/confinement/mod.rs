//! What the process that the network reaches gives up before it opens anything: whoever takes it over gets to neither
//! the root key nor the vault.
//!
//! Each wall is reported, and one that does not stand is a warning in the log and in `countersign doctor`.

mod landlock;
mod process;
mod seccomp;

use server::Protection;

use crate::config::Settings;

/// How raising a wall went: what holds now, or why it does not and what to do.
type Outcome = Result<String, String>;

/// Confines the calling thread, and those that it starts.
pub(super) fn enforce(settings: &Settings) -> Vec<Protection> {
    let core_dumps = process::no_core_dumps();
    let dumpable = process::not_dumpable();
    let capabilities = process::drop_capabilities();
    let (landlock, root_key) = landlock::Reach::of(settings).enforce(&settings.root_key);
    let seccomp = seccomp::enforce(&settings.database);
    let walls = [
        ("server_core_dumps", core_dumps),
        ("server_dumpable", dumpable),
        ("server_capabilities", capabilities),
        ("server_landlock", landlock),
        ("server_root_key", root_key),
        ("server_seccomp", seccomp),
    ];
    let mut protections = Vec::new();
    for (name, outcome) in walls {
        if let Err(why) = &outcome {
            tracing::warn!("{name}: {why}");
        }
        protections.push(Protection { name, outcome });
    }
    protections
}

#[cfg(test)]
mod tests;
