//! Workflows: files of YAML in, a definition out; a run and an input in, the next run and what is to be done out.
//!
//! ```text
//! file ── Definition::read ──► Definition ── begin, advance ──► Run, effects, history
//! ```
//!
//! Rules of alerts stand beside them, and are read by the same means: [`AlertRule`], and what is counted by one, [`Counter`].
//!
//! Nothing here does I/O, knows the time or waits. [`Definition::read`] tells every mistake it finds, with its place; [`check_together`] those of
//! workflows that are in force beside each other; [`Definition::advance`] is a pure function. docs/guide/workflows.md is the guide to the files.

mod alert;
mod analysis;
mod bounds;
mod cron;
mod definition;
mod edit;
mod expression;
mod grammar;
mod json_schema;
mod machine;
mod outline;
mod reader;
mod rehearsal;
mod template;
mod testing;
mod vocabulary;
mod words;

pub use alert::{AlertRule, Baseline, Bounds, Counter, Excess, HOUR, OTHERS, WEEKS};
pub use analysis::{REASON, check_together, emits_to};
pub use bounds::{MAX_MADE, MAX_NESTING, is_too_deep, without_zeros};
pub use cron::Schedule;
pub use definition::{
    ConcurrencyPolicy, Definition, Excluded, Input as DefinedInput, Limits, Need, Rate, SECRET_INPUT, SecretRef,
    Trigger, TriggerKind,
};
pub use document::{MAX_FILE_BYTES, Mistake, Place, Severity, parse_duration};
pub use edit::{EditError, Source, write};
pub use expression::{Clause, Truth};
pub use json_schema::{alert_json_schema, json_schema, tables};
pub use machine::{
    Advanced, Awaited, Cause, Changed, Closed, Effect, Entry, Extent, Failure, FailureKind, Input, Key, MAX_CALLS,
    MAX_INBOX, MAX_KEPT, MAX_OUTPUT, ONLY, Outcome, PAGE, POSTPONED, Phase, Progress, Refused, Run, STATE_VERSION,
    Start, Task, Told, Verdict, Wait, What, event_json,
};
pub use reader::{MAX_DEPTH, MAX_ID, MAX_STEPS};
pub use rehearsal::{Assumed, Rehearsal, WaitEnd, Waited, Wanted};
pub use testing::TestResult;
pub use vocabulary::{ACTIONS, Action, EVIDENCE, HandsOut, Kind, Parameter, QUERIES, Query, Reach, TAKING};
pub use words::words;
