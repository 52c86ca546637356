//! One file for each command.

mod administrator;
mod alerts;
mod applications;
mod ask;
mod authenticators;
mod config;
mod doctor;
mod enroll;
mod events;
mod explain;
mod gateways;
mod keys;
mod links;
mod opening;
mod paper;
mod root_key;
mod runs;
mod runs_live;
mod serve;
mod simulate;
mod tasks;
mod tokens;
mod users;
mod verify;
mod workflow;
mod workflow_change;
mod workflows;

use crate::client::{Client, Refusal};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) use administrator::administrator;
pub(crate) use alerts::{alerts, validate as validate_alerts};
pub(crate) use applications::applications;
pub(crate) use authenticators::authenticators;
pub(crate) use config::{ask_server as config, test, validate};
pub(crate) use doctor::doctor;
pub(crate) use enroll::enroll;
pub(crate) use events::events;
pub(crate) use explain::explain;
pub(crate) use gateways::gateways;
pub(crate) use keys::keys;
pub(crate) use links::links;
pub(crate) use paper::{completions, man};
pub(crate) use root_key::root_key;
pub(crate) use runs::runs;
pub(crate) use serve::serve;
pub(crate) use simulate::{simulate, why_not};
pub(crate) use tasks::tasks;
pub(crate) use tokens::tokens;
pub(crate) use users::users;
pub(crate) use verify::verify;
pub(crate) use workflow::{test as test_workflows, validate as validate_workflows};
pub(crate) use workflow_change::change_workflow;

/// What a command that asks a server works with.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The server.
    pub(crate) client: Client,
    /// The screen.
    pub(crate) output: Output,
}

/// The user of this name, as JSON; `None` if there is none.
async fn find_user(client: &Client, name: &str) -> Result<Option<serde_json::Value>, Refusal> {
    let path: &[&str] =
        if name.starts_with("usr_") { &["v1", "users", name] } else { &["v1", "users", "by-external-id", name] };
    match client.get(path).await {
        Ok(user) => Ok(Some(user)),
        Err(refusal) if refusal.is("not-found") => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// The user of this name, or a failure that says that there is none.
async fn need_user(client: &Client, name: &str) -> Result<serde_json::Value, Failure> {
    let user = find_user(client, name).await?;
    user.ok_or_else(|| Failure::no(format!("there is no user `{name}`: `countersign users list` shows who there is")))
}
