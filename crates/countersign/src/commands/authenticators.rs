//! `countersign authenticators`

use domain::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::{Desk, need_user};
use crate::cli::AuthenticatorsCommand;
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Table, moment, one_line};

/// Lists, shows, renames, suspends, resumes and revokes authenticators.
pub(crate) async fn authenticators(desk: &Desk, command: AuthenticatorsCommand) -> Result<(), Failure> {
    match command {
        AuthenticatorsCommand::List(user) => list(desk, &user.user).await,
        AuthenticatorsCommand::Show(one) => show(desk, &one.id).await,
        AuthenticatorsCommand::Rename { authenticator, label } => rename(desk, &authenticator.id, &label).await,
        AuthenticatorsCommand::Suspend(one) => change(desk, &one.id, "suspend", "is suspended").await,
        AuthenticatorsCommand::Resume(one) => change(desk, &one.id, "resume", "can be used again").await,
        AuthenticatorsCommand::Revoke(one) => change(desk, &one.id, "revoke", "is revoked, for good").await,
        AuthenticatorsCommand::ReportLost(one) => {
            change(desk, &one.id, "report-lost", "is lost, and of no use to its finder").await
        }
    }
}

async fn list(desk: &Desk, name: &str) -> Result<(), Failure> {
    let user = need_user(&desk.client, name).await?;
    let list = desk.client.get(&["v1", "users", text(&user, "/id"), "authenticators"]).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
    } else if items(&list).is_empty() {
        let name = one_line(name);
        desk.output.remark(format_args!("{name} has no authenticators. `countersign enroll {name}` gives one."));
    } else {
        authenticator_table(items(&list), SystemClock.now()).print(desk.output, 0);
    }
    Ok(())
}

/// Authenticators as a table.
pub(super) fn authenticator_table(authenticators: &[Value], now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::text("AUTHENTICATOR"),
        Column::text("KIND"),
        Column::long("LABEL"),
        Column::text("STATE"),
        Column::text("USED"),
    ]);
    for authenticator in authenticators {
        let state = text(authenticator, "/state");
        let left = at(authenticator, "codes_left").as_u64().map(|left| format!("{left} left"));
        table.row([
            (Look::Plain, text(authenticator, "/id").to_owned()),
            (Look::Plain, text(authenticator, "/kind").trim_end_matches("_codes").to_owned()),
            (Look::Plain, left.unwrap_or_else(|| one_line(text(authenticator, "/label")))),
            (state_look(state), state.to_owned()),
            (Look::Plain, moment(at(authenticator, "last_used_at").as_str(), now)),
        ]);
    }
    table
}

fn kind(authenticator: &Value) -> String {
    text(authenticator, "/kind").replace('_', " ")
}

/// How the state of a user or authenticator looks.
pub(super) fn state_look(state: &str) -> Look {
    match state {
        "active" => Look::Good,
        "pending" => Look::Faint,
        "suspended" => Look::Warning,
        _ => Look::Bad,
    }
}

async fn show(desk: &Desk, id: &str) -> Result<(), Failure> {
    let authenticator = desk.client.get(&["v1", "authenticators", id]).await?;
    let output = desk.output;
    if output.is_json() {
        output.json(&authenticator);
        return Ok(());
    }
    let user = desk.client.get(&["v1", "users", text(&authenticator, "/user_id")]).await.ok();
    let now = SystemClock.now();
    let state = text(&authenticator, "/state");
    output.line(format_args!(
        "{}  {}",
        output.paint(Look::Strong, text(&authenticator, "/id")),
        output.paint(state_look(state), state)
    ));
    let line = |name: &str, value: String| {
        if !value.is_empty() {
            output.line(format_args!("  {name:<10} {value}"));
        }
    };
    line("User", user.map(|user| one_line(text(&user, "/external_id"))).unwrap_or_default());
    line("Label", one_line(text(&authenticator, "/label")));
    line("Kind", kind(&authenticator));
    if let (Some(digits), Some(period)) = (at(&authenticator, "digits").as_u64(), at(&authenticator, "period").as_u64())
    {
        line("Codes", format!("{digits} digits every {period} s, {}", text(&authenticator, "/algorithm")));
    }
    if let Some(left) = at(&authenticator, "codes_left").as_u64() {
        line("Codes", format!("{left} left"));
    }
    line("Made", moment(at(&authenticator, "created_at").as_str(), now));
    line("Activated", moment(at(&authenticator, "activated_at").as_str(), now));
    line("Last used", moment(at(&authenticator, "last_used_at").as_str(), now));
    Ok(())
}

async fn rename(desk: &Desk, id: &str, label: &str) -> Result<(), Failure> {
    let authenticator = desk.client.patch(&["v1", "authenticators", id], json!({"label": label})).await?;
    tell(desk, &authenticator, &format!("is now called {}", one_line(label)));
    Ok(())
}

async fn change(desk: &Desk, id: &str, verb: &str, now: &str) -> Result<(), Failure> {
    let authenticator = desk.client.post(&["v1", "authenticators", id, verb], json!({})).await?;
    tell(desk, &authenticator, now);
    Ok(())
}

fn tell(desk: &Desk, authenticator: &Value, now: &str) {
    if desk.output.is_json() {
        desk.output.json(authenticator);
    } else {
        desk.output.success(format_args!("{} {now}", desk.output.paint(Look::Strong, text(authenticator, "/id"))));
    }
}
