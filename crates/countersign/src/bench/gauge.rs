//! What processes use, as the kernel counts it in `/proc`.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The processes that are watched, and what they used by the last look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauge {
    supervisor: Option<u32>,
    server: u32,
    vault: u32,
}

/// What server, vault and the load test itself used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time of the server since its start.
    pub(crate) server: Duration,
    /// Processor time of the vault since its start.
    pub(crate) vault: Duration,
    /// Processor time of the load test: it has the same processors.
    pub(crate) client: Duration,
}

/// Resident memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Of the supervisor.
    pub(crate) supervisor: u64,
    /// Of the server.
    pub(crate) server: u64,
    /// Of the vault.
    pub(crate) vault: u64,
}

impl Gauge {
    /// Watches these processes.
    pub(crate) const fn new(supervisor: u32, server: u32, vault: u32) -> Self {
        Self { supervisor: Some(supervisor), server, vault }
    }

    /// Kills the server, as a crash would. Its supervisor starts another, which is not watched.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn kill_server(self) -> Result<(), rustix::io::Errno> {
        let pid = i32::try_from(self.server).ok().and_then(Pid::from_raw).ok_or(rustix::io::Errno::SRCH)?;
        kill_process(pid, Signal::KILL)
    }

    /// Processor time so far.
    pub(crate) fn usage(self) -> Usage {
        let [server, vault, client] = [self.server, self.vault, std::process::id()].map(processor_time);
        Usage { server, vault, client }
    }

    /// Memory now.
    pub(crate) fn memory(self) -> Memory {
        Memory {
            supervisor: self.supervisor.map_or(0, resident),
            server: resident(self.server),
            vault: resident(self.vault),
        }
    }
}

impl Usage {
    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            server: self.server.saturating_sub(earlier.server),
            vault: self.vault.saturating_sub(earlier.vault),
            client: self.client.saturating_sub(earlier.client),
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { server: self.server + other.server, vault: self.vault + other.vault, client: self.client + other.client }
    }
}

/// User and system time, from `/proc/PID/stat` (fields 14 and 15, see `man proc_pid_stat`); zero where it cannot be read.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name stands in parentheses and may hold spaces: count from the last one.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1))
}

/// Resident pages, from `/proc/PID/statm`.
fn resident(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or(4096))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory() {
        assert!(resident(std::process::id()) > 100_000);
        assert_eq!(resident(u32::MAX), 0);
    }
}
