//! What the server has in force: put there, looked at, put back, written out.

use std::collections::BTreeMap;
use std::path::Path;

use domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{plan, read, warn_of};
use crate::cli::{ApplyArgs, Author, ConfigCommand, RevertArgs};
use crate::client::{Client, Refusal, at, items, text};
use crate::commands::{Desk, ask};
use crate::failure::{Failure, Reason, describe};
use crate::output::{Column, Look, Table, moment, one_line};
use crate::policy_folder::{INSIDE, content};

/// Carries out what asks the server.
pub(crate) async fn ask_server(desk: &Desk, command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Plan { folder, days, prune, full, .. } => plan::plan(desk, &folder, days, prune, full).await,
        ConfigCommand::Drift { folder, .. } => plan::drift(desk, &folder).await,
        ConfigCommand::Apply(args) => apply(desk, &args).await,
        ConfigCommand::History { limit, .. } => history(desk, limit).await,
        ConfigCommand::Revert(args) => revert(desk, &args).await,
        ConfigCommand::Export { folder, policy, force, .. } => export(desk, &folder, policy.as_deref(), force).await,
        // These ask no server.
        ConfigCommand::Validate(_) | ConfigCommand::Test { .. } => Ok(()),
    }
}

async fn apply(desk: &Desk, args: &ApplyArgs) -> Result<(), Failure> {
    // What the server would refuse is told here with every place.
    let files = read(&args.folder, desk.output)?;
    let (after, seen) = match &args.plan {
        Some(plan) => planned(plan, &files.version(), args.prune)?,
        None => looked_at(desk, args, files.files()).await?,
    };
    let Author { by, reference, allow_lock_out } = &args.author;
    let body = json!({
        "files": files.files(), "by": by, "reference": reference, "seen": seen, "force": args.force,
        "prune": args.prune, "allow_lock_out": allow_lock_out,
    });
    put_body(desk, &after, body).await
}

/// Where files go: after which policy, and what was seen of applications.
pub(crate) struct Place<'a> {
    pub(crate) after: &'a str,
    pub(crate) seen: Option<&'a str>,
}

/// Puts files into force, of which is known what they change.
pub(crate) async fn put(
    desk: &Desk,
    files: &BTreeMap<String, String>,
    place: &Place<'_>,
    author: &Author,
) -> Result<(), Failure> {
    let Author { by, reference, allow_lock_out } = author;
    let body = json!({
        "files": files, "by": by, "reference": reference, "seen": place.seen, "allow_lock_out": allow_lock_out,
    });
    put_body(desk, place.after, body).await
}

async fn put_body(desk: &Desk, after: &str, body: Value) -> Result<(), Failure> {
    let applied = desk.client.put_after(&["v1", "policies", "current"], after, body).await.map_err(refused)?;
    tell(desk, &applied);
    Ok(())
}

/// The policy that files are to come after, and what is seen of applications now, where whoever applies has to know.
async fn looked_at(
    desk: &Desk,
    args: &ApplyArgs,
    files: &BTreeMap<String, String>,
) -> Result<(String, Option<String>), Failure> {
    let looked = look(desk, files, args.prune).await?;
    if let Some(looked) = &looked {
        let overruled = changes(looked, |name, since| since.contains(&name));
        agreed(desk, looked, &overruled, "something else changed since what the files say of", args.force).await?;
    }
    let after = match (&args.after, &looked) {
        (Some(after), _) => after.clone(),
        (None, Some(looked)) => text(looked, "/after").to_owned(),
        (None, None) => text(&in_force(&desk.client).await?, "/id").to_owned(),
    };
    Ok((after, looked.map(|looked| text(&looked, "/seen").to_owned())))
}

