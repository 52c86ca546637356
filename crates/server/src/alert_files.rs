//! Files of rules of alerts.

use std::collections::BTreeMap;

use workflow::{AlertRule, Mistake, Place, Severity};

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
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        Self::read_together(&files).map_err(|mistakes| mistakes.iter().map(Mistake::to_string).collect())
    }

    /// The same, with every mistake that was found.
    pub(crate) fn read_together(files: &[(&str, &str)]) -> Result<Self, Vec<Mistake>> {
        let (mut mistakes, mut rules) = (Vec::new(), Vec::<AlertFile>::new());
        for (file, document) in files {
            match AlertRule::read(file, document) {
                Ok(rule) => {
                    if rules.iter().any(|other| other.rule.name() == rule.name()) {
                        mistakes.push(Mistake {
                            severity: Severity::Error,
                            place: Place { file: (*file).into(), line: 0, column: 0 },
                            message: format!("there is another rule `{}`", rule.name()),
                            suggestion: None,
                            other: None,
                        });
                    }
                    rules.push(AlertFile { file: (*file).to_owned(), document: (*document).to_owned(), rule });
                }
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        if mistakes.is_empty() { Ok(Self { rules }) } else { Err(mistakes) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rules.len()
    }
}
