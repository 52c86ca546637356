//! `countersign alerts`

use std::time::Duration;

use domain::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};
use workflow::AlertRule;

use super::Desk;
use super::workflow::{files_of, tell, wanted};
use crate::cli::{AlertsCommand, WorkflowFiles};
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Output, Table, clock_time, counted, moment, one_line};

/// The longest that the server silences something.
const LONGEST_SILENCE: Duration = Duration::from_hours(30 * 24);

/// Shows alerts, and says what becomes of them.
pub(crate) async fn alerts(desk: &Desk, command: AlertsCommand) -> Result<(), Failure> {
    match command {
        AlertsCommand::List { rule, state, limit, .. } => {
            let mut query = vec![("limit", limit.clamp(1, 500).to_string())];
            query.extend(rule.map(|rule| ("rule", rule)));
            query.extend(state.map(|state| ("state", state)));
            list(desk, &query).await
        }
        AlertsCommand::Show { alert, .. } => {
            let alert = desk.client.get(&["v1", "alerts", &alert]).await?;
            show(&alert, desk.output);
            Ok(())
        }
        AlertsCommand::Rules { .. } => rules(desk).await,
        AlertsCommand::Ack { alert, by, reason, .. } => {
            say(desk, &alert, "acknowledge", json!({ "by": by, "reason": reason }), "is seen to").await
        }
        AlertsCommand::Silence { alert, rule, by, reason, span, .. } => {
            let span = workflow::parse_duration(&span)
                .filter(|span| (Duration::from_secs(1)..=LONGEST_SILENCE).contains(span))
                .ok_or_else(|| Failure::usage("--for is a number and its unit, as in `90m` or `24h`: `30d` at most"))?;
            let body = json!({ "by": by, "reason": reason, "seconds": span.as_secs() });
            match (alert, rule) {
                (_, Some(rule)) => {
                    let rule = desk.client.post(&["v1", "alert-rules", &rule, "silence"], body).await?;
                    said(desk, &rule, "/name", "is silenced");
                    Ok(())
                }
                (Some(alert), None) => say(desk, &alert, "silence", body, "is silenced").await,
                // The command line is not taken without one of them.
                (None, None) => Err(Failure::usage("an alert or --rule is wanted")),
            }
        }
        AlertsCommand::Resolve { alert, by, reason, .. } => {
            say(desk, &alert, "resolve", json!({ "by": by, "reason": reason }), "is over").await
        }
        // It asks no server.
        AlertsCommand::Validate(files) => validate(&files, desk.output),
    }
}

async fn say(desk: &Desk, id: &str, how: &str, body: Value, said: &str) -> Result<(), Failure> {
    let alert = desk.client.post(&["v1", "alerts", id, how], body).await?;
    self::said(desk, &alert, "/rule", said);
    Ok(())
}

fn said(desk: &Desk, of: &Value, name: &str, said: &str) {
    if desk.output.is_json() {
        desk.output.json(of);
    } else {
        desk.output.success(format_args!("{} {said}", one_line(text(of, name))));
    }
}

