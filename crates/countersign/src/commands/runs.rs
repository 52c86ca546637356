//! `countersign runs`

use domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{Desk, need_user, tasks, why_not};
use crate::cli::{OneStep, RunsCommand};
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Output, Table, clock_time, count, counted, moment, one_line};

/// How many lines of a history are asked for at a time.
pub(super) const PART: &str = "500";

/// Shows runs of workflows, and says what becomes of them.
pub(crate) async fn runs(desk: &Desk, command: RunsCommand) -> Result<(), Failure> {
    match command {
        RunsCommand::List { workflow, state, user, limit, .. } => {
            let mut query = vec![("limit", limit.clamp(1, 500).to_string())];
            query.extend(workflow.map(|workflow| ("workflow", workflow)));
            query.extend(state.map(|state| ("state", state)));
            if let Some(name) = user {
                query.push(("user_id", text(&need_user(&desk.client, &name).await?, "/id").to_owned()));
            }
            list(desk, &query).await
        }
        RunsCommand::Show(one) => show(desk, &one.run, |_| true).await,
        RunsCommand::Watch(one) => super::runs_live::watch(desk, &one.run).await,
        RunsCommand::Top { window, every, .. } => super::runs_live::top(desk, &window, every).await,
        RunsCommand::Why(one) => show(desk, &one.run, tells_why).await,
        RunsCommand::WhyNot(args) => why_not(desk, &args).await,
        RunsCommand::Cancel(one) => {
            let run = desk.client.post(&["v1", "runs", &one.run, "cancel"], json!({})).await?;
            done(desk, &run, "is to be cancelled; `countersign runs show` tells when it is");
            Ok(())
        }
        RunsCommand::Retry(one) => resolve(desk, &one, "retry", "is tried again").await,
        RunsCommand::Release { run, said, .. } => {
            let task = only_release(desk, &run).await?;
            tasks::verdict(desk, &task, &said, "approve").await
        }
        RunsCommand::Discard(one) => resolve(desk, &one, "discard", "is given up").await,
    }
}

