//! What files would change: said by the server, shown to people.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::brief::Brief;
use super::remote::refused;
use super::{read, warn_of};
use crate::client::{at, text};
use crate::commands::Desk;
use crate::failure::Failure;
use crate::output::{Look, count, counted, cut, one_line};

/// How many users are shown.
const SHOWN: usize = 20;

/// The piece that each workflow has, and that never changes.
const KIND: &str = "kind";
/// The piece that says what is expected of a workflow.
const TESTS: &str = "tests";

/// How far in the words of a workflow stand.
const INDENT: usize = 12;

/// What can come of each user, and how a count of them reads: for one, and for several.
const EFFECTS: [(&str, Look, &str); 5] = [
    ("locked_out", Look::Bad, "would be locked out"),
    ("refused", Look::Bad, "would be denied something"),
    ("enroll", Look::Warning, "would have to enroll first"),
    ("asked", Look::Warning, "would now be asked"),
    ("eased", Look::Good, "would be asked less"),
];

/// Shows what would change. It ends with 1 where the policy would lock out whoever may not be.
pub(super) async fn plan(desk: &Desk, folder: &Path, days: u16, prune: bool, full: bool) -> Result<(), Failure> {
    let plan = ask(desk, folder, days, prune).await?;
    if desk.output.is_json() {
        desk.output.json(&plan);
    } else {
        warn_of(at(&plan, "warnings"), desk.output);
        show_differences(desk, &plan, full);
        show_others(desk, &plan);
        show_replay(desk, at(&plan, "replay"), days);
        let after = text(&plan, "/after");
        let hint =
            format_args!("  planned after {after}: `config apply --after {after}` applies this and nothing else");
        desk.output.line(desk.output.paint(Look::Faint, hint));
    }
    match plan.pointer("/replay/locks_out").and_then(Value::as_str) {
        None => Ok(()),
        Some(why) => Err(Failure::no(format!("{why}: it will not be applied without --allow-lock-out"))),
    }
}

/// Shows what files would change, without whom it would have stopped. With `full`, each step of a workflow that is new or gone as well.
pub(crate) fn show(desk: &Desk, plan: &Value, full: bool) {
    show_differences(desk, plan, full);
    show_others(desk, plan);
}

/// Says whether files and server say the same: it ends with 1 where they don't.
pub(super) async fn drift(desk: &Desk, folder: &Path) -> Result<(), Failure> {
    let plan = ask(desk, folder, 0, false).await?;
    let unlisted = names(at(&plan, "unlisted"));
    let is_same = at(&plan, "is_same") == &Value::Bool(true) && unlisted.is_empty();
    let number = at(&plan, "after_number");
    if desk.output.is_json() {
        let (differences, files) = (at(&plan, "differences"), at(&plan, "files"));
        let (unlisted, since) = (at(&plan, "unlisted"), at(&plan, "changed_since"));
        desk.output.json(&json!({
            "in_step": is_same, "policy": at(&plan, "after"), "differences": differences, "files": files,
            "unlisted": unlisted, "changed_since": since,
        }));
    } else if is_same {
        desk.output.success(format_args!("In step with policy {number}."));
        let files = names(at(&plan, "files"));
        if !files.is_empty() {
            let files = files.join(", ");
            desk.output.line(format_args!("  It is written otherwise, and says the same, in {files}."));
        }
    } else {
        show_differences(desk, &plan, false);
        show_others(desk, &plan);
    }
    if let Some(why) = at(&plan, "trouble").as_str() {
        return Err(Failure::no(format!("policy {number} cannot be trusted: {why}")));
    }
    if is_same {
        Ok(())
    } else {
        Err(Failure::no(format!("the files say something else than policy {number}, which is in force")))
    }
}

async fn ask(desk: &Desk, folder: &Path, days: u16, prune: bool) -> Result<Value, Failure> {
    let files = read(folder, desk.output)?;
    let body = json!({ "files": files.files(), "days": days, "prune": prune });
    desk.client.post(&["v1", "policies", "plan"], body).await.map_err(refused)
}

fn show_differences(desk: &Desk, plan: &Value, full: bool) {
    let (out, number) = (desk.output, at(plan, "after_number"));
    if let Some(why) = at(plan, "trouble").as_str() {
        out.line(out.paint(Look::Bad, format_args!("✗ policy {number} cannot be trusted: {}", one_line(why))));
    }
    let differences = at(plan, "differences").as_array().map_or(&[][..], Vec::as_slice);
    if differences.is_empty() {
        out.line(format_args!("Says the same as policy {number}, which is in force."));
        return;
    }
    out.line(format_args!("Held against policy {number}, which is in force:"));
    let whole = if full { BTreeSet::new() } else { whole_workflows(differences) };
    let mut is_all = true;
    for difference in differences {
        match piece(text(difference, "/what")) {
            // All its pieces are told with this one, which each workflow has.
            Some((name, KIND)) if whole.contains(name) => show_workflow(desk, name, differences),
            Some((name, _)) if whole.contains(name) => is_all = false,
            Some((_, TESTS)) if !full => {
                show_tests(desk, difference);
                is_all = false;
            }
            _ => show_difference(desk, difference),
        }
    }
    if !is_all {
        let hint = "  `config plan --full` and `workflow diff --full` show each step and test";
        out.line(out.paint(Look::Faint, hint));
    }
}

