//! Landlock: no file can be opened, no TCP port reached or offered, no process outside signalled. It also keeps
//! this process from tracing any other.

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope};

use super::Outcome;

/// Linux 6.12: files, devices, TCP, signals, abstract sockets.
const WANTED: ABI = ABI::V6;

pub(super) fn enforce() -> Outcome {
    let status = restrict().map_err(|error| format!("Landlock failed: {error}"))?;
    match status {
        RulesetStatus::FullyEnforced => Ok("no files, no TCP, no signals to others".to_owned()),
        RulesetStatus::PartiallyEnforced => {
            Ok("no files; what this kernel's Landlock lacks is left to seccomp (Linux 6.12 has all of it)".to_owned())
        }
        RulesetStatus::NotEnforced => {
            Err("this kernel has no Landlock, or it is not switched on (lsm=landlock,…); Linux 5.13 or later has it"
                .to_owned())
        }
    }
}

/// Everything is handled and nothing allowed.
fn restrict() -> Result<RulesetStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    Ok(ruleset.restrict_self()?.ruleset)
}
