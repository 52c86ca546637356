//! SQLite and PostgreSQL behind one door.
//!
//! One set of tables, one meaning, two engines; which one it is stays inside this crate. Reads that every login
//! needs are gathered and asked many at a time; writes are a queue of typed [`Change`]s that are committed in groups,
//! each answered once it is durable (laws 2 and 3).

mod alerts;
mod alive;
mod change;
mod door;
mod engine;
mod error;
mod gathering;
mod house;
mod known;
mod people;
mod read;
mod record;
mod retention;
mod rows;
mod runs;
mod schema;
mod set;
mod stats;
mod sweep;
mod texts;
mod threads;
mod write;

pub use alerts::{AlertFilter, CountedGroup, PutAlertRules, WriteAlerts};
pub use alive::Claimant;
pub use change::{
    ApplicationChange, Change, Commit, ConfirmEnrollment, Effect, EnrollHardwareToken, FinishSignIn, GatewaySwitch,
    HeldBy, Idempotency, Lifts, NameChallenge, Raise, RecordView, RedeemPage, RegisterSession, Reject, RememberBrowser,
    ReplaceBackupCodes, Satisfy, StartEnrollment, Suspended, Used,
};
pub use door::{Location, Options, Store};
pub use error::{OpenError, StoreError};
pub use people::{ArmLink, CloseTask, FollowLink, GiveVerdict, HandOut, TaskFilter};
pub use record::{ActiveUser, Attempt, Caller, Deciding, EventFilter, Keyring, UserFilter};
pub use runs::{
    AdvanceRun, BeginRuns, ClaimedRun, FirstClaim, Leeway, Meeting, NewRun, PutBeside, PutWorkflows, Release,
    RunFilter, RunInput, Spares, WebhookCall,
};
pub use stats::{RunReach, RunSample, StepLine};
