//! What a run asks for is done: outside while it goes on, and to our own data as part of its commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::EventKind;
use serde_json::{Map, Value};
use store::Effect as Written;
use workflow::{Action, Cause, Changed, Effect, Entry, Input, Key, Outcome, Reach, Told, What};

use super::{Beside, Carrier, Stop, TRIES, is_inside_action, shortened};
use crate::app::workflows::blast::{Foreseen, TAKING, spares, stands_in_the_way};
use crate::app::workflows::inside::{Fault, Own};
use crate::app::workflows::outside::{Errand, PartDone, Parts};
use crate::app::workflows::start::Started;

impl Carrier {
    /// Sends off what is to be done outside and is not under way.
    pub(super) fn set_off(&mut self, under_way: &mut BTreeSet<String>) {
        for effect in &self.pending {
            let Effect::Start { key, idempotency_key, action, with, attempt, until } = effect else { continue };
            let outside = Action::named(action).is_some_and(|action| action.reach == Reach::Outside);
            if outside && under_way.insert(key.to_string()) {
                let errand = Errand {
                    run: self.run.id,
                    action: action.clone(),
                    with: with.clone(),
                    idempotency_key: idempotency_key.clone(),
                    patience: until.since(self.app.now()),
                    gives: false,
                    is_last: self.definition.is_last_attempt(key, *attempt),
                    tokens: Vec::new(),
                    parts: Parts {
                        before: self
                            .machine
                            .iter()
                            .flat_map(|run| run.given_in_parts(key))
                            .map(str::to_owned)
                            .collect(),
                        key: key.clone(),
                        attempt: *attempt,
                        to: self.parts.0.clone(),
                    },
                };
                let (app, key, attempt, until) = (Arc::clone(&self.app), key.clone(), *attempt, *until);
                self.flying.spawn(async move {
                    let input = match app.run_errand(errand).await {
                        Ok(outputs) => Input::Done { key: key.clone(), attempt, outputs, changed: Changed::Unsaid },
                        Err(Fault { message, here: false, .. }) => {
                            tracing::warn!(step = %key, message, "a step is put off until a server can do it");
                            Input::Postponed { key: key.clone(), attempt, until, message: shortened(&message) }
                        }
                        Err(fault) => Input::Failed {
                            key: key.clone(),
                            attempt,
                            message: shortened(&fault.message),
                            retryable: fault.again,
                            after: fault.after,
                        },
                    };
                    (key, input)
                });
            }
        }
    }

    /// That a part of an errand is done.
    pub(super) fn part_done(&self, PartDone { key, attempt, name }: PartDone) -> (Key, Input) {
        let part = self.machine.as_ref().map_or(0, |machine| machine.parts(&key)) + 1;
        let outputs = Map::from_iter([(name, Value::Bool(true))]);
        // What undoes a step that failed in the end is told what it always was.
        (key.clone(), Input::Part { key, attempt, part, outputs, changed: Changed::These(Vec::new()) })
    }

    /// The next thing to do that takes no more than our own data.
    pub(super) fn next_inside(&self) -> Option<Effect> {
        let inside = |effect: &&Effect| {
            is_inside_action(effect)
                || matches!(effect, Effect::Query { .. } | Effect::Call { .. } | Effect::CancelCall(_))
        };
        self.pending.iter().find(inside).cloned()
    }