fn show_difference(desk: &Desk, difference: &Value) {
    let (out, what) = (desk.output, one_line(text(difference, "/what")));
    match (at(difference, "before"), at(difference, "after")) {
        (Value::Null, after) => {
            out.line(out.paint(Look::Good, format_args!("+ {what}")));
            show_members(desk, Look::Good, '+', after);
        }
        (before, Value::Null) => {
            out.line(out.paint(Look::Bad, format_args!("- {what}")));
            show_members(desk, Look::Bad, '-', before);
        }
        (before, after) => {
            out.line(out.paint(Look::Warning, format_args!("~ {what}")));
            show_change(desk, before, after);
        }
    }
}

/// A piece of a workflow: of which, and which one.
fn piece(what: &str) -> Option<(&str, &str)> {
    what.strip_prefix("workflows.")?.split_once('.')
}

/// The workflows that are new or gone as a whole.
fn whole_workflows(differences: &[Value]) -> BTreeSet<&str> {
    let is_whole = |one: &&Value| at(one, "before").is_null() || at(one, "after").is_null();
    let pieces = differences.iter().filter(is_whole).filter_map(|one| piece(text(one, "/what")));
    pieces.filter(|(_, piece)| *piece == KIND).map(|(name, _)| name).collect()
}

/// A workflow that is new in a few lines, or one that is gone in one.
fn show_workflow(desk: &Desk, name: &str, differences: &[Value]) {
    let out = desk.output;
    let of_it = differences.iter().filter_map(|one| {
        let (of, piece) = piece(text(one, "/what"))?;
        (of == name).then_some((piece, at(one, "before"), at(one, "after")))
    });
    let of_it: Vec<_> = of_it.collect();
    let is_new = of_it.iter().all(|(_, before, _)| before.is_null());
    let brief = Brief::of(of_it.iter().map(|(piece, before, after)| (*piece, if is_new { *after } else { *before })));
    let title = brief.title().map(|title| format!(": {title}")).unwrap_or_default();
    let (look, sign) = if is_new { (Look::Good, '+') } else { (Look::Bad, '-') };
    let steps = counted(brief.step_count(), "step");
    let head = one_line(&format!("{sign} workflows.{name}{title}, {steps}"));
    out.line(out.paint(look, cut(&head, out.width())));
    if !is_new {
        return;
    }
    for (what, said) in brief.lines() {
        match what {
            "" => out.line(cut(&format!("    {said}"), out.width())),
            // Whatever it does is told.
            "does" | "asks" | "calls" => {
                for (number, line) in over_lines(&said, out.width().saturating_sub(INDENT)).into_iter().enumerate() {
                    out.line(format_args!("    {:<6}  {line}", if number == 0 { what } else { "" }));
                }
            }
            _ => out.line(cut(&format!("    {what:<6}  {said}"), out.width())),
        }
    }
}

/// A list over as many lines as it takes.
fn over_lines(list: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in list.split(", ") {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + item.chars().count() < width => {
                line.push_str(", ");
                line.push_str(item);
            }
            Some(line) => {
                line.push(',');
                lines.push(item.to_owned());
            }
            None => lines.push(item.to_owned()),
        }
    }
    lines
}

/// How much is expected of a workflow: that changes nothing of what it does.
fn show_tests(desk: &Desk, difference: &Value) {
    let many = |when: &str| at(difference, when).as_array().map_or(0, Vec::len);
    let (before, after) = (counted(many("before"), "test"), counted(many("after"), "test"));
    let line = one_line(&format!("~ {}: {before} before, {after} now", text(difference, "/what")));
    desk.output.line(desk.output.paint(Look::Warning, line));
}

/// How far the workflows reach that would change.
fn show_reach(desk: &Desk, plan: &Value) {
    for one in at(plan, "workflows").as_array().into_iter().flatten() {
        let (name, change) = (one_line(text(one, "/name")), one_line(text(one, "/change")));
        let [live, live_users, runs, users] =
            ["live_runs", "live_users", "runs", "users"].map(|name| at(one, name).as_i64().unwrap_or_default());
        desk.output.line(format_args!(
            "{name} is {change}: {live} of its runs, about {live_users} users, go on by the version before; {runs}, about {users} users, began lately"
        ));
    }
}

