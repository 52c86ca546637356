//! The processes of a running Countersign, as the kernel tells of them.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

pub(crate) use rustix::process::Signal;

/// Sends a signal to a process that a test started.
pub(crate) fn signal(pid: i32, signal: Signal) {
    // One that is gone already needs none.
    let _ = rustix::process::kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// Stops a process that this one started, and waits until it does no more.
pub(crate) fn stop(pid: i32) {
    signal(pid, Signal::STOP);
    // Or until it has ended, which is left to be waited for.
    let until = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    // One that has been waited for does nothing any more: a test that failed for that is told of, rather than that all of them end here.
    let _ = waitid(WaitId::Pid(Pid::from_raw(pid).unwrap()), until);
}

/// Whether the process is there and not merely waiting to be reaped.
pub(crate) fn alive(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| stat.state != 'Z')
}

/// Waits until a process ends; `false` if it does not within `limit`.
pub(crate) fn ends_within(pid: i32, limit: Duration) -> bool {
    let Ok(handle) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else { return true };
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap(), tv_nsec: i64::from(limit.subsec_nanos()) };
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&limit)).unwrap() > 0
}

/// The children of a process.
pub(crate) fn children(parent: i32) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|stat| stat.parent == parent && stat.state != 'Z')).collect()
}

/// The first 15 letters of a program's name.
pub(crate) fn name_of(pid: i32) -> String {
    stat(pid).map(|stat| stat.name).unwrap_or_default()
}

struct Stat {
    name: String,
    state: char,
    parent: i32,
}

/// See `proc_pid_stat(5)`: `pid (name) state ppid …`, and the name may hold anything.
fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = text.split_once('(')?.1.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some(Stat { name: name.to_owned(), state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}
