//! `countersign workflow simulate` and `countersign runs why-not`: what a workflow would have done, and why it did not start.

use std::path::Path;

use serde_json::{Map, Value};

use super::workflows::not_in_force;
use super::{Desk, need_user};
use crate::cli::{SimulateArgs, WhyNotArgs};
use crate::client::{Refusal, at, text};
use crate::failure::{Failure, describe};
use crate::output::{Column, Look, Output, Table, clock_time, count, counted, one_line};

/// How many users, runs and messages are shown.
const SHOWN: usize = 20;

/// Shows what a workflow would have done.
pub(crate) async fn simulate(desk: &Desk, args: &SimulateArgs) -> Result<(), Failure> {
    let mut body = Map::new();
    let path = Path::new(&args.workflow);
    if path.is_file() {
        body.insert("document".to_owned(), read(path)?.into());
    } else {
        body.insert("workflow".to_owned(), args.workflow.as_str().into());
    }
    if let Some(file) = &args.event {
        body.insert("event".to_owned(), read_json(file)?);
    } else if let Some(file) = &args.inputs {
        body.insert("inputs".to_owned(), read_json(file)?);
    } else {
        body.insert("days".to_owned(), args.days.into());
    }
    if let Some(file) = &args.results {
        body.insert("results".to_owned(), read_json(file)?);
    }
    body.insert("approve".to_owned(), args.approve.into());
    let told = desk.client.post(&["v1", "workflows", "simulate"], Value::Object(body)).await;
    let told = told.map_err(|refusal| refused(refusal, &args.workflow))?;
    if desk.output.is_json() {
        desk.output.json(&told);
    } else {
        show(desk.output, &told);
    }
    Ok(())
}

fn refused(refusal: Refusal, workflow: &str) -> Failure {
    if refusal.is("not-found") {
        return Failure::no(format!("there is no file `{workflow}`, and no workflow in force that is called so"));
    }
    refusal.into()
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::configuration(format!("{} cannot be read ({})", path.display(), describe(&error))))
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Failure::configuration(format!("{} is no JSON: {error}", path.display())))
}

fn show(out: Output, told: &Value) {
    let number = |name: &str| at(told, name).as_u64().unwrap_or(0);
    let name = out.paint(Look::Strong, one_line(text(told, "/workflow")));
    let (since, until) = (clock_time(text(told, "/since")), clock_time(text(told, "/until")));
    out.line(format_args!(
        "{name} would have fired {}, for {}.",
        times(number("fired")),
        users(number("users_in_all"))
    ));
    let events = count(number("events"));
    out.line(out.paint(Look::Faint, format_args!("  {since} to {until}, {events} events looked at")));
    if at(told, "is_cut") == true {
        out.line(out.paint(Look::Warning, "  There was more than could be looked at: ask for fewer days."));
    }
    for (name, what) in [
        ("skipped", "not started, as one of the same key was under way"),
        ("not_told", "not started, as that could not be told"),
    ] {
        if number(name) > 0 {
            out.line(out.paint(Look::Warning, format_args!("  {} {what}", count(number(name)))));
        }
    }
    for untold in array(told, "untold").iter().take(SHOWN) {
        let (when, why) = (clock_time(text(untold, "/at")), one_line(text(untold, "/message")));
        out.line(out.paint(Look::Faint, format_args!("    {when}  {why}")));
    }
    for (outcome, many) in at(told, "outcomes").as_object().into_iter().flatten() {
        let look = if outcome == "completed" { Look::Good } else { Look::Warning };
        let many = count(many.as_u64().unwrap_or(0));
        out.line(out.paint(look, format_args!("  {many} {outcome}")));
    }
    show_steps(out, told);
    show_touched(out, at(told, "touched"));
    show_users(out, told);
    out.line("");
    for assumed in array(told, "assumed").iter().filter_map(Value::as_str) {
        out.line(out.paint(Look::Faint, format_args!("  assumed: {}", one_line(assumed))));
    }
}

fn show_steps(out: Output, told: &Value) {
    let mut table =
        Table::new([Column::text("STEP"), Column::text("WHAT"), Column::number("TIMES"), Column::long("FOR")]);
    let mut rows = 0;
    for acted in array(told, "actions") {
        let number = |name: &str| at(acted, name).as_u64().unwrap_or(0);
        let of = [("users", "user"), ("authenticators", "authenticator"), ("sessions", "session")];
        let of = of.iter().filter(|(name, _)| number(name) > 0).map(|(name, what)| counted(number(name), what));
        row(&mut table, acted, text(acted, "/action"), of.collect::<Vec<_>>().join(", "));
        rows += 1;
    }
    for waited in array(told, "waits") {
        row(&mut table, waited, &format!("ends by {}", text(waited, "/outcome")), String::new());
        rows += 1;
    }
    for called in array(told, "calls") {
        row(&mut table, called, &format!("calls {}", text(called, "/workflow")), String::new());
        rows += 1;
    }
    if rows > 0 {
        out.line("");
        table.print(out, 2);
    }
    for failed in array(told, "failures").iter().take(SHOWN) {
        let many = times(at(failed, "times").as_u64().unwrap_or(0));
        let (step, message) = (one_line(text(failed, "/step")), one_line(text(failed, "/message")));
        out.line(out.paint(Look::Bad, format_args!("  {step} would have failed {many}: {message}")));
    }
}

