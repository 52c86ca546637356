//! How much memory the vault holds, and that it is wiped when it is given back.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Resident memory, read from a file that was opened before no file could be.
pub(crate) struct Resident(Option<File>);

impl Resident {
    pub(crate) fn open() -> Self {
        Self(File::open("/proc/self/statm").ok())
    }

    /// Bytes; 0 where the kernel does not say.
    pub(crate) fn bytes(&self) -> u64 {
        let mut text = [0; 128];
        let read = self.0.as_ref().and_then(|file| file.read_at(&mut text, 0).ok()).unwrap_or_default();
        let text = std::str::from_utf8(text.get(..read).unwrap_or_default()).unwrap_or_default();
        let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
        pages * u64::try_from(rustix::param::page_size()).unwrap_or_default()
    }
}

/// The system's allocator, which wipes what is given back: wherever a library leaves a copy of a secret (a vector
/// that grew, a text that was formatted, a QR code's modules), the copy ends with its allocation.
#[allow(unsafe_code, reason = "an allocator is unsafe by its nature; this one adds a write to what it is still handed")]
mod wiping {
    use std::alloc::{GlobalAlloc, Layout, System};

    pub(super) struct Wiping;

    // SAFETY: everything is passed on to `System` as it came; what is wiped is still owned by the caller.
    unsafe impl GlobalAlloc for Wiping {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's promises are passed on.
            unsafe { System.alloc(layout) }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's promises are passed on.
            unsafe { System.alloc_zeroed(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: the caller gives back `layout.size()` bytes at `pointer`, which are its own until the next line.
            unsafe { wipe(pointer, layout.size()) };
            // SAFETY: the caller's promises are passed on.
            unsafe { System.dealloc(pointer, layout) }
        }

        // `realloc` is the provided one: a new place, a copy, and `dealloc` above.
    }

    unsafe fn wipe(pointer: *mut u8, size: usize) {
        // SAFETY: see the caller.
        unsafe { std::ptr::write_bytes(pointer, 0, size) };
        // Else the compiler may leave out a write to what is freed next.
        std::hint::black_box(pointer);
    }
}

#[global_allocator]
static ALLOCATOR: wiping::Wiping = wiping::Wiping;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted() {
        let bytes = Resident::open().bytes();
        assert!(bytes > 100_000, "{bytes}");
    }
}
