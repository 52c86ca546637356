//! `countersign users`

use domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::authenticators::{authenticator_table, state_look};
use super::{Desk, ask, need_user};
use crate::cli::UsersCommand;
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Table, moment, one_line};

/// Lists, shows, suspends, resumes and erases users.
pub(crate) async fn users(desk: &Desk, command: UsersCommand) -> Result<(), Failure> {
    match command {
        UsersCommand::List { search, state, limit, .. } => list(desk, search, state, limit).await,
        UsersCommand::Show(user) => show(desk, &user.user).await,
        UsersCommand::Suspend(user) => {
            change(desk, &user.user, "suspend", "is suspended: no code counts until resumed").await
        }
        UsersCommand::Resume(user) => change(desk, &user.user, "resume", "can prove again").await,
        UsersCommand::Erase { yes, user } => erase(desk, &user.user, yes).await,
    }
}

async fn list(desk: &Desk, search: Option<String>, state: Option<String>, limit: u32) -> Result<(), Failure> {
    let mut users: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    loop {
        let mut query = vec![("limit", (limit - users.len()).clamp(1, 500).to_string())];
        query.extend(search.iter().map(|search| ("search", search.clone())));
        query.extend(state.iter().map(|state| ("state", state.clone())));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = desk.client.find_in(&["v1", "users"], &query).await?;
        users.extend(items(&page).iter().cloned());
        cursor = at(&page, "next_cursor").as_str().map(str::to_owned);
        if cursor.is_none() || users.len() >= limit {
            break;
        }
    }
    users.truncate(limit);
    if desk.output.is_json() {
        desk.output.json(&json!({"items": users, "next_cursor": cursor}));
        return Ok(());
    }
    if users.is_empty() {
        desk.output.remark("No users. `countersign enroll ana` makes the first.");
        return Ok(());
    }
    let now = SystemClock.now();
    let mut table = Table::new([
        Column::long("USER"),
        Column::long("NAME"),
        Column::text("STATE"),
        Column::text("SINCE"),
        Column::text("ID"),
    ]);
    for user in &users {
        table.row([
            (Look::Strong, one_line(text(user, "/external_id"))),
            (Look::Plain, one_line(text(user, "/display_name"))),
            state_cell(user),
            (Look::Plain, moment(at(user, "created_at").as_str(), now)),
            (Look::Faint, text(user, "/id").to_owned()),
        ]);
    }
    table.print(desk.output, 0);
    if cursor.is_some() {
        desk.output.remark(format_args!("There are more: --limit {}", limit.saturating_mul(2)));
    }
    Ok(())
}

fn state_cell(user: &Value) -> (Look, String) {
    let state = text(user, "/state");
    (state_look(state), state.to_owned())
}

async fn show(desk: &Desk, name: &str) -> Result<(), Failure> {
    let user = need_user(&desk.client, name).await?;
    let id = text(&user, "/id");
    let authenticators = desk.client.get(&["v1", "users", id, "authenticators"]).await?;
    let sessions = desk.client.get(&["v1", "users", id, "sessions"]).await?;
    let output = desk.output;
    if output.is_json() {
        output.json(
            &json!({"user": user, "authenticators": at(&authenticators, "items"), "sessions": at(&sessions, "items")}),
        );
        return Ok(());
    }
    let now = SystemClock.now();
    let (look, state) = state_cell(&user);
    output.line(format_args!(
        "{}  {}  {}",
        output.paint(Look::Strong, one_line(text(&user, "/external_id"))),
        output.paint(look, state),
        output.paint(Look::Faint, id)
    ));
    if let Some(display_name) = at(&user, "display_name").as_str() {
        output.line(format_args!("  Name       {}", one_line(display_name)));
    }
    output.line(format_args!("  Kind       {}", text(&user, "/kind")));
    output.line(format_args!("  Since      {}", moment(at(&user, "created_at").as_str(), now)));
    output.line("");
    if items(&authenticators).is_empty() {
        output.line("  No authenticators.");
    } else {
        authenticator_table(items(&authenticators), now).print(output, 2);
    }
    output.line("");
    if items(&sessions).is_empty() {
        output.line("  No live sessions.");
        return Ok(());
    }
    let mut table =
        Table::new([Column::text("SESSION"), Column::text("LEVEL"), Column::text("LOGGED IN"), Column::text("BY")]);
    for session in items(&sessions) {
        let by: Vec<&str> = at(session, "amr").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        table.row([
            (Look::Plain, text(session, "/id").to_owned()),
            (Look::Strong, text(session, "/aal").to_uppercase()),
            (Look::Plain, moment(at(session, "authenticated_at").as_str(), now)),
            (Look::Plain, by.join(", ")),
        ]);
    }
    table.print(output, 2);
    Ok(())
}

async fn change(desk: &Desk, name: &str, verb: &str, now: &str) -> Result<(), Failure> {
    let user = need_user(&desk.client, name).await?;
    let user = desk.client.post(&["v1", "users", text(&user, "/id"), verb], json!({})).await?;
    if desk.output.is_json() {
        desk.output.json(&user);
    } else {
        desk.output.success(format_args!("{} {now}", desk.output.paint(Look::Strong, one_line(name))));
    }
    Ok(())
}

async fn erase(desk: &Desk, name: &str, yes: bool) -> Result<(), Failure> {
    let user = need_user(&desk.client, name).await?;
    let name = one_line(text(&user, "/external_id"));
    let question = format!("This erases {name} with devices, authenticators, backup codes and sessions, for good.");
    ask::sure(desk.output, &question, &name, yes).await?;
    desk.client.delete(&["v1", "users", text(&user, "/id")]).await?;
    if desk.output.is_json() {
        desk.output.json(&json!({"erased": at(&user, "id")}));
    } else {
        desk.output.success(format_args!("{name} is erased; events keep only the id {}", text(&user, "/id")));
    }
    Ok(())
}
