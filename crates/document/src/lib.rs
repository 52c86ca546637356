//! Files that people write: YAML as a tree that knows where each of its words stands, and everything that is wrong with it, told at once.
//!
//! Policies and workflows are read through this. It does no I/O: a file is a name and a text. Every limit is checked before anything is
//! built from a text, so that no file can hold up or end the process that reads it.

mod duration;
mod mistake;
mod yaml;

pub use duration::parse as parse_duration;
pub use mistake::{Mistake, Mistakes, Place, Severity, nearest};
pub use yaml::{Fields, Key, MAX_FILE_BYTES, Node, Yaml, listed, one_of, parse};
