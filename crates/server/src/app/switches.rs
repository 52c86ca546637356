//! Gateways that a workflow switches away from: they are used after all others of their channel, until a time.
//!
//! That is a row, so that it outlives whoever wrote it and holds on every server; each reads them once a second, so that no message waits for it.

use std::sync::Arc;
use std::time::Duration;

use domain::event::About;
use domain::{Event, EventKind, Timestamp};
use gateway::Health;
use store::{Change, Effect, GatewaySwitch};
use tokio::time::MissedTickBehavior;

use super::telling::With;
use super::{Actor, App, Error};

/// How often they are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// Reads which they are, until the task is ended.
pub(crate) async fn follow(app: Arc<App>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // What cannot be read stays as it was, until its time.
        if let Err(error) = app.read_switches().await {
            tracing::debug!(%error, "could not read which gateways are switched away from; trying again");
        }
    }
}

impl App {
    pub(crate) async fn read_switches(&self) -> Result<(), Error> {
        let Some(post) = &self.post else { return Ok(()) };
        let rows = self.store.gateway_switches(self.now()).await?;
        post.gateways().set_aside(rows.into_iter().map(|row| (row.gateway, row.ends_at)).collect());
        Ok(())
    }

    /// How the gateways of a channel are here.
    pub(in crate::app) fn gateways_of(&self, channel: &str) -> Vec<Health> {
        let health = self.post.as_ref().map(|post| post.gateways().health()).unwrap_or_default();
        health.into_iter().filter(|one| one.channel.name() == channel).collect()
    }

    /// What has a gateway used after all others of its channel, and what is told of it.
    pub(in crate::app) fn gateway_switched(&self, gateway: &str, channel: &str, ends_at: Timestamp) -> (Change, Event) {
        let event = of(self.event(EventKind::GatewaySwitched, None, About::default()), gateway, channel);
        let switch =
            GatewaySwitch { gateway: gateway.to_owned(), channel: channel.to_owned(), at: self.now(), ends_at };
        (Change::SwitchGateway(switch), event.with("until", ends_at.to_string()))
    }

    /// What has a gateway used as before, and what is told of it.
    pub(in crate::app) fn gateway_switched_back(
        &self,
        actor: Option<&Actor>,
        switch: &GatewaySwitch,
    ) -> (Change, Event) {
        let event = self.event(EventKind::GatewaySwitchedBack, actor, About::default()).with("reason", "requested");
        let event = of(event, &switch.gateway, &switch.channel);
        (Change::EndSwitch { gateway: switch.gateway.clone(), at: self.now() }, event)
    }

    /// Those that are switched away from now.
    pub(crate) async fn gateway_switches(&self) -> Result<Vec<GatewaySwitch>, Error> {
        Ok(self.store.gateway_switches(self.now()).await?)
    }

    /// Has a gateway used as before, before its time.
    pub(crate) async fn end_switch(&self, actor: &Actor, gateway: &str) -> Result<(), Error> {
        let switches = self.gateway_switches().await?;
        let found = switches.iter().find(|switch| switch.gateway == gateway);
        let (change, event) = self.gateway_switched_back(Some(actor), found.ok_or(Error::NotFound("switch"))?);
        match self.commit(change, event).await? {
            Effect::Applied => self.read_switches().await,
            _ => Err(Error::NotFound("switch")),
        }
    }
}

fn of(event: Event, gateway: &str, channel: &str) -> Event {
    event.with("gateway", gateway).with("channel", channel)
}
