//! Files of rules of alerts.

use std::collections::BTreeMap;

use workflow::{AlertRule, Mistake};

/// Rules that are to be in force, understood as a whole.
#[derive(Debug, Default)]
pub struct AlertFiles {
    pub(crate) rules: Vec<AlertFile>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct AlertFile {
    pub(crate) file: String,
    pub(crate) document: String,
    pub(crate) rule: AlertRule,
}

impl AlertFiles {
    /// Reads files, by their names.
    ///
    /// # Errors
    /// What is wrong with them, a line for each.
    pub fn read(files: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let mut rules = Vec::new();
        for (file, document) in files {
            match AlertRule::read(file, document) {
                Ok(rule) => rules.push(AlertFile { file: file.clone(), document: document.clone(), rule }),
                Err(mistakes) => wrong.extend(mistakes.iter().map(Mistake::to_string)),
            }
        }
        let all: Vec<(&str, &AlertRule)> = rules.iter().map(|one| (one.file.as_str(), &one.rule)).collect();
        wrong.extend(AlertRule::check_together(&all));
        if wrong.is_empty() { Ok(Self { rules }) } else { Err(wrong) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rules.len()
    }
}
