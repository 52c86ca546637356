//! Seeing alerts, and what people say about them.

use std::sync::Arc;
use std::time::Duration;

use domain::event::About;
use domain::{Alert, AlertGroup, AlertId, AlertState, EventKind, Page, PageRequest, Said, Timestamp};
use store::{AlertFilter, Change, CountedGroup, Effect, WriteAlerts};

use super::Rules;
use super::follow::counter_of;
use crate::app::telling::With;
use crate::app::{Actor, App, Error};

/// How often it is tried while events are counted at the same time.
const TRIES: u32 = 40;
/// How long there is between two tries: less than servers wait before they count again.
const BETWEEN: Duration = Duration::from_millis(25);

/// What somebody says about an alert.
#[derive(Debug)]
pub(crate) struct Response {
    /// Who, in the application's words.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: Option<String>,
    pub(crate) what: What,
}

/// What becomes of an alert.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    /// Somebody sees to it.
    Acknowledge,
    /// Nothing more is raised about its group for a time.
    Silence(Duration),
    /// It is over, and its group is counted anew.
    Resolve,
}

impl App {
    /// Alerts, the newest first.
    pub(crate) async fn alerts(
        &self,
        filter: &AlertFilter,
        page: PageRequest<AlertId>,
    ) -> Result<Page<Alert, AlertId>, Error> {
        Ok(self.store.alerts(filter, page).await?)
    }

    /// An alert.
    pub(crate) async fn alert(&self, id: AlertId) -> Result<Alert, Error> {
        self.store.alert(id).await?.ok_or(Error::NotFound("alert"))
    }

    /// The rules that are in force.
    pub(crate) async fn alert_rules_in_force(&self) -> Result<Arc<Rules>, Error> {
        // As the store has them: this server may not have heard yet.
        self.load_alert_rules().await?;
        Ok(self.alerts.in_force())
    }

    /// Has nothing raised by a rule for a time, whatever its group. What is open stays so.
    pub(crate) async fn silence_rule(
        &self,
        actor: &Actor,
        name: &str,
        by: &str,
        reason: &str,
        span: Duration,
    ) -> Result<Arc<Rules>, Error> {
        for _ in 0..TRIES {
            let seen = self.store.alert_cursor().await?;
            let mut rules = self.store.alert_rules().await?;
            let now = self.now();
            let rule = rules.iter_mut().find(|row| row.name == name).ok_or(Error::NotFound("alert rule"))?;
            let until = now.plus(span);
            rule.silenced_until = Some(until);
            rule.silenced = Some(Said { by: Some(by.to_owned()), reason: Some(reason.to_owned()), at: now });
            let address = actor.address.map(|address| ("address", address.to_string()));
            let details = [("by", by.to_owned()), ("reason", reason.to_owned())].into_iter().chain(address);
            let event = self.event(EventKind::AlertSilenced, Some(actor), About::default()).with("rule", name);
            let event = event.with("until", until.to_string()).detailed(self.details(details));
            let write = WriteAlerts { rules: Some(rules), ..WriteAlerts::beside(seen) };
            if self.commit(Change::WriteAlerts(Box::new(write)), event).await? == Effect::Applied {
                return self.alert_rules_in_force().await;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        Err(Error::StoreDown("events were counted again and again meanwhile".to_owned()))
    }

    /// Has somebody say something about an alert.
    pub(crate) async fn respond(&self, actor: &Actor, id: AlertId, response: &Response) -> Result<Alert, Error> {
        for _ in 0..TRIES {
            let seen = self.store.alert_cursor().await?;
            let alert = self.alert(id).await?;
            if alert.state == AlertState::Resolved {
                return Err(Error::Conflict("the alert is resolved"));
            }
            let key = [(alert.rule.clone(), alert.group.clone())];
            let group = self.store.alert_groups(&key).await?.pop();
            let (alert, groups) = answered(alert, group, response, self.now())?;
            let kind = match response.what {
                What::Acknowledge => EventKind::AlertAcknowledged,
                What::Silence(_) => EventKind::AlertSilenced,
                What::Resolve => EventKind::AlertResolved,
            };
            let event = self.of_alert(kind, Some(actor), &alert);
            let event = match (response.what, alert.silenced_until) {
                (What::Silence(_), Some(until)) => event.with("until", until.to_string()),
                (What::Resolve, _) => event.with("reason", "somebody"),
                _ => event,
            };
            let address = actor.address.map(|address| ("address", address.to_string()));
            let said = response.reason.clone().map(|reason| ("reason", reason));
            let details = [("by", response.by.clone())].into_iter().chain(said).chain(address);
            let event = event.detailed(self.details(details));
            let counted = |group| CountedGroup { group, user_id: alert.user_id };
            let groups = groups.into_iter().map(counted).collect();
            let write = WriteAlerts { groups, changed: vec![alert.clone()], ..WriteAlerts::beside(seen) };
            if self.commit(Change::WriteAlerts(Box::new(write)), event).await? == Effect::Applied {
                return Ok(alert);
            }
            tokio::time::sleep(BETWEEN).await;
        }
        Err(Error::StoreDown("events were counted again and again meanwhile".to_owned()))
    }
}

/// An alert and its group as they are afterwards.
fn answered(
    mut alert: Alert,
    group: Option<AlertGroup>,
    response: &Response,
    now: Timestamp,
) -> Result<(Alert, Vec<AlertGroup>), Error> {
    let said = Some(Said { by: Some(response.by.clone()), reason: response.reason.clone(), at: now });
    match response.what {
        What::Acknowledge => {
            alert.state = AlertState::Acknowledged;
            alert.acknowledged = said;
            Ok((alert, Vec::new()))
        }
        What::Silence(span) => {
            let until = now.plus(span);
            alert.silenced = said;
            alert.silenced_until = Some(until);
            let mut group = group.unwrap_or_else(|| of_nothing(&alert, now));
            group.silenced_until = Some(until);
            group.idle_at = group.idle_at.max(until);
            Ok((alert, vec![group]))
        }
        What::Resolve => {
            alert.state = AlertState::Resolved;
            alert.resolved = said;
            let Some(mut group) = group else { return Ok((alert, Vec::new())) };
            let mut counter = counter_of(&group);
            counter.forgive();
            group.counter = serde_json::to_string(&counter)
                .map_err(|error| Error::Internal(format!("a counter cannot be written: {error}")))?;
            Ok((alert, vec![group]))
        }
    }
}

/// A group of which nothing is counted: what stands for those beyond the first fifty, say.
fn of_nothing(alert: &Alert, now: Timestamp) -> AlertGroup {
    AlertGroup {
        rule: alert.rule.clone(),
        group: alert.group.clone(),
        counter: serde_json::json!(workflow::Counter::default()).to_string(),
        silenced_until: None,
        idle_at: now,
    }
}