    pub(super) async fn do_inside(&mut self, effect: Effect) -> Result<(), Stop> {
        match effect {
            Effect::Start { key, action, with, attempt, .. } => self.act(key, &action, &with, attempt).await,
            Effect::Query { key, query, with, page, cursor } => {
                if page == 1 {
                    self.foresee(&key, &query, &with).await?;
                }
                let input = match self.app.items_of(&query, &with, cursor.as_deref()).await? {
                    Ok(found) => Input::Page { key, page, items: found.items, next: found.next, total: None },
                    Err(fault) => Input::NoPage { key, page, message: shortened(&fault.message) },
                };
                self.advance(input, Beside::default()).await
            }
            Effect::Call { key, workflow, inputs, depth, .. } => self.call(key, &workflow, inputs, depth).await,
            Effect::CancelCall(key) => {
                self.pending.retain(|effect| !matches!(effect, Effect::CancelCall(of) if *of == key));
                let Some(called) = self.app.store.called_run(self.run.id, &key.to_string()).await? else {
                    // It was erased with its user: nobody else tells of its end.
                    let input = Input::Ended { key, outcome: Outcome::Cancelled };
                    return self.advance(input, Beside::default()).await;
                };
                let reason = format!("{}, which called it, does not want it any more", self.run.id);
                let input = self.input(called, self.run.id.uuid(), &Input::Cancel { reason });
                self.commit(None, Beside { inputs: vec![input], ..Beside::default() }).await?;
                self.app.workflows.due.notify_one();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Counts whom a loop is about that takes something from people, before it begins.
    pub(super) async fn foresee(&mut self, key: &Key, query: &str, with: &BTreeMap<String, Told>) -> Result<(), Stop> {
        let (steps, is_all) = self.definition.in_loop(&key.step, TAKING);
        if steps.is_empty() {
            return Ok(());
        }
        let steps: Vec<String> = steps.into_iter().map(str::to_owned).collect();
        let (users, is_whole) = self.app.foreseen(query, with).await?;
        self.unwritten.retain(|entry| !matches!(entry.what, What::Foreseen { .. }));
        let what = What::Foreseen { users, is_whole };
        self.unwritten.push(Entry { at: self.app.now(), key: Some(key.clone()), what });
        let before = self.app.store.run_leeway(self.run.id, "", self.app.now()).await?.shut_out;
        let foreseen = Foreseen { users: i64::try_from(users).unwrap_or(i64::MAX), is_all, before };
        self.foreseen.extend(steps.into_iter().map(|step| (step, foreseen)));
        Ok(())
    }

    /// Does something to our own data, in one commit with the step.
    pub(super) async fn act(
        &mut self,
        key: Key,
        action: &str,
        with: &BTreeMap<String, Told>,
        attempt: u32,
    ) -> Result<(), Stop> {
        for _ in 0..TRIES {
            let (own, outputs) = match self.app.own_of(&self.run, action, with).await? {
                Ok(done) => done,
                Err(fault) => {
                    let (message, retryable) = (shortened(&fault.message), fault.again);
                    let input = Input::Failed { key, attempt, message, retryable, after: fault.after };
                    return self.advance(input, Beside::default()).await;
                }
            };
            // Who had nothing before a recovery is left with nothing by what takes it back, at once.
            let is_taken_back = action == "recovery.withdraw";
            let spares = if is_taken_back { None } else { spares(&self.app, &key, &own).await? };
            // What undoes a step was not in the loop that was counted.
            let foreseen = self.foreseen.get(&key.step).filter(|_| !key.undo).copied();
            if let Some(spares) = &spares
                && let Some(waits) = stands_in_the_way(&self.app, &self.run, spares, &own, foreseen).await?
            {
                let input = Input::Hold { key, attempt, message: shortened(&waits.why) };
                return self.advance(input, Beside { lets: waits.lets, ..Beside::default() }).await;
            }
            let own = self.told_of_the_run(own);
            let changed = own.changed();
            let input = if own.is_full() {
                // The rest of it is done in another commit: as long as it is not, the step is not done.
                let part = self.machine.as_ref().map_or(0, |machine| machine.parts(&key)) + 1;
                Input::Part { key: key.clone(), attempt, part, outputs, changed }
            } else {
                Input::Done { key: key.clone(), attempt, outputs, changed }
            };
            match self.try_advance(input, Beside { own, spares, ..Beside::default() }).await? {
                Written::Applied => return Ok(()),
                // What it does was not as it was seen: it is worked out anew.
                _ => self.look_for_pokes().await?,
            }
        }
        let message = "what it is about changed again and again".to_owned();
        self.advance(Input::Failed { key, attempt, message, retryable: true, after: None }, Beside::default()).await
    }

    /// What the run does tells how many runs led to it, so that they do not start each other without end; and what it says of its own is about
    /// whom it is about, and is erased with them.
    pub(super) fn told_of_the_run(&self, mut own: Own) -> Own {
        for event in &mut own.events {
            event.data.insert("depth".to_owned(), self.started.depth.into());
            if event.kind == EventKind::EventEmitted {
                event.about.user_id = self.run.user_id;
            }
        }
        own
    }

    pub(super) async fn call(
        &mut self,
        key: Key,
        workflow: &str,
        inputs: Map<String, Value>,
        depth: u32,
    ) -> Result<(), Stop> {
        let in_force = self.app.workflows.in_force();
        let requester = self.started.requester.clone();
        let started = Started { requester, ..Started::by(Cause::Call { inputs }, depth) };
        let since = *self.app.store.head().borrow();
        let new = in_force.get(workflow).and_then(|called| self.app.new_run(called, &started, None, since).ok());
        let Some(mut new) = new else {
            return self.advance(Input::Ended { key, outcome: Outcome::Failed }, Beside::default()).await;
        };
        new.run.caller = Some((self.run.id, key.to_string()));
        // Somebody waits for its end: it waits for its turn, rather than that it is left out.
        if matches!(new.meeting, store::Meeting::Drop | store::Meeting::Coalesce) {
            new.meeting = store::Meeting::Queue;
        }
        self.pending.retain(|effect| !matches!(effect, Effect::Call { key: of, .. } if *of == key));
        self.commit(None, Beside { calls: vec![new], ..Beside::default() }).await?;
        self.app.workflows.due.notify_one();
        Ok(())
    }
}
