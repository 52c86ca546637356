//! `countersign applications`

use domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{Desk, ask};
use crate::cli::ApplicationsCommand;
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Table, moment, one_line};

/// What a login page needs: know its users, register sessions, enroll, ask for proof.
const LOGIN_SCOPES: [&str; 6] =
    ["users:read", "users:write", "sessions", "enrollments", "authenticators:read", "challenges"];

/// Lists, creates and deletes applications, and rotates their keys.
pub(crate) async fn applications(desk: &Desk, command: ApplicationsCommand) -> Result<(), Failure> {
    match command {
        ApplicationsCommand::List { .. } => list(desk).await,
        ApplicationsCommand::Create { name, scopes, .. } => create(desk, &name, scopes).await,
        ApplicationsCommand::Delete { application, yes, .. } => delete(desk, &application, yes).await,
        ApplicationsCommand::RotateKey { application, overlap, .. } => rotate_key(desk, &application, overlap).await,
    }
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let list = desk.client.get(&["v1", "applications"]).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    let now = SystemClock.now();
    let mut table =
        Table::new([Column::long("APPLICATION"), Column::text("SINCE"), Column::text("ID"), Column::long("MAY")]);
    for application in items(&list) {
        let scopes: Vec<&str> =
            at(application, "scopes").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        table.row([
            (Look::Strong, one_line(text(application, "/name"))),
            (Look::Plain, moment(at(application, "created_at").as_str(), now)),
            (Look::Faint, text(application, "/id").to_owned()),
            (Look::Plain, scopes.join(" ")),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

async fn create(desk: &Desk, name: &str, scopes: Vec<String>) -> Result<(), Failure> {
    let scopes = if scopes.is_empty() { LOGIN_SCOPES.map(str::to_owned).to_vec() } else { scopes };
    let made = desk.client.post(&["v1", "applications"], json!({"name": name, "scopes": scopes})).await?;
    if desk.output.is_json() {
        desk.output.json(&made);
        return Ok(());
    }
    desk.output.success(format_args!(
        "{} is made {}",
        desk.output.paint(Look::Strong, one_line(name)),
        desk.output.paint(Look::Faint, text(&made, "/application/id"))
    ));
    desk.output.line(format_args!("  May        {}", scopes.join(" ")));
    show_key(desk, text(&made, "/api_key/key"));
    Ok(())
}

fn show_key(desk: &Desk, key: &str) {
    desk.output.line(format_args!("  API key    {}", desk.output.paint(Look::Faint, "shown this once:")));
    desk.output.line(desk.output.paint(Look::Warning, key));
}

async fn delete(desk: &Desk, name: &str, yes: bool) -> Result<(), Failure> {
    let application = need_application(desk, name).await?;
    let name = one_line(text(&application, "/name"));
    let question = format!("This deletes {name} and its keys, and ends its sessions, at once.");
    ask::sure(desk.output, &question, &name, yes).await?;
    desk.client.delete(&["v1", "applications", text(&application, "/id")]).await?;
    if desk.output.is_json() {
        desk.output.json(&json!({"deleted": at(&application, "id")}));
    } else {
        desk.output.success(format_args!("{name} is deleted"));
    }
    Ok(())
}

async fn rotate_key(desk: &Desk, name: &str, overlap: u64) -> Result<(), Failure> {
    let application = need_application(desk, name).await?;
    let path = ["v1", "applications", text(&application, "/id"), "keys"];
    let key = desk.client.post(&path, json!({"expire_others_in": overlap})).await?;
    if desk.output.is_json() {
        desk.output.json(&key);
        return Ok(());
    }
    desk.output.success(format_args!(
        "{} has a new key; the others end in {overlap} s",
        desk.output.paint(Look::Strong, one_line(text(&application, "/name")))
    ));
    show_key(desk, text(&key, "/key"));
    Ok(())
}

async fn need_application(desk: &Desk, name: &str) -> Result<Value, Failure> {
    let list = desk.client.get(&["v1", "applications"]).await?;
    let wanted = |application: &&Value| text(application, "/id") == name || text(application, "/name") == name;
    items(&list).iter().find(wanted).cloned().ok_or_else(|| {
        Failure::no(format!("there is no application `{name}`: `countersign applications list` shows which there are"))
    })
}
