//! Files of workflows, and what they need that this program can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use workflow::{Definition, Mistake, Need, Place, Severity, TriggerKind, check_together};
use zeroize::Zeroizing;

use crate::app::workflows::{CARRIED, FOUND, PARAMETERS, signing};

/// Workflows that are to be in force, understood as a whole.
#[derive(Default)]
pub struct WorkflowFiles {
    pub(crate) workflows: Vec<WorkflowFile>,
    pub(crate) secrets: Secrets,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct WorkflowFile {
    pub(crate) file: String,
    pub(crate) document: String,
    pub(crate) definition: Arc<Definition>,
}

/// Secrets that actions take, by where they were found. Do not print.
pub(crate) type Secrets = BTreeMap<String, Zeroizing<String>>;

/// Secrets that applied files may refer to, by their references.
#[derive(Default)]
pub struct PolicySecrets(pub(crate) Secrets);

impl From<BTreeMap<String, Zeroizing<String>>> for PolicySecrets {
    fn from(secrets: BTreeMap<String, Zeroizing<String>>) -> Self {
        Self(secrets)
    }
}

impl std::fmt::Debug for PolicySecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl WorkflowFiles {
    /// Reads files, by their names. `secret` finds what stands behind a reference, `env:NAME` or `file:PATH`.
    ///
    /// # Errors
    /// What is wrong with them, a line for each: a mistake with its place, something that this version cannot do yet, a secret that is not there.
    pub fn read(
        files: &BTreeMap<String, String>,
        secret: impl Fn(&str) -> Result<Zeroizing<String>, String>,
    ) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let mut workflows = Vec::new();
        for (file, document) in files {
            match Definition::read(file, document) {
                Ok(definition) => {
                    let (file, document, definition) = (file.clone(), document.clone(), Arc::new(definition));
                    workflows.push(WorkflowFile { file, document, definition });
                }
                Err(mistakes) => wrong.extend(mistakes.iter().filter(|one| is_error(one)).map(Mistake::to_string)),
            }
        }
        if wrong.is_empty() {
            let all: Vec<&Definition> = workflows.iter().map(|workflow| &*workflow.definition).collect();
            let together = check_together(&all);
            wrong.extend(together.iter().filter(|one| is_error(one)).map(Mistake::to_string));
        }
        let mut secrets = Secrets::new();
        for workflow in &workflows {
            wrong.extend(beyond(&workflow.definition));
            let signing = workflow.definition.triggers().iter().filter_map(|trigger| match &trigger.kind {
                TriggerKind::Webhook(reference) => Some((&trigger.place, reference.reference())),
                _ => None,
            });
            for (place, reference) in signing {
                // One that is not there is told of below.
                if secret(reference).is_ok_and(|found| !signing::is_long_enough(&found)) {
                    wrong.push(format!("{place}: {reference}: what calls are signed with has 24 bytes at least, after `whsec_` in base64"));
                }
            }
            for reference in workflow.definition.secrets() {
                match secret(reference.reference()) {
                    Ok(found) => drop(secrets.insert(reference.reference().to_owned(), found)),
                    Err(why) => wrong.push(format!("{}: {}: {why}", workflow.file, reference.reference())),
                }
            }
        }
        if wrong.is_empty() { Ok(Self { workflows, secrets }) } else { Err(wrong) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.workflows.len()
    }
}

impl std::fmt::Debug for WorkflowFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.workflows.iter().map(|workflow| &workflow.file)).finish()
    }
}

/// Reads files of workflows that come with a policy, as a whole.
pub(crate) fn read_together(files: &[(&str, &str)]) -> Result<Vec<WorkflowFile>, Vec<Mistake>> {
    let (mut workflows, mut mistakes) = (Vec::new(), Vec::new());
    for (file, document) in files {
        match Definition::read(file, document) {
            Ok(definition) => {
                let (file, document) = ((*file).to_owned(), (*document).to_owned());
                workflows.push(WorkflowFile { file, document, definition: Arc::new(definition) });
            }
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    let all: Vec<&Definition> = workflows.iter().map(|workflow| &*workflow.definition).collect();
    mistakes.extend(check_together(&all).into_iter().filter(is_error));
    for workflow in &workflows {
        let nowhere = Place { file: workflow.file.as_str().into(), line: 0, column: 0 };
        let refused = |message| Mistake {
            severity: Severity::Error,
            place: nowhere.clone(),
            message,
            suggestion: None,
            other: None,
        };
        mistakes.extend(beyond(&workflow.definition).into_iter().map(refused));
    }
    if mistakes.iter().any(is_error) { Err(mistakes) } else { Ok(workflows) }
}

fn is_error(mistake: &Mistake) -> bool {
    mistake.severity == Severity::Error
}

/// What of a workflow this program cannot do: it does not come into force, rather than that a step of it is skipped one day.
pub(crate) fn beyond(definition: &Definition) -> Vec<String> {
    let needs = definition.needs().into_iter();
    let beyond = needs.filter_map(|(need, place)| {
        let what = unknown(&need)?;
        Some(format!("{place}: {what} cannot be carried out by this version, so that this workflow cannot be in force"))
    });
    beyond.collect()
}

/// What is needed, where this program cannot do it: it reads words that it does not carry out yet.
fn unknown(need: &Need) -> Option<String> {
    match need {
        Need::Action(name) if !CARRIED.contains(name) => Some(format!("the action `{name}`")),
        Need::Query(name) if !FOUND.contains(name) => Some(format!("the query `{name}`")),
        Need::Parameter(query, name) if !PARAMETERS.contains(&(*query, name.as_str())) => {
            Some(format!("`{name}` of the query `{query}`"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w02_what_this_version_cannot_do_is_named() {
        let of_users = |name: &str| unknown(&Need::Parameter("users", name.to_owned()));
        assert_eq!(unknown(&Need::Action("gateway.paint")).as_deref(), Some("the action `gateway.paint`"));
        assert_eq!(unknown(&Need::Query("gateways")).as_deref(), Some("the query `gateways`"));
        assert_eq!(of_users("colour").as_deref(), Some("`colour` of the query `users`"));
        assert_eq!(unknown(&Need::Action("gateway.switch")), None);
        assert_eq!(unknown(&Need::Query("users")), None);
        assert_eq!(of_users("group"), None);
    }
}
