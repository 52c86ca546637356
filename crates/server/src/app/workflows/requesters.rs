//! For whom runs go on: who started them, also where that was by way of other runs.
//!
//! A run that an event of another run starts is for whoever that one is for: or else one person has a run tell something, by that a second one asks for
//! an approval, and the same person gives it.

use std::collections::BTreeMap;

use domain::{Event, EventKind, RunId, UserId};
use serde_json::Value;
use workflow::Run as Machine;

use super::start::Outline;
use crate::app::{App, Error};

/// For whom the runs are whose events were looked at: many events are of one run.
#[derive(Debug, Default)]
pub(super) struct Requesters(BTreeMap<RunId, Option<String>>);

impl Requesters {
    /// For whom a run is that an event starts: for whom the run is that the event is of, if it is of one. Of a run that is not there, or cannot be read,
    /// it is the run's own id that is told: nobody is called so, and where whoever asked is to be told from others, nobody passes.
    pub(super) async fn of(&mut self, app: &App, event: &Event) -> Result<Option<String>, Error> {
        let told = |name: &str| event.data.get(name).and_then(Value::as_str);
        // One that was not started is in no row: its event says for whom it would have been.
        if let (EventKind::RunSkipped | EventKind::RunFailed, Some(requester)) = (event.kind, told("requester")) {
            return Ok(Some(requester.to_owned()));
        }
        if event.kind == EventKind::RunSkipped {
            return Ok(None);
        }
        let Some(id) = told("run").and_then(|id| id.parse::<RunId>().ok()) else { return Ok(None) };
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let mut requester = app.requester_of(id).await?;
        if requester.is_none() {
            requester = app.asked_beside(id).await?.into_iter().next();
        }
        self.0.insert(id, requester.clone());
        Ok(requester)
    }
}

impl App {
    /// Who asked for what a run goes by beside who started it: those for whom the runs are whose events it waited for, as far as what it does next may
    /// rest on them. Of a run that cannot be read nobody is told from others.
    pub(super) async fn asked_beside(&self, run_id: RunId) -> Result<Vec<String>, Error> {
        let Some(machine) = self.store.run(run_id).await?.and_then(|run| run.machine) else { return Ok(Vec::new()) };
        let Ok(machine) = serde_json::from_str::<Machine>(&machine) else { return Ok(vec![run_id.to_string()]) };
        let mut asked = Vec::new();
        for event in machine.arrived() {
            let id = event.get("data").and_then(|data| data.get("run")?.as_str()?.parse::<RunId>().ok());
            if let Some(id) = id.filter(|id| *id != run_id) {
                asked.extend(self.requester_of(id).await?);
            }
        }
        Ok(asked)
    }

    async fn requester_of(&self, id: RunId) -> Result<Option<String>, Error> {
        let run = self.store.run(id).await?;
        let outline = run.and_then(|run| serde_json::from_str::<Outline>(&run.cause).ok());
        Ok(outline.map_or_else(|| Some(id.to_string()), |outline| outline.requester))
    }
}

/// For whom a run would have been, as an event says it of one that is kept nowhere: by an id. Of a name that no user had it is the id of a run, which
/// nobody is called either.
pub(super) fn told(requester: &str, run: &str) -> String {
    let is_id = requester.parse::<UserId>().is_ok() || requester.parse::<RunId>().is_ok();
    if is_id { requester.to_owned() } else { run.to_owned() }
}
