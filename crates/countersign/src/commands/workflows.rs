//! `countersign workflow list`, `show`, `versions` and `start`: the workflows in force, and a run by hand.

use domain::{Clock, SystemClock};
use serde_json::{Map, Value, json};

use super::{Desk, ask};
use crate::cli::StartArgs;
use crate::client::{Refusal, at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Table, clock_time, moment, one_line};

/// How much of a digest is shown: enough to tell versions apart, and to name one by.
const SHORT: usize = 12;

/// Shows the workflows in force, by name.
pub(super) async fn list(desk: &Desk) -> Result<(), Failure> {
    let list = desk.client.get(&["v1", "workflows"]).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    if items(&list).is_empty() {
        desk.output.remark("No workflows are in force.");
        return Ok(());
    }
    let now = SystemClock.now();
    let columns = [
        Column::text("WORKFLOW"),
        Column::text("SINCE"),
        Column::text("NEXT"),
        Column::text("VERSION"),
        Column::long("STARTED BY"),
    ];
    let mut table = Table::new(columns);
    for workflow in items(&list) {
        let triggers = at(workflow, "triggers").as_array().into_iter().flatten().filter_map(Value::as_str);
        table.row([
            (Look::Strong, one_line(text(workflow, "/name"))),
            (Look::Plain, moment(at(workflow, "at").as_str(), now)),
            (Look::Plain, at(workflow, "next_at").as_str().map_or(String::new(), |next| moment(Some(next), now))),
            (Look::Faint, short(text(workflow, "/digest")).to_owned()),
            (Look::Faint, one_line(&triggers.collect::<Vec<_>>().join(", "))),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

/// Prints what stands in a workflow's file.
pub(super) async fn show(desk: &Desk, name: &str) -> Result<(), Failure> {
    let workflow = find(desk, name).await?;
    if desk.output.is_json() {
        desk.output.json(&workflow);
    } else {
        desk.output.text(text(&workflow, "/document"));
    }
    Ok(())
}

/// Shows which versions of a workflow were in force, the newest first.
pub(super) async fn versions(desk: &Desk, name: &str) -> Result<(), Failure> {
    let list = desk.client.get(&["v1", "workflows", name, "versions"]).await.map_err(|why| unknown(why, name))?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    let mut table = Table::new([Column::text("VERSION"), Column::text("AT"), Column::text("WHAT")]);
    for version in items(&list) {
        let (look, what) =
            if at(version, "withdrawn") == true { (Look::Warning, "withdrawn") } else { (Look::Good, "in force") };
        let digest = if at(version, "withdrawn") == true { "" } else { short(text(version, "/digest")) };
        table.row([
            (Look::Strong, digest.to_owned()),
            (Look::Plain, clock_time(text(version, "/at"))),
            (look, what.to_owned()),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

/// Starts a run for a person.
pub(super) async fn start(desk: &Desk, args: &StartArgs) -> Result<(), Failure> {
    let workflow = find(desk, &args.name).await?;
    let known = workflow.pointer("/content/inputs").unwrap_or(&Value::Null);
    let mut inputs = Map::new();
    for input in &args.inputs {
        let (name, given) =
            input.split_once('=').ok_or_else(|| Failure::usage("--input is a name and a value, as in `user=ana`"))?;
        let read = match given {
            "-" => Some(ask::line().await.ok_or_else(|| Failure::usage("no value came on standard input"))?),
            _ => None,
        };
        let kind = at(at(known, name), "type").as_str();
        let value = value(kind, read.as_deref().unwrap_or(given), inputs.remove(name));
        inputs.insert(name.to_owned(), value);
    }
    let body = json!({ "requester": args.by, "roles": args.roles, "inputs": inputs });
    let run = desk.client.post(&["v1", "workflows", &args.name, "runs"], body).await?;
    if desk.output.is_json() {
        desk.output.json(&run);
        return Ok(());
    }
    let id = text(&run, "/id");
    desk.output.success(format_args!("{} is started.", one_line(&args.name)));
    desk.output.line(desk.output.paint(Look::Faint, format_args!("  {id}: `countersign runs watch {id}` follows it")));
    Ok(())
}

/// What was given for an input of this type; of lists one more beside what is there. What is of no type that is known is told by the server.
fn value(kind: Option<&str>, given: &str, before: Option<Value>) -> Value {
    match kind {
        Some("texts") => match before {
            Some(Value::Array(mut list)) => {
                list.push(given.into());
                list.into()
            }
            _ => json!([given]),
        },
        Some("number" | "bool") => serde_json::from_str(given).unwrap_or_else(|_| given.into()),
        _ => given.into(),
    }
}

async fn find(desk: &Desk, name: &str) -> Result<Value, Failure> {
    desk.client.get(&["v1", "workflows", name]).await.map_err(|why| unknown(why, name))
}

fn unknown(refusal: Refusal, name: &str) -> Failure {
    if refusal.is("not-found") {
        return not_in_force(name);
    }
    refusal.into()
}

/// There is no workflow of this name.
pub(super) fn not_in_force(name: &str) -> Failure {
    let name = one_line(name);
    Failure::no(format!("no workflow `{name}` is in force: `countersign workflow list` shows which there are"))
}

fn short(digest: &str) -> &str {
    digest.get(..SHORT).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_of_the_inputs_type() {
        assert_eq!(value(Some("text"), "5", None), json!("5"));
        assert_eq!(value(Some("number"), "5", None), json!(5));
        assert_eq!(value(Some("bool"), "true", None), json!(true));
        let both = value(Some("texts"), "b", Some(value(Some("texts"), "a", None)));
        assert_eq!(both, json!(["a", "b"]));
    }
}
