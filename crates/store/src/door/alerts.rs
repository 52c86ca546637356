//! Alerts, their rules, and what was counted by them.

use domain::{Alert, AlertCursor, AlertGroup, AlertId, AlertRuleInForce, Page, PageRequest, Timestamp};

use crate::read::alerts;
use crate::{AlertFilter, Store, StoreError};

#[allow(clippy::missing_errors_doc, reason = "all fail alike, which the type says once")]
impl Store {
    /// How far events were counted for alerts, and how often anything of them was changed beside.
    pub async fn alert_cursor(&self) -> Result<AlertCursor, StoreError> {
        self.0.pool.ask(alerts::cursor).await
    }

    /// The rules of alerts that are in force, by name.
    pub async fn alert_rules(&self) -> Result<Vec<AlertRuleInForce>, StoreError> {
        self.0.pool.ask(alerts::rules).await
    }

    /// What was counted of some groups, by rule and group; those of which nothing was are not there.
    pub async fn alert_groups(&self, groups: &[(String, String)]) -> Result<Vec<AlertGroup>, StoreError> {
        self.0.pool.ask(async |on| alerts::groups(on, groups).await).await
    }

    /// The alerts of some rules that are not resolved.
    pub async fn open_alerts(&self, rules: &[String]) -> Result<Vec<Alert>, StoreError> {
        self.0.pool.ask(async |on| alerts::open(on, rules).await).await
    }

    /// Some of the alerts that resolve by themselves at `now`, `at_most` so many.
    pub async fn alerts_over(&self, now: Timestamp, at_most: u32) -> Result<Vec<Alert>, StoreError> {
        self.0.pool.ask(async |on| alerts::over(on, now, at_most).await).await
    }

    /// An alert.
    pub async fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        self.0.pool.ask(async |on| alerts::one(on, id).await).await
    }

    /// Alerts, the newest first.
    pub async fn alerts(
        &self,
        filter: &AlertFilter,
        page: PageRequest<AlertId>,
    ) -> Result<Page<Alert, AlertId>, StoreError> {
        self.0.pool.ask(async |on| alerts::list(on, filter, page).await).await
    }
}