/// Applications that are there beside the files.
fn show_others(desk: &Desk, plan: &Value) {
    show_reach(desk, plan);
    let (out, number) = (desk.output, at(plan, "after_number"));
    let since = names(at(plan, "changed_since"));
    if !since.is_empty() {
        let since = since.join(", ");
        out.line(out.paint(
            Look::Warning,
            format_args!("Changed by something else since policy {number} was applied: {since}"),
        ));
    }
    let unlisted = names(at(plan, "unlisted"));
    if !unlisted.is_empty() {
        let unlisted = unlisted.join(", ");
        out.line(format_args!(
            "The files say nothing of these applications, which stay (--prune deletes them): {unlisted}"
        ));
    }
}

/// What a rule, level or setting says, a line for each key.
fn show_members(desk: &Desk, look: Look, sign: char, value: &Value) {
    for (key, said) in members(value).into_iter().filter(|(_, said)| said != "null") {
        desk.output.line(desk.output.paint(look, format_args!("    {sign} {}", one_line(&format!("{key}{said}")))));
    }
}

fn show_change(desk: &Desk, before: &Value, after: &Value) {
    let (before, after) = (members(before), members(after));
    for (key, said) in before.iter().filter(|member| !after.contains(member)) {
        desk.output.line(desk.output.paint(Look::Bad, format_args!("    - {}", one_line(&format!("{key}{said}")))));
    }
    for (key, said) in after.iter().filter(|member| !before.contains(member)) {
        desk.output.line(desk.output.paint(Look::Good, format_args!("    + {}", one_line(&format!("{key}{said}")))));
    }
}

fn members(value: &Value) -> Vec<(String, String)> {
    let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| (format!("{key}: "), said(value))).collect(),
        other => vec![(String::new(), said(other))],
    }
}

fn show_replay(desk: &Desk, replay: &Value, days: u16) {
    if replay.is_null() {
        return;
    }
    let out = desk.output;
    let number = |name: &str| at(replay, name).as_u64().unwrap_or(0);
    let users = number("users");
    out.line("");
    if users == 0 {
        out.line(format_args!(
            "No decision of the last {} can be made again: of whom it would stop nothing is known.",
            counted(days, "day")
        ));
    } else {
        let since = if at(replay, "is_cut") == &Value::Bool(true) {
            format!("since {}, as far as there was time for", text(replay, "/since"))
        } else {
            format!("in the last {}", counted(days, "day"))
        };
        let decisions = count(number("decisions"));
        out.line(format_args!("Of {} users with {decisions} decisions {since}:", count(users)));
        show_counts(desk, at(replay, "counts"));
        show_affected(desk, at(replay, "affected"));
    }
    if number("unrecorded") > 0 {
        let unrecorded = count(number("unrecorded"));
        out.line(out.paint(
            Look::Faint,
            format_args!("  {unrecorded} decisions were left out: nothing is kept of what they went by"),
        ));
    }
    let administrators = at(replay, "administrators");
    if at(administrators, "seen").as_u64() == Some(0) {
        out.line(out.paint(Look::Faint, "  no administrator is among them, so of those nothing is known: see docs/guide/policy-in-git.md, `administrators:`"));
    }
}

fn show_counts(desk: &Desk, counts: &Value) {
    let out = desk.output;
    let mut nobody = true;
    for (name, look, what) in EFFECTS {
        let users = at(counts, name).as_u64().unwrap_or(0);
        if users > 0 {
            nobody = false;
            out.line(format_args!("  {} {what}", out.paint(look, count(users))));
        }
    }
    if nobody {
        out.line("  nothing else would have come of it for anybody");
    }
}

fn show_affected(desk: &Desk, affected: &Value) {
    let out = desk.output;
    let all = affected.as_array().map_or(&[][..], Vec::as_slice);
    for one in all.iter().take(SHOWN) {
        let name = at(one, "external_id").as_str().unwrap_or_else(|| text(one, "/user_id"));
        let (effect, example) = (text(one, "/effect").replace('_', " "), at(one, "example"));
        let (action, before, after) = (text(example, "/action"), text(example, "/before"), text(example, "/after"));
        let rule = at(example, "rule").as_str().map_or_else(String::new, |rule| format!(", by {rule}"));
        let line = format!("    {name}: {effect} — {action}: {before} → {after}{rule}");
        out.line(one_line(&line));
    }
    if all.len() > SHOWN {
        let more = all.len() - SHOWN;
        out.line(out.paint(Look::Faint, format_args!("    and {more} more: --json tells of all")));
    }
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(one_line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_takes_as_many_lines_as_it_needs_and_loses_nothing() {
        assert_eq!(over_lines("user.lock", 5), ["user.lock"]);
        let lines = over_lines("event.emit (4), notify.mail, session.revoke, user.lock", 30);
        assert_eq!(lines, ["event.emit (4), notify.mail,", "session.revoke, user.lock"]);
    }
}
