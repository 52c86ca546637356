//! Memory that is not swapped out.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use rustix::thread::{CapabilitySet, capabilities};

use super::Outcome;

/// Locking everything counts everything that is mapped, now and later: below this, memory would run out at the limit instead
/// of being swapped out. What Argon2id takes, a million users in the guard, stacks and program, twice over.
const ENOUGH_BYTES: u64 = 512 * 1024 * 1024;

/// Locks all memory where the limit allows it. Where it does not, [`lock`] still locks the pages that keys lie in.
pub(super) fn lock_all() -> Outcome {
    raise_limit();
    if let Some(bytes) = short_limit()
        && !may_exceed()
    {
        return Err(format!(
            "only {} KiB may be locked (RLIMIT_MEMLOCK): the pages of the data keys are, other memory could be swapped out; \
             set LimitMEMLOCK=infinity or `ulimit -l unlimited`, or run without swap",
            bytes / 1024
        ));
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|error| format!("mlockall failed: {error}"))?;
    Ok("all memory".to_owned())
}

/// As far as we may: without end for root, else up to the hard limit.
fn raise_limit() {
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        let _ = setrlimit(Resource::Memlock, Rlimit { current: maximum, maximum });
    }
}

/// How many bytes may be locked, where that is too few.
pub(super) fn short_limit() -> Option<u64> {
    getrlimit(Resource::Memlock).current.filter(|bytes| *bytes < ENOUGH_BYTES)
}

/// Whether the limit does not count for us. In some containers root may lock memory, but not raise limits.
fn may_exceed() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
}

/// Locks the pages that something lies in, as far as the limit goes.
#[allow(unsafe_code, reason = "the kernel is told of memory by its address")]
pub(crate) fn lock<T>(things: &[T]) {
    let start = things.as_ptr().cast_mut().cast();
    // SAFETY: locking pages changes nothing about what is in them; the range is that of a slice that is borrowed here.
    // Where the limit is reached nothing happens: the report says so already.
    let _ = unsafe { rustix::mm::mlock(start, size_of_val(things)) };
}
