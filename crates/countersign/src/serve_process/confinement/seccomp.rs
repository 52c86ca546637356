//! seccomp: what no part of serving calls, and whoever took the process over would.
//!
//! The server, its runtime and its libraries call too much, and too much that changes with their versions, for a list of
//! what is allowed, as the vault has one. So this is a list of what is refused, with an error rather than with the end of
//! the process: a library that tries one of these finds another way. Landlock says the same of some; seccomp says it on
//! kernels whose Landlock cannot yet, and before the arguments are even looked at.
//!
//! What is not on it is bounded by Landlock (files), by having no capabilities, and by not being the vault's parent.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};

use super::Outcome;
use crate::config::Database;

/// Looking into, changing, stopping or starving other processes: the vault, the supervisor, whatever else that user runs.
const OTHER_PROCESSES: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    // A descriptor of a process is a way to signal it, and to take its descriptors.
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    // `kill` and `tgkill` are let through to this process itself; of a thread alone nobody can tell whose it is.
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
];

/// Other programs. New processes are refused below, by the flags of `clone`.
const PROGRAMS: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];

/// Another view of the file system, in which paths are not what Landlock took them for, or another user.
const OTHER_WORLDS: &[i64] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
];

/// Whom a file belongs to and who may read it, by its path: Landlock does not look at these, and the root key's file
/// belongs to the user that this process runs as. (SQLite does it by descriptor, which needs an open file.)
const FILES_OF_OTHERS: &[i64] = &[
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchownat,
    libc::SYS_mknodat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
];

/// The kernel itself: its modules, its clock, and the doors through which most have got into it.
const KERNEL: &[i64] = &[
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    // What is asked through a ring passes no filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_personality,
    libc::SYS_fanotify_init,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

/// The same in the older ways that only this architecture has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_mknod,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// Typing into the terminal that standard error may be (`ioctl_tty(2)`), and having signals sent to others
/// (`F_SETOWN`, `FIOSETOWN`).
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;
const F_SETOWN: u64 = 8;
const F_SETOWN_EX: u64 = 15;

pub(super) fn enforce(database: &Database) -> Outcome {
    for program in [refusals(database), no_clone3()] {
        let program = program.map_err(|error| format!("the filter could not be made: {error}"))?;
        apply_filter(&program).map_err(|error| format!("this kernel does not take the filter: {error}"))?;
    }
    Ok("no system call that looks into other processes, signals them, starts programs, mounts or changes the kernel"
        .to_owned())
}

fn refusals(database: &Database) -> Result<BpfProgram, BackendError> {
    let lists = [OTHER_PROCESSES, PROGRAMS, OTHER_WORLDS, FILES_OF_OTHERS, KERNEL, OLDER];
    let mut rules: Rules = lists.into_iter().flatten().map(|call| (*call, Vec::new())).collect();
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_kill, vec![none_of(0, &[own])?]);
    rules.insert(libc::SYS_tgkill, vec![none_of(0, &[own])?]);
    // Limits of others: one for processor time ends them.
    rules.insert(libc::SYS_prlimit64, vec![none_of(0, &[0, own])?]);
    // Threads are made, and no processes.
    let thread = number(libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![condition(0, SeccompCmpOp::MaskedEq(thread), 0)?])?]);
    rules.insert(libc::SYS_ioctl, each_of(1, &[TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP])?);
    rules.insert(libc::SYS_fcntl, each_of(1, &[F_SETOWN, F_SETOWN_EX])?);
    rules.insert(libc::SYS_socket, vec![none_of(0, &families(database))?]);
    let mut program = filter(rules, libc::EPERM)?;
    program.splice(0..0, no_x32());
    Ok(program)
}

/// The flags of `clone3` stand in memory, where no filter can look: whoever makes a thread is told that there is no such
/// call, and takes `clone`.
fn no_clone3() -> Result<BpfProgram, BackendError> {
    filter(Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
}

/// Kinds of sockets that serving takes. Those between processes lead to system services that start programs for root, so
/// they are there only where the database may be behind one.
fn families(database: &Database) -> Vec<u64> {
    let mut families = vec![number(libc::AF_INET), number(libc::AF_INET6), number(libc::AF_NETLINK)];
    if matches!(database, Database::Postgres(_)) {
        families.push(number(libc::AF_UNIX));
    }
    families
}

/// Refuses the second set of numbers that x86-64 has for the same calls (`__X32_SYSCALL_BIT`).
#[cfg(target_arch = "x86_64")]
fn no_x32() -> Vec<sock_filter> {
    /// `SECCOMP_RET_ERRNO` of linux/seccomp.h.
    const ERRNO: u32 = 0x0005_0000;
    let refuse = ERRNO | libc::EPERM.unsigned_abs();
    // Load the number; if it is at least that, refuse; else go on with the program that follows.
    [(0x20, 0, 0, 0), (0x35, 0, 1, 0x4000_0000), (0x06, 0, 0, refuse)]
        .map(|(code, jt, jf, k)| sock_filter { code, jt, jf, k })
        .to_vec()
}

#[cfg(not(target_arch = "x86_64"))]
fn no_x32() -> Vec<sock_filter> {
    Vec::new()
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses what `rules` match, with this error.
fn filter(rules: Rules, error: i32) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(error.unsigned_abs()), arch)?.try_into()
}

/// Matches where the argument is none of these.
fn none_of(argument: u8, values: &[u64]) -> Result<SeccompRule, BackendError> {
    let conditions = values.iter().map(|value| condition(argument, SeccompCmpOp::Ne, *value));
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// Match where the argument is one of these.
fn each_of(argument: u8, values: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
    let rule = |value: &u64| SeccompRule::new(vec![condition(argument, SeccompCmpOp::Eq, *value)?]);
    values.iter().map(rule).collect()
}

fn condition(argument: u8, comparison: SeccompCmpOp, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value)
}

fn number(constant: i32) -> u64 {
    u64::from(constant.unsigned_abs())
}