/// What files would change, for those that speak of applications: what was seen of these goes with what is applied. Nothing where the server
/// does not show it.
async fn look(desk: &Desk, files: &BTreeMap<String, String>, prune: bool) -> Result<Option<Value>, Failure> {
    if policy::application_files(files).is_empty() {
        return Ok(None);
    }
    let body = json!({ "files": files, "days": 0, "prune": prune });
    match desk.client.post(&["v1", "policies", "plan"], body).await {
        Err(refusal) if refusal.is("forbidden") => Ok(None),
        looked => looked.map(Some).map_err(refused),
    }
}

/// The names of those applications that would change, of which this holds, given those that something else changed.
fn changes(looked: &Value, which: impl Fn(&str, &[&str]) -> bool) -> Vec<String> {
    let list = |name: &str| at(looked, name).as_array().map_or(&[][..], Vec::as_slice);
    let since: Vec<&str> = list("changed_since").iter().filter_map(Value::as_str).collect();
    let changed = list("differences").iter().filter_map(|one| text(one, "/what").strip_prefix("applications."));
    changed.filter(|name| which(name, &since)).map(one_line).collect()
}

/// Shows what would change, and goes on where nothing of this kind does, it was said beforehand, or whoever is there says so now.
async fn agreed(desk: &Desk, looked: &Value, names: &[String], why: &str, force: bool) -> Result<(), Failure> {
    if !desk.output.is_json() {
        plan::show(desk, looked, false);
    }
    if names.is_empty() || force {
        return Ok(());
    }
    let names = names.join(", ");
    if desk.output.is_json() || !ask::is_somebody_there() {
        return Err(Failure::no(format!("{why} {names}: nothing was applied; --force applies it all the same")));
    }
    ask::sure(desk.output, &format!("{why} {names}."), "yes", false).await
}

/// The policy that a plan was held against, and what it saw of applications, if it was a plan for these files.
fn planned(file: &Path, version: &str, prune: bool) -> Result<(String, Option<String>), Failure> {
    let path = file.display();
    let read = std::fs::read_to_string(file)
        .map_err(|error| Failure::configuration(format!("{path} cannot be read ({})", describe(&error))))?;
    let plan: Value = serde_json::from_str(&read).map_err(|_| {
        Failure::configuration(format!("{path} is no plan: `countersign config plan --json` makes one"))
    })?;
    if at(&plan, "prune").as_bool().unwrap_or(false) != prune {
        return Err(Failure::no(
            "it was planned otherwise: give --prune to both `config plan` and `config apply`, or to neither",
        ));
    }
    if text(&plan, "/version") == version {
        return Ok((text(&plan, "/after").to_owned(), at(&plan, "seen").as_str().map(str::to_owned)));
    }
    Err(Failure::no("the files say something else than when it was planned: plan again"))
}

async fn revert(desk: &Desk, args: &RevertArgs) -> Result<(), Failure> {
    let Author { by, reference, allow_lock_out } = &args.author;
    let policy = find(&desk.client, &args.policy).await?;
    let files: BTreeMap<String, String> = serde_json::from_value(at(&policy, "files").clone()).unwrap_or_default();
    let looked = look(desk, &files, false).await?;
    let after = match &looked {
        Some(looked) => {
            // Whoever goes back has the policy in mind.
            let why = "it puts back what an older policy said of";
            agreed(desk, looked, &changes(looked, |_, _| true), why, args.force).await?;
            text(looked, "/after").to_owned()
        }
        None => text(&in_force(&desk.client).await?, "/id").to_owned(),
    };
    let seen = looked.as_ref().map(|looked| text(looked, "/seen"));
    let path = ["v1", "policies", text(&policy, "/id"), "revert"];
    let body = json!({
        "by": by, "reference": reference, "seen": seen, "force": args.force, "allow_lock_out": allow_lock_out,
    });
    let applied = desk.client.post_after(&path, &after, body).await.map_err(refused)?;
    tell(desk, &applied);
    Ok(())
}

