//! What the vault gives up, in this order: core dumps, being looked into, new privileges, pages that may be swapped
//! out; then, with the root key in hand, files, network and capabilities; and when its threads run, every system
//! call that answering does not need.
//!
//! Each step is reported, and one that the kernel lacks is a warning; none is left out silently.

mod landlock;
mod memory;
mod process;
mod seccomp;

pub(crate) use memory::lock;

use vault_proto::Hardening;

use crate::log;

/// How one step went: what holds now, or why it does not and what to do.
type Outcome = Result<String, String>;

/// Each step and how it went.
#[derive(Default)]
pub(crate) struct Report(Vec<Hardening>);

impl Report {
    fn add(&mut self, name: &str, outcome: Outcome) {
        let holds = outcome.is_ok();
        let detail = outcome.unwrap_or_else(|why| why);
        if !holds {
            log::warn(&format!("{name}: {detail}"));
        }
        self.0.push(Hardening { name: name.to_owned(), holds, detail });
    }

    pub(crate) fn into_steps(self) -> Vec<Hardening> {
        self.0
    }
}

/// Before anything is opened, and before there is any key.
pub(crate) fn before_the_key(report: &mut Report) {
    report.add("inherited_files", process::close_inherited());
    report.add("core_dumps", process::no_core_dumps());
    report.add("dumpable", process::not_dumpable());
    report.add("new_privileges", process::no_new_privileges());
    report.add("locked_memory", memory::lock_all());
}

/// Once the root key was read, and before there are threads: they inherit it.
pub(crate) fn after_the_key(report: &mut Report) {
    report.add("landlock", landlock::enforce());
    report.add("capabilities", process::drop_capabilities());
}

/// Once every thread runs, for all of them.
pub(crate) fn when_threads_run(report: &mut Report) {
    report.add("seccomp", seccomp::enforce());
}

#[cfg(test)]
mod tests;
