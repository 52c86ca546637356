//! Each kind of factor in a folder of its own.

mod push;
