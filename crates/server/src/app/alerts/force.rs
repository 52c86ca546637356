//! Which rules are in force.

use std::collections::BTreeMap;

use domain::event::About;
use domain::{AlertCursor, AlertRuleInForce, Event, EventKind};
use store::{Change, Effect, PutAlertRules, WriteAlerts};
use workflow::{AlertRule, Mistake};

use super::{InForce, Rules};
use crate::alert_files::AlertFiles;
use crate::app::telling::With;
use crate::app::{App, Error};
use crate::policy_files::speak_of_alerts;

/// How often it is tried while other servers do the same.
const TRIES: usize = 20;

impl App {
    /// Puts the rules of files into force, and withdraws all others, if there are files; else those stay in force that are. What is open by
    /// those that are withdrawn resolves once its time has come.
    pub(crate) async fn begin_alerts(&self, files: Option<&AlertFiles>) -> Result<(), Error> {
        let Some(files) = files else { return self.load_alert_rules().await };
        if self.store.policy().await?.is_some_and(|policy| speak_of_alerts(&policy.files)) {
            return Err(Error::Conflict(
                "the policy in force says which rules of alerts there are, and so does `alerts.folder`: take one of the two away",
            ));
        }
        for _ in 0..TRIES {
            let seen = self.store.alert_cursor().await?;
            let there = self.store.alert_rules().await?;
            let (rules, events) = self.other_rules(files, &there);
            if events.is_empty() {
                return self.load_alert_rules().await;
            }
            let head = *self.store.head().borrow();
            // Where nothing was counted, the log was not read.
            let position = if there.is_empty() { seen.position.max(head) } else { seen.position };
            let to = AlertCursor { position, turn: seen.turn + 1 };
            let write = WriteAlerts { rules: Some(rules), ..WriteAlerts::after(seen, to) };
            if self.commit(Change::WriteAlerts(Box::new(write)), events).await? == Effect::Applied {
                tracing::info!(rules = files.count(), "put rules of alerts into force");
                return self.load_alert_rules().await;
            }
        }
        Err(Error::StoreDown("other servers put other rules of alerts into force at the same time".to_owned()))
    }

    /// What comes of rules with a policy, where its files, or those before, say which there are.
    pub(in crate::app) async fn alerts_with(
        &self,
        files: &AlertFiles,
        said_before: bool,
    ) -> Result<Option<(PutAlertRules, Vec<Event>)>, Error> {
        if self.alerts.are_in_a_folder() || (files.rules.is_empty() && !said_before) {
            return Ok(None);
        }
        let there = self.store.alert_rules().await?;
        let (rules, events) = self.other_rules(files, &there);
        if events.is_empty() {
            return Ok(None);
        }
        let read_from = if there.is_empty() { *self.store.head().borrow() } else { 0 };
        let seen = there.into_iter().map(|row| (row.name, row.digest)).collect();
        Ok(Some((PutAlertRules { seen, rules, read_from }, events)))
    }

    fn other_rules(&self, files: &AlertFiles, there: &[AlertRuleInForce]) -> (Vec<AlertRuleInForce>, Vec<Event>) {
        let (now, head) = (self.now(), *self.store.head().borrow());
        let mut events = Vec::new();
        let rules = files.rules.iter().map(|file| {
            let (name, digest) = (file.rule.name().to_owned(), file.rule.digest().to_owned());
            let before = there.iter().find(|row| row.name == name);
            if let Some(same) = before.filter(|row| row.digest == digest) {
                return same.clone();
            }
            events.push(self.of_rule(EventKind::AlertRuleChanged, &name, &digest));
            let (file, document) = (file.file.clone(), file.document.clone());
            // Whoever silenced it meant what it is called by.
            let (silenced_until, silenced) =
                before.map(|row| (row.silenced_until, row.silenced.clone())).unwrap_or_default();
            AlertRuleInForce { name, digest, file, document, at: now, since: head, silenced_until, silenced }
        });
        let rules: Vec<AlertRuleInForce> = rules.collect();
        for row in there.iter().filter(|row| rules.iter().all(|rule| rule.name != row.name)) {
            events.push(self.of_rule(EventKind::AlertRuleWithdrawn, &row.name, &row.digest));
        }
        (rules, events)
    }

    fn of_rule(&self, kind: EventKind, name: &str, digest: &str) -> Event {
        self.event(kind, None, About::default()).with("rule", name).with("digest", digest)
    }

    /// Takes over which rules are in force.
    pub(in crate::app) async fn load_alert_rules(&self) -> Result<(), Error> {
        // First, so that what is changed meanwhile is noticed.
        let turn = self.store.alert_cursor().await?.turn;
        let (mut all, mut lacks) = (BTreeMap::new(), false);
        for row in self.store.alert_rules().await? {
            match AlertRule::read(&row.file, &row.document) {
                Ok(rule) => drop(all.insert(row.name.clone(), InForce { row, rule })),
                // Of another server's files, which may be a newer one.
                Err(mistakes) => {
                    let told: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
                    let why = told.join("; ");
                    tracing::error!(
                        rule = row.name,
                        why,
                        "a rule of alerts is not understood: other servers have to count"
                    );
                    lacks = true;
                }
            }
        }
        self.alerts.put(Rules { all, lacks, turn: Some(turn) });
        Ok(())
    }
}