async fn list(desk: &Desk, query: &[(&str, String)]) -> Result<(), Failure> {
    let list = desk.client.find_in(&["v1", "runs"], query).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    if items(&list).is_empty() {
        desk.output.remark("No runs.");
        return Ok(());
    }
    let now = SystemClock.now();
    let columns = ["WORKFLOW", "STATE", "STARTED"].map(Column::text);
    let mut table =
        Table::new(columns.into_iter().chain([Column::text("ID"), Column::long("WHY")]).collect::<Vec<_>>());
    for run in items(&list) {
        let state = text(run, "/state");
        table.row([
            (Look::Strong, one_line(text(run, "/workflow"))),
            (look(state), state.to_owned()),
            (Look::Plain, moment(at(run, "created_at").as_str(), now)),
            (Look::Faint, text(run, "/id").to_owned()),
            (Look::Faint, one_line(text(run, "/error"))),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

/// Shows a run, and those lines of its history that are wanted.
async fn show(desk: &Desk, id: &str, wanted: fn(&Value) -> bool) -> Result<(), Failure> {
    let run = desk.client.get(&["v1", "runs", id]).await?;
    let mut lines = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", PART.to_owned())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = desk.client.find_in(&["v1", "runs", id, "steps"], &query).await?;
        lines.extend(items(&page).iter().filter(|line| wanted(at(line, "entry"))).cloned());
        match at(&page, "next_cursor").as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    let output = desk.output;
    if output.is_json() {
        output.json(&json!({ "run": run, "steps": lines }));
        return Ok(());
    }
    let state = text(&run, "/state");
    let (name, id) = (one_line(text(&run, "/workflow")), output.paint(Look::Faint, text(&run, "/id")));
    output.line(format_args!("{}  {}  {id}", output.paint(Look::Strong, name), output.paint(look(state), state)));
    for (what, value) in
        [("about", "/user_id"), ("by", "/requester"), ("because of", "/event/kind"), ("error", "/error")]
    {
        let value = text(&run, value);
        if !value.is_empty() {
            output.line(format_args!("  {}  {}", output.paint(Look::Faint, format!("{what:<10}")), one_line(value)));
        }
    }
    for one in at(&run, "waits").as_array().into_iter().flatten() {
        output.line(format_args!("  {}  {}", output.paint(Look::Faint, format!("{:<10}", "waits")), waits(one)));
    }
    for one in at(&run, "loops").as_array().into_iter().flatten() {
        output.line(format_args!("  {}  {}", output.paint(Look::Faint, format!("{:<10}", "loop")), how_far(one)));
    }
    for step in at(&run, "held").as_array().into_iter().flatten().filter_map(Value::as_str) {
        let step = output.paint(Look::Warning, step);
        output.line(format_args!("  {}  {step}", output.paint(Look::Faint, format!("{:<10}", "held"))));
    }
    for task in at(&run, "release_tasks").as_array().into_iter().flatten().filter_map(Value::as_str) {
        let task = output.paint(Look::Warning, task);
        output.line(format_args!("  {}  {task}", output.paint(Look::Faint, format!("{:<10}", "release by"))));
    }
    for line in &lines {
        tell(line, output);
    }
    Ok(())
}

/// What a step waits for, for people.
fn waits(one: &Value) -> String {
    let what = match text(one, "/for") {
        "event" => format!("for {}", text(one, "/event")),
        "people" => format!("for people to decide {}", text(one, "/task")),
        "run" => "for a run that it called".to_owned(),
        "retry" => "to be tried again".to_owned(),
        _ => "for time to go by".to_owned(),
    };
    let until = match text(one, "/until") {
        "" => String::new(),
        until if text(one, "/for") == "retry" => format!(", at {}", clock_time(until)),
        until => format!(", until {}", clock_time(until)),
    };
    one_line(&format!("{}: {}{until}", text(one, "/step"), what.trim_end()))
}

/// How far a loop is, for people.
fn how_far(one: &Value) -> String {
    let [done, failed, skipped] = ["done", "failed", "skipped"].map(|part| at(one, part).as_u64().unwrap_or(0));
    let ended = done.saturating_add(failed).saturating_add(skipped);
    let mut words = format!("{}: {}", one_line(text(one, "/step")), count(ended));
    if let Some(of) = at(one, "of").as_u64() {
        let share = ended.saturating_mul(100).checked_div(of).unwrap_or(100);
        words = format!("{words} of {}, {share} %", count(of));
    }
    for (many, what) in [(failed, "failed"), (skipped, "left out")] {
        if many > 0 {
            words = format!("{words}, {} {what}", count(many));
        }
    }
    words
}

/// One line of a history, and what its condition asked for behind it.
pub(super) fn tell(line: &Value, output: Output) {
    let entry = at(line, "entry");
    let what = text(entry, "/what");
    let (look, words) = match what {
        "step_done" => (Look::Good, "done".to_owned()),
        "step_failed" | "held" | "stopping" => {
            (Look::Bad, format!("{}: {}", what.replace('_', " "), text(entry, "/message")))
        }
        "attempt_failed" => (Look::Warning, again("failed", entry)),
        "postponed" => (Look::Warning, again("put off", entry)),
        "approved" => (Look::Good, format!("approved by {}", text(entry, "/by"))),
        "rejected" => (Look::Bad, format!("rejected by {}", text(entry, "/by"))),
        "asked" if at(entry, "holds") == true => (Look::Plain, "the condition holds".to_owned()),
        "asked" => (Look::Plain, "the condition does not hold".to_owned()),
        "foreseen" => {
            let more = if at(entry, "is_whole") == true { "" } else { ", and more" };
            (
                Look::Plain,
                format!("is about {} at most{more}", counted(at(entry, "users").as_u64().unwrap_or(0), "user")),
            )
        }
        "phase" => (Look::Plain, phase(at(entry, "phase"))),
        other => (Look::Plain, other.replace('_', " ")),
    };
    let step = text(line, "/step");
    let at_time = output.paint(Look::Faint, clock_time(text(line, "/at")));
    output.line(format_args!("{at_time}  {step:<20}  {}", output.paint(look, one_line(&words))));
    for clause in at(entry, "clauses").as_array().into_iter().flatten() {
        let clause = one_line(&clause.to_string());
        output.line(format_args!("{:<43}{}", "", output.paint(Look::Faint, clause)));
    }
}

/// What is done again, when, and why.
fn again(what: &str, entry: &Value) -> String {
    format!("{what}, again at {}: {}", clock_time(text(entry, "/again_at")), text(entry, "/message"))
}

fn phase(phase: &Value) -> String {
    match phase.as_str() {
        Some("undoing") => "undoes what it did".to_owned(),
        Some(block) => format!("goes on with `{block}`"),
        // `over`, with how.
        None => format!("ends: {}", phase.get("over").and_then(Value::as_str).unwrap_or_default()),
    }
}

/// Whether a line of a history says why a run went the way it went.
fn tells_why(entry: &Value) -> bool {
    matches!(
        text(entry, "/what"),
        "asked" | "step_failed" | "attempt_failed" | "held" | "stopping" | "arrived" | "phase"
    )
}

async fn resolve(desk: &Desk, one: &OneStep, how: &str, said: &str) -> Result<(), Failure> {
    let step = if let Some(step) = &one.step { step.clone() } else { only_held(desk, &one.run).await? };
    let run = desk.client.post(&["v1", "runs", &one.run, how], json!({ "step": step })).await?;
    done(desk, &run, &format!("goes on: {step} {said}"));
    Ok(())
}

/// The step of a run that is held, where it is one.
async fn only_held(desk: &Desk, id: &str) -> Result<String, Failure> {
    let run = desk.client.get(&["v1", "runs", id]).await?;
    let held: Vec<&str> = at(&run, "held").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match held.as_slice() {
        [] => Err(Failure::no("no step of this run is held")),
        [only] => Ok((*only).to_owned()),
        several => Err(Failure::no(format!("several steps are held: say which, {}", several.join(", ")))),
    }
}

/// The task by which people release a run, where it is one.
async fn only_release(desk: &Desk, id: &str) -> Result<String, Failure> {
    let run = desk.client.get(&["v1", "runs", id]).await?;
    let tasks: Vec<&str> =
        at(&run, "release_tasks").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match tasks.as_slice() {
        [] => Err(Failure::no(
            "nothing of this run waits for people; what was not decided in time, `runs retry` asks again",
        )),
        [only] => Ok((*only).to_owned()),
        several => Err(Failure::no(format!(
            "several steps wait for people: say which by `tasks approve`, {}",
            several.join(", ")
        ))),
    }
}

fn done(desk: &Desk, run: &Value, said: &str) {
    if desk.output.is_json() {
        desk.output.json(run);
    } else {
        desk.output.success(format_args!("{} {said}", one_line(text(run, "/workflow"))));
    }
}

pub(super) fn look(state: &str) -> Look {
    match state {
        "completed" => Look::Good,
        "failed" => Look::Bad,
        "held" | "cancelled" => Look::Warning,
        _ => Look::Plain,
    }
}
