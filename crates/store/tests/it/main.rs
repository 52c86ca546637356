//! What the store promises, shown on both engines.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_imports,
    reason = "a test fails by panicking, and speaks the words of its subject"
)]

mod alerts;
mod hardware_tokens;
mod home;

mod alive;
mod backup_codes;
mod browsers;
mod changes;
mod clients;
mod counters;
mod damage;
mod decisions;
mod disks;
mod doors;
mod falling;
mod history;
mod hygiene;
mod limits;
mod links;
mod log;
mod opening;
mod pages;
mod people;
mod prompts;
mod races;
mod runs;
mod schemas;
mod sign_ins;
mod tasks;
