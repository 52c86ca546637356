//! The interpreter: from the top to the bottom.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tree::{Asks, Kind, Step, Told, Tree};
use super::{Comes, Oracle, Record};

type Failure = (Option<String>, &'static str);

struct Interpreter {
    oracle: Oracle,
    record: Record,
    status: BTreeMap<(String, Vec<u64>), i64>,
    outcomes: BTreeMap<(String, Vec<u64>), &'static str>,
    /// What would be undone: key, attempts and what is told.
    undo: Vec<(String, u32, Value)>,
}

pub(super) fn interpret(tree: &Tree, oracle: Oracle) -> Record {
    let mut interpreter = Interpreter {
        oracle,
        record: Record::default(),
        status: BTreeMap::new(),
        outcomes: BTreeMap::new(),
        undo: Vec::new(),
    };
    let failed = interpreter.block(&tree.main, &[], &[]).err();
    if failed.is_some() {
        let undo = std::mem::take(&mut interpreter.undo);
        interpreter.undo_all(undo);
        let _ = interpreter.block(&tree.on_error, &[], &[]);
    }
    interpreter.undo.clear();
    let _ = interpreter.block(&tree.finally, &[], &[]);
    let mut record = interpreter.record;
    let outcome = if failed.is_some() { "failed" } else { "completed" };
    outcome.clone_into(&mut record.outcome);
    record.failure = failed.map(|(step, kind)| (step, kind.to_owned()));
    record.not_undone.sort();
    record
}

fn key(step: &str, at: &[u64]) -> String {
    let items: Vec<String> = at.iter().map(u64::to_string).collect();
    if items.is_empty() { step.to_owned() } else { format!("{step}@{}", items.join(".")) }
}

fn is_caught(failure: &Failure) -> bool {
    failure.1 != "expression"
}

/// What a loop knows of an item.
fn aal(number: u64) -> i64 {
    i64::try_from(number % 3).unwrap()
}

impl Interpreter {
    fn block(&mut self, steps: &[Step], at: &[u64], names: &[&str]) -> Result<(), Failure> {
        steps.iter().try_for_each(|step| self.step(step, at, names))
    }

    fn told(&self, told: &Told, at: &[u64]) -> Option<Value> {
        Some(match told {
            Told::Number(n) => json!(n),
            Told::Item => json!(aal(*at.last().unwrap())),
            Told::Status(step) => json!(self.status(step, at)?),
        })
    }

    fn status(&self, step: &str, at: &[u64]) -> Option<i64> {
        (0..=at.len()).find_map(|n| self.status.get(&(step.to_owned(), at[..n].to_vec()))).copied()
    }

    fn outcome(&self, step: &str, at: &[u64]) -> Option<&'static str> {
        (0..=at.len()).find_map(|n| self.outcomes.get(&(step.to_owned(), at[..n].to_vec()))).copied()
    }

    /// Tries something as often as it may be tried.
    fn tries(&mut self, key: &str, limit: u32, hold: bool, told: &Value) -> Result<Option<i64>, ()> {
        let (mut attempt, mut times) = (1, 0);
        loop {
            self.record.attempts.insert((key.to_owned(), attempt), told.clone());
            let again = match self.oracle.attempt(key, attempt) {
                Comes::Done(status) => return Ok(status),
                Comes::Fails { again } => again,
                Comes::Silent => true,
            };
            if !(again && attempt < limit) {
                if !hold || !self.oracle.retries(key, times) {
                    return Err(());
                }
                times += 1;
            }
            attempt += 1;
        }
    }

    fn undo_all(&mut self, mut undo: Vec<(String, u32, Value)>) {
        while let Some((key, limit, told)) = undo.pop() {
            if self.tries(&key, limit, false, &told).is_err() {
                self.record.not_undone.push(key);
            }
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each kind of step")]
    fn step(&mut self, step: &Step, at: &[u64], names: &[&str]) -> Result<(), Failure> {
        let here = key(&step.id, at);
        let fails = |kind| Err((Some(step.id.clone()), kind));
        match &step.kind {
            Kind::Act { limit, hold, body, undo } => {
                let Some(told) = self.told(body, at) else { return fails("expression") };
                let Ok(status) = self.tries(&here, *limit, *hold, &told) else { return fails("action") };
                if let Some(status) = status {
                    self.status.insert((step.id.clone(), at.to_vec()), status);
                }
                if let Some((limit, body)) = undo.as_ref().filter(|_| self.oracle.changes(&here)) {
                    let key = format!("{here}!undo");
                    let Some(told) = self.told(body, at) else {
                        self.record.not_undone.push(key);
                        return fails("expression");
                    };
                    self.undo.push((key, *limit, told));
                }
                Ok(())
            }
            Kind::WaitFor => Ok(()),
            Kind::Fail => fails("explicit"),
            Kind::WaitEvent { goes_on } => {
                let outcome = if self.oracle.arrives(&here) { "event" } else { "timeout" };
                if outcome == "timeout" && !goes_on {
                    return fails("timeout");
                }
                self.outcomes.insert((step.id.clone(), at.to_vec()), outcome);
                Ok(())
            }
            Kind::Approve { goes_on } => {
                let (outcome, kind) = match self.oracle.approves(&here) {
                    Some(true) => ("approved", ""),
                    Some(false) => ("rejected", "rejected"),
                    None => ("timeout", "timeout"),
                };
                if !kind.is_empty() && !goes_on {
                    return fails(kind);
                }
                self.outcomes.insert((step.id.clone(), at.to_vec()), outcome);
                Ok(())
            }
            Kind::Call => {
                if self.oracle.call_completes(&here) {
                    Ok(())
                } else {
                    fails("call")
                }
            }
            Kind::Switch(ways) => {
                for (asks, steps) in ways {
                    let holds = match asks {
                        None => true,
                        Some(Asks::Item(n)) => aal(*at.last().unwrap()) == *n,
                        Some(Asks::IfTold(of, n)) => self.status(of, at) == Some(*n),
                        Some(Asks::Status(of, n)) => match self.status(of, at) {
                            Some(status) => status == *n,
                            None => return fails("expression"),
                        },
                        Some(Asks::Outcome(of, outcome)) => match self.outcome(of, at) {
                            Some(is) => is == *outcome,
                            None => return fails("expression"),
                        },
                    };
                    if holds {
                        return self.block(steps, at, names);
                    }
                }
                Ok(())
            }
            Kind::Parallel(blocks) => {
                let failures: Vec<Failure> =
                    blocks.iter().filter_map(|steps| self.block(steps, at, names).err()).collect();
                let worst = failures.iter().find(|failure| !is_caught(failure)).or(failures.first());
                worst.map_or(Ok(()), |failure| Err(failure.clone()))
            }
            Kind::Try(body, catch) => {
                let before = self.undo.len();
                match self.block(body, at, names) {
                    Err(failure) if is_caught(&failure) => {
                        let undo = self.undo.split_off(before);
                        self.undo_all(undo);
                        self.block(catch, at, names)
                    }
                    ended => ended,
                }
            }
            Kind::Each { .. } => self.each(step, at, names),
        }
    }

    fn each(&mut self, step: &Step, at: &[u64], names: &[&str]) -> Result<(), Failure> {
        let Kind::Each { keep, limit, canary, breaker, body, .. } = &step.kind else { unreachable!() };
        let fails = |kind| Err((Some(step.id.clone()), kind));
        let all = self.oracle.items(&key(&step.id, at));
        if all > *limit {
            return fails("loop");
        }
        let first = canary.map(|share| (all as u64 * share).div_ceil(100).max(1));
        let (mut done, mut failed, mut skipped) = (0, 0, 0);
        for number in 0..all as u64 {
            if *keep == Some(aal(number)) {
                skipped += 1;
                continue;
            }
            let mut inside = at.to_vec();
            inside.push(number);
            let before = self.undo.len();
            match self.block(body, &inside, names) {
                Ok(()) => {
                    self.undo.truncate(before);
                    done += 1;
                }
                Err(failure) if is_caught(&failure) => {
                    let undo = self.undo.split_off(before);
                    self.undo_all(undo);
                    failed += 1;
                }
                Err(failure) => return Err(failure),
            }
            self.status.retain(|(_, at), _| !at.starts_with(&inside));
            self.outcomes.retain(|(_, at), _| !at.starts_with(&inside));
            if first.is_some_and(|first| done + failed + skipped <= first) && failed > 0 {
                return fails("loop");
            }
            if breaker.is_some_and(|(share, after)| done + failed >= after && failed * 100 > (done + failed) * share) {
                return fails("loop");
            }
        }
        Ok(())
    }
}