fn row(table: &mut Table, entry: &Value, what: &str, of: String) {
    table.row([
        (Look::Strong, one_line(text(entry, "/step"))),
        (Look::Plain, one_line(what)),
        (Look::Plain, count(at(entry, "times").as_u64().unwrap_or(0))),
        (Look::Faint, of),
    ]);
}

fn show_touched(out: Output, touched: &Value) {
    let number = |name: &str| at(touched, name).as_u64().unwrap_or(0);
    let all = ["users", "authenticators", "sessions"].map(number);
    if all == [0; 3] {
        return;
    }
    let [users, authenticators, sessions] = all;
    let what = [(users, "user"), (authenticators, "authenticator"), (sessions, "session")];
    let what = what.map(|(number, what)| counted(number, what)).join(", ");
    out.line("");
    out.line(format_args!("As things are now it would touch {what}."));
    if number("shut_out") > 0 {
        let who = self::users(number("shut_out"));
        out.line(
            out.paint(Look::Bad, format_args!("  {who} could prove nothing any more: locked, or without a factor")),
        );
    }
    let administrators = array(touched, "administrators_shut_out");
    let administrators: Vec<String> = administrators.iter().filter_map(Value::as_str).map(one_line).collect();
    if !administrators.is_empty() {
        let names = administrators.join(", ");
        out.line(out.paint(Look::Bad, format_args!("  among them administrators: {names}")));
    }
    let demoted: Vec<String> =
        array(touched, "administrators_demoted").iter().filter_map(Value::as_str).map(one_line).collect();
    if !demoted.is_empty() {
        let names = demoted.join(", ");
        out.line(out.paint(Look::Bad, format_args!("  administrators no more, by the groups left to them: {names}")));
    }
    if at(touched, "takes_two_people") == true {
        out.line(out.paint(Look::Warning, "  A run would be held for that, until two people release it."));
    }
}

fn show_users(out: Output, told: &Value) {
    let users = array(told, "users");
    if users.is_empty() {
        return;
    }
    out.line("");
    let mut table = Table::new([Column::text("USER"), Column::number("RUNS")]);
    for user in users.iter().take(SHOWN) {
        let name = [text(user, "/external_id"), text(user, "/user_id")].into_iter().find(|name| !name.is_empty());
        let runs = count(at(user, "runs").as_u64().unwrap_or(0));
        table.row([(Look::Plain, one_line(name.unwrap_or_default())), (Look::Plain, runs)]);
    }
    table.print(out, 2);
    if users.len() > SHOWN {
        out.line(out.paint(Look::Faint, format_args!("  and more: --json has up to 1,000")));
    }
}

/// Says why events about a user did or did not start a workflow.
pub(crate) async fn why_not(desk: &Desk, args: &WhyNotArgs) -> Result<(), Failure> {
    let query = [("user", args.user.clone()), ("days", args.days.to_string())];
    let told = match desk.client.find_in(&["v1", "workflows", &args.workflow, "why-not"], &query).await {
        Err(refusal) if refusal.is("not-found") => {
            need_user(&desk.client, &args.user).await?;
            return Err(not_in_force(&args.workflow));
        }
        told => told?,
    };
    let out = desk.output;
    if out.is_json() {
        out.json(&told);
        return Ok(());
    }
    let events = array(&told, "events");
    if events.is_empty() {
        out.remark("No event about this user in that time is of a kind that starts it.");
    }
    for event in events {
        let (when, kind) = (clock_time(text(event, "/at")), one_line(text(event, "/kind")));
        let look = if text(event, "/outcome") == "started" { Look::Good } else { Look::Warning };
        let said = format!("{}: {}", text(event, "/outcome").replace('_', " "), text(event, "/why"));
        out.line(format_args!("{}  {kind}  {}", out.paint(Look::Faint, when), out.paint(look, one_line(&said))));
        if !text(event, "/run").is_empty() {
            out.line(out.paint(Look::Faint, format_args!("    {}", one_line(text(event, "/run")))));
        }
        for clause in array(event, "triggers").iter().flat_map(|clauses| clauses.as_array().into_iter().flatten()) {
            let look = match text(clause, "/holds") {
                "true" => Look::Good,
                "false" => Look::Bad,
                _ => Look::Warning,
            };
            let holds = format!("{:<8}", text(clause, "/holds"));
            let values = at(clause, "values").as_object().into_iter().flatten();
            let values: Vec<String> = values.map(|(name, value)| format!("{name} = {value}")).collect();
            let (said, values) = (one_line(text(clause, "/text")), one_line(&values.join(", ")));
            let values = out.paint(Look::Faint, values);
            out.line(format_args!("    {} {said}  {values}", out.paint(look, holds)));
        }
    }
    let others: Vec<&str> = array(&told, "other_triggers").iter().filter_map(Value::as_str).collect();
    if !others.is_empty() {
        out.line(out.paint(Look::Faint, format_args!("It is also started by {}.", one_line(&others.join(", ")))));
    }
    Ok(())
}

fn array<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    at(of, name).as_array().map_or(&[], Vec::as_slice)
}

fn users(number: u64) -> String {
    counted(number, "user")
}

fn times(number: u64) -> String {
    counted(number, "time")
}
