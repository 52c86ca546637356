//! `countersign keys`

use serde_json::{Value, json};

use super::Desk;
use crate::cli::KeysCommand;
use crate::client::{at, text};
use crate::failure::Failure;
use crate::output::{Look, Output};

/// Shows, rotates and retires the keys that everything is sealed and signed with.
pub(crate) async fn keys(desk: &Desk, command: &KeysCommand) -> Result<(), Failure> {
    let keys = match command {
        KeysCommand::Status { .. } => desk.client.get(&["v1", "keys"]).await?,
        KeysCommand::Rotate { .. } => desk.client.post(&["v1", "keys", "rotate"], json!({})).await?,
        KeysCommand::Retire { before, .. } => {
            desk.client.post(&["v1", "keys", "retire"], json!({"before_version": before})).await?
        }
    };
    if desk.output.is_json() {
        desk.output.json(&keys);
        return Ok(());
    }
    match command {
        KeysCommand::Status { .. } => {}
        KeysCommand::Rotate { .. } => desk.output.success(format_args!(
            "New data keys, version {}. What older ones sealed is being sealed anew in the background.\n",
            at(&keys, "key_version")
        )),
        KeysCommand::Retire { .. } => desk.output.success(format_args!(
            "The data keys below version {} are gone; nothing that they sealed opens any more.\n",
            at(&keys, "oldest_key_version")
        )),
    }
    status(desk.output, &keys);
    Ok(())
}

fn status(output: Output, keys: &Value) {
    let line = |name: &str, value: &str, remark: &str| {
        let remark = if remark.is_empty() { String::new() } else { format!("  {}", output.paint(Look::Faint, remark)) };
        output.line(format_args!("  {name:<14}{value}{remark}"));
    };
    line("Root key", text(keys, "/root_key_id"), &format!("from {}", text(keys, "/root_key_source")));
    let (oldest, newest) = (&at(keys, "oldest_key_version"), &at(keys, "key_version"));
    let range = if oldest == newest { String::new() } else { format!("versions {oldest} to {newest} still open") };
    line("Data keys", &format!("version {newest}"), &range);
    for (index, kid) in at(keys, "signing_keys").as_array().into_iter().flatten().filter_map(Value::as_str).enumerate()
    {
        line(if index == 0 { "Signing keys" } else { "" }, kid, "");
    }
    output.line(format_args!("  {:<14}{}", "", output.paint(Look::Faint, "public halves: GET /.well-known/jwks.json")));
}
