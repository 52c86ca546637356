//! What the store promises, shown on both engines.

mod home;

mod changes;
mod clients;
mod counters;
mod opening;
mod people;
mod races;
