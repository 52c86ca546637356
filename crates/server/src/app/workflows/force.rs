//! Which workflows are in force: those that the server's files say, as it starts.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::event::About;
use domain::{Event, EventKind, Timestamp, WorkflowInForce};
use store::{Change, Effect, PutWorkflows};
use workflow::{Definition, TriggerKind};

use super::{InForce, understood};
use crate::app::telling::With;
use crate::app::{App, Error};
use crate::policy_files::speak_of_workflows;
use crate::workflow_files::WorkflowFile;

/// How often it is tried while other servers do the same.
const TRIES: usize = 10;
/// How far the clocks of two servers may be apart without a schedule firing twice for it.
const APART: Duration = Duration::from_mins(5);

impl App {
    /// Puts the workflows of files into force, if there are files; else those stay in force that are.
    pub(crate) async fn begin_workflows(&self, files: Option<&[WorkflowFile]>) -> Result<(), Error> {
        match files {
            Some(_) if self.store.policy().await?.is_some_and(|policy| speak_of_workflows(&policy.files)) => {
                Err(Error::Conflict(
                    "the policy in force says which workflows there are, and so does `workflows.folder`: take one of the two away",
                ))
            }
            Some(files) => self.put_workflows_in_force(files).await,
            None => self.load_workflows().await,
        }
    }

    /// Puts the workflows of files into force, and withdraws all others. What began by those goes on.
    async fn put_workflows_in_force(&self, files: &[WorkflowFile]) -> Result<(), Error> {
        for _ in 0..TRIES {
            let there = self.store.workflows().await?;
            let seen: Vec<(String, String)> =
                there.iter().map(|workflow| (workflow.name.clone(), workflow.digest.clone())).collect();
            let wanted: Vec<(String, String)> = files
                .iter()
                .map(|file| (file.definition.name().to_owned(), file.definition.digest().to_owned()))
                .collect();
            let (put, events) = self.changes_to_workflows(files, &seen);
            if events.is_empty() {
                return self.load_workflows().await;
            }
            let (same_events, same_schedules) = self.same_triggers(files, &seen).await;
            let put = PutWorkflows { seen, put, same_events, same_schedules };
            let change = Change::PutWorkflows(Box::new(put));
            if self.commit(change, events).await? == Effect::Applied {
                tracing::info!(workflows = wanted.len(), "put workflows into force");
                return self.load_workflows().await;
            }
        }
        Err(Error::StoreDown("other servers put other workflows into force at the same time".to_owned()))
    }

    /// What comes into force where files say which workflows there are, and what is told of it.
    pub(in crate::app) fn changes_to_workflows(
        &self,
        files: &[WorkflowFile],
        seen: &[(String, String)],
    ) -> (Vec<WorkflowInForce>, Vec<Event>) {
        let (now, since) = (self.now(), *self.store.head().borrow());
        let mut events = Vec::new();
        let put = files.iter().map(|file| {
            let (name, digest) = (file.definition.name().to_owned(), file.definition.digest().to_owned());
            if !seen.contains(&(name.clone(), digest.clone())) {
                events.push(self.of_workflow(EventKind::WorkflowChanged, &name, &digest));
            }
            let (file_name, document) = (file.file.clone(), file.document.clone());
            let next_at = next_of_schedules(&file.definition, now);
            WorkflowInForce { name, digest, file: file_name, document, at: now, since, next_at }
        });
        let put: Vec<WorkflowInForce> = put.collect();
        for (name, digest) in seen.iter().filter(|(name, _)| put.iter().all(|workflow| workflow.name != *name)) {
            events.push(self.of_workflow(EventKind::WorkflowWithdrawn, name, digest));
        }
        (put, events)
    }

    /// The names of those that are started as those were that they take the place of: by the same kinds of events, and by the same schedules. What
    /// came for those, or was to fire, is theirs.
    pub(in crate::app) async fn same_triggers(
        &self,
        files: &[WorkflowFile],
        seen: &[(String, String)],
    ) -> (Vec<String>, Vec<String>) {
        let (mut same_events, mut same_schedules) = (Vec::new(), Vec::new());
        for definition in files.iter().map(|file| &file.definition) {
            let Some((_, digest)) = seen.iter().find(|(name, _)| name == definition.name()) else { continue };
            // What cannot be read any more begins anew.
            let Ok(before) = self.definition(digest).await else { continue };
            if events_of(definition).iter().all(|kind| events_of(&before).contains(kind)) {
                same_events.push(definition.name().to_owned());
            }
            if schedules_of(definition).eq(schedules_of(&before)) {
                same_schedules.push(definition.name().to_owned());
            }
        }
        (same_events, same_schedules)
    }