fn tell(desk: &Desk, applied: &Value) {
    if desk.output.is_json() {
        desk.output.json(applied);
        return;
    }
    warn_of(at(applied, "warnings"), desk.output);
    let policy = at(applied, "policy");
    let number = at(policy, "number");
    if at(applied, "is_new") == &Value::Bool(true) {
        desk.output.success(format_args!("Policy {number} is in force."));
    } else {
        desk.output.success(format_args!("Policy {number} is in force already: nothing was changed."));
    }
    desk.output.line(desk.output.paint(Look::Faint, format_args!("  {}", text(policy, "/id"))));
    desk.output.line(desk.output.paint(Look::Faint, format_args!("  version {}", text(policy, "/version"))));
    for (change, what) in [("created", "made"), ("updated", "changed"), ("deleted", "deleted")] {
        for name in at(at(applied, "applications"), change).as_array().into_iter().flatten().filter_map(Value::as_str) {
            let hint =
                if change == "created" { ": `countersign applications rotate-key` makes its first key" } else { "" };
            desk.output.line(format_args!("  {} is {what}{hint}", one_line(name)));
        }
    }
}

async fn history(desk: &Desk, limit: u32) -> Result<(), Failure> {
    let query = [("limit", limit.clamp(1, 500).to_string())];
    let list = desk.client.find_in(&["v1", "policies"], &query).await.map_err(refused)?;
    let broken = items(&list).iter().filter(|policy| !at(policy, "trouble").is_null()).count();
    if desk.output.is_json() {
        desk.output.json(&list);
    } else {
        print_history(desk, items(&list));
    }
    if broken == 0 {
        return Ok(());
    }
    Err(Failure::no(format!("{broken} of these cannot be trusted: the database was changed by something else")))
}

fn print_history(desk: &Desk, policies: &[Value]) {
    let now = SystemClock.now();
    let mut table = Table::new([
        Column::number("NO"),
        Column::text("SINCE"),
        Column::text("HOW"),
        Column::text("VERSION"),
        Column::long("BY"),
        Column::long("WHAT FOR"),
    ]);
    for policy in policies {
        let by = [text(policy, "/by"), text(policy, "/application_id")];
        let by = by.into_iter().find(|name| !name.is_empty()).unwrap_or("the server");
        table.row([
            (Look::Strong, at(policy, "number").to_string()),
            (Look::Plain, moment(at(policy, "at").as_str(), now)),
            (Look::Plain, text(policy, "/origin").replace('_', " ")),
            (Look::Faint, text(policy, "/version").chars().take(12).collect()),
            (Look::Plain, one_line(by)),
            (Look::Plain, one_line(text(policy, "/reference"))),
        ]);
    }
    table.print(desk.output, 0);
    for policy in policies.iter().filter(|policy| !at(policy, "trouble").is_null()) {
        let (number, why) = (at(policy, "number"), one_line(text(policy, "/trouble")));
        desk.output.line(desk.output.paint(Look::Bad, format_args!("✗ {number} cannot be trusted: {why}")));
    }
}

