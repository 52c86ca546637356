//! `countersign workflow`

use std::path::{Path, PathBuf};

use serde_json::json;
use workflow::{Definition, Mistake, Severity, TestResult, check_together};

use crate::cli::WorkflowFiles;
use crate::failure::{Failure, describe};
use crate::output::{Look, Output, counted};

/// Tells every mistake in the files.
pub(crate) fn validate(args: &WorkflowFiles, output: Output) -> Result<(), Failure> {
    told(&read(args, output)?, output);
    Ok(())
}

/// Plays the tests that stand in the files.
pub(crate) fn test(args: &WorkflowFiles, output: Output) -> Result<(), Failure> {
    played(&read(args, output)?, output)
}

/// Tells of workflows that hold.
fn told(definitions: &[Definition], output: Output) {
    let warnings: Vec<&Mistake> = definitions.iter().flat_map(Definition::warnings).collect();
    if output.is_json() {
        let each = definitions.iter().map(|definition| {
            json!({
                "name": definition.name(),
                "digest": definition.digest(),
                "steps": definition.steps().count(),
                "tests": definition.tests(),
            })
        });
        output.json(&json!({ "workflows": each.collect::<Vec<_>>(), "mistakes": warnings }));
        return;
    }
    for mistake in warnings {
        tell(mistake, output);
    }
    let all = counted(definitions.len(), "workflow");
    output.success(format_args!("{all}, without a mistake."));
    for definition in definitions {
        let (name, digest) = (definition.name(), definition.digest());
        let steps = counted(definition.steps().count(), "step");
        let tests = counted(definition.tests(), "test");
        let about = format!("  {name}: {steps}, {tests}, {}", digest.get(..12).unwrap_or(digest));
        output.line(output.paint(Look::Faint, about));
    }
}

fn played(definitions: &[Definition], output: Output) -> Result<(), Failure> {
    let results: Vec<(&str, TestResult)> = definitions
        .iter()
        .flat_map(|definition| definition.run_tests().into_iter().map(|result| (definition.name(), result)))
        .collect();
    let failed = results.iter().filter(|(_, result)| !result.passed()).count();
    if output.is_json() {
        let each = results.iter().map(|(workflow, result)| json!({ "workflow": workflow, "result": result }));
        output.json(&json!({ "tests": each.collect::<Vec<_>>(), "failed": failed }));
    } else {
        for (workflow, result) in results.iter().filter(|(_, result)| !result.passed()) {
            output.line(format_args!("{} {workflow}: {}", output.paint(Look::Bad, "✗"), result.name));
            output.line(output.paint(Look::Faint, format_args!("  {}", result.place)));
            for difference in &result.differences {
                output.line(format_args!("  {difference}"));
            }
        }
    }
    match (failed, results.len()) {
        (0, 0) => Err(Failure::no("there are no tests: write some under `tests:`")),
        (0, all) => {
            if !output.is_json() {
                output.success(format_args!("{} as expected.", counted(all, "test")));
            }
            Ok(())
        }
        (failed, all) => Err(Failure::no(format!("{failed} of {} came out otherwise", counted(all, "test")))),
    }
}

/// What a file says that it is, by its `kind`, and how that is checked; as far as it can be seen without reading all of it.
pub(super) fn said_to_be(text: &str) -> Option<(&'static str, &'static str)> {
    let kind = text.lines().find_map(|line| line.strip_prefix("kind:"))?;
    match kind.split('#').next().unwrap_or_default().trim().trim_matches(['"', '\'']) {
        "Workflow" => Some(("workflow", "countersign workflow validate")),
        "Alert" => Some(("alert rule", "countersign alerts validate")),
        _ => None,
    }
}

/// Refuses a file that is something else than what is wanted: or else each of its keys is a mistake.
pub(super) fn wanted(what: &str, path: &str, text: &str) -> Result<(), Failure> {
    match said_to_be(text) {
        Some((other, check)) if other != what => {
            Err(Failure::configuration(format!("{path} is no {what}: by its `kind` this is a file for `{check}`")))
        }
        _ => Ok(()),
    }
}

/// Every workflow of the files, and of the files of the folders; or every mistake in them.
fn read(args: &WorkflowFiles, output: Output) -> Result<Vec<Definition>, Failure> {
    let mut definitions = Vec::new();
    let mut mistakes = Vec::new();
    for (path, text) in files_of(args)? {
        wanted("workflow", &path, &text)?;
        match Definition::read(&path, &text) {
            Ok(definition) => definitions.push(definition),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() {
        mistakes.extend(check_together(&definitions.iter().collect::<Vec<_>>()));
    }
    let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
    if errors == 0 {
        return Ok(definitions);
    }
    if output.is_json() {
        output.json(&json!({ "mistakes": mistakes }));
    } else {
        for mistake in &mistakes {
            tell(mistake, output);
        }
    }
    Err(Failure::configuration(format!("the workflows do not hold: {}", counted(errors, "mistake"))))
}

/// What the files say, and the files of the folders, by their paths.
pub(super) fn files_of(args: &WorkflowFiles) -> Result<Vec<(String, String)>, Failure> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        Ok((path.display().to_string(), text))
    };
    paths(&args.files)?.into_iter().map(read).collect()
}

/// The files themselves, and those of folders that end in `.yaml` or `.yml` and do not begin with a dot, in order.
fn paths(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for path in given {
        if !path.is_dir() {
            paths.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
            let file = entry.map_err(|error| unreadable(path, &error))?.path();
            let is_yaml = file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
            let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            inside.extend((is_yaml && !hidden).then_some(file));
        }
        if inside.is_empty() {
            return Err(Failure::configuration(format!("there is no .yaml file in {}", path.display())));
        }
        inside.sort();
        paths.extend(inside);
    }
    Ok(paths)
}

fn unreadable(what: &Path, error: &std::io::Error) -> Failure {
    Failure::configuration(format!("{} cannot be read ({})", what.display(), describe(error)))
}

pub(super) fn tell(mistake: &Mistake, output: Output) {
    let look = if mistake.severity == Severity::Error { Look::Bad } else { Look::Warning };
    output.line(output.paint(look, mistake));
}
