//! What is said of workflows that are being written: what is wrong with them, and whether they could be in force here.

use std::collections::BTreeMap;

use workflow::{Definition, Mistake, Severity, check_together};

use crate::app::{App, Error};
use crate::workflow_files::beyond;

/// What is said of files.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Those that hold, by the names of their files.
    pub(crate) workflows: Vec<(String, Definition)>,
    /// Every mistake and warning, in the order of the files.
    pub(crate) mistakes: Vec<Mistake>,
    /// What of them this version cannot carry out.
    pub(crate) beyond: Vec<String>,
}

impl Checked {
    /// Whether nothing is wrong with them.
    pub(crate) fn holds(&self) -> bool {
        self.mistakes.iter().all(|mistake| mistake.severity != Severity::Error)
    }
}

impl App {
    /// Reads files of workflows. `beside`: also together with those in force that have other names.
    pub(crate) async fn check_workflows(
        &self,
        files: BTreeMap<String, String>,
        beside: bool,
    ) -> Result<Checked, Error> {
        if beside {
            self.load_workflows().await?;
        }
        let in_force = self.workflows.in_force();
        let checked = self.workflows.reading.have(move || {
            let (mut workflows, mut mistakes) = (Vec::new(), Vec::new());
            for (file, text) in files {
                match Definition::read(&file, &text) {
                    Ok(definition) => {
                        mistakes.extend(definition.warnings().iter().cloned());
                        workflows.push((file, definition));
                    }
                    Err(wrong) => mistakes.extend(wrong),
                }
            }
            let mut together: Vec<&Definition> = workflows.iter().map(|(_, definition)| definition).collect();
            let others = in_force.values().map(|other| &*other.definition);
            let others =
                others.filter(|other| workflows.iter().all(|(_, definition)| definition.name() != other.name()));
            together.extend(others.filter(|_| beside));
            mistakes.extend(check_together(&together));
            let beyond = workflows.iter().flat_map(|(_, definition)| beyond(definition)).collect();
            Checked { workflows, mistakes, beyond }
        });
        checked.await
    }
}
