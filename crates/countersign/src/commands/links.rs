//! `countersign links`

use domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{Desk, find_user, need_user};
use crate::cli::LinksCommand;
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Table, moment, one_line};

/// Shows what runs of workflows let a user do, and hands over what a link gives.
pub(crate) async fn links(desk: &Desk, command: LinksCommand) -> Result<(), Failure> {
    match command {
        LinksCommand::List { user, limit, .. } => list(desk, &user, limit).await,
        LinksCommand::HandOver { link, who, .. } => hand_over(desk, &link, &who).await,
    }
}

async fn list(desk: &Desk, user: &str, limit: u32) -> Result<(), Failure> {
    let user = need_user(&desk.client, user).await?;
    let query = [("user_id", text(&user, "/id").to_owned()), ("limit", limit.clamp(1, 500).to_string())];
    let list = desk.client.find_in(&["v1", "links"], &query).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    if items(&list).is_empty() {
        desk.output.remark("No links.");
        return Ok(());
    }
    let now = SystemClock.now();
    let columns = ["LINK", "STATE", "GIVES", "UNTIL"].map(Column::text);
    let mut table =
        Table::new(columns.into_iter().chain([Column::text("ID"), Column::long("WORKFLOW")]).collect::<Vec<_>>());
    for link in items(&list) {
        let state = text(link, "/state");
        let look = if state == "open" { Look::Good } else { Look::Plain };
        table.row([
            (Look::Strong, one_line(text(link, "/name"))),
            (look, state.to_owned()),
            (Look::Plain, gift(link).to_owned()),
            (Look::Plain, moment(at(link, "expires_at").as_str(), now)),
            (Look::Faint, text(link, "/id").to_owned()),
            (Look::Faint, one_line(text(link, "/workflow"))),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

async fn hand_over(desk: &Desk, link: &str, who: &str) -> Result<(), Failure> {
    let given = match desk.client.post(&["v1", "links", link, "hand-over"], json!({ "person": who })).await {
        Ok(given) => given,
        Err(refusal) if refusal.is("not-found") => {
            let link = one_line(link);
            return Err(Failure::no(format!(
                "there is no link `{link}` that gives something: `countersign links list USER` shows which there are"
            )));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let output = desk.output;
    if output.is_json() {
        output.json(&given);
        return Ok(());
    }
    // Before anything else is asked: the codes are there this once.
    let link = at(&given, "link");
    output.line("");
    output.line(match text(link, "/gives") {
        "pass" => format!("  A pass. It counts once, until {}, and is shown this once:", text(link, "/expires_at")),
        _ => "  Backup codes. Each counts once; they are shown this once:".to_owned(),
    });
    output.line("");
    let codes: Vec<&str> = at(&given, "codes").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for pair in codes.chunks(2) {
        output.line(format_args!("    {}", output.paint(Look::Strong, pair.join("    "))));
    }
    output.line("");
    let id = text(link, "/user_id");
    let user = match find_user(&desk.client, id).await {
        Ok(Some(user)) => one_line(text(&user, "/external_id")),
        _ => id.to_owned(),
    };
    let user = output.paint(Look::Strong, user);
    output.success(format_args!("for {user}, handed over by {}; backup codes from before are void", one_line(who)));
    Ok(())
}

/// What a link gives, in words.
fn gift(link: &Value) -> &'static str {
    match text(link, "/gives") {
        "pass" => "a pass",
        "backup_codes" => "backup codes",
        _ => "",
    }
}
