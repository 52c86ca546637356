//! What a run asks for is done: outside while it goes on, and to our own data as part of its commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::EventKind;
use futures_util::future::join_all;
use serde_json::{Map, Value};
use store::Effect as Written;
use tokio::time::Instant;
use workflow::{
    Action, Advanced, Cause, Changed, Effect, Entry, Extent, Input, Key, Outcome, Reach, TAKING, Told, What,
};

use super::{Beside, Carrier, LOOK, Stop, TRIES, is_inside_action, shortened};
use crate::app::workflows::blast::{self, Foreseen, spares, stands_in_the_way, takes};
use crate::app::workflows::inside::{Fault, Found, MOST, Own};
use crate::app::workflows::outside::{Errand, PartDone, Parts};
use crate::app::workflows::start::Started;

/// Steps of items of loops that are done in one commit, at most: nobody else writes meanwhile.
const TOGETHER: usize = 32;

/// Something that a step does.
struct Act {
    key: Key,
    action: String,
    with: BTreeMap<String, Told>,
    attempt: u32,
}

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
        // Nothing that undoes the step is told of it: whom a message reached cannot be taken back.
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
                let input = match self.app.items_of(&query, &with, cursor.as_deref()).await? {
                    Ok(found) => {
                        let extent =
                            if page == 1 { Some(self.extent(&key, &query, &with, &found).await?) } else { None };
                        Input::Page { key, page, items: found.items, next: found.next, extent }
                    }
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

    /// Counts how much a loop is about, before it begins.
    async fn extent(
        &mut self,
        key: &Key,
        query: &str,
        with: &BTreeMap<String, Told>,
        first: &Found,
    ) -> Result<Extent, Stop> {
        let mut extent = self.app.extent(query, with, first).await?;
        self.unwritten.retain(|entry| !matches!(entry.what, What::Foreseen { .. }));
        let in_force = self.app.workflows.in_force();
        let called = |name: &str| in_force.get(name).map(|called| &*called.definition);
        if self.definition.does_in_loop(&key.step, TAKING, &called) {
            let shut_out = self.app.store.shut_out(blast::TOGETHER, self.app.now()).await?;
            extent.shut_out = u64::try_from(shut_out).unwrap_or(0);
            let what = What::Foreseen { users: extent.users, is_whole: extent.is_whole };
            self.unwritten.push(Entry { at: self.app.now(), key: Some(key.clone()), what });
        }
        Ok(extent)
    }

    /// About whom the loops around a step are, and those that called its run. What undoes a step was not in what was counted.
    fn foreseen(&self, key: &Key) -> Option<Foreseen> {
        let machine = self.machine.as_ref().filter(|_| !key.undo)?;
        Foreseen::of(&machine.extents_around(&self.definition, key), &self.started.around)
    }

    /// Does what several items of loops do to our own data, in one commit with their steps: each of them is written as it would be by itself, and a
    /// loop over many is not as slow as that many commits, one after the other. Whether anything was done so.
    pub(super) async fn act_together(&mut self) -> Result<bool, Stop> {
        let acts = self.acts_of_items();
        if acts.len() < 2 {
            return Ok(false);
        }
        let Some(machine) = self.machine.clone() else { return Ok(false) };
        let own = join_all(acts.iter().map(|act| self.app.own_of(&self.run, &act.action, &act.with))).await;
        let mut advanced = Advanced { run: machine, effects: Vec::new(), history: Vec::new() };
        let (mut together, mut many) = (Own::default(), 0);
        for (act, own) in acts.iter().zip(own) {
            // What cannot be done, is done in parts, or takes something from people is seen to by itself.
            let Ok((own, outputs)) = own? else { break };
            if together.changes.len() + own.changes.len() >= MOST || takes(&own) {
                break;
            }
            let own = self.told_of_the_run(own);
            let (key, attempt, changed) = (act.key.clone(), act.attempt, own.changed());
            let input = Input::Done { key, attempt, outputs, changed };
            let Ok(next) = self.definition.advance(&advanced.run, input, self.app.now(), self.chance()) else { break };
            advanced.run = next.run;
            advanced.effects.extend(next.effects);
            advanced.history.extend(next.history);
            together.and(own);
            many += 1;
        }
        if many < 2 {
            return Ok(false);
        }
        let written = match self.write(Some(advanced), Beside { own: together, ..Beside::default() }).await {
            Err(Stop::NotTaken(_)) => Written::Refused,
            written => written?,
        };
        if written != Written::Applied {
            // One of them cannot be kept, or was not as it was seen, by another of them maybe: each by itself sees what is there then.
            self.look_for_pokes().await?;
            let began = Instant::now();
            for Act { key, action, with, attempt } in acts {
                if began.elapsed() >= LOOK {
                    // Who cancels the run is heard.
                    break;
                }
                if self.machine.as_ref().is_some_and(|machine| machine.acts(&key)) {
                    self.act(key, &action, &with, attempt).await?;
                }
            }
        }
        Ok(true)
    }

    /// What items of loops are to do to our own data now.
    fn acts_of_items(&self) -> Vec<Act> {
        let acts = self.pending.iter().filter(|effect| is_inside_action(effect)).filter_map(|effect| match effect {
            Effect::Start { key, action, with, attempt, .. }
                if !key.iteration.is_empty()
                    && !key.undo
                    && !TAKING.contains(&action.as_str())
                    && action != blast::DEMOTING =>
            {
                Some(Act { key: key.clone(), action: action.clone(), with: with.clone(), attempt: *attempt })
            }
            _ => None,
        });
        acts.take(TOGETHER).collect()
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
            let spares = spares(&self.app, &self.run, &key, action, &own).await?;
            let foreseen = self.foreseen(&key);
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
        let in_loop = self.started.in_loop || !key.iteration.is_empty();
        let mut around = self.started.around.clone();
        around.extend(self.machine.iter().flat_map(|machine| machine.extents_around(&self.definition, &key)));
        let started = Started { requester, in_loop, around, ..Started::by(Cause::Call { inputs }, depth) };
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