async fn list(desk: &Desk, query: &[(&str, String)]) -> Result<(), Failure> {
    let list = desk.client.find_in(&["v1", "alerts"], query).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    if items(&list).is_empty() {
        desk.output.remark("No alerts.");
        return Ok(());
    }
    let now = SystemClock.now();
    let columns = [
        Column::text("RULE"),
        Column::text("SEVERITY"),
        Column::text("STATE"),
        Column::number("COUNT"),
        Column::text("RAISED"),
        Column::text("ID").or_below(),
        Column::long("ABOUT").or_below(),
    ];
    let mut table = Table::new(columns);
    for alert in items(&list) {
        let state = text(alert, "/state");
        table.row([
            (Look::Strong, one_line(text(alert, "/rule"))),
            (severity(alert), text(alert, "/severity").to_owned()),
            (look(state), state.to_owned()),
            (Look::Plain, at(alert, "count").to_string()),
            (Look::Plain, moment(at(alert, "raised_at").as_str(), now)),
            (Look::Faint, text(alert, "/id").to_owned()),
            (Look::Faint, one_line(text(alert, "/group"))),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

fn show(alert: &Value, output: Output) {
    if output.is_json() {
        return output.json(alert);
    }
    let state = text(alert, "/state");
    let (rule, id) = (one_line(text(alert, "/rule")), output.paint(Look::Faint, text(alert, "/id")));
    let severity = output.paint(severity(alert), text(alert, "/severity"));
    let (rule, state) = (output.paint(Look::Strong, rule), output.paint(look(state), state));
    output.line(format_args!("{rule}  {severity}  {state}  {id}"));
    let tell = |what: &str, value: String| {
        if !value.is_empty() {
            output.line(format_args!("  {}  {value}", output.paint(Look::Faint, format!("{what:<12}"))));
        }
    };
    let usual = at(alert, "usual").as_i64().map(|usual| format!(", {usual} as a rule")).unwrap_or_default();
    tell("events", format!("{} where {} may be{usual}", at(alert, "count"), at(alert, "limit")));
    let (by, group) = (text(alert, "/by"), one_line(text(alert, "/group")));
    tell("about", if by.is_empty() { String::new() } else { format!("{by} {group}") });
    tell("raised", format!("{} by event {}", clock_time(text(alert, "/raised_at")), at(alert, "position")));
    for (what, name) in [("acknowledged", "acknowledged"), ("silenced", "silenced"), ("resolved", "resolved")] {
        let said = at(alert, name);
        if said.is_object() {
            let who = said.get("by").and_then(Value::as_str).map_or("by itself", |by| by);
            let why = said.get("reason").and_then(Value::as_str).map(|why| format!(": {why}")).unwrap_or_default();
            tell(what, one_line(&format!("{}, {who}{why}", clock_time(text(said, "/at")))));
        }
    }
    tell("silent until", clock_time(text(alert, "/silenced_until")));
    if state != "resolved" {
        tell("resolves", format!("{} if no more comes", clock_time(text(alert, "/resolves_at"))));
    }
}

async fn rules(desk: &Desk) -> Result<(), Failure> {
    let list = desk.client.get(&["v1", "alert-rules"]).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    if items(&list).is_empty() {
        desk.output.remark("No rules of alerts are in force.");
        return Ok(());
    }
    let now = SystemClock.now();
    let columns = ["RULE", "SEVERITY", "SILENT"].map(Column::text);
    let mut table = Table::new(columns.into_iter().chain([Column::long("EVENTS")]).collect::<Vec<_>>());
    for rule in items(&list) {
        let events: Vec<&str> = at(rule, "events").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        table.row([
            (Look::Strong, one_line(text(rule, "/name"))),
            (severity(rule), text(rule, "/severity").to_owned()),
            (Look::Warning, silent(rule, now)),
            (Look::Faint, events.join(", ")),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

/// For how long a rule still raises nothing.
fn silent(rule: &Value, now: Timestamp) -> String {
    match at(rule, "silenced_until").as_str() {
        // Times of this form are in order as texts are.
        Some(until) if until > now.to_string().as_str() => format!("ends {}", moment(Some(until), now)),
        _ => String::new(),
    }
}

/// Tells every mistake in files of rules.
pub(crate) fn validate(args: &WorkflowFiles, output: Output) -> Result<(), Failure> {
    let mut mistakes = Vec::new();
    let mut rules = Vec::new();
    for (file, document) in files_of(args)? {
        wanted("alert rule", &file, &document)?;
        match AlertRule::read(&file, &document) {
            Ok(rule) => rules.push((file, rule)),
            Err(found) => mistakes.extend(found),
        }
    }
    let all: Vec<(&str, &AlertRule)> = rules.iter().map(|(file, rule)| (file.as_str(), rule)).collect();
    let together = AlertRule::check_together(&all);
    if output.is_json() {
        let names: Vec<&str> = rules.iter().map(|(_, rule)| rule.name()).collect();
        output.json(&json!({ "rules": names, "mistakes": mistakes, "together": together }));
    } else {
        for mistake in &mistakes {
            tell(mistake, output);
        }
        for line in &together {
            output.line(line);
        }
    }
    let wrong = mistakes.len() + together.len();
    if wrong > 0 {
        return Err(Failure::configuration(format!("the rules do not hold: {}", counted(wrong, "mistake"))));
    }
    if !output.is_json() {
        output.success(format_args!("{}, without a mistake.", counted(rules.len(), "rule")));
    }
    Ok(())
}

fn severity(alert: &Value) -> Look {
    match text(alert, "/severity") {
        "high" => Look::Bad,
        "medium" => Look::Warning,
        _ => Look::Plain,
    }
}

fn look(state: &str) -> Look {
    match state {
        "open" => Look::Bad,
        "acknowledged" => Look::Warning,
        _ => Look::Plain,
    }
}
