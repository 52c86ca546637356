//! `countersign config`

mod brief;
mod plan;
mod remote;

use std::fmt::Write as _;
use std::path::Path;

use policy::{CaseResult, Mistake, Severity};
use serde_json::{Value, json};
use server::PolicyFiles;

use super::workflow::said_to_be;
use crate::cli::PolicyFolder;
use crate::client::text;
use crate::failure::Failure;
use crate::output::{Look, Output, counted, one_line};
use crate::policy_folder;

pub(crate) use plan::show as show_plan;
pub(crate) use remote::{Place, ask_server, in_force, put, refused};

/// Tells every mistake in the files.
pub(crate) fn validate(args: &PolicyFolder, output: Output) -> Result<(), Failure> {
    let read = read(&args.folder, output)?;
    let policy = read.policy();
    let (rules, cases, version) = (policy.rules().count(), policy.case_count(), read.version());
    let settings = policy.settings();
    let applications = settings.applications.as_ref().map(Vec::len);
    let gateways = settings.gateways.as_ref().map(Vec::len);
    let workflows = Some(read.workflow_count()).filter(|number| *number > 0);
    let alerts = Some(read.alert_count()).filter(|number| *number > 0);
    if output.is_json() {
        output.json(&json!({
            "version": version, "rules": rules, "cases": cases, "applications": applications, "gateways": gateways,
            "workflows": workflows,
            "alerts": alerts,
            "mistakes": policy.warnings(),
        }));
    } else {
        warn(policy.warnings(), output);
        let more =
            [(applications, "application"), (gateways, "gateway"), (workflows, "workflow"), (alerts, "alert rule")];
        let more: String =
            more.iter().filter_map(|(number, what)| Some(format!(", {}", counted((*number)?, what)))).collect();
        let (rules, cases) = (counted(rules, "rule"), counted(cases, "case"));
        output.success(format_args!("The policy holds: {rules}, {cases}{more}."));
        output.line(output.paint(Look::Faint, format_args!("  version {version}")));
    }
    Ok(())
}

/// Decides the cases, and compares.
pub(crate) fn test(args: &PolicyFolder, junit: Option<&Path>, output: Output) -> Result<(), Failure> {
    let results = read(&args.folder, output)?.policy().run_cases();
    if let Some(file) = junit {
        std::fs::write(file, as_junit(&results)).map_err(|error| {
            Failure::new(crate::failure::Reason::CannotWrite, format!("{}: {error}", file.display()))
        })?;
    }
    told(&results, output)
}

fn read(folder: &Path, output: Output) -> Result<PolicyFiles, Failure> {
    if !output.is_json() {
        for name in policy_folder::passed_over(folder) {
            let place = one_line(&folder.join(&name).display().to_string());
            let line = format_args!(
                "{place}: warning: this is not read: files end in .yaml, and stand in the folder itself, in workflows/ or in alerts/"
            );
            output.line(output.paint(Look::Warning, line));
        }
    }
    let files = policy_folder::with_folders(folder)?;
    let misplaced = files.iter().filter(|(name, _)| !name.contains('/'));
    let mut misplaced = misplaced.filter_map(|(name, text)| said_to_be(text).map(|(what, check)| (name, what, check)));
    if let Some((name, what, check)) = misplaced.next() {
        return Err(Failure::configuration(format!(
            "{}: by its `kind` this is a {what}: it belongs in the folder {}/ of a policy, and by itself `{check}` checks it",
            folder.join(name).display(),
            if what == "workflow" { "workflows" } else { "alerts" },
        )));
    }
    PolicyFiles::read(files).map_err(|mistakes| {
        if output.is_json() {
            output.json(&json!({ "mistakes": mistakes }));
        } else {
            warn(&mistakes, output);
        }
        let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
        Failure::configuration(format!("the policy does not hold: {}", counted(errors, "mistake")))
    })
}

/// The same of mistakes that a server tells.
fn warn_of(mistakes: &Value, output: Output) {
    for mistake in mistakes.as_array().into_iter().flatten() {
        let (file, message) = (text(mistake, "/place/file"), text(mistake, "/message"));
        let (line, column) = (mistake.pointer("/place/line"), mistake.pointer("/place/column"));
        let (line, column) = (line.and_then(Value::as_i64), column.and_then(Value::as_i64));
        let place = match line.unwrap_or(0) {
            0 => file.to_owned(),
            line => format!("{file}:{line}:{}", column.unwrap_or(0)),
        };
        output.line(output.paint(Look::Warning, one_line(&format!("{place}: warning: {message}"))));
    }
}

fn warn(mistakes: &[Mistake], output: Output) {
    for mistake in mistakes {
        let look = if mistake.severity == Severity::Error { Look::Bad } else { Look::Warning };
        output.line(output.paint(look, mistake));
    }
}

fn told(results: &[CaseResult], output: Output) -> Result<(), Failure> {
    let failed = results.iter().filter(|result| !result.passed()).count();
    if output.is_json() {
        output.json(&json!({ "cases": results, "failed": failed }));
    } else {
        for result in results.iter().filter(|result| !result.passed()) {
            output.line(format_args!("{} {}", output.paint(Look::Bad, "✗"), result.name));
            output.line(output.paint(Look::Faint, format_args!("  {}", result.place)));
            for difference in &result.differences {
                output.line(format_args!("  {difference}"));
            }
        }
    }
    match (failed, results.len()) {
        (0, 0) => Err(Failure::no("there are no cases: write some under `cases:`")),
        (0, all) => {
            if !output.is_json() {
                output.success(format_args!("{} as expected.", counted(all, "case")));
            }
            Ok(())
        }
        (failed, all) => Err(Failure::no(format!("{failed} of {} came out otherwise", counted(all, "case")))),
    }
}

/// As continuous integration reads results of tests: `JUnit`'s XML.
fn as_junit(results: &[CaseResult]) -> String {
    let failed = results.iter().filter(|result| !result.passed()).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"policy\" tests=\"{}\" failures=\"{failed}\">\n",
        results.len()
    );
    for result in results {
        let (name, place) = (escaped(&result.name), escaped(&result.place.to_string()));
        if result.passed() {
            let _ = writeln!(xml, "  <testcase name=\"{name}\" classname=\"{place}\"/>");
        } else {
            let why = escaped(&result.differences.join("\n"));
            let _ = writeln!(
                xml,
                "  <testcase name=\"{name}\" classname=\"{place}\"><failure message=\"another outcome\">{why}</failure></testcase>"
            );
        }
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// For XML, in which control characters cannot stand at all.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(character),
            other if other.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_to_xml_is_escaped() {
        assert_eq!(escaped("a<b>&\"c\"\u{1}\n"), "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}\n");
    }
}