async fn export(desk: &Desk, folder: &Path, policy: Option<&str>, force: bool) -> Result<(), Failure> {
    let policy = match policy {
        Some(name) => find(&desk.client, name).await?,
        None => desk.client.get(&["v1", "policies", "export"]).await.map_err(refused)?,
    };
    if let Some(why) = at(&policy, "trouble").as_str() {
        return Err(Failure::no(format!("policy {} cannot be trusted: {why}", at(&policy, "number"))));
    }
    let files: Vec<(&String, &str)> = at(&policy, "files")
        .as_object()
        .map_or_else(Vec::new, |files| files.iter().filter_map(|(name, text)| Some((name, text.as_str()?))).collect());
    std::fs::create_dir_all(folder).map_err(|error| Failure::cannot_write(folder, &error))?;
    // Nothing is written before all of it can be.
    for (name, said) in &files {
        let path = place(folder, name)?;
        let other = std::fs::read(&path).is_ok_and(|present| present != content(name, said));
        if other && !force {
            let path = path.display();
            return Err(Failure::no(format!(
                "{path} says something else: nothing was written; --force writes over it"
            )));
        }
    }
    for (name, said) in &files {
        let path = place(folder, name)?;
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| Failure::cannot_write(parent, &error))?;
        std::fs::write(&path, content(name, said)).map_err(|error| Failure::cannot_write(&path, &error))?;
    }
    if desk.output.is_json() {
        let names: Vec<&String> = files.iter().map(|(name, _)| *name).collect();
        let (id, number, left_out) = (at(&policy, "id"), at(&policy, "number"), at(&policy, "left_out"));
        desk.output.json(&json!({ "policy": id, "number": number, "files": names, "left_out": left_out }));
    } else {
        let number = at(&policy, "number");
        desk.output.success(format_args!("Policy {number} is in {}: {} files.", folder.display(), files.len()));
        if let Some(made) = at(&policy, "made").as_str().map(one_line) {
            let line = format_args!("  {made} says what applications there are now, which no file in force did.");
            desk.output.line(line);
        }
        for name in at(&policy, "left_out").as_array().into_iter().flatten().filter_map(Value::as_str).map(one_line) {
            let line = format_args!("  {name} is left out: it takes the scope configuration:read");
            desk.output.line(desk.output.paint(Look::Warning, line));
        }
    }
    Ok(())
}

/// Where a file goes. A server that is not ours cannot have one written elsewhere.
fn place(folder: &Path, name: &str) -> Result<std::path::PathBuf, Failure> {
    let inside = |folder: &&str| name.strip_prefix(*folder).and_then(|rest| rest.strip_prefix('/'));
    let inner = INSIDE.iter().find_map(inside).unwrap_or(name);
    let is_plain = Path::new(inner).file_name().is_some_and(|plain| plain == inner) && !inner.starts_with('.');
    if is_plain {
        return Ok(folder.join(name));
    }
    Err(Failure::no(format!(
        "the policy has a file `{}`, which is no name for one: nothing was written",
        one_line(name)
    )))
}

/// The policy in force, with its files.
pub(crate) async fn in_force(client: &Client) -> Result<Value, Failure> {
    client.get(&["v1", "policies", "current"]).await.map_err(refused)
}

/// A policy by its number or id, with its files.
async fn find(client: &Client, name: &str) -> Result<Value, Failure> {
    let id = match name.parse::<i64>() {
        Err(_) => name.to_owned(),
        Ok(number) => {
            let query = [("limit", "1".to_owned()), ("cursor", number.saturating_add(1).to_string())];
            let list = client.find_in(&["v1", "policies"], &query).await.map_err(refused)?;
            let found = items(&list).first().filter(|policy| at(policy, "number") == &json!(number));
            found.map(|policy| text(policy, "/id").to_owned()).ok_or_else(|| none(name))?
        }
    };
    match client.get(&["v1", "policies", &id]).await {
        Err(refusal) if refusal.is("not-found") => Err(none(name)),
        found => found.map_err(refused),
    }
}

fn none(name: &str) -> Failure {
    Failure::no(format!("there is no policy `{name}`: `countersign config history` shows which there are"))
}

/// Why the server did not do it, in words that fit.
pub(crate) fn refused(refusal: Refusal) -> Failure {
    if refusal.is("not-found") || refusal.is("method-not-allowed") {
        return Failure::new(
            Reason::Unavailable,
            "this server knows nothing of policies that are applied: it is older than this program; update it first",
        );
    }
    if refusal.is("policy-changed") {
        return Failure::no(
            "another policy came into force meanwhile, or an application was changed, and nothing was applied: look at it with `countersign config history`, plan again, and apply then",
        );
    }
    if refusal.is("policy-locks-out") {
        let why = Failure::from(refusal).message;
        return Failure::no(format!(
            "{why} Nothing was changed: `config plan` says whom; --allow-lock-out applies it all the same"
        ));
    }
    refusal.into()
}
