//! Lists come in pages, and a cursor says where the next one begins.

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Entries after this one; from the beginning when `None`.
    pub after: Option<K>,
    /// At most this many, from 1 to [`PageRequest::MAX`].
    pub limit: u32,
}

impl<K> PageRequest<K> {
    /// The longest page that can be asked for.
    pub const MAX: u32 = 500;
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The entries, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<K>,
}
