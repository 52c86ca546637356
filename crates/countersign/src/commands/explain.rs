//! `countersign explain`

use serde_json::{Value, json};

use super::Desk;
use super::config::refused;
use crate::cli::ExplainArgs;
use crate::client::{at, text};
use crate::failure::Failure;
use crate::output::{Look, one_line};

/// Says what would happen if somebody did something now, and why.
pub(crate) async fn explain(desk: &Desk, args: &ExplainArgs) -> Result<(), Failure> {
    let explained = match desk.client.post(&["v1", "policies", "explain"], question(args)?).await {
        Err(refusal) if refusal.is_about("such user") => {
            let user = one_line(&args.who);
            Err(Failure::no(format!("there is no user `{user}`: `countersign users list` shows who there is")))
        }
        Err(refusal) if refusal.is_about("such session") => Err(Failure::no("there is no such session")),
        Err(refusal) if refusal.is_about("such application") => {
            Err(Failure::no("there is no such application: `countersign applications list` shows which there are"))
        }
        answer => answer.map_err(refused),
    }?;
    if desk.output.is_json() {
        desk.output.json(&explained);
    } else {
        show(desk, args, &explained);
    }
    Ok(())
}

fn question(args: &ExplainArgs) -> Result<Value, Failure> {
    let who = match args.who.split_at_checked(4) {
        Some(("ses_", _)) => "session_id",
        Some(("usr_", _)) => "user_id",
        _ => "external_id",
    };
    let context: Value = match &args.context {
        None => json!({}),
        Some(context) => serde_json::from_str(context)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Failure::usage("--context: must be a JSON object, as '{\"amount\": 5000}'"))?,
    };
    let resource = match args.resource.as_deref().map(|text| text.rsplit_once(':').unwrap_or((text, ""))) {
        None => Value::Null,
        Some((kind, id)) => json!({ "type": kind, "id": id }),
    };
    let signals: Vec<Value> = args.signals.iter().map(|name| json!({ "name": name, "value": true })).collect();
    let mut question = json!({
        "action": args.action,
        "context": context,
        "resource": resource,
        "groups": args.groups,
        "signals": signals,
        "application": args.application,
    });
    if let Some(question) = question.as_object_mut() {
        question.insert(who.to_owned(), json!(args.who));
    }
    Ok(question)
}

fn show(desk: &Desk, args: &ExplainArgs, explained: &Value) {
    let (out, verdict) = (desk.output, at(explained, "verdict"));
    let outcome = text(verdict, "/outcome");
    let look = match outcome {
        "allow" => Look::Good,
        "deny" => Look::Bad,
        _ => Look::Warning,
    };
    let by = at(verdict, "decided_by").as_str().map_or_else(String::new, |rule| format!(", by {rule}"));
    let (who, action) = (one_line(text(explained, "/external_id")), one_line(&args.action));
    let outcome = out.paint(look, outcome.replace('_', " "));
    out.line(format_args!("{who}, {action}: {outcome}{}", one_line(&by)));
    for (name, list) in [("factors", at(at(verdict, "need"), "factors")), ("to enroll", at(verdict, "kinds"))] {
        let words = words(list);
        if !words.is_empty() {
            out.line(format_args!("  {name}: {words}"));
        }
    }
    if let Some(shadow) = at(verdict, "in_shadow").as_str() {
        out.line(format_args!("  if rules in shadow counted: {}", shadow.replace('_', " ")));
    }
    let has = words(at(explained, "has"));
    let has = if has.is_empty() { "nothing".to_owned() } else { has };
    out.line(out.paint(Look::Faint, format_args!("  has {has}; policy {}", at(explained, "policy"))));
    out.line("");
    for rule in at(explained, "rules").as_array().into_iter().flatten() {
        let fired = at(rule, "fired") == &Value::Bool(true);
        let (mark, look) = if fired { ("●", Look::Strong) } else { ("○", Look::Faint) };
        let leads = at(rule, "leads_to").as_str().map_or_else(String::new, |to| format!(" → {}", to.replace('_', " ")));
        let shadow = if at(rule, "shadow") == &Value::Bool(true) { " (in shadow)" } else { "" };
        out.line(out.paint(look, format_args!("{mark} {}{leads}{shadow}", one_line(text(rule, "/rule")))));
        let (file, line) =
            (text(rule, "/place/file"), rule.pointer("/place/line").and_then(Value::as_u64).unwrap_or(0));
        let place = if line == 0 { file.to_owned() } else { format!("{file}:{line}") };
        out.line(out.paint(Look::Faint, one_line(&format!("    {} ({place})", text(rule, "/why")))));
    }
}

fn words(list: &Value) -> String {
    let words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.join(", ")
}
