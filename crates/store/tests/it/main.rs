//! What the store promises, shown on both engines.

mod home;

mod changes;
