//! `countersign workflow diff`, `apply` and `rollback`: one workflow among what is applied, and all else as it is.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use workflow::{Definition, Severity};

use super::config::{Place, in_force, put, refused, show_plan};
use super::workflow::tell;
use super::{Desk, simulate, workflows};
use crate::cli::{Author, WorkflowCommand};
use crate::client::{at, items, text};
use crate::failure::{Failure, describe};
use crate::output::{counted, one_line};

/// The folder of workflows among the files of a policy.
const FOLDER: &str = "workflows/";

/// Carries out what asks the server.
pub(crate) async fn change_workflow(desk: &Desk, command: WorkflowCommand) -> Result<(), Failure> {
    match command {
        WorkflowCommand::Simulate(args) => simulate(desk, &args).await,
        WorkflowCommand::List { .. } => workflows::list(desk).await,
        WorkflowCommand::Show { name, .. } => workflows::show(desk, &name).await,
        WorkflowCommand::Versions { name, .. } => workflows::versions(desk, &name).await,
        WorkflowCommand::Start(args) => workflows::start(desk, &args).await,
        WorkflowCommand::Diff { file, full, .. } => {
            let (name, document) = read(desk, &file)?;
            let planned = plan(desk, &name, document).await?;
            if desk.output.is_json() {
                desk.output.json(&planned.plan);
            } else {
                show_plan(desk, &planned.plan, full);
            }
            Ok(())
        }
        WorkflowCommand::Apply { file, author, .. } => {
            let (name, document) = read(desk, &file)?;
            apply(desk, &name, document, &author).await
        }
        WorkflowCommand::Rollback { name, version, author, .. } => {
            let document = former(desk, &name, version.as_deref()).await?;
            apply(desk, &name, document, &author).await
        }
        // These ask no server.
        WorkflowCommand::Validate(_) | WorkflowCommand::Test(_) => Ok(()),
    }
}

/// What a file says, and by which name. What the server would refuse is told here with every place.
fn read(desk: &Desk, file: &Path) -> Result<(String, String), Failure> {
    let path = file.display();
    let document = std::fs::read_to_string(file)
        .map_err(|error| Failure::configuration(format!("{path} cannot be read ({})", describe(&error))))?;
    match Definition::read(&path.to_string(), &document) {
        Ok(definition) => Ok((definition.name().to_owned(), document)),
        Err(mistakes) => {
            if desk.output.is_json() {
                desk.output.json(&json!({ "mistakes": mistakes }));
            } else {
                for mistake in &mistakes {
                    tell(mistake, desk.output);
                }
            }
            let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).count();
            Err(Failure::configuration(format!("the workflow does not hold: {}", counted(errors, "mistake"))))
        }
    }
}

/// What is in force, with one workflow otherwise, and what that would change.
struct Planned {
    files: BTreeMap<String, String>,
    plan: Value,
}

async fn plan(desk: &Desk, name: &str, document: String) -> Result<Planned, Failure> {
    let current = in_force(&desk.client).await?;
    if at(&current, "left_out").as_array().is_some_and(|names| !names.is_empty()) {
        return Err(Failure::no(
            "the policy in force has files that this key may not see, and would be put without them: it takes the scope configuration:read",
        ));
    }
    let mut files: BTreeMap<String, String> = serde_json::from_value(at(&current, "files").clone()).unwrap_or_default();
    let were_applied = files.keys().any(|file| file.starts_with(FOLDER));
    let is_it = |file: &str, text: &str| {
        file.starts_with(FOLDER) && Definition::read(file, text).is_ok_and(|definition| definition.name() == name)
    };
    let place = files.iter().find(|(file, text)| is_it(file, text)).map(|(file, _)| file.clone());
    files.insert(place.unwrap_or_else(|| format!("{FOLDER}{name}.yaml")), document);
    let body = json!({ "files": files, "days": 0 });
    // Of a server whose workflows stand in a folder, this says so.
    let plan = desk.client.post(&["v1", "policies", "plan"], body).await.map_err(refused)?;
    if !were_applied {
        let others = desk.client.get(&["v1", "workflows"]).await.map_err(Failure::from)?;
        if items(&others).iter().any(|other| text(other, "/name") != name) {
            return Err(Failure::no(
                "the workflows in force were not applied, and would be withdrawn by one that is: apply all of them with `countersign config apply`",
            ));
        }
    }
    Ok(Planned { files, plan })
}

async fn apply(desk: &Desk, name: &str, document: String, author: &Author) -> Result<(), Failure> {
    let Planned { files, plan } = plan(desk, name, document).await?;
    let of_it = format!("workflows.{name}.");
    let others: Vec<String> = at(&plan, "differences")
        .as_array()
        .into_iter()
        .flatten()
        .map(|difference| text(difference, "/what"))
        .filter(|what| !what.starts_with(&of_it))
        .map(one_line)
        .collect();
    if !others.is_empty() {
        return Err(Failure::no(format!(
            "something else would change as well: {}: nothing was applied; look at it with `countersign config plan`",
            others.join(", ")
        )));
    }
    if !desk.output.is_json() {
        show_plan(desk, &plan, false);
    }
    let place = Place { after: text(&plan, "/after"), seen: at(&plan, "seen").as_str() };
    put(desk, &files, &place, author).await
}

/// What a version of a workflow said that was in force before: before what is, or, where none is, the last one.
async fn former(desk: &Desk, name: &str, version: Option<&str>) -> Result<String, Failure> {
    let list = desk.client.get(&["v1", "workflows", name, "versions"]).await.map_err(Failure::from)?;
    let known = |one: &&Value| at(one, "withdrawn") != true;
    let is_in_force = items(&list).first().is_some_and(|newest| known(&newest));
    let mut versions = items(&list).iter().filter(known);
    let found = if let Some(beginning) = version {
        versions.find(|one| text(one, "/digest").starts_with(beginning))
    } else if !is_in_force {
        versions.next()
    } else {
        let present = versions.next().map(|one| text(one, "/digest"));
        versions.find(|one| Some(text(one, "/digest")) != present)
    };
    let found = found.ok_or_else(|| {
        Failure::no(format!(
            "there is no such version of {}: `countersign workflow versions` lists them",
            one_line(name)
        ))
    })?;
    at(found, "document").as_str().map(str::to_owned).ok_or_else(|| Failure::no("what that version said is not kept"))
}
