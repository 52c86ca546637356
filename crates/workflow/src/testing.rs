//! The tests that stand in a file: the machine itself, with results that are made up and a clock that jumps.

mod play;
mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use document::Place;
use domain::Aal;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::definition::Definition;

pub(crate) use read::read;

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestResult {
    /// What it shows.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What is not as expected; nothing where it passed.
    pub differences: Vec<String>,
    /// What was done: the actions in order, those that undo as `undo ID`.
    pub steps: Vec<String>,
}

impl TestResult {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Definition {
    /// How many tests stand in the file.
    pub fn tests(&self) -> usize {
        self.cases.len()
    }

    /// Plays each test that stands in the file.
    pub fn run_tests(&self) -> Vec<TestResult> {
        self.cases.iter().map(|case| play::play(self, case)).collect()
    }
}

/// A test.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    name: String,
    place: Place,
    given: Given,
    results: BTreeMap<String, Vec<Outcome>>,
    items: BTreeMap<String, Vec<Value>>,
    then: Vec<Happens>,
    expect: Expect,
}

#[derive(Debug, Clone, Default)]
struct Given {
    event: Option<Value>,
    webhook: Option<Value>,
    inputs: Option<Map<String, Value>>,
    requester: Option<String>,
}

/// What an attempt comes to.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    Gives(Map<String, Value>),
    Fails(String),
}

#[derive(Debug, Clone)]
enum Happens {
    Advance(Duration),
    Event(Value),
    Verdict {
        step: String,
        approves: bool,
        by: String,
        roles: Option<Vec<String>>,
        evidence: Option<Vec<String>>,
        level: Option<Aal>,
    },
    Cancel,
    Retry(String),
    Discard(String),
}

#[derive(Debug, Clone, Default)]
struct Expect {
    outcome: String,
    steps: Option<Vec<String>>,
    with: BTreeMap<String, Map<String, Value>>,
    error: Option<String>,
}
