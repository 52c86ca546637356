//! Core dumps, being looked into, the rights of root.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use super::Outcome;

/// What a server that was started as root goes on with: the port below 1024, and data that belongs to somebody else.
const KEPT: CapabilitySet =
    CapabilitySet::NET_BIND_SERVICE.union(CapabilitySet::DAC_OVERRIDE).union(CapabilitySet::CHOWN);

pub(super) fn no_core_dumps() -> Outcome {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| format!("RLIMIT_CORE could not be set: {error}"))?;
    Ok("no core file".to_owned())
}

/// Also keeps the kernel from writing a core where cores go to a pipe, to which no limit applies (core(5)).
pub(super) fn not_dumpable() -> Outcome {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| format!("PR_SET_DUMPABLE failed: {error}"))?;
    Ok("ptrace and /proc/PID/mem need CAP_SYS_PTRACE".to_owned())
}

/// Root without them is an ordinary user who owns a great deal.
pub(super) fn drop_capabilities() -> Outcome {
    let held = capabilities(None).map_err(|error| format!("capabilities could not be read: {error}"))?;
    let kept = held.effective & KEPT;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(|error| format!("capabilities could not be dropped: {error}"))?;
    let names: Vec<String> = kept.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    Ok(if names.is_empty() { "none".to_owned() } else { format!("none but {}", names.join(", ")) })
}