    fn of_workflow(&self, kind: EventKind, name: &str, digest: &str) -> Event {
        self.event(kind, None, About::default()).with("workflow", name).with("digest", digest)
    }

    /// Takes over which workflows are in force.
    pub(in crate::app) async fn load_workflows(&self) -> Result<(), Error> {
        let (mut in_force, mut unread) = (BTreeMap::new(), Vec::new());
        for row in self.store.workflows().await? {
            let known = self.workflows.read().get(&row.digest).cloned();
            let definition = match known {
                Some(known) => known,
                // Files of another server's, which may be a newer one: what this one cannot read it cannot start.
                None => match understood(&row.file, &row.document, &row.digest) {
                    Ok(definition) => definition,
                    Err(error) => {
                        tracing::error!(
                            %error,
                            workflow = row.name,
                            "this server cannot carry a workflow that is in force; until it can, or another one is, it starts no runs by events"
                        );
                        unread.push(row.name);
                        continue;
                    }
                },
            };
            self.workflows.read().insert(row.digest.clone(), std::sync::Arc::clone(&definition));
            in_force.insert(row.name.clone(), InForce { row, definition });
        }
        metrics::gauge!("countersign_workflows_unread").set(u32::try_from(unread.len()).unwrap_or(u32::MAX));
        self.workflows.put(in_force, unread);
        for digest in self.store.workflow_digests().await? {
            if let Err(error) = self.definition(&digest).await {
                tracing::error!(%error, "runs that go by this workflow wait for a server that can read it");
            }
        }
        self.workflows.due.notify_one();
        Ok(())
    }
}

/// The kinds of events that start a workflow.
fn events_of(definition: &Definition) -> Vec<EventKind> {
    let kinds = definition.triggers().iter().filter_map(|trigger| match trigger.kind {
        TriggerKind::Event(kind) => Some(kind),
        _ => None,
    });
    kinds.collect()
}

/// Its schedules, in their order.
fn schedules_of(definition: &Definition) -> impl Iterator<Item = &TriggerKind> {
    definition.triggers().iter().map(|trigger| &trigger.kind).filter(|kind| matches!(kind, TriggerKind::Schedule(_)))
}

/// When the first of a workflow's schedules fires after a time.
pub(super) fn next_of_schedules(definition: &Definition, after: Timestamp) -> Option<Timestamp> {
    let schedules = definition.triggers().iter().filter_map(|trigger| match &trigger.kind {
        TriggerKind::Schedule(schedule) => schedule.next(after),
        _ => None,
    });
    schedules.min()
}

/// Whether `planned`, when a workflow's schedules are to fire next, was told by a clock that had gone ahead and was put back since.
///
/// A server whose clock is a little behind sees the firing before `planned` still to come: the others have fired for that, and it
/// is no reason. Another one must lie between, and more time than clocks may be apart.
pub(super) fn fires_too_late(definition: &Definition, planned: Timestamp, now: Timestamp) -> bool {
    let between = next_of_schedules(definition, now).and_then(|next| next_of_schedules(definition, next));
    planned > now.plus(APART) && between.is_some_and(|between| between < planned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduled(cron: &str) -> Definition {
        let text = format!(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: w}}\ntriggers:\n  - schedule: '{cron}'\nsteps:\n  \
             - {{id: tell, action: event.emit, with: {{name: fired}}}}\n"
        );
        Definition::read("w.yaml", &text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }

    #[test]
    fn w02_a_clock_that_is_a_little_behind_has_no_schedule_fire_twice() {
        for (cron, period) in [("0 3 * * *", 86_400), ("0 * * * *", 3600), ("* * * * *", 60)] {
            let definition = scheduled(cron);
            let fired = next_of_schedules(&definition, Timestamp::from_unix_millis(1_790_000_000_000)).unwrap();
            let planned = next_of_schedules(&definition, fired).unwrap();
            assert_eq!(planned, fired.plus(Duration::from_secs(period)));
            for behind in [1, 10, 75, 200] {
                let now = fired.minus(Duration::from_secs(behind));
                assert!(!fires_too_late(&definition, planned, now), "{cron}: {behind} s behind");
            }
            assert!(!fires_too_late(&definition, planned, fired), "{cron}");
        }
    }

    #[test]
    fn w02_a_clock_that_was_ahead_keeps_no_schedule_from_firing() {
        for (cron, ahead) in [("0 3 * * *", 40 * 86_400), ("0 * * * *", 3 * 3600), ("* * * * *", 3600)] {
            let definition = scheduled(cron);
            let now = Timestamp::from_unix_millis(1_790_000_000_000);
            let planned = next_of_schedules(&definition, now.plus(Duration::from_secs(ahead))).unwrap();
            assert!(fires_too_late(&definition, planned, now), "{cron}");
        }
    }
}
