//! Core dumps, being looked into, privileges.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};

use super::{Outcome, memory};

/// Three ways, any of which is enough: no room for a core file, nothing to put into it, and (below) not dumpable,
/// which also holds where cores go to a pipe.
pub(super) fn no_core_dumps() -> Outcome {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| format!("RLIMIT_CORE could not be set: {error}"))?;
    // As long as the process is dumpable this file is its own.
    let filter = std::fs::write("/proc/self/coredump_filter", "0");
    Ok(match filter {
        Ok(()) => "no core file, and nothing that would be in it".to_owned(),
        Err(_) => "no core file".to_owned(),
    })
}

pub(super) fn not_dumpable() -> Outcome {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| format!("PR_SET_DUMPABLE failed: {error}"))?;
    Ok("ptrace and /proc/PID/mem need CAP_SYS_PTRACE".to_owned())
}

pub(super) fn no_new_privileges() -> Outcome {
    set_no_new_privs(true).map_err(|error| format!("PR_SET_NO_NEW_PRIVS failed: {error}"))?;
    Ok("none can be gained".to_owned())
}

/// Drops all capabilities, but for the one to lock memory where only that lets memory be locked: without it the next
/// allocation would fail.
pub(super) fn drop_capabilities() -> Outcome {
    let held = capabilities(None).map_err(|error| format!("capabilities could not be read: {error}"))?;
    let needed = if memory::short_limit().is_some() { CapabilitySet::IPC_LOCK } else { CapabilitySet::empty() };
    let kept = held.effective & needed;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(|error| format!("capabilities could not be dropped: {error}"))?;
    Ok(if kept.is_empty() { "none".to_owned() } else { "none but CAP_IPC_LOCK".to_owned() })
}

/// Closes whatever this process inherited beside its standard streams and control socket: where the supervisor was
/// started with open files, they are not the vault's.
#[allow(unsafe_code, reason = "descriptors that nobody here has opened are closed by number")]
pub(super) fn close_inherited() -> Outcome {
    let first = u32::try_from(vault_proto::control::CHILD_FD + 1).unwrap_or(u32::MAX);
    // SAFETY: this is the first thing that is done: nothing in this process has opened a descriptor yet.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if closed == 0 {
        Ok("only its own".to_owned())
    } else {
        Err("this kernel has no close_range (Linux 5.9 has): files that the supervisor was started with stay open"
            .to_owned())
    }
}
