//! The read side: what every login needs, gathered; and lists, one at a time.

pub(crate) mod events;
pub(crate) mod gather;
pub(crate) mod hot;
pub(crate) mod links;
pub(crate) mod lists;
pub(crate) mod runs;
pub(crate) mod tasks;
