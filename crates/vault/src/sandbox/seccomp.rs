//! seccomp: the system calls that answering needs, and no other.
//!
//! Whatever else is called ends the process. An error code instead would let whoever got to run code here try
//! one call after the other, unseen; a vault that is gone is noticed at once, and the supervisor starts another.
//! No thread is made once the filter holds, so neither are there calls to make one.

use std::collections::BTreeMap;

use rustix::mm::ProtFlags;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::Outcome;

/// Calls that may have any arguments.
const FREE: &[i64] = &[
    // Callers' sockets, and the file that says how much memory there is.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_recvmsg,
    libc::SYS_pread64,
    libc::SYS_shutdown,
    libc::SYS_setsockopt,
    libc::SYS_close,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mlock,
    // Threads that wait for each other, time, chance.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_restart_syscall,
    libc::SYS_getrandom,
    // The end.
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

pub(super) fn enforce() -> Outcome {
    let filter = program().map_err(|error| format!("the filter could not be made: {error}"))?;
    apply_filter_all_threads(&filter).map_err(|error| format!("this kernel does not take the filter: {error}"))?;
    Ok(format!("{} system calls, any other ends the process", FREE.len() + 5))
}

fn program() -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FREE.iter().map(|call| (*call, Vec::new())).collect();
    // Memory is never both made by us and run.
    let executable = u64::from(ProtFlags::EXEC.bits());
    let not_executable = SeccompCmpOp::MaskedEq(executable);
    rules.insert(libc::SYS_mmap, only(2, not_executable.clone(), 0)?);
    rules.insert(libc::SYS_mprotect, only(2, not_executable, 0)?);
    // Signals to ourselves: `abort`.
    rules.insert(libc::SYS_tgkill, only(0, SeccompCmpOp::Eq, u64::from(std::process::id()))?);
    // In builds with assertions the standard library looks whether what it closes is open.
    rules.insert(libc::SYS_fcntl, only(1, SeccompCmpOp::Eq, u64::from(libc::F_GETFD.unsigned_abs()))?);
    // Whether a socket blocks.
    rules.insert(libc::SYS_ioctl, only(1, SeccompCmpOp::Eq, libc::FIONBIO)?);
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}

fn only(argument: u8, comparison: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value)?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}
